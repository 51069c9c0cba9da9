//! The packets of an attempt as arrows between columns.

use super::{Look, cut, ink, lines, right};
use crate::ladder::{Ink, Painter, Row, Span, Trouble};
use crate::snapshot::rfc3339;
use crate::ui::model::{Model, Pane};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use unicode_width::UnicodeWidthStr;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    let parts = [
        Constraint::Length(2),
        Constraint::Min(1),
        Constraint::Length(1),
    ];
    let [heading, body, below] = Layout::vertical(parts).areas(area);
    model.panes.push((Pane::First, body));
    if let Some(text) = waiting(model) {
        lines(
            frame,
            area,
            look,
            None,
            [Vec::new(), vec![text]].into_iter(),
        );
        return;
    }
    let painter = Painter {
        glyphs: look.glyphs,
        width: area.width.into(),
    };
    let view = &mut model.ladder;
    let Some(ladder) = &view.ladder else { return };
    view.scroll.measure(ladder.rows.len(), body.height.into());
    let header = painter.header(ladder);
    lines(frame, heading, look, None, header.into_iter());
    let scroll = view.scroll;
    let rows = (scroll.top..ladder.rows.len()).map(|row| painter.row(ladder, row));
    lines(frame, body, look, scroll.at.checked_sub(scroll.top), rows);
    let word = format!(" {}/{} ", scroll.at + 1, scroll.count);
    let room = usize::from(area.width).saturating_sub(word.width());
    let said = match packet_line(model, look, room) {
        Some(spans) => spans,
        None => row_line(model),
    };
    lines(frame, below, look, None, [said].into_iter());
    right(frame, below, below.y, look, &word);
}

/// The row under the cursor, where no packet stands above it: a remark.
fn row_line(model: &Model) -> Vec<Span> {
    let view = &model.ladder;
    let row = view
        .ladder
        .as_ref()
        .and_then(|l| l.rows.get(view.scroll.at));
    match row {
        Some(Row::Note(text)) => vec![ink(Ink::Plain, format!(" {text}"))],
        _ => Vec::new(),
    }
}

/// What stands there while there are no packets.
pub(super) fn waiting(model: &Model) -> Option<Span> {
    let loaded = &model.loaded;
    if let Some(why) = &loaded.failed {
        return Some(ink(Ink::Bad, format!(" no packets: {why}")));
    }
    if loaded.pending {
        return Some(ink(
            Ink::Dim,
            " reading the capture again for the packets of this attempt…",
        ));
    }
    match &loaded.collected {
        None => Some(ink(Ink::Dim, " no attempt chosen")),
        Some(found) if found.packets.is_empty() => Some(ink(
            Ink::Dim,
            " none of its packets was found in the capture",
        )),
        Some(_) => None,
    }
}

/// The packet under the cursor in full.
fn packet_line(model: &Model, look: Look, width: usize) -> Option<Vec<Span>> {
    let ladder = model.ladder.ladder.as_ref()?;
    let packet = ladder.packets.get(model.ladder.packet()?)?;
    let clock = rfc3339(packet.mark.time);
    let clock = clock.get(11..26).unwrap_or_default();
    let number = packet.mark.frame.0;
    let place = match packet.trouble {
        Trouble::None => "",
        Trouble::Again => "  sent again",
        Trouble::Late => "  fills a gap",
        Trouble::Missing(_) => "  after a gap",
        Trouble::KeepAlive => "  keep-alive",
    };
    let (src, dst) = (packet.src, packet.dst);
    let what = &packet.what;
    let again = place.is_empty() || what.contains(" try ");
    let place = if again { "" } else { place };
    let proof = format!("  {} proof", look.glyphs.proof);
    let taken = if packet.proof { proof.width() } else { 0 };
    let mut text = format!(" frame {number}  {what}{place}  {src} → {dst}");
    let clock = format!("  {clock} UTC");
    if text.width() + clock.width() + taken <= width {
        text.push_str(&clock);
    }
    let mut spans = vec![ink(
        Ink::Plain,
        cut(&text, width.saturating_sub(taken), look.glyphs),
    )];
    if packet.proof {
        spans.push(ink(Ink::Bad, proof));
    }
    Some(spans)
}
