//! The lines above every screen: the screens by name, the counters, the verdict or the attempt.

use super::{Look, cut, duration, grouped, ink, lines, size, wrap};
use crate::ladder::{Ink, Span};
use crate::snapshot::{Attempt, Verdict, rfc3339};
use crate::ui::action::Action;
use crate::ui::feed::{State, Status};
use crate::ui::model::{Click, List, Model, Screen, Sort};
use crate::ui::theme::of_outcome;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::Line;
use unicode_width::UnicodeWidthStr;

/// Bars of the sparkline at most.
const BARS: usize = 32;

/// The names of the screens, to be clicked; the one shown stands out.
pub(super) fn title(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    let style = look.theme.bar();
    frame.buffer_mut().set_style(area, style);
    let mut x = area.x;
    for screen in Screen::ALL {
        let text = format!(" {} ", screen.name());
        let own = if screen == model.screen {
            style
                .remove_modifier(Modifier::REVERSED)
                .add_modifier(Modifier::BOLD)
        } else {
            style
        };
        let width = u16::try_from(text.len()).unwrap_or(0);
        let place = Rect { x, width, ..area }.intersection(area);
        frame.render_widget(Line::styled(text, own), place);
        model.place(place, Click::Act(action(screen)));
        x = x.saturating_add(width);
    }
    let name = format!("shakedown {} ", env!("CARGO_PKG_VERSION"));
    let width = u16::try_from(name.len()).unwrap_or(0);
    if x + width < area.right() {
        let place = Rect {
            x: area.right() - width,
            width,
            ..area
        };
        frame.render_widget(Line::styled(name, style), place);
    }
}

const fn action(screen: Screen) -> Action {
    match screen {
        Screen::Attempts => Action::Attempts,
        Screen::Verdict => Action::Verdict,
        Screen::Ladder => Action::Ladder,
        Screen::Detail => Action::Detail,
        Screen::Resolvers => Action::Resolvers,
        Screen::Servers => Action::Servers,
        Screen::Causes => Action::Causes,
        Screen::Export => Action::Export,
        Screen::Help => Action::Help,
    }
}

/// Counters, the verdict in two lines, and what could not be seen.
pub(super) fn verdict(frame: &mut Frame<'_>, area: Rect, model: &Model, look: Look) {
    let width = usize::from(area.width);
    let mut rows = vec![counters(model, look, width)];
    if let Some(data) = &model.data {
        let verdict = &data.report.verdict;
        let headline = headline(verdict, width, look);
        let short = headline.len() < 2;
        rows.extend(headline);
        if short {
            rows.push(vec![ink(Ink::Dim, pointing(verdict).unwrap_or_default())]);
        }
        let coverage = verdict.coverage.replace('\n', " ");
        rows.push(vec![ink(Ink::Dim, format!(" {coverage}"))]);
    } else {
        rows.push(vec![ink(Ink::Dim, " nothing judged yet")]);
    }
    lines(frame, area, look, None, rows.into_iter());
}

/// The sentence in two lines at most; where it is longer, it says so.
fn headline(verdict: &Verdict, width: usize, look: Look) -> Vec<Vec<Span>> {
    let word = verdict.outcome.as_str().to_uppercase();
    let indent = word.len() + 1;
    let text = format!("{word} {}", verdict.headline);
    let mut parts = wrap(&text, width.saturating_sub(2), indent);
    if parts.len() > 2 {
        parts.truncate(2);
        parts[1].push(' ');
        parts[1].push(look.glyphs.more);
    }
    let inked = of_outcome(verdict.outcome);
    let row = |part: String| match part.strip_prefix(word.as_str()) {
        Some(rest) => vec![
            ink(inked, format!(" {word}")),
            ink(Ink::Strong, rest.to_owned()),
        ],
        None => vec![ink(Ink::Strong, format!(" {part}"))],
    };
    parts.into_iter().map(row).collect()
}

/// Cause, blame and scope; nothing where nothing is wrong.
fn pointing(verdict: &Verdict) -> Option<String> {
    let cause = verdict.cause.as_deref()?;
    let blame = verdict.blame.map_or("nobody", |b| b.as_str());
    let sure = verdict
        .confidence
        .map(|c| format!(" · {:.0} % sure", c * 100.0));
    let (sure, scope) = (sure.unwrap_or_default(), &verdict.scope);
    Some(format!(
        " {cause} · points at {blame}{sure} · scope {scope}"
    ))
}

