//! One TCP connection: segments in, facts and ordered bytes out (RFC 9293; loss and reordering told apart by
//! offset, time and IP identification, not by counting flags).
//!
//! Bytes go straight from the segment to the consumer while they come in order; only segments behind a hole
//! are copied, up to [`MAX_HELD`] bytes a side, and only while the consumer still wants that stream. A hole
//! is given up (reported as a gap) when the other side has acknowledged it, that is: the capture missed it.

use crate::decode::{Packet, Segment, TcpFlags};
use crate::fact::icmp::IcmpError;
use crate::fact::tcp::{Reset, TcpFacts};
use crate::types::{Both, Mark, Side};
use std::time::Duration;

mod half;
mod recent;
mod stream;
#[cfg(test)]
mod tests;

pub use stream::MAX_HELD;

use half::{note_data, note_hole, note_packet, retire_acked};
use recent::{Recent, signature, syn_signature};
use stream::{GiveUp, Opened, Stream};

/// A hole filled within this time was reordering (as Wireshark: 3 ms), or within half a round trip if that is
/// longer: a sender learns of the loss no sooner than after a whole one.
const REORDER_WINDOW: Duration = Duration::from_millis(3);
/// Within this time packets with one TSval were sent at one go: most stacks count milliseconds, some hundredths.
const SAME_TICK: Duration = Duration::from_millis(20);
/// Resets and ICMP errors remembered.
const MAX_ERRORS: usize = 4;
/// Bytes not seen that an acknowledgement in a reset may be about; beyond that it is taken for nonsense.
const MAX_UNSEEN: u64 = 16 << 10;

/// Where ordered bytes go.
pub trait StreamSink {
    /// The next bytes of one side's stream.
    fn data(&mut self, side: Side, bytes: &[u8], mark: Mark);
    /// Bytes of it that the capture does not hold.
    fn gap(&mut self, side: Side, missing: u64, mark: Mark);
    /// Still interested in that side's bytes?
    fn wants(&self, side: Side) -> bool;
}

/// What identifies a packet besides TCP: for telling copies and forgeries.
#[derive(Clone, Copy, Debug)]
pub struct IpFields {
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification, 0 for IPv6.
    pub ip_id: u16,
}

impl From<&Packet<'_>> for IpFields {
    fn from(p: &Packet<'_>) -> Self {
        Self {
            ttl: p.ttl,
            ip_id: p.ip_id,
        }
    }
}

/// The first SYN of a connection in few bytes, for flows that never get a second packet.
#[derive(Clone, Copy, Debug)]
pub struct FirstSyn {
    /// Initial sequence number.
    pub isn: u32,
    /// MSS option, 0 where absent.
    pub mss: u16,
    /// Window field.
    pub window: u16,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification.
    pub ip_id: u16,
}

/// Tracks one connection.
#[derive(Debug)]
pub struct TcpTracker {
    facts: TcpFacts,
    stream: Both<Stream>,
    recent: Both<Recent>,
    client_isn: Option<u32>,
}

/// What is handled together: a segment and the packet around it.
#[derive(Clone, Copy)]
struct Seen<'a, 'b> {
    side: Side,
    segment: &'a Segment<'b>,
    ip: IpFields,
    mark: Mark,
}

impl TcpTracker {
    /// Starts with the connection's first SYN.
    #[must_use]
    pub fn from_syn(syn: FirstSyn, mark: Mark) -> Self {
        let mut tracker = Self::empty();
        tracker.client_isn = Some(syn.isn);
        tracker.stream[Side::Client].begin(syn.isn.wrapping_add(1));
        tracker.facts.syn.add(mark);
        let signature = syn_signature(syn.isn, TcpFlags::SYN, syn.ip_id);
        tracker.recent[Side::Client].push(signature, mark);
        let half = &mut tracker.facts.half[Side::Client];
        let ip = IpFields {
            ttl: syn.ttl,
            ip_id: syn.ip_id,
        };
        note_packet(half, ip, mark);
        half.window = syn.window;
        half.mss = (syn.mss > 0).then_some(syn.mss);
        tracker
    }

