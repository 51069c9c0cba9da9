//! Landlock: which files, ports and processes can still be reached.

use super::{Allowed, Layer};
use crate::snapshot::clean::clean;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use std::path::{Path, PathBuf};

/// The newest rules asked for; older kernels enforce those of them that they know.
const NEWEST: ABI = ABI::V6;

/// Restricts this thread and those it will start; how far that goes, and what could not be allowed.
pub(super) fn restrict(allowed: &Allowed) -> (Layer, Vec<String>) {
    let mut problems = Vec::new();
    match restricted(allowed, &mut problems) {
        Ok(layer) => (layer, problems),
        Err(error) => {
            problems.push(format!("Landlock: {error}"));
            (Layer::Absent, problems)
        }
    }
}

fn restricted(allowed: &Allowed, problems: &mut Vec<String>) -> Result<Layer, RulesetError> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    let read = AccessFs::from_read(NEWEST) & !AccessFs::Execute;
    for path in &allowed.read {
        rules = beneath(rules, path, read, problems)?;
    }
    for path in &allowed.write {
        rules = beneath(rules, path, writing(), problems)?;
    }
    // Where they are missing, nobody will ask for them.
    let mut missing = Vec::new();
    for path in counters() {
        rules = beneath(rules, &path, read, &mut missing)?;
    }
    let terminal = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    rules = beneath(rules, Path::new("/dev/tty"), terminal, &mut missing)?;
    let status = rules.restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Layer::Full,
        RulesetStatus::PartiallyEnforced => Layer::Part,
        RulesetStatus::NotEnforced => Layer::Absent,
    })
}

/// All that is done with plain files, and no more: no devices, sockets or links.
fn writing() -> BitFlags<AccessFs> {
    AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::Refer
}

/// Where libpcap reads an interface's drop counters: `/sys/class/net` leads to the device's own folder. Interfaces made
/// later, as by a VPN, are virtual ones.
fn counters() -> Vec<PathBuf> {
    let mut folders = vec![
        PathBuf::from("/sys/class/net"),
        PathBuf::from("/sys/devices/virtual/net"),
    ];
    let entries = std::fs::read_dir("/sys/class/net").into_iter().flatten();
    let real = entries.filter_map(|e| e.ok()?.path().canonicalize().ok());
    folders.extend(real.filter(|path| !path.starts_with("/sys/devices/virtual")));
    folders
}

fn beneath(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
    problems: &mut Vec<String>,
) -> Result<RulesetCreated, RulesetError> {
    let opened = match PathFd::new(path) {
        Ok(opened) => opened,
        Err(error) => {
            let path = clean(&path.display().to_string());
            problems.push(format!(
                "{path}: can't be kept open to the sandbox: {error}"
            ));
            return Ok(rules);
        }
    };
    // For a single file the rights over folders are left out.
    let access = if path.is_dir() {
        access
    } else {
        access & AccessFs::from_file(NEWEST)
    };
    rules.add_rule(PathBeneath::new(opened, access))
}
