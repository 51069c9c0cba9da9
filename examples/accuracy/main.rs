//! How often the program is right, counted over folders of fixtures whose truth is known.
//!
//! `cargo run --release --example accuracy -- [OPTIONS] [FOLDER]`; the folder is `fixtures` where none is named.
//!
//! * `--details`, `-v`: each attempt that is wrong and each false accusation by name
//! * `--quick`: without the worse captures
//! * `--json`: the figures for machines
//! * `--check`: exit status 1 where a target is missed
//!
//! How it is counted stands in CONTRIBUTING.md.

#[path = "../../tests/support/fixture.rs"]
mod fixture;
mod table;
mod tally;

use fixture::{Opened, case, parallel};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tally::Tally;

/// What was asked for.
#[derive(Default)]
struct Options {
    details: bool,
    quick: bool,
    json: bool,
    check: bool,
    folder: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => return fail(&error),
    };
    let built_in = || Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let folder = options.folder.clone().unwrap_or_else(built_in);
    let tally = match count(&folder, options.quick) {
        Ok(tally) => tally,
        Err(error) => return fail(&error),
    };
    let missed = tally.missed_targets();
    if options.json {
        println!("{:#}", table::json(&tally, &missed));
    } else {
        print!("{}", table::text(&tally, options.details));
        for target in &missed {
            println!("Target missed: {target}.");
        }
    }
    ExitCode::from(u8::from(options.check && !missed.is_empty()))
}

fn fail(error: &str) -> ExitCode {
    eprintln!("accuracy: {error}");
    ExitCode::from(2)
}

fn options(args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    for arg in args {
        match arg.as_str() {
            "--details" | "-v" => options.details = true,
            "--quick" => options.quick = true,
            "--json" => options.json = true,
            "--check" => options.check = true,
            _ if arg.starts_with('-') => {
                return Err(format!(
                    "no option {arg}; there are --details, --quick, --json, --check"
                ));
            }
            _ => options.folder = Some(arg.into()),
        }
    }
    Ok(options)
}

/// Counts all cases below a folder.
fn count(folder: &Path, quick: bool) -> Result<Tally, String> {
    let dirs = case::folders(folder, "")?;
    if dirs.is_empty() {
        return Err(format!(
            "{}: no folder with a case.toml in it",
            folder.display()
        ));
    }
    let mut all = Tally::default();
    for tally in parallel(&dirs, |dir| one(dir, quick)) {
        all.add(tally?);
    }
    Ok(all)
}

fn one(dir: &Path, quick: bool) -> Result<Tally, String> {
    let opened = Opened::new(dir)?;
    let mut tally = Tally::default();
    let report = serde_json::to_value(&opened.report).map_err(|e| e.to_string())?;
    tally.judge(&opened.id, &opened.case, &report);
    if !quick {
        opened.perturb(|variant, report, held| tally.perturbed(&opened, variant, report, &held));
    }
    Ok(tally)
}
