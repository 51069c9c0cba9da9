//! The pictures that are no ladders: when the attempts were, how fast resolvers answered, how often was tried.

use super::super::ticket::{Page, name};
use super::esc;
use crate::ladder::{Collected, Seen};
use crate::snapshot::{Attempt, Outcome, Resolver};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Attempts in the picture of times.
const MAX_ATTEMPTS: usize = 40;
/// Resolvers in their picture.
const MAX_RESOLVERS: usize = 16;
/// Attempts in the picture of tries.
const MAX_TRIES: usize = 12;
/// Height of a line of text.
const LINE: u32 = 15;
/// Fewest packets of a kind that are worth a row.
const MIN_TRIES: usize = 3;

/// A word and a sign for an outcome.
pub(super) const fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "✓",
        Outcome::Degraded => "~",
        Outcome::Broken => "✗",
        Outcome::Unfinished | Outcome::Abandoned => "?",
    }
}

const fn fill(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "okf",
        Outcome::Degraded => "warnf",
        Outcome::Broken => "fail",
        Outcome::Unfinished | Outcome::Abandoned => "dimf",
    }
}

#[allow(clippy::cast_precision_loss)] // seconds of a picture
fn seconds(time: Timestamp, since: Timestamp) -> f64 {
    (time.as_nanosecond() - since.as_nanosecond()) as f64 / 1e9
}

/// The end of an axis that begins at 0.
fn length(seconds: f64) -> String {
    match seconds < 1.0 {
        true => format!("{:.1} ms", seconds * 1e3),
        false => format!("{seconds:.1} s"),
    }
}

/// What to draw where there is more than fits: what failed, and of the rest the first.
fn chosen<'a>(page: &Page<'a>) -> Vec<&'a Attempt> {
    let all = &page.report.attempts;
    if all.len() <= MAX_ATTEMPTS {
        return all.iter().collect();
    }
    let failed = |a: &&Attempt| a.outcome == Outcome::Broken;
    let mut ids: Vec<usize> = all.iter().filter(failed).map(|a| a.id).collect();
    ids.extend(all.iter().filter(|a| !failed(a)).map(|a| a.id));
    ids.truncate(MAX_ATTEMPTS);
    all.iter().filter(|a| ids.contains(&a.id)).collect()
}

/// When each attempt was, and how long it took.
pub(super) fn timeline(page: &Page<'_>, out: &mut String) {
    let attempts = chosen(page);
    let spans: Vec<(&Attempt, Timestamp)> = attempts
        .iter()
        .filter_map(|a| Some((*a, a.started.parse().ok()?)))
        .collect();
    let Some(first) = spans.iter().map(|(_, t)| *t).min() else {
        return;
    };
    if spans.len() < 2 {
        return;
    }
    let end = |(a, t): &(&Attempt, Timestamp)| seconds(*t, first) + a.duration / 1e3;
    let whole = spans.iter().map(end).fold(0.001, f64::max);
    let mut body = String::new();
    let mut y = 18;
    for (attempt, started) in &spans {
        let from = seconds(*started, first) / whole * 97.0;
        let wide = (attempt.duration / 1e3 / whole * 97.0).clamp(0.6, 98.0);
        let class = fill(attempt.outcome);
        let _ = write!(
            body,
            "<a href=\"#a{id}\"><text x=\"0\" y=\"{y}\">{sign} {id} {name}</text></a>\
             <rect class=\"{class}\" x=\"{from:.2}%\" y=\"{top}\" width=\"{wide:.2}%\" height=\"7\" rx=\"2\"/>",
            id = attempt.id,
            sign = sign(attempt.outcome),
            name = esc(&cut(name(attempt), 44)),
            top = y + 5,
        );
        y += 30;
    }
    let _ = write!(
        body,
        "<line class=\"axis\" x1=\"0\" x2=\"100%\" y1=\"{a}\" y2=\"{a}\"/>\
         <text class=\"t\" x=\"0\" y=\"{b}\">0 s</text>\
         <text class=\"t\" x=\"100%\" y=\"{b}\" text-anchor=\"end\">{}</text>",
        length(whole),
        a = y - 10,
        b = y + 5,
    );
    let left = page.report.attempts.len() - spans.len();
    let more = match left {
        0 => String::new(),
        n => format!(" {n} more are in the table."),
    };
    figure(
        out,
        "timeline",
        "When the attempts were",
        &format!(
            "A bar for each attempt, from its first packet until its outcome was clear.{more}"
        ),
        &body,
        y + 12,
    );
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(most - 1).collect();
    out.push('…');
    out
}

fn figure(out: &mut String, id: &str, title: &str, about: &str, body: &str, height: u32) {
    let _ = writeln!(
        out,
        "<figure><figcaption>{about}</figcaption><svg role=\"img\" aria-labelledby=\"{id}t {id}d\" width=\"100%\" \
         height=\"{height}\"><title id=\"{id}t\">{title}</title><desc id=\"{id}d\">{about}</desc>{body}</svg></figure>",
    );
}

