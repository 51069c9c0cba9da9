//! The encrypted connection to the resolver fails, and no name gets resolved otherwise.
//!
//! ## What it means
//! The device asks its resolver through an encrypted connection (DNS over TLS, HTTPS or QUIC; "private DNS" on
//! Android), and that connection does not come about. Without it no name can be looked up, and every app seems
//! offline. Firewalls and providers that block other resolvers cause this, and so do wrong settings.
//!
//! ## What we look for
//! Two connections to port 853 of one address, or one that names a listed resolver of encrypted DNS (SNI), that broke
//! for a cause of their own; no other connection of this device to an encrypted resolver that got through, no lookup
//! in plain that gave an address, and no connection to the service that began around that time. A device that only
//! probes whether its resolver offers encryption, and asks in plain when it does not, is not this.
//!
//! ## How sure
//! What is inside the encrypted connection can't be seen, and names may be known from a cache; hence never sure.
//!
//! ## What to do
//! Turn off "private DNS" or DNS over HTTPS in the device's or browser's settings, or set it to automatic, and see
//! whether it works then. If it does, this network blocks that resolver: choose another one.
//!
//! ## Often confused with
//! dns.unanswered (the same for plain DNS), opportunistic encryption (the device falls back to plain DNS without
//! harm).
//!
//! ## References
//! RFC 7858, RFC 8310 section 5, RFC 8484, RFC 9250.

use crate::data;
use crate::diagnose::{
    AttemptContext, Blame, Check, Claim, Finding, Outcome, Rule, Severity, Stage,
};
use crate::types::{Side, Timestamp};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "dns.encrypted-failed",
    stage: Stage::Dns,
    severity: Severity::Broken,
    blame: Blame::Interceptor,
    over: &[],
    check: Check::Attempt(check),
    source: include_str!("encrypted_failed.rs"),
};

/// Names resolved this long before or after the failure show that it can be done without.
const AROUND: Duration = Duration::from_secs(10);
/// Attempts of one device that are looked at.
const LOOKED_AT: usize = 1024;

fn check(context: &AttemptContext<'_>) -> Vec<Claim> {
    failure(context).into_iter().collect()
}

fn failure(context: &AttemptContext<'_>) -> Option<Claim> {
    let paths = &context.attempt.paths;
    let encrypted = paths.iter().all(|p| p.flow.server.port != 53) && !paths.is_empty();
    if !context.is_to_resolver() || !encrypted || !has_failed(context) {
        return None;
    }
    let (index, inner) = broken_path(context)?;
    let server = paths.get(index)?.flow.server;
    let by_name = context
        .attempt
        .name
        .as_deref()
        .and_then(data::resolver_of_name);
    let known = by_name
        .map(|(r, _)| r)
        .or_else(|| data::resolver_of_addr(server.addr));
    if known.is_none() && inner.rule.id == "tcp.refused" {
        return None; // a router that does not offer it
    }
    let broken = context
        .paths
        .iter()
        .filter(|p| p.outcome == Outcome::Broken)
        .count();
    if broken < 2 && by_name.is_none() {
        return None; // one try may be a probe
    }
    let from = context.attempt.started.time.minus(AROUND);
    let last = paths.iter().map(|p| p.flow.last.time).max()?;
    let to = last.plus(AROUND);
    if resolves_otherwise(context, from, to) {
        return None;
    }
    // Other new connections that are answered: names may come from a cache.
    let busy = context
        .world
        .clients
        .get(context.attempt.client)
        .is_some_and(|c| !c.signs.quiet(last, to));
    let sure = match (known.is_some(), busy) {
        (true, false) => 0.8,
        (true, true) | (false, false) => 0.65,
        (false, true) => 0.5,
    };
    let who = known.map_or_else(
        || server.to_string(),
        |r| format!("{server} ({})", r.provider),
    );
    let what = format!(
        "the encrypted connection to the resolver {who} failed: {}",
        inner.claim.what
    );
    let claim = Claim::new(what, sure, inner.claim.marks.iter().copied());
    let claim = claim.on_path(index).with("inner", inner.rule.id);
    // What is known to offer encryption, with a certificate that everybody accepts, does not turn a client down, nor
    // does a client turn it down: somebody else does.
    let proven = known.is_some() && by_a_stranger(inner.rule.id);
    Some(match inner.blame() {
        Blame::Path | Blame::Unknown => claim,
        Blame::Device | Blame::Edge if proven => claim,
        other => claim.blaming(other),
    })
}

/// Refusals that a well-known resolver and its clients have no reason for.
fn by_a_stranger(inner: &str) -> bool {
    const OF_CLIENTS: [&str; 2] = ["tls.client-rejected", "tls.alert-from-client"];
    inner == "tcp.refused" || inner.starts_with("tls.certificate-") || OF_CLIENTS.contains(&inner)
}

/// All connections broke; or several did, and the capture ends while the client tries once more.
fn has_failed(context: &AttemptContext<'_>) -> bool {
    let count = |outcome| {
        context
            .paths
            .iter()
            .filter(|p| p.outcome == outcome)
            .count()
    };
    match context.outcome {
        Some(Outcome::Broken) => true,
        Some(Outcome::Unfinished) => {
            count(Outcome::Broken) >= 2 && count(Outcome::Broken) > count(Outcome::Unfinished)
        }
        _ => false,
    }
}

/// The first path that broke, with what broke it.
fn broken_path<'a>(context: &AttemptContext<'a>) -> Option<(usize, &'a Finding)> {
    let findings = context.findings;
    let broken = context
        .paths
        .iter()
        .enumerate()
        .filter(|(_, p)| p.outcome == Outcome::Broken);
    broken
        .filter_map(|(index, p)| Some((index, findings.get(p.finding?)?)))
        .next()
}

fn resolves_otherwise(context: &AttemptContext<'_>, from: Timestamp, to: Timestamp) -> bool {
    let world = context.world;
    let device = context.attempt.client;
    let told = |addr| {
        world
            .dns
            .answers_to(addr)
            .is_some_and(|a| !a.quiet(from, to))
    };
    let clients = context.attempt.paths.iter().map(|p| p.flow.client.addr);
    if told(device) || clients.into_iter().any(told) {
        return true;
    }
    let began = context.attempt.started.time;
    let mut attempts = world.attempts_of(device).rev().take(LOOKED_AT);
    attempts.any(|other| {
        let resolver = other.matched_by == context.attempt.matched_by;
        other.paths.iter().any(|p| {
            let worked = p
                .progress
                .succeeded()
                .is_some_and(|at| at >= from && at <= to);
            let alive = p.progress.succeeded().is_some()
                && p.flow.first.time <= to
                && p.flow.last.time >= from;
            let opened = p.flow.first.time >= began && p.flow.first.time <= to;
            if resolver {
                worked || alive
            } else {
                opened && p.flow.packets[Side::Client] > 0
            }
        })
    })
}
