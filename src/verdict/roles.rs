//! What a host is for decides how much its failure means: an app lives without its telemetry and its ads, mostly.

use super::field::Case;
use crate::diagnose::{Blame, Outcome};
use crate::target::Role;
use crate::types::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// An app can do without it, as far as its name tells.
#[must_use]
pub fn is_optional(role: Role) -> bool {
    matches!(role, Role::Telemetry | Role::Ads)
}

/// How much depends on such a host, most first.
const fn rank(role: Role) -> u8 {
    match role {
        Role::Login => 0,
        Role::Api => 1,
        Role::Feed => 2,
        Role::Live => 3,
        Role::MediaCdn => 4,
        Role::ImageCdn => 5,
        Role::Web | Role::DnsCname => 6,
        Role::Unknown => 7,
        Role::Telemetry => 8,
        Role::Ads => 9,
    }
}

/// What a person loses without such a host.
const fn stops(role: Role) -> &'static str {
    match role {
        Role::Login => "signing in",
        Role::Api => "everything the app asks the service for",
        Role::Feed => "the feed",
        Role::Live => "live streams",
        Role::MediaCdn => "videos",
        Role::ImageCdn => "pictures",
        Role::Web => "web pages and static files",
        Role::DnsCname | Role::Unknown => "not known",
        Role::Telemetry => "logging only, as far as its name tells",
        Role::Ads => "advertisements only, as far as its name tells",
    }
}

/// A failing host that makes the app stand still is asked for this long at least.
const STANDSTILL: Duration = Duration::from_secs(4);

/// Hosts that are looked at for that.
const MAX_HOSTS: usize = 32;

/// A telemetry host that the app seems to wait for: the app had been at work, asked for that host twice or more in
/// vain, and began nothing else that it needs meanwhile.
pub(super) fn waited_for(cases: &[Case<'_>]) -> Option<usize> {
    let log = |c: &Case<'_>| c.broke() && c.attempt.role == Role::Telemetry;
    let mut tries: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate().filter(|(_, c)| log(c)) {
        if let Some(name) = case.attempt.name.as_deref() {
            tries.entry(name).or_default().push(index);
        }
    }
    let needed = |c: &&Case<'_>| !c.is_optional() && !c.attempt.paths.is_empty();
    let stands_still = |indices: &[usize]| {
        let (first, last) = (indices.first()?, indices.last()?);
        let from = cases.get(*first)?.attempt.started.time;
        let to = cases.get(*last)?.attempt.started.time;
        let began = |from: Timestamp, to: Timestamp| {
            let within = move |t: Timestamp| t > from && t <= to;
            cases
                .iter()
                .filter(needed)
                .any(|c| within(c.attempt.started.time))
        };
        let at_work = cases
            .iter()
            .filter(needed)
            .any(|c| c.attempt.started.time <= from && c.judged.outcome != Outcome::Broken);
        let still = indices.len() >= 2 && to.since(from) >= STANDSTILL && !began(from, to);
        (at_work && still).then_some(*first)
    };
    let again = tries.values().filter(|indices| indices.len() >= 2);
    again
        .take(MAX_HOSTS)
        .find_map(|indices| stands_still(indices))
}

/// A name that somebody blocks, as it seems.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blocked {
    /// The name; untrusted text.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// What its failure stops, in words.
    pub stops: &'static str,
    /// Attempts that failed for it.
    pub attempts: u32,
    /// The app seems to wait for it, whatever its name says.
    pub waited_for: bool,
}

/// Names to unblock: those that a resolver or something in between turned down, the ones that stopped most first.
pub(super) fn blocked(cases: &[Case<'_>], waited_for: Option<usize>) -> Vec<Blocked> {
    let mut found: BTreeMap<&str, Blocked> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        let Some(name) = case.attempt.name.as_deref().filter(|_| is_blocked(case)) else {
            continue;
        };
        let entry = found.entry(name).or_insert_with(|| Blocked {
            name: name.to_owned(),
            role: case.attempt.role,
            stops: stops(case.attempt.role),
            attempts: 0,
            waited_for: false,
        });
        entry.attempts += 1;
        entry.waited_for |= waited_for == Some(index);
    }
    let mut list: Vec<Blocked> = found.into_values().collect();
    list.sort_by_key(|b| (!b.waited_for, rank(b.role), std::cmp::Reverse(b.attempts)));
    list
}

/// Turned down on purpose, as far as the cause tells: a dead resolver or a broken chain of trust blocks no name.
fn is_blocked(case: &Case<'_>) -> bool {
    const NAMED: [&str; 13] = [
        "dns.nxdomain",
        "dns.refused",
        "dns.no-address",
        "dns.sinkhole",
        "dns.filtered",
        "dns.injected",
        "tls.hello-unanswered",
        "tls.reset-after-hello",
        "tls.reset-mid-handshake",
        "tls.intercepted",
        "http.block-page",
        "quic.initial-unanswered",
        "media.frozen-early",
    ];
    let Some(main) = case.main().filter(|_| case.broke()) else {
        return false;
    };
    let by_others = matches!(main.blame(), Blame::Resolver | Blame::Interceptor);
    by_others && NAMED.contains(&main.rule.id)
}
