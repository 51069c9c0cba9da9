//! DNS messages and lookups. The encoder is ours (RFC 1035, 6891, 8914, 9460): cases need wrong messages as well.

use std::net::{IpAddr, SocketAddr};

use crate::net::{Net, Side};
use crate::packet::{Icmp, IpMeta};
use crate::time::Ms;
use crate::udp::Udp;

/// Record types; any other number works as well.
pub mod rtype {
    /// IPv4 address.
    pub const A: u16 = 1;
    /// Alias.
    pub const CNAME: u16 = 5;
    /// Start of authority.
    pub const SOA: u16 = 6;
    /// Text.
    pub const TXT: u16 = 16;
    /// IPv6 address.
    pub const AAAA: u16 = 28;
    /// EDNS.
    pub const OPT: u16 = 41;
    /// Service binding for HTTPS (RFC 9460).
    pub const HTTPS: u16 = 65;
}

/// Response codes.
pub mod rcode {
    /// No error.
    pub const NOERROR: u16 = 0;
    /// The query could not be read.
    pub const FORMERR: u16 = 1;
    /// The server failed.
    pub const SERVFAIL: u16 = 2;
    /// The name does not exist.
    pub const NXDOMAIN: u16 = 3;
    /// Not implemented.
    pub const NOTIMP: u16 = 4;
    /// The server refuses.
    pub const REFUSED: u16 = 5;
}

