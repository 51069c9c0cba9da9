//! Both streams of a connection: what their bytes are, and what is written into the facts.

use super::chains::Chains;
use super::handshake::{Assembler, Message};
use super::hello::{self, HelloTransport};
use super::record::{self, Event, Header, Hole, RecordReader};
use super::{certificate, finish};
use crate::fact::tls::{Alert, Record, TlsFacts, is_tls13, record_lengths};
use crate::types::{Mark, Side};

/// Encrypted records kept of each side.
const MAX_RECORDS: usize = 12;
/// Plaintext alerts kept of each side.
const MAX_ALERTS: usize = 4;
/// Encrypted records of each side after which there is nothing more to see in them.
const ENOUGH_RECORDS: u32 = 64;
/// Bytes of the server behind its first answer after which the handshake and what belongs to it (tickets, SETTINGS) are
/// surely over.
const ENOUGH_ANSWER: u64 = 2048;
/// Bytes of both sides together after which two streams that are no TLS are left alone.
const ENOUGH_OTHER: u64 = 4096;

/// What the next bytes of a side are.
#[derive(Default)]
pub(super) enum Expect {
    /// The start of a stream, with what came of it so far.
    #[default]
    Start,
    /// The rest of an HTTP head that opens a tunnel.
    TunnelHead,
    /// That many more bytes of a hello in the SSL 2.0 form, then records.
    Sslv2(usize),
    /// Records.
    Records,
    /// A record that begins with a segment: where the last one ended is not known.
    Resync,
    /// The first bytes of what is no TLS.
    NotTls,
    /// Nothing that matters.
    Nothing,
}

/// One side's stream.
#[derive(Default)]
pub(super) struct Stream {
    pub(super) expect: Expect,
    /// Bytes gathered by `Start` and `TunnelHead`.
    pub(super) head: Vec<u8>,
    /// Packet of the first of them, until a record or something else begins with it.
    pub(super) begun: Option<Mark>,
    /// Bytes seen or missing so far.
    pub(super) offset: u64,
    pub(super) reader: RecordReader,
    pub(super) messages: Assembler,
    /// Plaintext can't be told from encrypted records, or a message's start is lost.
    pub(super) blind: bool,
    pub(super) alert: Vec<u8>,
}

#[derive(Default)]
pub(super) struct Connection {
    pub(super) facts: TlsFacts,
    pub(super) streams: [Stream; 2],
    /// Session id of the ClientHello.
    session_id: Vec<u8>,
    /// Client records before the ServerHello, where 0-RTT is offered.
    early: Vec<Record>,
    /// Where in the server's stream the first record ended that followed the client's data.
    answered: Option<u64>,
    chains: Option<Chains>,
    pub(super) settled: bool,
}

impl Connection {
    pub(super) fn new(midstream: bool, chains: Option<Chains>) -> Self {
        let mut connection = Self {
            chains,
            ..Self::default()
        };
        if midstream {
            for side in [Side::Client, Side::Server] {
                connection.lose_framing(side);
            }
        }
        connection
    }

    pub(super) fn data(&mut self, side: Side, bytes: &[u8], mark: Mark) {
        if self.settled {
            self.frame(side, bytes, mark);
            return;
        }
        if matches!(self.streams[side.index()].expect, Expect::Resync) {
            self.resync(side, bytes);
        }
        let mut rest = bytes;
        while !rest.is_empty() && self.step(side, &mut rest, mark) {}
        let stream = &mut self.streams[side.index()];
        // What comes before `rest` was counted as it was read.
        stream.offset += rest.len() as u64;
        self.facts.open_record[side] = stream.reader.lacks();
        self.settled = self.has_settled();
    }

    /// Reads some of `bytes` or learns how to; false where they do not matter.
    fn step(&mut self, side: Side, bytes: &mut &[u8], mark: Mark) -> bool {
        match self.streams[side.index()].expect {
            Expect::Start => self.start(side, bytes, mark),
            Expect::TunnelHead => self.tunnel_head(side, bytes, mark),
            Expect::Sslv2(left) => {
                let taken = self.take(side, bytes, left).len();
                self.streams[side.index()].expect = match left - taken {
                    0 => Expect::Records,
                    left => Expect::Sslv2(left),
                };
            }
            Expect::Records => self.records(side, bytes, mark),
            Expect::NotTls => self.not_tls(side, bytes),
            Expect::Resync | Expect::Nothing => return false,
        }
        true
    }

    /// At most `most` bytes off the front.
    pub(super) fn take<'a>(&mut self, side: Side, bytes: &mut &'a [u8], most: usize) -> &'a [u8] {
        let (taken, rest) = bytes.split_at(bytes.len().min(most));
        *bytes = rest;
        self.streams[side.index()].offset += taken.len() as u64;
        taken
    }
}

