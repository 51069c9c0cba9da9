//! Reads the datagrams of a handshake packet by packet into facts.

use std::mem::{swap, take};
use std::time::Duration;

use quinn_proto::ConnectionId;

use super::connection::{Connections, Found};
use super::crypto::Added;
use super::frames::{Frame, Frames};
use super::header::{Kind, Packet};
use super::{count_short, version};
use crate::fact::quic::{Close, QuicFacts, is_grease_version};
use crate::observe::tls::hello::{HelloTransport, parse_client_hello, parse_server_hello};
use crate::types::{Mark, Side};

const MAX_PACKETS: usize = 16;
const MAX_INITIALS: usize = 16;
const MAX_RETRIES: usize = 8;
const MAX_VERSIONS: usize = 64;
const MAX_CLOSES: usize = 4;
const MAX_REASON: usize = 256;
/// Connection ids kept of each side.
pub(super) const MAX_CIDS: usize = 8;

/// What is needed only until the handshake is over.
#[derive(Default)]
pub struct Reader {
    connections: Connections,
}

/// One datagram on its way through.
pub struct Datagram<'a> {
    /// The sender; turned round where it shows that the caller's sides were swapped.
    pub side: Side,
    /// UDP payload.
    pub payload: &'a [u8],
    /// The snap length cut it.
    pub cut: bool,
    /// Where it was seen.
    pub mark: Mark,
}

/// What was in one datagram.
#[derive(Default)]
struct Seen {
    initial: bool,
    long: bool,
    zero_rtt: bool,
    handshake: bool,
    /// A Handshake packet that may hold a part of the handshake.
    flight: bool,
    short: bool,
    opened: u32,
    duplicates: u32,
    crypto_new: bool,
    crypto_known: bool,
    ping: bool,
}

impl Seen {
    /// Nothing but a resend or a ping in the Initials that could be opened.
    fn is_probe(&self) -> bool {
        self.opened > 0 && !self.crypto_new && (self.crypto_known || self.ping)
    }
}

impl Reader {
    /// Reads one datagram, which the caller has counted already.
    pub fn read(&mut self, facts: &mut QuicFacts, datagram: &mut Datagram<'_>) {
        let mut seen = Seen::default();
        let mut rest = datagram.payload;
        let mut dcid = None;
        for _ in 0..MAX_PACKETS {
            let Some(packet) = Packet::read(rest, datagram.cut) else {
                break;
            };
            if dcid.is_some_and(|dcid| !belongs(&packet, dcid)) {
                break;
            }
            dcid.get_or_insert(packet.dcid);
            rest = packet.rest;
            self.packet(facts, datagram, &packet, &mut seen);
        }
        finish(facts, datagram, &seen);
    }

    fn packet(
        &mut self,
        facts: &mut QuicFacts,
        datagram: &mut Datagram<'_>,
        packet: &Packet<'_>,
        seen: &mut Seen,
    ) {
        let mark = datagram.mark;
        if matches!(packet.kind, Kind::Retry | Kind::VersionNegotiation)
            && datagram.side == Side::Client
        {
            swap_sides(facts, datagram);
        }
        match packet.kind {
            Kind::Initial => self.initial(facts, datagram, packet, seen),
            Kind::Handshake => {
                seen.handshake = true;
                seen.flight |=
                    !packet.whole || packet.bytes.len().saturating_sub(packet.body) > MAX_ACK;
                facts.handshake[datagram.side].get_or_insert(mark);
                facts.handshake_count[datagram.side] += 1;
            }
            Kind::ZeroRtt => {
                seen.zero_rtt = true;
                facts.zero_rtt.get_or_insert(mark);
            }
            Kind::Retry => push(&mut facts.retries, MAX_RETRIES, mark),
            Kind::VersionNegotiation => negotiation(facts, packet, mark),
            Kind::Opaque => opaque(facts, datagram.side, packet.version, seen),
            Kind::Short => {
                if let Some(version) = version::gquic(packet.bytes) {
                    opaque(facts, datagram.side, version, seen);
                } else {
                    seen.short |= count_short(facts, datagram.side, packet.bytes, mark);
                }
                return;
            }
        }
        seen.long = true;
        long_header(facts, datagram, packet);
    }

    fn initial(
        &mut self,
        facts: &mut QuicFacts,
        datagram: &mut Datagram<'_>,
        packet: &Packet<'_>,
        seen: &mut Seen,
    ) {
        let found = (packet.whole).then(|| self.connections.open(packet, datagram.side));
        let found = found.flatten();
        if found
            .as_ref()
            .is_some_and(|found| found.sender != datagram.side)
        {
            swap_sides(facts, datagram);
        }
        seen.initial = true;
        match datagram.side {
            Side::Client => client_initial(facts, packet, datagram.mark),
            Side::Server => _ = facts.server_initial.get_or_insert(datagram.mark),
        }
        match found {
            Some(found) => self.opened(facts, datagram, &found, seen),
            None => facts.undecryptable |= self.connections.is_empty(),
        }
    }

