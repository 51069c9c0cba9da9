//! Captures that say which app or process owns a packet: Apple's PKTAP, and PCAPdroid's trailer.
//!
//! Made here from a crafted capture: each of its Ethernet frames is put into the other format.

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

/// Writes a nanosecond pcap of that link type, each frame changed by `wrap`; runs the program on it.
fn report(name: &str, link: u32, wrap: impl Fn(&[u8]) -> Vec<u8>) -> Value {
    let dir = tempfile::tempdir().expect("a folder");
    let path: PathBuf = dir.path().join(name);
    let mut file = std::fs::File::create(&path).expect("a file");
    let mut bytes = Vec::new();
    for word in [0xa1b2_3c4d_u32, 2 | 4 << 16, 0, 0, 262_144, link] {
        bytes.extend(word.to_le_bytes());
    }
    for (seconds, nanos, frame) in frames() {
        let frame = wrap(&frame);
        let length = frame.len() as u32;
        for word in [seconds, nanos, length, length] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(frame);
    }
    file.write_all(&bytes).expect("the capture");
    let output = Command::new(env!("CARGO_BIN_EXE_shakedown"))
        .args(["read", "--format", "json"])
        .arg(&path)
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(1), "{name}");
    serde_json::from_slice(&output.stdout).expect("JSON")
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
