//! Where the capture holds no control, blame rests on the failing connection alone. Often its cause has two authors that
//! look alike: then the verdict says less than the attempt, or what the packets show of who it was.

use super::experiment::{Differs, Evidence};
use super::field::{Field, Tried};
use crate::diagnose::{Blame, Finding};
use crate::fact::tcp::Reset;
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
    match main.rule.id {
        "quic.initial-unanswered" | "quic.fell-back-to-tcp"
            if main.blame() == Blame::Interceptor =>
        {
            not_quic_as_such(field)
        }
        "tls.hello-unanswered" if held(main) => held_by(field),
        "tls.reset-after-hello" if by_the_server(field) => Some((Blame::Edge, 0.6)),
        "tls.certificate-name-mismatch" if of_somebody_else(field) => Some((Blame::Unknown, 0.6)),
        "tls.certificate-not-yet-valid" | "tls.client-rejected" => Some((main.blame(), 0.6)),
        "tls.alert-from-client" if about_certificate(main) => Some((main.blame(), 0.6)),
        "tls.reset-after-hello" | "tls.reset-mid-handshake" | "tcp.reset-after-connect" => {
            Some((main.blame(), 0.6))
        }
        "tcp.refused" => Some((main.blame(), 0.8)),
        _ => None,
    }
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

/// A box near the device acknowledges sooner than the server can have; else it may be the server that hangs.
fn held_by(field: &Field<'_>) -> Option<(Blame, f64)> {
    let sooner = |p: &Tried<'_>| {
        let tcp = p.flow.tcp.as_deref()?;
        let (rtt, hello) = (tcp.rtt()?, p.flow.hello()?.mark);
        let acked = tcp.half[Side::Client].first_acked_at?;
        Some(rtt > NEAR && acked.time >= hello.time && acked.time.since(hello.time) < rtt / 4)
    };
    let near = field.failed_paths().any(|p| sooner(p) == Some(true));
    match (near, field.failed_addrs().len()) {
        (true, _) => Some((Blame::Interceptor, 0.75)),
        (false, 0 | 1) => Some((Blame::Unknown, 0.5)),
        (false, _) => None,
    }
}

/// Every reset that failed a connection came as the server's own would: as far away as its other packets, in its sequence,
/// a full round trip after the hello.
fn by_the_server(field: &Field<'_>) -> bool {
    let fits = |p: &Tried<'_>| {
        let tcp = p.flow.tcp.as_deref()?;
        let reset: &Reset = tcp.reset_from(Side::Server)?;
        let server = &tcp.half[Side::Server];
        let (rtt, hello) = (tcp.rtt()?, p.flow.hello()?.mark);
        // The slack that is given where a forgery is to be shown would let in a box one hop off.
        let near = (server.ttl_min..=server.ttl_max).contains(&reset.ttl);
        let due = reset.mark.time.since(hello.time) >= rtt.mul_f64(0.9);
        Some(rtt > NEAR && server.ttl_max > 0 && near && due && reset.in_sequence)
    };
    let mut failed = field.failed_paths().peekable();
    failed.peek().is_some() && failed.all(|p| fits(p) == Some(true))
}

/// A public authority signed the certificate, for other names: a server of somebody else, be it that of the network's own
/// login page, or the service's with a wrong setting.
pub(super) fn of_somebody_else(field: &Field<'_>) -> bool {
    let public = |p: &Tried<'_>| {
        let chain = p.flow.tls?.certificate.as_deref()?;
        let leaf = chain.certificates.first()?;
        Some(!leaf.self_signed && leaf.names_public_ca())
    };
    field.failed_paths().any(|p| public(p) == Some(true))
}

/// The device refused a certificate, and said so.
pub(super) fn about_certificate(main: &Finding) -> bool {
    let alert = main.claim.extra.get("alert").and_then(|a| a.as_str());
    alert.is_some_and(|a| OF_CERTIFICATES.contains(&a))
}