/// A name in wire format, without compression.
pub fn name(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in text.split('.').filter(|l| !l.is_empty()) {
        out.push(label.len() as u8);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out
}

/// A query message with recursion desired and EDNS (1232 bytes).
pub fn query_message(id: u16, qname: &str, qtype: u16) -> Vec<u8> {
    let mut m = head(id, 0x0100, [1, 0, 0, 1]);
    m.extend(name(qname));
    m.extend([qtype.to_be_bytes(), [0, 1]].concat());
    m.extend([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);
    m
}

fn head(id: u16, flags: u16, counts: [u16; 4]) -> Vec<u8> {
    let mut m = [id.to_be_bytes(), flags.to_be_bytes()].concat();
    counts.iter().for_each(|c| m.extend(c.to_be_bytes()));
    m
}

/// A message with the two length bytes it has over TCP.
pub fn tcp_framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

/// An answer in the making. Records belong to the name asked, or to the last `cname` target.
#[derive(Clone, Debug)]
pub struct Answer {
    id: u16,
    question: Option<(Vec<u8>, u16)>,
    owner: Vec<u8>,
    ttl: u32,
    flags: u16,
    rcode: u16,
    answers: Vec<Vec<u8>>,
    authority: Vec<Vec<u8>>,
    options: Vec<u8>,
    edns: bool,
    raw: Option<Vec<u8>>,
    ip_ttl: Option<u8>,
    ip_id: Option<u16>,
    from: Option<SocketAddr>,
}

impl Answer {
    /// NOERROR without records, for this question.
    pub fn to(id: u16, qname: &str, qtype: u16) -> Self {
        let qname = name(qname);
        Self {
            id,
            owner: vec![0xc0, 12],
            question: Some((qname, qtype)),
            ttl: 300,
            flags: 0x8180,
            rcode: 0,
            answers: Vec::new(),
            authority: Vec::new(),
            options: Vec::new(),
            edns: true,
            raw: None,
            ip_ttl: None,
            ip_id: None,
            from: None,
        }
    }

    fn record(&self, rtype: u16, data: &[u8]) -> Vec<u8> {
        let mut r = self.owner.clone();
        r.extend([rtype.to_be_bytes(), [0, 1]].concat());
        r.extend(self.ttl.to_be_bytes());
        r.extend((data.len() as u16).to_be_bytes());
        r.extend_from_slice(data);
        r
    }

    /// Adds any record to the answer section.
    pub fn rr(&mut self, rtype: u16, data: &[u8]) -> &mut Self {
        let r = self.record(rtype, data);
        self.answers.push(r);
        self
    }

    /// Adds an A or AAAA record (whichever the address is).
    pub fn ip(&mut self, ip: &str) -> &mut Self {
        match ip
            .parse::<IpAddr>()
            .unwrap_or_else(|_| panic!("no address: {ip}"))
        {
            IpAddr::V4(a) => self.rr(rtype::A, &a.octets()),
            IpAddr::V6(a) => self.rr(rtype::AAAA, &a.octets()),
        }
    }

    /// Adds an A record.
    pub fn a(&mut self, ip: &str) -> &mut Self {
        self.ip(ip)
    }

    /// Adds an AAAA record.
    pub fn aaaa(&mut self, ip: &str) -> &mut Self {
        self.ip(ip)
    }

    /// Adds a CNAME; records after it belong to `target`.
    pub fn cname(&mut self, target: &str) -> &mut Self {
        let target = name(target);
        self.rr(rtype::CNAME, &target);
        self.owner = target;
        self
    }

    /// Adds an HTTPS record in service mode with target "." and these parameters (see [`svc`]), in key order.
    pub fn https(&mut self, params: &[Vec<u8>]) -> &mut Self {
        let mut data = vec![0, 1, 0];
        params.iter().for_each(|p| data.extend_from_slice(p));
        self.rr(rtype::HTTPS, &data)
    }

    /// Adds the SOA of `zone` to the authority section, as negative answers carry it.
    pub fn soa(&mut self, zone: &str) -> &mut Self {
        let mut r = name(zone);
        let mut data = name(&format!("ns1.{zone}"));
        data.extend(name(&format!("hostmaster.{zone}")));
        for v in [2_026_031_401u32, 7200, 900, 1_209_600, 300] {
            data.extend(v.to_be_bytes());
        }
        r.extend([rtype::SOA.to_be_bytes(), [0, 1]].concat());
        r.extend(900u32.to_be_bytes());
        r.extend((data.len() as u16).to_be_bytes());
        r.extend(data);
        self.authority.push(r);
        self
    }

    /// TTL of the records that follow (default 300 s).
    pub fn ttl(&mut self, seconds: u32) -> &mut Self {
        self.ttl = seconds;
        self
    }

    /// Response code (see [`rcode`]); over 15 its upper bits go to EDNS.
    pub fn rcode(&mut self, rcode: u16) -> &mut Self {
        self.rcode = rcode;
        self
    }

    /// Extended DNS Error (RFC 8914).
    pub fn ede(&mut self, code: u16, text: &str) -> &mut Self {
        self.options.extend([0, 15]);
        self.options.extend((text.len() as u16 + 2).to_be_bytes());
        self.options.extend(code.to_be_bytes());
        self.options.extend_from_slice(text.as_bytes());
        self
    }

    /// Sets TC: the answer did not fit.
    pub fn truncated(&mut self) -> &mut Self {
        self.flags |= 0x0200;
        self
    }

    /// Clears RA: recursion not available, as forged answers often say.
    pub fn no_recursion(&mut self) -> &mut Self {
        self.flags &= !0x0080;
        self
    }

    /// Sets AA.
    pub fn authoritative(&mut self) -> &mut Self {
        self.flags |= 0x0400;
        self
    }

    /// No OPT record.
    pub fn no_edns(&mut self) -> &mut Self {
        self.edns = false;
        self
    }

    /// Answers another question than the one asked.
    pub fn question(&mut self, qname: &str, qtype: u16) -> &mut Self {
        self.question = Some((name(qname), qtype));
        self
    }

    /// Another message id.
    pub fn id(&mut self, id: u16) -> &mut Self {
        self.id = id;
        self
    }

    /// These bytes are the whole payload.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.raw = Some(bytes.to_vec());
        self
    }

    /// TTL in the IP header (not of the records): forged answers come from nearer or farther.
    pub fn ip_ttl(&mut self, ttl: u8) -> &mut Self {
        self.ip_ttl = Some(ttl);
        self
    }

    /// Identification in the IP header.
    pub fn ip_id(&mut self, id: u16) -> &mut Self {
        self.ip_id = Some(id);
        self
    }

    /// The answer comes from another address.
    pub fn from(&mut self, source: &str) -> &mut Self {
        self.from = Some(crate::net::addr(source, 53));
        self
    }

    /// The message.
    pub fn message(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let counts = [
            u16::from(self.question.is_some()),
            self.answers.len() as u16,
            self.authority.len() as u16,
            u16::from(self.edns),
        ];
        let mut m = head(self.id, self.flags | self.rcode & 15, counts);
        if let Some((qname, qtype)) = &self.question {
            m.extend_from_slice(qname);
            m.extend([qtype.to_be_bytes(), [0, 1]].concat());
        }
        m.extend(self.answers.concat());
        m.extend(self.authority.concat());
        if self.edns {
            m.extend([0, 0, 41, 0x04, 0xd0, (self.rcode >> 4) as u8, 0, 0, 0]);
            m.extend((self.options.len() as u16).to_be_bytes());
            m.extend_from_slice(&self.options);
        }
        m
    }
}

/// Parameters of HTTPS records.
pub mod svc {
    fn param(key: u16, value: &[u8]) -> Vec<u8> {
        [
            &key.to_be_bytes(),
            &(value.len() as u16).to_be_bytes(),
            value,
        ]
        .concat()
    }

    /// `alpn` (key 1), such as `&["h3", "h2"]`.
    pub fn alpn(ids: &[&str]) -> Vec<u8> {
        let mut v = Vec::new();
        for id in ids {
            v.push(id.len() as u8);
            v.extend_from_slice(id.as_bytes());
        }
        param(1, &v)
    }

    /// `ipv4hint` (key 4).
    pub fn ipv4hint(ips: &[&str]) -> Vec<u8> {
        let octets = |s: &&str| s.parse::<std::net::Ipv4Addr>().unwrap().octets();
        param(4, &ips.iter().flat_map(octets).collect::<Vec<_>>())
    }

    /// `ech` (key 5): any bytes.
    pub fn ech(config: &[u8]) -> Vec<u8> {
        param(5, config)
    }

    /// `ipv6hint` (key 6).
    pub fn ipv6hint(ips: &[&str]) -> Vec<u8> {
        let octets = |s: &&str| s.parse::<std::net::Ipv6Addr>().unwrap().octets();
        param(6, &ips.iter().flat_map(octets).collect::<Vec<_>>())
    }
}

/// A query that was sent over UDP. Dropping it means that nothing answers.
#[derive(Clone)]
pub struct Query {
    udp: Udp,
    /// Message id.
    pub id: u16,
    /// Name asked.
    pub qname: String,
    /// Type asked.
    pub qtype: u16,
    /// When it was sent last, in nanoseconds since the start.
    pub sent: u64,
}

impl Net {
    /// Sends a query to the resolver now.
    pub fn query(&self, qname: &str, qtype: u16) -> Query {
        self.query_to(&self.resolver().to_string(), qname, qtype)
    }

    /// Sends a query to another resolver now (port 53 if it names none).
    pub fn query_to(&self, resolver: &str, qname: &str, qtype: u16) -> Query {
        let udp = self.udp(&crate::net::addr(resolver, 53).to_string());
        let id = udp.random_u16();
        let mut q = Query {
            udp,
            id,
            qname: qname.to_owned(),
            qtype,
            sent: 0,
        };
        q.retry();
        q
    }

    /// Looks up A and AAAA of `qname` side by side; `ips` are the answers of both families (12 ms). With no
    /// address of a family that answer is empty.
    pub fn resolve(&self, qname: &str, ips: &[&str]) {
        self.resolve_via(qname, &[], ips, 12);
    }

    /// The same with CNAMEs in the answers and another duration.
    pub fn resolve_via(&self, qname: &str, cnames: &[&str], ips: &[&str], took: impl Ms) {
        let took = took.ns();
        let start = self.now_ns();
        for (n, qtype) in [rtype::A, rtype::AAAA].into_iter().enumerate() {
            self.set_ns(start + n as u64 * 60_000);
            let mut q = self.query(qname, qtype);
            q.answer_ns(took + n as u64 * 240_000, |b| {
                cnames.iter().for_each(|c| {
                    b.cname(c);
                });
                let wanted = |ip: &&&str| ip.contains(':') == (qtype == rtype::AAAA);
                ips.iter().filter(wanted).for_each(|ip| {
                    b.ip(ip);
                });
                if !ips.iter().any(|ip| wanted(&ip)) {
                    b.soa(zone(qname));
                }
            });
        }
        self.wait(0.4);
    }
}

/// The last two labels.
fn zone(qname: &str) -> &str {
    qname
        .rmatch_indices('.')
        .nth(1)
        .map_or(qname, |(at, _)| &qname[at + 1..])
}

impl Query {
    /// Sends the same query (same id and port) now; later `answer` times count from here.
    pub fn retry(&mut self) {
        let message = query_message(self.id, &self.qname, self.qtype);
        self.sent = self.udp.net().now_ns();
        self.udp.send(Side::Client, &message);
    }

    /// An answer that arrives `after` the query was last sent; `f` fills it. The clock moves on to it, never back.
    /// Call it twice for duplicate or contradicting answers.
    pub fn answer(&mut self, after: impl Ms, f: impl FnOnce(&mut Answer)) {
        self.answer_ns(after.ns(), f);
    }

    fn answer_ns(&mut self, after: u64, f: impl FnOnce(&mut Answer)) {
        let mut b = Answer::to(self.id, &self.qname, self.qtype);
        f(&mut b);
        let at = self.sent + after;
        let meta = self.udp.meta(Side::Server);
        let meta = IpMeta {
            ttl: b.ip_ttl.unwrap_or(meta.ttl),
            id: b.ip_id.unwrap_or(meta.id),
            ..meta
        };
        let mut udp = self.udp.clone();
        if let Some(from) = b.from {
            udp.server = from;
        }
        udp.send_with(at, Side::Server, &b.message(), true, meta);
        let net = self.udp.net();
        net.set_ns(net.now_ns().max(at));
    }

    /// An ICMP error from `router` about the query, `after` it was last sent.
    pub fn icmp(&mut self, after: impl Ms, router: &str, what: Icmp) {
        let at = self.sent + after.ns();
        let net = self.udp.net().clone();
        net.set_ns(net.now_ns().max(at));
        self.udp.icmp(router, what);
    }

    /// The same question over TCP to the same resolver: the framed query and, as `f` fills it, the framed answer.
    /// Use them with [`Net::tcp`].
    pub fn over_tcp(&self, f: impl FnOnce(&mut Answer)) -> (Vec<u8>, Vec<u8>) {
        let id = self.id.wrapping_add(1);
        let mut b = Answer::to(id, &self.qname, self.qtype);
        f(&mut b);
        (
            tcp_framed(&query_message(id, &self.qname, self.qtype)),
            tcp_framed(&b.message()),
        )
    }

    /// The resolver asked.
    pub fn resolver(&self) -> SocketAddr {
        self.udp.server
    }
}
