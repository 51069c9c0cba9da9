//! Who else may have sent what ended it: the server or somebody in its place, the device, the service as a whole.

use super::Standing::{self, Alive, Dead};
use super::{reported, worked};
use crate::diagnose::{Blame, Stage};
use crate::verdict::doubt::{self, Signers};
use crate::verdict::experiment::Differs;
use crate::verdict::scope::Scope;
use crate::verdict::words::{View, seen};

/// Somebody spoke, in clear words: no dead server does.
fn was_answered(view: &View<'_, '_>) -> bool {
    const ANSWERS: [&str; 8] = [
        "http.captive-portal",
        "http.block-page",
        "http.error-status",
        "tls.intercepted",
        "tls.not-tls",
        "tls.certificate-",
        "tls.alert-from-client",
        "quic.version",
    ];
    ANSWERS.iter().any(|cause| view.cause().starts_with(cause))
}

/// Only one server may be dead.
pub(super) fn dead_server(view: &View<'_, '_>) -> Option<Standing> {
    if view.scope == Scope::OneServer || view.scope == Scope::Everything || was_answered(view) {
        return None;
    }
    if view.works(Differs::Name) {
        return Some(Dead(worked(
            view,
            Differs::Name,
            "the same address answered other names",
        )));
    }
    if view.works(Differs::Port) {
        return Some(Dead(worked(
            view,
            Differs::Port,
            "it accepted connections on another port",
        )));
    }
    if view.works(Differs::HelloSize) {
        return Some(Dead(worked(
            view,
            Differs::HelloSize,
            "it answered a small hello",
        )));
    }
    let addrs = view.field.failed_addrs().len();
    if addrs > 1 {
        return Some(Dead(format!("{addrs} addresses failed alike")));
    }
    if view.field.injected() {
        return Some(Dead(
            "the server went on, or others spoke in its place".into(),
        ));
    }
    if reported(view) {
        return Some(Dead(
            "a router before it reported that it lets nothing through".into(),
        ));
    }
    if view.scope == Scope::OneTransport && view.works(Differs::Transport) {
        return Some(Dead("the name was reached over the other transport".into()));
    }
    let device = matches!(view.blame, Blame::Device | Blame::Service | Blame::Edge);
    (!device).then(|| Alive("only one address was tried".into()))
}

/// What was blamed on somebody else may be the server's doing.
pub(super) fn server_itself(view: &View<'_, '_>) -> Option<Standing> {
    if view.cause() == "tls.certificate-not-yet-valid" && view.blame == Blame::Device {
        return Some(Alive(
            "its certificate may have been put in place too early".into(),
        ));
    }
    let suspected = matches!(view.blame, Blame::Interceptor | Blame::Unknown);
    let early = view.stage() == Stage::Tls || view.cause() == "tcp.reset-after-connect";
    if view.cause() == "tls.certificate-untrusted" && suspected {
        return Some(untrusted(view));
    }
    if !suspected || !early || view.scope == Scope::OneName {
        return None;
    }
    if view.field.injected() {
        return Some(Dead(
            "what ended the connection does not fit its other packets".into(),
        ));
    }
    let main = view.lead()?.main()?;
    if view.cause().contains("reset") {
        return Some(Alive(
            "nothing about the reset shows that it was not the server's own".into(),
        ));
    }
    if view.cause() == "tls.certificate-name-mismatch" {
        return Some(Alive(
            "it may be set up wrong, or the name lead to somebody else's server; compare the address with what another resolver gives".into(),
        ));
    }
    if view.cause() == "tls.large-hello-dropped" {
        return Some(Alive(large_hello(view).into()));
    }
    (view.cause() == "tls.hello-unanswered" && doubt::held(main)).then(|| {
        Alive("it acknowledged the hello and may simply hang; the same try from another network tells".into())
    })
}

fn large_hello(view: &View<'_, '_>) -> &'static str {
    let mut failed = view.field.failed_paths();
    match failed.any(|p| doubt::arrived(p.flow) == Some(true)) {
        true => {
            "all of the hello was acknowledged, and old servers and load balancers know only small ones; the same try from another network tells"
        }
        false => {
            "old servers and load balancers know only small hellos; the same try from another network tells"
        }
    }
}

fn untrusted(view: &View<'_, '_>) -> Standing {
    if doubt::signers(view.field) == Signers::OneForSeveral {
        let servers = view.field.failed_addrs().len();
        return Dead(format!(
            "one issuer, which no device trusts, signed the certificates of {servers} servers"
        ));
    }
    Alive(match doubt::others_secured(view.field) {
        true => {
            "other servers were reached at that time without that, so it may be its own certificate; who issued it tells"
                .into()
        }
        false => "it may have been given a certificate that no device trusts; who issued it tells".into(),
    })
}

