//! Attempts of a long run: a number for each that stays, and rows that outlive the engine's memory of them.

use crate::snapshot::{Attempt, Outcome, Report};
use crate::types::Timestamp;
use crate::ui::feed::{Data, key};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// From so many flows and lookups on, the engine forgets the older half of the attempts.
pub const HELD: usize = 5_000;
/// Attempts that are still shown after the engine has forgotten them; older ones go.
pub const ARCHIVED: usize = 20_000;
/// What is newer than that is never forgotten.
const FRESH: Duration = Duration::from_secs(60);

/// What was forgotten, and the numbers.
#[derive(Debug, Default)]
pub(super) struct Archive {
    parts: VecDeque<Arc<Vec<Attempt>>>,
    numbers: HashMap<u64, usize>,
    last: usize,
    /// An attempt that was forgotten had broken.
    pub(super) broken: bool,
}

impl Archive {
    /// Gives each attempt the number that it had in earlier snapshots, new ones the next.
    pub(super) fn number(&mut self, report: &mut Report) {
        let keys: Vec<u64> = report.attempts.iter().map(key).collect();
        let mut new = HashMap::with_capacity(keys.len());
        let mut renamed = HashMap::with_capacity(keys.len());
        for (attempt, key) in report.attempts.iter_mut().zip(keys) {
            let number = *self.numbers.get(&key).unwrap_or_else(|| {
                self.last += 1;
                &self.last
            });
            new.insert(key, number);
            renamed.insert(attempt.id, number);
            attempt.id = number;
        }
        self.numbers = new;
        for experiment in &mut report.verdict.experiments {
            for id in &mut experiment.attempts {
                *id = renamed.get(id).copied().unwrap_or(*id);
            }
        }
    }

    /// What is shown before the report's own attempts.
    pub(super) fn parts(&self) -> Vec<Arc<Vec<Attempt>>> {
        self.parts.iter().cloned().collect()
    }

    /// Keeps of `before` what is no longer in `after`.
    pub(super) fn keep(&mut self, before: &Data, after: &Report) {
        let left: HashSet<u64> = after.attempts.iter().map(key).collect();
        let old = before.report.attempts.iter();
        let gone: Vec<Attempt> = old.filter(|a| !left.contains(&key(a))).cloned().collect();
        self.broken |= gone.iter().any(|a| a.outcome == Outcome::Broken);
        if gone.is_empty() {
            return;
        }
        self.parts.push_back(Arc::new(gone));
        let mut count: usize = self.parts.iter().map(|part| part.len()).sum();
        while count > ARCHIVED && self.parts.len() > 1 {
            count -= self.parts.pop_front().map_or(0, |part| part.len());
        }
    }
}

/// The time before which to forget: that of the attempt in the middle, but nothing fresh.
pub(super) fn middle(report: &Report, now: Timestamp) -> Option<Timestamp> {
    let mut starts: Vec<&str> = report.attempts.iter().map(|a| a.started.as_str()).collect();
    starts.sort_unstable();
    let parsed = starts
        .get(starts.len() / 2)?
        .parse::<jiff::Timestamp>()
        .ok();
    let nanos = i64::try_from(parsed?.as_nanosecond()).ok()?;
    Some(Timestamp(nanos).min(now.minus(FRESH)))
}
