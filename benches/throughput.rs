//! Packets a second through the whole engine, from captured bytes in memory to the finished snapshot.
//!
//! `cargo bench --bench throughput`. Needs no file: one conversation of each kind is crafted at the start and played by
//! many clients. Reading files is measured by the bench `read`, decoding alone by `decode`.

#![allow(missing_docs, clippy::unwrap_used)]

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use shakedown::diagnose::Thresholds;
use shakedown::engine::{Engine, Limits};
use shakedown::target::Target;
use shakedown::types::{CaptureId, Direction, Frame, FrameNumber, LinkType, Mark, Timestamp};
use shakedown_craft::prelude::*;
use std::net::Ipv4Addr;

/// LINKTYPE_RAW: the frames begin with the IP header.
const RAW: LinkType = LinkType(101);
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 23);
/// 2026-03-14 09:26:53 UTC.
const START: i64 = 1_773_480_413_000_000_000;

fn main() {
    divan::main();
}

/// Packets one after the other, as in a read buffer.
struct Wire {
    bytes: Vec<u8>,
    /// Time and length of each.
    packets: Vec<(i64, usize)>,
}

/// What happens in a capture, played by `clients` clients, each `apart` ns after the one before it.
fn played(clients: u32, apart: i64, happen: impl Fn(&Net)) -> Wire {
    let net = Net::new("throughput");
    happen(&net);
    let script = net.frames();
    let mut order: Vec<(i64, u32, usize)> = (0..clients)
        .flat_map(|client| {
            let delay = i64::from(client) * apart;
            let at = move |ns: u64| i64::try_from(ns).unwrap() + delay;
            let all = script.iter().enumerate();
            all.map(move |(i, frame)| (at(frame.at), client, i))
        })
        .collect();
    order.sort_unstable();
    let mut wire = Wire {
        bytes: Vec::new(),
        packets: Vec::with_capacity(order.len()),
    };
    for (at, client, i) in order {
        let begin = wire.bytes.len();
        wire.bytes.extend_from_slice(&script[i].ip);
        let packet = &mut wire.bytes[begin..];
        // Checksums are not mended: the engine does not look at them, as captures at the sender often lack them.
        for address in [12, 16] {
            if packet[address..address + 4] == CLIENT.octets() {
                let new = 0x0a00_0000 + client;
                packet[address..address + 4].copy_from_slice(&new.to_be_bytes());
            }
        }
        wire.packets.push((START + at, packet.len()));
    }
    wire
}

fn analyse(wire: &Wire, target: Target) {
    black_box(fed(wire, target).snapshot(&[], Thresholds::default()));
}

fn fed(wire: &Wire, target: Target) -> Engine {
    let mut engine = Engine::new(target, Limits::default());
    let mut rest = &wire.bytes[..];
    for (number, (time, length)) in (1..).zip(&wire.packets) {
        let (data, after) = rest.split_at(*length);
        rest = after;
        engine.handle_frame(&Frame {
            mark: Mark {
                time: Timestamp(*time),
                frame: FrameNumber(number),
                capture: CaptureId(0),
            },
            link: RAW,
            original_len: u32::try_from(*length).unwrap(),
            direction: Direction::Unknown,
            uid: None,
            data,
        });
    }
    engine.finish();
    engine
}

fn run(bencher: Bencher<'_, '_>, wire: &Wire) {
    bencher
        .counter(ItemsCount::new(wire.packets.len()))
        .counter(BytesCount::new(wire.bytes.len()))
        .bench_local(|| analyse(wire, Target::tiktok()));
}

/// 20 downloads of 4 MB over TLS 1.3 from the target.
#[divan::bench(sample_count = 10)]
fn bulk_tls_of_the_target(bencher: Bencher<'_, '_>) {
    run(bencher, &download("v16-webapp.tiktok.com"));
}

/// The same from a host that is not the target.
#[divan::bench(sample_count = 10)]
fn bulk_tls_off_target(bencher: Bencher<'_, '_>) {
    run(bencher, &download("www.example.com"));
}

fn download(host: &str) -> Wire {
    played(20, 3_000_000, |net| {
        net.resolve(host, &["23.49.60.10"]);
        let (mut tcp, mut tls) = net.https(host, "23.49.60.10");
        tcp.app(&mut tls, 400, 4_000_000);
        tcp.tls_close(&mut tls, Side::Client);
    })
}

/// 500 short visits of the target: lookups, TCP, TLS, one request.
#[divan::bench(sample_count = 10)]
fn short_visits_of_the_target(bencher: Bencher<'_, '_>) {
    let wire = played(500, 7_000_000, |net| {
        net.visit("www.tiktok.com", "23.49.60.10")
    });
    run(bencher, &wire);
}

/// 500 short visits over QUIC.
#[divan::bench(sample_count = 10)]
fn quic_visits_of_the_target(bencher: Bencher<'_, '_>) {
    let wire = played(500, 7_000_000, |net| {
        net.visit_quic("www.tiktok.com", "23.49.60.10");
    });
    run(bencher, &wire);
}

/// 200 000 SYNs, each of a connection of its own, to an address that is not the target.
#[divan::bench(sample_count = 10)]
fn syn_flood(bencher: Bencher<'_, '_>) {
    let wire = played(200_000, 5_000, |net| net.tcp("198.51.100.7:443").syn());
    run(bencher, &wire);
}

/// 50 000 lookups of the target and of another name, with their answers.
#[divan::bench(sample_count = 10)]
fn dns(bencher: Bencher<'_, '_>) {
    let wire = played(25_000, 100_000, |net| {
        net.resolve("www.tiktok.com", &["23.49.60.10"]);
        net.resolve("www.example.com", &["198.51.100.7"]);
    });
    run(bencher, &wire);
}

/// A snapshot of what `clients` short visits came to, as the screens of a live capture ask for one again and again.
#[divan::bench(sample_count = 5, args = [1_000, 10_000])]
fn snapshot_alone(bencher: Bencher<'_, '_>, clients: u32) {
    let wire = played(clients, 7_000_000, |net| {
        net.visit("www.tiktok.com", "23.49.60.10")
    });
    let engine = fed(&wire, Target::tiktok());
    bencher
        .counter(ItemsCount::new(clients))
        .bench_local(|| black_box(engine.snapshot(&[], Thresholds::default())));
}
