//! The sections, each in its lengths.

use super::{Part, Section, fence};
use crate::ladder::{Glyphs, Ladder, Painter, text as ladder_text};
use crate::report::markdown::{code, prose, time};
use crate::report::ticket::ask::{failing, findings, questions, whom, why};
use crate::report::ticket::{Page, name};
use crate::report::title_and_rest;
use crate::snapshot::{Attempt, Outcome};
use std::fmt::Write;

/// Width of a ladder: what issue trackers show without scrolling.
const WIDTH: usize = 92;
/// Attempts told of in full.
const MAX_DETAILS: usize = 20;
/// Rows of the table of attempts.
const MAX_ROWS: usize = 100;
/// Lines of a ladder that is shortened.
const SHORT: usize = 14;
/// Rows of the list of frames.
const MAX_RANGES: usize = 200;

/// Makes a section.
pub(super) fn make(part: Part, page: &Page<'_>) -> Section {
    match part {
        Part::Head => Section::new("the verdict", vec![head(page)]),
        Part::Questions => Section::new("the questions", or_gone(asked(page))),
        Part::Surroundings => Section::new("the surroundings", or_gone(surroundings(page))),
        Part::Tried => Section::new("what was tried", or_gone(tried(page))),
        Part::Attempts => Section::new("the table of attempts", attempts(page)),
        Part::Details => Section::new("the evidence in detail", details(page)),
        Part::Reasons => Section::new("the reasons", or_gone(reasons(page))),
        Part::Steps => Section::new("what the user can try", or_gone(steps(page))),
        Part::Servers => Section::new("the servers", or_gone(servers(page))),
        Part::Resolvers => Section::new("the resolvers", or_gone(resolvers(page))),
        Part::Captures => Section::new("the captures", or_gone(captures(page))),
        Part::Files => Section::new("the hashes", or_gone(files(page))),
        Part::Redaction => Section::new("what was replaced", or_gone(redaction(page))),
        Part::Frames => Section::new("the list of frames", or_gone(frames(page))),
    }
}

/// The text, or nothing.
fn or_gone(text: String) -> Vec<String> {
    vec![text, String::new()]
}

/// A heading with a list below; empty without items.
fn listed(heading: &str, items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().map(|i| format!("- {i}\n")).collect();
    if items.is_empty() {
        return String::new();
    }
    format!("## {heading}\n\n{}\n", items.concat())
}

/// A heading with a table below; empty without rows.
fn table(heading: &str, head: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut out = format!("## {heading}\n\n| {} |\n|", head.join(" | "));
    out += &" --- |".repeat(head.len());
    for row in rows {
        let _ = write!(out, "\n| {} |", row.join(" | "));
    }
    out + "\n\n"
}

fn head(page: &Page<'_>) -> String {
    let v = &page.report.verdict;
    let (title, rest) = title_and_rest(&v.headline);
    let mut out = format!("# {}: {}\n\n", v.outcome.as_str(), prose(title));
    if !rest.is_empty() {
        let _ = writeln!(out, "{}\n", prose(&rest));
    }
    if let (Some(cause), Some(blame), Some(sure)) = (&v.cause, v.blame, v.confidence) {
        let _ = writeln!(
            out,
            "Cause {} · points at {} · {:.0} % sure · scope {}\n",
            code(cause),
            whom(blame),
            sure * 100.0,
            prose(&v.scope)
        );
    }
    out
}

fn asked(page: &Page<'_>) -> String {
    let Some(audience) = page.ticket.and_then(|t| t.audience) else {
        return String::new();
    };
    let heading = format!("What is asked of {}", audience.what());
    let items = questions(page, audience).into_iter().map(|q| prose(&q));
    listed(&heading, items)
}

fn surroundings(page: &Page<'_>) -> String {
    let answers = page
        .ticket
        .map(|t| t.answers.as_slice())
        .unwrap_or_default();
    let row = |a: &crate::report::ticket::Answer| vec![a.about.to_owned(), prose(&a.text)];
    let mut rows: Vec<Vec<String>> = answers.iter().map(row).collect();
    let tool = &page.report.tool;
    rows.push(vec![
        "Analysed with".to_owned(),
        code(&format!("{} {}", tool.name, tool.version)),
    ]);
    rows.push(vec![
        "Looked for".to_owned(),
        code(&page.report.target.profile),
    ]);
    table("Surroundings", &["What", "Value"], &rows)
}

