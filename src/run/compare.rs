//! `shakedown compare A B`.

use super::input::Input;
use super::{check_output, output, read_in_part, to_output};
use crate::cli::{Compare, CompareFormat};
use anyhow::{Result, bail};
use shakedown::compare::{Comparison, Relation, compare as set_side_by_side};
use shakedown::report::text::Style;
use shakedown::report::{compare_markdown, compare_text, json};
use shakedown::snapshot::Report;
use std::io;
use std::path::PathBuf;

/// Reads both captures and prints what differs.
///
/// # Errors
/// Wrong usage or input, in one line.
pub(super) fn compare(options: &Compare) -> Result<i32> {
    if options.json_schema {
        json::write_comparison_schema(&mut io::stdout().lock())?;
        return Ok(0);
    }
    let (Some(a), Some(b)) = (&options.a, &options.b) else {
        bail!("two captures are needed: shakedown compare A B");
    };
    if a.as_os_str() == "-" && b.as_os_str() == "-" {
        bail!("only one of the captures can be standard input: name a file for the other");
    }
    let path = output(options.output.as_deref());
    if let Some(path) = path {
        check_output(path, &[a.clone(), b.clone()])?;
    }
    let input = Input::new(&options.common)?;
    let input = input.redacted(&options.redact, &[a.clone(), b.clone()])?;
    let (a, b) = (report(a, &input)?, report(b, &input)?);
    let comparison = set_side_by_side(&a, &b);
    to_output(path, options.common.color, &mut |color, out| {
        let style = Style {
            color,
            quiet: options.quiet,
            verbose: options.verbose,
        };
        match options.format {
            CompareFormat::Text => compare_text::write(&comparison, style, out),
            CompareFormat::Json => json::write_comparison(&comparison, out),
            CompareFormat::Markdown => compare_markdown::write(&comparison, out),
        }
    })?;
    let sides = [&comparison.a, &comparison.b];
    for capture in sides.into_iter().flat_map(|s| &s.captures) {
        if !capture.complete {
            eprintln!("shakedown: {}", read_in_part(capture));
        }
    }
    Ok(exit_code(&comparison))
}

fn report(file: &PathBuf, input: &Input) -> Result<Report> {
    let (engine, captures) = input.analyse(std::slice::from_ref(file))?;
    Ok(engine.snapshot(&captures, input.thresholds))
}

/// Never 0 where nothing could be compared.
fn exit_code(comparison: &Comparison) -> i32 {
    let mut captures = [&comparison.a, &comparison.b]
        .into_iter()
        .flat_map(|s| &s.captures);
    if captures.any(|c| !c.complete) {
        return 3;
    }
    match comparison.relation {
        Relation::Same => 0,
        Relation::Different => 1,
        Relation::Undecided => 3,
    }
}
