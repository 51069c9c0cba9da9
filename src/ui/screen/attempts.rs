//! The list of attempts, and the one under the cursor in words.

use super::{Look, bar, cut, duration, ink, lines, pad, waits, waits_short, wrap};
use crate::diagnose::rules;
use crate::ladder::{Ink, Span};
use crate::snapshot::{Attempt, StageCell, Status};
use crate::types::Timestamp;
use crate::ui::model::Model;
use crate::ui::theme::{of_outcome, of_status};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

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
    bar(frame, heading, look, &heading_text(&columns, look));
    model.body = body;
    let count = model.list.rows().len();
    model.list.scroll.measure(count, body.height.into());
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
        " No attempt to reach the target yet (--all shows every service)."
    } else {
        " The filter shows none of the attempts; esc clears it."
    };
    vec![Vec::new(), vec![ink(Ink::Plain, text)]]
}

fn heading_text(columns: &Columns, look: Look) -> String {
    let cell = |text: &str, width: usize| pad(text, width, look.glyphs);
    let mut out = String::from(" ");
    out.push_str(&cell("#", columns.number));
    out.push_str(&cell("UTC", columns.time));
    out.push_str(&cell("client", columns.client));
    out.push_str(&cell("name", columns.name));
    STAGES
        .iter()
        .for_each(|stage| out.push_str(&cell(stage, columns.cell)));
    out.push_str(&cell("took", columns.took));
    out.push_str(&cell("points at", columns.blame));
    out.push_str("cause");
    out
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
    match stage.took {
        Some(took) if width > 12 => format!("{glyph} {word} {}", duration(took)),
        _ if width > 12 => format!("{glyph} {word}"),
        _ => format!("{glyph}{word}"),
    }
}

/// The attempt under the cursor.
fn words(frame: &mut Frame<'_>, area: Rect, attempt: &Attempt, now: Option<Timestamp>, look: Look) {
    let name = attempt.name.as_deref().unwrap_or("(no name)");
    let clock = attempt.started.get(11..23).unwrap_or_default();
    let role = attempt.role.as_deref().filter(|r| *r != "unknown");
    let role = role.map(|r| format!(" ({r})")).unwrap_or_default();
    let heading = Rect { height: 1, ..area };
    let text = format!(
        " #{} {name}{role}  {clock}  from {}",
        attempt.id, attempt.client
    );
    bar(frame, heading, look, &text);
    let room = usize::from(area.width).saturating_sub(3);
    let mut rows: Vec<Vec<Span>> = Vec::new();
    let title = |id: &str| rules::find(id).map_or("", |rule| rule.title());
    match (&attempt.cause, attempt.blame, attempt.confidence) {
        (Some(cause), Some(blame), Some(sure)) => {
            let sure = format!("points at {}, {:.0} % sure", blame.as_str(), sure * 100.0);
            let title = cut(
                title(cause),
                room.saturating_sub(sure.len() + 3),
                look.glyphs,
            );
            rows.push(vec![
                ink(of_outcome(attempt.outcome), format!(" {title}")),
                ink(Ink::Plain, format!("  {sure}")),
            ]);
        }
        _ => {
            let details = attempt.stages.iter().filter(|s| s.status == Status::Passed);
            let details: Vec<String> = details
                .map(|s| format!("{}: {}", s.stage, s.detail))
                .collect();
            let text = format!(" {}  {}", attempt.outcome.as_str(), details.join(" · "));
            rows.push(vec![ink(
                of_outcome(attempt.outcome),
                cut(&text, room, look.glyphs),
            )]);
        }
    }
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
    lines(frame, body, look, None, rows.into_iter());
}
