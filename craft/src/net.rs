//! The network seen from one client: a virtual clock, the frames sent so far, and what the capture keeps of them.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use crate::file::{self, Format, Header, Record};
use crate::link::{self, Link, Wrap};
use crate::packet::{self, Icmp, IpMeta};
use crate::rng::Rng;
use crate::time::{EPOCH_S, Ms};
use crate::tls::KeyStore;

/// A capture larger than this whose format nobody chose is packed: fixtures are kept small.
const PACKED_FROM: usize = 8 * 1024;

/// One end of a conversation. The capture is always taken at the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The device whose attempt is diagnosed.
    Client,
    /// The host it talks to.
    Server,
}

impl Side {
    /// The other end.
    pub fn peer(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

/// A packet on the client's wire.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Nanoseconds since the start.
    pub at: u64,
    /// Who sent it.
    pub from: Side,
    /// The IP packet.
    pub ip: Vec<u8>,
    /// pcapng comment.
    pub comment: Option<String>,
    /// Whether it reaches the file.
    pub captured: bool,
}

type Filter = Box<dyn Fn(usize, &Frame) -> bool>;

struct Inner {
    now: u64,
    rng: Rng,
    frames: Vec<Frame>,
    next_port: u16,
    client4: IpAddr,
    client6: IpAddr,
    gateway: IpAddr,
    resolver: SocketAddr,
    hidden: bool,
    fragment: Option<usize>,
    keys: KeyStore,
    capture: Capture,
}

/// What the capture keeps and how it is written; set through [`Net`].
struct Capture {
    format: Format,
    link: Link,
    wraps: Vec<Wrap>,
    snaplen: usize,
    only: Option<Side>,
    from: u64,
    until: u64,
    filters: Vec<Filter>,
    duplicate: Option<u64>,
    dropped: Option<u64>,
    stats_end: Option<u64>,
    secrets: bool,
    cut: usize,
    shuffle: bool,
    names: Vec<(std::net::Ipv4Addr, String)>,
}

/// The client's network. Clones are handles to the same network, so conversations can be interleaved freely.
///
/// Times are in milliseconds (see [`Ms`]). One clock serves all: sending moves it on where the sender would wait
/// (a round trip for a SYN-ACK), and [`Net::at`] and [`Net::aside`] move it back for what happens side by side.
/// Frames are put in order of time when the file is written.
#[derive(Clone)]
pub struct Net(Rc<RefCell<Inner>>);

/// `text` as address and port; `port` where it names none.
///
/// # Panics
/// If it is no address.
pub fn addr(text: &str, port: u16) -> SocketAddr {
    text.parse::<SocketAddr>()
        .or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, port)))
        .unwrap_or_else(|_| panic!("no address: {text}"))
}

/// The TTL with which packets of a host arrive at the client: 64, less 0 to 14 hops made up from its address.
pub fn arriving_ttl(ip: IpAddr) -> u8 {
    let near = match ip {
        IpAddr::V4(a) => a.is_private() || a.is_loopback(),
        IpAddr::V6(a) => a.segments()[0] & 0xfe00 == 0xfc00 || a.is_unicast_link_local(),
    };
    let hash = ip
        .to_string()
        .bytes()
        .fold(7u32, |h, b| h.wrapping_mul(31).wrapping_add(u32::from(b)));
    if near { 64 } else { 58 - (hash % 9) as u8 }
}

impl Net {
    /// A network whose made-up numbers depend on `name`.
    pub fn new(name: &str) -> Self {
        let mut rng = Rng::named(name);
        let next_port = 49_152 + rng.range(0, 8000) as u16;
        Self(Rc::new(RefCell::new(Inner {
            now: 0,
            rng,
            frames: Vec::new(),
            next_port,
            client4: "192.168.1.23".parse().unwrap(),
            client6: "2a02:8109:9a40:1b2c::23".parse().unwrap(),
            gateway: "192.168.1.1".parse().unwrap(),
            resolver: "1.1.1.1:53".parse().unwrap(),
            hidden: false,
            fragment: None,
            keys: KeyStore::default(),
            capture: Capture {
                format: Format::Pcap,
                link: Link::Ethernet,
                wraps: Vec::new(),
                snaplen: 0,
                only: None,
                from: 0,
                until: u64::MAX,
                filters: Vec::new(),
                duplicate: None,
                dropped: None,
                stats_end: None,
                secrets: false,
                cut: 0,
                shuffle: false,
                names: Vec::new(),
            },
        })))
    }

