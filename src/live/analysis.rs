//! The thread that runs the engine: frames in, snapshots out.

mod archive;
mod news;
mod rate;
mod session;

pub use archive::{ARCHIVED, HELD};
pub use session::Session;
pub(in crate::live) use session::{Begin, Lane};

use super::network::Watch;
use super::recent::Held;
use super::wire::{Clock, Port, Wire};
use crate::diagnose::Thresholds;
use crate::engine::Limits;
use crate::snapshot::Outcome;
use crate::target::Target;
use crate::types::{Frame, Timestamp};
use crate::ui::feed::{Data, Rivals, Status};
use crossbeam_channel::Sender;
use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// An interface, and what it was opened to, if it could be.
pub struct Tapped {
    /// The interface.
    pub port: Box<dyn Port>,
    /// It is open already.
    pub wire: Option<Box<dyn Wire>>,
}

/// What to listen on, and what to look for.
pub struct Plan {
    /// The interfaces.
    pub ports: Vec<Tapped>,
    /// What the report should say of how it is captured, in sentences.
    pub remarks: Vec<String>,
    /// What to look for.
    pub target: Target,
    /// Bounds of what is held.
    pub limits: Limits,
    /// When something is slow.
    pub thresholds: Thresholds,
    /// End after so many packets.
    pub packets: Option<u64>,
    /// End after so long.
    pub duration: Option<Duration>,
    /// Bytes of packets that are kept for ladders and exports.
    pub recent: usize,
    /// What else wants the packets and the ends of attempts.
    pub taps: Vec<Box<dyn Tap>>,
    /// Where attempts are told of that have ended.
    pub told: Option<Sender<Told>>,
    /// The clock that stamps the packets.
    pub clock: Arc<dyn Clock>,
    /// Watches addresses and routes.
    pub watch: Option<Watch>,
}

/// Takes part in a capture: saves packets, say. It runs on the analysis thread and must not wait.
pub trait Tap: Send {
    /// A frame was analysed; `mattered` says that it is or may be of interest (see
    /// [`Engine::mattered`](crate::engine::Engine::mattered)).
    fn frame(&mut self, _frame: &Frame<'_>, _mattered: bool) {}

    /// An attempt has ended, or ended otherwise than told before.
    fn ended(&mut self, _told: &Told) {}

    /// Nothing was captured on an interface for a while.
    fn hole(&mut self, _interface: usize, _from: Timestamp, _to: Timestamp) {}

    /// The state of the capture, several times a second.
    fn tick(&mut self, _tick: &Tick<'_>) {}

    /// What is wrong with it at present, for the user.
    fn problem(&self) -> Option<String> {
        None
    }

    /// The capture is over; what is to be said about it at the end.
    fn finish(&mut self, _tick: &Tick<'_>) -> Vec<String> {
        Vec::new()
    }
}

/// Where a capture stands.
#[derive(Clone, Copy, Debug)]
pub struct Tick<'a> {
    /// The packets' clock.
    pub now: crate::types::Timestamp,
    /// What the kernel counted, by interface.
    pub counted: &'a [super::wire::Counted],
    /// The interfaces.
    pub captures: &'a [crate::source::CaptureInfo],
}

/// An attempt that has ended, in the snapshot that shows it.
#[derive(Clone, Debug)]
pub struct Told {
    /// The snapshot.
    pub data: Arc<Data>,
    /// Index into the attempts of its report.
    pub index: usize,
    /// What was told of it before, if that was something else.
    pub was: Option<Outcome>,
}

impl Told {
    /// The attempt.
    #[must_use]
    pub fn attempt(&self) -> Option<&crate::snapshot::Attempt> {
        self.data.report.attempts.get(self.index)
    }
}

/// What the analysis is asked.
#[derive(Debug)]
pub enum Message {
    /// Free a snapshot.
    Free(Arc<Data>),
    /// Hand over the packets that are held.
    Packets(Sender<Held>),
    /// Say what spoke against other causes of the attempt with that key.
    Rivals(u64),
    /// End the capture.
    Stop,
}

/// What came out in the end.
#[derive(Debug)]
pub struct Finished {
    /// The last snapshot.
    pub data: Arc<Data>,
    /// Some attempt broke, also one that is forgotten by now.
    pub broken: bool,
    /// What the taps have to say.
    pub remarks: Vec<String>,
}

/// What the analysis and the screens share.
#[derive(Debug, Default)]
pub struct Shared {
    newest: Mutex<Option<Arc<Data>>>,
    status: Mutex<Status>,
    rivals: Mutex<Option<Rivals>>,
    held: Mutex<Held>,
    news: Mutex<VecDeque<String>>,
    /// The capture has ended.
    pub over: AtomicBool,
}

impl Shared {
    /// The newest snapshot.
    pub fn newest(&self) -> MutexGuard<'_, Option<Arc<Data>>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counters.
    pub fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The packets that were held when the capture ended.
    pub fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has happened to the interfaces, a line each; who prints them takes them away. At most 100 wait.
    pub fn news(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to [`Message::Rivals`].
    pub fn rivals(&self) -> MutexGuard<'_, Option<Rivals>> {
        self.rivals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
