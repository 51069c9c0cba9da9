//! Where the capture holds no control, blame rests on the failing connection alone. Often its cause has two authors that
//! look alike: then the verdict says less than the attempt, or what the packets show of who it was.

use super::experiment::{Differs, Evidence, site};
use super::field::{Case, Field, Tried};
use crate::diagnose::{Blame, Finding};
use crate::fact::tcp::Reset;
use crate::fact::tls::Certificate;
use crate::flow::FlowView;
use crate::types::{Addr, Side};
use std::collections::BTreeSet;
use std::time::Duration;

/// Round trips shorter than this tell nothing about who answered sooner.
const NEAR: Duration = Duration::from_millis(4);

/// Alerts by which a device refuses a certificate.
const OF_CERTIFICATES: [&str; 5] = [
    "bad_certificate",
    "certificate_revoked",
    "certificate_expired",
    "certificate_unknown",
    "unknown_ca",
];

/// Whom a single failing connection points at, and how sure that can be, where it differs from what its rule says.
pub(super) fn settled(field: &Field<'_>, evidence: &Evidence) -> Option<(Blame, f64)> {
    let main = field.lead_case()?.main()?;
    if field.injected() {
        return None;
    }
    if is_unknown_name(field, evidence) {
        return Some((Blame::Unknown, 0.6));
    }
    if let Some(told) = of_certificate(field, main) {
        return Some(told);
    }
    if main.rule.id == "tls.hello-unanswered" && held(main) && all_acked_nearby(field) {
        return Some((Blame::Unknown, 0.5));
    }
    let flows: Vec<&FlowView<'_>> = field.failed_paths().map(|p| p.flow).collect();
    if let Some(told) = by_packets(main, &flows) {
        return Some(told);
    }
    match main.rule.id {
        "quic.initial-unanswered" | "quic.fell-back-to-tcp"
            if main.blame() == Blame::Interceptor =>
        {
            not_quic_as_such(field)
        }
        "tls.certificate-not-yet-valid" | "tls.client-rejected" => Some((main.blame(), 0.6)),
        "tls.alert-from-client" if about_certificate(main) => Some((main.blame(), 0.6)),
        "tls.reset-after-hello" | "tls.reset-mid-handshake" | "tcp.reset-after-connect" => {
            Some((main.blame(), 0.6))
        }
        "tcp.refused" => Some((main.blame(), 0.8)),
        _ => None,
    }
}

/// The same for one attempt that the verdict is not about, from its own packets alone.
pub(super) fn of_case(case: &Case<'_>) -> Option<Blame> {
    let main = case.main().filter(|_| case.broke())?;
    let forged = main.claim.extra.get("injected") == Some(&true.into());
    let flows: Vec<&FlowView<'_>> = case.broken_flows().collect();
    (!forged)
        .then(|| by_packets(main, &flows))
        .flatten()
        .map(|told| told.0)
}

