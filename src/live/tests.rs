//! A capture from interfaces that the test plays: no rights, no packets on any wire.

use super::analysis::{Plan, Tap, Tapped, Tick, Told};
use super::block::Block;
use super::feed::{Live, LiveFeed};
use super::network::{Look, Seen, Watch};
use super::wire::{Clock, Counted, Port, Trouble, Wire};
use crate::diagnose::Thresholds;
use crate::engine::Limits;
use crate::snapshot::{Attempt, Outcome};
use crate::target::Target;
use crate::types::{Frame, LinkType, Timestamp};
use crate::ui::feed::{Answer, Data, Feed, Job, Packets, State};
use shakedown_craft::net::Net;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

/// A clock that the test moves.
#[derive(Debug, Default)]
struct Hand {
    /// What it shows, and how much of that the machine slept.
    time: Mutex<(i64, i64)>,
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp(self.time.lock().unwrap().0)
    }

    fn steady(&self) -> Duration {
        let (now, asleep) = *self.time.lock().unwrap();
        Duration::from_nanos((now - asleep).try_into().unwrap())
    }
}

/// What an interface does next.
#[derive(Debug)]
enum Act {
    Frame(i64, Vec<u8>),
    Fail(Trouble),
}

#[derive(Debug, Default)]
struct Line {
    acts: VecDeque<Act>,
    /// Why it can't be opened.
    shut: Option<Trouble>,
    counted: Counted,
    opened: u32,
}

#[derive(Clone, Debug)]
struct Fake {
    name: &'static str,
    line: Arc<Mutex<Line>>,
}

impl Fake {
    fn new(name: &'static str) -> Self {
        let line = Arc::default();
        Self { name, line }
    }

    fn say(&self, act: Act) {
        self.line.lock().unwrap().acts.push_back(act);
    }
}

impl Port for Fake {
    fn name(&self) -> &str {
        self.name
    }

    fn open(&mut self) -> Result<Box<dyn Wire>, Trouble> {
        let mut line = self.line.lock().unwrap();
        if let Some(trouble) = &line.shut {
            return Err(trouble.clone());
        }
        line.opened += 1;
        Ok(Box::new(self.clone()))
    }

    fn delay(&self) -> Duration {
        Duration::ZERO
    }
}

impl Wire for Fake {
    fn link(&self) -> LinkType {
        LinkType(1)
    }

    fn wait(&mut self, _: Duration) -> Result<(), Trouble> {
        std::thread::park_timeout(Duration::from_millis(1));
        Ok(())
    }

    fn read(&mut self, block: &mut Block) -> Result<usize, Trouble> {
        let mut line = self.line.lock().unwrap();
        let before = block.len();
        while let Some(act) = line.acts.pop_front() {
            match act {
                Act::Frame(time, data) => {
                    let len = u32::try_from(data.len()).unwrap();
                    block.push(Timestamp(time), LinkType(1), len, &data);
                }
                Act::Fail(trouble) if block.len() == before => return Err(trouble),
                fail @ Act::Fail(_) => {
                    line.acts.push_front(fail);
                    break;
                }
            }
            if block.is_full() {
                break;
            }
        }
        Ok(block.len() - before)
    }

    fn counted(&mut self) -> Option<Counted> {
        Some(self.line.lock().unwrap().counted)
    }
}

/// A running capture and the hands of the test on it.
struct Stage {
    clock: Arc<Hand>,
    live: Live,
    feed: LiveFeed,
    told: crossbeam_channel::Receiver<Told>,
    last: Option<Arc<Data>>,
}

fn start(fakes: &[&Fake], change: impl FnOnce(&mut Plan)) -> Stage {
    let clock = Arc::new(Hand::default());
    let (told, ended) = crossbeam_channel::bounded(100);
    let tapped = |fake: &&Fake| {
        let mut port = (*fake).clone();
        let wire = port.open().ok();
        let port = Box::new(port);
        Tapped { port, wire }
    };
    let mut plan = Plan {
        ports: fakes.iter().map(tapped).collect(),
        remarks: Vec::new(),
        target: Target::built_in("tiktok").unwrap(),
        limits: Limits::default(),
        thresholds: Thresholds::default(),
        packets: None,
        duration: None,
        recent: 1 << 20,
        taps: Vec::new(),
        told: Some(told),
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        watch: None,
    };
    change(&mut plan);
    let live = Live::start(plan).unwrap();
    let feed = live.feed();
    Stage {
        clock,
        live,
        feed,
        told: ended,
        last: None,
    }
}

