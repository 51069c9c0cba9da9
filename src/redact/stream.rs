//! Reads the two streams of a TCP connection, in the first pass, and says what the second pass has to write.
//!
//! Streams are told apart as the observers do it (TLS, with a CONNECT before it or not, HTTP/1, DNS), so that what is
//! written reads to them as the original did. Of TLS that is: record headers, plaintext alerts, ChangeCipherSpec, and
//! handshake messages in their redacted form; of everything encrypted only the headers. Of a connection that names
//! another service, nothing is followed behind the name.
//!
//! Caps: 64 KiB of one handshake or DNS message, 8 KiB of a head, 4 KiB of a content.

use super::edit::{Edits, Later, Store};
use super::http::{self, Asked};
use super::names::Names;
use super::secret::Secret;
use super::{hello, text};
use crate::data::{self, Part};
use crate::flow::tcp::StreamSink;
use crate::observe::http::head::{RequestHead, ResponseHead, begins_request, head_end};
use crate::observe::tls::hello::{HelloTransport, parse_client_hello, parse_server_hello};
use crate::observe::tls::record::{self, Event, Header, Hole, RecordReader};
use crate::types::{Mark, Side};
use std::ops::Range;

const MAX_MESSAGE: usize = 64 * 1024;
const MAX_HEAD: usize = 8 * 1024;
const MAX_BODY: usize = 4 * 1024;
/// Bytes of a stream that is nothing known, of which the look is kept.
const MAX_OTHER: usize = 256;

/// What the next bytes of a side are.
#[derive(Default, Debug)]
enum Expect {
    /// The first bytes, or those behind a CONNECT.
    #[default]
    Start,
    /// The head of a CONNECT or of its answer.
    Tunnel,
    /// The rest of a hello in the SSL 2.0 form.
    Sslv2(usize),
    /// TLS records.
    Records,
    /// TLS records, if a segment begins with one.
    Resync,
    /// Head of an HTTP message.
    Head,
    /// That many more bytes of content; `None`: nobody knows how many.
    Body(Option<u64>),
    /// DNS messages.
    Dns,
    /// More of a stream that is nothing known.
    Other(usize),
    /// Nothing that is looked at.
    Nothing,
}

/// Bytes of a stream, and the pieces of it that they are.
type Gathered = (Vec<u8>, Vec<(u64, usize)>);

/// One side's stream.
#[derive(Default, Debug)]
struct Half {
    expect: Expect,
    /// Offset of the next byte.
    at: u64,
    /// Bytes gathered, and the pieces of the stream that they are.
    gathered: Vec<u8>,
    pieces: Vec<(u64, usize)>,
    reader: RecordReader,
    /// Bytes still to be stepped over of a message that is too long.
    over: u64,
    encrypted: bool,
    blind: bool,
    /// Content of the response at hand.
    body: Vec<u8>,
    body_pieces: Vec<(u64, usize)>,
}

impl Half {
    fn gather(&mut self, bytes: &[u8]) {
        self.pieces.push((self.at, bytes.len()));
        self.gathered.extend_from_slice(bytes);
        self.at += bytes.len() as u64;
    }

    fn drop_gathered(&mut self) {
        self.gathered = Vec::new();
        self.pieces = Vec::new();
    }
}

/// What a connection was found to be.
#[derive(Default, Debug)]
pub(super) struct Found {
    /// A name of the target was asked for at the server itself.
    pub(super) target: bool,
    /// Another service was.
    pub(super) elsewhere: bool,
}

/// Both streams of a connection.
#[derive(Default, Debug)]
pub(super) struct Streams {
    half: [Half; 2],
    tls13: bool,
    /// A CONNECT was sent; it was answered.
    tunnel: (bool, bool),
    asked: Asked,
    method_head: bool,
    requests: u32,
    responses: u32,
    pub(super) found: Found,
}

/// The streams with what they are read with.
pub(super) struct Scan<'a> {
    pub(super) streams: &'a mut Streams,
    pub(super) edits: &'a mut [Edits; 2],
    pub(super) store: &'a mut Store,
    pub(super) names: &'a Names,
    pub(super) secret: &'a Secret,
    /// Each whole DNS message goes here too.
    pub(super) answers: &'a mut Vec<Vec<u8>>,
}

