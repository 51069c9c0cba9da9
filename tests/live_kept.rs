//! What the real program keeps of a live capture, on a wire of two network namespaces: `-w`, `--keep-failures` and the
//! command of `--on-failure`, started as by `sudo`.
//!
//! Needs root (to make namespaces), `ip`, `curl` and `python3`. Without them each test says so and passes.
#![cfg(all(target_os = "linux", feature = "live"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise
#![allow(clippy::disallowed_methods)] // waits for other programs

#[path = "support/headless.rs"]
mod headless;
#[path = "support/wire.rs"]
mod wire;

use headless::{Headless, PATIENCE, PROGRAM};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use wire::Wire;

/// A user that is not root, on every Linux.
const NOBODY: u32 = 65_534;

/// A folder that everybody may write to.
fn open_folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    dir
}

/// The program as `sudo` starts it for that user.
fn by_sudo(wire: &Wire, dir: &Path) -> Command {
    let mut command = wire.inside(PROGRAM);
    command.current_dir(dir);
    command.env("SUDO_UID", NOBODY.to_string());
    command.env("SUDO_GID", NOBODY.to_string());
    command
}

/// What `read` says of captures.
fn read(files: &[PathBuf]) -> Value {
    let output = Command::new(PROGRAM)
        .args(["read", "--format", "json", "--net", "10.77.0.0/24"])
        .args(files)
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What makes an attempt the same one in two reports.
fn face(attempt: &Value) -> String {
    let of = |field: &str| attempt[field].to_string();
    let server = attempt["paths"][0]["server"].to_string();
    [of("name"), of("outcome"), of("cause"), server].join(" ")
}

fn faces(report: &Value) -> Vec<String> {
    let attempts = report["attempts"].as_array().unwrap();
    let mut faces: Vec<String> = attempts.iter().map(face).collect();
    faces.sort();
    faces
}

/// Files in a folder, by name.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

fn wait_for(path: &Path) -> String {
    let begun = Instant::now();
    loop {
        if let Ok(text) = fs::read_to_string(path) {
            return text;
        }
        assert!(begun.elapsed() < PATIENCE, "no {}", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A name that means something to a shell: it comes from the network, and must stay text.
const HOSTILE: &str = "v16$(touch pwned)`touch pwned`;touch pwned;'\".tiktok.com";

#[test]
fn a_failure_is_kept_and_its_command_run() {
    let Some(wire) = Wire::up("q") else { return };
    let dir = open_folder();
    let (kept, told) = (dir.path().join("kept"), dir.path().join("told"));
    let command = "tell() { id -u > who; printf '%s\\n' \"$1\" \"$SHAKEDOWN_NAME\" > args; \
                   cat \"$1\" > told.part; mv told.part told; }; tell";
    let args = ["-i", "eth0", "-w", "all.pcapng", "--keep-failures", "kept"];
    let args = [&args[..], &["--on-failure", command]].concat();
    let live = Headless::start_as(by_sudo(&wire, dir.path()), &args);
    wire.inject(&wire::frames(|net| wire::silence(net, HOSTILE)));
    let line = live.line();
    assert_eq!(line["cause"], "tcp.syn-unanswered", "{line}");
    let report: Value = serde_json::from_str(&wait_for(&told)).expect("the report is JSON");
    assert_eq!(face(&report["attempts"][0]), face(&line));
    let in_dir = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    assert_eq!(in_dir("who").trim(), NOBODY.to_string(), "not as root");
    let shown = in_dir("args");
    let shown: Vec<&str> = shown.lines().collect();
    assert!(shown[0].ends_with("-tcp.syn-unanswered.json"), "{shown:?}");
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-:".contains(c);
    assert!(shown[1].chars().all(plain), "{shown:?}");
    let (_, status) = live.end();
    assert_eq!(status, 1);
    assert!(!dir.path().join("pwned").exists(), "the name was run");
    let found = files(&kept);
    assert_eq!(found.len(), 2, "a capture and a report: {found:?}");
    for file in found.iter().chain([&dir.path().join("all.pcapng")]) {
        let data = fs::metadata(file).unwrap();
        assert_eq!(data.uid(), NOBODY, "{}", file.display());
        assert_eq!(data.mode() & 0o077, 0, "{}", file.display());
        if file.extension().is_some_and(|e| e == "pcapng") {
            assert_eq!(faces(&read(std::slice::from_ref(file))), [face(&line)]);
        }
    }
}

/// On a line that is quiet after them, failures are kept with the silence that proves them: each alone.
#[test]
fn what_is_kept_of_a_failure_proves_it() {
    let Some(wire) = Wire::up("r") else { return };
    let dir = open_folder();
    let args = ["-i", "eth0", "--keep-failures", "kept"];
    let mut command = wire.inside(PROGRAM);
    command.current_dir(dir.path());
    let live = Headless::start_as(command, &args);
    wire.get_from_closed_port_of_the_other();
    wire.inject(&wire::frames(|net| {
        wire::silence(net, "v16-webapp.tiktok.com");
    }));
    let mut told: Vec<String> = (0..2).map(|_| face(&live.line())).collect();
    told.sort();
    let (_, status) = live.end();
    assert_eq!(status, 1);
    let captures = files(&dir.path().join("kept"));
    let captures = captures
        .into_iter()
        .filter(|f| f.extension().is_some_and(|e| e == "pcapng"));
    let mut found: Vec<String> = captures.flat_map(|file| faces(&read(&[file]))).collect();
    found.sort();
    assert_eq!(found, told);
    let broken = |face: &String| face.contains("broken");
    assert!(found.len() == 2 && found.iter().all(broken), "{found:?}");
}

#[test]
fn saved_files_read_back_as_they_were_seen() {
    let Some(wire) = Wire::up("s") else { return };
    let dir = open_folder();
    let mut command = wire.inside(PROGRAM);
    command.current_dir(dir.path());
    let live = Headless::start_as(command, &["-i", "eth0", "-w", "all.pcapng"]);
    wire.get_from_closed_port_of_the_other();
    wire.inject(&wire::scene());
    let mut told: Vec<String> = (0..3).map(|_| face(&live.line())).collect();
    told.sort();
    live.end();
    let report = read(&[dir.path().join("all.pcapng")]);
    assert_eq!(faces(&report), told);
    assert_eq!(report["captures"][0]["dropped"], 0, "counted, none lost");
}

#[test]
fn rotation_keeps_within_its_bounds() {
    let Some(wire) = Wire::up("t") else { return };
    let dir = open_folder();
    let args = ["-i", "eth0", "-w", "ring.pcapng", "--no-kernel-filter"];
    let args = [&args[..], &["--rotate-size", "1", "--keep-files", "3"]].concat();
    let live = Headless::start_as(by_sudo(&wire, dir.path()), &args);
    // Twice as much as may stay.
    for _ in 0..6 {
        wire.inject(&vec![wire::ping(&[7; 1200]); 850]);
    }
    wire.get();
    let last = live.line();
    live.end();
    let ring = files(dir.path());
    assert_eq!(ring.len(), 3, "{ring:?}");
    let sizes: Vec<u64> = ring
        .iter()
        .map(|f| fs::metadata(f).unwrap().len())
        .collect();
    assert!(sizes.iter().all(|size| *size <= 1 << 20), "{sizes:?}");
    assert!(
        sizes.iter().sum::<u64>() > 2 << 20,
        "two are full: {sizes:?}"
    );
    let report = read(&ring);
    assert_eq!(faces(&report), [face(&last)]);
    for capture in report["captures"].as_array().unwrap() {
        assert_eq!(capture["complete"], true, "{capture}");
    }
}

/// What was asked before the interface went down is no more a failure in the file than it was on the screen.
#[test]
fn a_saved_file_says_when_nothing_was_captured() {
    let Some(wire) = Wire::up("u") else { return };
    let dir = open_folder();
    let mut command = wire.inside(PROGRAM);
    command.current_dir(dir.path());
    let live = Headless::start_as(command, &["-i", "eth0", "-w", "all.pcapng"]);
    wire.get();
    assert_eq!(live.line()["outcome"], "ok");
    let sent = wire.sent();
    let mut silent = wire.get_from_nobody();
    wire.wait_until_sent(sent + 1);
    let asked = Instant::now();
    wire.ip(&["link", "set", "eth0", "down"]);
    live.says("the interface is down");
    silent.kill().unwrap();
    drop(silent.wait());
    // Longer than any silence has to last.
    while asked.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(50));
    }
    wire.ip(&["link", "set", "eth0", "up"]);
    live.says("eth0 is back");
    wire.get();
    live.line();
    live.end();
    let report = read(&[dir.path().join("all.pcapng")]);
    let problems = report["captures"][0]["problems"].to_string();
    assert!(problems.contains("nothing was captured for"), "{report}");
    let attempts = report["attempts"].as_array().unwrap();
    let silent = attempts
        .iter()
        .find(|a| a["paths"][0]["server"] == "10.77.0.3:80")
        .expect("the one without an answer");
    assert_eq!(silent["paths"][0]["outcome"], "unfinished", "{silent}");
    assert_eq!(silent["findings"][0]["cause"], "capture.ended", "{silent}");
}
