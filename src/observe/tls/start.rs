//! How a side's stream begins: with TLS, with an HTTP CONNECT before it, or with something else.

use super::record::may_be_header;
use crate::types::Side;

/// Longest head of a CONNECT request or of its answer that is read.
pub(super) const MAX_HEAD: usize = 8 * 1024;

/// What the first bytes of a stream are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Start {
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

/// Reads the first bytes of `side`. `tunnel`: a CONNECT (client) or its answer (server) may come here.
pub(super) fn of(side: Side, bytes: &[u8], tunnel: bool) -> Start {
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
pub(super) fn head_end(bytes: &[u8]) -> Option<usize> {
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(at + 4)
}

/// The target of `CONNECT host:port HTTP/1.1` (RFC 9110 section 9.3.6).
pub(super) fn connect_target(head: &[u8]) -> Option<&[u8]> {
    let rest = head.strip_prefix(b"CONNECT ")?;
    let end = rest.iter().position(|byte| matches!(byte, b' ' | b'\r'))?;
    rest.get(..end).filter(|target| !target.is_empty())
}

/// The status code of `HTTP/1.1 200 ...`.
pub(super) fn status(head: &[u8]) -> Option<u16> {
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
