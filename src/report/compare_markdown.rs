//! A comparison as Markdown, for a ticket. Text from the network stays in code spans (see [`super::markdown`]).

use super::markdown::{code, frames, list, prose, time};
use crate::compare::proof::Proof;
use crate::compare::row::{Row, Tries};
use crate::compare::{Comparison, Only, Relation, Side};
use crate::snapshot::Status;
use std::io::{self, Write};

/// Writes the comparison.
///
/// # Errors
/// Whatever `out` answers.
pub fn write(comparison: &Comparison, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "# {}: {}\n",
        comparison.relation.as_str(),
        prose(&comparison.headline)
    )?;
    captures(comparison, out)?;
    names(&comparison.names, out)?;
    for row in comparison
        .names
        .iter()
        .filter(|r| r.relation == Relation::Different)
    {
        details(row, out)?;
    }
    if !comparison.proofs.is_empty() {
        writeln!(out, "## What the difference proves\n")?;
        for proof in &comparison.proofs {
            self::proof(proof, out)?;
        }
    }
    let next = comparison
        .next
        .iter()
        .map(|s| format!("{} {}", prose(&s.action), prose(&s.why)));
    list(out, "Next", next)?;
    list(
        out,
        "What this can't show",
        comparison.limits.iter().map(|l| prose(l)),
    )?;
    list(
        out,
        "Only in A: not comparable",
        comparison.only_a.iter().map(only),
    )?;
    list(
        out,
        "Only in B: not comparable",
        comparison.only_b.iter().map(only),
    )
}

fn captures(comparison: &Comparison, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "| | File | First | Last | Devices | Attempts | Without outcome |"
    )?;
    writeln!(out, "| --- | --- | --- | --- | --- | ---: | ---: |")?;
    for (letter, side) in [("A", &comparison.a), ("B", &comparison.b)] {
        for capture in &side.captures {
            writeln!(
                out,
                "| {letter} | {} | {} | {} | {} | {} | {} |",
                code(&capture.source),
                time(capture.first.as_deref()),
                time(capture.last.as_deref()),
                clients(side),
                side.attempts,
                side.unfinished,
            )?;
        }
    }
    writeln!(out)
}

fn clients(side: &Side) -> String {
    let clients: Vec<String> = side.clients.iter().map(|c| code(c)).collect();
    if clients.is_empty() {
        return "–".to_owned();
    }
    clients.join(", ")
}

fn names(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "| Name | | A | B | First difference |")?;
    writeln!(out, "| --- | --- | --- | --- | --- |")?;
    for row in rows {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            code(row.key()),
            row.relation.as_str(),
            outcome(&row.a),
            outcome(&row.b),
            row.first_difference.unwrap_or("–"),
        )?;
    }
    writeln!(out)
}

fn outcome(tries: &Tries) -> String {
    let cause = tries
        .cause
        .as_ref()
        .map_or(String::new(), |c| format!(" {}", code(c)));
    format!("{}{cause}", tries.outcome.as_str())
}

fn details(row: &Row, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "## {}\n", code(row.key()))?;
    writeln!(out, "| | A | B | |")?;
    writeln!(out, "| --- | --- | --- | --- |")?;
    for s in &row.stages {
        let mark = if s.first_difference {
            "← first difference"
        } else {
            ""
        };
        writeln!(
            out,
            "| {} | {} | {} | {mark} |",
            s.stage,
            cell(s.a, s.a_took),
            cell(s.b, s.b_took)
        )?;
    }
    for d in &row.differences {
        writeln!(out, "| {} | {} | {} | |", d.kind, code(&d.a), code(&d.b))?;
    }
    writeln!(out)
}

fn cell(status: Status, took: Option<f64>) -> String {
    let took = took.map_or(String::new(), |t| format!(" {t:.0} ms"));
    format!("{}{took}", status.as_str())
}

fn proof(proof: &Proof, out: &mut impl Write) -> io::Result<()> {
    let side = proof
        .side
        .map_or(String::new(), |s| format!(" in {}", s.letter()));
    let about = match proof.confidence {
        Some(sure) => format!("{}{side}, {:.0} % sure", proof.about.as_str(), sure * 100.0),
        None => "nothing yet".to_owned(),
    };
    writeln!(out, "**{about}:** {}\n", prose(&proof.says))?;
    for evidence in &proof.because {
        let sides = [
            ("A", &evidence.a, &evidence.a_frames),
            ("B", &evidence.b, &evidence.b_frames),
        ];
        for (letter, what, shown) in sides.into_iter().filter(|(_, what, _)| !what.is_empty()) {
            writeln!(
                out,
                "- {} in {letter}: {} (frames {})",
                code(&evidence.name),
                prose(what),
                frames(shown)
            )?;
        }
    }
    for open in &proof.not_proven {
        writeln!(out, "- Not proven: {}", prose(open))?;
    }
    writeln!(out)
}

fn only(name: &Only) -> String {
    let cause = name
        .cause
        .as_ref()
        .map_or(String::new(), |c| format!(" {}", code(c)));
    let note = name
        .note
        .as_ref()
        .map_or(String::new(), |n| format!("; {}", prose(n)));
    format!(
        "{} {}{cause}{note}",
        code(&name.name),
        name.outcome.as_str()
    )
}
