//! The TCP connection request (SYN) got no answer at all.
//!
//! ## What it means
//! The device asked the server for a connection, several times or for several seconds, and nothing came back:
//! no acceptance (SYN-ACK), no refusal (RST), no error (ICMP). The packets are dropped silently on the way
//! there or back, or nobody is at that address.
//!
//! ## What we look for
//! The client's SYN and its resends, no SYN-ACK that acknowledges it, no RST, no ICMP error that quotes it.
//! At least two tries with a second of capture after each, or one with three seconds. The capture must show
//! packets to this client elsewhere: a capture of one direction only proves nothing. Nothing is said where another
//! address of the name had connected within two seconds: then this one merely lost the race.
//!
//! ## How sure
//! Surer with every resend; less sure where the capture is known to have lost packets.
//!
//! ## What to do
//! Try the same on another network (mobile data instead of Wi-Fi). If it works there, the first network or its
//! firewall drops the packets. If other names work at the same time, that one address is down or blocked.
//!
//! ## Often confused with
//! tcp.slow-connect (a late SYN-ACK did come), tcp.refused (an RST came), tcp.unreachable (an ICMP error came),
//! an address given up because another one answered first (no fault).
//!
//! ## References
//! RFC 9293 section 3.8.1, RFC 6298, RFC 8305.

use super::common::{count, lost_race};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Silence, Stage};
use crate::fact::tcp::TcpFacts;
use crate::types::Side;

pub(super) static RULE: Rule = Rule {
    id: "tcp.syn-unanswered",
    stage: Stage::Tcp,
    severity: Severity::Broken,
    blame: Blame::Path,
    over: &[],
    check: Check::Path(check),
    source: include_str!("syn_unanswered.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let tcp = context.tcp()?;
    if tcp.syn.count == 0 || answered(context, tcp) || given_up(tcp) || lost_race(context) {
        return None;
    }
    let Silence::Proven { lasted } = context.silence(&tcp.syn.marks) else {
        return None;
    };
    let tries = tcp.syn.count;
    let sure = match tries {
        1 => 0.75,
        2 => 0.85,
        _ => 0.95,
    };
    let doubt = if context.packets_missing() { 0.25 } else { 0.0 };
    let what = format!(
        "{} (SYN) to {} got no answer in {:.1} s",
        count(tries, "connection request", "connection requests"),
        context.path.flow.server,
        lasted.as_secs_f64(),
    );
    let claim = Claim::new(what, sure - doubt, tcp.syn.marks.iter().copied());
    Some(claim.with("tries", tries))
}

/// Anything at all came back: a packet of the server, an error about the SYN, or something that the capture missed.
fn answered(context: &PathContext<'_>, tcp: &TcpFacts) -> bool {
    context.path.flow.packets[Side::Server] > 0
        || tcp.client_went_on()
        || answered_apart(context)
        || tcp.icmp.iter().any(|e| e.is_unreachable())
}

/// The answer stands before the request in the capture, which took it for a conversation of its own: same ports, later
/// time.
fn answered_apart(context: &PathContext<'_>) -> bool {
    let own = &context.path.flow;
    context.siblings().map(|s| &s.flow).any(|flow| {
        let same = (flow.client, flow.server) == (own.client, own.server);
        same && flow.packets[Side::Server] > 0 && flow.last.time >= own.first.time
    })
}

/// The client withdrew its request, with a reset of its own.
fn given_up(tcp: &TcpFacts) -> bool {
    tcp.reset_from(Side::Client).is_some()
}
