//! What else it could be: each rival explanation with the observation that rules it out, or that nothing does.

use super::doubt;
use super::experiment::Differs;
use super::nearby::Nearby;
use super::scope::Scope;
use super::words::{View, count, frames, seen};
use crate::diagnose::{Blame, Stage};
use crate::types::Addr;
use std::collections::BTreeSet;

/// What became of a rival.
enum Standing {
    /// This rules it out.
    Dead(String),
    /// Nothing does, and why not.
    Alive(String),
}
use Standing::{Alive, Dead};

/// Every rival of what the verdict says.
pub(super) fn against(view: &View<'_, '_>) -> Vec<String> {
    let Some(lead) = view.lead() else {
        return Vec::new();
    };
    // A portal says itself what it is, and nothing else is to be told before somebody has logged in.
    if !lead.broke() || view.cause() == "http.captive-portal" {
        return Vec::new();
    }
    let mut rivals: Vec<(&str, Standing)> = Vec::new();
    let mut add = |what, standing: Option<Standing>| rivals.extend(standing.map(|s| (what, s)));
    add("the local network itself (Wi-Fi, router)", nearby(view));
    add("the line behind the router (provider)", provider(view));
    add("this device", this_device(view));
    add(
        "your network as a whole (Wi-Fi, router, provider)",
        network(view),
    );
    if view.field.at_dns() {
        add("a dead resolver", dead_resolver(view));
        add(
            "packets lost on the way to the resolver",
            lost_queries(view),
        );
        add("a name that does not exist", no_such_name(view));
        add(
            "somebody on the way who answers in the resolver's place",
            answered_for(view),
        );
    } else {
        add("a filter that reads names", name_filter(view));
        add(
            "a filter that knows the service's addresses",
            address_filter(view),
        );
        add("the server itself", server_itself(view));
        add("something in between", imitator(view));
        add(
            "the device's clock or its list of authorities",
            own_trust(view),
        );
        add("one dead server", dead_server(view));
        add("QUIC or UDP being blocked", no_quic(view));
        add("a wrong address from the resolver", wrong_address(view));
        add("the service itself being down", service_down(view));
    }
    add("a hole in the capture", missed(view));
    rivals
        .into_iter()
        .map(|(what, standing)| match standing {
            Dead(why) => format!("Ruled out: {what}: {why}."),
            Alive(why) => format!("Not ruled out: {what}: {why}."),
        })
        .collect()
}

fn worked(view: &View<'_, '_>, differs: Differs, what: &str) -> String {
    let tally = view.evidence.tally(differs);
    format!("{what}{}", seen(tally.worked(), &tally.shown))
}

fn network(view: &View<'_, '_>) -> Option<Standing> {
    let claimed = view.scope == Scope::Everything && view.blame == Blame::Path;
    if claimed || view.blame == Blame::LocalNetwork {
        return None;
    }
    for (differs, what) in [
        (
            Differs::Device,
            "another device of it reached the same server at that time",
        ),
        (
            Differs::Service,
            "connections to other services worked at that time",
        ),
        (
            Differs::Host,
            "other names of the service worked at that time",
        ),
        (
            Differs::Name,
            "other names at the same address worked at that time",
        ),
        (
            Differs::Question,
            "the resolver answered other names at that time",
        ),
        (
            Differs::Transport,
            "the other transport worked at that time",
        ),
        (
            Differs::Family,
            "the other address family worked at that time",
        ),
        (
            Differs::Address,
            "another address of the name worked at that time",
        ),
    ] {
        if view.works(differs) {
            return Some(Dead(worked(view, differs, what)));
        }
    }
    if view.scope == Scope::Everything && view.evidence.neighbours.during > 0 {
        return Some(Dead("other devices of it were online at that time".into()));
    }
    if !view.field.silent() {
        return Some(Dead("packets went both ways until it broke".into()));
    }
    let answered = view.field.failed_paths().filter(|p| p.answered).count();
    Some(if answered > 0 {
        Dead(format!(
            "{} had been accepted",
            count(answered, "failing connection")
        ))
    } else {
        Alive("the capture shows nothing else that worked at that time".into())
    })
}

/// Other devices of the network fail alike.
fn this_device(view: &View<'_, '_>) -> Option<Standing> {
    let devices = super::devices::local(view.field).len();
    (devices > 1 && view.blame != Blame::Device).then(|| {
        Dead(format!(
            "{} of this network failed alike",
            count(devices, "device")
        ))
    })
}