/// Records.
impl Connection {
    pub(super) fn records(&mut self, side: Side, bytes: &mut &[u8], mark: Mark) {
        loop {
            let stream = &mut self.streams[side.index()];
            let before = bytes.len();
            let event = stream.reader.next(bytes);
            let at = stream.offset;
            stream.offset += (before - bytes.len()) as u64;
            match event {
                None => return,
                Some(Event::Begin(header)) => self.begin_record(side, header, mark),
                Some(Event::Body {
                    header,
                    piece,
                    ends,
                }) => {
                    self.body(side, header, piece, at, mark);
                    if ends {
                        self.end_record(side, header, mark);
                    }
                }
                Some(Event::Nonsense) => {
                    self.lose_framing(side);
                    return;
                }
            }
        }
    }

    fn begin_record(&mut self, side: Side, header: Header, mark: Mark) {
        // A header may have been gathered over several packets at the start of the stream.
        let begun = self.streams[side.index()].begun.take().unwrap_or(mark);
        self.facts.first_record[side].get_or_insert(begun);
        if side == Side::Client && header.kind == record::HANDSHAKE && !self.is_encrypted(side) {
            self.facts.hello_begun.get_or_insert(begun);
        }
        self.streams[side.index()].alert.clear();
    }

    fn body(&mut self, side: Side, header: Header, piece: &[u8], at: u64, mark: Mark) {
        match header.kind {
            record::HANDSHAKE if !self.is_encrypted(side) => {
                let mut messages = std::mem::take(&mut self.streams[side.index()].messages);
                messages.push(piece, mark, |message| {
                    self.message(side, message, at + message.used as u64, mark);
                });
                self.streams[side.index()].messages = messages;
            }
            // An encrypted alert is never that short, so no state is needed to tell.
            record::ALERT if header.length == 2 => {
                self.streams[side.index()].alert.extend_from_slice(piece);
            }
            _ => {}
        }
    }

    fn end_record(&mut self, side: Side, header: Header, mark: Mark) {
        self.note_farewell(side, header, mark);
        let encrypted = match header.kind {
            record::CHANGE_CIPHER_SPEC => {
                self.facts.change_cipher_spec[side].get_or_insert(mark);
                false
            }
            record::ALERT if header.length == 2 => {
                self.plain_alert(side, mark);
                false
            }
            record::APPLICATION_DATA => true,
            record::HANDSHAKE | record::ALERT => self.is_after_ccs(side),
            _ => false,
        };
        if encrypted {
            let record = Record {
                mark,
                kind: header.kind,
                length: header.length,
                end: self.streams[side.index()].offset,
            };
            self.encrypted_record(side, record);
        }
    }

    fn plain_alert(&mut self, side: Side, mark: Mark) {
        let [level @ 1..=2, description] = *self.streams[side.index()].alert.as_slice() else {
            return;
        };
        let known = self.facts.alerts.iter().filter(|alert| alert.from == side);
        if known.count() < MAX_ALERTS {
            self.facts.alerts.push(Alert {
                from: side,
                mark,
                level,
                description,
            });
        }
    }

    /// Handshake records of the side can't be read.
    fn is_encrypted(&self, side: Side) -> bool {
        self.is_after_ccs(side) || self.streams[side.index()].blind
    }

    /// Handshake records of the side are encrypted. In TLS 1.3 they never are: what is encrypted there has type 23,
    /// and a ChangeCipherSpec means nothing (RFC 8446 appendix D.4).
    fn is_after_ccs(&self, side: Side) -> bool {
        self.facts.change_cipher_spec[side].is_some() && !self.facts.is_tls13()
    }

    fn encrypted_record(&mut self, side: Side, record: Record) {
        let facts = &mut self.facts;
        facts.record_count[side] = facts.record_count[side].saturating_add(1);
        facts.last_record[side] = is_alert_sized(facts, &record).then_some(record);
        if self.is_early(side) {
            self.facts.early_data.get_or_insert(record.mark);
            if self.early.len() < MAX_RECORDS {
                self.early.push(record);
            }
            return;
        }
        if side == Side::Server && self.facts.client_data.is_some() {
            let end = self.streams[side.index()].offset;
            self.answered.get_or_insert(end);
        }
        if self.facts.records[side].len() < MAX_RECORDS {
            self.facts.records[side].push(record);
            finish::judge(&mut self.facts);
        } else {
            self.late_data(side, &record);
        }
    }

    /// A client record that may be 0-RTT data: offered, and the ServerHello was not seen yet.
    fn is_early(&self, side: Side) -> bool {
        let offered = self
            .facts
            .hello
            .as_ref()
            .is_some_and(|hello| hello.early_data);
        side == Side::Client && offered && self.facts.server_hello.is_none()
    }

