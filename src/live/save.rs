//! `-w`: the packets that are analysed, as pcapng; one file, a ring of files, or standard output.
//!
//! Every file stands on its own: section header, all interfaces, packets, and when it is closed a statistics block for
//! each interface with what was received and dropped while that file was written. Whole blocks only reach the disk: they
//! are put together in memory (at most [`BUFFER`] bytes and one packet) and written in one go, and where that fails
//! midway the file is cut back to the last whole block.
//!
//! A full disk does not end the capture. Saving pauses, [`Save::problem`] says so, and it is tried again every
//! [`RETRY`] of the packets' clock, with what was lost meanwhile stated as a comment on the next packet that is saved.
//! Standard output (`-w -`) is not tried again: half a
//! block may be in the pipe already.
//!
//! A ring is `NAME_00001_20261122195500.ext`, as dumpcap names it, so that Wireshark takes the files for one set; the
//! time is UTC. Only files of this run are removed. Files are readable by their owner alone.

mod output;

use crate::report::pcapng::{Interface, Statistics, Writer};
use crate::types::{Frame, Timestamp};
use output::Output;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bytes put together before they are written.
pub const BUFFER: usize = 256 << 10;
/// Time between two tries to write after one failed.
pub const RETRY: Duration = Duration::from_secs(10);
/// Files of a ring where the user names no number.
pub const KEEP: usize = 10;

/// Where and how to save.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The file, the pattern of a ring's files, or `-`.
    pub path: PathBuf,
    /// Begin a new file before this one gets larger, bytes.
    pub rotate_size: Option<u64>,
    /// Begin a new file once this one's first packet is so old.
    pub rotate_time: Option<Duration>,
    /// Files of a ring; the oldest is removed beyond that. At least 1.
    pub keep: usize,
}

impl Plan {
    /// It makes a ring of files.
    #[must_use]
    pub fn rotates(&self) -> bool {
        self.rotate_size.is_some() || self.rotate_time.is_some()
    }

    /// The folder that files are made in later, while capturing: the one that a sandbox has to leave writable. `None`
    /// for a single file and for standard output, which are opened at the start.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        let parent = self.path.parent().filter(|p| !p.as_os_str().is_empty());
        self.rotates().then(|| parent.unwrap_or(Path::new(".")))
    }
}

/// Why saving can't begin. Displays as one line.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The file can't be made.
    #[error("{}: can't be written: {error}: name a file in a folder that you may write to", .path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Standard output can't be rotated.
    #[error(
        "-w -: standard output can't be rotated: name a file, or leave out --rotate-size and --rotate-time"
    )]
    RotatesOutput,
}

/// Packets counted on one interface since capturing began, as `pcap_stats` gives them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counted {
    /// Received.
    pub received: u64,
    /// Dropped by the system for want of room.
    pub dropped: u64,
    /// Dropped by the interface or its driver.
    pub if_dropped: u64,
}

impl Counted {
    fn since(self, base: Self) -> Self {
        Self {
            received: self.received.saturating_sub(base.received),
            dropped: self.dropped.saturating_sub(base.dropped),
            if_dropped: self.if_dropped.saturating_sub(base.if_dropped),
        }
    }
}

/// An interface that is saved from: what it is, and its counters now and when the file began.
struct Source {
    interface: Interface,
    counted: Counted,
    base: Counted,
}

/// The file being written.
struct Current {
    writer: Writer<Vec<u8>>,
    output: Output,
    opened: Timestamp,
    first: Option<Timestamp>,
    last: Timestamp,
    /// Packets in the buffer.
    pending: u64,
    saved: u64,
}

/// Why nothing is being saved.
struct Trouble {
    what: String,
    again: Option<Timestamp>,
}

/// Saves packets.
pub struct Save {
    plan: Plan,
    sources: Vec<Source>,
    current: Option<Current>,
    trouble: Option<Trouble>,
    files: VecDeque<PathBuf>,
    number: u32,
    saved: u64,
    unsaved: u64,
    /// Lost since a packet was saved last.
    gap: u64,
}

