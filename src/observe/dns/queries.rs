//! Queries: is it a new lookup, another try of one, or the same packet once more.

use std::time::Duration;

use super::interest::Match;
use super::message::{self, Wire};
use super::pairing::{Facts, Flow, Little, Pending, Sent};
use super::{Ask, DnsObserver, Packet};
use crate::fact::dns::{DnsTransport, Lookup, Reply};
use crate::fact::icmp::IcmpError;
use crate::types::{Addr, Timestamp};

/// Longest pause between two tries of one lookup. Windows doubles up to 4 s, glibc comes back to the same server of two
/// after 10 s.
const RETRY_PAUSE: Duration = Duration::from_secs(15);
/// Longest time between two captures of one packet, where its IP identification tells.
const COPY_PAUSE: Duration = Duration::from_secs(1);
/// The same where it does not (IPv6, or 0).
const COPY_PAUSE_UNNUMBERED: Duration = Duration::from_millis(1);
/// How far a reply may stand before its query in a capture that mixes up their order.
const DISORDER: Duration = Duration::from_millis(10);
/// How far an ICMP error may stand before the query that it quotes: ports tell them apart, so this can be wide.
const STRAY: Duration = Duration::from_millis(100);
/// Marks of queries that a lookup keeps.
const MAX_TRIES: usize = 16;

/// What a query is to the last lookup of the same question.
enum Repeat {
    /// The same packet once more.
    Copy,
    /// Another try.
    Try,
    /// The query of a reply that the capture put before it.
    Overtaken,
}

impl DnsObserver {
    pub(super) fn query(&mut self, packet: &Packet<'_>, message: &Wire) {
        let Some(Ok(question)) = message::question(message) else {
            return;
        };
        if !question.is_lookup() {
            return;
        }
        let mut name = std::mem::take(&mut self.name);
        message::write_name(&question.name, &mut name);
        let key = self.flight.question(packet.flow, &name, question.qtype);
        self.ask(
            packet,
            &Ask {
                key,
                name: &name,
                qtype: question.qtype,
                id: message.header().id(),
            },
        );
        self.name = name;
    }

    fn ask(&mut self, packet: &Packet<'_>, ask: &Ask<'_>) {
        let last = self.flight.same_question(&ask.key).next();
        let repeat =
            last.and_then(|last| Some((last, repeat(self.flight.get(last)?, packet, ask)?)));
        match repeat {
            None => self.begin_with_query(packet, ask),
            Some((id, Repeat::Copy)) => {
                if let Some(little) = self.little(id) {
                    little.copies = little.copies.saturating_add(1);
                } else if let Some(lookup) = self.lookup(id) {
                    lookup.duplicate_queries = lookup.duplicate_queries.saturating_add(1);
                }
            }
            Some((id, Repeat::Try)) => self.add_try(id, packet, ask.id),
            Some((id, Repeat::Overtaken)) => {
                self.count_overtaken(id, packet.flow.resolver.addr);
                self.add_try(id, packet, ask.id);
            }
        }
    }

    fn count_overtaken(&mut self, id: u64, resolver: Addr) {
        let reply = match self.little(id) {
            Some(little) => little.rcode.map(|rcode| Reply {
                rcode,
                ..Reply::default()
            }),
            None => self
                .lookup(id)
                .and_then(|lookup| lookup.answered().cloned()),
        };
        let Some(counters) = self.resolvers.of(resolver) else {
            return;
        };
        counters.queries += 1;
        counters.unasked = counters.unasked.saturating_sub(1);
        if let Some(reply) = reply {
            counters.answer(&reply, Duration::ZERO);
        }
    }

    fn begin_with_query(&mut self, packet: &Packet<'_>, ask: &Ask<'_>) {
        if let Some(counters) = self.resolvers.of(packet.flow.resolver.addr) {
            counters.queries += 1;
        }
        let id = self.begin(packet, ask);
        self.add_try(id, packet, ask.id);
        let stray = self
            .strays
            .iter()
            .position(|error| is_answered_by(packet, error));
        if let Some(error) = stray.and_then(|at| self.strays.remove(at)) {
            self.icmp(&error);
        }
    }