    /// Data after the handshake that comes behind the records kept.
    fn late_data(&mut self, side: Side, record: &Record) {
        if self.facts.client_finished.is_none() || is_alert_sized(&self.facts, record) {
            return;
        }
        let data = match side {
            Side::Client => &mut self.facts.client_data,
            Side::Server => &mut self.facts.server_data,
        };
        if record.kind == record::APPLICATION_DATA {
            data.get_or_insert(record.mark);
        }
    }

    fn has_settled(&self) -> bool {
        let facts = &self.facts;
        let not_tls = facts.not_tls.0.iter().all(Option::is_some);
        let offsets: u64 = self.streams.iter().map(|stream| stream.offset).sum();
        let [client, server] = facts.record_count.0;
        let finished = facts.client_finished.is_some() && facts.server_data.is_some();
        let full = facts.records[Side::Server].len() >= MAX_RECORDS;
        // Whole records: one that has only begun is still to be noted.
        let sent = facts.records[Side::Server].last().map_or(0, |r| r.end);
        let answered = |end: u64| full || sent >= end.saturating_add(ENOUGH_ANSWER);
        (not_tls && offsets >= ENOUGH_OTHER)
            || (finished && self.answered.is_some_and(answered))
            || client.min(server) > ENOUGH_RECORDS
    }
}

fn is_alert_sized(facts: &TlsFacts, record: &Record) -> bool {
    let lengths = facts
        .server_hello
        .as_ref()
        .and_then(|hello| record_lengths(hello.cipher));
    match record.kind {
        record::ALERT => true,
        record::APPLICATION_DATA if facts.is_tls13() || facts.version().is_none() => {
            record.length == lengths.map_or(19, |lengths| lengths.alert)
        }
        _ => false,
    }
}

/// Records after the handshake is settled: only where each of them ends.
impl Connection {
    /// The side's records are still followed.
    pub(super) fn is_framed(&self, side: Side) -> bool {
        matches!(self.streams[side.index()].expect, Expect::Records)
    }

    fn frame(&mut self, side: Side, mut bytes: &[u8], mark: Mark) {
        if !self.is_framed(side) {
            return;
        }
        while let Some(event) = self.streams[side.index()].reader.next(&mut bytes) {
            match event {
                Event::Begin(_) | Event::Body { ends: false, .. } => {}
                Event::Body { header, .. } => self.note_farewell(side, header, mark),
                Event::Nonsense => return self.unframe(side),
            }
        }
        self.facts.open_record[side] = self.streams[side.index()].reader.lacks();
    }

    fn frame_gap(&mut self, side: Side, missing: u64, mark: Mark) {
        if !self.is_framed(side) {
            return;
        }
        match self.streams[side.index()].reader.skip(missing) {
            Hole::Body { header, ends: true } => self.note_farewell(side, header, mark),
            Hole::Body { .. } => {}
            Hole::Framing => return self.unframe(side),
        }
        self.facts.open_record[side] = self.streams[side.index()].reader.lacks();
    }

    fn unframe(&mut self, side: Side) {
        self.streams[side.index()].expect = Expect::Nothing;
        self.facts.unframed[side] = true;
        self.facts.open_record[side] = 0;
    }

    /// A record of the size of an alert is a farewell as long as nothing follows it.
    fn note_farewell(&mut self, side: Side, header: Header, mark: Mark) {
        let record = Record {
            mark,
            kind: header.kind,
            length: header.length,
            end: self.streams[side.index()].offset,
        };
        let alert = is_alert_sized(&self.facts, &record);
        self.facts.farewell[side] = alert.then_some(mark);
    }
}

/// Handshake messages in the clear.
impl Connection {
    /// `end`: bytes of the stream up to and including the message.
    fn message(&mut self, side: Side, message: &Message<'_>, end: u64, mark: Mark) {
        let facts = &mut self.facts;
        match (side, message.bytes.first().copied().unwrap_or_default()) {
            (Side::Client, 1) => self.client_hello(message, end, mark),
            (Side::Server, 2) => self.server_hello(message, mark),
            (Side::Server, 11) => self.certificate(message, mark),
            (Side::Client, 11) => _ = facts.client_certificate.get_or_insert(mark),
            (Side::Server, 13) => _ = facts.certificate_request.get_or_insert(mark),
            (Side::Server, 14) => _ = facts.server_hello_done.get_or_insert(mark),
            (Side::Client, 16) => _ = facts.client_key_exchange.get_or_insert(mark),
            _ => {}
        }
    }

