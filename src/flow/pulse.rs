//! When something that recurs was seen: a thinned list of marks, to ask "was there any sign of life around then?".

use crate::types::{Mark, Timestamp};
use std::time::Duration;

/// Marks at least one step apart, at most `N` of them. The step is one second at first and doubles whenever the list is
/// full, so that it stays evenly spread over a capture of any length.
///
/// A sign of life that is not kept came less than two steps after one that is (one for the step it was left out at, and
/// one for the halves of it at which its neighbours were). What [`Pulse::within`] finds was there;
/// what [`Pulse::quiet`] denies was not there at any time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pulse<const N: usize> {
    marks: Vec<Mark>,
    /// The last one noted, kept or not.
    latest: Option<Mark>,
    step: Duration,
}

impl<const N: usize> Default for Pulse<N> {
    fn default() -> Self {
        Self {
            marks: Vec::new(),
            latest: None,
            step: Duration::from_secs(1),
        }
    }
}

impl<const N: usize> Pulse<N> {
    /// Notes a sign of life.
    pub fn add(&mut self, mark: Mark) {
        self.latest = Some(mark);
        if self.marks.last().is_some_and(|last| self.near(*last, mark)) {
            return;
        }
        while self.marks.len() >= N.max(2) {
            self.step = self.step.saturating_mul(2);
            self.thin();
        }
        self.marks.push(mark);
    }

    /// Kept marks from `from` to `to`, both included, in the order in which they were noted; the latest is always kept.
    pub fn within(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Mark> + '_ {
        let latest = self.latest.filter(|l| self.marks.last() != Some(l));
        let marks = self.marks.iter().copied().chain(latest);
        marks.filter(move |mark| (from..=to).contains(&mark.time))
    }

    /// No sign of life at all from `from` to `to`.
    #[must_use]
    pub fn quiet(&self, from: Timestamp, to: Timestamp) -> bool {
        self.within(from.minus(self.step * 2), to).next().is_none()
    }

    /// `mark` comes at or after `last`, and less than a step after it.
    fn near(&self, last: Mark, mark: Mark) -> bool {
        mark.time >= last.time && mark.time.since(last.time) < self.step
    }

    fn thin(&mut self) {
        let mut last: Option<Mark> = None;
        let step = self.step;
        let before = self.marks.len();
        self.marks.retain(|mark| {
            let keep = last.is_none_or(|l| mark.time < l.time || mark.time.since(l.time) >= step);
            if keep {
                last = Some(*mark);
            }
            keep
        });
        if self.marks.len() == before {
            // Times that run backwards are never near each other: the oldest half goes.
            self.marks.drain(..before / 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{CaptureId, FrameNumber};

    fn at(millis: i64) -> Mark {
        Mark {
            time: Timestamp(millis * 1_000_000),
            frame: FrameNumber(1),
            capture: CaptureId(0),
        }
    }

    fn time(millis: i64) -> Timestamp {
        at(millis).time
    }

    #[test]
    fn what_is_found_was_there() {
        let mut pulse = Pulse::<8>::default();
        [0, 300, 5000].into_iter().for_each(|t| pulse.add(at(t)));
        assert_eq!(pulse.within(time(0), time(4999)).count(), 1);
        assert_eq!(pulse.within(time(1), time(4999)).count(), 0);
        assert_eq!(pulse.within(time(1), time(5000)).count(), 1);
    }

    #[test]
    fn the_latest_is_kept_however_soon_it_came() {
        let mut pulse = Pulse::<8>::default();
        [0, 300, 600].into_iter().for_each(|t| pulse.add(at(t)));
        assert_eq!(
            pulse.within(time(1), time(700)).collect::<Vec<_>>(),
            [at(600)]
        );
        assert_eq!(pulse.within(time(0), time(700)).count(), 2);
    }

    /// Whatever is thinned out, a time with a sign of life is never called quiet.
    #[test]
    fn quiet_is_never_wrong() {
        let mut pulse = Pulse::<16>::default();
        let times: Vec<i64> = (0..2000).map(|n| n * 137 % 300 + n * 250).collect();
        for &t in &times {
            pulse.add(at(t));
            assert!(pulse.marks.len() <= 16);
        }
        for &t in &times {
            assert!(!pulse.quiet(time(t), time(t)), "{t}");
        }
        assert!(pulse.quiet(time(10_000_000), time(20_000_000)));
        assert!(Pulse::<4>::default().quiet(time(0), time(0)));
    }

    #[test]
    fn a_clock_that_runs_backwards_is_bounded() {
        let mut pulse = Pulse::<8>::default();
        (0..100_000).for_each(|n| pulse.add(at(-n * 5000)));
        assert!(pulse.marks.len() <= 8);
    }
}
