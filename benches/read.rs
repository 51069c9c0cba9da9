//! How fast captures are read, without any analysis: packets a second from a file in the page cache, read by the
//! asking thread or by a second one.
//!
//! `SHAKEDOWN_BENCH_FILE=big.pcap cargo bench --bench read` measures with a file of your own.

#![allow(missing_docs, clippy::unwrap_used)]

use divan::Bencher;
use divan::counter::ItemsCount;
use shakedown::source::{Reading, Source, open_with};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

fn main() {
    divan::main();
}

const PACKETS: u32 = 400_000;

/// A pcap file of packets between 60 and 1500 bytes, 560 on average.
fn build(path: &Path) {
    let mut out = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    out.write_all(b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0")
        .unwrap();
    let data = [0x5a_u8; 1500];
    for n in 0..PACKETS {
        let len = if n % 3 == 0 { 1500 } else { 60 + n % 64 };
        for field in [n / 1000, n % 1000, len, len] {
            out.write_all(&field.to_le_bytes()).unwrap();
        }
        out.write_all(&data[..len as usize]).unwrap();
    }
}

/// The same as pcapng, through the same steps.
fn build_pcapng(path: &Path) {
    let mut out = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    out.write_all(b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0").unwrap();
    out.write_all(b"\x01\0\0\0\x14\0\0\0\x01\0\0\0\0\0\0\0\x14\0\0\0")
        .unwrap();
    let data = [0x5a_u8; 1500];
    for n in 0..PACKETS {
        let len = if n % 3 == 0 { 1500 } else { 60 + n % 64 };
        let padded = len.next_multiple_of(4);
        for field in [6, padded + 32, 0, 0, n * 1000, len, len] {
            out.write_all(&field.to_le_bytes()).unwrap();
        }
        out.write_all(&data[..padded as usize]).unwrap();
        out.write_all(&(padded + 32).to_le_bytes()).unwrap();
    }
}

fn gzip(from: &Path, to: &Path) {
    let out = std::fs::File::create(to).unwrap();
    let mut gz = flate2::write::GzEncoder::new(out, flate2::Compression::fast());
    std::io::copy(&mut std::fs::File::open(from).unwrap(), &mut gz).unwrap();
    gz.finish().unwrap();
}

fn files() -> &'static [PathBuf; 3] {
    static FILES: OnceLock<[PathBuf; 3]> = OnceLock::new();
    FILES.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap().keep();
        let names = ["a.pcap", "a.pcapng", "a.pcap.gz"].map(|name| dir.join(name));
        build(&names[0]);
        build_pcapng(&names[1]);
        gzip(&names[0], &names[2]);
        names
    })
}

/// Reads `path` to its end; touches the first and last byte of each packet as a decoder would.
fn walk(path: &Path, reading: Reading) -> (u64, u64) {
    let mut source = open_with(&[path.to_owned()], reading).unwrap();
    let (mut packets, mut sum) = (0, 0_u64);
    while let Some(frame) = source.next_frame() {
        packets += 1;
        let first = frame.data.first().copied().unwrap_or(0);
        let last = frame.data.last().copied().unwrap_or(0);
        sum = sum.wrapping_add(u64::from(first ^ last));
    }
    (packets, sum)
}

fn measure(bencher: Bencher, path: &Path, reading: Reading) {
    let (packets, _) = walk(path, reading);
    bencher
        .counter(ItemsCount::new(packets))
        .bench(|| divan::black_box(walk(path, reading)));
}

const BOTH: [Reading; 2] = [Reading::Direct, Reading::Ahead];

#[divan::bench(args = BOTH, sample_count = 10)]
fn pcap(bencher: Bencher, reading: Reading) {
    measure(bencher, &files()[0], reading);
}

#[divan::bench(args = BOTH, sample_count = 10)]
fn pcapng(bencher: Bencher, reading: Reading) {
    measure(bencher, &files()[1], reading);
}

#[divan::bench(args = BOTH, sample_count = 5)]
fn gzip_pcap(bencher: Bencher, reading: Reading) {
    measure(bencher, &files()[2], reading);
}

/// Reading with some work per packet, as in an analysis: here the second thread can pay.
#[divan::bench(args = BOTH, sample_count = 10)]
fn pcap_with_work(bencher: Bencher, reading: Reading) {
    with_work(bencher, &files()[0], reading);
}

/// Sums up the headers of each packet, about as long as decoding them and finding their flow takes.
fn with_work(bencher: Bencher, path: &Path, reading: Reading) {
    let (packets, _) = walk(path, reading);
    bencher.counter(ItemsCount::new(packets)).bench(|| {
        let mut source = open_with(&[path.to_owned()], reading).unwrap();
        let mut sum = 0_u64;
        while let Some(frame) = source.next_frame() {
            for &byte in frame.data.iter().take(60) {
                sum = sum.wrapping_mul(31).wrapping_add(u64::from(byte));
            }
        }
        divan::black_box(sum)
    });
}

/// A file of your own; nothing without one.
#[divan::bench(args = BOTH, sample_count = 5)]
fn own_file(bencher: Bencher, reading: Reading) {
    if let Some(path) = std::env::var_os("SHAKEDOWN_BENCH_FILE") {
        measure(bencher, Path::new(&path), reading);
    }
}

/// The same with work.
#[divan::bench(args = BOTH, sample_count = 5)]
fn own_file_with_work(bencher: Bencher, reading: Reading) {
    if let Some(path) = std::env::var_os("SHAKEDOWN_BENCH_FILE") {
        with_work(bencher, Path::new(&path), reading);
    }
}
