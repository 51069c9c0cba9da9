//! The lines above every screen: the screens by name, the counters, the verdict or the attempt.

use super::{Look, cut, duration, grouped, ink, lines, size, wrap};
use crate::ladder::{Ink, Span};
use crate::snapshot::rfc3339;
use crate::ui::feed::{State, Status};
use crate::ui::model::{Model, Screen};
use crate::ui::theme::of_outcome;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span as Piece};
use unicode_width::UnicodeWidthStr;

/// Bars of the sparkline at most.
const BARS: usize = 32;

/// The names of the screens; the one shown stands out.
pub(super) fn title(frame: &mut Frame<'_>, area: Rect, model: &Model, look: Look) {
    let style = look.theme.bar();
    let mut pieces = Vec::new();
    for screen in Screen::ALL {
        let text = format!(" {}  ", screen.name());
        let own = if screen == model.screen {
            style
                .remove_modifier(Modifier::REVERSED)
                .add_modifier(Modifier::BOLD)
        } else {
            style
        };
        pieces.push(Piece::styled(text, own));
    }
    frame.buffer_mut().set_style(area, style);
    frame.render_widget(Line::from(pieces), area);
    let name = format!("shakedown {} ", env!("CARGO_PKG_VERSION"));
    let width = u16::try_from(name.len()).unwrap_or(0);
    if area.width > 78 + width {
        let place = Rect {
            x: area.right() - width,
            width,
            ..area
        };
        frame.render_widget(Line::styled(name, style), place);
    }
}

/// Counters, the verdict in two lines, and what could not be seen.
pub(super) fn verdict(frame: &mut Frame<'_>, area: Rect, model: &Model, look: Look) {
    let width = usize::from(area.width);
    let mut rows = vec![counters(model, look, width)];
    if let Some(data) = &model.data {
        let verdict = &data.report.verdict;
        let word = verdict.outcome.as_str().to_uppercase();
        let inked = of_outcome(verdict.outcome);
        let room = width - 1;
        let text = wrap(
            &format!("{word}  {}", verdict.headline),
            room,
            word.len() + 2,
        );
        for (at, part) in text.iter().take(2).enumerate() {
            let rest = part.strip_prefix(word.as_str()).filter(|_| at == 0);
            let last = at == 1 && text.len() > 2;
            let part = rest.unwrap_or(part);
            let part = if last {
                format!("{part} {}", look.glyphs.more)
            } else {
                part.to_owned()
            };
            let mut spans = vec![ink(Ink::Plain, " ")];
            if rest.is_some() {
                spans.push(ink(inked, word.as_str()));
            }
            spans.push(ink(Ink::Strong, part));
            rows.push(spans);
        }
        if text.len() < 2 {
            let cause = verdict.cause.as_deref().map(|cause| {
                let blame = verdict.blame.map_or("", |b| b.as_str());
                format!(" {cause} · points at {blame} · scope {}", verdict.scope)
            });
            rows.push(vec![ink(Ink::Dim, cause.unwrap_or_default())]);
        }
        let coverage = verdict.coverage.replace('\n', " ");
        let coverage = cut(&coverage, width - 1, look.glyphs);
        rows.push(vec![ink(Ink::Dim, format!(" {coverage}"))]);
    } else {
        rows.push(vec![ink(Ink::Dim, " nothing judged yet")]);
    }
    lines(frame, area, look, None, rows.into_iter());
}

/// Counters, and the attempt that the screen is about.
pub(super) fn attempt(frame: &mut Frame<'_>, area: Rect, model: &Model, look: Look) {
    let width = usize::from(area.width);
    let mut rows = vec![counters(model, look, width)];
    if let Some(attempt) = model.attempt() {
        let outcome = attempt.outcome;
        let name = attempt
            .name
            .as_deref()
            .or(attempt.paths.first().map(|p| p.server.as_str()));
        let name = name.unwrap_or("?");
        let took = duration(attempt.duration);
        let cause = attempt.cause.as_deref().unwrap_or_default();
        let blame = attempt
            .blame
            .map(|b| format!(" · points at {}", b.as_str()));
        let short = format!(" {took}  {cause}");
        let long = format!("{short}{}", blame.unwrap_or_default());
        let room = width.saturating_sub(30);
        let tail = if long.width() <= room { long } else { short };
        let word = outcome.as_str();
        let fixed = 12 + word.len() + tail.width();
        rows.push(vec![
            ink(Ink::Dim, format!(" #{} ", attempt.id)),
            ink(
                Ink::Strong,
                cut(name, width.saturating_sub(fixed).max(16), look.glyphs),
            ),
            ink(Ink::Plain, "  "),
            ink(of_outcome(outcome), word),
            ink(Ink::Plain, tail),
        ]);
    }
    lines(frame, area, look, None, rows.into_iter());
}

