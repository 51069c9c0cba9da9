//! `read --tui`: saved captures in the terminal UI.

use crate::cli::{Color, Read};
use crate::run::input::Input;
use anyhow::{Context, Result, anyhow, bail};
use shakedown::ui::config::{self, Config};
use shakedown::ui::files::{FileFeed, FilePackets, Opener, Plan};
use shakedown::ui::terminal;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;

/// Shows the captures until the user leaves.
///
/// # Errors
/// Wrong usage or input, in one line.
pub fn explore(options: &Read, input: Input) -> Result<i32> {
    if !io::stdout().is_terminal() {
        bail!("--tui needs a terminal: leave it out, or don't redirect the output");
    }
    let config = load_config(options.config.as_deref())?;
    let again = options.files.iter().all(|path| path.as_os_str() != "-");
    let (files, size) = (options.files.clone(), input.size(&options.files));
    let (target, limits, thresholds) = (input.target.clone(), input.limits, input.thresholds);
    let open: Opener = Arc::new(move || input.open(&files));
    let plan = Plan {
        open: Arc::clone(&open),
        again,
        size,
        target,
        limits,
        thresholds,
    };
    let bundler = crate::run::report::bundler(&options.files, plan.clone());
    let mut feed = FileFeed::start(plan).map_err(|e| anyhow!(e))?;
    let mut packets = FilePackets::new(open, again).with_bundler(bundler);
    let color = options.common.color != Color::Never;
    terminal::run(&mut feed, &mut packets, &config, color).context("the terminal")?;
    Ok(0)
}

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
