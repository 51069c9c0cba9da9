//! A comparison for a person: the answer first, then the names side by side, what differs, and what that proves.

use super::text::{Ink, Style, duration, outcome_ink, percent, wrapped};
use crate::compare::proof::{Evidence, Proof};
use crate::compare::row::{Row, Tries};
use crate::compare::{Comparison, Only, Relation, Side, StagePair};
use crate::snapshot::{Outcome, Status};
use std::io::{self, Write};

/// Names of one capture alone that are printed without `-v`.
const MAX_ONLY: usize = 10;
/// Columns of a cell of the table.
const WIDTH: usize = 24;

/// Writes the comparison.
///
/// # Errors
/// Whatever `out` answers.
pub fn write(comparison: &Comparison, style: Style, out: &mut impl Write) -> io::Result<()> {
    let ink = match comparison.relation {
        Relation::Same => Ink::Good,
        Relation::Different => Ink::Bad,
        Relation::Undecided => Ink::Warn,
    };
    let word = comparison.relation.as_str().to_uppercase();
    let lead = format!("{}  ", style.ink(ink, &word));
    wrapped_after(out, &lead, word.len() + 2, &comparison.headline)?;
    side("A", &comparison.a, style, out)?;
    side("B", &comparison.b, style, out)?;
    for row in &comparison.names {
        self::row(row, style, out)?;
    }
    proofs(&comparison.proofs, style, out)?;
    if !comparison.next.is_empty() {
        writeln!(out, "\n{}", style.ink(Ink::Bold, "Next"))?;
        for (index, step) in comparison.next.iter().enumerate() {
            wrapped(
                out,
                &format!("   {}. ", index + 1),
                &format!("{} {}", step.action, step.why),
            )?;
        }
    }
    writeln!(out, "\n{}", style.ink(Ink::Bold, "What this can't show"))?;
    for limit in &comparison.limits {
        wrapped(out, "   - ", limit)?;
    }
    if style.verbose {
        wrapped(out, "   - ", &format!("Times: {}.", comparison.timing_rule))?;
    }
    only("A", &comparison.only_a, style, out)?;
    only("B", &comparison.only_b, style, out)
}

/// Like `wrapped`, where the prefix holds colours that take no columns.
fn wrapped_after(out: &mut impl Write, lead: &str, columns: usize, text: &str) -> io::Result<()> {
    let mut painted = Vec::new();
    wrapped(&mut painted, &" ".repeat(columns), text)?;
    out.write_all(lead.as_bytes())?;
    out.write_all(painted.get(columns..).unwrap_or_default())
}

fn side(letter: &str, side: &Side, style: Style, out: &mut impl Write) -> io::Result<()> {
    for capture in &side.captures {
        let when = match (&capture.first, &capture.last) {
            (Some(first), Some(last)) => format!(
                "  {} to {}",
                clock(first),
                clock(last).get(11..).unwrap_or("")
            ),
            _ => String::new(),
        };
        let from = match side.clients.as_slice() {
            [] => String::new(),
            clients => format!("  from {}", clients.join(", ")),
        };
        writeln!(
            out,
            "{}  {}{}",
            style.ink(Ink::Bold, letter),
            capture.source,
            style.ink(Ink::Dim, &format!("{when}{from}")),
        )?;
    }
    if style.quiet {
        return Ok(());
    }
    wrapped(out, "   ", &side.coverage)
}

/// Date and time to the second.
fn clock(time: &str) -> String {
    time.get(..19).unwrap_or(time).replace('T', " ")
}

fn row(row: &Row, style: Style, out: &mut impl Write) -> io::Result<()> {
    let name = style.ink(Ink::Bold, row.key());
    if row.relation == Relation::Same
        && (style.quiet || !(style.verbose || row.a.outcome == Outcome::Broken))
    {
        let differs = row.differences.iter().map(|d| d.kind).collect::<Vec<_>>();
        let differs = if differs.is_empty() || style.quiet {
            String::new()
        } else {
            format!("  (differs: {})", differs.join(", "))
        };
        return writeln!(out, "\n{name}  {} in both{differs}", row.a.outcome.as_str());
    }
    writeln!(
        out,
        "\n{name}  A {}  ·  B {}",
        outcome(&row.a, style),
        outcome(&row.b, style)
    )?;
    for stage in &row.stages {
        self::stage(stage, style, out)?;
    }
    if style.quiet {
        return Ok(());
    }
    for d in &row.differences {
        let label = format!("   {:<12}", d.kind);
        wrapped(out, &label, &format!("A {}: {}", d.stage, d.a))?;
        wrapped(out, &" ".repeat(15), &format!("B {}: {}", d.stage, d.b))?;
    }
    Ok(())
}

