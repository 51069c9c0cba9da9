//! The right to capture: what is missing where it is refused, and giving up all other rights once it was used.
//!
//! On Linux the right is `CAP_NET_RAW`, and that alone: promiscuous mode needs no more. A program gets it from its file
//! (`setcap`) or from root (`sudo`). On macOS and the BSDs it is the permission to open `/dev/bpf*`.
//!
//! # Giving up root
//!
//! [`drop_root`] is called after the devices are open and before the first packet is parsed and any thread is started
//! (capabilities belong to threads on Linux). What is left then:
//!
//! | started as | becomes | keeps |
//! | --- | --- | --- |
//! | `sudo` (`SUDO_UID`, `SUDO_GID`) or setuid root | the invoking user, primary group only | `CAP_NET_RAW`, permitted, not effective |
//! | a user, file with capabilities | the same user | `CAP_NET_RAW`, permitted, not effective |
//! | root itself | root, which still owns root's files | `CAP_NET_RAW`, permitted, not effective |
//!
//! `CAP_NET_RAW` stays because an interface that goes away and comes back (sleep, VPN) has to be opened again. *Permitted,
//! not effective* means that no system call can use it until a thread asks for it: the capture thread does, for the
//! moment of opening, with [`with_capture_right`]. All other threads, above all those that parse packets, call
//! [`forget`] first thing and can't ask any more. This keeps a parser that goes astray within its system calls from
//! opening raw sockets; it does not stop code that rewrites the capture thread's memory. The sandbox
//! ([`super::sandbox`]) narrows what even that could do.
//!
//! After the change the process can't be traced by the user's other programs and leaves no core file: Linux sets both
//! when the user id changes, and nothing here undoes it.
//!
//! On other systems than Linux nothing is given up yet, and the result says so.

mod explain;
mod facts;
#[cfg(target_os = "linux")]
mod root;

pub use explain::explain;
pub use facts::{Facts, System};
#[cfg(target_os = "linux")]
pub use root::{drop_root, forget, with_capture_right};

use pcap::Capture;
use std::io;

/// What [`drop_root`] did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dropped {
    /// The user id that the process runs as now; `None` where the system has none.
    pub user: Option<u32>,
    /// It was root and is not any more.
    pub left_root: bool,
    /// [`with_capture_right`] can get the right to capture back.
    pub may_reopen: bool,
    /// One clause for the status line: `root dropped to user 1000`.
    pub text: String,
}

/// Why root could not be given up. The process may be halfway and must end. Displays as one line.
#[derive(Debug, thiserror::Error)]
pub enum DropError {
    /// Other threads keep their rights.
    #[error(
        "root can't be given up: {0} threads are running already (this is a mistake in the program)"
    )]
    Threads(usize),
    /// A system call was refused.
    #[error("root can't be given up: {what}: {error}")]
    Refused {
        /// Which step.
        what: &'static str,
        /// The system's answer.
        error: io::Error,
    },
    /// The rights are still there, though every step seemed to work.
    #[error("root can't be given up: {0} is still there: don't capture with this system")]
    StillThere(&'static str),
}

/// Opens an interface as capturing would, without promiscuous mode, and closes it again.
///
/// # Errors
/// Why it can't be opened and what to do, one line: see [`explain`].
pub fn try_to_open(interface: &str) -> Result<(), String> {
    let opened = Capture::from_device(interface).and_then(pcap::Capture::open);
    match opened {
        Ok(_) => Ok(()),
        Err(error) => Err(explain(interface, &error, &Facts::gather())),
    }
}

/// Says that nothing was given up.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn drop_root() -> Result<Dropped, DropError> {
    #[cfg(unix)]
    let user = Some(rustix::process::geteuid().as_raw());
    #[cfg(not(unix))]
    let user = None;
    let text = match user {
        Some(0) => {
            "still root: dropping it is not supported on this system; open the BPF devices to your user instead"
        }
        _ => "not root",
    };
    Ok(Dropped {
        user,
        left_root: false,
        may_reopen: true,
        text: text.to_owned(),
    })
}

/// Runs `open` with the right to capture.
///
/// # Errors
/// What `open` answers.
#[cfg(not(target_os = "linux"))]
pub fn with_capture_right<T>(open: impl FnOnce() -> T) -> T {
    open()
}

/// Nothing to forget here.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn forget() -> io::Result<()> {
    Ok(())
}
