//! The QUIC connection request was refused: an ICMP error says that it cannot be delivered.
//!
//! ## What it means
//! A router, a firewall or the server itself answered the device's first QUIC packets (UDP) with an ICMP error
//! instead of letting them through: the port is closed, the network or host cannot be reached, or a filter forbids it
//! and says so.
//!
//! ## What we look for
//! An ICMP or ICMPv6 "destination unreachable" or "time exceeded" that quotes a packet of the client, no datagram of
//! the server after it for a second at least, and a handshake that did not complete. Errors about packets of the
//! server are not counted: they only say that the client has left.
//!
//! ## How sure
//! Very sure that it was refused. Who refused is the address of the ICMP packet, which firewalls may borrow from the
//! server.
//!
//! ## What to do
//! "Administratively prohibited" is a rule on a firewall: ask the operator of that network to allow UDP port 443, or
//! try another network. "Port unreachable" from the server means that it offers no QUIC at that address. The service
//! usually works over TCP meanwhile.
//!
//! ## Often confused with
//! quic.initial-unanswered (silence, no error), tcp.unreachable (the same for TCP), an ICMP error of the device
//! itself after it has closed its end (no fault).
//!
//! ## References
//! RFC 792, RFC 1812 section 5.2.7, RFC 4443 section 3.1, RFC 9000 section 14.2.1.

use super::common::{severity, sure, whole};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage, icmp_field};
use crate::fact::icmp::IcmpError;
use crate::types::Side;
use std::net::IpAddr;
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "quic.unreachable",
    stage: Stage::Quic,
    severity: Severity::Broken,
    blame: Blame::Path,
    over: &[],
    check: Check::Path(check),
    source: include_str!("unreachable.rs"),
};

/// An answer to the client's last packet would have come by then.
const ANSWER_DUE: Duration = Duration::from_secs(1);

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let quic = whole(context)?;
    if quic.handshake_complete() || quic.server_initial.is_some() {
        return None;
    }
    let flow = &context.path.flow;
    let about_client = |e: &&IcmpError| e.is_unreachable() && e.quoted.src == flow.client.addr;
    let error = quic.icmp.iter().find(about_client)?;
    let answered = quic.last[Side::Server].is_some_and(|m| m.time >= error.mark.time);
    // A client that does not care may ask again, and be answered another way.
    let last = quic.last[Side::Client].map_or(error.mark.time, |m| m.time.max(error.mark.time));
    if answered {
        return None;
    }
    let repeated = quic.icmp.iter().filter(about_client).count() > 1;
    let settled = context.end().since(last) >= ANSWER_DUE;
    // Explicit as it is, the capture may end with it before a later Initial is answered.
    let confidence = match (settled, repeated) {
        (false, _) => 0.8,
        (true, false) => 0.9,
        (true, true) => 0.95,
    };
    let what = format!(
        "the QUIC connection request (Initial) to {} was answered by {} with ICMP{} {}/{}: {}",
        flow.server,
        sender(error, context),
        if error.v6 { "v6" } else { "" },
        error.kind,
        error.code,
        meaning(error),
    );
    let asked = quic.client_initials.iter().copied();
    let marks = quic.icmp.iter().filter(about_client).map(|e| e.mark);
    Some(
        Claim::new(what, sure(context, confidence), marks.chain(asked.take(4)))
            .with("icmp", icmp_field(error))
            .blaming(blame(error, context))
            .as_severe_as(severity(context)),
    )
}

fn sender(error: &IcmpError, context: &PathContext<'_>) -> String {
    let who = if error.from == context.path.flow.server.addr {
        "the server itself"
    } else if error.from == context.path.flow.client.addr {
        "the device itself"
    } else {
        return error.from.to_string();
    };
    format!("{who} ({})", error.from)
}

/// A filter that says so; the server's own closed port; a router of the local network; something on the way.
fn blame(error: &IcmpError, context: &PathContext<'_>) -> Blame {
    let flow = &context.path.flow;
    if error.is_admin_prohibited() {
        Blame::Interceptor
    } else if error.from == flow.server.addr {
        Blame::Edge
    } else if error.from == flow.client.addr {
        Blame::Device
    } else if is_local(error.from.ip()) {
        Blame::LocalNetwork
    } else {
        Blame::Path
    }
}

fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// RFC 792, 1122, 1812 and 4443 in words.
fn meaning(error: &IcmpError) -> &'static str {
    if error.is_admin_prohibited() {
        return "administratively prohibited";
    }
    match (error.v6, error.kind, error.code) {
        (false, 3, 0 | 6 | 11) | (true, 1, 0) => "network unreachable",
        (false, 3, 1 | 7 | 12) | (true, 1, 3) => "host unreachable",
        (false, 3, 2) => "protocol unreachable",
        (false, 3, 3) | (true, 1, 4) => "port unreachable",
        (false, 11, _) | (true, 3, _) => "time exceeded on the way",
        _ => "destination unreachable",
    }
}
