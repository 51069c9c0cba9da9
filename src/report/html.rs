//! The report as one HTML page, to be opened from a disk, an e-mail or a ticket.
//!
//! It asks nothing of the network and runs nothing: styles stand in the page, pictures are SVG, there is no script, and
//! its content security policy allows the one style sheet by its hash and nothing else. Whatever came from the network
//! or the user goes through [`esc`]. It is laid out for a phone first, has light and dark colours, and what folds is
//! open on paper. State is never told by colour alone.

mod charts;
mod ladder;
mod parts;
mod tables;

use super::ticket::Page;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;
use std::io::{self, Write};

const STYLE: &str = include_str!("html/style.css");

/// Escapes text for HTML and SVG, between tags and in quoted attributes.
#[must_use]
pub fn esc(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// What the page may load and run: its own style sheet.
fn policy() -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, STYLE.as_bytes());
    format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        STANDARD.encode(hash.as_ref())
    )
}

/// Writes the page.
///
/// # Errors
/// Whatever `out` answers.
pub fn write(page: &Page<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut text = String::new();
    let v = &page.report.verdict;
    let title = format!("{}: {}", v.outcome.as_str(), v.headline);
    let short: String = title.chars().take(120).collect();
    let _ = write!(
        text,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n",
        policy(),
        esc(&short),
    );
    parts::all(page, &mut text);
    text.push_str("</main>\n</body>\n</html>\n");
    out.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_becomes_markup() {
        assert_eq!(
            esc("<script>\"'&\x1b"),
            "&lt;script&gt;&quot;&#39;&amp;\\u{1b}"
        );
    }

    #[test]
    fn the_style_sheet_loads_nothing_and_cannot_end_its_element() {
        for bad in ["url(", "@import", "http", "</", "expression"] {
            assert!(!STYLE.contains(bad), "{bad}");
        }
    }
}
