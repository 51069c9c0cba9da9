//! Packets over the capture's time, for the sparkline.

use crate::types::Timestamp;

/// Spans of time that are told apart.
const BARS: usize = 128;
/// The shortest span.
const SHORTEST: i64 = 100_000_000;

/// Packets over time: equal spans, twice as long whenever they no longer reach.
#[derive(Clone, Debug)]
pub struct Rates {
    start: Option<i64>,
    span: i64,
    bars: Vec<u64>,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            start: None,
            span: SHORTEST,
            bars: Vec::new(),
        }
    }
}

impl Rates {
    /// Counts a packet. One from before the first goes into the first span.
    pub fn add(&mut self, time: Timestamp) {
        let start = *self.start.get_or_insert(time.0);
        let after = time.0.saturating_sub(start).max(0);
        while after / self.span >= BARS as i64 && self.span < i64::MAX / 2 {
            self.span *= 2;
            let halves = self.bars.chunks(2).map(|pair| pair.iter().sum());
            self.bars = halves.collect();
        }
        let bar = usize::try_from(after / self.span)
            .unwrap_or(0)
            .min(BARS - 1);
        if self.bars.len() <= bar {
            self.bars.resize(bar + 1, 0);
        }
        self.bars[bar] += 1;
    }

    /// Packets in each span, and its length in nanoseconds.
    #[must_use]
    pub fn bars(&self) -> (Vec<u64>, i64) {
        (self.bars.clone(), self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_grow_with_the_capture_and_keep_the_count() {
        let mut rates = Rates::default();
        for second in 0..100 {
            rates.add(Timestamp(second * 1_000_000_000));
        }
        rates.add(Timestamp(-5));
        let (bars, span) = rates.bars();
        assert_eq!(bars.iter().sum::<u64>(), 101);
        assert_eq!(span, 800_000_000);
        rates.add(Timestamp(i64::MAX));
        rates.add(Timestamp(i64::MIN));
        let (bars, _) = rates.bars();
        assert_eq!(bars.iter().sum::<u64>(), 103);
        assert!(bars.len() <= BARS);
    }
}
