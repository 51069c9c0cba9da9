//! Big captures for benchmarks, in bounded memory: a few crafted conversations, played again and again with other
//! client addresses and start times. Connection ids and sequence numbers repeat from one
//! playing to the next: flows are told apart by their addresses.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

use crate::file;
use crate::link::{self, Link};
use crate::net::{Net, Side};
use crate::packet::{self, IpMeta, TcpHead, flag, proto};
use crate::quic;
use crate::time::EPOCH_S;
use crate::tls::{self, Cert, Session};

/// Conversations going on at the same time.
const AT_ONCE: usize = 64;
const ETHERNET: usize = 14;

/// What to write.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    /// Megabytes (10^6 bytes) of mixed traffic.
    pub mb: u64,
    /// SYNs, each of a flow of its own, after it.
    pub syns: u64,
}

/// Writes the file; returns packets and bytes.
pub fn write(out: impl Write, plan: Plan) -> io::Result<(u64, u64)> {
    let mut w = Writer {
        out: io::BufWriter::with_capacity(1 << 20, out),
        packets: 0,
        bytes: 0,
        last: 0,
    };
    let head = file::pcap_header(Link::Ethernet);
    w.out.write_all(&head)?;
    w.bytes = head.len() as u64;
    if plan.mb > 0 {
        mixed(&mut w, plan.mb * 1_000_000)?;
    }
    syns(&mut w, plan.syns)?;
    w.out.flush()?;
    Ok((w.packets, w.bytes))
}

struct Writer<W: Write> {
    out: io::BufWriter<W>,
    packets: u64,
    bytes: u64,
    last: u64,
}

impl<W: Write> Writer<W> {
    /// A frame at `at` nanoseconds since the start.
    fn frame(&mut self, at: u64, frame: &[u8]) -> io::Result<()> {
        self.last = self.last.max(at);
        let micros = self.last / 1000;
        let mut head = [0; 16];
        head[..4].copy_from_slice(&((EPOCH_S + micros / 1_000_000) as u32).to_le_bytes());
        head[4..8].copy_from_slice(&((micros % 1_000_000) as u32).to_le_bytes());
        head[8..12].copy_from_slice(&(frame.len() as u32).to_le_bytes());
        head[12..].copy_from_slice(&(frame.len() as u32).to_le_bytes());
        self.out.write_all(&head)?;
        self.out.write_all(frame)?;
        self.packets += 1;
        self.bytes += 16 + frame.len() as u64;
        Ok(())
    }
}

struct Template {
    /// Time, sent by the client, Ethernet frame.
    frames: Vec<(u64, bool, Vec<u8>)>,
}

impl Template {
    fn new(name: &str, build: impl FnOnce(&Net)) -> Self {
        let net = Net::new(name);
        build(&net);
        let ready = |f: crate::net::Frame| {
            let out = f.from == Side::Client;
            (f.at, out, link::frame(Link::Ethernet, &[], &f.ip, out))
        };
        Self {
            frames: net
                .frames()
                .into_iter()
                .filter(|f| f.captured)
                .map(ready)
                .collect(),
        }
    }
}

const HOSTS: [(&str, &str); 4] = [
    ("www.tiktok.com", "23.49.60.10"),
    ("v16-webapp.tiktok.com", "2.16.20.33"),
    ("api16-normal-useast5.tiktokv.us", "71.18.1.20"),
    ("www.example.com", "93.184.215.14"),
];

fn templates() -> Vec<Template> {
    let mut all = Vec::new();
    for (host, ip) in HOSTS {
        for (n, bulk) in [20_000, 400_000].into_iter().enumerate() {
            all.push(Template::new(&format!("{host} tls {n}"), |net| {
                net.resolve(host, &[ip]);
                let (mut c, mut s) = net.https(host, ip);
                c.app(&mut s, 500, bulk);
                c.tls_close(&mut s, Side::Client);
            }));
            all.push(Template::new(&format!("{host} quic {n}"), |net| {
                net.resolve(host, &[ip]);
                let mut q = net.quic(
                    ip,
                    quic::Client::new(host),
                    quic::Server::new(Cert::public(host)),
                );
                q.handshake();
                q.request(500, bulk);
                q.close(Side::Client, 0x100, "");
            }));
        }
    }
    let (host, ip) = HOSTS[1];
    all.push(Template::new("tls 1.2", |net| {
        net.resolve(host, &[ip]);
        let mut c = net.tcp(ip);
        let server = tls::Server::new(Cert::public(host)).tls12();
        let mut s = Session::new(net, tls::Client::new(host), server);
        c.connect();
        c.tls(&mut s);
        c.app(&mut s, 500, 100_000);
        c.tls_close(&mut s, Side::Client);
    }));
    all.push(Template::new("silent", |net| {
        net.resolve(host, &[ip]);
        let mut c = net.tcp(ip);
        c.syn();
        c.syn_retransmits(&[1000, 3000]);
    }));
    all
}

