//! Paints a snapshot: text and Markdown for a person, JSON for a program. Likewise a comparison of two. And writes
//! packets as evidence.

pub mod compare_markdown;
pub mod compare_text;
pub mod html;
pub mod json;
pub mod markdown;
pub mod pcapng;
pub mod text;
pub mod ticket;
pub mod why_not_text;

/// A headline as a title and the rest of what it says, which may be nothing.
fn title_and_rest(headline: &str) -> (&str, String) {
    let cut = headline.split_once("; ");
    let (title, rest) = cut
        .or_else(|| headline.split_once(". "))
        .unwrap_or((headline, ""));
    let mut rest = rest.chars();
    let rest = rest.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(rest).collect()
    });
    (title, rest)
}