/// Everything fails, and it points behind the router.
fn nearby(view: &View<'_, '_>) -> Option<Standing> {
    let behind = view.scope == Scope::Everything && view.blame == Blame::Path;
    if !behind || !view.field.silent() {
        return None;
    }
    match Nearby::of(view.field, view.others) {
        Nearby::Answered(marks) => {
            let marks: Vec<_> = marks.into_iter().take(4).collect();
            Some(Dead(format!("it answered meanwhile{}", frames(&marks))))
        }
        Nearby::Spoke(from, _) => Some(Alive(format!(
            "{from} could be heard, which says little about the router"
        ))),
        _ => None,
    }
}

/// Everything fails, and it points at the device's own network.
fn provider(view: &View<'_, '_>) -> Option<Standing> {
    let claimed = view.scope == Scope::Everything && view.blame == Blame::LocalNetwork;
    if !claimed || !view.field.silent() {
        return None;
    }
    Some(match Nearby::of(view.field, view.others) {
        Nearby::ResolverSilent(addr) => Dead(format!(
            "{addr} stands before that line, and did not answer either"
        )),
        _ => Alive(
            "the router was asked nothing that it would answer by itself; see whether its own page opens".into(),
        ),
    })
}

fn dead_resolver(view: &View<'_, '_>) -> Option<Standing> {
    if view.scope == Scope::Everything && view.blame == Blame::Resolver {
        return None;
    }
    if view.works(Differs::Question) {
        return Some(Dead(worked(
            view,
            Differs::Question,
            "it answered other names at that time",
        )));
    }
    if view.cause() == "dns.encrypted-failed" && !view.field.silent() {
        return (view.blame != Blame::Interceptor).then(|| {
            Alive(
                "something with its address answered; whether it was the resolver is not shown"
                    .into(),
            )
        });
    }
    if !view.field.silent() {
        return Some(Dead("it did answer".into()));
    }
    let claimed = view.blame == Blame::Resolver;
    (!claimed).then(|| Alive("it answered nothing else at that time".into()))
}

fn no_such_name(view: &View<'_, '_>) -> Option<Standing> {
    if view.field.silent() {
        return None;
    }
    if view.works(Differs::Resolver) {
        return Some(Dead(worked(
            view,
            Differs::Resolver,
            "another resolver knows it",
        )));
    }
    let denied = matches!(view.cause(), "dns.nxdomain" | "dns.no-address");
    denied.then(|| {
        let all = super::steps::other_resolvers(view.field);
        let other = all.first().copied().unwrap_or_default();
        Alive(format!(
            "no other resolver was asked; ask one, {other} for example"
        ))
    })
}

fn answered_for(view: &View<'_, '_>) -> Option<Standing> {
    let answered = !view.field.silent() && view.blame == Blame::Resolver;
    answered.then(|| {
        Alive(
            "plain DNS is not protected; an encrypted lookup of the same resolver would tell"
                .into(),
        )
    })
}

fn name_filter(view: &View<'_, '_>) -> Option<Standing> {
    let claimed = view.blame == Blame::Interceptor && view.scope != Scope::OneTransport;
    if claimed {
        return None;
    }
    if view.stage() == Stage::Tcp {
        return Some(Dead(
            "the connection failed before a name was sent over it".into(),
        ));
    }
    if view.works(Differs::Address) {
        return Some(Dead(worked(
            view,
            Differs::Address,
            "the same name worked at another address",
        )));
    }
    if view.works(Differs::Transport) {
        return None;
    }
    if view.evidence.fails(Differs::Name) {
        return Some(Dead("other names at the same address fail as well".into()));
    }
    let early = ["hello", "reset", "unanswered", "stalled"];
    let early = early.iter().any(|word| view.cause().contains(word));
    early.then(|| Alive("no other name was tried at the same address".into()))
}

/// A router on the way said so itself.
fn reported(view: &View<'_, '_>) -> bool {
    let near = matches!(view.blame, Blame::LocalNetwork | Blame::Interceptor);
    near && view.cause().ends_with(".unreachable")
}

fn address_filter(view: &View<'_, '_>) -> Option<Standing> {
    let possible =
        view.stage() == Stage::Tcp && view.blame != Blame::Interceptor && !reported(view);
    let wide = matches!(
        view.scope,
        Scope::Service | Scope::Unknown | Scope::OneServer
    );
    if possible && view.works(Differs::Device) {
        return Some(Alive(
            "only one that is set for this device alone (parental control, a firewall on it) fits"
                .into(),
        ));
    }
    (possible && wide).then(|| {
        Alive(
            "it answers, or drops, in the servers' place; the same try from another network tells"
                .into(),
        )
    })
}

