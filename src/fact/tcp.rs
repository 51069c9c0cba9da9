//! What a TCP connection shows (RFC 9293, 2018, 7323).
//!
//! Offsets count a side's stream bytes from 0, the byte after its SYN. Sequence numbers are turned into
//! offsets once, by the tracker; nothing later has to think about wrapping.

use crate::fact::icmp::IcmpError;
use crate::types::{Both, Mark, Side, Timestamp};
use std::time::Duration;

/// Packets of one kind that may be sent again: SYN, SYN-ACK.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tries {
    /// The first eight of them.
    pub marks: Vec<Mark>,
    /// The last one seen.
    pub last: Option<Mark>,
    /// How many were seen, copies made by the capture not counted.
    pub count: u32,
}

impl Tries {
    /// How many marks are kept.
    pub const KEPT: usize = 8;

    /// Notes one more.
    pub fn add(&mut self, mark: Mark) {
        if self.marks.len() < Self::KEPT {
            self.marks.push(mark);
        }
        self.last = Some(mark);
        self.count = self.count.saturating_add(1);
    }

    /// The first one.
    #[must_use]
    pub fn first(&self) -> Option<Mark> {
        self.marks.first().copied()
    }
}

/// A segment with the RST flag, with what is needed to doubt its sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reset {
    /// Whose address it carries.
    pub from: Side,
    /// The packet.
    pub mark: Mark,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification (0 for IPv6).
    pub ip_id: u16,
    /// Window field.
    pub window: u16,
    /// It also carries the ACK flag.
    pub with_ack: bool,
    /// It acknowledges exactly the client's SYN (ISN + 1) and no SYN-ACK came before it.
    pub answers_syn: bool,
    /// Its sequence number lies where its sender's next byte is due (or, in answer to a SYN, is acceptable).
    pub in_sequence: bool,
    /// Stream bytes of the other side that this side had acknowledged, or acknowledges with it.
    pub acked: u64,
    /// It acknowledges bytes of the other side that the capture has not shown, a hello's worth at most: they were on the
    /// wire.
    pub acks_unseen: bool,
    /// Stream bytes its sender had sent before it.
    pub sent: u64,
    /// Its sequence number as an offset into its sender's stream; `None` where that is not known or nonsense.
    pub seq: Option<u64>,
}

/// A data segment that is not acknowledged yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// Offset of its first byte.
    pub offset: u64,
    /// Payload length in bytes.
    pub length: u32,
    /// The packet.
    pub mark: Mark,
    /// These bytes had been sent before.
    pub again: bool,
}

impl Sent {
    /// The byte at this offset is in it.
    #[must_use]
    pub fn holds(&self, offset: u64) -> bool {
        self.offset <= offset && offset < self.offset + u64::from(self.length)
    }
}

/// What one side sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Half {
    /// Segments of any kind.
    pub packets: u32,
    /// First and last segment.
    pub first: Option<Mark>,
    /// Last segment.
    pub last: Option<Mark>,
    /// First segment with data.
    pub first_data: Option<Mark>,
    /// Last segment with data not sent before.
    pub last_new_data: Option<Mark>,
    /// Segments with data.
    pub data_segments: u32,
    /// Segments that carried bytes sent before and not just reordered, kept alive or copied by the capture.
    pub retransmitted: u32,
    /// Segments that came after one with a higher offset, too soon to be a retransmission.
    pub reordered: u32,
    /// Segments that repeat a packet as the capture saw it twice.
    pub copies: u32,
    /// Keep-alive probes.
    pub keep_alives: u32,
    /// Segments with nonsense sequence numbers.
    pub out_of_window: u32,
    /// Holes in the stream that a resend filled: the capture shows the bytes once, too late.
    pub holes_filled: u32,
    /// Segments lost on the way as far as resends tell: bytes sent again before they were acknowledged, and holes
    /// filled too late for reordering; less what the other side reported as received twice (RFC 2883).
    pub lost: u32,
    /// The segments that show it, the first eight.
    pub lost_marks: Vec<Mark>,
    /// Highest offset sent: the stream's length as far as seen.
    pub sent: u64,
    /// How far the other side has acknowledged this stream.
    pub acked: u64,
    /// The packet of the other side that last moved `acked`.
    pub acked_at: Option<Mark>,
    /// The packet of the other side that first acknowledged stream data (`acked` above 0).
    pub first_acked_at: Option<Mark>,
    /// Bytes that the other side acknowledged and the capture never showed.
    pub unseen: u64,
    /// The first missing byte, where the stream as captured has a hole now.
    pub hole_at: Option<u64>,
    /// Where the captured bytes go on behind that hole.
    pub hole_end: Option<u64>,
    /// The first segment that came behind that hole.
    pub hole_since: Option<Mark>,
    /// Segments waiting behind that hole and those that follow it.
    pub beyond_hole: u32,
    /// Data not acknowledged yet, oldest first, resends included; at most 16.
    pub in_flight: Vec<Sent>,
    /// Largest data segment that was acknowledged, payload bytes.
    pub largest_acked: u32,
    /// Largest data segment sent, payload bytes.
    pub largest_sent: u32,
    /// SACK blocks from the other side said that bytes beyond those acknowledged arrived, and these are missing still.
    pub sacked_at: Option<Mark>,
    /// The end of the furthest of these blocks.
    pub sacked: u64,
    /// MSS option of the SYN or SYN-ACK.
    pub mss: Option<u16>,
    /// TTL or hop limit of the first packet.
    pub ttl: u8,
    /// Smallest TTL of packets other than RST.
    pub ttl_min: u8,
    /// Largest TTL of packets other than RST.
    pub ttl_max: u8,
    /// IP identification of the last packet other than RST.
    pub ip_id: u16,
    /// All packets so far, RST aside, had IP identification 0.
    pub ip_id_zero: bool,
    /// Window field of the last packet other than RST.
    pub window: u16,
    /// This side announced a window of zero and it lasts since.
    pub zero_window_since: Option<Mark>,
    /// Longest time that a zero window lasted.
    pub zero_window_longest: Duration,
    /// The packets that closed and opened the window then.
    pub zero_window_at: Option<[Mark; 2]>,
    /// Largest window field after the SYN: the scale is the same for all of these.
    pub window_max: u16,
    /// FIN.
    pub fin: Option<Mark>,
    /// A payload was cut by the snap length.
    pub clipped: bool,
}