/// One conversation being played.
struct Playing {
    template: usize,
    client: [u8; 4],
    start: u64,
    next: usize,
}

fn mixed<W: Write>(w: &mut Writer<W>, bytes: u64) -> io::Result<()> {
    let templates = templates();
    let mut playing: Vec<Playing> = Vec::new();
    let mut queue = BinaryHeap::new();
    let mut begun = 0u32;
    let mut begin = |start: u64| {
        begun += 1;
        Playing {
            template: begun as usize % templates.len(),
            client: client(begun),
            start,
            next: 0,
        }
    };
    for n in 0..AT_ONCE {
        let p = begin(n as u64 * 7_000_000);
        queue.push(Reverse((p.start, n)));
        playing.push(p);
    }
    let mut scratch = Vec::new();
    while let Some(Reverse((at, slot))) = queue.pop() {
        let p = &mut playing[slot];
        let frames = &templates[p.template].frames;
        let (_, out, frame) = &frames[p.next];
        scratch.clear();
        scratch.extend_from_slice(frame);
        set_client(&mut scratch[ETHERNET..], *out, p.client);
        w.frame(at, &scratch)?;
        p.next += 1;
        if p.next == frames.len() {
            if w.bytes >= bytes {
                continue;
            }
            *p = begin(at + 3_000_000);
        }
        let next = p.start + templates[p.template].frames[p.next].0;
        queue.push(Reverse((next, slot)));
    }
    Ok(())
}

/// A private address of its own for each of 16 million clients.
fn client(n: u32) -> [u8; 4] {
    let b = n.to_be_bytes();
    [10, b[1], b[2], b[3]]
}

/// Writes another client address into an IPv4 packet and updates both checksums (RFC 1624).
fn set_client(ip: &mut [u8], out: bool, client: [u8; 4]) {
    let at = if out { 12 } else { 16 };
    let old: [u8; 4] = ip[at..at + 4].try_into().unwrap();
    ip[at..at + 4].copy_from_slice(&client);
    update(&mut ip[10..12], old, client);
    match ip[9] {
        proto::TCP => update(&mut ip[36..38], old, client),
        proto::UDP => {
            update(&mut ip[26..28], old, client);
            if ip[26..28] == [0, 0] {
                ip[26..28].fill(0xff); // 0 would mean "no checksum" (RFC 768)
            }
        }
        _ => (),
    }
}

fn update(sum: &mut [u8], old: [u8; 4], new: [u8; 4]) {
    let inverse = old.map(|b| !b);
    let was = u64::from(!u16::from_be_bytes([sum[0], sum[1]]));
    let now = packet::fold(was + packet::sum16(&inverse) + packet::sum16(&new));
    sum.copy_from_slice(&now.to_be_bytes());
}

fn syns<W: Write>(w: &mut Writer<W>, count: u64) -> io::Result<()> {
    let begin = w.last;
    for n in 0..count {
        // 2^14 ports of each client, so that every SYN is a flow of its own
        let src = std::net::SocketAddr::from((
            client((n >> 14) as u32 + 1),
            49_152 + (n & 0x3fff) as u16,
        ));
        let (_, ip) = HOSTS[n as usize % HOSTS.len()];
        let dst = crate::net::addr(ip, 443);
        let head = TcpHead {
            seq: (n as u32).wrapping_mul(2_654_435_761),
            flags: flag::SYN,
            window: 64_240,
            options: vec![2, 4, 5, 180, 4, 2, 1, 1, 1, 3, 3, 7],
            ..TcpHead::default()
        };
        let meta = IpMeta {
            id: n as u16,
            ..IpMeta::default()
        };
        let ip = packet::ip(
            src.ip(),
            dst.ip(),
            proto::TCP,
            meta,
            &packet::tcp(src, dst, &head, &[]),
        );
        w.frame(
            begin + n * 10_000,
            &link::frame(Link::Ethernet, &[], &ip, true),
        )?;
    }
    Ok(())
}
