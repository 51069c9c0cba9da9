//! Who sent a reset: what speaks against the server whose address it carries.
//!
//! No single sign proves a forgery, except that the server goes on as if it had sent none. The others count one each,
//! and it takes two: firewalls in front of a server answer with a TTL of their own, and they are no forgers.

use crate::diagnose::PathContext;
use crate::fact::tcp::{Reset, TcpFacts};
use crate::types::{Mark, Side};
use std::time::Duration;

/// What was found against the server as the sender.
#[derive(Debug, Default)]
pub(in crate::diagnose::rules) struct Doubts {
    /// In words, for the report.
    pub(in crate::diagnose::rules) words: Vec<String>,
    /// Packets that show them.
    pub(in crate::diagnose::rules) marks: Vec<Mark>,
    weight: u32,
}

impl Doubts {
    /// Enough to say that someone else sent it.
    pub(in crate::diagnose::rules) fn suffice(&self) -> bool {
        self.weight >= 2
    }

    fn add(&mut self, weight: u32, words: impl Into<String>) {
        self.weight += weight;
        self.words.push(words.into());
    }
}

/// TTLs of one server differ by one or two where its packets take several ways (NDSS 2009 allows one).
const TTL_SLACK: u8 = 2;
/// Too near for half a round trip to mean anything.
const NEAR: Duration = Duration::from_millis(4);

/// Weighs a reset that carries the server's address, sent in answer to the packet `trigger` of the client.
pub(in crate::diagnose::rules) fn weigh(
    context: &PathContext<'_>,
    reset: &Reset,
    trigger: Option<Mark>,
) -> Doubts {
    let mut doubts = Doubts::default();
    let Some(tcp) = context.tcp() else {
        return doubts;
    };
    if context.path.flow.is_tagged() {
        return doubts;
    }
    goes_on(tcp, reset, &mut doubts);
    let seen = elsewhere(context);
    let ttl = own_ttl(tcp).or(seen.ttl);
    if let Some(ttl) = ttl.filter(|ttl| ttl.abs_diff(reset.ttl) > TTL_SLACK) {
        let words = format!(
            "it arrived with TTL {}, the server's other packets with {ttl}",
            reset.ttl
        );
        doubts.add(1, words);
    }
    let trip = tcp.rtt().or(seen.rtt);
    if let (Some(trip), Some(trigger)) = (trip, trigger) {
        let took = reset.mark.time.since(trigger.time);
        if trip > NEAR && took < trip / 2 && reset.mark.time >= trigger.time {
            let (took, trip) = (took.as_secs_f64() * 1e3, trip.as_secs_f64() * 1e3);
            let words = format!("it came after {took:.1} ms, the round trip is {trip:.1} ms");
            doubts.add(1, words);
        }
    }
    let in_handshake = tcp.syn_ack.count == 0;
    if in_handshake && !reset.with_ack {
        doubts.add(1, "no system answers a SYN with a reset without ACK");
    }
    several(tcp, &mut doubts);
    doubts
}

/// The server sent a SYN-ACK or data after it: it knew nothing of the reset.
fn goes_on(tcp: &TcpFacts, reset: &Reset, doubts: &mut Doubts) {
    let syn_ack = tcp.syn_ack.first().filter(|m| m.time > reset.mark.time);
    if let Some(mark) = syn_ack {
        doubts.add(2, "the server's SYN-ACK followed it");
        doubts.marks.push(mark);
    }
    if let Some(mark) = tcp.data_after_reset {
        doubts.add(2, "the server went on sending data after it");
        doubts.marks.push(mark);
    }
}

/// Several resets that differ: a system sends one kind, and at one place of the stream.
fn several(tcp: &TcpFacts, doubts: &mut Doubts) {
    let all: Vec<&Reset> = tcp
        .resets
        .iter()
        .filter(|r| r.from == Side::Server)
        .collect();
    let Some((first, others)) = all.split_first() else {
        return;
    };
    if others.iter().any(|r| r.with_ack != first.with_ack) {
        doubts.add(1, "resets with and without ACK came together");
    }
    if others.iter().any(|r| r.seq != first.seq && r.seq.is_some()) {
        doubts.add(1, "several resets guess at the sequence number");
    }
    if others.iter().any(|r| r.ttl.abs_diff(first.ttl) > TTL_SLACK) {
        doubts.add(1, "the resets differ in TTL among themselves");
    }
}

/// TTL of the server's own packets on this connection.
fn own_ttl(tcp: &TcpFacts) -> Option<u8> {
    let server = &tcp.half[Side::Server];
    (server.ttl_max > 0).then_some(server.ttl)
}

struct Elsewhere {
    ttl: Option<u8>,
    rtt: Option<Duration>,
}

/// What other connections to that address show.
fn elsewhere(context: &PathContext<'_>) -> Elsewhere {
    let server = context.path.flow.server.addr;
    let client = context.path.flow.client.addr;
    let mut seen = Elsewhere {
        ttl: None,
        rtt: None,
    };
    for path in context
        .world
        .paths_near(server, context.path.flow.first.time)
    {
        let same = path.flow.client.addr == client && path.flow.first != context.path.flow.first;
        let tcp = path.flow.tcp.as_deref().filter(|t| same && t.established());
        if let Some(tcp) = tcp.filter(|t| t.data_after_reset.is_none()) {
            seen.ttl = seen.ttl.or(own_ttl(tcp));
            seen.rtt = seen.rtt.or(tcp.rtt());
        }
    }
    seen
}
