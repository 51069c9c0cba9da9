//! TLS records made by hand, for what no real stack sends on request.

use crate::net::Net;

/// Content types.
pub mod content {
    /// Change cipher spec.
    pub const CCS: u8 = 20;
    /// Alert.
    pub const ALERT: u8 = 21;
    /// Handshake.
    pub const HANDSHAKE: u8 = 22;
    /// Application data, and everything encrypted in TLS 1.3.
    pub const DATA: u8 = 23;
}

/// Alert descriptions (RFC 8446 section 6).
pub mod alert_code {
    /// close_notify.
    pub const CLOSE_NOTIFY: u8 = 0;
    /// handshake_failure.
    pub const HANDSHAKE_FAILURE: u8 = 40;
    /// bad_certificate.
    pub const BAD_CERTIFICATE: u8 = 42;
    /// certificate_expired.
    pub const CERTIFICATE_EXPIRED: u8 = 45;
    /// certificate_unknown.
    pub const CERTIFICATE_UNKNOWN: u8 = 46;
    /// unknown_ca.
    pub const UNKNOWN_CA: u8 = 48;
    /// access_denied.
    pub const ACCESS_DENIED: u8 = 49;
    /// protocol_version.
    pub const PROTOCOL_VERSION: u8 = 70;
    /// internal_error.
    pub const INTERNAL_ERROR: u8 = 80;
    /// unrecognized_name.
    pub const UNRECOGNIZED_NAME: u8 = 112;
    /// no_application_protocol.
    pub const NO_APPLICATION_PROTOCOL: u8 = 120;
    /// ech_required.
    pub const ECH_REQUIRED: u8 = 121;
}

/// One record: header with version 3.3 and these bytes.
pub fn record(content: u8, body: &[u8]) -> Vec<u8> {
    [
        &[content, 3, 3][..],
        &(body.len() as u16).to_be_bytes(),
        body,
    ]
    .concat()
}

/// A plaintext fatal alert: `15 03 03 00 02 02 code`.
pub fn fatal(code: u8) -> Vec<u8> {
    record(content::ALERT, &[2, code])
}

/// A plaintext warning alert.
pub fn warning(code: u8) -> Vec<u8> {
    record(content::ALERT, &[1, code])
}

/// A record of TLS 1.3 as seen from outside: type 23 and `len` random bytes. An alert has 19, Finished 53 or 69.
pub fn encrypted(net: &Net, len: usize) -> Vec<u8> {
    record(content::DATA, &net.random(len))
}

/// An encrypted alert of TLS 1.3 (length 19).
pub fn encrypted_alert(net: &Net) -> Vec<u8> {
    encrypted(net, 19)
}

/// An encrypted alert of TLS 1.2 with AES-GCM (type 21, length 26).
pub fn encrypted_alert12(net: &Net) -> Vec<u8> {
    record(content::ALERT, &net.random(26))
}

/// Bytes of a hollow record that are what the stack made.
const WHOLE: usize = 256;

/// Zeroes the application data of these records behind its first 256 bytes. Nobody looks into what is encrypted, and
/// a capture of a download packs to next to nothing. The last 16 bytes stay as well (they would be the tag), so a
/// short record is as it was.
pub fn hollow(records: &mut [u8]) {
    let mut rest = records;
    while let Some((&mut [kind, _, _, high, low], body)) = rest.split_first_chunk_mut() {
        let length = usize::from(u16::from_be_bytes([high, low])).min(body.len());
        let (body, more) = body.split_at_mut(length);
        if let (content::DATA, Some(middle)) =
            (kind, body.get_mut(WHOLE..length.saturating_sub(16)))
        {
            middle.fill(0);
        }
        rest = more;
    }
}

/// A change cipher spec record.
pub fn ccs() -> Vec<u8> {
    record(content::CCS, &[1])
}

/// A handshake message split over records of at most these sizes; the last takes the rest.
pub fn split(message: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = message;
    for size in sizes {
        let (now, later) = rest.split_at((*size).min(rest.len()));
        out.extend(record(content::HANDSHAKE, now));
        rest = later;
    }
    if !rest.is_empty() {
        out.extend(record(content::HANDSHAKE, rest));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_application_data_is_hollow() {
        let (long, short) = (
            record(content::DATA, &[7; 1000]),
            record(content::DATA, &[7; 200]),
        );
        let shake = record(content::HANDSHAKE, &[7; 1000]);
        let mut bytes = [&long[..], &short, &shake].concat();
        hollow(&mut bytes);
        assert_eq!(bytes[..5], long[..5]);
        let zeroes = |b: &[u8]| b.iter().filter(|b| **b == 0).count();
        assert_eq!(zeroes(&bytes[5..1005]), 1000 - WHOLE - 16);
        assert_eq!(bytes[1005 - 16..1005], [7; 16]);
        assert_eq!(bytes[1005..], [short, shake].concat());
    }
}