    // --- the clock ---

    /// Milliseconds since the start.
    pub fn now(&self) -> f64 {
        self.0.borrow().now as f64 / 1e6
    }

    /// Nanoseconds since the start.
    pub fn now_ns(&self) -> u64 {
        self.0.borrow().now
    }

    /// Sets the clock, forwards or back.
    pub fn at(&self, ms: impl Ms) {
        self.set_ns(ms.ns());
    }

    pub(crate) fn set_ns(&self, ns: u64) {
        self.0.borrow_mut().now = ns;
    }

    /// Lets time pass.
    pub fn wait(&self, ms: impl Ms) {
        self.0.borrow_mut().now += ms.ns();
    }

    /// Does `f` and sets the clock back to where it was: what follows happens at the same time.
    pub fn aside<R>(&self, f: impl FnOnce(&Net) -> R) -> R {
        let before = self.now_ns();
        let r = f(self);
        self.set_ns(before);
        r
    }

    // --- who is where ---

    /// Replaces the client's address of that family (192.168.1.23, 2a02:8109:9a40:1b2c::23).
    pub fn set_client(&self, ip: &str) {
        let ip: IpAddr = ip.parse().unwrap();
        let mut i = self.0.borrow_mut();
        match ip {
            IpAddr::V4(_) => i.client4 = ip,
            IpAddr::V6(_) => i.client6 = ip,
        }
    }

    /// Replaces the resolver used by [`Net::query`] (1.1.1.1, port 53).
    pub fn set_resolver(&self, resolver: &str) {
        self.0.borrow_mut().resolver = addr(resolver, 53);
    }

    /// The client's address that reaches `server`, with the next free port.
    pub fn client_for(&self, server: SocketAddr) -> SocketAddr {
        let mut i = self.0.borrow_mut();
        let port = i.next_port;
        i.next_port = if port == u16::MAX { 49_152 } else { port + 1 };
        SocketAddr::new(
            if server.is_ipv4() {
                i.client4
            } else {
                i.client6
            },
            port,
        )
    }

    /// The resolver in use.
    pub fn resolver(&self) -> SocketAddr {
        self.0.borrow().resolver
    }

    /// The client's router (192.168.1.1).
    pub fn gateway(&self) -> IpAddr {
        self.0.borrow().gateway
    }

    /// Repeatable numbers of this network.
    pub fn rng<R>(&self, f: impl FnOnce(&mut Rng) -> R) -> R {
        f(&mut self.0.borrow_mut().rng)
    }

    /// `n` bytes that look encrypted.
    pub fn random(&self, n: usize) -> Vec<u8> {
        self.rng(|r| r.bytes(n))
    }

    /// Where TLS and QUIC sessions log their secrets.
    pub(crate) fn keys(&self) -> KeyStore {
        self.0.borrow().keys.clone()
    }

    // --- sending ---

    /// Puts a ready IP packet on the wire now.
    pub fn send_ip(&self, from: Side, ip: Vec<u8>) {
        self.send_ip_at(self.now_ns(), from, ip, true);
    }

    /// The same at another time (nanoseconds since the start); not `captured` means it passes unseen.
    pub fn send_ip_at(&self, at: u64, from: Side, ip: Vec<u8>, captured: bool) {
        let mut i = self.0.borrow_mut();
        let captured = captured && !i.hidden;
        let parts = match i.fragment {
            Some(mtu) if ip.len() > mtu => packet::fragment(&ip, mtu, i.rng.next_u32()),
            _ => vec![ip],
        };
        for (n, ip) in parts.into_iter().enumerate() {
            let at = at + n as u64 * 12_000;
            i.frames.push(Frame {
                at,
                from,
                ip,
                comment: None,
                captured,
            });
        }
    }