fn outcome(tries: &Tries, style: Style) -> String {
    let word = style.ink(outcome_ink(tries.outcome), tries.outcome.as_str());
    let cause = tries
        .cause
        .as_ref()
        .map_or(String::new(), |c| format!(" ({c})"));
    let mut parts = Vec::new();
    for (count, word) in [
        (tries.ok, "ok"),
        (tries.degraded, "degraded"),
        (tries.broken, "broken"),
        (tries.unfinished, "without outcome"),
    ] {
        if count > 0 && count < tries.tried {
            parts.push(format!("{count} {word}"));
        }
    }
    let of = if tries.tried > 1 {
        format!(", {} attempts", tries.tried)
    } else {
        String::new()
    };
    let counts = if parts.is_empty() {
        String::new()
    } else {
        format!(": {}", parts.join(", "))
    };
    format!("{word}{cause}{of}{counts}")
}

fn stage(pair: &StagePair, style: Style, out: &mut impl Write) -> io::Result<()> {
    let mark = if pair.first_difference {
        format!("  {}", style.ink(Ink::Bold, "← first difference"))
    } else {
        String::new()
    };
    let (a, b) = (
        cell(pair.a, pair.a_took, style),
        cell(pair.b, pair.b_took, style),
    );
    let line = format!("   {:<8} {a}{b}{mark}", pair.stage);
    writeln!(out, "{}", line.trim_end())
}

fn cell(status: Status, took: Option<f64>, style: Style) -> String {
    let (glyph, ink) = match status {
        Status::Passed => ("✓", Ink::Good),
        Status::Slow => ("~", Ink::Warn),
        Status::Broke => ("✗", Ink::Bad),
        Status::Unseen => ("?", Ink::Dim),
        Status::Skipped => ("-", Ink::Dim),
    };
    let took = took.map_or(String::new(), |t| format!(" {}", duration(t)));
    let text = format!("{glyph} {}{took}", status.as_str());
    let pad = " ".repeat(WIDTH.saturating_sub(text.chars().count()));
    format!("{}{pad}", style.ink(ink, &text))
}

fn proofs(proofs: &[Proof], style: Style, out: &mut impl Write) -> io::Result<()> {
    if proofs.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n{}",
        style.ink(Ink::Bold, "What the difference proves")
    )?;
    for proof in proofs {
        let side = proof
            .side
            .map_or(String::new(), |s| format!(" in {}", s.letter()));
        let about = match proof.confidence {
            Some(sure) => format!("{}{side} · {} sure", proof.about.as_str(), percent(sure)),
            None => "nothing yet".to_owned(),
        };
        let names = match proof.names.len() {
            0 | 1 => String::new(),
            n => format!(" · {n} names"),
        };
        writeln!(
            out,
            "   {}",
            style.ink(Ink::Bold, &format!("{about}{names}"))
        )?;
        wrapped(out, "      ", &proof.says)?;
        let shown = if style.quiet { 0 } else { proof.because.len() };
        for evidence in proof.because.iter().take(shown) {
            self::evidence(evidence, out)?;
        }
        for open in &proof.not_proven {
            wrapped(out, "      not proven: ", open)?;
        }
    }
    Ok(())
}

fn evidence(evidence: &Evidence, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "      {}", evidence.name)?;
    let sides = [
        ("A", &evidence.a, &evidence.a_frames),
        ("B", &evidence.b, &evidence.b_frames),
    ];
    for (letter, what, frames) in sides.into_iter().filter(|(_, what, _)| !what.is_empty()) {
        let list: Vec<String> = frames.iter().map(u32::to_string).collect();
        let proof = if list.is_empty() {
            String::new()
        } else {
            format!(" (frames {} of {letter})", list.join(", "))
        };
        wrapped(
            out,
            &format!("         {letter}: "),
            &format!("{what}{proof}"),
        )?;
    }
    Ok(())
}

fn only(letter: &str, names: &[Only], style: Style, out: &mut impl Write) -> io::Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let heading = format!("Only in {letter}: not comparable");
    writeln!(out, "\n{}", style.ink(Ink::Bold, &heading))?;
    let most = if style.verbose { names.len() } else { MAX_ONLY };
    for name in names.iter().take(most) {
        let cause = name
            .cause
            .as_ref()
            .map_or(String::new(), |c| format!(" ({c})"));
        let note = name
            .note
            .as_ref()
            .map_or(String::new(), |n| format!("; {n}"));
        wrapped(
            out,
            "   ",
            &format!("{}  {}{cause}{note}", name.name, name.outcome.as_str()),
        )?;
    }
    if names.len() > most {
        writeln!(out, "   and {} more", names.len() - most)?;
    }
    Ok(())
}
