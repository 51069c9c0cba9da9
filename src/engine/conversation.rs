//! One flow in the engine: the few bytes every flow costs, and the detail that only flows under observation have.

mod detail;
mod sink;
mod told;

pub use detail::{App, Detail, Owner};
pub(super) use sink::Sink;

use crate::decode::{AppTag, Datagram, Packet, Segment, TcpFlags};
use crate::fact::icmp::IcmpError;
use crate::flow::table::Key;
use crate::flow::tcp::{FirstSyn, IpFields};
use crate::observe::dns::DnsObserver;
use crate::observe::tls::Chains;
use crate::types::{Both, Endpoint, Mark, Side, Timestamp};
use std::time::Duration;

/// What a flow is to the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stake {
    /// Not known yet.
    Open,
    /// A path to a target name or address.
    Target,
    /// A path to a resolver over an encrypted transport, or a name lookup over TCP.
    Resolver,
    /// A request that looks for a captive portal.
    Portal,
    /// Nothing: only counted.
    None,
}

/// A flow as the table holds it.
pub struct Flow {
    pub(super) key: Key,
    pub(super) first: Mark,
    pub(super) last: Mark,
    pub(super) packets: Both<u32>,
    pub(super) stream: u32,
    pub(super) first_syn: Option<FirstSyn>,
    /// The client's initial sequence number, from its SYN or from the SYN-ACK that the capture begins with.
    isn: Option<u32>,
    pub(super) client_is_low: bool,
    pub(super) stake: Stake,
    /// A side sent something other than SYN or RST.
    pub(super) spoke: Both<bool>,
    /// A side sent payload.
    pub(super) gave: Both<bool>,
    pub(super) closed: bool,
    pub(super) detail: Option<Box<Detail>>,
}

/// Datagrams of a UDP flow that are looked at for QUIC.
pub(super) const QUIC_TRIES: u32 = 3;

/// A connection on the same ports may be opened anew this long after the first SYN of the old one; a SYN with
/// another number that comes sooner, while nothing answered, is a new try all the same.
const REUSE_AFTER: Duration = Duration::from_millis(1);

/// An Initial of another QUIC connection on the same ports begins another flow when nothing was heard for this long;
/// connections side by side can't be told apart by ports.
const QUIET: Duration = Duration::from_millis(500);

impl Flow {
    pub(super) fn tcp(key: Key, src_low: bool, segment: &Segment<'_>, packet: &Packet<'_>) -> Self {
        let syn = segment.flags.has(TcpFlags::SYN);
        let ack = segment.flags.has(TcpFlags::ACK);
        let from_client = match (syn, ack) {
            (true, false) => true,
            (true, true) => false,
            _ => looks_like_client(segment.src_port, segment.dst_port),
        };
        let first_syn = (syn && !ack && segment.payload_len == 0).then(|| FirstSyn {
            isn: segment.seq,
            mss: segment.mss().unwrap_or(0),
            window: segment.window,
            ttl: packet.ttl,
            ip_id: packet.ip_id,
        });
        let mut flow = Self::new(key, src_low == from_client, first_syn, packet);
        flow.isn = match (syn, ack) {
            (true, false) => Some(segment.seq),
            (true, true) => Some(segment.ack.wrapping_sub(1)),
            _ => None,
        };
        flow
    }

    pub(super) fn udp(
        key: Key,
        src_low: bool,
        datagram: &Datagram<'_>,
        packet: &Packet<'_>,
    ) -> Self {
        let from_client = looks_like_client(datagram.src_port, datagram.dst_port);
        Self::new(key, src_low == from_client, None, packet)
    }

    fn new(
        key: Key,
        client_is_low: bool,
        first_syn: Option<FirstSyn>,
        packet: &Packet<'_>,
    ) -> Self {
        Self {
            key,
            first: packet.mark,
            last: packet.mark,
            packets: Both::default(),
            stream: 0,
            first_syn,
            isn: None,
            client_is_low,
            stake: Stake::Open,
            spoke: Both::default(),
            gave: Both::default(),
            closed: false,
            detail: None,
        }
    }

    /// What lies in a free slot of the table.
    pub(super) fn vacant() -> Self {
        Self {
            key: Key::default(),
            first: Mark::default(),
            last: Mark::default(),
            packets: Both::default(),
            stream: 0,
            isn: None,
            first_syn: None,
            client_is_low: false,
            stake: Stake::None,
            spoke: Both::default(),
            gave: Both::default(),
            closed: false,
            detail: None,
        }
    }

    /// A TCP connection whose first SYN, or the answer to it, was seen.
    pub(super) fn began(&self) -> bool {
        self.isn.is_some()
    }

    pub(super) fn is_tcp(&self) -> bool {
        self.key.protocol() == 6
    }

    pub(super) fn side(&self, src_low: bool) -> Side {
        if src_low == self.client_is_low {
            Side::Client
        } else {
            Side::Server
        }
    }

    pub(super) fn client(&self) -> Endpoint {
        if self.client_is_low == self.is_swapped() {
            self.key.high()
        } else {
            self.key.low()
        }
    }

    pub(super) fn server(&self) -> Endpoint {
        if self.client_is_low == self.is_swapped() {
            self.key.low()
        } else {
            self.key.high()
        }
    }