    pub(super) fn begin(&mut self, packet: &Packet<'_>, ask: &Ask<'_>) -> u64 {
        let Flow {
            client,
            resolver,
            transport,
        } = packet.flow;
        let matched = self.interest.matches(ask.name);
        let search_of = if let Match::SearchOf(name) = matched {
            Some(name.to_owned())
        } else {
            None
        };
        let facts = if matched == Match::No && !self.interest.keeps_all() {
            Facts::Little(Little::default())
        } else {
            let lookup = Lookup {
                client,
                resolver,
                transport,
                name: ask.name.to_owned(),
                search_of,
                qtype: ask.qtype,
                tries: Vec::new(),
                try_count: 0,
                duplicate_queries: 0,
                replies: Vec::new(),
                duplicate_replies: 0,
                icmp: None,
            };
            Facts::Kept(self.kept.insert(self.flight.next_id(), lookup))
        };
        self.flight.push(Pending::new(
            ask.key,
            ask.name,
            packet.flow,
            packet.time(),
            facts,
        ))
    }

    /// What is remembered of a lookup, where that is little.
    fn little(&mut self, id: u64) -> Option<&mut Little> {
        match &mut self.flight.get_mut(id)?.facts {
            Facts::Little(little) => Some(little),
            Facts::Kept(_) => None,
        }
    }

    fn add_try(&mut self, id: u64, packet: &Packet<'_>, transaction: u16) {
        let Some(pending) = self.flight.get_mut(id) else {
            return;
        };
        pending.asked = true;
        pending.last_try = packet.time();
        if let Some(sent) = pending.sent_mut(packet.flow.client.port, transaction) {
            sent.queries = sent.queries.saturating_add(1);
            sent.ip_id = packet.carrier.ip_id;
            sent.time = packet.time();
        } else {
            self.flight.add_sent(id, packet.sent(transaction, 1));
        }
        if let Some(counters) = self.resolvers.of(packet.flow.resolver.addr) {
            counters.tries += 1;
        }
        if let Some(little) = self.little(id) {
            little.tries = little.tries.saturating_add(1);
            little.first.get_or_insert(packet.carrier.mark);
        } else if let Some(lookup) = self.lookup(id) {
            lookup.try_count = lookup.try_count.saturating_add(1);
            if lookup.tries.len() < MAX_TRIES {
                lookup.tries.push(packet.carrier.mark);
            }
        }
    }
}

/// An ICMP error that quotes this query, and that the capture put just before it.
fn is_answered_by(packet: &Packet<'_>, error: &IcmpError) -> bool {
    let (flow, quoted) = (packet.flow, error.quoted);
    flow.transport == DnsTransport::Udp
        && (quoted.src, quoted.src_port) == (flow.client.addr, flow.client.port)
        && (quoted.dst, quoted.dst_port) == (flow.resolver.addr, flow.resolver.port)
        && apart(error.mark.time, packet.time()) <= STRAY
}

fn repeat(last: &Pending, packet: &Packet<'_>, ask: &Ask<'_>) -> Option<Repeat> {
    if *last.name != *ask.name {
        return None;
    }
    let open = last.asked && !last.answered;
    let pause = packet.time().since(last.last_try);
    match last.sent(packet.flow.client.port, ask.id) {
        Some(sent) if sent.queries == 0 && apart(sent.time, packet.time()) <= DISORDER => {
            Some(Repeat::Overtaken)
        }
        Some(sent) if is_copy(sent, packet) => Some(Repeat::Copy),
        _ if open && pause <= RETRY_PAUSE => Some(Repeat::Try),
        _ => None,
    }
}

fn is_copy(sent: &Sent, packet: &Packet<'_>) -> bool {
    let pause = if sent.ip_id == 0 {
        COPY_PAUSE_UNNUMBERED
    } else {
        COPY_PAUSE
    };
    let udp = packet.flow.transport == DnsTransport::Udp;
    udp && sent.queries > 0
        && sent.ip_id == packet.carrier.ip_id
        && apart(sent.time, packet.time()) <= pause
}

fn apart(a: Timestamp, b: Timestamp) -> Duration {
    a.max(b).since(a.min(b))
}
