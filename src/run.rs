//! The commands.

mod compare;
pub mod input;
mod interfaces;
#[cfg(feature = "live")]
mod live;
mod on_failure;
pub mod report;
mod why_not;

use crate::cli::{Cli, Color, Command, Format, Read};
use crate::explore;
use anyhow::{Context, Result, bail};
use clap::CommandFactory;
use input::Input;
use shakedown::diagnose::{Rule, rules};
use shakedown::report::text::Style;
use shakedown::report::ticket::Page;
use shakedown::report::{html, json, markdown, text};
use shakedown::snapshot::{Capture, Outcome, Report};
use shakedown::target::Target;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Runs one command.
///
/// # Errors
/// Wrong usage or input, in one line.
pub fn run(cli: Cli) -> Result<i32> {
    match cli.command {
        Command::Read(options) => read(&options),
        #[cfg(feature = "live")]
        Command::Live(options) => live::live(&options),
        #[cfg(not(feature = "live"))]
        Command::Live(_) => bail!(
            "this build has no libpcap, so it can't capture: use a build with the feature `live`, or capture with tcpdump -w and read that"
        ),
        Command::Report(options) => report::report(options),
        Command::Compare(options) => compare::compare(&options),
        Command::Explain { cause } => explain(cause.as_deref()),
        Command::Interfaces { format } => interfaces::interfaces(format),
        Command::OnFailureHelper { command } => on_failure::help(&command),
        Command::Targets { profile } => targets(profile.as_deref()),
        Command::Completions { shell } => {
            // Into memory first: the generator panics where its writer fails.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "shakedown", &mut script);
            io::stdout().write_all(&script)?;
            Ok(0)
        }
        Command::Man => {
            clap_mangen::Man::new(Cli::command()).render(&mut io::stdout())?;
            Ok(0)
        }
    }
}

fn read(options: &Read) -> Result<i32> {
    if options.why_not.is_some() {
        return why_not::why_not(options);
    }
    if options.json_schema {
        json::write_schema(&mut io::stdout().lock())?;
        return Ok(0);
    }
    if let Some(path) = output(options.output.as_deref()) {
        check_output(path, &options.files)?;
    }
    let input = Input::new(&options.common)?.redacted(&options.redact, &options.files)?;
    if options.tui {
        return explore::explore(options, input);
    }
    let (engine, captures) = input.analyse(&options.files)?;
    let report = engine.snapshot(&captures, input.thresholds);
    write(&report, options, &input)?;
    for capture in report.captures.iter().filter(|c| !c.complete) {
        eprintln!("shakedown: {}", read_in_part(capture));
    }
    let broken = report.attempts.iter().any(|a| a.outcome == Outcome::Broken);
    let code = exit_code(&report.captures, broken);
    // The process ends now; freeing what is held flow by flow would only take time.
    std::mem::forget((engine, report));
    Ok(code)
}

/// Where the report goes; `None` and `-` are standard output.
fn output(path: Option<&Path>) -> Option<&Path> {
    path.filter(|path| path.as_os_str() != "-")
}

/// Refuses, before anything is read, an output that can't be written or would destroy an input.
fn check_output(path: &Path, inputs: &[PathBuf]) -> Result<()> {
    let name = path.display();
    if path.is_dir() {
        bail!("{name}: is a folder: name a file in it for the report");
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        bail!(
            "{name}: can't be written: there is no folder {}: make it first, or name another file",
            folder.display()
        );
    }
    let Ok(real) = path.canonicalize() else {
        return Ok(());
    };
    if inputs
        .iter()
        .any(|i| i.canonicalize().is_ok_and(|i| i == real))
    {
        bail!("{name}: is one of the captures to read: name another file for the report");
    }
    Ok(())
}

/// One line for standard error: exit status 3 needs its reason also where the report goes to a file.
fn read_in_part(capture: &Capture) -> String {
    let more = match capture.problems.len() {
        0 | 1 => String::new(),
        n => format!(" (and {} more problems)", n - 1),
    };
    let first = capture.problems.first().map_or("", String::as_str);
    format!(
        "{}: {first}{more}: the report is about what could be read; copy the file again if it was whole once",
        capture.source
    )
}

