//! The report as Markdown (CommonMark with GitHub's tables), for a ticket.
//!
//! Text from the network must not become markup. Whatever could be any (a name, an address, a path, a bracket) stands in
//! a code span, where nothing is interpreted: no link, no HTML, no image, no mention. What could end a code span or a
//! table cell is escaped before. See [`code`] and [`prose`].

use crate::snapshot::{Attempt, Finding, Outcome, Path, Report, Severity, StageCell};
use std::io::{self, Write};

/// Attempts told of in full; the others stand in the table only.
const MAX_DETAILS: usize = 200;

/// Text of any kind as a code span: backticks, which would end it, and bars, which would end a table cell, as `\u{…}`.
#[must_use]
pub fn code(text: &str) -> String {
    let mut inner = String::with_capacity(text.len() + 2);
    for c in text.chars() {
        match c {
            '`' | '|' => inner.extend(c.escape_unicode()),
            c if c.is_control() => inner.extend(c.escape_unicode()),
            c => inner.push(c),
        }
    }
    if inner.trim().is_empty() {
        return "–".to_owned();
    }
    format!("`{inner}`")
}

/// A sentence: words of letters and digits as they are, all others as code spans. Line breaks become spaces.
#[must_use]
pub fn prose(text: &str) -> String {
    let mut words = text.split_whitespace();
    let first = words.next().map(first_word);
    let all: Vec<String> = first.into_iter().chain(words.map(word)).collect();
    all.join(" ")
}

/// `1.` and `1)` begin a list where a line begins with them.
fn first_word(text: &str) -> String {
    let number = text.trim_end_matches(['.', ')']);
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    if digits && number.len() < text.len() {
        code(text)
    } else {
        word(text)
    }
}

/// One word, its punctuation outside of the code span.
fn word(word: &str) -> String {
    const BEFORE: [char; 2] = ['(', '"'];
    const AFTER: [char; 8] = [')', '"', ',', ';', ':', '.', '?', '%'];
    let inner = word.trim_start_matches(BEFORE);
    let start = word.len() - inner.len();
    let core = inner.trim_end_matches(AFTER);
    let (before, after) = (&word[..start], &inner[core.len()..]);
    let plain =
        |c: char| c.is_alphanumeric() || c == '\'' || c == '–' || c == '…' || c == '·' || c == '≥';
    // A hyphen or a slash is plain only between letters.
    let parts = || core.split(['-', '/']);
    let safe = parts().all(|part| !part.is_empty() && part.chars().all(plain));
    let number = core.matches('.').count() == 1
        && core.len() < 12
        && core.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if core.is_empty() || safe || number {
        word.to_owned()
    } else {
        format!("{before}{}{after}", code(core))
    }
}

/// `5, 6, 7` or `–`.
#[must_use]
pub fn frames(frames: &[u32]) -> String {
    if frames.is_empty() {
        return "–".to_owned();
    }
    let list: Vec<String> = frames.iter().map(u32::to_string).collect();
    list.join(", ")
}

/// Writes the report.
///
/// # Errors
/// Whatever `out` answers.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    verdict(report, out)?;
    captures(report, out)?;
    attempts(report, out)?;
    for attempt in report
        .attempts
        .iter()
        .filter(|a| is_told(a))
        .take(MAX_DETAILS)
    {
        details(attempt, out)?;
    }
    resolvers(report, out)?;
    servers(report, out)
}

fn verdict(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let v = &report.verdict;
    writeln!(out, "# {}: {}\n", v.outcome.as_str(), prose(&v.headline))?;
    if let (Some(cause), Some(blame), Some(sure)) = (&v.cause, v.blame, v.confidence) {
        writeln!(
            out,
            "Cause {} · points at {} · {:.0} % sure · scope {}\n",
            code(cause),
            blame.as_str(),
            sure * 100.0,
            prose(&v.scope)
        )?;
    }
    list(out, "Because", v.because.iter().map(|b| prose(b)))?;
    list(out, "Against it", v.against.iter().map(|a| prose(a)))?;
    let steps = v
        .steps
        .iter()
        .map(|s| format!("{} ({})", prose(&s.action), prose(&s.why)));
    list(out, "What to do", steps)?;
    writeln!(out, "{}\n", prose(&v.coverage))
}

/// A heading with a list below it; nothing where the list is empty.
pub(super) fn list(
    out: &mut impl Write,
    heading: &str,
    items: impl Iterator<Item = String>,
) -> io::Result<()> {
    let mut items = items.peekable();
    if items.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "**{heading}:**\n")?;
    for item in items {
        writeln!(out, "- {item}")?;
    }
    writeln!(out)
}

fn captures(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "## Captures\n")?;
    writeln!(
        out,
        "| File | Format | Packets | First | Last | Dropped | Problems |"
    )?;
    writeln!(out, "| --- | --- | ---: | --- | --- | ---: | --- |")?;
    for c in &report.captures {
        let dropped = c.dropped.map_or("unknown".to_owned(), |n| n.to_string());
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {dropped} | {} |",
            code(&c.source),
            prose(&c.format),
            c.packets,
            time(c.first.as_deref()),
            time(c.last.as_deref()),
            or_none(&prose(&c.problems.join("; "))),
        )?;
    }
    writeln!(out)
}

/// A time to the second.
pub(super) fn time(text: Option<&str>) -> String {
    match text {
        Some(t) => code(t.get(..19).unwrap_or(t)),
        None => "–".to_owned(),
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "–" } else { text }
}

