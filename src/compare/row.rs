//! A name in both captures: its attempts merged, its stages beside each other.

use super::difference::{Difference, differences, median};
use super::{Relation, StagePair};
use crate::data;
use crate::snapshot::{Attempt, Outcome, Report, Severity, Status};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Ids of attempts that a row names.
const MAX_IDS: usize = 32;

/// One name in both captures.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Row {
    /// The name; `null` where only an address is known.
    pub name: Option<String>,
    /// The address, where no name is known.
    pub address: Option<String>,
    /// What the name is for, as the profile says.
    pub role: Option<String>,
    /// How the outcomes stand to each other.
    pub relation: Relation,
    /// In A.
    pub a: Tries,
    /// In B.
    pub b: Tries,
    /// The stages of the attempts shown.
    pub stages: Vec<StagePair>,
    /// The first stage that went another way.
    pub first_difference: Option<&'static str>,
    /// What differs, whether or not it matters.
    pub differences: Vec<Difference>,
}

impl Row {
    /// The name, or the address.
    #[must_use]
    pub fn key(&self) -> &str {
        let key = self.name.as_deref().or(self.address.as_deref());
        key.unwrap_or_default()
    }
}

/// All attempts of one capture for one name.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Tries {
    /// The best known outcome: `unfinished` only where no attempt has one.
    pub outcome: Outcome,
    /// Its cause.
    pub cause: Option<String>,
    /// What was seen, with numbers.
    pub what: Option<String>,
    /// The packets that show it, in that capture.
    pub frames: Vec<u32>,
    /// How sure, 0 to 1.
    pub confidence: Option<f64>,
    /// Attempts.
    pub tried: usize,
    /// Those that got through well.
    pub ok: usize,
    /// Those that got through badly.
    pub degraded: usize,
    /// Those that failed.
    pub broken: usize,
    /// Those without an outcome: no evidence.
    pub unfinished: usize,
    /// Median milliseconds of the attempts with that outcome.
    pub duration: Option<f64>,
    /// Id, in a report about that capture, of the attempt whose stages are shown.
    pub shown: Option<usize>,
    /// Ids of all of them, the first 32.
    pub ids: Vec<usize>,
}

/// The reports.
#[derive(Clone, Copy)]
pub struct Sides<'a> {
    /// Of the first capture.
    pub a: &'a Report,
    /// Of the second.
    pub b: &'a Report,
}

/// The attempts of a capture for one name.
#[derive(Clone, Debug)]
pub struct Named<'a> {
    /// The name, of encrypted resolvers that of who runs them, or the server's address without its port.
    pub key: String,
    /// All of them.
    pub all: Vec<&'a Attempt>,
    /// Those with an outcome.
    pub known: Vec<&'a Attempt>,
}

/// A name that both captures show.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// In A.
    pub a: &'a Named<'a>,
    /// In B.
    pub b: &'a Named<'a>,
}

impl<'a> Named<'a> {
    /// The best known outcome.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let known = self.known.iter().map(|a| a.outcome).min();
        known.unwrap_or(Outcome::Unfinished)
    }

    /// The attempt that stands for all: of those with that outcome one with the commonest cause, the first of them.
    #[must_use]
    pub fn shown(&self) -> Option<&'a Attempt> {
        let outcome = self.outcome();
        let mut counts: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        for attempt in self.of(outcome) {
            *counts.entry(attempt.cause.as_deref()).or_default() += 1;
        }
        let count = |a: &Attempt| counts.get(&a.cause.as_deref()).copied().unwrap_or(0);
        let mut best: Option<&'a Attempt> = None;
        for attempt in self.of(outcome) {
            if best.is_none_or(|b| count(attempt) > count(b)) {
                best = Some(attempt);
            }
        }
        best.or_else(|| self.all.first().copied())
    }

    /// Attempts with that outcome.
    pub fn of(&self, outcome: Outcome) -> impl Iterator<Item = &'a Attempt> + '_ {
        self.known
            .iter()
            .copied()
            .filter(move |a| a.outcome == outcome)
    }

    /// It has no name.
    #[must_use]
    pub fn is_address(&self) -> bool {
        self.key.parse::<IpAddr>().is_ok() && self.all.iter().all(|a| a.name.is_none())
    }
}

impl Pair<'_> {
    /// How the outcomes stand to each other.
    #[must_use]
    pub fn relation(&self) -> Relation {
        match (self.a.outcome(), self.b.outcome()) {
            (Outcome::Unfinished, _) | (_, Outcome::Unfinished) => Relation::Undecided,
            (a, b) if a == b => Relation::Same,
            _ => Relation::Different,
        }
    }
}