    /// An ICMP error from `router` about the packet `quoted`, arriving now.
    pub fn icmp(&self, router: &str, what: Icmp, quoted: &[u8]) {
        let from: IpAddr = router.parse().unwrap();
        let meta = IpMeta {
            ttl: arriving_ttl(from),
            id: self.rng(Rng::next_u16),
            ..IpMeta::default()
        };
        self.send_ip(Side::Server, packet::icmp_error(from, what, quoted, meta));
    }

    /// Pings the gateway once a second from now until `ms` (absolute): shows that the capture went on, and says
    /// nothing else. The clock ends at `ms`.
    pub fn ping_until(&self, ms: impl Ms) {
        let end = ms.ns();
        let (client, gateway) = (self.0.borrow().client4, self.gateway());
        let mut seq = 1;
        while self.now_ns() + 1_000_000_000 <= end {
            self.wait(1000);
            let id = self.rng(Rng::next_u16);
            let meta = IpMeta {
                id,
                ..IpMeta::default()
            };
            self.send_ip(
                Side::Client,
                packet::echo(client, gateway, false, seq, meta),
            );
            let reply = packet::echo(gateway, client, true, seq, IpMeta { df: false, ..meta });
            self.send_ip_at(self.now_ns() + 1_300_000, Side::Server, reply, true);
            seq += 1;
        }
        self.set_ns(end);
    }

    /// Sends everything in `f` so that it takes effect but is not in the capture.
    pub fn hidden<R>(&self, f: impl FnOnce(&Net) -> R) -> R {
        let before = std::mem::replace(&mut self.0.borrow_mut().hidden, true);
        let r = f(self);
        self.0.borrow_mut().hidden = before;
        r
    }

    /// From now on IP packets over `mtu` bytes travel in fragments (`None`: no longer).
    pub fn fragment_over(&self, mtu: Option<usize>) {
        self.0.borrow_mut().fragment = mtu;
    }

    /// pcapng: comment on the frame sent last.
    pub fn comment(&self, text: &str) {
        if let Some(f) = self.0.borrow_mut().frames.last_mut() {
            f.comment = Some(text.to_owned());
        }
    }

    // --- what the capture keeps ---

    fn capture<R>(&self, f: impl FnOnce(&mut Capture) -> R) -> R {
        f(&mut self.0.borrow_mut().capture)
    }

    /// File format (default pcap with microseconds).
    pub fn format(&self, format: Format) {
        self.capture(|c| c.format = format);
    }

    /// Link type (default Ethernet).
    pub fn link(&self, link: Link) {
        self.capture(|c| c.link = link);
    }

    /// Adds a tag or tunnel around every packet; the first call is the innermost.
    pub fn wrap(&self, wrap: Wrap) {
        self.capture(|c| c.wraps.push(wrap));
    }

    /// Captures at most `n` bytes of a frame.
    pub fn snaplen(&self, n: usize) {
        self.capture(|c| c.snaplen = n);
    }

    /// Captures only what this side sends.
    pub fn only(&self, side: Side) {
        self.capture(|c| c.only = Some(side));
    }

    /// The capture begins at this time.
    pub fn capture_from(&self, ms: impl Ms) {
        self.capture(|c| c.from = ms.ns());
    }

    /// The capture ends at this time.
    pub fn capture_until(&self, ms: impl Ms) {
        self.capture(|c| c.until = ms.ns());
    }

    /// Leaves out frames for which `f` is true. The number counts all frames of the wire from 1, in time order.
    pub fn hide(&self, f: impl Fn(usize, &Frame) -> bool + 'static) {
        self.capture(|c| c.filters.push(Box::new(f)));
    }

    /// Every frame is in the file twice, `ms` apart (as `-i any` does with bridges and tunnels).
    pub fn duplicate_all(&self, ms: impl Ms) {
        self.capture(|c| c.duplicate = Some(ms.ns()));
    }

    /// pcapng: the interface statistics say that `n` packets were dropped.
    pub fn kernel_drops(&self, n: u64) {
        self.capture(|c| c.dropped = Some(n));
    }

    /// pcapng: the interface statistics say that the capture ended at this time.
    pub fn stats_end(&self, ms: impl Ms) {
        self.capture(|c| c.stats_end = Some(ms.ns()));
    }

