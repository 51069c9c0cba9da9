//! The common frames, decoded in one go: no state, no allocation, no error to build.
//!
//! Whatever is not plain gives `None` and takes the long way, which gives the same answer for plain frames too: a test
//! holds the two together.

use super::bytes::Bytes;
use super::cooked::{SLL_LEN, SLL2_LEN, packet_type, pcapdroid_trailer};
use super::{AppTag, Packet, Transport, transport, tunnel};
use crate::types::{Addr, Direction, Frame};

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const MORE_FRAGMENTS_AND_OFFSET: u16 = 0x3fff;
const DONT_FRAGMENT: u8 = 0x40;

/// Decodes a whole, unfragmented TCP or UDP packet directly in Ethernet, VLAN, raw IP or Linux cooked frames.
/// `None` for anything else, which says nothing about the frame: ask [`Decoder::decode`](super::Decoder::decode).
#[must_use]
#[inline]
pub fn decode_fast<'a>(frame: &Frame<'a>) -> Option<Packet<'a>> {
    let start = network(frame)?;
    match start.packet.first()? >> 4 {
        4 => v4(frame, &start),
        6 => v6(frame, &start),
        _ => None,
    }
}

/// Where IP begins, and what the link layer knows.
struct Start<'a> {
    packet: &'a [u8],
    direction: Direction,
    app: Option<AppTag<'a>>,
}

#[inline]
fn network<'a>(frame: &Frame<'a>) -> Option<Start<'a>> {
    let (data, direction) = (frame.data, frame.direction);
    match frame.link.0 {
        1 => ethernet(data, direction),
        12 | 14 | 101 | 228 | 229 => Some(Start {
            packet: data,
            direction,
            app: None,
        }),
        113 => {
            let (h, packet) = data.split_first_chunk::<SLL_LEN>()?;
            let kind = u16::from_be_bytes([h[0], h[1]]);
            cooked(packet, [h[14], h[15]], packet_type(kind, direction))
        }
        276 => {
            let (h, packet) = data.split_first_chunk::<SLL2_LEN>()?;
            cooked(
                packet,
                [h[0], h[1]],
                packet_type(u16::from(h[10]), direction),
            )
        }
        _ => None,
    }
}

#[inline]
fn cooked(packet: &[u8], kind: [u8; 2], direction: Direction) -> Option<Start<'_>> {
    let ip = matches!(u16::from_be_bytes(kind), IPV4 | IPV6);
    ip.then_some(Start {
        packet,
        direction,
        app: None,
    })
}

#[inline]
fn ethernet(data: &[u8], direction: Direction) -> Option<Start<'_>> {
    let (app, data) = match pcapdroid_trailer(data) {
        Some((app, rest)) => (Some(app), rest),
        None => (None, data),
    };
    let (h, mut packet) = data.split_first_chunk::<14>()?;
    let mut kind = u16::from_be_bytes([h[12], h[13]]);
    while matches!(kind, 0x8100 | 0x88a8 | 0x9100) {
        let (tag, rest) = packet.split_first_chunk::<4>()?;
        kind = u16::from_be_bytes([tag[2], tag[3]]);
        packet = rest;
    }
    matches!(kind, IPV4 | IPV6).then_some(Start {
        packet,
        direction,
        app,
    })
}

#[inline]
fn v4<'a>(frame: &Frame<'a>, start: &Start<'a>) -> Option<Packet<'a>> {
    let h = start.packet.first_chunk::<20>()?;
    let header_len = usize::from(h[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([h[2], h[3]]));
    let fragment = u16::from_be_bytes([h[6], h[7]]) & MORE_FRAGMENTS_AND_OFFSET != 0;
    if header_len < 20 || total < header_len || fragment {
        return None;
    }
    let body = start
        .packet
        .get(header_len..total.min(start.packet.len()))?;
    let transport = carried(h[9], body, total - header_len)?;
    Some(Packet {
        mark: frame.mark,
        src: Addr::v4([h[12], h[13], h[14], h[15]]),
        dst: Addr::v4([h[16], h[17], h[18], h[19]]),
        ttl: h[8],
        ip_id: u16::from_be_bytes([h[4], h[5]]),
        dont_fragment: h[6] & DONT_FRAGMENT != 0,
        direction: start.direction,
        tunnelled: false,
        app: start.app,
        transport,
    })
}

#[inline]
fn v6<'a>(frame: &Frame<'a>, start: &Start<'a>) -> Option<Packet<'a>> {
    let (h, rest) = start.packet.split_first_chunk::<40>()?;
    let len = usize::from(u16::from_be_bytes([h[4], h[5]]));
    if len == 0 {
        return None;
    }
    let transport = carried(h[6], &rest[..len.min(rest.len())], len)?;
    Some(Packet {
        mark: frame.mark,
        src: Addr::v6(*h[8..].first_chunk()?),
        dst: Addr::v6(*h[24..].first_chunk()?),
        ttl: h[7],
        ip_id: 0,
        dont_fragment: true,
        direction: start.direction,
        tunnelled: false,
        app: start.app,
        transport,
    })
}

#[inline]
fn carried(protocol: u8, data: &[u8], wire: usize) -> Option<Transport<'_>> {
    let b = Bytes {
        data,
        wire,
        offset: 0,
    };
    match protocol {
        6 => transport::tcp(b).ok().map(Transport::Tcp),
        17 => {
            let udp = transport::udp(b, false).ok()?;
            let plain = !tunnel::is_port(udp.dst_port) && !tunnel::is_port(udp.src_port);
            plain.then_some(Transport::Udp(udp))
        }
        _ => None,
    }
}
