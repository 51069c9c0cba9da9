//! The last packets that may matter, in a bounded piece of memory: a ladder and an export are made from these, since what
//! was on the wire can't be read again.

use super::block::Block;
use crate::source::MAX_HOLES;
use crate::types::{CaptureId, Frame, FrameNumber, Timestamp};
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of a piece; pieces are given up whole.
const PIECE: usize = 1 << 20;

/// Packets, the oldest given up first.
#[derive(Debug)]
pub struct Recent {
    limit: usize,
    held: usize,
    whole: VecDeque<Arc<Block>>,
    open: Block,
    /// By capture: the last frame given up.
    gone: Vec<Option<FrameNumber>>,
    holes: Holes,
}

/// Times without capturing, the oldest given up first; at most [`MAX_HOLES`].
#[derive(Clone, Debug, Default)]
pub struct Holes(VecDeque<(Timestamp, Timestamp)>);

impl Holes {
    /// Notes one.
    pub fn add(&mut self, from: Timestamp, to: Timestamp) {
        if self.0.len() >= MAX_HOLES {
            self.0.pop_front();
        }
        if !self.0.contains(&(from, to)) {
            self.0.push_back((from, to));
        }
    }

    /// Those that end after `time`, in the order in which they came.
    pub fn since(&self, time: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        self.0.iter().copied().filter(move |hole| hole.1 > time)
    }
}

/// The packets held at one moment, for another thread to read.
#[derive(Clone, Debug, Default)]
pub struct Held {
    blocks: Vec<Arc<Block>>,
    gone: Vec<Option<FrameNumber>>,
    holes: Holes,
}

impl Recent {
    /// Holds packets in at most `limit` bytes (and one piece of 1 MiB).
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            held: 0,
            whole: VecDeque::new(),
            open: Block::default(),
            gone: Vec::new(),
            holes: Holes::default(),
        }
    }

    /// Notes that nothing was captured for a while.
    pub fn note_hole(&mut self, from: Timestamp, to: Timestamp) {
        self.holes.add(from, to);
    }

    /// Keeps a packet.
    pub fn add(&mut self, frame: &Frame<'_>) {
        if self.limit == 0 {
            return;
        }
        self.open.copy(frame);
        if self.open.size() >= PIECE || self.open.is_full() {
            self.close();
        }
        while self.held > self.limit {
            self.give_up();
        }
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            let piece = std::mem::take(&mut self.open);
            self.held += piece.size();
            self.whole.push_back(Arc::new(piece));
        }
    }

    fn give_up(&mut self) {
        let Some(piece) = self.whole.pop_front() else {
            self.held = 0;
            return;
        };
        self.held = self.held.saturating_sub(piece.size());
        for at in 0..piece.len() {
            let Some(frame) = piece.frame(at) else { break };
            let capture = usize::from(frame.mark.capture.0);
            if self.gone.len() <= capture {
                self.gone.resize(capture + 1, None);
            }
            self.gone[capture] = Some(frame.mark.frame);
        }
    }

    /// All that is held. What is added later is not in it.
    pub fn held(&mut self) -> Held {
        self.close();
        Held {
            blocks: self.whole.iter().cloned().collect(),
            gone: self.gone.clone(),
            holes: self.holes.clone(),
        }
    }
}

impl Held {
    /// Hands each packet to `take` until that says no more.
    ///
    /// # Errors
    /// What `take` answers.
    pub fn each<E>(&self, mut take: impl FnMut(&Frame<'_>) -> Result<bool, E>) -> Result<(), E> {
        for block in &self.blocks {
            for frame in (0..block.len()).filter_map(|at| block.frame(at)) {
                if !take(&frame)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Times without capturing on any interface.
    #[must_use]
    pub const fn holes(&self) -> &Holes {
        &self.holes
    }

    /// Frames of that capture up to this one have been given up.
    #[must_use]
    pub fn gone(&self, capture: CaptureId) -> Option<FrameNumber> {
        self.gone.get(usize::from(capture.0)).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Direction, LinkType, Mark, Timestamp};

    #[test]
    fn the_oldest_go_first_and_memory_stays_bounded() {
        let mut recent = Recent::new(4 << 20);
        let data = [7; 1000];
        for number in 1..=20_000 {
            let mark = Mark {
                time: Timestamp(i64::from(number)),
                frame: FrameNumber(number),
                capture: CaptureId(1),
            };
            recent.add(&Frame {
                mark,
                link: LinkType(1),
                original_len: 1000,
                direction: Direction::Unknown,
                uid: None,
                data: &data,
            });
            assert!(recent.held <= 4 << 20);
        }
        let held = recent.held();
        let mut numbers = Vec::new();
        let taken = held.each(|frame| {
            numbers.push(frame.mark.frame.0);
            Ok::<bool, ()>(true)
        });
        assert_eq!(taken, Ok(()));
        assert_eq!(numbers.last(), Some(&20_000));
        let gone = held.gone(CaptureId(1)).unwrap();
        assert_eq!(numbers.first(), Some(&(gone.0 + 1)));
        assert!(
            numbers.len() > 2_000 && numbers.len() < 5_000,
            "{}",
            numbers.len()
        );
        assert_eq!(held.gone(CaptureId(0)), None);
    }
}