    /// Starts with a packet that is no SYN of a client.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            facts: TcpFacts::default(),
            stream: Both::default(),
            recent: Both::default(),
            client_isn: None,
        }
    }

    /// What was seen so far.
    #[must_use]
    pub fn facts(&self) -> &TcpFacts {
        &self.facts
    }

    /// The sequence number of the first byte of that side's stream, where it is known.
    #[must_use]
    pub fn origin(&self, side: Side) -> Option<u32> {
        self.stream[side].base()
    }

    /// Ends tracking and gives what was seen.
    #[must_use]
    pub fn into_facts(self) -> TcpFacts {
        self.facts
    }

    /// Binds an ICMP error to the connection.
    pub fn icmp(&mut self, error: IcmpError) {
        if self.facts.icmp.len() < MAX_ERRORS {
            self.facts.icmp.push(error);
        }
    }

    /// Takes one segment of `side`; ordered bytes go to `sink`.
    pub fn segment(
        &mut self,
        side: Side,
        segment: &Segment<'_>,
        ip: IpFields,
        mark: Mark,
        sink: &mut impl StreamSink,
    ) {
        let bare = Segment {
            payload: &[],
            payload_len: 0,
            ..*segment
        };
        let segment = if is_padding(segment) { &bare } else { segment };
        let seen = Seen {
            side,
            segment,
            ip,
            mark,
        };
        if segment.flags.has(TcpFlags::RST) {
            self.reset(seen);
            return;
        }
        if segment.flags.has(TcpFlags::SYN) {
            if !self.syn(seen) {
                return;
            }
        } else if self.stream[side].base().is_none() {
            self.join_midstream(seen);
        }
        note_packet(&mut self.facts.half[side], ip, mark);
        if segment.flags.has(TcpFlags::ACK) {
            self.acknowledge(seen);
        }
        self.window(seen);
        if segment.payload_len > 0 {
            self.payload(seen, sink);
        } else {
            self.probe(seen);
        }
        if segment.flags.has(TcpFlags::FIN) {
            self.fin(seen);
        }
        self.give_up(side.other(), GiveUp::Waited(mark), sink);
    }

    /// Says that nothing more comes: what waits behind holes is handed on, each hole as a gap. The facts keep the
    /// first hole that nobody acknowledged.
    pub fn finish(&mut self, sink: &mut impl StreamSink) {
        for side in [Side::Client, Side::Server] {
            self.give_up(side, GiveUp::Acknowledged, sink);
            let lasting = self.stream[side].hole();
            self.give_up(side, GiveUp::All, sink);
            note_hole(&mut self.facts.half[side], lasting);
        }
    }

    /// The first byte seen of a side is taken as its stream's start.
    fn join_midstream(&mut self, seen: Seen<'_, '_>) {
        self.stream[seen.side].begin(seen.segment.seq);
        self.facts.midstream |= self.facts.syn.count == 0 && self.facts.syn_ack.count == 0;
    }

    /// Whether the SYN or SYN-ACK belongs to this connection and is no copy.
    fn syn(&mut self, seen: Seen<'_, '_>) -> bool {
        let Seen {
            side,
            segment,
            ip,
            mark,
        } = seen;
        let flags = segment.flags.0 & (TcpFlags::SYN | TcpFlags::ACK);
        let signature = syn_signature(segment.seq, flags, ip.ip_id);
        if self.recent[side].has(signature, ip, mark) {
            self.facts.half[side].copies += 1;
            return false;
        }
        let with_ack = segment.flags.has(TcpFlags::ACK);
        let belongs = match (side, with_ack) {
            (Side::Client, _) => self.client_syn(segment, mark),
            (Side::Server, false) => {
                self.stream[side].begin(segment.seq.wrapping_add(1)); // simultaneous open
                true
            }
            (Side::Server, true) => self.syn_ack(segment, mark),
        };
        if belongs {
            self.recent[side].push(signature, mark);
            let half = &mut self.facts.half[side];
            half.mss = half.mss.or_else(|| segment.mss());
        }
        belongs
    }

    fn client_syn(&mut self, segment: &Segment<'_>, mark: Mark) -> bool {
        let base = segment.seq.wrapping_add(1);
        let known = self.client_isn.map(|isn| isn.wrapping_add(1));
        if known
            .or(self.stream[Side::Client].base())
            .is_some_and(|known| known != base)
        {
            self.facts.half[Side::Client].out_of_window += 1;
            return false;
        }
        self.client_isn = Some(segment.seq);
        self.stream[Side::Client].begin(base);
        self.facts.midstream = false; // it only came late in the capture
        self.facts.syn.add(mark);
        self.facts.fast_open |= segment.payload_len > 0;
        true
    }

    fn syn_ack(&mut self, segment: &Segment<'_>, mark: Mark) -> bool {
        let base = segment.seq.wrapping_add(1);
        let first = self.facts.syn_ack.count == 0;
        let fits = self
            .client_isn
            .is_none_or(|isn| self.covers_syn(isn, segment));
        let same = first || self.stream[Side::Server].base() == Some(base);
        if !fits || !same {
            self.facts.foreign_syn_acks += 1;
            return false;
        }
        if first && self.stream[Side::Server].base() != Some(base) {
            // What came before it (the ACK of an earlier connection's end, RFC 9293 section 3.5.2) was no part of it.
            self.stream[Side::Server].restart(base);
            let half = &mut self.facts.half[Side::Server];
            (half.sent, half.acked) = (0, 0);
        }
        if self.client_isn.is_none() {
            // The SYN came before the capture: the SYN-ACK tells where the client's stream begins.
            self.stream[Side::Client].begin(segment.ack);
        }
        self.facts.syn_ack.add(mark);
        self.facts.syn_acks_after_ack += u32::from(self.facts.ack.is_some());
        true
    }

    /// A SYN-ACK fits when it acknowledges ISN + 1, or data sent with the SYN (RFC 7413).
    fn covers_syn(&self, isn: u32, segment: &Segment<'_>) -> bool {
        let beyond = segment.ack.wrapping_sub(isn.wrapping_add(1));
        u64::from(beyond) <= self.facts.half[Side::Client].sent
    }

    fn acknowledge(&mut self, seen: Seen<'_, '_>) {
        let Seen {
            side,
            segment,
            mark,
            ..
        } = seen;
        let other = side.other();
        self.stream[other].begin(segment.ack);
        let half = &mut self.facts.half[other];
        let near = half.sent.max(half.acked);
        let Some(offset) = self.stream[other].place_ack(segment.ack, near) else {
            return;
        };
        let handshake = side == Side::Client && !segment.flags.has(TcpFlags::SYN);
        if handshake {
            self.facts.went_on.get_or_insert(mark);
        }
        if handshake && self.facts.ack.is_none() && self.facts.syn_ack.count > 0 {
            self.facts.ack = Some(mark);
        }
        // A FIN takes one sequence number; it is no stream byte.
        let offset = if half.fin.is_some() && offset == half.sent + 1 {
            half.sent
        } else {
            offset
        };
        if offset > half.acked {
            half.acked = offset;
            half.acked_at = Some(mark);
            half.first_acked_at.get_or_insert(mark);
            retire_acked(half);
        }
        if may_have_sack(segment.options) {
            self.sack(other, segment, mark);
        }
    }

    /// SACK blocks about the stream of `side` (RFC 2018); the first may report what came twice (RFC 2883).
    fn sack(&mut self, side: Side, segment: &Segment<'_>, mark: Mark) {
        let (stream, half) = (&self.stream[side], &mut self.facts.half[side]);
        for (at, (_, right)) in segment.sack_blocks().enumerate() {
            match stream.offset(right, half.acked) {
                Some(right) if right > half.acked => {
                    half.sacked_at.get_or_insert(mark);
                    half.sacked = half.sacked.max(right);
                }
                Some(_) if at == 0 => half.lost = half.lost.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn window(&mut self, seen: Seen<'_, '_>) {
        let Seen { segment, mark, .. } = seen;
        let half = &mut self.facts.half[seen.side];
        half.window = segment.window;
        if !segment.flags.has(TcpFlags::SYN) {
            half.window_max = half.window_max.max(segment.window);
        }
        if segment.window == 0 && !segment.flags.has(TcpFlags::SYN) {
            half.zero_window_since.get_or_insert(mark);
        } else if let Some(since) = half.zero_window_since.take() {
            let lasted = mark.time.since(since.time);
            if lasted > half.zero_window_longest {
                half.zero_window_longest = lasted;
                half.zero_window_at = Some([since, mark]);
            }
        }
    }

    /// A segment without data: a keep-alive probe lies one byte before the next.
    fn probe(&mut self, seen: Seen<'_, '_>) {
        let half = &mut self.facts.half[seen.side];
        if seen.segment.flags.has(TcpFlags::SYN | TcpFlags::FIN) || half.sent == 0 {
            return;
        }
        let offset = self.stream[seen.side].offset(seen.segment.seq, half.sent);
        half.keep_alives += u32::from(offset == Some(half.sent - 1) && half.outstanding() == 0);
    }

    fn payload(&mut self, seen: Seen<'_, '_>, sink: &mut impl StreamSink) {
        let Seen {
            side,
            segment,
            ip,
            mark,
        } = seen;
        let half = &mut self.facts.half[side];
        let seq = first_byte(segment);
        let Some(offset) = self.stream[side].place(seq, half.sent.max(half.acked)) else {
            self.outside(side, seq);
            return;
        };
        let end = offset + u64::from(segment.payload_len);
        if segment.payload_len == 1 && end == half.sent && half.outstanding() == 0 {
            half.keep_alives += 1;
            return;
        }
        let signature = signature(segment, ip);
        if end <= half.sent && self.recent[side].has(signature, ip, mark) {
            half.copies += 1;
            return;
        }
        self.recent[side].push(signature, mark);
        let again = offset < half.sent;
        self.note_late(seen, offset, end);
        self.classify(seen, offset, end);
        note_data(&mut self.facts.half[side], segment, offset, again, mark);
        self.stream[side].take(seen, offset, sink);
        self.give_up(side, GiveUp::Waited(mark), sink);
    }

    /// A segment below the stream's start or far outside it.
    fn outside(&mut self, side: Side, seq: u32) {
        let before = self.stream[side].base() == Some(seq.wrapping_add(1));
        let half = &mut self.facts.half[side];
        if before {
            half.keep_alives += 1;
        } else {
            half.out_of_window += 1;
        }
    }

    /// New data, reordering or retransmission?
    fn classify(&mut self, seen: Seen<'_, '_>, offset: u64, end: u64) {
        let window = self.reorder_window();
        let stream = &self.stream[seen.side];
        let half = &mut self.facts.half[seen.side];
        if end > half.sent {
            if offset < half.sent {
                half.retransmitted += 1;
                if half.acked < half.sent {
                    half.add_lost(seen.mark);
                }
            }
            half.sent = end;
            half.last_new_data = Some(seen.mark);
            return;
        }
        if stream.covers(offset, end) {
            half.retransmitted += 1;
            let first = half.in_flight.iter().find(|s| s.holds(offset));
            let too_soon = first.is_some_and(|s| seen.mark.time.since(s.mark.time) < window);
            if end > half.acked && !too_soon {
                half.add_lost(seen.mark);
            }
            return;
        }
        let opened = stream.hole_opened(offset);
        let overtaken = opened.is_some_and(|opened| {
            seen.mark.time.since(opened.mark.time) < window
                || sent_before(seen.ip.ip_id, opened.ip_id)
                || stamped_before(seen, opened)
        });
        if overtaken {
            half.reordered += 1;
        } else {
            half.retransmitted += 1;
            half.holes_filled += 1;
            half.add_lost(seen.mark);
        }
    }

    fn reorder_window(&self) -> Duration {
        let half_trip = self.facts.rtt().unwrap_or_default() / 2;
        half_trip.max(REORDER_WINDOW)
    }

    /// Data of the server after its reset, other than what may have been under way together with it.
    fn note_late(&mut self, seen: Seen<'_, '_>, offset: u64, end: u64) {
        if seen.side == Side::Client {
            return;
        }
        let Some(reset) = self.facts.reset_from(Side::Server) else {
            return;
        };
        // The later it comes, the less it can have been overtaken: what comes at once is no last word.
        let known = self.facts.data_after_reset;
        if known.is_some_and(|m| m.time.since(reset.mark.time) >= self.reorder_window()) {
            return;
        }
        let beyond = reset.seq.is_none_or(|seq| end > seq);
        let resent = self.stream[seen.side].covers(offset, end)
            && seen.mark.time.since(reset.mark.time) >= self.reorder_window();
        if beyond || resent {
            self.facts.data_after_reset = Some(seen.mark);
        }
    }

    fn fin(&mut self, seen: Seen<'_, '_>) {
        let half = &mut self.facts.half[seen.side];
        if half.fin.is_some() {
            return;
        }
        let seq = first_byte(seen.segment).wrapping_add(seen.segment.payload_len);
        let near = half.sent.max(half.acked);
        match self.stream[seen.side].place(seq, near) {
            Some(_) => half.fin = Some(seen.mark),
            None => half.out_of_window += 1,
        }
        if half.fin.is_some() && half.acked == half.sent + 1 {
            half.acked = half.sent; // its acknowledgement was captured first
        }
    }

    fn give_up(&mut self, side: Side, which: GiveUp, sink: &mut impl StreamSink) {
        let half = &mut self.facts.half[side];
        let stream = &mut self.stream[side];
        if half.hole_at.is_none() && stream.hole().is_none() {
            return;
        }
        half.unseen += stream.give_up(side, half.acked, which, sink);
        note_hole(half, stream.hole());
    }

    fn reset(&mut self, seen: Seen<'_, '_>) {
        let Seen {
            side,
            segment,
            ip,
            mark,
        } = seen;
        let half = &mut self.facts.half[side];
        let signature = signature(segment, ip);
        if self.recent[side].has(signature, ip, mark) {
            half.copies += 1;
            return;
        }
        self.recent[side].push(signature, mark);
        half.packets += 1;
        half.first.get_or_insert(mark);
        half.last = Some(mark);
        self.facts.reset_count = self.facts.reset_count.saturating_add(1);
        if self.facts.resets.len() < MAX_ERRORS {
            let reset = self.describe_reset(seen);
            self.facts.resets.push(reset);
        }
    }

    fn describe_reset(&self, seen: Seen<'_, '_>) -> Reset {
        let Seen {
            side,
            segment,
            ip,
            mark,
        } = seen;
        let with_ack = segment.flags.has(TcpFlags::ACK);
        let isn = self.client_isn.filter(|_| side == Side::Server && with_ack);
        let answers_syn =
            self.facts.syn_ack.count == 0 && isn.is_some_and(|isn| self.covers_syn(isn, segment));
        let (half, other) = (&self.facts.half[side], &self.facts.half[side.other()]);
        let due = half.sent.max(half.acked);
        let seq = self.stream[side].offset(segment.seq, due);
        let in_sequence = match self.stream[side].base() {
            Some(_) => seq.is_some_and(|seq| seq == due || seq == due + 1),
            None => answers_syn,
        };
        let says = self.stream[side.other()].offset(segment.ack, other.acked);
        let says = says.filter(|_| with_ack);
        let acks_unseen =
            says.is_some_and(|says| says > other.sent && says - other.sent <= MAX_UNSEEN);
        // One more than the bytes seen: a FIN that the capture missed.
        let says = says.filter(|says| *says <= other.sent + 1);
        Reset {
            from: side,
            mark,
            ttl: ip.ttl,
            ip_id: ip.ip_id,
            window: segment.window,
            with_ack,
            answers_syn,
            in_sequence,
            acked: says.unwrap_or_default().max(other.acked),
            acks_unseen,
            sent: half.sent,
            seq,
        }
    }
}

/// Sequence number of the first payload byte: a SYN takes one before it.
fn first_byte(segment: &Segment<'_>) -> u32 {
    let syn = u32::from(segment.flags.has(TcpFlags::SYN));
    segment.seq.wrapping_add(syn)
}

/// IP identifications count up: this packet left its sender shortly before the other one, so it was overtaken.
const fn sent_before(ip_id: u16, other: u16) -> bool {
    ip_id != 0 && other != 0 && matches!(other.wrapping_sub(ip_id), 1..=1024)
}

/// TSvals only grow (RFC 7323 section 4.1), and what is sent again gets a new one: this packet left its sender before
/// the other one, so it was overtaken. The same tick says so where the two came soon after each other.
fn stamped_before(seen: Seen<'_, '_>, opened: Opened) -> bool {
    let (Some((stamp, _)), Some(other)) = (seen.segment.timestamps(), opened.stamp) else {
        return false;
    };
    match other.wrapping_sub(stamp) {
        0 => seen.mark.time.since(opened.mark.time) < SAME_TICK,
        ahead => ahead < 1 << 31,
    }
}

/// The zeros with which Ethernet fills short frames, which some devices count as data: an ACK of at most 46 bytes.
fn is_padding(segment: &Segment<'_>) -> bool {
    let short = 40 + segment.options.len() + segment.payload_len as usize <= 46;
    let whole = segment.payload.len() == segment.payload_len as usize;
    let bare = segment.flags.0 & !TcpFlags::FIN == TcpFlags::ACK && segment.payload_len > 1;
    short && whole && bare && segment.payload.iter().all(|b| *b == 0)
}

/// Options that are more than the usual timestamps.
fn may_have_sack(options: &[u8]) -> bool {
    options.len() > 9 && !(options.len() == 12 && options.starts_with(&[1, 1, 8, 10]))
}
