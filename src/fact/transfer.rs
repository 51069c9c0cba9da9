//! What a connection carries over time: runs of new data of one side (requests and responses, as far as sizes and
//! times tell without keys), and how fast the server's data came.
//!
//! TCP counts stream bytes from 0, the handshake of TLS included; QUIC counts the bytes of its 1-RTT datagrams that are
//! too large to be acknowledgements only.

use crate::types::{Both, Mark, Side, Timestamp};
use std::collections::VecDeque;
use std::time::Duration;

/// New data of one side, without data of the other side and without a pause in between.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Burst {
    /// Who sent it.
    pub side: Side,
    /// The packet with its first bytes.
    pub first: Mark,
    /// The packet with its last bytes.
    pub last: Mark,
    /// Offset of its first byte in that side's stream.
    pub start: u64,
    /// Offset behind its last byte.
    pub end: u64,
}

impl Burst {
    /// Bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Never: a burst holds a byte at least.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.end == self.start
    }
}

/// A QUIC datagram below this holds acknowledgements and other control frames, no request and no content: 60 bytes of
/// ACK ranges, with header and tag.
const QUIC_DATA: u32 = 100;

/// A pause of this length within one side's data begins another burst.
pub const PAUSE: Duration = Duration::from_millis(500);

/// Bursts of a connection in order: the first [`Transfer::HEAD`] and the last [`Transfer::TAIL`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Transfer {
    head: Vec<Burst>,
    tail: VecDeque<Burst>,
    open: Option<Burst>,
    /// Bytes of datagrams so far (QUIC).
    pub datagram_bytes: Both<u64>,
    /// How many there were.
    pub count: u32,
    /// The server's data over time.
    pub rate: Rate,
}

impl Transfer {
    /// Bursts kept from the start.
    pub const HEAD: usize = 12;
    /// Bursts kept from the end, besides the one that goes on.
    pub const TAIL: usize = 6;

    /// Takes new bytes `start..end` of a side's stream; `lost` says that the packet shows a loss.
    pub fn add(&mut self, side: Side, start: u64, end: u64, lost: bool, mark: Mark) {
        if side == Side::Server {
            self.rate.add(end.saturating_sub(start), lost, mark.time);
        }
        if end <= start {
            return;
        }
        if let Some(open) = &mut self.open
            && open.side == side
            && mark.time.since(open.last.time) < PAUSE
        {
            open.end = end;
            open.last = mark;
            return;
        }
        self.begin(Burst {
            side,
            first: mark,
            last: mark,
            start,
            end,
        });
    }

    /// Takes a QUIC datagram of `length` bytes on the wire; counts those of 1-RTT packets that carry more than
    /// acknowledgements.
    pub fn add_datagram(&mut self, side: Side, payload: &[u8], length: u32, mark: Mark) {
        let short = payload.first().is_some_and(|b| b & 0x80 == 0);
        if !short || length < QUIC_DATA {
            return;
        }
        let start = self.datagram_bytes[side];
        let end = start.saturating_add(u64::from(length));
        self.datagram_bytes[side] = end;
        self.add(side, start, end, false, mark);
    }

    fn begin(&mut self, burst: Burst) {
        self.count = self.count.saturating_add(1);
        let Some(done) = self.open.replace(burst) else {
            return;
        };
        if self.head.len() < Self::HEAD {
            self.head.push(done);
            return;
        }
        if self.tail.len() >= Self::TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(done);
    }

    /// All that are kept, oldest first. Some of the middle are missing where `count` is larger.
    pub fn bursts(&self) -> impl DoubleEndedIterator<Item = &Burst> {
        self.head.iter().chain(&self.tail).chain(&self.open)
    }

    /// None was dropped.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.count as usize <= Self::HEAD + Self::TAIL + 1
    }
}

/// Bytes and losses of the server's data by time: at most [`Rate::BINS`] equal spans, which double when they are full.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rate {
    since: Option<Timestamp>,
    width: u64,
    bins: Vec<Bin>,
}

/// One span of [`Rate`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bin {
    /// New bytes.
    pub bytes: u64,
    /// Packets that show a loss.
    pub lost: u32,
}

impl Rate {
    /// Spans kept.
    pub const BINS: usize = 64;
    /// Length of a span at first, in nanoseconds.
    const FIRST: u64 = 250_000_000;

