//! The report as JSON (one object) and as NDJSON (one attempt a line, then the verdict).

use crate::compare::Comparison;
use crate::snapshot::why_not::WhyNotReport;
use crate::snapshot::{Attempt, Outcome, Report, Verdict};
use schemars::Schema;
use serde::Serialize;
use std::io::{self, Write};

/// Writes the whole report as one JSON object on one line: it is for programs, and half the size of an indented one.
///
/// # Errors
/// Whatever `out` answers.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    line(report, out)
}

/// Writes a comparison as one JSON object on one line.
///
/// # Errors
/// Whatever `out` answers.
pub fn write_comparison(comparison: &Comparison, out: &mut impl Write) -> io::Result<()> {
    line(comparison, out)
}

/// Writes what spoke against a cause as one JSON object on one line.
///
/// # Errors
/// Whatever `out` answers.
pub fn write_why_not(report: &WhyNotReport, out: &mut impl Write) -> io::Result<()> {
    line(report, out)
}

/// The JSON Schema (draft 2020-12) of what spoke against a cause.
///
/// # Errors
/// Whatever `out` answers.
pub fn write_why_not_schema(out: &mut impl Write) -> io::Result<()> {
    pretty(&schemars::schema_for!(WhyNotReport), out)
}

fn line(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
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
        line(attempt, out)?;
    }
    let verdict = &report.verdict;
    line(&Last { verdict }, out)
}

/// An attempt that was told otherwise before.
#[derive(Serialize)]
struct Changed<'a> {
    #[serde(flatten)]
    attempt: &'a Attempt,
    /// The outcome that was told before.
    was: Outcome,
}

/// Writes an attempt of a running capture as one line: as [`write_lines`] does, with a last field `was` where another
/// outcome has been told of it before.
///
/// # Errors
/// Whatever `out` answers.
pub fn write_ended(
    attempt: &Attempt,
    was: Option<Outcome>,
    out: &mut impl Write,
) -> io::Result<()> {
    match was {
        None => line(attempt, out),
        Some(was) => line(&Changed { attempt, was }, out),
    }
}

/// Writes the line with the verdict, as [`write_lines`] does at its end.
///
/// # Errors
/// Whatever `out` answers.
pub fn write_verdict(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let verdict = &report.verdict;
    line(&Last { verdict }, out)
}

/// The JSON Schema (draft 2020-12) of the report.
///
/// # Errors
/// Whatever `out` answers.
pub fn write_schema(out: &mut impl Write) -> io::Result<()> {
    pretty(&schemars::schema_for!(Report), out)
}

/// The JSON Schema (draft 2020-12) of a comparison.
///
/// # Errors
/// Whatever `out` answers.
pub fn write_comparison_schema(out: &mut impl Write) -> io::Result<()> {
    pretty(&schemars::schema_for!(Comparison), out)
}

fn pretty(schema: &Schema, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, schema)?;
    out.write_all(b"\n")
}
