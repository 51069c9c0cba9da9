//! Several frames at once.

use crate::types::{CaptureId, Direction, Frame, FrameNumber, LinkType, Mark, Timestamp};
use std::ops::Deref;

/// Most frames that are handed on at once.
pub const TOGETHER: usize = 16;

/// A few frames in a row, all in the source's buffer at the same time. A slice of [`Frame`]s.
#[derive(Clone, Copy, Debug)]
pub struct Frames<'a> {
    frames: [Frame<'a>; TOGETHER],
    len: usize,
}

/// What stands where there is no frame.
const NONE: Frame<'static> = Frame {
    mark: Mark {
        time: Timestamp(0),
        frame: FrameNumber(0),
        capture: CaptureId(0),
    },
    link: LinkType(0),
    original_len: 0,
    direction: Direction::Unknown,
    uid: None,
    data: &[],
};

impl Default for Frames<'_> {
    fn default() -> Self {
        Self {
            frames: [NONE; TOGETHER],
            len: 0,
        }
    }
}

impl<'a> Frames<'a> {
    /// Adds a frame, if there is room for it.
    #[inline]
    pub(super) fn push(&mut self, frame: Frame<'a>) {
        if let Some(place) = self.frames.get_mut(self.len) {
            *place = frame;
            self.len += 1;
        }
    }
}

impl<'a> Deref for Frames<'a> {
    type Target = [Frame<'a>];

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.frames[..self.len]
    }
}

impl<'a> From<Option<Frame<'a>>> for Frames<'a> {
    fn from(frame: Option<Frame<'a>>) -> Self {
        let mut frames = Self::default();
        if let Some(frame) = frame {
            frames.push(frame);
        }
        frames
    }
}
