//! PPP (RFC 1661, 1662), PPPoE (RFC 2516) and Cisco HDLC.

use super::bytes::Bytes;
use super::link;
use super::walk::{Context, Found, Stop};
use crate::types::{Direction, LinkType};

/// PPP, with or without address and control bytes, or Cisco HDLC: serial link types hold either.
pub(super) fn ppp<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    match b.need("ppp", 2)? {
        [0xff, 0x03] => protocol(ctx, b.skip(2)),
        [0x0f | 0x8f, 0x00] => hdlc(ctx, b),
        _ => protocol(ctx, b),
    }
}

/// The protocol field: two bytes, or one where it is odd (protocol field compression).
fn protocol<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    ctx.enter(&b)?;
    let first = b.need("ppp", 1)?[0];
    let (number, len) = if first & 1 == 1 {
        (u16::from(first), 1)
    } else {
        (u16::from_be_bytes([first, b.need("ppp", 2)?[1]]), 2)
    };
    match number {
        0x0021 | 0x0057 => Ok(b.skip(len)),
        0x0281 | 0x0283 => link::mpls(ctx, b.skip(len)),
        _ => Err(Stop::NotIp),
    }
}

/// PPPoE session data, from the version byte on.
pub(super) fn pppoe<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    let h = b.need("pppoe", 6)?;
    if h[1] != 0 {
        return Err(Stop::NotIp); // discovery
    }
    let len = usize::from(u16::from_be_bytes([h[4], h[5]]));
    protocol(ctx, b.skip(6).truncate(len))
}

/// Cisco HDLC: address, control, EtherType.
pub(super) fn hdlc<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    let h = b.need("c_hdlc", 4)?;
    link::ethertype(ctx, u16::from_be_bytes([h[2], h[3]]), b.skip(4))
}

/// pppd's frames: the address byte says the direction.
pub(super) fn pppd<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    let h = b.need("ppp", 2)?;
    ctx.direction = direction(h[0]);
    protocol(ctx, b.skip(2))
}

/// PPP (204) or Cisco HDLC (205) behind a byte that says the direction.
pub(super) fn with_direction<'a>(ctx: &mut Context<'a>, link: LinkType, b: Bytes<'a>) -> Found<'a> {
    ctx.direction = direction(b.need("ppp", 1)?[0]);
    match link.0 {
        204 => ppp(ctx, b.skip(1)),
        _ => hdlc(ctx, b.skip(1)),
    }
}

fn direction(byte: u8) -> Direction {
    match byte {
        0 => Direction::In,
        _ => Direction::Out,
    }
}