/// What the packets of the failing connections show of who it was.
fn by_packets(main: &Finding, flows: &[&FlowView<'_>]) -> Option<(Blame, f64)> {
    match main.rule.id {
        "tls.hello-unanswered" if held(main) => Some(held_by(flows)),
        "tls.reset-after-hello" if by_the_server(flows) => Some((Blame::Edge, 0.6)),
        "tls.large-hello-dropped" => of_large_hello(flows),
        "tls.certificate-name-mismatch" if flows.iter().any(|f| of_the_same_site(f)) => {
            Some((Blame::Edge, 0.8))
        }
        "tls.certificate-name-mismatch" if flows.iter().any(|f| is_public(f)) => {
            Some((Blame::Unknown, 0.6))
        }
        _ => None,
    }
}

/// A control tells a small hello from a large one. Who minds the large one is told by whether it arrived: what was
/// acknowledged in full was not dropped on the way, and a reset that fits the server is likely its own.
fn of_large_hello(flows: &[&FlowView<'_>]) -> Option<(Blame, f64)> {
    let arrived = !flows.is_empty() && flows.iter().all(|f| arrived(f) == Some(true));
    arrived.then(|| match by_the_server(flows) {
        true => (Blame::Edge, 0.7),
        false => (Blame::Unknown, 0.6),
    })
}

/// The whole hello was acknowledged.
pub(super) fn arrived(flow: &FlowView<'_>) -> Option<bool> {
    let (tcp, tls) = (flow.tcp.as_deref()?, flow.tls?);
    flow.hello()?;
    Some(tcp.half[Side::Client].acked >= tls.hello_end)
}

/// The certificate that was refused, beside what other servers showed this device at that time.
fn of_certificate(field: &Field<'_>, main: &Finding) -> Option<(Blame, f64)> {
    let others = others_secured(field);
    match main.rule.id {
        "tls.certificate-expired" if main.blame() == Blame::Edge => {
            Some((Blame::Edge, if others { 0.95 } else { 0.8 }))
        }
        "tls.certificate-untrusted" => Some(match signers(field) {
            Signers::OneForSeveral => (Blame::Interceptor, 0.95),
            Signers::Itself if others => (Blame::Edge, 0.65),
            _ => (Blame::Interceptor, if others { 0.65 } else { 0.8 }),
        }),
        _ => None,
    }
}

/// Other servers than those that failed finished a handshake with this device at that time: nothing opens all of its
/// connections, and it trusts somebody.
pub(super) fn others_secured(field: &Field<'_>) -> bool {
    let addrs = field.failed_addrs();
    let secured = |p: &Tried<'_>| p.worked && p.secured && !addrs.contains(&p.addr());
    field.tally(secured).0.worked() > 0
}

/// Who signed the certificates of the failing connections.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Signers {
    /// One authority that is not public, for several servers: no server has its own of it.
    OneForSeveral,
    /// The certificate itself, which is for the very name: a box on the way that makes them up signs with its own key.
    Itself,
    /// Anything else.
    Open,
}

/// Reads it from the failing paths.
pub(super) fn signers(field: &Field<'_>) -> Signers {
    let shown = || {
        field
            .failed_paths()
            .filter_map(|p| Some((p, leaf(p.flow)?)))
    };
    let issuers: BTreeSet<&str> = shown().map(|(_, c)| c.issuer.as_str()).collect();
    let foreign = |c: &Certificate| !c.self_signed && !c.names_public_ca();
    let servers: BTreeSet<Addr> = shown().map(|(p, _)| p.addr()).collect();
    if issuers.len() == 1 && servers.len() > 1 && shown().all(|(_, c)| foreign(c)) {
        return Signers::OneForSeveral;
    }
    let own = |(p, c): (&Tried<'_>, &Certificate)| {
        let asked = p.name.unwrap_or_default();
        c.self_signed && c.names.iter().any(|name| name.eq_ignore_ascii_case(asked))
    };
    let mut all = shown().peekable();
    if all.peek().is_some() && all.all(own) {
        return Signers::Itself;
    }
    Signers::Open
}

fn leaf<'a>(flow: &FlowView<'a>) -> Option<&'a Certificate> {
    flow.tls?.certificate.as_deref()?.certificates.first()
}

/// A public authority signed the certificate for other names under the same site as the one asked: it is the service's own.
fn of_the_same_site(flow: &FlowView<'_>) -> bool {
    let Some((leaf, asked)) = leaf(flow).zip(flow.sni()) else {
        return false;
    };
    let same = |name: &String| site(name.trim_start_matches("*.")) == site(asked);
    is_public(flow) && leaf.names.iter().any(same)
}

/// A public authority signed the certificate: where it is for other names, it is of a server of somebody else, be it that
/// of the network's own login page, or the service's with a wrong setting.
fn is_public(flow: &FlowView<'_>) -> bool {
    leaf(flow).is_some_and(|c| !c.self_signed && c.names_public_ca())
}

