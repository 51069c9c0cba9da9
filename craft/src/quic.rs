//! Real QUIC: quinn's client and server with a virtual clock, whose datagrams a case lets pass or get lost.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use quinn_proto::{
    Connection, ConnectionHandle, DatagramEvent, Dir, Endpoint, Event, Incoming, StreamId, VarInt,
};

use crate::net::{Net, Side};
use crate::packet::Icmp;
use crate::time::Ms;
use crate::udp::Udp;

mod config;
mod datagram;
pub mod initial;

pub use config::{Client, Server};
pub use datagram::{Datagram, Fate, Kind};

/// Between two datagrams of one side at least, and between a datagram's arrival and the answer (nanoseconds).
const SPACING: u64 = 60_000;
const THINKING: u64 = 250_000;

type Rule = Box<dyn FnMut(&Datagram) -> Fate>;

/// A QUIC connection between two real stacks, whose datagrams go over a [`Udp`] as the capture sees them.
pub struct Quic {
    udp: Udp,
    base: Instant,
    began: u64,
    rtt: u64,
    rule: Rule,
    count: [usize; 2],
    /// When the last datagram of each side passed the capture point.
    passed: [u64; 2],
    client: Peer,
    server: Option<Peer>,
    retry: bool,
    refuse: bool,
    client_config: quinn_proto::ClientConfig,
    host: String,
    responses: VecDeque<usize>,
    lost: [Option<String>; 2],
}

/// One endpoint with its connection.
struct Peer {
    endpoint: Endpoint,
    conn: Option<(ConnectionHandle, Connection)>,
    /// Datagrams under way to it: arrival, bytes.
    inbox: Vec<(u64, Vec<u8>)>,
    outgoing: Vec<(StreamId, Vec<u8>, usize)>,
    /// Open streams that are read, and how many bytes came.
    reading: Vec<StreamId>,
    got: usize,
    connected: bool,
    finished: usize,
}

impl Peer {
    fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            conn: None,
            inbox: Vec::new(),
            outgoing: Vec::new(),
            reading: Vec::new(),
            got: 0,
            connected: false,
            finished: 0,
        }
    }
}

impl Net {
    /// QUIC between the client and `server` (port 443 if it names none), round trip 24 ms. Nothing is sent until it
    /// runs.
    pub fn quic(&self, server: &str, client: Client, host: Server) -> Quic {
        let udp = self.udp(server);
        let seed: [u8; 32] = self.random(32).try_into().unwrap();
        let keys = Arc::new(self.keys());
        let name = client.host().to_owned();
        let (endpoint, client_config) = client.build(keys, seed);
        let (retry, refuse) = (host.retry, host.refuse);
        let responses = VecDeque::new();
        Quic {
            udp,
            base: base(),
            began: self.now_ns(),
            rtt: 24_000_000,
            rule: Box::new(|_| Fate::Deliver),
            count: [0, 0],
            passed: [0, 0],
            client: Peer::new(endpoint),
            server: host.build(seed).map(Peer::new),
            retry,
            refuse,
            client_config,
            host: name,
            responses,
            lost: [None, None],
        }
    }
}

/// quinn counts from an `Instant`, and there is no other way to get one. Only differences matter.
#[allow(clippy::disallowed_methods)]
fn base() -> Instant {
    Instant::now()
}

impl Quic {
    /// Round-trip time.
    #[must_use]
    pub fn rtt(mut self, ms: impl Ms) -> Self {
        self.rtt = ms.ns();
        self
    }

    /// What becomes of each datagram.
    #[must_use]
    pub fn fate(mut self, rule: impl FnMut(&Datagram) -> Fate + 'static) -> Self {
        self.set_fate(rule);
        self
    }

