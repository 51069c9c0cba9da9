//! One TCP connection: segments in, facts and ordered bytes out (RFC 9293; loss and reordering told apart by
//! offset, time and IP identification, not by counting flags).
//!
//! Bytes go straight from the segment to the consumer while they come in order; only segments behind a hole
//! are copied, up to [`MAX_HELD`] bytes a side, and only while the consumer still wants that stream. A hole
//! is given up (reported as a gap) when the other side has acknowledged it, that is: the capture missed it.

use crate::decode::{Packet, Segment, TcpFlags};
use crate::fact::icmp::IcmpError;
use crate::fact::tcp::{Half, Reset, Sent, TcpFacts};
use crate::types::{Both, Mark, Side};
use std::time::Duration;

/// Bytes kept behind a hole, per side.
pub const MAX_HELD: usize = 128 * 1024;
/// Segments kept behind a hole, per side.
const MAX_HELD_SEGMENTS: usize = 128;
/// A hole that is acknowledged is given up when this many segments wait behind it: the capture may have
/// swapped neighbours, but not by that many.
const PATIENCE: usize = 4;
/// A segment that jumps further than this is no part of the stream (largest scaled window, RFC 7323).
const MAX_JUMP: i64 = 1 << 30;
/// A byte seen again within this time, by a packet with the same IP identification, is the capture's copy.
const COPY_WINDOW: Duration = Duration::from_millis(20);
/// A hole filled within this time was reordering (as Wireshark: 3 ms), later it was a retransmission.
const REORDER_WINDOW: Duration = Duration::from_millis(3);
/// Unacknowledged segments remembered per side.
const MAX_IN_FLIGHT: usize = 16;

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
    side: Both<Progress>,
    client_isn: Option<u32>,
}

/// A side's stream as the tracker follows it.
#[derive(Debug, Default)]
struct Progress {
    /// Sequence number of stream offset 0, once known.
    base: Option<u32>,
    /// Next offset to hand to the consumer.
    next: u64,
    held: Vec<Held>,
    held_bytes: usize,
    hole_since: Option<Mark>,
    /// The last data segment, to tell the capture's copies.
    last: Option<(u32, u32, u16, u8, Mark)>,
}

#[derive(Debug)]
struct Held {
    offset: u64,
    length: u32,
    bytes: Vec<u8>,
    mark: Mark,
}

impl TcpTracker {
    /// Starts with the connection's first SYN.
    #[must_use]
    pub fn from_syn(syn: FirstSyn, mark: Mark) -> Self {
        let mut tracker = Self::empty();
        tracker.client_isn = Some(syn.isn);
        tracker.side[Side::Client].base = Some(syn.isn.wrapping_add(1));
        tracker.facts.syn.add(mark);
        let half = &mut tracker.facts.half[Side::Client];
        note_packet(half, syn.ttl, syn.ip_id, mark);
        half.window = syn.window;
        half.mss = (syn.mss > 0).then_some(syn.mss);
        tracker
    }

