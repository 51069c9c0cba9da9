//! The keys, from the table that also makes them work.

use super::{Look, ink, text, wrap};
use crate::ladder::{Ink, Span};
use crate::ui::action::TABLE;
use crate::ui::model::{Model, Screen};
use ratatui::Frame;
use ratatui::layout::Rect;

/// The rest of what there is to know.
const NOTES: &[(&str, &str)] = &[
    (
        "Filter",
        "Words, all of which must hold: text found anywhere, or name: cause: stage: server: outcome: blame: client: resolver: followed by text; /…/ is a regular expression, - turns a word round, quotes keep spaces. Example: outcome:broken name:/^v16.*tiktok/ -cause:dns",
    ),
    (
        "Cells",
        "Each attempt has a cell for DNS, TCP, TLS, QUIC and HTTP: ok it worked, slow it worked but not as it should, broke it failed there, unseen nothing of it can be seen, - not used or not reached.",
    ),
    (
        "Ladder",
        "Packets as arrows, with seconds since the first. A dot at the left marks proof of the cause; a broken shaft is a packet sent again; 'missing' are bytes that were not captured.",
    ),
    (
        "Mouse",
        "Click chooses a row, a second click opens it, the wheel scrolls, the title line switches screens.",
    ),
    (
        "Configuration",
        "~/.config/shakedown/config.toml (or --config FILE) changes keys, theme, mouse.",
    ),
];

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    let mut all: Vec<Vec<Span>> = Vec::new();
    let mut group = "";
    for binding in TABLE {
        if binding.group != group {
            if !group.is_empty() {
                all.push(Vec::new());
            }
            group = binding.group;
            all.push(vec![ink(Ink::Strong, format!(" {group}"))]);
        }
        let keys = model.keys.names(binding.action).join(" ");
        all.push(vec![
            ink(Ink::Accent, format!("   {keys:<16} ")),
            ink(Ink::Plain, binding.what),
            ink(Ink::Dim, format!("  ({})", binding.name)),
        ]);
    }
    let room = usize::from(area.width).saturating_sub(4);
    for (title, note) in NOTES {
        all.push(Vec::new());
        all.push(vec![ink(Ink::Strong, format!(" {title}"))]);
        let note = wrap(note, room.min(100), 0);
        all.extend(
            note.into_iter()
                .map(|l| vec![ink(Ink::Plain, format!("   {l}"))]),
        );
    }
    let scroll = &mut model.scrolls[Screen::Help as usize];
    text(frame, area, look, scroll, all);
}
