//! The thread of one interface: from the kernel's ring into blocks, and nothing else.
//!
//! It never waits for the analysis while there is room in its blocks, and where there is none it does not read: then the
//! kernel drops, and counts what it drops. An interface that vanishes is opened again when it is back.

use super::block::Block;
use super::wire::{Clock, Counted, Port, Trouble, Wire};
use crate::types::{LinkType, Timestamp};
use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, TrySendError};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longest wait for a frame, so that the end and the state of the interface are noticed.
const WAIT: Duration = Duration::from_millis(50);
/// Between two tries to open an interface that is not there.
const RETRY: Duration = Duration::from_millis(250);
/// Between two looks at the counters and at the state.
const LOOK: Duration = Duration::from_millis(200);

/// What a capture thread says.
#[derive(Debug)]
pub enum Event {
    /// Frames, in the order in which the kernel had them.
    Frames(usize, Block),
    /// The interface is open since then, with this link type; said again each time it is opened.
    Up(usize, LinkType, Timestamp),
    /// It yields nothing at present, and why, and until when it was certain to yield what came; tried again.
    Down(usize, Trouble, Timestamp),
    /// Something else has changed that concerns this interface, in words.
    Changed(usize, String),
}

/// Numbers that a capture thread keeps up to date.
#[derive(Debug, Default)]
pub struct Gauge {
    seen: AtomicI64,
    blocked: AtomicU64,
    counted: Mutex<Counted>,
}

impl Gauge {
    /// Everything captured before this time has been sent on.
    #[must_use]
    pub fn seen(&self) -> Timestamp {
        Timestamp(self.seen.load(Ordering::Acquire))
    }

    /// Times that the thread had to wait for the analysis.
    #[must_use]
    pub fn blocked(&self) -> u64 {
        self.blocked.load(Ordering::Relaxed)
    }

    /// What the kernel counted, over all times that the interface was opened.
    #[must_use]
    pub fn counted(&self) -> Counted {
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_counted(&self, counted: Counted) {
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = counted;
    }
}

/// What a capture thread works with.
pub struct Thread {
    /// Number of the interface.
    pub id: usize,
    /// The interface.
    pub port: Box<dyn Port>,
    /// Where frames go.
    pub out: Sender<Event>,
    /// Where empty blocks come from.
    pub free: Receiver<Block>,
    /// Its numbers.
    pub gauge: Arc<Gauge>,
    /// The clock that stamps the frames.
    pub clock: Arc<dyn Clock>,
    /// Closed when it is to end.
    pub stop: Receiver<()>,
}

#[allow(clippy::disallowed_methods)] // how often counters are read is the wall clock's
fn now() -> Instant {
    Instant::now()
}

/// The analysis is gone, or the end was asked for.
struct Over;

impl Thread {
    /// Reads until it is stopped; `wire` is the interface if it is open already.
    pub fn run(mut self, mut wire: Option<Box<dyn Wire>>) {
        let mut before = Counted::default();
        let mut sound = self.clock.now();
        loop {
            let mut open = match wire.take() {
                Some(open) => open,
                None => match self.open(sound) {
                    Ok(open) => open,
                    Err(Over) => return,
                },
            };
            let ended = self.read(open.as_mut(), before, &mut sound);
            before = self.gauge.counted();
            match ended {
                Ok(trouble) => {
                    let down = Event::Down(self.id, trouble, sound);
                    if self.out.send(down).is_err() {
                        return;
                    }
                }
                Err(Over) => return,
            }
        }
    }

    /// Opens the interface, as often as it takes.
    fn open(&mut self, sound: Timestamp) -> Result<Box<dyn Wire>, Over> {
        let mut told = None;
        loop {
            match self.port.open() {
                Ok(wire) => {
                    let up = Event::Up(self.id, wire.link(), self.clock.now());
                    return self.out.send(up).map(|()| wire).map_err(|_| Over);
                }
                Err(trouble) if told.as_ref() == Some(&trouble) => {}
                Err(trouble) => {
                    told = Some(trouble.clone());
                    let down = Event::Down(self.id, trouble, sound);
                    self.out.send(down).map_err(|_| Over)?;
                }
            }
            match self.stop.recv_timeout(RETRY) {
                Err(RecvTimeoutError::Timeout) => {}
                _ => return Err(Over),
            }
        }
    }

