//! A router or firewall on the way reported that the server can't be reached (ICMP).
//!
//! ## What it means
//! The device asked the server for a connection, and something on the way answered for it: no route to that network,
//! host unknown, or forbidden by a filter. The sender of that message is known, which makes it the best witness there is.
//!
//! ## What we look for
//! An ICMP or ICMPv6 error "destination unreachable" or "time exceeded" that quotes the client's SYN, no SYN-ACK and no
//! connection afterwards, and a second of capture after it (or a second error). An error that was followed by a working
//! resend does not count.
//!
//! ## How sure
//! 0.95; 0.85 where the client went on asking after the only error.
//!
//! ## What to do
//! Look at who sent the message. If it is your own router, check its firewall, parental control and internet
//! connection; with an IPv6 address, whether IPv6 works at all. If it is further away, the provider or the server's
//! network blocks or lost that address: try another network.
//!
//! ## Often confused with
//! tcp.syn-unanswered (dropped without a word), tcp.refused (an RST in the server's name).
//!
//! ## References
//! RFC 792, RFC 1122 section 4.2.3.9, RFC 1812 section 5.2.7, RFC 4443 section 3, RFC 5461.

use super::common::decided_before;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage, icmp_field};
use crate::fact::icmp::IcmpError;
use crate::types::{Addr, Endpoint, Side};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "tcp.unreachable",
    stage: Stage::Tcp,
    severity: Severity::Broken,
    blame: Blame::Path,
    over: &["tcp.syn-unanswered"],
    check: Check::Path(check),
    source: include_str!("unreachable.rs"),
};

/// A resend may still be answered within this time.
const SETTLED: Duration = Duration::from_secs(1);

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let tcp = context.tcp()?;
    let answered = tcp.syn_ack.count > 0 || tcp.reset_from(Side::Server).is_some();
    if tcp.syn.count == 0 || answered || tcp.established() || tcp.client_went_on() {
        return None;
    }
    let errors: Vec<&IcmpError> = tcp.icmp.iter().filter(|e| quotes_syn(context, e)).collect();
    let first = *errors.first()?;
    let settled = errors.len() > 1 || context.after(first.mark) >= SETTLED;
    if decided_before(context, first.mark) {
        return None;
    }
    let went_on = tcp.syn.last.is_some_and(|last| last.time > first.mark.time);
    // An explicit answer ends the connection attempt (RFC 1122 section 4.2.3.9 lets a SYN fail on it); where the capture
    // ends with it, a resend that is answered all the same would not be in it.
    let sure = if !settled || (went_on && errors.len() == 1) {
        0.85
    } else {
        0.95
    };
    let what = format!(
        "{} answered the connection request (SYN) to {} with ICMP{} type {} code {} ({})",
        first.from,
        context.path.flow.server,
        if first.v6 { "v6" } else { "" },
        first.kind,
        first.code,
        meaning(first),
    );
    let marks = tcp
        .syn
        .first()
        .into_iter()
        .chain(errors.iter().map(|e| e.mark));
    let claim = Claim::new(what, sure, marks).with("icmp", icmp_field(first));
    Some(claim.blaming(blame(context, first)))
}

fn quotes_syn(context: &PathContext<'_>, error: &IcmpError) -> bool {
    let quoted = Endpoint {
        addr: error.quoted.src,
        port: error.quoted.src_port,
    };
    error.is_unreachable() && quoted == context.path.flow.client
}

/// Who says so: the server's own firewall, the client's network, a filter further on, or a router without a way.
fn blame(context: &PathContext<'_>, error: &IcmpError) -> Blame {
    let flow = &context.path.flow;
    if error.from == flow.server.addr {
        Blame::Edge
    } else if is_near(error, flow.client.addr) {
        Blame::LocalNetwork
    } else if error.is_admin_prohibited() {
        Blame::Interceptor
    } else {
        Blame::Path
    }
}

/// The sender is the client's own system, its gateway, or a host of its network, or no router has touched the packet.
fn is_near(error: &IcmpError, client: Addr) -> bool {
    error.is_from_nearby() || error.from == client || matches!(error.ttl, 64 | 128 | 255)
}

/// The standard's words for it.
fn meaning(error: &IcmpError) -> &'static str {
    if error.is_admin_prohibited() {
        return "administratively prohibited";
    }
    match (error.v6, error.kind, error.code) {
        (_, 11, _) | (true, 3, _) => "time exceeded",
        (false, 3, 0 | 6 | 11) | (true, 1, 0) => "network unreachable",
        (false, 3, 3) | (true, 1, 4) => "port unreachable",
        (true, 1, 3) => "address unreachable",
        (false, 3, 2) => "protocol unreachable",
        _ => "host unreachable",
    }
}
