//! Resolvers and servers.

use super::{Look, bar, cut, duration, ink, lines, pad, right};
use crate::ladder::{Ink, Span};
use crate::snapshot::{Resolver, Server};
use crate::ui::model::{Model, Pane};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use unicode_width::UnicodeWidthStr;

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
    model.panes.push((Pane::First, body));
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
    if rows.len() > usize::from(body.height) {
        let word = format!(" {}/{} ", scroll.at + 1, scroll.count);
        right(frame, top, top.y, look, &word);
    }
}

fn millis(ms: Option<f64>) -> String {
    ms.map_or_else(|| "-".to_owned(), duration)
}

/// Columns for the longest of these and its margin, within bounds.
fn widest<'a>(texts: impl Iterator<Item = &'a str>, least: usize, most: usize) -> usize {
    let longest = texts.map(UnicodeWidthStr::width).max().unwrap_or(0);
    (longest + 2).clamp(least, most)
}

pub(super) fn resolvers(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    const NUMBERS: usize = 45;
    let data = model.data.clone();
    let all = data.as_ref().map_or(&[][..], |d| &d.report.resolvers);
    let room = usize::from(area.width).saturating_sub(NUMBERS);
    let address = widest(all.iter().map(|r| r.address.as_str()), 10, 50);
    let address = address.min(room.saturating_sub(8));
    let name = room.saturating_sub(address).min(42);
    let encrypted = |r: &Resolver| if r.encrypted { ", encrypted" } else { "" };
    let row = |r: &Resolver| {
        let inked = if r.failed > 0 { Ink::Warn } else { Ink::Plain };
        let run_by = format!("{}{}", r.name.as_deref().unwrap_or("-"), encrypted(r));
        vec![
            ink(
                Ink::Plain,
                pad(&cell(&r.address, address, look), address, look.glyphs),
            ),
            ink(Ink::Dim, pad(&run_by, name, look.glyphs)),
            ink(Ink::Plain, format!(" {:>7} {:>8} ", r.queries, r.answered)),
            ink(inked, format!("{:>6} ", r.failed)),
            ink(
                Ink::Plain,
                format!("{:>9} {:>9}", millis(r.median), millis(r.p95)),
            ),
        ]
    };
    let heading = format!(
        "{}{} {:>7} {:>8} {:>6} {:>9} {:>9}",
        pad(" resolver", address, look.glyphs),
        pad("run by", name, look.glyphs),
        "queries",
        "answered",
        "failed",
        "median",
        "95 % in"
    );
    table(frame, area, model, look, &heading, all, row);
}

/// A text with a space on either side.
fn cell(text: &str, width: usize, look: Look) -> String {
    format!(" {}", cut(text, width.saturating_sub(2), look.glyphs))
}

pub(super) fn servers(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    let data = model.data.clone();
    let all = data.as_ref().map_or(&[][..], |d| &d.report.servers);
    let address = widest(all.iter().map(|s| s.address.as_str()), 16, 42);
    let network = all.iter().filter_map(|s| s.cdn.as_deref());
    let network = widest(network, 9, 24);
    let names = usize::from(area.width).saturating_sub(address + network + 27);
    let row = |s: &Server| {
        let inked = match s.worked {
            0 if s.tried > 0 => Ink::Bad,
            worked if worked < s.tried => Ink::Warn,
            _ => Ink::Good,
        };
        let of = cut(s.cdn.as_deref().unwrap_or("-"), network - 1, look.glyphs);
        vec![
            ink(
                Ink::Plain,
                pad(&cell(&s.address, address, look), address, look.glyphs),
            ),
            ink(Ink::Dim, pad(&of, network, look.glyphs)),
            ink(inked, format!(" {:>3} of {:<5}", s.worked, s.tried)),
            ink(Ink::Plain, format!("{:>11}  ", millis(s.rtt))),
            ink(Ink::Plain, cut(&s.names.join(", "), names, look.glyphs)),
        ]
    };
    let heading = format!(
        "{}{} {:<12}{:>11}  {}",
        pad(" server", address, look.glyphs),
        pad("network", network, look.glyphs),
        "worked",
        "round trip",
        "names"
    );
    table(frame, area, model, look, &heading, all, row);
}
