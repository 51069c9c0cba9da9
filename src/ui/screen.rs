//! Paints the model on a terminal.
//!
//! ```text
//!  Attempts   Ladder   Detail   …                     the screens; the one shown stands out
//!  phone.pcap  read  812 packets  90 kB  ▁▂▅▇ 120/s   what is read, how fast, what was lost
//!  BROKEN …                                           the verdict (list) or the attempt (ladder, detail)
//!  …                                                  the screen's own part
//!  enter open  / filter  ? help  q back               keys, a prompt, or a message
//! ```
//!
//! Only lines in view are made, so that a frame costs the same with ten attempts and with a hundred thousand.

mod attempts;
mod causes;
mod detail;
mod export;
mod head;
mod help;
mod ladder;
mod tables;

use super::action::Action;
use super::model::{Model, Screen, Scroll};
use super::theme::Theme;
use crate::ladder::{Glyphs, Ink, Span};
use crate::snapshot::Pending;
use crate::types::Timestamp;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How things look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Colours.
    pub theme: Theme,
    /// Characters.
    pub glyphs: Glyphs,
}

/// Smallest terminal that anything can be shown on.
const SMALLEST: (u16, u16) = (40, 10);

/// Paints everything.
pub fn draw(frame: &mut Frame<'_>, model: &mut Model, look: Look) {
    let area = frame.area();
    model.resized((area.width, area.height));
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        frame.render_widget(Line::raw("terminal too small"), area);
        return;
    }
    let head = if model.screen == Screen::Attempts {
        4
    } else {
        2
    };
    let parts = [
        Constraint::Length(1),
        Constraint::Length(head),
        Constraint::Min(3),
        Constraint::Length(1),
    ];
    let [title, top, body, foot] = Layout::vertical(parts).areas(area);
    head::title(frame, title, model, look);
    match model.screen {
        Screen::Attempts => head::verdict(frame, top, model, look),
        _ => head::attempt(frame, top, model, look),
    }
    match model.screen {
        Screen::Attempts => attempts::draw(frame, body, model, look),
        Screen::Ladder => ladder::draw(frame, body, model, look),
        Screen::Detail => detail::draw(frame, body, model, look),
        Screen::Resolvers => tables::resolvers(frame, body, model, look),
        Screen::Servers => tables::servers(frame, body, model, look),
        Screen::Causes => causes::draw(frame, body, model, look),
        Screen::Export => export::draw(frame, body, model, look),
        Screen::Help => help::draw(frame, body, model, look),
    }
    footer(frame, foot, model, look);
}

/// A prompt, a message, or the keys that matter here.
fn footer(frame: &mut Frame<'_>, area: Rect, model: &Model, look: Look) {
    if let Some(prompt) = &model.prompt {
        let mut spans = vec![ink(Ink::Strong, "filter: "), ink(Ink::Plain, &prompt.text)];
        spans.push(ink(Ink::Plain, "_"));
        if let Some(error) = &prompt.error {
            spans.push(ink(Ink::Bad, format!("   {error}")));
        } else if prompt.text.is_empty() {
            let fields = "   name: cause: stage: server: outcome: text /regex/ -not";
            spans.push(ink(Ink::Dim, fields));
        }
        frame.render_widget(line(look, &spans), area);
        return;
    }
    if let Some(message) = &model.message {
        frame.render_widget(line(look, &[ink(Ink::Accent, format!(" {message}"))]), area);
        return;
    }
    let mut spans = Vec::new();
    let mut used = 0;
    for (action, word) in hints(model.screen) {
        let (key, word) = (
            format!(" {}", model.keys.name(*action)),
            format!(" {word} "),
        );
        used += key.width() + word.width();
        if used > area.width.into() {
            break;
        }
        spans.extend([ink(Ink::Strong, key), ink(Ink::Plain, word)]);
    }
    frame.render_widget(line(look, &spans), area);
}

