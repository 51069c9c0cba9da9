//! The thread that reads captures and feeds the engine.

use super::rates::Rates;
use super::saved::{Message, Plan, Shared};
use crate::engine::Engine;
use crate::snapshot::Outcome;
use crate::source::{CaptureInfo, Source};
use crate::types::{CaptureId, Timestamp};
use crate::ui::feed::{Data, Order, Rivals, State, Status};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

/// Shortest time between two snapshots.
const PAUSE: Duration = Duration::from_millis(200);
/// Between two snapshots at least so many times what the last one took is spent on reading.
const SHARE: u32 = 8;
/// Frames between two looks at the clock and the orders.
const BATCH: usize = 4096;
/// Bytes that a file spends on a packet besides its own.
const OVERHEAD: u64 = 32;
/// Steps of the capture's clock at which a failure is looked for.
const STEP: Duration = Duration::from_millis(250);

/// How frames are taken.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Mode {
    Read,
    Play,
    Pause,
    /// Until more attempts than these are broken.
    Seek(usize),
    Done,
}

/// The thread's own state.
pub(super) struct Reader {
    plan: Plan,
    source: Box<dyn Source>,
    engine: Engine,
    shared: Arc<Shared>,
    orders: Receiver<Message>,
    mode: Mode,
    pace: f64,
    /// The wall clock and the capture's clock at one moment of playing.
    anchor: Option<(Instant, Timestamp)>,
    /// The frame at hand has not been given to the engine yet.
    waiting: bool,
    clock: Option<Timestamp>,
    checked: Option<Timestamp>,
    broken: usize,
    rates: Rates,
    read: u64,
    packets: u64,
    bytes: u64,
    begun: Instant,
    shown: Instant,
    cost: Duration,
    dirty: bool,
    /// The snapshot handed over last.
    last: Option<Arc<Data>>,
}

#[allow(clippy::disallowed_methods)] // the pace of playing is the wall clock's
fn now() -> Instant {
    Instant::now()
}

impl Reader {
    pub(super) fn new(
        plan: Plan,
        source: Box<dyn Source>,
        shared: Arc<Shared>,
        orders: Receiver<Message>,
    ) -> Self {
        let engine = Engine::new(plan.target.clone(), plan.limits);
        Self {
            plan,
            source,
            engine,
            shared,
            orders,
            mode: Mode::Read,
            pace: 1.0,
            anchor: None,
            waiting: false,
            clock: None,
            checked: None,
            broken: 0,
            rates: Rates::default(),
            read: 0,
            packets: 0,
            bytes: 0,
            begun: now(),
            shown: now(),
            cost: Duration::ZERO,
            dirty: false,
            last: None,
        }
    }

    /// Until nobody sends orders any more.
    pub(super) fn run(&mut self) {
        loop {
            match self.mode {
                Mode::Read => self.some_frames(),
                Mode::Seek(broken) => self.seek(broken),
                Mode::Play => self.play(),
                Mode::Pause | Mode::Done => {}
            }
            self.show(false);
            if !self.obey() {
                return;
            }
        }
    }

