//! Shutting this process in before it parses the first packet (Linux): what a packet that takes over the parser could
//! still do.
//!
//! Three layers, each as far as the kernel has it; [`enter`] says what came of it and never fails:
//!
//! * **No new privileges**: no program started from here gains rights from its file.
//! * **Landlock** (Linux 5.13; network 6.7, devices 6.10, signals 6.12): of the file system only the folders in
//!   [`Allowed::write`] and the files in [`Allowed::read`] can be opened, besides `/dev/tty` and the counters of network
//!   interfaces under `/sys`. No TCP port can be bound or connected to, and no process outside be signalled. Files that
//!   are open already stay usable.
//! * **seccomp**: a list of system calls that this program never needs answers with an error (see [`calls`]): starting
//!   programs, connecting and listening, sending to an address, tracing, reading other processes' memory, io_uring, new
//!   namespaces and mounts, kernel modules. It is a list of what is forbidden, not of what is allowed: a system library
//!   that makes a call nobody thought of keeps working, and nothing is ever killed.
//!
//! What is left to a hijacked parser: reading and changing what is in memory, reading and writing in the folders above,
//! the terminal, and frames through the raw sockets that are open for capturing, since `write` can't be forbidden and
//! the kernel sends what is written to one. A machine that must not be able to send at all needs a capture interface
//! without a way out (a mirror port), or `tcpdump` beside `shakedown read -` under its own user.
//!
//! Landlock and no-new-privileges bind the calling thread and those that it starts, so [`enter`] is called while there is
//! one thread. What needs more rights starts before: the interfaces are opened, root is dropped
//! ([`super::privilege::drop_root`]), the first file of `-w` is opened, and the helper for `--on-failure` is started
//! ([`super::hook`]).

#[cfg(target_os = "linux")]
pub mod calls;
#[cfg(target_os = "linux")]
mod files;

use std::path::PathBuf;

/// What must stay possible.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Allowed {
    /// Folders in which files are made, written and removed: of a ring of `-w`, of `--keep-failures`, of exports. They
    /// must be there.
    pub write: Vec<PathBuf>,
    /// Files and folders that are read later.
    pub read: Vec<PathBuf>,
}

/// How far a layer holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layer {
    /// All of it.
    Full,
    /// What this kernel knows of it.
    Part,
    /// Nothing.
    Absent,
}

/// What [`enter`] achieved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Enforced {
    /// No program gains rights.
    pub no_new_privs: bool,
    /// File system, TCP ports and signals (Landlock).
    pub landlock: Layer,
    /// System calls (seccomp).
    pub seccomp: bool,
    /// Other threads were running already and are outside.
    pub threads_outside: bool,
    /// What could not be allowed, such as a folder that is not there: a line each.
    pub problems: Vec<String>,
}

impl Enforced {
    /// In one line, for the status line and `-v`: `shut in: files and network (Landlock), system calls (seccomp)`.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut layers = Vec::new();
        match self.landlock {
            Layer::Full => layers.push("files and network (Landlock)"),
            Layer::Part => layers.push("files (Landlock, as far as this kernel has it)"),
            Layer::Absent => {}
        }
        if self.seccomp {
            layers.push("system calls (seccomp)");
        }
        if layers.is_empty() && self.no_new_privs {
            layers.push("no new privileges only");
        }
        let outside = if self.threads_outside {
            ", other threads not"
        } else {
            ""
        };
        match layers.as_slice() {
            [] => "not shut in: this system has neither Landlock nor seccomp".to_owned(),
            layers => format!("shut in: {}{outside}", layers.join(", ")),
        }
    }
}

/// Shuts the process in, as far as the system can.
#[cfg(target_os = "linux")]
#[must_use]
pub fn enter(allowed: &Allowed) -> Enforced {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    let (landlock, problems) = files::restrict(allowed);
    let _ = rustix::thread::set_no_new_privs(true);
    let mut enforced = Enforced {
        no_new_privs: rustix::thread::no_new_privs().unwrap_or(false),
        landlock,
        seccomp: false,
        threads_outside: threads > 1,
        problems,
    };
    match calls::forbid() {
        Ok(()) => enforced.seccomp = true,
        Err(why) => enforced.problems.push(why),
    }
    enforced
}

/// Does nothing: there is no sandbox for this system yet.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn enter(_: &Allowed) -> Enforced {
    Enforced {
        no_new_privs: false,
        landlock: Layer::Absent,
        seccomp: false,
        threads_outside: false,
        problems: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_the_line_says_what_holds() {
        let mut enforced = Enforced {
            no_new_privs: true,
            landlock: Layer::Full,
            seccomp: true,
            threads_outside: false,
            problems: Vec::new(),
        };
        let all = "shut in: files and network (Landlock), system calls (seccomp)";
        assert_eq!(enforced.describe(), all);
        enforced.threads_outside = true;
        assert_eq!(enforced.describe(), format!("{all}, other threads not"));
        enforced.threads_outside = false;
        enforced.landlock = Layer::Absent;
        assert_eq!(enforced.describe(), "shut in: system calls (seccomp)");
        enforced.seccomp = false;
        assert_eq!(enforced.describe(), "shut in: no new privileges only");
        enforced.no_new_privs = false;
        assert!(enforced.describe().starts_with("not shut in"));
    }
}