fn exit_code(captures: &[Capture], broken: bool) -> i32 {
    if captures.iter().any(|c| !c.complete) {
        3
    } else if broken {
        1
    } else {
        0
    }
}

fn write(report: &Report, options: &Read, input: &Input) -> Result<()> {
    let (color, path) = (options.common.color, options.output.as_deref());
    let told = match options.format {
        Format::Html => report::ladders(report, options, input)?,
        _ => (Vec::new(), None),
    };
    let page = Page {
        report,
        told: &told.0,
        untold: told.1,
        ticket: None,
    };
    to_output(path, color, &mut |color, out| {
        let style = Style {
            color,
            quiet: options.quiet,
            verbose: options.verbose,
        };
        match options.format {
            Format::Text => text::write(report, style, out),
            Format::Json => json::write(report, out),
            Format::Ndjson => json::write_lines(report, out),
            Format::Markdown => markdown::write(report, out),
            Format::Html => html::write(&page, out),
        }
    })
}

/// What paints into an output, with or without colour.
type Paint<'a> = &'a mut dyn FnMut(bool, &mut Box<dyn Write>) -> io::Result<()>;

/// Opens the output, paints into it, and names the file where that fails.
fn to_output(path: Option<&Path>, color: Color, paint: Paint<'_>) -> Result<()> {
    let Some(path) = output(path) else {
        let stdout = io::stdout();
        let colored = is_colored(color, stdout.is_terminal());
        let mut out: Box<dyn Write> = Box::new(BufWriter::new(stdout.lock()));
        paint(colored, &mut out)?;
        return Ok(out.flush()?);
    };
    let failed = || {
        format!(
            "{}: can't be written; name another file with -o",
            path.display()
        )
    };
    let file = File::create(path).with_context(failed)?;
    let mut out: Box<dyn Write> = Box::new(BufWriter::new(file));
    paint(is_colored(color, false), &mut out)?;
    out.flush().with_context(failed)
}

fn is_colored(color: Color, terminal: bool) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
            terminal && !no_color && !dumb
        }
    }
}

fn explain(cause: Option<&str>) -> Result<i32> {
    let mut out = io::stdout().lock();
    let Some(cause) = cause else {
        for rule in rules::all() {
            writeln!(out, "{:<32} {}", rule.id, rule.title())?;
        }
        return Ok(0);
    };
    let rule = rule(cause)?;
    writeln!(out, "{}", rule.id)?;
    writeln!(
        out,
        "stage {} · {} · points at {} unless the capture says otherwise\n",
        rule.stage.as_str(),
        rule.severity.as_str(),
        rule.blame.as_str()
    )?;
    let doc = rule.doc();
    let paragraphs = doc.split("\n\n");
    for (i, paragraph) in paragraphs.enumerate() {
        if i > 0 {
            writeln!(out)?;
        }
        match paragraph.strip_prefix("## ").map(|p| p.split_once('\n')) {
            Some(Some((heading, text))) => {
                writeln!(out, "{heading}")?;
                text::wrapped(&mut out, "", text)?;
            }
            _ => text::wrapped(&mut out, "", paragraph)?,
        }
    }
    Ok(0)
}

/// The rule with that id.
fn rule(cause: &str) -> Result<&'static Rule> {
    if let Some(rule) = rules::find(cause) {
        return Ok(rule);
    }
    let ids = || rules::all().map(|r| r.id);
    let mut near: Vec<&str> = ids().filter(|id| id.contains(cause)).collect();
    if near.is_empty() {
        let within = |id: &&str| {
            id.split('.')
                .nth(1)
                .is_some_and(|tail| cause.contains(tail))
        };
        near = ids().filter(within).collect();
    }
    let hint = if near.is_empty() {
        "`shakedown explain` lists all".to_owned()
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    bail!("there is no cause '{cause}'; {hint}");
}

fn targets(profile: Option<&str>) -> Result<i32> {
    let mut out = io::stdout().lock();
    match profile {
        Some(name) => write!(out, "{}", input::load_target(name)?.describe())?,
        None => {
            for name in Target::BUILT_IN {
                if let Some(target) = Target::built_in(name) {
                    writeln!(out, "{name}: {}", target.description)?;
                }
            }
        }
    }
    Ok(0)
}
