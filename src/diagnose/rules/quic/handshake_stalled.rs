//! The QUIC handshake began and never came to an end.
//!
//! ## What it means
//! The server answered, so it can be reached; but the rest of the handshake does not get through in one direction or
//! the other, and the device keeps trying. Often large packets are lost where small ones pass, or a filter lets the
//! first packets through and drops the rest.
//!
//! ## What we look for
//! An Initial or Handshake packet of the server, no completed handshake, no readable close, and handshake packets
//! that the client still sends three seconds (or three round trips) after the server's first answer, at least three
//! times. A client that refuses the certificate may close under encryption, which looks alike; but then it stops. So
//! only a client that goes on counts.
//!
//! ## How sure
//! Fairly sure that it stalled; surer the longer the client tries. Which packets are missing is told as far as it can
//! be seen.
//!
//! ## What to do
//! Try another network, and with the VPN off if there is one. If that helps, lower the MTU of the first network's
//! tunnel or router (1280 bytes are enough for IPv6 and for QUIC), or have its filter checked.
//!
//! ## Often confused with
//! quic.initial-unanswered (the server never answered), quic.silent-after-handshake (the handshake was over),
//! quic.closed-by-client (the device gave it up), quic.slow (it came to its end, late).
//!
//! ## References
//! RFC 9000 sections 8.1 and 14, RFC 9001 section 4.1, RFC 9002 section 6.2.

use super::common::{count, flights_after, lost_race, ms, severity, sure, told_why, whole};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Silence, Stage};
use crate::fact::quic::QuicFacts;
use crate::types::{Mark, Side};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "quic.handshake-stalled",
    stage: Stage::Quic,
    severity: Severity::Broken,
    blame: Blame::Path,
    over: &[],
    check: Check::Path(check),
    source: include_str!("handshake_stalled.rs"),
};

/// How long a handshake must drag on after the server's first answer.
const LONG: Duration = Duration::from_secs(3);
/// Packets sooner than this after the answer are the handshake's own, not repetitions.
const OWN: Duration = Duration::from_millis(250);

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let quic = whole(context)?;
    let answer = quic.server_initial.or(quic.handshake[Side::Server])?;
    let over = quic.handshake_complete() || told_why(quic).is_some() || quic.reused.is_some();
    if over || quic.migrated.is_some() || lost_race(context, quic) {
        return None;
    }
    let last = quic.last_long[Side::Client]?;
    let tried = last.time.since(answer.time);
    let tries = flights_after(&quic.recent[Side::Client], answer, OWN);
    if tried < LONG.max(context.rtt().unwrap_or_default() * 3) || tries.len() < 3 {
        return None;
    }
    let silent = flights_after(&tries, quic.last[Side::Server]?, Duration::ZERO);
    if !silent.is_empty() && context.silence(&silent) == Silence::Unprovable {
        return None;
    }
    let confidence = if tries.len() >= 5 { 0.9 } else { 0.8 };
    let what = format!(
        "{} answered after {:.0} ms, but the handshake was not over {:.1} s later: {}",
        context.path.flow.server,
        answer
            .time
            .since(context.path.flow.first.time)
            .as_secs_f64()
            * 1e3,
        tried.as_secs_f64(),
        lacking(quic, answer, &silent),
    );
    let marks = [Some(answer), Some(last), quic.last[Side::Server]];
    let marks = marks.into_iter().flatten().chain(tries);
    Some(Claim::new(what, sure(context, confidence), marks).as_severe_as(severity(context)))
}

/// What did not get through, as far as it shows.
fn lacking(quic: &QuicFacts, answer: Mark, silent: &[Mark]) -> String {
    let server_quiet = !silent.is_empty();
    if quic.handshake[Side::Server].is_none() {
        return "the rest of the server's handshake did not arrive".to_owned();
    }
    if quic.handshake[Side::Client].is_none() && quic.one_rtt[Side::Client].is_none() {
        return "the client went on asking for the rest of the server's part".to_owned();
    }
    if server_quiet {
        let lasted = quic.last[Side::Server].map_or(Duration::ZERO, |m| m.time.since(answer.time));
        let when = if lasted < Duration::from_millis(1) {
            "after its first answer".to_owned()
        } else {
            format!("{} after its first answer", ms(lasted))
        };
        let tries = count(quic.since_last_of_other[Side::Client], "datagram");
        return format!(
            "the server fell silent {when}, and {tries} of the client since got no answer"
        );
    }
    "both sides repeat their parts".to_owned()
}
