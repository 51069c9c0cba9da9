//! The last line: a prompt, a message, or the keys that matter here, which can be clicked.

use super::{Look, cut_middle, fit, ink, line, lines};
use crate::ladder::Ink;
use crate::ui::action::Action;
use crate::ui::feed::State;
use crate::ui::filter::fields;
use crate::ui::model::{Click, Model, Pane, Prompt, Screen};
use ratatui::Frame;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

/// Before what is typed.
const ASKS: &str = " filter: ";

/// Lines that it takes: what is typed has one for what is wrong with it, or for help.
pub(super) const fn height(model: &Model) -> u16 {
    if model.prompt.is_some() { 2 } else { 1 }
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    if let Some(prompt) = &model.prompt {
        return ask(frame, area, prompt, look);
    }
    let room = usize::from(area.width).saturating_sub(1);
    if let Some(message) = &model.message {
        let text = cut_middle(message, room, look.glyphs);
        let spans = [ink(Ink::Accent, format!(" {text}"))];
        return frame.render_widget(line(look, &spans), area);
    }
    hints(frame, area, model, look);
}

fn ask(frame: &mut Frame<'_>, area: Rect, prompt: &Prompt, look: Look) {
    let help = match &prompt.error {
        Some(error) => vec![ink(Ink::Bad, format!(" {error}"))],
        None => {
            let names: Vec<String> = fields().map(|(name, _)| format!("{name}:")).collect();
            let names = names.join(" ");
            vec![ink(Ink::Dim, format!(" {names} text /regex/ -not"))]
        }
    };
    let room = usize::from(area.width).saturating_sub(ASKS.len() + 1);
    let from = prompt.input.visual_scroll(room);
    let mut column = 0;
    let typed = prompt.input.value().chars().filter(|c| {
        let here = column;
        column += unicode_width::UnicodeWidthChar::width(*c).unwrap_or(0);
        (from..from + room).contains(&here)
    });
    let typed: String = typed.collect();
    let rows = [
        fit(help, area.width.into(), look),
        vec![ink(Ink::Strong, ASKS), ink(Ink::Plain, typed)],
    ];
    lines(frame, area, look, None, rows.into_iter());
    let at = ASKS.len() + prompt.input.visual_cursor().saturating_sub(from);
    let at = u16::try_from(at).unwrap_or(u16::MAX);
    frame.set_cursor_position((
        area.x + at.min(area.width.saturating_sub(1)),
        area.bottom() - 1,
    ));
}

/// Keys and what they do, as many as there is room for.
fn hints(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    let mut spans = Vec::new();
    let mut x = 0;
    for (action, word) in offered(model) {
        let key = format!(" {}", model.keys.name(action));
        let word = format!(" {word} ");
        let width = key.width() + word.width();
        // An action without a key is no hint.
        if key.len() == 1 || x + width > usize::from(area.width) {
            continue;
        }
        let place = Rect {
            x: area.x + u16::try_from(x).unwrap_or(0),
            width: u16::try_from(width).unwrap_or(0),
            ..area
        };
        model.place(place, Click::Act(action));
        x += width;
        spans.extend([ink(Ink::Strong, key), ink(Ink::Plain, word)]);
    }
    frame.render_widget(line(look, &spans), area);
}

/// What the last line offers, the most important first.
fn offered(model: &Model) -> Vec<(Action, &'static str)> {
    let travels = matches!(
        model.status.state,
        State::Playing(_) | State::Paused | State::Seeking
    );
    let own = match model.screen {
        Screen::Attempts if travels => TRAVEL,
        screen => of_screen(screen),
    };
    let mut all = Vec::from_iter(next_pane(model.screen, model.pane));
    all.extend(own);
    if model.screen == Screen::Attempts {
        let pause = (
            Action::Freeze,
            if model.frozen { "go on" } else { "freeze" },
        );
        let live = model.status.state == State::Live;
        let play = (!live && !travels).then_some((Action::Play, "play"));
        all.extend([Some(pause), play].into_iter().flatten());
        all.extend([
            (Action::Verdict, "verdict"),
            (Action::Resolvers, "resolvers"),
            (Action::Servers, "servers"),
            (Action::Causes, "causes"),
            (Action::Bundle, "bundle"),
        ]);
    }
    all
}

const TRAVEL: &[(Action, &str)] = &[
    (Action::Play, "play"),
    (Action::Step, "failure"),
    (Action::Faster, "faster"),
    (Action::Slower, "slower"),
    (Action::ToEnd, "to end"),
    (Action::Open, "ladder"),
    (Action::Help, "help"),
    (Action::Back, "quit"),
];

/// Where tab leads.
const fn next_pane(screen: Screen, pane: Pane) -> Option<(Action, &'static str)> {
    let word = match (screen, pane) {
        (Screen::Detail, Pane::First) => "packets",
        (Screen::Detail, Pane::Second) => "bytes",
        (Screen::Detail, Pane::Third) => "facts",
        (Screen::Causes, Pane::First) => "text",
        (Screen::Causes, _) => "list",
        _ => return None,
    };
    Some((Action::Pane, word))
}

const fn of_screen(screen: Screen) -> &'static [(Action, &'static str)] {
    match screen {
        Screen::Attempts => &[
            (Action::Open, "ladder"),
            (Action::Detail, "detail"),
            (Action::Filter, "filter"),
            (Action::NextFailure, "failure"),
            (Action::Sort, "sort"),
            (Action::Export, "export"),
            (Action::Help, "help"),
            (Action::Back, "quit"),
        ],
        Screen::Ladder => &[
            (Action::Break, "break"),
            (Action::Fold, "fold"),
            (Action::Open, "packet"),
            (Action::Write, "write"),
            (Action::Right, "next"),
            (Action::Export, "export"),
            (Action::Help, "help"),
            (Action::Back, "back"),
            (Action::Detail, "detail"),
            (Action::Copy, "copy Wireshark filter"),
            (Action::NextFailure, "next failure"),
        ],
        Screen::Detail => &[
            (Action::Ladder, "ladder"),
            (Action::Right, "next"),
            (Action::Causes, "cause"),
            (Action::Rivals, "why not"),
            (Action::Export, "export"),
            (Action::Help, "help"),
            (Action::Back, "back"),
            (Action::Copy, "copy Wireshark filter"),
            (Action::NextFailure, "next failure"),
        ],
        Screen::Servers | Screen::Resolvers => &[
            (Action::Open, "its attempts"),
            (Action::Help, "help"),
            (Action::Back, "back"),
        ],
        Screen::Causes => &[(Action::Help, "help"), (Action::Back, "back")],
        Screen::Export => &[
            (Action::Open, "write"),
            (Action::Help, "help"),
            (Action::Back, "back"),
        ],
        Screen::Verdict => &[
            (Action::Bundle, "bundle for a ticket"),
            (Action::Help, "help"),
            (Action::Back, "back"),
        ],
        Screen::Help => &[(Action::Down, "down"), (Action::Back, "back")],
    }
}
