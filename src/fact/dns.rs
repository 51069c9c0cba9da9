//! DNS lookups (RFC 1035, 6891, 8914, 9460): question, tries, replies.

mod names;

pub use names::{ede_name, qtype_name, rcode_name};

use std::time::Duration;

use crate::fact::icmp::IcmpError;
use crate::types::{Addr, Endpoint, Mark};

/// Record type A (RFC 1035 section 3.4.1).
pub const TYPE_A: u16 = 1;
/// Record type AAAA (RFC 3596).
pub const TYPE_AAAA: u16 = 28;
/// Record type SVCB (RFC 9460).
pub const TYPE_SVCB: u16 = 64;
/// Record type HTTPS (RFC 9460).
pub const TYPE_HTTPS: u16 = 65;
/// Response code for success (RFC 1035 section 4.1.1).
pub const NOERROR: u16 = 0;
/// Response code for a name that does not exist (RFC 1035 section 4.1.1).
pub const NXDOMAIN: u16 = 3;

/// How a lookup travelled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DnsTransport {
    /// Plain DNS over UDP.
    Udp,
    /// Plain DNS over TCP.
    Tcp,
}

/// One question of one client to one resolver, with its retries and replies.
#[derive(Clone, PartialEq, Debug)]
pub struct Lookup {
    /// The client (its first try's port).
    pub client: Endpoint,
    /// Whom it asked.
    pub resolver: Endpoint,
    /// UDP or TCP.
    pub transport: DnsTransport,
    /// The name asked for, lower case, no final dot (`.` for the root); untrusted text, escaped as in zone files
    /// (`\DDD`, `\.`).
    pub name: String,
    /// `name` without one to three labels at its end, where only that is a name of interest: a resolver's search list
    /// (`www.example.com.lan`) made the query.
    pub search_of: Option<String>,
    /// Query type (1 A, 28 AAAA, 65 HTTPS, …).
    pub qtype: u16,
    /// Each query packet (first and retries), at most 16; where only a reply was seen this is empty.
    pub tries: Vec<Mark>,
    /// Number of queries seen, those beyond `tries` included.
    pub try_count: u32,
    /// Query packets that were captured twice (same IP identification): not among the tries.
    pub duplicate_queries: u32,
    /// Replies in the order they came, at most 4; copies (same bytes) are only counted in `duplicate_replies`.
    pub replies: Vec<Reply>,
    /// Replies with the same content as an earlier one.
    pub duplicate_replies: u32,
    /// An ICMP error quoted a query of this lookup.
    pub icmp: Option<IcmpError>,
}

/// One answer.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Reply {
    /// The packet.
    pub mark: Mark,
    /// Response code, extended by EDNS.
    pub rcode: u16,
    /// TC bit.
    pub truncated: bool,
    /// AA bit.
    pub authoritative: bool,
    /// RA bit.
    pub recursion_available: bool,
    /// A and AAAA addresses answered for the question (after its CNAMEs), at most 32.
    pub addresses: Vec<Addr>,
    /// CNAME chain in order, at most 16; untrusted text.
    pub cnames: Vec<String>,
    /// HTTPS/SVCB records, at most 8.
    pub services: Vec<Service>,
    /// Records in the answer section, of any type.
    pub answer_count: u16,
    /// Owner of an SOA in the authority section; untrusted text.
    pub soa: Option<String>,
    /// Extended DNS Error: code and text (untrusted), the first one.
    pub ede: Option<(u16, String)>,
    /// Smallest TTL of the answer records, seconds.
    pub min_ttl: Option<u32>,
    /// IP TTL or hop limit of the packet.
    pub ip_ttl: u8,
    /// IP identification (0 for IPv6).
    pub ip_id: u16,
    /// Port on the client that it was sent to.
    pub to_port: u16,
    /// Transaction id.
    pub id: u16,
    /// More answers than queries have come for this port and transaction id; copies are not counted.
    pub surplus: bool,
    /// What is wrong with it, if it can't be parsed or does not answer the question.
    pub malformed: Option<String>,
    /// The snap length cut the message: what is absent proves nothing.
    pub clipped: bool,
}

