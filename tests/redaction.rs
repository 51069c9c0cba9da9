//! Redaction keeps the proof: over every fixture, the analysis of the redacted packets says what the analysis of the
//! original says.
//!
//! `CASE=tcp.refused cargo test --test redaction` runs only the folders whose path contains that text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise

#[path = "support/fixture.rs"]
mod fixture;

use fixture::case::{Case, folders};
use fixture::parallel;
use shakedown::diagnose::Thresholds;
use shakedown::engine::{Engine, Limits};
use shakedown::redact::Plan;
use shakedown::report::pcapng::Writer;
use shakedown::snapshot::Report;
use shakedown::source::CaptureInfo;
use shakedown::source::{self, Source};
use shakedown::target::Target;
use shakedown::types::{CaptureId, Frame, FrameNumber, LinkType, Mark};
use shakedown_craft::prelude::*;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Fixtures whose redacted packets say something else, each with the reason.
const EXCEPTIONS: [(&str, &str); 0] = [];

fn target(case: &Case) -> (Target, Thresholds) {
    let (mut target, mut thresholds) = (Target::tiktok(), Thresholds::default());
    let mut args = case.args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--all" => target.set_all(true),
            "--net" => target.add_net(args.next().unwrap()).unwrap(),
            "--host" => target.add_host(args.next().unwrap()).unwrap(),
            "--limit" => thresholds.set(args.next().unwrap()).unwrap(),
            other => panic!("{other}: not known to this test"),
        }
    }
    (target, thresholds)
}

fn analyse(mut source: impl Source, target: Target, thresholds: Thresholds) -> Report {
    let mut engine = Engine::new(target, Limits::default());
    while let Some(frame) = source.next_frame() {
        engine.handle_frame(&frame);
    }
    let captures = source.captures();
    for (index, info) in (0_u16..).zip(&captures) {
        if let Some(end) = info.stated_end {
            engine.handle_time(CaptureId(index), end);
        }
    }
    engine.finish();
    engine.snapshot(&captures, thresholds)
}

fn redacted(path: &Path, target: &Target) -> impl Source + use<> {
    let open = || source::open(&[path.to_owned()]).expect("the capture");
    let mut plan = Plan::new(target, [7; 32]);
    let mut captures = open();
    while let Some(frame) = captures.next_frame() {
        plan.frame(&frame);
    }
    plan.finish().over(open())
}

/// What must not change: a line for each attempt, and one for the verdict.
fn essence(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = report
        .attempts
        .iter()
        .map(|a| {
            let findings: Vec<String> = a
                .findings
                .iter()
                .map(|f| format!("{} {:.2}", f.cause, f.confidence))
                .collect();
            format!(
                "{} {:?} {:?} {:?} {:?} {:?} {} {:?} [{}]",
                a.started,
                a.outcome,
                a.stage,
                a.cause,
                a.blame,
                a.confidence,
                a.matched_by,
                a.role,
                findings.join(", ")
            )
        })
        .collect();
    lines.sort();
    let v = &report.verdict;
    lines.push(format!(
        "verdict {:?} {:?} {:?} {:?} {:?} {}",
        v.outcome, v.stage, v.cause, v.blame, v.confidence, v.scope
    ));
    lines
}

fn run(dir: &Path) -> Result<(), String> {
    let case = Case::load(dir)?;
    let path = dir.join(&case.capture);
    let (target, thresholds) = target(&case);
    let original = source::open(std::slice::from_ref(&path)).map_err(|e| e.to_string())?;
    let before = essence(&analyse(original, target.clone(), thresholds));
    let after = essence(&analyse(redacted(&path, &target), target, thresholds));
    if before == after {
        return Ok(());
    }
    let only = |these: &[String], those: &[String], mark: &str| {
        let differing = these.iter().filter(|line| !those.contains(line));
        differing
            .map(|line| format!("{mark} {line}"))
            .collect::<Vec<_>>()
    };
    let lines = [only(&before, &after, "-"), only(&after, &before, "+")].concat();
    Err(lines.join("\n    "))
}

#[test]
fn the_redacted_packets_prove_the_same() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let only = std::env::var("CASE").unwrap_or_default();
    let cases: Vec<PathBuf> = folders(&root, &only).expect("fixtures/ is there");
    let results = parallel(&cases, |dir| run(dir));
    let mut failed = Vec::new();
    for (dir, result) in cases.iter().zip(results) {
        let excepted = EXCEPTIONS.iter().any(|(case, _)| dir.ends_with(case));
        match result {
            Err(lines) if !excepted => failed.push(format!("{}\n    {lines}", dir.display())),
            Ok(()) if excepted => {
                failed.push(format!("{}: is no exception any more", dir.display()))
            }
            _ => {}
        }
    }
    println!("{} fixtures, {} wrong", cases.len(), failed.len());
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

/// Frames out of memory.
#[derive(Clone, Default)]
struct Frames {
    list: Vec<(LinkType, Vec<u8>)>,
    at: usize,
}

impl Source for Frames {
    fn advance(&mut self) -> bool {
        self.at += 1;
        self.at <= self.list.len()
    }

    fn frame(&self) -> Option<Frame<'_>> {
        let (link, data) = self.list.get(self.at.checked_sub(1)?)?;
        Some(Frame {
            mark: Mark {
                frame: FrameNumber(self.at as u32),
                ..Mark::default()
            },
            link: *link,
            original_len: data.len() as u32,
            direction: Default::default(),
            uid: None,
            data,
        })
    }

    fn captures(&self) -> Vec<CaptureInfo> {
        Vec::new()
    }

    fn capture(&self, _: CaptureId) -> Option<&CaptureInfo> {
        None
    }
}

