//! What lies around an IP packet in a capture: link headers and tunnels.

use std::net::{IpAddr, SocketAddr};

use crate::packet::{self, IpMeta};

/// Link type of the file or interface; [`Link::number`] gives the LINKTYPE value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Ethernet (1).
    Ethernet,
    /// No link header (101).
    Raw,
    /// Linux cooked v1 (113), as `tcpdump -i any` writes.
    Sll,
    /// Linux cooked v2 (276).
    Sll2,
    /// BSD loopback, address family in the byte order of a little-endian host (0).
    Null,
    /// BSD loopback, network byte order (108).
    Loop,
    /// 802.11 with a radiotap header (127), unencrypted data frames.
    Radiotap,
    /// PPP with its HDLC-like framing (9).
    Ppp,
    /// Cisco HDLC (104).
    CHdlc,
    /// IPv4 alone (228).
    Ipv4,
    /// Linux netfilter's log (239).
    Nflog,
    /// 802.11 with a PPI header (192).
    Ppi,
    /// 802.11 with a Prism header (119).
    Prism,
    /// 802.11 with an AVS header (163).
    Avs,
}

impl Link {
    /// The LINKTYPE number.
    pub fn number(self) -> u16 {
        match self {
            Link::Null => 0,
            Link::Ppp => 9,
            Link::CHdlc => 104,
            Link::Prism => 119,
            Link::Avs => 163,
            Link::Ppi => 192,
            Link::Ipv4 => 228,
            Link::Nflog => 239,
            Link::Ethernet => 1,
            Link::Raw => 101,
            Link::Loop => 108,
            Link::Sll => 113,
            Link::Radiotap => 127,
            Link::Sll2 => 276,
        }
    }
}

/// A layer between link header and the IP packet. Given from the inside to the outside.
#[derive(Clone, Copy, Debug)]
pub enum Wrap {
    /// 802.1Q tag with this id; two of them give stacked tags.
    Vlan(u16),
    /// PPPoE session.
    Pppoe,
    /// One MPLS label.
    Mpls(u32),
    /// GRE over IPv4.
    Gre,
    /// IP in IPv4 (4in4 or 6in4).
    IpIp,
    /// VXLAN with this network id, over IPv4 and UDP 4789.
    Vxlan(u32),
}

const CLIENT_MAC: [u8; 6] = [0x3c, 0x22, 0xfb, 0x0a, 0x17, 0x23];
const GATEWAY_MAC: [u8; 6] = [0xf4, 0x92, 0xbf, 0x5e, 0x01, 0x01];
const TUNNEL_NEAR: [u8; 4] = [192, 168, 1, 2];
const TUNNEL_FAR: [u8; 4] = [198, 51, 100, 7];

/// A frame of link type `link` with `ip` inside `wraps`; `out` means sent by the client.
pub fn frame(link: Link, wraps: &[Wrap], ip: &[u8], out: bool) -> Vec<u8> {
    let mut kind = ether_type(ip);
    let mut body = ip.to_vec();
    for w in wraps {
        (kind, body) = wrap(*w, kind, body, out);
    }
    let mut f = header(link, kind, out);
    if matches!(link, Link::Nflog) {
        // Attribute 9 is the packet; attributes are padded to four bytes.
        f.extend_from_slice(&((body.len() + 4) as u16).to_le_bytes());
        f.extend_from_slice(&9_u16.to_le_bytes());
        body.resize(body.len().next_multiple_of(4), 0);
    }
    f.extend_from_slice(&body);
    f
}

fn ether_type(ip: &[u8]) -> u16 {
    if ip[0] >> 4 == 6 { 0x86dd } else { 0x0800 }
}

fn macs(out: bool) -> ([u8; 6], [u8; 6]) {
    if out {
        (GATEWAY_MAC, CLIENT_MAC)
    } else {
        (CLIENT_MAC, GATEWAY_MAC)
    }
}

fn ethernet(kind: u16, out: bool) -> Vec<u8> {
    let (dst, src) = macs(out);
    [&dst[..], &src, &kind.to_be_bytes()].concat()
}

