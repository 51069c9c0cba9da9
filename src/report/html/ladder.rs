//! A ladder as SVG. Places across are percentages and places down are pixels, so that it fills whatever width there is
//! while its text keeps its size: the same picture is read on a phone and on a wide screen.

use super::super::ticket::Page;
use super::esc;
use crate::ladder::{Ink, Ladder, Row, Seen, Trouble, fold_text, ink_of, label, seconds};
use crate::snapshot::Attempt;
use std::fmt::Write;

/// Columns of a ladder.
const LANES: usize = 4;
/// Rows drawn; what comes after is counted.
const MAX_ROWS: usize = 150;
/// Characters of a line of text: what stands beside the times on a phone.
const WRAP: usize = 40;
/// Most lines of a label.
const MAX_LINES: usize = 3;
/// Room for the times, in pixels.
const LEFT: u32 = 58;
/// Height of a line of text.
const LINE: u32 = 15;

/// Draws the ladder of an attempt.
pub(super) fn draw(
    page: &Page<'_>,
    attempt: &Attempt,
    packets: &crate::ladder::Collected,
) -> String {
    let ladder = Ladder::new(attempt, packets, LANES, true);
    let mut picture = Picture {
        page,
        attempt,
        ladder: &ladder,
        body: String::new(),
        y: 6,
    };
    picture.heads();
    let top = picture.y;
    let (from, to) = window(&ladder);
    if from > 0 {
        picture.remark(&format!(
            "{from} lines before are in report.json and the evidence"
        ));
    }
    for row in &ladder.rows[from..to] {
        picture.row(row);
    }
    if to < ladder.rows.len() {
        picture.remark(&format!("{} lines follow", ladder.rows.len() - to));
    }
    picture.whole(top)
}

/// The rows to draw, the break among them.
fn window(ladder: &Ladder) -> (usize, usize) {
    let count = ladder.rows.len();
    if count <= MAX_ROWS {
        return (0, count);
    }
    let break_at = ladder.broke_at.unwrap_or(0);
    let from = break_at
        .saturating_sub(MAX_ROWS * 3 / 4)
        .min(count - MAX_ROWS);
    (from, from + MAX_ROWS)
}

struct Picture<'a> {
    page: &'a Page<'a>,
    attempt: &'a Attempt,
    ladder: &'a Ladder,
    body: String,
    y: u32,
}