/// What was blamed on an end may be the doing of something in between.
pub(super) fn imitator(view: &View<'_, '_>) -> Option<Standing> {
    let main = view.lead()?.main()?;
    if view.cause() == "tls.certificate-name-mismatch" && view.blame == Blame::Unknown {
        return Some(match doubt::others_secured(view.field) {
            true => Alive(
                "a filter that leads only this name to a page of its own looks the same; a login page is not it, since other servers were reached at that time".into(),
            ),
            false => Alive(
                "the login page of a network has a valid certificate for its own name as well; open any http:// page to see".into(),
            ),
        });
    }
    if view.cause() == "http.error-status" && view.blame == Blame::Service {
        return Some(Alive(
            "the answer came in the clear, where a proxy on the way could have written it; the same try from another network tells".into(),
        ));
    }
    let ends = matches!(view.blame, Blame::Edge | Blame::Device);
    if !ends || !matches!(view.stage(), Stage::Tls | Stage::Quic) {
        return None;
    }
    match view.cause() {
        "tls.reset-after-hello" | "tls.large-hello-dropped" => Some(Alive(
            "the reset came from as far away as the server's other packets and after a full round trip, but a box near the server could do that too".into(),
        )),
        "tls.certificate-untrusted" => Some(Alive(
            "a filter that opens only what it blocks shows a certificate of its own for these names alone; who issued it tells".into(),
        )),
        "tls.client-rejected" => Some(Alive(
            "what the server presented is encrypted (TLS 1.3) or was refused without a word; a VPN, filter or antivirus app that reads TLS looks the same".into(),
        )),
        "tls.alert-from-client" if doubt::about_certificate(main) => Some(Alive(
            "a VPN, filter or antivirus app that presents a certificate of its own is refused in the same way; the same try from another network tells".into(),
        )),
        _ => None,
    }
}

/// A device with a wrong clock, or that knows no new authority, refuses all servers alike.
pub(super) fn own_trust(view: &View<'_, '_>) -> Option<Standing> {
    let main = view.lead()?.main()?;
    let refused = [
        "tls.client-rejected",
        "tls.certificate-not-yet-valid",
        "tls.certificate-expired",
    ];
    let said = view.cause() == "tls.alert-from-client" && doubt::about_certificate(main);
    if !said && !refused.contains(&view.cause()) {
        return None;
    }
    if view.cause() == "tls.certificate-expired" && view.blame == Blame::Device {
        return None;
    }
    let (tally, _) = view.field.tally(|p| p.worked && p.secured);
    if tally.worked() > 0 {
        return Some(Dead(format!(
            "it accepted other servers at that time{}",
            seen(tally.worked(), &tally.shown)
        )));
    }
    Some(Alive(
        "no other handshake of that time shows that it accepts any server".into(),
    ))
}

/// The service as a whole may be down.
pub(super) fn service_down(view: &View<'_, '_>) -> Option<Standing> {
    // Whoever shows a certificate, or a page in the service's place, says nothing of the service.
    let beside = was_answered(view) && view.cause() != "quic.version-unsupported";
    if matches!(view.blame, Blame::Service | Blame::Device) || beside {
        return None;
    }
    for (differs, what) in [
        (
            Differs::Host,
            "other names of the service worked at that time",
        ),
        (Differs::Address, "the same name worked at another address"),
        (
            Differs::Transport,
            "the same name worked over the other transport",
        ),
        (
            Differs::Family,
            "the same name worked over the other address family",
        ),
        (Differs::HelloSize, "its server answered a small hello"),
    ] {
        if view.works(differs) {
            return Some(Dead(worked(view, differs, what)));
        }
    }
    if view.scope == Scope::Everything {
        return Some(Dead(
            "other services failed in the same way at that time".into(),
        ));
    }
    if view.field.injected() {
        return Some(Dead(
            "what ended the connection was not sent by its servers".into(),
        ));
    }
    if reported(view) {
        return Some(Dead(
            "its servers were never asked: a router before them refused".into(),
        ));
    }
    Some(Alive(
        "only the same try from another network can tell".into(),
    ))
}

/// A fault that a service admits need not be everybody's.
pub(super) fn refused(view: &View<'_, '_>) -> Option<Standing> {
    let fault = view.status().is_some_and(|status| status >= 500);
    fault.then(|| {
        Alive(
            "the status says that the service failed, not for whom; the same try from another network and with another account tells"
                .into(),
        )
    })
}