impl Streams {
    /// For a connection of DNS (port 53) or of anything else; `midstream`: its beginning was not seen.
    pub(super) fn new(dns: bool, midstream: bool) -> Self {
        let mut streams = Self::default();
        for half in &mut streams.half {
            if dns {
                half.expect = Expect::Dns;
            } else if midstream {
                (half.expect, half.blind) = (Expect::Resync, true);
            }
        }
        streams
    }

    /// A side's stream turned out to begin elsewhere.
    pub(super) fn restart(&mut self, side: Side) {
        self.half[side.index()] = Half::default();
    }

    /// Nothing more of either side matters.
    pub(super) fn is_over(&self) -> bool {
        self.found.elsewhere
            || self
                .half
                .iter()
                .all(|half| matches!(half.expect, Expect::Nothing))
    }
}

impl StreamSink for Scan<'_> {
    fn data(&mut self, side: Side, bytes: &[u8], _mark: Mark) {
        if matches!(self.half(side).expect, Expect::Resync) {
            self.resync(side, bytes);
        }
        self.next_request(side, bytes);
        let mut rest = bytes;
        while !rest.is_empty() {
            let before = rest.len();
            match self.half(side).expect {
                Expect::Start => self.start(side, &mut rest),
                Expect::Tunnel => self.tunnel(side, &mut rest),
                Expect::Sslv2(left) => self.sslv2(side, left, &mut rest),
                Expect::Records => self.records(side, &mut rest),
                Expect::Head => self.head(side, &mut rest),
                Expect::Body(left) => self.body(side, left, &mut rest),
                Expect::Dns => self.dns(side, &mut rest),
                Expect::Other(left) => self.other(side, left, &mut rest),
                Expect::Resync | Expect::Nothing => {
                    self.half(side).at += rest.len() as u64;
                    return;
                }
            }
            if rest.len() == before && matches!(self.half(side).expect, Expect::Start) {
                return; // all gathered
            }
        }
    }

    fn gap(&mut self, side: Side, missing: u64, _mark: Mark) {
        let half = self.half(side);
        match half.expect {
            Expect::Records => match half.reader.skip(missing) {
                Hole::Body { header, ends } => {
                    if header.kind == record::HANDSHAKE && !half.encrypted {
                        half.blind = true;
                        self.flush(side);
                    }
                    if ends && header.kind == record::CHANGE_CIPHER_SPEC {
                        self.changed_cipher(side);
                    }
                }
                Hole::Framing => self.lose_framing(side),
            },
            Expect::Start | Expect::Tunnel | Expect::Sslv2(_) => self.lose_framing(side),
            Expect::Head => {
                self.flush(side);
                self.half(side).expect = Expect::Nothing;
            }
            Expect::Body(left) => {
                half.body_pieces.clear();
                half.body.clear();
                half.expect = match left {
                    Some(left) if missing <= left => after(left - missing),
                    None => Expect::Body(None),
                    Some(_) => Expect::Nothing,
                };
            }
            Expect::Dns => self.dns_gap(side, missing),
            Expect::Other(_) => half.expect = Expect::Nothing,
            Expect::Resync | Expect::Nothing => {}
        }
        self.half(side).at += missing;
    }

    fn wants(&self, side: Side) -> bool {
        !self.streams.found.elsewhere
            && !matches!(self.streams.half[side.index()].expect, Expect::Nothing)
    }
}

fn after(left: u64) -> Expect {
    match left {
        0 => Expect::Head,
        left => Expect::Body(Some(left)),
    }
}

