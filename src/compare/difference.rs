//! What differs between the two sides of a row: both values, without a judgement on what it means.
//!
//! Only attempts with an outcome count, and only what both sides show: a resolver that one capture does not show
//! because its lookups were encrypted is no difference.

use super::row::{Pair, host};
use crate::snapshot::{Attempt, Lookup, Outcome, Path, Severity, Status};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// Values listed of one kind.
const MAX_VALUES: usize = 6;
/// A median is clearly longer from this many times the other one.
const TIMES: f64 = 2.0;
/// And by at least this many milliseconds.
const MORE: f64 = 100.0;
/// The same in words.
pub const TIMING_RULE: &str = "a median counts as clearly longer when it is at least twice the other one and at least 100 ms more";

/// One thing that differs.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
pub struct Difference {
    /// `resolver`, `answer`, `addresses`, `cnames`, `servers`, `network`, `family`, `transport`, `version`, `alpn`,
    /// `certificate`, `status`, `transfer`, `failures`, or `timing`.
    pub kind: &'static str,
    /// The stage it belongs to.
    pub stage: &'static str,
    /// In A.
    pub a: String,
    /// In B.
    pub b: String,
}

type Values = BTreeSet<String>;
/// Kind, stage, and what an attempt has of it.
type Kind = (&'static str, &'static str, fn(&Attempt) -> Values);

/// All differences of a pair; none where one side has no outcome.
#[must_use]
pub fn differences(pair: &Pair<'_>) -> Vec<Difference> {
    let (a, b) = (&pair.a.known, &pair.b.known);
    if a.is_empty() || b.is_empty() {
        return Vec::new();
    }
    let kinds: [Kind; 13] = [
        ("resolver", "dns", resolvers),
        ("answer", "dns", answers),
        ("addresses", "dns", addresses),
        ("cnames", "dns", cnames),
        ("servers", "tcp", servers),
        ("network", "tcp", networks),
        ("family", "tcp", families),
        ("transport", "tcp", transports),
        ("version", "tls", versions),
        ("alpn", "tls", alpn),
        ("certificate", "tls", certificates),
        ("status", "http", statuses),
        ("transfer", "media", transfers),
    ];
    let mut found: Vec<Difference> = kinds
        .into_iter()
        .filter_map(|(kind, stage, values)| {
            let (a, b) = (union(a, values), union(b, values));
            let empty = a.is_empty() || b.is_empty();
            (a != b && !empty && !only_outcome(&a, &b)).then(|| Difference {
                kind,
                stage,
                a: list(&a),
                b: list(&b),
            })
        })
        .collect();
    found.extend(failures(pair));
    found.extend(timing(a, b));
    found
}

/// One family (or transport) was used on both sides, and the same: that it failed on one is said already.
fn only_outcome(a: &Values, b: &Values) -> bool {
    let bare = |values: &Values| -> Values {
        let bare = |v: &String| {
            v.trim_end_matches(" works")
                .trim_end_matches(" fails")
                .to_owned()
        };
        values.iter().map(bare).collect()
    };
    let (a, b) = (bare(a), bare(b));
    a == b && a.len() == 1
}

fn union(attempts: &[&Attempt], values: fn(&Attempt) -> Values) -> Values {
    attempts.iter().flat_map(|a| values(a)).collect()
}

fn list(values: &Values) -> String {
    let shown: Vec<&str> = values.iter().take(MAX_VALUES).map(String::as_str).collect();
    let more = values.len().saturating_sub(MAX_VALUES);
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{rest}", shown.join(", "))
}

/// Lookups of exactly that name for an address.
pub(super) fn own_lookups(attempt: &Attempt) -> impl Iterator<Item = &Lookup> {
    let own = |l: &&Lookup| Some(&l.question) == attempt.name.as_ref();
    let address = |l: &&Lookup| matches!(l.qtype.as_str(), "A" | "AAAA");
    attempt.lookups.iter().filter(own).filter(address)
}

/// Paths with an outcome.
pub(super) fn paths(attempt: &Attempt) -> impl Iterator<Item = &Path> {
    let known = |p: &&Path| !matches!(p.outcome, Outcome::Unfinished | Outcome::Abandoned);
    attempt.paths.iter().filter(known)
}