    fn client_hello(&mut self, message: &Message<'_>, end: u64, mark: Mark) {
        if self.facts.hello.is_some() {
            self.facts.second_hello.get_or_insert(mark);
            return;
        }
        let Some(mut hello) = hello::parse_client_hello(message.bytes, HelloTransport::Tcp) else {
            self.facts.hello_malformed.get_or_insert(mark);
            return;
        };
        (hello.mark, hello.first, hello.packets) = (mark, message.first, message.packets);
        self.session_id = hello::session_id(message.bytes).to_vec();
        self.facts.hello_end = end;
        self.facts.hello = Some(Box::new(hello));
    }

    fn server_hello(&mut self, message: &Message<'_>, mark: Mark) {
        let Some(parts) = hello::server_hello_parts(message.bytes) else {
            return;
        };
        let mut hello = parts.hello;
        hello.mark = mark;
        if hello.retry {
            self.facts.retry_request.get_or_insert(Box::new(hello));
            return;
        }
        if self.facts.server_hello.is_some() {
            return;
        }
        if !is_tls13(hello.version) {
            hello.resumed = !self.session_id.is_empty() && parts.session_id == self.session_id;
        }
        self.facts.server_hello = Some(Box::new(hello));
        self.sort_early(mark);
        finish::judge(&mut self.facts);
    }

    /// Which of the client's records before were 0-RTT data, by the packets' own order: the server's bytes may have
    /// reached this observer late.
    fn sort_early(&mut self, server_hello: Mark) {
        let early = std::mem::take(&mut self.early);
        let (after, before): (Vec<_>, Vec<_>) = early
            .into_iter()
            .partition(|record| finish::is_later(record.mark, server_hello));
        self.facts.early_data = before.first().map(|record| record.mark);
        self.facts.records[Side::Client].extend(after);
    }

    fn certificate(&mut self, message: &Message<'_>, mark: Mark) {
        if self.facts.certificate.is_some() {
            return;
        }
        let chain = match &self.chains {
            Some(chains) => chains.chain(message.bytes),
            None => certificate::parse_chain(message.bytes),
        };
        if let Some(mut chain) = chain {
            chain.mark = mark;
            self.facts.certificate = Some(Box::new(chain));
        }
        // A server that echoes the session id and still sends its certificate did not resume.
        if let Some(hello) = &mut self.facts.server_hello {
            hello.resumed = false;
        }
    }
}

/// Holes.
impl Connection {
    pub(super) fn gap(&mut self, side: Side, missing: u64, mark: Mark) {
        if self.settled {
            self.frame_gap(side, missing, mark);
            return;
        }
        let stream = &mut self.streams[side.index()];
        stream.offset = stream.offset.saturating_add(missing);
        match stream.expect {
            Expect::Records => match stream.reader.skip(missing) {
                Hole::Body { header, ends } => self.hole_in_body(side, header, ends, mark),
                Hole::Framing => self.lose_framing(side),
            },
            Expect::Start | Expect::TunnelHead | Expect::Sslv2(_) => self.lose_framing(side),
            Expect::NotTls => stream.expect = Expect::Nothing,
            Expect::Resync | Expect::Nothing => {}
        }
        self.facts.open_record[side] = self.streams[side.index()].reader.lacks();
        self.settled = self.has_settled();
    }

    fn hole_in_body(&mut self, side: Side, header: Header, ends: bool, mark: Mark) {
        if header.kind == record::HANDSHAKE && !self.is_encrypted(side) {
            self.lose_messages(side);
        }
        if ends {
            self.end_record(side, header, mark);
        }
    }

    fn lose_messages(&mut self, side: Side) {
        let stream = &mut self.streams[side.index()];
        stream.messages = Assembler::default();
        stream.blind = true;
        self.facts.lost_track[side] = true;
    }

    fn lose_framing(&mut self, side: Side) {
        self.lose_messages(side);
        self.facts.unframed[side] = true;
        let stream = &mut self.streams[side.index()];
        stream.reader = RecordReader::default();
        stream.head = Vec::new();
        stream.expect = Expect::Resync;
    }

    /// Takes up records again where a segment begins with a record, which most do sooner or later.
    fn resync(&mut self, side: Side, segment: &[u8]) {
        let Some(header) = Header::at_start(segment) else {
            return;
        };
        let next = segment.get(5 + usize::from(header.length)..);
        let chain = next.is_none_or(record::may_be_header);
        if !chain || header.length == 0 {
            return;
        }
        let hello = match side {
            Side::Client => 1,
            Side::Server => 2,
        };
        let stream = &mut self.streams[side.index()];
        stream.expect = Expect::Records;
        let untouched = self.facts.first_record[side].is_none() && stream.offset == 0;
        if untouched && header.kind == record::HANDSHAKE && segment.get(5) == Some(&hello) {
            stream.blind = false;
            self.facts.lost_track[side] = false;
            self.facts.unframed[side] = false;
        }
    }
}
