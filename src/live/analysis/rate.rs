//! Packets a second over the last half minute, for the sparkline.

use crate::types::Timestamp;
use std::collections::VecDeque;

/// Spans that are kept.
const BARS: usize = 32;
/// Length of one in nanoseconds.
pub(super) const BAR: i64 = 1_000_000_000;

/// Counts by second; the one under way is not shown.
#[derive(Debug, Default)]
pub(super) struct Rate {
    bars: VecDeque<u64>,
    /// Number of the last bar's second.
    second: Option<i64>,
}

impl Rate {
    /// Counts a packet; one from an earlier second counts in the last.
    #[inline]
    pub(super) fn add(&mut self, time: Timestamp) {
        self.pass(time);
        if let Some(last) = self.bars.back_mut() {
            *last += 1;
        }
    }

    /// Time has passed.
    #[inline]
    pub(super) fn pass(&mut self, time: Timestamp) {
        let second = time.0.div_euclid(BAR);
        let last = *self.second.get_or_insert(second);
        if self.bars.is_empty() {
            self.bars.push_back(0);
        }
        if second > last {
            self.later(second, last);
        }
    }

    #[cold]
    fn later(&mut self, second: i64, last: i64) {
        let steps = usize::try_from(second.saturating_sub(last)).unwrap_or(usize::MAX);
        let new = steps.min(BARS + 1);
        self.bars.extend(std::iter::repeat_n(0, new));
        let over = self.bars.len().saturating_sub(BARS + 1);
        self.bars.drain(..over);
        self.second = Some(second);
    }

    /// The whole seconds, the oldest first.
    pub(super) fn bars(&self) -> Vec<u64> {
        let whole = self.bars.len().saturating_sub(1);
        self.bars.iter().take(whole).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_without_packets_count_too() {
        let mut rate = Rate::default();
        for nanos in [0, 1, BAR - 1, 3 * BAR, 3 * BAR + 5, 2 * BAR] {
            rate.add(Timestamp(nanos));
        }
        assert_eq!(rate.bars(), [3, 0, 0]);
        rate.pass(Timestamp(4 * BAR));
        assert_eq!(rate.bars(), [3, 0, 0, 3]);
        rate.pass(Timestamp(i64::MAX));
        assert_eq!(rate.bars(), [0; BARS]);
    }
}
