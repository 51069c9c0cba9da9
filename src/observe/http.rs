//! HTTP/1 in the clear (RFC 9110, 9112): bytes of both sides in stream order go in, [`HttpFacts`] come out.
//!
//! The heads are read here and not with a crate: of a response only the status and a few fields matter, heads may be cut
//! by the snap length, and where a content has no stated length the next request ends it.
//!
//! Caps: 8 KiB of a head, 4 KiB of a content, eight exchanges, texts as the facts say.

pub mod head;

use crate::fact::http::{Exchange, HttpFacts, Response};
use crate::types::{Mark, Side};
use head::{RequestHead, ResponseHead, begins_request, head_end};

/// Longest head that is read.
const MAX_HEAD: usize = 8 * 1024;
/// Bytes of a content that are kept.
const MAX_BODY: usize = 4 * 1024;
/// Exchanges kept.
const MAX_EXCHANGES: usize = 8;

/// What the next bytes of a side are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Expect {
    /// A head, or the rest of one.
    #[default]
    Head,
    /// That many more bytes of content.
    Body(u64),
    /// Content whose end is not known.
    Open,
    /// Nothing that can be read.
    Nothing,
}

/// Watches one TCP connection.
#[derive(Debug, Default)]
pub struct HttpObserver {
    facts: HttpFacts,
    expect: [Expect; 2],
    head: [Vec<u8>; 2],
    /// Where the heads being gathered began.
    begun: [Option<Mark>; 2],
    /// Bytes of each stream so far.
    offset: [u64; 2],
}

impl HttpObserver {
    /// For a connection whose client's first bytes are these, where they begin a request.
    #[must_use]
    pub fn begin(bytes: &[u8]) -> Option<Self> {
        begins_request(bytes).then(Self::default)
    }

    /// What was seen so far.
    #[must_use]
    pub fn facts(&self) -> &HttpFacts {
        &self.facts
    }

    /// The first request's head is read, or is not going to be.
    #[must_use]
    pub fn has_spoken(&self) -> bool {
        !self.facts.exchanges.is_empty() || self.expect[0] == Expect::Nothing
    }

    /// More bytes of that side tell something.
    #[must_use]
    pub fn wants(&self, side: Side) -> bool {
        self.expect[side.index()] != Expect::Nothing
    }

    /// The next bytes of `side`'s stream, of packet `mark`; any cut will do.
    pub fn data(&mut self, side: Side, mut bytes: &[u8], mark: Mark) {
        if side == Side::Client && !bytes.is_empty() {
            self.next_request(bytes);
        }
        while !bytes.is_empty() {
            let before = bytes.len();
            match self.expect[side.index()] {
                Expect::Head => self.gather(side, &mut bytes, mark),
                Expect::Body(left) => self.content(side, &mut bytes, Some(left), mark),
                Expect::Open => self.content(side, &mut bytes, None, mark),
                Expect::Nothing => return,
            }
            self.offset[side.index()] += (before - bytes.len()) as u64;
            self.note_end(side, mark);
        }
    }

    /// Bytes that the capture does not hold.
    pub fn gap(&mut self, side: Side, missing: u64, mark: Mark) {
        let at = side.index();
        self.offset[at] = self.offset[at].saturating_add(missing);
        self.expect[at] = match self.expect[at] {
            Expect::Body(left) if missing <= left => {
                self.received(side, &[], missing, mark);
                next(left - missing)
            }
            Expect::Open => Expect::Open,
            _ => {
                self.facts.lost_track = true;
                Expect::Nothing
            }
        };
        self.note_end(side, mark);
    }

    /// The client goes on: what it was sent before is over, if it looks like a request and the answer was open-ended.
    fn next_request(&mut self, bytes: &[u8]) {
        let answered = self.last().is_some_and(|e| e.response.is_some());
        if self.expect[0] == Expect::Open && answered && begins_request(bytes) {
            self.expect[0] = Expect::Head;
        }
    }

    fn last(&mut self) -> Option<&mut Exchange> {
        self.facts.exchanges.last_mut()
    }

    fn note_end(&mut self, side: Side, mark: Mark) {
        let (offset, expect) = (self.offset[0], self.expect[0]);
        let gathering = !self.head[0].is_empty();
        if let (Side::Client, Some(last)) = (side, self.last())
            && !gathering
            && last.response.is_none()
        {
            last.sent = mark;
            last.end = offset;
            last.whole = expect == Expect::Head;
        }
    }

