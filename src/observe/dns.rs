//! DNS lookups: what was asked, of whom, how often, and what came back (RFC 1035, 6891, 8914, 9460).
//!
//! Plain DNS on port 53, over UDP and TCP. A lookup is one question of one client to one resolver over one transport. A
//! query that repeats the question within 15 s of the last one, while no reply has come, is another try of the same
//! lookup, whatever its port and transaction id; after a reply it begins a new one. A reply belongs to the lookup whose
//! question it repeats and one of whose tries it was sent back to, however late. Opcodes other than QUERY (NOTIFY,
//! UPDATE), zone transfers and classes other than IN are no lookups and are passed over.
//!
//! Only lookups of interest are kept; of the others the resolver's statistics and the [`NameBook`] remain. All tables are
//! bounded: 65,536 lookups in flight and 200,000 kept ones (oldest go first), 1,024 resolvers (later ones are not
//! counted). What comes out depends on the packets alone: nothing is read out in the order of a hash table.

mod interest;
mod kept;
mod message;
mod names;
mod pairing;
mod queries;
mod replies;
mod resolvers;
mod stream;

pub use interest::Interest;
pub use names::{Candidate, NameBook, Via};
pub use resolvers::{Answers, ResolverStats};
pub use stream::DnsStream;

use std::collections::VecDeque;

use domain::base::iana::Opcode;

use crate::fact::dns::{DnsTransport, Lookup, Reply};
use crate::fact::icmp::IcmpError;
use crate::types::{Addr, Endpoint, Mark, Timestamp};
use kept::Kept;
use message::Wire;
use pairing::{Facts, Flow, InFlight, QuestionKey, Sent};
use resolvers::Resolvers;

const PORT: u16 = 53;
const MAX_IN_FLIGHT: usize = 65_536;
const MAX_KEPT: usize = 200_000;
/// The packet that a DNS message came in: what the layers below say about it.
#[derive(Clone, Copy, Debug)]
pub struct Carrier {
    /// Source address and port.
    pub src: Endpoint,
    /// Destination address and port.
    pub dst: Endpoint,
    /// IP TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification; 0 for IPv6.
    pub ip_id: u16,
    /// The frame; for TCP that of the segment which completed the message.
    pub mark: Mark,
}

/// ICMP errors that wait for the query they quote.
const MAX_STRAYS: usize = 32;

/// Turns DNS messages into lookups. One for the whole analysis.
pub struct DnsObserver {
    interest: Interest,
    flight: InFlight,
    kept: Kept,
    resolvers: Resolvers,
    names: NameBook,
    /// ICMP errors whose query was not seen yet.
    strays: VecDeque<IcmpError>,
    /// Scratch for the name of the message at hand.
    name: String,
}

/// A message with what is known about its way.
#[derive(Clone, Copy)]
struct Packet<'a> {
    carrier: &'a Carrier,
    bytes: &'a [u8],
    clipped: bool,
    flow: Flow,
}

impl<'a> Packet<'a> {
    fn new(
        carrier: &'a Carrier,
        bytes: &'a [u8],
        clipped: bool,
        transport: DnsTransport,
    ) -> Option<Self> {
        let reply = bytes.get(2)? & 0x80 != 0;
        let (client, resolver) = match (carrier.src.port, carrier.dst.port) {
            (PORT, PORT) if reply => (carrier.dst, carrier.src),
            (_, PORT) => (carrier.src, carrier.dst),
            (PORT, _) => (carrier.dst, carrier.src),
            _ => return None,
        };
        let flow = Flow {
            client,
            resolver,
            transport,
        };
        Some(Self {
            carrier,
            bytes,
            clipped,
            flow,
        })
    }

    fn time(&self) -> Timestamp {
        self.carrier.mark.time
    }

    fn is_to_client(&self) -> bool {
        self.carrier.src == self.flow.resolver
    }

    /// Transaction id, of however short a message.
    fn id(&self) -> Option<u16> {
        self.bytes.first_chunk().map(|id| u16::from_be_bytes(*id))
    }

    fn sent(&self, id: u16, queries: u16) -> Sent {
        let ip_id = self.carrier.ip_id;
        Sent {
            port: self.flow.client.port,
            id,
            queries,
            replies: 0,
            ip_id,
            time: self.time(),
        }
    }

    fn empty_reply(&self, id: u16) -> Reply {
        Reply {
            mark: self.carrier.mark,
            id,
            ip_ttl: self.carrier.ttl,
            ip_id: self.carrier.ip_id,
            to_port: self.flow.client.port,
            clipped: self.clipped,
            ..Reply::default()
        }
    }
}

/// A question, as text.
struct Ask<'a> {
    key: QuestionKey,
    name: &'a str,
    qtype: u16,
    id: u16,
}

impl DnsObserver {
    /// An observer that keeps in full the lookups that `interest` names.
    #[must_use]
    pub fn new(interest: Interest) -> Self {
        Self::with_limits(interest, MAX_IN_FLIGHT, MAX_KEPT)
    }

    fn with_limits(interest: Interest, in_flight: usize, kept: usize) -> Self {
        Self {
            interest,
            flight: InFlight::new(in_flight),
            kept: Kept::new(kept),
            resolvers: Resolvers::default(),
            names: NameBook::default(),
            strays: VecDeque::new(),
            name: String::new(),
        }
    }

