//! HTTP/1 messages: heads and the beginning of contents.

use super::super::http::{self, Asked};
use super::{Expect, MAX_BODY, Scan, after};
use crate::data::{self, Part};
use crate::observe::http::head::{RequestHead, ResponseHead, begins_request};
use crate::types::Side;

impl Scan<'_> {
    /// The client goes on behind a content without a known end.
    pub(super) fn next_request(&mut self, side: Side, bytes: &[u8]) {
        let answered = self.streams.requests == self.streams.responses;
        let half = self.half(side);
        let open = matches!(half.expect, Expect::Body(None));
        if side == Side::Client && open && answered && begins_request(bytes) {
            half.expect = Expect::Head;
        }
    }

    pub(super) fn head(&mut self, side: Side, bytes: &mut &[u8]) {
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

    pub(super) fn request(&mut self, head: &[u8]) {
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

    pub(super) fn response(&mut self, head: &[u8]) {
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

    pub(super) fn body(&mut self, side: Side, left: Option<u64>, bytes: &mut &[u8]) {
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
    pub(super) fn end_body(&mut self, side: Side) {
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
