//! What live capture saves, as Wireshark's programs read it: an independent judge of the files. Without tshark the tests
//! say so and end.
#![cfg(feature = "live")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise

use shakedown::diagnose::Thresholds;
use shakedown::engine::{Engine, Limits};
use shakedown::live::recorder::{Plan as Failures, Recorder};
use shakedown::live::save::{Counted, Plan, Save};
use shakedown::report::pcapng::Interface;
use shakedown::snapshot::{Outcome, Report};
use shakedown::source::{self, Source};
use shakedown::target::Target;
use shakedown::types::{Frame, LinkType, Timestamp};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Fields of all packets of a file, a line each; `None` where there is no tshark. It must have nothing to complain about.
fn tshark(file: &Path, fields: &[&str]) -> Option<Vec<String>> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-r"]).arg(file).args(["-T", "fields"]);
    for field in fields {
        command.args(["-e", field]);
    }
    let Ok(ran) = command.output() else {
        println!("left out: tshark is missing");
        return None;
    };
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    let complaint = |line: &&str| !line.contains("Running as user") && !line.trim().is_empty();
    assert_eq!(said.lines().find(complaint), None, "{}", file.display());
    assert!(ran.status.success());
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    Some(text.lines().map(str::to_owned).collect())
}

/// Analyses the evening; every frame is also given to `each`.
fn evening(each: impl FnMut(&Frame<'_>)) -> Report {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/evening.pcap");
    analyse(&path, each).0
}

/// The report, and until when the capture states to have listened.
fn analyse(path: &Path, mut each: impl FnMut(&Frame<'_>)) -> (Report, Timestamp) {
    let mut source = source::open(&[path.to_owned()]).expect("there");
    let mut engine = Engine::new(Target::tiktok(), Limits::default());
    while let Some(frame) = source.next_frame() {
        each(&frame);
        engine.handle_frame(&frame);
    }
    // As `read` does: what a capture states to have listened to goes beyond its last packet.
    let mut last = Timestamp::MIN;
    for info in source.captures() {
        last = last.max(info.end().unwrap_or(last));
    }
    engine.handle_stated(&source.captures());
    engine.finish();
    (
        engine.snapshot(&source.captures(), Thresholds::default()),
        last,
    )
}

#[test]
fn each_file_of_a_ring_stands_on_its_own() {
    let dir = tempfile::tempdir().expect("a folder");
    let plan = Plan {
        path: dir.path().join("ring.pcapng"),
        rotate_size: Some(20_000),
        rotate_time: None,
        keep: 1_000,
    };
    let interfaces = [1, 101].map(|link| Interface {
        name: format!("if{link}"),
        link: LinkType(link),
        snap_len: 262_144,
    });
    let mut save = Save::open(plan, &interfaces, Timestamp(0)).expect("writable");
    let (mut sent, mut last) = (Vec::new(), Timestamp(0));
    evening(|frame| {
        assert_eq!(frame.link, LinkType(1));
        save.frame(0, frame);
        save.counted(
            0,
            Counted {
                received: 1,
                dropped: 2,
                if_dropped: 0,
            },
        );
        sent.push(format!("{}\t{}", frame.mark.time.0, frame.original_len));
        last = frame.mark.time;
    });
    let files: Vec<PathBuf> = save.files().map(Path::to_owned).collect();
    assert!(files.len() > 3, "{files:?}");
    assert_eq!(save.finish(last), None);
    let mut read = Vec::new();
    for file in &files {
        let Some(lines) = tshark(
            file,
            &["frame.time_epoch", "frame.len", "frame.interface_name"],
        ) else {
            return;
        };
        assert!(
            !lines.is_empty() && lines.iter().all(|l| l.ends_with("\tif1")),
            "{lines:?}"
        );
        let plain = |l: &String| l.replacen('.', "", 1).trim_end_matches("\tif1").to_owned();
        read.extend(lines.iter().map(plain));
    }
    assert_eq!(read, sent, "every packet once, in order, to the nanosecond");
}

#[test]
fn a_kept_failure_shows_its_comments() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut recorder = Recorder::open(&Failures::new(dir.path().to_owned())).expect("writable");
    let report = evening(|frame| recorder.frame(frame));
    for attempt in report
        .attempts
        .iter()
        .filter(|a| a.outcome == Outcome::Broken)
    {
        let kept = recorder.failed(attempt, &report).expect("written");
        let Some(lines) = tshark(&kept.capture, &["frame.number", "frame.comment"]) else {
            return;
        };
        let cause = attempt.cause.as_deref().expect("a cause");
        let proofs = lines
            .iter()
            .filter(|l| l.contains(&format!("\tproves {cause}: ")));
        let text = std::fs::read_to_string(&kept.report).expect("there");
        let told: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let finding = &told["attempts"][0]["findings"];
        let finding = finding
            .as_array()
            .expect("findings")
            .iter()
            .find(|f| f["cause"] == cause);
        let frames = finding.expect("the cause's")["frames"].to_string();
        let numbers: Vec<&str> = proofs
            .map(|l| l.split('\t').next().expect("a number"))
            .collect();
        assert_eq!(frames, format!("[{}]", numbers.join(",")), "{cause}");
    }
}

/// Causes that rest on what other connections did at the same time: without these, the capture of the attempt alone shows
/// less. The report beside it says what was seen then.
const REST_ON_OTHERS: &[&str] = &[
    "dns.unanswered",
    "dns.encrypted-failed",
    "media.frozen-early",
];

#[test]
fn a_kept_failure_leads_to_the_same_cause_again() {
    let mut compared = 0;
    for case in shakedown_craft::cases::cases() {
        let dir = tempfile::tempdir().expect("a folder");
        case.write(dir.path()).expect("written");
        let mut names = std::fs::read_dir(dir.path()).expect("there").flatten();
        let capture = names.find(|e| e.file_name().to_string_lossy().starts_with("capture."));
        let capture = capture.expect("a capture").path();
        let mut recorder = Recorder::open(&Failures::new(dir.path().join("kept"))).expect("made");
        let (report, end) = analyse(&capture, |frame| recorder.frame(frame));
        recorder.note_time(end);
        for attempt in report
            .attempts
            .iter()
            .filter(|a| a.outcome == Outcome::Broken)
        {
            let cause = attempt.cause.as_deref().expect("a cause");
            if REST_ON_OTHERS.contains(&cause) {
                continue;
            }
            let kept = recorder.failed(attempt, &report).expect("written");
            let (again, _) = analyse(&kept.capture, |_| {});
            let broken = again
                .attempts
                .iter()
                .filter(|a| a.outcome == Outcome::Broken);
            let causes: Vec<_> = broken
                .map(|a| a.cause.as_deref().expect("a cause"))
                .collect();
            assert_eq!(causes, [cause], "{}: {}", case.id(), kept.capture.display());
            compared += 1;
        }
    }
    assert!(compared > 150, "only {compared}");
}