impl Lookup {
    /// The first packet: the first query, or the first reply where no query was seen.
    #[must_use]
    pub fn first(&self) -> Option<Mark> {
        let reply = self.replies.first().map(|reply| reply.mark);
        self.tries.first().copied().or(reply)
    }

    /// The first reply that is DNS and answers the question.
    #[must_use]
    pub fn answered(&self) -> Option<&Reply> {
        self.replies.iter().find(|reply| reply.malformed.is_none())
    }

    /// Time from the first query to the first well-formed reply; `None` where one of them was not seen.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        let asked = self.tries.first()?;
        Some(self.answered()?.mark.time.since(asked.time))
    }

    /// Tries that came at least `pause` after the one before them: the client waited in vain. Tries closer together are
    /// several programs that ask for the same, or a client that asks from two ports at once.
    #[must_use]
    pub fn retries(&self, pause: Duration) -> usize {
        let pairs = self.tries.iter().zip(self.tries.iter().skip(1));
        pairs
            .filter(|(before, after)| after.time.since(before.time) >= pause)
            .count()
    }

    /// Two replies to the same query that disagree, the later one being one more than was asked for. Late answers to
    /// repeated queries are not this, whatever they say.
    #[must_use]
    pub fn disagreement(&self) -> Option<(&Reply, &Reply)> {
        let sound = || {
            self.replies
                .iter()
                .filter(|reply| reply.malformed.is_none())
        };
        sound().filter(|later| later.surplus).find_map(|later| {
            let same_query =
                |reply: &&Reply| (reply.to_port, reply.id) == (later.to_port, later.id);
            let mut earlier = sound()
                .take_while(|reply| !std::ptr::eq(*reply, later))
                .filter(same_query);
            Some((earlier.find(|reply| !reply.agrees_with(later))?, later))
        })
    }

    /// It asks for A or AAAA.
    #[must_use]
    pub fn asks_for_address(&self) -> bool {
        matches!(self.qtype, TYPE_A | TYPE_AAAA)
    }
}

impl Reply {
    /// NOERROR, well-formed and with an address in it, hints of HTTPS records included.
    #[must_use]
    pub fn is_address_answer(&self) -> bool {
        self.rcode == NOERROR && self.malformed.is_none() && self.all_addresses().next().is_some()
    }

    /// NOERROR, complete, and nothing about the question in it ("NODATA", RFC 2308 section 2.2).
    #[must_use]
    pub fn is_empty_answer(&self) -> bool {
        let nothing = self.addresses.is_empty() && self.services.is_empty();
        self.rcode == NOERROR
            && nothing
            && self.malformed.is_none()
            && !self.truncated
            && !self.clipped
    }

    /// Addresses of A and AAAA records, then the hints of HTTPS and SVCB records.
    pub fn all_addresses(&self) -> impl Iterator<Item = Addr> + '_ {
        let hints = self
            .services
            .iter()
            .flat_map(|service| service.hints.iter());
        self.addresses.iter().chain(hints).copied()
    }

    /// Same response code, same set of addresses, same chain. Order and TTLs may differ.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        let sorted = |reply: &Self| {
            let mut addresses = reply.addresses.clone();
            addresses.sort_unstable();
            addresses
        };
        self.rcode == other.rcode && self.cnames == other.cnames && sorted(self) == sorted(other)
    }
}

/// An HTTPS or SVCB record (RFC 9460).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Service {
    /// SvcPriority, 0 is alias mode.
    pub priority: u16,
    /// TargetName; untrusted text.
    pub target: String,
    /// alpn; untrusted text.
    pub alpn: Vec<String>,
    /// port.
    pub port: Option<u16>,
    /// ipv4hint and ipv6hint.
    pub hints: Vec<Addr>,
    /// An ECH configuration is there.
    pub ech: bool,
}
