//! A ladder as lines of inked text: what a terminal shows in colour, and a text file without.

use super::collect::{Seen, Trouble};
use super::layout::{Ladder, Row};
use super::want::Route;
use crate::types::Timestamp;
use std::time::Duration;
use unicode_width::UnicodeWidthChar;

/// What a piece of text means; the terminal UI has a colour for each, text has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ink {
    /// Nothing special.
    #[default]
    Plain,
    /// Of less interest.
    Dim,
    /// It went well.
    Good,
    /// Worse than it should be.
    Warn,
    /// It failed.
    Bad,
    /// To be told from plain: names, headings.
    Accent,
    /// The most important on the line.
    Strong,
}

/// Text in one ink.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// The ink.
    pub ink: Ink,
    /// The text.
    pub text: String,
}

/// The characters that lines and states are drawn with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Glyphs {
    /// A column.
    pub lane: char,
    /// An arrow's shaft.
    pub shaft: char,
    /// The shaft of a packet sent again.
    pub again: char,
    /// Arrow heads to the left and to the right.
    pub heads: [char; 2],
    /// Proof.
    pub proof: char,
    /// A break.
    pub broke: char,
    /// It worked.
    pub passed: char,
    /// It worked, slowly.
    pub slow: char,
    /// Nothing to be seen.
    pub unseen: char,
    /// Not used.
    pub skipped: char,
    /// Cut off.
    pub more: char,
    /// Bars of a sparkline, from low to high.
    pub bars: [char; 8],
}

impl Glyphs {
    /// For terminals that show Unicode.
    pub const UNICODE: Self = Self {
        lane: '│',
        shaft: '─',
        again: '╌',
        heads: ['◀', '▶'],
        proof: '●',
        broke: '✗',
        passed: '✓',
        slow: '~',
        unseen: '?',
        skipped: '·',
        more: '…',
        bars: ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
    };
    /// For those that do not.
    pub const ASCII: Self = Self {
        lane: '|',
        shaft: '-',
        again: '.',
        heads: ['<', '>'],
        proof: '*',
        broke: 'x',
        passed: '+',
        slow: '~',
        unseen: '?',
        skipped: '.',
        more: '>',
        bars: ['_', '.', ',', ':', ';', '+', '%', '#'],
    };
}

/// Columns for the mark of proof and the time.
const LEFT: usize = 11;
/// Room between two columns at most: longer arrows are no clearer.
const WIDEST: usize = 60;
/// Room that a column should have.
pub(super) const LANE: usize = 22;

/// Paints the rows of a ladder in so many columns of a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Painter {
    /// The characters to use.
    pub glyphs: Glyphs,
    /// Width of a line.
    pub width: usize,
}

impl Painter {
    /// How many columns of a ladder fit.
    #[must_use]
    pub fn lanes(&self) -> usize {
        (self.width.saturating_sub(LEFT) / LANE).max(2)
    }

    /// Where each column stands.
    fn places(&self, ladder: &Ladder) -> Vec<usize> {
        let count = ladder.lanes.len().max(2);
        let margin = 6;
        let room = self.width.saturating_sub(LEFT + 2 * margin + 1);
        let room = room.min(WIDEST * (count - 1));
        (0..count)
            .map(|lane| LEFT + margin + room * lane / (count - 1))
            .collect()
    }

    /// The two lines above the ladder: roles and addresses.
    #[must_use]
    pub fn header(&self, ladder: &Ladder) -> [Vec<Span>; 2] {
        let places = self.places(ladder);
        let mut lines = [Canvas::new(self.width), Canvas::new(self.width)];
        for (index, lane) in ladder.lanes.iter().enumerate() {
            let room = places[1] - places[0];
            for (line, text, ink) in [(0, lane.role, Ink::Dim), (1, &lane.name, Ink::Strong)] {
                let text = fit(text, room.saturating_sub(1), self.glyphs.more);
                let half = width(&text) / 2;
                let at = places[index].saturating_sub(half);
                let at = at.min(self.width.saturating_sub(width(&text)));
                lines[line].put(at, &text, ink);
            }
        }
        lines.map(Canvas::spans)
    }

