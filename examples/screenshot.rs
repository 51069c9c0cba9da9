//! Makes a picture of the terminal UI: runs the real program on a crafted capture in a pseudo-terminal, presses keys,
//! and paints what stands on its screen.
//!
//! ```text
//! cargo build && cargo run --example screenshot -- attempts.svg
//! cargo run --example screenshot -- ladder.svg 'jj\r'          # keys; \r is Enter
//! cargo run --example screenshot -- wide.svg '' 160x40
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a tool for us: it stops at a surprise
#![allow(clippy::disallowed_methods, missing_docs)]

#[path = "../tests/support/evening.rs"]
mod evening;
#[path = "../tests/support/pty.rs"]
mod pty;

use pty::Tty;
use std::fmt::Write;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

/// Size of a cell in the picture.
const CELL: (u16, u16) = (8, 17);
/// Foreground, background, and the sixteen colours of the terminal in the picture.
const INK: &str = "#d8dee9";
const PAPER: &str = "#1b1f27";
const COLOURS: [&str; 16] = [
    "#3b4252", "#e0606b", "#8fbf6a", "#e3b95f", "#6f9bd1", "#b48ead", "#63b7c2", "#e5e9f0",
    "#7b8496", "#e0606b", "#8fbf6a", "#e3b95f", "#6f9bd1", "#b48ead", "#63b7c2", "#ffffff",
];

fn main() {
    let mut args = std::env::args().skip(1);
    let out = args
        .next()
        .filter(|out| !out.starts_with('-'))
        .expect("usage: screenshot OUT.svg [KEYS [WIDTHxHEIGHT]]");
    let keys = args.next().unwrap_or_default().replace("\\r", "\r");
    let size = args.next().unwrap_or_else(|| "100x30".to_owned());
    let (width, height) = size.split_once('x').expect("WIDTHxHEIGHT");
    let size = (width.parse().unwrap(), height.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("evening.pcap"), evening::file()).unwrap();
    let mut tty = Tty::start(
        &program(),
        dir.path(),
        &["read", "--tui", "evening.pcap"],
        size,
    );
    tty.wait_for("v19-webapp");
    for key in keys.chars() {
        tty.press(&key.to_string());
        sleep(Duration::from_millis(400));
    }
    let picture = svg(tty.screen().screen());
    std::fs::write(&out, picture).unwrap();
    tty.press("Q");
    assert!(tty.end().1, "the terminal was not restored");
}

/// The program itself stands one folder above its examples.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let program = own.parent().unwrap().parent().unwrap().join("shakedown");
    assert!(
        program.exists(),
        "{} is missing: cargo build",
        program.display()
    );
    program
}

fn colour(colour: vt100::Color, default: &'static str) -> &'static str {
    match colour {
        vt100::Color::Idx(index) => COLOURS.get(usize::from(index)).copied().unwrap_or(default),
        _ => default,
    }
}

/// The screen as a picture: a rectangle for each background, a text for each run of one style.
fn svg(screen: &vt100::Screen) -> String {
    let (rows, columns) = screen.size();
    let (width, height) = (columns * CELL.0 + 16, rows * CELL.1 + 16);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"13\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"{PAPER}\"/>\n"
    );
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            column = run(screen, row, column, &mut out);
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Paints the cells from here on that look the same; the column after them.
fn run(screen: &vt100::Screen, row: u16, from: u16, out: &mut String) -> u16 {
    let look = |column| {
        let cell = screen.cell(row, column)?;
        let (mut ink, mut paper) = (colour(cell.fgcolor(), INK), colour(cell.bgcolor(), PAPER));
        if cell.inverse() {
            std::mem::swap(&mut ink, &mut paper);
        }
        Some((ink, paper, cell.bold(), cell.underline(), cell.dim()))
    };
    let first = look(from);
    let columns = screen.size().1;
    let mut to = from;
    let mut text = String::new();
    while to < columns && look(to) == first {
        let cell = screen.cell(row, to).expect("inside");
        if !cell.is_wide_continuation() {
            text.push_str(if cell.has_contents() {
                cell.contents()
            } else {
                " "
            });
        }
        to += 1;
    }
    let Some((ink, paper, bold, underline, dim)) = first else {
        return to;
    };
    let (x, y) = (from * CELL.0 + 8, row * CELL.1 + 8);
    let width = (to - from) * CELL.0;
    if paper != PAPER {
        let height = CELL.1;
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{paper}\"/>"
        );
    }
    if underline {
        let y = y + CELL.1 - 1;
        let _ = writeln!(
            out,
            "<path d=\"M{x} {y}h{width}\" stroke=\"{ink}\" stroke-width=\".6\"/>"
        );
    }
    if text.trim().is_empty() {
        return to;
    }
    let skipped = text.chars().take_while(|c| *c == ' ').count();
    let x = usize::from(x) + skipped * usize::from(CELL.0);
    let text = text
        .trim()
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let weight = if bold { " font-weight=\"bold\"" } else { "" };
    let faint = if dim { " fill-opacity=\".6\"" } else { "" };
    let length = text_width(&text) * usize::from(CELL.0);
    let y = y + 13;
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\" fill=\"{ink}\"{weight}{faint} textLength=\"{length}\" \
         lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\">{text}</text>"
    );
    to
}

fn text_width(escaped: &str) -> usize {
    let plain = escaped
        .replace("&amp;", "&")
        .replace("&lt;", "<")
        .replace("&gt;", ">");
    unicode_width::UnicodeWidthStr::width(plain.as_str())
}
