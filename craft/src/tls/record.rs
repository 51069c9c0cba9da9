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
