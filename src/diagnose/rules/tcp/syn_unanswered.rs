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
//! packets to this client elsewhere: a capture of one direction only proves nothing.
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

use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Silence, Stage};

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
    let answered = tcp.syn_ack.count > 0
        || tcp.reset_count > 0
        || tcp.icmp.iter().any(|e| e.is_unreachable())
        || context.path.flow.packets.0[1] > 0;
    if tcp.syn.count == 0 || answered || lost_race(context) {
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
    let sure = if context.packets_missing() {
        sure - 0.25
    } else {
        sure
    };
    let what = format!(
        "{tries} connection request{} (SYN) to {} got no answer in {:.1} s",
        if tries == 1 { "" } else { "s" },
        context.path.flow.server,
        lasted.as_secs_f64(),
    );
    Some(Claim::new(what, sure, tcp.syn.marks.iter().copied()).with("tries", tries))
}

/// A sibling won and the client stopped asking: the loser of a race, not a failure.
fn lost_race(context: &PathContext<'_>) -> bool {
    let Some(tcp) = context.tcp() else {
        return false;
    };
    match (context.sibling_won(), tcp.syn.last) {
        (Some(won), Some(last)) => tcp.syn.count == 1 || last.time.since(won).is_zero(),
        _ => false,
    }
}
