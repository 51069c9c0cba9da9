//! `read --tui`: saved captures in the terminal UI.

use crate::cli::{Color, Read};
use anyhow::{Context, Result, anyhow, bail};
use shakedown::diagnose::Thresholds;
use shakedown::engine::Limits;
use shakedown::source::{self, Source, filter::Filter};
use shakedown::target::Target;
use shakedown::ui::config::{self, Config};
use shakedown::ui::files::{FileFeed, FilePackets, Opener, Plan};
use shakedown::ui::terminal;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Shows the captures until the user leaves.
///
/// # Errors
/// Wrong usage or input, in one line.
pub fn explore(
    options: &Read,
    target: Target,
    limits: Limits,
    thresholds: Thresholds,
) -> Result<i32> {
    if !io::stdout().is_terminal() {
        bail!("--tui needs a terminal: leave it out, or don't redirect the output");
    }
    let config = load_config(options.config.as_deref())?;
    let again = options.files.iter().all(|path| path.as_os_str() != "-");
    let open = opener(options)?;
    let plan = Plan {
        open: Arc::clone(&open),
        again,
        size: size(&options.files, options.filter.as_deref()),
        target,
        limits,
        thresholds,
    };
    let bundler = crate::run::report::bundler(&options.files, plan.clone());
    let mut feed = FileFeed::start(plan).map_err(|e| anyhow!(e))?;
    let mut packets = FilePackets::new(open, again).with_bundler(bundler);
    let color = options.color != Color::Never;
    terminal::run(&mut feed, &mut packets, &config, color).context("the terminal")?;
    Ok(0)
}

fn opener(options: &Read) -> Result<Opener> {
    let files = options.files.clone();
    let filter = options.filter.as_deref().map(Filter::new).transpose()?;
    Ok(Arc::new(move || {
        let captures = source::open(&files).map_err(|e| e.to_string())?;
        Ok(match &filter {
            Some(filter) => Box::new(filter.clone().over(captures)) as Box<dyn Source>,
            None => Box::new(captures),
        })
    }))
}

/// Bytes to be read; not known of pipes, of packed files, and where a filter passes over packets.
pub fn size(files: &[PathBuf], filter: Option<&str>) -> Option<u64> {
    let plain = |path: &&PathBuf| {
        let name = path.to_string_lossy();
        !(name.ends_with(".gz") || name.ends_with(".zst"))
    };
    if filter.is_some() || !files.iter().all(|path| plain(&path)) {
        return None;
    }
    let file = |path: &PathBuf| std::fs::metadata(path).ok().filter(|m| m.is_file());
    files.iter().map(|path| file(path).map(|m| m.len())).sum()
}

/// The configuration of the terminal UI: the file named, or the user's own, or the defaults.
pub fn load_config(named: Option<&Path>) -> Result<Config> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => match config::path().filter(|path| path.exists()) {
            Some(path) => path,
            None => return Ok(Config::default()),
        },
    };
    let name = path.display();
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{name}: can't be read as a configuration"))?;
    Config::from_toml(&text).map_err(|e| anyhow!("{name}: {e}"))
}