    /// Reads until the interface fails: how. At the end, what the kernel still holds is read first. `sound` becomes the
    /// last time at which it was seen to be up.
    fn read(
        &self,
        wire: &mut dyn Wire,
        before: Counted,
        sound: &mut Timestamp,
    ) -> Result<Trouble, Over> {
        *sound = self.clock.now();
        let delay = i64::try_from(self.port.delay().as_nanos()).unwrap_or(0);
        let mut block = self.block();
        let (mut looked, mut state) = (now(), Ok(()));
        loop {
            let stopping = self.is_stopping();
            let wait = if stopping { self.port.delay() } else { WAIT };
            let waited = wire.wait(wait);
            let asked = self.clock.now();
            let frames = waited.and_then(|()| wire.read(&mut block));
            let late = now().duration_since(looked) >= LOOK;
            if late || stopping {
                looked = now();
                self.count(wire, before);
                self.note_state(wire, &mut state, *sound)?;
                if state.is_ok() && frames.is_ok() {
                    *sound = asked;
                }
            }
            match frames {
                Ok(0) => {
                    self.flush(&mut block, true)?;
                    if state.is_ok() {
                        let seen = asked.0.saturating_sub(delay);
                        self.gauge.seen.fetch_max(seen, Ordering::AcqRel);
                    }
                }
                Ok(_) => {
                    let full = block.is_full();
                    self.flush(&mut block, full)?;
                }
                Err(trouble) => {
                    self.flush(&mut block, true)?;
                    self.count(wire, before);
                    return Ok(trouble);
                }
            }
            if stopping {
                self.flush(&mut block, true)?;
                self.count(wire, before);
                return Err(Over);
            }
        }
    }

    fn is_stopping(&self) -> bool {
        self.stop.try_recv() == Err(crossbeam_channel::TryRecvError::Disconnected)
    }

    /// The kernel's counters begin anew each time an interface is opened.
    fn count(&self, wire: &mut dyn Wire, before: Counted) {
        let Some(now) = wire.counted() else { return };
        self.gauge.set_counted(Counted {
            received: before.received + now.received,
            dropped: before.dropped + now.dropped,
            if_dropped: before.if_dropped + now.if_dropped,
        });
    }

    fn note_state(
        &self,
        wire: &mut dyn Wire,
        state: &mut Result<(), Trouble>,
        sound: Timestamp,
    ) -> Result<(), Over> {
        let now = wire.state();
        if now == *state {
            return Ok(());
        }
        let event = match &now {
            Ok(()) => Event::Up(self.id, wire.link(), self.clock.now()),
            Err(trouble) => Event::Down(self.id, trouble.clone(), sound),
        };
        *state = now;
        self.out.send(event).map_err(|_| Over)
    }

    fn block(&self) -> Block {
        let mut block = self.free.try_recv().unwrap_or_default();
        block.clear();
        block
    }

    /// Sends the block on. Where the analysis has no room, only a block that must go is waited with; the others are
    /// filled further.
    fn flush(&self, block: &mut Block, must: bool) -> Result<(), Over> {
        if block.is_empty() {
            return Ok(());
        }
        let full = std::mem::take(block);
        let event = match self.out.try_send(Event::Frames(self.id, full)) {
            Ok(()) => {
                *block = self.block();
                return Ok(());
            }
            Err(TrySendError::Full(event)) => event,
            Err(TrySendError::Disconnected(_)) => return Err(Over),
        };
        let mut event = match event {
            Event::Frames(_, waiting) if !must && !waiting.is_full() => {
                *block = waiting;
                return Ok(());
            }
            event => event,
        };
        self.gauge.blocked.fetch_add(1, Ordering::Relaxed);
        loop {
            match self.out.send_timeout(event, WAIT) {
                Ok(()) => break,
                Err(SendTimeoutError::Timeout(again)) => event = again,
                Err(SendTimeoutError::Disconnected(_)) => return Err(Over),
            }
        }
        *block = self.block();
        Ok(())
    }
}
