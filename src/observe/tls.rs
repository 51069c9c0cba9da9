//! TLS on one TCP connection, as it can be seen without keys (RFC 8446, 5246, 6066, 7301).
//!
//! Bytes of both sides go in, in stream order and however they are cut; what was seen comes out as [`TlsFacts`].
//! - `start` tells TLS from an HTTP CONNECT before it and from everything else.
//! - `record` reads record headers; bodies of plaintext handshake records go on to
//! - `handshake`, which cuts messages; tls-parser and x509-parser read them (`hello`, `certificate`).
//! - `finish` says what sizes and order of the encrypted records prove.
//!
//! tls-parser's record functions are not used: they take whole records with whole messages only, drop a message that
//! goes on in the next record, and read an encrypted alert as a row of plaintext ones.
//!
//! Caps: 64 KiB of one unfinished handshake message and 8 KiB of an HTTP head per side, 256 bytes of what is no TLS,
//! 12 encrypted records and 4 alerts a side. Application data is never kept.

mod certificate;
mod finish;
mod handshake;
pub mod hello;
mod ja4;
mod record;
mod start;
mod text;

use crate::fact::tls::{Alert, NotTls, Record, TlsFacts, is_tls13, record_lengths};
use crate::types::{Mark, Side};
use handshake::{Assembler, Message};
use hello::HelloTransport;
use record::{Event, Header, Hole, RecordReader};
use start::Start;
use std::sync::LazyLock;

/// Encrypted records kept of each side.
const MAX_RECORDS: usize = 12;
/// Plaintext alerts kept of each side.
const MAX_ALERTS: usize = 4;
/// Bytes kept of a stream that is no TLS.
const MAX_NOT_TLS: usize = 256;
/// Encrypted records of each side after which there is nothing more to see in them.
const ENOUGH_RECORDS: u32 = 64;
/// Bytes of both sides together after which two streams that are no TLS are left alone.
const ENOUGH_OTHER: u64 = 4096;

/// Watches one TCP connection. Two words in size until the first byte comes.
#[derive(Default)]
pub struct TlsObserver {
    connection: Option<Box<Connection>>,
    midstream: bool,
}

static NOTHING: LazyLock<TlsFacts> = LazyLock::new(TlsFacts::default);

impl TlsObserver {
    /// For a connection whose beginning is captured.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// For one that was open when the capture began: "not TLS" is never claimed, and each side counts as not followed
    /// (`lost_track`) unless its first bytes are a hello.
    #[must_use]
    pub fn new_midstream() -> Self {
        Self {
            connection: None,
            midstream: true,
        }
    }

    /// The next bytes of `side`'s stream, of packet `mark`; any cut will do.
    pub fn data(&mut self, side: Side, bytes: &[u8], mark: Mark) {
        if !bytes.is_empty() {
            self.connection().data(side, bytes, mark);
        }
    }

    /// `missing` bytes of `side`'s stream come next and will never be seen (capture loss, snap length); `mark` is the
    /// packet that showed it.
    pub fn gap(&mut self, side: Side, missing: u64, mark: Mark) {
        if missing > 0 {
            self.connection().gap(side, missing, mark);
        }
    }

    /// What was seen so far.
    #[must_use]
    pub fn facts(&self) -> &TlsFacts {
        match &self.connection {
            Some(connection) => &connection.facts,
            None => &NOTHING,
        }
    }

    /// What was seen, for keeping.
    #[must_use]
    pub fn into_facts(self) -> TlsFacts {
        self.connection
            .map_or_else(TlsFacts::default, |connection| connection.facts)
    }

    /// Nothing more is to be learnt about the handshake: it is over and both sides sent data after it, or neither side
    /// speaks TLS. What is fed from then on is ignored.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|connection| connection.settled)
    }

    fn connection(&mut self) -> &mut Connection {
        let midstream = self.midstream;
        self.connection
            .get_or_insert_with(|| Box::new(Connection::new(midstream)))
    }
}

/// What the next bytes of a side are.
#[derive(Default)]
enum Expect {
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
struct Stream {
    expect: Expect,
    /// Bytes gathered by `Start` and `TunnelHead`.
    head: Vec<u8>,
    /// Packet of the first of them, until a record or something else begins with it.
    begun: Option<Mark>,
    /// Bytes seen or missing so far.
    offset: u64,
    reader: RecordReader,
    messages: Assembler,
    /// Plaintext can't be told from encrypted records, or a message's start is lost.
    blind: bool,
    alert: Vec<u8>,
}

#[derive(Default)]
struct Connection {
    facts: TlsFacts,
    streams: [Stream; 2],
    /// Session id of the ClientHello.
    session_id: Vec<u8>,
    /// Client records before the ServerHello, where 0-RTT is offered.
    early: Vec<Record>,
    /// A server record followed the client's data.
    answered: bool,
    settled: bool,
}

impl Connection {
    fn new(midstream: bool) -> Self {
        let mut connection = Self::default();
        if midstream {
            for side in [Side::Client, Side::Server] {
                connection.lose_framing(side);
            }
        }
        connection
    }