    /// pcapng: embeds the TLS secrets of all sessions.
    pub fn embed_secrets(&self) {
        self.capture(|c| c.secrets = true);
    }

    /// pcapng: a name for an address in a Name Resolution Block.
    pub fn name_record(&self, ip: &str, name: &str) {
        self.capture(|c| c.names.push((ip.parse().unwrap(), name.to_owned())));
    }

    /// Takes the last `n` bytes off the file (before compression nothing is cut).
    pub fn cut_file(&self, n: usize) {
        self.capture(|c| c.cut = n);
    }

    /// Writes neighbouring frames in pairs swapped, times kept: a file out of order.
    pub fn swap_pairs(&self) {
        self.capture(|c| c.shuffle = true);
    }

    // --- the result ---

    /// All packets of the wire in order of time; equal times are set a microsecond apart.
    pub fn frames(&self) -> Vec<Frame> {
        let mut frames = self.0.borrow().frames.clone();
        frames.sort_by_key(|f| f.at);
        let mut last = None;
        for f in &mut frames {
            if let Some(last) = last {
                f.at = f.at.max(last + 1000);
            }
            last = Some(f.at);
        }
        frames
    }

    /// The lines of the TLS key log of all sessions.
    pub fn key_log(&self) -> String {
        self.0.borrow().keys.text()
    }

    /// Name and bytes of the capture file.
    pub fn file(&self) -> (&'static str, Vec<u8>) {
        let i = self.0.borrow();
        self.written(i.capture.format)
    }

    /// The same for a fixture: packed where it is large and nobody chose a format.
    pub fn packed_file(&self) -> (&'static str, Vec<u8>) {
        let (name, bytes) = self.file();
        let i = self.0.borrow();
        let chosen = i.capture.format != Format::Pcap || i.capture.cut > 0;
        if chosen || bytes.len() <= PACKED_FROM {
            return (name, bytes);
        }
        self.written(Format::PcapGz)
    }

    fn written(&self, format: Format) -> (&'static str, Vec<u8>) {
        let records = self.records();
        let keys = self.key_log();
        let i = self.0.borrow();
        let c = &i.capture;
        let header = Header {
            link: c.link,
            snaplen: c.snaplen as u32,
            dropped: c.dropped,
            end: c.stats_end.map(unix),
            secrets: c.secrets.then_some(keys),
            names: c.names.clone(),
        };
        let mut bytes = file::encode(format, &header, &records).expect("memory takes all bytes");
        bytes.truncate(bytes.len().saturating_sub(c.cut));
        (format.file_name(), bytes)
    }

    fn records(&self) -> Vec<Record> {
        let frames = self.frames();
        let i = self.0.borrow();
        let c = &i.capture;
        let mut records = Vec::new();
        for (n, f) in frames.iter().enumerate() {
            if !c.keeps(n + 1, f) {
                continue;
            }
            let r = c.record(f);
            if let Some(gap) = c.duplicate {
                records.push(Record {
                    unix_ns: r.unix_ns + gap,
                    ..r.clone()
                });
            }
            records.push(r);
        }
        records.sort_by_key(|r| r.unix_ns);
        if c.shuffle {
            records.chunks_exact_mut(2).for_each(|p| p.swap(0, 1));
        }
        records
    }
}

impl Capture {
    fn keeps(&self, number: usize, f: &Frame) -> bool {
        f.captured
            && (self.from..=self.until).contains(&f.at)
            && self.only.is_none_or(|s| s == f.from)
            && !self.filters.iter().any(|hide| hide(number, f))
    }

    fn record(&self, f: &Frame) -> Record {
        let out = f.from == Side::Client;
        let mut data = link::frame(self.link, &self.wraps, &f.ip, out);
        let wire_len = data.len();
        if self.snaplen > 0 {
            data.truncate(self.snaplen);
        }
        Record {
            unix_ns: unix(f.at),
            data,
            wire_len,
            out,
            comment: f.comment.clone(),
        }
    }
}

fn unix(at: u64) -> u64 {
    EPOCH_S * 1_000_000_000 + at
}
