//! `--on-failure CMD`: runs a command for each failed attempt.
//!
//! The process that captures may start no programs ([`super::sandbox`]) and should not: so a helper does, the same program
//! started anew in a hidden mode ([`MODE`]) before anything else happens. It inherits no capture socket that way, gives
//! up root and all capabilities first thing, and gets one line of JSON through a pipe for each failure. When the pipe
//! ends, it finishes what it has and ends too.
//!
//! The command is the user's own text and runs in a shell as `CMD "$@"`, with the path of the attempt's report as the
//! only argument: what came from the network is never part of a shell's program. It finds more in its environment:
//! `SHAKEDOWN_REPORT`, `SHAKEDOWN_CAPTURE` (paths), `SHAKEDOWN_CAUSE`, `SHAKEDOWN_NAME`, `SHAKEDOWN_STAGE`; in the last
//! three every character but letters, digits, dot, colon, hyphen and underscore is replaced by an underscore.
//!
//! Bounds: [`PARALLEL`] commands at a time, [`PER_MINUTE`] started in a minute, [`QUEUE`] waiting (more are left out, and
//! that is said), [`LONGEST`] for each, after which it is killed with all it started. Its input and output are
//! `/dev/null`; that it failed is said with its exit status.

mod helper;

pub use helper::serve;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

/// The hidden command of this program that [`serve`]s; the user's command is its one argument.
pub const MODE: &str = "on-failure-helper";
/// Commands that run at the same time.
pub const PARALLEL: usize = 4;
/// Commands started within a minute.
pub const PER_MINUTE: usize = 60;
/// Failures that wait for their command.
pub const QUEUE: usize = 64;
/// Time that a command may take.
pub const LONGEST: Duration = Duration::from_secs(300);
/// Bytes of a line through the pipe: the system writes so many in one piece or not at all (`PIPE_BUF`).
const LINE: usize = 4096;

/// A failure, as it goes through the pipe.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// Path of the attempt's report (JSON).
    pub report: String,
    /// Path of its capture.
    pub capture: String,
    /// The cause, as reports name it.
    pub cause: String,
    /// The host name, or the server's address.
    pub name: String,
    /// The stage that broke.
    pub stage: String,
}

/// Why a command can't be run. Displays as one line.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// The helper does not start.
    #[error("--on-failure: the helper that runs the command can't be started: {0}")]
    Start(io::Error),
    /// The helper is gone or does not keep up.
    #[error("--on-failure: not run for this failure: {0}")]
    Send(io::Error),
    /// The line would not go through the pipe in one piece.
    #[error("--on-failure: not run for this failure: the path of its report is too long")]
    TooLong,
}

/// The helper process.
pub struct Hook {
    child: Child,
    to: Option<ChildStdin>,
    from: ChildStdout,
    heard: Vec<u8>,
}

impl Hook {
    /// Starts the helper: this program again. To be called before interfaces are opened, root is dropped, or the sandbox
    /// is entered.
    ///
    /// # Errors
    /// If it can't be started.
    pub fn start(command: &str) -> Result<Self, HookError> {
        // Linux: the very file that runs, also where it was replaced or its path can't be read.
        let program = match cfg!(target_os = "linux") {
            true => Path::new("/proc/self/exe").to_owned(),
            false => std::env::current_exe().map_err(HookError::Start)?,
        };
        Self::start_as(&program, command)
    }

    /// The same with another program that knows [`MODE`].
    ///
    /// # Errors
    /// If it can't be started.
    pub fn start_as(program: &Path, command: &str) -> Result<Self, HookError> {
        let mut starter = Command::new(program);
        starter.arg(MODE).arg("--").arg(command);
        starter.stdin(Stdio::piped()).stdout(Stdio::piped());
        // A group of its own, so that Ctrl-C ends the capture and not the commands for what it found.
        starter.stderr(Stdio::null()).process_group(0);
        let mut child = starter.spawn().map_err(HookError::Start)?;
        let missing = || HookError::Start(io::ErrorKind::BrokenPipe.into());
        let to = child.stdin.take().ok_or_else(missing)?;
        let from = child.stdout.take().ok_or_else(missing)?;
        dont_wait(&to).map_err(HookError::Start)?;
        dont_wait(&from).map_err(HookError::Start)?;
        Ok(Self {
            child,
            to: Some(to),
            from,
            heard: Vec::new(),
        })
    }

    /// Has the command run for a failure. Never waits.
    ///
    /// # Errors
    /// If the helper can't take it.
    pub fn run(&mut self, failure: &Failure) -> Result<(), HookError> {
        let mut line = serde_json::to_vec(failure).map_err(|e| HookError::Send(e.into()))?;
        line.push(b'\n');
        if line.len() > LINE {
            return Err(HookError::TooLong);
        }
        let to = self.to.as_mut();
        let to = to.ok_or_else(|| HookError::Send(io::ErrorKind::BrokenPipe.into()))?;
        to.write_all(&line).map_err(HookError::Send)
    }

    /// What the helper had to say since it was asked last, a line each: a command that failed, failures left out. Never
    /// waits.
    pub fn problems(&mut self) -> Vec<String> {
        let mut buffer = [0; LINE];
        while let Ok(count @ 1..) = self.from.read(&mut buffer) {
            self.heard.extend_from_slice(&buffer[..count]);
        }
        let Some(end) = self.heard.iter().rposition(|&b| b == b'\n') else {
            return Vec::new();
        };
        let rest = self.heard.split_off(end + 1);
        let whole = std::mem::replace(&mut self.heard, rest);
        let text = String::from_utf8_lossy(&whole);
        text.lines().map(crate::snapshot::clean::clean).collect()
    }

    /// Tells the helper that no more comes, and waits for it at most so long; what it had to say last. It goes on by
    /// itself with what is left.
    #[must_use]
    pub fn finish(mut self, patience: Duration) -> Vec<String> {
        const STEP: Duration = Duration::from_millis(20);
        drop(self.to.take());
        let mut waited = Duration::ZERO;
        let mut said = Vec::new();
        while waited < patience && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(STEP);
            waited += STEP;
            said.extend(self.problems());
        }
        said.extend(self.problems());
        said
    }
}

fn dont_wait(pipe: &impl AsFd) -> io::Result<()> {
    let flags = fcntl_getfl(pipe)?;
    Ok(fcntl_setfl(pipe, flags | OFlags::NONBLOCK)?)
}

#[cfg(test)]
mod tests;
