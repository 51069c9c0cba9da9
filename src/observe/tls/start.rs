//! How a side's stream begins: with TLS, with an HTTP CONNECT before it, or with something else.

use super::connection::{Connection, Expect};
use super::record::{Header, may_be_header};
use super::text::lossless;
use crate::fact::tls::NotTls;
use crate::types::{Mark, Side};

/// Longest head of a CONNECT request or of its answer that is read.
const MAX_HEAD: usize = 8 * 1024;

/// Bytes kept of a stream that is no TLS.
const MAX_NOT_TLS: usize = 256;

/// What the first bytes of a stream are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Start {
    /// Too few to tell.
    Unclear,
    /// A record header.
    Tls,
    /// A hello in the SSL 2.0 form of that many bytes.
    Sslv2(usize),
    /// The head of an HTTP message that opens a tunnel.
    Tunnel,
    /// Anything else.
    Other,
}

impl Connection {
    pub(super) fn start(&mut self, side: Side, bytes: &mut &[u8], mark: Mark) {
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
            match of(side, &stream.head, tunnel) {
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
    pub(super) fn tunnel_head(&mut self, side: Side, bytes: &mut &[u8], mark: Mark) {
        let stream = &mut self.streams[side.index()];
        let before = stream.head.len();
        let room = MAX_HEAD.saturating_sub(before);
        stream
            .head
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        // The empty line may have begun in bytes that came before.
        let from = before.saturating_sub(3);
        let end = head_end(&stream.head[from..]).map(|end| from + end);
        let full = stream.head.len() >= MAX_HEAD;
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
                let target = connect_target(&stream.head).unwrap_or_default();
                self.facts.proxy_connect = Some(lossless(target, MAX_NOT_TLS));
            }
            Side::Server => {
                let status = status(&stream.head).unwrap_or_default();
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

    pub(super) fn not_tls(&mut self, side: Side, bytes: &mut &[u8]) {
        if let Some(not_tls) = &mut self.facts.not_tls[side] {
            let room = MAX_NOT_TLS.saturating_sub(not_tls.bytes.len());
            let more = &bytes[..bytes.len().min(room)];
            not_tls.bytes.extend_from_slice(more);
        }
        self.take(side, bytes, usize::MAX);
    }
}

/// Reads the first bytes of `side`. `tunnel`: a CONNECT (client) or its answer (server) may come here.
fn of(side: Side, bytes: &[u8], tunnel: bool) -> Start {
    if may_be_header(bytes) {
        return if bytes.len() < 5 {
            Start::Unclear
        } else {
            Start::Tls
        };
    }
    let head: &[u8] = match side {
        Side::Client => b"CONNECT ",
        Side::Server => b"HTTP/1.",
    };
    if tunnel && bytes.starts_with(head) {
        return Start::Tunnel;
    }
    if tunnel && head.starts_with(bytes) {
        return Start::Unclear;
    }
    match side {
        Side::Client => sslv2_hello(bytes),
        Side::Server => Start::Other,
    }
}

/// The SSL 2.0 form of a ClientHello: 15-bit length with the top bit set, type 1, version (RFC 5246 appendix E.2).
fn sslv2_hello(bytes: &[u8]) -> Start {
    match *bytes {
        [length, ..] if length & 0x80 == 0 => Start::Other,
        [_, _, kind, ..] if kind != 1 => Start::Other,
        [high, low, _, 3, 0..=3, ..] | [high, low, _, 0, 2, ..] => {
            Start::Sslv2(2 + (usize::from(high & 0x7f) << 8 | usize::from(low)))
        }
        [_, _, _, _, _, ..] => Start::Other,
        _ => Start::Unclear,
    }
}

/// End of an HTTP head within `bytes`: the offset behind the empty line.
fn head_end(bytes: &[u8]) -> Option<usize> {
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(at + 4)
}

/// The target of `CONNECT host:port HTTP/1.1` (RFC 9110 section 9.3.6).
fn connect_target(head: &[u8]) -> Option<&[u8]> {
    let rest = head.strip_prefix(b"CONNECT ")?;
    let end = rest.iter().position(|byte| matches!(byte, b' ' | b'\r'))?;
    rest.get(..end).filter(|target| !target.is_empty())
}

/// The status code of `HTTP/1.1 200 ...`.
fn status(head: &[u8]) -> Option<u16> {
    let digits = head.get(9..12)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_is_unclear_until_it_is_not() {
        for (whole, side, verdict) in [
            (&b"\x16\x03\x01\x02\x00"[..], Side::Client, Start::Tls),
            (b"CONNECT ", Side::Client, Start::Tunnel),
            (b"HTTP/1.", Side::Server, Start::Tunnel),
            (b"\x80\x2e\x01\x03\x01", Side::Client, Start::Sslv2(48)),
        ] {
            for cut in 0..whole.len() {
                assert_eq!(
                    of(side, &whole[..cut], true),
                    Start::Unclear,
                    "{whole:?} {cut}"
                );
            }
            assert_eq!(of(side, whole, true), verdict);
        }
    }

    #[test]
    fn what_is_no_tls() {
        assert_eq!(of(Side::Client, b"G", true), Start::Other);
        assert_eq!(of(Side::Client, b"CONNECTED", true), Start::Other);
        assert_eq!(of(Side::Server, b"H", false), Start::Other);
        assert_eq!(
            of(Side::Server, b"\x80\x2e\x01\x03\x01", true),
            Start::Other
        );
        assert_eq!(of(Side::Client, b"\x16\x01\x01", true), Start::Other);
    }

    #[test]
    fn heads() {
        let head = b"CONNECT a.example:443 HTTP/1.1\r\nHost: a\r\n\r\nrest";
        assert_eq!(head_end(head), Some(head.len() - 4));
        assert_eq!(connect_target(head), Some(&b"a.example:443"[..]));
        assert_eq!(status(b"HTTP/1.1 407 Proxy"), Some(407));
        assert_eq!(status(b"HTTP/1.1 "), None);
    }
}