impl Stage {
    fn at(&self, nanos: i64) {
        self.clock.time.lock().unwrap().0 = nanos;
    }

    /// The machine sleeps, and wakes then.
    fn sleep_until(&self, nanos: i64) {
        let mut time = self.clock.time.lock().unwrap();
        *time = (nanos, time.1 + nanos - time.0);
    }

    /// Waits for a snapshot that is so.
    #[allow(clippy::disallowed_methods)] // waits for other threads
    fn until(&mut self, what: &str, is: impl Fn(&Data) -> bool) -> Arc<Data> {
        let begun = Instant::now();
        loop {
            if let Some(data) = self.feed.newest() {
                self.last = Some(data);
            }
            if let Some(data) = &self.last
                && is(data)
            {
                return Arc::clone(data);
            }
            assert!(begun.elapsed() < PATIENCE, "no {what}: {:#?}", self.last);
            std::thread::yield_now();
        }
    }

    fn next_told(&self) -> Told {
        self.told.recv_timeout(PATIENCE).unwrap()
    }
}

/// Waits for what no snapshot shows.
#[allow(clippy::disallowed_methods)] // a test that hangs has to end
fn wait_for(mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < PATIENCE, "it never came");
        std::thread::yield_now();
    }
}

fn attempt(data: &Data, name: &str) -> Option<Attempt> {
    let is = |a: &&Attempt| a.name.as_deref() == Some(name);
    data.report.attempts.iter().find(is).cloned()
}

/// Ethernet frames of what happens, with their times.
fn frames(happen: impl Fn(&Net)) -> Vec<(i64, Vec<u8>)> {
    let net = Net::new("live");
    happen(&net);
    let (_, file) = net.file();
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(path.path(), file).unwrap();
    let mut source = crate::source::open(&[path.path().to_owned()]).unwrap();
    let mut out = Vec::new();
    use crate::source::Source;
    while let Some(frame) = source.next_frame() {
        assert_eq!(frame.link, LinkType(1));
        out.push((frame.mark.time.0, frame.data.to_vec()));
    }
    out
}

/// A healthy visit, and a SYN that nobody answers.
fn scene() -> Vec<(i64, Vec<u8>)> {
    frames(|net| {
        net.visit("www.tiktok.com", "23.49.60.10");
        net.resolve("v16-webapp.tiktok.com", &["2.16.20.33"]);
        let mut tcp = net.tcp("2.16.20.33");
        tcp.syn();
        tcp.syn_retransmits(&[1000]);
    })
}

const SECOND: i64 = 1_000_000_000;

#[test]
fn silence_is_told_although_no_packet_comes() {
    let fake = Fake::new("test0");
    let mut stage = start(&[&fake], |_| {});
    let scene = scene();
    let last = scene.last().unwrap().0;
    stage.at(last);
    scene
        .into_iter()
        .for_each(|(t, d)| fake.say(Act::Frame(t, d)));
    let data = stage.until("pending SYN", |data| {
        attempt(data, "v16-webapp.tiktok.com").is_some_and(|a| a.stages[1].pending.is_some())
    });
    let waits = attempt(&data, "v16-webapp.tiktok.com").unwrap();
    assert_eq!(waits.outcome, Outcome::Unfinished);
    let pending = waits.stages[1].pending.clone().unwrap();
    assert_eq!((pending.sent, pending.tries), ("SYN", 2));
    assert!(pending.next.is_some());
    // Nothing more comes; only the wall clock moves.
    stage.at(last + 4 * SECOND);
    let broken = |data: &Data| {
        attempt(data, "v16-webapp.tiktok.com").is_some_and(|a| a.outcome == Outcome::Broken)
    };
    let data = stage.until("verdict", broken);
    let cause = attempt(&data, "v16-webapp.tiktok.com").unwrap().cause;
    assert_eq!(cause.as_deref(), Some("tcp.syn-unanswered"));
    assert_eq!(stage.feed.status().state, State::Live);
    let finished = stage.live.finish().unwrap();
    assert!(finished.broken && finished.data.complete);
    let end = attempt(&finished.data, "v16-webapp.tiktok.com").unwrap();
    assert!(
        end.stages.iter().all(|s| s.pending.is_none()),
        "over is over"
    );
}