    /// Follows what was ordered; false when the screens are gone. Waits where there is nothing else to do.
    fn obey(&mut self) -> bool {
        let wait = match self.mode {
            Mode::Read | Mode::Seek(_) => None,
            Mode::Play => Some(Duration::from_millis(20)),
            Mode::Pause | Mode::Done => Some(Duration::from_secs(3600)),
        };
        if let Some(wait) = wait {
            match self.orders.recv_timeout(wait) {
                Ok(message) => self.handle(message),
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return false,
            }
        }
        loop {
            match self.orders.try_recv() {
                Ok(message) => self.handle(message),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn handle(&mut self, message: Message) {
        let order = match message {
            Message::Order(order) => order,
            Message::Free(data) => return drop(data),
            Message::Rivals(key) => return self.rivals(key),
        };
        let fresh = self.mode == Mode::Done;
        if (fresh && !matches!(order, Order::Faster | Order::Slower | Order::ToEnd))
            || order == Order::Rewind
        {
            self.rewind();
        }
        self.anchor = None;
        match order {
            Order::Play if self.mode == Mode::Play => self.mode = Mode::Pause,
            Order::Play | Order::Rewind => self.mode = Mode::Play,
            Order::Faster => self.pace = (self.pace * 2.0).min(1024.0),
            Order::Slower => self.pace = (self.pace / 2.0).max(1.0 / 64.0),
            Order::Step => self.mode = Mode::Seek(self.broken),
            Order::ToEnd if self.mode != Mode::Done => self.mode = Mode::Read,
            Order::ToEnd => {}
        }
        self.publish_status();
    }

    fn rivals(&mut self, key: u64) {
        let attempt = self.last.as_ref().and_then(|data| {
            let index = data.index(key)?;
            data.attempt(index).cloned()
        });
        let rivals = attempt.map_or_else(Vec::new, |attempt| {
            let captures = self.source.captures();
            self.engine
                .rivals(&captures, self.plan.thresholds, &attempt)
        });
        *self.shared.rivals() = Some(Rivals { key, rivals });
    }

    fn rewind(&mut self) {
        if !self.plan.again {
            return;
        }
        match (self.plan.open)() {
            Ok(source) => self.source = source,
            Err(error) => {
                self.shared.status().problem = Some(error);
                return;
            }
        }
        self.engine = Engine::new(self.plan.target.clone(), self.plan.limits);
        (self.waiting, self.clock, self.checked) = (false, None, None);
        (self.broken, self.read, self.packets, self.bytes) = (0, 0, 0, 0);
        self.rates = Rates::default();
        self.begun = now();
        self.mode = Mode::Pause;
        self.dirty = true;
        self.show(true);
    }

    /// Gives the next frame to the engine if it is due; false where it is not, or there is none.
    fn frame(&mut self, due: Option<Timestamp>) -> bool {
        if !self.waiting && !self.source.advance() {
            self.end();
            return false;
        }
        let Some(frame) = self.source.frame() else {
            return false;
        };
        self.waiting = due.is_some_and(|due| frame.mark.time > due);
        if self.waiting {
            return false;
        }
        self.read += frame.data.len() as u64 + OVERHEAD;
        self.bytes += u64::from(frame.original_len);
        self.packets += 1;
        self.rates.add(frame.mark.time);
        self.clock = self.clock.max(Some(frame.mark.time));
        self.engine.handle_frame(&frame);
        self.dirty = true;
        true
    }

    fn some_frames(&mut self) {
        for _ in 0..BATCH {
            if !self.frame(None) {
                return;
            }
        }
    }

    fn end(&mut self) {
        self.engine.handle_stated(&self.source.captures());
        self.engine.finish();
        self.mode = Mode::Done;
        self.dirty = true;
        self.show(true);
    }

    /// Gives the engine all frames that are due by the wall clock.
    fn play(&mut self) {
        let Some(clock) = self.clock else {
            self.frame(None);
            return;
        };
        let (wall, from) = *self.anchor.get_or_insert((now(), clock));
        let passed = now().duration_since(wall).mul_f64(self.pace);
        let due = from.plus(passed);
        for _ in 0..BATCH {
            if !self.frame(Some(due)) {
                break;
            }
        }
        if self.mode == Mode::Play {
            self.pass_time(due);
        }
    }

    /// The capture's clock goes on although no packet came: silence becomes known.
    fn pass_time(&mut self, to: Timestamp) {
        if self.clock.is_some_and(|clock| clock < to) && self.waiting {
            self.clock = Some(to);
            self.dirty = true;
            let captures = u16::try_from(self.source.captures().len()).unwrap_or(u16::MAX);
            (0..captures).for_each(|id| self.engine.handle_time(CaptureId(id), to));
        }
    }

    /// Reads on, step by step of the capture's clock, until one more attempt is broken.
    fn seek(&mut self, broken: usize) {
        let due = match (self.checked.or(self.clock), self.clock) {
            (Some(from), Some(_)) => from.plus(STEP.max(self.cost / 2)),
            _ => {
                self.frame(None);
                return;
            }
        };
        while self.frame(Some(due)) {}
        if self.mode == Mode::Done {
            return;
        }
        self.pass_time(due);
        self.checked = Some(due);
        if self.dirty {
            self.show(true);
        }
        if self.broken > broken {
            self.mode = Mode::Pause;
            self.publish_status();
        }
    }

    /// Hands a snapshot over, if there is something new and it is time, or at once.
    fn show(&mut self, at_once: bool) {
        let since = now().duration_since(self.shown);
        let due = since >= PAUSE.max(self.cost * SHARE);
        if !at_once && (!due || !self.dirty) {
            if self.mode == Mode::Read && since >= PAUSE {
                self.publish_status();
            }
            return;
        }
        let began = now();
        let done = self.mode == Mode::Done;
        let mut captures = self.source.captures();
        if !done {
            // What is still being read is not damaged.
            for capture in &mut captures {
                capture.complete |= capture.problems.is_empty();
                capture.goes_on = true;
            }
        }
        let report = self.engine.snapshot(&captures, self.plan.thresholds);
        let broke = report
            .attempts
            .iter()
            .filter(|a| a.outcome == Outcome::Broken);
        self.broken = broke.count();
        let data = Arc::new(Data::new(report, done));
        self.last = Some(Arc::clone(&data));
        let old = self.shared.newest().replace(data);
        drop(old);
        self.cost = now().duration_since(began);
        self.shown = now();
        self.dirty = false;
        self.publish(&captures);
    }

    fn publish_status(&self) {
        self.publish(&self.source.captures());
    }

    #[allow(clippy::cast_precision_loss)]
    fn publish(&self, captures: &[CaptureInfo]) {
        let done = self.mode == Mode::Done;
        let (bars, bar) = self.rates.bars();
        let seconds = now().duration_since(self.begun).as_secs_f64();
        let lost: Vec<u64> = captures.iter().filter_map(|c| c.dropped).collect();
        let part = self.plan.size.filter(|size| *size > 0);
        let part = part.map(|size| (self.read as f64 / size as f64).min(0.99));
        let reading = self.mode == Mode::Read && seconds > 0.2;
        let speed = reading.then(|| self.read as f64 / seconds);
        let mut status = self.shared.status();
        let problem = status.problem.take();
        *status = Status {
            state: match self.mode {
                Mode::Read => State::Reading,
                Mode::Done => State::Done,
                Mode::Play => State::Playing(self.pace),
                Mode::Pause => State::Paused,
                Mode::Seek(_) => State::Seeking,
            },
            packets: self.packets,
            bytes: self.bytes,
            dropped: (!lost.is_empty()).then(|| lost.iter().sum()),
            part: if done { Some(1.0) } else { part },
            left: speed.zip(part).map(|(speed, part)| {
                let size = self.plan.size.unwrap_or(0) as f64;
                size * (1.0 - part) / speed.max(1.0)
            }),
            speed,
            clock: self.clock,
            bars,
            bar,
            problem,
            news: None,
        };
    }
}
