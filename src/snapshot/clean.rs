//! Text from the network is hostile: it may hold terminal sequences, bidirectional overrides, line breaks.
//!
//! Everything that did not come from this program goes through [`clean`] on its way into a snapshot. Each
//! output escapes what its own format needs (HTML, Markdown) on top of that.

/// Longest text kept, in characters.
pub const MAX_CHARS: usize = 256;

/// Escapes what could act on a terminal or turn text around, as `\u{…}`, and cuts at [`MAX_CHARS`].
#[must_use]
pub fn clean(text: &str) -> String {
    if text.len() <= MAX_CHARS && text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for (count, c) in text.chars().enumerate() {
        if count >= MAX_CHARS {
            out.push('…');
            break;
        }
        if is_harmful(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Control characters, line and paragraph separators, bidirectional and invisible format characters,
/// private use and non-characters, tags.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_sequences_and_bidi_are_escaped() {
        assert_eq!(clean("\x1b[31mred\x07"), "\\u{1b}[31mred\\u{7}");
        assert_eq!(clean("a\u{202e}moc.b\u{2066}"), "a\\u{202e}moc.b\\u{2066}");
        assert_eq!(
            clean("a\r\nb\u{85}\u{9b}2J"),
            "a\\u{d}\\u{a}b\\u{85}\\u{9b}2J"
        );
        assert_eq!(
            clean("zero\u{200b}width\u{feff}"),
            "zero\\u{200b}width\\u{feff}"
        );
    }

    #[test]
    fn ordinary_and_wide_text_stays() {
        assert_eq!(clean("v16-webapp.tiktok.com"), "v16-webapp.tiktok.com");
        assert_eq!(clean("例え.テスト münchen"), "例え.テスト münchen");
    }

    #[test]
    fn long_text_is_cut() {
        let long = "x".repeat(10_000);
        assert_eq!(clean(&long).chars().count(), MAX_CHARS + 1);
    }
}