    fn opened(
        &mut self,
        facts: &mut QuicFacts,
        datagram: &Datagram<'_>,
        found: &Found,
        seen: &mut Seen,
    ) {
        let (side, mark) = (datagram.side, datagram.mark);
        facts.undecryptable = false;
        seen.opened += 1;
        if found.another && facts.retries.is_empty() && facts.version_negotiation.is_none() {
            facts.reused.get_or_insert(mark);
        }
        if side == Side::Client {
            facts.first_number.get_or_insert(found.opened.number);
        }
        let Some(connection) = self.connections.get(found) else {
            return;
        };
        if side == Side::Client && connection.is_duplicate(found.opened.number) {
            seen.duplicates += 1;
            return;
        }
        let stream = &mut connection.crypto[side];
        for frame in Frames(found.opened.payload()) {
            match frame {
                Frame::Padding => {}
                Frame::Ping => seen.ping = true,
                Frame::Ack => _ = facts.acked[side].get_or_insert(mark),
                Frame::Crypto { data: [], .. } => {}
                Frame::Crypto { offset, data } => match stream.add(offset, data, mark) {
                    Added::New => seen.crypto_new = true,
                    Added::Known => seen.crypto_known = true,
                },
                Frame::Close {
                    application,
                    code,
                    reason,
                } => {
                    close(facts, datagram, application, code, reason);
                }
            }
        }
        while let Some(message) = stream.message() {
            let done = match side {
                Side::Client => client_message(facts, message, mark),
                Side::Server => server_message(facts, message, mark),
            };
            if done {
                if side == Side::Client
                    && let Some(hello) = &mut facts.hello
                    && hello.mark == mark
                {
                    hello.first = stream.first.unwrap_or(mark);
                    hello.packets = stream.packets;
                }
                stream.finish();
            }
        }
    }
}

/// May this packet follow one to `dcid` in the same datagram (RFC 9000 section 12.2)? Some stacks fill datagrams up
/// with zeros or noise behind the last packet.
fn belongs(packet: &Packet<'_>, dcid: ConnectionId) -> bool {
    match packet.kind {
        Kind::Short => {
            (packet.bytes[0] & 0x40 != 0 || !dcid.is_empty())
                && packet.bytes[1..].starts_with(&dcid)
        }
        _ => packet.dcid == dcid,
    }
}

pub(super) fn push<T>(list: &mut Vec<T>, cap: usize, item: T) {
    if list.len() < cap {
        list.push(item);
    }
}

fn client_initial(facts: &mut QuicFacts, packet: &Packet<'_>, mark: Mark) {
    if facts.version == 0 {
        facts.version = packet.version;
    }
    if packet.token && !facts.retries.is_empty() {
        facts.initial_with_token.get_or_insert(mark);
    }
    if facts.version_negotiation.is_some() && packet.version != facts.version {
        facts.restarted.get_or_insert(mark);
    }
}

fn long_header(facts: &mut QuicFacts, datagram: &Datagram<'_>, packet: &Packet<'_>) {
    facts.clipped |= datagram.cut && !packet.whole;
    if packet.kind != Kind::ZeroRtt {
        facts.last_long[datagram.side] = Some(datagram.mark);
    }
    if packet.kind == Kind::VersionNegotiation {
        return; // its connection ids are an echo
    }
    if facts.version != 0 && packet.version != facts.version {
        facts.negotiated_version = Some(packet.version);
    }
    let cids = match datagram.side {
        Side::Client => &mut facts.client_cids,
        Side::Server => &mut facts.server_cids,
    };
    let read = packet.body < packet.bytes.len();
    if read && !cids.contains(&packet.scid) {
        push(cids, MAX_CIDS, packet.scid);
    }
}

fn negotiation(facts: &mut QuicFacts, packet: &Packet<'_>, mark: Mark) {
    let offered = packet
        .versions()
        .filter(|version| !is_grease_version(*version));
    let list = || (mark, offered.take(MAX_VERSIONS).collect());
    facts.version_negotiation.get_or_insert_with(list);
}

/// A packet of a version that cannot be read: the client's count as Initials, since nothing tells them apart.
fn opaque(facts: &mut QuicFacts, side: Side, version: u32, seen: &mut Seen) {
    facts.undecryptable = true;
    if side == Side::Client {
        seen.initial = true;
        if facts.version == 0 {
            facts.version = version;
        }
    }
}