impl Scan<'_> {
    fn half(&mut self, side: Side) -> &mut Half {
        &mut self.streams.half[side.index()]
    }

    fn put(&mut self, side: Side, pieces: &[(u64, usize)], bytes: &[u8]) {
        let edits = &mut self.edits[side.index()];
        self.store.put(edits, pieces, bytes, &[]);
    }

    /// Takes up to `most` bytes off the front.
    fn take<'b>(&mut self, side: Side, bytes: &mut &'b [u8], most: usize) -> &'b [u8] {
        let (taken, rest) = bytes.split_at(bytes.len().min(most));
        *bytes = rest;
        self.half(side).at += taken.len() as u64;
        taken
    }

    /// The streams are over: what was gathered is written as far as it goes.
    pub(super) fn finish(&mut self) {
        for side in [Side::Client, Side::Server] {
            self.flush(side);
            self.end_body(side);
        }
    }

    /// Writes what was gathered of something that never became whole.
    fn flush(&mut self, side: Side) {
        let half = self.half(side);
        let (gathered, pieces) = (
            std::mem::take(&mut half.gathered),
            std::mem::take(&mut half.pieces),
        );
        if gathered.is_empty() {
            return;
        }
        match self.half(side).expect {
            // Its header, so that it stays unfinished.
            Expect::Records => {
                let kept = gathered.len().min(4);
                self.put(side, &pieces, &gathered[..kept]);
            }
            Expect::Head | Expect::Tunnel => {
                let asked = self.streams.asked.clone();
                let new = http::head(&gathered, self.names, &asked);
                self.put(side, &pieces, &new);
            }
            Expect::Dns => self.put_dns(side, &pieces, &gathered),
            // Less than tells anything.
            Expect::Start => self.put(side, &pieces, &gathered[..gathered.len().min(5)]),
            _ => {}
        }
    }
}

/// How streams begin.
impl Scan<'_> {
    fn start(&mut self, side: Side, bytes: &mut &[u8]) {
        let tunnel = match side {
            Side::Client => !self.streams.tunnel.0,
            Side::Server => self.streams.tunnel == (true, false),
        };
        while let Some((first, rest)) = bytes.split_first() {
            self.half(side).gather(std::slice::from_ref(first));
            *bytes = rest;
            let half = self.half(side);
            let head = &half.gathered[..];
            let unclear = match side {
                _ if record::may_be_header(head) => head.len() < 5,
                Side::Client => {
                    let known = [
                        &b"CONNECT "[..],
                        b"GET ",
                        b"POST ",
                        b"HEAD ",
                        b"PUT ",
                        b"OPTIONS ",
                        b"DELETE ",
                        b"PATCH ",
                        b"TRACE ",
                    ];
                    let begun = known
                        .iter()
                        .any(|k| k.len() > head.len() && k.starts_with(head));
                    begun || (head[0] & 0x80 != 0 && head.len() < 5)
                }
                Side::Server => b"HTTP/1.".len() > head.len() && b"HTTP/1.".starts_with(head),
            };
            if unclear {
                continue;
            }
            return self.begin(side, tunnel);
        }
    }

    fn begin(&mut self, side: Side, tunnel: bool) {
        let half = self.half(side);
        let head = std::mem::take(&mut half.gathered);
        let pieces = std::mem::take(&mut half.pieces);
        let connect = head.starts_with(b"CONNECT ");
        let answer = head.starts_with(b"HTTP/1.");
        let sslv2 = sslv2_length(&head).filter(|_| side == Side::Client);
        if record::may_be_header(&head) {
            half.expect = Expect::Records;
            half.at -= head.len() as u64;
            self.records(side, &mut &head[..]);
        } else if tunnel && (connect || answer) {
            (half.gathered, half.pieces, half.expect) = (head, pieces, Expect::Tunnel);
        } else if answer || side == Side::Client && begins_request(&head) {
            (half.gathered, half.pieces, half.expect) = (head, pieces, Expect::Head);
        } else if let Some(length) = sslv2 {
            half.expect = Expect::Sslv2(length.saturating_sub(head.len()));
            self.put(side, &pieces, &head);
        } else {
            half.expect = Expect::Other(MAX_OTHER);
            half.at -= head.len() as u64;
            self.other(side, MAX_OTHER, &mut &head[..]);
        }
    }

    fn sslv2(&mut self, side: Side, left: usize, bytes: &mut &[u8]) {
        let taken = self.take(side, bytes, left).len();
        self.half(side).expect = match left - taken {
            0 => Expect::Records,
            left => Expect::Sslv2(left),
        };
    }

    fn tunnel(&mut self, side: Side, bytes: &mut &[u8]) {
        let Some(head) = self.gather_head(side, bytes) else {
            return;
        };
        let (head, pieces) = head;
        let new = http::head(&head, self.names, &Asked::default());
        self.put(side, &pieces, &new);
        let half = self.half(side);
        half.expect = Expect::Start;
        match side {
            Side::Client => self.streams.tunnel.0 = true,
            Side::Server => {
                let status = head.get(9..12).and_then(|d| std::str::from_utf8(d).ok());
                self.streams.tunnel.1 = true;
                if !status.is_some_and(|s| s.starts_with('2')) {
                    self.half(side).expect = Expect::Body(None);
                }
            }
        }
    }

    /// A head with its empty line, once it is whole.
    fn gather_head(&mut self, side: Side, bytes: &mut &[u8]) -> Option<Gathered> {
        let half = self.half(side);
        let before = half.gathered.len();
        let room = MAX_HEAD.saturating_sub(before).min(bytes.len());
        let from = before.saturating_sub(3);
        let joined = [&half.gathered[from..], &bytes[..room]].concat();
        let end = head_end(&joined, 0).map(|end| from + end);
        let taken = end.map_or(room, |end| end - before);
        half.gather(&bytes[..taken]);
        *bytes = &bytes[taken..];
        if end.is_some() {
            let half = self.half(side);
            return Some((
                std::mem::take(&mut half.gathered),
                std::mem::take(&mut half.pieces),
            ));
        }
        if self.half(side).gathered.len() >= MAX_HEAD {
            self.flush(side);
            self.half(side).expect = Expect::Nothing;
        }
        None
    }

    /// Text that is none of ours: what it looks like, without what it says.
    fn other(&mut self, side: Side, left: usize, bytes: &mut &[u8]) {
        let at = self.half(side).at;
        let taken = self.take(side, bytes, left);
        let new = text::look(taken, left == MAX_OTHER);
        self.put(side, &[(at, taken.len())], &new);
        self.half(side).expect = match left - taken.len() {
            0 => Expect::Nothing,
            left => Expect::Other(left),
        };
    }
}