fn tried(page: &Page<'_>) -> String {
    let tried = page.ticket.map(|t| t.tried.as_slice()).unwrap_or_default();
    listed("Already tried", tried.iter().map(|t| prose(t)))
}

fn attempts(page: &Page<'_>) -> Vec<String> {
    let all: Vec<&Attempt> = page.report.attempts.iter().collect();
    let failing = failing(page);
    let mut lengths = vec![rows(&all, MAX_ROWS)];
    for most in [MAX_ROWS, 20, 5] {
        lengths.push(rows(&failing, most));
    }
    lengths.dedup();
    lengths.push(String::new());
    lengths
}

fn rows(attempts: &[&Attempt], most: usize) -> String {
    let cell = |a: &Attempt, stage: &str| {
        let found = a.stages.iter().find(|s| s.stage == stage);
        found.map_or("–".to_owned(), |s| s.status.as_str().to_owned())
    };
    let row = |a: &&Attempt| {
        vec![
            a.id.to_string(),
            time(Some(&a.started)),
            code(name(a)),
            outcome(a.outcome),
            a.cause.as_deref().map_or("–".to_owned(), code),
            cell(a, "dns"),
            cell(a, "tcp"),
            cell(a, "tls"),
            cell(a, "quic"),
            cell(a, "http"),
        ]
    };
    let rows: Vec<Vec<String>> = attempts.iter().take(most).map(row).collect();
    let head = [
        "#",
        "Started (UTC)",
        "Name",
        "Outcome",
        "Cause",
        "DNS",
        "TCP",
        "TLS",
        "QUIC",
        "Request",
    ];
    let mut out = table("Attempts", &head, &rows);
    if attempts.len() > most {
        let _ = writeln!(
            out,
            "{} more are in report.html and report.json.\n",
            attempts.len() - most
        );
    }
    out
}

/// In bold where it failed.
fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Broken => "**broken**".to_owned(),
        other => other.as_str().to_owned(),
    }
}

/// In full, with shortened ladders, without ladders, the first only, nothing.
fn details(page: &Page<'_>) -> Vec<String> {
    let failing = failing(page);
    let all = |lines: usize, most: usize| -> String {
        let told = failing.iter().take(most);
        let told: Vec<String> = told.map(|a| detail(page, a, lines)).collect();
        if told.is_empty() {
            return String::new();
        }
        let mut out = format!("## Evidence\n\n{}", told.concat());
        if failing.len() > most {
            let rest: Vec<String> = failing
                .iter()
                .skip(most)
                .map(|a| a.id.to_string())
                .collect();
            let _ = writeln!(out, "More attempts failed: {}.\n", shorten(&rest));
        }
        out
    };
    let mut lengths = vec![all(usize::MAX, MAX_DETAILS), all(SHORT, MAX_DETAILS)];
    lengths.extend([all(SHORT, 3), all(SHORT, 1), all(0, 1), String::new()]);
    lengths.dedup();
    lengths
}

fn shorten(list: &[String]) -> String {
    let mut out = list.iter().take(30).cloned().collect::<Vec<_>>().join(", ");
    if list.len() > 30 {
        out += " …";
    }
    out
}

fn detail(page: &Page<'_>, attempt: &Attempt, lines: usize) -> String {
    let mut out = format!(
        "### {}: {} {}\n\n",
        attempt.id,
        code(name(attempt)),
        attempt.outcome.as_str()
    );
    let (first, more) = findings(attempt);
    for f in first {
        let _ = writeln!(
            out,
            "- **{}** {} · points at {} · {:.0} % sure: {} Frames {}",
            f.severity.as_str(),
            code(&f.cause),
            whom(attempt.whom(f)),
            f.confidence * 100.0,
            sentence(&prose(&f.what)),
            page.frames(attempt, &f.frames),
        );
    }
    if !more.is_empty() {
        let frames: Vec<u32> = more
            .iter()
            .filter_map(|f| f.frames.first().copied())
            .collect();
        let frames = page.frames(attempt, &frames[..frames.len().min(30)]);
        let _ = writeln!(
            out,
            "- {} more findings say the same of other connections. Frames {frames}",
            more.len()
        );
    }
    for path in &attempt.paths {
        // Its tcp.stream is that of the original; the reader has the evidence.
        let mut path = path.clone();
        path.tcp_stream = path.tcp_stream.filter(|_| page.ticket.is_none());
        let _ = writeln!(out, "- {}", crate::report::markdown::path(&path));
    }
    let filter = in_evidence(page, attempt);
    let _ = writeln!(out, "- Display filter: {}\n", code(&filter));
    out + &ladder(page, attempt, lines)
}

