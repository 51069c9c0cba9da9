//! It took long to resolve the name.
//!
//! ## What it means
//! The answer came, but so late that a person notices: every connection to a new name waits for it. A resolver that
//! is far away or overloaded is slow with every name; a lost packet costs one lookup a second or more, until the
//! device asks again.
//!
//! ## What we look for
//! A lookup of A or AAAA of the name that took longer than the limit (`--limit dns.slow=…`, 500 ms unless told), or
//! that had to be asked again before it was answered (a lookup of the same resolver that failed just before counts as
//! well); and no connection for the name that began without waiting for it. Where only one family was slow and no
//! connection followed, nothing is said: the client may not have waited.
//!
//! ## How sure
//! The times are measured. Where the device asked again, packet loss is as likely as a slow resolver.
//!
//! ## What to do
//! Compare with the other lookups of the same resolver (the table of resolvers). If all are slow, use a nearer one.
//! If it is single ones that were asked twice, look for packet loss: weak Wi-Fi, an overloaded line.
//!
//! ## Often confused with
//! dns.failover (another resolver had to help), tcp.slow-connect (the answer was quick, the connection was not).
//!
//! ## References
//! RFC 1035 section 4.2.1, RFC 8305 section 3.

use super::survey::millis;
use super::survey::{Asked, Fate, asked, claim, resolver_name, types};
use crate::diagnose::{AttemptContext, Blame, Check, Claim, Rule, Severity, Stage};
use crate::fact::dns::Lookup;
use crate::types::{Mark, Timestamp};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "dns.slow",
    stage: Stage::Dns,
    severity: Severity::Degraded,
    blame: Blame::Resolver,
    over: &[],
    check: Check::Lookups(check),
    source: include_str!("slow.rs"),
};

/// Queries closer together than this are several programs that ask, not one that waited.
const RETRY: Duration = Duration::from_millis(250);
/// A lookup that failed longer ago than this is not what the client waited for.
const RELATED: Duration = Duration::from_secs(8);

fn check(context: &AttemptContext<'_>) -> Option<Claim> {
    if context.is_to_resolver() {
        return None;
    }
    let asked = asked(context);
    let ready = asked.iter().filter_map(|a| ready(a)).min()?;
    let first_path = context
        .attempt
        .paths
        .iter()
        .map(|p| p.flow.first.time)
        .filter(|&t| t >= ready)
        .min();
    let slow = asked
        .iter()
        .filter_map(|a| Some((a, waited(context, &asked, a, ready, first_path)?)));
    let (about, took) = slow.max_by_key(|(_, took)| *took)?;
    let tries = tries_before_answer(about.lookup) + earlier(&asked, about).count();
    let again = if tries > 1 {
        format!(" and {tries} queries")
    } else {
        String::new()
    };
    let what = format!(
        "{} took {:.0} ms{again} to answer {}",
        resolver_name(about.lookup.resolver),
        millis(took),
        types(&[*about]),
    );
    let mut claim = claim(what, 0.9, &[*about]);
    claim.marks.extend(earlier(&asked, about));
    Some(claim.with("took_ms", millis(took)).with("tries", tries))
}

/// When the first usable answer was there.
fn ready(asked: &Asked<'_>) -> Option<Timestamp> {
    match asked.fate {
        Fate::Address(reply) => Some(reply.mark.time),
        _ => None,
    }
}

/// How long the client waited for this lookup, where that was too long.
fn waited(
    context: &AttemptContext<'_>,
    all: &[Asked<'_>],
    asked: &Asked<'_>,
    ready: Timestamp,
    first_path: Option<Timestamp>,
) -> Option<Duration> {
    let (begun, answer) = (asked.lookup.tries.first()?, asked.lookup.answered()?.mark);
    let begun = earlier(all, asked)
        .map(|m| m.time)
        .min()
        .map_or(begun.time, |m| m.min(begun.time));
    let took = answer.time.since(begun);
    let retried = tries_before_answer(asked.lookup) > 1;
    let slow = took > context.world.thresholds.dns_slow || (retried && took >= RETRY);
    let needed = match first_path {
        // It connected without waiting for this one.
        Some(path) => path >= answer.time,
        None => answer.time == ready,
    };
    let earlier = context
        .attempt
        .paths
        .iter()
        .any(|p| before(p.flow.first, answer));
    (slow && needed && !earlier && begun <= answer.time).then_some(took)
}

/// First queries of lookups for the same that failed before this one was asked, of the same resolver.
fn earlier<'a>(all: &'a [Asked<'a>], used: &'a Asked<'a>) -> impl Iterator<Item = Mark> + 'a {
    let begun = used.lookup.tries.first().map(|m| m.time);
    let same = |a: &Asked<'_>| {
        let (a, b) = (a.lookup, used.lookup);
        a.client.addr == b.client.addr && a.qtype == b.qtype && a.resolver.addr == b.resolver.addr
    };
    let failed = |a: &Asked<'_>| matches!(a.fate, Fate::Error(_) | Fate::Malformed(..));
    all.iter()
        .filter(move |a| same(a) && failed(a))
        .filter_map(move |a| {
            let first = *a.lookup.tries.first()?;
            begun
                .is_some_and(|b| first.time <= b && b.since(first.time) <= RELATED)
                .then_some(first)
        })
}

fn before(path: Mark, answer: Mark) -> bool {
    path.time < answer.time
}

/// Queries before the answer, those close together counted once.
fn tries_before_answer(lookup: &Lookup) -> usize {
    let Some(answer) = lookup.answered() else {
        return lookup.tries.len();
    };
    let mut count = 0;
    let mut last: Option<Timestamp> = None;
    for mark in lookup
        .tries
        .iter()
        .take_while(|m| m.time <= answer.mark.time)
    {
        if last.is_none_or(|l| mark.time.since(l) >= RETRY) {
            count += 1;
        }
        last = Some(mark.time);
    }
    count
}