/// The name, or the server's address.
fn name(attempt: &Attempt) -> &str {
    let server = || attempt.paths.first().map(|p| p.server.as_str());
    attempt.name.as_deref().or_else(server).unwrap_or_default()
}

fn attempts(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "## Attempts\n")?;
    if report.attempts.is_empty() {
        return writeln!(out, "None was seen.\n");
    }
    writeln!(
        out,
        "| # | Started | Name | Outcome | Cause | DNS | TCP | TLS | QUIC | Request |"
    )?;
    writeln!(
        out,
        "| ---: | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    )?;
    for a in &report.attempts {
        let cells: Vec<String> = a.stages.iter().map(cell).collect();
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            a.id,
            time(Some(&a.started)),
            code(name(a)),
            a.outcome.as_str(),
            a.cause.as_deref().map_or("–".to_owned(), code),
            cells.join(" | "),
        )?;
    }
    writeln!(out)
}

fn cell(cell: &StageCell) -> String {
    let took = cell.took.map_or(String::new(), |t| format!(" {t:.0} ms"));
    format!("{}{took}", cell.status.as_str())
}

/// What went well is in the table already.
fn is_told(attempt: &Attempt) -> bool {
    let fault = |f: &Finding| f.severity > Severity::Note;
    attempt.outcome != Outcome::Ok || attempt.findings.iter().any(fault)
}

fn details(attempt: &Attempt, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "### {}: {} {}\n",
        attempt.id,
        code(name(attempt)),
        attempt.outcome.as_str()
    )?;
    for f in &attempt.findings {
        writeln!(
            out,
            "- **{}** {} · points at {} · {:.0} % sure: {} (frames {})",
            f.severity.as_str(),
            code(&f.cause),
            attempt.whom(f).as_str(),
            f.confidence * 100.0,
            prose(&f.what),
            frames(&f.frames),
        )?;
    }
    for path in &attempt.paths {
        writeln!(out, "- {}", self::path(path))?;
    }
    writeln!(out, "- Display filter: {}\n", code(&attempt.filter))
}

/// One connection in a line.
pub(super) fn path(path: &Path) -> String {
    let network = path.network.as_ref();
    let number = |n: &crate::snapshot::Network| n.asn.map(|a| format!("AS{a}"));
    let network = network.and_then(|n| n.cdn.clone().or_else(|| number(n)));
    let stream = path.tcp_stream.map(|s| format!("tcp.stream {s}"));
    let parts = [network, path.version.clone(), path.cause.clone()];
    let parts = parts.into_iter().flatten().map(|p| prose(&p));
    let parts: Vec<String> = parts.chain(stream).collect();
    let about = if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    };
    format!(
        "{} {} → {} {}{about}",
        path.transport.to_uppercase(),
        code(&path.client),
        code(&path.server),
        path.outcome.as_str(),
    )
}

fn resolvers(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if report.resolvers.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Resolvers\n")?;
    writeln!(
        out,
        "| Address | Name | Queries | Answered | Failed | Median | 95 % within |"
    )?;
    writeln!(out, "| --- | --- | ---: | ---: | ---: | ---: | ---: |")?;
    let ms = |t: Option<f64>| t.map_or("–".to_owned(), |t| format!("{t:.1} ms"));
    for r in &report.resolvers {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} |",
            code(&r.address),
            or_none(&prose(r.name.as_deref().unwrap_or_default())),
            r.queries,
            r.answered,
            r.failed,
            ms(r.median),
            ms(r.p95),
        )?;
    }
    writeln!(out)
}

fn servers(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if report.servers.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Servers\n")?;
    writeln!(out, "| Address | Network | Tried | Worked | Names |")?;
    writeln!(out, "| --- | --- | ---: | ---: | --- |")?;
    for s in &report.servers {
        let names: Vec<String> = s.names.iter().map(|n| code(n)).collect();
        writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            code(&s.address),
            or_none(&prose(s.cdn.as_deref().unwrap_or_default())),
            s.tried,
            s.worked,
            or_none(&names.join(", ")),
        )?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_code_and_sentences_stay_readable() {
        assert_eq!(
            prose("www.tiktok.com could not be reached: TCP (SYN) got no answer."),
            "`www.tiktok.com` could not be reached: TCP (SYN) got no answer."
        );
        assert_eq!(
            prose("post-quantum hello, 1.5 kB, 95 % sure"),
            "post-quantum hello, 1.5 kB, 95 % sure"
        );
    }

    #[test]
    fn markup_from_the_network_stays_text() {
        for hostile in [
            "[x](https://evil.example)",
            "<img/src=x>",
            "<script>alert(1)</script>",
            "https://evil.example/",
            "@everyone",
            "user@evil.example",
            "#1",
            "**bold**",
            "_x_",
            "~~x~~",
            "a&lt;b",
            "\\|",
            "![a](b)",
            "-",
            "---",
            "1)x",
        ] {
            let text = prose(hostile);
            let inside = text.trim_matches(['(', ')', '.', ',', ';', ':', '"']);
            assert!(
                inside.starts_with('`') && inside.ends_with('`'),
                "{hostile} became {text}"
            );
        }
    }

    #[test]
    fn a_code_span_and_a_cell_cannot_be_left() {
        assert_eq!(code("a`b|c"), "`a\\u{60}b\\u{7c}c`");
        assert_eq!(code("a\nb"), "`a\\u{a}b`");
        assert_eq!(code(" "), "–");
        assert_eq!(prose("1. x"), "`1.` x");
    }
}
