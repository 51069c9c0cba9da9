//! Bytes from the network as text that can be kept: still untrusted, but valid UTF-8 and of bounded length.

use std::fmt::Write;

/// `bytes` as text: valid UTF-8 as it is, every other byte as `\xNN`. Reads at most `cap` bytes.
pub(super) fn lossless(bytes: &[u8], cap: usize) -> String {
    let bytes = &bytes[..bytes.len().min(cap)];
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::lossless;

    #[test]
    fn keeps_text_and_escapes_the_rest() {
        assert_eq!(lossless(b"h2", 255), "h2");
        assert_eq!(lossless(b"a\xff\xc3\xa4\x80", 255), "a\\xff\u{e4}\\x80");
        assert_eq!(lossless(b"abcdef", 3), "abc");
    }
}