/// The attempts of a report by what they tried to reach, in the order of the names. Connections to an encrypted resolver
/// are told of only where they broke: those that did not are taken as well where they did in one of the two captures.
#[must_use]
pub fn by_name<'a>(report: &'a Report, other: &Report) -> Vec<Named<'a>> {
    let mut found: BTreeMap<String, Vec<&Attempt>> = BTreeMap::new();
    for attempt in &report.attempts {
        if let Some(key) = key(attempt) {
            found.entry(key).or_default().push(attempt);
        }
    }
    let both = report.attempts.iter().chain(&other.attempts);
    let broken: BTreeSet<String> = both.filter(|a| is_to_resolver(a)).filter_map(key).collect();
    for attempt in &report.aside {
        if let Some(key) = key(attempt).filter(|key| broken.contains(key)) {
            found.entry(key).or_default().push(attempt);
        }
    }
    let known = |a: &&Attempt| a.outcome != Outcome::Unfinished;
    found
        .into_iter()
        .map(|(key, all)| Named {
            key,
            known: all.iter().copied().filter(known).collect(),
            all,
        })
        .collect()
}

/// A connection to an encrypted resolver.
#[must_use]
pub fn is_to_resolver(attempt: &Attempt) -> bool {
    attempt.matched_by == "resolver"
}

fn key(attempt: &Attempt) -> Option<String> {
    let address = || Some(host(&attempt.paths.first()?.server).to_owned());
    let provider = || Some(provider(attempt)?.to_owned());
    let resolver = is_to_resolver(attempt).then(provider).flatten();
    resolver.or(attempt.name.clone()).or_else(address)
}

/// Who runs the encrypted resolver: one is reached by several names and addresses, and often shows no name.
fn provider(attempt: &Attempt) -> Option<&'static str> {
    let by_name = attempt.name.as_deref().and_then(data::resolver_of_name);
    let by_addr = || {
        let server = host(&attempt.paths.first()?.server);
        let addr = server.parse::<IpAddr>().ok()?;
        data::resolver_of_addr(addr.into())
    };
    by_name.map(|(r, _)| r).or_else(by_addr).map(|r| r.provider)
}

/// An endpoint's address: `192.0.2.1` of `192.0.2.1:443`, `2001:db8::1` of `[2001:db8::1]:443`.
#[must_use]
pub fn host(endpoint: &str) -> &str {
    let host = endpoint.rsplit_once(':').map_or(endpoint, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

/// The names that both show; both lists are in order.
#[must_use]
pub fn pairs<'a>(a: &'a [Named<'a>], b: &'a [Named<'a>]) -> Vec<Pair<'a>> {
    a.iter()
        .filter_map(|a| {
            let at = b.binary_search_by(|b| b.key.cmp(&a.key)).ok()?;
            Some(Pair { a, b: b.get(at)? })
        })
        .collect()
}

/// The row of a pair.
#[must_use]
pub fn row(pair: &Pair<'_>) -> Row {
    let relation = pair.relation();
    let stages = stages(pair, relation);
    let first = stages.iter().find(|s| s.first_difference);
    let key = pair.a.key.clone();
    let address = pair.a.is_address() && pair.b.is_address();
    let (name, address) = if address {
        (None, Some(key))
    } else {
        (Some(key), None)
    };
    Row {
        name,
        address,
        role: pair.a.all.first().and_then(|a| a.role.clone()),
        relation,
        a: tries(pair.a),
        b: tries(pair.b),
        first_difference: first.map(|s| s.stage),
        stages,
        differences: differences(pair),
    }
}

fn tries(named: &Named<'_>) -> Tries {
    let outcome = named.outcome();
    let shown = named.shown();
    let count = |outcome| named.of(outcome).count();
    let main = shown.and_then(|a| {
        let main = |f: &&crate::snapshot::Finding| {
            Some(&f.cause) == a.cause.as_ref() && f.severity > Severity::Note
        };
        a.findings.iter().find(main)
    });
    // What the report does not tell of has no number.
    let numbers = named.all.iter().map(|a| a.id).filter(|id| *id > 0);
    Tries {
        outcome,
        cause: shown.and_then(|a| a.cause.clone()),
        what: main.map(|f| f.what.clone()),
        frames: main.map(|f| f.frames.clone()).unwrap_or_default(),
        confidence: main.map(|f| f.confidence),
        tried: named.all.len(),
        ok: count(Outcome::Ok),
        degraded: count(Outcome::Degraded),
        broken: count(Outcome::Broken),
        unfinished: named.all.len() - named.known.len(),
        duration: median(named.of(outcome).map(|a| a.duration)),
        shown: shown.map(|a| a.id).filter(|id| *id > 0),
        ids: numbers.take(MAX_IDS).collect(),
    }
}

/// The stages of the attempts shown, in their order. The first difference is looked for only where both have an
/// outcome, and only among stages that both show: what one of them could not see is no difference.
fn stages(pair: &Pair<'_>, relation: Relation) -> Vec<StagePair> {
    let (Some(a), Some(b)) = (pair.a.shown(), pair.b.shown()) else {
        return Vec::new();
    };
    let seen = |s: Status| matches!(s, Status::Passed | Status::Slow | Status::Broke);
    let mut found = relation == Relation::Undecided;
    a.stages
        .iter()
        .filter_map(|x| {
            let y = b.stages.iter().find(|y| y.stage == x.stage)?;
            let differs = seen(x.status) && seen(y.status) && x.status != y.status;
            let first = differs && !found;
            found |= differs;
            Some(StagePair {
                stage: x.stage,
                a: x.status,
                b: y.status,
                a_took: x.took,
                b_took: y.took,
                first_difference: first,
            })
        })
        .collect()
}