/// What is read: from where, how far, how much, how fast.
fn counters(model: &Model, look: Look, width: usize) -> Vec<Span> {
    let status = &model.status;
    let mut spans = vec![ink(Ink::Plain, " ")];
    if let Some(data) = &model.data {
        let captures = &data.report.captures;
        let mut source = captures
            .first()
            .map(|c| c.source.clone())
            .unwrap_or_default();
        if captures.len() > 1 {
            source = format!("{source} +{}", captures.len() - 1);
        }
        let source = source.rsplit('/').next().unwrap_or_default();
        spans.push(ink(Ink::Accent, cut(source, width / 4, look.glyphs)));
        spans.push(ink(Ink::Plain, "  "));
        if captures.iter().any(|c| !c.complete) && data.complete {
            spans.push(ink(Ink::Warn, "read in part  "));
        }
    }
    if model.frozen {
        spans.push(ink(Ink::Warn, "FROZEN  "));
    }
    if let Some(problem) = &status.problem {
        spans.push(ink(Ink::Bad, format!("{problem}  ")));
    }
    spans.push(ink(Ink::Strong, state(status, look)));
    let packets = grouped(status.packets);
    spans.push(ink(
        Ink::Plain,
        format!("{packets} packets  {}  ", size(status.bytes)),
    ));
    match status.dropped {
        Some(0) => spans.push(ink(Ink::Dim, "none lost  ")),
        Some(lost) => spans.push(ink(Ink::Bad, format!("{} lost  ", grouped(lost)))),
        None => {}
    }
    if !model.filter_text.is_empty() && model.screen == Screen::Attempts {
        let count = model.list.rows().len();
        let filter = cut(&model.filter_text, 20, look.glyphs);
        spans.push(ink(Ink::Warn, format!("filter {filter} ({count})  ")));
    }
    let used: usize = spans.iter().map(|s| s.text.width()).sum();
    spans.extend(sparkline(status, look, width.saturating_sub(used + 1)));
    spans
}

fn state(status: &Status, look: Look) -> String {
    let clock = status.clock.map(rfc3339);
    let clock = clock
        .as_deref()
        .and_then(|c| c.get(11..21))
        .unwrap_or_default();
    let play = look.glyphs.heads[1];
    match status.state {
        State::Reading => {
            let part = status.part.map(|p| format!(" {:.0} %", p * 100.0));
            let part = part.unwrap_or_default();
            let speed = status.speed.map(|s| format!(" {:.0} MB/s", s / 1e6));
            let left = status.left.filter(|l| *l >= 1.0);
            let left = left.map(|l| format!(" {l:.0} s left")).unwrap_or_default();
            format!("reading{part}{}{left}  ", speed.unwrap_or_default())
        }
        State::Done => String::new(),
        State::Playing(pace) => format!("{play} {pace}x {clock}  "),
        State::Paused => format!("paused {clock}  "),
        State::Seeking => format!("seeking a failure {clock}  "),
        State::Live => format!("live {clock}  "),
    }
}

/// Packets over time, and how many a second there were at the end (at most).
#[allow(clippy::cast_precision_loss)]
fn sparkline(status: &Status, look: Look, room: usize) -> Vec<Span> {
    const WORD: usize = 12;
    if status.bars.len() < 2 || status.bar <= 0 || room < WORD + 4 {
        return Vec::new();
    }
    let width = (room - WORD).min(BARS);
    let group = status.bars.len().div_ceil(width).max(1);
    let sums: Vec<u64> = status.bars.chunks(group).map(|c| c.iter().sum()).collect();
    let most = sums.iter().copied().max().unwrap_or(0).max(1);
    let levels = look.glyphs.bars;
    let glyph = |sum: &u64| {
        let level = (*sum * (levels.len() as u64 - 1)).div_ceil(most);
        levels[usize::try_from(level).unwrap_or(0).min(levels.len() - 1)]
    };
    let seconds = status.bar as f64 * group as f64 / 1e9;
    let peak = most as f64 / seconds;
    let live = matches!(status.state, State::Live | State::Playing(_));
    let last = sums.last().copied().unwrap_or(0) as f64 / seconds;
    let (word, rate) = if live { ("", last) } else { ("≤", peak) };
    let rate = match rate {
        r if r >= 10_000.0 => format!("{:.0}k/s", r / 1000.0),
        r if r >= 10.0 => format!("{r:.0}/s"),
        r => format!("{r:.1}/s"),
    };
    let word = if word.is_empty() || look.glyphs.bars[0].is_ascii() {
        ""
    } else {
        word
    };
    let bars: String = sums.iter().map(glyph).collect();
    vec![
        ink(Ink::Accent, bars),
        ink(Ink::Dim, format!(" {word}{rate}")),
    ]
}