    fn add(&mut self, bytes: u64, lost: bool, at: Timestamp) {
        let since = match self.since {
            Some(since) => since,
            None => {
                self.width = Self::FIRST;
                *self.since.insert(at)
            }
        };
        let passed = u64::try_from(at.0.saturating_sub(since.0)).unwrap_or(0);
        while passed / self.width >= Self::BINS as u64 {
            self.widen();
        }
        // Less than BINS.
        let index = (passed / self.width) as usize;
        if self.bins.len() <= index {
            self.bins.resize(index + 1, Bin::default());
        }
        let bin = &mut self.bins[index];
        bin.bytes = bin.bytes.saturating_add(bytes);
        bin.lost = bin.lost.saturating_add(u32::from(lost));
    }

    fn widen(&mut self) {
        self.width = self.width.saturating_mul(2);
        let half = self.bins.len().div_ceil(2);
        for i in 0..half {
            let second = self.bins.get(2 * i + 1).copied().unwrap_or_default();
            let first = self.bins[2 * i];
            self.bins[i] = Bin {
                bytes: first.bytes.saturating_add(second.bytes),
                lost: first.lost.saturating_add(second.lost),
            };
        }
        self.bins.truncate(half);
    }

    /// The spans, from the server's first data on.
    #[must_use]
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }

    /// How long each is.
    #[must_use]
    pub fn width(&self) -> Duration {
        Duration::from_nanos(self.width)
    }

    /// When the first begins.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// The best rate over about a second (or a span, if that is longer), in bytes a second; a shorter transfer counts as
    /// if it had taken a second.
    #[must_use]
    pub fn best(&self) -> f64 {
        let width = self.width().as_secs_f64();
        if width <= 0.0 {
            return 0.0;
        }
        let join = (1.0 / width).round().max(1.0) as usize;
        let sum = |bins: &[Bin]| bins.iter().map(|b| b.bytes).sum::<u64>() as f64;
        let rates = self
            .bins
            .windows(join.min(self.bins.len().max(1)))
            .map(|w| sum(w) / (width * join as f64));
        rates.fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Mark {
        Mark {
            time: Timestamp(ms * 1_000_000),
            ..Mark::default()
        }
    }

    #[test]
    fn direction_and_pause_cut_bursts() {
        let mut t = Transfer::default();
        t.add(Side::Client, 0, 100, false, at(0));
        t.add(Side::Client, 100, 300, false, at(10));
        t.add(Side::Server, 0, 1000, false, at(30));
        t.add(Side::Server, 1000, 2000, false, at(700));
        let seen: Vec<_> = t.bursts().map(|b| (b.side, b.start, b.end)).collect();
        let (c, s) = (Side::Client, Side::Server);
        assert_eq!(seen, [(c, 0, 300), (s, 0, 1000), (s, 1000, 2000)]);
        assert!(t.is_whole());
    }

    #[test]
    fn first_and_last_bursts_are_kept() {
        let mut t = Transfer::default();
        for i in 0..1000u64 {
            let side = [Side::Client, Side::Server][(i % 2) as usize];
            t.add(side, i, i + 1, false, at(i as i64));
        }
        let starts: Vec<u64> = t.bursts().map(|b| b.start).collect();
        assert_eq!(starts.len(), Transfer::HEAD + Transfer::TAIL + 1);
        assert_eq!((starts[0], starts[11], starts[12]), (0, 11, 993));
        assert_eq!(starts.last(), Some(&999));
        assert!(!t.is_whole());
    }

    #[test]
    fn rates_keep_their_sums_while_spans_grow() {
        let mut rate = Rate::default();
        for i in 0..1000 {
            rate.add(1000, i % 10 == 0, Timestamp(i * 100_000_000));
        }
        assert!(rate.bins().len() <= Rate::BINS);
        assert_eq!(rate.bins().iter().map(|b| b.bytes).sum::<u64>(), 1_000_000);
        assert_eq!(rate.bins().iter().map(|b| b.lost).sum::<u32>(), 100);
        assert_eq!(rate.width(), Duration::from_secs(2));
        assert!((rate.best() - 10_000.0).abs() < 600.0, "{}", rate.best());
        let mut short = Rate::default();
        short.add(50_000, false, Timestamp(0));
        assert!((short.best() - 50_000.0).abs() < 1.0, "{}", short.best());
        assert!(Rate::default().best() < 1.0);
    }

    #[test]
    fn clocks_may_leap() {
        let mut rate = Rate::default();
        for time in [0, i64::MAX, i64::MIN, -1, 7] {
            rate.add(1, true, Timestamp(time));
        }
        assert_eq!(rate.bins().iter().map(|b| b.bytes).sum::<u64>(), 5);
        let mut rate = Rate::default();
        rate.add(1, false, Timestamp(i64::MIN));
        rate.add(1, false, Timestamp(i64::MAX));
        assert!(rate.bins().len() <= Rate::BINS);
    }
}