    /// A UDP datagram from or to port 53; others are passed over. `wire_len` is the length of its payload on the wire.
    pub fn udp(&mut self, carrier: &Carrier, payload: &[u8], wire_len: u32) {
        let clipped = u32::try_from(payload.len()).is_ok_and(|captured| captured < wire_len);
        self.packet(Packet::new(carrier, payload, clipped, DnsTransport::Udp));
    }

    /// One message of a DNS-over-TCP stream (see [`DnsStream`]); `clipped` where bytes are missing at its end.
    pub fn tcp_message(&mut self, carrier: &Carrier, message: &[u8], clipped: bool) {
        self.packet(Packet::new(carrier, message, clipped, DnsTransport::Tcp));
    }

    /// An ICMP error. Taken where it quotes a UDP packet to port 53: for the oldest lookup from that port that has
    /// neither a reply nor an ICMP error, because the quote does not reach to the transaction id.
    pub fn icmp(&mut self, error: &IcmpError) {
        let quoted = error.quoted;
        if quoted.protocol != 17 || quoted.dst_port != PORT {
            return;
        }
        let client = Endpoint {
            addr: quoted.src,
            port: quoted.src_port,
        };
        let resolver = Endpoint {
            addr: quoted.dst,
            port: quoted.dst_port,
        };
        let flow = Flow {
            client,
            resolver,
            transport: DnsTransport::Udp,
        };
        let open = |id: &u64| {
            self.flight
                .get(*id)
                .is_some_and(|pending| !pending.answered && !pending.has_icmp)
        };
        let Some(id) = self.flight.on_flow(flow).filter(open).last() else {
            // A capture may put it before the query that it quotes: see `queries::STRAY`.
            if self.strays.len() == MAX_STRAYS {
                self.strays.pop_front();
            }
            self.strays.push_back(*error);
            return;
        };
        if let Some(pending) = self.flight.get_mut(id) {
            pending.has_icmp = true;
        }
        if let Some(lookup) = self.lookup(id) {
            lookup.icmp = Some(*error);
        }
    }

    /// The kept lookups, in order of their first packet. One that turned out interesting only by its answer, when more
    /// than 1,024 others had begun, stands where the answer came.
    #[must_use]
    pub fn lookups(&self) -> &[Lookup] {
        self.kept.lookups()
    }

    /// How many lookups were kept once and had to go.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.kept.evicted()
    }

    /// How the resolvers did, over all lookups: the most asked first, then by address.
    #[must_use]
    pub fn resolvers(&self) -> Vec<ResolverStats> {
        self.resolvers.stats()
    }

    /// When that resolver answered anybody's lookups, whatever the name and the answer.
    #[must_use]
    pub fn answers_by(&self, resolver: Addr) -> Option<&Answers> {
        self.resolvers.answers_by(resolver)
    }

    /// When that resolver gave an answer without error to lookups that are not kept: control for those that are.
    #[must_use]
    pub fn answers_beside(&self, resolver: Addr) -> Option<&Answers> {
        self.resolvers.answers_beside(resolver)
    }

    /// When that client was told an address by any resolver, whatever the name.
    #[must_use]
    pub fn answers_to(&self, client: Addr) -> Option<&Answers> {
        self.resolvers.answers_to(client)
    }

    /// The names that addresses were answered for, of lookups that are kept.
    #[must_use]
    pub fn names(&self) -> &NameBook {
        &self.names
    }

    /// Drops all kept lookups but those that are to stay. What comes late for one of the others is counted with its
    /// resolver, and kept no more.
    pub fn forget(&mut self, stays: impl Fn(&Lookup) -> bool) {
        self.kept.retain(stays);
    }

    fn packet(&mut self, packet: Option<Packet<'_>>) {
        let Some(packet) = packet else { return };
        match Wire::from_slice(packet.bytes) {
            Ok(message) if message.header().opcode() != Opcode::QUERY => {}
            Ok(message) if message.header().qr() && packet.is_to_client() => {
                self.reply(&packet, message)
            }
            Ok(message) if !message.header().qr() && !packet.is_to_client() => {
                self.query(&packet, message)
            }
            Ok(_) => self.no_reply(&packet, || "it is marked as a query (QR bit 0)".into()),
            Err(_) if packet.clipped => {}
            Err(_) => self.no_reply(&packet, || {
                format!("{} bytes are less than a DNS header", packet.bytes.len())
            }),
        }
    }

    fn lookup(&mut self, id: u64) -> Option<&mut Lookup> {
        match &mut self.flight.get_mut(id)?.facts {
            Facts::Little(_) => None,
            Facts::Kept(key) => self.kept.get_mut(*key),
        }
    }

    /// Keeps a lookup that was not kept so far.
    fn keep(&mut self, id: u64) {
        let Some(pending) = self.flight.get_mut(id) else {
            return;
        };
        let Facts::Little(little) = pending.facts else {
            return;
        };
        let key = self.kept.insert(id, pending.begin_facts(little));
        pending.facts = Facts::Kept(key);
    }
}

#[cfg(test)]
mod tests;