/// How fast resolvers answered.
pub(super) fn resolvers(page: &Page<'_>, out: &mut String) {
    let timed = |r: &&Resolver| r.median.is_some();
    let all: Vec<&Resolver> = page.report.resolvers.iter().filter(timed).collect();
    let slowest = |r: &&Resolver| {
        r.p95
            .or(r.median)
            .unwrap_or(0.0)
            .max(f64::from(r.typical.unwrap_or(0)))
    };
    let whole = all.iter().map(slowest).fold(0.001, f64::max);
    if all.is_empty() {
        return;
    }
    let mut body = String::new();
    let mut y = 16;
    for r in all.iter().take(MAX_RESOLVERS) {
        let (median, p95) = (r.median.unwrap_or(0.0), r.p95.unwrap_or(0.0));
        let who = r
            .name
            .as_deref()
            .map_or(String::new(), |n| format!(" ({n})"));
        let _ = write!(
            body,
            "<text x=\"0\" y=\"{y}\">{}</text>\
             <text class=\"dimt\" x=\"0\" y=\"{}\">half within {median:.1} ms, 95 % within {p95:.1} ms</text>\
             <rect class=\"bar\" x=\"0\" y=\"{t}\" width=\"{:.2}%\" height=\"10\"/>\
             <rect class=\"far\" x=\"0\" y=\"{t}\" width=\"{:.2}%\" height=\"10\"/>",
            esc(&cut(&format!("{}{who}", r.address), 50)),
            y + LINE,
            median / whole * 99.0,
            p95 / whole * 99.0,
            t = y + 20,
        );
        if let Some(typical) = r.typical {
            let at = f64::from(typical) / whole * 99.0;
            let _ = write!(
                body,
                "<line class=\"arrow warna\" x1=\"{at:.2}%\" x2=\"{at:.2}%\" y1=\"{}\" y2=\"{}\"/>",
                y + 17,
                y + 33
            );
        }
        y += 52;
    }
    let about = "Filled: half of the answers came within that time. Outlined: 95 % of them. Upright line: what is published as typical for that resolver, a rough scale only.";
    figure(
        out,
        "resolvers",
        "How fast resolvers answered",
        about,
        &body,
        y - 10,
    );
}

/// Packets of one kind that the client sent again and again.
fn tries(packets: &Collected) -> Option<(String, Vec<&Seen>)> {
    let start = packets.packets.first()?;
    let mut kinds: BTreeMap<String, Vec<&Seen>> = BTreeMap::new();
    let from_client = packets
        .packets
        .iter()
        .filter(|p| p.src.addr == start.src.addr);
    for packet in from_client.filter(|p| !p.bulk && !p.bad) {
        let what = packet.what.split(" try ").next().unwrap_or_default();
        let kind = format!("{what} to {}", packet.dst.addr);
        kinds.entry(kind).or_default().push(packet);
    }
    let most = kinds.into_iter().max_by_key(|(_, p)| p.len())?;
    (most.1.len() >= MIN_TRIES).then_some(most)
}

/// How often, and when, clients tried the same again.
pub(super) fn retries(page: &Page<'_>, out: &mut String) {
    let attempt = |index: usize| page.report.attempts.get(index);
    let failed = page.told.iter().filter_map(|t| {
        let attempt = attempt(t.attempt).filter(|a| a.outcome != Outcome::Ok)?;
        let (what, packets) = tries(&t.packets)?;
        Some((attempt, what, packets))
    });
    let rows: Vec<(&Attempt, String, Vec<&Seen>)> = failed.take(MAX_TRIES).collect();
    let passed = |p: &[&Seen]| -> Vec<f64> {
        let first = p[0].mark.time;
        p.iter()
            .map(|s| s.mark.time.since(first).as_secs_f64())
            .collect()
    };
    let last = |row: &(&Attempt, String, Vec<&Seen>)| passed(&row.2).last().copied().unwrap_or(0.0);
    let whole = rows.iter().map(last).fold(0.001, f64::max);
    if rows.is_empty() {
        return;
    }
    let mut body = String::new();
    let mut y = 16;
    for (attempt, what, packets) in &rows {
        let times = passed(packets);
        let text = format!("{} {what}: {} times", attempt.id, times.len());
        let _ = write!(
            body,
            "<text x=\"0\" y=\"{y}\">{}</text><line class=\"axis\" x1=\"1%\" x2=\"99%\" y1=\"{l}\" y2=\"{l}\"/>",
            esc(&cut(&text, 56)),
            l = y + 12,
        );
        for time in times.iter().take(200) {
            let at = 2.0 + time / whole * 96.0;
            let _ = write!(
                body,
                "<circle class=\"fail\" cx=\"{at:.2}%\" cy=\"{}\" r=\"4\"/>",
                y + 12
            );
        }
        y += 38;
    }
    let _ = write!(
        body,
        "<text class=\"t\" x=\"1%\" y=\"{b}\">0 s</text><text class=\"t\" x=\"99%\" y=\"{b}\" text-anchor=\"end\">{}</text>",
        length(whole),
        b = y - 4
    );
    let about =
        "A dot for each time the client sent the same again, on one scale from its first try.";
    figure(out, "retries", "Tries over time", about, &body, y + 4);
}