/// What the last line offers.
fn hints(screen: Screen) -> &'static [(Action, &'static str)] {
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
            (Action::Right, "next try"),
            (Action::Export, "export"),
            (Action::Help, "help"),
            (Action::Back, "back"),
        ],
        Screen::Detail => &[
            (Action::Pane, "facts/packets"),
            (Action::Ladder, "ladder"),
            (Action::Right, "next try"),
            (Action::Causes, "cause"),
            (Action::Rivals, "why not"),
            (Action::Export, "export"),
            (Action::Back, "back"),
        ],
        Screen::Servers => &[(Action::Open, "its attempts"), (Action::Back, "back")],
        Screen::Causes => &[(Action::Pane, "list/text"), (Action::Back, "back")],
        Screen::Export => &[(Action::Open, "write"), (Action::Back, "back")],
        Screen::Resolvers | Screen::Help => &[(Action::Help, "help"), (Action::Back, "back")],
    }
}

/// A piece of a line.
fn ink(ink: Ink, text: impl Into<String>) -> Span {
    let text = text.into();
    Span { ink, text }
}

/// A line of inked pieces.
fn line(look: Look, spans: &[Span]) -> Line<'static> {
    let style = |s: &Span| ratatui::text::Span::styled(s.text.clone(), look.theme.ink(s.ink));
    Line::from_iter(spans.iter().map(style))
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
    let style = style.add_modifier(ratatui::style::Modifier::UNDERLINED);
    let text = pad(text, area.width.into(), look.glyphs);
    frame.render_widget(Line::styled(text, style), area);
}

/// The text in exactly so many columns: cut, or filled with spaces.
fn pad(text: &str, room: usize, glyphs: Glyphs) -> String {
    let mut out = cut(text, room, glyphs);
    let used = out.width();
    out.extend(std::iter::repeat_n(' ', room.saturating_sub(used)));
    out
}

/// The text in at most so many columns.
fn cut(text: &str, room: usize, glyphs: Glyphs) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used >= room {
            break;
        }
        out.push(c);
    }
    if room > 0 {
        out.push(glyphs.more);
    }
    out
}

/// The text in lines of at most so many columns, broken between words, the further ones indented.
fn wrap(text: &str, room: usize, indent: usize) -> Vec<String> {
    let room = room.max(10);
    let mut out = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word = word.to_owned();
        while let Some(current) = out.last_mut() {
            let blank = current.trim().is_empty();
            let gap = usize::from(!blank);
            let used = current.width();
            if used + gap + word.width() <= room {
                if gap > 0 {
                    current.push(' ');
                }
                current.push_str(&word);
                break;
            }
            if blank {
                // Longer than a line: broken inside.
                let mut width = used;
                let mut fits = |c: char| {
                    width += c.width().unwrap_or(0);
                    width <= room
                };
                let count = word.chars().take_while(|c| fits(*c)).count().max(1);
                current.extend(word.chars().take(count));
                word = word.chars().skip(count).collect();
            }
            if word.is_empty() {
                break;
            }
            out.push(" ".repeat(indent));
        }
    }
    out
}

/// Milliseconds in at most eight columns.
fn duration(ms: f64) -> String {
    if ms >= 100_000.0 {
        format!("{:.0} s", ms / 1000.0)
    } else if ms >= 1_000.0 {
        format!("{:.1} s", ms / 1000.0)
    } else if ms >= 100.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{ms:.1} ms")
    }
}

/// What a stage waits for, in words.
fn waits(pending: &Pending, clock: Option<Timestamp>) -> String {
    let usual = pending.usual.map(|usual| format!(" of about {usual}"));
    let tries = format!(
        "{} {}{}",
        pending.sent,
        pending.tries,
        usual.unwrap_or_default()
    );
    match (
        until(pending.next.as_deref(), clock),
        since(&pending.since, clock),
    ) {
        (Some(0.0), _) => format!("{tries}, next due about now"),
        (Some(next), _) => format!("{tries}, next in about {next:.1} s"),
        (None, Some(waited)) => format!("{tries}, no answer for {waited:.1} s"),
        (None, None) => tries,
    }
}

