//! The QUIC connection was established, then nothing came back any more.
//!
//! ## What it means
//! The handshake was completed, and then the device's packets got no answer any more. Something on the way drops
//! this connection: a filter that acted late, a NAT or VPN that forgot it, or the server is gone.
//!
//! ## What we look for
//! A completed handshake, then at least three datagrams of the client at different times, over at least three
//! seconds, with not a single one of the server after them and enough capture to say so. A client that says goodbye
//! sends one or two packets and stops, which is no failure. A connection that was idle for more than ten seconds
//! before is only noted: nobody may have been waiting.
//!
//! ## How sure
//! Quite sure; surer the more packets went unanswered; less sure where the capture is known to have lost packets.
//!
//! ## What to do
//! Try another network, and with the VPN off if there is one. If it always stops after the first packets,
//! the network filters QUIC: ask its operator. Reloading opens a new connection.
//!
//! ## Often confused with
//! quic.handshake-stalled (the handshake was not over), quic.stateless-reset (the server said that it does not know
//! the connection), a connection that was closed or moved to another network (no fault).
//!
//! ## References
//! RFC 9000 sections 9, 10.1 and 10.2, RFC 9002 section 6.2.

use super::common::{count, flights_after, sure};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Silence, Stage};
use crate::fact::quic::QuicFacts;
use crate::types::{Mark, Side};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "quic.silent-after-handshake",
    stage: Stage::Quic,
    severity: Severity::Broken,
    blame: Blame::Path,
    over: &[],
    check: Check::Path(check),
    source: include_str!("silent_after_handshake.rs"),
};

/// How long the client's packets must have gone on.
const LONG: Duration = Duration::from_secs(3);
/// Quiet for longer than this, nobody was waiting for anything.
const IDLE: Duration = Duration::from_secs(10);

/// A packet sooner than this after the server's last one may be no more than its acknowledgement.
const ACK_DUE: Duration = Duration::from_millis(50);

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let quic = context.quic().filter(|q| q.handshake_complete())?;
    let moved = quic.migrated.is_some() || quic.reused.is_some() || quic.stateless_reset.is_some();
    let answer = quic.last[Side::Server]?;
    let unanswered = quic.since_last_of_other[Side::Client];
    if moved || !quic.closes.is_empty() || unanswered < 3 {
        return None;
    }
    let tries = flights_after(&silent_marks(quic), answer, ACK_DUE);
    let (first, last) = (tries.first().copied()?, tries.last().copied()?);
    let long = LONG.max(context.rtt().unwrap_or_default() * 3);
    if tries.len() < 3 || last.time.since(answer.time) < long {
        return None;
    }
    let Silence::Proven { .. } = context.silence(&tries) else {
        return None;
    };
    let idle = first.time.since(answer.time) >= IDLE;
    let confidence = if tries.len() >= 5 { 0.9 } else { 0.8 };
    let what = format!(
        "{} of the client over {:.1} s got no answer from {} after the handshake{}",
        count(unanswered, "datagram"),
        last.time.since(answer.time).as_secs_f64(),
        context.path.flow.server,
        if idle {
            "; the connection had been idle before"
        } else {
            ""
        },
    );
    let marks = tries.iter().copied().chain([answer]);
    let claim = Claim::new(what, sure(context, confidence), marks);
    Some(if idle {
        claim.as_severe_as(Severity::Note)
    } else {
        claim
    })
}

/// The client's datagrams since the server's last one: the first and the last of them, as far as marks are kept.
fn silent_marks(quic: &QuicFacts) -> Vec<Mark> {
    let mut marks = quic.unanswered[Side::Client].clone();
    let kept = marks.last().copied().unwrap_or_default();
    let last = quic.recent[Side::Client].iter();
    marks.extend(last.filter(|m| (m.time, m.frame) > (kept.time, kept.frame)));
    marks
}
