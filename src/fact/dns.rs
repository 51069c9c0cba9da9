//! DNS lookups (RFC 1035, 6891, 8914, 9460): question, tries, replies.

use crate::fact::icmp::IcmpError;
use crate::types::{Addr, Endpoint, Mark};

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
    /// The name asked for, lower case, no final dot; untrusted text, escaped as in zone files (`\DDD`).
    pub name: String,
    /// Query type (1 A, 28 AAAA, 65 HTTPS, …).
    pub qtype: u16,
    /// Each query packet (first and retries), at most 16; where only a reply was seen this is empty.
    pub tries: Vec<Mark>,
    /// Number of queries seen, those beyond `tries` included.
    pub try_count: u32,
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
    /// What is wrong with it, if it can't be parsed or does not answer the question.
    pub malformed: Option<String>,
    /// The snap length cut the message: what is absent proves nothing.
    pub clipped: bool,
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
