//! The verdict in full: why, what else it could be, what to do.

use super::{Look, bar, ink, text, wrap};
use crate::ladder::{Ink, Span};
use crate::report::text::{blocked, reasoned};
use crate::snapshot::Report;
use crate::ui::model::{Model, Pane, Screen};
use crate::ui::theme::of_outcome;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

/// Longest line: a text over the whole of a wide terminal is hard to read.
const WIDEST: usize = 120;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    let parts = [Constraint::Length(1), Constraint::Min(1)];
    let [heading, body] = Layout::vertical(parts).areas(area);
    bar(frame, heading, look, " what broke, why, and what to do");
    model.panes.push((Pane::First, body));
    let room = usize::from(area.width).saturating_sub(2).min(WIDEST);
    let all = match &model.data {
        Some(data) => rows(&data.report, room),
        None => vec![vec![ink(Ink::Dim, " nothing judged yet")]],
    };
    let scroll = &mut model.scrolls[Screen::Verdict as usize];
    text(frame, body, look, scroll, all);
}

fn rows(report: &Report, room: usize) -> Vec<Vec<Span>> {
    let verdict = &report.verdict;
    let mut out = Vec::new();
    let ink = of_outcome(verdict.outcome);
    paragraph(&verdict.headline, " ", ink, room, &mut out);
    list("Why", &verdict.because, room, &mut out);
    list("Or else", &verdict.against, room, &mut out);
    let steps: Vec<String> = verdict.steps.iter().map(reasoned).collect();
    numbered("What to do", &steps, room, &mut out);
    let left: Vec<String> = verdict.left_out.iter().map(reasoned).collect();
    list("No need for", &left, room, &mut out);
    let names: Vec<String> = verdict.unblock.iter().map(blocked).collect();
    list(
        "Names to unblock, what stops most first",
        &names,
        room,
        &mut out,
    );
    title("Seen", &mut out);
    let coverage = verdict.coverage.trim_start_matches("Seen: ");
    paragraph(coverage, "   ", Ink::Plain, room, &mut out);
    for capture in &report.captures {
        for problem in &capture.problems {
            let text = format!("{}: {problem}", capture.source);
            paragraph(&text, "   ", Ink::Warn, room, &mut out);
        }
    }
    out
}

fn title(text: &str, out: &mut Vec<Vec<Span>>) {
    out.push(Vec::new());
    out.push(vec![ink(Ink::Strong, format!(" {text}"))]);
}

fn paragraph(text: &str, before: &str, inked: Ink, room: usize, out: &mut Vec<Vec<Span>>) {
    let indent = " ".repeat(before.chars().count());
    let wrapped = wrap(text, room.saturating_sub(indent.len()), 0);
    for (at, line) in wrapped.into_iter().enumerate() {
        let before = if at == 0 { before } else { &indent };
        out.push(vec![ink(inked, format!("{before}{line}"))]);
    }
}

/// A heading and a list below it; nothing for an empty list.
fn list(heading: &str, items: &[String], room: usize, out: &mut Vec<Vec<Span>>) {
    if items.is_empty() {
        return;
    }
    title(heading, out);
    for item in items {
        paragraph(item, "   · ", Ink::Plain, room, out);
    }
}

fn numbered(heading: &str, items: &[String], room: usize, out: &mut Vec<Vec<Span>>) {
    if items.is_empty() {
        return;
    }
    title(heading, out);
    for (at, item) in items.iter().enumerate() {
        paragraph(item, &format!("  {}. ", at + 1), Ink::Plain, room, out);
    }
}
