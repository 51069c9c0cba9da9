//! What a ticket says besides the report: what the user was asked, which files belong to it and how they were made.
//!
//! Plain data, painted by [`markdown`] and by [`html`](super::html). All text in it is clean: the user's own words come
//! in through [`words`], which escapes what text from the network must not hold either.

pub mod ask;
pub mod markdown;

use crate::ladder::Collected;
use crate::snapshot::clean::clean;
use crate::snapshot::{Attempt, Report};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashMap;

/// Characters kept of one answer of the user.
pub const MAX_WORDS: usize = 1000;

/// Who is to read the ticket. It changes what leads and what is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// The internet provider.
    Isp,
    /// Who runs the VPN.
    Vpn,
    /// Who runs the service or the CDN.
    Service,
    /// Who writes the app, or this program.
    Developer,
}

impl Audience {
    /// In words.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Isp => "the internet provider",
            Self::Vpn => "the VPN's operator",
            Self::Service => "the service",
            Self::Developer => "developers",
        }
    }
}

/// A question and the user's answer.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Answer {
    /// What was asked for, such as `Device`.
    pub about: &'static str,
    /// The answer, cleaned.
    pub text: String,
}

/// A file and its hash.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Hashed {
    /// Its name, without folders.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
}

/// Where a frame of the evidence stood in the original.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Origin {
    /// Its number in the evidence.
    pub evidence: u32,
    /// Index into `captures`.
    pub capture: usize,
    /// Its number there.
    pub frame: u32,
}

/// The evidence file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Evidence {
    /// Name and hash.
    pub file: Hashed,
    /// Attempts whose packets are in it, by `id`.
    pub attempts: Vec<usize>,
    /// The attempt that worked, for comparison, by `id`.
    pub control: Option<usize>,
    /// Its frames.
    pub frames: Vec<Origin>,
    /// Frames of other traffic, which the judgement needs.
    pub others: usize,
    /// Frames whose payload after the handshake was cut off.
    pub cut: usize,
    /// Frames of the attempts that were left out because there are too many.
    pub elided: u64,
    /// What analysing it again said.
    pub checked: String,
    /// The frames' numbers in the evidence, by capture and number there; see [`Evidence::indexed`].
    #[serde(skip)]
    #[schemars(skip)]
    pub numbers: HashMap<(usize, u32), u32>,
}

impl Evidence {
    /// With the index that [`Evidence::number`] looks into.
    #[must_use]
    pub fn indexed(mut self) -> Self {
        let number = |o: &Origin| ((o.capture, o.frame), o.evidence);
        self.numbers = self.frames.iter().map(number).collect();
        self
    }

    /// The number in the evidence of a frame of the original.
    #[must_use]
    pub fn number(&self, capture: usize, frame: u32) -> Option<u32> {
        self.numbers.get(&(capture, frame)).copied()
    }
}

/// What was replaced.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Redaction {
    /// It was done.
    pub on: bool,
    /// What was done, a line each.
    pub done: Vec<String>,
}

/// What the bundle says besides the report.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Ticket {
    /// For whom.
    pub audience: Option<Audience>,
    /// What the user said of the surroundings.
    pub answers: Vec<Answer>,
    /// What the user has tried already.
    pub tried: Vec<String>,
    /// The captures that were read, before anything was replaced.
    pub originals: Vec<Hashed>,
    /// The evidence; `null` where there is none.
    pub evidence: Option<Evidence>,
    /// What was replaced.
    pub redaction: Redaction,
    /// What is not in the bundle, and why.
    pub left_out: Vec<String>,
}

/// The packets of one attempt.
pub struct Told {
    /// Its index in the report.
    pub attempt: usize,
    /// Its packets.
    pub packets: Collected,
}

/// What there is to paint.
#[derive(Clone, Copy)]
pub struct Page<'a> {
    /// The report.
    pub report: &'a Report,
    /// Packets of the attempts that matter.
    pub told: &'a [Told],
    /// Why some have no packets here, where that is to be said.
    pub untold: Option<&'a str>,
    /// What the bundle says besides; none where the report stands alone.
    pub ticket: Option<&'a Ticket>,
}

impl<'a> Page<'a> {
    /// The packets of an attempt.
    #[must_use]
    pub fn packets(&self, attempt: usize) -> Option<&'a Collected> {
        let found = self.told.iter().find(|t| t.attempt == attempt);
        found.map(|t| &t.packets)
    }

    /// Frames with their numbers in the evidence, where there is any: `5, 9` or `2, 3 (original 5, 9)`.
    #[must_use]
    pub fn frames(&self, attempt: &Attempt, frames: &[u32]) -> String {
        let list = |frames: &[u32]| {
            let list: Vec<String> = frames.iter().map(u32::to_string).collect();
            list.join(", ")
        };
        let Some(evidence) = self.ticket.and_then(|t| t.evidence.as_ref()) else {
            return list(frames);
        };
        let mapped = frames
            .iter()
            .filter_map(|f| evidence.number(attempt.capture, *f));
        let mapped: Vec<u32> = mapped.collect();
        if mapped.is_empty() {
            return format!("original {}", list(frames));
        }
        if mapped == frames {
            return list(frames);
        }
        format!("{} (original {})", list(&mapped), list(frames))
    }
}

/// The user's own words, or text of any kind: cleaned word by word, line breaks become spaces, and cut at [`MAX_WORDS`].
#[must_use]
pub fn words(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&clean(word));
    }
    if out.chars().count() > MAX_WORDS {
        out = out.chars().take(MAX_WORDS).collect();
        out.push('…');
    }
    out
}

/// The name of an attempt: the host's, or the server's address.
#[must_use]
pub fn name(attempt: &Attempt) -> &str {
    let server = || attempt.paths.first().map(|p| p.server.as_str());
    let name = attempt.name.as_deref().or_else(server);
    name.unwrap_or("(no name)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_words_hold_nothing_that_acts() {
        assert_eq!(words("Pixel 8\n\tPro"), "Pixel 8 Pro");
        assert_eq!(words("\x1b[2J \u{202e}x"), "\\u{1b}[2J \\u{202e}x");
        assert_eq!(words(&"ab ".repeat(2000)).chars().count(), MAX_WORDS + 1);
    }
}
