//! Headers (and one trailer) that a capturing system makes up itself: Linux cooked, BSD loopback, NFLOG, Apple PKTAP,
//! PCAPdroid.

use super::AppTag;
use super::bytes::Bytes;
use super::link;
use super::linktype::supports;
use super::trace::Layer;
use super::walk::{Context, Found, Stop};
use crate::types::{Direction, LinkType};

pub(super) const SLL_LEN: usize = 16;
pub(super) const SLL2_LEN: usize = 20;

/// Linux cooked capture (LINKTYPE_LINUX_SLL): packet type, ARPHRD, address, EtherType.
pub(super) fn sll<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    ctx.note(Layer::Sll, &b);
    let h = b.need("linux_sll", SLL_LEN)?;
    ctx.direction = packet_type(u16::from_be_bytes([h[0], h[1]]), ctx.direction);
    protocol(ctx, u16::from_be_bytes([h[14], h[15]]), b.skip(SLL_LEN))
}

/// Version 2 of it (LINKTYPE_LINUX_SLL2), with the EtherType first and the interface index.
pub(super) fn sll2<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    ctx.note(Layer::Sll2, &b);
    let h = b.need("linux_sll2", SLL2_LEN)?;
    ctx.direction = packet_type(u16::from(h[10]), ctx.direction);
    protocol(ctx, u16::from_be_bytes([h[0], h[1]]), b.skip(SLL2_LEN))
}

/// Direction from a cooked packet type (linux/if_packet.h): to us, broadcast, multicast; 3 is another host's; 4 ours.
pub(super) fn packet_type(kind: u16, stated: Direction) -> Direction {
    match kind {
        0..=2 => Direction::In,
        4 => Direction::Out,
        _ => stated,
    }
}

/// Linux has values of its own below the EtherTypes: 4 is LLC, 1 a raw 802.3 frame (Novell).
fn protocol<'a>(ctx: &mut Context<'a>, kind: u16, b: Bytes<'a>) -> Found<'a> {
    match kind {
        4 => link::llc(ctx, b),
        0..=1500 => Err(Stop::NotIp),
        _ => link::ethertype(ctx, kind, b),
    }
}

/// BSD loopback: an address family in the byte order of the capturing host (LINKTYPE_NULL) or in network order
/// (LINKTYPE_LOOP). Either order is taken for either; the value of IPv6 differs by system.
pub(super) fn null<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    b.need("null", 4)?;
    let stated = b.le32(0).unwrap_or(0);
    let family = if stated > 0xffff {
        stated.swap_bytes()
    } else {
        stated
    };
    let rest = b.skip(4);
    match family {
        2 | 10 | 23 | 24 | 28 | 30 => Ok(rest),
        0x0600..=0xffff => link::ethertype(ctx, u16::try_from(family).unwrap_or(0), rest),
        _ => Err(Stop::NotIp),
    }
}

/// Linux netfilter log: a family, then attributes in host byte order; the packet is attribute 9.
pub(super) fn nflog<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    b.need("nflog", 4)?;
    let mut rest = b.skip(4);
    // The first attribute is short: read in the wrong order its length would have a low byte of zero.
    let little = rest.le16(0) <= rest.be16(0);
    loop {
        ctx.note(Layer::Attribute, &rest);
        let h = rest.need("nflog", 4)?;
        let host = |at: usize| {
            let bytes = [h[at], h[at + 1]];
            if little {
                u16::from_le_bytes(bytes)
            } else {
                u16::from_be_bytes(bytes)
            }
        };
        let (len, kind) = (usize::from(host(0)), host(2) & 0x7fff);
        if len < 4 {
            return Err(rest.bad("nflog", 4, len).into());
        }
        match kind {
            1 => ctx.direction = hook(rest.data.get(6).copied(), ctx.direction),
            9 => {
                let packet = rest.truncate(len).skip(4);
                return match packet.nibble() {
                    Some(4 | 6) => Ok(packet),
                    _ => Err(Stop::NotIp),
                };
            }
            _ => {}
        }
        rest = rest.skip(len.next_multiple_of(4));
    }
}

/// The netfilter hook in the packet header attribute: local in, local out; the others pass either way.
fn hook(hook: Option<u8>, stated: Direction) -> Direction {
    match hook {
        Some(1) => Direction::In,
        Some(3) => Direction::Out,
        _ => stated,
    }
}

const PKTAP_V1_LEN: usize = 108;
const PKTAP_V2_LEN: usize = 40;
const PKTAP_FLAGS_AT: usize = 36;
const PKTAP_V2_FLAG: u32 = 0x0008_0000;
const PKTAP_NAME_LEN: usize = 17;

