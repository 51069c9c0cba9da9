//! Time per packet of the decoder: plain frames (the fast path) and what takes the long way.
//!
//! `cargo bench --bench decode`. Each round decodes 1000 copies laid out one after the other, as in a read buffer.

#![allow(missing_docs, clippy::unwrap_used)]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use etherparse::PacketBuilder;
use shakedown::decode::Decoder;
use shakedown::types::{Direction, Frame, LinkType, Mark};

const ROUND: usize = 1000;

fn main() {
    divan::main();
}

/// A buffer of `ROUND` copies, decoded one by one.
fn run(bencher: Bencher<'_, '_>, link: u32, data: &[u8]) {
    let buffer = data.repeat(ROUND);
    let mut decoder = Decoder::new();
    let mut frame_of = |data: &[u8]| {
        let frame = Frame {
            mark: Mark::default(),
            link: LinkType(link),
            original_len: u32::try_from(data.len()).unwrap(),
            direction: Direction::Unknown,
            uid: None,
            data,
        };
        black_box(decoder.decode(&frame));
    };
    bencher
        .counter(ItemsCount::new(ROUND))
        .bench_local(|| buffer.chunks_exact(data.len()).for_each(&mut frame_of));
}

fn v4_tcp(payload: usize) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .tcp(1234, 443, 1000, 65000)
        .options_raw(&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2])
        .unwrap()
        .write(&mut out, &vec![0; payload])
        .unwrap();
    out
}

fn v6_udp(payload: usize) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv6([1; 16], [2; 16], 64)
        .udp(5000, 443)
        .write(&mut out, &vec![0; payload])
        .unwrap();
    out
}

#[divan::bench]
fn ethernet_v4_tcp_64(bencher: Bencher<'_, '_>) {
    run(bencher, 1, &v4_tcp(0));
}

#[divan::bench]
fn ethernet_v4_tcp_1460(bencher: Bencher<'_, '_>) {
    run(bencher, 1, &v4_tcp(1460));
}

#[divan::bench]
fn ethernet_v6_udp_1200(bencher: Bencher<'_, '_>) {
    run(bencher, 1, &v6_udp(1200));
}

#[divan::bench]
fn raw_v4_tcp(bencher: Bencher<'_, '_>) {
    run(bencher, 101, &v4_tcp(500)[14..]);
}

#[divan::bench]
fn null_v4_tcp(bencher: Bencher<'_, '_>) {
    let data = [&[2, 0, 0, 0], &v4_tcp(500)[14..]].concat();
    run(bencher, 0, &data);
}

#[divan::bench]
fn pppoe_v4_tcp(bencher: Bencher<'_, '_>) {
    let inner = &v4_tcp(500)[14..];
    let len = u16::try_from(inner.len() + 2).unwrap().to_be_bytes();
    let header = [
        [2; 12].as_slice(),
        &[0x88, 0x64, 0x11, 0, 0, 1],
        &len,
        &[0, 0x21],
    ]
    .concat();
    run(bencher, 1, &[&header, inner].concat());
}

#[divan::bench]
fn vxlan_v4_tcp(bencher: Bencher<'_, '_>) {
    let mut out = Vec::new();
    let inner = [&[8, 0, 0, 0, 0, 0, 1, 0], v4_tcp(500).as_slice()].concat();
    PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
        .udp(40000, 4789)
        .write(&mut out, &inner)
        .unwrap();
    run(bencher, 1, &out);
}

#[divan::bench]
fn icmp_unreachable(bencher: Bencher<'_, '_>) {
    let quote = [&[3, 1, 0, 0, 0, 0, 0, 0], &v4_tcp(0)[14..]].concat();
    let mut out = Vec::new();
    PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
        .write(&mut out, etherparse::IpNumber::ICMP, &quote)
        .unwrap();
    run(bencher, 1, &out);
}
