//! The report as JSON (one object) and as NDJSON (one attempt a line, then the verdict).

use crate::snapshot::{Report, Verdict};
use serde::Serialize;
use std::io::{self, Write};

/// Writes the whole report as one JSON object on one line: it is for programs, and half the size of an indented one.
///
/// # Errors
/// Whatever `out` answers.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, report)?;
    out.write_all(b"\n")
}

/// The last line of NDJSON.
#[derive(Serialize)]
struct Last<'a> {
    verdict: &'a Verdict,
}

/// Writes one attempt a line, then a line with the verdict.
///
/// # Errors
/// Whatever `out` answers.
pub fn write_lines(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for attempt in &report.attempts {
        serde_json::to_writer(&mut *out, attempt)?;
        out.write_all(b"\n")?;
    }
    let verdict = &report.verdict;
    serde_json::to_writer(&mut *out, &Last { verdict })?;
    out.write_all(b"\n")
}

/// The JSON Schema (draft 2020-12) of the report.
///
/// # Errors
/// Whatever `out` answers.
pub fn write_schema(out: &mut impl Write) -> io::Result<()> {
    let schema = schemars::schema_for!(Report);
    serde_json::to_writer_pretty(&mut *out, &schema)?;
    out.write_all(b"\n")
}