/// Length of a hello in the SSL 2.0 form (RFC 5246 appendix E.2).
fn sslv2_length(bytes: &[u8]) -> Option<usize> {
    match *bytes {
        [high, low, 1, 3, 0..=3, ..] | [high, low, 1, 0, 2, ..] if high & 0x80 != 0 => {
            Some(2 + (usize::from(high & 0x7f) << 8 | usize::from(low)))
        }
        _ => None,
    }
}

/// TLS.
impl Scan<'_> {
    fn records(&mut self, side: Side, bytes: &mut &[u8]) {
        while let Some((event, at)) = self.event(side, bytes) {
            match event {
                Event::Begin(header) => {
                    let new = [header.kind, 3, self.minor(header), 0, 0];
                    let [high, low] = header.length.to_be_bytes();
                    let new = [new[0], new[1], new[2], high, low];
                    self.put(side, &[(at.saturating_sub(5), 5)], &new);
                }
                Event::Body {
                    header,
                    piece,
                    ends,
                } => {
                    self.record_body(side, header, piece, at - piece.len() as u64);
                    if ends && header.kind == record::CHANGE_CIPHER_SPEC {
                        self.changed_cipher(side);
                    }
                    if self.streams.found.elsewhere {
                        return;
                    }
                }
                Event::Nonsense => {
                    self.flush(side);
                    return self.lose_framing(side);
                }
            }
        }
    }

    /// The next event and the offset behind it.
    fn event<'b>(&mut self, side: Side, bytes: &mut &'b [u8]) -> Option<(Event<'b>, u64)> {
        let half = self.half(side);
        let before = bytes.len();
        let event = half.reader.next(bytes);
        half.at += (before - bytes.len()) as u64;
        Some((event?, half.at))
    }

    /// The record layer's version means nothing; the first record of old clients says 1.0.
    fn minor(&self, header: Header) -> u8 {
        if header.kind == record::HANDSHAKE {
            1
        } else {
            3
        }
    }

    fn changed_cipher(&mut self, side: Side) {
        if !self.streams.tls13 {
            self.half(side).encrypted = true;
        }
    }

    fn record_body(&mut self, side: Side, header: Header, piece: &[u8], at: u64) {
        let half = self.half(side);
        match header.kind {
            record::HANDSHAKE if !half.encrypted && !half.blind => {
                self.handshake(side, piece, at);
            }
            record::ALERT if header.length == 2 => self.put(side, &[(at, piece.len())], piece),
            record::CHANGE_CIPHER_SPEC if header.length == 1 => {
                self.put(side, &[(at, piece.len())], piece);
            }
            _ => {}
        }
    }

    fn handshake(&mut self, side: Side, piece: &[u8], mut at: u64) {
        let mut rest = piece;
        while !rest.is_empty() {
            let half = self.half(side);
            let over = usize::try_from(half.over)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            half.over -= over as u64;
            (rest, at) = (&rest[over..], at + over as u64);
            if rest.is_empty() {
                return;
            }
            let wanted = match half.gathered.get(1..4) {
                Some(l) => 4 + u32::from_be_bytes([0, l[0], l[1], l[2]]) as usize,
                None => 4,
            };
            if wanted > MAX_MESSAGE {
                half.over = (wanted - half.gathered.len()) as u64;
                self.flush(side);
                continue;
            }
            let taken = rest.len().min(wanted - half.gathered.len());
            half.pieces.push((at, taken));
            half.gathered.extend_from_slice(&rest[..taken]);
            (rest, at) = (&rest[taken..], at + taken as u64);
            self.message_if_whole(side);
        }
    }

    fn message_if_whole(&mut self, side: Side) {
        let half = self.half(side);
        let Some(&[_, a, b, c]) = half.gathered.first_chunk::<4>() else {
            return;
        };
        if half.gathered.len() < 4 + u32::from_be_bytes([0, a, b, c]) as usize {
            return;
        }
        let message = std::mem::take(&mut half.gathered);
        let pieces = std::mem::take(&mut half.pieces);
        match (side, message[0]) {
            (Side::Client, 1) => self.client_hello(&message),
            (Side::Server, 2) => {
                let version = parse_server_hello(&message).map(|hello| hello.version);
                self.streams.tls13 |= version.is_some_and(crate::fact::tls::is_tls13);
            }
            (_, 11) => return self.certificates(side, &message, &pieces),
            (_, 13) => return self.authorities(side, &message, &pieces),
            (_, 22) => {
                let response = std::iter::once(8..message.len()).collect();
                return self.with_der(side, &message, &pieces, 8, response);
            }
            _ => {}
        }
        let new = hello::redact(&message, self.names, self.secret);
        self.put(side, &pieces, &new);
    }

    fn client_hello(&mut self, message: &[u8]) {
        let hello = parse_client_hello(message, HelloTransport::Tcp);
        let Some(name) = hello.and_then(|hello| hello.sni) else {
            return;
        };
        let found = &mut self.streams.found;
        found.target |= self.names.is_target(&name) && !self.streams.tunnel.0;
        found.elsewhere |= !self.names.is_followed(&name);
    }

    /// Certificate (RFC 5246 section 7.4.2).
    fn certificates(&mut self, side: Side, message: &[u8], pieces: &[(u64, usize)]) {
        let mut ranges = Vec::new();
        let mut at = 7;
        while let Some(&[a, b, c]) = message.get(at..).and_then(|rest| rest.first_chunk()) {
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            let range = at + 3..at + 3 + length;
            if range.end > message.len() {
                break;
            }
            at = range.end;
            ranges.push(range);
        }
        self.with_der(side, message, pieces, at, ranges);
    }

    /// CertificateRequest (RFC 5246 section 7.4.4): kinds, algorithms from TLS 1.2 on, then names of authorities.
    fn authorities(&mut self, side: Side, message: &[u8], pieces: &[(u64, usize)]) {
        let be16 = |at: usize| {
            let pair = message.get(at..)?.first_chunk()?;
            Some(usize::from(u16::from_be_bytes(*pair)))
        };
        let kinds = 5 + message.get(4).map_or(0, |n| usize::from(*n));
        let lists = [Some(kinds), be16(kinds).map(|length| kinds + 2 + length)];
        let names = lists
            .into_iter()
            .flatten()
            .find(|at| be16(*at).is_some_and(|length| at + 2 + length == message.len()));
        let mut at = names.map_or(4, |at| at + 2);
        let mut ranges = Vec::new();
        while names.is_some()
            && let Some(length) = be16(at)
            && at + 2 + length <= message.len()
        {
            ranges.push(at + 2..at + 2 + length);
            at += 2 + length;
        }
        self.with_der(side, message, pieces, at, ranges);
    }

    /// A message that stays up to `end`, but for the parts in DER.
    fn with_der(
        &mut self,
        side: Side,
        message: &[u8],
        pieces: &[(u64, usize)],
        end: usize,
        ranges: Vec<Range<usize>>,
    ) {
        let mut new = message.to_vec();
        let kept = ranges.last().map_or(end, |last| last.end.max(end));
        if let Some(rest) = new.get_mut(kept..) {
            rest.fill(0);
        }
        let later = ranges.into_iter().filter(|range| range.start <= range.end);
        let later: Vec<_> = later.map(|range| (Later::Certificate, range)).collect();
        let edits = &mut self.edits[side.index()];
        self.store.put(edits, pieces, &new, &later);
    }

    fn lose_framing(&mut self, side: Side) {
        let half = self.half(side);
        half.blind = true;
        half.reader = RecordReader::default();
        half.expect = Expect::Resync;
        half.drop_gathered();
    }

    /// A segment that begins with what can be a record, as the observer takes it.
    fn resync(&mut self, side: Side, segment: &[u8]) {
        let Some(header) = Header::at_start(segment) else {
            return;
        };
        let next = segment.get(5 + usize::from(header.length)..);
        let chain = next.is_none_or(record::may_be_header);
        if !chain || header.length == 0 {
            return;
        }
        let half = self.half(side);
        let first = match side {
            Side::Client => 1,
            Side::Server => 2,
        };
        half.expect = Expect::Records;
        if half.at == 0 && header.kind == record::HANDSHAKE && segment.get(5) == Some(&first) {
            half.blind = false;
        }
    }
}

