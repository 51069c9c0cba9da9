//! Tunnels: IP in IP, GRE and ERSPAN, EtherIP, MPLS in IP; VXLAN, Geneve, GTP-U and Teredo over UDP.
//!
//! What IP itself names as a tunnel is taken at its word. A UDP port proves nothing: there each header field with a fixed
//! value must have it, and a sane IP packet must follow; else the datagram stays a plain UDP datagram.

use super::bytes::Bytes;
use super::walk::{Context, Found, Stop, Walk, Walked};
use super::{Datagram, ip, link, ppp};

const VXLAN: u16 = 4789;
const VXLAN_LINUX: u16 = 8472;
const GENEVE: u16 = 6081;
const GTP_U: u16 = 2152;
const TEREDO: u16 = 3544;

/// Ports on which a tunnel may run; the fast path leaves them alone.
#[inline]
pub(super) fn is_port(port: u16) -> bool {
    matches!(port, VXLAN | VXLAN_LINUX | GENEVE | GTP_U | TEREDO)
}

/// The packet inside a datagram `udp` (whose header starts `b`), where it is a tunnel's.
pub(super) fn in_udp<'a>(ctx: Context<'a>, udp: &Datagram<'a>, b: Bytes<'a>) -> Option<Walk<'a>> {
    let noted = ctx.noted();
    let inner = in_udp_as_noted(ctx, udp, b);
    if inner.is_none() {
        ctx.forget(noted);
    }
    inner
}

fn in_udp_as_noted<'a>(ctx: Context<'a>, udp: &Datagram<'a>, b: Bytes<'a>) -> Option<Walk<'a>> {
    let payload = b.skip(8).claim(udp.payload_len as usize);
    let mut ctx = ctx;
    let found = match (udp.src_port, udp.dst_port) {
        (_, VXLAN | VXLAN_LINUX) => vxlan(&mut ctx, payload),
        (_, GENEVE) => geneve(&mut ctx, payload),
        (_, GTP_U) | (GTP_U, _) => gtp_u(payload),
        (_, TEREDO) | (TEREDO, _) => teredo(payload),
        _ => return None,
    };
    let inner = found.ok().filter(ip::is_sane)?;
    ctx.tunnelled = true;
    ctx.partial = false;
    ip::packet(ctx, inner).ok()
}

/// The packet inside an IP packet of this protocol; `Stop::NotIp` where it is no tunnel or carries something else.
pub(super) fn in_ip<'a>(mut ctx: Context<'a>, protocol: u8, b: Bytes<'a>) -> Walked<'a> {
    let found = match protocol {
        4 | 41 => Ok(b),
        47 => gre(&mut ctx, b),
        97 => ether_ip(&mut ctx, b),
        137 => link::mpls(&mut ctx, b),
        _ => Err(Stop::NotIp),
    };
    let inner = found?;
    ctx.tunnelled = true;
    ctx.partial = false;
    ip::packet(ctx, inner)
}

/// VXLAN (RFC 7348): the I flag, reserved bits zero but for Linux' group policy, then an Ethernet frame.
fn vxlan<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    let h = b.need("vxlan", 8)?;
    let plain = h[0] == 0x08 && h[1..4] == [0; 3];
    let policy = h[0] == 0x88 && h[1] & 0xb7 == 0;
    if !(plain || policy) || h[7] != 0 {
        return Err(Stop::NotIp);
    }
    link::ethernet(ctx, b.skip(8))
}

/// Geneve (RFC 8926): version 0, options, then what the EtherType says.
fn geneve<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    let h = b.need("geneve", 8)?;
    if h[0] & 0xc0 != 0 || h[1] & 0x3f != 0 || h[7] != 0 {
        return Err(Stop::NotIp);
    }
    let kind = u16::from_be_bytes([h[2], h[3]]);
    let len = 8 + usize::from(h[0] & 0x3f) * 4;
    b.need("geneve", len)?;
    link::ethertype(ctx, kind, b.skip(len))
}