    /// One row.
    #[must_use]
    pub fn row(&self, ladder: &Ladder, row: usize) -> Vec<Span> {
        let mut canvas = Canvas::new(self.width);
        for place in self.places(ladder) {
            canvas.put_char(place, self.glyphs.lane, Ink::Dim);
        }
        match ladder.rows.get(row) {
            Some(Row::Packet(packet)) => self.packet(ladder, *packet, &mut canvas),
            Some(Row::Fold(range)) => self.fold(ladder, range, &mut canvas),
            Some(Row::Pause(span)) => {
                canvas.put(
                    LEFT + 8,
                    &format!(" {} without a packet ", seconds(*span)),
                    Ink::Dim,
                );
            }
            Some(Row::Break(broke, text)) => {
                let (glyph, word, ink) = if *broke {
                    (self.glyphs.broke, "BROKE HERE", Ink::Bad)
                } else {
                    (self.glyphs.slow, "TROUBLE HERE", Ink::Warn)
                };
                let text = format!("{glyph} {word} {text} ");
                canvas.put(0, &fit(&text, self.width, self.glyphs.more), ink);
            }
            Some(Row::Note(text)) => canvas.put(LEFT, &format!(" {text} "), Ink::Dim),
            None => {}
        }
        canvas.spans()
    }

    fn packet(&self, ladder: &Ladder, index: usize, canvas: &mut Canvas) {
        let packet = &ladder.packets[index];
        let ink = ink_of(packet);
        if packet.proof {
            canvas.put_char(0, self.glyphs.proof, Ink::Bad);
        }
        let start = ladder.packets[0].mark.time;
        canvas.put(1, &time_cell(start, packet.mark.time), Ink::Dim);
        let shaft = if packet.trouble == Trouble::Again {
            self.glyphs.again
        } else {
            self.glyphs.shaft
        };
        let (from, to) = ladder.between(packet);
        self.arrow(
            ladder,
            (from, to),
            shaft,
            &label(ladder, packet),
            ink,
            canvas,
        );
    }

    fn arrow(
        &self,
        ladder: &Ladder,
        (from, to): (usize, usize),
        shaft: char,
        label: &str,
        ink: Ink,
        canvas: &mut Canvas,
    ) {
        let places = self.places(ladder);
        let (low, high) = (places[from.min(to)], places[from.max(to)]);
        if low == high {
            // Both ends share a column: the label stands on the side that has room.
            let right = low + 2;
            if self.width.saturating_sub(right) > low.saturating_sub(LEFT) {
                let room = self.width - right;
                canvas.put(right, &fit(label, room, self.glyphs.more), ink);
            } else {
                let text = fit(label, low.saturating_sub(LEFT + 2), self.glyphs.more);
                canvas.put(low - 1 - width(&text), &text, ink);
            }
            return;
        }
        for at in low + 1..high {
            canvas.put_char(at, shaft, ink);
        }
        if from < to {
            canvas.put_char(high - 1, self.glyphs.heads[1], ink);
        } else {
            canvas.put_char(low + 1, self.glyphs.heads[0], ink);
        }
        let text = fit(label, (high - low).saturating_sub(7), self.glyphs.more);
        if !text.is_empty() {
            let text = format!(" {text} ");
            let at = low + 1 + (high - low - 1).saturating_sub(width(&text)) / 2;
            canvas.put(at, &text, ink);
        }
    }

    fn fold(&self, ladder: &Ladder, range: &std::ops::Range<usize>, canvas: &mut Canvas) {
        let Some(first) = ladder.packets.get(range.start) else {
            return;
        };
        let start = ladder.packets[0].mark.time;
        canvas.put(1, &time_cell(start, first.mark.time), Ink::Dim);
        let text = format!(" {} ", fold_text(ladder, range));
        let room = self.width.saturating_sub(LEFT + 8);
        canvas.put(LEFT + 8, &fit(&text, room, self.glyphs.more), Ink::Dim);
    }
}

/// What a folded run of packets says.
#[must_use]
pub fn fold_text(ladder: &Ladder, range: &std::ops::Range<usize>) -> String {
    let folded = ladder.packets.get(range.clone()).unwrap_or_default();
    let (Some(first), Some(last)) = (folded.first(), folded.last()) else {
        return String::new();
    };
    let sum = |up: bool| -> u64 {
        let mine = folded.iter().filter(|p| (ladder.between(p).0 == 0) == up);
        mine.map(|p| u64::from(p.payload)).sum()
    };
    let took = seconds(last.mark.time.since(first.mark.time));
    let (up, down) = (bytes(sum(true)), bytes(sum(false)));
    format!(
        "{} packets in {took}: {up} sent, {down} received",
        folded.len()
    )
}

