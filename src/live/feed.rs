//! A capture as the screens and the printed lines use it: snapshots, counters, and the packets that are still held.

use super::analysis::{Begin, Finished, Lane, Message, Plan, Session, Shared};
use super::capture::{Event, Gauge, Thread};
use super::network::{PAUSE, Watch};
use super::recent::Held;
use crate::engine::Engine;
use crate::ladder::{Collected, Collector};
use crate::report::pcapng::Writer;
use crate::snapshot::Attempt;
use crate::source::CaptureInfo;
use crate::types::{CaptureId, Timestamp};
use crate::ui::export::create_new;
use crate::ui::feed::{Answer, Data, Feed, Job, Order, Packets, Rivals, Status};
use crossbeam_channel::{RecvTimeoutError, Sender};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};

/// Blocks on their way from all capture threads to the analysis.
const CHANNEL: usize = 48;

/// A running capture.
pub struct Live {
    shared: Arc<Shared>,
    send: Sender<Message>,
    thread: JoinHandle<Finished>,
}

/// The screens' half of a running capture.
pub struct LiveFeed {
    shared: Arc<Shared>,
    send: Sender<Message>,
}

impl Live {
    /// Starts the threads. All that needs a right must have been done: what they start with, they keep.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn start(plan: Plan) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (send, messages) = crossbeam_channel::unbounded();
        let (out, events) = crossbeam_channel::bounded(CHANNEL);
        let (stop, stopped) = crossbeam_channel::bounded(0);
        let mut lanes = Vec::new();
        for (id, tapped) in plan.ports.into_iter().enumerate() {
            let (free, empty) = crossbeam_channel::bounded(CHANNEL);
            let gauge = Arc::new(Gauge::default());
            let mut info = CaptureInfo::live(tapped.port.name());
            if id == 0 {
                info.remarks.clone_from(&plan.remarks);
            }
            if let Some(wire) = &tapped.wire {
                info.link(wire.link());
            }
            lanes.push(Lane {
                info,
                gauge: Arc::clone(&gauge),
                free,
                number: 0,
                down: None,
            });
            let thread = Thread {
                id,
                port: tapped.port,
                out: out.clone(),
                free: empty,
                gauge,
                clock: Arc::clone(&plan.clock),
                stop: stopped.clone(),
            };
            let wire = tapped.wire;
            let name = format!("capture {id}");
            thread::Builder::new()
                .name(name)
                .spawn(move || thread.run(wire))?;
        }
        if let Some(watch) = plan.watch {
            look_around(watch, out, stopped)?;
        } else {
            drop(out);
        }
        let session = Session::new(Begin {
            lanes,
            engine: Engine::new(plan.target, plan.limits),
            thresholds: plan.thresholds,
            packets: plan.packets,
            duration: plan.duration,
            recent: plan.recent,
            taps: plan.taps,
            told: plan.told,
            clock: plan.clock,
            events,
            messages,
            shared: Arc::clone(&shared),
            stop,
        });
        let builder = thread::Builder::new().name("analysis".to_owned());
        let thread = builder.spawn(move || {
            give_up_rights();
            session.run()
        })?;
        Ok(Self {
            shared,
            send,
            thread,
        })
    }

    /// What the screens take; the capture goes on when they are gone.
    #[must_use]
    pub fn feed(&self) -> LiveFeed {
        LiveFeed {
            shared: Arc::clone(&self.shared),
            send: self.send.clone(),
        }
    }

    /// Packets for the screens.
    #[must_use]
    pub fn packets(&self) -> LivePackets {
        LivePackets {
            shared: Arc::clone(&self.shared),
            send: self.send.clone(),
            job: None,
            bundler: None,
        }
    }

    /// What has happened to the interfaces since this was asked last, a line each.
    #[must_use]
    pub fn news(&self) -> Vec<String> {
        self.shared.news().drain(..).collect()
    }

    /// It has ended by itself.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.shared.over.load(Ordering::Acquire) || self.thread.is_finished()
    }

    /// Says that it is to end; what the kernel still holds is taken.
    pub fn stop(&self) {
        drop(self.send.send(Message::Stop));
    }

    /// Waits for its end; what came out. `None` if the analysis failed.
    #[must_use]
    pub fn finish(self) -> Option<Finished> {
        self.stop();
        self.thread.join().ok()
    }
}

