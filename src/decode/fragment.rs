//! Reassembly of IPv4 and IPv6 fragments (RFC 791, RFC 8200 section 4.5).
//!
//! etherparse's `IpDefragBuf` holds the bytes of one packet. Its pool is not used: it takes strict slices only, which the
//! snap length breaks, and keeps any number of packets for ever. The pool here keeps at most [`MAX_PENDING`] packets and
//! [`MAX_BYTES`] bytes, oldest dropped first, each for [`MAX_AGE`] of packet time and of at most [`MAX_PIECES`] pieces.
//!
//! Where fragments overlap, the bytes that came first win: a buffer is only given the parts that it lacks. A later
//! fragment cut by the snap length is counted and dropped; a first one so cut is decoded alone and never gets here.

use super::walk::Piece;
use crate::types::{Addr, CaptureId, Timestamp};
use etherparse::defrag::{IpDefragBuf, IpFragRange};
use etherparse::{IpFragOffset, IpNumber};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Packets waiting for fragments at one time.
pub const MAX_PENDING: usize = 1024;
/// Bytes kept for them.
pub const MAX_BYTES: usize = 8 << 20;
/// Fragments of one packet; 65535 bytes in fragments of 576 are 119.
pub const MAX_PIECES: u16 = 256;
/// Age at which an unfinished packet is dropped, counted from its first fragment (Linux: 30 s for IPv4).
pub const MAX_AGE: Duration = Duration::from_secs(30);

/// What became of fragments.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Fragments that came to be put together.
    pub fragments: u64,
    /// Packets that became whole.
    pub reassembled: u64,
    /// Fragments not taken: cut by the snap length, of impossible length, or at odds with the packet's end.
    pub refused: u64,
    /// Packets given up unfinished, by age or by the bounds above.
    pub dropped: u64,
}

/// What makes fragments belong together. Captures are kept apart: two may have seen the same packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Key {
    capture: CaptureId,
    src: Addr,
    dst: Addr,
    id: u32,
    /// IPv4's protocol; zero for IPv6, where fragments may differ in it.
    protocol: u8,
}

#[derive(Debug)]
struct Pending {
    buffer: IpDefragBuf,
    /// Of the fragment with offset zero.
    protocol: Option<u8>,
    pieces: u16,
    started: Timestamp,
    /// Tells this packet from an earlier one with the same key in `order`.
    serial: u64,
}

/// The fragments of all packets that are not whole yet.
#[derive(Debug, Default)]
pub(super) struct Pool {
    pending: HashMap<Key, Pending>,
    /// Keys as their packets began; those finished since are left in until they reach the front.
    order: VecDeque<(Key, u64)>,
    bytes: usize,
    serial: u64,
    counts: Counts,
}

impl Pool {
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes in a fragment. Where it completes its packet, puts the payload into `whole` and returns its protocol.
    pub(super) fn add(&mut self, piece: &Piece<'_>, whole: &mut Vec<u8>) -> Option<u8> {
        self.counts.fragments += 1;
        self.expire(piece.ctx.mark.time);
        if piece.body.is_cut() {
            self.counts.refused += 1;
            return None;
        }
        let key = key(piece);
        let pending = self.pending_for(key, piece.ctx.mark.time);
        let before = pending.buffer.data().len();
        let taken = pending.take(piece);
        let (after, done) = (pending.buffer.data().len(), pending.is_done());
        let exhausted = pending.pieces >= MAX_PIECES && !done;
        self.bytes = (self.bytes + after).saturating_sub(before);
        if !taken {
            self.counts.refused += 1;
        }
        if done {
            return self.finish(&key, whole);
        }
        if exhausted {
            self.drop_packet(&key);
        }
        self.keep_bounds();
        None
    }

    fn pending_for(&mut self, key: Key, now: Timestamp) -> &mut Pending {
        let (serial, order) = (&mut self.serial, &mut self.order);
        self.pending.entry(key).or_insert_with(|| {
            *serial += 1;
            order.push_back((key, *serial));
            Pending {
                buffer: IpDefragBuf::new(IpNumber(key.protocol), Vec::new(), Vec::new()),
                protocol: None,
                pieces: 0,
                started: now,
                serial: *serial,
            }
        })
    }

