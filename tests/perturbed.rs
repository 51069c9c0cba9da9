//! A worse capture of the same events must not lead to another accusation: each fixture of the `tls.*` rules is
//! read again with packets doubled, swapped, clipped, missing, of one direction only, begun late and cut short.

#![allow(clippy::expect_used)] // a test without its fixtures has to fail

use shakedown::diagnose::Thresholds;
use shakedown::engine::{Engine, Limits};
use shakedown::source::{self, CaptureInfo, Source};
use shakedown::target::Target;
use shakedown::types::{Direction, Frame, FrameNumber, LinkType, Mark};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Clone)]
struct Owned {
    mark: Mark,
    link: LinkType,
    original_len: u32,
    data: Vec<u8>,
}

/// What was found: name, cause.
type Found = BTreeSet<(String, String)>;

fn read(path: &Path) -> (Vec<Owned>, Vec<CaptureInfo>) {
    let mut source = source::open(&[path.to_path_buf()]).expect("the fixture opens");
    let mut frames = Vec::new();
    while let Some(frame) = source.next_frame() {
        frames.push(Owned {
            mark: frame.mark,
            link: frame.link,
            original_len: frame.original_len,
            data: frame.data.to_vec(),
        });
    }
    (frames, source.captures())
}

/// The same event with less of it in the capture: the reason, the control or the first answer is not seen.
fn is_less_of(known: &Found, name: &str, cause: &str) -> bool {
    let was = |cause: &str| known.contains(&(name.to_owned(), format!("tls.{cause}")));
    let certificate = [
        "intercepted",
        "not-tls",
        "certificate-expired",
        "certificate-not-yet-valid",
        "certificate-name-mismatch",
        "certificate-untrusted",
    ];
    match cause {
        "tls.alert-from-client" => certificate.into_iter().any(was),
        "tls.hello-unanswered" => was("large-hello-dropped"),
        "tls.reset-after-hello" => was("large-hello-dropped") || was("alert-from-server"),
        _ => false,
    }
}

/// Broken and degraded findings of the family.
fn judged(frames: &[Owned], info: &[CaptureInfo]) -> Found {
    let mut engine = Engine::new(Target::tiktok(), Limits::default());
    for (number, frame) in (1..).zip(frames) {
        engine.handle_frame(&Frame {
            mark: Mark {
                frame: FrameNumber(number),
                ..frame.mark
            },
            link: frame.link,
            original_len: frame.original_len,
            direction: Direction::Unknown,
            uid: None,
            data: &frame.data,
        });
    }
    engine.finish();
    let report = engine.snapshot(info, Thresholds::default());
    let attempts = report.attempts.iter();
    attempts
        .flat_map(|attempt| {
            let findings = attempt.findings.iter();
            let found = findings.filter(|f| f.cause.starts_with("tls."));
            let found = found.filter(|f| f.severity.as_str() != "note");
            found.map(|f| (attempt.name.clone().unwrap_or_default(), f.cause.clone()))
        })
        .collect()
}

fn doubled(frames: &[Owned], every: usize) -> Vec<Owned> {
    let mut out = Vec::new();
    for (n, frame) in frames.iter().enumerate() {
        out.push(frame.clone());
        if n % every == 0 {
            let mut copy = frame.clone();
            copy.mark.time = copy.mark.time.plus(Duration::from_micros(20));
            out.push(copy);
        }
    }
    out
}

fn swapped(frames: &[Owned], first: usize) -> Vec<Owned> {
    let mut out = frames.to_vec();
    for pair in out[first..].chunks_exact_mut(2) {
        pair.swap(0, 1);
    }
    out
}

fn clipped(frames: &[Owned], length: usize) -> Vec<Owned> {
    let mut out = frames.to_vec();
    for frame in &mut out {
        frame.data.truncate(length);
    }
    out
}

