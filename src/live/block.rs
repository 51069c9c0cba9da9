//! Frames on their way from a capture thread to the analysis: many in one recycled piece of memory.

use crate::types::{CaptureId, Frame, FrameNumber, LinkType, Mark, Timestamp};

/// Bytes after which a block is full.
pub const BLOCK: usize = 1 << 20;
/// Frames after which a block is full.
pub const FRAMES: usize = 16_384;

/// Where a frame lies in its block.
#[derive(Clone, Copy, Debug)]
struct Head {
    time: Timestamp,
    number: FrameNumber,
    capture: CaptureId,
    link: LinkType,
    original_len: u32,
    start: u32,
    len: u32,
}

/// Frames, one behind the other.
#[derive(Debug, Default)]
pub struct Block {
    bytes: Vec<u8>,
    heads: Vec<Head>,
}

impl Block {
    /// Adds a frame that has no number yet.
    #[inline]
    pub fn push(&mut self, time: Timestamp, link: LinkType, original_len: u32, data: &[u8]) {
        let mark = Mark {
            time,
            ..Mark::default()
        };
        self.add(mark, link, original_len, data);
    }

    /// Adds a frame as it is.
    #[inline]
    pub fn copy(&mut self, frame: &Frame<'_>) {
        self.add(frame.mark, frame.link, frame.original_len, frame.data);
    }

    #[inline]
    fn add(&mut self, mark: Mark, link: LinkType, original_len: u32, data: &[u8]) {
        let (Ok(start), Ok(len)) = (u32::try_from(self.bytes.len()), u32::try_from(data.len()))
        else {
            return; // no block comes near 4 GiB
        };
        self.heads.push(Head {
            time: mark.time,
            number: mark.frame,
            capture: mark.capture,
            link,
            original_len,
            start,
            len,
        });
        self.bytes.extend_from_slice(data);
    }

    /// The frame at that place.
    #[inline]
    #[must_use]
    pub fn frame(&self, at: usize) -> Option<Frame<'_>> {
        let head = self.heads.get(at)?;
        let start = head.start as usize;
        Some(Frame {
            mark: Mark {
                time: head.time,
                frame: head.number,
                capture: head.capture,
            },
            link: head.link,
            original_len: head.original_len,
            direction: crate::types::Direction::Unknown,
            uid: None,
            data: self.bytes.get(start..start + head.len as usize)?,
        })
    }

    /// Time of the frame at that place.
    #[inline]
    #[must_use]
    pub fn time(&self, at: usize) -> Option<Timestamp> {
        Some(self.heads.get(at)?.time)
    }

    /// Frames in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// None are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// No more belong into it.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= BLOCK || self.heads.len() >= FRAMES
    }

    /// Memory that it takes, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len() + self.heads.len() * size_of::<Head>()
    }

    /// Empties it; the memory stays, but no more than two full blocks need.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.heads.clear();
        self.bytes.shrink_to(2 * BLOCK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in() {
        let mut block = Block::default();
        block.push(Timestamp(5), LinkType(1), 1500, b"abc");
        block.push(Timestamp(6), LinkType(113), 2, b"de");
        let frame = block.frame(1).unwrap();
        assert_eq!(
            (frame.data, frame.link, frame.original_len),
            (&b"de"[..], LinkType(113), 2)
        );
        assert_eq!(block.frame(0).unwrap().mark.time, Timestamp(5));
        assert!(block.frame(2).is_none() && block.len() == 2);
        block.clear();
        assert!(block.is_empty() && block.frame(0).is_none());
    }
}
