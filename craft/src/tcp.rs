//! A TCP conversation of two model stacks, seen at the client.
//!
//! The client's segments are captured when they are sent, the server's when they arrive. A segment that is *lost*
//! is one lost beyond the capture point: the client's is in the file but never reaches the server, the server's is
//! not in the file at all. Both ends keep what they received, so ACK and SACK numbers follow by themselves.

use std::net::SocketAddr;

use crate::net::{Net, Side, addr, arriving_ttl};
use crate::packet::{self, Icmp, IpMeta, TcpHead, flag, proto};
use crate::time::Ms;

mod end;
mod seg;
mod transfer;

use end::End;
pub use end::Stack;
pub use seg::Seg;

/// When SYNs are resent, in milliseconds after the first.
pub mod schedule {
    /// Linux before 6.5, Android.
    pub const LINUX_OLD: &[u64] = &[1000, 3000, 7000, 15_000, 31_000, 63_000];
    /// Linux 6.5 and later.
    pub const LINUX: &[u64] = &[
        1000, 2000, 3000, 4000, 5000, 7000, 11_000, 19_000, 35_000, 67_000,
    ];
    /// Windows.
    pub const WINDOWS: &[u64] = &[1000, 3000, 7000, 15_000];
    /// Windows with its classic timer.
    pub const WINDOWS_CLASSIC: &[u64] = &[3000, 9000];
    /// macOS and iOS.
    pub const APPLE: &[u64] = &[
        1000, 2000, 3000, 4000, 5000, 7000, 11_000, 19_000, 35_000, 51_000, 67_000,
    ];
}

/// One TCP conversation. See the module doc for what "lost" means.
pub struct Tcp {
    net: Net,
    client: End,
    server: End,
    rtt: u64,
    first_syn: Option<u64>,
    last: [Vec<u8>; 2],
}

impl Net {
    /// TCP between the client and `server` (port 443 if it names none). Nothing is sent yet.
    /// Round trip 24 ms, both ends Linux with timestamps and SACK, MSS 1460 (IPv6: 1440).
    pub fn tcp(&self, server: &str) -> Tcp {
        let server = addr(server, 443);
        let client = self.client_for(server);
        let mss = if server.is_ipv4() { 1460 } else { 1440 };
        let (c, mut s) = self.rng(|r| (End::new(client, mss, r), End::new(server, mss, r)));
        (s.ttl, s.win) = (arriving_ttl(server.ip()), 65_160);
        Tcp {
            net: self.clone(),
            client: c,
            server: s,
            rtt: 24_000_000,
            first_syn: None,
            last: [Vec::new(), Vec::new()],
        }
    }
}

/// Settings: all of them return the conversation, so they can follow `net.tcp(..)`.
impl Tcp {
    /// Round-trip time.
    #[must_use]
    pub fn rtt(mut self, ms: impl Ms) -> Self {
        self.rtt = ms.ns();
        self
    }

    /// How this side's operating system writes its packets.
    #[must_use]
    pub fn stack(mut self, side: Side, stack: Stack) -> Self {
        self.end_mut(side).apply(stack);
        if side == Side::Server {
            let hops = 64 - arriving_ttl(self.server.addr.ip());
            self.server.ttl -= hops;
        }
        self
    }

    /// MSS announced by this side (the other side's segments get no bigger).
    #[must_use]
    pub fn mss(mut self, side: Side, mss: u16) -> Self {
        self.end_mut(side).mss = mss;
        self
    }

    /// This side's segments carry at most `n` bytes whatever the MSS (segmentation offload: more than the MSS).
    #[must_use]
    pub fn segment_size(mut self, side: Side, n: usize) -> Self {
        self.end_mut(side).segment = Some(n);
        self
    }

    /// No timestamps from either side.
    #[must_use]
    pub fn no_timestamps(mut self) -> Self {
        self.client.timestamps = false;
        self.server.timestamps = false;
        self
    }

    /// No SACK from either side.
    #[must_use]
    pub fn no_sack(mut self) -> Self {
        self.client.sack = false;
        self.server.sack = false;
        self
    }

    /// TTL of this side's packets as captured.
    #[must_use]
    pub fn ttl(mut self, side: Side, ttl: u8) -> Self {
        self.end_mut(side).ttl = ttl;
        self
    }