    /// The client's port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.udp.client.set_port(port);
        self
    }

    /// Changes what becomes of each datagram from now on.
    pub fn set_fate(&mut self, rule: impl FnMut(&Datagram) -> Fate + 'static) {
        self.rule = Box::new(rule);
    }

    /// Everything from now on is lost: the server's datagrams are not captured, the client's do not arrive.
    pub fn go_dark(&mut self) {
        self.set_fate(|_| Fate::Lost);
    }

    /// Whether both ends consider the handshake over.
    pub fn connected(&self) -> bool {
        self.client.connected && self.server.as_ref().is_some_and(|s| s.connected)
    }

    /// Why this side's connection ended, if it did.
    pub fn lost(&self, side: Side) -> Option<&str> {
        self.lost[side as usize].as_deref()
    }

    /// The client's UDP conversation, for datagrams and ICMP made by hand.
    pub fn udp(&mut self) -> &mut Udp {
        &mut self.udp
    }

    /// An ICMP error from `router` about the client's last datagram, arriving now. quinn is not told: it goes on.
    pub fn icmp(&self, router: &str, what: Icmp) {
        self.udp.icmp(router, what);
    }

    /// Runs until the handshake is confirmed at both ends, or a connection ends, or 30 s have passed.
    /// Returns whether it worked.
    pub fn handshake(&mut self) -> bool {
        self.start();
        let limit = self.now() + 30_000_000_000;
        self.run(limit, |q| {
            q.connected() || q.lost.iter().any(Option::is_some)
        });
        let settle = self.now() + self.rtt + self.rtt / 2 + 1_000_000;
        self.run(settle, |_| false);
        self.connected()
    }

    /// Runs for this long (the clock ends there), whatever happens. The first call sends the first Initial.
    pub fn run_for(&mut self, ms: impl Ms) {
        self.start();
        let limit = self.now() + ms.ns();
        self.run(limit, |_| false);
        self.net().set_ns(limit);
    }

    /// The client opens a stream and sends `request` bytes, the server answers with `response` bytes. Runs until the
    /// client has them all; `false` when it has not within 60 s. At 1.5 ms of thinking per request.
    pub fn request(&mut self, request: usize, response: usize) -> bool {
        self.send_request(request, response);
        let want = self.client.finished + 1;
        let limit = self.now() + 60_000_000_000;
        self.run(limit, |q| {
            q.client.finished >= want || q.lost.iter().any(Option::is_some)
        });
        let done = self.client.finished >= want;
        if done {
            let settle = self.now() + self.rtt;
            self.run(settle, |_| false);
        }
        done
    }

    /// Queues the request without running; [`Quic::run_for`] then sends it.
    pub fn send_request(&mut self, request: usize, response: usize) {
        self.responses.push_back(response);
        let Some((_, conn)) = &mut self.client.conn else {
            panic!("not connected")
        };
        let id = conn
            .streams()
            .open(Dir::Bi)
            .expect("a stream may be opened");
        self.client
            .outgoing
            .push((id, vec![0x5a; request.max(1)], 0));
        self.client.reading.push(id);
    }

    /// One side closes with this application error and the farewell is sent.
    pub fn close(&mut self, side: Side, code: u32, reason: &str) {
        let now = self.instant(self.now());
        let peer = match side {
            Side::Client => Some(&mut self.client),
            Side::Server => self.server.as_mut(),
        };
        if let Some((_, conn)) = peer.and_then(|p| p.conn.as_mut()) {
            conn.close(
                now,
                VarInt::from_u32(code),
                Bytes::copy_from_slice(reason.as_bytes()),
            );
        }
        self.run_for(Duration::from_nanos(self.rtt));
    }

    fn net(&self) -> Net {
        self.udp.net().clone()
    }

    fn now(&self) -> u64 {
        self.udp.net().now_ns()
    }

    /// quinn's time: our clock does not go back below the start of the connection.
    fn instant(&self, ns: u64) -> Instant {
        self.base + Duration::from_nanos(ns - self.began.min(ns))
    }

    fn ns(&self, instant: Instant) -> u64 {
        self.began + instant.duration_since(self.base).as_nanos() as u64
    }

    fn start(&mut self) {
        if self.client.conn.is_some() {
            return;
        }
        self.began = self.now();
        let now = self.instant(self.began);
        let config = self.client_config.clone();
        let pair = self
            .client
            .endpoint
            .connect(now, config, self.udp.server, &self.host)
            .unwrap();
        self.client.conn = Some(pair);
    }

    /// The event loop: until `limit`, or until `done`, or until nobody has anything left to do.
    fn run(&mut self, limit: u64, done: impl Fn(&Self) -> bool) {
        loop {
            let now = self.now();
            self.step(Side::Client, now);
            self.step(Side::Server, now);
            if done(self) {
                return;
            }
            match self.next_event() {
                Some(next) if next <= limit => self.net().set_ns(next.max(now + 1000)),
                _ => return,
            }
        }
    }

    fn next_event(&mut self) -> Option<u64> {
        let mut times = Vec::new();
        let mut timers = Vec::new();
        for peer in [Some(&mut self.client), self.server.as_mut()]
            .into_iter()
            .flatten()
        {
            times.extend(peer.inbox.iter().map(|(at, _)| *at));
            timers.extend(peer.conn.as_mut().and_then(|(_, c)| c.poll_timeout()));
        }
        times.extend(timers.into_iter().map(|t| self.ns(t)));
        times.into_iter().min()
    }

    /// Lets one side take what arrived, run its timers and send.
    fn step(&mut self, side: Side, now: u64) {
        let at = self.instant(now);
        let (own, remote) = match side {
            Side::Client => (Some(&mut self.client), self.udp.server),
            Side::Server => (self.server.as_mut(), self.udp.client),
        };
        let Some(peer) = own else { return };
        let mut out = Vec::new();
        let due: Vec<_> = peer.inbox.iter().filter(|d| d.0 <= now).cloned().collect();
        peer.inbox.retain(|d| d.0 > now);
        for (_, bytes) in due {
            let incoming = peer.take(at, remote, &bytes, &mut out);
            if let Some(incoming) = incoming {
                peer.admit(incoming, at, self.retry, self.refuse, &mut out);
            }
        }
        peer.timers(at);
        if let Some(reason) = peer.events() {
            self.lost[side as usize].get_or_insert(reason);
        }
        if side == Side::Server {
            peer.serve(&mut self.responses);
        } else {
            peer.read();
        }
        peer.write();
        peer.transmit(at, &mut out);
        for bytes in out {
            self.put(side, now, bytes);
        }
    }

    /// A datagram leaves `side` now.
    fn put(&mut self, side: Side, now: u64, bytes: Vec<u8>) {
        let number = self.count[side as usize];
        self.count[side as usize] += 1;
        let d = Datagram::new(side, number, now - self.began.min(now), &bytes);
        let fate = (self.rule)(&d);
        let one_way = self.rtt / 2;
        let (late, arrives, captured) = match fate {
            Fate::Deliver => (0, true, true),
            Fate::Delay(ns) => (ns, true, true),
            Fate::Lost => (0, false, side == Side::Client),
            Fate::Ignored => (0, false, true),
            Fate::Unseen => (0, true, false),
            Fate::Unsent => (0, false, false),
        };
        let at_client = if side == Side::Client {
            now
        } else {
            now + one_way
        };
        let seen = at_client.max(self.passed[side as usize] + SPACING);
        self.passed[side as usize] = seen;
        let seen = seen + late;
        self.udp.send_at(seen, side, &bytes, captured);
        let arrival = match side {
            Side::Client => seen + one_way,
            Side::Server => seen,
        };
        if arrives {
            let peer = match side {
                Side::Client => self.server.as_mut(),
                Side::Server => Some(&mut self.client),
            };
            if let Some(p) = peer {
                p.inbox.push((arrival + THINKING, bytes));
            }
        }
    }
}

