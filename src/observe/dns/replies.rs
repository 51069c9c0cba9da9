//! Replies: which lookup they answer, and what they add to it.

use crate::data;
use std::time::Duration;

use super::interest::Interest;
use super::message::{self, Name, Wire};
use super::names::Via;
use super::pairing::Facts;
use super::{Ask, DnsObserver, Packet};
use crate::fact::dns::{Lookup, Reply, qtype_name};
use crate::types::Addr;

/// Replies that a lookup keeps.
const MAX_REPLIES: usize = 4;
/// Replies of a lookup whose copies are known.
const MAX_DIGESTS: usize = 8;

impl DnsObserver {
    pub(super) fn reply(&mut self, packet: &Packet<'_>, message: &Wire) {
        let asked = match message::question(message) {
            Some(Ok(question)) if !question.is_lookup() => return,
            Some(Ok(question)) => question,
            Some(Err(_)) if packet.clipped => {
                return self.reply_without_question(packet, message, None);
            }
            Some(Err(error)) => {
                return self.no_reply(packet, || format!("its question is broken: {error}"));
            }
            // Some servers leave the question out of an error reply.
            None if message.header().rcode().to_int() != 0 => {
                return self.reply_without_question(packet, message, None);
            }
            None => {
                return self.reply_without_question(
                    packet,
                    message,
                    Some("it repeats no question"),
                );
            }
        };
        let mut name = std::mem::take(&mut self.name);
        message::write_name(&asked.name, &mut name);
        let key = self.flight.question(packet.flow, &name, asked.qtype);
        let ask = Ask {
            key,
            name: &name,
            qtype: asked.qtype,
            id: message.header().id(),
        };
        if let Some(id) = self.asked_by(packet, &ask) {
            self.take_reply(id, packet, message, Some(&asked.name), None);
        } else if let Some(id) = self.sent_as(packet, ask.id) {
            let fault = format!(
                "it answers another question: {name} {}",
                qtype_name(asked.qtype)
            );
            self.take_reply(id, packet, message, Some(&asked.name), Some(fault));
        } else if let Some(id) = self.awaited_by(packet, &ask) {
            // Not looked up among the copies: the right answer may have the same bytes but for the id.
            let mut reply = packet.empty_reply(ask.id);
            message::read_reply(message, Some(&asked.name), &mut reply);
            reply.malformed = Some("its transaction id is that of no query".to_owned());
            self.add_reply(id, packet, reply);
        } else {
            self.reply_without_query(packet, message, &ask, &asked.name);
        }
        self.name = name;
    }

    /// The lookup that a reply answers: same question, sent back to one of its tries. One of whose tries not each has
    /// its reply yet comes before others.
    fn asked_by(&self, packet: &Packet<'_>, ask: &Ask<'_>) -> Option<u64> {
        let mut served = None;
        for id in self.flight.same_question(&ask.key) {
            let Some(pending) = self
                .flight
                .get(id)
                .filter(|pending| *pending.name == *ask.name)
            else {
                continue;
            };
            match pending.sent(packet.flow.client.port, ask.id) {
                Some(sent) if sent.replies < sent.queries => return Some(id),
                Some(_) => served = served.or(Some(id)),
                None => {}
            }
        }
        served
    }

    /// The lookup with the same question from the same port that still waits for its reply: clients throw away what comes
    /// back with another transaction id (RFC 5452 section 9.1).
    fn awaited_by(&self, packet: &Packet<'_>, ask: &Ask<'_>) -> Option<u64> {
        self.flight.same_question(&ask.key).find(|id| {
            self.flight.get(*id).is_some_and(|pending| {
                !pending.answered
                    && *pending.name == *ask.name
                    && pending.asks_from(packet.flow.client.port)
            })
        })
    }

    /// The last lookup from the port and with the transaction id that a message is sent back to.
    fn sent_as(&self, packet: &Packet<'_>, transaction: u16) -> Option<u64> {
        let port = packet.flow.client.port;
        let mut recent = self.flight.on_flow(packet.flow);
        recent.find(|id| {
            let pending = self.flight.get(*id);
            pending.is_some_and(|pending| {
                pending
                    .sent(port, transaction)
                    .is_some_and(|sent| sent.queries > 0)
            })
        })
    }

    fn reply_without_question(&mut self, packet: &Packet<'_>, message: &Wire, fault: Option<&str>) {
        if let Some(id) = self.sent_as(packet, message.header().id()) {
            self.take_reply(id, packet, message, None, fault.map(str::to_owned));
        }
    }

    /// The capture began after the query, or missed it.
    fn reply_without_query(
        &mut self,
        packet: &Packet<'_>,
        message: &Wire,
        ask: &Ask<'_>,
        asked: &Name<'_>,
    ) {
        if let Some(counters) = self.resolvers.of(packet.flow.resolver.addr) {
            counters.unasked += 1;
        }
        let id = self.begin(packet, ask);
        self.flight.add_sent(id, packet.sent(ask.id, 0));
        self.take_reply(id, packet, message, Some(asked), None);
    }

