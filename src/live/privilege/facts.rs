//! What this process is and may do, as far as it explains a refused capture.

use std::path::PathBuf;

/// The family of system, as far as capturing differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum System {
    /// Capabilities.
    Linux,
    /// `/dev/bpf*` and ChmodBPF.
    MacOs,
    /// `/dev/bpf*`.
    Bsd,
    /// Npcap.
    Windows,
}

/// What is known of this process. Made by [`Facts::gather`], or by hand in tests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facts {
    /// Where it runs.
    pub system: System,
    /// Its effective user is root.
    pub root: bool,
    /// The program file, where that is known.
    pub program: Option<PathBuf>,
    /// The program file has capabilities of its own.
    pub file_has_capabilities: bool,
    /// The program file is on a file system where they have no effect.
    pub nosuid: bool,
    /// `CAP_NET_RAW` is effective.
    pub net_raw: bool,
    /// `CAP_NET_RAW` can be had at all: it is in the bounding set.
    pub net_raw_can_be_had: bool,
    /// Programs can't gain rights by being started (`no_new_privs`).
    pub no_new_privs: bool,
    /// The process is in a user namespace of its own: root there is nobody outside.
    pub user_namespace: bool,
    /// There is a `dumpcap` that this user may run and that has the right.
    pub dumpcap: bool,
}

impl Facts {
    /// Of a user without any rights, where nothing is in the way of granting one.
    pub(super) fn ordinary(system: System, program: Option<PathBuf>) -> Self {
        Self {
            system,
            root: false,
            program,
            file_has_capabilities: false,
            nosuid: false,
            net_raw: false,
            net_raw_can_be_had: true,
            no_new_privs: false,
            user_namespace: false,
            dumpcap: false,
        }
    }

    /// Of this process. What can't be found out is taken for the ordinary case.
    #[must_use]
    pub fn gather() -> Self {
        let mut facts = Self::ordinary(system(), std::env::current_exe().ok());
        #[cfg(unix)]
        {
            facts.root = rustix::process::geteuid().is_root();
        }
        #[cfg(target_os = "linux")]
        linux::gather(&mut facts);
        facts
    }
}

fn system() -> System {
    match std::env::consts::OS {
        "macos" => System::MacOs,
        "windows" => System::Windows,
        "linux" | "android" => System::Linux,
        _ => System::Bsd,
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::Facts;
    use rustix::fs::{Access, StatVfsMountFlags, access, getxattr, statvfs};
    use rustix::thread::{
        CapabilitySet, capabilities, capability_is_in_bounding_set, no_new_privs,
    };
    use std::path::{Path, PathBuf};

    pub(super) fn gather(facts: &mut Facts) {
        let raw = CapabilitySet::NET_RAW;
        if let Ok(sets) = capabilities(None) {
            facts.net_raw = sets.effective.contains(raw);
        }
        facts.net_raw_can_be_had = capability_is_in_bounding_set(raw).unwrap_or(true);
        facts.no_new_privs = no_new_privs().unwrap_or(false);
        if let Some(program) = facts.program.as_deref() {
            facts.file_has_capabilities = has_capabilities(program);
            let flags = statvfs(program).map(|s| s.f_flag);
            facts.nosuid = flags.is_ok_and(|f| f.contains(StatVfsMountFlags::NOSUID));
        }
        let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let whole: Vec<&str> = map.split_whitespace().collect();
        facts.user_namespace = !whole.is_empty() && whole != ["0", "0", "4294967295"];
        facts.dumpcap = ["/usr/bin/dumpcap", "/usr/local/bin/dumpcap"]
            .map(PathBuf::from)
            .iter()
            .any(|path| access(path, Access::EXEC_OK).is_ok() && has_capabilities(path));
    }

    fn has_capabilities(path: &Path) -> bool {
        let mut value = [0_u8; 64];
        getxattr(path, "security.capability", &mut value).is_ok_and(|n| n > 0)
    }
}
