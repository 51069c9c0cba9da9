//! Bytes of IPv4, IPv6, TCP, UDP and ICMP, with right checksums.
//!
//! Written by hand and not with the decoder's crate, so that a mistake in one is not hidden by the same
//! mistake in the other.

use std::net::{IpAddr, SocketAddr};

/// What of the IP header a case may choose.
#[derive(Clone, Copy, Debug)]
pub struct IpMeta {
    /// TTL or hop limit as seen at the capture point.
    pub ttl: u8,
    /// IPv4 identification; IPv6 has none.
    pub id: u16,
    /// IPv4 "don't fragment".
    pub df: bool,
    /// IPv6 flow label (20 bits).
    pub flow_label: u32,
}

impl Default for IpMeta {
    fn default() -> Self {
        Self {
            ttl: 64,
            id: 0,
            df: true,
            flow_label: 0,
        }
    }
}

/// IP protocol numbers used here.
pub mod proto {
    /// ICMP for IPv4.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
}

/// Sum of 16-bit words, not folded; an odd last byte counts as its high half (RFC 1071).
pub fn sum16(bytes: &[u8]) -> u64 {
    let mut pairs = bytes.chunks_exact(2);
    let mut sum: u64 = pairs
        .by_ref()
        .map(|p| u64::from(u16::from_be_bytes([p[0], p[1]])))
        .sum();
    if let [last] = pairs.remainder() {
        sum += u64::from(*last) << 8;
    }
    sum
}

/// Folds a sum to the ones' complement checksum.
pub fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}

/// Checksum over pseudo header and `body` (whose checksum field is zero).
pub fn transport_checksum(src: IpAddr, dst: IpAddr, protocol: u8, body: &[u8]) -> u16 {
    let pseudo =
        sum16(&octets(src)) + sum16(&octets(dst)) + u64::from(protocol) + body.len() as u64;
    fold(pseudo + sum16(body))
}

/// A whole IP packet around `payload`; the family is that of `src`.
pub fn ip(src: IpAddr, dst: IpAddr, protocol: u8, meta: IpMeta, payload: &[u8]) -> Vec<u8> {
    match (src, dst) {
        (IpAddr::V4(_), IpAddr::V4(_)) => {
            let flags: u16 = if meta.df { 0x4000 } else { 0 };
            ip4(src, dst, protocol, meta, flags, payload)
        }
        (IpAddr::V6(_), IpAddr::V6(_)) => {
            let mut p = Vec::with_capacity(40 + payload.len());
            p.extend_from_slice(&(0x6000_0000 | (meta.flow_label & 0xf_ffff)).to_be_bytes());
            p.extend_from_slice(&(payload.len() as u16).to_be_bytes());
            p.extend_from_slice(&[protocol, meta.ttl]);
            p.extend_from_slice(&octets(src));
            p.extend_from_slice(&octets(dst));
            p.extend_from_slice(payload);
            p
        }
        _ => panic!("{src} and {dst} are of different families"),
    }
}

fn ip4(src: IpAddr, dst: IpAddr, protocol: u8, meta: IpMeta, frag: u16, payload: &[u8]) -> Vec<u8> {
    let mut p = Vec::with_capacity(20 + payload.len());
    p.extend_from_slice(&[0x45, 0]);
    p.extend_from_slice(&((20 + payload.len()) as u16).to_be_bytes());
    p.extend_from_slice(&meta.id.to_be_bytes());
    p.extend_from_slice(&frag.to_be_bytes());
    p.extend_from_slice(&[meta.ttl, protocol, 0, 0]);
    p.extend_from_slice(&octets(src));
    p.extend_from_slice(&octets(dst));
    let sum = fold(sum16(&p));
    p[10..12].copy_from_slice(&sum.to_be_bytes());
    p.extend_from_slice(payload);
    p
}

/// Splits an IP packet into fragments of at most `mtu` bytes (whole 8-byte units, RFC 791 and RFC 8200).
pub fn fragment(packet: &[u8], mtu: usize, id: u32) -> Vec<Vec<u8>> {
    if packet.len() <= mtu {
        return vec![packet.to_vec()];
    }
    let (src, dst, protocol, ttl, head) = addresses(packet);
    let v6 = src.is_ipv6();
    let unit = (mtu - if v6 { 48 } else { 20 }) / 8 * 8;
    let body = &packet[head..];
    let mut out = Vec::new();
    for (i, chunk) in body.chunks(unit).enumerate() {
        let offset = (i * unit / 8) as u16;
        let more = (i + 1) * unit < body.len();
        let meta = IpMeta {
            ttl,
            id: id as u16,
            df: false,
            flow_label: 0,
        };
        if v6 {
            let mut f = vec![protocol, 0];
            f.extend_from_slice(&(offset << 3 | u16::from(more)).to_be_bytes());
            f.extend_from_slice(&id.to_be_bytes());
            f.extend_from_slice(chunk);
            out.push(ip(src, dst, 44, meta, &f));
        } else {
            let flags = offset | if more { 0x2000 } else { 0 };
            out.push(ip4(src, dst, protocol, meta, flags, chunk));
        }
    }
    out
}

