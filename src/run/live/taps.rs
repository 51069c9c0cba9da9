//! What is kept of a live capture: `-w`, `--keep-failures`, and the command of `--on-failure`.

use crate::cli::Live;
use anyhow::{Context, Result, bail};
use crossbeam_channel::{Receiver, Sender};
use shakedown::live::analysis::{Tap, Tapped, Tick, Told};
use shakedown::live::hook::{Failure, Hook};
use shakedown::live::recorder::{self, Folder, Kept, Packets, Recorder, Ring};
use shakedown::live::sandbox::Allowed;
use shakedown::live::save::{self, Save};
use shakedown::live::wire::{Clock, SystemClock};
use shakedown::report::pcapng::Interface;
use shakedown::snapshot::{Attempt, Outcome, rfc3339};
use shakedown::types::{Frame, Timestamp};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Failures that may wait to be written; more are not kept, and that is said.
const WAITING: usize = 16;
/// How long the end waits for commands of `--on-failure` that still run; they go on by themselves after that.
const LAST_COMMANDS: Duration = Duration::from_secs(5);

/// A tap whose files are open, and whose threads are not started.
pub(super) enum Pending {
    Save(Box<Save>),
    Failures(Box<Recorder>, Option<Hook>),
}

/// Makes the files, and says what must stay writable.
pub(super) fn files(
    options: &Live,
    ports: &[Tapped],
    links: &[shakedown::types::LinkType],
    hook: Option<Hook>,
) -> Result<(Vec<Pending>, Allowed)> {
    let (mut taps, mut allowed) = (Vec::new(), Allowed::default());
    if let Some(path) = &options.write {
        check_output(options, path)?;
        let plan = save::Plan {
            path: path.clone(),
            rotate_size: options.rotate_size.map(|mib| mib << 20),
            rotate_time: options.rotate_time,
            keep: options.keep_files.max(1),
        };
        allowed.write.extend(plan.folder().map(Path::to_owned));
        let interfaces = ports.iter().zip(links).map(|(port, link)| Interface {
            name: port.port.name().to_owned(),
            link: *link,
            snap_len: options.snap_len,
        });
        let interfaces: Vec<Interface> = interfaces.collect();
        let save = Save::open(plan, &interfaces, SystemClock.now())?;
        taps.push(Pending::Save(Box::new(save)));
    }
    if let Some(folder) = &options.keep_failures {
        let plan = recorder::Plan::new(folder.clone());
        let recorder = Recorder::open(&plan)?;
        allowed.write.push(folder.clone());
        taps.push(Pending::Failures(Box::new(recorder), hook));
    }
    Ok((taps, allowed))
}

/// Standard output takes one thing only.
fn check_output(options: &Live, path: &Path) -> Result<()> {
    let out = options
        .output
        .as_deref()
        .filter(|out| out.as_os_str() != "-");
    if path.as_os_str() == "-" && (!options.headless || out.is_none()) {
        bail!("-w -: standard output is taken: add --headless and -o FILE, or write to a file");
    }
    if out.is_some_and(|out| out == path) {
        bail!(
            "{}: is named twice, for packets (-w) and for text (-o)",
            path.display()
        );
    }
    Ok(())
}

impl Pending {
    /// Starts what belongs to it.
    pub(super) fn start(self) -> Result<Box<dyn Tap>> {
        Ok(match self {
            Self::Save(save) => Box::new(Saving(Some(*save))),
            Self::Failures(recorder, hook) => Box::new(Failures::start(*recorder, hook)?),
        })
    }
}

/// `-w`.
struct Saving(Option<Save>);

impl Tap for Saving {
    fn frame(&mut self, frame: &Frame<'_>, _: bool) {
        if let Some(save) = &mut self.0 {
            save.frame(usize::from(frame.mark.capture.0), frame);
        }
    }

    fn hole(&mut self, interface: usize, from: Timestamp, to: Timestamp) {
        if let Some(save) = &mut self.0 {
            save.hole(interface, from, to);
        }
    }

    fn tick(&mut self, tick: &Tick<'_>) {
        let Some(save) = &mut self.0 else { return };
        for (index, counted) in tick.counted.iter().enumerate() {
            let counted = save::Counted {
                received: counted.received,
                dropped: counted.dropped,
                if_dropped: counted.if_dropped,
            };
            save.counted(index, counted);
        }
        save.tick(tick.now);
    }

    fn problem(&self) -> Option<String> {
        self.0.as_ref()?.problem().map(str::to_owned)
    }

