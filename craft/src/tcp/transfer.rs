//! Sending data: splitting, losing, acknowledging, resending.

use super::{Seg, Tcp};
use crate::net::Side;
use crate::packet::flag;
use crate::time::Ms;

/// Segments sent before the sender waits for an ACK the first time; it doubles up to [`MAX_BURST`].
const FIRST_BURST: usize = 10;
const MAX_BURST: usize = 80;

impl Tcp {
    /// The client sends `bytes`; the server's ACK comes a round trip later and the clock moves on to it.
    /// What is lost is not acknowledged.
    pub fn client_data(&mut self, bytes: &[u8]) {
        self.transfer(Side::Client, bytes);
    }

    /// `bytes` arrive from the server, the client acknowledges every second segment and the last.
    pub fn server_data(&mut self, bytes: &[u8]) {
        self.transfer(Side::Server, bytes);
    }

    /// [`Tcp::client_data`] or [`Tcp::server_data`].
    pub fn data(&mut self, side: Side, bytes: &[u8]) {
        self.transfer(side, bytes);
    }

    fn transfer(&mut self, side: Side, bytes: &[u8]) {
        let size = self.segment_len(side);
        let mut burst = FIRST_BURST;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(burst * size));
            rest = later;
            let start = self.net.now_ns();
            let lost = self.burst(side, now, rest.is_empty());
            if side == Side::Server && !rest.is_empty() {
                self.net.set_ns(self.net.now_ns().max(start + self.rtt));
            }
            for seq in lost {
                self.repair(side, seq);
            }
            burst = (burst * 2).min(MAX_BURST);
        }
    }

    /// Sends `bytes` in one go. Returns those segments lost that are to be repaired.
    fn burst(&mut self, side: Side, bytes: &[u8], last: bool) -> Vec<u32> {
        let before = self.end(side.peer()).rcv_nxt;
        let chunks: Vec<_> = bytes.chunks(self.segment_len(side)).collect();
        let (mut unacked, mut repair) = (0, Vec::new());
        for (n, chunk) in chunks.iter().enumerate() {
            let push = last && n + 1 == chunks.len();
            let seq = self.end(side).nxt;
            let fate = self.next_fate(side);
            self.segment(side, chunk, push, fate != Segment::Arrives);
            match fate {
                Segment::Arrives => unacked += 1,
                Segment::Lost => (),
                Segment::Repaired => repair.push(seq),
            }
            let at_once = push || self.client.has_gap();
            if side == Side::Server && (unacked == 2 || unacked == 1 && at_once) {
                unacked = 0;
                self.net.wait(0.03);
                self.auto_ack(Side::Client);
            }
            self.net
                .wait(if side == Side::Client { 0.015 } else { 0.11 });
        }
        if side == Side::Client
            && unacked > 0
            && (self.server.rcv_nxt != before || self.server.has_gap())
        {
            self.net.set_ns(self.net.now_ns() + self.rtt);
            self.auto_ack(Side::Server);
        } else if side == Side::Server && unacked > 0 {
            self.auto_ack(Side::Client);
        }
        repair
    }

    fn next_fate(&self, side: Side) -> Segment {
        let e = self.end(side);
        if e.lose.contains(&e.segments) {
            Segment::Lost
        } else if e
            .lose_every
            .is_some_and(|n| (e.segments + 1).is_multiple_of(n))
        {
            Segment::Repaired
        } else {
            Segment::Arrives
        }
    }

    fn segment(&mut self, side: Side, chunk: &[u8], push: bool, lost: bool) {
        let seq = self.end(side).nxt;
        let flags = flag::ACK | if push { flag::PSH } else { 0 };
        let seg = Seg {
            flags,
            payload: chunk.to_vec(),
            lost,
            ..Seg::default()
        };
        self.raw_segment(side, seg);
        let me = self.end_mut(side);
        me.segments += 1;
        me.sent.extend_from_slice(chunk);
        me.nxt = seq.wrapping_add(chunk.len() as u32);
        if !lost {
            self.end_mut(side.peer()).receive(seq, chunk.len() as u32);
        }
    }

    fn auto_ack(&mut self, side: Side) {
        if self.end(side).auto_ack {
            self.ack(side);
        }
    }

    /// A lost segment is sent again a round trip later, and acknowledged.
    fn repair(&mut self, side: Side, seq: u32) {
        if side == Side::Server {
            self.net.set_ns(self.net.now_ns() + self.rtt);
        }
        self.resend(side, seq, true);
        self.net.set_ns(
            self.net.now_ns()
                + if side == Side::Client {
                    self.rtt
                } else {
                    40_000
                },
        );
        self.auto_ack(side.peer());
    }

    /// Sends the data from `seq` on once more: one segment, up to the next byte the peer has.
    fn resend(&mut self, side: Side, seq: u32, arrives: bool) {
        let offset = seq.wrapping_sub(self.end(side).isn.wrapping_add(1)) as usize;
        let size = self.segment_len(side);
        let gap = self
            .end(side.peer())
            .gap_end()
            .map_or(usize::MAX, |e| e.wrapping_sub(seq) as usize);
        let Some(rest) = self.end(side).sent.get(offset..) else {
            return;
        };
        let payload = rest[..rest.len().min(size).min(gap.max(1))].to_vec();
        if payload.is_empty() {
            return;
        }
        let len = payload.len() as u32;
        let seg = Seg {
            flags: flag::PSH | flag::ACK,
            seq: Some(seq),
            payload,
            ..Seg::default()
        };
        self.raw_segment(
            side,
            Seg {
                lost: !arrives,
                ..seg
            },
        );
        if arrives {
            self.end_mut(side.peer()).receive(seq, len);
        }
    }

    /// Resends the first segment the peer has not got, now, and it arrives. The peer's ACK is left to the case.
    pub fn retransmit(&mut self, side: Side) {
        let seq = self.end(side.peer()).rcv_nxt;
        self.resend(side, seq, true);
    }

    /// Resends the first segment the peer has not got, now, and it is lost again (the server's is not captured).
    pub fn retransmit_lost(&mut self, side: Side) {
        let seq = self.end(side.peer()).rcv_nxt;
        self.resend(side, seq, false);
    }

    /// Resends it `times` times with doubling gaps, the first `after` from now; all get lost.
    pub fn retransmit_backoff(&mut self, side: Side, after: impl Ms, times: usize) {
        let mut gap = after.ns();
        for _ in 0..times {
            self.net.set_ns(self.net.now_ns() + gap);
            self.retransmit_lost(side);
            gap *= 2;
        }
    }

    /// Resends the last `n` bytes sent although they arrived (a spurious retransmission).
    pub fn retransmit_spurious(&mut self, side: Side, n: usize) {
        let seq = self.end(side).nxt.wrapping_sub(n as u32);
        self.resend(side, seq, true);
    }

    /// Sends `bytes` now without an ACK following and without waiting; they arrive unless chosen to be lost.
    pub fn send(&mut self, side: Side, bytes: &[u8]) {
        let chunks: Vec<_> = bytes.chunks(self.segment_len(side)).collect();
        for (n, chunk) in chunks.iter().enumerate() {
            let lost = self.next_fate(side) != Segment::Arrives;
            self.segment(side, chunk, n + 1 == chunks.len(), lost);
            self.net
                .wait(if side == Side::Client { 0.015 } else { 0.11 });
        }
    }

    /// Sends `bytes` now, and none of it arrives.
    pub fn send_lost(&mut self, side: Side, bytes: &[u8]) {
        for chunk in bytes.chunks(self.segment_len(side)) {
            self.segment(side, chunk, true, true);
            self.net.wait(0.015);
        }
    }

    /// Sends `bytes` with its segments in reverse order; the other side acknowledges at the end.
    pub fn send_reversed(&mut self, side: Side, bytes: &[u8]) {
        let size = self.segment_len(side);
        let start = self.end(side).nxt;
        let me = self.end_mut(side);
        me.sent.extend_from_slice(bytes);
        me.nxt = start.wrapping_add(bytes.len() as u32);
        let mut offset = bytes.chunks(size).len() * size;
        for chunk in bytes.chunks(size).rev() {
            offset -= size;
            let seq = start.wrapping_add(offset as u32);
            let seg = Seg {
                flags: flag::ACK,
                seq: Some(seq),
                payload: chunk.to_vec(),
                ..Seg::default()
            };
            self.raw_segment(side, seg);
            self.end_mut(side).segments += 1;
            self.end_mut(side.peer()).receive(seq, chunk.len() as u32);
            self.net.wait(0.05);
        }
        self.auto_ack(side.peer());
    }

    /// Loses data segments of this side counted from the next one on (0 is the next). See [`Tcp::lose`].
    pub fn lose_next(&mut self, side: Side, numbers: &[usize]) {
        let base = self.end(side).segments;
        let absolute: Vec<_> = numbers.iter().map(|n| n + base).collect();
        self.lose_data(side, &absolute);
    }

    pub(super) fn lose_data(&mut self, side: Side, numbers: &[usize]) {
        self.end_mut(side).lose.extend_from_slice(numbers);
    }

    /// Bytes one segment of this side takes: the smaller MSS without the timestamps.
    pub fn segment_len(&self, side: Side) -> usize {
        let (me, peer) = (self.end(side), self.end(side.peer()));
        let timestamps = me.timestamps && peer.timestamps;
        let mss = usize::from(peer.mss.min(me.mss)) - if timestamps { 12 } else { 0 };
        me.segment.unwrap_or(mss)
    }
}

/// What becomes of a data segment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Segment {
    Arrives,
    Lost,
    /// Lost, and resent without the case having to.
    Repaired,
}
