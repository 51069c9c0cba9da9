//! JA4, the fingerprint of a TLS client (FoxIO, technical_details/JA4.md).
//!
//! Only JA4 itself is here: it is BSD-licensed. Its relatives (JA4S, JA4X, ...) are not free to use.

use ring::digest;
use std::fmt::{self, Write};

/// Entries kept of each list; a hello with more has a fingerprint of its own, though not JA4's.
pub const MAX_ENTRIES: usize = 512;

/// What the fingerprint is made of, GREASE (RFC 8701) left out everywhere. The text is made only when it is
/// wanted ([`Display`](fmt::Display)): most hellos of a capture are nobody's business.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ja4 {
    /// The hello came in QUIC CRYPTO frames.
    pub quic: bool,
    /// Cipher suites in any order.
    pub ciphers: Vec<u16>,
    /// Extension types in any order, SNI and ALPN among them.
    pub extensions: Vec<u16>,
    /// signature_algorithms in the order sent.
    pub signatures: Vec<u16>,
    /// First ALPN protocol id, its first and last character (see [`alpn_mark`]).
    pub alpn: Option<[char; 2]>,
    /// Highest of supported_versions, legacy_version where that extension is absent.
    pub version: u16,
}

const SNI: u16 = 0x0000;
const ALPN: u16 = 0x0010;

/// The fingerprint, 36 characters.
impl fmt::Display for Ja4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = if self.quic { 'q' } else { 't' };
        let named = if self.extensions.contains(&SNI) {
            'd'
        } else {
            'i'
        };
        let [first, last] = self.alpn.unwrap_or(['0', '0']);
        let sorted = |list: &[u16]| {
            let mut list: Vec<u16> = list.to_vec();
            list.sort_unstable();
            list
        };
        let mut extensions = sorted(&self.extensions);
        extensions.retain(|kind| !matches!(*kind, SNI | ALPN));
        write!(
            f,
            "{letter}{}{named}{:02}{:02}{first}{last}_{}_{}",
            version(self.version),
            self.ciphers.len().min(99),
            self.extensions.len().min(99),
            short_hash(&sorted(&self.ciphers), &[]),
            short_hash(&extensions, &self.signatures),
        )
    }
}

const fn version(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    }
}

/// First and last character of an ALPN id; of its hex form where either is not alphanumeric.
#[must_use]
pub fn alpn_mark(id: &[u8]) -> [char; 2] {
    let (Some(&first), Some(&last)) = (id.first(), id.last()) else {
        return ['0', '0'];
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [first as char, last as char];
    }
    [hex_digit(first >> 4), hex_digit(last & 15)]
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0')
}

/// First 12 hex digits of SHA-256 over the lists; zeros where the first is empty.
fn short_hash(sorted: &[u16], in_order: &[u16]) -> String {
    if sorted.is_empty() {
        return "0".repeat(12);
    }
    let mut text = String::with_capacity(5 * (sorted.len() + in_order.len()));
    push_list(&mut text, sorted);
    if !in_order.is_empty() {
        text.push('_');
        push_list(&mut text, in_order);
    }
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let mut short = String::with_capacity(12);
    for byte in hash.as_ref().iter().take(6) {
        let _ = write!(short, "{byte:02x}");
    }
    short
}

fn push_list(text: &mut String, list: &[u16]) {
    for (i, value) in list.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        text.push_str(comma);
        let digits = value
            .to_be_bytes()
            .map(|byte| [hex_digit(byte >> 4), hex_digit(byte & 15)]);
        text.extend(digits.as_flattened());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the specification.
    #[test]
    fn example_of_the_specification() {
        let parts = Ja4 {
            quic: false,
            ciphers: vec![
                0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
                0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
            ],
            extensions: vec![
                0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023,
                0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015,
            ],
            signatures: vec![
                0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601,
            ],
            alpn: Some(alpn_mark(b"h2")),
            version: 0x0304,
        };
        assert_eq!(parts.to_string(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn alpn_of_odd_bytes() {
        assert_eq!(alpn_mark(b""), ['0', '0']);
        assert_eq!(alpn_mark(b"h"), ['h', 'h']);
        assert_eq!(alpn_mark(b"http/1.1"), ['h', '1']);
        assert_eq!(alpn_mark(&[0xab]), ['a', 'b']);
        assert_eq!(alpn_mark(&[0xab, 0xcd]), ['a', 'd']);
        assert_eq!(alpn_mark(&[0x30, 0xab]), ['3', 'b']);
        assert_eq!(alpn_mark(&[0x30, 0xab, 0xcd, 0x31]), ['0', '1']);
    }

    #[test]
    fn empty_lists_are_zeros() {
        let parts = Ja4 {
            quic: true,
            version: 0x0303,
            ..Ja4::default()
        };
        assert_eq!(parts.to_string(), "q12i000000_000000000000_000000000000");
    }
}