fn close(
    facts: &mut QuicFacts,
    datagram: &Datagram<'_>,
    application: bool,
    code: u64,
    reason: &[u8],
) {
    let same = |c: &Close| (c.from, c.application, c.code) == (datagram.side, application, code);
    if facts.closes.len() < MAX_CLOSES && !facts.closes.iter().any(same) {
        let reason = &reason[..reason.len().min(MAX_REASON)];
        facts.closes.push(Close {
            from: datagram.side,
            mark: datagram.mark,
            application,
            code,
            reason: String::from_utf8_lossy(reason).into_owned(),
        });
    }
}

/// True once no further message of the client is of use.
fn client_message(facts: &mut QuicFacts, message: &[u8], mark: Mark) -> bool {
    if facts.hello.is_none()
        && let Some(mut hello) = parse_client_hello(message, HelloTransport::Quic)
    {
        hello.mark = mark;
        facts.hello = Some(Box::new(hello));
    }
    facts.hello.is_some()
}

/// True once no further message of the server is of use.
fn server_message(facts: &mut QuicFacts, message: &[u8], mark: Mark) -> bool {
    let Some(mut hello) = parse_server_hello(message) else {
        return false;
    };
    hello.mark = mark;
    if hello.retry {
        facts.retry_request.get_or_insert_with(|| Box::new(hello));
        return false;
    }
    facts.server_hello.get_or_insert_with(|| Box::new(hello));
    true
}

/// The conclusions that need the whole datagram.
fn finish(facts: &mut QuicFacts, datagram: &Datagram<'_>, seen: &Seen) {
    let (side, mark) = (datagram.side, datagram.mark);
    if facts.datagrams.0.iter().sum::<u32>() == 1 {
        facts.midstream |= side == Side::Server || !(seen.initial || seen.zero_rtt);
    }
    if side == Side::Client && (seen.handshake || seen.short) {
        facts.finished.get_or_insert(mark);
    }
    match side {
        Side::Client if seen.initial => finish_client(facts, seen, mark),
        Side::Client => {}
        Side::Server if seen.flight => (facts.finished, facts.confirmed) = (None, None),
        Side::Server if seen.short && !seen.long => confirm(facts, mark),
        Side::Server => {}
    }
}

/// A Handshake packet with that much behind its header (packet number, frames, 16 bytes of tag) can acknowledge, but holds
/// no Finished, which is 36 bytes or more. A server acknowledges the client's Finished like that before it drops the keys.
const MAX_ACK: usize = 48;

/// What the server sent together with its flight is captured this soon behind the client's answer to that flight, where
/// the capture was made beside the client.
const SAME_FLIGHT: Duration = Duration::from_millis(10);

/// A datagram of 1-RTT packets alone from the server: does it answer what the client finished with, or was it on its
/// way already? The first round trip can be much longer than the others (the server's signature), hence two limits.
fn confirm(facts: &mut QuicFacts, mark: Mark) {
    let limit = (facts.rtt()).map_or(Duration::ZERO, |rtt| SAME_FLIGHT.min(rtt / 2));
    if (facts.finished).is_some_and(|f| mark.time.since(f.time) >= limit) {
        facts.confirmed.get_or_insert(mark);
    }
}

fn finish_client(facts: &mut QuicFacts, seen: &Seen, mark: Mark) {
    if seen.opened > 0 && seen.opened == seen.duplicates {
        facts.duplicates += 1;
        return;
    }
    push(&mut facts.client_initials, MAX_INITIALS, mark);
    facts.client_initial_count += 1;
    facts.unanswered_initials += u32::from(facts.server_first.is_none());
    facts.probes += u32::from(seen.is_probe());
}

/// Turns everything round that was booked under the wrong side.
fn swap_sides(facts: &mut QuicFacts, datagram: &mut Datagram<'_>) {
    datagram.side = datagram.side.other();
    facts.swapped = !facts.swapped;
    facts.midstream = true;
    for marks in [
        &mut facts.acked,
        &mut facts.handshake,
        &mut facts.one_rtt,
        &mut facts.last,
        &mut facts.last_long,
    ] {
        marks.0.swap(0, 1);
    }
    for counts in [
        &mut facts.handshake_count,
        &mut facts.one_rtt_count,
        &mut facts.datagrams,
        &mut facts.since_last_of_other,
    ] {
        counts.0.swap(0, 1);
    }
    facts.bytes.0.swap(0, 1);
    facts.recent.0.swap(0, 1);
    facts.unanswered.0.swap(0, 1);
    swap(&mut facts.client_first, &mut facts.server_first);
    swap(&mut facts.client_cids, &mut facts.server_cids);
    facts.server_initial = take(&mut facts.client_initials).first().copied();
    (facts.client_initial_count, facts.unanswered_initials) = (0, 0);
    (facts.probes, facts.finished, facts.confirmed) = (0, None, None);
}