    /// The client's port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.client.addr.set_port(port);
        self
    }

    /// Initial sequence number of this side.
    #[must_use]
    pub fn isn(mut self, side: Side, isn: u32) -> Self {
        self.end_mut(side).set_isn(isn);
        self
    }

    /// Loses data segments of this side: those with these numbers, counted from 0 over the conversation,
    /// resent segments not counted. Nothing repairs them but [`Tcp::retransmit`].
    #[must_use]
    pub fn lose(mut self, side: Side, numbers: &[usize]) -> Self {
        self.lose_data(side, numbers);
        self
    }

    /// Loses every `n`th data segment of this side; each is resent a round trip later.
    #[must_use]
    pub fn lose_every(mut self, side: Side, n: usize) -> Self {
        self.end_mut(side).lose_every = Some(n);
        self
    }

    /// This side never sends an ACK on its own (data it sends still acknowledges).
    #[must_use]
    pub fn no_acks(mut self, side: Side) -> Self {
        self.end_mut(side).auto_ack = false;
        self
    }
}

/// Looking at it.
impl Tcp {
    /// The client's address.
    pub fn client_addr(&self) -> SocketAddr {
        self.client.addr
    }

    /// The network it belongs to.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// Next sequence number of this side.
    pub fn seq(&self, side: Side) -> u32 {
        self.end(side).nxt
    }

    /// What this side has received without a gap: the ACK number it sends.
    pub fn received(&self, side: Side) -> u32 {
        self.end(side).rcv_nxt
    }

    /// The last IP packet of this side (lost ones too).
    pub fn last_packet(&self, side: Side) -> &[u8] {
        &self.last[side as usize]
    }