/// How a packet is to be looked at: bad, worse than it should be, of less interest.
#[must_use]
pub fn ink_of(packet: &Seen) -> Ink {
    match packet.trouble {
        _ if packet.bad => Ink::Bad,
        Trouble::Again | Trouble::Missing(_) | Trouble::Late => Ink::Warn,
        _ if packet.proof => Ink::Strong,
        _ if packet.bulk => Ink::Dim,
        _ => match packet.route {
            Route::Lookup(_) => Ink::Accent,
            _ => Ink::Plain,
        },
    }
}

/// What a packet of the ladder says, with its connection where there are several. Clean text.
#[must_use]
pub fn label(ladder: &Ladder, packet: &Seen) -> String {
    let path = match packet.route {
        Route::Path(path) if ladder.many_paths => format!("p{} ", path + 1),
        Route::Other if ladder.shares_lane(packet) => format!("{} → {}: ", packet.src, packet.dst),
        _ => String::new(),
    };
    let trouble = match packet.trouble {
        Trouble::Again if packet.what.contains("try") => String::new(),
        Trouble::Again => " again".to_owned(),
        Trouble::Late => " late".to_owned(),
        Trouble::Missing(size) => format!(" after {} missing", bytes(u64::from(size))),
        Trouble::None | Trouble::KeepAlive => String::new(),
    };
    format!("{path}{}{trouble}", packet.what)
}

/// Seconds since the first packet, right-aligned in nine columns.
fn time_cell(start: Timestamp, time: Timestamp) -> String {
    let seconds = time.since(start).as_secs_f64();
    if seconds < 1000.0 {
        format!("{seconds:>9.4}")
    } else {
        format!("{seconds:>9.1}")
    }
}

/// A span of time for a person.
#[must_use]
pub fn seconds(span: Duration) -> String {
    if span < Duration::from_secs(1) {
        format!("{:.1} ms", span.as_secs_f64() * 1000.0)
    } else {
        format!("{:.1} s", span.as_secs_f64())
    }
}

#[allow(clippy::cast_precision_loss)]
fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} bytes"),
        10_000..10_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}

/// Columns that a text takes on a terminal.
fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The text, cut to so many columns; `more` says that it was cut.
fn fit(text: &str, room: usize, more: char) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used + 1 > room {
            break;
        }
        out.push(c);
    }
    if room > 0 {
        out.push(more);
    }
    out
}

/// A line that can be written anywhere on. A wide character takes its cell and the next.
struct Canvas {
    cells: Vec<Option<(char, Ink)>>,
}

impl Canvas {
    fn new(width: usize) -> Self {
        Self {
            cells: vec![Some((' ', Ink::Plain)); width],
        }
    }

    fn put_char(&mut self, at: usize, c: char, ink: Ink) {
        let wide = c.width().unwrap_or(0);
        if wide == 0 || at + wide > self.cells.len() {
            return;
        }
        // What the new character covers half of is gone.
        if self.cells[at].is_none() && at > 0 {
            self.cells[at - 1] = Some((' ', Ink::Plain));
        }
        self.cells[at] = Some((c, ink));
        if wide == 2 {
            self.cells[at + 1] = None;
        }
        if let Some(cell) = self.cells.get_mut(at + wide)
            && cell.is_none()
        {
            *cell = Some((' ', Ink::Plain));
        }
    }

    fn put(&mut self, mut at: usize, text: &str, ink: Ink) {
        for c in text.chars() {
            self.put_char(at, c, ink);
            at += c.width().unwrap_or(0);
        }
    }

    fn spans(self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for (c, ink) in self.cells.into_iter().flatten() {
            match spans.last_mut() {
                Some(span) if span.ink == ink => span.text.push(c),
                _ => spans.push(Span {
                    ink,
                    text: c.to_string(),
                }),
            }
        }
        spans
    }
}

/// The whole ladder as text, one line a row, without trailing spaces.
#[must_use]
pub fn text(ladder: &Ladder, painter: Painter) -> String {
    let mut out = String::new();
    let mut line = |spans: Vec<Span>| {
        let text: String = spans.into_iter().map(|s| s.text).collect();
        out.push_str(text.trim_end());
        out.push('\n');
    };
    painter.header(ladder).into_iter().for_each(&mut line);
    (0..ladder.rows.len()).for_each(|row| line(painter.row(ladder, row)));
    out
}
