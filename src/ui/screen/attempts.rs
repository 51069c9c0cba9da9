//! The list of attempts, and the one under the cursor in words.

use super::{Look, bar, cut, duration, fit, ink, lines, pad, right, waits, waits_short, wrap};
use crate::diagnose::rules;
use crate::ladder::{Ink, Span};
use crate::snapshot::{Attempt, StageCell, Status};
use crate::types::Timestamp;
use crate::ui::action::Action;
use crate::ui::model::{Click, Model, Pane, Sort};
use crate::ui::theme::{of_outcome, of_status};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use unicode_width::UnicodeWidthStr;

/// The stages in the order of the cells, as the heading names them.
const STAGES: [&str; 5] = ["DNS", "TCP", "TLS", "QUIC", "HTTP"];

/// Widths of the columns; 0 leaves one out.
struct Columns {
    number: usize,
    time: usize,
    client: usize,
    name: usize,
    cell: usize,
    took: usize,
    blame: usize,
    cause: usize,
}

impl Columns {
    fn for_width(width: usize) -> Self {
        let mut columns = match width {
            0..100 => Self::of([0, 0, 0, 0, 8, 8, 0, 14]),
            100..120 => Self::of([4, 0, 0, 0, 8, 8, 0, 18]),
            120..140 => Self::of([5, 9, 0, 0, 8, 8, 0, 24]),
            140..170 => Self::of([6, 9, 0, 0, 8, 9, 14, 34]),
            _ => Self::of([6, 13, 17, 0, 14, 9, 14, 30]),
        };
        let fixed = columns.number + columns.time + columns.client + 5 * columns.cell;
        let fixed = fixed + columns.took + columns.blame + columns.cause;
        let rest = width.saturating_sub(fixed + 1);
        columns.name = rest.clamp(10, 44);
        columns.cause += rest.saturating_sub(columns.name);
        columns
    }

    fn of(widths: [usize; 8]) -> Self {
        let [number, time, client, name, cell, took, blame, cause] = widths;
        Self {
            number,
            time,
            client,
            name,
            cell,
            took,
            blame,
            cause,
        }
    }
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    let below = if area.height > 30 { 9 } else { 4 };
    let parts = [
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(below),
    ];
    let [heading, body, detail] = Layout::vertical(parts).areas(area);
    let columns = Columns::for_width(area.width.into());
    model.panes.push((Pane::First, body));
    let count = model.list.rows().len();
    model.list.scroll.measure(count, body.height.into());
    head(frame, heading, model, &columns, look);
    let Some(data) = model.data.clone() else {
        let wait = vec![vec![ink(Ink::Dim, " nothing seen yet")]];
        lines(frame, body, look, None, wait.into_iter());
        return;
    };
    if count == 0 {
        lines(frame, body, look, None, nothing(model).into_iter());
        return;
    }
    let scroll = model.list.scroll;
    let shown = model.list.rows().iter().skip(scroll.top);
    let attempts = shown.filter_map(|row| data.attempt(*row as usize));
    let now = model.status.clock;
    let rows = attempts.map(|attempt| row(attempt, &columns, now, look));
    let cursor = scroll.at.checked_sub(scroll.top);
    lines(frame, body, look, cursor, rows);
    if let Some(attempt) = model.attempt() {
        words(frame, detail, attempt, now, look);
    }
}

/// Why the list is empty, and what to do.
fn nothing(model: &Model) -> Vec<Vec<Span>> {
    let text = if model.filter_text.is_empty() {
        " No attempt to reach the target yet (--all shows every service).".to_owned()
    } else {
        let key = model.keys.name(Action::ClearFilter);
        format!(" The filter shows none of the attempts; {key} shows all again.")
    };
    vec![Vec::new(), vec![ink(Ink::Plain, text)]]
}