/// It got through.
pub(super) fn works(path: &Path) -> bool {
    matches!(path.outcome, Outcome::Ok | Outcome::Degraded)
}

pub(super) fn resolvers(attempt: &Attempt) -> Values {
    own_lookups(attempt)
        .map(|l| host(&l.resolver).to_owned())
        .collect()
}

/// What was answered for A and AAAA: the response code, with its extended error, and whether there was an address.
fn answers(attempt: &Attempt) -> Values {
    let answer = |l: &Lookup| {
        let ede = l.ede.map_or(String::new(), |e| format!(" (EDE {e})"));
        let what = match l.rcode.as_deref() {
            None => "no answer".to_owned(),
            Some("NOERROR") if l.answers.is_empty() => "no address".to_owned(),
            Some("NOERROR") => "addresses".to_owned(),
            Some(rcode) => rcode.to_owned(),
        };
        format!("{} {what}{ede}", l.qtype)
    };
    own_lookups(attempt).map(answer).collect()
}

fn addresses(attempt: &Attempt) -> Values {
    own_lookups(attempt)
        .flat_map(|l| l.answers.iter().cloned())
        .collect()
}

fn cnames(attempt: &Attempt) -> Values {
    own_lookups(attempt)
        .flat_map(|l| l.cnames.iter().cloned())
        .collect()
}

fn servers(attempt: &Attempt) -> Values {
    paths(attempt).map(|p| host(&p.server).to_owned()).collect()
}

fn networks(attempt: &Attempt) -> Values {
    let network = |p: &Path| {
        let network = p.network.as_ref()?;
        let number = || network.asn.map(|n| format!("AS{n}"));
        network.cdn.clone().or_else(number)
    };
    paths(attempt).filter_map(network).collect()
}

pub(super) fn is_v6(path: &Path) -> bool {
    path.server.starts_with('[')
}

/// `IPv4`, `IPv6`, each with whether it worked.
fn families(attempt: &Attempt) -> Values {
    let family = |p: &Path| if is_v6(p) { "IPv6" } else { "IPv4" };
    by(attempt, family)
}

/// `TCP`, `QUIC`, each with whether it worked.
fn transports(attempt: &Attempt) -> Values {
    let transport = |p: &Path| if p.transport == "quic" { "QUIC" } else { "TCP" };
    by(attempt, transport)
}

fn by(attempt: &Attempt, kind: impl Fn(&Path) -> &'static str) -> Values {
    let word = |p: &Path| if works(p) { "works" } else { "fails" };
    paths(attempt)
        .map(|p| format!("{} {}", kind(p), word(p)))
        .collect()
}

fn versions(attempt: &Attempt) -> Values {
    paths(attempt).filter_map(|p| p.version.clone()).collect()
}

/// Chosen where that is in the clear, else offered.
fn alpn(attempt: &Attempt) -> Values {
    let offers = paths(attempt).filter(|p| !p.alpn.is_empty());
    offers
        .map(|p| format!("{}: {}", p.transport.to_uppercase(), p.alpn.join(" ")))
        .collect()
}

fn certificates(attempt: &Attempt) -> Values {
    let issuer = |p: &Path| Some(p.certificate.as_ref()?.issuer.clone());
    paths(attempt).filter_map(issuer).collect()
}

/// The worst status of responses in the clear; of those inside TLS nothing is known.
fn statuses(attempt: &Attempt) -> Values {
    let named = attempt.findings.iter();
    let named = named.filter(|f| f.cause == "http.error-status");
    let status = |f: &crate::snapshot::Finding| Some(f.extra.get("status")?.as_u64()?.to_string());
    let found: Values = named.filter_map(status).collect();
    let plain = || paths(attempt).any(|p| p.version.is_none() && p.transport == "tcp");
    let answered = attempt
        .stages
        .iter()
        .any(|c| c.stage == "http" && matches!(c.status, Status::Passed | Status::Slow));
    if found.is_empty() && answered && plain() {
        return ["no error".to_owned()].into();
    }
    found
}

