//! How far a long capture is read: a line on standard error, where that is a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Frames between two looks at the clock.
const BATCH: u64 = 1 << 16;
/// What takes less needs no bar.
const PATIENCE: Duration = Duration::from_millis(700);
/// Bytes that a file spends on a packet besides its own.
const OVERHEAD: u64 = 32;
/// Width of the bar in columns.
const BAR: usize = 24;

/// A progress bar.
pub struct Progress {
    begun: Option<Instant>,
    size: Option<u64>,
    frames: u64,
    read: u64,
    shown: bool,
}

#[allow(clippy::disallowed_methods)] // how long it takes is the wall clock's
fn now() -> Instant {
    Instant::now()
}

impl Progress {
    /// For so many bytes of input, where that is known. Nothing is shown where standard error is no terminal.
    pub fn new(size: Option<u64>) -> Self {
        let show = io::stderr().is_terminal();
        Self {
            begun: show.then(now),
            size: size.filter(|size| *size > 0),
            frames: 0,
            read: 0,
            shown: false,
        }
    }

    /// A frame of so many captured bytes was read.
    #[inline]
    pub fn frame(&mut self, captured: usize) {
        self.frames += 1;
        self.read += captured as u64 + OVERHEAD;
        if self.frames.is_multiple_of(BATCH) {
            self.show();
        }
    }

    #[cold]
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    fn show(&mut self) {
        let Some(begun) = self.begun else { return };
        let passed = now().duration_since(begun);
        if passed < PATIENCE {
            return;
        }
        self.shown = true;
        let speed = self.read as f64 / passed.as_secs_f64();
        let rate = format!("{:.0} MB/s", speed / 1e6);
        let line = match self.size {
            Some(size) => {
                let part = (self.read as f64 / size as f64).min(0.99);
                let done = (part * BAR as f64) as usize;
                let bar = format!("{}{}", "#".repeat(done), "-".repeat(BAR - done));
                let left = size as f64 * (1.0 - part) / speed;
                format!("[{bar}] {:.0} %  {rate}  {left:.0} s left", part * 100.0)
            }
            None => format!("{} packets  {rate}", self.frames),
        };
        // A terminal that is gone is no reason to stop.
        drop(write!(io::stderr(), "\r\x1b[K{line}"));
    }

    /// All is read: the line goes away.
    pub fn finish(self) {
        if self.shown {
            drop(write!(io::stderr(), "\r\x1b[K"));
        }
    }
}
