//! `report`: the bundle for a bug ticket.

mod ask;

use super::input::{Input, fresh_key};
use super::{exit_code, is_colored, read_in_part};
use crate::cli::{Audience as CliAudience, Read, Report as Options};
use crate::progress::Progress;
use anyhow::{Context, Result, anyhow, bail};
use shakedown::bundle::pack::{self, folder_of};
use shakedown::bundle::{self, Bundle, FILES, Privacy, Refused, Request, Whole};
use shakedown::report::ticket::{Audience, Hashed, Told, words};
use shakedown::snapshot::clean::clean;
use shakedown::snapshot::{Outcome, Report};
use shakedown::ui::files::{Bundler, Plan};
use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;
use tempfile::NamedTempFile;

/// Makes the bundle, and says what is in it.
pub(super) fn report(mut options: Options) -> Result<i32> {
    if options.json_schema {
        let schema = schemars::schema_for!(Whole<'_>);
        let text = serde_json::to_string_pretty(&schema)?;
        writeln!(io::stdout(), "{text}")?;
        return Ok(0);
    }
    let output = options.output.take();
    let output = output.context("name the bundle with -o")?;
    if output.as_os_str() == "-" {
        bail!("a bundle is several files: name a folder, or a file that ends in .zip");
    }
    pack::check(&output, &options.files, options.force)?;
    ask::missing(&mut options)?;
    let stop = stopping()?;
    let inputs = Inputs::new(&options.files, folder_of(&output), &stop)?;
    let bundle = make(&options, &inputs, &output, &stop)?;
    pack::write(&output, &bundle.files, options.force, &stop)?;
    told(&bundle, &output, &options)?;
    for capture in bundle.report.captures.iter().filter(|c| !c.complete) {
        eprintln!("shakedown: {}", read_in_part(capture));
    }
    let broken = bundle
        .report
        .attempts
        .iter()
        .any(|a| a.outcome == Outcome::Broken);
    Ok(exit_code(&bundle.report.captures, broken))
}

/// Ctrl-C and SIGTERM ask to stop; a second one ends the program at once.
fn stopping() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// The captures: standard input is written to a file first, since they are read several times.
struct Inputs {
    paths: Vec<PathBuf>,
    names: Vec<String>,
    /// Goes away with this.
    _spool: Option<NamedTempFile>,
}

impl Inputs {
    fn new(files: &[PathBuf], folder: &Path, stop: &AtomicBool) -> Result<Self> {
        let (mut paths, mut names, mut spool) = (Vec::new(), Vec::new(), None);
        for file in files {
            if file.as_os_str() != "-" {
                // Without folders: these often name the user.
                let name = file.file_name().unwrap_or(file.as_os_str());
                names.push(clean(&name.to_string_lossy()));
                paths.push(file.clone());
                continue;
            }
            if spool.is_some() {
                bail!("standard input can be read only once: name '-' once");
            }
            let written = spooled(folder, stop)?;
            names.push("standard input".to_owned());
            paths.push(written.path().to_owned());
            spool = Some(written);
        }
        let _spool = spool;
        Ok(Self {
            paths,
            names,
            _spool,
        })
    }
}

/// So long after the user wants to stop, standard input may still hand over what was captured.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Standard input as a file that only its owner can read. It ends where the input ends, or where the user stops it: what
/// was captured until then is what there is to report on.
fn spooled(folder: &Path, stop: &AtomicBool) -> Result<NamedTempFile> {
    let failed = || format!("{}: standard input can't be kept there", folder.display());
    let mut file =
        NamedTempFile::with_prefix_in(".shakedown-input-", folder).with_context(failed)?;
    let (send, receive) = sync_channel(16);
    // A read that waits can't be interrupted: another thread waits.
    thread::Builder::new()
        .name("input".to_owned())
        .spawn(move || read_input(&send))
        .context("no thread to read with")?;
    loop {
        match receive.recv_timeout(LAST_WORDS) {
            Ok(block) => file.write_all(&block?).with_context(failed)?,
            Err(RecvTimeoutError::Timeout) if !stop.load(SeqCst) => {}
            Err(_) => break,
        }
    }
    stop.store(false, SeqCst);
    file.flush().with_context(failed)?;
    Ok(file)
}

fn read_input(send: &SyncSender<io::Result<Vec<u8>>>) {
    let mut input = io::stdin().lock();
    loop {
        let mut block = vec![0; 1 << 16];
        let read = match io::Read::read(&mut input, &mut block) {
            Ok(0) => return,
            Ok(count) => {
                block.truncate(count);
                Ok(block)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => Err(e),
        };
        let last = read.is_err();
        if send.send(read).is_err() || last {
            return;
        }
    }
}

fn make(options: &Options, inputs: &Inputs, output: &Path, stop: &AtomicBool) -> Result<Bundle> {
    let input = Input::new(&options.common)?;
    let privacy = if options.redact.no_redact {
        Privacy::Open
    } else {
        fresh_key()?
    };
    let size = input.size(&inputs.paths);
    let progress = RefCell::new(Progress::new(size.map(|size| size * passes(privacy))));
    let bundle = thread::scope(|scope| -> Result<Bundle> {
        // A large capture takes seconds to hash: another core does that while this one reads it.
        let hashes = thread::Builder::new().name("hashes".to_owned());
        let hashes = hashes.spawn_scoped(scope, || hashed(inputs, stop));
        let hashes = hashes.context("no thread to hash the captures with")?;
        let request = Request {
            privacy,
            open: &|| input.open(&inputs.paths),
            target: input.target.clone(),
            limits: input.limits,
            thresholds: input.thresholds,
            drop: &options.drop,
            only: &[],
            names: &inputs.names,
            stop,
            scratch: folder_of(output),
            progress: &|bytes| progress.borrow_mut().frame(bytes),
            audience: options.audience.map(audience),
            max_chars: options.max_chars,
            answers: ask::answers(options),
            tried: options.tried.iter().map(|t| words(t)).collect(),
            originals: Box::new(|| {
                let failed = |_| {
                    Err(Refused::Failed(
                        "the captures could not be hashed".to_owned(),
                    ))
                };
                hashes.join().unwrap_or_else(failed)
            }),
        };
        Ok(bundle::make(request)?)
    });
    progress.into_inner().finish();
    bundle
}

fn hashed(inputs: &Inputs, stop: &AtomicBool) -> Result<Vec<Hashed>, Refused> {
    let files = inputs.paths.iter().zip(&inputs.names);
    files
        .map(|(path, name)| pack::hash(path, name.clone(), stop))
        .collect()
}

/// How often the captures are read.
const fn passes(privacy: Privacy) -> u64 {
    match privacy {
        Privacy::Open => 2,
        Privacy::Redacted(_) => 3,
    }
}

const fn audience(audience: CliAudience) -> Audience {
    match audience {
        CliAudience::Isp => Audience::Isp,
        CliAudience::Vpn => Audience::Vpn,
        CliAudience::Service => Audience::Service,
        CliAudience::Developer => Audience::Developer,
    }
}

/// Says what was written.
fn told(bundle: &Bundle, output: &Path, options: &Options) -> Result<()> {
    if options.quiet {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    let colored = is_colored(options.common.color, out.is_terminal());
    let bold = |text: &str| match colored {
        true => format!("\x1b[1m{text}\x1b[0m"),
        false => text.to_owned(),
    };
    let v = &bundle.report.verdict;
    writeln!(
        out,
        "{}  {}",
        bold(&v.outcome.as_str().to_uppercase()),
        v.headline
    )?;
    writeln!(
        out,
        "\nwritten: {}",
        bold(&clean(&output.to_string_lossy()))
    )?;
    for file in &bundle.files {
        writeln!(
            out,
            "  {:<16} {:>9}  {}",
            file.name,
            size(file.data.len()),
            what(file.name)
        )?;
    }
    if let Some(evidence) = &bundle.ticket.evidence {
        writeln!(out, "\n{}", evidence.checked)?;
    }
    let redaction = &bundle.ticket.redaction;
    if redaction.on {
        writeln!(
            out,
            "Addresses and names were replaced; the report lists how. Look at it before you send it."
        )?;
    } else {
        writeln!(
            out,
            "Nothing was replaced: it holds addresses and names of the capture. Look at it before you send it."
        )?;
    }
    if options.verbose {
        for line in redaction.done.iter().chain(&bundle.ticket.left_out) {
            writeln!(out, "  - {line}")?;
        }
    }
    Ok(())
}

fn what(name: &str) -> &'static str {
    let [md, html, json, _] = FILES;
    match name {
        n if n == md => "paste it into the ticket",
        n if n == html => "the same with pictures, for a browser",
        n if n == json => "the same for programs",
        _ => "the packets, for Wireshark",
    }
}

#[allow(clippy::cast_precision_loss)] // one digit is shown
fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// What the terminal UI writes bundles with: redacted, into a new file beside the first capture.
pub fn bundler(files: &[PathBuf], plan: Plan) -> Bundler {
    let files = files.to_vec();
    Arc::new(move |only, stop| {
        let text = |e: anyhow::Error| format!("{e:#}");
        let folder = files.first().map_or(Path::new("."), |f| folder_of(f));
        let names = (1..1000).map(|n| match n {
            1 => folder.join("shakedown-ticket.zip"),
            n => folder.join(format!("shakedown-ticket-{n}.zip")),
        });
        let mut free = names.filter(|path| !path.exists());
        let path = free
            .next()
            .ok_or("there are too many bundles beside the capture")?;
        let hash = |f: &PathBuf| pack::hash(f, String::new(), stop);
        let request = Request {
            open: &|| (plan.open)(),
            privacy: fresh_key().map_err(text)?,
            target: plan.target.clone(),
            limits: plan.limits,
            thresholds: plan.thresholds,
            drop: &[],
            only: only.as_slice(),
            names: &[],
            stop,
            scratch: folder,
            progress: &|_| (),
            audience: None,
            max_chars: None,
            answers: Vec::new(),
            tried: Vec::new(),
            originals: Box::new(|| files.iter().map(hash).collect()),
        };
        let bundle = bundle::make(request).map_err(|e| e.to_string())?;
        pack::write(&path, &bundle.files, false, stop).map_err(|e| e.to_string())?;
        let count = bundle.ticket.evidence.map_or(0, |e| e.attempts.len());
        let path = std::path::absolute(&path).unwrap_or(path);
        Ok(format!(
            "bundle of {count} attempts, redacted, written to {}",
            clean(&path.to_string_lossy())
        ))
    })
}

/// The same of a capture file that a live capture makes for it, once.
#[cfg(feature = "live")]
pub fn live_bundler(input: Input) -> shakedown::live::feed::Bundler {
    let input = input.unfiltered();
    Arc::new(move |path| {
        let files = vec![path.to_owned()];
        let (again, reader) = (files.clone(), input.clone());
        let plan = Plan {
            open: Arc::new(move || reader.open(&again)),
            again: true,
            size: None,
            target: input.target.clone(),
            limits: input.limits,
            thresholds: input.thresholds,
        };
        bundler(&files, plan)(None, &AtomicBool::new(false))
    })
}

/// The packets for `read --format html`, and why there are none.
pub(super) fn ladders(
    report: &Report,
    options: &Read,
    input: &Input,
) -> Result<(Vec<Told>, Option<&'static str>)> {
    if options.files.iter().any(|f| f.as_os_str() == "-") {
        let why = "The packets are not shown: standard input can't be read twice. Save it to a file first.";
        return Ok((Vec::new(), Some(why)));
    }
    let told = bundle::packets_of(&|| input.open(&options.files), report);
    Ok((told.map_err(|e| anyhow!("{e}"))?, None))
}