/// How transfers went: what was wrong with them, or nothing where the attempt is fine and data came.
fn transfers(attempt: &Attempt) -> Values {
    let number = |f: &crate::snapshot::Finding, key| f.extra.get(key).and_then(|v| v.as_f64());
    let words = |f: &crate::snapshot::Finding| {
        let text = match f.cause.strip_prefix("media.")? {
            "frozen-early" => match number(f, "bytes") {
                Some(bytes) => format!("froze after {:.1} kB", bytes / 1e3),
                None => "froze early".to_owned(),
            },
            "throttled" => match number(f, "rate") {
                Some(rate) => format!("held at {rate:.0} kbit/s"),
                None => "held at one rate".to_owned(),
            },
            "stalled" => "stopped in the middle".to_owned(),
            "reset" => "cut off by a reset".to_owned(),
            "receiver-full" => "the device had no room".to_owned(),
            _ => return None,
        };
        Some(text)
    };
    let wrong = attempt
        .findings
        .iter()
        .filter(|f| f.severity > Severity::Note);
    let found: Values = wrong.filter_map(words).collect();
    if found.is_empty() && attempt.outcome == Outcome::Ok && paths(attempt).any(works) {
        return ["went through".to_owned()].into();
    }
    found
}

/// The best outcome is the same, but on one side half of the tries or more failed, and on the other, tried at least
/// twice, none did.
fn failures(pair: &Pair<'_>) -> Option<Difference> {
    let broken = |n: &super::row::Named<'_>| n.of(Outcome::Broken).count();
    let (a, b) = (broken(pair.a), broken(pair.b));
    let (known_a, known_b) = (pair.a.known.len(), pair.b.known.len());
    let often = |failed: usize, of: usize| failed >= 2 && failed * 2 >= of;
    let never = |failed: usize, of: usize| failed == 0 && of >= 2;
    let differs = pair.a.outcome() == pair.b.outcome()
        && (often(a, known_a) && never(b, known_b) || often(b, known_b) && never(a, known_a));
    differs.then(|| Difference {
        kind: "failures",
        stage: "all",
        a: format!("{a} of {known_a} attempts failed"),
        b: format!("{b} of {known_b} attempts failed"),
    })
}

/// Stages, round trips and whole attempts that took clearly longer on one side.
fn timing(a: &[&Attempt], b: &[&Attempt]) -> Vec<Difference> {
    let stage = |attempts: &[&Attempt], stage: &str| {
        let cells = attempts.iter().flat_map(|a| &a.stages);
        median(cells.filter(|c| c.stage == stage).filter_map(|c| c.took))
    };
    let rtt = |attempts: &[&Attempt]| {
        let paths = attempts.iter().flat_map(|a| paths(a));
        median(paths.filter_map(|p| p.rtt))
    };
    let mut found: Vec<Difference> = ["dns", "tcp", "tls", "quic", "http"]
        .into_iter()
        .filter_map(|s| longer(s, "", stage(a, s), stage(b, s)))
        .collect();
    found.extend(longer("tcp", "round trip ", rtt(a), rtt(b)));
    found
}

fn longer(stage: &'static str, what: &str, a: Option<f64>, b: Option<f64>) -> Option<Difference> {
    let (a, b) = (a?, b?);
    let (short, long) = if a < b { (a, b) } else { (b, a) };
    (long >= short * TIMES && long - short >= MORE).then(|| Difference {
        kind: "timing",
        stage,
        a: format!("{what}{a:.0} ms"),
        b: format!("{what}{b:.0} ms"),
    })
}

/// The median; of an even number the upper one of the two in the middle.
#[must_use]
pub fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_longer_only_when_clearly_so() {
        let differs = |a, b| longer("tls", "", Some(a), Some(b)).is_some();
        assert!(differs(20.0, 150.0) && differs(150.0, 20.0));
        assert!(!differs(2.0, 40.0), "twenty times, but a blink");
        assert!(!differs(1000.0, 1500.0), "half a second, but not twice");
        assert!(longer("tls", "", None, Some(9e9)).is_none());
    }

    #[test]
    fn long_lists_are_cut_and_say_so() {
        let values: Values = (0..9).map(|n| n.to_string()).collect();
        assert_eq!(list(&values), "0, 1, 2, 3, 4, 5 and 3 more");
    }

    #[test]
    fn the_median_of_nothing_is_nothing() {
        assert_eq!(median([].into_iter()), None);
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
    }
}
