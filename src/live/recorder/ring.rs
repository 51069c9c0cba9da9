//! Recent frames in memory.

use crate::decode::{Decoder, Outcome, decode_fast};
use crate::ladder::Wanted;
use crate::live::recent::Holes;
use crate::snapshot::Attempt;
use crate::types::{Direction, Frame, LinkType, Mark, Timestamp};
use std::collections::VecDeque;
use std::time::Duration;

/// Bytes of the ring for each frame that it may hold: bounds what is noted beside the bytes.
const PER_FRAME: usize = 256;
/// Frames of several interfaces come a little out of order.
const SLACK: Duration = Duration::from_secs(1);

/// A frame that is held: its bytes are in the ring.
#[derive(Clone, Copy, Debug)]
struct Held {
    mark: Mark,
    link: LinkType,
    original_len: u32,
    direction: Direction,
    uid: Option<i32>,
    at: usize,
    len: usize,
}

/// A bounded ring of frames: the newest push out the oldest.
pub struct Ring {
    bytes: Vec<u8>,
    frames: VecDeque<Held>,
    most: usize,
    /// Where the next frame goes.
    head: usize,
    /// The latest time of a frame that was pushed out.
    forgotten: Option<Timestamp>,
    /// The latest time that is known to have come: capturing went on until then.
    until: Timestamp,
    holes: Holes,
}

/// Frames of one attempt, taken out of the ring.
#[derive(Clone, Debug, Default)]
pub struct Packets {
    frames: Vec<(Held, Vec<u8>)>,
    /// The ring no longer reaches back to the attempt's beginning.
    pub(super) begins_late: bool,
    /// Capturing went on until then.
    pub(super) until: Timestamp,
    /// Times since its beginning in which nothing was captured.
    pub(super) holes: Vec<(Timestamp, Timestamp)>,
}

impl Ring {
    /// Holds at most `size` bytes of frames, and a frame for each `PER_FRAME` of them.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self {
            bytes: vec![0; size],
            frames: VecDeque::new(),
            most: size / PER_FRAME,
            head: 0,
            forgotten: None,
            until: Timestamp::MIN,
            holes: Holes::default(),
        }
    }

    /// Says that nothing was captured for a while; what is written states it.
    pub fn note_hole(&mut self, from: Timestamp, to: Timestamp) {
        self.holes.add(from, to);
    }

    /// Says that capturing goes on though no frame came: what is written states it, since silence proves something only
    /// while somebody listens.
    pub fn note_time(&mut self, now: Timestamp) {
        self.until = self.until.max(now);
    }

    /// Holds a frame. One that is larger than the ring counts as pushed out at once.
    pub fn push(&mut self, frame: &Frame<'_>) {
        let len = frame.data.len();
        self.note_time(frame.mark.time);
        if len > self.bytes.len() || self.most == 0 {
            self.forgotten = self.forgotten.max(Some(frame.mark.time));
            return;
        }
        if self.frames.len() >= self.most {
            self.forget_oldest();
        }
        if self.head + len > self.bytes.len() {
            // The rest of the ring is left empty, whoever lies there goes.
            while self.frames.front().is_some_and(|f| f.at >= self.head) {
                self.forget_oldest();
            }
            self.head = 0;
        }
        let end = self.head + len;
        let room = self.head..end;
        while self.frames.front().is_some_and(|f| room.contains(&f.at)) {
            self.forget_oldest();
        }
        self.bytes[room].copy_from_slice(frame.data);
        self.frames.push_back(Held {
            mark: frame.mark,
            link: frame.link,
            original_len: frame.original_len,
            direction: frame.direction,
            uid: frame.uid,
            at: self.head,
            len,
        });
        self.head = end;
    }

    /// Frames held now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// None are held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Copies the frames of an attempt: those of its connections and lookups, those that its findings name, and the IP
    /// fragments since it began.
    #[must_use]
    pub fn packets_of(&self, attempt: &Attempt) -> Packets {
        let started = time(&attempt.started);
        let from = started.minus(SLACK);
        let first = self.frames.partition_point(|f| f.mark.time < from);
        let (mut wanted, mut decoder) = (Wanted::new(attempt), Decoder::new());
        let mut packets = Packets {
            frames: Vec::new(),
            until: self.until,
            holes: self.holes.since(started).collect(),
            begins_late: self.forgotten.is_some_and(|gone| gone >= started),
        };
        for held in self.frames.range(first..) {
            let frame = self.frame(held);
            let named = wanted.evidence(held.mark).is_some();
            let part =
                match decode_fast(&frame).map_or_else(|| decoder.decode(&frame), Outcome::Packet) {
                    Outcome::Packet(packet) => wanted.route(&packet).is_some(),
                    Outcome::Fragment => held.mark.time >= started,
                    _ => false,
                };
            if named || part {
                packets.frames.push((*held, frame.data.to_vec()));
            }
        }
        packets
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = Frame<'_>> {
        self.frames.iter().map(|held| self.frame(held))
    }

    fn frame(&self, held: &Held) -> Frame<'_> {
        held.with(&self.bytes[held.at..held.at + held.len])
    }

    fn forget_oldest(&mut self) {
        if let Some(gone) = self.frames.pop_front() {
            self.forgotten = self.forgotten.max(Some(gone.mark.time));
        }
    }
}

impl Held {
    fn with<'a>(&self, data: &'a [u8]) -> Frame<'a> {
        Frame {
            mark: self.mark,
            link: self.link,
            original_len: self.original_len,
            direction: self.direction,
            uid: self.uid,
            data,
        }
    }
}

impl Packets {
    /// The frames, in the order in which they came.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = Frame<'_>> {
        self.frames.iter().map(|(held, data)| held.with(data))
    }
}

/// A time as the snapshot writes it; the beginning of all time where it is none.
fn time(text: &str) -> Timestamp {
    let parsed = text.parse::<jiff::Timestamp>().ok();
    let nanos = parsed.and_then(|t| i64::try_from(t.as_nanosecond()).ok());
    nanos.map_or(Timestamp::MIN, Timestamp)
}
