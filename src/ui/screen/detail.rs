//! One attempt in full: findings and facts, and its packets with their bytes.

use super::{Look, bar, cut, duration, ink, lines, right, text, waits, wrap};
use crate::diagnose::rules;
use crate::ladder::{Ink, Seen, Span, Trouble};
use crate::snapshot::{Attempt, Finding, Path, Status};
use crate::types::Timestamp;
use crate::ui::model::{Model, Pane, Screen};
use crate::ui::theme::{of_outcome, of_severity, of_status};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use std::fmt::Write;

/// From this width on both halves are shown side by side.
const WIDE: u16 = 140;
/// Bytes in a line of hex.
const HEX: usize = 16;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    let (left, right) = if area.width >= WIDE {
        let parts = [Constraint::Percentage(50), Constraint::Percentage(50)];
        let [left, right] = Layout::horizontal(parts).spacing(1).areas(area);
        (Some(left), Some(right))
    } else if model.pane != Pane::First {
        (None, Some(area))
    } else {
        (Some(area), None)
    };
    if let Some(left) = left {
        facts(frame, left, model, look);
    }
    if let Some(right) = right {
        packets(frame, right, model, look);
    }
}

fn head(area: Rect) -> (Rect, Rect) {
    let parts = [Constraint::Length(1), Constraint::Min(1)];
    let [head, body] = Layout::vertical(parts).areas(area);
    (head, body)
}

/// What has the keys has a star.
fn mark(model: &Model, pane: Pane) -> char {
    if model.pane == pane { '*' } else { ' ' }
}

fn facts(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    let (heading, body) = head(area);
    let mark = mark(model, Pane::First);
    bar(frame, heading, look, &format!("{mark}findings and facts"));
    model.panes.push((Pane::First, body));
    let room = usize::from(area.width).saturating_sub(2);
    let mut all = Vec::new();
    if let Some(attempt) = model.attempt() {
        findings(attempt, room, &mut all);
        rivals(model, room, &mut all);
        stages(attempt, model.status.clock, room, look, &mut all);
        for (index, path) in attempt.paths.iter().enumerate() {
            self::path(index, path, room, &mut all);
        }
    }
    groups(model, room, &mut all);
    if let Some(attempt) = model.attempt() {
        heading_line("Wireshark display filter", &mut all);
        entry("", &attempt.filter, room, Ink::Accent, &mut all);
    }
    let scroll = &mut model.scrolls[Screen::Detail as usize];
    text(frame, body, look, scroll, all);
}

fn heading_line(title: &str, out: &mut Vec<Vec<Span>>) {
    if !out.is_empty() {
        out.push(Vec::new());
    }
    out.push(vec![ink(Ink::Strong, title)]);
}

/// A name and a value that may take several lines.
fn entry(name: &str, value: &str, room: usize, inked: Ink, out: &mut Vec<Vec<Span>>) {
    let width = if name.is_empty() { 2 } else { 20 };
    for (at, text) in wrap(value, room.saturating_sub(width), 0)
        .into_iter()
        .enumerate()
    {
        let name = if at == 0 { name } else { "" };
        out.push(vec![
            ink(Ink::Dim, format!("  {name:<fill$}", fill = width - 2)),
            ink(inked, text),
        ]);
    }
}

fn findings(attempt: &Attempt, room: usize, out: &mut Vec<Vec<Span>>) {
    let mut shown: Vec<&Finding> = attempt.findings.iter().collect();
    let main = attempt.cause.as_ref();
    shown.sort_by_key(|f| (Some(&f.cause) != main, std::cmp::Reverse(f.severity)));
    for finding in shown {
        let rule = rules::find(&finding.cause);
        heading_line("", out);
        out.pop();
        out.push(vec![
            ink(of_severity(finding.severity), finding.severity.as_str()),
            ink(Ink::Strong, format!(" {}", finding.cause)),
        ]);
        entry("", rule.map_or("", |r| r.title()), room, Ink::Plain, out);
        let sure = finding.confidence * 100.0;
        let path = finding.path.map(|p| format!(", connection {}", p + 1));
        let path = path.unwrap_or_default();
        entry(
            "points at",
            &format!("{}, {sure:.0} % sure{path}", attempt.whom(finding).as_str()),
            room,
            Ink::Plain,
            out,
        );
        entry("seen", &finding.what, room, Ink::Plain, out);
        let frames: Vec<String> = finding.frames.iter().map(u32::to_string).collect();
        if !frames.is_empty() {
            entry(
                "proof",
                &format!("frames {}", frames.join(", ")),
                room,
                Ink::Accent,
                out,
            );
        }
        let section = |heading| rule.and_then(|r| r.section(heading));
        if Some(&finding.cause) == main {
            for (name, heading) in [
                ("how sure", "How sure"),
                ("or rather", "Often confused with"),
                ("what to do", "What to do"),
            ] {
                if let Some(text) = section(heading) {
                    entry(name, &text, room, Ink::Plain, out);
                }
            }
        }
    }
    if attempt.findings.is_empty() {
        out.push(vec![ink(
            of_outcome(attempt.outcome),
            attempt.outcome.as_str(),
        )]);
        entry("", "no rule found anything to tell", room, Ink::Dim, out);
    }
}

