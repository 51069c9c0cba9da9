//! Tables, lists, and the parts of the page that are little else.

use super::super::ticket::{Hashed, Page};
use super::charts::resolvers as resolver_chart;
use super::esc;
use std::fmt::Write;

/// Rows of other tables.
const MAX_OTHERS: usize = 500;
/// What is longer than that is folded.
pub(super) const FOLD: usize = 12;

pub(super) fn servers(page: &Page<'_>, out: &mut String) {
    let row = |s: &crate::snapshot::Server| {
        let names: Vec<String> = s.names.iter().take(6).map(|n| esc(n)).collect();
        vec![
            format!(
                "{}<br><span class=\"dim small\">{}</span>",
                code(&s.address),
                names.join(", ")
            ),
            s.cdn.as_deref().map_or("–".to_owned(), esc),
            s.tried.to_string(),
            s.worked.to_string(),
            s.failed.to_string(),
            s.rtt.map_or("–".to_owned(), |t| format!("{t:.1} ms")),
        ]
    };
    let rows: Vec<Vec<String>> = page
        .report
        .servers
        .iter()
        .take(MAX_OTHERS)
        .map(row)
        .collect();
    let head = [
        "Server",
        "Network",
        "Tried",
        "Worked",
        "Failed",
        "Round trip",
    ];
    section(out, "Servers", &head, &[2, 3, 4, 5], &rows);
}

pub(super) fn resolvers(page: &Page<'_>, out: &mut String) {
    let ms = |t: Option<f64>| t.map_or("–".to_owned(), |t| format!("{t:.1} ms"));
    let row = |r: &crate::snapshot::Resolver| {
        let who = r
            .name
            .as_deref()
            .map_or(String::new(), |n| format!("<br>{}", esc(n)));
        vec![
            code(&r.address) + &who,
            r.queries.to_string(),
            r.answered.to_string(),
            r.failed.to_string(),
            ms(r.median),
            ms(r.p95),
        ]
    };
    let rows: Vec<Vec<String>> = page
        .report
        .resolvers
        .iter()
        .take(MAX_OTHERS)
        .map(row)
        .collect();
    let head = [
        "Resolver",
        "Queries",
        "Answered",
        "Failed",
        "Median",
        "95 % within",
    ];
    section(out, "Resolvers", &head, &[1, 2, 3, 4, 5], &rows);
    resolver_chart(page, out);
}

pub(super) fn captures(page: &Page<'_>, out: &mut String) {
    let row = |c: &crate::snapshot::Capture| {
        let time = |t: Option<&str>| t.and_then(|t| t.get(..19)).unwrap_or("–").replace('T', " ");
        vec![
            code(&c.source),
            esc(&format!("{}, {}", c.format, c.link_types.join(", "))),
            c.packets.to_string(),
            esc(&time(c.first.as_deref())),
            esc(&time(c.last.as_deref())),
            c.dropped.map_or("not stated".to_owned(), |n| n.to_string()),
        ]
    };
    let rows: Vec<Vec<String>> = page
        .report
        .captures
        .iter()
        .take(MAX_OTHERS)
        .map(row)
        .collect();
    let head = ["File", "Format", "Packets", "First", "Last", "Dropped"];
    section(out, "Captures", &head, &[2, 5], &rows);
    let captures = page.report.captures.iter();
    let notes = captures
        .flat_map(|c| c.problems.iter().chain(&c.notes))
        .take(100);
    let notes: Vec<String> = notes.map(|n| esc(n)).collect();
    list(out, "What could not be seen", &notes);
}

pub(super) fn files(page: &Page<'_>, out: &mut String) {
    let Some(ticket) = page.ticket else { return };
    let row = |what: &str, f: &Hashed| {
        vec![
            code(&f.name),
            esc(what),
            f.bytes.to_string(),
            code(&f.sha256),
        ]
    };
    let mut rows: Vec<Vec<String>> = ticket
        .originals
        .iter()
        .map(|f| row("original", f))
        .collect();
    if let Some(evidence) = &ticket.evidence {
        rows.push(row("evidence", &evidence.file));
    }
    section(
        out,
        "Files",
        &["Name", "What", "Bytes", "SHA-256"],
        &[2],
        &rows,
    );
    if let Some(evidence) = &ticket.evidence {
        let _ = writeln!(out, "<p>{}</p>", esc(&evidence.checked));
    }
}

pub(super) fn redaction(page: &Page<'_>, out: &mut String) {
    let Some(ticket) = page.ticket else { return };
    out.push_str("<h2>What was replaced</h2>\n");
    if ticket.redaction.on {
        let items: Vec<String> = ticket
            .redaction
            .done
            .iter()
            .map(|d| format!("<li>{}</li>", esc(d)))
            .collect();
        let _ = writeln!(out, "<ul>{}</ul>", items.concat());
    } else {
        out.push_str("<p>Nothing: addresses and names are those of the capture.</p>\n");
    }
    let left: Vec<String> = ticket.left_out.iter().map(|l| esc(l)).collect();
    list(out, "What is not in here", &left);
}

/// A list; folded where it is long.
pub(super) fn list(out: &mut String, heading: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    let inner: Vec<String> = items.iter().map(|i| format!("<li>{i}</li>")).collect();
    let inner = format!("<ul>{}</ul>", inner.concat());
    folded(out, heading, items.len() > FOLD, &inner);
}

fn folded(out: &mut String, heading: &str, fold: bool, inner: &str) {
    let heading = esc(heading);
    if fold {
        let _ = writeln!(
            out,
            "<details><summary>{heading}</summary>{inner}</details>"
        );
    } else {
        let _ = writeln!(out, "<h3>{heading}</h3>{inner}");
    }
}

/// A table whose cells are HTML already; `numbers` says which columns stand at the right.
pub(super) fn table(out: &mut String, head: &[&str], numbers: &[usize], rows: &[Vec<String>]) {
    let class = |i: usize| {
        if numbers.contains(&i) {
            " class=\"n\""
        } else {
            ""
        }
    };
    let th = |(i, h): (usize, &&str)| format!("<th scope=\"col\"{}>{}</th>", class(i), esc(h));
    let wide = if head.len() > 4 || head.contains(&"SHA-256") {
        " class=\"wide\""
    } else {
        ""
    };
    let head: String = head.iter().enumerate().map(th).collect();
    let _ = write!(
        out,
        "<div class=\"scroll\"><table{wide}><thead><tr>{head}</tr></thead><tbody>"
    );
    for row in rows {
        let td = |(i, c): (usize, &String)| format!("<td{}>{c}</td>", class(i));
        let cells: String = row.iter().enumerate().map(td).collect();
        let _ = write!(out, "<tr>{cells}</tr>");
    }
    out.push_str("</tbody></table></div>\n");
}

fn section(
    out: &mut String,
    heading: &str,
    head: &[&str],
    numbers: &[usize],
    rows: &[Vec<String>],
) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "<h2>{}</h2>", esc(heading));
    let mut inner = String::new();
    table(&mut inner, head, numbers, rows);
    if rows.len() > FOLD {
        let _ = writeln!(
            out,
            "<details><summary>All {}</summary>{inner}</details>",
            rows.len()
        );
    } else {
        out.push_str(&inner);
    }
}

pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", esc(text))
}
