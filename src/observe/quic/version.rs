//! What differs from version to version: Initial salt, key labels, packet type bits.

use crate::fact::quic::is_grease_version;

/// The constants of a version's Initial keys (RFC 9001 section 5.2, RFC 9369 section 3.3).
#[derive(Debug)]
pub struct Suite {
    /// Salt of HKDF-Extract.
    pub salt: [u8; 20],
    /// HKDF-Expand-Label labels of key, IV and header protection key.
    pub labels: [&'static [u8]; 3],
}

/// How far a version's long header can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// As in RFC 9000. Also assumed for versions that are not known: GREASE and experiments keep to it in all
    /// captures that were tried.
    V1,
    /// Fields as in RFC 9000, other type bits (RFC 9369 section 3.2).
    V2,
    /// Old layouts, of which only the version field is read: drafts before 22, gQUIC (Q050 and T05x have the
    /// fields of RFC 9000, but their frames are gQUIC's, so there is nothing to gain).
    Opaque,
}

/// QUIC version 2.
pub const V2: u32 = 0x6b33_43cf;

const LABELS: [&[u8]; 3] = [b"quic key", b"quic iv", b"quic hp"];

/// In the order v1, drafts 29 to 32, 23 to 28, 22, v2.
static SUITES: [Suite; 5] = [
    Suite {
        salt: *b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a",
        labels: LABELS,
    },
    Suite {
        salt: *b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99",
        labels: LABELS,
    },
    Suite {
        salt: *b"\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02",
        labels: LABELS,
    },
    Suite {
        salt: *b"\x7f\xbc\xdb\x0e\x7c\x66\xbb\xe9\x19\x3a\x96\xcd\x21\x51\x9e\xbd\x7a\x02\x64\x4a",
        labels: LABELS,
    },
    Suite {
        salt: *b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9",
        labels: [b"quicv2 key", b"quicv2 iv", b"quicv2 hp"],
    },
];

/// The key constants of a version; empty where they are not known or the packets would not be understood. Several
/// for GREASE, whose Initials no server will read: clients seal them like those of the version they really want.
#[must_use]
pub fn suites(version: u32) -> &'static [Suite] {
    match version {
        1 | 0xff00_0021 | 0xff00_0022 => &SUITES[..1],
        V2 => &SUITES[4..],
        0xff00_001d..=0xff00_0020 => &SUITES[1..2],
        0xff00_0017..=0xff00_001c | 0xface_b002 => &SUITES[2..3],
        0xff00_0016 | 0xface_b001 => &SUITES[3..4],
        _ if is_grease_version(version) => &SUITES[..3],
        _ => &[],
    }
}

/// The header layout of a version.
#[must_use]
pub fn layout(version: u32) -> Layout {
    match version {
        V2 => Layout::V2,
        0xff00_0001..=0xff00_0015 => Layout::Opaque,
        _ if is_google(version) => Layout::Opaque,
        _ => Layout::V1,
    }
}

/// True for Google's own versions: `Q0nn` and `T0nn` in ASCII.
#[must_use]
pub fn is_google(version: u32) -> bool {
    let [kind, zero, tens, ones] = version.to_be_bytes();
    matches!(kind, b'Q' | b'T') && zero == b'0' && tens.is_ascii_digit() && ones.is_ascii_digit()
}

/// True for versions that some deployed software speaks or spoke, and for GREASE.
#[must_use]
pub fn is_known(version: u32) -> bool {
    !suites(version).is_empty()
        || is_google(version)
        || matches!(version, 0xff00_0001..=0xff00_0022 | 0xface_b000..=0xface_b0ff)
        || matches!(
            version,
            0xabcd_0000..=0xabcd_ffff | 0x709a_50c4 | 0xff02_0000
        )
}

/// The version in a packet with gQUIC's public header (Q043 and older), which clients send until it is agreed:
/// flags for "version" and "8-byte connection id", the id, the version.
#[must_use]
pub fn gquic(packet: &[u8]) -> Option<u32> {
    let version = u32::from_be_bytes(*packet.get(9..)?.first_chunk()?);
    (packet[0] & 0xc9 == 0x09 && is_google(version)).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_header() {
        let packet = b"\x0dconn-id8Q043\x01";
        assert_eq!(gquic(packet), Some(0x5130_3433));
        assert_eq!(gquic(&packet[..12]), None);
        assert_eq!(gquic(b"\x0dconn-id8Qx43\x01"), None);
    }

    #[test]
    fn layouts() {
        assert_eq!(layout(1), Layout::V1);
        assert_eq!(layout(V2), Layout::V2);
        assert_eq!(layout(0xff00_0012), Layout::Opaque);
        assert_eq!(layout(0x5130_3436), Layout::Opaque);
        assert!(is_known(0x1a2a_3a4a) && is_known(0xff00_001d) && !is_known(0x0100_0000));
    }
}
