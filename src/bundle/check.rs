//! Holds one report against another: whether each attempt is judged the same.

use crate::snapshot::{Attempt, Blame, Finding, Report, Severity};
use std::collections::HashMap;

/// What must not change.
fn judgement(attempt: &Attempt) -> String {
    judged(attempt, attempt.blame)
}

/// What must not change in a part of the packets: whom the attempt's own packets point at, not what the rest of the
/// capture makes of that.
fn own_judgement(attempt: &Attempt) -> String {
    let own =
        |f: &&Finding| Some(&f.cause) == attempt.cause.as_ref() && f.severity > Severity::Note;
    let own = attempt.findings.iter().find(own).map(|f| f.blame);
    judged(attempt, own.or(attempt.blame))
}

fn judged(attempt: &Attempt, blame: Option<Blame>) -> String {
    let stage = attempt.stage.map_or("–", |s| s.as_str());
    let blame = blame.map_or("–", |b| b.as_str());
    let cause = attempt.cause.as_deref().unwrap_or("–");
    let outcome = attempt.outcome.as_str();
    format!("{outcome}, stage {stage}, cause {cause}, blame {blame}")
}

/// What tells an attempt from the others where addresses and names have been replaced: its packets.
type Marks<'a> = (usize, &'a str, Vec<&'a [u32]>);

fn marks(attempt: &Attempt) -> Marks<'_> {
    let lookups = attempt.lookups.iter().map(|l| l.frames.as_slice());
    let paths = attempt.paths.iter().map(|p| p.frames.as_slice());
    let frames = lookups.chain(paths).collect();
    (attempt.capture, &attempt.started, frames)
}

/// The same frames, with names and addresses replaced: every attempt but those of `drop` must be there, judged the same.
/// Gives, for each attempt of `before`, its index in `after`.
pub(super) fn same_attempts(
    before: &Report,
    after: &Report,
    drop: &[usize],
) -> Result<Vec<Option<usize>>, String> {
    let mut found: HashMap<(usize, &str), Vec<usize>> = HashMap::new();
    for (index, attempt) in after.attempts.iter().enumerate() {
        let key = (attempt.capture, attempt.started.as_str());
        found.entry(key).or_default().push(index);
    }
    let mut places = Vec::with_capacity(before.attempts.len());
    for attempt in &before.attempts {
        let key = (attempt.capture, attempt.started.as_str());
        let there = found.entry(key).or_default();
        let own = marks(attempt);
        // Its packets tell it; where redaction changed which of them are named, its number does.
        let same = there.iter().position(|&i| marks(&after.attempts[i]) == own);
        let same = same.or_else(|| {
            there
                .iter()
                .position(|&i| after.attempts[i].id == attempt.id)
        });
        let same = same.or((!there.is_empty()).then_some(0));
        let place = same.map(|at| there.remove(at));
        places.push(place);
        let dropped = drop.contains(&attempt.id);
        match place.map(|i| judgement(&after.attempts[i])) {
            Some(now) if dropped || now == judgement(attempt) => {}
            None if dropped => {}
            Some(now) => {
                let how = format!("it would be {now} instead of {}", judgement(attempt));
                return Err(unlike(attempt, "redaction", &how));
            }
            None => {
                return Err(unlike(
                    attempt,
                    "redaction",
                    "it would not be found any more",
                ));
            }
        }
    }
    Ok(places)
}

fn unlike(attempt: &Attempt, what: &str, how: &str) -> String {
    let id = attempt.id;
    format!(
        "the proof of attempt {id} would not survive {what}: {how}. There is no bundle: take the attempt out with --drop {id}, or keep addresses and names with --no-redact"
    )
}

/// What tells an attempt from the others in a part of the same capture.
type Key<'a> = (&'a str, Option<&'a str>, &'a str);

fn key(attempt: &Attempt) -> Key<'_> {
    (&attempt.client, attempt.name.as_deref(), &attempt.started)
}

/// A part of the packets: each attempt in `wanted` must be judged the same, and nothing may fail that did not.
pub(super) fn same_in_part(
    whole: &Report,
    part: &Report,
    wanted: &[usize],
) -> Result<(), (usize, String)> {
    let mut found: HashMap<Key<'_>, Vec<&Attempt>> = HashMap::new();
    for attempt in &part.attempts {
        found.entry(key(attempt)).or_default().push(attempt);
    }
    let there_of = |a: &Attempt| -> Vec<String> {
        let there = found.get(&key(a)).map(Vec::as_slice).unwrap_or_default();
        there.iter().map(|a| own_judgement(a)).collect()
    };
    for &index in wanted {
        let Some(attempt) = whole.attempts.get(index) else {
            continue;
        };
        let there = there_of(attempt);
        if !there.contains(&own_judgement(attempt)) {
            let how = match there.first() {
                Some(other) => format!("it would be {other} instead of {}", own_judgement(attempt)),
                None => "it would not be found any more".to_owned(),
            };
            return Err((index, how));
        }
    }
    let before: HashMap<Key<'_>, Vec<String>> =
        whole.attempts.iter().fold(HashMap::new(), |mut all, a| {
            all.entry(key(a)).or_default().push(own_judgement(a));
            all
        });
    let new = part.attempts.iter().filter(|a| super::choose::failed(a));
    for attempt in new {
        let there = before.get(&key(attempt));
        if !there.is_some_and(|b| b.contains(&own_judgement(attempt))) {
            let name = attempt.name.as_deref().unwrap_or("an address");
            let how = format!("in it {name} would be {}", own_judgement(attempt));
            return Err((wanted.first().copied().unwrap_or(0), how));
        }
    }
    Ok(())
}

/// Why the evidence is not written.
pub(super) fn refusal(report: &Report, index: usize, how: &str) -> String {
    match report.attempts.get(index) {
        Some(attempt) => unlike(attempt, "the choice of its packets", how),
        None => how.to_owned(),
    }
}