impl Half {
    /// Counts a segment that shows a loss.
    pub fn add_lost(&mut self, mark: Mark) {
        self.lost += 1;
        if self.lost_marks.len() < Tries::KEPT {
            self.lost_marks.push(mark);
        }
    }

    /// Bytes sent and not acknowledged.
    #[must_use]
    pub fn outstanding(&self) -> u64 {
        self.sent.saturating_sub(self.acked)
    }

    /// Bytes acknowledged that the capture never showed, holes and what was missed at the end (a FIN that was not
    /// seen takes one number and is no byte).
    #[must_use]
    pub fn all_unseen(&self) -> u64 {
        let tail = self.acked.saturating_sub(self.sent);
        self.unseen + if tail > 1 { tail } else { 0 }
    }

    /// How often the oldest unacknowledged byte was sent, and when: its first segment and its resends.
    pub fn oldest_unacked(&self) -> impl Iterator<Item = &Sent> {
        let from = self.acked;
        self.in_flight.iter().filter(move |s| s.holds(from))
    }
}

/// All that was seen of one TCP connection.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TcpFacts {
    /// The client's SYN and its resends (same ISN).
    pub syn: Tries,
    /// The server's SYN-ACK that acknowledges the SYN exactly, and its resends.
    pub syn_ack: Tries,
    /// SYN-ACKs whose acknowledgement number fits no SYN of this connection, or with another number than the first.
    pub foreign_syn_acks: u32,
    /// The client's first segment that acknowledges the SYN-ACK exactly, or data beyond it.
    pub ack: Option<Mark>,
    /// The client's first acknowledgement of any kind, whether or not a SYN-ACK is in the capture.
    pub went_on: Option<Mark>,
    /// SYN-ACKs that came after `ack`: the server has not got it.
    pub syn_acks_after_ack: u32,
    /// Data in the SYN (TCP Fast Open).
    pub fast_open: bool,
    /// What each side sent.
    pub half: Both<Half>,
    /// Segments with RST, at most 4.
    pub resets: Vec<Reset>,
    /// All RSTs seen.
    pub reset_count: u32,
    /// The server sent data after its RST: the RST was not the server's own.
    pub data_after_reset: Option<Mark>,
    /// ICMP errors that quote it, at most 4.
    pub icmp: Vec<IcmpError>,
    /// The connection began before the capture: no SYN and no SYN-ACK was seen.
    pub midstream: bool,
}

impl TcpFacts {
    /// The handshake was completed, as sequence numbers prove: SYN-ACK and the client's acknowledgement of it.
    /// Where the capture lacks one of them, data of the server or data that it acknowledged proves it as well.
    /// A connection that began before the capture counts as established once both sides were seen.
    #[must_use]
    pub fn established(&self) -> bool {
        if self.midstream {
            return self.two_way();
        }
        let took_data = !self.fast_open && self.half[Side::Client].acked > 0;
        self.ack.is_some() || self.half[Side::Server].first_data.is_some() || took_data
    }

    /// The client sent more than SYNs and resets, so it had got an answer, captured or not.
    #[must_use]
    pub fn client_went_on(&self) -> bool {
        let resets = self.resets.iter().filter(|r| r.from == Side::Client);
        let opening = self.syn.count as usize + resets.count();
        self.half[Side::Client].packets as usize > opening && self.reset_count <= 4
    }

    /// Both directions were seen.
    #[must_use]
    pub fn two_way(&self) -> bool {
        self.half.0.iter().all(|h| h.packets > 0)
    }

    /// SYN to SYN-ACK; from the last SYN before it, none where that is ambiguous (a resent SYN less than 1 ms before).
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        let answer = self.syn_ack.first()?;
        let mut asked = self.syn.marks.iter().rev();
        let asked = asked.find(|m| m.time <= answer.time)?;
        let rtt = answer.time.since(asked.time);
        (self.syn.count == 1 || rtt >= Duration::from_millis(1)).then_some(rtt)
    }

    /// First SYN to first SYN-ACK.
    #[must_use]
    pub fn connect_time(&self) -> Option<Duration> {
        Some(self.syn_ack.first()?.time.since(self.syn.first()?.time))
    }

    /// First RST that carries this side's address.
    #[must_use]
    pub fn reset_from(&self, side: Side) -> Option<&Reset> {
        self.resets.iter().find(|r| r.from == side)
    }

    /// Time of the last packet of either side.
    #[must_use]
    pub fn last_time(&self) -> Option<Timestamp> {
        self.half
            .0
            .iter()
            .filter_map(|h| h.last)
            .map(|m| m.time)
            .max()
    }

    /// Bytes acknowledged that the capture never showed, both sides: proof that packets are missing from it.
    #[must_use]
    pub fn unseen(&self) -> u64 {
        self.half.0.iter().map(Half::all_unseen).sum()
    }
}