    /// Starts with a packet that is no SYN of a client.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            facts: TcpFacts::default(),
            side: Both::default(),
            client_isn: None,
        }
    }

    /// What was seen so far.
    #[must_use]
    pub fn facts(&self) -> &TcpFacts {
        &self.facts
    }

    /// Ends tracking and gives what was seen.
    #[must_use]
    pub fn into_facts(self) -> TcpFacts {
        self.facts
    }

    /// Binds an ICMP error to the connection.
    pub fn icmp(&mut self, error: IcmpError) {
        if self.facts.icmp.len() < 4 {
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
        if segment.flags.has(TcpFlags::RST) {
            self.reset(side, segment, ip, mark);
            return;
        }
        note_packet(&mut self.facts.half[side], ip.ttl, ip.ip_id, mark);
        if segment.flags.has(TcpFlags::SYN) {
            self.syn(side, segment, ip, mark);
        } else if self.side[side].base.is_none() {
            // Joined in the middle: the first byte seen is taken as the stream's start.
            self.side[side].base = Some(segment.seq);
            if self.facts.syn.count == 0 && self.facts.syn_ack.count == 0 {
                self.facts.midstream = true;
            }
        }
        if segment.flags.has(TcpFlags::ACK) {
            self.acknowledge(side, segment, mark);
        }
        self.window(side, segment, mark);
        if segment.payload_len > 0 {
            self.payload(side, segment, ip, mark, sink);
        }
        if segment.flags.has(TcpFlags::FIN) && self.facts.half[side].fin.is_none() {
            self.facts.half[side].fin = Some(mark);
        }
        let other = side.other();
        if !self.side[other].held.is_empty() {
            self.release(other, sink, PATIENCE);
        }
    }

    /// Says that nothing more comes: what waits behind holes is handed on, each hole as a gap.
    pub fn finish(&mut self, sink: &mut impl StreamSink) {
        for side in [Side::Client, Side::Server] {
            self.release(side, sink, 0);
        }
    }

    fn syn(&mut self, side: Side, segment: &Segment<'_>, ip: IpFields, mark: Mark) {
        let half = &mut self.facts.half[side];
        if half.mss.is_none() {
            half.mss = segment.mss();
        }
        let base = segment.seq.wrapping_add(1);
        if side == Side::Client {
            if self.is_copy(side, segment, ip, mark) {
                return;
            }
            self.client_isn.get_or_insert(segment.seq);
            self.side[side].base.get_or_insert(base);
            self.facts.syn.add(mark);
            self.facts.fast_open |= segment.payload_len > 0;
        } else if !segment.flags.has(TcpFlags::ACK) {
            self.side[side].base.get_or_insert(base); // simultaneous open
        } else if self
            .client_isn
            .is_some_and(|isn| !self.covers_syn(isn, segment))
        {
            self.facts.foreign_syn_acks += 1;
        } else {
            if self.is_copy(side, segment, ip, mark) {
                return;
            }
            if self.side[side].base.is_none() {
                self.side[side].base = Some(base);
            }
            if self.client_isn.is_none() {
                // The SYN came before the capture: the SYN-ACK tells where the client's stream begins.
                self.side[Side::Client].base.get_or_insert(segment.ack);
            }
            self.facts.syn_ack.add(mark);
            if self.facts.ack.is_some() {
                self.facts.syn_acks_after_ack += 1;
            }
        }
    }

    /// A SYN-ACK fits when it acknowledges ISN + 1, or data sent with the SYN (RFC 7413).
    fn covers_syn(&self, isn: u32, segment: &Segment<'_>) -> bool {
        let beyond = segment.ack.wrapping_sub(isn.wrapping_add(1));
        u64::from(beyond) <= self.facts.half[Side::Client].sent
    }

    fn is_copy(&mut self, side: Side, segment: &Segment<'_>, ip: IpFields, mark: Mark) -> bool {
        let this = (
            segment.seq,
            segment.payload_len,
            ip.ip_id,
            segment.flags.0 & (TcpFlags::SYN | TcpFlags::FIN),
            mark,
        );
        let copy = self.side[side].last.is_some_and(|l| {
            let near = mark.time.since(l.4.time);
            let same = l.0 == this.0 && l.1 == this.1 && l.3 == this.3;
            // Without an identification to compare (IPv6, or 0), only the time can tell.
            same && if l.2 == 0 && this.2 == 0 {
                near < Duration::from_millis(1)
            } else {
                l.2 == this.2 && near < COPY_WINDOW
            }
        });
        if copy {
            self.facts.half[side].copies += 1;
        }
        self.side[side].last = Some(this);
        copy
    }

    fn acknowledge(&mut self, side: Side, segment: &Segment<'_>, mark: Mark) {
        let other = side.other();
        let Some(base) = self.side[other].base else {
            self.side[other].base = Some(segment.ack);
            return;
        };
        let acked_before = self.facts.half[other].acked;
        let Some(offset) = offset_of(base, segment.ack, acked_before) else {
            return;
        };
        if side == Side::Client
            && self.facts.ack.is_none()
            && !segment.flags.has(TcpFlags::SYN)
            && self.facts.syn_ack.count > 0
        {
            self.facts.ack = Some(mark);
        }
        let half = &mut self.facts.half[other];
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
        if half.beyond_hole > 0 || half.outstanding() > 0 {
            let acked = half.acked;
            let beyond = segment
                .sack_blocks()
                .any(|(left, _)| offset_of(base, left, acked).is_some_and(|o| o > acked));
            if beyond && half.sacked_at.is_none() {
                half.sacked_at = Some(mark);
            }
        }
    }

    fn window(&mut self, side: Side, segment: &Segment<'_>, mark: Mark) {
        let half = &mut self.facts.half[side];
        half.window = segment.window;
        if segment.window == 0 && !segment.flags.has(TcpFlags::SYN) {
            half.zero_window_since.get_or_insert(mark);
        } else if let Some(since) = half.zero_window_since.take() {
            let lasted = mark.time.since(since.time);
            half.zero_window_longest = half.zero_window_longest.max(lasted);
        }
    }

    fn payload(
        &mut self,
        side: Side,
        segment: &Segment<'_>,
        ip: IpFields,
        mark: Mark,
        sink: &mut impl StreamSink,
    ) {
        let Some(base) = self.side[side].base else {
            return;
        };
        let seq = if segment.flags.has(TcpFlags::SYN) {
            segment.seq.wrapping_add(1)
        } else {
            segment.seq
        };
        let sent = self.facts.half[side].sent;
        let Some(offset) = offset_of(base, seq, sent) else {
            self.before_stream(side, seq, base);
            return;
        };
        if segment.payload_len <= 1 && offset + 1 == self.facts.half[side].acked {
            self.facts.half[side].keep_alives += 1;
            return;
        }
        if self.is_copy(side, segment, ip, mark) {
            return;
        }
        let end = offset + u64::from(segment.payload_len);
        self.classify(side, offset, end, mark);
        let half = &mut self.facts.half[side];
        half.clipped |= segment.payload.len() < segment.payload_len as usize;
        half.data_segments += 1;
        half.first_data.get_or_insert(mark);
        half.largest_sent = half.largest_sent.max(segment.payload_len);
        if half.in_flight.len() < MAX_IN_FLIGHT && end > half.acked {
            half.in_flight.push(Sent {
                offset,
                length: segment.payload_len,
                mark,
                again: offset < sent,
            });
        }
        if side == Side::Server && self.facts.resets.iter().any(|r| r.from == Side::Server) {
            self.facts.data_after_reset.get_or_insert(mark);
        }
        self.deliver(side, offset, segment, mark, sink);
    }

    /// A segment below the stream's start or far outside it.
    fn before_stream(&mut self, side: Side, seq: u32, base: u32) {
        let half = &mut self.facts.half[side];
        if seq.wrapping_add(1) == base {
            half.keep_alives += 1;
        } else {
            half.out_of_window += 1;
        }
    }

    /// New data, reordering or retransmission?
    fn classify(&mut self, side: Side, offset: u64, end: u64, mark: Mark) {
        let progress = &mut self.side[side];
        let half = &mut self.facts.half[side];
        if end > half.sent {
            if offset > half.sent && progress.hole_since.is_none() {
                progress.hole_since = Some(mark);
            }
            half.sent = end;
            half.last_new_data = Some(mark);
            return;
        }
        let fills = progress.hole_since.is_some() && offset <= progress.next && end > progress.next;
        let soon = progress
            .hole_since
            .is_some_and(|h| mark.time.since(h.time) < REORDER_WINDOW);
        if fills && soon {
            half.reordered += 1;
        } else {
            half.retransmitted += 1;
            half.holes_filled += u32::from(fills);
        }
    }

    fn deliver(
        &mut self,
        side: Side,
        offset: u64,
        segment: &Segment<'_>,
        mark: Mark,
        sink: &mut impl StreamSink,
    ) {
        let end = offset + u64::from(segment.payload_len);
        let progress = &mut self.side[side];
        if end <= progress.next {
            return;
        }
        if offset > progress.next {
            self.hold(side, offset, segment, mark, sink);
            return;
        }
        hand_on(
            progress,
            side,
            offset,
            segment.payload_len,
            segment.payload,
            mark,
            sink,
        );
        if progress.held.is_empty() {
            progress.hole_since = None;
        } else {
            self.release(side, sink, usize::MAX);
        }
    }

    fn hold(
        &mut self,
        side: Side,
        offset: u64,
        segment: &Segment<'_>,
        mark: Mark,
        sink: &mut impl StreamSink,
    ) {
        let wanted = sink.wants(side);
        let progress = &mut self.side[side];
        let half = &mut self.facts.half[side];
        half.hole_at = Some(progress.next);
        half.beyond_hole += 1;
        if !wanted {
            // Nobody reads it: follow the numbers only.
            if half.acked >= offset {
                half.unseen += offset - progress.next;
                progress.next = offset + u64::from(segment.payload_len);
                half.hole_at = None;
                half.beyond_hole = 0;
                progress.hole_since = None;
            }
            return;
        }
        let at = progress.held.partition_point(|h| h.offset <= offset);
        progress.held_bytes += segment.payload.len();
        progress.held.insert(
            at,
            Held {
                offset,
                length: segment.payload_len,
                bytes: segment.payload.to_vec(),
                mark,
            },
        );
        let full = progress.held_bytes > MAX_HELD || progress.held.len() > MAX_HELD_SEGMENTS;
        self.release(side, sink, if full { 0 } else { PATIENCE });
    }

    /// Hands on what has become contiguous. Where at least `patience` segments wait behind a hole that the
    /// other side acknowledged (or, with patience 0, behind any hole), the hole is reported as a gap.
    fn release(&mut self, side: Side, sink: &mut impl StreamSink, patience: usize) {
        let acked = self.facts.half[side].acked;
        let progress = &mut self.side[side];
        while let Some(first) = progress.held.first() {
            if first.offset > progress.next {
                let forced = patience == 0;
                let given_up = progress.held.len() >= patience && acked >= first.offset;
                if !forced && !given_up {
                    break;
                }
                let missing = first.offset - progress.next;
                if acked >= first.offset {
                    self.facts.half[side].unseen += missing;
                }
                sink.gap(side, missing, first.mark);
                progress.next = first.offset;
            }
            let held = progress.held.remove(0);
            progress.held_bytes -= held.bytes.len();
            hand_on(
                progress,
                side,
                held.offset,
                held.length,
                &held.bytes,
                held.mark,
                sink,
            );
        }
        let half = &mut self.facts.half[side];
        half.beyond_hole = u32::try_from(progress.held.len()).unwrap_or(u32::MAX);
        if progress.held.is_empty() {
            half.hole_at = None;
            progress.hole_since = None;
        }
    }

    fn reset(&mut self, side: Side, segment: &Segment<'_>, ip: IpFields, mark: Mark) {
        self.facts.reset_count = self.facts.reset_count.saturating_add(1);
        let half = &mut self.facts.half[side];
        half.packets += 1;
        half.first.get_or_insert(mark);
        half.last = Some(mark);
        if self.facts.resets.len() >= 4 {
            return;
        }
        let with_ack = segment.flags.has(TcpFlags::ACK);
        let answers_syn = side == Side::Server
            && self.facts.syn_ack.count == 0
            && with_ack
            && self
                .client_isn
                .is_some_and(|isn| self.covers_syn(isn, segment));
        let sent = self.facts.half[side].sent;
        let in_sequence = self.side[side].base.map_or(answers_syn, |base| {
            offset_of(base, segment.seq, sent).is_some_and(|o| o == sent || o == sent + 1)
        });
        let acked = self.facts.half[side.other()].acked;
        let acked = match (with_ack, self.side[side.other()].base) {
            (true, Some(base)) => {
                offset_of(base, segment.ack, acked).map_or(acked, |o| o.max(acked))
            }
            _ => acked,
        };
        self.facts.resets.push(Reset {
            from: side,
            mark,
            ttl: ip.ttl,
            ip_id: ip.ip_id,
            window: segment.window,
            with_ack,
            answers_syn,
            in_sequence,
            acked,
            sent,
        });
    }
}