impl Feed for LiveFeed {
    fn newest(&mut self) -> Option<Arc<Data>> {
        self.shared.newest().take()
    }

    fn give_back(&mut self, data: Arc<Data>) {
        drop(self.send.send(Message::Free(data)));
    }

    fn status(&self) -> Status {
        self.shared.status().clone()
    }

    fn order(&mut self, _: Order) -> Result<(), String> {
        Err("a live capture has its own pace".to_owned())
    }

    fn ask_rivals(&mut self, key: u64) {
        drop(self.send.send(Message::Rivals(key)));
    }

    fn rivals(&mut self) -> Option<Rivals> {
        self.shared.rivals().take()
    }
}

/// Makes a bundle for a ticket of a capture file; what came of it, in words.
pub type Bundler = Arc<dyn Fn(&Path) -> Result<String, String> + Send + Sync>;

/// Finds the packets of attempts among those that are held.
pub struct LivePackets {
    shared: Arc<Shared>,
    send: Sender<Message>,
    job: Option<Receiver<Answer>>,
    bundler: Option<Bundler>,
}

impl LivePackets {
    /// With a way to make bundles of the packets that are held.
    #[must_use]
    pub fn with_bundler(mut self, bundler: Bundler) -> Self {
        self.bundler = Some(bundler);
        self
    }

    /// The job at hand, to be done where there is time.
    fn work(&self, job: Job) -> impl FnOnce(Held) -> Answer + Send + 'static {
        let (bundler, shared) = (self.bundler.clone(), Arc::clone(&self.shared));
        move |held| {
            let Job::Bundle(_) = job else {
                return do_job(job, held);
            };
            let clock = shared.status().clock;
            let done = bundler.ok_or("no bundles here".to_owned());
            let done = done.and_then(|make| bundle(&held, clock, &make));
            done.map_or_else(Answer::Failed, Answer::Done)
        }
    }
}

impl Packets for LivePackets {
    fn ask(&mut self, job: Job) {
        let (send, receive) = channel();
        self.job = Some(receive);
        let work = self.work(job);
        let (give, held) = crossbeam_channel::bounded(1);
        if self.send.send(Message::Packets(give)).is_err() {
            let kept = self.shared.held().clone();
            drop(send.send(work(kept)));
            return;
        }
        let failed = send.clone();
        let shared = Arc::clone(&self.shared);
        let thread = move || {
            give_up_rights();
            // The analysis hands them over, or has ended and left them here.
            let held = held.recv().unwrap_or_else(|_| shared.held().clone());
            drop(send.send(work(held)));
        };
        let builder = thread::Builder::new().name("packets".to_owned());
        if let Err(error) = builder.spawn(thread) {
            drop(failed.send(Answer::Failed(format!("no thread to look with: {error}"))));
        }
    }

    fn answer(&mut self) -> Option<Answer> {
        let answer = self.job.as_ref()?.try_recv().ok()?;
        self.job = None;
        Some(answer)
    }
}

/// Starts the thread that looks at addresses and routes.
fn look_around(
    mut watch: Watch,
    out: Sender<Event>,
    stop: crossbeam_channel::Receiver<()>,
) -> std::io::Result<()> {
    let thread = move || {
        give_up_rights();
        while stop.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
            for (lane, text) in watch.changes() {
                if out.send(Event::Changed(lane, text)).is_err() {
                    return;
                }
            }
        }
    };
    let builder = thread::Builder::new().name("network".to_owned());
    builder.spawn(thread).map(drop)
}

/// Who parses packets needs no right to capture. Where the system refuses to take it, the rest still holds.
fn give_up_rights() {
    drop(super::privilege::forget());
}

