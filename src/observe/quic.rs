//! QUIC as far as it can be seen without session keys (RFC 8999, 9000, 9001, 9368, 9369).
//!
//! Initial packets are sealed with keys that anyone can derive, so the hellos, acknowledgements and closes in them
//! are read; of all else the header. The parts:
//!
//! - [`header`] cuts datagrams into packets, with `quinn_proto::ProtectedHeader`.
//! - [`keys`] derives the Initial keys and opens packets, with `ring` for all versions: one key schedule instead of
//!   two, 2.9 µs for both directions against 3.0 µs, and `quinn_proto` reaches neither v2 nor drafts before 29.
//! - [`connection`] finds the keys that fit: Retry, Version Negotiation, connection ids that change.
//! - [`frames`] and [`crypto`] read the payload: `quinn_proto` keeps its own frame reader private.
//! - `reader` books it all as facts, until the handshake is over; then this file only counts.
//!
//! Of Google's own versions (Qnnn, Tnnn) and of drafts before 22, the version and the counts of datagrams are seen.

pub mod connection;
pub mod crypto;
pub mod frames;
pub mod header;
pub mod keys;
mod reader;
pub mod version;

use quinn_proto::ConnectionId;

use crate::fact::icmp::IcmpError;
use crate::fact::quic::QuicFacts;
use crate::types::{Mark, Side};

use header::Kind;
use reader::{Datagram, Reader};

/// Marks kept in `QuicFacts::recent` and `QuicFacts::unanswered` for each side.
const MAX_RECENT: usize = 8;
/// ICMP errors kept.
const MAX_ICMP: usize = 4;
/// Datagrams of a flow after which reading ends, whatever has been understood by then.
const MAX_READ: u32 = 256;
/// The smallest stateless reset (RFC 9000 section 10.3): two bits, 38 bits of noise, the token.
const MIN_RESET: usize = 21;
/// Client datagrams that may still be under way when a stateless reset reaches the client.
const MAX_AFTER_RESET: u8 = 2;
/// A client's datagram with an Initial is at least that long (RFC 9000 section 14.1).
const MIN_INITIAL: usize = 1200;

/// A cheap test on the first captured datagram of a UDP flow: is it QUIC?
///
/// True for a long header of a version that is known ([`version::is_known`]) with the fixed bit set (on port 443 and as
/// long as an Initial also without, since clients clear it when they come back to a server that does not mind, RFC 9287),
/// for gQUIC's public header, and on port 443 also for any other version in a datagram of at least 1200 bytes with a DCID of at least
/// 8, for Version Negotiation, and for a short header of at least 21 bytes, as where the capture begins
/// in the middle. RTP never has the fixed bit, DTLS and STUN begin with bytes below 64, and a DNS header would
/// need thousands of questions.
#[must_use]
pub fn looks_like_quic(payload: &[u8], dst_port: u16, src_port: u16) -> bool {
    let Some(&first) = payload.first() else {
        return false;
    };
    let web = dst_port == 443 || src_port == 443;
    if first & 0x80 == 0 {
        let short = web && first & 0x40 != 0 && payload.len() >= MIN_RESET;
        return short || version::gquic(payload).is_some();
    }
    match payload.get(1..).and_then(|rest| rest.first_chunk()) {
        None => false,
        Some(&number) => looks_long(payload, u32::from_be_bytes(number), web),
    }
}

fn looks_long(payload: &[u8], number: u32, web: bool) -> bool {
    let fixed = payload[0] & 0x40 != 0;
    if version::layout(number) == version::Layout::Opaque {
        return fixed;
    }
    let Some((_, dcid, scid)) = header::invariants(payload) else {
        return false;
    };
    match number {
        0 => {
            web && payload.len() >= 11 + dcid + scid
                && (payload.len() - 7 - dcid - scid).is_multiple_of(4)
        }
        _ => {
            let initial = web && payload.len() >= MIN_INITIAL && dcid >= 8;
            let known = version::is_known(number);
            fixed && (known || initial) || known && initial
        }
    }
}

/// Watches one UDP flow.
///
/// Takes at most 16 packets of a datagram, 4 starts of a connection with 64 KiB of hello each way, and reads 256
/// datagrams; what the facts hold is capped as their fields say.
pub struct QuicObserver {
    facts: Box<QuicFacts>,
    reader: Option<Box<Reader>>,
    reset: ResetWatch,
}