/// The names of the columns, to be clicked, and how far down the cursor is.
fn head(frame: &mut Frame<'_>, area: Rect, model: &mut Model, columns: &Columns, look: Look) {
    let mut names = vec![
        ("#", columns.number, Sort::Started),
        ("UTC", columns.time, Sort::Started),
        ("client", columns.client, Sort::Started),
        ("name", columns.name, Sort::Name),
    ];
    names.extend(STAGES.map(|stage| (stage, columns.cell, Sort::Outcome)));
    names.extend([
        ("took", columns.took, Sort::Took),
        ("points at", columns.blame, Sort::Blame),
        ("cause", columns.cause, Sort::Cause),
    ]);
    let mut text = String::from(" ");
    for (name, width, sort) in names {
        let place = Rect {
            x: area.x + u16::try_from(text.width()).unwrap_or(0),
            width: u16::try_from(width).unwrap_or(0),
            ..area
        };
        model.place(place.intersection(area), Click::Sort(sort));
        text.push_str(&pad(name, width, look.glyphs));
    }
    bar(frame, area, look, &text);
    let scroll = model.list.scroll;
    let word = format!(" {}/{} ", scroll.at + 1, scroll.count);
    if scroll.count > 0 && text.trim_end().width() + word.width() <= area.width.into() {
        right(frame, area, area.y, look, &word);
    }
}

/// A column's text, one space before the next column.
fn column(inked: Ink, text: &str, width: usize, look: Look) -> Span {
    let mut text = pad(text, width.saturating_sub(1), look.glyphs);
    if width > 0 {
        text.push(' ');
    }
    ink(inked, text)
}

fn row(attempt: &Attempt, columns: &Columns, now: Option<Timestamp>, look: Look) -> Vec<Span> {
    let clock_end = if columns.time > 10 { 23 } else { 19 };
    let clock = attempt.started.get(11..clock_end).unwrap_or_default();
    let name = attempt
        .name
        .as_deref()
        .or(attempt.paths.first().map(|p| p.server.as_str()));
    let outcome = of_outcome(attempt.outcome);
    let mut spans = vec![
        ink(Ink::Plain, " "),
        column(Ink::Dim, &attempt.id.to_string(), columns.number, look),
        column(Ink::Dim, clock, columns.time, look),
        column(Ink::Dim, &attempt.client, columns.client, look),
        column(Ink::Plain, name.unwrap_or("?"), columns.name, look),
    ];
    for stage in cells(&attempt.stages) {
        let text = cell(stage, columns.cell, now, look);
        spans.push(column(of_status(stage.status), &text, columns.cell, look));
    }
    spans.push(column(
        Ink::Plain,
        &duration(attempt.duration),
        columns.took,
        look,
    ));
    let blame = attempt.blame.map_or("", |b| b.as_str());
    spans.push(column(Ink::Plain, blame, columns.blame, look));
    spans.push(ink(
        outcome,
        cut(&cause(attempt, columns), columns.cause, look.glyphs),
    ));
    spans
}

/// The cause in words where there is room, else by the second half of its name.
fn cause(attempt: &Attempt, columns: &Columns) -> String {
    let Some(cause) = attempt.cause.as_deref() else {
        return attempt.outcome.as_str().to_owned();
    };
    if columns.cause < 40 {
        let tail = cause.split_once('.').map_or(cause, |(_, tail)| tail);
        return if columns.cause < 20 { tail } else { cause }.to_owned();
    }
    let title = rules::find(cause).map_or("", |rule| rule.title());
    format!("{cause}: {}", title.trim_end_matches('.'))
}

/// The cells of the row. What was wrong with the transfer stands under HTTP, unless the request failed already.
fn cells(stages: &[StageCell]) -> impl Iterator<Item = &StageCell> {
    let bad = |s: &&StageCell| matches!(s.status, Status::Broke | Status::Slow);
    let media = stages.iter().find(|s| s.stage == "media").filter(bad);
    let shown = stages.iter().filter(|s| s.stage != "media");
    shown.map(move |cell| match media {
        Some(media) if cell.stage == "http" && cell.status != Status::Broke => media,
        _ => cell,
    })
}

