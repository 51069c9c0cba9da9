//! The helper's side: reads failures, runs the command for each.
#![allow(clippy::disallowed_methods)] // It bounds how long and how often programs run: that is the wall clock's.

use super::{Failure, LONGEST, PARALLEL, PER_MINUTE, QUEUE};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);
/// Between two looks at running commands.
const LOOK: Duration = Duration::from_millis(50);

/// Runs `command` for each line of `from` until that ends and all commands have. What goes wrong is told to `to`, a line
/// each.
///
/// # Errors
/// If there can be no thread to read with.
pub fn serve(
    from: impl Read + Send + 'static,
    to: &mut impl Write,
    command: &str,
) -> io::Result<()> {
    let (send, waiting) = bounded(QUEUE);
    let left_out = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&left_out);
    thread::Builder::new()
        .name("failures".to_owned())
        .spawn(move || read(from, &send, &counter))?;
    let mut jobs = Jobs {
        command,
        running: Vec::new(),
        started: VecDeque::new(),
    };
    let mut told = 0;
    let mut ended = false;
    while !ended || !jobs.running.is_empty() {
        match jobs.next(&waiting) {
            Next::Failure(failure) => jobs.start(&failure, to),
            Next::Nothing => {}
            Next::End => ended = true,
        }
        jobs.look(to);
        let lost = left_out.load(Relaxed);
        if lost > told {
            say(
                to,
                &format!("not run for {} failures: too many at once", lost - told),
            );
            told = lost;
        }
    }
    Ok(())
}

fn read(from: impl Read, send: &Sender<Failure>, left_out: &AtomicU64) {
    for line in BufReader::new(from).lines() {
        let Ok(line) = line else { return };
        let Ok(failure) = serde_json::from_str(&line) else {
            continue;
        };
        match send.try_send(failure) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => drop(left_out.fetch_add(1, Relaxed)),
            Err(TrySendError::Disconnected(_)) => return,
        }
    }
}

fn say(to: &mut impl Write, text: &str) {
    // Nobody may be listening any more; the commands run all the same.
    let _ = writeln!(to, "--on-failure: {text}");
    let _ = to.flush();
}

enum Next {
    Failure(Failure),
    Nothing,
    End,
}

struct Jobs<'a> {
    command: &'a str,
    running: Vec<(Child, Instant)>,
    /// When commands were started within the last minute.
    started: VecDeque<Instant>,
}

impl Jobs<'_> {
    /// Waits for a failure while there is room for its command, else a moment.
    fn next(&mut self, waiting: &Receiver<Failure>) -> Next {
        while self.started.front().is_some_and(|s| s.elapsed() >= MINUTE) {
            self.started.pop_front();
        }
        if self.running.len() >= PARALLEL || self.started.len() >= PER_MINUTE {
            thread::sleep(LOOK);
            return Next::Nothing;
        }
        let heard = if self.running.is_empty() {
            waiting.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            waiting.recv_timeout(LOOK)
        };
        match heard {
            Ok(failure) => Next::Failure(failure),
            Err(RecvTimeoutError::Timeout) => Next::Nothing,
            Err(RecvTimeoutError::Disconnected) => {
                if !self.running.is_empty() {
                    thread::sleep(LOOK);
                }
                Next::End
            }
        }
    }

    fn start(&mut self, failure: &Failure, to: &mut impl Write) {
        let now = Instant::now();
        self.started.push_back(now);
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(format!("{} \"$@\"", self.command));
        shell.arg("shakedown").arg(&failure.report);
        for (name, value) in [
            ("SHAKEDOWN_REPORT", failure.report.clone()),
            ("SHAKEDOWN_CAPTURE", failure.capture.clone()),
            ("SHAKEDOWN_CAUSE", plain(&failure.cause)),
            ("SHAKEDOWN_NAME", plain(&failure.name)),
            ("SHAKEDOWN_STAGE", plain(&failure.stage)),
        ] {
            shell.env(name, value);
        }
        shell.stdin(Stdio::null()).stdout(Stdio::null());
        match shell.stderr(Stdio::null()).process_group(0).spawn() {
            Ok(child) => self.running.push((child, now)),
            Err(error) => say(to, &format!("the command can't be started: {error}")),
        }
    }

    /// Takes leave of commands that ended, and of those that take too long.
    fn look(&mut self, to: &mut impl Write) {
        self.running
            .retain_mut(|(child, since)| match child.try_wait() {
                Ok(None) if since.elapsed() < LONGEST => true,
                Ok(None) => {
                    kill(child);
                    say(
                        to,
                        &format!(
                            "killed the command: it took longer than {} s",
                            LONGEST.as_secs()
                        ),
                    );
                    false
                }
                Ok(Some(status)) => {
                    if !status.success() {
                        say(
                            to,
                            &format!("the command failed ({status}): run it by hand to see why"),
                        );
                    }
                    false
                }
                Err(_) => false,
            });
    }
}

/// Kills a command and all that it started, and waits for it.
fn kill(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Only what means nothing to a shell, even where somebody forgets the quotes.
fn plain(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '_');
    text.chars()
        .map(|c| if plain(c) { c } else { '_' })
        .take(256)
        .collect()
}
