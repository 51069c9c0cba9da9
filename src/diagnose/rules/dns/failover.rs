//! The first resolver failed, and another one had to answer.
//!
//! ## What it means
//! The device asked one resolver and got an error or nothing; only then it asked another one, which knew the address. It
//! works, but each new name costs that detour, and if the second resolver fails as well, nothing works any more.
//!
//! ## What we look for
//! A lookup of A or AAAA of the name that a resolver did not answer, or answered with an error, and after that (for
//! silence: at least 250 ms later) the same question of the same client to another resolver, which gave the address.
//! Asking several resolvers at the same time is no fault, even if some of them are slow.
//!
//! ## How sure
//! The order of the packets shows it. Surer where the first resolver said why.
//!
//! ## What to do
//! Look up which resolvers the device is set to (often the router hands out two) and take out or replace the one that
//! fails.
//!
//! ## Often confused with
//! dns.slow (the same resolver answered late), dns.unanswered (no resolver answered).
//!
//! ## References
//! RFC 1035 section 7.2, RFC 1123 section 6.1.3.3.

use super::survey::millis;
use super::survey::{Asked, Fate, asked, claim, resolver_name};
use crate::diagnose::{AttemptContext, Blame, Check, Claim, Rule, Severity, Stage};
use crate::fact::dns::rcode_name;
use crate::types::Timestamp;
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "dns.failover",
    stage: Stage::Dns,
    severity: Severity::Degraded,
    blame: Blame::Resolver,
    over: &["dns.slow"],
    check: Check::Lookups(check),
    source: include_str!("failover.rs"),
};

/// Resolvers asked within this time of each other are asked at the same time.
const TOGETHER: Duration = Duration::from_millis(250);
/// A resolver that failed longer ago than this is not what the second one was asked for.
const RELATED: Duration = Duration::from_secs(16);

fn check(context: &AttemptContext<'_>) -> Option<Claim> {
    if context.is_to_resolver() {
        return None;
    }
    let asked = asked(context);
    let good = asked
        .iter()
        .filter(|a| matches!(a.fate, Fate::Address(_)) && !a.lookup.tries.is_empty());
    let used = good.min_by_key(|a| a.lookup.answered().map(|r| r.mark.time))?;
    let begun = used.lookup.tries.first()?.time;
    let (failed, cost) = asked
        .iter()
        .filter_map(|a| Some((a, cost(a, used, begun)?)))
        .max_by_key(|(_, cost)| *cost)?;
    if connected_before(context, begun) {
        return None;
    }
    let what = format!(
        "{} {}; {:.0} ms after the first query {} was asked and answered",
        resolver_name(failed.lookup.resolver),
        how(failed),
        millis(cost),
        resolver_name(used.lookup.resolver),
    );
    let claim = claim(what, 0.9, &[*failed, *used]);
    Some(claim.with("cost_ms", millis(cost)))
}

/// What asking this one first cost, if it failed before the other was asked.
fn cost(failed: &Asked<'_>, used: &Asked<'_>, begun: Timestamp) -> Option<Duration> {
    let (a, b) = (failed.lookup, used.lookup);
    let same =
        a.client.addr == b.client.addr && a.qtype == b.qtype && a.resolver.addr != b.resolver.addr;
    let first = a.tries.first()?.time;
    let cost = begun.since(first);
    if !same || first > begun || cost > RELATED {
        return None;
    }
    let said = match failed.fate {
        Fate::Error(reply) | Fate::Malformed(reply, _) => Some(reply.mark.time),
        Fate::Unreachable(error) => Some(error.mark.time),
        Fate::Silent => return (cost >= TOGETHER).then_some(cost),
        _ => return None,
    };
    // Said before the other was asked, or so late that the other had to be asked.
    let in_order = said.is_some_and(|at| at <= begun) || cost >= TOGETHER;
    in_order.then_some(cost)
}

fn how(failed: &Asked<'_>) -> String {
    match failed.fate {
        Fate::Error(reply) => format!("answered {}", rcode_name(reply.rcode)),
        Fate::Malformed(..) => "sent something that is no answer".to_owned(),
        Fate::Unreachable(_) => "was unreachable (ICMP error)".to_owned(),
        _ => match failed.lookup.try_count {
            1 => "did not answer".to_owned(),
            n => format!("did not answer {n} queries"),
        },
    }
}

/// A connection for the name already stood when the second resolver was asked: nobody waited.
fn connected_before(context: &AttemptContext<'_>, begun: Timestamp) -> bool {
    context
        .attempt
        .paths
        .iter()
        .any(|p| p.flow.first.time < begun)
}
