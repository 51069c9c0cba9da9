//! Reads the two streams of a TCP connection, in the first pass, and says what the second pass has to write.
//!
//! Streams are told apart as the observers do it (TLS, with a CONNECT before it or not, HTTP/1, DNS), so that what is
//! written reads to them as the original did. Of TLS that is: record headers, plaintext alerts, ChangeCipherSpec, and
//! handshake messages in their redacted form; of everything encrypted only the headers. Of a connection that names
//! another service, nothing is followed behind the name.
//!
//! Caps: 64 KiB of one handshake or DNS message, 8 KiB of a head, 4 KiB of a content.

mod dns;
mod http_messages;
mod tls;

use super::edit::{Edits, Store};
use super::http::{self, Asked};
use super::names::Names;
use super::secret::Secret;
use super::text;
use crate::flow::tcp::StreamSink;
use crate::observe::http::head::{METHODS, begins_request, head_end};
use crate::observe::tls::record::{self, Hole, RecordReader};
use crate::types::{Mark, Side};

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
                    let begun = METHODS
                        .iter()
                        .chain(&[&b"CONNECT "[..]])
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
