use super::{Packets, Plan, Recorder, Ring};
use crate::diagnose::Thresholds;
use crate::engine::{Engine, Limits};
use crate::snapshot::{Attempt, Outcome, Report};
use crate::source::{self, Source};
use crate::target::Target;
use crate::types::{Direction, Frame, FrameNumber, LinkType, Mark, Timestamp};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn evening() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/evening.pcap")
}

/// Analyses a capture; every frame is also given to `each`.
fn analyse(path: &Path, mut each: impl FnMut(&Frame<'_>)) -> Report {
    let mut source = source::open(&[path.to_owned()]).unwrap();
    let mut engine = Engine::new(Target::tiktok(), Limits::default());
    while let Some(frame) = source.next_frame() {
        each(&frame);
        engine.handle_frame(&frame);
    }
    engine.finish();
    engine.snapshot(&source.captures(), Thresholds::default())
}

fn broken(report: &Report) -> Vec<&Attempt> {
    let attempts = report.attempts.iter();
    attempts.filter(|a| a.outcome == Outcome::Broken).collect()
}

fn recorder(dir: &Path, ring: usize) -> (Recorder, Report) {
    let plan = Plan {
        ring,
        ..Plan::new(dir.join("failures"))
    };
    let mut recorder = Recorder::open(&plan).unwrap();
    let report = analyse(&evening(), |frame| recorder.frame(frame));
    (recorder, report)
}

fn files(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn test_what_is_kept_leads_to_the_same_cause() {
    let dir = tempfile::tempdir().unwrap();
    let (mut recorder, report) = recorder(dir.path(), 8 << 20);
    assert!(broken(&report).len() >= 3);
    for attempt in broken(&report) {
        let kept = recorder.failed(attempt, &report).unwrap();
        assert!(!kept.incomplete);
        let name = kept.capture.file_name().unwrap().to_str().unwrap();
        let cause = attempt.cause.as_deref().unwrap();
        assert!(name.contains(attempt.name.as_deref().unwrap()), "{name}");
        assert!(name.ends_with(&format!("-{cause}.pcapng")), "{name}");
        let again = analyse(&kept.capture, |_| {});
        assert_eq!(again.captures[0].problems, Vec::<String>::new());
        let causes: Vec<_> = broken(&again).iter().map(|a| a.cause.clone()).collect();
        assert_eq!(causes, std::slice::from_ref(&attempt.cause), "{name}");
        let text = std::fs::read_to_string(&kept.report).unwrap();
        let told: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(told["attempts"].as_array().unwrap().len(), 1);
        assert_eq!(told["captures"][0]["source"], name);
        let evidence = |frames: &serde_json::Value| -> BTreeSet<u64> {
            frames
                .as_array()
                .unwrap()
                .iter()
                .map(|f| f.as_u64().unwrap())
                .collect()
        };
        let said = evidence(&told["attempts"][0]["findings"][0]["frames"]);
        let seen = serde_json::to_value(&broken(&again)[0].findings[0].frames).unwrap();
        assert_eq!(
            said,
            evidence(&seen),
            "{name}: numbers are those of the file"
        );
    }
    // Nothing but whole files.
    let names = files(&dir.path().join("failures"));
    assert_eq!(names.len(), 2 * broken(&report).len());
    assert!(
        names
            .iter()
            .all(|n| n.ends_with(".pcapng") || n.ends_with(".json"))
    );
}

#[test]
fn test_evidence_has_comments_and_others_have_none() {
    let dir = tempfile::tempdir().unwrap();
    let (mut recorder, report) = recorder(dir.path(), 8 << 20);
    let tls = |a: &&Attempt| a.cause.as_deref() == Some("tls.reset-after-hello");
    let attempt = broken(&report).into_iter().find(tls).unwrap();
    let kept = recorder.failed(attempt, &report).unwrap();
    let mut source = source::open(&[kept.capture]).unwrap();
    while source.next_frame().is_some() {}
    let info = &source.captures()[0];
    let cause = attempt.cause.as_deref().unwrap();
    let finding = attempt.findings.iter().find(|f| f.cause == cause).unwrap();
    let proofs = info
        .comments
        .iter()
        .filter(|c| c.text.starts_with("proves "));
    assert_eq!(proofs.count(), finding.frames.len());
    assert!(info.comments.len() < usize::try_from(info.packets).unwrap());
    let all = |c: &source::Comment| c.text.contains(cause) || c.text.starts_with("shows ");
    assert!(info.comments.iter().all(all), "{:?}", info.comments);
}

#[test]
fn test_what_has_left_memory_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (mut recorder, report) = recorder(dir.path(), 20_000);
    let kept = recorder.failed(broken(&report)[0], &report).unwrap();
    assert!(kept.incomplete);
    let text = std::fs::read_to_string(&kept.report).unwrap();
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    let notes = told["captures"][0]["notes"].to_string();
    assert!(notes.contains("had left memory"), "{notes}");
    let frames = &told["attempts"][0]["findings"][0]["frames"];
    assert_eq!(
        frames,
        &serde_json::json!([]),
        "no number of a frame that is not there"
    );
}

#[test]
fn test_the_folder_is_bounded_over_runs_and_leaves_others_alone() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("failures");
    std::fs::create_dir(&folder).unwrap();
    for name in [
        "notes.json",
        "20200101T000000.000Z-old-dns.nxdomain.pcapng",
        "20200101T000000.000Z-old-dns.nxdomain.json",
        "20200101T000000.000Z-x.txt",
        ".20200101T000000.000Z-cut-dns.nxdomain.json.part",
        ".other.part",
    ] {
        std::fs::write(folder.join(name), "x").unwrap();
    }
    let plan = Plan {
        ring: 8 << 20,
        max_failures: 2,
        ..Plan::new(folder.clone())
    };
    let mut recorder = Recorder::open(&plan).unwrap();
    let report = analyse(&evening(), |frame| recorder.frame(frame));
    let attempt = broken(&report)[0];
    for _ in 0..5 {
        recorder.failed(attempt, &report).unwrap();
    }
    let names = files(&folder);
    let others = [".other.part", "20200101T000000.000Z-x.txt", "notes.json"];
    let ours: Vec<&String> = names
        .iter()
        .filter(|n| !others.contains(&n.as_str()))
        .collect();
    assert_eq!(ours.len(), 4, "{names:?}");
    assert_eq!(names.len(), 7, "{names:?}");
    let bytes: u64 = ours
        .iter()
        .map(|n| folder.join(n).metadata().unwrap().len())
        .sum();
    assert_eq!(recorder.split().1.total(), (2, bytes));
    // Bytes bound as well; what was just written always stays.
    let plan = Plan {
        max_bytes: 1,
        ..plan
    };
    let mut recorder = Recorder::open(&plan).unwrap();
    analyse(&evening(), |frame| recorder.frame(frame));
    let kept = recorder.failed(attempt, &report).unwrap();
    assert!(kept.capture.exists() && kept.report.exists());
    assert_eq!(recorder.split().1.total().0, 1);
}