/// Source, destination, protocol, TTL and header length of a packet made here.
pub fn addresses(packet: &[u8]) -> (IpAddr, IpAddr, u8, u8, usize) {
    let v4 = |at: usize| IpAddr::from(<[u8; 4]>::try_from(&packet[at..at + 4]).unwrap());
    let v6 = |at: usize| IpAddr::from(<[u8; 16]>::try_from(&packet[at..at + 16]).unwrap());
    match packet[0] >> 4 {
        4 => (v4(12), v4(16), packet[9], packet[8], 20),
        _ => (v6(8), v6(24), packet[6], packet[7], 40),
    }
}

/// TCP flag bits.
pub mod flag {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgment number counts.
    pub const ACK: u8 = 0x10;
}

/// The fields of a TCP header that differ from segment to segment.
#[derive(Clone, Debug, Default)]
pub struct TcpHead {
    /// Sequence number of the first byte.
    pub seq: u32,
    /// Acknowledgment number (written also without the ACK flag).
    pub ack: u32,
    /// Flag bits, see [`flag`].
    pub flags: u8,
    /// Window field as written (not scaled).
    pub window: u16,
    /// Option bytes, padded to four here.
    pub options: Vec<u8>,
}

/// A TCP segment with its checksum.
pub fn tcp(src: SocketAddr, dst: SocketAddr, head: &TcpHead, payload: &[u8]) -> Vec<u8> {
    let mut options = head.options.clone();
    options.resize(options.len().div_ceil(4) * 4, 0);
    let mut s = Vec::with_capacity(20 + options.len() + payload.len());
    s.extend_from_slice(&src.port().to_be_bytes());
    s.extend_from_slice(&dst.port().to_be_bytes());
    s.extend_from_slice(&head.seq.to_be_bytes());
    s.extend_from_slice(&head.ack.to_be_bytes());
    s.extend_from_slice(&[(((20 + options.len()) / 4) << 4) as u8, head.flags]);
    s.extend_from_slice(&head.window.to_be_bytes());
    s.extend_from_slice(&[0; 4]);
    s.extend_from_slice(&options);
    s.extend_from_slice(payload);
    let sum = transport_checksum(src.ip(), dst.ip(), proto::TCP, &s);
    s[16..18].copy_from_slice(&sum.to_be_bytes());
    s
}

/// A UDP datagram with its checksum.
pub fn udp(src: SocketAddr, dst: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut d = Vec::with_capacity(8 + payload.len());
    d.extend_from_slice(&src.port().to_be_bytes());
    d.extend_from_slice(&dst.port().to_be_bytes());
    d.extend_from_slice(&((8 + payload.len()) as u16).to_be_bytes());
    d.extend_from_slice(&[0, 0]);
    d.extend_from_slice(payload);
    let sum = match transport_checksum(src.ip(), dst.ip(), proto::UDP, &d) {
        0 => 0xffff,
        sum => sum,
    };
    d[6..8].copy_from_slice(&sum.to_be_bytes());
    d
}

/// An ICMP error. The number is the code of the family it is sent in (RFC 792, RFC 4443).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icmp {
    /// Destination unreachable with this code (IPv4 type 3, IPv6 type 1).
    Unreachable(u8),
    /// Packet too big with the next hop's MTU (IPv4 type 3 code 4, IPv6 type 2).
    TooBig(u32),
    /// Time exceeded in transit (IPv4 type 11, IPv6 type 3; code 0).
    TimeExceeded,
}

/// The whole packet of an ICMP error sent by `from` about `quoted`, which goes to `quoted`'s source.
/// IPv4 quotes the IP header and 8 bytes more, at most 548 (Linux); IPv6 as much as fits 1280.
pub fn icmp_error(from: IpAddr, what: Icmp, quoted: &[u8], meta: IpMeta) -> Vec<u8> {
    let (to, ..) = addresses(quoted);
    let v6 = to.is_ipv6();
    let (kind, code, rest) = match (what, v6) {
        (Icmp::Unreachable(code), false) => (3, code, 0),
        (Icmp::Unreachable(code), true) => (1, code, 0),
        (Icmp::TooBig(mtu), false) => (3, 4, mtu & 0xffff),
        (Icmp::TooBig(mtu), true) => (2, 0, mtu),
        (Icmp::TimeExceeded, false) => (11, 0, 0),
        (Icmp::TimeExceeded, true) => (3, 0, 0),
    };
    let keep = quoted.len().min(if v6 { 1232 } else { 548 });
    let mut body = vec![kind, code, 0, 0];
    body.extend_from_slice(&rest.to_be_bytes());
    body.extend_from_slice(&quoted[..keep]);
    icmp(from, to, meta, body)
}

/// An echo request or reply (`reply`), which is traffic that says nothing about any attempt.
pub fn echo(from: IpAddr, to: IpAddr, reply: bool, seq: u16, meta: IpMeta) -> Vec<u8> {
    let kind = match (to.is_ipv6(), reply) {
        (false, false) => 8,
        (false, true) => 0,
        (true, false) => 128,
        (true, true) => 129,
    };
    let mut body = vec![kind, 0, 0, 0, 0x12, 0x34];
    body.extend_from_slice(&seq.to_be_bytes());
    body.extend(0x10..0x48);
    icmp(from, to, meta, body)
}

fn icmp(from: IpAddr, to: IpAddr, meta: IpMeta, mut body: Vec<u8>) -> Vec<u8> {
    let (protocol, sum) = if to.is_ipv6() {
        (
            proto::ICMPV6,
            transport_checksum(from, to, proto::ICMPV6, &body),
        )
    } else {
        (proto::ICMP, fold(sum16(&body)))
    };
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    ip(from, to, protocol, meta, &body)
}
