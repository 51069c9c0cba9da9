//! The TCP connection took long to be accepted.
//!
//! ## What it means
//! The server did answer the connection request, but late, or only after it was sent again. The first request or its
//! answer was lost on the way, or the server (or the way to it) is overloaded.
//!
//! ## What we look for
//! A SYN-ACK that came only after the SYN had been resent, or later than the limit (1 s, `--limit
//! tcp.slow-connect=…`). Connections that another one of the same attempt had overtaken do not count, nor does a
//! SYN-ACK that the client had acknowledged before: the one that it acknowledged is not in the capture.
//!
//! ## How sure
//! 0.95: the times are in the capture.
//!
//! ## What to do
//! If it happens with every service, the connection itself loses packets: move closer to the Wi-Fi, try a cable or
//! mobile data. If it is this service alone, its server or the way to it is overloaded.
//!
//! ## Often confused with
//! tcp.syn-unanswered (no answer at all), tcp.failover (another address had to be tried).
//!
//! ## References
//! RFC 9293 section 3.8.1, RFC 6298.

use super::common::count;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};

pub(super) static RULE: Rule = Rule {
    id: "tcp.slow-connect",
    stage: Stage::Tcp,
    severity: Severity::Degraded,
    blame: Blame::Path,
    over: &[],
    check: Check::Path(check),
    source: include_str!("slow_connect.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let tcp = context.tcp()?;
    let (answer, took) = (tcp.syn_ack.first()?, tcp.connect_time()?);
    let tries = tcp
        .syn
        .marks
        .iter()
        .filter(|m| m.time < answer.time)
        .count();
    let tries = u32::try_from(tries).unwrap_or(u32::MAX);
    let slow = tries > 1 || took > context.world.thresholds.tcp_slow_connect;
    let overtaken = context.sibling_won().is_some_and(|won| won <= answer.time);
    // The client went on before: the SYN-ACK that it had got is not in the capture.
    let unseen = tcp.went_on.is_some_and(|ack| ack.time < answer.time);
    if !slow || overtaken || unseen || !tcp.established() {
        return None;
    }
    let took = took.as_secs_f64() * 1e3;
    let what = format!(
        "{} accepted the connection after {took:.0} ms and {} (SYN)",
        context.path.flow.server,
        count(tries, "request", "requests"),
    );
    let marks = tcp.syn.marks.iter().copied().chain([answer]);
    let claim = Claim::new(what, 0.95, marks);
    Some(
        claim
            .with("took_ms", (took * 10.0).round() / 10.0)
            .with("tries", tries),
    )
}