fn dead_server(view: &View<'_, '_>) -> Option<Standing> {
    if view.scope == Scope::OneServer || view.scope == Scope::Everything {
        return None;
    }
    if view.works(Differs::Name) {
        return Some(Dead(worked(
            view,
            Differs::Name,
            "the same address answered other names",
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

fn no_quic(view: &View<'_, '_>) -> Option<Standing> {
    if view.stage() != Stage::Quic {
        return None;
    }
    let quic = view.others.transport(true);
    let own = view.field.tally(|p| p.worked && p.quic()).0;
    let all = quic.plus(&own);
    if all.proves(view.evidence.life) {
        return Some(Dead(format!(
            "other QUIC connections worked at that time{}",
            frames(&all.shown)
        )));
    }
    let claimed = view.scope == Scope::OneTransport || view.scope == Scope::Everything;
    (!claimed).then(|| Alive("no QUIC connection worked at that time".into()))
}

fn wrong_address(view: &View<'_, '_>) -> Option<Standing> {
    if view.stage() != Stage::Tcp || view.scope == Scope::Everything || reported(view) {
        return None;
    }
    if view.works(Differs::Device) {
        return Some(Dead("another device reached the name there".into()));
    }
    let addrs = view.field.failed_addrs();
    let names = view.field.failed_names();
    let asked = names.iter().flat_map(|n| view.field.world.resolved(n));
    let agree: BTreeSet<Addr> = asked
        .filter(|r| addrs.contains(&r.address))
        .map(|r| r.resolver)
        .collect();
    match agree.len() {
        0 => None,
        1 => (addrs.len() == 1 && names.len() == 1 && view.scope != Scope::OneFamily)
            .then(|| Alive("only one resolver was asked".into())),
        n => Some(Dead(format!("{n} resolvers gave it"))),
    }
}

/// What was blamed on something in between may be the server's doing.
fn server_itself(view: &View<'_, '_>) -> Option<Standing> {
    let suspected = matches!(view.blame, Blame::Interceptor | Blame::Unknown);
    let early = view.stage() == Stage::Tls || view.cause() == "tcp.reset-after-connect";
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
    (view.cause() == "tls.hello-unanswered" && doubt::held(main)).then(|| {
        Alive("it acknowledged the hello and may simply hang; the same try from another network tells".into())
    })
}

/// What was blamed on an end may be the doing of something in between.
fn imitator(view: &View<'_, '_>) -> Option<Standing> {
    let main = view.lead()?.main()?;
    if view.cause() == "tls.certificate-name-mismatch" && view.blame == Blame::Unknown {
        return Some(Alive(
            "the login page of a network has a valid certificate for its own name as well; open any http:// page to see".into(),
        ));
    }
    let ends = matches!(view.blame, Blame::Edge | Blame::Device);
    if !ends || !matches!(view.stage(), Stage::Tls | Stage::Quic) {
        return None;
    }
    match view.cause() {
        "tls.reset-after-hello" => Some(Alive(
            "the reset came from as far away as the server's other packets and after a full round trip, but a box near the server could do that too".into(),
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
fn own_trust(view: &View<'_, '_>) -> Option<Standing> {
    let main = view.lead()?.main()?;
    let refused = ["tls.client-rejected", "tls.certificate-not-yet-valid"];
    let said = view.cause() == "tls.alert-from-client" && doubt::about_certificate(main);
    if !said && !refused.contains(&view.cause()) {
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

/// A query that gets no answer may have been lost, or its answer.
fn lost_queries(view: &View<'_, '_>) -> Option<Standing> {
    if !view.field.silent() || view.blame != Blame::Resolver {
        return None;
    }
    if view.works(Differs::Resolver) {
        return Some(Dead(worked(
            view,
            Differs::Resolver,
            "another resolver was reached for the same name",
        )));
    }
    Some(Alive(
        "no other resolver was asked in that time; ask one".into(),
    ))
}

fn service_down(view: &View<'_, '_>) -> Option<Standing> {
    if view.blame == Blame::Service || view.blame == Blame::Device {
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

fn missed(view: &View<'_, '_>) -> Option<Standing> {
    let capture = view.lead()?.attempt.started.capture;
    let dropped = view.field.world.dropped(capture);
    if dropped > 0 {
        return Some(Alive(format!("the capture itself lost {dropped} packets")));
    }
    view.field.silent().then(|| {
        Dead("it shows packets to this device at other moments, and reports no loss".into())
    })
}
