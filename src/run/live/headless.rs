//! Attempts printed as they end, then the verdict.

use super::Ended;
use crate::cli::{Format, Live};
use crate::run::{exit_code, is_colored, output};
use anyhow::{Context, Result, anyhow};
use shakedown::live::analysis::{Finished, Plan, Tapped, Told};
use shakedown::live::feed::Live as Capture;
use shakedown::report::text::{self, Style};
use shakedown::report::ticket::Page;
use shakedown::report::{html, json, markdown};
use shakedown::snapshot::{Report, clean::clean};
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Between two looks at whether it is to end.
const TURN: Duration = Duration::from_millis(100);

/// Runs until a signal, a limit, or the reader of the output ends it.
pub(super) fn run(options: &Live, plan: Plan, told: &Ended) -> Result<i32> {
    let end = ended_by_signal().context("signals can't be handled")?;
    let mut print = Print::new(options)?;
    print.begin(&plan);
    let capture = Capture::start(plan).context("no thread to capture with")?;
    // What can't be printed ends the capture, but what is on its way is taken, since the analysis waits for that.
    let mut failed = None;
    let mut stopping = false;
    loop {
        match told.recv_timeout(TURN) {
            Ok(_) if failed.is_some() => {}
            Ok(one) => failed = print.attempt(&one).err(),
            Err(crossbeam_channel::RecvTimeoutError::Timeout) => {}
            Err(crossbeam_channel::RecvTimeoutError::Disconnected) => break,
        }
        for news in capture.news() {
            print.happened(&news);
        }
        if !stopping && (failed.is_some() || end.load(Ordering::Relaxed)) {
            stopping = true;
            capture.stop();
        }
    }
    let finished = capture.finish();
    let finished = finished.ok_or_else(|| anyhow!("the analysis failed; see above"))?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    print.end(&finished)?;
    for remark in &finished.remarks {
        eprintln!("shakedown: {remark}");
    }
    Ok(exit_code(&finished.data.report.captures, finished.broken))
}

/// Set by the first Ctrl-C or SIGTERM; the second one ends the process at once.
fn ended_by_signal() -> io::Result<Arc<AtomicBool>> {
    let end = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    for signal in [
        signal_hook::consts::SIGINT,
        signal_hook::consts::SIGTERM,
        signal_hook::consts::SIGHUP,
    ] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&end))?;
        signal_hook::flag::register(signal, Arc::clone(&end))?;
    }
    Ok(end)
}

struct Print {
    out: Box<dyn Write>,
    format: Format,
    style: Style,
    /// Where it goes, for errors.
    name: Option<String>,
}

impl Print {
    fn new(options: &Live) -> Result<Self> {
        let path = output(options.output.as_deref());
        let (out, terminal): (Box<dyn Write>, bool) = match path {
            Some(path) => {
                let failed = || {
                    format!(
                        "{}: can't be written; name another file with -o",
                        path.display()
                    )
                };
                let file = File::create(path).with_context(failed)?;
                (Box::new(BufWriter::new(file)), false)
            }
            None => {
                let stdout = io::stdout();
                let terminal = stdout.is_terminal();
                (Box::new(BufWriter::new(stdout)), terminal)
            }
        };
        let style = Style {
            color: is_colored(options.common.color, terminal),
            quiet: options.quiet,
            verbose: options.verbose,
        };
        let name = path.map(|path| path.display().to_string());
        Ok(Self {
            out,
            format: options.format,
            style,
            name,
        })
    }

    /// Says that it listens, once it does: who starts it from a script waits for this line, as for tcpdump's. Until something ends, nothing else shows it.
    fn begin(&self, plan: &Plan) {
        let name = |tapped: &Tapped| {
            let waits = if tapped.wire.is_none() {
                " (down; waits for it)"
            } else {
                ""
            };
            format!("{}{waits}", clean(tapped.port.name()))
        };
        let names: Vec<String> = plan.ports.iter().map(name).collect();
        self.happened(&format!(
            "listening on {}; Ctrl-C ends with the verdict",
            names.join(", ")
        ));
    }

    /// Says what else is going on, beside the output.
    fn happened(&self, what: &str) {
        if !self.style.quiet {
            eprintln!("shakedown: {what}");
        }
    }

    fn attempt(&mut self, told: &Told) -> io::Result<()> {
        let Some(attempt) = told.attempt() else {
            return Ok(());
        };
        match self.format {
            Format::Text => {
                text::write_ended(
                    &told.data.report,
                    attempt,
                    told.was,
                    self.style,
                    &mut self.out,
                )?;
            }
            Format::Ndjson => json::write_ended(attempt, told.was, &mut self.out)?,
            Format::Json | Format::Markdown | Format::Html => return Ok(()),
        }
        self.out.flush()
    }

    fn end(&mut self, finished: &Finished) -> Result<()> {
        let report = &finished.data.report;
        let out = &mut self.out;
        let done = match self.format {
            Format::Text => text::write_summary(report, self.style, out),
            Format::Ndjson => json::write_verdict(report, out),
            Format::Json => json::write(report, out),
            Format::Markdown => markdown::write(report, out),
            Format::Html => html::write(&page(report), out),
        };
        let done = done.and_then(|()| self.out.flush());
        match &self.name {
            Some(name) => done.with_context(|| format!("{name}: can't be written")),
            None => Ok(done?),
        }
    }
}

/// The report alone: of a capture without an end, packets are not kept for pictures.
fn page(report: &Report) -> Page<'_> {
    Page {
        report,
        told: &[],
        untold: Some(
            "A live capture keeps no packets for ladders here; save it with -w and read that.",
        ),
        ticket: None,
    }
}