fn do_job(job: Job, held: Held) -> Answer {
    let done = match job {
        Job::Collect(key, attempt) => collect(&attempt, &held).map(|c| Answer::Collected(key, c)),
        Job::Save(path, attempt) => save(&path, &attempt, &held),
        Job::Bundle(_) => Err("a bundle is made elsewhere".to_owned()),
    };
    done.unwrap_or_else(Answer::Failed)
}

/// The attempt's first packet, as far as the report names it, is no longer held.
fn is_gone(attempt: &Attempt, held: &Held) -> bool {
    let capture = CaptureId(u16::try_from(attempt.capture).unwrap_or_default());
    let paths = attempt.paths.iter().flat_map(|p| &p.frames);
    let first = paths
        .chain(attempt.lookups.iter().flat_map(|l| &l.frames))
        .min();
    match (first, held.gone(capture)) {
        (Some(first), Some(gone)) => *first <= gone.0,
        _ => false,
    }
}

const GONE: &str = "its packets are no longer held in memory; -w saves all of a capture";

fn collect(attempt: &Attempt, held: &Held) -> Result<Collected, String> {
    let mut collector = Collector::new(attempt);
    held.each(|frame| Ok::<bool, String>(collector.take(frame)))?;
    let gone = is_gone(attempt, held);
    if gone && collector.count() == 0 {
        return Err(GONE.to_owned());
    }
    let mut collected = collector.finish();
    collected.begins_late = gone;
    Ok(collected)
}

fn save(path: &Path, attempt: &Attempt, held: &Held) -> Result<Answer, String> {
    let gone = is_gone(attempt, held);
    let mut collector = Collector::new(attempt);
    held.each(|frame| Ok::<bool, String>(collector.take(frame)))?;
    if gone && collector.count() == 0 {
        return Err(GONE.to_owned());
    }
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let (file, path) = create_new(path).map_err(|e| failed(path, e))?;
    let mut out = Writer::new(std::io::BufWriter::new(file)).map_err(|e| failed(&path, e))?;
    let mut collector = Collector::new(attempt);
    let mut before = 0;
    held.each(|frame| {
        let more = collector.take(frame);
        if collector.count() > before {
            before = collector.count();
            let proof = match &attempt.cause {
                Some(cause) if collector.last_is_proof() => format!(", proof of {cause}"),
                _ => String::new(),
            };
            let comment = format!("frame {} of the capture{proof}", frame.mark.frame.0);
            out.packet(frame, &comment).map_err(|e| failed(&path, e))?;
        }
        Ok::<bool, String>(more)
    })?;
    let mut file = out.finish().map_err(|e| failed(&path, e))?;
    file.flush().map_err(|e| failed(&path, e))?;
    Ok(Answer::Saved(path, before))
}

/// A bundle of all failures whose packets are still held, by way of a file that is gone afterwards. `clock` is how long
/// the capture has gone on: silence can't be found again without it.
fn bundle(held: &Held, clock: Option<Timestamp>, make: &Bundler) -> Result<String, String> {
    let failed =
        |error: std::io::Error| format!("the packets can't be put into a file here: {error}");
    let file = tempfile::Builder::new()
        .prefix(".shakedown-")
        .suffix(".pcapng")
        .tempfile_in(".");
    let file = file.map_err(failed)?;
    let mut out = Writer::new(std::io::BufWriter::new(file.as_file())).map_err(failed)?;
    let mut first = None;
    held.each(|frame| {
        first.get_or_insert(frame.mark.time);
        out.packet(frame, "").map_err(failed).map(|()| true)
    })?;
    for (from, to) in first
        .into_iter()
        .flat_map(|first| held.holes().since(first))
    {
        out.hole(0, from, to).map_err(failed)?;
    }
    if let Some(clock) = clock {
        out.ended(clock, None).map_err(failed)?;
    }
    drop(out.finish().map_err(failed)?);
    make(file.path())
}
