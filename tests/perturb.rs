//! A worse capture of the same traffic must not lead to another accusation.
//!
//! Every fixture's capture is copied, cut, thinned and disordered in ways that captures suffer (fixed seeds), and read
//! again. What is then said to be wrong with a name must have been found in the whole capture as well; saying less
//! (unfinished, nothing wrong) is right.

#![allow(clippy::expect_used)] // a test that cannot read its fixture fails

use serde::Deserialize;
use serde_json::Value;
use shakedown::diagnose::Thresholds;
use shakedown::engine::{Engine, Limits};
use shakedown::source::{self, CaptureInfo, Source};
use shakedown::target::Target;
use shakedown::types::{CaptureId, Direction, Frame, FrameNumber, LinkType, Mark, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Deserialize)]
struct Case {
    capture: String,
    #[serde(default)]
    args: Vec<String>,
}

/// A frame that owns its bytes.
#[derive(Clone)]
struct Kept {
    time: Timestamp,
    link: LinkType,
    original_len: u32,
    direction: Direction,
    data: Vec<u8>,
}

struct Capture {
    frames: Vec<Kept>,
    info: Vec<CaptureInfo>,
    target: Vec<String>,
}

impl Capture {
    fn open(dir: &Path) -> Self {
        let text = std::fs::read_to_string(dir.join("case.toml")).expect("case.toml");
        let case: Case = toml::from_str(&text).expect("case.toml");
        let mut captures = source::open(&[dir.join(&case.capture)]).expect("a capture");
        let mut frames = Vec::new();
        while let Some(frame) = captures.next_frame() {
            frames.push(Kept {
                time: frame.mark.time,
                link: frame.link,
                original_len: frame.original_len,
                direction: frame.direction,
                data: frame.data.to_vec(),
            });
        }
        Self {
            frames,
            info: captures.captures(),
            target: case.args,
        }
    }

    fn target(&self) -> Target {
        let mut target = Target::tiktok();
        let mut args = self.target.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--all" => target.set_all(true),
                "--host" => target
                    .add_host(args.next().expect("a host"))
                    .expect("a host"),
                "--net" => target.add_net(args.next().expect("a net")).expect("a net"),
                _ => {}
            }
        }
        target
    }

    /// What the report says of these frames; `whole` lets the stated end of the capture count.
    fn judge(&self, frames: &[Kept], whole: bool) -> Value {
        let mut engine = Engine::new(self.target(), Limits::default());
        for (index, kept) in frames.iter().enumerate() {
            engine.handle_frame(&Frame {
                mark: Mark {
                    time: kept.time,
                    frame: FrameNumber(index as u32 + 1),
                    capture: CaptureId(0),
                },
                link: kept.link,
                original_len: kept.original_len,
                direction: kept.direction,
                uid: None,
                data: &kept.data,
            });
        }
        if let (true, Some(end)) = (whole, self.info.first().and_then(|i| i.stated_end)) {
            engine.handle_time(CaptureId(0), end);
        }
        engine.finish();
        let report = engine.snapshot(&self.info, Thresholds::default());
        serde_json::to_value(report).expect("a report")
    }
}

/// Causes of findings worse than a note, by name (or by client, where none is known).
fn found(report: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for attempt in report["attempts"].as_array().into_iter().flatten() {
        let causes = all.entry(who(attempt)).or_default();
        for finding in attempt["findings"].as_array().into_iter().flatten() {
            if finding["severity"] != "note" {
                causes.extend(finding["cause"].as_str().map(str::to_owned));
            }
        }
    }
    all
}

fn who(attempt: &Value) -> String {
    let text = |key: &str| attempt[key].as_str().map(str::to_owned);
    text("name").or_else(|| text("client")).unwrap_or_default()
}

/// xorshift64*: the same numbers every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}

