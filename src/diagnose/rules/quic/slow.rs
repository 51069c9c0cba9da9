//! The QUIC handshake took long.
//!
//! ## What it means
//! The connection was established, but only after longer than the limit (1 s, `--limit quic.slow=…`). Packets were
//! lost and had to be repeated, the way to the server is long, or the server is slow.
//!
//! ## What we look for
//! The time from the client's first Initial to the server's first 1-RTT packet (or to the client's first packet under
//! later keys, if that comes later), in a handshake that was completed; to the client's first 1-RTT packet, if that
//! comes sooner: it has what it needs for that from the server's whole flight.
//! Lost tries, Retry and Version Negotiation are named where they took part.
//!
//! ## How sure
//! Very sure: it is measured. Less sure where the capture is known to have lost packets.
//!
//! ## What to do
//! If packets were repeated, look for a weak Wi-Fi signal or an overloaded line. If not, compare the round trip with
//! that of other servers: a server far away points at the service's DNS answers or at a VPN.
//!
//! ## Often confused with
//! quic.fell-back-to-tcp (QUIC did not work at all), quic.handshake-stalled (it never came to its end), a slow lookup
//! before it (dns.slow).
//!
//! ## References
//! RFC 9000 section 7, RFC 9002 section 6.2, RFC 9001 section 4.1.

use super::common::{count, ms, whole};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::quic::QuicFacts;
use crate::types::{Mark, Side};

pub(super) static RULE: Rule = Rule {
    id: "quic.slow",
    stage: Stage::Quic,
    severity: Severity::Degraded,
    blame: Blame::Path,
    over: &[],
    check: Check::Path(check),
    source: include_str!("slow.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let quic = whole(context).filter(|q| q.handshake_complete() && q.reused.is_none())?;
    if quic.clipped {
        return None; // the server's first 1-RTT packet may stand behind the cut, with its flight
    }
    let first = quic.client_initials.first().copied()?;
    let done = done(quic)?;
    let took = done.time.since(first.time);
    let limit = context.world.thresholds.quic_slow;
    let unhurried = context.sibling_won().is_some_and(|won| won < done.time);
    if took <= limit || unhurried {
        return None;
    }
    let what = format!(
        "the handshake with {} took {} (limit {}){}",
        context.path.flow.server,
        ms(took),
        ms(limit),
        reasons(quic),
    );
    let confidence = if context.packets_missing() { 0.7 } else { 0.95 };
    let marks = [Some(first), Some(done), quic.server_first];
    Some(
        Claim::new(what, confidence, marks.into_iter().flatten())
            .with("took_ms", (took.as_secs_f64() * 1e4).round() / 10.0),
    )
}

/// The server's first 1-RTT packet, or, where the client could not yet use it (0.5-RTT data that overtook a lost
/// hello), the first packet which proves that the client could. The client's own first 1-RTT packet proves it as well,
/// should the capture have missed that of the server.
pub(super) fn done(quic: &QuicFacts) -> Option<Mark> {
    let own = quic.one_rtt[Side::Client];
    let client = [quic.handshake[Side::Client], own];
    let ready = client.into_iter().flatten().min_by_key(|m| m.time)?;
    let server = quic.one_rtt[Side::Server]?;
    let both = if server.time < ready.time {
        ready
    } else {
        server
    };
    Some(own.filter(|own| own.time < both.time).unwrap_or(both))
}

/// What made it long, as far as it shows.
fn reasons(quic: &QuicFacts) -> String {
    let mut reasons = Vec::new();
    let before = |m: &&Mark| quic.server_first.is_none_or(|s| m.time < s.time);
    let tries = quic.flights().iter().filter(before).count();
    if tries > 1 {
        let repeats = u32::try_from(tries - 1).unwrap_or(u32::MAX);
        reasons.push(format!(
            "{} before the first answer",
            count(repeats, "repetition")
        ));
    }
    if !quic.retries.is_empty() {
        reasons.push("the server asked for a proof of address first (Retry)".to_owned());
    }
    if quic.version_negotiation.is_some() {
        reasons.push("the version had to be negotiated".to_owned());
    }
    if let Some(rtt) = quic.rtt() {
        reasons.push(format!("first answer after {}", ms(rtt)));
    }
    if reasons.is_empty() {
        return String::new();
    }
    format!("; {}", reasons.join("; "))
}