    fn end(&self, side: Side) -> &End {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

/// Opening.
impl Tcp {
    /// SYN, SYN-ACK a round trip later, ACK.
    pub fn connect(&mut self) {
        self.syn();
        self.syn_ack();
        self.ack(Side::Client);
        self.net.wait(0.2);
    }

    /// The client's SYN now; called again it is a retransmission.
    pub fn syn(&mut self) {
        let now = self.net.now_ns();
        self.first_syn.get_or_insert(now);
        let seg = Seg {
            flags: flag::SYN,
            seq: Some(self.client.isn),
            ack: Some(0),
            ..Seg::default()
        };
        let seg = Seg {
            options: Some(self.client.syn_options(&self.net, 0)),
            ..seg
        };
        self.client.nxt = self.client.isn.wrapping_add(1);
        self.raw_segment(Side::Client, seg);
    }

    /// Resends the SYN at these times after the first, in milliseconds (see [`schedule`]).
    /// The clock ends at the last.
    pub fn syn_retransmits(&mut self, offsets: &[u64]) {
        let first = self
            .first_syn
            .expect("syn() comes before syn_retransmits()");
        for ms in offsets {
            self.net.set_ns(first + ms * 1_000_000);
            self.syn();
        }
    }

    /// The server's SYN-ACK, a round trip from now.
    pub fn syn_ack(&mut self) {
        self.net.set_ns(self.net.now_ns() + self.rtt);
        self.server.rcv_nxt = self.client.isn.wrapping_add(1);
        self.server.nxt = self.server.isn.wrapping_add(1);
        self.syn_ack_again();
        self.client.rcv_nxt = self.server.nxt;
        self.net.wait(0.06);
    }

    /// The server resends its SYN-ACK now.
    pub fn syn_ack_again(&mut self) {
        // only what the client offered may be agreed to
        let mut agreed = self.server.clone();
        agreed.timestamps &= self.client.timestamps;
        agreed.sack &= self.client.sack;
        let options = agreed.syn_options(&self.net, self.client.last_ts);
        let seg = Seg {
            flags: flag::SYN | flag::ACK,
            seq: Some(self.server.isn),
            ack: Some(self.client.isn.wrapping_add(1)),
            options: Some(options),
            ip_id: Some(0),
            ..Seg::default()
        };
        self.raw_segment(Side::Server, seg);
    }
}

/// Single packets.
impl Tcp {
    /// A pure ACK of everything received, with SACK blocks where there are gaps.
    pub fn ack(&mut self, side: Side) {
        let options = self.options(side, true);
        let seg = Seg {
            flags: flag::ACK,
            options: Some(options),
            ..Seg::default()
        };
        self.raw_segment(side, seg);
    }

    /// A genuine reset at the sender's place in the stream. It answers a SYN with RST and ACK, as a closed port does.
    pub fn rst(&mut self, side: Side) {
        let refused = side == Side::Server && self.server.rcv_nxt == 0;
        let mut seg = Seg {
            flags: flag::RST | flag::ACK,
            options: Some(Vec::new()),
            ..Seg::default()
        };
        seg.window = Some(0);
        if refused {
            seg.seq = Some(0);
            seg.ack = Some(self.client.nxt);
        }
        self.raw_segment(side, seg);
    }

    /// The port is closed: RST and ACK a round trip from now.
    pub fn refuse(&mut self) {
        self.net.set_ns(self.net.now_ns() + self.rtt);
        self.rst(Side::Server);
    }

    /// FIN of this side; the other side takes note of it but sends no ACK of its own.
    pub fn fin(&mut self, side: Side) {
        let options = self.options(side, false);
        self.raw_segment(
            side,
            Seg {
                flags: flag::FIN | flag::ACK,
                options: Some(options),
                ..Seg::default()
            },
        );
        let seq = self.end(side).nxt;
        self.end_mut(side).nxt = seq.wrapping_add(1);
        self.end_mut(side.peer()).receive(seq, 1);
    }

    /// FIN of `first`, FIN of the other, last ACK.
    pub fn close(&mut self, first: Side) {
        self.fin(first);
        self.net.set_ns(
            self.net.now_ns()
                + if first == Side::Client {
                    self.rtt
                } else {
                    80_000
                },
        );
        self.fin(first.peer());
        self.net.set_ns(
            self.net.now_ns()
                + if first == Side::Client {
                    40_000
                } else {
                    self.rtt
                },
        );
        self.ack(first);
        self.net.wait(0.2);
    }

    /// A keep-alive probe (the sequence number before the next, no data).
    pub fn keep_alive(&mut self, side: Side) {
        let seq = self.end(side).nxt.wrapping_sub(1);
        let options = self.options(side, false);
        let seg = Seg {
            flags: flag::ACK,
            seq: Some(seq),
            options: Some(options),
            ..Seg::default()
        };
        self.raw_segment(side, seg);
    }

    /// Sets the window field of this side from now on (as written, not scaled; 0 closes it) and sends an ACK.
    pub fn window(&mut self, side: Side, window: u16) {
        self.end_mut(side).fixed_window = Some(window);
        self.ack(side);
    }

    /// An ICMP error from `router` about the client's last packet, arriving now.
    pub fn icmp(&self, router: &str, what: Icmp) {
        self.net.icmp(router, what, &self.last[0]);
    }

    /// Any segment. What `seg` leaves open is filled from the state of `side`; the state does not change.
    pub fn raw_segment(&mut self, side: Side, seg: Seg) {
        let captured = !(side == Side::Server && seg.lost);
        let options = seg
            .options
            .clone()
            .unwrap_or_else(|| self.options(side, false));
        let scaled = seg.flags & flag::SYN == 0;
        let ts = self.end(side).ts_now(&self.net);
        let (me, peer) = match side {
            Side::Client => (&mut self.client, self.server.addr),
            Side::Server => (&mut self.server, self.client.addr),
        };
        let head = TcpHead {
            seq: seg
                .seq
                .unwrap_or(me.nxt)
                .wrapping_add_signed(seg.seq_offset),
            ack: if seg.flags & flag::ACK != 0 {
                seg.ack.unwrap_or(me.rcv_nxt)
            } else {
                seg.ack.unwrap_or(0)
            },
            flags: seg.flags,
            window: seg.window.unwrap_or_else(|| me.window_field(scaled)),
            options,
        };
        // forged segments without options leave the echoed timestamp alone
        if !seg.lost && head.options.windows(2).any(|o| o == [8, 10]) {
            me.last_ts = ts;
        }
        let id = seg.ip_id.unwrap_or_else(|| me.next_id());
        let meta = IpMeta {
            ttl: seg.ttl.unwrap_or(me.ttl),
            id,
            df: seg.df.unwrap_or(true),
            flow_label: me.label,
        };
        let mut tcp = packet::tcp(me.addr, peer, &head, &seg.payload);
        if seg.bad_checksum {
            tcp[16] ^= 0x55;
        }
        let ip = packet::ip(me.addr.ip(), peer.ip(), proto::TCP, meta, &tcp);
        self.last[side as usize].clone_from(&ip);
        self.net.send_ip_at(self.net.now_ns(), side, ip, captured);
    }

    /// Options of an ordinary segment: timestamps, and SACK blocks if `sack`.
    fn options(&self, side: Side, sack: bool) -> Vec<u8> {
        let (me, peer) = (self.end(side), self.end(side.peer()));
        let mut o = Vec::new();
        if me.timestamps && peer.timestamps {
            o.extend([1, 1, 8, 10]);
            o.extend(me.ts_now(&self.net).to_be_bytes());
            o.extend(peer.last_ts.to_be_bytes());
        }
        if sack && me.sack && peer.sack {
            o.extend(me.sack_option());
        }
        o
    }
}