    fn data(&mut self, side: Side, bytes: &[u8], mark: Mark) {
        if self.settled {
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
    fn take<'a>(&mut self, side: Side, bytes: &mut &'a [u8], most: usize) -> &'a [u8] {
        let (taken, rest) = bytes.split_at(bytes.len().min(most));
        *bytes = rest;
        self.streams[side.index()].offset += taken.len() as u64;
        taken
    }
}

/// The start of a stream.
impl Connection {
    fn start(&mut self, side: Side, bytes: &mut &[u8], mark: Mark) {
        let stream = &mut self.streams[side.index()];
        if stream.head.is_empty() {
            stream.begun = Some(mark);
            // The usual case: nothing is gathered, nothing copied.
            if Header::at_start(bytes).is_some() {
                stream.expect = Expect::Records;
                return;
            }
        }
        let tunnel = match side {
            Side::Client => self.facts.proxy_connect.is_none(),
            Side::Server => self.facts.proxy_connect.is_some() && self.facts.proxy_reply.is_none(),
        };
        while !bytes.is_empty() {
            let byte = self.take(side, bytes, 1);
            let stream = &mut self.streams[side.index()];
            stream.head.extend_from_slice(byte);
            match start::of(side, &stream.head, tunnel) {
                Start::Unclear => continue,
                Start::Tls => self.replay_header(side, mark),
                Start::Tunnel => stream.expect = Expect::TunnelHead,
                Start::Sslv2(length) => self.sslv2(side, length),
                Start::Other => self.begin_not_tls(side),
            }
            return;
        }
    }

    /// Gives the header that was gathered to the record reader.
    fn replay_header(&mut self, side: Side, mark: Mark) {
        let stream = &mut self.streams[side.index()];
        let header = std::mem::take(&mut stream.head);
        stream.offset -= header.len() as u64;
        stream.expect = Expect::Records;
        self.records(side, &mut header.as_slice(), mark);
    }

    fn sslv2(&mut self, side: Side, length: usize) {
        let stream = &mut self.streams[side.index()];
        self.facts.sslv2_hello = stream.begun;
        self.facts.hello_begun = stream.begun;
        stream.expect = Expect::Sslv2(length.saturating_sub(stream.head.len()));
        stream.head = Vec::new();
    }

    /// An HTTP head up to its empty line.
    fn tunnel_head(&mut self, side: Side, bytes: &mut &[u8], mark: Mark) {
        let stream = &mut self.streams[side.index()];
        let before = stream.head.len();
        let room = start::MAX_HEAD.saturating_sub(before);
        stream
            .head
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        // The empty line may have begun in bytes that came before.
        let from = before.saturating_sub(3);
        let end = start::head_end(&stream.head[from..]).map(|end| from + end);
        let full = stream.head.len() >= start::MAX_HEAD;
        self.take(
            side,
            bytes,
            end.unwrap_or(usize::MAX).saturating_sub(before),
        );
        if let Some(end) = end {
            self.streams[side.index()].head.truncate(end);
            self.tunnel_opened(side, mark);
        } else if full {
            self.begin_not_tls(side);
        }
    }

    fn tunnel_opened(&mut self, side: Side, mark: Mark) {
        let stream = &mut self.streams[side.index()];
        match side {
            Side::Client => {
                let target = start::connect_target(&stream.head).unwrap_or_default();
                self.facts.proxy_connect = Some(text::lossless(target, MAX_NOT_TLS));
            }
            Side::Server => {
                let status = start::status(&stream.head).unwrap_or_default();
                self.facts.proxy_reply = Some((status, mark));
                if !(200..300).contains(&status) {
                    return self.begin_not_tls(side);
                }
            }
        }
        stream.head = Vec::new();
        stream.expect = Expect::Start;
    }

    fn begin_not_tls(&mut self, side: Side) {
        let stream = &mut self.streams[side.index()];
        let mut bytes = std::mem::take(&mut stream.head);
        bytes.truncate(MAX_NOT_TLS);
        stream.expect = Expect::NotTls;
        self.facts.not_tls[side] = Some(Box::new(NotTls {
            mark: stream.begun.unwrap_or_default(),
            bytes,
        }));
    }

    fn not_tls(&mut self, side: Side, bytes: &mut &[u8]) {
        if let Some(not_tls) = &mut self.facts.not_tls[side] {
            let room = MAX_NOT_TLS.saturating_sub(not_tls.bytes.len());
            let more = &bytes[..bytes.len().min(room)];
            not_tls.bytes.extend_from_slice(more);
        }
        self.take(side, bytes, usize::MAX);
    }
}

/// Records.
impl Connection {
    fn records(&mut self, side: Side, bytes: &mut &[u8], mark: Mark) {
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
        self.answered |= side == Side::Server && self.facts.client_data.is_some();
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
        (not_tls && offsets >= ENOUGH_OTHER)
            || (finished && self.answered)
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
        if let Some(mut chain) = certificate::parse_chain(message.bytes) {
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
    fn gap(&mut self, side: Side, missing: u64, mark: Mark) {
        if self.settled {
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
        }
    }
}

#[cfg(test)]
mod tests;