    /// The sides that ports suggested are the wrong way round, as the QUIC observer found. [`Flow::side`] stays
    /// as it was: the observer turns sides round itself.
    fn is_swapped(&self) -> bool {
        !self.is_tcp()
            && matches!(
                self.detail.as_deref(),
                Some(Detail { app: App::Quic(quic), .. }) if quic.facts().swapped
            )
    }

    /// Is its payload read, or may it still be? UDP that turned out to be no QUIC is not a path of anything.
    pub(super) fn is_path(&self) -> bool {
        self.stake != Stake::None && (self.is_tcp() || self.detail.is_some())
    }

    /// A UDP flow whose first datagrams did not say yet whether it is QUIC: asked again on the next ones, since
    /// the first captured may be the tail of something else, or a probe of another protocol.
    pub(super) fn is_undecided(&self) -> bool {
        let [client, server] = self.packets.0;
        self.stake == Stake::Open && self.detail.is_none() && client + server < QUIC_TRIES
    }

    /// Will the next datagram be looked at as well? Asked before the present one is counted.
    pub(super) fn may_still_be_quic(&self) -> bool {
        self.packets.0.iter().sum::<u32>() + 1 < QUIC_TRIES
    }

    pub(super) fn note(&mut self, side: Side, packet: &Packet<'_>) {
        self.packets[side] = self.packets[side].saturating_add(1);
        self.last = packet.mark;
    }

    pub(super) fn note_segment(&mut self, side: Side, segment: &Segment<'_>) {
        let flags = segment.flags;
        self.spoke[side] |= !flags.has(TcpFlags::SYN | TcpFlags::RST);
        self.gave[side] |= segment.payload_len > 0;
        self.closed |= flags.has(TcpFlags::FIN | TcpFlags::RST);
    }

    /// A SYN of the client with another sequence number opens a new connection on the same ports; so does any SYN
    /// where the connection's start was not seen, and one of the other end once the connection was in use or over.
    pub(super) fn is_another_syn(
        &self,
        src_low: bool,
        segment: &Segment<'_>,
        at: Timestamp,
    ) -> bool {
        if at.since(self.first.time) < REUSE_AFTER && !self.closed {
            return false;
        }
        match self.isn {
            Some(isn) if self.side(src_low) == Side::Client => isn != segment.seq,
            Some(_) => self.closed || self.spoke.0 == [true, true],
            None => true,
        }
    }

    /// A datagram of the client that opens another QUIC connection from the same socket.
    pub(super) fn is_another_initial(&self, src_low: bool, payload: &[u8], at: Timestamp) -> bool {
        if payload.first().is_none_or(|first| first & 0x80 == 0) {
            return false;
        }
        let quiet = at.since(self.last.time) >= QUIET;
        match self.detail.as_deref().map(|detail| &detail.app) {
            Some(App::Quic(quic)) => {
                let swapped = quic.facts().swapped;
                let from_client = (self.side(src_low) == Side::Client) != swapped;
                quiet && from_client && quic.opens_another(payload)
            }
            _ => false,
        }
    }

    /// Another connection has its ports from now on.
    pub(super) fn replaced(&mut self, mark: Mark) {
        if let Some(Detail {
            app: App::Quic(quic),
            ..
        }) = self.detail.as_deref_mut()
        {
            quic.replaced(mark);
        }
    }

    /// Binds an ICMP error that quotes it. Says whether the flow's detail had to be made for it.
    pub(super) fn icmp(&mut self, error: IcmpError, chains: &Chains) -> bool {
        if self.stake == Stake::None {
            return false;
        }
        let made = self.detail.is_none() && self.first_syn.is_some();
        if made {
            let port = self.server().port;
            let detail = Detail::tcp(self.first_syn, true, self.first, port, chains);
            self.detail = Some(Box::new(detail));
        }
        if let Some(detail) = self.detail.as_deref_mut() {
            match (&mut detail.tcp, &mut detail.app) {
                (Some(tcp), _) => tcp.icmp(error),
                (None, App::Quic(quic)) => quic.icmp(error),
                _ => {}
            }
        }
        made
    }

    /// Notes whose packet it was.
    pub(super) fn note_owner(&mut self, tag: Option<AppTag<'_>>, uid: Option<i32>) {
        if (tag.is_some() || uid.is_some())
            && let Some(detail) = self.detail.as_deref_mut()
        {
            detail.owner.note(tag, uid);
        }
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, dns: &mut DnsObserver) {
        let (client, server) = (self.client(), self.server());
        if let Some(Detail {
            tcp: Some(tcp),
            app,
            http,
            ..
        }) = self.detail.as_deref_mut()
        {
            let ip = IpFields { ttl: 0, ip_id: 0 };
            tcp.finish(&mut Sink {
                app,
                http,
                dns,
                client,
                server,
                ip,
            });
        }
    }
}

/// Which end of a flow without SYN is the client: the one with the port that no service listens on.
fn looks_like_client(src: u16, dst: u16) -> bool {
    let service = |port: u16| port < 1024 || matches!(port, 8080 | 8443 | 4433);
    match (service(src), service(dst)) {
        (true, false) => false,
        (false, true) => true,
        _ => true, // who speaks first
    }
}

#[cfg(test)]
mod tests;
