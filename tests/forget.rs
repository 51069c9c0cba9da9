//! A capture without an end: what the engine forgets is gone whole, and what it keeps is judged as before.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in helpers too: a test stops at a surprise

#[path = "support/evening.rs"]
mod evening;

use shakedown::diagnose::Thresholds;
use shakedown::engine::{Engine, Limits};
use shakedown::snapshot::{Attempt, Report};
use shakedown::source::{self, CaptureInfo, Source};
use shakedown::target::Target;
use shakedown::types::{Direction, Frame, FrameNumber, LinkType, Mark, Timestamp};
use std::time::Duration;

/// A frame with its bytes.
struct Owned {
    time: Timestamp,
    link: LinkType,
    len: u32,
    data: Vec<u8>,
}

fn frames() -> (Vec<Owned>, Vec<CaptureInfo>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("evening.pcap");
    std::fs::write(&path, evening::file()).unwrap();
    let mut captures = source::open(&[path]).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = captures.next_frame() {
        frames.push(Owned {
            time: frame.mark.time,
            link: frame.link,
            len: frame.original_len,
            data: frame.data.to_vec(),
        });
    }
    (frames, captures.captures())
}

/// Gives an engine frames, `later` than they were, numbered on from `number`.
fn give(engine: &mut Engine, frames: &[Owned], number: &mut u32, later: Duration) {
    for owned in frames {
        *number += 1;
        engine.handle_frame(&Frame {
            mark: Mark {
                time: owned.time.plus(later),
                frame: FrameNumber(*number),
                ..Mark::default()
            },
            link: owned.link,
            original_len: owned.len,
            direction: Direction::Unknown,
            uid: None,
            data: &owned.data,
        });
    }
}

fn engine() -> Engine {
    Engine::new(Target::tiktok(), Limits::default())
}

fn told(attempts: &[Attempt]) -> Vec<serde_json::Value> {
    let plain = |attempt: &Attempt| {
        let mut value = serde_json::to_value(attempt).unwrap();
        value.as_object_mut().unwrap().remove("id");
        value
    };
    attempts.iter().map(plain).collect()
}

fn ended(attempt: &Attempt, before: Timestamp) -> bool {
    let last = attempt.paths.iter().flat_map(|p| &p.frames);
    let asked = attempt.lookups.iter().flat_map(|l| &l.frames);
    let started: jiff::Timestamp = attempt.started.parse().unwrap();
    last.chain(asked).count() > 0 && i128::from(before.0) > started.as_nanosecond()
}

#[test]
fn later_attempts_are_told_as_if_nothing_had_been_forgotten() {
    let (frames, captures) = frames();
    let whole = |forget: Option<Timestamp>| -> (Report, u64) {
        let mut engine = engine();
        let (mut number, mut gone) = (0, 0);
        let cut = forget.unwrap_or(Timestamp::MIN);
        let split = frames.partition_point(|f| f.time < cut.plus(Duration::from_secs(5)));
        give(&mut engine, &frames[..split], &mut number, Duration::ZERO);
        if let Some(before) = forget {
            gone = engine.forget_before(before);
        }
        give(&mut engine, &frames[split..], &mut number, Duration::ZERO);
        engine.finish();
        (engine.snapshot(&captures, Thresholds::default()), gone)
    };
    let (all, _) = whole(None);
    let first = frames[0].time;
    for seconds in [10, 20, 30, 40] {
        let before = first.plus(Duration::from_secs(seconds));
        let (rest, gone) = whole(Some(before));
        let gone = usize::try_from(gone).unwrap();
        assert!(gone > 0, "something ended within {seconds} s");
        assert_eq!(gone + rest.attempts.len(), all.attempts.len());
        assert!(all.attempts[..gone].iter().all(|a| ended(a, before)));
        assert_eq!(told(&all.attempts[gone..]), told(&rest.attempts));
        let notes = rest.captures[0].notes.join(" ");
        assert!(notes.contains("set aside to stay small"), "{notes}");
    }
    assert!(!all.captures[0].notes.join(" ").contains("set aside"));
}

#[test]
fn a_connection_that_is_still_alive_keeps_its_lookup() {
    let (frames, captures) = frames();
    let mut engine = engine();
    give(&mut engine, &frames, &mut 0, Duration::ZERO);
    let before = engine.snapshot(&captures, Thresholds::default());
    let held = engine.held();
    assert_eq!(engine.forget_before(frames[0].time), 0);
    assert_eq!(engine.held(), held);
    let after = engine.snapshot(&captures, Thresholds::default());
    assert_eq!(told(&before.attempts), told(&after.attempts));
    assert!(after.attempts.iter().any(|a| !a.lookups.is_empty()));
}

#[test]
fn a_capture_without_an_end_does_not_grow() {
    let (frames, captures) = frames();
    let mut engine = engine();
    let (mut number, mut most) = (0, 0);
    let evening = Duration::from_secs(120);
    let mut gone = 0;
    for round in 0..200u32 {
        // Before the same connections come again: with the same numbers they would be copies of the old ones.
        gone += engine.forget_before(frames[0].time.plus(evening * round));
        give(&mut engine, &frames, &mut number, evening * round);
        most = most.max(engine.held());
    }
    let report = engine.snapshot(&captures, Thresholds::default());
    let one = report.attempts.len();
    assert!((5..20).contains(&one), "one evening is left: {one}");
    assert_eq!(engine.forgotten().attempts, gone);
    assert_eq!(usize::try_from(gone).unwrap(), one * 199);
    assert!(most < 100, "held at most {most}");
}