/// GTP-U (3GPP TS 29.281 section 5): version 1, a G-PDU, optional fields and extension headers, then IP.
fn gtp_u(b: Bytes<'_>) -> Found<'_> {
    let h = b.need("gtp", 8)?;
    let len = 8 + usize::from(u16::from_be_bytes([h[2], h[3]]));
    if h[0] & 0xf8 != 0x30 || h[1] != 0xff || len > b.wire {
        return Err(Stop::NotIp);
    }
    let b = b.truncate(len);
    if h[0] & 0x07 == 0 {
        return Ok(b.skip(8));
    }
    let mut next = if h[0] & 0x04 != 0 {
        b.need("gtp", 12)?[11]
    } else {
        0
    };
    let mut rest = b.skip(12);
    while next != 0 {
        let len = usize::from(rest.need("gtp extension", 1)?[0]) * 4;
        let extension = rest.need("gtp extension", len)?;
        next = *extension.last().ok_or(Stop::NotIp)?;
        rest = rest.skip(len);
    }
    Ok(rest)
}

/// Teredo (RFC 4380 section 5.1.1): authentication and origin indication, both optional, then IPv6 with a Teredo or a
/// link-local address.
fn teredo(mut b: Bytes<'_>) -> Found<'_> {
    if let [0, 1, id_len, auth_len] = b.need("teredo", 4)? {
        let len = 13 + usize::from(*id_len) + usize::from(*auth_len);
        b.need("teredo", len)?;
        b = b.skip(len);
    }
    if b.be16(0) == Some(0) {
        b.need("teredo", 8)?;
        b = b.skip(8);
    }
    let h = b.need("teredo", 40)?;
    let is_teredo = |address: &[u8]| address[..4] == [0x20, 0x01, 0, 0];
    let link_local = h[8] == 0xfe && h[9] & 0xc0 == 0x80;
    if h[0] >> 4 != 6 || !(link_local || is_teredo(&h[8..]) || is_teredo(&h[24..])) {
        return Err(Stop::NotIp);
    }
    Ok(b)
}

/// EtherIP (RFC 3378): version 3, then an Ethernet frame.
fn ether_ip<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    match b.need("etherip", 2)? {
        [0x30, 0] => link::ethernet(ctx, b.skip(2)),
        _ => Err(Stop::NotIp),
    }
}

const GRE_CHECKSUM: u16 = 0x8000;
const GRE_ROUTING: u16 = 0x4000;
const GRE_KEY: u16 = 0x2000;
const GRE_SEQUENCE: u16 = 0x1000;
const GRE_ACK: u16 = 0x0080;

/// GRE (RFC 2784, 2890, 1701) and its version 1 (PPTP, RFC 2637; MikroTik's EoIP).
fn gre<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    let h = b.need("gre", 4)?;
    let flags = u16::from_be_bytes([h[0], h[1]]);
    let kind = u16::from_be_bytes([h[2], h[3]]);
    match flags & 0x7 {
        0 => gre_payload(ctx, flags, kind, gre_options(flags, b)?),
        1 => enhanced_gre(ctx, flags, kind, b),
        _ => Err(Stop::NotIp),
    }
}

/// Steps over the optional fields of version 0.
fn gre_options(flags: u16, b: Bytes<'_>) -> Found<'_> {
    let optional = |bits: u16| if flags & bits != 0 { 4 } else { 0 };
    let len = 4 + optional(GRE_CHECKSUM | GRE_ROUTING) + optional(GRE_KEY) + optional(GRE_SEQUENCE);
    b.need("gre", len)?;
    let rest = b.skip(len);
    if flags & GRE_ROUTING != 0 {
        return source_routes(rest);
    }
    Ok(rest)
}

/// Steps over GRE's source route entries, of which the last has family and length zero (RFC 1701).
fn source_routes(mut b: Bytes<'_>) -> Found<'_> {
    loop {
        let h = b.need("gre routing", 4)?;
        let (last, len) = (h[..2] == [0, 0] && h[3] == 0, 4 + usize::from(h[3]));
        b = b.skip(len);
        if last {
            return Ok(b);
        }
    }
}

fn gre_payload<'a>(ctx: &mut Context<'a>, flags: u16, kind: u16, b: Bytes<'a>) -> Found<'a> {
    match kind {
        // ERSPAN type I has no header of its own; type II has, and GRE then has a sequence number.
        0x88be if flags & GRE_SEQUENCE == 0 => link::ethernet(ctx, b),
        0x88be => {
            b.need("erspan", 8)?;
            link::ethernet(ctx, b.skip(8))
        }
        0x22eb => erspan_iii(ctx, b),
        0..=1500 => Err(Stop::NotIp), // 0 is a keepalive; here it is no length
        _ => link::ethertype(ctx, kind, b),
    }
}

/// ERSPAN type III: 12 bytes, eight more with the O bit; the frame is Ethernet, or IP where FT says so.
fn erspan_iii<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    let h = b.need("erspan", 12)?;
    let len = if h[11] & 1 != 0 { 20 } else { 12 };
    let frame_type = h[10] >> 2 & 0x1f;
    b.need("erspan", len)?;
    match frame_type {
        0 => link::ethernet(ctx, b.skip(len)),
        2 => Ok(b.skip(len)),
        _ => Err(Stop::NotIp),
    }
}

/// Version 1: the key field holds payload length and call id.
fn enhanced_gre<'a>(ctx: &mut Context<'a>, flags: u16, kind: u16, b: Bytes<'a>) -> Found<'a> {
    let optional = |bits: u16| if flags & bits != 0 { 4 } else { 0 };
    let len = 8 + optional(GRE_SEQUENCE) + optional(GRE_ACK);
    let h = b.need("gre", len)?;
    let payload = b
        .skip(len)
        .truncate(usize::from(u16::from_be_bytes([h[4], h[5]])));
    if payload.wire == 0 {
        return Err(Stop::NotIp); // PPTP acknowledges with empty packets
    }
    match kind {
        0x880b => ppp::ppp(ctx, payload),
        0x6400 => link::ethernet(ctx, payload), // EoIP
        _ => Err(Stop::NotIp),
    }
}