/// The same in a cell: what was sent and how often, then the seconds until the next try, or those waited.
fn waits_short(pending: &Pending, clock: Option<Timestamp>, width: usize) -> String {
    let tries = pending.tries;
    let next = until(pending.next.as_deref(), clock);
    let waited = since(&pending.since, clock).map_or(String::new(), |s| format!(" {s:.0}s"));
    if width > 12 {
        let sent = match pending.sent {
            "ClientHello" => "hello",
            "Initial" => "try",
            other => other,
        };
        return match next {
            Some(next) => format!("{sent} {tries} ~{next:.1} s"),
            None => format!("{sent} {tries}{waited}"),
        };
    }
    match next {
        Some(next) => format!("#{tries} {next:.1}s"),
        None => format!("#{tries}{waited}"),
    }
}

/// Seconds until a time, not below 0.
fn until(time: Option<&str>, clock: Option<Timestamp>) -> Option<f64> {
    let left = seconds(time?)? - clock_seconds(clock?);
    Some(left.max(0.0))
}

fn since(time: &str, clock: Option<Timestamp>) -> Option<f64> {
    Some((clock_seconds(clock?) - seconds(time)?).max(0.0))
}

fn seconds(time: &str) -> Option<f64> {
    let time: jiff::Timestamp = time.parse().ok()?;
    Some(time.as_duration().as_secs_f64())
}

#[allow(clippy::cast_precision_loss)] // microseconds are lost, tenths are shown
fn clock_seconds(clock: Timestamp) -> f64 {
    clock.0 as f64 / 1e9
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, c) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Bytes, short.
#[allow(clippy::cast_precision_loss)]
fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        10_000_000..10_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_measured_in_columns() {
        assert_eq!(cut("例え.テスト", 6, Glyphs::UNICODE), "例え.…");
        assert_eq!(pad("例え", 6, Glyphs::UNICODE), "例え  ");
        assert_eq!(cut("abc", 3, Glyphs::UNICODE), "abc");
        assert_eq!(cut("abcd", 3, Glyphs::ASCII), "ab>");
    }

    #[test]
    fn text_is_wrapped_between_words_and_inside_long_ones() {
        assert_eq!(
            wrap("one two three four", 10, 2),
            ["one two", "  three", "  four"]
        );
        let long = wrap(&"x".repeat(25), 10, 0);
        assert_eq!(long.concat(), "x".repeat(25));
        assert!(long.iter().all(|l| l.len() <= 10), "{long:?}");
    }

    #[test]
    fn what_is_waited_for_counts_down() {
        let mut pending = Pending {
            sent: "SYN",
            tries: 2,
            usual: Some(7),
            since: "1970-01-01T00:00:10Z".to_owned(),
            last: "1970-01-01T00:00:11Z".to_owned(),
            next: Some("1970-01-01T00:00:13Z".to_owned()),
        };
        let at = |tenths: i64| Some(Timestamp(tenths * 100_000_000));
        assert_eq!(
            waits(&pending, at(116)),
            "SYN 2 of about 7, next in about 1.4 s"
        );
        assert_eq!(waits_short(&pending, at(116), 14), "SYN 2 ~1.4 s");
        assert_eq!(waits_short(&pending, at(116), 8), "#2 1.4s");
        assert_eq!(
            waits(&pending, at(150)),
            "SYN 2 of about 7, next due about now"
        );
        (pending.next, pending.usual) = (None, None);
        assert_eq!(waits(&pending, at(116)), "SYN 2, no answer for 1.6 s");
        assert_eq!(waits_short(&pending, at(116), 8), "#2 2s");
        assert_eq!(waits(&pending, None), "SYN 2");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
        assert_eq!(duration(15_012.7), "15.0 s");
        assert_eq!(size(90_112), "90 kB");
    }
}