/// A glyph and a word for a stage, and its time where there is room.
fn cell(stage: &StageCell, width: usize, clock: Option<Timestamp>, look: Look) -> String {
    let glyphs = look.glyphs;
    if let (Some(pending), Status::Unseen | Status::Skipped) = (&stage.pending, stage.status) {
        return waits_short(pending, clock, width);
    }
    if stage.status == Status::Skipped {
        return "-".to_owned();
    }
    let (glyph, word) = match stage.status {
        Status::Passed => (glyphs.passed, "ok"),
        Status::Slow => (glyphs.slow, "slow"),
        Status::Broke => (glyphs.broke, "broke"),
        Status::Unseen => (glyphs.unseen, "unseen"),
        Status::Skipped => (glyphs.skipped, ""),
    };
    if width <= 12 {
        return format!("{glyph}{word}");
    }
    let short = format!("{glyph} {word}");
    let long = stage.took.map(|t| format!("{short} {}", duration(t)));
    long.filter(|l| l.width() < width).unwrap_or(short)
}

/// The attempt under the cursor.
fn words(frame: &mut Frame<'_>, area: Rect, attempt: &Attempt, now: Option<Timestamp>, look: Look) {
    let name = attempt.name.as_deref().unwrap_or("(no name)");
    let clock_end = if area.width < 100 { 19 } else { 23 };
    let clock = attempt.started.get(11..clock_end).unwrap_or_default();
    let role = attempt.role.as_deref().filter(|r| *r != "unknown");
    let role = role.map(|r| format!(" ({r})")).unwrap_or_default();
    let heading = Rect { height: 1, ..area };
    let text = format!(
        " #{} {name}{role}  {clock} UTC  from {}",
        attempt.id, attempt.client
    );
    bar(frame, heading, look, &text);
    let room = usize::from(area.width).saturating_sub(3);
    let mut rows = vec![outcome_line(attempt, room, look)];
    let waiting = attempt
        .stages
        .iter()
        .filter_map(|s| s.pending.as_ref().map(|p| (s, p)));
    rows.extend(waiting.map(|(stage, pending)| {
        let text = format!("  {} waits: {}", stage.stage, waits(pending, now));
        vec![ink(Ink::Accent, cut(&text, room, look.glyphs))]
    }));
    let main = attempt
        .findings
        .iter()
        .find(|f| Some(&f.cause) == attempt.cause.as_ref());
    let others = attempt
        .findings
        .iter()
        .filter(|f| Some(&f.cause) != attempt.cause.as_ref());
    for finding in main.into_iter().chain(others) {
        let what = wrap(&finding.what, room, 0);
        rows.extend(
            what.into_iter()
                .map(|text| vec![ink(Ink::Plain, format!("  {text}"))]),
        );
    }
    let body = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    };
    let room = usize::from(body.height);
    if rows.len() > room
        && let Some(last) = rows.get_mut(room.saturating_sub(1))
    {
        last.push(ink(Ink::Plain, format!(" {}", look.glyphs.more)));
        *last = fit(std::mem::take(last), area.width.into(), look);
    }
    lines(frame, body, look, None, rows.into_iter());
}

/// What became of it: the cause in words, or how far it got.
fn outcome_line(attempt: &Attempt, room: usize, look: Look) -> Vec<Span> {
    let outcome = of_outcome(attempt.outcome);
    if let (Some(cause), Some(blame), Some(sure)) =
        (&attempt.cause, attempt.blame, attempt.confidence)
    {
        let title = rules::find(cause).map_or("", |rule| rule.title());
        let sure = format!("points at {}, {:.0} % sure", blame.as_str(), sure * 100.0);
        let title = cut(title, room.saturating_sub(sure.len() + 3), look.glyphs);
        return vec![
            ink(outcome, format!(" {title}")),
            ink(Ink::Plain, format!("  {sure}")),
        ];
    }
    let passed = attempt.stages.iter().filter(|s| s.status == Status::Passed);
    let details: Vec<String> = passed
        .map(|s| format!("{}: {}", s.stage, s.detail))
        .collect();
    let text = format!(" {}  {}", attempt.outcome.as_str(), details.join(" · "));
    vec![ink(outcome, cut(&text, room, look.glyphs))]
}
