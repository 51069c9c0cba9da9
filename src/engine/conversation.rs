//! One flow in the engine: the few bytes every flow costs, and the detail that only flows under observation have.

use crate::decode::{AppTag, Datagram, Packet, Segment, TcpFlags};
use crate::fact::icmp::IcmpError;
use crate::fact::transfer::Transfer;
use crate::flow::table::Key;
use crate::flow::tcp::{FirstSyn, IpFields, StreamSink, TcpTracker};
use crate::flow::{FlowView, PathTransport};
use crate::observe::dns::{Carrier, DnsObserver, DnsStream};
use crate::observe::http::HttpObserver;
use crate::observe::quic::QuicObserver;
use crate::observe::tls::TlsObserver;
use crate::types::{Both, Endpoint, Mark, Side, Timestamp};
use std::borrow::Cow;
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

/// What is observed on a flow that may matter.
pub struct Detail {
    pub(super) tcp: Option<TcpTracker>,
    pub(super) app: App,
    /// Plain HTTP, where the client's first bytes are a request.
    pub(super) http: Option<Box<HttpObserver>>,
    pub(super) transfer: Transfer,
    pub(super) owner: Owner,
}

/// The app or process that a flow belongs to, where the capture says so.
#[derive(Debug, Default)]
pub struct Owner {
    /// Its name; untrusted text.
    name: Option<Box<str>>,
    /// Android user id, which the capture file may translate.
    uid: Option<i32>,
}

impl Owner {
    /// The first packet that says it decides.
    pub(super) fn note(&mut self, tag: Option<AppTag<'_>>, uid: Option<i32>) {
        if let Some(tag) = tag
            && self.name.is_none()
            && !tag.name.is_empty()
        {
            self.name = Some(tag.name.into());
        }
        let uid = uid.or_else(|| tag.and_then(|tag| tag.uid));
        self.uid = self.uid.or(uid);
    }
}

/// Who reads the flow's payload.
pub enum App {
    /// TLS, or what should be.
    Tls(Box<TlsObserver>),
    /// DNS over TCP, one reader a side.
    Dns(Box<[DnsStream; 2]>),
    /// QUIC.
    Quic(Box<QuicObserver>),
}

impl App {
    /// It has said what it is: a whole hello, or first bytes that are no hello.
    pub(super) fn has_spoken(&self) -> bool {
        match self {
            Self::Tls(tls) => {
                let facts = tls.facts();
                facts.hello.is_some()
                    || facts.not_tls.0.iter().any(Option::is_some)
                    || facts.server_hello.is_some()
                    || tls.is_settled()
            }
            Self::Dns(_) => true,
            Self::Quic(quic) => {
                let facts = quic.facts();
                facts.hello.is_some() || facts.undecryptable || facts.midstream || quic.is_settled()
            }
        }
    }
}

impl Detail {
    /// It has said what it is: see [`App::has_spoken`]; a request in the clear, with its head.
    pub(super) fn has_spoken(&self) -> bool {
        self.http
            .as_ref()
            .map_or_else(|| self.app.has_spoken(), |http| http.has_spoken())
    }

    /// `from_start` says that the first packet carries a SYN, whoever sent it: both streams are seen from the first byte.
    pub(super) fn tcp(
        first_syn: Option<FirstSyn>,
        from_start: bool,
        first: Mark,
        port: u16,
    ) -> Self {
        let tracker = match first_syn {
            Some(syn) => TcpTracker::from_syn(syn, first),
            None => TcpTracker::empty(),
        };
        let tls = if from_start {
            TlsObserver::new()
        } else {
            TlsObserver::new_midstream()
        };
        let app = if port == 53 {
            App::Dns(Box::default())
        } else {
            App::Tls(Box::new(tls))
        };
        Self {
            tcp: Some(tracker),
            app,
            http: None,
            transfer: Transfer::default(),
            owner: Owner::default(),
        }
    }

