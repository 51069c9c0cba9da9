//! One end of a conversation: its place in the stream and its habits.

use std::net::SocketAddr;

use crate::net::Net;
use crate::rng::Rng;

/// How an operating system writes SYNs, TTLs and IP ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// Linux and Android (the default).
    Linux,
    /// Windows: TTL 128, no timestamps.
    Windows,
    /// macOS and iOS: window 65535, IP id 0.
    Apple,
}

#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) addr: SocketAddr,
    pub(super) isn: u32,
    pub(super) nxt: u32,
    pub(super) rcv_nxt: u32,
    /// Received beyond `rcv_nxt`: ranges that do not touch, the latest first.
    beyond: Vec<(u32, u32)>,
    pub(super) mss: u16,
    pub(super) segment: Option<usize>,
    pub(super) win: u16,
    pub(super) fixed_window: Option<u16>,
    scale: u8,
    pub(super) sack: bool,
    pub(super) timestamps: bool,
    ts_base: u32,
    /// Timestamp of the last segment that arrived at the peer: what the peer echoes.
    pub(super) last_ts: u32,
    pub(super) ttl: u8,
    id: u16,
    zero_id: bool,
    pub(super) label: u32,
    stack: Stack,
    pub(super) auto_ack: bool,
    /// All data sent, by offset from `isn + 1`.
    pub(super) sent: Vec<u8>,
    /// Data segments sent, resent ones not counted.
    pub(super) segments: usize,
    pub(super) lose: Vec<usize>,
    pub(super) lose_every: Option<usize>,
}

impl End {
    pub(super) fn new(addr: SocketAddr, mss: u16, rng: &mut Rng) -> Self {
        let isn = rng.next_u32();
        Self {
            addr,
            isn,
            nxt: isn,
            rcv_nxt: 0,
            beyond: Vec::new(),
            mss,
            segment: None,
            win: 64_240,
            fixed_window: None,
            scale: 7,
            sack: true,
            timestamps: true,
            ts_base: rng.next_u32(),
            last_ts: 0,
            ttl: 64,
            id: rng.next_u16(),
            zero_id: false,
            label: rng.next_u32(),
            stack: Stack::Linux,
            auto_ack: true,
            sent: Vec::new(),
            segments: 0,
            lose: Vec::new(),
            lose_every: None,
        }
    }

    pub(super) fn apply(&mut self, stack: Stack) {
        self.stack = stack;
        match stack {
            Stack::Linux => (),
            Stack::Windows => {
                (self.ttl, self.timestamps, self.scale, self.win) = (128, false, 8, 64_240);
            }
            Stack::Apple => {
                (self.ttl, self.zero_id, self.scale, self.win) = (64, true, 6, 65_535);
            }
        }
    }

    pub(super) fn set_isn(&mut self, isn: u32) {
        self.isn = isn;
        self.nxt = isn;
    }

    pub(super) fn next_id(&mut self) -> u16 {
        if self.zero_id {
            return 0;
        }
        self.id = self.id.wrapping_add(1);
        self.id
    }

    /// Timestamp clock: milliseconds.
    pub(super) fn ts_now(&self, net: &Net) -> u32 {
        self.ts_base.wrapping_add((net.now_ns() / 1_000_000) as u32)
    }

    pub(super) fn window_field(&self, scaled: bool) -> u16 {
        match self.fixed_window {
            Some(w) => w,
            None if scaled => self.win >> self.scale,
            None => self.win,
        }
    }

    /// Options of SYN and SYN-ACK in the order the stack writes them (RFC 9293, 7323, 2018).
    pub(super) fn syn_options(&self, net: &Net, echo: u32) -> Vec<u8> {
        let mss = [&[2, 4][..], &self.mss.to_be_bytes()].concat();
        let sack: &[u8] = if self.sack { &[4, 2] } else { &[1, 1] };
        let ts = [
            &[8, 10][..],
            &self.ts_now(net).to_be_bytes(),
            &echo.to_be_bytes(),
        ]
        .concat();
        let ts = if self.timestamps { ts } else { Vec::new() };
        let scale = [1, 3, 3, self.scale];
        match self.stack {
            Stack::Linux if self.timestamps => [&mss[..], sack, &ts, &scale].concat(),
            Stack::Linux => [&mss[..], &[1, 1], sack, &scale].concat(),
            Stack::Windows => [&mss[..], &scale, &[1, 1], sack].concat(),
            Stack::Apple => [&mss[..], &scale, &[1, 1], &ts, sack, &[0, 0]].concat(),
        }
    }

    /// Takes `len` numbers from `seq`; what lies beyond a gap is kept for later.
    pub(super) fn receive(&mut self, seq: u32, len: u32) {
        let to = seq.wrapping_add(len);
        if to.wrapping_sub(self.rcv_nxt) as i32 <= 0 {
            return;
        }
        if seq.wrapping_sub(self.rcv_nxt) as i32 > 0 {
            self.keep(seq, to);
            return;
        }
        self.rcv_nxt = to;
        while let Some(at) = self
            .beyond
            .iter()
            .position(|r| r.0.wrapping_sub(self.rcv_nxt) as i32 <= 0)
        {
            let (_, end) = self.beyond.remove(at);
            if end.wrapping_sub(self.rcv_nxt) as i32 > 0 {
                self.rcv_nxt = end;
            }
        }
    }

    /// Joins a range with those it touches and puts it first, as SACK wants it (RFC 2018 section 4).
    fn keep(&mut self, from: u32, to: u32) {
        let base = self.rcv_nxt;
        let rel = |v: u32| v.wrapping_sub(base);
        let mut new = (from, to);
        while let Some(at) = self
            .beyond
            .iter()
            .position(|r| rel(r.0) <= rel(new.1) && rel(new.0) <= rel(r.1))
        {
            let old = self.beyond.remove(at);
            new.0 = if rel(old.0) < rel(new.0) {
                old.0
            } else {
                new.0
            };
            new.1 = if rel(old.1) > rel(new.1) {
                old.1
            } else {
                new.1
            };
        }
        self.beyond.insert(0, new);
    }

    /// Whether something is missing before what has come.
    pub(super) fn has_gap(&self) -> bool {
        !self.beyond.is_empty()
    }

    /// Where the first gap ends, if there is one.
    pub(super) fn gap_end(&self) -> Option<u32> {
        self.beyond
            .iter()
            .map(|r| r.0)
            .min_by_key(|s| s.wrapping_sub(self.rcv_nxt))
    }

    pub(super) fn sack_option(&self) -> Vec<u8> {
        let blocks: Vec<_> = self.beyond.iter().take(3).collect();
        if blocks.is_empty() {
            return Vec::new();
        }
        let mut o = vec![1, 1, 5, (2 + 8 * blocks.len()) as u8];
        for (from, to) in blocks {
            o.extend(from.to_be_bytes());
            o.extend(to.to_be_bytes());
        }
        o
    }
}
