//! ICMP and ICMPv6 errors and the packet that they quote (RFC 792, RFC 4443, RFC 1122 section 3.2.2).
//!
//! Redirects quote a packet too but report no error; they count as other ICMP.

use super::Transport;
use super::bytes::Bytes;
use super::walk::{Context, Header};
use crate::fact::icmp::{IcmpError, Quoted};
use crate::types::Addr;
use etherparse::{Icmpv4Slice, Icmpv6Slice, Ipv6ExtensionSlice, LaxIpSlice};

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// ICMP over IPv4.
pub(super) fn v4<'a>(ctx: &Context<'_>, header: &Header, b: Bytes<'_>) -> Transport<'a> {
    let error = || {
        let icmp = Icmpv4Slice::from_slice(b.data).ok()?;
        let (kind, code) = (icmp.type_u8(), icmp.code_u8());
        if !matches!(kind, 3 | 4 | 11 | 12) {
            return None;
        }
        let [_, _, high, low] = icmp.bytes5to8();
        let mtu = u32::from(u16::from_be_bytes([high, low]));
        let mtu = (kind == 3 && code == 4 && mtu != 0).then_some(mtu);
        Some(build(
            ctx,
            header,
            (kind, code),
            mtu,
            quoted(icmp.payload())?,
        ))
    };
    error().map_or(Transport::Other(ICMP), Transport::Icmp)
}

/// ICMPv6.
pub(super) fn v6<'a>(ctx: &Context<'_>, header: &Header, b: Bytes<'_>) -> Transport<'a> {
    let error = || {
        let icmp = Icmpv6Slice::from_slice(b.data).ok()?;
        let (kind, code) = (icmp.type_u8(), icmp.code_u8());
        if !matches!(kind, 1..=4) {
            return None;
        }
        let mtu = (kind == 2).then(|| u32::from_be_bytes(icmp.bytes5to8()));
        Some(build(
            ctx,
            header,
            (kind, code),
            mtu,
            quoted(icmp.payload())?,
        ))
    };
    error().map_or(Transport::Other(ICMPV6), Transport::Icmp)
}

fn build(
    ctx: &Context<'_>,
    header: &Header,
    (kind, code): (u8, u8),
    mtu: Option<u32>,
    quoted: Quoted,
) -> IcmpError {
    IcmpError {
        mark: ctx.mark,
        from: header.src,
        to: header.dst,
        v6: header.v6,
        kind,
        code,
        mtu,
        ttl: header.ttl,
        quoted,
    }
}

/// The flow of the quoted packet: its IP header and at least the four bytes of the ports must be there, and it must not
/// be a later fragment, which has no ports.
fn quoted(quote: &[u8]) -> Option<Quoted> {
    let (ip, _) = LaxIpSlice::from_slice(quote).ok()?;
    if is_later_fragment(&ip) {
        return None;
    }
    let protocol = ip.payload_ip_number().0;
    if !matches!(protocol, 6 | 17) {
        return None;
    }
    let upper = ip.payload().payload;
    let &[s0, s1, d0, d1] = upper.first_chunk()?;
    let seq = upper.get(4..).and_then(|rest| rest.first_chunk());
    Some(Quoted {
        src: Addr::from(ip.source_addr()),
        dst: Addr::from(ip.destination_addr()),
        protocol,
        src_port: u16::from_be_bytes([s0, s1]),
        dst_port: u16::from_be_bytes([d0, d1]),
        seq: seq
            .filter(|_| protocol == 6)
            .map(|b| u32::from_be_bytes(*b)),
    })
}

fn is_later_fragment(ip: &LaxIpSlice<'_>) -> bool {
    match ip {
        LaxIpSlice::Ipv4(v4) => v4.header().fragments_offset().value() != 0,
        LaxIpSlice::Ipv6(v6) => v6.extensions().clone().into_iter().any(|extension| {
            matches!(extension, Ipv6ExtensionSlice::Fragment(f) if f.fragment_offset().value() != 0)
        }),
    }
}
