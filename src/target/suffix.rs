//! Reads domain suffixes that people write.

use crate::data::suffix::MAX_NAME;

/// Why a text is no domain suffix.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SuffixError {
    /// Nothing, or nothing but dots.
    #[error("a host suffix is empty")]
    Empty,
    /// Longer than a name can be.
    #[error("a host suffix is longer than 253 characters")]
    TooLong,
    /// Characters outside ASCII.
    #[error("`{0}` has characters that DNS does not carry; write it in its xn-- form")]
    NotAscii(String),
    /// A URL, a pattern, a port ...
    #[error("`{0}` is no host suffix; write it like example.com, it covers all names below")]
    Syntax(String),
}

/// The suffix as it is matched: lower-case, without `*.` or a dot in front and a dot at the end. An address is no
/// suffix.
///
/// # Errors
/// [`SuffixError`], which says how to write it.
pub(super) fn clean_suffix(text: &str) -> Result<String, SuffixError> {
    let text = text.trim();
    let bare = text.strip_prefix('*').unwrap_or(text);
    let bare = bare.strip_prefix('.').unwrap_or(bare);
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    let shown = || text.chars().take(80).collect();
    if bare.is_empty() {
        Err(SuffixError::Empty)
    } else if bare.len() > MAX_NAME {
        Err(SuffixError::TooLong)
    } else if !bare.is_ascii() {
        Err(SuffixError::NotAscii(shown()))
    } else if !bare.split('.').all(is_label) || bare.parse::<std::net::Ipv4Addr>().is_ok() {
        Err(SuffixError::Syntax(shown()))
    } else {
        Ok(bare.to_ascii_lowercase())
    }
}

fn is_label(label: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=63).contains(&label.len()) && label.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_clean() {
        for (text, want) in [
            ("example.com", "example.com"),
            (" Example.COM. ", "example.com"),
            ("*.example.com", "example.com"),
            (".example.com", "example.com"),
            ("localhost", "localhost"),
            (
                "_dmarc.xn--bcher-kva.example",
                "_dmarc.xn--bcher-kva.example",
            ),
        ] {
            assert_eq!(clean_suffix(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn test_refuses() {
        for text in ["", " ", ".", "*", "*."] {
            assert_eq!(clean_suffix(text), Err(SuffixError::Empty), "{text}");
        }
        for text in [
            "https://example.com",
            "example.com/x",
            "example.com:443",
            "a..b",
            "ex*mple.com",
            "192.0.2.1",
            "2001:db8::1",
            "**.example.com",
            "a b.com",
        ] {
            let error = clean_suffix(text);
            assert_eq!(error, Err(SuffixError::Syntax(text.to_owned())), "{text}");
        }
        assert!(matches!(
            clean_suffix("bücher.example"),
            Err(SuffixError::NotAscii(_))
        ));
        assert_eq!(clean_suffix(&"a.".repeat(200)), Err(SuffixError::TooLong));
        assert!(clean_suffix(&format!("{}.com", "a".repeat(64))).is_err());
    }
}
