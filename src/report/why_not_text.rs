//! What spoke against a cause, for a person.

use super::text::{Ink, Style, outcome_ink, wrapped};
use crate::diagnose::why_not::Answer;
use crate::snapshot::why_not::{AttemptAnswer, Reason, WhyNotReport};
use std::io::{self, Write};

/// Writes it.
///
/// # Errors
/// Whatever `out` answers.
pub fn write(report: &WhyNotReport, style: Style, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "Why not {}?", style.ink(Ink::Bold, &report.cause))?;
    wrapped(out, "   ", &report.title)?;
    if report.attempts.is_empty() {
        return wrapped(
            out,
            "   ",
            &format!(
                "No attempt to reach a name of the target \'{}\' was seen, so there is nothing to say.",
                report.target.profile
            ),
        );
    }
    for attempt in &report.attempts {
        self::attempt(report, attempt, style, out)?;
    }
    Ok(())
}

fn attempt(
    report: &WhyNotReport,
    attempt: &AttemptAnswer,
    style: Style,
    out: &mut impl Write,
) -> io::Result<()> {
    let file = match report.captures.get(attempt.capture) {
        Some(capture) if report.captures.len() > 1 => format!("  [{}]", capture.source),
        _ => String::new(),
    };
    let word = style.ink(outcome_ink(attempt.outcome), attempt.outcome.as_str());
    let cause = attempt
        .cause
        .as_ref()
        .map_or(String::new(), |c| format!(" ({c})"));
    writeln!(
        out,
        "\n#{}  {}  {word}{cause}: {}{file}",
        attempt.id,
        style.ink(Ink::Bold, &attempt.name),
        in_words(attempt.answer),
    )?;
    let mut last = None;
    for reason in &attempt.reasons {
        if let (Some(path), Some(server)) = (reason.path, &reason.server)
            && last != Some(path)
        {
            let label = format!("path {}: {server}", path + 1);
            writeln!(out, "   {}", style.ink(Ink::Dim, &label))?;
        }
        last = reason.path;
        self::reason(reason, out)?;
    }
    Ok(())
}

const fn in_words(answer: Answer) -> &'static str {
    match answer {
        Answer::Named => "it is the cause",
        Answer::Found => "it was found, but is not what explains the attempt",
        Answer::Overruled => "its condition holds, but a stronger cause decides",
        Answer::NotMet => "no, because",
        Answer::Unseen => "it can\'t be said from this capture",
        Answer::Silent => "no",
    }
}

fn reason(reason: &Reason, out: &mut impl Write) -> io::Result<()> {
    let label = reason.kind.label();
    wrapped(out, &format!("   {label}: "), &reason.what)?;
    if reason.frames.is_empty() {
        return Ok(());
    }
    let frames: Vec<String> = reason.frames.iter().map(u32::to_string).collect();
    let label = if frames.len() == 1 { "frame" } else { "frames" };
    wrapped(out, &format!("      {label} "), &frames.join(", "))
}
