//! Resolvers and servers.

use super::{Look, bar, duration, ink, lines, pad};
use crate::ladder::{Ink, Span};
use crate::snapshot::{Resolver, Server};
use crate::ui::model::Model;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

/// A table: its heading, its rows in view, with a cursor.
fn table<T>(
    frame: &mut Frame<'_>,
    area: Rect,
    model: &mut Model,
    look: Look,
    heading: &str,
    rows: &[T],
    row: impl Fn(&T) -> Vec<Span>,
) {
    let parts = [Constraint::Length(1), Constraint::Min(1)];
    let [top, body] = Layout::vertical(parts).areas(area);
    bar(frame, top, look, heading);
    model.body = body;
    let scroll = model.scroll();
    scroll.measure(rows.len(), body.height.into());
    let scroll = *scroll;
    if rows.is_empty() {
        let none = vec![vec![ink(Ink::Dim, " none seen")]];
        lines(frame, body, look, None, none.into_iter());
        return;
    }
    let cursor = scroll.at.checked_sub(scroll.top);
    lines(
        frame,
        body,
        look,
        cursor,
        rows.iter().skip(scroll.top).map(row),
    );
}

fn millis(ms: Option<f64>) -> String {
    ms.map_or_else(|| "-".to_owned(), duration)
}

pub(super) fn resolvers(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    let data = model.data.clone();
    let all = data.as_ref().map_or(&[][..], |d| &d.report.resolvers);
    let name = usize::from(area.width).saturating_sub(75).clamp(4, 40);
    let wide = usize::from(area.width >= 100) * 20;
    let row = |r: &Resolver| {
        let inked = if r.failed > 0 { Ink::Warn } else { Ink::Plain };
        let answered = format!("{:>7} {:>8} ", r.queries, r.answered);
        vec![
            ink(
                Ink::Plain,
                pad(&format!(" {}", r.address), 26 + wide, look.glyphs),
            ),
            ink(
                Ink::Dim,
                pad(r.name.as_deref().unwrap_or("-"), name + 5, look.glyphs),
            ),
            ink(Ink::Plain, answered),
            ink(inked, format!("{:>6} ", r.failed)),
            ink(
                Ink::Plain,
                format!("{:>9} {:>9}", millis(r.median), millis(r.p95)),
            ),
        ]
    };
    let heading = format!(
        "{}{}{:>7} {:>8} {:>6} {:>9} {:>9}",
        pad(" resolver", 26 + wide, look.glyphs),
        pad("run by", name + 5, look.glyphs),
        "queries",
        "answered",
        "failed",
        "median",
        "95 % in"
    );
    table(frame, area, model, look, &heading, all, row);
}

pub(super) fn servers(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    let data = model.data.clone();
    let all = data.as_ref().map_or(&[][..], |d| &d.report.servers);
    let address = if area.width >= 100 { 42 } else { 18 };
    let names = usize::from(area.width).saturating_sub(address + 43);
    let row = |s: &Server| {
        let inked = match s.worked {
            0 if s.tried > 0 => Ink::Bad,
            worked if worked < s.tried => Ink::Warn,
            _ => Ink::Good,
        };
        vec![
            ink(
                Ink::Plain,
                pad(&format!(" {}", s.address), address, look.glyphs),
            ),
            ink(
                Ink::Dim,
                pad(s.cdn.as_deref().unwrap_or("-"), 14, look.glyphs),
            ),
            ink(inked, format!(" {:>3} of {:<5}", s.worked, s.tried)),
            ink(Ink::Plain, format!("{:>9}  ", millis(s.rtt))),
            ink(Ink::Plain, pad(&s.names.join(", "), names, look.glyphs)),
        ]
    };
    let heading = format!(
        "{}{} {:<12}{:>9}  {}",
        pad(" server", address, look.glyphs),
        pad("network", 14, look.glyphs),
        "worked",
        "trip",
        "names"
    );
    table(frame, area, model, look, &heading, all, row);
}