    fn finish(&mut self, tick: &Tick<'_>) -> Vec<String> {
        self.tick(tick);
        let Some(save) = self.0.take() else {
            return Vec::new();
        };
        let (saved, lost) = save.totals();
        let files: Vec<String> = save.files().map(|f| f.display().to_string()).collect();
        let mut said = Vec::new();
        if let Some(last) = files.last() {
            let more = match files.len() {
                1 => String::new(),
                n => format!(" and {} files before it", n - 1),
            };
            said.push(format!("{saved} packets written to {last}{more}"));
        }
        if lost > 0 {
            said.push(format!("{lost} packets could not be written"));
        }
        said.extend(save.finish(tick.now));
        said
    }
}

/// A failure on its way to the folder.
type Failed = (Packets, Told);

/// `--keep-failures`: packets are held here, files are written by a thread of its own.
struct Failures {
    ring: Ring,
    send: Option<Sender<Failed>>,
    thread: Option<JoinHandle<(usize, Vec<String>)>>,
    problem: Arc<Mutex<Option<String>>>,
    missed: u64,
}

impl Failures {
    fn start(recorder: Recorder, hook: Option<Hook>) -> Result<Self> {
        let (ring, folder) = recorder.split();
        let keeper = Keeper { folder, hook };
        let (send, receive) = crossbeam_channel::bounded(WAITING);
        let problem = Arc::new(Mutex::new(None));
        let theirs = Arc::clone(&problem);
        let thread = thread::Builder::new()
            .name("failures".to_owned())
            .spawn(move || keeper.run(&receive, &theirs))
            .context("no thread to write failures with")?;
        Ok(Self {
            ring,
            send: Some(send),
            thread: Some(thread),
            problem,
            missed: 0,
        })
    }
}

/// Writes failures, and has the user's command run for each.
struct Keeper {
    folder: Folder,
    hook: Option<Hook>,
}

impl Keeper {
    /// Until no more come; how many were written, and what the commands had to say last.
    fn run(
        mut self,
        failed: &Receiver<Failed>,
        problem: &Mutex<Option<String>>,
    ) -> (usize, Vec<String>) {
        let mut written = 0;
        while let Ok((packets, told)) = failed.recv() {
            let Some(attempt) = told.attempt() else {
                continue;
            };
            let kept = self.folder.keep(&packets, attempt, &told.data.report);
            written += usize::from(kept.is_ok());
            let error = match kept {
                Ok(kept) => self.call(attempt, &kept),
                Err(error) => Some(error.to_string()),
            };
            *problem.lock().unwrap_or_else(PoisonError::into_inner) = error;
        }
        let said = self.hook.map(|hook| hook.finish(LAST_COMMANDS));
        (written, said.unwrap_or_default())
    }

    /// What went wrong with a command, this one or an earlier one.
    fn call(&mut self, attempt: &Attempt, kept: &Kept) -> Option<String> {
        let hook = self.hook.as_mut()?;
        let server = || attempt.paths.first().map(|p| p.server.clone());
        let failure = Failure {
            report: kept.report.display().to_string(),
            capture: kept.capture.display().to_string(),
            cause: attempt.cause.clone().unwrap_or_default(),
            name: attempt.name.clone().or_else(server).unwrap_or_default(),
            stage: attempt.stage.map_or("", |s| s.as_str()).to_owned(),
        };
        let sent = hook.run(&failure).err().map(|error| error.to_string());
        sent.or_else(|| hook.problems().pop())
    }
}

impl Tap for Failures {
    fn frame(&mut self, frame: &Frame<'_>, mattered: bool) {
        if mattered {
            self.ring.push(frame);
        }
    }

    fn ended(&mut self, told: &Told) {
        let (Some(attempt), Some(send)) = (told.attempt(), &self.send) else {
            return;
        };
        if attempt.outcome != Outcome::Broken {
            return;
        }
        let packets = self.ring.packets_of(attempt);
        self.missed += u64::from(send.try_send((packets, told.clone())).is_err());
    }

    fn hole(&mut self, _: usize, from: Timestamp, to: Timestamp) {
        self.ring.note_hole(from, to);
    }

    /// On a quiet line only this says that capturing goes on.
    fn tick(&mut self, tick: &Tick<'_>) {
        self.ring.note_time(tick.now);
    }

    fn problem(&self) -> Option<String> {
        let problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        problem.clone()
    }

    fn finish(&mut self, tick: &Tick<'_>) -> Vec<String> {
        self.send = None;
        let done = self.thread.take().and_then(|thread| thread.join().ok());
        let (written, commands) = done.unwrap_or_default();
        let mut said = vec![format!("{written} failures kept")];
        said.extend(commands);
        if self.missed > 0 {
            let at = rfc3339(Timestamp(tick.now.0));
            said.push(format!(
                "{} failures came too fast to be kept (until {at})",
                self.missed
            ));
        }
        said.extend(self.problem());
        said
    }
}
