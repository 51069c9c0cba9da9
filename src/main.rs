//! Arguments in, exit code out: 0 nothing broken, 1 broken, 2 usage or input error, 3 read in part.

mod cli;
mod explore;
mod progress;
mod run;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match run::run(cli) {
        // Everything is written: the system frees a million flows faster than we do.
        Ok(code) => std::process::exit(code),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shakedown: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// The reader of our output (`head`, a pager) has had enough: no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}
