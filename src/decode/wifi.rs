//! IEEE 802.11 data frames in the clear, and the headers that capture tools put before them.
//!
//! Of an A-MSDU only the first subframe with IP in it is decoded: one frame gives one packet. Protected frames, frames
//! without data and 802.11 fragments are not IP to us.

use super::bytes::Bytes;
use super::link;
use super::trace::Layer;
use super::walk::{Context, Found, Stop};
use crate::types::LinkType;

const FCS_LEN: usize = 4;
const TYPE_DATA: u8 = 2;
const QOS: u8 = 0x8;
const NO_DATA: u8 = 0x4;
const TO_AND_FROM_DS: u8 = 0x03;
const MORE_FRAGMENTS: u8 = 0x04;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;
const AMSDU_PRESENT: u8 = 0x80;

/// An 802.11 frame without FCS (IEEE 802.11-2020 section 9.2.3).
pub(super) fn frame<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    body(ctx, b, false)
}

/// `padded`: the driver aligned the body to four bytes (radiotap flag 0x20).
fn body<'a>(ctx: &mut Context<'a>, b: Bytes<'a>, padded: bool) -> Found<'a> {
    ctx.note(Layer::Wifi, &b);
    let h = b.need("802.11", 2)?;
    let (kind, subtype, flags) = (h[0] >> 2 & 0x3, h[0] >> 4, h[1]);
    if kind != TYPE_DATA || subtype & NO_DATA != 0 || flags & (PROTECTED | MORE_FRAGMENTS) != 0 {
        return Err(Stop::NotIp);
    }
    let mut len = 24;
    if flags & TO_AND_FROM_DS == TO_AND_FROM_DS {
        len += 6; // fourth address
    }
    let qos_at = len;
    let qos = subtype & QOS != 0;
    if qos {
        len += 2;
        if flags & ORDER != 0 {
            len += 4; // HT control
        }
    }
    let h = b.need("802.11", len)?;
    if h[22] & 0x0f != 0 {
        return Err(Stop::NotIp); // a later fragment
    }
    let rest = b.skip(if padded { len.next_multiple_of(4) } else { len });
    if qos && h[qos_at] & AMSDU_PRESENT != 0 {
        return amsdu(ctx, rest);
    }
    link::llc(ctx, rest)
}

/// Subframes of 14 bytes header (addresses, length) and an LLC frame, each padded to four bytes.
fn amsdu<'a>(ctx: &mut Context<'a>, mut b: Bytes<'a>) -> Found<'a> {
    loop {
        ctx.note(Layer::Subframe, &b);
        let h = b.need("a-msdu", 14)?;
        let len = usize::from(u16::from_be_bytes([h[12], h[13]]));
        // Each subframe starts at the same depth: they stand beside each other.
        let mut inner = *ctx;
        let found = link::llc(&mut inner, b.skip(14).truncate(len));
        let last = b.data.len() <= 14 + len;
        if found.is_ok() || last {
            *ctx = inner;
            return found;
        }
        ctx.note(Layer::Nothing, &b.skip(14).truncate(len));
        b = b.skip((14 + len).next_multiple_of(4));
    }
}

/// Radiotap (radiotap.org): its length, and from its flags field FCS and padding.
pub(super) fn radiotap<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    b.need("radiotap", 8)?;
    let len = usize::from(b.le16(2).unwrap_or(0));
    if len < 8 {
        return Err(b.bad("radiotap", 8, len).into());
    }
    let header = b.need("radiotap", len)?;
    let flags = radiotap_flags(header).unwrap_or(0);
    let rest = b.skip(len);
    let rest = if flags & 0x10 != 0 {
        rest.drop_tail(FCS_LEN)
    } else {
        rest
    };
    body(ctx, rest, flags & 0x20 != 0)
}

/// The flags field: second of the fields, behind the optional eight aligned bytes of the timestamp.
fn radiotap_flags(header: &[u8]) -> Option<u8> {
    let mut words = header.get(4..)?.chunks_exact(4);
    let first = u32::from_le_bytes(words.next()?.try_into().ok()?);
    let mut fields = 8usize;
    let mut word = first;
    while word & 1 << 31 != 0 {
        word = u32::from_le_bytes(words.next()?.try_into().ok()?);
        fields += 4;
    }
    if first & 2 == 0 {
        return None;
    }
    let at = if first & 1 != 0 {
        fields.next_multiple_of(8) + 8
    } else {
        fields
    };
    header.get(at).copied()
}

/// AVS header: magic, then its length, big-endian.
pub(super) fn avs<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    b.need("avs", 8)?;
    skip_header(ctx, "avs", b, b.be32(4))
}

/// Prism header: message code and length in the byte order of the capturing host. AVS headers occur here too.
pub(super) fn prism<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    b.need("prism", 8)?;
    ctx.note(Layer::Prism, &b);
    if b.be32(0)
        .is_some_and(|magic| magic & 0xffff_f000 == 0x8021_1000)
    {
        return avs(ctx, b);
    }
    let len = b.le32(4).filter(|&n| n < 0x1_0000).or(b.be32(4));
    skip_header(ctx, "prism", b, len)
}

fn skip_header<'a>(
    ctx: &mut Context<'a>,
    layer: &'static str,
    b: Bytes<'a>,
    len: Option<u32>,
) -> Found<'a> {
    let len = len.map_or(0, |n| n as usize);
    if len < 8 {
        return Err(b.bad(layer, 8, len).into());
    }
    b.need(layer, len)?;
    frame(ctx, b.skip(len))
}

/// PPI (CACE Technologies' Per-Packet Information): any link type behind a header of fields.
pub(super) fn ppi<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    b.need("ppi", 8)?;
    let len = usize::from(b.le16(2).unwrap_or(0));
    let link = LinkType(b.le32(4).unwrap_or(u32::MAX));
    if len < 8 {
        return Err(b.bad("ppi", 8, len).into());
    }
    let fields = &b.need("ppi", len)?[8..];
    ctx.note(Layer::Ppi, &b.truncate(len));
    let rest = b.skip(len);
    let rest = if link == LinkType(105) && ppi_has_fcs(fields) {
        rest.drop_tail(FCS_LEN)
    } else {
        rest
    };
    link::network(ctx, link, rest)
}

/// Bit 0 of the flags in the 802.11-common field (type 2), behind its eight bytes of timestamp.
fn ppi_has_fcs(mut fields: &[u8]) -> bool {
    while let [t0, t1, l0, l1, rest @ ..] = fields {
        let len = usize::from(u16::from_le_bytes([*l0, *l1]));
        if u16::from_le_bytes([*t0, *t1]) == 2 {
            return len >= 10 && rest.get(8).is_some_and(|flags| flags & 1 != 0);
        }
        fields = rest.get(len..).unwrap_or_default();
    }
    false
}