    fn finish(&mut self, key: &Key, whole: &mut Vec<u8>) -> Option<u8> {
        let pending = self.remove(key)?;
        self.counts.reassembled += 1;
        *whole = pending.buffer.take_bufs().0;
        pending.protocol
    }

    fn remove(&mut self, key: &Key) -> Option<Pending> {
        let pending = self.pending.remove(key)?;
        self.bytes = self.bytes.saturating_sub(pending.buffer.data().len());
        Some(pending)
    }

    fn drop_packet(&mut self, key: &Key) {
        if self.remove(key).is_some() {
            self.counts.dropped += 1;
        }
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some((key, serial)) = self.order.front().copied() {
            match self.pending.get(&key) {
                Some(p) if p.serial == serial && now.since(p.started) <= MAX_AGE => return,
                Some(p) if p.serial == serial => self.drop_packet(&key),
                _ => {}
            }
            self.order.pop_front();
        }
    }

    fn keep_bounds(&mut self) {
        while self.pending.len() > MAX_PENDING || self.bytes > MAX_BYTES {
            let Some((key, serial)) = self.order.pop_front() else {
                return;
            };
            if self.pending.get(&key).is_some_and(|p| p.serial == serial) {
                self.drop_packet(&key);
            }
        }
        if self.order.len() > 4 * MAX_PENDING {
            let pending = &self.pending;
            self.order
                .retain(|(key, serial)| pending.get(key).is_some_and(|p| p.serial == *serial));
        }
    }
}

fn key(piece: &Piece<'_>) -> Key {
    Key {
        capture: piece.ctx.mark.capture,
        src: piece.header.src,
        dst: piece.header.dst,
        id: piece.id,
        protocol: if piece.header.v6 { 0 } else { piece.protocol },
    }
}

impl Pending {
    /// Takes what is new in a fragment; false where the fragment cannot be.
    fn take(&mut self, piece: &Piece<'_>) -> bool {
        self.pieces += 1;
        let data = piece.body.data;
        let start = u32::from(piece.offset) * 8;
        let end = u16::try_from(start as usize + data.len());
        let (Ok(start), Ok(end)) = (u16::try_from(start), end) else {
            return false; // beyond 65535: the "ping of death"
        };
        let odd_length = piece.more && !data.len().is_multiple_of(8);
        let past_end = self.buffer.end().is_some_and(|known| end > known);
        if odd_length || past_end || (!piece.more && self.reaches() > end) {
            return false;
        }
        for gap in gaps(self.buffer.sections(), start, end) {
            let part = &data[usize::from(gap.start - start)..usize::from(gap.end - start)];
            let more = piece.more || gap.end != end;
            if !self.give(gap.start, more, part) {
                return false;
            }
        }
        if !piece.more && self.buffer.end().is_none() && !self.give(end, false, &[]) {
            return false;
        }
        if piece.offset == 0 && self.protocol.is_none() {
            self.protocol = Some(piece.protocol);
        }
        true
    }

    fn give(&mut self, at: u16, more: bool, part: &[u8]) -> bool {
        IpFragOffset::try_new(at / 8).is_ok_and(|at| self.buffer.add(at, more, part).is_ok())
    }

    /// The highest byte known so far, exclusive.
    fn reaches(&self) -> u16 {
        let ends = self.buffer.sections().iter().map(|range| range.end);
        ends.max().unwrap_or(0)
    }

    fn is_done(&self) -> bool {
        self.protocol.is_some() && self.buffer.is_complete()
    }
}

/// The parts of `start..end` that no section covers. Their borders are multiples of eight, but for the packet's end.
fn gaps(sections: &[IpFragRange], start: u16, end: u16) -> Vec<IpFragRange> {
    let mut sections = sections.to_vec();
    sections.sort_unstable_by_key(|range| range.start);
    let mut open = Vec::new();
    let mut at = start;
    for range in sections
        .iter()
        .filter(|range| range.end > start && range.start < end)
    {
        if range.start > at {
            open.push(IpFragRange {
                start: at,
                end: range.start,
            });
        }
        at = at.max(range.end);
    }
    if at < end {
        open.push(IpFragRange { start: at, end });
    }
    open
}