    pub(super) fn quic(observer: QuicObserver) -> Self {
        Self {
            tcp: None,
            app: App::Quic(Box::new(observer)),
            http: None,
            transfer: Transfer::default(),
            owner: Owner::default(),
        }
    }
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
    pub(super) fn icmp(&mut self, error: IcmpError) -> bool {
        if self.stake == Stake::None {
            return false;
        }
        let made = self.detail.is_none() && self.first_syn.is_some();
        if made {
            let port = self.server().port;
            let detail = Detail::tcp(self.first_syn, true, self.first, port);
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

    /// The name it says it wants: server_name, or the host of a request in the clear.
    pub(super) fn spoken_name(&self) -> Option<&str> {
        let detail = self.detail.as_deref()?;
        if let Some(http) = &detail.http {
            let is_name = |host: &&str| host.parse::<std::net::IpAddr>().is_err();
            return http.facts().host().filter(is_name);
        }
        match &detail.app {
            App::Tls(tls) => tls.facts().sni(),
            App::Quic(quic) => quic.facts().sni(),
            App::Dns(_) => None,
        }
    }

    /// One of its requests looks for a captive portal.
    pub(super) fn is_portal_probe(&self) -> bool {
        let http = self.detail.as_deref().and_then(|d| d.http.as_deref());
        http.is_some_and(|http| http.facts().probe().is_some())
    }

    /// Its hello may carry another name inside an encrypted one (ECH not known to be GREASE).
    pub(super) fn may_hide_name(&self) -> bool {
        let hello = match self.detail.as_deref().map(|d| &d.app) {
            Some(App::Tls(tls)) => tls.facts().hello.as_deref(),
            Some(App::Quic(quic)) => quic.facts().hello.as_deref(),
            _ => None,
        };
        hello.is_some_and(|h| h.ech && h.ech_grease == Some(false))
    }

    /// `None` where the flow can't tell; `Some(true)` where a direction is missing that must have existed:
    /// one side acknowledges or sends data, and the other was never seen.
    pub(super) fn one_sided(&self) -> Option<bool> {
        if !self.is_tcp() {
            return None;
        }
        match (
            self.packets[Side::Client] > 0,
            self.packets[Side::Server] > 0,
        ) {
            (true, true) => Some(false),
            (true, false) if self.spoke[Side::Client] => Some(true),
            (false, true) if self.spoke[Side::Server] => Some(true),
            _ => None,
        }
    }

    /// As attempts and rules see it.
    pub(super) fn view(&self, stream_known: bool) -> FlowView<'_> {
        let detail = self.detail.as_deref();
        let tcp = self
            .is_tcp()
            .then(|| match detail.and_then(|d| d.tcp.as_ref()) {
                Some(tracker) => Cow::Borrowed(tracker.facts()),
                None => Cow::Owned(self.lone_syn()),
            });
        let (mut tls, mut quic) = (None, None);
        match detail.map(|d| &d.app) {
            Some(App::Tls(observer)) => tls = Some(observer.facts()),
            Some(App::Quic(observer)) => quic = Some(observer.facts()),
            _ => {}
        }
        FlowView {
            client: self.client(),
            server: self.server(),
            transport: if self.is_tcp() {
                PathTransport::Tcp
            } else {
                PathTransport::Quic
            },
            first: self.first,
            last: self.last,
            packets: if self.is_swapped() {
                Both([self.packets[Side::Server], self.packets[Side::Client]])
            } else {
                self.packets
            },
            stream: stream_known.then_some(self.stream),
            tcp,
            tls,
            quic,
            http: detail
                .and_then(|d| d.http.as_deref())
                .map(HttpObserver::facts),
            transfer: detail.map(|d| &d.transfer),
            app: detail
                .and_then(|d| d.owner.name.as_deref())
                .map(Cow::Borrowed),
            uid: detail.and_then(|d| d.owner.uid),
        }
    }

    fn lone_syn(&self) -> crate::fact::tcp::TcpFacts {
        match self.first_syn {
            Some(syn) => TcpTracker::from_syn(syn, self.first).into_facts(),
            None => crate::fact::tcp::TcpFacts::default(),
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

/// Ordered bytes of a TCP connection on their way to the observer.
pub(super) struct Sink<'a> {
    pub(super) app: &'a mut App,
    pub(super) http: &'a mut Option<Box<HttpObserver>>,
    pub(super) dns: &'a mut DnsObserver,
    pub(super) client: Endpoint,
    pub(super) server: Endpoint,
    pub(super) ip: IpFields,
}

impl Sink<'_> {
    fn carrier(&self, side: Side, mark: Mark) -> Carrier {
        let (src, dst) = match side {
            Side::Client => (self.client, self.server),
            Side::Server => (self.server, self.client),
        };
        Carrier {
            src,
            dst,
            ttl: self.ip.ttl,
            ip_id: self.ip.ip_id,
            mark,
        }
    }
}

impl StreamSink for Sink<'_> {
    fn data(&mut self, side: Side, bytes: &[u8], mark: Mark) {
        let carrier = self.carrier(side, mark);
        match self.app {
            App::Tls(tls) => {
                if let Some(http) = self.http {
                    http.data(side, bytes, mark);
                } else if side == Side::Client && !tls.has_begun() {
                    *self.http = HttpObserver::begin(bytes).map(Box::new);
                    if let Some(http) = self.http {
                        http.data(side, bytes, mark);
                    }
                }
                tls.data(side, bytes, mark);
            }
            App::Dns(streams) => {
                let dns = &mut *self.dns;
                streams[side.index()].data(bytes, &mut |message, clipped| {
                    dns.tcp_message(&carrier, message, clipped);
                });
            }
            App::Quic(_) => {}
        }
    }

    fn gap(&mut self, side: Side, missing: u64, mark: Mark) {
        let carrier = self.carrier(side, mark);
        if let Some(http) = self.http {
            http.gap(side, missing, mark);
        }
        match self.app {
            App::Tls(tls) => tls.gap(side, missing, mark),
            App::Dns(streams) => {
                let dns = &mut *self.dns;
                streams[side.index()].gap(Some(missing), &mut |message, clipped| {
                    dns.tcp_message(&carrier, message, clipped);
                });
            }
            App::Quic(_) => {}
        }
    }

    fn wants(&self, side: Side) -> bool {
        match &*self.app {
            App::Tls(tls) => tls.wants(side) || self.http.as_ref().is_some_and(|h| h.wants(side)),
            App::Dns(_) => true,
            App::Quic(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
