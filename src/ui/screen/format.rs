//! Text and numbers in so many columns.

use crate::ladder::Glyphs;
use crate::snapshot::Pending;
use crate::types::Timestamp;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text in exactly so many columns: cut, or filled with spaces.
pub(super) fn pad(text: &str, room: usize, glyphs: Glyphs) -> String {
    let mut out = cut(text, room, glyphs);
    let used = out.width();
    out.extend(std::iter::repeat_n(' ', room.saturating_sub(used)));
    out
}

/// The text in at most so many columns.
pub(super) fn cut(text: &str, room: usize, glyphs: Glyphs) -> String {
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

/// The same, but with its end kept: of a path that matters most.
pub(super) fn cut_middle(text: &str, room: usize, glyphs: Glyphs) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let front = cut(text, room / 3, glyphs);
    let mut rest = room.saturating_sub(front.width());
    let fits = |c: &char| {
        let width = c.width().unwrap_or(0);
        let fits = width <= rest;
        rest = if fits { rest - width } else { 0 };
        fits
    };
    let end: Vec<char> = text.chars().rev().take_while(fits).collect();
    front.chars().chain(end.into_iter().rev()).collect()
}

/// The text in lines of at most so many columns, broken between words, the further ones indented.
pub(super) fn wrap(text: &str, room: usize, indent: usize) -> Vec<String> {
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
pub(super) fn duration(ms: f64) -> String {
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
pub(super) fn waits(pending: &Pending, clock: Option<Timestamp>) -> String {
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
pub(super) fn waits_short(pending: &Pending, clock: Option<Timestamp>, width: usize) -> String {
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
pub(super) fn grouped(number: u64) -> String {
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
pub(super) fn size(bytes: u64) -> String {
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
        let path = "written to /a/long/way/to/file.txt";
        assert_eq!(
            cut_middle(path, 24, Glyphs::UNICODE),
            "written…/way/to/file.txt"
        );
        assert_eq!(cut_middle(path, 99, Glyphs::UNICODE), path);
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
