//! `--keep-failures`: a flight recorder. Recent frames are held in memory, and of each attempt that fails its own are
//! written, with the report about it.
//!
//! A failure is two files in the folder, `TIME-NAME-CAUSE.pcapng` and `.json`, readable by their owner alone, each
//! written under another name and renamed when it is whole. The report has the form of the JSON report with this one
//! attempt, and its frame numbers are those of the capture beside it; what it names of other packets is left out. The
//! capture has the frames of the attempt's connections and lookups, IP fragments of its time, and as comments on the
//! frames that prove something what they prove. It states how long capturing went on after them: read again, it shows the
//! same silence.
//!
//! Nothing grows: the ring has a fixed number of bytes, the folder a number of failures and of bytes beyond which the
//! oldest are removed, those of earlier runs included. Only files with names of this form are ever removed.
//!
//! [`Ring`] takes frames and is cheap to feed: one copy. [`Folder`] writes. They can live in different threads;
//! [`Recorder`] is both together.

mod folder;
mod ring;
mod tell;

pub use folder::{Folder, Kept, RecorderError};
pub use ring::{Packets, Ring};

use crate::snapshot::{Attempt, Report};
use crate::types::{Frame, Timestamp};
use std::path::PathBuf;

/// Where failures go, and how much may be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The folder; it is made where it is missing.
    pub folder: PathBuf,
    /// Bytes of recent frames in memory.
    pub ring: usize,
    /// Failures kept in the folder.
    pub max_failures: usize,
    /// Bytes kept in the folder.
    pub max_bytes: u64,
}

impl Plan {
    /// 64 MiB in memory, 100 failures and 1 GiB in `folder`.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            ring: 64 << 20,
            max_failures: 100,
            max_bytes: 1 << 30,
        }
    }
}

/// Holds recent frames, and writes those of attempts that fail.
pub struct Recorder {
    ring: Ring,
    folder: Folder,
}

impl Recorder {
    /// Makes the folder, and looks what is in it.
    ///
    /// # Errors
    /// If it can't be made or read.
    pub fn open(plan: &Plan) -> Result<Self, RecorderError> {
        Ok(Self {
            ring: Ring::new(plan.ring),
            folder: Folder::open(plan)?,
        })
    }

    /// Holds a frame.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        self.ring.push(frame);
    }

    /// Says that capturing goes on until `now` though no frame came: see [`Ring::note_time`].
    pub fn note_time(&mut self, now: Timestamp) {
        self.ring.note_time(now);
    }

    /// Writes what is held of an attempt of `report`.
    ///
    /// # Errors
    /// If it can't be written; then nothing of it is left in the folder.
    pub fn failed(&mut self, attempt: &Attempt, report: &Report) -> Result<Kept, RecorderError> {
        let packets = self.ring.packets_of(attempt);
        self.folder.keep(&packets, attempt, report)
    }

    /// The two halves, for two threads.
    #[must_use]
    pub fn split(self) -> (Ring, Folder) {
        (self.ring, self.folder)
    }
}

#[cfg(test)]
mod tests;
