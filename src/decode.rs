//! Bytes to layers: one frame in, the innermost IP packet's addresses, ports, header fields and payload out.
//!
//! Two ways lead through this module:
//!
//! * [`decode_fast`] is written by hand: Ethernet, VLAN, raw IP and Linux cooked frames with a whole TCP or UDP packet
//!   in them. etherparse's slices take three times as long for these and know neither SLL2 nor the length on the wire.
//! * [`Decoder::decode`] tries it first, then takes the long way for all else. There etherparse carries the IP headers,
//!   IPv6 extension headers, the reassembly buffer, ICMP and TCP options. Own code is what it has no decoder for:
//!   link layers other than Ethernet, tunnels, and the bookkeeping around fragments (see [`fragment`]).
//!
//! Nothing here is stored but IP fragments, within the bounds that [`fragment`] states.

use crate::fact::icmp::IcmpError;
use crate::types::{Addr, Direction, Frame, LinkType, Mark};

use bytes::Bytes;
use trace::{Note, Trace};
use walk::{Context, Stop, Walk, Walked};

mod bytes;
mod cooked;
mod fast;
pub mod fragment;
mod icmp;
mod ip;
mod link;
mod linktype;
mod options;
mod ppp;
pub(crate) mod trace;
mod transport;
mod tunnel;
mod walk;
mod wifi;

#[cfg(test)]
mod tests;

pub use fast::decode_fast;
pub use linktype::{link_name, supports};

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
    /// Tunnel headers (IP in IP, GRE, VXLAN, Geneve, GTP-U, Teredo, …) were stripped to get here. VLAN tags, MPLS
    /// labels, PPPoE and AH are no tunnels in this sense.
    pub tunnelled: bool,
    /// The app or process that the capturing device names for this packet.
    pub app: Option<AppTag<'a>>,
    /// What IP carries.
    pub transport: Transport<'a>,
}

/// Who owns a packet, as the capturing device says: PCAPdroid's trailer or Apple's PKTAP header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AppTag<'a> {
    /// App or process name, cut short by the format (20 or 16 bytes); untrusted text.
    pub name: &'a str,
    /// Android user id of the app.
    pub uid: Option<i32>,
    /// Process id.
    pub pid: Option<i32>,
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
    /// Option bytes; fewer than the header says where the snap length cut them.
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

/// Bytes that cannot be what the layer before them announced. A fact about the capture, not a failure of the tool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DecodeError {
    /// The layer that could not be read ("ipv4", "tcp", …).
    pub layer: &'static str,
    /// Where it begins: bytes from the start of the frame, or of the reassembled IP payload.
    pub offset: usize,
    /// Bytes needed, or the smallest value that the field in question may have.
    pub needed: usize,
    /// Bytes there, or the value found.
    pub had: usize,
    /// The missing bytes were on the wire; the snap length cut them off.
    pub clipped: bool,
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cause = if self.clipped {
            " (cut by the snap length)"
        } else {
            ""
        };
        write!(
            f,
            "{} at byte {}: needed {}, had {}{cause}",
            self.layer, self.offset, self.needed, self.had
        )
    }
}

/// Who asks or answers whom in an ARP packet (RFC 826): IPv4 addresses of the sender and the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arp {
    /// The sender.
    pub from: Addr,
    /// Whom a reply is for, or who is asked for.
    pub to: Addr,
    /// A reply, not a request.
    pub reply: bool,
}

/// What became of one frame.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'a> {
    /// The innermost IP packet.
    Packet(Packet<'a>),
    /// Not IP (STP, 802.11 management, encrypted Wi-Fi, …).
    NotIp,
    /// An ARP packet (RFC 826).
    Arp(Arp),
    /// A fragment of an IP packet; the one that completes it gives the packet.
    Fragment,
    /// This link type cannot be read: the frame's own, or one nested in PPI or PKTAP.
    UnknownLink(LinkType),
    /// Cut or damaged bytes.
    Malformed(DecodeError),
}

/// Decodes frames. Keeps IP fragments until their packet is whole.
#[derive(Debug, Default)]
pub struct Decoder {
    fragments: fragment::Pool,
    /// Reassembled payloads: the second is for a fragmented packet inside a fragmented one. Deeper ones are dropped.
    whole: [Vec<u8>; 2],
}

impl Decoder {
    /// A decoder with no fragments pending.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes one frame. Frames should come in capture order; times only age fragments.
    pub fn decode<'a>(&'a mut self, frame: &Frame<'a>) -> Outcome<'a> {
        match decode_fast(frame) {
            Some(packet) => Outcome::Packet(packet),
            None => self.decode_slow(frame),
        }
    }

    /// What became of the fragments seen so far.
    #[must_use]
    pub fn fragment_counts(&self) -> fragment::Counts {
        self.fragments.counts()
    }

    #[inline(never)]
    fn decode_slow<'a>(&'a mut self, frame: &Frame<'a>) -> Outcome<'a> {
        resolve(&mut self.fragments, &mut self.whole, walk_frame(frame))
    }
}

/// Where the layers of a frame lie, as far as they can be read, outermost first.
pub(crate) fn layers(frame: &Frame<'_>, notes: &mut Vec<Note>) {
    let trace = Trace::new(std::mem::take(notes));
    let mut ctx = Context::traced(frame, &trace);
    if let Ok(packet) = link::network(&mut ctx, frame.link, Bytes::of(frame)) {
        let _ = ip::packet(ctx, packet);
    }
    *notes = trace.into_notes();
}

/// All layers of a frame, without the memory of earlier fragments.
fn walk_frame<'a>(frame: &Frame<'a>) -> Walked<'a> {
    let mut ctx = Context::new(frame);
    let packet = link::network(&mut ctx, frame.link, Bytes::of(frame))?;
    ip::packet(ctx, packet)
}

/// Puts fragments together and walks on inside the packet that becomes whole. Each round uses up one of `slots`.
fn resolve<'a>(
    pool: &mut fragment::Pool,
    slots: &'a mut [Vec<u8>],
    walked: Walked<'a>,
) -> Outcome<'a> {
    let piece = match walked {
        Ok(Walk::Packet(packet)) => return Outcome::Packet(packet),
        Ok(Walk::Fragment(piece)) => piece,
        Err(Stop::NotIp) => return Outcome::NotIp,
        Err(Stop::Arp(arp)) => return Outcome::Arp(arp),
        Err(Stop::UnknownLink(link)) => return Outcome::UnknownLink(link),
        Err(Stop::Malformed(error)) => return Outcome::Malformed(error),
    };
    let Some((slot, rest)) = slots.split_first_mut() else {
        return Outcome::Fragment;
    };
    let Some(protocol) = pool.add(&piece, slot) else {
        return Outcome::Fragment;
    };
    let body = Bytes::whole(slot);
    resolve(
        pool,
        rest,
        ip::upper(piece.ctx, piece.header, protocol, body),
    )
}