/// Apple's PKTAP header (xnu bsd/net/pktap.h), both versions, in the little-endian order of all Apple machines since
/// 2006. The process named is the effective one: that on whose behalf a system daemon sends.
pub(super) fn pktap<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Found<'a> {
    let (len, link) = pktap_frame(&b)?;
    let header = b.need("pktap", len)?;
    ctx.note(Layer::Pktap, &b.truncate(len));
    let flags = b.le32(PKTAP_FLAGS_AT).unwrap_or(0);
    ctx.direction = match flags & 3 {
        1 => Direction::In,
        2 => Direction::Out,
        _ => ctx.direction,
    };
    ctx.app = if flags & PKTAP_V2_FLAG != 0 {
        process(&b, (usize::from(header[5]), 32))
            .or_else(|| process(&b, (usize::from(header[4]), 28)))
    } else {
        process(&b, (88, 84)).or_else(|| process(&b, (56, 52)))
    };
    link::network(ctx, link, b.skip(len))
}

/// Header length and link type of the frame behind it.
fn pktap_frame(b: &Bytes<'_>) -> Result<(usize, LinkType), Stop> {
    let h = b.need("pktap", PKTAP_V2_LEN)?;
    let v2 = b.le32(PKTAP_FLAGS_AT).unwrap_or(0) & PKTAP_V2_FLAG != 0;
    let (len, link, least) = if v2 {
        (usize::from(h[0]), b.le16(6).map(u32::from), PKTAP_V2_LEN)
    } else {
        (b.le32(0).unwrap_or(0) as usize, b.le32(8), PKTAP_V1_LEN)
    };
    if len < least {
        return Err(b.bad("pktap", least, len).into());
    }
    Ok((len, LinkType(link.unwrap_or(u32::MAX))))
}

/// A frame of LINKTYPE_USER2, which Apple's tools wrote before PKTAP had a number of its own: anything else may be
/// there too, so all must fit.
pub(super) fn looks_like_pktap(b: &Bytes<'_>) -> bool {
    pktap_frame(b).is_ok_and(|(len, link)| len <= 256 && len < b.data.len() && supports(link))
}

/// The process name at `at.0` and its id at `at.1`; none where the name is empty (or absent: offset 0).
fn process<'a>(b: &Bytes<'a>, (name_at, pid_at): (usize, usize)) -> Option<AppTag<'a>> {
    if name_at == 0 {
        return None;
    }
    let field = b.data.get(name_at..)?;
    let name = text(&field[..field.len().min(PKTAP_NAME_LEN)]);
    (!name.is_empty()).then_some(AppTag {
        name,
        uid: None,
        pid: b.le32(pid_at).map(u32::cast_signed),
    })
}

const PCAPDROID_LEN: usize = 32;
const PCAPDROID_MAGIC: [u8; 4] = [0x01, 0x07, 0x20, 0x21];

/// Takes PCAPdroid's trailer off an Ethernet frame, where there is one.
pub(super) fn pcapdroid<'a>(ctx: &mut Context<'a>, b: Bytes<'a>) -> Bytes<'a> {
    let Some((app, rest)) = pcapdroid_trailer(b.data) else {
        return b;
    };
    ctx.app = Some(app);
    let cut = b.wire - b.data.len();
    let wire = rest.len() + cut;
    Bytes {
        data: rest,
        wire,
        offset: b.offset,
    }
}

/// PCAPdroid's trailer: magic, user id, app name (20 bytes), checksum, in network order, at the end of Ethernet frames
/// whose made-up addresses are all zero. Gives the app and the frame without it.
#[inline]
pub(super) fn pcapdroid_trailer(frame: &[u8]) -> Option<(AppTag<'_>, &[u8])> {
    if frame.first_chunk::<12>()? != &[0; 12] {
        return None;
    }
    let (rest, trailer) = frame.split_last_chunk::<PCAPDROID_LEN>()?;
    if rest.len() < 14 || trailer[..4] != PCAPDROID_MAGIC {
        return None;
    }
    let uid = i32::from_be_bytes([trailer[4], trailer[5], trailer[6], trailer[7]]);
    let app = AppTag {
        name: text(&trailer[8..28]),
        uid: (uid >= 0).then_some(uid),
        pid: None,
    };
    Some((app, rest))
}

/// Text up to the first NUL, or to where it stops being UTF-8: names are cut at a byte, not at a character.
fn text(field: &[u8]) -> &str {
    let end = field.iter().position(|&b| b == 0).unwrap_or(field.len());
    let field = &field[..end];
    match std::str::from_utf8(field) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&field[..error.valid_up_to()]).unwrap_or_default(),
    }
}