#[test]
fn test_names_from_the_network_are_no_paths() {
    let dir = tempfile::tempdir().unwrap();
    let (mut recorder, report) = recorder(dir.path(), 8 << 20);
    let mut attempt = broken(&report)[0].clone();
    for name in [
        "../../etc/passwd",
        "-rf",
        "a\u{202e}b\x1b[m;$(id) 'x'",
        "",
        &"long.".repeat(100),
    ] {
        attempt.name = Some(name.to_owned());
        let kept = recorder.failed(&attempt, &report).unwrap();
        assert_eq!(
            kept.capture.parent(),
            Some(dir.path().join("failures").as_path())
        );
        let file = kept.report.file_name().unwrap().to_str().unwrap();
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        assert!(file.chars().all(plain) && file.len() < 200, "{file}");
    }
}

#[cfg(unix)]
#[test]
fn test_a_folder_that_cannot_be_written_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Recorder::open(&Plan::new(file.join("below")))
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("file/below: can't be made"),
        "{error}"
    );
    let (mut recorder, report) = recorder(dir.path(), 8 << 20);
    let folder = dir.path().join("failures");
    std::fs::remove_dir(&folder).unwrap();
    let error = recorder.failed(broken(&report)[0], &report).unwrap_err();
    assert!(error.to_string().contains("failures/20"), "{error}");
    std::fs::create_dir(&folder).unwrap();
    recorder.failed(broken(&report)[0], &report).unwrap();
}

fn frame(number: u32, data: &[u8]) -> Frame<'_> {
    Frame {
        mark: Mark {
            time: Timestamp(i64::from(number)),
            frame: FrameNumber(number),
            ..Mark::default()
        },
        link: LinkType(1),
        original_len: 9,
        direction: Direction::In,
        uid: None,
        data,
    }
}

/// The ring against a plain list that is cut to what fits, over lengths that wrap at every place.
#[test]
fn test_the_ring_holds_the_newest_frames_unharmed() {
    let mut ring = Ring::new(4_096);
    let mut sent: Vec<Vec<u8>> = Vec::new();
    for number in 0..5_000_u32 {
        let len = usize::try_from(number.wrapping_mul(2_654_435_761) >> 22).unwrap();
        let fill = u8::try_from(number % 251).unwrap();
        sent.push(vec![fill; len]);
        ring.push(&frame(number, &sent[number as usize]));
        let held = ring.len();
        assert!((1..=4_096 / 256).contains(&held));
        for (held, back) in ring.all().zip(
            (0..=number)
                .rev()
                .take(held)
                .collect::<Vec<_>>()
                .into_iter()
                .rev(),
        ) {
            assert_eq!(
                held.mark.frame,
                FrameNumber(back),
                "an unbroken row up to the newest"
            );
            assert_eq!(held.data, sent[back as usize]);
        }
    }
    let total: usize = ring.all().map(|f| f.data.len()).sum();
    assert!(total <= 4_096);
    ring.push(&frame(5_000, &[0; 5_000]));
    assert!(
        ring.len() <= 16,
        "a frame larger than the ring changes nothing"
    );
}

#[test]
fn test_an_empty_ring_is_no_trouble() {
    let mut ring = Ring::new(0);
    ring.push(&frame(1, b"x"));
    ring.push(&frame(2, b""));
    assert!(ring.is_empty());
    assert_eq!(Packets::default().frames().len(), 0);
}
