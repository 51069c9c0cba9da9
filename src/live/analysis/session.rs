//! The thread's own state.

use super::super::block::Block;
use super::super::capture::{Event, Gauge};
use super::super::ends::Ends;
use super::super::merge::Merge;
use super::super::recent::Recent;
use super::super::wire::{Clock, Counted, Trouble};
use super::archive::{Archive, HELD, middle};
use super::news::News;
use super::rate::{BAR, Rate};
use super::{Finished, Message, Shared, Tap, Tick, Told};
use crate::diagnose::Thresholds;
use crate::engine::Engine;
use crate::snapshot::{Attempt, Outcome, rfc3339};
use crate::source::CaptureInfo;
use crate::types::{CaptureId, Frame, FrameNumber, LinkType, Mark, Timestamp};
use crate::ui::feed::{Data, Rivals, State, Status};
use crossbeam_channel::{Receiver, Sender, TryRecvError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Shortest time between two snapshots.
const PAUSE: Duration = Duration::from_millis(200);
/// Between two snapshots at least so many times what the last one took is spent on packets.
const SHARE: u32 = 8;
/// Between two snapshots where only counters have changed.
const COUNTERS: Duration = Duration::from_secs(1);
/// How long the thread waits for packets at most.
const TURN: Duration = Duration::from_millis(50);
/// Between two looks of the screens at the counters.
const STATUS: Duration = Duration::from_millis(100);
/// Steps of the wall clock that the engine is told of while the line is quiet.
const STEP: Duration = Duration::from_millis(200);
/// An interface that says nothing is waited for so long before frames of another are taken.
const HURRY: Duration = Duration::from_millis(300);
/// Blocks of one interface that may wait for another.
const CROWD: usize = 8;
/// The clock runs ahead of one that stands still in sleep by so much: the machine slept.
const ASLEEP: Duration = Duration::from_secs(1);
/// Blocks that are taken in between two looks at everything else.
const BLOCKS: usize = 16;

#[allow(clippy::disallowed_methods)] // the pace of snapshots is the wall clock's
fn wall() -> Instant {
    Instant::now()
}

/// An interface as the analysis sees it.
pub(in crate::live) struct Lane {
    pub(in crate::live) info: CaptureInfo,
    pub(in crate::live) gauge: Arc<Gauge>,
    pub(in crate::live) free: Sender<Block>,
    pub(in crate::live) number: u32,
    /// Why nothing comes, and since when.
    pub(in crate::live) down: Option<(Trouble, Timestamp)>,
}

/// How a session begins.
pub(in crate::live) struct Begin {
    pub(in crate::live) lanes: Vec<Lane>,
    pub(in crate::live) engine: Engine,
    pub(in crate::live) thresholds: Thresholds,
    pub(in crate::live) packets: Option<u64>,
    pub(in crate::live) duration: Option<Duration>,
    pub(in crate::live) recent: usize,
    pub(in crate::live) taps: Vec<Box<dyn Tap>>,
    pub(in crate::live) told: Option<Sender<Told>>,
    pub(in crate::live) clock: Arc<dyn Clock>,
    pub(in crate::live) events: Receiver<Event>,
    pub(in crate::live) messages: Receiver<Message>,
    pub(in crate::live) shared: Arc<Shared>,
    /// Dropped to end the capture threads.
    pub(in crate::live) stop: Sender<()>,
}

/// A running capture.
pub struct Session {
    lanes: Vec<Lane>,
    engine: Engine,
    thresholds: Thresholds,
    packets_wanted: Option<u64>,
    until: Option<Instant>,
    taps: Vec<Box<dyn Tap>>,
    told: Option<Sender<Told>>,
    clock: Arc<dyn Clock>,
    events: Receiver<Event>,
    messages: Receiver<Message>,
    shared: Arc<Shared>,
    stop: Option<Sender<()>>,
    merge: Merge,
    recent: Recent,
    rate: Rate,
    ends: Ends,
    archive: Archive,
    /// The packets' clock.
    now: Timestamp,
    /// Packets and their bytes on the wire.
    packets: u64,
    bytes: u64,
    shown: Instant,
    stated: Instant,
    cost: Duration,
    /// Something that matters has changed since the last snapshot.
    dirty: bool,
    /// Counters have changed.
    stale: bool,
    /// Attempts wait for something: time passing changes them.
    waiting: bool,
    /// The clocks at the last look: the packets' one, and the one that stands still in sleep.
    awake: (Timestamp, Duration),
    news: News,
    last: Option<Arc<Data>>,
}

impl Session {
    pub(in crate::live) fn new(begin: Begin) -> Self {
        let count = begin.lanes.len();
        let awake = (begin.clock.now(), begin.clock.steady());
        Self {
            lanes: begin.lanes,
            engine: begin.engine,
            thresholds: begin.thresholds,
            packets_wanted: begin.packets,
            until: begin.duration.and_then(|d| wall().checked_add(d)),
            taps: begin.taps,
            told: begin.told,
            clock: begin.clock,
            events: begin.events,
            messages: begin.messages,
            shared: begin.shared,
            stop: Some(begin.stop),
            merge: Merge::new(count),
            recent: Recent::new(begin.recent),
            rate: Rate::default(),
            ends: Ends::default(),
            archive: Archive::default(),
            now: Timestamp::MIN,
            packets: 0,
            bytes: 0,
            shown: wall(),
            stated: wall(),
            cost: Duration::ZERO,
            dirty: true,
            stale: true,
            waiting: false,
            awake,
            news: News::default(),
            last: None,
        }
    }

    /// Until it is told to end, or has what it was to capture.
    pub(in crate::live) fn run(mut self) -> Finished {
        while !self.is_over() {
            self.receive();
            self.drain(false);
            self.pass_time();
            self.show(false);
        }
        self.finish()
    }

    fn is_over(&self) -> bool {
        let late = self.until.is_some_and(|until| wall() >= until);
        self.stop.is_none() || late || self.is_enough()
    }

    fn is_enough(&self) -> bool {
        self.packets_wanted.is_some_and(|n| self.packets >= n)
    }

    /// Waits a short while for whatever comes, then takes what else is there, within bounds.
    fn receive(&mut self) {
        let left = self
            .until
            .map(|until| until.saturating_duration_since(wall()));
        let turn = left.map_or(TURN, |left| left.min(TURN));
        crossbeam_channel::select! {
            recv(self.events) -> event => match event {
                Ok(event) => self.take(event),
                Err(_) => self.stop = None,
            },
            recv(self.messages) -> message => match message {
                Ok(message) => self.obey(message),
                Err(_) => self.stop = None,
            },
            default(turn) => {}
        }
        for _ in 0..BLOCKS {
            match self.events.try_recv() {
                Ok(event) => self.take(event),
                Err(_) => break,
            }
        }
        loop {
            match self.messages.try_recv() {
                Ok(message) => self.obey(message),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.stop = None;
                    return;
                }
            }
        }
    }

    fn obey(&mut self, message: Message) {
        match message {
            Message::Free(data) => drop(data),
            Message::Packets(answer) => drop(answer.send(self.recent.held())),
            Message::Stop => self.stop = None,
            Message::Rivals(key) => self.rivals(key),
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Frames(lane, block) => self.merge.add(lane, block),
            Event::Up(lane, link, at) => self.up(lane, link, at),
            Event::Down(lane, trouble, sound) => self.down(lane, trouble, sound),
            Event::Changed(lane, text) => {
                let at = clock_time(self.clock.now());
                if let Some(lane) = self.lanes.get_mut(lane) {
                    lane.info.remark(format!("{at}: {text}"));
                }
                self.news.add(text, &self.shared);
            }
        }
        self.stale = true;
    }

    fn up(&mut self, index: usize, link: LinkType, at: Timestamp) {
        let Some(lane) = self.lanes.get_mut(index) else {
            return;
        };
        lane.info.link(link);
        let Some((trouble, since)) = lane.down.take() else {
            return;
        };
        let nothing = nothing_between(since, at);
        lane.info.remark(format!("{trouble}: {nothing}"));
        let news = format!("{} is back: {nothing}", lane.info.source);
        self.news.add(news, &self.shared);
        self.hole(index, since, at);
    }

    fn down(&mut self, index: usize, trouble: Trouble, sound: Timestamp) {
        let Some(lane) = self.lanes.get_mut(index) else {
            return;
        };
        let before = lane.down.take();
        if before.as_ref().is_none_or(|(known, _)| *known != trouble) {
            let news = format!("{}: {trouble}", lane.info.source);
            self.news.add(news, &self.shared);
        }
        let since = before.map_or(sound, |(_, since)| since);
        lane.down = Some((trouble, since));
    }

    /// Silence in that time proves nothing.
    fn hole(&mut self, lane: usize, from: Timestamp, to: Timestamp) {
        if let Ok(id) = u16::try_from(lane) {
            self.engine.handle_hole(CaptureId(id), from, to);
            self.recent.note_hole(from, to);
            self.taps.iter_mut().for_each(|t| t.hole(lane, from, to));
            self.dirty = true;
        }
    }

    /// While the machine sleeps, its clock goes on and nothing is captured.
    fn note_sleep(&mut self) {
        let now = (self.clock.now(), self.clock.steady());
        let before = std::mem::replace(&mut self.awake, now);
        let steady = now.1.saturating_sub(before.1);
        if now.0.since(before.0) < steady + ASLEEP {
            return;
        }
        let nothing = nothing_between(before.0, now.0);
        let text = format!("the machine slept, or its clock was set: {nothing}");
        for lane in 0..self.lanes.len() {
            self.lanes[lane].info.remark(text.clone());
            self.hole(lane, before.0, now.0);
        }
        self.news.add(text, &self.shared);
    }

    /// Gives the engine all frames whose turn has come; at the end, all there are.
    fn drain(&mut self, all: bool) {
        let hurry = if all {
            Timestamp(i64::MAX)
        } else {
            self.clock.now().minus(HURRY)
        };
        loop {
            let lanes = &self.lanes;
            let seen = |lane: usize| lanes.get(lane).map_or(Timestamp::MIN, |l| l.gauge.seen());
            let Some(lane) = self.merge.next(seen, hurry, CROWD) else {
                return;
            };
            if self.is_enough() {
                return;
            }
            self.frame(lane);
            if let Some(block) = self.merge.pop(lane)
                && let Some(lane) = self.lanes.get(lane)
            {
                drop(lane.free.try_send(block));
            }
        }
    }

    fn frame(&mut self, index: usize) {
        let Some((block, at)) = self.merge.front(index) else {
            return;
        };
        let (Some(frame), Some(lane)) = (block.frame(at), self.lanes.get_mut(index)) else {
            return;
        };
        lane.number = lane.number.saturating_add(1);
        let time = frame.mark.time;
        let frame = Frame {
            mark: Mark {
                time,
                frame: FrameNumber(lane.number),
                capture: CaptureId(u16::try_from(index).unwrap_or(u16::MAX)),
            },
            ..frame
        };
        lane.info
            .count(Some(time), frame.original_len, frame.data.len());
        self.packets += 1;
        self.bytes += u64::from(frame.original_len);
        self.rate.add(time);
        self.now = self.now.max(time);
        self.engine.handle_frame(&frame);
        let mattered = self.engine.mattered();
        if mattered {
            self.recent.add(&frame);
            self.dirty = true;
        }
        self.stale = true;
        self.taps
            .iter_mut()
            .for_each(|tap| tap.frame(&frame, mattered));
    }

    /// While the line is quiet, the packets' clock goes on as far as is certain that nothing more comes from before.
    fn pass_time(&mut self) {
        // What the gauges say is read before the look at the channel: what they count as read is in it by then.
        let seen: Vec<Timestamp> = self.lanes.iter().map(|lane| lane.gauge.seen()).collect();
        // And the look at the clocks comes after them: what they count as read has no sleep in it that is not noted.
        self.note_sleep();
        if !self.events.is_empty() || !self.merge.is_empty() {
            return;
        }
        let mut latest = self.now;
        for (index, (lane, seen)) in self.lanes.iter().zip(seen).enumerate() {
            if lane.down.is_some() {
                continue;
            }
            if let Ok(id) = u16::try_from(index) {
                self.engine.handle_time(CaptureId(id), seen);
            }
            latest = latest.max(seen);
        }
        self.rate.pass(latest);
        if latest.since(self.now) >= STEP {
            self.now = latest;
            self.dirty |= self.waiting;
        }
    }

    /// Hands a snapshot over, if there is something new and it is time, or at once.
    fn show(&mut self, at_once: bool) {
        let since = wall().duration_since(self.shown);
        let pause = if self.dirty { PAUSE } else { COUNTERS };
        let due = (self.dirty || self.stale) && since >= pause.max(self.cost * SHARE);
        if !at_once && !due {
            if wall().duration_since(self.stated) >= STATUS {
                self.tick();
                self.publish(false);
            }
            return;
        }
        let began = wall();
        let data = self.snapshot(at_once);
        // What is kept of a failure says how long capturing has gone on after it.
        self.tick();
        self.tell(&data, at_once);
        if self.engine.held() > HELD && !at_once {
            self.forget(&data);
        }
        let old = self.shared.newest().replace(Arc::clone(&data));
        drop(old);
        self.last = Some(data);
        self.cost = wall().duration_since(began);
        self.shown = wall();
        (self.dirty, self.stale) = (false, false);
        self.publish(at_once);
    }

    fn snapshot(&mut self, complete: bool) -> Arc<Data> {
        let captures = self.captures(complete);
        let mut report = self.engine.snapshot(&captures, self.thresholds);
        self.archive.number(&mut report);
        let open = |a: &Attempt| {
            a.outcome == Outcome::Unfinished || a.stages.iter().any(|s| s.pending.is_some())
        };
        self.waiting = report.attempts.iter().any(open);
        Arc::new(Data::with_archive(report, complete, self.archive.parts()))
    }

    fn captures(&mut self, complete: bool) -> Vec<CaptureInfo> {
        let now = self.clock.now();
        let info = |lane: &mut Lane| {
            lane.info.dropped = Some(lane.gauge.counted().lost());
            let mut info = lane.info.clone();
            info.goes_on = !complete;
            if let Some((trouble, since)) = &lane.down {
                info.remark(format!("{trouble}: {}", nothing_between(*since, now)));
                info.complete = !complete || *trouble == Trouble::Down;
            }
            info
        };
        self.lanes.iter_mut().map(info).collect()
    }

    /// Tells of attempts that have ended. What can't be handed over now is told with the next snapshot.
    fn tell(&mut self, data: &Arc<Data>, all: bool) {
        if self.told.is_none() && self.taps.is_empty() {
            return;
        }
        let attempts = &data.report.attempts;
        let keys = &data.keys[data.archived_count()..];
        let due = self.ends.due(attempts, keys, self.now, all);
        // Until something is told, time passing may make it due.
        self.waiting |= self.ends.is_waiting();
        for due in due {
            let told = Told {
                data: Arc::clone(data),
                index: due.index,
                was: due.was,
            };
            let sent = match (&self.told, all) {
                (Some(out), true) => out.send(told.clone()).is_ok(),
                (Some(out), false) => out.try_send(told.clone()).is_ok(),
                (None, _) => true,
            };
            if sent {
                self.taps.iter_mut().for_each(|tap| tap.ended(&told));
                self.ends.told(&attempts[due.index], keys[due.index]);
            }
        }
    }

    /// Makes room: the engine forgets the older half of the attempts; the screens go on showing them for a while.
    fn forget(&mut self, data: &Arc<Data>) {
        let Some(before) = middle(&data.report, self.now) else {
            return;
        };
        if self.engine.forget_before(before) > 0 {
            let captures = self.captures(false);
            let after = self.engine.snapshot(&captures, self.thresholds);
            self.archive.keep(data, &after);
        }
    }

    fn rivals(&mut self, key: u64) {
        let Some(data) = &self.last else { return };
        let at = data.keys.iter().position(|k| *k == key);
        let Some(attempt) = at.and_then(|at| data.attempt(at)).cloned() else {
            return;
        };
        let captures = self.captures(false);
        let rivals = self.engine.rivals(&captures, self.thresholds, &attempt);
        *self.shared.rivals() = Some(Rivals { key, rivals });
    }

    fn tick(&mut self) {
        let counted: Vec<Counted> = self.lanes.iter().map(|l| l.gauge.counted()).collect();
        let captures: Vec<CaptureInfo> = match self.taps.is_empty() {
            true => return,
            false => self.lanes.iter().map(|l| l.info.clone()).collect(),
        };
        let tick = Tick {
            now: self.now,
            counted: &counted,
            captures: &captures,
        };
        self.taps.iter_mut().for_each(|tap| tap.tick(&tick));
    }

    fn publish(&mut self, over: bool) {
        self.stated = wall();
        let lost = self.lanes.iter().map(|lane| lane.gauge.counted().lost());
        let down = self.lanes.iter().find_map(|lane| {
            let (trouble, _) = lane.down.as_ref()?;
            Some(format!("{}: {trouble}", lane.info.source))
        });
        let taps = || self.taps.iter().find_map(|tap| tap.problem());
        let problem = down.or_else(taps);
        let news = self.news.current().filter(|n| problem.as_ref() != Some(n));
        let status = Status {
            state: if over { State::Done } else { State::Live },
            packets: self.packets,
            bytes: self.bytes,
            dropped: Some(lost.sum()),
            part: None,
            speed: None,
            left: None,
            clock: (self.now > Timestamp::MIN).then_some(self.now),
            bars: self.rate.bars(),
            bar: BAR,
            problem,
            news,
        };
        *self.shared.status() = status;
    }

    /// Takes what the kernel still holds, and says what came of it all.
    fn finish(mut self) -> Finished {
        self.stop = None;
        // The capture threads read what is left, and end; the channel closes with the last of them.
        while let Ok(event) = self.events.recv() {
            self.take(event);
            self.drain(false);
        }
        self.drain(true);
        self.pass_time();
        self.engine.finish();
        *self.shared.held() = self.recent.held();
        self.show(true);
        self.told = None;
        let counted: Vec<Counted> = self.lanes.iter().map(|l| l.gauge.counted()).collect();
        let captures = self.captures(true);
        let tick = Tick {
            now: self.now,
            counted: &counted,
            captures: &captures,
        };
        let finish = |tap: &mut Box<dyn Tap>| tap.finish(&tick);
        let remarks = self.taps.iter_mut().flat_map(finish).collect();
        let data = self.last.take().unwrap_or_else(|| self.snapshot(true));
        let broke = |a: &Attempt| a.outcome == Outcome::Broken;
        let broken = self.archive.broken || data.report.attempts.iter().any(broke);
        self.shared.over.store(true, Ordering::Release);
        Finished {
            data,
            broken,
            remarks,
        }
    }
}

fn nothing_between(from: Timestamp, to: Timestamp) -> String {
    let (from, to) = (clock_time(from), clock_time(to));
    format!("nothing was captured from {from} to {to}")
}

/// A time of day, UTC, as people say it.
fn clock_time(time: Timestamp) -> String {
    let text = rfc3339(time);
    text.get(11..19)
        .map_or(text.clone(), |t| format!("{t} UTC"))
}
