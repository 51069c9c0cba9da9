//! Files written from the screens: never over an existing one.

use crate::ladder::{Glyphs, Ladder, Painter, text as ladder_text};
use crate::report::text::{self, Style};
use crate::snapshot::{Attempt, Report};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Width of a ladder in a file.
const WIDTH: usize = 100;
/// Names that are tried before giving up.
const TRIES: u32 = 1000;

/// What can be written of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Export {
    /// The attempt for a person: findings, proof, ladder.
    Text,
    /// The attempt as in the JSON report.
    Json,
    /// Its packets.
    Capture,
    /// The ladder alone.
    Ladder,
    /// The whole report as text.
    Report,
    /// The whole report as JSON.
    ReportJson,
    /// The bundle for a bug ticket.
    Bundle,
}

impl Export {
    /// All, in the order of the menu.
    pub const ALL: [Self; 7] = [
        Self::Text,
        Self::Json,
        Self::Capture,
        Self::Ladder,
        Self::Report,
        Self::ReportJson,
        Self::Bundle,
    ];

    /// In words, for the menu.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Text => "attempt: text, with its ladder",
            Self::Json => "attempt: JSON",
            Self::Capture => "attempt: its packets (pcapng)",
            Self::Ladder => "attempt: the ladder alone",
            Self::Report => "report: text",
            Self::ReportJson => "report: JSON",
            Self::Bundle => "bundle for a ticket, redacted",
        }
    }

    /// The same in a word or two, for messages.
    #[must_use]
    pub const fn short(self) -> &'static str {
        match self {
            Self::Text => "attempt",
            Self::Json => "attempt as JSON",
            Self::Capture => "packets",
            Self::Ladder => "ladder",
            Self::Report => "report",
            Self::ReportJson => "report as JSON",
            Self::Bundle => "bundle",
        }
    }

    /// It needs the packets of the attempt.
    #[must_use]
    pub const fn needs_ladder(self) -> bool {
        matches!(self, Self::Text | Self::Ladder)
    }

    /// The file that it is written to, if there is none of that name.
    #[must_use]
    pub fn file_name(self, attempt: &Attempt) -> String {
        let name = attempt
            .name
            .as_deref()
            .or(attempt.paths.first().map(|p| p.server.as_str()));
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let name = name.unwrap_or("attempt").chars();
        let name: String = name
            .map(|c| if plain(c) { c } else { '_' })
            .take(24)
            .collect();
        let name = name.trim_matches(['.', '-']);
        let id = attempt.id;
        match self {
            Self::Text => format!("shakedown-{id}-{name}.txt"),
            Self::Json => format!("shakedown-{id}-{name}.json"),
            Self::Capture => format!("shakedown-{id}-{name}.pcapng"),
            Self::Ladder => format!("shakedown-{id}-{name}-ladder.txt"),
            Self::Report => "shakedown-report.txt".to_owned(),
            Self::ReportJson => "shakedown-report.json".to_owned(),
            Self::Bundle => "shakedown-ticket.zip".to_owned(),
        }
    }

    /// Writes it into `folder`; where it went. [`Export::Capture`] and [`Export::Bundle`] are not for this function: they
    /// need the capture.
    ///
    /// # Errors
    /// If nothing can be written.
    pub fn write(
        self,
        folder: &Path,
        report: &Report,
        attempt: &Attempt,
        ladder: Option<&Ladder>,
    ) -> io::Result<PathBuf> {
        let (file, path) = create_new(&folder.join(self.file_name(attempt)))?;
        let mut out = io::BufWriter::new(file);
        let painter = Painter {
            glyphs: Glyphs::UNICODE,
            width: WIDTH,
        };
        let drawn = ladder
            .map(|ladder| ladder_text(ladder, painter))
            .unwrap_or_default();
        let style = Style {
            verbose: true,
            ..Style::default()
        };
        match self {
            Self::Text => {
                text::write_attempt(report, attempt, style, &mut out)?;
                writeln!(out, "\n{drawn}")?;
            }
            Self::Json => {
                serde_json::to_writer_pretty(&mut out, attempt)?;
                writeln!(out)?;
            }
            Self::Ladder | Self::Capture | Self::Bundle => out.write_all(drawn.as_bytes())?,
            Self::Report => text::write(report, style, &mut out)?,
            Self::ReportJson => crate::report::json::write(report, &mut out)?,
        }
        out.flush()?;
        Ok(path)
    }
}

/// Creates a file that was not there: `wanted`, or the same with a number before its ending.
///
/// # Errors
/// If it can't be created for another reason than that it is there.
pub fn create_new(wanted: &Path) -> io::Result<(File, PathBuf)> {
    let stem = wanted
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let ending = wanted
        .extension()
        .map(|e| format!(".{}", e.to_string_lossy()));
    for number in 1..=TRIES {
        let path = match number {
            1 => wanted.to_owned(),
            n => wanted.with_file_name(format!("{stem}-{n}{}", ending.as_deref().unwrap_or(""))),
        };
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other.map(|file| (file, path)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let wanted = dir.path().join("a.b.txt");
        for name in ["a.b.txt", "a.b-2.txt", "a.b-3.txt"] {
            let (mut file, path) = create_new(&wanted).unwrap();
            file.write_all(name.as_bytes()).unwrap();
            assert_eq!(path, dir.path().join(name));
        }
        assert_eq!(std::fs::read(&wanted).unwrap(), b"a.b.txt");
        assert!(create_new(&dir.path().join("no/such/folder")).is_err());
    }
}
