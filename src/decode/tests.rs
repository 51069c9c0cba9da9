//! Tests across the layers: one crafted frame for each, fragments, hostile input, and etherparse as oracle.

use super::*;
use crate::types::{CaptureId, FrameNumber, Timestamp};

mod craft;
mod fragments;
mod hostile;
mod layers;
mod quotes;

/// A frame of `data`, nothing cut.
fn frame(link: u32, data: &[u8]) -> Frame<'_> {
    Frame {
        mark: Mark {
            time: Timestamp(1_000_000_000),
            frame: FrameNumber(1),
            capture: CaptureId(0),
        },
        link: LinkType(link),
        original_len: u32::try_from(data.len()).unwrap(),
        direction: Direction::Unknown,
        data,
    }
}

/// The packet, or the outcome as a panic.
fn packet<'a>(decoder: &'a mut Decoder, frame: &Frame<'a>) -> Packet<'a> {
    match decoder.decode(frame) {
        Outcome::Packet(packet) => packet,
        other => panic!("no packet but {other:?}"),
    }
}

/// Source port, destination port, payload and its length on the wire, for TCP and UDP.
fn content<'a>(packet: &Packet<'a>) -> (u16, u16, &'a [u8], u32) {
    match packet.transport {
        Transport::Tcp(t) => (t.src_port, t.dst_port, t.payload, t.payload_len),
        Transport::Udp(u) => (u.src_port, u.dst_port, u.payload, u.payload_len),
        other => panic!("neither TCP nor UDP but {other:?}"),
    }
}
