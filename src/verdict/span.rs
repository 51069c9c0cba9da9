//! When something was wrong, and what lies near that.

use crate::types::Timestamp;
use std::time::Duration;

/// A control that far from the failure still counts, with that said; nothing further does.
pub const NEAR: Duration = Duration::from_secs(60);
/// Failures that are told apart; more, and the gaps between them count as failure too.
const MAX_SPANS: usize = 256;

/// Where a time lies, seen from the failures.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    /// While one lasted.
    During,
    /// Within [`NEAR`] before one, and not during or after another.
    Before,
    /// Within [`NEAR`] after one.
    After,
    /// Neither.
    Far,
}

/// Times during which something failed, in order and apart from each other; at most 256.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spans(Vec<(Timestamp, Timestamp)>);

impl Spans {
    /// Adds the time from `from` to `to`.
    pub fn add(&mut self, from: Timestamp, to: Timestamp) {
        let (from, to) = (from, to.max(from));
        let at = self.0.partition_point(|s| s.0 < from);
        self.0.insert(at, (from, to));
        let mut merged: Vec<(Timestamp, Timestamp)> = Vec::with_capacity(self.0.len());
        for &(from, to) in &self.0 {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        while merged.len() > MAX_SPANS {
            let (_, end) = merged.pop().unwrap_or_default();
            if let Some(last) = merged.last_mut() {
                last.1 = end;
            }
        }
        self.0 = merged;
    }

    /// Where that time lies.
    #[must_use]
    pub fn place(&self, time: Timestamp) -> Place {
        let next = self.0.partition_point(|s| s.0 <= time);
        let last = next.checked_sub(1).and_then(|i| self.0.get(i));
        if last.is_some_and(|s| time <= s.1) {
            return Place::During;
        }
        let since = last.map(|s| time.since(s.1));
        let until = self.0.get(next).map(|s| s.0.since(time));
        match (since.filter(|d| *d <= NEAR), until.filter(|d| *d <= NEAR)) {
            (Some(since), Some(until)) if until < since => Place::Before,
            (Some(_), _) => Place::After,
            (None, Some(_)) => Place::Before,
            (None, None) => Place::Far,
        }
    }

    /// The first failure's begin.
    #[must_use]
    pub fn begin(&self) -> Option<Timestamp> {
        self.0.first().map(|s| s.0)
    }

    /// The last failure's end.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        self.0.last().map(|s| s.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000_000)
    }

    #[test]
    fn places() {
        let mut spans = Spans::default();
        spans.add(s(500), s(510));
        spans.add(s(100), s(110));
        spans.add(s(105), s(120));
        let place = |t| spans.place(s(t));
        assert_eq!(place(30), Place::Far);
        assert_eq!(place(60), Place::Before);
        assert_eq!(place(99), Place::Before);
        assert_eq!(place(118), Place::During);
        assert_eq!(place(140), Place::After);
        assert_eq!(place(300), Place::Far);
        assert_eq!(place(497), Place::Before);
        assert_eq!((spans.begin(), spans.end()), (Some(s(100)), Some(s(510))));
    }

    #[test]
    fn many_spans_stay_bounded() {
        let mut spans = Spans::default();
        for i in 0..2_000 {
            spans.add(s(i * 300), s(i * 300 + 1));
        }
        assert!(spans.0.len() <= MAX_SPANS);
        assert_eq!(spans.end(), Some(s(1999 * 300 + 1)));
    }
}
