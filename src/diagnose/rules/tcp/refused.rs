//! The server refused the TCP connection: a reset (RST) answered the connection request.
//!
//! ## What it means
//! Something with the server's address answered the connection request (SYN) with a reset. Mostly nothing listens on
//! that port, or the server is overloaded or being restarted. A firewall or a network that blocks the service can send
//! the same packet in the server's name.
//!
//! ## What we look for
//! An RST that acknowledges the client's SYN exactly, or one without ACK, before any SYN-ACK, on a connection that was
//! not established later. Nothing is said where another address of the name had connected before the reset came.
//! `injected` is true only where a SYN-ACK follows, or two of these hold: a TTL that differs from the server's other
//! packets in this capture, an answer within less than half the known round trip, no ACK flag, resets of two kinds. A TTL
//! that no router has lowered, from a public address, while answers from elsewhere come with less, counts for both.
//!
//! ## How sure
//! 0.95 with the exact acknowledgement; less for a reset without ACK, which most systems ignore.
//!
//! ## What to do
//! Try again in a few minutes. If it is refused on one network only, that network sends the refusal: use another one
//! or ask who runs it. If it is refused everywhere, the service is down at that address.
//!
//! ## Often confused with
//! tcp.syn-unanswered (nothing came back), tcp.unreachable (an ICMP error came back), tcp.reset-after-connect (the
//! reset came once the connection stood).
//!
//! ## References
//! RFC 9293 section 3.5.2, RFC 3360; Weaver, Sommer, Paxson, "Detecting Forged TCP Reset Packets", NDSS 2009.

use super::common::{count, decided_before};
use super::witness::weigh;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::tcp::{Reset, TcpFacts};
use crate::types::Side;
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "tcp.refused",
    stage: Stage::Tcp,
    severity: Severity::Broken,
    blame: Blame::Edge,
    over: &[],
    check: Check::Path(check),
    source: include_str!("refused.rs"),
};

/// A request that was sent again may still be answered within this time.
const SETTLED: Duration = Duration::from_secs(1);

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let tcp = context.tcp()?;
    let reset = refusal(tcp)?;
    let worked = tcp.established() || tcp.client_went_on() || asked_again(context, tcp);
    if worked || decided_before(context, reset.mark) {
        return None;
    }
    let asked = tcp.syn.marks.iter().rev();
    let asked = asked.copied().find(|m| m.time <= reset.mark.time);
    let doubts = weigh(context, reset, asked);
    let injected = doubts.suffice();
    let refusals = tcp.resets.iter().filter(|r| r.from == Side::Server);
    let refusals = u32::try_from(refusals.count()).unwrap_or(u32::MAX);
    let mut what = format!(
        "{} (SYN) to {} got {} in answer, TTL {}",
        count(tcp.syn.count, "connection request", "connection requests"),
        context.path.flow.server,
        count(refusals, "reset", "resets"),
        reset.ttl,
    );
    if let Some(asked) = asked {
        let took = reset.mark.time.since(asked.time).as_secs_f64() * 1e3;
        let took = match took {
            ms if ms < 0.05 => "less than 0.1 ms".to_owned(),
            ms => format!("{ms:.1} ms"),
        };
        let first = if refusals == 1 { "" } else { "the first " };
        what.push_str(&format!(", {first}after {took}"));
    }
    if injected {
        what.push_str(&format!(
            "; not sent by the server: {}",
            doubts.words.join("; ")
        ));
    }
    let sure = if reset.answers_syn { 0.95 } else { 0.8 };
    let marks = asked.into_iter().chain([reset.mark]).chain(doubts.marks);
    let claim = Claim::new(what, sure, marks).with("injected", injected);
    Some(if injected {
        claim.blaming(Blame::Interceptor)
    } else if context.path.flow.server.addr.ip().is_loopback() {
        claim.blaming(Blame::Device)
    } else {
        claim
    })
}

/// Whether the client asked once more after the last refusal, and that may yet be, or was, answered.
fn asked_again(context: &PathContext<'_>, tcp: &TcpFacts) -> bool {
    let refusals = tcp.resets.iter().filter(|r| r.from == Side::Server);
    let last = refusals.map(|r| r.mark.time).max();
    let Some(again) = tcp.syn.last.filter(|syn| Some(syn.time) > last) else {
        return false;
    };
    tcp.syn_ack.last.is_some_and(|m| m.time >= again.time) || context.after(again) < SETTLED
}

/// The reset that answers the SYN.
pub(super) fn refusal(tcp: &TcpFacts) -> Option<&Reset> {
    let before_syn_ack = |r: &Reset| {
        tcp.syn_ack
            .first()
            .is_none_or(|s| r.mark.time <= s.time && r.mark != s)
    };
    let asked = tcp.syn.count > 0;
    tcp.resets.iter().find(|r| {
        let fits = r.answers_syn || !r.with_ack;
        asked && r.from == Side::Server && fits && before_syn_ack(r)
    })
}
