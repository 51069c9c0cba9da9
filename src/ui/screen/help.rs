//! The keys, from the table that also makes them work.

use super::{Look, bar, ink, pad, text, wrap};
use crate::ladder::{Ink, Span};
use crate::ui::action::TABLE;
use crate::ui::filter::fields;
use crate::ui::model::{Model, Pane, Screen};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

/// The rest of what there is to know.
const NOTES: &[(&str, &str)] = &[
    (
        "While a filter is typed",
        "enter takes it, esc goes back to the one before; arrows, home, end, ctrl-a, ctrl-e, ctrl-w, ctrl-u, ctrl-k as in a shell.",
    ),
    (
        "Cells",
        "Each attempt has a cell for DNS, TCP, TLS, QUIC and HTTP: ok it worked, slow it worked but not as it should, broke it failed there, unseen nothing of it can be seen, - not used or not reached. What still waits counts down: SYN 2 ~1.4 s is the second SYN, the next due in about 1.4 s; #2 5s is the second try, waiting for 5 s.",
    ),
    (
        "Ladder",
        "Packets as arrows, with seconds since the first. A dot at the left marks proof of the cause; a broken shaft is a packet sent again; 'missing' are bytes before this packet that had not come yet, or were not captured.",
    ),
    (
        "Mouse",
        "Click chooses a row, a second click opens it, the wheel scrolls. Screens in the first line, columns of the list (to sort by) and keys in the last line can be clicked; the right button goes back. Shift and drag selects text in most terminals.",
    ),
    (
        "Configuration",
        "~/.config/shakedown/config.toml (or --config FILE) changes every key by its name in brackets above, theme and mouse; examples/config.toml has all of it.",
    ),
];

/// The language of the filter, of which the fields come from where it is read.
const FILTER: &str = "Words, all of which must hold: text found anywhere, or in a field. /…/ is a regular expression (^v16.*tiktok), - before a word turns it round, quotes keep spaces. Example: outcome:broken name:/^v16/ -cause:dns";

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    let parts = [Constraint::Length(1), Constraint::Min(1)];
    let [heading, body] = Layout::vertical(parts).areas(area);
    bar(frame, heading, look, " keys, and what there is to know");
    model.panes.push((Pane::First, body));
    let mut all: Vec<Vec<Span>> = Vec::new();
    let room = usize::from(area.width).saturating_sub(4).min(100);
    keys(model, look, &mut all);
    note("Filter", FILTER, room, &mut all);
    all.extend(fields().map(|(name, what)| {
        let name = pad(&format!("{name}:"), 16, look.glyphs);
        vec![
            ink(Ink::Accent, format!("   {name} ")),
            ink(Ink::Plain, what),
        ]
    }));
    for (title, text) in NOTES {
        note(title, text, room, &mut all);
    }
    let scroll = &mut model.scrolls[Screen::Help as usize];
    text(frame, body, look, scroll, all);
}

/// The table of keys, by what they are for.
fn keys(model: &Model, look: Look, all: &mut Vec<Vec<Span>>) {
    let mut group = "";
    for binding in TABLE {
        if binding.group != group {
            if !group.is_empty() {
                all.push(Vec::new());
            }
            group = binding.group;
            all.push(vec![ink(Ink::Strong, format!(" {group}"))]);
        }
        let keys = match model.keys.names(binding.action) {
            [] => "no key".to_owned(),
            keys => keys.join(" "),
        };
        all.push(vec![
            ink(Ink::Accent, format!("   {} ", pad(&keys, 16, look.glyphs))),
            ink(Ink::Plain, binding.what),
            ink(Ink::Dim, format!("  ({})", binding.name)),
        ]);
    }
}

fn note(title: &str, text: &str, room: usize, all: &mut Vec<Vec<Span>>) {
    all.push(Vec::new());
    all.push(vec![ink(Ink::Strong, format!(" {title}"))]);
    let lines = wrap(text, room, 0).into_iter();
    all.extend(lines.map(|l| vec![ink(Ink::Plain, format!("   {l}"))]));
}