#[test]
fn a_capture_that_is_behind_is_no_silence() {
    let fake = Fake::new("test0");
    let mut stage = start(&[&fake], |_| {});
    let scene = scene();
    let last = scene.last().unwrap().0;
    // The interface has something to hand over each time: it never says that it has been read to the end.
    stage.at(last + 60 * SECOND);
    let hold = fake.line.lock().unwrap();
    assert!(stage.feed.newest().is_none() || hold.acts.is_empty());
    drop(hold);
    scene
        .into_iter()
        .for_each(|(t, d)| fake.say(Act::Frame(t, d)));
    fake.say(Act::Fail(Trouble::Gone));
    fake.line.lock().unwrap().shut = Some(Trouble::Gone);
    let data = stage.until("attempts", |data| data.report.attempts.len() == 2);
    let silent = attempt(&data, "v16-webapp.tiktok.com").unwrap();
    assert_eq!(silent.outcome, Outcome::Unfinished, "{silent:#?}");
    let finished = stage.live.finish().unwrap();
    let capture = &finished.data.report.captures[0];
    assert!(!capture.complete, "it did not come back: {capture:#?}");
    assert!(
        capture.problems[0].contains("no such interface"),
        "{capture:#?}"
    );
}

#[test]
fn attempts_are_told_once_and_again_when_they_change() {
    let fake = Fake::new("test0");
    let mut stage = start(&[&fake], |_| {});
    let scene = scene();
    let last = scene.last().unwrap().0;
    scene
        .into_iter()
        .for_each(|(t, d)| fake.say(Act::Frame(t, d)));
    stage.at(last + 5 * SECOND);
    stage.until("failure", |data| {
        let broke = |a: &Attempt| a.outcome == Outcome::Broken;
        data.report.attempts.iter().any(broke)
    });
    assert!(stage.told.try_recv().is_err(), "not before it has settled");
    stage.at(last + 10 * SECOND);
    let mut seen: Vec<_> = (0..2).map(|_| stage.next_told()).collect();
    seen.sort_by_key(|t| t.attempt().unwrap().outcome);
    let words: Vec<_> = seen
        .iter()
        .map(|t| (t.attempt().unwrap().outcome, t.was))
        .collect();
    assert_eq!(words, [(Outcome::Ok, None), (Outcome::Broken, None)]);
    let finished = stage.live.finish().unwrap();
    assert!(stage.told.try_recv().is_err(), "told once");
    assert_eq!(finished.data.report.attempts.len(), 2);
}

#[test]
fn an_interface_that_vanishes_is_opened_again() {
    let fake = Fake::new("test0");
    let mut stage = start(&[&fake], |_| {});
    let scene = scene();
    let (first, rest) = scene.split_at(8);
    stage.at(rest.last().unwrap().0);
    first
        .iter()
        .for_each(|(t, d)| fake.say(Act::Frame(*t, d.clone())));
    {
        let mut line = fake.line.lock().unwrap();
        line.counted.dropped = 5;
        line.acts.push_back(Act::Fail(Trouble::Gone));
        line.shut = Some(Trouble::Gone);
    }
    stage.until("problem", |data| {
        !data.report.captures[0].problems.is_empty()
    });
    let problem = stage.feed.status().problem;
    assert_eq!(
        problem.as_deref(),
        Some("test0: there is no such interface")
    );
    rest.iter()
        .for_each(|(t, d)| fake.say(Act::Frame(*t, d.clone())));
    {
        let mut line = fake.line.lock().unwrap();
        (line.shut, line.counted.dropped) = (None, 2);
    }
    let data = stage.until("all packets", |data| {
        data.report.captures[0].packets == u64::try_from(scene.len()).unwrap()
    });
    assert!(attempt(&data, "www.tiktok.com").is_some_and(|a| a.outcome == Outcome::Ok));
    let finished = stage.live.finish().unwrap();
    let capture = &finished.data.report.captures[0];
    assert_eq!(capture.dropped, Some(7), "counted over both times");
    assert!(capture.complete);
    assert_eq!(fake.line.lock().unwrap().opened, 2);
    assert!(
        capture
            .problems
            .iter()
            .any(|p| p.contains("nothing was captured from"))
    );
}