/// What was done to the capture, and the frames that are left.
fn perturbed(frames: &[Kept]) -> Vec<(String, Vec<Kept>, bool)> {
    let mut all = vec![
        ("2 % twice".to_owned(), copied(frames, 2), true),
        ("all twice".to_owned(), copied(frames, 100), true),
        ("pairs swapped".to_owned(), swapped(frames, 100), true),
        ("5 % swapped".to_owned(), swapped(frames, 5), true),
    ];
    for length in [68, 96, 128, 256] {
        all.push((
            format!("snap length {length}"),
            cut_short(frames, length),
            true,
        ));
    }
    for part in 1..=10 {
        let at = frames.len() * part / 11;
        all.push((
            format!("ends after frame {at}"),
            frames[..at].to_vec(),
            false,
        ));
        all.push((
            format!("begins after frame {at}"),
            frames[at..].to_vec(),
            true,
        ));
    }
    let senders: BTreeSet<&[u8]> = frames.iter().filter_map(source_address).collect();
    for sender in senders {
        let only = |f: &&Kept| source_address(f) == Some(sender);
        let kept: Vec<Kept> = frames.iter().filter(only).cloned().collect();
        all.push((format!("only from {sender:?}"), kept.clone(), true));
        if kept.iter().any(is_icmp_error) || kept.iter().any(is_udp) {
            // Without the witness there is another truth: a resolver or a QUIC server of which nothing is in the
            // capture is silent, and no acknowledgement shows that the capture is to blame.
            continue;
        }
        let others = frames.iter().filter(|f| !only(f)).cloned().collect();
        all.push((format!("all but from {sender:?}"), others, true));
    }
    all
}

fn is_udp(frame: &Kept) -> bool {
    let at = if frame.link.0 == 1 { 14 } else { 0 };
    let Some(ip) = frame.data.get(at..) else {
        return false;
    };
    match ip.first().map(|b| b >> 4) {
        Some(4) => ip.get(9) == Some(&17),
        Some(6) => ip.get(6) == Some(&17),
        _ => false,
    }
}

/// What may be said of less of the capture: no other accusation, only a coarser one, or one that was true at that time.
fn says_less(case: &str, what: &str, cause: &str, truth: &BTreeSet<String>) -> bool {
    let clipped = what.starts_with("snap length");
    let late = what.starts_with("begins");
    let cut = what.starts_with("ends");
    let known = |causes: &[&str]| causes.iter().any(|c| truth.contains(*c));
    match cause {
        // The Extended DNS Error stands behind the cut; what the answer itself says is left.
        "dns.nxdomain" | "dns.sinkhole" | "dns.servfail" | "dns.refused" if clipped => {
            known(&["dns.filtered"]) || case.ends_with("near-miss-known-address")
        }
        // The connection that shows that the name was known all the same is not in it, or says no name.
        "dns.nxdomain" | "dns.unanswered"
            if clipped || cut || what.starts_with("only") || what.starts_with("all but") =>
        {
            case.ends_with("near-miss-known-address")
                || case.ends_with("near-miss-encrypted-elsewhere")
                || case.ends_with("nothing-listens")
        }
        // An explicit answer is what it is, as long as nothing better has come.
        "dns.error" | "dns.servfail" | "dns.refused" | "dns.injected" if cut => true,
        // Names tried with a search list, without the one they were made from.
        "dns.nxdomain" if late => case.ends_with("search-list"),
        // The certificate, or what stood in its place, is not in it: that the client refused it is.
        "tls.alert-from-client" if clipped || late => truth.iter().any(|c| {
            c.starts_with("tls.certificate-") || c == "tls.intercepted" || c == "tls.not-tls"
        }),
        // The small hello that passed is not in it, or can't be read.
        "tls.reset-after-hello" | "tls.hello-unanswered" if clipped || cut => {
            known(&["tls.large-hello-dropped"])
        }
        // Two tries had stayed silent for a second each, before the late answer.
        "quic.initial-unanswered" if cut => case.ends_with("near-miss-answered-late"),
        // The Initials before, the Retry or the race that explains the silence are not in it.
        "quic.initial-unanswered" if late => {
            known(&["quic.retry-unanswered"]) || case.ends_with("near-miss-raced")
        }
        // The other frozen connection, or what shows that only this one froze, is not in it; copies change QUIC's sizes.
        "media.stalled" | "quic.silent-after-handshake" => known(&["media.frozen-early"]),
        // The losses are there; too little of the plateau, or nothing to compare it with.
        "tcp.lossy" => known(&["media.throttled"]),
        // So is an ICMP error, as long as no resend was answered.
        "tcp.unreachable" | "quic.unreachable" if cut => true,
        // The race was still open.
        "quic.closed-by-server" if cut => case.ends_with("near-miss-raced"),
        _ => false,
    }
}

