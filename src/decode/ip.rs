//! IPv4 (RFC 791) and IPv6 (RFC 8200) with all that may stand between them and the transport.

use super::bytes::Bytes;
use super::trace::Layer;
use super::walk::{Context, Header, Piece, Stop, Walk, Walked};
use super::{DecodeError, Transport, icmp, transport, tunnel};
use crate::types::Addr;
use etherparse::{
    IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice,
    Ipv6RawExtHeaderSlice,
};

const V4_MIN: usize = 20;
const V6_LEN: usize = 40;
const FRAGMENT_LEN: usize = 8;

/// Walks an IP packet of either version, told by its first four bits: link types and EtherTypes can be wrong about it.
pub(super) fn packet<'a>(mut ctx: Context<'a>, b: Bytes<'a>) -> Walked<'a> {
    ctx.enter(&b)?;
    match b.nibble() {
        Some(4) => v4(ctx, b),
        Some(6) => v6(ctx, b),
        Some(other) => Err(b.bad("ip", 4, usize::from(other)).into()),
        None => Err(b.short("ip", V4_MIN).into()),
    }
}

/// This is an IP packet beyond doubt: version, header length and total length fit, and all of it lies within `b`.
/// What follows a UDP header on a tunnel's port has to pass this.
pub(super) fn is_sane(b: &Bytes<'_>) -> bool {
    let length = match b.nibble() {
        Some(4) => v4_length(b),
        Some(6) if b.data.len() >= V6_LEN => b.be16(4).map(|n| V6_LEN + usize::from(n)),
        _ => None,
    };
    length.is_some_and(|n| n <= b.wire)
}

fn v4_length(b: &Bytes<'_>) -> Option<usize> {
    let header_len = usize::from(b.data.first()? & 0x0f) * 4;
    let total = usize::from(b.be16(2)?);
    let fits = header_len >= V4_MIN && total >= header_len && b.data.len() >= header_len;
    fits.then_some(total)
}

fn v4<'a>(mut ctx: Context<'a>, b: Bytes<'a>) -> Walked<'a> {
    let header_len = usize::from(b.need("ipv4", V4_MIN)?[0] & 0x0f) * 4;
    if header_len < V4_MIN {
        return Err(b.bad("ipv4", V4_MIN, header_len).into());
    }
    let bytes = b.need("ipv4", header_len)?;
    let h = Ipv4HeaderSlice::from_slice(bytes).map_err(|_| b.bad("ipv4", header_len, 0))?;
    let total = usize::from(h.total_len());
    let b = match total {
        0 => b, // segmentation offload: the card fills it in
        n if n < header_len => return Err(b.bad("ipv4", header_len, n).into()),
        n => b.claim(n),
    };
    let header = Header {
        v6: false,
        src: Addr::v4(h.source()),
        dst: Addr::v4(h.destination()),
        ttl: h.ttl(),
        ip_id: h.identification(),
        dont_fragment: h.dont_fragment(),
    };
    ctx.note(Layer::V4, &b);
    let body = b.skip(header_len);
    let protocol = h.protocol().0;
    if !h.is_fragmenting_payload() {
        return upper(ctx, header, protocol, body);
    }
    let offset = h.fragments_offset().value();
    if lone_first(offset, &body) {
        ctx.partial = true;
        return upper(ctx, header, protocol, body);
    }
    ctx.note(Layer::Fragment, &body);
    Ok(Walk::Fragment(Piece {
        ctx,
        header,
        protocol,
        id: u32::from(h.identification()),
        offset,
        more: h.more_fragments(),
        body,
    }))
}

/// The first fragment, cut by the snap length: its packet can never be whole, so it shows what it has at once.
fn lone_first(offset: u16, body: &Bytes<'_>) -> bool {
    offset == 0 && body.is_cut()
}

fn v6<'a>(ctx: Context<'a>, b: Bytes<'a>) -> Walked<'a> {
    let bytes = b.need("ipv6", V6_LEN)?;
    let h = Ipv6HeaderSlice::from_slice(bytes).map_err(|_| b.bad("ipv6", V6_LEN, 0))?;
    let next = h.next_header().0;
    let b = match usize::from(h.payload_length()) {
        0 if next != 59 => b, // segmentation offload or a jumbogram: all that is there
        n => b.claim(V6_LEN + n),
    };
    let header = Header {
        v6: true,
        src: Addr::v6(h.source()),
        dst: Addr::v6(h.destination()),
        ttl: h.hop_limit(),
        ip_id: 0,
        dont_fragment: true,
    };
    ctx.note(Layer::V6, &b);
    upper(ctx, header, next, b.skip(V6_LEN))
}

