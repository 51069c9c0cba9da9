//! Giving up root and capabilities on Linux.
//!
//! Groups, group and user are changed for the calling thread, as Linux' own system calls do it, not for the process as
//! POSIX wants it: so there must be one thread only, and that is checked.

use super::{DropError, Dropped};
use rustix::process::{Gid, Uid, getegid, geteuid, getgid, getgroups, getuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, set_capabilities,
    set_keep_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};
use std::io;

/// Gives up root and all capabilities but the right to capture; see [`super`] for what becomes of whom.
///
/// # Errors
/// If there are other threads, a step is refused, or a right is still there afterwards. The caller must end then.
pub fn drop_root() -> Result<Dropped, DropError> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads > 1 {
        return Err(DropError::Threads(threads));
    }
    let was_root = geteuid().is_root();
    let user = if was_root { invoking_user() } else { None };
    if let Some((uid, gid)) = user {
        step("keeping capabilities", set_keep_capabilities(true))?;
        become_user(uid, gid)?;
    }
    let may_reopen = keep_capture_right()?;
    if let Some((uid, gid)) = user {
        step("keeping capabilities", set_keep_capabilities(false))?;
        verify_user(uid, gid)?;
    }
    verify_capabilities(may_reopen)?;
    let now = geteuid();
    Ok(Dropped {
        user: Some(now.as_raw()),
        left_root: user.is_some(),
        may_reopen,
        text: match (was_root, user) {
            (true, Some((uid, _))) => format!("root dropped to user {}", uid.as_raw()),
            (true, None) => "still user root, though without its capabilities: start it with sudo from your own account, and it becomes you".to_owned(),
            (false, _) => format!("runs as user {}", now.as_raw()),
        },
    })
}

/// Runs `open` with the right to capture in effect for this thread, where [`drop_root`] left it one; takes it away again
/// after.
pub fn with_capture_right<T>(open: impl FnOnce() -> T) -> T {
    let before = capabilities(None).ok();
    if let Some(mut sets) = before {
        sets.effective |= sets.permitted & CapabilitySet::NET_RAW;
        // Where this is refused, so is opening, and that says why.
        let _ = set_capabilities(None, sets);
    }
    let opened = open();
    if let Some(sets) = before {
        let _ = set_capabilities(None, sets);
    }
    opened
}

/// Takes all capabilities from this thread, for good. For every thread that does not open interfaces.
///
/// # Errors
/// If the system refuses, which it has no reason for.
pub fn forget() -> io::Result<()> {
    let none = CapabilitySet::empty();
    let sets = CapabilitySets {
        effective: none,
        permitted: none,
        inheritable: none,
    };
    Ok(set_capabilities(None, sets)?)
}

/// Who started this with root's rights: the real user of a setuid program, or the one that sudo names. Root itself may
/// claim anything in its environment; it can only lose by it.
fn invoking_user() -> Option<(Uid, Gid)> {
    if !getuid().is_root() {
        return Some((getuid(), getgid()));
    }
    let number = |name| parse_id(&std::env::var(name).ok()?);
    let (uid, gid) = (number("SUDO_UID")?, number("SUDO_GID")?);
    Some((Uid::from_raw(uid), Gid::from_raw(gid)))
}

/// A user or group id that is not root's.
fn parse_id(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let id = text.parse().ok().filter(|_| digits)?;
    // The highest means "leave it as it is" to the system calls.
    (id != 0 && id != u32::MAX).then_some(id)
}

fn become_user(uid: Uid, gid: Gid) -> Result<(), DropError> {
    step("setgroups", set_thread_groups(&[gid]))?;
    step("setresgid", set_thread_res_gid(gid, gid, gid))?;
    step("setresuid", set_thread_res_uid(uid, uid, uid))
}

/// Leaves `CAP_NET_RAW` permitted, where it was, and nothing else anywhere.
fn keep_capture_right() -> Result<bool, DropError> {
    let had = capabilities(None);
    let had = had.map_err(|e| refused("reading capabilities", e))?;
    let left = had.permitted & CapabilitySet::NET_RAW;
    step("emptying the ambient set", clear_ambient_capability_set())?;
    let sets = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: left,
        inheritable: CapabilitySet::empty(),
    };
    step("giving up capabilities", set_capabilities(None, sets))?;
    Ok(!left.is_empty())
}

fn verify_user(uid: Uid, gid: Gid) -> Result<(), DropError> {
    let ids = getuid() == uid && geteuid() == uid && getgid() == gid && getegid() == gid;
    let groups = getgroups().is_ok_and(|groups| groups.iter().all(|g| *g == gid));
    if !ids || !groups {
        return Err(DropError::StillThere("root's user or group"));
    }
    // The saved ids can't be read without another call; whether they lead back can be tried.
    let root = Uid::from_raw(0);
    match set_thread_res_uid(None, root, None) {
        Err(_) => Ok(()),
        Ok(()) => Err(DropError::StillThere("the way back to root")),
    }
}

fn verify_capabilities(kept: bool) -> Result<(), DropError> {
    let allowed = if kept {
        CapabilitySet::NET_RAW
    } else {
        CapabilitySet::empty()
    };
    match capabilities(None) {
        Ok(now) if now.effective.is_empty() && now.permitted == allowed => Ok(()),
        _ => Err(DropError::StillThere("a capability")),
    }
}

fn step(what: &'static str, done: rustix::io::Result<()>) -> Result<(), DropError> {
    done.map_err(|error| refused(what, error))
}

fn refused(what: &'static str, error: rustix::io::Errno) -> DropError {
    let error = error.into();
    DropError::Refused { what, error }
}

#[cfg(test)]
mod tests {
    use super::{DropError, drop_root, parse_id};

    #[test]
    fn test_ids_from_the_environment() {
        assert_eq!(parse_id("1000"), Some(1000));
        for bad in [
            "0",
            "",
            "-1",
            "+5",
            "1000 ",
            "4294967295",
            "4294967296",
            "root",
        ] {
            assert_eq!(parse_id(bad), None, "{bad}");
        }
    }

    /// The test runner has threads, so nothing may be changed.
    #[test]
    fn test_other_threads_are_noticed() {
        let (stop, wait) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || wait.recv());
        let error = drop_root().unwrap_err();
        assert!(matches!(error, DropError::Threads(n) if n > 1), "{error}");
        drop(stop);
        assert!(other.join().unwrap().is_err());
    }
}
