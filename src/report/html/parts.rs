//! The page from top to bottom.

use super::super::ticket::ask::{self, failing, questions, whom};
use super::super::ticket::{Page, name};
use super::super::title_and_rest;
use super::charts::{retries, sign, timeline};
use super::tables::{FOLD, captures, code, files, list, redaction, resolvers, servers, table};
use super::{esc, ladder};
use crate::ladder::{Glyphs, Ladder, Painter, text as ladder_text};
use crate::snapshot::{Attempt, Outcome, Severity, Status};
use std::fmt::Write;

/// Attempts told of in full.
const MAX_DETAILS: usize = 40;
/// Rows of the table of attempts, failing ones first.
const MAX_ROWS: usize = 2_000;
/// Width of a ladder as text.
const WIDTH: usize = 92;

pub(super) fn all(page: &Page<'_>, out: &mut String) {
    verdict(page, out);
    asked(page, out);
    surroundings(page, out);
    steps(page, out);
    attempts(page, out);
    details(page, out);
    servers(page, out);
    resolvers(page, out);
    captures(page, out);
    files(page, out);
    redaction(page, out);
    let tool = &page.report.tool;
    let _ = writeln!(
        out,
        "<p class=\"dim small\">Made by {} {}. This page loads nothing and runs nothing. Times are UTC.</p>",
        esc(tool.name),
        esc(tool.version)
    );
}

fn tag(outcome: Outcome) -> String {
    let word = outcome.as_str();
    format!("<span class=\"tag {word}\">{} {word}</span>", sign(outcome))
}

/// An element around text; nothing around nothing.
fn or_nothing(element: &str, text: &str) -> String {
    match text {
        "" => String::new(),
        text => format!("<{element}>{}</{element}>", esc(text)),
    }
}

/// A sentence of ours, with what stands between backticks as code.
fn sentence(text: &str) -> String {
    let part = |(i, part): (usize, &str)| match i % 2 {
        0 => esc(part),
        _ => code(part),
    };
    text.split('`').enumerate().map(part).collect()
}

fn verdict(page: &Page<'_>, out: &mut String) {
    let v = &page.report.verdict;
    let (title, rest) = title_and_rest(&v.headline);
    let _ = write!(
        out,
        "<div class=\"verdict {}\"><p class=\"tags\">{}</p><h1>{}</h1>{}",
        v.outcome.as_str(),
        tag(v.outcome),
        esc(title),
        or_nothing("p", &rest)
    );
    if let (Some(cause), Some(blame), Some(sure)) = (&v.cause, v.blame, v.confidence) {
        let _ = write!(
            out,
            "<p>Cause {} · points at <strong>{}</strong> · {:.0} % sure · scope {}</p>",
            code(cause),
            whom(blame),
            sure * 100.0,
            esc(&v.scope)
        );
    }
    let _ = writeln!(out, "<p class=\"dim small\">{}</p></div>", esc(&v.coverage));
    let because: Vec<String> = v.because.iter().map(|b| esc(b)).collect();
    let against: Vec<String> = v.against.iter().map(|a| esc(a)).collect();
    list(out, ask::why(page), &because);
    list(out, "What else it could have been", &against);
}

fn asked(page: &Page<'_>, out: &mut String) {
    let Some(audience) = page.ticket.and_then(|t| t.audience) else {
        return;
    };
    let _ = writeln!(out, "<h2>What is asked of {}</h2>", esc(audience.what()));
    let items: Vec<String> = questions(page, audience)
        .iter()
        .map(|q| format!("<li>{}</li>", esc(q)))
        .collect();
    let _ = writeln!(out, "<ul>{}</ul>", items.concat());
}

fn surroundings(page: &Page<'_>, out: &mut String) {
    let Some(ticket) = page.ticket else { return };
    if !ticket.answers.is_empty() {
        out.push_str("<h2>Surroundings</h2>\n");
        let row = |a: &super::super::ticket::Answer| vec![esc(a.about), esc(&a.text)];
        let rows: Vec<Vec<String>> = ticket.answers.iter().map(row).collect();
        table(out, &["What", "Value"], &[], &rows);
    }
    if !ticket.tried.is_empty() {
        out.push_str("<h2>Already tried</h2>\n");
        let items: Vec<String> = ticket
            .tried
            .iter()
            .map(|t| format!("<li>{}</li>", esc(t)))
            .collect();
        let _ = writeln!(out, "<ul>{}</ul>", items.concat());
    }
}