/// A name that no profile lists and no resolver of the capture knows may just not exist.
pub(super) fn is_unknown_name(field: &Field<'_>, evidence: &Evidence) -> bool {
    let denied = ["dns.nxdomain", "dns.no-address"];
    let main = field.lead_case().and_then(|c| c.main());
    let open = main.is_some_and(|m| denied.contains(&m.rule.id) && m.claim.blame.is_none());
    open && field.is_unlisted() && !evidence.works(Differs::Resolver)
}

/// QUIC works elsewhere: UDP is not blocked as such. Where nothing at all was heard from this address it is dropped, or
/// nobody is there; where TCP is, its packets are dropped, or nobody speaks QUIC there.
fn not_quic_as_such(field: &Field<'_>) -> Option<(Blame, f64)> {
    let heard = |p: &&Tried<'_>| p.flow.packets[Side::Server] > 0;
    let silent = field.paths.iter().filter(|p| p.failed && p.quic());
    let silent = silent.filter(|p| field.same.binary_search(&p.case).is_ok());
    let addrs: BTreeSet<Addr> = silent.map(Tried::addr).collect();
    let there = field.paths.iter().filter(heard);
    let (here, elsewhere): (Vec<&Tried<'_>>, Vec<&Tried<'_>>) =
        there.partition(|p| addrs.contains(&p.addr()));
    match (elsewhere.iter().any(|p| p.quic()), here.is_empty()) {
        (false, _) => None,
        (true, true) => Some((Blame::Path, 0.6)),
        (true, false) => Some((Blame::Unknown, 0.6)),
    }
}

/// The whole hello was acknowledged, and then nothing came.
pub(super) fn held(main: &Finding) -> bool {
    main.claim.extra.get("acked") == Some(&true.into())
}

/// A box near the device acknowledges sooner than the server can have; else it may be the server that hangs, or several.
fn held_by(flows: &[&FlowView<'_>]) -> (Blame, f64) {
    match flows.iter().any(|flow| acked_nearby(flow) == Some(true)) {
        true => (Blame::Interceptor, 0.75),
        false => (Blame::Unknown, 0.5),
    }
}

/// The hello was acknowledged sooner than a server as far away as its SYN-ACK can have.
fn acked_nearby(flow: &FlowView<'_>) -> Option<bool> {
    let tcp = flow.tcp.as_deref()?;
    let (rtt, hello) = (tcp.rtt()?, flow.hello()?.mark);
    let acked = tcp.half[Side::Client].first_acked_at?;
    Some(rtt > NEAR && acked.time >= hello.time && acked.time.since(hello.time) < rtt / 4)
}

/// Connections that worked were acknowledged as soon: a VPN on the device carries them all, and its acknowledgements tell
/// nothing of who is silent behind it.
fn all_acked_nearby(field: &Field<'_>) -> bool {
    let mut worked = field.paths.iter().filter(|p| p.worked);
    worked.any(|p| acked_nearby(p.flow) == Some(true))
}

/// Every reset that failed a connection came as the server's own would: as far away as its other packets, in its sequence,
/// a full round trip after the hello.
fn by_the_server(flows: &[&FlowView<'_>]) -> bool {
    let fits = |flow: &FlowView<'_>| {
        let tcp = flow.tcp.as_deref()?;
        let reset: &Reset = tcp.reset_from(Side::Server)?;
        let server = &tcp.half[Side::Server];
        let (rtt, hello) = (tcp.rtt()?, flow.hello()?.mark);
        // The slack that is given where a forgery is to be shown would let in a box one hop off.
        let near = (server.ttl_min..=server.ttl_max).contains(&reset.ttl);
        let due = reset.mark.time.since(hello.time) >= rtt.mul_f64(0.9);
        Some(rtt > NEAR && server.ttl_max > 0 && near && due && reset.in_sequence)
    };
    !flows.is_empty() && flows.iter().all(|flow| fits(flow) == Some(true))
}

/// The device refused a certificate, and said so.
pub(super) fn about_certificate(main: &Finding) -> bool {
    let alert = main.claim.extra.get("alert").and_then(|a| a.as_str());
    alert.is_some_and(|a| OF_CERTIFICATES.contains(&a))
}
