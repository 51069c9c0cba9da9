//! Where the screens get their data: snapshots made on another thread, and the packets of one attempt on demand.
//!
//! The screens never wait. [`Feed`] hands over the newest snapshot if there is a new one, and counters that cost
//! nothing; [`Packets`] looks for the packets of an attempt while the screens go on.

use crate::ladder::Collected;
use crate::snapshot::why_not::Rival;
use crate::snapshot::{Attempt, Report};
use crate::types::Timestamp;
use foldhash::fast::FixedState;
use std::hash::{BuildHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

/// A snapshot as the screens hold it.
#[derive(Debug)]
pub struct Data {
    /// The result so far.
    pub report: Report,
    /// Attempts of a long run that the report no longer holds, older than its own; shown before them.
    pub archived: Vec<Arc<Vec<Attempt>>>,
    /// What tells each attempt from the others in all snapshots of one run: of the archived ones, then of the report's.
    pub keys: Vec<u64>,
    /// All input is in it.
    pub complete: bool,
}

impl Data {
    /// Takes a snapshot in.
    #[must_use]
    pub fn new(report: Report, complete: bool) -> Self {
        Self::with_archive(report, complete, Vec::new())
    }

    /// Takes a snapshot in, and attempts that were in earlier ones.
    #[must_use]
    pub fn with_archive(report: Report, complete: bool, archived: Vec<Arc<Vec<Attempt>>>) -> Self {
        let before = archived.iter().flat_map(|part| part.iter());
        let keys = before.chain(&report.attempts).map(key).collect();
        Self {
            report,
            archived,
            keys,
            complete,
        }
    }

    /// The attempts, archived ones first.
    pub fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        let before = self.archived.iter().flat_map(|part| part.iter());
        before.chain(&self.report.attempts)
    }

    /// The attempt at that place.
    #[must_use]
    pub fn attempt(&self, index: usize) -> Option<&Attempt> {
        let mut index = index;
        for part in &self.archived {
            if let Some(attempt) = part.get(index) {
                return Some(attempt);
            }
            index -= part.len();
        }
        self.report.attempts.get(index)
    }

    /// Attempts that are archived: those of the report come after them.
    #[must_use]
    pub fn archived_count(&self) -> usize {
        self.keys.len() - self.report.attempts.len()
    }

    /// The attempt with that key, by its index.
    #[must_use]
    pub fn index(&self, key: u64) -> Option<usize> {
        self.keys.iter().position(|k| *k == key)
    }
}

/// Attempts are numbered anew in every snapshot; client, name and begin stay.
#[must_use]
pub fn key(attempt: &Attempt) -> u64 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    (
        attempt.capture,
        &attempt.client,
        &attempt.name,
        &attempt.started,
    )
        .hash(&mut hasher);
    let server = attempt.paths.first().map(|p| &p.server);
    (attempt.name.is_none().then_some(server)).hash(&mut hasher);
    hasher.finish()
}

/// What is being done.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum State {
    /// Reading as fast as can be.
    #[default]
    Reading,
    /// All is read.
    Done,
    /// Playing at so many times the capture's own pace.
    Playing(f64),
    /// Playing, but paused.
    Paused,
    /// Reading on to the next failure.
    Seeking,
    /// Capturing.
    Live,
}

/// Counters, at any time.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Status {
    /// What is being done.
    pub state: State,
    /// Packets so far.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Packets known to be lost by the capture.
    pub dropped: Option<u64>,
    /// How much of the input is read, 0 to 1, where that is known.
    pub part: Option<f64>,
    /// Bytes of input read a second.
    pub speed: Option<f64>,
    /// Seconds until all is read, at that speed.
    pub left: Option<f64>,
    /// The capture's clock.
    pub clock: Option<Timestamp>,
    /// Packets in each of the last (or all) spans of time.
    pub bars: Vec<u64>,
    /// Length of each of these in nanoseconds; 0 where there are none.
    pub bar: i64,
    /// What went wrong with the reading.
    pub problem: Option<String>,
    /// What has just happened to an interface, and is worth a line for a while.
    pub news: Option<String>,
}

/// What the feed is told to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Play, or pause.
    Play,
    /// Play from the beginning.
    Rewind,
    /// Twice as fast.
    Faster,
    /// Half as fast.
    Slower,
    /// On to the next failure.
    Step,
    /// Read all that is left.
    ToEnd,
}

/// Gives snapshots.
pub trait Feed {
    /// The newest snapshot, if there is one that was not taken yet.
    fn newest(&mut self) -> Option<Arc<Data>>;
    /// Takes a snapshot back that is no longer shown: freeing a large one takes time that the screens don't have.
    fn give_back(&mut self, data: Arc<Data>);
    /// The counters.
    fn status(&self) -> Status;
    /// Passes an order on; a message for the user where it can't be followed.
    ///
    /// # Errors
    /// Why not, in a few words.
    fn order(&mut self, order: Order) -> Result<(), String>;
    /// Asks what spoke against other causes of the attempt with that key.
    fn ask_rivals(&mut self, _key: u64) {}
    /// The answer, once it is there.
    fn rivals(&mut self) -> Option<Rivals> {
        None
    }
}

/// What spoke against other causes of an attempt.
#[derive(Clone, Debug)]
pub struct Rivals {
    /// The attempt's key.
    pub key: u64,
    /// Cause by cause; none where the attempt has no cause itself.
    pub rivals: Vec<Rival>,
}

/// What is wanted of an attempt's packets.
#[derive(Clone, Debug)]
pub enum Job {
    /// All of them, to look at.
    Collect(u64, Box<Attempt>),
    /// All of them, written to a new pcapng file; where there is one of that name, [`create_new`](super::export::create_new) adds a number.
    Save(PathBuf, Box<Attempt>),
    /// A bundle for a ticket, redacted: of all attempts that failed, or of the one with that `id` of the last snapshot.
    Bundle(Option<usize>),
}

/// What came of a [`Job`].
#[derive(Debug)]
pub enum Answer {
    /// The packets of the attempt with that key.
    Collected(u64, Collected),
    /// So many packets were written to that file.
    Saved(PathBuf, usize),
    /// It was done: what to say of it.
    Done(String),
    /// Why there is nothing.
    Failed(String),
}

/// Finds packets again.
pub trait Packets {
    /// Begins a job; one that is under way is given up.
    fn ask(&mut self, job: Job);
    /// The answer, once it is there.
    fn answer(&mut self) -> Option<Answer>;
}