    /// A message that goes where a reply would go but is none; `fault` says why.
    pub(super) fn no_reply(&mut self, packet: &Packet<'_>, fault: impl FnOnce() -> String) {
        if !packet.is_to_client() {
            return;
        }
        let Some(transaction) = packet.id() else {
            return;
        };
        let Some(id) = self.sent_as(packet, transaction) else {
            return;
        };
        if self.is_copy(id, packet) {
            return;
        }
        let malformed = Some(fault());
        self.add_reply(
            id,
            packet,
            Reply {
                malformed,
                ..packet.empty_reply(transaction)
            },
        );
    }

    fn take_reply(
        &mut self,
        id: u64,
        packet: &Packet<'_>,
        message: &Wire,
        asked: Option<&Name<'_>>,
        fault: Option<String>,
    ) {
        if self.is_copy(id, packet) {
            return;
        }
        let mut reply = packet.empty_reply(message.header().id());
        message::read_reply(message, asked, &mut reply);
        if fault.is_some() {
            reply.malformed = fault;
        }
        self.add_reply(id, packet, reply);
    }

    /// Counts a reply that has the bytes of an earlier one, the transaction id aside.
    fn is_copy(&mut self, id: u64, packet: &Packet<'_>) -> bool {
        let digest = self.flight.hash(packet.bytes.get(2..).unwrap_or_default());
        let Some(pending) = self.flight.get_mut(id) else {
            return false;
        };
        let copy = pending.digests.contains(&digest);
        if !copy && pending.digests.len() < MAX_DIGESTS {
            pending.digests.push(digest);
        }
        if let Some(lookup) = self.lookup(id).filter(|_| copy) {
            lookup.duplicate_replies = lookup.duplicate_replies.saturating_add(1);
        }
        copy
    }

    fn add_reply(&mut self, id: u64, packet: &Packet<'_>, mut reply: Reply) {
        let Some(pending) = self.flight.get_mut(id) else {
            return;
        };
        if let Some(sent) = pending.sent_mut(packet.flow.client.port, reply.id) {
            sent.replies = sent.replies.saturating_add(1);
            reply.surplus = sent.replies > sent.queries.max(1);
        }
        let sound = reply.malformed.is_none();
        let first = sound && !pending.answered;
        pending.answered |= sound;
        if let Facts::Little(little) = &mut pending.facts
            && first
        {
            little.rcode = Some(reply.rcode);
        }
        let interesting = leads_to(&self.interest, &reply);
        let kept = interesting || matches!(pending.facts, Facts::Kept(_));
        if sound && kept {
            let name = host_of(&pending.name, &reply);
            self.names
                .record(packet.flow.client.addr, name, reply.mark, addresses(&reply));
        }
        let took = (first && pending.asked).then(|| packet.time().since(pending.first));
        // How a client finds its encrypted resolver is no sign that it resolves names in plain.
        let served = reply.is_address_answer() && data::resolver_of_name(&pending.name).is_none();
        self.count_reply(packet.flow.resolver.addr, &reply, took, kept);
        if served {
            self.resolvers.served(packet.flow.client.addr, reply.mark);
        }
        if interesting {
            self.keep(id);
        }
        if let Some(lookup) = self.lookup(id) {
            push_reply(lookup, reply, first);
        }
    }

    fn count_reply(&mut self, resolver: Addr, reply: &Reply, took: Option<Duration>, kept: bool) {
        let Some(counters) = self.resolvers.of(resolver) else {
            return;
        };
        if reply.malformed.is_some() {
            counters.malformed += 1;
        } else if let Some(took) = took {
            counters.answer(reply, took);
            if !kept {
                counters.answer_beside(reply);
            }
        }
    }
}

fn push_reply(lookup: &mut Lookup, reply: Reply, first_sound: bool) {
    if lookup.replies.len() == MAX_REPLIES && first_sound {
        // All of them are malformed; the one that counts must not be missing.
        lookup.replies.pop();
    }
    if lookup.replies.len() < MAX_REPLIES {
        // Nearly all have one; growing by `push` would make room for four at once.
        lookup.replies.reserve_exact(1);
        lookup.replies.push(reply);
    }
}

fn leads_to(interest: &Interest, reply: &Reply) -> bool {
    let mut services = reply.services.iter().map(|service| &service.target);
    reply.cnames.iter().any(|name| interest.accepts(name))
        || reply
            .all_addresses()
            .any(|addr| interest.accepts_addr(addr))
        || services.any(|name| interest.accepts(name))
}

fn addresses(reply: &Reply) -> impl Iterator<Item = (Addr, Via)> + '_ {
    let via = if reply.cnames.is_empty() {
        Via::Question
    } else {
        Via::Cname
    };
    let hints = reply.services.iter().flat_map(|service| &service.hints);
    reply
        .addresses
        .iter()
        .map(move |addr| (*addr, via))
        .chain(hints.map(|addr| (*addr, Via::Hint)))
}

/// The host that a name with service labels is about: `_8443._https.example.com` is asked for `example.com` (RFC 9460
/// section 2.3).
fn host_of<'a>(name: &'a str, reply: &Reply) -> &'a str {
    let mut host = name;
    while !reply.services.is_empty()
        && host.starts_with('_')
        && let Some((_, parent)) = host.split_once('.')
    {
        host = parent;
    }
    host
}
