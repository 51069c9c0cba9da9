//! Frames handed over several at once give the same report as one after the other: over every fixture's capture.

#![allow(clippy::unwrap_used, clippy::expect_used)] // in helpers too: a test stops at a surprise

use shakedown::diagnose::Thresholds;
use shakedown::engine::{Engine, Limits};
use shakedown::report::json;
use shakedown::source::{self, Source};
use shakedown::target::Target;
use std::path::{Path, PathBuf};

/// Captures anywhere below `dir`.
fn captures(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("the folder is there") {
        let path = entry.expect("a folder entry").path();
        let extension = path.extension().and_then(|e| e.to_str());
        if path.is_dir() {
            captures(&path, found);
        } else if matches!(extension, Some("pcap" | "pcapng")) {
            found.push(path);
        }
    }
}

/// The report, with frames fed as `feed` does it.
fn report(path: &Path, all: bool, feed: fn(&mut dyn Source, &mut Engine)) -> Option<String> {
    let mut source = source::open(&[path.to_owned()]).ok()?;
    let mut target = Target::tiktok();
    target.set_all(all);
    // Few flows at a time, so that some are given up while others wait their turn.
    let limits = Limits {
        flows: 256,
        ..Limits::default()
    };
    let mut engine = Engine::new(target, limits);
    feed(&mut source, &mut engine);
    engine.finish();
    let snapshot = engine.snapshot(&source.captures(), Thresholds::default());
    let mut text = Vec::new();
    json::write(&snapshot, &mut text).expect("written to memory");
    Some(String::from_utf8(text).expect("JSON is UTF-8"))
}

fn one_by_one(source: &mut dyn Source, engine: &mut Engine) {
    while let Some(frame) = source.next_frame() {
        engine.handle_frame(&frame);
    }
}

fn together(source: &mut dyn Source, engine: &mut Engine) {
    loop {
        let frames = source.next_frames();
        if frames.is_empty() {
            return;
        }
        engine.handle_frames(&frames);
    }
}

#[test]
fn frames_together_give_the_same_report() {
    let mut paths = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    captures(&root, &mut paths);
    let mut compared = 0;
    for path in &paths {
        for all in [false, true] {
            let one = report(path, all, one_by_one);
            assert!(one == report(path, all, together), "{}", path.display());
            compared += usize::from(one.is_some());
        }
    }
    assert!(compared > 100, "{compared} reports were compared");
}
