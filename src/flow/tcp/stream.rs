//! One side's byte stream: sequence numbers to offsets, bytes in order, holes kept visible.

use super::{Seen, StreamSink};
use crate::types::{Mark, Side};
use std::time::Duration;

/// Bytes kept behind holes, per side.
pub const MAX_HELD: usize = 128 * 1024;
/// Pieces kept behind holes, per side. Pieces that nobody reads are joined where they touch.
const MAX_PIECES: usize = 128;
/// A hole that was acknowledged is given up when this many segments wait behind it: the capture may have swapped
/// neighbours, but not by that many.
const PATIENCE: u32 = 4;
/// Or when they have waited this long.
const WAIT: Duration = Duration::from_millis(200);
/// No segment lies further from the last one than the largest scaled window (RFC 7323).
const MAX_JUMP: i64 = 1 << 30;
/// A segment that jumps further ahead than this is believed when a second one confirms it.
const BELIEVED: u64 = 16 << 20;
/// How near to the first the second must be.
const CONFIRMS: u32 = 1 << 20;

/// What one side has sent, as far as captured.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Sequence number of offset 0, once known.
    base: Option<u32>,
    /// Next offset to hand to the consumer.
    next: u64,
    held: Vec<Held>,
    held_bytes: usize,
    far: Option<u32>,
    far_ack: Option<u32>,
}

/// Bytes behind a hole.
#[derive(Debug)]
struct Held {
    offset: u64,
    length: u64,
    segments: u32,
    /// Fewer than `length` where the snap length cut them, none where nobody reads them.
    bytes: Vec<u8>,
    /// The packet with its first byte.
    mark: Mark,
    /// IP identification of that packet.
    ip_id: u16,
    /// Its TSval, where it has one.
    stamp: Option<u32>,
}

/// The packet that opened a hole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    pub(super) mark: Mark,
    pub(super) ip_id: u16,
    /// TSval.
    pub(super) stamp: Option<u32>,
}

impl Held {
    fn end(&self) -> u64 {
        self.offset + self.length
    }
}

/// Bytes that are missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hole {
    /// The first of them.
    pub(super) at: u64,
    /// Where the captured bytes go on.
    pub(super) end: u64,
    /// The packet there.
    pub(super) since: Mark,
    /// Segments behind it, behind further holes as well.
    pub(super) waiting: u32,
}

/// Which holes are to be given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum GiveUp {
    /// Acknowledged ones behind which enough waits, at the time of this packet.
    Waited(Mark),
    /// Acknowledged ones.
    Acknowledged,
    /// All.
    All,
}

impl Stream {
    /// The sequence number of offset 0, if it is known.
    pub(super) fn base(&self) -> Option<u32> {
        self.base
    }

    /// Sets it, where it is not known.
    pub(super) fn begin(&mut self, base: u32) {
        self.base.get_or_insert(base);
    }

    /// Forgets all and begins anew.
    pub(super) fn restart(&mut self, base: u32) {
        *self = Self::default();
        self.base = Some(base);
    }

    /// Offset of a sequence number near `near`; none below 0 or implausibly far away.
    pub(super) fn offset(&self, seq: u32, near: u64) -> Option<u64> {
        offset_of(self.base?, seq, near)
    }

    /// The same for a segment, which must be confirmed by a second one where it jumps.
    pub(super) fn place(&mut self, seq: u32, near: u64) -> Option<u64> {
        let offset = self.offset(seq, near)?;
        confirmed(&mut self.far, seq, offset, near).then_some(offset)
    }

    /// The same for an acknowledgement.
    pub(super) fn place_ack(&mut self, ack: u32, near: u64) -> Option<u64> {
        let offset = self.offset(ack, near)?;
        confirmed(&mut self.far_ack, ack, offset, near).then_some(offset)
    }

    /// All these bytes have been seen.
    pub(super) fn covers(&self, offset: u64, end: u64) -> bool {
        let mut at = offset;
        if at <= self.next {
            at = self.next;
        }
        for piece in &self.held {
            if at >= end || piece.offset > at {
                break;
            }
            at = at.max(piece.end());
        }
        at >= end
    }

    /// The first packet that came behind the hole at this offset.
    pub(super) fn hole_opened(&self, offset: u64) -> Option<Opened> {
        let behind = self.held.iter().find(|piece| piece.end() > offset)?;
        Some(Opened {
            mark: behind.mark,
            ip_id: behind.ip_id,
            stamp: behind.stamp,
        })
    }

    /// The first hole.
    pub(super) fn hole(&self) -> Option<Hole> {
        let first = self.held.first()?;
        Some(Hole {
            at: self.next,
            end: first.offset,
            since: first.mark,
            waiting: self.held.iter().map(|piece| piece.segments).sum(),
        })
    }