/// What spoke against other causes, where it was asked for.
fn rivals(model: &Model, room: usize, out: &mut Vec<Vec<Span>>) {
    let Some(shown) = model.rivals.as_ref().filter(|r| Some(r.key) == model.key()) else {
        return;
    };
    heading_line("Why nothing else", out);
    if shown.rivals.is_empty() {
        let text = "the attempt is no longer held, or has no cause of its own";
        entry("", text, room, Ink::Dim, out);
    }
    for rival in &shown.rivals {
        let text = format!("{}: {}", rival.cause, rival.title);
        entry("", &text, room, Ink::Strong, out);
        for reason in &rival.answer.reasons {
            let frames: Vec<String> = reason.frames.iter().map(u32::to_string).collect();
            let frames = match frames.is_empty() {
                true => String::new(),
                false => format!(" (frames {})", frames.join(", ")),
            };
            let text = format!("{}{frames}", reason.what);
            entry(reason.kind.label(), &text, room, Ink::Plain, out);
        }
    }
}

fn stages(
    attempt: &Attempt,
    clock: Option<Timestamp>,
    room: usize,
    look: Look,
    out: &mut Vec<Vec<Span>>,
) {
    heading_line("Stages", out);
    for stage in &attempt.stages {
        let glyph = match stage.status {
            Status::Passed => look.glyphs.passed,
            Status::Slow => look.glyphs.slow,
            Status::Broke => look.glyphs.broke,
            Status::Unseen => look.glyphs.unseen,
            Status::Skipped => look.glyphs.skipped,
        };
        let took = stage
            .took
            .map(|t| format!(" in {}", duration(t)))
            .unwrap_or_default();
        let text = format!("{glyph} {}{took}: {}", stage.status.as_str(), stage.detail);
        entry(stage.stage, &text, room, of_status(stage.status), out);
        if let Some(pending) = &stage.pending {
            entry(
                " ",
                &format!("waits: {}", waits(pending, clock)),
                room,
                Ink::Accent,
                out,
            );
        }
    }
}

fn path(index: usize, path: &Path, room: usize, out: &mut Vec<Vec<Span>>) {
    heading_line(&format!("Connection {}", index + 1), out);
    let text = format!("{} {} → {}", path.transport, path.client, path.server);
    entry("", &text, room, Ink::Plain, out);
    let cause = path
        .cause
        .as_deref()
        .map(|c| format!(", {c}"))
        .unwrap_or_default();
    let text = format!("{}{cause}", path.outcome.as_str());
    entry("outcome", &text, room, of_outcome(path.outcome), out);
    if let Some(network) = &path.network {
        let asn = network.asn.map(|a| format!(" AS{a}")).unwrap_or_default();
        let prefix = network.prefix.as_deref().unwrap_or_default();
        let text = format!(
            "{}{asn} {prefix}",
            network.cdn.as_deref().unwrap_or_default()
        );
        entry("network", text.trim(), room, Ink::Plain, out);
    }
    let rtt = path.rtt.map(duration);
    let stream = path.tcp_stream.map(|s| s.to_string());
    for (name, value) in [
        ("version", &path.version),
        ("SNI", &path.sni),
        (
            "ALPN",
            &Some(path.alpn.join(", ")).filter(|a| !a.is_empty()),
        ),
        ("JA4", &path.ja4),
        ("round trip", &rtt),
        ("tcp.stream", &stream),
        ("app", &path.app),
    ] {
        if let Some(value) = value {
            entry(name, value, room, Ink::Plain, out);
        }
    }
}

/// What the packets say.
fn groups(model: &Model, room: usize, out: &mut Vec<Vec<Span>>) {
    if let Some(text) = super::ladder::waiting(model) {
        out.push(Vec::new());
        out.push(vec![text]);
        return;
    }
    let groups = model.loaded.collected.iter().flat_map(|c| &c.facts);
    for group in groups {
        heading_line(&group.title, out);
        for (name, value) in &group.lines {
            entry(name, value, room, Ink::Plain, out);
        }
    }
}

