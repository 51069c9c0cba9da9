//! Colours: the terminal's own sixteen on its own background, so that dark, light and recoloured terminals all serve.
//!
//! Nothing depends on colour: every state has a glyph and a word.

use crate::ladder::Ink;
use crate::snapshot::{Outcome, Severity, Status};
use ratatui::style::{Color, Modifier, Style};

/// Which colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Theme {
    /// For dark backgrounds, and where nothing is known.
    #[default]
    Dark,
    /// For light backgrounds: no yellow, no cyan.
    Light,
    /// No colour (`NO_COLOR`): bold, dim, underlined, reversed.
    Mono,
}

impl Theme {
    /// By the name in the configuration.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "auto" => Self::detected(),
            "dark" => Self::Dark,
            "light" => Self::Light,
            "mono" => Self::Mono,
            _ => return None,
        })
    }

    /// What the environment says: `NO_COLOR` (no-color.org), a terminal without colour, `COLORFGBG`.
    #[must_use]
    pub fn detected() -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let plain = std::env::var("TERM").is_ok_and(|t| t == "dumb" || t.starts_with("vt1"));
        let background = std::env::var("COLORFGBG").ok();
        let background = background.as_deref().and_then(|v| v.rsplit(';').next());
        match background {
            _ if no_color || plain => Self::Mono,
            Some("7" | "15") => Self::Light,
            _ => Self::Dark,
        }
    }

    /// How an ink looks.
    #[must_use]
    pub fn ink(self, ink: Ink) -> Style {
        let style = Style::new();
        let bold = style.add_modifier(Modifier::BOLD);
        match (self, ink) {
            (_, Ink::Plain) => style,
            (_, Ink::Strong) | (Self::Mono, Ink::Warn) => bold,
            (Self::Mono, Ink::Bad) => bold.add_modifier(Modifier::UNDERLINED),
            (Self::Mono, Ink::Good | Ink::Accent) => style,
            // Not dark grey: where the sixteen colours are Solarized's, that is the background.
            (_, Ink::Dim) => style.add_modifier(Modifier::DIM),
            (_, Ink::Good) => style.fg(Color::Green),
            (_, Ink::Bad) => bold.fg(Color::Red),
            (Self::Dark, Ink::Warn) => style.fg(Color::Yellow),
            (Self::Light, Ink::Warn) => bold.fg(Color::Magenta),
            (Self::Dark, Ink::Accent) => style.fg(Color::Cyan),
            (Self::Light, Ink::Accent) => style.fg(Color::Blue),
        }
    }

    /// The line under the cursor.
    #[must_use]
    pub fn cursor(self) -> Style {
        // One colour over the whole line: the words in it say what the colours said.
        Style::new()
            .fg(Color::Reset)
            .bg(Color::Reset)
            .remove_modifier(Modifier::DIM | Modifier::UNDERLINED)
            .add_modifier(Modifier::REVERSED)
    }

    /// The top and bottom line.
    #[must_use]
    pub fn bar(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}

/// The ink of an outcome.
#[must_use]
pub fn of_outcome(outcome: Outcome) -> Ink {
    match outcome {
        Outcome::Ok => Ink::Good,
        Outcome::Degraded => Ink::Warn,
        Outcome::Broken => Ink::Bad,
        Outcome::Unfinished | Outcome::Abandoned => Ink::Dim,
    }
}

/// The ink of a finding.
#[must_use]
pub fn of_severity(severity: Severity) -> Ink {
    match severity {
        Severity::Broken => Ink::Bad,
        Severity::Degraded => Ink::Warn,
        Severity::Note => Ink::Dim,
    }
}

/// The ink of a stage.
#[must_use]
pub fn of_status(status: Status) -> Ink {
    match status {
        Status::Passed => Ink::Good,
        Status::Slow => Ink::Warn,
        Status::Broke => Ink::Bad,
        Status::Unseen | Status::Skipped => Ink::Dim,
    }
}