    /// Takes a segment whose first byte lies at `offset`.
    pub(super) fn take(&mut self, seen: Seen<'_, '_>, offset: u64, sink: &mut impl StreamSink) {
        let Seen {
            side,
            segment,
            mark,
            ..
        } = seen;
        let length = u64::from(segment.payload_len);
        if offset <= self.next {
            self.hand_on(side, offset, length, segment.payload, mark, sink);
            self.advance(side, sink);
            return;
        }
        if self.covers(offset, offset + length) {
            return;
        }
        self.hold(seen, offset, sink.wants(side));
        while self.held.len() > MAX_PIECES || self.held_bytes > MAX_HELD {
            self.skip(side, sink);
        }
    }

    fn hold(&mut self, seen: Seen<'_, '_>, offset: u64, wanted: bool) {
        let at = self.held.partition_point(|piece| piece.offset <= offset);
        let bytes = if wanted { seen.segment.payload } else { &[] };
        self.held_bytes += bytes.len();
        let piece = Held {
            offset,
            length: u64::from(seen.segment.payload_len),
            segments: 1,
            bytes: bytes.to_vec(),
            mark: seen.mark,
            ip_id: seen.ip.ip_id,
            stamp: seen.segment.timestamps().map(|(value, _)| value),
        };
        self.held.insert(at, piece);
        self.join(at);
        if at > 0 {
            self.join(at - 1);
        }
    }

    /// Joins the piece with the one after it, where they touch and hold no bytes.
    fn join(&mut self, at: usize) {
        let Some([first, second]) = self.held.get_mut(at..at + 2) else {
            return;
        };
        let bare = first.bytes.is_empty() && second.bytes.is_empty();
        if bare && second.offset <= first.end() {
            first.length = first.end().max(second.end()) - first.offset;
            first.segments = first.segments.saturating_add(second.segments);
            self.held.remove(at + 1);
        }
    }

    /// Hands on what has become contiguous.
    fn advance(&mut self, side: Side, sink: &mut impl StreamSink) {
        while self.held.first().is_some_and(|h| h.offset <= self.next) {
            let piece = self.held.remove(0);
            self.held_bytes -= piece.bytes.len();
            self.hand_on(
                side,
                piece.offset,
                piece.length,
                &piece.bytes,
                piece.mark,
                sink,
            );
        }
    }

    /// Gives up the first hole: its bytes are reported as a gap. Says how many there were.
    fn skip(&mut self, side: Side, sink: &mut impl StreamSink) -> u64 {
        let Some(first) = self.held.first() else {
            return 0;
        };
        let missing = first.offset - self.next;
        let mark = first.mark;
        self.next = first.offset;
        if missing > 0 && sink.wants(side) {
            sink.gap(side, missing, mark);
        }
        self.advance(side, sink);
        missing
    }

    /// Gives up holes. Says how many of their bytes the other side had acknowledged: the capture missed them.
    pub(super) fn give_up(
        &mut self,
        side: Side,
        acked: u64,
        which: GiveUp,
        sink: &mut impl StreamSink,
    ) -> u64 {
        let mut unseen = 0;
        while let Some(first) = self.held.first() {
            let acknowledged = acked >= first.offset;
            let due = match which {
                GiveUp::Waited(now) => acknowledged && self.waited(now),
                GiveUp::Acknowledged => acknowledged,
                GiveUp::All => true,
            };
            if !due {
                break;
            }
            let missing = self.skip(side, sink);
            unseen += if acknowledged { missing } else { 0 };
        }
        unseen
    }

    fn waited(&self, now: Mark) -> bool {
        self.hole()
            .is_some_and(|hole| hole.waiting >= PATIENCE || now.time.since(hole.since.time) >= WAIT)
    }

    /// Overlapping bytes: those seen first win, as the receiver has them already.
    fn hand_on(
        &mut self,
        side: Side,
        offset: u64,
        length: u64,
        bytes: &[u8],
        mark: Mark,
        sink: &mut impl StreamSink,
    ) {
        let end = offset + length;
        if end <= self.next {
            return;
        }
        let skip = usize::try_from(self.next - offset).unwrap_or(usize::MAX);
        self.next = end;
        if !sink.wants(side) {
            return;
        }
        match bytes.get(skip..) {
            Some(fresh) if !fresh.is_empty() => sink.data(side, fresh, mark),
            _ => {}
        }
        let missing = length.saturating_sub(bytes.len().max(skip) as u64);
        if missing > 0 {
            sink.gap(side, missing, mark); // cut by the snap length
        }
    }
}

/// A jump counts once a second number lies near the first.
fn confirmed(far: &mut Option<u32>, number: u32, offset: u64, near: u64) -> bool {
    if offset <= near.saturating_add(BELIEVED) {
        *far = None;
        return true;
    }
    let again = far.is_some_and(|known| {
        number.wrapping_sub(known) < CONFIRMS || known.wrapping_sub(number) < CONFIRMS
    });
    *far = (!again).then_some(number);
    again
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
