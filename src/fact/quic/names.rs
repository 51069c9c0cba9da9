//! Names of QUIC versions and error codes.

use std::borrow::Cow;

/// True for the versions that exist to force negotiation: `0x?a?a?a?a` (RFC 9000 section 15).
#[must_use]
pub const fn is_grease_version(version: u32) -> bool {
    version & 0x0f0f_0f0f == 0x0a0a_0a0a
}

/// Name of a version number as one would say it: `v1`, `v2`, `draft-29`, `Q046`, `mvfst 0xfaceb002`, or the number.
#[must_use]
pub fn version_name(version: u32) -> Cow<'static, str> {
    let [a, b, c, d] = version.to_be_bytes();
    match version {
        0 => "version negotiation".into(),
        1 => "v1".into(),
        0x6b33_43cf => "v2".into(),
        0x709a_50c4 | 0xff02_0000 => "v2 draft".into(),
        0xff00_0001..=0xff00_0022 => format!("draft-{d:02}").into(),
        0xface_b000..=0xface_b0ff => format!("mvfst {version:#010x}").into(),
        0xabcd_0000..=0xabcd_ffff => format!("MsQuic {version:#010x}").into(),
        _ if is_grease_version(version) => format!("GREASE {version:#010x}").into(),
        _ if matches!(a, b'Q' | b'T') && [b, c, d].iter().all(u8::is_ascii_digit) => [a, b, c, d]
            .map(char::from)
            .iter()
            .collect::<String>()
            .into(),
        _ => format!("{version:#010x}").into(),
    }
}

/// Name of a transport error code in the words of RFC 9000 section 20.1 and RFC 9368 section 10.2.
/// CRYPTO_ERROR comes with the number of its TLS alert (RFC 9001 section 4.8): `CRYPTO_ERROR (alert 40)`.
#[must_use]
pub fn error_name(code: u64) -> Cow<'static, str> {
    const NAMES: [&str; 18] = [
        "NO_ERROR",
        "INTERNAL_ERROR",
        "CONNECTION_REFUSED",
        "FLOW_CONTROL_ERROR",
        "STREAM_LIMIT_ERROR",
        "STREAM_STATE_ERROR",
        "FINAL_SIZE_ERROR",
        "FRAME_ENCODING_ERROR",
        "TRANSPORT_PARAMETER_ERROR",
        "CONNECTION_ID_LIMIT_ERROR",
        "PROTOCOL_VIOLATION",
        "INVALID_TOKEN",
        "APPLICATION_ERROR",
        "CRYPTO_BUFFER_EXCEEDED",
        "KEY_UPDATE_ERROR",
        "AEAD_LIMIT_REACHED",
        "NO_VIABLE_PATH",
        "VERSION_NEGOTIATION_ERROR",
    ];
    match code {
        0x100..=0x1ff => format!("CRYPTO_ERROR (alert {})", code & 0xff).into(),
        _ => nth_name(&NAMES, code),
    }
}

/// Name of an HTTP/3 error code (RFC 9114 section 8.1).
pub(super) fn http3_error_name(code: u64) -> Cow<'static, str> {
    const NAMES: [&str; 17] = [
        "H3_NO_ERROR",
        "H3_GENERAL_PROTOCOL_ERROR",
        "H3_INTERNAL_ERROR",
        "H3_STREAM_CREATION_ERROR",
        "H3_CLOSED_CRITICAL_STREAM",
        "H3_FRAME_UNEXPECTED",
        "H3_FRAME_ERROR",
        "H3_EXCESSIVE_LOAD",
        "H3_ID_ERROR",
        "H3_SETTINGS_ERROR",
        "H3_MISSING_SETTINGS",
        "H3_REQUEST_REJECTED",
        "H3_REQUEST_CANCELLED",
        "H3_REQUEST_INCOMPLETE",
        "H3_MESSAGE_ERROR",
        "H3_CONNECT_ERROR",
        "H3_VERSION_FALLBACK",
    ];
    match code.checked_sub(0x100) {
        Some(index) if index < 17 => nth_name(&NAMES, index),
        _ => format!("{code:#x}").into(),
    }
}

fn nth_name(names: &[&'static str], index: u64) -> Cow<'static, str> {
    let name = usize::try_from(index).ok().and_then(|i| names.get(i));
    name.map_or_else(|| format!("{index:#x}").into(), |name| Cow::Borrowed(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(version_name(1), "v1");
        assert_eq!(version_name(0xff00_001d), "draft-29");
        assert_eq!(version_name(0x5130_3436), "Q046");
        assert_eq!(version_name(0xbaba_baba), "GREASE 0xbabababa");
        assert_eq!(version_name(0x1234_5678), "0x12345678");
        assert_eq!(error_name(2), "CONNECTION_REFUSED");
        assert_eq!(error_name(0x11), "VERSION_NEGOTIATION_ERROR");
        assert_eq!(error_name(0x178), "CRYPTO_ERROR (alert 120)");
        assert_eq!(error_name(0x12), "0x12");
        assert_eq!(http3_error_name(0x10c), "H3_REQUEST_CANCELLED");
        assert_eq!(http3_error_name(5), "0x5");
    }
}
