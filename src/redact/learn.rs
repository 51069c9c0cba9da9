//! The first pass: what must stay, and what has to be written where.

use super::edit::{Edits, Store};
use super::frame::Known;
use super::names::Names;
use super::quic::{self, Datagram, Flow, Flows, Hellos};
use super::secret::Secret;
use super::stream::{Scan, Streams};
use crate::data;
use crate::decode::{Datagram as Udp, Packet, Segment, TcpFlags, Transport};
use crate::flow::table::Key;
use crate::flow::tcp::{IpFields, TcpTracker};
use crate::observe::quic::looks_like_quic;
use crate::target::Target;
use crate::types::{Addr, Endpoint, Side, Timestamp};
use domain::base::iana::Rtype;
use domain::base::{Message, ParsedRecord};
use domain::rdata::{A, Aaaa, Https, Svcb};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Connections that are read at one time, as the engine's limit on those that it follows.
const MAX_READ: usize = 100_000;
/// Addresses of servers and of clients remembered.
const MAX_ADDRESSES: usize = 200_000;
/// Connections remembered; of more everything but headers becomes zeros.
const MAX_CONNECTIONS: usize = 1_000_000;
/// Names of apps remembered.
const MAX_APPS: usize = 1000;
/// A SYN with another number opens another connection only after this long, as in the engine.
const REUSE_AFTER: Duration = Duration::from_millis(1);

/// One TCP connection while it is read.
struct Conn {
    known: Known,
    isn: Option<u32>,
    first: Timestamp,
    closed: bool,
    spoke: [bool; 2],
    low_is_client: bool,
    reading: Option<Box<Reading>>,
}

struct Reading {
    tracker: TcpTracker,
    streams: Streams,
    app: Option<String>,
    /// It has been noted as the target's.
    noted: bool,
}

/// What the first pass holds.
pub(super) struct Learner {
    pub(super) names: Names,
    pub(super) secret: Secret,
    pub(super) store: Store,
    pub(super) hellos: Hellos,
    pub(super) servers: HashSet<Addr>,
    pub(super) clients: HashSet<Addr>,
    pub(super) apps: HashSet<String>,
    pub(super) uids: HashSet<i32>,
    /// Connections that found no room.
    pub(super) left_out: u64,
    open: HashMap<Flow, Conn>,
    over: HashMap<Flow, Vec<Known>>,
    count: usize,
    reading: usize,
    quic: Flows,
    answers: Vec<Vec<u8>>,
}

impl Learner {
    pub(super) fn new(target: &Arc<Target>, secret: &Secret) -> Self {
        Self {
            names: Names::new(secret, target),
            secret: secret.clone(),
            store: Store::default(),
            hellos: Hellos::default(),
            servers: HashSet::new(),
            clients: HashSet::new(),
            apps: HashSet::new(),
            uids: HashSet::new(),
            left_out: 0,
            open: HashMap::new(),
            over: HashMap::new(),
            count: 0,
            reading: 0,
            quic: Flows::default(),
            answers: Vec::new(),
        }
    }

    /// Takes one packet; `ordinal` counts frames.
    pub(super) fn packet(&mut self, packet: &Packet<'_>, uid: Option<i32>, ordinal: u64) {
        match packet.transport {
            Transport::Tcp(segment) => self.tcp(packet, &segment, uid, ordinal),
            Transport::Udp(datagram) => self.udp(packet, &datagram, uid),
            Transport::Icmp(_) | Transport::Other(_) => {}
        }
    }

    /// The connections with what is to be written into them.
    pub(super) fn finish(&mut self) -> HashMap<Flow, Vec<Known>> {
        for (flow, conn) in std::mem::take(&mut self.open) {
            self.close(flow, conn);
        }
        std::mem::take(&mut self.over)
    }

    fn tcp(&mut self, packet: &Packet<'_>, segment: &Segment<'_>, uid: Option<i32>, ordinal: u64) {
        let end = |addr, port| Endpoint { addr, port };
        let (src, dst) = (
            end(packet.src, segment.src_port),
            end(packet.dst, segment.dst_port),
        );
        let (key, src_low) = Key::new(src, dst, 6);
        let flow = quic::flow(&key);
        let opens = segment.flags.0 & (TcpFlags::SYN | TcpFlags::ACK | TcpFlags::RST);
        let opens = opens == TcpFlags::SYN;
        let another = |conn: &Conn| opens && conn.is_another(src_low, segment, packet.mark.time);
        if self.open.get(&flow).is_some_and(another)
            && let Some(conn) = self.open.remove(&flow)
        {
            self.close(flow, conn);
        }
        if !self.open.contains_key(&flow) {
            let Some(conn) = self.opened(packet, segment, src_low, ordinal) else {
                return;
            };
            self.open.insert(flow, conn);
        }
        let Some(mut conn) = self.open.remove(&flow) else {
            return;
        };
        self.segment(&mut conn, packet, segment, (src_low, uid));
        self.open.insert(flow, conn);
        for message in std::mem::take(&mut self.answers) {
            self.answer(&message);
        }
    }