/// HTTP.
impl Scan<'_> {
    /// The client goes on behind a content without a known end.
    fn next_request(&mut self, side: Side, bytes: &[u8]) {
        let answered = self.streams.requests == self.streams.responses;
        let half = self.half(side);
        let open = matches!(half.expect, Expect::Body(None));
        if side == Side::Client && open && answered && begins_request(bytes) {
            half.expect = Expect::Head;
        }
    }

    fn head(&mut self, side: Side, bytes: &mut &[u8]) {
        let Some((head, pieces)) = self.gather_head(side, bytes) else {
            return;
        };
        match side {
            Side::Client => self.request(&head),
            Side::Server => self.response(&head),
        }
        let asked = self.streams.asked.clone();
        let new = http::head(&head, self.names, &asked);
        self.put(side, &pieces, &new);
    }

    fn request(&mut self, head: &[u8]) {
        let Some(request) = RequestHead::parse(head) else {
            self.half(Side::Client).expect = Expect::Nothing;
            return;
        };
        self.half(Side::Client).expect = request.length.map_or(Expect::Body(None), after);
        let streams = &mut *self.streams;
        streams.requests += 1;
        streams.method_head = request.method == "HEAD";
        let host = request.host.unwrap_or_default();
        let probe = data::portal_probe(&host, &request.path).is_some();
        if !host.is_empty() {
            streams.found.target |= self.names.is_target(&host);
            streams.found.elsewhere |= !self.names.is_target(&host) && !probe && !is_address(&host);
        }
        streams.asked = Asked {
            host: host.into_bytes(),
            path: request.path.into_bytes(),
        };
    }

    fn response(&mut self, head: &[u8]) {
        self.end_body(Side::Server);
        let Some(response) = ResponseHead::parse(head) else {
            self.half(Side::Server).expect = Expect::Nothing;
            return;
        };
        let bodiless = matches!(response.status, 204 | 304) || self.streams.method_head;
        let expect = match response.status {
            101 => {
                self.half(Side::Client).expect = Expect::Nothing;
                Expect::Nothing
            }
            100..=199 => Expect::Head,
            _ if bodiless => Expect::Head,
            _ => response.length.map_or(Expect::Body(None), after),
        };
        if response.status >= 200 {
            self.streams.responses += 1;
        }
        self.half(Side::Server).expect = expect;
    }

    fn body(&mut self, side: Side, left: Option<u64>, bytes: &mut &[u8]) {
        let awaited = self.streams.requests > self.streams.responses;
        if side == Side::Server && left.is_none() && awaited && bytes.starts_with(b"HTTP/1.") {
            self.half(side).expect = Expect::Head;
            return;
        }
        let most = left.map_or(usize::MAX, |l| usize::try_from(l).unwrap_or(usize::MAX));
        let at = self.half(side).at;
        let taken = self.take(side, bytes, most);
        let half = self.half(side);
        let room = MAX_BODY.saturating_sub(half.body.len()).min(taken.len());
        if side == Side::Server && room > 0 {
            half.body.extend_from_slice(&taken[..room]);
            half.body_pieces.push((at, room));
        }
        if let Some(left) = left {
            half.expect = after(left - taken.len() as u64);
        }
    }

    /// Of a content stays what the tables know: of a block page, and of the right answer to a portal probe.
    fn end_body(&mut self, side: Side) {
        let half = self.half(side);
        let (body, pieces) = (
            std::mem::take(&mut half.body),
            std::mem::take(&mut half.body_pieces),
        );
        if body.is_empty() {
            return;
        }
        let asked = &self.streams.asked;
        let (host, path) = (
            String::from_utf8_lossy(&asked.host),
            String::from_utf8_lossy(&asked.path),
        );
        let probe = data::portal_probe(&host, &path).and_then(|probe| probe.body);
        let mut new = http::listed(Part::Body, &body).unwrap_or_else(|| vec![b'x'; body.len()]);
        let first = body
            .iter()
            .position(|b| !b.is_ascii_whitespace() && !matches!(b, 0xef | 0xbb | 0xbf));
        if let Some(at) = first.filter(|at| body[*at] == b'<') {
            new[..at].fill(b' ');
            new[at] = b'<';
        }
        if let Some(text) = probe {
            let seen = body.len().min(text.len());
            if body[..seen].eq_ignore_ascii_case(&text.as_bytes()[..seen]) {
                new[..seen].copy_from_slice(&body[..seen]);
            }
        }
        self.put(side, &pieces, &new);
    }
}

