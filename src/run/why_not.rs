//! `shakedown read --why-not CAUSE`.

use super::{check_output, exit_code, input::Input, output, read_in_part, rule, to_output};
use crate::cli::{Format, Read};
use anyhow::{Result, bail};
use shakedown::report::text::Style;
use shakedown::report::{json, why_not_text};
use std::io;

/// Reads the captures and prints what spoke against the cause. The exit status is that of the report.
///
/// # Errors
/// Wrong usage or input, in one line.
pub(super) fn why_not(options: &Read) -> Result<i32> {
    if options.json_schema {
        json::write_why_not_schema(&mut io::stdout().lock())?;
        return Ok(0);
    }
    let rule = rule(options.why_not.as_deref().unwrap_or_default())?;
    if !matches!(options.format, Format::Text | Format::Json) {
        bail!("--why-not is printed as text or JSON: leave --format out, or write --format json");
    }
    let path = output(options.output.as_deref());
    if let Some(path) = path {
        check_output(path, &options.files)?;
    }
    let input = Input::new(&options.common)?.redacted(&options.redact, &options.files)?;
    let (engine, captures) = input.analyse(&options.files)?;
    let report = engine.why_not(&captures, input.thresholds, rule, options.attempt);
    if let Some(number) = options.attempt.filter(|_| report.attempts.is_empty()) {
        bail!("there is no attempt {number}: the report has {}", report.of);
    }
    to_output(path, options.common.color, &mut |color, out| {
        let style = Style {
            color,
            quiet: options.quiet,
            verbose: options.verbose,
        };
        match options.format {
            Format::Json => json::write_why_not(&report, out),
            _ => why_not_text::write(&report, style, out),
        }
    })?;
    for capture in report.captures.iter().filter(|c| !c.complete) {
        eprintln!("shakedown: {}", read_in_part(capture));
    }
    Ok(exit_code(&report.captures, report.broken > 0))
}