impl Peer {
    fn take(
        &mut self,
        at: Instant,
        remote: SocketAddr,
        bytes: &[u8],
        out: &mut Vec<Vec<u8>>,
    ) -> Option<Incoming> {
        let mut buf = Vec::new();
        match self
            .endpoint
            .handle(at, remote, None, None, BytesMut::from(bytes), &mut buf)?
        {
            DatagramEvent::NewConnection(incoming) => return Some(incoming),
            DatagramEvent::ConnectionEvent(_, event) => {
                if let Some((_, conn)) = &mut self.conn {
                    conn.handle_event(event);
                }
            }
            DatagramEvent::Response(t) => out.push(buf[..t.size].to_vec()),
        }
        None
    }

    fn admit(
        &mut self,
        incoming: Incoming,
        at: Instant,
        retry: bool,
        refuse: bool,
        out: &mut Vec<Vec<u8>>,
    ) {
        let mut buf = Vec::new();
        if refuse {
            let t = self.endpoint.refuse(incoming, &mut buf);
            out.push(buf[..t.size].to_vec());
        } else if retry && !incoming.remote_address_validated() {
            let t = self
                .endpoint
                .retry(incoming, &mut buf)
                .expect("first Initial may be answered with Retry");
            out.push(buf[..t.size].to_vec());
        } else {
            match self.endpoint.accept(incoming, at, &mut buf, None) {
                Ok(pair) => self.conn = Some(pair),
                Err(e) => out.extend(e.response.map(|t| buf[..t.size].to_vec())),
            }
        }
    }

