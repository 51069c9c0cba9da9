//! Who sent a reset: what speaks against the server whose address it carries.
//!
//! No single sign proves a forgery, except that the server goes on as if it had sent none. The others count one each,
//! and it takes two (Weaver, Sommer, Paxson, NDSS 2009): firewalls in front of a server answer with a TTL of their own,
//! load balancers from other machines, and a kernel that knows no connection writes its resets differently. The caller
//! knows the stage: what the reset answers. Captures that name the app of a connection were made by a VPN on the device,
//! which writes all headers itself: there nothing is said.

use crate::data;
use crate::diagnose::PathContext;
use crate::fact::tcp::{Half, Reset, TcpFacts};
use crate::types::{Addr, Mark, Side};
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

    /// The signs as the end of a sentence, or nothing.
    pub(in crate::diagnose::rules) fn in_words(&self) -> String {
        if self.words.is_empty() {
            String::new()
        } else {
            format!("; {}", self.words.join("; "))
        }
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
/// Data that comes this soon after a reset may have been sent before it and overtaken.
const OVERTAKEN: Duration = Duration::from_millis(3);
/// Connections to other servers that are looked at.
const MAX_OTHERS: usize = 64;
/// Packets of the server that make its IP identification a habit.
const HABIT: u32 = 3;

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
    if distance(tcp, reset, seen.ttl, &mut doubts).is_none() {
        adjacent(context, reset, &mut doubts);
    }
    too_fast(tcp, reset, trigger, seen.rtt, &mut doubts);
    habits(tcp, reset, &mut doubts);
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
    let data = tcp
        .data_after_reset
        .filter(|m| m.time.since(reset.mark.time) > OVERTAKEN);
    if let Some(mark) = data {
        doubts.add(2, "the server went on sending data after it");
        doubts.marks.push(mark);
    }
}

/// It came from nearer or farther than the server's other packets, on this connection or, without any, on another.
/// `None` where the server's distance is not known.
fn distance(tcp: &TcpFacts, reset: &Reset, other: Option<u8>, doubts: &mut Doubts) -> Option<()> {
    let server = &tcp.half[Side::Server];
    let own = (server.ttl_max > 0).then_some((server.ttl_min, server.ttl_max));
    let (low, high) = own.or(other.map(|ttl| (ttl, ttl)))?;
    let foreign =
        reset.ttl.saturating_add(TTL_SLACK) < low || reset.ttl > high.saturating_add(TTL_SLACK);
    if foreign {
        let usual = if low == high {
            low.to_string()
        } else {
            format!("{low} to {high}")
        };
        doubts.add(
            1,
            format!(
                "it arrived with TTL {}, the server's other packets with {usual}",
                reset.ttl
            ),
        );
    }
    Some(())
}

/// It arrived with a TTL that systems send with, as if from the device's own link, though its address is a public one
/// elsewhere. Surer where packets of other public addresses do arrive with less: nothing on the device hides their way.
fn adjacent(context: &PathContext<'_>, reset: &Reset, doubts: &mut Doubts) {
    let flow = &context.path.flow;
    let public = data::special_purpose(flow.server.addr).is_none();
    if !public || !is_initial(reset.ttl) || same_block(flow.client.addr, flow.server.addr) {
        return;
    }
    let (crossed, untouched) = others(context);
    if untouched {
        return;
    }
    let words = format!(
        "it arrived with TTL {}, as if it had crossed no router",
        reset.ttl
    );
    match crossed {
        Some(ttl) => doubts.add(
            2,
            format!("{words}, while packets from elsewhere arrive with {ttl}"),
        ),
        None => doubts.add(1, words),
    }
}

/// A TTL or hop limit that a system sends with and no router has lowered.
const fn is_initial(ttl: u8) -> bool {
    matches!(ttl, 64 | 128 | 255)
}

/// The two may stand on one link.
fn same_block(a: Addr, b: Addr) -> bool {
    a.is_v4() == b.is_v4()
        && a.0 >> if a.is_v4() { 16 } else { 64 } == b.0 >> if b.is_v4() { 16 } else { 64 }
}

/// TTLs of answers from other public addresses to this device: one that was lowered on the way, and whether any was not
/// (a VPN or proxy on the device writes its own).
fn others(context: &PathContext<'_>) -> (Option<u8>, bool) {
    let server = context.path.flow.server.addr;
    let of_paths = context
        .world
        .attempts_of(context.attempt.client)
        .flat_map(|a| &a.paths)
        .filter(|p| p.flow.server.addr != server)
        .filter_map(|p| Some((p.flow.server.addr, own_ttl(p.flow.tcp.as_deref()?)?)));
    let of_lookups = context
        .attempt
        .lookups
        .iter()
        .flat_map(|l| l.replies.iter().map(|r| (l.resolver.addr, r.ip_ttl)));
    let known = of_paths.take(MAX_OTHERS).chain(of_lookups);
    let mut seen = (None, false);
    for (addr, ttl) in
        known.filter(|(addr, ttl)| data::special_purpose(*addr).is_none() && *ttl > 0)
    {
        match is_initial(ttl) {
            true => seen.1 |= addr != server,
            false => seen.0 = seen.0.or(Some(ttl)),
        }
    }
    seen
}

