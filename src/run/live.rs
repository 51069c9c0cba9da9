//! `shakedown live`.

mod headless;
mod open;
mod taps;

use super::input::Input;
use super::is_colored;
use super::report::live_bundler;
use crate::cli::{Color, Live};
use crate::explore;
use anyhow::{Context, Result, anyhow, bail};
use shakedown::engine::Limits;
use shakedown::live::analysis::{Plan, Told};
use shakedown::live::feed::Live as Capture;
use shakedown::live::hook::Hook;
use shakedown::live::network::{self, Watch};
use shakedown::live::privilege::drop_root;
use shakedown::live::sandbox;
use shakedown::live::wire::SystemClock;
use shakedown::report::text::{self, Style};
use shakedown::types::LinkType;
use shakedown::ui::terminal;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// Attempts that may wait to be printed.
const TOLD: usize = 1_000;
/// Flows held where nothing else is said: it runs for days beside other programs.
const FLOWS: usize = 250_000;

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
    let input = Input::new(&options.common)?;
    let (plan, told) = plan(options, &input)?;
    if options.headless {
        return headless::run(options, plan, &told);
    }
    drop(told);
    let bundler = live_bundler(input);
    let capture = Capture::start(plan).context("no thread to capture with")?;
    let (mut feed, mut packets) = (capture.feed(), capture.packets().with_bundler(bundler));
    let color = options.common.color != Color::Never;
    let left = terminal::run(&mut feed, &mut packets, &config, color).context("the terminal");
    let finished = capture.finish();
    left?;
    let finished = finished.ok_or_else(|| anyhow!("the analysis failed; see above"))?;
    let style = Style {
        color: is_colored(options.common.color, io::stdout().is_terminal()),
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

/// Everything that needs a right is done here, in this order: the helper is started, interfaces are opened, root is given up, files are made,
/// the process is shut in. Threads start after that, and parse the first packet.
fn plan(options: &Live, input: &Input) -> Result<(Plan, Ended)> {
    let hook = options.on_failure.as_deref().map(Hook::start).transpose()?;
    let (ports, remarks) = open::interfaces(options, &input.target)?;
    let dropped = drop_root()?;
    let links: Vec<LinkType> = ports
        .iter()
        .map(|p| p.wire.as_ref().map_or(LinkType(1), |w| w.link()))
        .collect();
    let (taps, mut allowed) = taps::files(options, &ports, &links, hook)?;
    if !options.headless {
        allowed.write.push(PathBuf::from(".")); // exports
    }
    let names = ports.iter().map(|p| p.port.name().to_owned());
    let watch = Watch::new(Box::new(network::System::open()), names.collect());
    let shut_in = sandbox::enter(&allowed);
    if options.verbose {
        eprintln!("shakedown: {}; {}", dropped.text, shut_in.describe());
        shut_in
            .problems
            .iter()
            .for_each(|p| eprintln!("shakedown: {p}"));
        remarks.iter().for_each(|r| eprintln!("shakedown: {r}"));
    }
    let (told, ended) = crossbeam_channel::bounded(TOLD);
    let taps = taps.into_iter().map(taps::Pending::start);
    let taps = taps.collect::<Result<_>>()?;
    let plan = Plan {
        ports,
        remarks,
        target: input.target.clone(),
        limits: Limits {
            flows: options.common.max_flows.unwrap_or(FLOWS),
            ..input.limits
        },
        thresholds: input.thresholds,
        packets: options.count,
        duration: options.duration,
        recent: if options.headless {
            0
        } else {
            options.recent as usize * (1 << 20)
        },
        taps,
        told: options.headless.then_some(told),
        clock: Arc::new(SystemClock),
        watch: Some(watch),
    };
    Ok((plan, ended))
}