/// Steps over extension headers (RFC 8200 section 4, RFC 4302) to what IP carries, then decodes it.
pub(super) fn upper<'a>(
    mut ctx: Context<'a>,
    header: Header,
    mut protocol: u8,
    mut b: Bytes<'a>,
) -> Walked<'a> {
    loop {
        let step = match protocol {
            51 => {
                let step = authentication(&b)?;
                ctx.note(Layer::Authentication(step.len), &b);
                step
            }
            0 | 43 | 60 | 135 | 139 | 140 if header.v6 => {
                let step = extension(&b)?;
                ctx.note(Layer::Extension(step.len), &b);
                step
            }
            44 if header.v6 => match fragment(&mut ctx, header, b)? {
                Fragment::Kept(piece) => return Ok(Walk::Fragment(piece)),
                Fragment::Passed(step) => step,
            },
            _ => return carried(ctx, header, protocol, b),
        };
        protocol = step.next;
        b = b.skip(step.len);
    }
}

/// What an extension header says of itself: the header after it and its own length.
struct Step {
    next: u8,
    len: usize,
}

/// Hop-by-hop, routing, destination options, mobility, HIP and Shim6 share one shape (RFC 6564).
fn extension(b: &Bytes<'_>) -> Result<Step, DecodeError> {
    let short = |_| {
        b.short(
            "ipv6 extension",
            usize::from(b.data.get(1).copied().unwrap_or(0)) * 8 + 8,
        )
    };
    let h = Ipv6RawExtHeaderSlice::from_slice(b.data).map_err(short)?;
    Ok(Step {
        next: h.next_header().0,
        len: h.slice().len(),
    })
}

fn authentication(b: &Bytes<'_>) -> Result<Step, DecodeError> {
    let short = |_| {
        b.short(
            "ah",
            usize::from(b.data.get(1).copied().unwrap_or(0)) * 4 + 8,
        )
    };
    let h = IpAuthHeaderSlice::from_slice(b.data).map_err(short)?;
    Ok(Step {
        next: h.next_header().0,
        len: h.slice().len(),
    })
}

enum Fragment<'a> {
    Kept(Piece<'a>),
    /// Nothing to put together: offset zero and nothing to follow (RFC 6946), or cut by the snap length.
    Passed(Step),
}

fn fragment<'a>(ctx: &mut Context<'a>, header: Header, b: Bytes<'a>) -> Result<Fragment<'a>, Stop> {
    ctx.note(Layer::FragmentHeader, &b);
    let h = Ipv6FragmentHeaderSlice::from_slice(b.need("ipv6 fragment", FRAGMENT_LEN)?)
        .map_err(|_| b.short("ipv6 fragment", FRAGMENT_LEN))?;
    let protocol = h.next_header().0;
    let offset = h.fragment_offset().value();
    let body = b.skip(FRAGMENT_LEN);
    let first = h.is_fragmenting_payload() && lone_first(offset, &body);
    if first || !h.is_fragmenting_payload() {
        ctx.partial |= first;
        return Ok(Fragment::Passed(Step {
            next: protocol,
            len: FRAGMENT_LEN,
        }));
    }
    ctx.note(Layer::Fragment, &body);
    Ok(Fragment::Kept(Piece {
        ctx: *ctx,
        header,
        protocol,
        id: h.identification(),
        offset,
        more: h.more_fragments(),
        body,
    }))
}

/// What IP carries: a transport, or a tunnel with another packet in it.
fn carried<'a>(ctx: Context<'a>, header: Header, protocol: u8, b: Bytes<'a>) -> Walked<'a> {
    let transport = match protocol {
        6 => {
            ctx.note(Layer::Tcp, &b);
            Transport::Tcp(transport::tcp(b)?)
        }
        17 => {
            ctx.note(Layer::Udp, &b);
            let datagram = transport::udp(b, ctx.partial)?;
            if let Some(inner) = tunnel::in_udp(ctx, &datagram, b) {
                return Ok(inner);
            }
            Transport::Udp(datagram)
        }
        1 if !header.v6 => {
            ctx.note(Layer::Icmp, &b);
            icmp::v4(&ctx, &header, b)
        }
        58 if header.v6 => {
            ctx.note(Layer::Icmp6, &b);
            icmp::v6(&ctx, &header, b)
        }
        _ => match tunnel::in_ip(ctx, protocol, b) {
            Err(Stop::NotIp | Stop::Arp(_)) => Transport::Other(protocol),
            walked => return walked,
        },
    };
    Ok(ctx.finish(header, transport))
}