    fn opened(
        &mut self,
        packet: &Packet<'_>,
        segment: &Segment<'_>,
        src_low: bool,
        ordinal: u64,
    ) -> Option<Conn> {
        if self.count >= MAX_CONNECTIONS {
            self.left_out += 1;
            return None;
        }
        self.count += 1;
        let (syn, ack) = (
            segment.flags.has(TcpFlags::SYN),
            segment.flags.has(TcpFlags::ACK),
        );
        let from_client = match (syn, ack) {
            (true, false) => true,
            (true, true) => false,
            _ => looks_like_client(segment.src_port, segment.dst_port),
        };
        if syn {
            note(
                &mut self.clients,
                if from_client { packet.src } else { packet.dst },
            );
        }
        let read = self.reading < MAX_READ;
        self.reading += usize::from(read);
        self.left_out += u64::from(!read);
        let server_port = if from_client {
            segment.dst_port
        } else {
            segment.src_port
        };
        Some(Conn {
            known: Known {
                since: ordinal,
                ..Known::default()
            },
            isn: match (syn, ack) {
                (true, false) => Some(segment.seq),
                (true, true) => Some(segment.ack.wrapping_sub(1)),
                _ => None,
            },
            first: packet.mark.time,
            closed: false,
            spoke: [false; 2],
            low_is_client: src_low == from_client,
            reading: read.then(|| {
                Box::new(Reading {
                    tracker: TcpTracker::empty(),
                    streams: Streams::new(server_port == 53, !syn),
                    app: None,
                    noted: false,
                })
            }),
        })
    }

    fn segment(
        &mut self,
        conn: &mut Conn,
        packet: &Packet<'_>,
        segment: &Segment<'_>,
        (src_low, uid): (bool, Option<i32>),
    ) {
        let side = conn.side(src_low);
        conn.spoke[side.index()] = true;
        conn.closed |= segment.flags.has(TcpFlags::RST | TcpFlags::FIN);
        let Some(reading) = conn.reading.as_deref_mut() else {
            return;
        };
        if let Some(app) = packet.app {
            reading.app.get_or_insert_with(|| app.name.to_owned());
        }
        let Reading {
            tracker, streams, ..
        } = reading;
        let before = [Side::Client, Side::Server].map(|side| tracker.origin(side));
        let mut edits = conn.known.take(conn.low_is_client);
        let mut scan = Scan {
            streams,
            edits: &mut edits,
            store: &mut self.store,
            names: &self.names,
            secret: &self.secret,
            answers: &mut self.answers,
        };
        tracker.segment(
            side,
            segment,
            IpFields::from(packet),
            packet.mark,
            &mut scan,
        );
        for side in [Side::Client, Side::Server] {
            let (was, is) = (before[side.index()], tracker.origin(side));
            if was.is_some() && was != is {
                streams.restart(side);
                edits[side.index()].clear();
            }
            conn.known.base[conn_index(conn.low_is_client, side)] = is;
        }
        conn.known.give(edits, conn.low_is_client);
        if streams.found.target && !reading.noted {
            reading.noted = true;
            let (client, server) = match side {
                Side::Client => (packet.src, packet.dst),
                Side::Server => (packet.dst, packet.src),
            };
            note(&mut self.servers, server);
            note(&mut self.clients, client);
        }
        if reading.noted {
            self.owner(conn, uid);
        }
        let over = conn.reading.as_ref().is_some_and(|r| r.streams.is_over());
        if over {
            self.end(conn);
        }
    }

    /// The app of a connection to the target may be named.
    fn owner(&mut self, conn: &mut Conn, uid: Option<i32>) {
        let app = conn.reading.as_deref_mut().and_then(|r| r.app.take());
        if self.apps.len() < MAX_APPS {
            self.apps.extend(app);
        }
        if self.uids.len() < MAX_APPS {
            self.uids.extend(uid);
        }
    }

    /// Ends the reading of a connection.
    fn end(&mut self, conn: &mut Conn) {
        let Some(mut reading) = conn.reading.take() else {
            return;
        };
        self.reading -= 1;
        let mut edits = conn.known.take(conn.low_is_client);
        let Reading {
            tracker, streams, ..
        } = &mut *reading;
        let mut scan = Scan {
            streams,
            edits: &mut edits,
            store: &mut self.store,
            names: &self.names,
            secret: &self.secret,
            answers: &mut self.answers,
        };
        tracker.finish(&mut scan);
        scan.finish();
        edits.iter_mut().for_each(Edits::sort);
        conn.known.give(edits, conn.low_is_client);
    }

    fn close(&mut self, flow: Flow, mut conn: Conn) {
        self.end(&mut conn);
        let known = conn.known;
        let mut edits = known;
        edits.edits.iter_mut().for_each(Edits::sort);
        let list = self.over.entry(flow).or_default();
        // Also one without edits ends what was known before it.
        if !list.is_empty() || !edits.edits.iter().all(Edits::is_empty) {
            list.push(edits);
        }
        if list.is_empty() {
            self.over.remove(&flow);
        }
    }

