//! The packets of an attempt as arrows between columns.

use super::{Look, cut, ink, lines, right};
use crate::ladder::{Ink, Painter, Span, Trouble};
use crate::snapshot::rfc3339;
use crate::ui::model::Model;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &mut Model, look: Look) {
    let parts = [
        Constraint::Length(2),
        Constraint::Min(1),
        Constraint::Length(1),
    ];
    let [heading, body, below] = Layout::vertical(parts).areas(area);
    model.body = body;
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
    if let Some(spans) = packet_line(model, look, area.width.into()) {
        lines(frame, below, look, None, [spans].into_iter());
    }
    let word = format!(" {}/{} ", scroll.at + 1, scroll.count);
    right(frame, below, below.y, look, &word);
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
    let text = format!(" frame {number}  {what}{place}  {src} → {dst}  {clock}");
    let text = if look.glyphs.lane.is_ascii() {
        text.replace('→', ">")
    } else {
        text
    };
    let mut spans = vec![ink(
        Ink::Plain,
        cut(&text, width.saturating_sub(20), look.glyphs),
    )];
    if packet.proof {
        spans.push(ink(Ink::Bad, format!("  {} proof", look.glyphs.proof)));
    }
    Some(spans)
}