impl Save {
    /// Opens the first file. `now` is the wall clock's time; it names the file of a ring.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn open(plan: Plan, interfaces: &[Interface], now: Timestamp) -> Result<Self, SaveError> {
        if plan.rotates() && plan.path.as_os_str() == "-" {
            return Err(SaveError::RotatesOutput);
        }
        let source = |interface: &Interface| Source {
            interface: interface.clone(),
            counted: Counted::default(),
            base: Counted::default(),
        };
        let mut save = Self {
            plan,
            sources: interfaces.iter().map(source).collect(),
            current: None,
            trouble: None,
            files: VecDeque::new(),
            number: 0,
            saved: 0,
            unsaved: 0,
            gap: 0,
        };
        match save.begin(now) {
            Ok(()) => Ok(save),
            Err(error) => Err(SaveError::Open {
                path: save.plan.path,
                error,
            }),
        }
    }

    /// Adds an interface, such as one that came back with another link type; its index for [`frame`](Self::frame).
    pub fn add(&mut self, interface: Interface) -> usize {
        if let Some(current) = &mut self.current {
            // Into memory: only a link type without a number fails, and then so do the frames of it.
            let _ = current.writer.declare(&interface);
        }
        self.sources.push(Source {
            interface,
            counted: Counted::default(),
            base: Counted::default(),
        });
        self.sources.len() - 1
    }

    /// Saves a frame of the interface with that index. Never fails: see [`problem`](Self::problem).
    pub fn frame(&mut self, interface: usize, frame: &Frame<'_>) {
        let now = frame.mark.time;
        if self.is_full(now, frame.data.len()) {
            self.close(now);
        }
        if !self.is_ready(now) {
            self.unsaved += 1;
            self.gap += 1;
            return;
        }
        let comment = self.gap_comment();
        let Some(current) = &mut self.current else {
            return;
        };
        let index = u32::try_from(interface).unwrap_or(u32::MAX);
        if let Err(error) = current.writer.packet_of(index, frame, &comment) {
            self.trouble = Some(self.trouble_of(&error, now));
            return;
        }
        current.first.get_or_insert(now);
        current.last = current.last.max(now);
        current.pending += 1;
        self.gap = 0;
        if current.writer.get_mut().len() >= BUFFER {
            self.flush(now);
        }
    }

    /// Takes the counters of the interface with that index.
    pub fn counted(&mut self, interface: usize, counted: Counted) {
        if let Some(source) = self.sources.get_mut(interface) {
            source.counted = counted;
        }
    }

    /// Says that nothing was captured on the interface with that index for a while. It stands in the file that is open now;
    /// where none is, the time lies between two files.
    pub fn hole(&mut self, interface: usize, from: Timestamp, to: Timestamp) {
        let index = u32::try_from(interface).unwrap_or(u32::MAX);
        if let (Some(current), true) = (&mut self.current, interface < self.sources.len()) {
            // Into memory.
            let _ = current.writer.hole(index, from, to);
        }
    }

    /// To be called now and then, also while the line is quiet: writes what is held, and closes a file of a ring whose
    /// time is up.
    pub fn tick(&mut self, now: Timestamp) {
        if self.current.as_ref().is_some_and(|c| self.is_old(c, now)) {
            self.close(now);
        } else {
            self.flush(now);
        }
    }

    /// Why nothing is being saved at the moment, in one line that names the file.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.trouble.as_ref().map(|t| t.what.as_str())
    }

    /// Packets saved, and packets lost because writing failed.
    #[must_use]
    pub fn totals(&self) -> (u64, u64) {
        let current = self.current.as_ref().map_or(0, |c| c.saved);
        (self.saved + current, self.unsaved)
    }

    /// The files of this run that are there now, the oldest first; none for standard output.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    /// Closes the last file; the problem that is left, in one line.
    pub fn finish(mut self, now: Timestamp) -> Option<String> {
        self.close(now);
        self.trouble.map(|t| t.what)
    }

    fn is_full(&mut self, now: Timestamp, more: usize) -> bool {
        let Some(current) = &mut self.current else {
            return false;
        };
        let size = current.output.written() + current.writer.get_mut().len() as u64;
        let too_large = |limit: u64| size + more as u64 + 64 > limit;
        let large = self.plan.rotate_size.is_some_and(too_large);
        let Some(current) = &self.current else {
            return false;
        };
        (large || self.is_old(current, now)) && current.saved + current.pending > 0
    }

    fn is_old(&self, current: &Current, now: Timestamp) -> bool {
        let age = current.first.map(|first| now.since(first));
        let limit = self.plan.rotate_time;
        age.zip(limit).is_some_and(|(age, limit)| age >= limit)
    }

    /// There is a file to write into; opens one where the last was closed or failed long enough ago.
    fn is_ready(&mut self, now: Timestamp) -> bool {
        if let Some(trouble) = &self.trouble {
            if trouble.again.is_none_or(|again| now < again) {
                return false;
            }
            self.trouble = None;
        }
        if self.current.is_none()
            && let Err(error) = self.begin(now)
        {
            self.trouble = Some(self.trouble_of(&error, now));
        }
        self.trouble.is_none()
    }

    fn gap_comment(&self) -> String {
        match self.gap {
            0 => String::new(),
            n => format!("{n} packets before this one were not saved: writing failed"),
        }
    }

    /// Opens a file and writes its head.
    fn begin(&mut self, now: Timestamp) -> io::Result<()> {
        let (path, output) = if self.plan.rotates() {
            let path = ring_name(&self.plan.path, self.number + 1, now);
            let output = Output::create_new(&path)?;
            self.number += 1;
            (Some(path), output)
        } else if self.plan.path.as_os_str() == "-" {
            (None, Output::stdout())
        } else {
            let output = Output::create(&self.plan.path)?;
            (Some(self.plan.path.clone()), output)
        };
        self.files.extend(path);
        let mut writer = Writer::new(Vec::new())?;
        for source in &mut self.sources {
            writer.declare(&source.interface)?;
            source.base = source.counted;
        }
        let mut current = Current {
            writer,
            output,
            opened: now,
            first: None,
            last: now,
            pending: 0,
            saved: 0,
        };
        current.write()?;
        self.current = Some(current);
        self.forget_oldest();
        Ok(())
    }

    fn forget_oldest(&mut self) {
        while self.plan.rotates() && self.files.len() > self.plan.keep.max(1) {
            if let Some(oldest) = self.files.pop_front() {
                // Somebody may have taken it away already; then nothing is left to do.
                let _ = std::fs::remove_file(oldest);
            }
        }
    }

    fn flush(&mut self, now: Timestamp) {
        let Some(current) = &mut self.current else {
            return;
        };
        let pending = current.pending;
        if let Err(error) = current.write() {
            self.unsaved += pending;
            self.gap += pending;
            self.trouble = Some(self.trouble_of(&error, now));
        }
    }

    fn trouble_of(&self, error: &io::Error, now: Timestamp) -> Trouble {
        // Standard output may end in half a block now: what followed would not be readable.
        let stdout = self.current.as_ref().is_some_and(|c| c.output.is_stdout());
        let broken = error.kind() == io::ErrorKind::BrokenPipe;
        let gone = broken || stdout;
        let path = match self.files.back() {
            Some(path) => path.display().to_string(),
            None => "standard output".to_owned(),
        };
        let path = crate::snapshot::clean::clean(&path);
        let what = if broken {
            format!("{path}: closed by its reader: no more packets are saved")
        } else if stdout {
            format!("{path}: {error}: no more packets are saved")
        } else {
            format!("{path}: saving pauses, the analysis goes on: {error}: make room")
        };
        Trouble {
            what,
            again: (!gone).then(|| now.plus(RETRY)),
        }
    }

    fn close(&mut self, now: Timestamp) {
        self.flush(now);
        let Some(mut current) = self.current.take() else {
            return;
        };
        let end = current.last.max(now);
        let span = Some((current.first.unwrap_or(current.opened), end));
        let lost = match self.unsaved {
            0 => String::new(),
            n => format!("{n} packets were not saved: writing failed"),
        };
        for (index, source) in (0_u32..).zip(&self.sources) {
            let counted = source.counted.since(source.base);
            let block = Statistics {
                span,
                received: Some(counted.received),
                interface_drops: Some(counted.if_dropped),
                system_drops: Some(counted.dropped),
            };
            // Into memory.
            let _ = current.writer.statistics(index, &block, &lost);
        }
        if self.trouble.is_none()
            && let Err(error) = current.write()
        {
            self.trouble = Some(self.trouble_of(&error, now));
        }
        self.saved += current.saved;
    }
}

impl Current {
    /// Writes the buffer: all of it, or, on an error, none.
    fn write(&mut self) -> io::Result<()> {
        let buffer = self.writer.get_mut();
        let done = self.output.write(buffer);
        buffer.clear();
        let pending = std::mem::take(&mut self.pending);
        done?;
        self.saved += pending;
        Ok(())
    }
}

/// The name of a file of a ring: number and UTC time before the extension.
fn ring_name(path: &Path, number: u32, now: Timestamp) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let end = path
        .extension()
        .map_or("pcapng".into(), |e| e.to_string_lossy());
    let time = jiff::Timestamp::from_nanosecond(i128::from(now.0)).unwrap_or_default();
    let time = time.strftime("%Y%m%d%H%M%S");
    path.with_file_name(format!("{stem}_{number:05}_{time}.{end}"))
}

#[cfg(test)]
mod tests;
