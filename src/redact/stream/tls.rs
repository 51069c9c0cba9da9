//! TLS records and handshake messages.

use super::super::edit::Later;
use super::super::hello;
use super::{Expect, MAX_MESSAGE, Scan};
use crate::observe::tls::hello::{HelloTransport, parse_client_hello, parse_server_hello};
use crate::observe::tls::record::{self, Event, Header, RecordReader};
use crate::types::Side;
use std::ops::Range;

impl Scan<'_> {
    pub(super) fn records(&mut self, side: Side, bytes: &mut &[u8]) {
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
    pub(super) fn event<'b>(
        &mut self,
        side: Side,
        bytes: &mut &'b [u8],
    ) -> Option<(Event<'b>, u64)> {
        let half = self.half(side);
        let before = bytes.len();
        let event = half.reader.next(bytes);
        half.at += (before - bytes.len()) as u64;
        Some((event?, half.at))
    }

    /// The record layer's version means nothing; the first record of old clients says 1.0.
    pub(super) fn minor(&self, header: Header) -> u8 {
        if header.kind == record::HANDSHAKE {
            1
        } else {
            3
        }
    }

    pub(super) fn changed_cipher(&mut self, side: Side) {
        if !self.streams.tls13 {
            self.half(side).encrypted = true;
        }
    }

    pub(super) fn record_body(&mut self, side: Side, header: Header, piece: &[u8], at: u64) {
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

    pub(super) fn handshake(&mut self, side: Side, piece: &[u8], mut at: u64) {
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

    pub(super) fn message_if_whole(&mut self, side: Side) {
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

    pub(super) fn client_hello(&mut self, message: &[u8]) {
        let hello = parse_client_hello(message, HelloTransport::Tcp);
        let Some(name) = hello.and_then(|hello| hello.sni) else {
            return;
        };
        let found = &mut self.streams.found;
        found.target |= self.names.is_target(&name) && !self.streams.tunnel.0;
        found.elsewhere |= !self.names.is_followed(&name);
    }

    /// Certificate (RFC 5246 section 7.4.2).
    pub(super) fn certificates(&mut self, side: Side, message: &[u8], pieces: &[(u64, usize)]) {
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
    pub(super) fn authorities(&mut self, side: Side, message: &[u8], pieces: &[(u64, usize)]) {
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
    pub(super) fn with_der(
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

    pub(super) fn lose_framing(&mut self, side: Side) {
        let half = self.half(side);
        half.blind = true;
        half.reader = RecordReader::default();
        half.expect = Expect::Resync;
        half.drop_gathered();
    }

    /// A segment that begins with what can be a record, as the observer takes it.
    pub(super) fn resync(&mut self, side: Side, segment: &[u8]) {
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
