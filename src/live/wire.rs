//! What the capture threads need of an interface; libpcap's is in `libpcap`, the tests bring their own.

use super::block::Block;
use crate::types::{LinkType, Timestamp};
use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Why an interface yields no frames.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// It is down: the same handle goes on once it is up again.
    Down,
    /// There is no such interface (any more).
    Gone,
    /// Anything else, in the system's words.
    Failed(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down => f.write_str("the interface is down"),
            Self::Gone => f.write_str("there is no such interface"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

/// An interface that is open.
pub trait Wire: Send {
    /// Link type of its frames.
    fn link(&self) -> LinkType;

    /// Waits until frames are there, at most that long.
    ///
    /// # Errors
    /// If waiting is not possible.
    fn wait(&mut self, timeout: Duration) -> Result<(), Trouble>;

    /// Moves frames that are there into `block` until it is full; how many. 0 says that none is there now.
    ///
    /// # Errors
    /// If the interface yields none at present.
    fn read(&mut self, block: &mut Block) -> Result<usize, Trouble>;

    /// What has been counted since it was opened; `None` where that can't be said now.
    fn counted(&mut self) -> Option<Counted>;

    /// What keeps frames from coming, though reading works: Linux says nothing to who listens while an interface is
    /// down.
    fn state(&mut self) -> Result<(), Trouble> {
        Ok(())
    }
}

/// What the kernel counts of a capture.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counted {
    /// Frames that passed the filter.
    pub received: u64,
    /// Of these, frames for which the kernel's buffer had no room.
    pub dropped: u64,
    /// Frames that the interface or its driver dropped.
    pub if_dropped: u64,
}

impl Counted {
    /// Frames that are missing in the capture.
    #[must_use]
    pub const fn lost(self) -> u64 {
        self.dropped.saturating_add(self.if_dropped)
    }
}

/// An interface by name, open or not.
pub trait Port: Send {
    /// Its name.
    fn name(&self) -> &str;

    /// Opens it.
    ///
    /// # Errors
    /// Why it can't be opened now.
    fn open(&mut self) -> Result<Box<dyn Wire>, Trouble>;

    /// How long a frame may have been captured before [`Wire::read`] can see it.
    fn delay(&self) -> Duration;
}

/// The wall clock that stamps the frames.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Time since some moment, by a clock that nobody sets and that stands still while the machine sleeps: where it has
    /// gone less far than [`Clock::now`], nothing was captured meanwhile.
    fn steady(&self) -> Duration;
}

/// The system's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the kernel stamps frames with this clock
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let nanos = since.map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX));
        Timestamp(nanos)
    }

    #[allow(clippy::disallowed_methods)] // compared with the clock above
    fn steady(&self) -> Duration {
        static BEGUN: OnceLock<Instant> = OnceLock::new();
        Instant::now().duration_since(*BEGUN.get_or_init(Instant::now))
    }
}