    fn udp(&mut self, packet: &Packet<'_>, datagram: &Udp<'_>, uid: Option<i32>) {
        if datagram.dst_port == 53 {
            note(&mut self.clients, packet.src);
            return;
        }
        if datagram.src_port == 53 {
            note(&mut self.clients, packet.dst);
            return self.answer(datagram.payload);
        }
        let end = |addr, port| Endpoint { addr, port };
        let (key, src_low) = Key::new(
            end(packet.src, datagram.src_port),
            end(packet.dst, datagram.dst_port),
            17,
        );
        let likely = looks_like_quic(datagram.payload, datagram.dst_port, datagram.src_port);
        let asked = self.quic.learn(
            &Datagram {
                flow: quic::flow(&key),
                src_low,
                payload: datagram.payload,
                cut: datagram.payload.len() < datagram.payload_len as usize,
                likely,
            },
            &mut self.hellos,
            &self.names,
            &self.secret,
        );
        let Some(asked) = asked else { return };
        let (client, server) = match asked.from_sender {
            true => (packet.src, packet.dst),
            false => (packet.dst, packet.src),
        };
        note(&mut self.clients, client);
        if self.names.is_target(&asked.name) {
            note(&mut self.servers, server);
            if self.apps.len() < MAX_APPS {
                self.apps.extend(packet.app.map(|app| app.name.to_owned()));
                self.uids.extend(uid);
            }
        }
    }

    /// Addresses of the target's names stay.
    fn answer(&mut self, message: &[u8]) {
        let Ok(message) = Message::from_slice(message) else {
            return;
        };
        let Some(Ok(question)) = message.question().next() else {
            return;
        };
        let name = question.qname().to_string();
        if !message.header().qr() || !self.names.is_target(&name) {
            return;
        }
        let Ok(answer) = message.answer() else { return };
        for record in answer.flatten().take(256) {
            addresses(&record, &mut |addr| note(&mut self.servers, addr));
        }
    }
}

/// Addresses in a record.
fn addresses(record: &ParsedRecord<'_, [u8]>, each: &mut impl FnMut(Addr)) {
    match record.rtype() {
        Rtype::A => {
            if let Ok(Some(a)) = record.to_record::<A>() {
                each(Addr::v4(a.data().addr().octets()));
            }
        }
        Rtype::AAAA => {
            if let Ok(Some(a)) = record.to_record::<Aaaa>() {
                each(Addr::v6(a.data().addr().octets()));
            }
        }
        Rtype::HTTPS => {
            if let Ok(Some(https)) = record.to_record::<Https<_, _>>() {
                hints(https.data().params(), each);
            }
        }
        Rtype::SVCB => {
            if let Ok(Some(svcb)) = record.to_record::<Svcb<_, _>>() {
                hints(svcb.data().params(), each);
            }
        }
        _ => {}
    }
}

fn hints<O: AsRef<[u8]> + domain::dep::octseq::Octets>(
    params: &domain::rdata::svcb::SvcParams<O>,
    each: &mut impl FnMut(Addr),
) {
    if let Some(list) = params.ipv4hint() {
        list.iter().for_each(|ip| each(Addr::v4(ip.octets())));
    }
    if let Some(list) = params.ipv6hint() {
        list.iter().for_each(|ip| each(Addr::v6(ip.octets())));
    }
}

/// Remembers an address that is somebody's own.
fn note(set: &mut HashSet<Addr>, addr: Addr) {
    if set.len() < MAX_ADDRESSES && data::never_public(addr).is_none() {
        set.insert(addr);
    }
}

fn conn_index(low_is_client: bool, side: Side) -> usize {
    usize::from((side == Side::Client) != low_is_client)
}

/// As the engine tells which end without a SYN is the client.
pub(super) fn looks_like_client(src: u16, dst: u16) -> bool {
    let service = |port: u16| port < 1024 || matches!(port, 8080 | 8443 | 4433);
    !service(src) || service(dst)
}

impl Conn {
    fn side(&self, src_low: bool) -> Side {
        if src_low == self.low_is_client {
            Side::Client
        } else {
            Side::Server
        }
    }

    fn is_another(&self, src_low: bool, segment: &Segment<'_>, at: Timestamp) -> bool {
        if at.since(self.first) < REUSE_AFTER && !self.closed {
            return false;
        }
        match self.isn {
            Some(isn) if self.side(src_low) == Side::Client => isn != segment.seq,
            Some(_) => self.closed || self.spoke == [true, true],
            None => true,
        }
    }
}

impl Known {
    /// The edits in the order client, server.
    fn take(&mut self, low_is_client: bool) -> [Edits; 2] {
        let [low, high] = std::mem::take(&mut self.edits);
        if low_is_client {
            [low, high]
        } else {
            [high, low]
        }
    }

    fn give(&mut self, [client, server]: [Edits; 2], low_is_client: bool) {
        self.edits = match low_is_client {
            true => [client, server],
            false => [server, client],
        };
    }
}
