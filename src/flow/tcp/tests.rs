//! Segments by hand: what the tracker says of them, and that the bytes come out as they went in.

use super::half::MAX_IN_FLIGHT;
use super::*;
use crate::fact::tcp::Half;
use crate::types::{FrameNumber, Timestamp};

mod bytes;
mod handshake;
mod loss;

const ISN: u32 = 1000;
const SERVER_ISN: u32 = 90_000;

/// Keeps what comes out; gaps as lengths.
#[derive(Default)]
struct Out {
    bytes: Both<Vec<u8>>,
    gaps: Both<Vec<u64>>,
    deaf: bool,
}

impl StreamSink for Out {
    fn data(&mut self, side: Side, bytes: &[u8], _: Mark) {
        self.bytes[side].extend_from_slice(bytes);
    }
    fn gap(&mut self, side: Side, missing: u64, _: Mark) {
        self.gaps[side].push(missing);
    }
    fn wants(&self, _: Side) -> bool {
        !self.deaf
    }
}

/// A connection under test, with a clock in milliseconds.
struct Line {
    tracker: TcpTracker,
    out: Out,
    frame: u32,
    ms: f64,
    id: u16,
    client: u32,
    server: u32,
    options: Vec<u8>,
}

impl Line {
    fn new() -> Self {
        Self::at(ISN, SERVER_ISN)
    }

    fn at(client: u32, server: u32) -> Self {
        Self {
            tracker: TcpTracker::empty(),
            out: Out::default(),
            frame: 0,
            ms: 0.0,
            id: 1,
            client: client.wrapping_add(1),
            server: server.wrapping_add(1),
            options: Vec::new(),
        }
    }

    fn facts(&self) -> &TcpFacts {
        self.tracker.facts()
    }

    fn half(&self, side: Side) -> &Half {
        &self.facts().half[side]
    }

    fn wait(&mut self, ms: f64) -> &mut Self {
        self.ms += ms;
        self
    }

    fn mark(&self) -> Mark {
        Mark {
            time: Timestamp((self.ms * 1e6) as i64),
            frame: FrameNumber(self.frame),
            ..Mark::default()
        }
    }

    /// Any segment; numbers as on the wire.
    fn raw(&mut self, side: Side, flags: u8, seq: u32, ack: u32, payload: &[u8]) -> &mut Self {
        self.id += 1;
        self.send(
            side,
            flags,
            seq,
            ack,
            payload,
            payload.len() as u32,
            self.id,
        )
    }

    #[allow(clippy::too_many_arguments)]
    fn send(
        &mut self,
        side: Side,
        flags: u8,
        seq: u32,
        ack: u32,
        payload: &[u8],
        length: u32,
        id: u16,
    ) -> &mut Self {
        self.frame += 1;
        let options = self.options.clone();
        let segment = Segment {
            src_port: 1,
            dst_port: 2,
            seq,
            ack,
            flags: TcpFlags(flags),
            window: 500,
            options: &options,
            payload,
            payload_len: length,
        };
        let ip = IpFields { ttl: 60, ip_id: id };
        let mark = self.mark();
        self.tracker
            .segment(side, &segment, ip, mark, &mut self.out);
        self
    }

    fn base(&self, side: Side) -> u32 {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }

    fn syn(&mut self) -> &mut Self {
        self.raw(
            Side::Client,
            TcpFlags::SYN,
            self.client.wrapping_sub(1),
            0,
            &[],
        )
    }

    fn syn_ack(&mut self) -> &mut Self {
        let (seq, ack) = (self.server.wrapping_sub(1), self.client);
        self.raw(Side::Server, TcpFlags::SYN | TcpFlags::ACK, seq, ack, &[])
    }

    /// Data at an offset, acknowledging nothing new.
    fn data(&mut self, side: Side, offset: u32, payload: &[u8]) -> &mut Self {
        let ack = self.acked_by(side);
        let seq = self.base(side).wrapping_add(offset);
        self.raw(side, TcpFlags::ACK, seq, ack, payload)
    }

    /// A pure ACK of the other side's bytes before `offset`.
    fn ack(&mut self, side: Side, offset: u32) -> &mut Self {
        let sent = self.half(side).sent as u32;
        let seq = self.base(side).wrapping_add(sent);
        let ack = self.base(side.other()).wrapping_add(offset);
        self.raw(side, TcpFlags::ACK, seq, ack, &[])
    }

    /// The same with SACK blocks.
    fn sack(&mut self, side: Side, offset: u32, blocks: &[(u32, u32)]) -> &mut Self {
        let base = self.base(side.other());
        self.options = vec![1, 1, 5, (2 + 8 * blocks.len()) as u8];
        for (from, to) in blocks {
            self.options.extend(base.wrapping_add(*from).to_be_bytes());
            self.options.extend(base.wrapping_add(*to).to_be_bytes());
        }
        self.ack(side, offset);
        self.options.clear();
        self
    }

    fn acked_by(&self, side: Side) -> u32 {
        let acked = self.half(side.other()).acked as u32;
        self.base(side.other()).wrapping_add(acked)
    }

    fn rst(&mut self, side: Side, offset: u32, flags: u8) -> &mut Self {
        let (seq, ack) = (self.base(side).wrapping_add(offset), self.acked_by(side));
        self.raw(side, TcpFlags::RST | flags, seq, ack, &[])
    }

    fn fin(&mut self, side: Side) -> &mut Self {
        let sent = self.half(side).sent as u32;
        let (seq, ack) = (self.base(side).wrapping_add(sent), self.acked_by(side));
        self.raw(side, TcpFlags::FIN | TcpFlags::ACK, seq, ack, &[])
    }

    /// SYN, SYN-ACK 40 ms later, ACK.
    fn open(&mut self) -> &mut Self {
        self.syn()
            .wait(40.0)
            .syn_ack()
            .wait(0.1)
            .ack(Side::Client, 0)
    }

    fn finish(&mut self) -> &mut Self {
        self.tracker.finish(&mut self.out);
        self
    }
}

fn open() -> Line {
    let mut line = Line::new();
    line.open();
    line
}
