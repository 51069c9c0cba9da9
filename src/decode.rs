//! Bytes to layers: one frame in, the innermost IP packet's addresses, ports, header fields and payload out.

use crate::fact::icmp::IcmpError;
use crate::types::{Addr, Direction, Mark};

/// A decoded packet. Slices point into the frame, or into the decoder's buffer for reassembled fragments.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The frame it came in (the last fragment's, where it was reassembled).
    pub mark: Mark,
    /// IP source.
    pub src: Addr,
    /// IP destination.
    pub dst: Addr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification; 0 for IPv6.
    pub ip_id: u16,
    /// Don't-fragment bit (always true for IPv6).
    pub dont_fragment: bool,
    /// Direction, where the link layer or the file states it.
    pub direction: Direction,
    /// Tunnel headers were stripped to get here.
    pub tunnelled: bool,
    /// What IP carries.
    pub transport: Transport<'a>,
}

/// The transport layer.
#[derive(Clone, Copy, Debug)]
pub enum Transport<'a> {
    /// TCP segment.
    Tcp(Segment<'a>),
    /// UDP datagram.
    Udp(Datagram<'a>),
    /// An ICMP or ICMPv6 error that quotes a TCP or UDP packet.
    Icmp(IcmpError),
    /// Anything else, with its IP protocol number.
    Other(u8),
}

/// A TCP segment (RFC 9293 section 3.1).
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number (meaningful with the ACK flag).
    pub ack: u32,
    /// Flags.
    pub flags: TcpFlags,
    /// Window field, unscaled.
    pub window: u16,
    /// Option bytes.
    pub options: &'a [u8],
    /// Captured payload.
    pub payload: &'a [u8],
    /// Payload length on the wire; larger than `payload.len()` where the snap length cut it.
    pub payload_len: u32,
}

/// A UDP datagram.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Captured payload.
    pub payload: &'a [u8],
    /// Payload length on the wire.
    pub payload_len: u32,
}

/// TCP flag bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// FIN
    pub const FIN: u8 = 0x01;
    /// SYN
    pub const SYN: u8 = 0x02;
    /// RST
    pub const RST: u8 = 0x04;
    /// PSH
    pub const PSH: u8 = 0x08;
    /// ACK
    pub const ACK: u8 = 0x10;

    /// Any of these bits set.
    #[must_use]
    pub const fn has(self, bits: u8) -> bool {
        self.0 & bits != 0
    }
}