fn wrap(w: Wrap, kind: u16, body: Vec<u8>, out: bool) -> (u16, Vec<u8>) {
    let joined = |head: &[u8]| [head, &body[..]].concat();
    let (src, dst): (IpAddr, IpAddr) = match out {
        true => (TUNNEL_NEAR.into(), TUNNEL_FAR.into()),
        false => (TUNNEL_FAR.into(), TUNNEL_NEAR.into()),
    };
    let meta = IpMeta::default();
    match w {
        Wrap::Vlan(id) => (
            0x8100,
            joined(&[id.to_be_bytes(), kind.to_be_bytes()].concat()),
        ),
        Wrap::Pppoe => {
            let ppp: u16 = if kind == 0x86dd { 0x0057 } else { 0x0021 };
            let len = (body.len() + 2) as u16;
            let head = [&[0x11, 0, 0, 9][..], &len.to_be_bytes(), &ppp.to_be_bytes()].concat();
            (0x8864, joined(&head))
        }
        Wrap::Mpls(label) => (0x8847, joined(&(label << 12 | 0x100 | 64).to_be_bytes())),
        Wrap::Gre => {
            let gre = joined(&[[0, 0], kind.to_be_bytes()].concat());
            (0x0800, packet::ip(src, dst, 47, meta, &gre))
        }
        Wrap::IpIp => {
            let protocol = if kind == 0x86dd { 41 } else { 4 };
            (0x0800, packet::ip(src, dst, protocol, meta, &body))
        }
        Wrap::Vxlan(vni) => {
            let mut v = vec![8, 0, 0, 0];
            v.extend_from_slice(&(vni << 8).to_be_bytes());
            v.extend_from_slice(&ethernet(kind, out));
            v.extend_from_slice(&body);
            let udp = packet::udp(SocketAddr::new(src, 51_234), SocketAddr::new(dst, 4789), &v);
            (0x0800, packet::ip(src, dst, packet::proto::UDP, meta, &udp))
        }
    }
}

fn header(link: Link, kind: u16, out: bool) -> Vec<u8> {
    let (_, src) = macs(out);
    let pkttype = if out { 4u8 } else { 0 };
    match link {
        Link::Ethernet => ethernet(kind, out),
        Link::Raw => Vec::new(),
        Link::Sll => [
            &[0, pkttype, 0, 1, 0, 6][..],
            &src,
            &[0, 0],
            &kind.to_be_bytes(),
        ]
        .concat(),
        Link::Sll2 => {
            let k = kind.to_be_bytes();
            [
                &[k[0], k[1], 0, 0, 0, 0, 0, 2, 0, 1, pkttype, 6][..],
                &src,
                &[0, 0],
            ]
            .concat()
        }
        Link::Null => family(kind).to_le_bytes().to_vec(),
        Link::Loop => family(kind).to_be_bytes().to_vec(),
        Link::Radiotap => [&[0, 0, 8, 0, 0, 0, 0, 0][..], &wifi(kind, out)].concat(),
        Link::Ppp => {
            let protocol: u16 = if kind == 0x86dd { 0x0057 } else { 0x0021 };
            [&[0xff, 0x03][..], &protocol.to_be_bytes()].concat()
        }
        Link::CHdlc => [&[0x0f, 0][..], &kind.to_be_bytes()].concat(),
        Link::Ipv4 => Vec::new(),
        // Address family, version, resource; the attribute's own length is put in with the packet.
        Link::Nflog => vec![if kind == 0x86dd { 10 } else { 2 }, 0, 0, 0],
        Link::Ppi => [&[0, 0, 8, 0, 105, 0, 0, 0][..], &wifi(kind, out)].concat(),
        Link::Prism => {
            let mut head = vec![0; 144];
            head[..4].copy_from_slice(&0x44_u32.to_be_bytes());
            head[4..8].copy_from_slice(&144_u32.to_be_bytes());
            [head, wifi(kind, out)].concat()
        }
        Link::Avs => {
            let mut head = vec![0; 64];
            head[..4].copy_from_slice(&0x8021_1001_u32.to_be_bytes());
            head[4..8].copy_from_slice(&64_u32.to_be_bytes());
            [head, wifi(kind, out)].concat()
        }
    }
}

fn family(kind: u16) -> u32 {
    if kind == 0x86dd { 30 } else { 2 }
}

/// An 802.11 data frame's header with LLC and SNAP.
fn wifi(kind: u16, out: bool) -> Vec<u8> {
    let mut f = Vec::new();
    let (ds, a) = match out {
        true => (1u8, [GATEWAY_MAC, CLIENT_MAC, GATEWAY_MAC]), // to the access point
        false => (2, [CLIENT_MAC, GATEWAY_MAC, GATEWAY_MAC]),
    };
    f.extend_from_slice(&[0x08, ds, 0, 0]);
    f.extend_from_slice(&a.concat());
    f.extend_from_slice(&[0, 0, 0xaa, 0xaa, 3, 0, 0, 0]);
    f.extend_from_slice(&kind.to_be_bytes());
    f
}