/// Frames of one direction only: those that the client of the crafted captures sent, or the others.
fn one_sided(frames: &[Owned], from_client: bool) -> Vec<Owned> {
    const V4: &[u8] = &[192, 168, 1, 23];
    const V6: &[u8] = &[0x2a, 2, 0x81, 9, 0x9a, 0x40, 0x1b, 0x2c];
    let sent = |frame: &&Owned| {
        let (start, is_v4) = ip_header(&frame.data);
        let (at, client) = if is_v4 { (12, V4) } else { (8, V6) };
        let source = frame.data.get(start + at..).unwrap_or_default();
        source.starts_with(client) == from_client
    };
    frames.iter().filter(sent).cloned().collect()
}

/// Where the IP header begins in a frame of the link types that the fixtures use, and whether it is IPv4.
fn ip_header(data: &[u8]) -> (usize, bool) {
    let byte = |at: usize| data.get(at).copied().unwrap_or_default();
    let v4 = |at: usize| byte(at) == 0x45 && matches!(byte(at + 9), 1 | 6 | 17);
    let v6 = |at: usize| byte(at) >> 4 == 6 && matches!(byte(at + 6), 6 | 17 | 58);
    let start = (0..data.len().min(40)).find(|&at| v4(at) || v6(at));
    let start = start.unwrap_or_default();
    (start, v4(start))
}

fn worse(frames: &[Owned]) -> Vec<(String, Vec<Owned>)> {
    let mut all = vec![
        ("all doubled".to_owned(), doubled(frames, 1)),
        ("every third doubled".to_owned(), doubled(frames, 3)),
        ("pairs swapped".to_owned(), swapped(frames, 0)),
        (
            "pairs swapped from the second".to_owned(),
            swapped(frames, 1),
        ),
        ("96 bytes".to_owned(), clipped(frames, 96)),
        ("256 bytes".to_owned(), clipped(frames, 256)),
        ("client only".to_owned(), one_sided(frames, true)),
        ("server only".to_owned(), one_sided(frames, false)),
    ];
    for at in 0..frames.len() {
        all.push((format!("ends before {}", at + 1), frames[..at].to_vec()));
        all.push((
            format!("begins after {}", at + 1),
            frames[at + 1..].to_vec(),
        ));
        let missing = frames.iter().enumerate().filter(|(n, _)| *n != at);
        let missing = missing.map(|(_, frame)| frame.clone()).collect();
        all.push((format!("without {}", at + 1), missing));
    }
    all
}

fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let entries = |dir: &Path| -> Vec<PathBuf> {
        let list = std::fs::read_dir(dir).into_iter().flatten().flatten();
        list.map(|entry| entry.path()).collect()
    };
    let family = |dir: &PathBuf| dir.to_string_lossy().contains("/tls.");
    let mut captures: Vec<PathBuf> = entries(&root)
        .into_iter()
        .filter(family)
        .flat_map(|cause| entries(&cause))
        .flat_map(|case| entries(&case))
        .filter(|file| file.to_string_lossy().contains("capture."))
        .collect();
    captures.sort();
    captures
}

#[test]
fn a_worse_capture_accuses_nobody_else() {
    let captures = fixtures();
    assert!(captures.len() > 40, "the fixtures are there");
    let mut wrong = Vec::new();
    for path in &captures {
        let (frames, info) = read(path);
        let known = judged(&frames, &info);
        for (how, frames) in worse(&frames) {
            let found = judged(&frames, &info);
            let others: Vec<_> = found
                .difference(&known)
                .filter(|(name, cause)| !is_less_of(&known, name, cause))
                .collect();
            if !others.is_empty() {
                wrong.push(format!("{}: {how}: {others:?}", path.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Bytes changed at random, with the same seeds each time: whatever is found, nothing panics.
#[test]
fn damaged_captures_do_no_harm() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap_or_default()
    };
    let mut found = 0;
    for path in &fixtures() {
        let (frames, info) = read(path);
        for _ in 0..20 {
            let mut frames = frames.clone();
            for _ in 0..6 {
                let frame = random() % frames.len();
                let data = &mut frames[frame].data;
                let at = random() % data.len().max(1);
                if let Some(byte) = data.get_mut(at) {
                    *byte = random().to_le_bytes()[0];
                }
            }
            found += judged(&frames, &info).len();
        }
    }
    assert!(found > 500, "most of it is still recognised");
}