fn is_address(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<std::net::IpAddr>().is_ok()
}

/// DNS.
impl Scan<'_> {
    fn dns(&mut self, side: Side, bytes: &mut &[u8]) {
        let half = self.half(side);
        let over = usize::try_from(half.over).unwrap_or(usize::MAX);
        let skipped = self.take(side, bytes, over).len() as u64;
        let half = self.half(side);
        half.over -= skipped;
        if bytes.is_empty() {
            return;
        }
        let wanted = match half.gathered.first_chunk::<2>() {
            Some(length) => 2 + usize::from(u16::from_be_bytes(*length)),
            None => 2,
        };
        let taken = bytes.len().min(wanted - half.gathered.len());
        half.gather(&bytes[..taken]);
        *bytes = &bytes[taken..];
        let whole = half.gathered.first_chunk::<2>().is_some_and(|length| {
            half.gathered.len() == 2 + usize::from(u16::from_be_bytes(*length))
        });
        if whole {
            self.whole_dns(side);
        }
    }

    fn whole_dns(&mut self, side: Side) {
        let half = self.half(side);
        let message = std::mem::take(&mut half.gathered);
        let pieces = std::mem::take(&mut half.pieces);
        self.put_dns(side, &pieces, &message);
        self.answers.push(message[2..].to_vec());
    }

    fn put_dns(&mut self, side: Side, pieces: &[(u64, usize)], message: &[u8]) {
        let later = (message.len() > 2).then_some((Later::Dns, 2..message.len()));
        let edits = &mut self.edits[side.index()];
        self.store.put(edits, pieces, message, later.as_slice());
    }

    fn dns_gap(&mut self, side: Side, missing: u64) {
        let half = self.half(side);
        let open = match half.gathered.first_chunk::<2>() {
            Some(length) => {
                let whole = 2 + u64::from(u16::from_be_bytes(*length));
                Some(whole - half.gathered.len() as u64)
            }
            None => Some(half.over).filter(|over| *over > 0),
        };
        self.flush(side);
        let half = self.half(side);
        match open.filter(|open| missing <= *open) {
            Some(open) => half.over = open - missing,
            None => half.expect = Expect::Nothing,
        }
    }
}
