//! Link layers: from the first byte of a frame to the IP packet in it.

use super::Arp;
use super::bytes::Bytes;
use super::trace::Layer;
use super::walk::{Context, Found, Stop};
use super::{cooked, ip, ppp, wifi};
use crate::types::{Addr, LinkType};

/// Highest value of the type field that is a length (IEEE 802.3).
const MAX_LENGTH: u16 = 1500;

/// Finds the IP packet in a frame of link type `link`. PPI and PKTAP lead here a second time.
pub(super) fn network<'a>(ctx: &mut Context<'a>, link: LinkType, b: Bytes<'a>) -> Found<'a> {
    ctx.enter(&b)?;
    match link.0 {
        1 => {
            let b = cooked::pcapdroid(ctx, b);
            ethernet(ctx, b)
        }
        12 | 14 | 101 | 228 | 229 => Ok(b),
        0 | 108 => cooked::null(ctx, b),
        113 => cooked::sll(ctx, b),
        276 => cooked::sll2(ctx, b),
        9 | 50 => ppp::ppp(ctx, b),
        51 => ppp::pppoe(ctx, b),
        104 => ppp::hdlc(ctx, b),
        166 => ppp::pppd(ctx, b),
        204 | 205 => ppp::with_direction(ctx, link, b),
        105 => wifi::frame(ctx, b),
        119 => wifi::prism(ctx, b),
        127 => wifi::radiotap(ctx, b),
        163 => wifi::avs(ctx, b),
        192 => wifi::ppi(ctx, b),
        239 => cooked::nflog(ctx, b),
        258 => cooked::pktap(ctx, b),
        149 if cooked::looks_like_pktap(&b) => cooked::pktap(ctx, b),
        _ => Err(Stop::UnknownLink(link)),
    }
}

/// An Ethernet frame, from the destination address on.
pub(super) fn ethernet<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    ctx.note(Layer::Ethernet, &b);
    let h = b.need("ethernet", 14)?;
    let kind = u16::from_be_bytes([h[12], h[13]]);
    ethertype(ctx, kind, b.skip(14))
}

/// What follows an EtherType field (IEEE 802 numbers), or an 802.3 length.
pub(super) fn ethertype<'a>(ctx: &mut Context<'a>, kind: u16, b: Bytes<'a>) -> Found<'a> {
    ctx.enter(&b)?;
    let (kind, b) = untagged(kind, b)?;
    match kind {
        0x0800 | 0x86dd => Ok(b),
        0x0806 => {
            ctx.note(Layer::Arp, &b);
            Err(arp(&b))
        }
        0x8864 => ppp::pppoe(ctx, b),
        0x8847 | 0x8848 => mpls(ctx, b),
        0x880b => ppp::ppp(ctx, b),
        0x6558 => ethernet(ctx, b),
        // 802.1ah: a four-byte I-TAG, then the customer's whole frame.
        0x88e7 => {
            b.need("802.1ah", 4)?;
            ethernet(ctx, b.skip(4))
        }
        // Cisco FabricPath: two bytes of tag, then a whole frame.
        0x8903 => {
            b.need("fabricpath", 2)?;
            ethernet(ctx, b.skip(2))
        }
        0x88e5 => macsec(ctx, b),
        0x8870 => llc(ctx, b),
        0..=MAX_LENGTH => llc(ctx, b.truncate(usize::from(kind))),
        _ => Err(Stop::NotIp),
    }
}

/// ARP (RFC 826) with hardware addresses of six bytes and IPv4: of use is who speaks to whom.
fn arp(b: &Bytes<'_>) -> Stop {
    const REQUEST: [u8; 6] = [0x08, 0x00, 6, 4, 0, 1];
    const REPLY: [u8; 6] = [0x08, 0x00, 6, 4, 0, 2];
    let addr = |at: usize| Some(Addr::v4(*b.data.get(at..at + 4)?.first_chunk::<4>()?));
    let kind = b
        .data
        .get(2..8)
        .filter(|kind| **kind == REQUEST || **kind == REPLY);
    match (kind, addr(14), addr(24)) {
        (Some(kind), Some(from), Some(to)) => Stop::Arp(Arp {
            from,
            to,
            reply: *kind == REPLY,
        }),
        _ => Stop::NotIp,
    }
}

/// Steps over tags that end in another EtherType: VLAN (802.1Q, 802.1ad, the older 0x9100 and 0x9200) and VN-Tag.
fn untagged(mut kind: u16, mut b: Bytes<'_>) -> Result<(u16, Bytes<'_>), Stop> {
    loop {
        let len = match kind {
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => 4,
            0x8926 => 6,
            _ => return Ok((kind, b)),
        };
        let h = b.need("vlan", len)?;
        kind = u16::from_be_bytes([h[len - 2], h[len - 1]]);
        b = b.skip(len);
    }
}

/// LLC (IEEE 802.2): IP by SNAP (RFC 1042, and 802.1H's bridge tunnel) or by its own SAP.
pub(super) fn llc<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    if b.wire < 3 {
        return Err(Stop::NotIp);
    }
    match b.need("llc", 3)? {
        [0xaa, 0xaa, 0x03] => {
            let h = b.need("snap", 8)?;
            if !matches!(h[3..6], [0, 0, 0] | [0, 0, 0xf8]) {
                return Err(Stop::NotIp);
            }
            ethertype(ctx, u16::from_be_bytes([h[6], h[7]]), b.skip(8))
        }
        [0x06, 0x06, 0x03] => Ok(b.skip(3)),
        _ => Err(Stop::NotIp),
    }
}

/// MPLS (RFC 3032). Nothing says what is inside: IP by its first four bits (RFC 4928) where it is sane, else an Ethernet
/// pseudowire with or without control word (RFC 4448) where its EtherType makes it plausible.
pub(super) fn mpls<'a>(ctx: &mut Context<'a>, mut b: Bytes<'a>) -> Found<'a> {
    loop {
        let bottom = b.need("mpls", 4)?[2] & 1 != 0;
        b = b.skip(4);
        if bottom {
            break;
        }
    }
    if ip::is_sane(&b) {
        return Ok(b);
    }
    if b.nibble() == Some(0) && is_ethernet(&b.skip(4)) {
        return ethernet(ctx, b.skip(4));
    }
    if is_ethernet(&b) {
        return ethernet(ctx, b);
    }
    match b.nibble() {
        Some(4 | 6) => Ok(b),
        _ => Err(Stop::NotIp),
    }
}

/// An EtherType that is worth following stands where it should, and IP after it says the same.
fn is_ethernet(b: &Bytes<'_>) -> bool {
    match b.be16(12) {
        Some(0x0800) => b.skip(14).nibble() == Some(4),
        Some(0x86dd) => b.skip(14).nibble() == Some(6),
        Some(kind) => matches!(kind, 0x8100 | 0x88a8 | 0x8847 | 0x8864),
        None => false,
    }
}

/// MACsec (IEEE 802.1AE), where it only authenticates: neither E nor C bit set.
fn macsec<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    let tci = b.need("macsec", 6)?[0];
    if tci & 0x0c != 0 {
        return Err(Stop::NotIp);
    }
    let len = if tci & 0x20 != 0 { 14 } else { 6 };
    let h = b.need("macsec", len + 2)?;
    let kind = u16::from_be_bytes([h[len], h[len + 1]]);
    ethertype(ctx, kind, b.skip(len + 2).drop_tail(16))
}
