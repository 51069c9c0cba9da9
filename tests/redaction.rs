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
use shakedown::snapshot::Report;
use shakedown::source::{self, Source};
use shakedown::target::Target;
use shakedown::types::CaptureId;
use std::path::{Path, PathBuf};

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