fn packets(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    let list_height = (area.height / 2).max(3);
    let parts = [
        Constraint::Length(1),
        Constraint::Length(list_height.saturating_sub(1)),
        Constraint::Min(3),
    ];
    let [heading, list, below] = Layout::vertical(parts).areas(area);
    let mark_of_list = mark(model, Pane::Second);
    bar(frame, heading, look, &format!("{mark_of_list}packets"));
    let mark = mark(model, Pane::Third);
    model.panes.push((Pane::Second, list));
    let (head_of_bytes, body_of_bytes) = head(below);
    model.panes.push((Pane::Third, body_of_bytes));
    if let Some(text) = super::ladder::waiting(model) {
        lines(frame, list, look, None, [text].map(|t| vec![t]).into_iter());
        return;
    }
    let view = &mut model.ladder;
    let Some(ladder) = &view.ladder else { return };
    view.list.measure(ladder.packets.len(), list.height.into());
    let scroll = view.list;
    let start = ladder.packets[0].mark.time;
    let width = usize::from(area.width);
    let rows = ladder.packets.iter().skip(scroll.top).map(|packet| {
        let after = packet.mark.time.since(start).as_secs_f64();
        let number = packet.mark.frame.0;
        let sent = ladder.between(packet).0 == 0;
        row(
            packet,
            look,
            width,
            &format!("{number:>7} {after:>10.4} "),
            sent,
        )
    });
    lines(frame, list, look, scroll.at.checked_sub(scroll.top), rows);
    if scroll.count > scroll.height {
        let word = format!(" {}/{} ", scroll.at + 1, scroll.count);
        right(frame, heading, heading.y, look, &word);
    }
    if let Some(packet) = ladder.packets.get(scroll.at) {
        let title = format!(
            "{mark}frame {}  {} → {}  {} bytes, {} captured",
            packet.mark.frame.0, packet.src, packet.dst, packet.wire_len, packet.captured
        );
        bar(frame, head_of_bytes, look, &title);
        let rows = bytes(packet, body_of_bytes.width.into());
        text(frame, body_of_bytes, look, &mut view.bytes, rows);
    }
}

fn row(packet: &Seen, look: Look, width: usize, start: &str, sent: bool) -> Vec<Span> {
    let glyphs = look.glyphs;
    let proof = if packet.proof { glyphs.proof } else { ' ' };
    let arrow = glyphs.heads[usize::from(sent)];
    let trouble = match packet.trouble {
        Trouble::None | Trouble::KeepAlive => "",
        Trouble::Again if packet.what.contains(" try ") => "",
        Trouble::Again => " (again)",
        Trouble::Late => " (late)",
        Trouble::Missing(_) => " (after a gap)",
    };
    let inked = match packet.trouble {
        _ if packet.bad => Ink::Bad,
        Trouble::None | Trouble::KeepAlive => Ink::Plain,
        _ => Ink::Warn,
    };
    let text = format!("{arrow} {}{trouble}", packet.what);
    vec![
        ink(Ink::Bad, proof.to_string()),
        ink(Ink::Dim, start),
        ink(
            inked,
            cut(&text, width.saturating_sub(start.len() + 1), glyphs),
        ),
    ]
}

/// The packet under the cursor: what it says, and its bytes.
fn bytes(packet: &Seen, room: usize) -> Vec<Vec<Span>> {
    let what = wrap(&packet.what, room.saturating_sub(2), 0).into_iter();
    let mut rows: Vec<Vec<Span>> = what
        .map(|text| vec![ink(Ink::Plain, format!(" {text}"))])
        .collect();
    let hex = packet.bytes.chunks(HEX).enumerate();
    rows.extend(hex.map(|(at, chunk)| hex_line(at, chunk)));
    let more = packet.captured.saturating_sub(packet.bytes.len());
    if more > 0 {
        let text = format!(" … {more} bytes more are not kept here; an export has them all");
        rows.push(vec![ink(Ink::Dim, text)]);
    }
    rows
}

fn hex_line(at: usize, chunk: &[u8]) -> Vec<Span> {
    let mut digits = String::new();
    for (place, byte) in chunk.iter().enumerate() {
        let gap = if place == HEX / 2 { "  " } else { " " };
        let _ = write!(digits, "{gap}{byte:02x}");
    }
    let plain = |b: &u8| {
        if (0x20..0x7f).contains(b) {
            char::from(*b)
        } else {
            '.'
        }
    };
    let text: String = chunk.iter().map(plain).collect();
    vec![
        ink(Ink::Dim, format!(" {:04x} ", at * HEX)),
        ink(Ink::Plain, format!("{digits:<49}")),
        ink(Ink::Dim, format!("  {text}")),
    ]
}