#[test]
fn two_interfaces_come_in_one_order_and_packets_are_found_again() {
    let (a, b) = (Fake::new("a"), Fake::new("b"));
    let mut stage = start(&[&a, &b], |_| {});
    let scene = scene();
    let last = scene.last().unwrap().0;
    for (at, (time, data)) in scene.iter().enumerate() {
        // Each sees a part: only together do they show the visit.
        let fake = if at.is_multiple_of(2) { &a } else { &b };
        fake.say(Act::Frame(*time, data.clone()));
    }
    // Frames are only taken while none of the other interface can come before them; time stands still so far.
    let count = |data: &Data| data.report.captures.iter().map(|c| c.packets).sum::<u64>();
    stage.until("packets of both", |data| count(data) > 10);
    stage.at(last + SECOND);
    let all = u64::try_from(scene.len()).unwrap();
    let data = stage.until("all packets", |data| count(data) == all);
    let visit = attempt(&data, "www.tiktok.com").unwrap();
    assert_eq!(visit.outcome, Outcome::Ok, "{visit:#?}");
    assert_eq!(data.report.captures.len(), 2);
    let wanted = attempt(&data, "www.tiktok.com").unwrap();
    let mut packets = stage.live.packets();
    packets.ask(Job::Collect(1, Box::new(wanted)));
    let mut answer = None;
    wait_for(|| {
        answer = packets.answer();
        answer.is_some()
    });
    let answer = answer.unwrap();
    let Answer::Collected(1, collected) = answer else {
        panic!("{answer:?}");
    };
    let times: Vec<_> = collected.packets.iter().map(|p| p.mark.time).collect();
    assert!(times.len() > 5 && times.is_sorted(), "{times:?}");
    assert!(!collected.begins_late);
    drop(stage.live.finish());
}

#[test]
fn a_count_of_packets_is_kept_exactly() {
    struct Count(Arc<AtomicI64>);
    impl Tap for Count {
        fn frame(&mut self, _: &Frame<'_>, _: bool) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        fn finish(&mut self, tick: &Tick<'_>) -> Vec<String> {
            vec![format!("{} captures", tick.captures.len())]
        }
    }
    let fake = Fake::new("test0");
    let count = Arc::new(AtomicI64::new(0));
    let tap = Box::new(Count(Arc::clone(&count)));
    let scene = scene();
    scene
        .into_iter()
        .for_each(|(t, d)| fake.say(Act::Frame(t, d)));
    let stage = start(&[&fake], |plan| {
        plan.packets = Some(5);
        plan.taps.push(tap);
    });
    wait_for(|| stage.live.is_over());
    let finished = stage.live.finish().unwrap();
    assert_eq!(finished.data.report.captures[0].packets, 5);
    assert_eq!(count.load(Ordering::SeqCst), 5);
    assert_eq!(finished.remarks, ["1 captures"]);
}

/// The scene as far as it goes: its SYN waits.
fn waiting(stage: &mut Stage, fake: &Fake) -> i64 {
    let scene = scene();
    let last = scene.last().unwrap().0;
    stage.at(last);
    scene
        .into_iter()
        .for_each(|(t, d)| fake.say(Act::Frame(t, d)));
    stage.until("pending SYN", |data| {
        attempt(data, SILENT).is_some_and(|a| a.stages[1].pending.is_some())
    });
    last
}

const SILENT: &str = "v16-webapp.tiktok.com";

/// What was asked in the hole's shadow is not judged, what is asked after it is.
fn only_what_comes_later_is_judged(mut stage: Stage, fake: &Fake, up: i64) {
    let later = frames(|net| {
        net.set_client("192.168.1.78");
        net.visit("www.tiktok.com", "23.49.60.10");
        net.resolve("m.tiktok.com", &["2.16.20.33"]);
        let mut tcp = net.tcp("2.16.20.33");
        tcp.syn();
        tcp.syn_retransmits(&[1000]);
    });
    let (first, last) = (later[0].0, later.last().unwrap().0);
    let moved = |t: i64| t - first + up + SECOND;
    stage.at(moved(last));
    later
        .into_iter()
        .for_each(|(t, d)| fake.say(Act::Frame(moved(t), d)));
    stage.until("the later one", |d| attempt(d, "m.tiktok.com").is_some());
    stage.at(moved(last) + 60 * SECOND);
    let data = stage.until("verdict", |d| {
        attempt(d, "m.tiktok.com").is_some_and(|a| a.outcome == Outcome::Broken)
    });
    let before = attempt(&data, SILENT).unwrap();
    assert_eq!(before.outcome, Outcome::Unfinished, "{before:#?}");
    let causes: Vec<&str> = before.findings.iter().map(|f| f.cause.as_str()).collect();
    assert_eq!(causes, ["capture.ended"], "{before:#?}");
    let finished = stage.live.finish().unwrap();
    let end = attempt(&finished.data, SILENT).unwrap();
    assert_eq!(end.outcome, Outcome::Unfinished, "{end:#?}");
}

