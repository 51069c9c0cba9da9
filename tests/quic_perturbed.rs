//! The QUIC fixtures with their captures made worse: copies, swapped neighbours, short snap lengths, one direction
//! only, cut at the end, begun late. The judgement must stay, or fall back to "not known"; it must never
//! become another accusation.

#![allow(clippy::expect_used)]

use shakedown::diagnose::{Severity, Thresholds};
use shakedown::engine::{Engine, Limits};
use shakedown::source::{self, Source};
use shakedown::target::Target;
use shakedown::types::{Direction, Frame, FrameNumber, LinkType, Mark, Timestamp};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[derive(Clone)]
struct Kept {
    time: Timestamp,
    link: LinkType,
    original_len: u32,
    data: Vec<u8>,
}

fn frames(file: &Path) -> Vec<Kept> {
    let mut captures = source::open(&[file.to_path_buf()]).expect("fixture opens");
    let mut kept = Vec::new();
    while let Some(frame) = captures.next_frame() {
        kept.push(Kept {
            time: frame.mark.time,
            link: frame.link,
            original_len: frame.original_len,
            data: frame.data.to_vec(),
        });
    }
    kept
}

/// What was found on a capture.
struct Said {
    /// The causes that attempts name.
    attempts: BTreeSet<String>,
    /// The causes of all findings worse than a note.
    all: BTreeSet<String>,
}

fn accusations(frames: &[Kept], thresholds: Thresholds) -> Said {
    let mut engine = Engine::new(Target::tiktok(), Limits::default());
    for (i, kept) in frames.iter().enumerate() {
        engine.handle_frame(&Frame {
            mark: Mark {
                time: kept.time,
                frame: FrameNumber(i as u32 + 1),
                ..Mark::default()
            },
            link: kept.link,
            original_len: kept.original_len,
            direction: Direction::Unknown,
            uid: None,
            data: &kept.data,
        });
    }
    engine.finish();
    let report = engine.snapshot(&[], thresholds);
    let findings = report.attempts.iter().flat_map(|a| &a.findings);
    let severe = findings.filter(|f| f.severity > Severity::Note);
    Said {
        attempts: report
            .attempts
            .iter()
            .filter_map(|a| a.cause.clone())
            .collect(),
        all: severe.map(|f| f.cause.clone()).collect(),
    }
}

/// The client's packets or the server's: by the address that opens the capture.
fn from_client(kept: &Kept, client: &[Vec<u8>]) -> bool {
    let at = |needle: &[u8]| kept.data.windows(needle.len()).position(|w| w == needle);
    // The source address comes first in an IP header.
    let positions = client.iter().filter_map(|a| at(a));
    positions.min().is_some_and(|p| p < 14 + 20 + 12)
}

fn perturbed(all: &[Kept]) -> Vec<(String, Vec<Kept>)> {
    let mut list = Vec::new();
    let mut add = |name: String, frames: Vec<Kept>| list.push((name, frames));
    for every in [3, 7, 50] {
        let copies = all.iter().enumerate().flat_map(|(i, k)| {
            let mut again = k.clone();
            again.time = Timestamp(k.time.0 + 40_000);
            let copy = (i % every == every / 2).then_some(again);
            [Some(k.clone()), copy].into_iter().flatten()
        });
        add(format!("every {every}th packet twice"), copies.collect());
    }
    for first in [0, 1] {
        let mut swapped = all.to_vec();
        for pair in swapped[first.min(all.len())..].chunks_exact_mut(2) {
            pair.swap(0, 1);
        }
        add(format!("pairs swapped from {first}"), swapped);
    }
    for snap in [64, 96, 128, 256] {
        let mut cut = all.to_vec();
        cut.iter_mut().for_each(|k| k.data.truncate(snap));
        add(format!("snap length {snap}"), cut);
    }
    let client = [
        vec![192, 168, 1, 23],
        vec![
            0x2a, 0x02, 0x81, 0x09, 0x9a, 0x40, 0x1b, 0x2c, 0, 0, 0, 0, 0, 0, 0, 0x23,
        ],
    ];
    for wanted in [true, false] {
        let one = all.iter().filter(|k| from_client(k, &client) == wanted);
        add(format!("only the client: {wanted}"), one.cloned().collect());
    }
    for tenth in 1..10 {
        let at = all.len() * tenth / 10;
        add(format!("ends after {at}"), all[..at].to_vec());
        add(format!("begins after {at}"), all[at..].to_vec());
    }
    list
}

fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut found: Vec<PathBuf> = std::fs::read_dir(root)
        .expect("fixtures")
        .flatten()
        .filter(|d| d.file_name().to_string_lossy().starts_with("quic."))
        .flat_map(|d| std::fs::read_dir(d.path()).into_iter().flatten().flatten())
        .flat_map(|c| std::fs::read_dir(c.path()).into_iter().flatten().flatten())
        .map(|f| f.path())
        .filter(|f| {
            f.file_stem()
                .is_some_and(|s| s.to_string_lossy().starts_with("capture"))
        })
        .collect();
    found.sort();
    found
}

/// What may be said as well: two tries that nobody answers within a second each prove silence, and a capture that
/// ends then can't know that an answer was on its way. And a capture that begins with the first probe looks
/// like one that begins with a Chromium client's first Initial: both have packet number 1.
fn excused(file: &Path, change: &str, cause: &str) -> bool {
    let late = file.to_string_lossy().contains("near-miss-answered-late");
    // An ICMP error is explicit, as long as nothing shows that it did not last.
    if file
        .to_string_lossy()
        .contains("near-miss-answered-after-it")
    {
        return change.starts_with("ends") && cause == "quic.unreachable";
    }
    let raced = file.to_string_lossy().contains("near-miss-raced");
    let open =
        (late && change.starts_with("ends after")) || (raced && change.starts_with("begins"));
    open && cause == "quic.initial-unanswered"
}

#[test]
fn worse_captures_make_no_other_accusation() {
    let mut wrong = Vec::new();
    let files = fixtures();
    assert!(files.len() > 30, "fixtures are missing");
    let mut kept = 0;
    for file in &files {
        let all = frames(file);
        let thresholds = Thresholds::default();
        let original = accusations(&all, thresholds);
        for (change, frames) in perturbed(&all) {
            let now = accusations(&frames, thresholds);
            kept += usize::from(!now.attempts.is_empty());
            for cause in now.attempts.difference(&original.all) {
                if !excused(file, &change, cause) {
                    let case = file.parent().unwrap_or(file).display();
                    wrong.push(format!(
                        "{case}: {change}: {cause} (was {:?})",
                        original.all
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(kept > 100, "the perturbed captures say nothing at all");
}