fn load(path: &Path) -> Frames {
    let mut source = source::open(&[path.to_owned()]).expect("the capture");
    let mut frames = Frames::default();
    while let Some(frame) = source.next_frame() {
        frames.list.push((frame.link, frame.data.to_vec()));
    }
    frames
}

fn through(frames: &Frames) -> Vec<Vec<u8>> {
    let mut plan = Plan::new(&Target::tiktok(), [7; 32]);
    let mut first = frames.clone();
    while let Some(frame) = first.next_frame() {
        plan.frame(&frame);
    }
    let mut redacted = plan.finish().over(frames.clone());
    let mut out = Vec::new();
    while let Some(frame) = redacted.next_frame() {
        out.push(frame.data.to_vec());
    }
    out
}

/// Bytes flipped, frames cut, link types swapped: no panic, and every frame comes out as long as it was.
#[test]
fn damaged_frames_do_no_harm() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let cases: Vec<PathBuf> = folders(&root, "").expect("fixtures/ is there");
    let cases: Vec<PathBuf> = cases.into_iter().step_by(5).collect();
    let links = [
        0, 1, 9, 50, 51, 101, 104, 105, 108, 113, 119, 127, 163, 192, 239, 258, 276,
    ];
    let results = parallel(&cases, |dir| {
        let case = Case::load(dir).unwrap();
        let mut frames = load(&dir.join(&case.capture));
        frames.list.truncate(150);
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % below.max(1)
        };
        for (link, data) in &mut frames.list {
            for _ in 0..random(6) {
                let at = random(data.len());
                if let Some(byte) = data.get_mut(at) {
                    *byte = random(256) as u8;
                }
            }
            if random(8) == 0 {
                data.truncate(random(data.len()));
            }
            if random(10) == 0 {
                *link = LinkType(links[random(links.len())]);
            }
        }
        let lengths = |list: &[Vec<u8>]| list.iter().map(Vec::len).collect::<Vec<_>>();
        let before: Vec<Vec<u8>> = frames.list.iter().map(|(_, data)| data.clone()).collect();
        lengths(&before) == lengths(&through(&frames))
    });
    assert!(results.into_iter().all(|same| same));
}

/// An answer that comes in fragments still gives its addresses.
#[test]
fn fragments_keep_what_they_say() {
    let net = Net::new("redacted fragments");
    net.fragment_over(Some(300));
    net.query("www.tiktok.com", rtype::A).answer(9, |a| {
        for _ in 0..8 {
            a.rr(16, &[&[60][..], &[b'z'; 60]].concat());
        }
        a.a("23.49.60.10");
    });
    let (file, bytes) = net.file();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(file);
    std::fs::write(&path, bytes).unwrap();
    let out = through(&load(&path));
    let all = out.concat();
    assert!(
        all.windows(4).any(|w| w == [23, 49, 60, 10]),
        "the address is gone"
    );
    assert!(
        !all.windows(9).any(|w| w == [b'z'; 9]),
        "the text is still there"
    );
    let target = Target::tiktok();
    let report = analyse(redacted(&path, &target), target, Thresholds::default());
    let lookup = &report.attempts[0].lookups[0];
    assert_eq!(lookup.answers, ["23.49.60.10"], "{lookup:?}");
}

/// What tshark calls malformed or of wrong checksum, by frame number.
fn complaints(path: &Path) -> Vec<String> {
    let wrong = "_ws.malformed || ip.checksum.status==0 || tcp.checksum.status==0 \
        || udp.checksum.status==0 || icmp.checksum.status==0 || icmpv6.checksum.status==0";
    let output = Command::new("tshark")
        .args([
            "-n",
            "-o",
            "ip.check_checksum:TRUE",
            "-o",
            "tcp.check_checksum:TRUE",
        ])
        .args([
            "-o",
            "udp.check_checksum:TRUE",
            "-T",
            "fields",
            "-e",
            "frame.number",
        ])
        .args(["-Y", wrong, "-r"])
        .arg(path)
        .output()
        .expect("tshark runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn tshark_finds_nothing_new_to_complain_of() {
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("skipped: there is no tshark here");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let cases: Vec<PathBuf> = folders(&root, "").expect("fixtures/ is there");
    let cases: Vec<PathBuf> = cases.into_iter().step_by(40).collect();
    let results = parallel(&cases, |dir| {
        let case = Case::load(dir).unwrap();
        let path = dir.join(&case.capture);
        let folder = tempfile::tempdir().unwrap();
        let after = folder.path().join("redacted.pcapng");
        let mut writer = Writer::new(std::fs::File::create(&after).unwrap()).unwrap();
        let mut source = redacted(&path, &target(&case).0);
        while let Some(frame) = source.next_frame() {
            writer.packet(&frame, "").unwrap();
        }
        writer.finish().unwrap();
        let known = complaints(&path);
        let new = complaints(&after);
        new.into_iter()
            .filter(|frame| !known.contains(frame))
            .collect::<Vec<_>>()
    });
    for (dir, new) in cases.iter().zip(results) {
        assert!(new.is_empty(), "{}: frames {new:?}", dir.display());
    }
}
