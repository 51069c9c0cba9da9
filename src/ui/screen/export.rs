//! What can be written, and where it will go.

use super::{Look, bar, ink, lines, pad};
use crate::ladder::Ink;
use crate::ui::export::Export;
use crate::ui::model::Model;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    let parts = [
        Constraint::Length(1),
        Constraint::Length(7),
        Constraint::Min(0),
    ];
    let [heading, body, below] = Layout::vertical(parts).areas(area);
    bar(
        frame,
        heading,
        look,
        " write to a new file in the current folder",
    );
    model.body = body;
    let scroll = model.scroll();
    scroll.measure(Export::ALL.len(), body.height.into());
    let at = scroll.at;
    let Some(attempt) = model.attempt() else {
        let none = vec![vec![ink(Ink::Dim, " there is no attempt to write")]];
        lines(frame, body, look, None, none.into_iter());
        return;
    };
    let row = |export: &Export| {
        let what = format!(" {}", export.what());
        let name = export.file_name(attempt);
        vec![
            ink(Ink::Plain, pad(&what, 32, look.glyphs)),
            ink(Ink::Dim, format!(" {name}")),
        ]
    };
    lines(frame, body, look, Some(at), Export::ALL.iter().map(row));
    let notes = [
        "",
        " A file that is there already is never overwritten: the new one gets a number.",
        " Only the bundle is redacted: look at what you send.",
        " The bundle goes beside the capture; B writes it from any screen.",
    ];
    let notes = notes.iter().map(|text| vec![ink(Ink::Dim, *text)]);
    lines(frame, below, look, None, notes);
}
