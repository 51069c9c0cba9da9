//! Paints the model on a terminal.
//!
//! ```text
//!  Attempts   Ladder   Detail   …                     the screens; the one shown stands out
//!  phone.pcap  read  812 packets  90 kB  ▁▂▅▇ 120/s   what is read, how fast, what was lost
//!  BROKEN …                                           the verdict, or the attempt (ladder, detail, causes, export)
//!  …                                                  the screen's own part
//!  enter open  / filter  ? help  q back               keys, a prompt, or a message
//! ```
//!
//! Only lines in view are made, so that a frame costs the same with ten attempts and with a hundred thousand.

mod attempts;
mod causes;
mod detail;
mod export;
mod footer;
mod format;
mod head;
mod help;
mod ladder;
mod tables;
mod verdict;

use super::model::{Model, Screen, Scroll};
use super::theme::Theme;
use crate::ladder::{Glyphs, Ink, Span};
use format::{cut, cut_middle, duration, grouped, pad, size, waits, waits_short, wrap};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span as Piece};
use std::borrow::Cow;
use unicode_width::UnicodeWidthStr;

/// How things look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Colours.
    pub theme: Theme,
    /// Characters.
    pub glyphs: Glyphs,
}

impl Look {
    /// The text as this terminal can show it: our own signs that are not ASCII have others for terminals without them.
    /// What came from the network stays.
    fn plain(self, text: &str) -> Cow<'_, str> {
        if text.is_ascii() || !self.glyphs.lane.is_ascii() {
            return Cow::Borrowed(text);
        }
        let plain = |c| match c {
            '→' | '…' => '>',
            '←' | '≤' => '<',
            '·' | '–' => '-',
            '↑' => '^',
            '↓' => 'v',
            '“' | '”' => '"',
            '’' => '\'',
            other => other,
        };
        Cow::Owned(text.chars().map(plain).collect())
    }
}

/// Smallest terminal that anything can be shown on.
const SMALLEST: (u16, u16) = (40, 10);

/// Paints everything.
pub fn draw(frame: &mut Frame<'_>, model: &mut Model, look: Look) {
    let area = frame.area();
    model.resized((area.width, area.height));
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = format!("make it {}x{} or larger", SMALLEST.0, SMALLEST.1);
        frame.render_widget(Line::raw(text), area);
        return;
    }
    model.forget_places();
    let head = if model.screen == Screen::Attempts {
        4
    } else {
        2
    };
    let parts = [
        Constraint::Length(1),
        Constraint::Length(head),
        Constraint::Min(3),
        Constraint::Length(footer::height(model)),
    ];
    let [title, top, body, foot] = Layout::vertical(parts).areas(area);
    head::title(frame, title, model, look);
    match model.screen {
        Screen::Attempts => head::verdict(frame, top, model, look),
        Screen::Verdict | Screen::Resolvers | Screen::Servers | Screen::Help => {
            head::verdict_line(frame, top, model, look);
        }
        Screen::Ladder | Screen::Detail | Screen::Causes | Screen::Export => {
            head::attempt(frame, top, model, look);
        }
    }
    match model.screen {
        Screen::Attempts => attempts::draw(frame, body, model, look),
        Screen::Verdict => verdict::draw(frame, body, model, look),
        Screen::Ladder => ladder::draw(frame, body, model, look),
        Screen::Detail => detail::draw(frame, body, model, look),
        Screen::Resolvers => tables::resolvers(frame, body, model, look),
        Screen::Servers => tables::servers(frame, body, model, look),
        Screen::Causes => causes::draw(frame, body, model, look),
        Screen::Export => export::draw(frame, body, model, look),
        Screen::Help => help::draw(frame, body, model, look),
    }
    footer::draw(frame, foot, model, look);
}

/// A piece of a line.
fn ink(ink: Ink, text: impl Into<String>) -> Span {
    let text = text.into();
    Span { ink, text }
}

/// A line of inked pieces. Words are underlined, the space around them is not.
fn line(look: Look, spans: &[Span]) -> Line<'static> {
    let mut out = Line::default();
    for span in spans {
        let style = look.theme.ink(span.ink);
        let text = look.plain(&span.text);
        if !style.add_modifier.contains(Modifier::UNDERLINED) {
            out.push_span(Piece::styled(text.into_owned(), style));
            continue;
        }
        let word = text.trim();
        let before = text.len() - text.trim_start().len();
        let after = text.len() - before - word.len();
        out.push_span(Piece::raw(" ".repeat(before)));
        out.push_span(Piece::styled(word.to_owned(), style));
        out.push_span(Piece::raw(" ".repeat(after)));
    }
    out
}

/// The pieces in so many columns; where they take more, the last one is cut and says so.
fn fit(mut spans: Vec<Span>, room: usize, look: Look) -> Vec<Span> {
    let mut used = 0;
    for at in 0..spans.len() {
        let width = spans[at].text.width();
        if used + width > room && spans[at..].iter().any(|s| !s.text.trim().is_empty()) {
            let rest = room - used;
            let text = spans[at].text.trim_end();
            let more = spans[at + 1..].iter().any(|s| !s.text.trim().is_empty());
            let text = if more && text.width() <= rest {
                format!("{} {}", text, look.glyphs.more)
            } else {
                text.to_owned()
            };
            spans[at].text = cut(&text, rest, look.glyphs);
            spans.truncate(at + 1);
            return spans;
        }
        used += width;
    }
    spans
}

/// Puts lines one below the other; the cursor's line stands out over its whole width.
fn lines(
    frame: &mut Frame<'_>,
    area: Rect,
    look: Look,
    cursor: Option<usize>,
    rows: impl Iterator<Item = Vec<Span>>,
) {
    for (at, spans) in rows.take(area.height.into()).enumerate() {
        let place = Rect {
            y: area.y + u16::try_from(at).unwrap_or(0),
            height: 1,
            ..area
        };
        let spans = fit(spans, area.width.into(), look);
        frame.render_widget(line(look, &spans), place);
        if cursor == Some(at) {
            frame.buffer_mut().set_style(place, look.theme.cursor());
        }
    }
}

/// A text that scrolls.
fn text(frame: &mut Frame<'_>, area: Rect, look: Look, scroll: &mut Scroll, all: Vec<Vec<Span>>) {
    let (count, height) = (all.len(), usize::from(area.height));
    (scroll.count, scroll.height) = (count, height);
    scroll.top = scroll.top.min(count.saturating_sub(height));
    let shown = all.into_iter().skip(scroll.top);
    lines(frame, area, look, None, shown);
    if count > height {
        let word = format!(" {}/{count} ", (scroll.top + height).min(count));
        right(frame, area, area.y.saturating_sub(1), look, &word);
    }
}

/// A word at the right end of a line.
fn right(frame: &mut Frame<'_>, area: Rect, y: u16, look: Look, word: &str) {
    let width = u16::try_from(word.width()).unwrap_or(0).min(area.width);
    let place = Rect {
        x: area.right() - width,
        y,
        width,
        height: 1,
    };
    frame.render_widget(line(look, &[ink(Ink::Dim, word)]), place);
}

/// A heading over the whole width.
fn bar(frame: &mut Frame<'_>, area: Rect, look: Look, text: &str) {
    let style: Style = look.theme.ink(Ink::Accent);
    let style = style.add_modifier(Modifier::UNDERLINED);
    let text = pad(text, area.width.into(), look.glyphs);
    frame.render_widget(Line::styled(look.plain(&text).into_owned(), style), area);
}
