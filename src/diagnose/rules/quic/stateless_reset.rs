//! The server no longer knew the QUIC connection and cut it off (stateless reset).
//!
//! ## What it means
//! The server answered packets of an established connection with a stateless reset: it has lost all memory of it. It
//! was restarted, or a load balancer handed the connection to another machine, as happens when the device's
//! address changes on the way.
//!
//! ## What we look for
//! A datagram of the server that has the form of a stateless reset (short header, shorter than the packet that it
//! answers, at least 21 bytes, not addressed to any connection id of the client), and silence of the server after it. A
//! break is claimed only where the device opened another connection to the same server within five seconds, or had
//! got no more than the handshake out of this one; else it may be the tail of an ordinary close, and is noted.
//!
//! ## How sure
//! Not more than fairly sure: without the secret token it cannot be proven, and a reset is made to look like any other
//! packet.
//!
//! ## What to do
//! Usually the app reconnects by itself. If it happens again and again, the server's load balancing or your NAT moves
//! connections: report it to the service with the time and the addresses, or try without VPN.
//!
//! ## Often confused with
//! quic.silent-after-handshake (no reset), an ordinary close (encrypted, so it cannot be told apart by its content).
//!
//! ## References
//! RFC 9000 section 10.3.

use super::common::{ms, sure};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::quic::QuicFacts;
use crate::types::{Mark, Side};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "quic.stateless-reset",
    stage: Stage::Quic,
    severity: Severity::Broken,
    blame: Blame::Edge,
    over: &[],
    check: Check::Path(check),
    source: include_str!("stateless_reset.rs"),
};

/// Silence after it that makes it the last word.
const LAST_WORD: Duration = Duration::from_secs(1);
/// A connection opened this soon after it replaces the one that was cut.
const REPLACED: Duration = Duration::from_secs(5);
/// Paths to one address that are looked at for a replacement.
const MAX_CONTROLS: usize = 256;

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let quic = context.quic()?;
    let reset = quic.stateless_reset?;
    if !quic.closes.is_empty() || context.after(reset) < LAST_WORD {
        return None;
    }
    let replaced = replacement(context, reset);
    let useless = is_useless(quic);
    let confidence = match (replaced.is_some(), useless) {
        (true, _) => 0.75,
        (false, true) => 0.65,
        (false, false) => 0.4,
    };
    let what = format!(
        "the last datagram of {} has the form of a stateless reset, {} after the connection began{}",
        context.path.flow.server,
        ms(reset.time.since(context.path.flow.first.time)),
        if replaced.is_some() {
            "; the device then opened another connection"
        } else {
            ""
        },
    );
    let asked = quic.recent[Side::Client]
        .iter()
        .copied()
        .rfind(|m| m.time <= reset.time);
    let marks = [Some(reset), asked, replaced];
    let claim = Claim::new(what, sure(context, confidence), marks.into_iter().flatten());
    Some(if replaced.is_some() || useless {
        claim
    } else {
        claim.as_severe_as(Severity::Note)
    })
}

/// The server sent next to nothing but the handshake and the reset.
fn is_useless(quic: &QuicFacts) -> bool {
    quic.one_rtt_count[Side::Server] <= 3
}

/// The first connection of this client to this address, or for this attempt's name, that follows soon.
fn replacement(context: &PathContext<'_>, reset: Mark) -> Option<Mark> {
    let flow = &context.path.flow;
    let limit = reset.time.plus(REPLACED);
    let soon = |m: &Mark| m.time >= reset.time && m.time <= limit;
    let same = context
        .world
        .paths_to(flow.server.addr)
        .filter(|p| p.flow.client.addr == flow.client.addr)
        .take(MAX_CONTROLS);
    same.chain(context.siblings())
        .map(|p| p.flow.first)
        .filter(soon)
        .min_by_key(|m| m.time)
}
