//! `shakedown live`.

mod headless;

use super::{is_colored, limits, target, thresholds};
use crate::cli::{Color, Live};
use crate::explore;
use anyhow::{Context, Result, anyhow, bail};
use shakedown::live::analysis::{Plan, Tapped, Told};
use shakedown::live::feed::Live as Capture;
use shakedown::live::libpcap::{Device, Options};
use shakedown::live::wire::{Port, SystemClock, Trouble};
use shakedown::report::text::{self, Style};
use shakedown::source::filter::Filter;
use shakedown::ui::terminal;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

/// Attempts that may wait to be printed.
const TOLD: usize = 1_000;

/// Captures until it is told to end.
///
/// # Errors
/// Wrong usage, or an interface that can't be opened, in one line.
pub(super) fn live(options: &Live) -> Result<i32> {
    if !options.headless && !io::stdout().is_terminal() {
        bail!(
            "the screens need a terminal, and standard output is none: add --headless to print attempts as they end"
        );
    }
    let config = explore::load_config(options.config.as_deref())?;
    let (plan, told) = plan(options)?;
    if options.headless {
        return headless::run(options, plan, &told);
    }
    drop(told);
    let capture = Capture::start(plan).context("no thread to capture with")?;
    let (mut feed, mut packets) = (capture.feed(), capture.packets());
    let color = options.color != Color::Never;
    let left = terminal::run(&mut feed, &mut packets, &config, color).context("the terminal");
    let finished = capture.finish();
    left?;
    let finished = finished.ok_or_else(|| anyhow!("the analysis failed; see above"))?;
    let style = Style {
        color: is_colored(options.color, io::stdout().is_terminal()),
        quiet: true,
        verbose: false,
    };
    let mut out = io::stdout().lock();
    text::write_summary(&finished.data.report, style, &mut out)?;
    for remark in &finished.remarks {
        eprintln!("shakedown: {remark}");
    }
    out.flush()?;
    Ok(0)
}

type Ended = crossbeam_channel::Receiver<Told>;

fn plan(options: &Live) -> Result<(Plan, Ended)> {
    let target = target(&options.target)?;
    let thresholds = thresholds(&options.limits)?;
    let filter = options.filter.as_deref();
    filter.map(Filter::new).transpose()?;
    let names = interfaces(options)?;
    let how = Options {
        snap_len: i32::try_from(options.snap_len)?,
        buffer: i32::try_from(u64::from(options.buffer) * 1024)
            .context("-B: at most 2097151 KiB")?,
        promiscuous: options.promiscuous,
        filter: filter.map(str::to_owned),
    };
    let mut ports = Vec::new();
    for name in names {
        ports.push(open(&name, &how)?);
    }
    let (told, ended) = crossbeam_channel::bounded(TOLD);
    let plan = Plan {
        ports,
        target,
        limits: limits(options.max_flows),
        thresholds,
        packets: options.count,
        duration: options.duration,
        recent: if options.headless {
            0
        } else {
            options.recent as usize * (1 << 20)
        },
        taps: Vec::new(),
        told: options.headless.then_some(told),
        clock: Arc::new(SystemClock),
    };
    Ok((plan, ended))
}

fn interfaces(options: &Live) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for name in &options.interfaces {
        if names.contains(name) {
            bail!("-i {name}: is named twice");
        }
        names.push(name.clone());
    }
    if names.is_empty() {
        names.push("any".to_owned());
    }
    if names.len() > 1 && names.iter().any(|name| name == "any") {
        bail!("-i any: takes all interfaces already: leave the others out");
    }
    Ok(names)
}

/// One that is down is waited for; one that is not there is a mistake.
fn open(name: &str, how: &Options) -> Result<Tapped> {
    let mut device = Device::new(name, how.clone());
    let wire = match device.open() {
        Ok(wire) => Some(wire),
        Err(Trouble::Down) => None,
        Err(Trouble::Gone) => {
            bail!("-i {name}: there is no such interface: `shakedown interfaces` lists them")
        }
        Err(Trouble::Failed(why)) => bail!("-i {name}: can't be opened: {why}"),
    };
    let port = Box::new(device);
    Ok(Tapped { port, wire })
}