    fn timers(&mut self, at: Instant) {
        if let Some((_, conn)) = &mut self.conn
            && conn.poll_timeout().is_some_and(|t| t <= at)
        {
            conn.handle_timeout(at);
        }
    }

    /// Takes note of what happened; returns why the connection ended, if it did.
    fn events(&mut self) -> Option<String> {
        let (handle, conn) = self.conn.as_mut()?;
        while let Some(event) = conn.poll_endpoint_events() {
            if let Some(reply) = self.endpoint.handle_event(*handle, event) {
                conn.handle_event(reply);
            }
        }
        let mut end = None;
        while let Some(event) = conn.poll() {
            match event {
                Event::Connected => self.connected = true,
                Event::ConnectionLost { reason } => end = Some(reason.to_string()),
                _ => (),
            }
        }
        end
    }

    fn read(&mut self) {
        let Some((_, conn)) = &mut self.conn else {
            return;
        };
        let mut open = Vec::new();
        for id in self.reading.drain(..) {
            let mut ended = false;
            let mut stream = conn.recv_stream(id);
            if let Ok(mut chunks) = stream.read(true) {
                loop {
                    match chunks.next(usize::MAX) {
                        Ok(Some(c)) => self.got += c.bytes.len(),
                        Ok(None) => {
                            ended = true;
                            break;
                        }
                        Err(_) => break,
                    }
                }
                let _ = chunks.finalize();
            }
            if ended {
                self.finished += 1;
            } else {
                open.push(id);
            }
        }
        self.reading = open;
    }

    /// The server's part: whoever has sent a whole request gets the next response.
    fn serve(&mut self, responses: &mut VecDeque<usize>) {
        let Some((_, conn)) = &mut self.conn else {
            return;
        };
        while let Some(id) = conn.streams().accept(Dir::Bi) {
            self.reading.push(id);
        }
        let before = self.reading.clone();
        self.read();
        for id in before {
            if !self.reading.contains(&id) {
                let n = responses.pop_front().unwrap_or(0);
                self.outgoing.push((id, vec![0xa5; n], 0));
            }
        }
    }

    fn write(&mut self) {
        let Some((_, conn)) = &mut self.conn else {
            return;
        };
        self.outgoing.retain_mut(|(id, data, sent)| {
            let mut stream = conn.send_stream(*id);
            while *sent < data.len() {
                match stream.write(&data[*sent..]) {
                    Ok(n) => *sent += n,
                    Err(_) => return true,
                }
            }
            let _ = stream.finish();
            false
        });
    }

    fn transmit(&mut self, at: Instant, out: &mut Vec<Vec<u8>>) {
        let Some((_, conn)) = &mut self.conn else {
            return;
        };
        let mut buf = Vec::new();
        while let Some(t) = conn.poll_transmit(at, 1, &mut buf) {
            out.push(buf[..t.size].to_vec());
            buf.clear();
        }
    }
}