/// Counters, and the verdict in a line.
pub(super) fn verdict_line(frame: &mut Frame<'_>, area: Rect, model: &Model, look: Look) {
    let mut rows = vec![counters(model, look, area.width.into())];
    if let Some(verdict) = model.data.as_ref().map(|d| &d.report.verdict) {
        let word = verdict.outcome.as_str().to_uppercase();
        rows.push(vec![
            ink(of_outcome(verdict.outcome), format!(" {word}")),
            ink(
                Ink::Plain,
                pointing(verdict).unwrap_or(format!(" {}", verdict.headline)),
            ),
        ]);
    }
    lines(frame, area, look, None, rows.into_iter());
}

/// Counters, and the attempt that the screen is about.
pub(super) fn attempt(frame: &mut Frame<'_>, area: Rect, model: &Model, look: Look) {
    let width = usize::from(area.width);
    let mut rows = vec![counters(model, look, width)];
    if let Some(attempt) = model.attempt() {
        rows.push(attempt_line(attempt, width, look));
    }
    lines(frame, area, look, None, rows.into_iter());
}

fn attempt_line(attempt: &Attempt, width: usize, look: Look) -> Vec<Span> {
    let name = attempt
        .name
        .as_deref()
        .or(attempt.paths.first().map(|p| p.server.as_str()));
    let name = name.unwrap_or("?");
    let number = format!(" #{} ", attempt.id);
    let outcome = attempt.outcome.as_str();
    let took = format!(" {}", duration(attempt.duration));
    let cause = attempt.cause.as_deref().map(|c| format!("  {c}"));
    let cause = cause.unwrap_or_default();
    let blame = attempt
        .blame
        .map(|b| format!(" · points at {}", b.as_str()));
    let long = format!("{took}{cause}{}", blame.unwrap_or_default());
    let fixed = number.len() + outcome.len() + 2;
    // The name before whom it points at, and that before the cause's place on the screen.
    let fits = |tail: &str| fixed + name.width() + tail.width() <= width;
    let short = format!("{took}{cause}");
    let tail = if fits(&long) { long } else { short };
    let room = width.saturating_sub(fixed + tail.width()).max(16);
    vec![
        ink(Ink::Dim, number),
        ink(Ink::Strong, cut(name, room, look.glyphs)),
        ink(Ink::Plain, "  "),
        ink(of_outcome(attempt.outcome), outcome),
        ink(Ink::Plain, tail),
    ]
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
    spans.push(ink(Ink::Plain, format!("{packets} packets  ")));
    match status.dropped {
        Some(0) => spans.push(ink(Ink::Dim, "none lost  ")),
        Some(lost) => spans.push(ink(Ink::Bad, format!("{} lost  ", grouped(lost)))),
        None => {}
    }
    spans.push(ink(Ink::Plain, format!("{}  ", size(status.bytes))));
    if model.screen == Screen::Attempts {
        spans.extend(selection(model, look));
    }
    // Behind the counters: these stay in view.
    if let Some(news) = &status.news {
        spans.push(ink(Ink::Warn, format!("{news}  ")));
    }
    let used: usize = spans.iter().map(|s| s.text.width()).sum();
    spans.extend(sparkline(status, look, width.saturating_sub(used + 1)));
    spans
}

/// How the list differs from all attempts in the order of time.
fn selection(model: &Model, look: Look) -> Vec<Span> {
    let List { sort, reverse, .. } = model.list;
    let mut spans = Vec::new();
    if !model.filter_text.is_empty() {
        let count = model.list.rows().len();
        let all = model.data.as_ref().map_or(0, |d| d.keys.len());
        let filter = cut(&model.filter_text, 20, look.glyphs);
        let text = format!("filter {filter} ({count} of {all})  ");
        spans.push(ink(Ink::Warn, text));
    }
    if sort != Sort::Started || reverse {
        let way = if reverse { ", reversed" } else { "" };
        let text = format!("by {}{way}  ", sort.name());
        spans.push(ink(Ink::Warn, text));
    }
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
        r if r >= 10.0 || r <= 0.0 => format!("{r:.0}/s"),
        r => format!("{r:.1}/s"),
    };
    let bars: String = sums.iter().map(glyph).collect();
    vec![
        ink(Ink::Accent, bars),
        ink(Ink::Dim, format!(" {word}{rate}")),
    ]
}