/// It came sooner than the server can have answered.
fn too_fast(
    tcp: &TcpFacts,
    reset: &Reset,
    trigger: Option<Mark>,
    other: Option<Duration>,
    doubts: &mut Doubts,
) {
    let (Some(trip), Some(trigger)) = (tcp.rtt().or(other), trigger) else {
        return;
    };
    let took = reset.mark.time.since(trigger.time);
    if trip > NEAR && took < trip / 2 && reset.mark.time >= trigger.time {
        let (took, trip) = (took.as_secs_f64() * 1e3, trip.as_secs_f64() * 1e3);
        doubts.add(
            1,
            format!("it came after {took:.1} ms, the round trip is {trip:.1} ms"),
        );
    }
}

/// What no system writes, or this server does not.
fn habits(tcp: &TcpFacts, reset: &Reset, doubts: &mut Doubts) {
    if tcp.syn_ack.count == 0 && !reset.with_ack {
        doubts.add(1, "no system answers a SYN with a reset without ACK");
    }
    let server = &tcp.half[Side::Server];
    if server.packets.saturating_sub(tcp.reset_count) >= HABIT
        && server.ip_id_zero
        && reset.ip_id != 0
    {
        doubts.add(
            1,
            "it has an IP identification, the server's other packets have none",
        );
    }
    let resets = || tcp.resets.iter().filter(|r| r.from == Side::Server);
    if tcp.established() && is_whole(server) && resets().all(|r| !r.in_sequence) {
        doubts.add(1, "its sequence number is not the server's next");
    }
}

/// The capture holds all that this side sent.
fn is_whole(half: &Half) -> bool {
    half.unseen == 0 && half.hole_at.is_none()
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
    if others.iter().any(|r| r.ttl.abs_diff(first.ttl) > TTL_SLACK) {
        doubts.add(1, "the resets differ in TTL among themselves");
    }
    let unprompted = |r: &&&Reset| !answers_late(tcp, first, r);
    let others: Vec<&Reset> = others.iter().filter(unprompted).copied().collect();
    let all = || std::iter::once(*first).chain(others.iter().copied());
    if others.iter().any(|r| r.with_ack != first.with_ack) {
        doubts.add(1, "resets with and without ACK came together");
    }
    let guessed = others.iter().any(|r| r.seq != first.seq && r.seq.is_some());
    let fitting = all().filter(|r| r.in_sequence).count();
    if is_whole(&tcp.half[Side::Server]) && fitting > 0 && fitting <= others.len() {
        doubts.add(2, "several resets came with different sequence numbers");
    } else if guessed {
        doubts.add(1, "several resets guess at the sequence number");
    }
    let window = |r: &&Reset| r.window != first.window && r.window != 0 && first.window != 0;
    if others.iter().any(window) {
        doubts.add(1, "the resets' windows differ");
    }
}

/// After its first reset a system answers what the client had sent before that arrived with resets that have no ACK and
/// the acknowledged number as theirs (RFC 9293 section 3.10.7.1): each of them another one, half a round trip later or more;
/// or at once, behind a queue that held them up together. Then they stand behind what the first reset says was sent, where
/// nobody aims who wants the client to heed them.
fn answers_late(tcp: &TcpFacts, first: &Reset, reset: &Reset) -> bool {
    let acked = tcp.half[Side::Server].acked;
    let late = |rtt: Duration| reset.mark.time.since(first.mark.time) >= rtt / 2;
    let behind = |seq| first.seq.is_some_and(|said| seq < said);
    let due = |seq| behind(seq) || tcp.rtt().is_some_and(late);
    !reset.with_ack && reset.seq.is_some_and(|seq| seq <= acked && due(seq))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Timestamp;

    fn reset(ms: i64, seq: u64, with_ack: bool) -> Reset {
        let mark = Mark {
            time: Timestamp(ms * 1_000_000),
            ..Mark::default()
        };
        Reset {
            mark,
            seq: Some(seq),
            with_ack,
            from: Side::Server,
            ttl: 54,
            ip_id: 0,
            window: 0,
            answers_syn: false,
            in_sequence: false,
            acked: 0,
            acks_unseen: false,
            sent: 13_748,
        }
    }

    #[test]
    fn a_dead_socket_answers_each_late_acknowledgement() {
        let mut tcp = TcpFacts::default();
        tcp.half[Side::Server].acked = 13_748;
        let first = reset(332, 13_748, true);
        let late = |r: &Reset| answers_late(&tcp, &first, r);
        assert!(late(&reset(332, 3612, false)), "held up with the first one");
        assert!(late(&reset(362, 12_300, false)));
        assert!(
            !late(&reset(332, 13_748, false)),
            "at once, where the client would heed it"
        );
        assert!(!late(&reset(332, 15_196, false)), "a guess");
        assert!(!late(&reset(332, 3612, true)));
    }
}
