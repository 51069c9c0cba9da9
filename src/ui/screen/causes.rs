//! Every cause, and what it means.

use super::{Look, bar, ink, lines, text, wrap};
use crate::diagnose::{Severity, rules};
use crate::ladder::Ink;
use crate::ui::model::{Model, Pane, Screen};
use crate::ui::theme::of_severity;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

/// Columns of the list.
const LIST: u16 = 30;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    let parts = [Constraint::Length(LIST), Constraint::Min(20)];
    let [list, right] = Layout::horizontal(parts).spacing(1).areas(area);
    let all: Vec<_> = rules::all().collect();
    let scroll = &mut model.scrolls[Screen::Causes as usize];
    scroll.measure(all.len(), list.height.into());
    let scroll = *scroll;
    model.panes.push((Pane::First, list));
    let row = |rule: &&crate::diagnose::Rule| {
        let inked = match rule.severity {
            Severity::Note => Ink::Dim,
            other => of_severity(other),
        };
        vec![ink(inked, format!(" {}", rule.id))]
    };
    let cursor = scroll.at.checked_sub(scroll.top);
    lines(
        frame,
        list,
        look,
        cursor,
        all.iter().skip(scroll.top).map(row),
    );
    let Some(rule) = all.get(scroll.at) else {
        return;
    };
    let parts = [Constraint::Length(1), Constraint::Min(1)];
    let [heading, body] = Layout::vertical(parts).areas(right);
    let head = format!(
        "{}{} · {} · points at {}",
        if model.pane == Pane::Second { "*" } else { " " },
        rule.stage.as_str(),
        rule.severity.as_str(),
        rule.blame.as_str()
    );
    bar(frame, heading, look, &head);
    model.panes.push((Pane::Second, body));
    let room = usize::from(body.width).saturating_sub(1);
    let mut out = Vec::new();
    for part in rule.doc().split("\n\n") {
        let (title, rest) = match part.strip_prefix("## ") {
            Some(part) => part.split_once('\n').unwrap_or((part, "")),
            None => ("", part),
        };
        if !out.is_empty() {
            out.push(Vec::new());
        }
        if !title.is_empty() {
            out.push(vec![ink(Ink::Strong, title)]);
        }
        out.extend(
            wrap(rest, room, 0)
                .into_iter()
                .map(|l| vec![ink(Ink::Plain, l)]),
        );
    }
    text(frame, body, look, &mut model.cause_text, out);
}