fn steps(page: &Page<'_>, out: &mut String) {
    let v = &page.report.verdict;
    if v.steps.is_empty() {
        return;
    }
    let item = |s: &crate::snapshot::Step| {
        format!(
            "<li>{} <span class=\"dim\">({})</span></li>",
            sentence(&s.action),
            sentence(&s.why)
        )
    };
    let items: Vec<String> = v.steps.iter().map(item).collect();
    let _ = writeln!(out, "<h2>What to do</h2><ol>{}</ol>", items.concat());
    let left: Vec<String> = v
        .left_out
        .iter()
        .map(|s| {
            format!(
                "{} <span class=\"dim\">({})</span>",
                sentence(&s.action),
                sentence(&s.why)
            )
        })
        .collect();
    list(out, "No need for", &left);
}

fn attempts(page: &Page<'_>, out: &mut String) {
    out.push_str("<h2>Attempts</h2>\n");
    if page.report.attempts.is_empty() {
        out.push_str("<p>None was seen.</p>\n");
        return;
    }
    timeline(page, out);
    retries(page, out);
    let told: Vec<usize> = failing(page)
        .iter()
        .take(MAX_DETAILS)
        .map(|a| a.id)
        .collect();
    let row = |a: &&Attempt| {
        let clock = a.started.get(..19).unwrap_or(&a.started).replace('T', " ");
        let id = match told.contains(&a.id) {
            true => format!("<a href=\"#a{0}\">{0}</a>", a.id),
            false => a.id.to_string(),
        };
        let cause = a
            .cause
            .as_deref()
            .map_or(String::new(), |c| format!("<br>{}", code(c)));
        let seen = a.stages.iter().filter(|s| s.status.as_str() != "skipped");
        let stages: Vec<String> = seen
            .map(|s| {
                format!(
                    "<span title=\"{1}\">{2} {0}</span>",
                    esc(s.stage),
                    s.status.as_str(),
                    mark(s.status)
                )
            })
            .collect();
        vec![
            id,
            format!(
                "<span class=\"mono\">{}</span><br><span class=\"dim small\">{}</span>",
                esc(name(a)),
                esc(&clock)
            ),
            format!("{}{cause}", tag(a.outcome)),
            stages.join("<br>"),
        ]
    };
    let mut sorted: Vec<&Attempt> = page.report.attempts.iter().collect();
    if sorted.len() > MAX_ROWS {
        sorted.sort_by_key(|a| (a.outcome != Outcome::Broken, a.id));
    }
    let rows: Vec<Vec<String>> = sorted.iter().take(MAX_ROWS).map(row).collect();
    let mut inner = String::new();
    table(&mut inner, &["#", "Name", "Outcome", "Stages"], &[], &rows);
    if sorted.len() > MAX_ROWS {
        let _ = writeln!(
            inner,
            "<p>{} more are in the JSON report.</p>",
            sorted.len() - MAX_ROWS
        );
    }
    if rows.len() > FOLD {
        let _ = writeln!(
            out,
            "<details><summary>All {} attempts as a table</summary>{inner}</details>",
            rows.len()
        );
    } else {
        out.push_str(&inner);
    }
}

/// A sign for how far a stage went.
const fn mark(status: Status) -> &'static str {
    match status {
        Status::Passed => "✓",
        Status::Slow => "~",
        Status::Broke => "✗",
        Status::Unseen => "?",
        Status::Skipped => "·",
    }
}

