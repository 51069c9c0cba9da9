//! Patterns for the first label of a host name.

use std::fmt;

/// A pattern for one label: `*` stands for any characters, `#` for one or more digits, anything else for itself in any
/// case. The whole label must match. At most 63 characters, as a label.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct LabelPattern(Box<str>);

/// Why a text is no label pattern.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "`{0}` is no label pattern: 1 to 63 letters, digits, `-`, `_`, `*` (anything) and `#` (digits), no dot"
)]
pub struct LabelError(String);

impl LabelPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`LabelError`] if it is empty, longer than a label, or has a character that no label has.
    pub fn new(text: &str) -> Result<Self, LabelError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_*#".contains(&b);
        if (1..=63).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_ascii_lowercase().into()))
        } else {
            Err(LabelError(text.chars().take(80).collect()))
        }
    }

    /// True if all of `label` (lower-case) fits.
    #[must_use]
    pub fn matches(&self, label: &str) -> bool {
        fits(self.0.as_bytes(), label.as_bytes())
    }

    /// The pattern as written, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Keeps the set of pattern positions that can be reached by the bytes so far, one bit each: the work is the length of
/// the pattern times that of the label, whatever they hold.
fn fits(pattern: &[u8], label: &[u8]) -> bool {
    let mut reached = skip_stars(pattern, 1);
    for &byte in label {
        let mut next = 0_u64;
        for (at, &p) in pattern.iter().enumerate() {
            if reached >> at & 1 == 0 {
                continue;
            }
            next |= match p {
                b'*' => 1 << at,
                b'#' if byte.is_ascii_digit() => 0b11 << at,
                p if p == byte => 0b10 << at,
                _ => 0,
            };
        }
        reached = skip_stars(pattern, next);
        if reached == 0 {
            return false;
        }
    }
    reached >> pattern.len() & 1 == 1
}

/// A star may also stand for nothing.
fn skip_stars(pattern: &[u8], mut reached: u64) -> u64 {
    for (at, &p) in pattern.iter().enumerate() {
        if p == b'*' && reached >> at & 1 == 1 {
            reached |= 0b10 << at;
        }
    }
    reached
}

impl fmt::Display for LabelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, label: &str) -> bool {
        LabelPattern::new(pattern).unwrap().matches(label)
    }

    #[test]
    fn test_matches() {
        for (pattern, label) in [
            ("www", "www"),
            ("WWW", "www"),
            ("v#", "v16"),
            ("v#-*", "v19-webapp"),
            ("v#-*", "v1-"),
            ("log*", "log"),
            ("*login*", "sf16-website-login"),
            ("*-*", "a-b"),
            ("#", "007"),
            ("#1", "11"),
            ("a#b", "a12b"),
            ("**", ""),
        ] {
            assert!(matches(pattern, label), "{pattern} {label}");
        }
        for (pattern, label) in [
            ("www", "www2"),
            ("www2", "www"),
            ("v#", "v"),
            ("v#", "vm"),
            ("v#", "v16m"),
            ("v#-*", "v-x"),
            ("log*", "xlog"),
            ("*login*", "logn"),
            ("#1", "1"),
            ("a", ""),
        ] {
            assert!(!matches(pattern, label), "{pattern} {label}");
        }
    }

    #[test]
    fn test_new_refuses() {
        for text in ["", "a.b", "a b", "é", &"a".repeat(64)] {
            assert!(LabelPattern::new(text).is_err(), "{text}");
        }
        assert!(LabelPattern::new(&"*".repeat(63)).is_ok());
    }

    /// The longest pattern and hostile labels: no overflow of the position set, and no blow-up.
    #[test]
    fn test_worst_case() {
        let stars = "*a".repeat(31);
        assert!(matches(&stars, &"a".repeat(253)));
        assert!(!matches(&stars, &"b".repeat(253)));
        assert!(matches(&"#".repeat(63), &"1".repeat(63)));
        assert!(!matches(&"#".repeat(63), &"1".repeat(62)));
        assert!(matches("*", "日本語"));
    }
}