impl Picture<'_> {
    /// Where a column stands, in percent of the width, right of the times.
    fn place(&self, lane: usize) -> f64 {
        let last = self.ladder.lanes.len().max(2) - 1;
        #[allow(clippy::cast_precision_loss)] // a handful
        let part = lane as f64 / last as f64;
        1.0 + part * 79.0
    }

    fn heads(&mut self) {
        for (y, word) in [(LINE, "seconds"), (2 * LINE, "frame")] {
            let _ = write!(
                self.body,
                "<text class=\"t\" x=\"-8\" y=\"{}\" text-anchor=\"end\">{word}</text>",
                self.y + y
            );
        }
        let last = self.ladder.lanes.len() - 1;
        for (index, lane) in self.ladder.lanes.iter().enumerate() {
            self.y += LINE;
            let anchor = match index {
                0 => "start",
                i if i == last => "end",
                _ => "middle",
            };
            let _ = write!(
                self.body,
                "<text x=\"{:.1}%\" y=\"{}\" text-anchor=\"{anchor}\"><tspan class=\"dimt\">{}</tspan> <tspan class=\"boldt\">{}</tspan></text>",
                self.place(index),
                self.y,
                esc(lane.role),
                esc(&lane.name)
            );
        }
        self.y += 8;
    }

    fn row(&mut self, row: &Row) {
        match row {
            Row::Packet(packet) => {
                if let Some(seen) = self.ladder.packets.get(*packet) {
                    self.packet(seen);
                }
            }
            Row::Fold(range) => {
                let text = fold_text(self.ladder, range);
                if let Some(first) = self.ladder.packets.get(range.start) {
                    self.time(first, self.y + LINE);
                }
                self.lines(&text, "dimt", 8);
                self.y += 8;
            }
            Row::Pause(span) => self.remark(&format!("{} without a packet", seconds(*span))),
            Row::Note(text) => self.remark(text),
            Row::Break(broke, text) => self.broke(*broke, text),
        }
    }

    fn remark(&mut self, text: &str) {
        self.y += 4;
        self.lines(text, "dimt", 8);
        self.y += 8;
    }

    fn packet(&mut self, seen: &Seen) {
        let (text_class, arrow) = classes(ink_of(seen));
        let mark = if seen.proof { "● " } else { "" };
        let text = format!("{mark}{}", label(self.ladder, seen));
        self.time(seen, self.y + LINE);
        let _ = write!(
            self.body,
            "<text class=\"t\" x=\"-8\" y=\"{}\" text-anchor=\"end\">{}</text>",
            self.y + LINE + 12,
            self.number(seen)
        );
        let class = if seen.proof && text_class.is_empty() {
            "boldt"
        } else {
            text_class
        };
        self.lines(&text, class, 6);
        self.y += 7;
        let (from, to) = self.ladder.between(seen);
        let again = if seen.trouble == Trouble::Again {
            " again"
        } else {
            ""
        };
        let y = self.y;
        let (a, b) = (self.place(from), self.place(to));
        if from == to {
            let _ = write!(
                self.body,
                "<circle class=\"head {arrow}\" cx=\"{a:.1}%\" cy=\"{y}\" r=\"4\"/>"
            );
        } else {
            let head = if a < b {
                "M0 0l-9 -4.5v9z"
            } else {
                "M0 0l9 -4.5v9z"
            };
            let _ = write!(
                self.body,
                "<line class=\"arrow {arrow}{again}\" x1=\"{a:.1}%\" y1=\"{y}\" x2=\"{b:.1}%\" y2=\"{y}\"/>\
                 <svg x=\"{b:.1}%\" y=\"{y}\" overflow=\"visible\"><path class=\"head {arrow}\" d=\"{head}\"/></svg>"
            );
        }
        self.y += 9;
    }

    /// The frame's number: in the evidence, or in brackets that of the original where it is not there.
    fn number(&self, seen: &Seen) -> String {
        let evidence = self.page.ticket.and_then(|t| t.evidence.as_ref());
        let capture = usize::from(seen.mark.capture.0);
        let frame = seen.mark.frame.0;
        match evidence.and_then(|e| e.number(capture, frame)) {
            Some(number) => number.to_string(),
            None if evidence.is_some() => format!("({frame})"),
            None => frame.to_string(),
        }
    }

    fn broke(&mut self, broke: bool, text: &str) {
        let (class, ink, words) = if broke {
            ("badb", "badt", "✗ BROKE HERE")
        } else {
            ("warnb", "warnt", "~ TROUBLE HERE")
        };
        self.y += 4;
        let lines = wrap(&format!("{words} {text}"), 42);
        let height = u32::try_from(lines.len()).unwrap_or(1) * LINE + 10;
        let _ = write!(
            self.body,
            "<svg x=\"-{LEFT}\" y=\"{}\" width=\"100%\" height=\"{height}\" overflow=\"visible\"><rect class=\"{class}\" x=\"1\" y=\"0\" width=\"99%\" height=\"{height}\" rx=\"5\"/></svg>",
            self.y
        );
        for line in lines {
            self.y += LINE;
            let _ = write!(
                self.body,
                "<text class=\"{ink} plain\" x=\"-{}\" y=\"{}\">{}</text>",
                LEFT - 9,
                self.y,
                esc(&line)
            );
        }
        self.y += 16;
    }

    fn time(&mut self, seen: &Seen, y: u32) {
        let start = self.ladder.packets.first().map(|p| p.mark.time);
        let passed = start.map_or(0.0, |s| seen.mark.time.since(s).as_secs_f64());
        let text = if passed < 100.0 {
            format!("{passed:.3}")
        } else {
            format!("{passed:.1}")
        };
        let _ = write!(
            self.body,
            "<text class=\"t\" x=\"-8\" y=\"{y}\" text-anchor=\"end\">{text}</text>"
        );
    }

    /// Text beside the first column, in as many lines as it takes.
    fn lines(&mut self, text: &str, class: &str, indent: u32) {
        // Bold letters are wider.
        let most = match class {
            "boldt" | "badt" => WRAP - 5,
            _ => WRAP,
        };
        for line in wrap(text, most) {
            self.y += LINE;
            let _ = write!(
                self.body,
                "<text class=\"{class}\" x=\"1%\" dx=\"{indent}\" y=\"{}\">{}</text>",
                self.y,
                esc(&line)
            );
        }
    }

    fn whole(&self, top: u32) -> String {
        let bottom = self.y + 6;
        let mut lanes = String::new();
        for index in 0..self.ladder.lanes.len() {
            let at = self.place(index);
            let _ = write!(
                lanes,
                "<line class=\"lane\" x1=\"{at:.1}%\" y1=\"{top}\" x2=\"{at:.1}%\" y2=\"{bottom}\"/>"
            );
        }
        let id = self.attempt.id;
        let name = super::super::ticket::name(self.attempt);
        let columns: Vec<String> = self
            .ladder
            .lanes
            .iter()
            .map(|l| format!("{} {}", l.role, l.name))
            .collect();
        format!(
            "<svg role=\"img\" aria-labelledby=\"lt{id} ld{id}\" width=\"100%\" height=\"{bottom}\">\
             <title id=\"lt{id}\">Packets of attempt {id}, {}</title>\
             <desc id=\"ld{id}\">{} packets between {}. The same stands below as text.</desc>\
             <g transform=\"translate({LEFT},0)\">{lanes}{}</g></svg>",
            esc(name),
            self.ladder.packets.len(),
            esc(&columns.join(", ")),
            self.body
        )
    }
}

/// Classes of the text and of the arrow.
const fn classes(ink: Ink) -> (&'static str, &'static str) {
    match ink {
        Ink::Bad => ("badt", "bada"),
        Ink::Warn => ("warnt", "warna"),
        Ink::Dim => ("dimt", "dima"),
        Ink::Accent => ("acct", "acca"),
        Ink::Strong => ("boldt", ""),
        Ink::Plain | Ink::Good => ("", ""),
    }
}

/// Breaks text into lines of about so many characters, at spaces where there are any.
pub(super) fn wrap(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        while !word.is_empty() {
            let at = lines.len() - 1;
            let used = lines[at].chars().count();
            let gap = usize::from(used > 0);
            if used + gap + word.len() <= most {
                if gap > 0 {
                    lines[at].push(' ');
                }
                lines[at].extend(word.drain(..));
            } else if used == 0 {
                lines[at].extend(word.drain(..most));
                lines.push(String::new());
            } else {
                lines.push(String::new());
            }
        }
    }
    lines.retain(|l| !l.is_empty());
    if lines.len() > MAX_LINES {
        lines.truncate(MAX_LINES);
        if let Some(last) = lines.last_mut() {
            last.push('…');
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn lines_break_at_spaces_and_long_words_within() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("", 4), [""; 0]);
        assert_eq!(wrap("a b c d e f g", 1).len(), 3);
    }
}