fn details(page: &Page<'_>, out: &mut String) {
    let failing = failing(page);
    if failing.is_empty() {
        return;
    }
    out.push_str("<h2>Evidence</h2>\n");
    if let Some(evidence) = page.ticket.and_then(|t| t.evidence.as_ref()) {
        let _ = writeln!(
            out,
            "<p>Frame numbers are those of {}; those of the original stand behind them where they differ.</p>",
            code(&evidence.file.name)
        );
    }
    if let Some(why) = page.untold {
        let _ = writeln!(out, "<p class=\"dim\">{}</p>", esc(why));
    }
    for attempt in failing.iter().take(MAX_DETAILS) {
        detail(page, attempt, out);
    }
    if failing.len() > MAX_DETAILS {
        let rest: Vec<String> = failing
            .iter()
            .skip(MAX_DETAILS)
            .take(200)
            .map(|a| a.id.to_string())
            .collect();
        let _ = writeln!(out, "<p>More attempts failed: {}.</p>", rest.join(", "));
    }
}

fn detail(page: &Page<'_>, attempt: &Attempt, out: &mut String) {
    let _ = write!(
        out,
        "<section class=\"attempt\" id=\"a{id}\"><h3>{id}: <span class=\"mono\">{}</span></h3><p class=\"tags\">{}",
        esc(name(attempt)),
        tag(attempt.outcome),
        id = attempt.id,
    );
    for cell in attempt
        .stages
        .iter()
        .filter(|s| s.status.as_str() != "skipped")
    {
        let took = cell.took.map_or(String::new(), |t| format!(" {t:.0} ms"));
        let status = cell.status.as_str();
        let _ = write!(
            out,
            "<span class=\"tag {status}\">{} {status}{took}</span>",
            esc(cell.stage)
        );
    }
    out.push_str("</p>\n");
    findings(page, attempt, out);
    let index = page.report.attempts.iter().position(|a| a.id == attempt.id);
    if let Some(packets) = index
        .and_then(|i| page.packets(i))
        .filter(|p| !p.packets.is_empty())
    {
        let _ = writeln!(
            out,
            "<figure><figcaption>● proves the cause.</figcaption>{}</figure>",
            ladder::draw(page, attempt, packets)
        );
        let painter = Painter {
            glyphs: Glyphs::UNICODE,
            width: WIDTH,
        };
        let drawn = Ladder::new(attempt, packets, painter.lanes().min(3), true);
        let _ = writeln!(
            out,
            "<details class=\"same\"><summary>The same as text</summary><pre>{}</pre></details>",
            esc_lines(&ladder_text(&drawn, painter))
        );
    }
    let _ = writeln!(
        out,
        "<p class=\"small dim\">Display filter for the original: {}</p></section>",
        code(&attempt.filter)
    );
}

/// [`esc`] for text in lines.
fn esc_lines(text: &str) -> String {
    text.lines().map(|l| esc(l) + "\n").collect()
}

fn findings(page: &Page<'_>, attempt: &Attempt, out: &mut String) {
    let (first, more) = ask::findings(attempt);
    let (notes, faults): (Vec<_>, Vec<_>) = first
        .into_iter()
        .partition(|f| f.severity == Severity::Note);
    let item = |f: &crate::snapshot::Finding| {
        format!(
            "<li>{} {}, points at {}, {:.0} % sure: {} <span class=\"dim\">frames {}</span></li>",
            code(&f.cause),
            f.severity.as_str(),
            whom(attempt.whom(f)),
            f.confidence * 100.0,
            esc(&f.what),
            esc(&page.frames(attempt, &f.frames)),
        )
    };
    let list =
        |items: Vec<&crate::snapshot::Finding>| -> String { items.into_iter().map(item).collect() };
    if !faults.is_empty() {
        let _ = writeln!(out, "<ul>{}</ul>", list(faults));
    }
    if !more.is_empty() {
        let _ = writeln!(
            out,
            "<details><summary>{} more findings say the same of other connections</summary><ul>{}</ul></details>",
            more.len(),
            list(more)
        );
    }
    let paths: String = attempt
        .paths
        .iter()
        .map(|p| {
            let version = p
                .version
                .as_deref()
                .map_or(String::new(), |v| format!(", {}", esc(v)));
            format!(
                "<li>{} {} → {} {}{version}</li>",
                p.transport.to_uppercase(),
                code(&p.client),
                code(&p.server),
                p.outcome.as_str(),
            )
        })
        .collect();
    if !(notes.is_empty() && paths.is_empty()) {
        let _ = writeln!(
            out,
            "<details><summary>Connections and notes</summary><ul>{paths}{}</ul></details>",
            list(notes)
        );
    }
}
