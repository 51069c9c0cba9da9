//! The `dns.*` fixtures under perturbation: a capture with packets doubled or swapped says the same, and one that lacks
//! something (an end, a beginning, a direction, the tail of each frame) says the same or less, never something else.

#![allow(clippy::unwrap_used)] // a test that fails says so by panicking

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What can't be told apart any more without what was cut off: the Extended DNS Error, the quoted ports, the name in the
/// hello of a connection that knew the address from elsewhere.
const INDISTINGUISHABLE: [(&str, &str); 5] = [
    ("dns.filtered/blocked-as-zero", "dns.sinkhole"),
    ("dns.filtered/censored-nxdomain", "dns.nxdomain"),
    ("dns.nxdomain/near-miss-known-address", "dns.nxdomain"),
    (
        "dns.unanswered/near-miss-encrypted-elsewhere",
        "dns.unanswered",
    ),
    ("dns.unreachable/nothing-listens", "dns.unanswered"),
];

/// A classic pcap file with little-endian header: its head and its records (16 bytes of header, then the frame).
struct Pcap {
    head: Vec<u8>,
    records: Vec<Vec<u8>>,
}

impl Pcap {
    fn read(path: &Path) -> Option<Self> {
        let bytes = std::fs::read(path).ok()?;
        let (head, mut rest) = bytes.split_at_checked(24)?;
        let known = [0xa1b2_c3d4_u32, 0xa1b2_3c4d];
        if !known.contains(&u32::from_le_bytes(*head.first_chunk()?)) {
            return None;
        }
        let mut records = Vec::new();
        while let Some(length) = rest.get(8..12) {
            let length = 16 + u32::from_le_bytes(length.try_into().ok()?) as usize;
            let (record, tail) = rest.split_at_checked(length)?;
            records.push(record.to_vec());
            rest = tail;
        }
        Some(Self {
            head: head.to_vec(),
            records,
        })
    }

    fn with(&self, records: Vec<Vec<u8>>) -> Vec<u8> {
        [self.head.clone(), records.concat()].concat()
    }

    fn doubled(&self) -> Vec<u8> {
        let twice = self.records.iter().enumerate().flat_map(|(n, r)| {
            let copies = if n % 7 == 3 { 2 } else { 1 };
            std::iter::repeat_n(r.clone(), copies)
        });
        self.with(twice.collect())
    }

    fn clipped(&self, to: usize) -> Vec<u8> {
        let clip = |record: &Vec<u8>| {
            let mut record = record.clone();
            record.truncate(16 + to);
            let captured = (record.len() - 16) as u32;
            record[8..12].copy_from_slice(&captured.to_le_bytes());
            record
        };
        self.with(self.records.iter().map(clip).collect())
    }

    fn part(&self, from: usize, to: usize) -> Vec<u8> {
        self.with(self.records[from..to].to_vec())
    }
}

/// Outcome and cause of each attempt, by name.
fn verdicts(bytes: &[u8], args: &[String], scratch: &Path) -> BTreeSet<(String, String, String)> {
    let file = scratch.join("capture.pcap");
    std::fs::write(&file, bytes).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_shakedown"))
        .args(["read", "--format", "json"])
        .args(args)
        .arg(&file)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |v: &Value| v.as_str().unwrap_or("").to_owned();
    let attempts = report["attempts"].as_array().cloned().unwrap_or_default();
    attempts
        .iter()
        .map(|a| (text(&a["name"]), text(&a["outcome"]), text(&a["cause"])))
        .collect()
}

fn fixtures() -> Vec<(PathBuf, Vec<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut found = Vec::new();
    for family in std::fs::read_dir(root).unwrap().flatten() {
        if !family.file_name().to_string_lossy().starts_with("dns.") {
            continue;
        }
        for case in std::fs::read_dir(family.path()).unwrap().flatten() {
            let toml = std::fs::read_to_string(case.path().join("case.toml")).unwrap();
            let all = toml.contains("\"--all\"").then(|| "--all".to_owned());
            found.push((case.path().join("capture.pcap"), all.into_iter().collect()));
        }
    }
    found.sort();
    found
}

#[test]
fn perturbed_captures_never_accuse_differently() {
    let scratch = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    let mut tried = 0;
    for (path, args) in fixtures() {
        let Some(pcap) = Pcap::read(&path) else {
            continue;
        };
        let whole = verdicts(&pcap.with(pcap.records.clone()), &args, scratch.path());
        let same = verdicts(&pcap.doubled(), &args, scratch.path());
        if same != whole {
            wrong.push(format!("{} doubled: {same:?}", path.display()));
        }
        let count = pcap.records.len();
        let mut less: Vec<(String, Vec<u8>)> = Vec::new();
        for snap in [48, 96, 256] {
            less.push((format!("snaplen {snap}"), pcap.clipped(snap)));
        }
        for part in 1..8 {
            let at = count * part / 8;
            less.push((format!("until {at}"), pcap.part(0, at)));
            less.push((format!("from {at}"), pcap.part(at, count)));
        }
        for (how, bytes) in less {
            tried += 1;
            for verdict in verdicts(&bytes, &args, scratch.path()) {
                let accuses = matches!(verdict.1.as_str(), "broken" | "degraded");
                let known = whole.iter().any(|w| w.2 == verdict.2 && !w.2.is_empty());
                let fixture = path.display().to_string();
                let excused = INDISTINGUISHABLE
                    .iter()
                    .any(|(case, cause)| fixture.contains(case) && verdict.2 == *cause);
                if accuses && !known && !excused {
                    wrong.push(format!("{} {how}: {verdict:?}", path.display()));
                }
            }
        }
    }
    assert!(tried > 500, "{tried}");
    assert!(
        wrong.is_empty(),
        "{} of {tried}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