impl Default for QuicObserver {
    fn default() -> Self {
        Self::new()
    }
}

impl QuicObserver {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            facts: Box::default(),
            reader: Some(Box::default()),
            reset: ResetWatch::default(),
        }
    }

    /// Takes in the UDP payload of one packet of the flow. `side`: who sent it, as far as the caller knows (see
    /// `QuicFacts::swapped`). `wire_len`: the payload's length on the wire in bytes, larger than what was captured
    /// where the snap length cut it.
    pub fn datagram(&mut self, side: Side, payload: &[u8], wire_len: u32, mark: Mark) {
        let side = if self.facts.swapped {
            side.other()
        } else {
            side
        };
        count(&mut self.facts, side, wire_len, mark);
        let side = match &mut self.reader {
            None => {
                bulk(&mut self.facts, side, payload, mark);
                side
            }
            Some(reader) => {
                let cut = wire_len as usize > payload.len();
                let mut datagram = Datagram {
                    side,
                    payload,
                    cut,
                    mark,
                };
                reader.read(&mut self.facts, &mut datagram);
                datagram.side
            }
        };
        self.reset
            .datagram(&mut self.facts, side, payload, wire_len, mark);
        if self.reader.is_some() && is_over(&self.facts) {
            self.reader = None;
        }
    }

    /// Takes in an ICMP error that quotes the flow.
    pub fn icmp(&mut self, error: IcmpError) {
        if self.facts.icmp.len() < MAX_ICMP {
            self.facts.icmp.push(error);
        }
    }

    /// What was seen so far.
    #[must_use]
    pub fn facts(&self) -> &QuicFacts {
        &self.facts
    }

    /// The facts, at the flow's end.
    #[must_use]
    pub fn into_facts(self) -> Box<QuicFacts> {
        self.facts
    }

    /// Is this datagram of the client the first Initial of another connection? A client has several on one socket only
    /// if it gives each an id of its own, and it keeps that id until the handshake is over (RFC 9000 section 7.2), except
    /// where Version Negotiation makes it start anew.
    #[must_use]
    pub fn opens_another(&self, payload: &[u8]) -> bool {
        let Some((first, (number, dcid, scid))) = payload.first().zip(header::invariants(payload))
        else {
            return false;
        };
        let to = payload.get(6..6 + dcid).unwrap_or_default();
        let from = payload.get(7 + dcid..7 + dcid + scid).unwrap_or_default();
        let facts = &self.facts;
        let restarts = facts.version_negotiation.is_some() && !facts.handshake_complete();
        header::kind(*first, number) == Kind::Initial
            && !from.is_empty()
            && !restarts
            && facts.client_cids.iter().all(|cid| cid[..] != *from)
            && facts.server_cids.iter().all(|cid| cid[..] != *to)
    }

    /// Another connection took over the ports, and is followed on its own.
    pub fn replaced(&mut self, mark: Mark) {
        self.facts.reused.get_or_insert(mark);
    }

    /// The flow layer found that this flow goes on from, or on, another 5-tuple (see `QuicFacts::owns`).
    pub fn migrated(&mut self, mark: Mark) {
        self.facts.migrated.get_or_insert(mark);
    }

    /// The handshake question is settled: from here on, datagrams are only counted.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.reader.is_none()
    }
}

/// The handshake is over, with some packets to spare for those that arrive late; or it is not going to be understood.
fn is_over(facts: &QuicFacts) -> bool {
    let [client, server] = facts.one_rtt_count.0;
    let [from_client, from_server] = facts.datagrams.0;
    (facts.confirmed.is_some() && client >= 2 && server >= 4)
        || from_client.saturating_add(from_server) >= MAX_READ
}

fn count(facts: &mut QuicFacts, side: Side, wire_len: u32, mark: Mark) {
    facts.datagrams[side] = facts.datagrams[side].saturating_add(1);
    facts.bytes[side] += u64::from(wire_len);
    facts.last[side] = Some(mark);
    facts.since_last_of_other[side] = facts.since_last_of_other[side].saturating_add(1);
    facts.since_last_of_other[side.other()] = 0;
    facts.unanswered[side.other()].clear();
    if facts.unanswered[side].len() < MAX_RECENT {
        facts.unanswered[side].push(mark);
    }
    let recent = &mut facts.recent[side];
    if recent.len() < MAX_RECENT {
        recent.push(mark);
    } else {
        recent.copy_within(1.., 0);
        recent[MAX_RECENT - 1] = mark;
    }
    let first = match side {
        Side::Client => &mut facts.client_first,
        Side::Server => &mut facts.server_first,
    };
    first.get_or_insert(mark);
}

