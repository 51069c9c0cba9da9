//! Names of the numbers in TLS messages, as the RFCs and the IANA registries write them.

/// AlertDescription in words (RFC 8446 section 6, RFC 5246 section 7.2, RFC 6066, 7301, 7507, 9849);
/// `unknown` for a number that has none.
#[must_use]
pub const fn alert_name(description: u8) -> &'static str {
    match description {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        52 => "too_many_cids_requested",
        60 => "export_restriction",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        111 => "certificate_unobtainable",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        114 => "bad_certificate_hash_value",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        117 => "general_error",
        120 => "no_application_protocol",
        121 => "ech_required",
        _ => "unknown",
    }
}

/// True for TLS 1.3 and its drafts (0x7fXX, and 0xfbXX of one vendor).
#[must_use]
pub const fn is_tls13(version: u16) -> bool {
    matches!(version, 0x0304 | 0x7f00..=0x7fff | 0xfb00..=0xfbff)
}

/// A protocol version in words; drafts of TLS 1.3 are called `TLS 1.3`. `None` for a number that has none.
#[must_use]
pub const fn version_name(version: u16) -> Option<&'static str> {
    match version {
        0x0002 => Some("SSL 2.0"),
        0x0300 => Some("SSL 3.0"),
        0x0301 => Some("TLS 1.0"),
        0x0302 => Some("TLS 1.1"),
        0x0303 => Some("TLS 1.2"),
        v if is_tls13(v) => Some("TLS 1.3"),
        _ => None,
    }
}

/// A named group (IANA "TLS Supported Groups"); `None` for the rare and the unknown.
#[must_use]
pub const fn group_name(group: u16) -> Option<&'static str> {
    Some(match group {
        23 => "secp256r1",
        24 => "secp384r1",
        25 => "secp521r1",
        29 => "x25519",
        30 => "x448",
        256 => "ffdhe2048",
        257 => "ffdhe3072",
        258 => "ffdhe4096",
        512 => "MLKEM512",
        513 => "MLKEM768",
        514 => "MLKEM1024",
        0x11eb => "SecP256r1MLKEM768",
        0x11ec => "X25519MLKEM768",
        0x11ed => "SecP384r1MLKEM1024",
        0x6399 => "X25519Kyber768Draft00",
        0x639a => "SecP256r1Kyber768Draft00",
        _ => return None,
    })
}

/// True for groups with a post-quantum part, whose key shares take more than a kilobyte.
#[must_use]
pub const fn is_post_quantum(group: u16) -> bool {
    matches!(group, 0x0200..=0x0202 | 0x11eb..=0x11ed | 0x6399..=0x639a)
}

/// IANA name of a cipher suite; `None` where tls-parser's table has none.
#[must_use]
pub fn cipher_name(cipher: u16) -> Option<&'static str> {
    tls_parser::TlsCipherSuite::from_id(cipher).map(|suite| suite.name)
}

/// Lengths of the TLS 1.3 records that carry one short message (RFC 8446 section 5.2: content, type byte, tag).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordLengths {
    /// An alert.
    pub alert: u16,
    /// EndOfEarlyData.
    pub end_of_early_data: u16,
    /// A Finished.
    pub finished: u16,
}

/// Record lengths under a TLS 1.3 cipher suite; `None` for a suite that is none of TLS 1.3.
#[must_use]
pub const fn record_lengths(cipher: u16) -> Option<RecordLengths> {
    let (hash, tag) = match cipher {
        0x1302 => (48, 16),
        0x1301 | 0x1303 | 0x1304 | 0x00c6 | 0x00c7 => (32, 16),
        0x1305 => (32, 8),
        _ => return None,
    };
    Some(RecordLengths {
        alert: 2 + 1 + tag,
        end_of_early_data: 4 + 1 + tag,
        finished: 4 + hash + 1 + tag,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_registries() {
        assert_eq!(alert_name(48), "unknown_ca");
        assert_eq!(alert_name(120), "no_application_protocol");
        assert_eq!(alert_name(77), "unknown");
        assert_eq!(version_name(0x7f1c), Some("TLS 1.3"));
        assert_eq!(version_name(0x0305), None);
        assert_eq!(group_name(4588), Some("X25519MLKEM768"));
        assert_eq!(cipher_name(0x1301), Some("TLS_AES_128_GCM_SHA256"));
    }

    #[test]
    fn record_lengths_of_the_suites() {
        let lengths =
            |cipher| record_lengths(cipher).map(|l| (l.alert, l.end_of_early_data, l.finished));
        assert_eq!(lengths(0x1301), Some((19, 21, 53)));
        assert_eq!(lengths(0x1302), Some((19, 21, 69)));
        assert_eq!(lengths(0x1305), Some((11, 13, 45)));
        assert_eq!(lengths(0xc02f), None);
    }
}
