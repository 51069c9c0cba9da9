//! Proofs from lookups: the same name, asked in both captures, of the same resolver or of another one.

use super::{About, Case, Draft, seen};
use crate::compare::difference::{own_lookups, resolvers, works};
use crate::compare::row::host;
use crate::data;
use crate::snapshot::{Attempt, Lookup, Outcome, Stage};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What the lookups of a name prove; `None` where it did not fail, or suffer, at its lookups.
pub(super) fn proof(case: &Case<'_>) -> Option<Draft> {
    let shown = case.shown().filter(|a| a.stage == Some(Stage::Dns))?;
    let cause = shown.cause.as_deref()?;
    let asked = resolvers(shown);
    let good = usable(case);
    let same = good.as_ref().and_then(|(_, l)| {
        let resolver = host(&l.resolver);
        (asked.contains(resolver) && is_public(resolver)).then(|| resolver.to_owned())
    });
    let bad = case.bad.letter();
    let other = case.bad.other().letter();
    let (about, says, sure, open) = match (cause, same) {
        ("dns.injected", _) => injected(bad, other),
        ("dns.slow" | "dns.failover", same) => slow(bad, other, same.is_some()),
        ("dns.unanswered" | "dns.unreachable", Some(resolver)) => (
            About::Network,
            format!(
                "The resolver {resolver} answers in {other} and not in {bad}: neither the name nor the resolver is the \
                 reason, the queries or the answers get lost on {bad}'s side (its network, its VPN, or the way)."
            ),
            0.8,
            vec!["that the resolver was up at both times".to_owned()],
        ),
        ("dns.unanswered" | "dns.unreachable", None) => (
            About::Resolver,
            format!(
                "The name can be resolved in {other}; in {bad} its resolver does not answer. It is that resolver or the \
                 way to it, not the service."
            ),
            0.7,
            vec![format!(
                "whether the resolver of {bad} is down or the way to it is blocked"
            )],
        ),
        (_, Some(resolver)) => (
            About::Network,
            format!(
                "The resolver {resolver} gives {other} a usable answer and {bad} none: the name exists, and what {bad} \
                 got was made on its side of that resolver, or for its network."
            ),
            0.75,
            vec![format!(
                "whether something in {bad}'s network answered in the resolver's place, or the resolver treats that \
                 network differently"
            )],
        ),
        (_, None) => denied(bad, other, &good),
    };
    let good = case.better().first().map(|a| answer(good, a));
    Some(Draft {
        about,
        side: Some(case.bad),
        says,
        confidence: Some(sure),
        bad: seen(shown),
        good: good.unwrap_or_default(),
        not_proven: open,
    })
}

type Words = (About, String, f64, Vec<String>);

fn injected(bad: &str, other: &str) -> Words {
    (
        About::Interceptor,
        format!(
            "In {bad} something answers lookups in the resolver's place; in {other} nothing does. It sits on {bad}'s side."
        ),
        0.85,
        vec!["who it is: the access network, the provider, or something behind it".to_owned()],
    )
}

fn slow(bad: &str, other: &str, same: bool) -> Words {
    let about = if same {
        About::Network
    } else {
        About::Resolver
    };
    let whom = if same {
        format!("the same resolver as {other}")
    } else {
        format!("another resolver than {other}")
    };
    (
        about,
        format!("Lookups cost more time in {bad}, which asks {whom}."),
        0.5,
        vec!["that it was not a passing disturbance, or an empty cache: repeat it".to_owned()],
    )
}

fn denied(bad: &str, other: &str, good: &Option<(&Attempt, &Lookup)>) -> Words {
    let open = format!(
        "whether {bad}'s resolver does it itself or something in {bad}'s network answers in its place: ask {other}'s \
         resolver from {bad}'s network"
    );
    match good {
        Some(_) => (
            About::Resolver,
            format!(
                "The name exists: {other}'s resolver gives a usable address. {bad}'s resolver does not, so it filters the \
                 name or can't resolve it; the service is not the reason."
            ),
            0.85,
            vec![open],
        ),
        None => (
            About::Resolver,
            format!(
                "{bad}'s resolver gives no usable address; {other} gets through without a visible lookup (cached or \
                 encrypted), so the name exists."
            ),
            0.7,
            vec![open],
        ),
    }
}

/// A lookup of the better side that was answered with an address.
fn usable<'a>(case: &Case<'a>) -> Option<(&'a Attempt, &'a Lookup)> {
    let through = |a: &&&Attempt| matches!(a.outcome, Outcome::Ok | Outcome::Degraded);
    let attempts = case.better().iter().filter(through);
    attempts
        .flat_map(|a| own_lookups(a).map(move |l| (*a, l)))
        .find(|(_, l)| !l.answers.is_empty())
}

fn answer(good: Option<(&Attempt, &Lookup)>, attempt: &Attempt) -> super::Seen {
    let Some((_, lookup)) = good else {
        let path = attempt.paths.iter().find(|p| works(p));
        return path.map_or_else(|| seen(attempt), super::worked);
    };
    let who = host(&lookup.resolver);
    let known = who.parse::<IpAddr>().ok();
    let known = known.and_then(|ip| data::resolver_of_addr(ip.into()));
    let known = known.map_or(String::new(), |r| format!(" ({})", r.provider));
    super::Seen {
        what: format!(
            "{who}{known} answered {} with {}",
            lookup.qtype,
            lookup
                .answers
                .iter()
                .take(3)
                .cloned()
                .collect::<Vec<_>>()
                .join(", ")
        ),
        frames: super::first_frames(&lookup.frames),
    }
}

/// An address that means the same machine, or the same operator, from everywhere: 192.168.1.1 is another router in
/// another network.
fn is_public(address: &str) -> bool {
    let ip = address.parse::<IpAddr>().ok();
    ip.is_some_and(|ip| data::special_purpose(ip.into()).is_none_or(|s| s.public))
}

/// Both sides failed at their lookups, and asked resolvers that have nothing in common.
pub(super) fn other_resolvers(case: &Case<'_>) -> bool {
    let of = |attempts: &[&Attempt]| -> BTreeSet<String> {
        let dns = attempts.iter().filter(|a| a.stage == Some(Stage::Dns));
        dns.flat_map(|a| resolvers(a)).collect()
    };
    let (worse, better) = (of(case.worse()), of(case.better()));
    !worse.is_empty() && !better.is_empty() && worse.is_disjoint(&better)
}