fn sentence(text: &str) -> String {
    if text.ends_with(['.', '!', '?']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

/// A display filter for the evidence file, or for the original where there is none.
fn in_evidence(page: &Page<'_>, attempt: &Attempt) -> String {
    let Some(evidence) = page.ticket.and_then(|t| t.evidence.as_ref()) else {
        return attempt.filter.clone();
    };
    let frames = attempt.findings.iter().flat_map(|f| &f.frames);
    let mut found: Vec<u32> = frames
        .filter_map(|f| evidence.number(attempt.capture, *f))
        .collect();
    found.sort_unstable();
    found.dedup();
    let list: Vec<String> = found.iter().take(60).map(u32::to_string).collect();
    match list.is_empty() {
        true => attempt.filter.clone(),
        false => format!("frame.number in {{{}}}", list.join(", ")),
    }
}

/// The ladder as text, around the break where it is to be short.
fn ladder(page: &Page<'_>, attempt: &Attempt, most: usize) -> String {
    let index = page.report.attempts.iter().position(|a| a.id == attempt.id);
    let Some(packets) = index.and_then(|i| page.packets(i)) else {
        return String::new();
    };
    if most == 0 || packets.packets.is_empty() {
        return String::new();
    }
    let painter = Painter {
        glyphs: Glyphs::UNICODE,
        width: WIDTH,
    };
    let ladder = Ladder::new(attempt, packets, painter.lanes().min(3), true);
    let text = ladder_text(&ladder, painter);
    let lines: Vec<&str> = text.lines().collect();
    let (head, body) = lines.split_at(lines.len().min(2));
    let (from, to) = around(body.len(), ladder.broke_at, most);
    let mut shown: Vec<String> = head.iter().map(|l| (*l).to_owned()).collect();
    if from > 0 {
        shown.push(format!("           … {from} lines before"));
    }
    shown.extend(body[from..to].iter().map(|l| (*l).to_owned()));
    if to < body.len() {
        shown.push(format!("           … {} lines after", body.len() - to));
    }
    fence(&shown.join("\n"))
}

/// The lines to show, most of them before the break.
fn around(count: usize, broke_at: Option<usize>, most: usize) -> (usize, usize) {
    if count <= most {
        return (0, count);
    }
    let break_at = broke_at.unwrap_or(0);
    let from = break_at.saturating_sub(most * 3 / 4).min(count - most);
    (from, from + most)
}

fn reasons(page: &Page<'_>) -> String {
    let v = &page.report.verdict;
    let because = listed(why(page), v.because.iter().map(|b| prose(b)));
    let against = listed(
        "What else it could have been",
        v.against.iter().map(|a| prose(a)),
    );
    because + &against
}

fn steps(page: &Page<'_>) -> String {
    let steps = page.report.verdict.steps.iter();
    // Commands stand between backticks there; here each word with a sign in it gets its own.
    let plain = |text: &str| prose(&text.replace('`', ""));
    let steps = steps.map(|s| format!("{} ({})", plain(&s.action), plain(&s.why)));
    listed("What the user can try", steps)
}

fn servers(page: &Page<'_>) -> String {
    let row = |s: &crate::snapshot::Server| {
        let names: Vec<String> = s.names.iter().take(3).map(|n| code(n)).collect();
        vec![
            code(&s.address),
            s.cdn.as_deref().map_or("–".to_owned(), prose),
            s.tried.to_string(),
            s.worked.to_string(),
            s.failed.to_string(),
            s.rtt.map_or("–".to_owned(), |t| format!("{t:.1} ms")),
            names.join(", "),
        ]
    };
    let rows: Vec<Vec<String>> = page.report.servers.iter().take(40).map(row).collect();
    let head = [
        "Address",
        "Network",
        "Tried",
        "Worked",
        "Failed",
        "Round trip",
        "Names",
    ];
    table("Servers", &head, &rows)
}

fn resolvers(page: &Page<'_>) -> String {
    let ms = |t: Option<f64>| t.map_or("–".to_owned(), |t| format!("{t:.1} ms"));
    let row = |r: &crate::snapshot::Resolver| {
        vec![
            code(&r.address),
            r.name.as_deref().map_or("–".to_owned(), prose),
            r.queries.to_string(),
            r.answered.to_string(),
            r.failed.to_string(),
            ms(r.median),
            ms(r.p95),
        ]
    };
    let rows: Vec<Vec<String>> = page.report.resolvers.iter().take(40).map(row).collect();
    let head = [
        "Address",
        "Name",
        "Queries",
        "Answered",
        "Failed",
        "Median",
        "95 % within",
    ];
    table("Resolvers", &head, &rows)
}

fn captures(page: &Page<'_>) -> String {
    let row = |c: &crate::snapshot::Capture| {
        vec![
            code(&c.source),
            prose(&c.format),
            prose(&c.link_types.join(", ")),
            c.packets.to_string(),
            time(c.first.as_deref()),
            time(c.last.as_deref()),
            c.dropped.map_or("not stated".to_owned(), |n| n.to_string()),
        ]
    };
    let rows: Vec<Vec<String>> = page.report.captures.iter().map(row).collect();
    let head = [
        "File",
        "Format",
        "Link",
        "Packets",
        "First (UTC)",
        "Last (UTC)",
        "Dropped",
    ];
    let mut out = table("Captures", &head, &rows);
    let captures = page.report.captures.iter();
    let notes = captures
        .flat_map(|c| c.problems.iter().chain(&c.notes))
        .take(20);
    let mut items: Vec<String> = notes.map(|n| prose(n)).collect();
    items.insert(0, prose(&page.report.verdict.coverage));
    out += &listed("What was seen, and what was not", items);
    out
}

fn files(page: &Page<'_>) -> String {
    let Some(ticket) = page.ticket else {
        return String::new();
    };
    let row = |what: &str, f: &crate::report::ticket::Hashed| {
        vec![
            code(&f.name),
            what.to_owned(),
            f.bytes.to_string(),
            code(&f.sha256),
        ]
    };
    let mut rows: Vec<Vec<String>> = ticket
        .originals
        .iter()
        .map(|f| row("original", f))
        .collect();
    let mut out = String::new();
    if let Some(evidence) = &ticket.evidence {
        rows.push(row("evidence", &evidence.file));
        out += &prose(&evidence.checked);
        out += "\n\n";
    }
    table("Files", &["Name", "What", "Bytes", "SHA-256"], &rows) + &out
}

fn redaction(page: &Page<'_>) -> String {
    let Some(ticket) = page.ticket else {
        return String::new();
    };
    let none = "Nothing was replaced: addresses and names are those of the capture.".to_owned();
    let done = match ticket.redaction.on {
        true => ticket.redaction.done.iter().map(|d| prose(d)).collect(),
        false => vec![none],
    };
    let left = listed(
        "What is not in here",
        ticket.left_out.iter().map(|l| prose(l)),
    );
    listed("What was replaced", done) + &left
}

/// Runs of frames that lie side by side in both files.
fn frames(page: &Page<'_>) -> String {
    let Some(evidence) = page.ticket.and_then(|t| t.evidence.as_ref()) else {
        return String::new();
    };
    let mut runs: Vec<(u32, u32, usize, u32)> = Vec::new();
    for origin in &evidence.frames {
        match runs.last_mut() {
            Some((first, last, capture, frame))
                if *capture == origin.capture
                    && *last + 1 == origin.evidence
                    && *frame + (*last - *first) + 1 == origin.frame =>
            {
                *last += 1;
            }
            _ => runs.push((
                origin.evidence,
                origin.evidence,
                origin.capture,
                origin.frame,
            )),
        }
    }
    let range = |from: u32, count: u32| match count {
        0 => from.to_string(),
        n => format!("{from}–{}", from + n),
    };
    let row = |(first, last, capture, frame): &(u32, u32, usize, u32)| {
        let source = page.report.captures.get(*capture);
        vec![
            range(*first, last - first),
            range(*frame, last - first),
            source.map_or("–".to_owned(), |c| code(&c.source)),
        ]
    };
    let rows: Vec<Vec<String>> = runs.iter().take(MAX_RANGES).map(row).collect();
    let mut out = table(
        "Frames",
        &["In the evidence", "In the original", "File"],
        &rows,
    );
    if runs.len() > MAX_RANGES {
        out += "The rest is in report.json.\n\n";
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_ladder_ends_after_the_break() {
        assert_eq!(around(10, Some(3), 14), (0, 10));
        assert_eq!(around(100, Some(50), 14), (40, 54));
        assert_eq!(around(100, Some(99), 14), (86, 100));
        assert_eq!(around(100, None, 14), (0, 14));
    }
}
