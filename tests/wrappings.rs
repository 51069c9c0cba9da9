//! Captures in other wrappings: with the app or process that owns a packet (Apple's PKTAP, PCAPdroid's trailer), and
//! in the several files of a ring.
//!
//! Made here from a crafted capture: its frames are written anew.

#![allow(clippy::expect_used)] // a test may fail

use serde_json::Value;
use shakedown::source::{self, Source};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const LINKTYPE_ETHERNET: u32 = 1;
const LINKTYPE_PKTAP: u32 = 258;

/// Seconds, nanoseconds and bytes of each frame of the fixture.
fn frames() -> Vec<(u32, u32, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("fixtures/tcp.syn-unanswered/linux-schedule/capture.pcap");
    let mut captures = source::open(&[path]).expect("the fixture");
    let mut frames = Vec::new();
    while let Some(frame) = captures.next_frame() {
        let time = frame.mark.time.0;
        let (seconds, nanos) = (time / 1_000_000_000, time % 1_000_000_000);
        frames.push((seconds as u32, nanos as u32, frame.data.to_vec()));
    }
    frames
}

/// Writes a nanosecond pcap of that link type.
fn write(path: &Path, link: u32, frames: &[(u32, u32, Vec<u8>)]) {
    let mut file = std::fs::File::create(path).expect("a file");
    let mut bytes = Vec::new();
    for word in [0xa1b2_3c4d_u32, 2 | 4 << 16, 0, 0, 262_144, link] {
        bytes.extend(word.to_le_bytes());
    }
    for (seconds, nanos, frame) in frames {
        let length = frame.len() as u32;
        for word in [*seconds, *nanos, length, length] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(frame);
    }
    file.write_all(&bytes).expect("the capture");
}

fn read(paths: &[PathBuf]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_shakedown"))
        .args(["read", "--format", "json"])
        .args(paths)
        .output()
        .expect("the program runs");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Runs the program on the fixture with each frame changed by `wrap`.
fn report(name: &str, link: u32, wrap: impl Fn(&[u8]) -> Vec<u8>) -> Value {
    let dir = tempfile::tempdir().expect("a folder");
    let path: PathBuf = dir.path().join(name);
    let wrapped: Vec<_> = frames()
        .into_iter()
        .map(|(seconds, nanos, frame)| (seconds, nanos, wrap(&frame)))
        .collect();
    write(&path, link, &wrapped);
    read(&[path])
}

/// The fixture cut in two behind that frame: each part alone, and both together.
fn in_two_files(at: usize, apart: u32) -> (Value, Value) {
    let dir = tempfile::tempdir().expect("a folder");
    let (one, two) = (dir.path().join("a.pcap"), dir.path().join("b.pcap"));
    let mut frames = frames();
    for frame in &mut frames[at..] {
        frame.0 += apart;
    }
    write(&one, LINKTYPE_ETHERNET, &frames[..at]);
    write(&two, LINKTYPE_ETHERNET, &frames[at..]);
    (read(std::slice::from_ref(&one)), read(&[one, two]))
}

/// The fifth frame is the first SYN: alone, its file ends too soon to say anything.
#[test]
fn silence_lasts_through_the_files_of_a_ring() {
    let (alone, both) = in_two_files(5, 0);
    assert_eq!(alone["attempts"][0]["outcome"], "unfinished");
    assert_eq!(both["attempts"][0]["cause"], "tcp.syn-unanswered");
}

#[test]
fn a_capture_of_another_time_proves_no_silence() {
    let (_, both) = in_two_files(5, 3600);
    assert_eq!(both["attempts"][0]["outcome"], "unfinished");
}

fn assert_owner(report: &Value, owner: &str) {
    let attempt = &report["attempts"][0];
    assert_eq!(attempt["cause"], "tcp.syn-unanswered");
    assert_eq!(attempt["paths"][0]["app"], owner);
}

/// A PKTAP header, version 1, little-endian (Darwin's net/pktap.h).
fn pktap(frame: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 108];
    header[0..4].copy_from_slice(&108_u32.to_le_bytes());
    header[4..8].copy_from_slice(&1_u32.to_le_bytes()); // a packet
    header[8..12].copy_from_slice(&LINKTYPE_ETHERNET.to_le_bytes());
    header[12..15].copy_from_slice(b"en0");
    header[52..56].copy_from_slice(&4711_u32.to_le_bytes()); // process id
    header[56..62].copy_from_slice(b"TikTok");
    [&header, frame].concat()
}

/// PCAPdroid: zero MAC addresses, padding to four bytes, a trailer of 32 bytes.
fn pcapdroid(frame: &[u8]) -> Vec<u8> {
    let mut out = frame.to_vec();
    out[..12].fill(0);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend(0x0107_2021_u32.to_be_bytes());
    out.extend(10_123_i32.to_be_bytes());
    let mut name = [0; 20];
    name[..6].copy_from_slice(b"TikTok");
    out.extend(name);
    out.extend([0; 4]); // frame check sequence, not looked at
    out
}

#[test]
fn apple_pktap_names_the_process() {
    assert_owner(&report("pktap.pcap", LINKTYPE_PKTAP, pktap), "TikTok");
}

#[test]
fn pcapdroids_trailer_names_the_app() {
    assert_owner(
        &report("phone.pcap", LINKTYPE_ETHERNET, pcapdroid),
        "TikTok",
    );
}

#[test]
fn an_ordinary_capture_names_nobody() {
    let report = report("plain.pcap", LINKTYPE_ETHERNET, <[u8]>::to_vec);
    assert_eq!(report["attempts"][0]["cause"], "tcp.syn-unanswered");
    assert_eq!(report["attempts"][0]["paths"][0]["app"], Value::Null);
}
