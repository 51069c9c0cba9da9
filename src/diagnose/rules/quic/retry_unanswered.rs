//! The server asked the device to prove its address (Retry), and did not answer the proof.
//!
//! ## What it means
//! The server answered the first connection request with Retry: "come again with this token". The device did, and
//! got silence or another Retry. The server's machines do not accept each other's tokens (a load balancer that
//! spreads one client over several of them), or the device's address changes on the way.
//!
//! ## What we look for
//! A Retry packet, an Initial of the client that carries a token, and after that no answer: either nothing, with enough
//! capture after the tries to say so, or only further Retries, which a client must ignore.
//!
//! ## How sure
//! Quite sure; surer with every try; less sure where the capture is known to have lost packets.
//!
//! ## What to do
//! Try another network; carrier-grade NAT can change the address between the two packets. If it happens everywhere,
//! it is the server's: report it to the service. It usually works over TCP meanwhile.
//!
//! ## Often confused with
//! quic.initial-unanswered (no answer at all), quic.closed-by-server with INVALID_TOKEN (the server says that it does
//! not accept the token).
//!
//! ## References
//! RFC 9000 sections 8.1.2 and 17.2.5.

use super::common::{count, flights_after, has_told_why, lost_race, severity, sure, whole};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Silence, Stage};
use crate::types::{Mark, Side};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "quic.retry-unanswered",
    stage: Stage::Quic,
    severity: Severity::Broken,
    blame: Blame::Edge,
    over: &[],
    check: Check::Path(check),
    source: include_str!("retry_unanswered.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let quic = whole(context)?;
    let retry = quic.retries.first().copied()?;
    let proof = quic.initial_with_token?;
    let again: Vec<Mark> = later(&quic.retries, proof).collect();
    let last_retry = again.last().copied().unwrap_or(retry);
    let answered = quic.server_initial.is_some()
        || quic.handshake[Side::Server].is_some()
        || quic.one_rtt[Side::Server].is_some()
        || quic.last[Side::Server].is_some_and(|m| m.time > last_retry.time.max(proof.time));
    if answered || has_told_why(quic) || lost_race(context, quic) {
        return None;
    }
    let before = Mark {
        time: proof.time.minus(Duration::from_nanos(1)),
        ..proof
    };
    let mut tries = flights_after(&quic.client_initials, before, Duration::ZERO);
    // That the client gives up is no try.
    tries.retain(|t| quic.closes.iter().all(|c| c.mark.frame != t.frame));
    if tries.len() < 2 && again.is_empty() {
        return None; // a client that waits would ask again
    }
    let Silence::Proven { lasted } = context.silence(&tries) else {
        return None;
    };
    let confidence = match (tries.len(), again.len()) {
        (2, 0) => 0.85,
        _ => 0.92,
    };
    let number = u32::try_from(tries.len()).unwrap_or(u32::MAX);
    let came = match again.len() {
        0 => "no answer".to_owned(),
        n => format!("nothing but {n} more Retry"),
    };
    let what = format!(
        "{} asked for a proof of address (Retry); {} with its token got {came} in {:.1} s",
        context.path.flow.server,
        count(number, "request"),
        lasted.as_secs_f64(),
    );
    let marks = [retry, proof].into_iter().chain(again).chain(tries);
    Some(Claim::new(what, sure(context, confidence), marks).as_severe_as(severity(context)))
}

fn later(marks: &[Mark], than: Mark) -> impl Iterator<Item = Mark> {
    marks.iter().copied().filter(move |m| m.time > than.time)
}
