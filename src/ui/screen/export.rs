//! What can be written, where it will go, and where it went.

use super::{Look, bar, cut_middle, ink, lines, pad, wrap};
use crate::ladder::{Ink, Span};
use crate::ui::export::Export;
use crate::ui::model::{Model, Pane, Told};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

/// Columns of what is written; then comes the file.
const WHAT: usize = 32;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    let parts = [
        Constraint::Length(1),
        Constraint::Length(u16::try_from(Export::ALL.len()).unwrap_or(0)),
        Constraint::Min(0),
    ];
    let [heading, body, below] = Layout::vertical(parts).areas(area);
    let width = usize::from(area.width);
    let to = format!(" write to a new file in {}", model.folder.display());
    bar(frame, heading, look, &cut_middle(&to, width, look.glyphs));
    model.panes.push((Pane::First, body));
    let scroll = model.scroll();
    scroll.measure(Export::ALL.len(), body.height.into());
    let (at, top) = (scroll.at, scroll.top);
    let Some(attempt) = model.attempt() else {
        let none = vec![vec![ink(Ink::Dim, " there is no attempt to write")]];
        lines(frame, body, look, None, none.into_iter());
        return;
    };
    let row = |export: &Export| {
        let what = format!(" {}", export.what());
        let name = match export {
            Export::Bundle => format!("{}, beside the capture", export.file_name(attempt)),
            _ => export.file_name(attempt),
        };
        let name = cut_middle(&name, width.saturating_sub(WHAT + 1), look.glyphs);
        vec![
            ink(Ink::Plain, pad(&what, WHAT, look.glyphs)),
            ink(Ink::Dim, format!(" {name}")),
        ]
    };
    let rows = Export::ALL.iter().skip(top).map(row);
    lines(frame, body, look, at.checked_sub(top), rows);
    let notes = [
        "A file that is there already is never overwritten: the new one gets a number.",
        "Only the bundle is redacted: look at what you send.",
    ];
    let mut rows = vec![Vec::new()];
    rows.extend(notes.map(|text| vec![ink(Ink::Dim, format!(" {text}"))]));
    rows.extend(told(&model.told, width));
    lines(frame, below, look, None, rows.into_iter());
}

/// What became of the last exports, the newest first, each in full.
fn told(all: &[Told], width: usize) -> Vec<Vec<Span>> {
    let mut rows = Vec::new();
    for told in all.iter().rev() {
        rows.push(Vec::new());
        let (inked, text) = match told {
            Ok(text) => (Ink::Good, text),
            Err(text) => (Ink::Bad, text),
        };
        let text = wrap(text, width.saturating_sub(2), 2);
        rows.extend(text.into_iter().map(|t| vec![ink(inked, format!(" {t}"))]));
    }
    rows
}