/// Stream offset of a sequence number, taken as the one nearest to `near`; none below 0 or too far away.
fn offset_of(base: u32, seq: u32, near: u64) -> Option<u64> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
    let delta = i64::from(seq.wrapping_sub(base.wrapping_add(near as u32)) as i32);
    if delta.abs() > MAX_JUMP {
        return None;
    }
    near.checked_add_signed(delta)
}

fn note_packet(half: &mut Half, ttl: u8, ip_id: u16, mark: Mark) {
    if half.packets == 0 {
        half.first = Some(mark);
        half.ttl = ttl;
        half.ttl_min = ttl;
        half.ttl_max = ttl;
        half.ip_id_zero = true;
    }
    half.packets += 1;
    half.last = Some(mark);
    half.ttl_min = half.ttl_min.min(ttl);
    half.ttl_max = half.ttl_max.max(ttl);
    half.ip_id = ip_id;
    half.ip_id_zero &= ip_id == 0;
}

fn retire_acked(half: &mut Half) {
    let acked = half.acked;
    let mut largest = half.largest_acked;
    half.in_flight.retain(|s| {
        let done = s.offset + u64::from(s.length) <= acked;
        if done {
            largest = largest.max(s.length);
        }
        !done
    });
    half.largest_acked = largest;
}

fn hand_on(
    progress: &mut Progress,
    side: Side,
    offset: u64,
    length: u32,
    bytes: &[u8],
    mark: Mark,
    sink: &mut impl StreamSink,
) {
    let end = offset + u64::from(length);
    if end <= progress.next {
        return;
    }
    // Overlap: bytes seen first win, as the receiver has them already.
    let skip = usize::try_from(progress.next - offset).unwrap_or(usize::MAX);
    progress.next = end;
    if !sink.wants(side) {
        return;
    }
    if let Some(fresh) = bytes.get(skip..) {
        if !fresh.is_empty() {
            sink.data(side, fresh, mark);
        }
    }
    let missing = u64::from(length).saturating_sub(bytes.len().max(skip) as u64);
    if missing > 0 {
        sink.gap(side, missing, mark); // cut by the snap length
    }
}