#[test]
fn silence_while_the_interface_was_gone_accuses_nobody() {
    let fake = Fake::new("test0");
    let mut stage = start(&[&fake], |_| {});
    let last = waiting(&mut stage, &fake);
    fake.line.lock().unwrap().shut = Some(Trouble::Gone);
    fake.say(Act::Fail(Trouble::Gone));
    let status = || {
        let status = stage.feed.status();
        status.problem.or(status.news).unwrap_or_default()
    };
    wait_for(|| status().contains("no such interface"));
    stage.at(last + 60 * SECOND);
    fake.line.lock().unwrap().shut = None;
    wait_for(|| status().starts_with("test0 is back: nothing was captured from"));
    let news = stage.live.news();
    assert_eq!(news[0], "test0: there is no such interface");
    assert!(news[1].starts_with("test0 is back"), "{news:?}");
    only_what_comes_later_is_judged(stage, &fake, last + 60 * SECOND);
}

#[test]
fn silence_while_the_machine_slept_accuses_nobody() {
    let fake = Fake::new("test0");
    let mut stage = start(&[&fake], |_| {});
    let last = waiting(&mut stage, &fake);
    stage.sleep_until(last + 3_600 * SECOND);
    let data = stage.until("the sleep", |data| {
        let slept = |p: &String| p.starts_with("the machine slept");
        data.report.captures[0].problems.iter().any(slept)
    });
    assert_eq!(attempt(&data, SILENT).unwrap().outcome, Outcome::Unfinished);
    only_what_comes_later_is_judged(stage, &fake, last + 3_600 * SECOND);
}

#[test]
fn changes_of_the_network_are_told() {
    struct Moves(u8);
    impl Look for Moves {
        fn look(&mut self) -> Option<Seen> {
            self.0 += 1;
            let address = std::net::IpAddr::from([10, 0, 0, self.0.min(2)]);
            let addresses = [("test0".to_owned(), [address].into())].into();
            Some(Seen {
                addresses,
                ..Seen::default()
            })
        }
    }
    let fake = Fake::new("test0");
    let watch = Watch::new(Box::new(Moves(0)), vec!["test0".to_owned()]);
    let mut stage = start(&[&fake], |plan| plan.watch = Some(watch));
    let text = "test0 now has the address 10.0.0.2 (was 10.0.0.1)";
    let data = stage.until("address", |d| !d.report.captures[0].problems.is_empty());
    let problem = &data.report.captures[0].problems[0];
    assert!(problem.ends_with(&format!("UTC: {text}")), "{problem}");
    let shown = |s: Option<String>| s.as_deref() == Some(text);
    wait_for(|| shown(stage.feed.status().news));
    let finished = stage.live.finish().unwrap();
    assert_eq!(finished.data.report.captures[0].problems.len(), 1, "once");
}

/// More than the engine holds at a time: the older half leaves it, the rows stay.
#[test]
fn what_is_forgotten_stays_on_the_screen() {
    let count = super::analysis::HELD + 100;
    let all = frames(|net| {
        let mut tcp = net.tcp("2.16.20.33");
        net.resolve("m.tiktok.com", &["2.16.20.33"]);
        tcp.syn();
        tcp.syn_retransmits(&[1000, 3000]);
        for n in 0..count {
            net.at(10_000 + 100 * u64::try_from(n).unwrap());
            net.resolve(&format!("n{n}.tiktok.com"), &["2.16.20.33"]);
        }
    });
    let fake = Fake::new("test0");
    let mut stage = start(&[&fake], |plan| plan.told = None);
    let last = all.last().unwrap().0;
    stage.at(last);
    let (most, rest) = all.split_at(all.len() - 4);
    let say = |frames: &[(i64, Vec<u8>)]| {
        let say = |(t, d): &(i64, Vec<u8>)| fake.say(Act::Frame(*t, d.clone()));
        frames.iter().for_each(say);
    };
    say(most);
    let packets = u64::try_from(most.len()).unwrap();
    let data = stage.until("most", |d| d.report.captures[0].packets == packets);
    let rows = data.attempts().count() + 1;
    assert!(rows > count && data.archived_count() == 0);
    say(rest);
    let data = stage.until("an archive", |data| data.archived_count() > 0);
    assert_eq!(data.attempts().count(), rows);
    let first = data.attempt(0).unwrap();
    assert_eq!(first.name.as_deref(), Some("m.tiktok.com"));
    assert!(data.report.attempts.len() < count, "the engine holds less");
    let ids: std::collections::HashSet<usize> = data.attempts().map(|a| a.id).collect();
    assert_eq!(ids.len(), rows, "each has a number of its own");
    let notes = &data.report.captures[0].notes;
    let aside = |n: &String| n.contains("set aside to stay small");
    assert!(notes.iter().any(aside), "{notes:?}");
    let finished = stage.live.finish().unwrap();
    assert!(finished.broken, "also what is forgotten by now");
}