    fn gather(&mut self, side: Side, bytes: &mut &[u8], mark: Mark) {
        let at = side.index();
        let head = &mut self.head[at];
        if head.is_empty() {
            self.begun[at] = Some(mark);
        }
        let before = head.len();
        let room = MAX_HEAD.saturating_sub(before).min(bytes.len());
        head.extend_from_slice(&bytes[..room]);
        let Some(end) = head_end(head, before.saturating_sub(3)) else {
            *bytes = &bytes[room..];
            if head.len() >= MAX_HEAD {
                self.give_up(side);
            }
            return;
        };
        *bytes = &bytes[end.saturating_sub(before).min(bytes.len())..];
        let mut head = std::mem::take(&mut self.head[at]);
        head.truncate(end);
        let begun = self.begun[at].unwrap_or(mark);
        match side {
            Side::Client => self.request(&head, begun, mark),
            Side::Server => self.response(&head, begun, mark),
        }
    }

    fn give_up(&mut self, side: Side) {
        self.expect[side.index()] = Expect::Nothing;
        self.head[side.index()] = Vec::new();
        self.facts.lost_track = true;
    }

    fn request(&mut self, head: &[u8], asked: Mark, mark: Mark) {
        let Some(request) = RequestHead::parse(head) else {
            return self.give_up(Side::Client);
        };
        self.expect[0] = match request.length {
            Some(length) => next(length),
            None => Expect::Open, // chunked
        };
        self.facts.requests = self.facts.requests.saturating_add(1);
        if self.facts.exchanges.len() >= MAX_EXCHANGES {
            self.facts.exchanges.pop();
        }
        self.facts.exchanges.push(Exchange {
            asked,
            sent: mark,
            method: request.method,
            host: request.host,
            path: request.path,
            end: 0,
            whole: false,
            response: None,
        });
    }

    fn response(&mut self, head: &[u8], begun: Mark, mark: Mark) {
        let Some(response) = ResponseHead::parse(head) else {
            return self.give_up(Side::Server);
        };
        match response.status {
            101 => {
                self.answer(&response, begun, mark);
                self.expect = [Expect::Nothing; 2];
                return;
            }
            100..=199 => return, // the final one follows
            _ => {}
        }
        let bodiless =
            matches!(response.status, 204 | 304) || self.last().is_some_and(|e| e.method == "HEAD");
        let length = if bodiless { Some(0) } else { response.length };
        let response = ResponseHead { length, ..response };
        self.expect[1] = length.map_or(Expect::Open, next);
        self.answer(&response, begun, mark);
    }

    fn answer(&mut self, head: &ResponseHead, begun: Mark, mark: Mark) {
        self.facts.responses = self.facts.responses.saturating_add(1);
        let pipelined = self.facts.requests != self.facts.responses;
        self.facts.lost_track |= pipelined;
        if let Some(last) = self.last().filter(|e| e.response.is_none() && !pipelined) {
            last.response = Some(Response {
                mark: begun,
                last: mark,
                status: head.status,
                location: head.location.clone(),
                server: head.server.clone(),
                via: head.via.clone(),
                length: head.length,
                received: 0,
                body: Vec::new(),
            });
        }
    }

    fn content(&mut self, side: Side, bytes: &mut &[u8], left: Option<u64>, mark: Mark) {
        if side == Side::Server && left.is_none() && self.awaited() && bytes.starts_with(b"HTTP/1.")
        {
            self.expect[1] = Expect::Head;
            return;
        }
        let most = left.map_or(usize::MAX, |l| usize::try_from(l).unwrap_or(usize::MAX));
        let (piece, rest) = bytes.split_at(bytes.len().min(most));
        *bytes = rest;
        self.received(side, piece, piece.len() as u64, mark);
        if let Some(left) = left {
            self.expect[side.index()] = next(left - piece.len() as u64);
        }
    }

    /// A request waits for its response.
    fn awaited(&mut self) -> bool {
        self.last().is_some_and(|e| e.response.is_none())
    }

    fn received(&mut self, side: Side, piece: &[u8], length: u64, mark: Mark) {
        if side == Side::Client {
            return;
        }
        let Some(response) = self.last().and_then(|e| e.response.as_mut()) else {
            return;
        };
        let room = MAX_BODY.saturating_sub(response.body.len());
        response
            .body
            .extend_from_slice(&piece[..piece.len().min(room)]);
        response.received = response.received.saturating_add(length);
        response.last = mark;
    }
}

const fn next(left: u64) -> Expect {
    match left {
        0 => Expect::Head,
        left => Expect::Body(left),
    }
}

#[cfg(test)]
mod tests;
