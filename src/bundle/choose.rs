//! Which attempts the evidence is about.

use crate::snapshot::{Attempt, Outcome, Report};
use jiff::Timestamp;
use std::collections::HashSet;

/// Attempts whose packets are in the evidence, the control not counted.
pub const MAX_ATTEMPTS: usize = 20;
/// Attempts taken where nothing failed.
const MAX_SOUND: usize = 3;

/// An attempt whose packets are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chosen {
    /// Its index in the report.
    pub index: usize,
    /// It worked, and stands for comparison.
    pub control: bool,
}

/// It failed, or suffered.
#[must_use]
pub fn failed(attempt: &Attempt) -> bool {
    matches!(attempt.outcome, Outcome::Broken | Outcome::Degraded)
}

/// The attempts that failed (or those named by `only`, by `id`), and one that worked. What the verdict rests on comes
/// first; of many alike, one for each name and cause before the second of any.
#[must_use]
pub fn choose(report: &Report, drop: &[usize], only: &[usize]) -> Vec<Chosen> {
    let wanted = |a: &Attempt| match only {
        [] => failed(a),
        ids => ids.contains(&a.id),
    };
    let all = report.attempts.iter().enumerate();
    let kept = all.filter(|(_, a)| !drop.contains(&a.id));
    let mut found: Vec<(usize, &Attempt)> = kept.filter(|(_, a)| wanted(a)).collect();
    let mut seen = HashSet::new();
    let lead = report.verdict.cause.as_deref();
    let rank = |a: &Attempt, first: bool| {
        (
            !first,
            a.cause.as_deref() != lead,
            a.outcome != Outcome::Broken,
        )
    };
    let ranks: Vec<_> = found
        .iter()
        .map(|(_, a)| rank(a, seen.insert((&a.name, &a.cause))))
        .collect();
    let mut order: Vec<usize> = (0..found.len()).collect();
    order.sort_by_key(|&i| (ranks[i], i));
    order.truncate(MAX_ATTEMPTS);
    order.sort_unstable();
    found = order.into_iter().map(|i| found[i]).collect();
    let chosen = |index, control| Chosen { index, control };
    let mut out: Vec<Chosen> = found.iter().map(|(i, _)| chosen(*i, false)).collect();
    match control(report, &found, drop) {
        Some(index) => out.push(chosen(index, true)),
        None if found.is_empty() => out = sound(report, drop),
        None => {}
    }
    out
}

/// Nothing failed: the first few attempts, those without an outcome before the others.
fn sound(report: &Report, drop: &[usize]) -> Vec<Chosen> {
    let all = report.attempts.iter().enumerate();
    let mut kept: Vec<(usize, &Attempt)> = all.filter(|(_, a)| !drop.contains(&a.id)).collect();
    kept.sort_by_key(|(i, a)| (a.outcome == Outcome::Ok, *i));
    let first = kept.into_iter().take(MAX_SOUND);
    let mut found: Vec<Chosen> = first
        .map(|(index, _)| Chosen {
            index,
            control: false,
        })
        .collect();
    found.sort_by_key(|c| c.index);
    found
}

/// An attempt that worked: of the same client, to the same name or server if there is one, near in time.
fn control(report: &Report, failed: &[(usize, &Attempt)], drop: &[usize]) -> Option<usize> {
    let lead = report.verdict.cause.as_deref();
    let broken = failed.iter().map(|(_, a)| *a);
    let first = broken
        .clone()
        .find(|a| a.cause.as_deref() == lead)
        .or_else(|| broken.clone().next())?;
    let at = time(first);
    let hosts = |a: &Attempt| -> HashSet<String> {
        let host = |s: &str| s.rsplit_once(':').map(|(host, _)| host.to_owned());
        a.paths.iter().filter_map(|p| host(&p.server)).collect()
    };
    let own = hosts(first);
    let all = report.attempts.iter().enumerate();
    let worked = all.filter(|(_, a)| a.outcome == Outcome::Ok && !drop.contains(&a.id));
    let apart = |a: &Attempt| (time(a) - at).abs();
    let rank = |a: &Attempt| {
        (
            a.client != first.client,
            a.name != first.name,
            own.is_disjoint(&hosts(a)),
            a.paths.is_empty(),
            apart(a),
        )
    };
    let best = worked.min_by_key(|(_, a)| rank(a))?;
    (best.1.client == first.client).then_some(best.0)
}

/// Nanoseconds since 1970.
fn time(attempt: &Attempt) -> i128 {
    let parsed = attempt.started.parse::<Timestamp>();
    parsed.map_or(0, Timestamp::as_nanosecond)
}