/// A datagram after the handshake.
fn bulk(facts: &mut QuicFacts, side: Side, payload: &[u8], mark: Mark) {
    let Some(&first) = payload.first() else {
        return;
    };
    if first & 0x80 == 0 {
        count_short(facts, side, payload, mark);
    } else if side == Side::Client && facts.reused.is_none() {
        let number = header::invariants(payload).map_or(0, |(number, ..)| number);
        if number != 0 && header::kind(first, number) == Kind::Initial {
            facts.reused = Some(mark);
        }
    }
}

/// Counts a packet with a short header. Its fixed bit may be greased (RFC 9287); before a handshake was seen such
/// bytes are something else, unless the receiver's connection id is there: false then.
fn count_short(facts: &mut QuicFacts, side: Side, packet: &[u8], mark: Mark) -> bool {
    let fixed = packet.first().is_some_and(|first| first & 0x40 != 0);
    let shaken = facts.handshake[Side::Server].is_some();
    if !fixed && !shaken && !addressed(facts, side.other(), packet) {
        return false;
    }
    facts.one_rtt[side].get_or_insert(mark);
    facts.one_rtt_count[side] = facts.one_rtt_count[side].saturating_add(1);
    true
}

/// The short header begins with a connection id, not an empty one, that this receiver chose.
fn addressed(facts: &QuicFacts, receiver: Side, packet: &[u8]) -> bool {
    let cids = match receiver {
        Side::Client => &facts.client_cids,
        Side::Server => &facts.server_cids,
    };
    let rest = packet.get(1..).unwrap_or_default();
    cids.iter()
        .any(|cid| !cid.is_empty() && rest.starts_with(cid))
}

/// Looks for a stateless reset: a short header, at least 21 bytes, shorter than the client's datagram before it as
/// it must be (RFC 9000 section 10.3.3), not addressed to any id that the client chose, and nothing after it
/// but what was under way. A server may change to an id of which it was told under encryption; two packets that
/// begin alike give that away. With empty ids nothing can be told.
#[derive(Default)]
struct ResetWatch {
    last_client_len: usize,
    after: u8,
    /// First bytes of the last server packet that was not addressed to a known id.
    stranger: Option<ConnectionId>,
}

impl ResetWatch {
    fn datagram(
        &mut self,
        facts: &mut QuicFacts,
        side: Side,
        payload: &[u8],
        wire_len: u32,
        mark: Mark,
    ) {
        let length = wire_len as usize;
        match side {
            Side::Client => self.client(facts, length),
            Side::Server if self.is_reset(facts, payload, length) => {
                self.after = 0;
                facts.stateless_reset.get_or_insert(mark);
            }
            Side::Server => facts.stateless_reset = None,
        }
    }

    fn client(&mut self, facts: &mut QuicFacts, length: usize) {
        self.last_client_len = length;
        if facts.stateless_reset.is_some() {
            self.after += 1;
            if self.after > MAX_AFTER_RESET {
                facts.stateless_reset = None;
            }
        }
    }

    fn is_reset(&mut self, facts: &mut QuicFacts, payload: &[u8], length: usize) -> bool {
        let Some((first, rest)) = payload.split_first() else {
            return false;
        };
        let known = |cid: &ConnectionId| cid.is_empty() || rest.starts_with(cid);
        if first & 0x80 != 0 || facts.client_cids.iter().any(known) {
            return false;
        }
        let Some(prefix) = facts
            .client_cids
            .first()
            .and_then(|cid| rest.get(..cid.len()))
        else {
            return false;
        };
        let prefix = ConnectionId::new(prefix);
        if self.stranger.replace(prefix) == Some(prefix) {
            reader::push(&mut facts.client_cids, reader::MAX_CIDS, prefix);
            return false;
        }
        first & 0x40 != 0
            && (MIN_RESET..self.last_client_len).contains(&length)
            && facts.one_rtt[Side::Client].is_some()
    }
}

#[cfg(test)]
mod tests;
