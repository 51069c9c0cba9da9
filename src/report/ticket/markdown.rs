//! A ticket as Markdown: CommonMark with GitHub's tables, as GitHub, GitLab and Jira read it.
//!
//! The ticket is a row of sections. Their order, and with it what is given up first where a tracker takes only so many
//! characters, follows from who is to read it. A section is whole or shorter or gone, never cut within.

mod sections;

use super::{Audience, Page};
use std::io::{self, Write};

/// Fewest characters that a ticket can be asked to fit in.
pub const MIN_CHARS: usize = 1_000;

/// A part of the ticket, in several lengths.
pub(super) struct Section {
    /// As it is called where it was left out.
    pub(super) name: &'static str,
    /// The text, the longest first; each ends with an empty line. An empty one says that the section can go.
    pub(super) variants: Vec<String>,
    /// The variant at hand.
    at: usize,
}

impl Section {
    pub(super) fn new(name: &'static str, variants: Vec<String>) -> Self {
        Self {
            name,
            variants,
            at: 0,
        }
    }

    fn text(&self) -> &str {
        self.variants.get(self.at).map_or("", String::as_str)
    }

    /// Takes the next shorter variant; false where there is none.
    fn shorten(&mut self) -> bool {
        let more = self.at + 1 < self.variants.len();
        self.at += usize::from(more);
        more
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Head,
    Questions,
    Surroundings,
    Tried,
    Attempts,
    Details,
    Reasons,
    Steps,
    Servers,
    Resolvers,
    Captures,
    Files,
    Redaction,
    Frames,
}

/// What comes first for whom; what comes last is given up first.
const fn order(audience: Option<Audience>) -> [Part; 14] {
    use Part::{
        Attempts, Captures, Details, Files, Frames, Head, Questions, Reasons, Redaction, Resolvers,
        Servers, Steps, Surroundings, Tried,
    };
    match audience {
        None | Some(Audience::Developer) => [
            Head,
            Questions,
            Surroundings,
            Tried,
            Attempts,
            Details,
            Reasons,
            Files,
            Captures,
            Redaction,
            Steps,
            Servers,
            Resolvers,
            Frames,
        ],
        Some(Audience::Isp) => [
            Head,
            Questions,
            Surroundings,
            Tried,
            Servers,
            Resolvers,
            Attempts,
            Reasons,
            Details,
            Files,
            Captures,
            Redaction,
            Steps,
            Frames,
        ],
        Some(Audience::Vpn) => [
            Head,
            Questions,
            Surroundings,
            Tried,
            Resolvers,
            Servers,
            Reasons,
            Attempts,
            Details,
            Files,
            Captures,
            Redaction,
            Steps,
            Frames,
        ],
        Some(Audience::Service) => [
            Head,
            Questions,
            Servers,
            Attempts,
            Details,
            Surroundings,
            Tried,
            Reasons,
            Files,
            Captures,
            Redaction,
            Resolvers,
            Steps,
            Frames,
        ],
    }
}

/// Writes the ticket, in at most `max_chars` characters where that is given (not less than [`MIN_CHARS`]).
///
/// # Errors
/// Whatever `out` answers.
pub fn write(page: &Page<'_>, max_chars: Option<usize>, out: &mut impl Write) -> io::Result<()> {
    let audience = page.ticket.and_then(|t| t.audience);
    let parts = order(audience).into_iter();
    let mut sections: Vec<Section> = parts.map(|part| sections::make(part, page)).collect();
    let note = match max_chars {
        Some(max) => fit(&mut sections, max.max(MIN_CHARS)),
        None => String::new(),
    };
    for section in &sections {
        out.write_all(section.text().as_bytes())?;
    }
    out.write_all(note.as_bytes())
}

/// Shortens from the end until all fits; what was given up, in words.
fn fit(sections: &mut [Section], max: usize) -> String {
    let mut note = String::new();
    loop {
        let length: usize = sections.iter().map(|s| s.text().chars().count()).sum();
        if length + note.chars().count() <= max {
            return note;
        }
        let Some(section) = sections
            .iter_mut()
            .rev()
            .find_map(|s| s.shorten().then_some(s))
        else {
            return note;
        };
        let _ = section;
        note = said(sections, max);
    }
}

fn said(sections: &[Section], max: usize) -> String {
    let list = |gone: bool| -> Vec<&str> {
        let changed = sections.iter().filter(|s| s.at > 0);
        let named = changed.filter(|s| s.text().is_empty() == gone);
        named.map(|s| s.name).collect()
    };
    let (short, gone) = (list(false), list(true));
    let mut text = format!("*To fit in {max} characters:");
    if !short.is_empty() {
        text += &format!(" shortened {}.", short.join(", "));
    }
    if !gone.is_empty() {
        text += &format!(" Left out {}.", gone.join(", "));
    }
    text + " All of it is in report.html.*\n"
}

/// A fenced block that nothing in `text` can end.
pub(super) fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n\n", text.trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_longer_than_what_is_inside() {
        assert_eq!(fence("a"), "```text\na\n```\n\n");
        assert!(fence("````").starts_with("`````text\n"));
    }

    #[test]
    fn the_end_is_given_up_first_and_said() {
        let section = |name, size: usize| {
            let long = "x".repeat(size);
            Section::new(
                name,
                vec![long.clone(), long[..size / 2].to_owned(), String::new()],
            )
        };
        let mut sections = [
            section("head", 900),
            section("table", 900),
            section("frames", 900),
        ];
        sections[0].variants.truncate(1);
        let note = fit(&mut sections, 2000);
        assert!(note.contains("Left out frames."), "{note}");
        assert_eq!((sections[0].at, sections[1].at, sections[2].at), (0, 0, 2));
        let mut sections = [
            section("head", 900),
            section("table", 900),
            section("frames", 900),
        ];
        sections[0].variants.truncate(1);
        let note = fit(&mut sections, 1500);
        assert!(note.contains("shortened table. Left out frames."), "{note}");
        let length: usize = sections.iter().map(|s| s.text().len()).sum();
        assert!(length + note.len() <= 1500);
    }
}