fn is_icmp_error(frame: &Kept) -> bool {
    let at = if frame.link.0 == 1 { 14 } else { 0 };
    let Some(ip) = frame.data.get(at..) else {
        return false;
    };
    match ip.first().map(|b| b >> 4) {
        Some(4) => ip.get(9) == Some(&1) && ip.get(20).is_some_and(|kind| matches!(kind, 3 | 11)),
        Some(6) => ip.get(6) == Some(&58) && ip.get(40).is_some_and(|kind| *kind < 128),
        _ => false,
    }
}

fn copied(frames: &[Kept], percent: u64) -> Vec<Kept> {
    let mut dice = Dice(0x5eed_0001);
    let mut out = Vec::new();
    for frame in frames {
        out.push(frame.clone());
        if dice.below(100) < percent {
            let mut copy = frame.clone();
            copy.time = copy.time.plus(Duration::from_micros(15));
            out.push(copy);
        }
    }
    out
}

/// The frames change places and keep their times: neighbours in time, as a capture of several queues has them.
fn swapped(frames: &[Kept], percent: u64) -> Vec<Kept> {
    let mut dice = Dice(0x5eed_0002);
    let mut out = frames.to_vec();
    for pair in out.chunks_exact_mut(2) {
        if dice.below(100) < percent {
            pair.swap(0, 1);
        }
    }
    out
}

fn cut_short(frames: &[Kept], length: usize) -> Vec<Kept> {
    let mut out = frames.to_vec();
    for frame in &mut out {
        frame.data.truncate(length);
    }
    out
}

/// The IP source address, for Ethernet and raw IP.
fn source_address(frame: &Kept) -> Option<&[u8]> {
    let (kind, ip) = match frame.link.0 {
        1 => (frame.data.get(12..14)?, frame.data.get(14..)?),
        101 => (&[][..], frame.data.get(..)?),
        _ => return None,
    };
    match (kind, ip.first()? >> 4) {
        ([8, 0] | [], 4) => ip.get(12..16),
        ([0x86, 0xdd] | [], 6) => ip.get(8..24),
        _ => None,
    }
}

fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let only = std::env::var("CASE").unwrap_or_default();
    let families = std::fs::read_dir(root).expect("fixtures").flatten();
    let cases = families.flat_map(|f| std::fs::read_dir(f.path()).into_iter().flatten().flatten());
    let mut dirs: Vec<PathBuf> = cases
        .map(|case| case.path())
        .filter(|dir| dir.join("case.toml").is_file())
        .filter(|dir| dir.display().to_string().contains(&only))
        .collect();
    dirs.sort();
    dirs
}

#[test]
fn a_worse_capture_leads_to_no_other_accusation() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for dir in fixtures() {
        let capture = Capture::open(&dir);
        let truth = found(&capture.judge(&capture.frames, true));
        let case = dir.components().rev().take(2).collect::<Vec<_>>();
        let case = format!(
            "{}/{}",
            case[1].as_os_str().display(),
            case[0].as_os_str().display()
        );
        for (what, frames, whole) in perturbed(&capture.frames) {
            tried += 1;
            for (name, causes) in found(&capture.judge(&frames, whole)) {
                let known = match truth.get(&name) {
                    Some(known) => known.clone(),
                    // The name is lost: what any attempt was accused of is known.
                    None => truth.values().flatten().cloned().collect(),
                };
                let new: Vec<&String> = causes
                    .difference(&known)
                    .filter(|cause| !says_less(&case, &what, cause, &known))
                    .collect();
                if !new.is_empty() {
                    wrong.push(format!(
                        "{case}, {what}: {name} is accused of {new:?}, truth {known:?}"
                    ));
                }
            }
        }
    }
    println!("{tried} captures tried, {} wrong", wrong.len());
    assert!(
        wrong.is_empty(),
        "{} of {tried}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(tried > 0 || std::env::var_os("CASE").is_some());
}
