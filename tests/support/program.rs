//! Runs the program as a user does, on captures made here.
#![allow(dead_code)] // each test program uses a part of it

use shakedown_craft::net::Net;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What came out.
pub struct Ran {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
        Self {
            exit: output.status.code().expect("ended by itself"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).expect("standard output is JSON")
    }
}

pub fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
    command.current_dir(dir).env_remove("NO_COLOR");
    command
}

/// Runs it in `dir` with nothing on standard input.
pub fn run(dir: &Path, args: &[&str]) -> Ran {
    let mut command = command(dir);
    let output = command.args(args).stdin(Stdio::null()).output();
    Ran::of(output.expect("the program starts"))
}

/// Runs it in `dir`; `feed` writes to its standard input.
pub fn run_fed(dir: &Path, args: &[&str], feed: impl FnOnce(&mut dyn Write)) -> Ran {
    let mut child = command(dir)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    feed(&mut child.stdin.take().expect("a pipe"));
    Ran::of(child.wait_with_output().expect("the program ends"))
}

/// A capture of a lookup, a TLS connection and a request, all well.
pub fn healthy() -> Vec<u8> {
    crafted(|net| net.visit("www.tiktok.com", "23.49.60.10"))
}

/// A capture of a lookup and SYNs that nobody answers, to another host.
pub fn unanswered() -> Vec<u8> {
    crafted(silence)
}

/// What happens in it.
pub fn silence(net: &Net) {
    net.set_client("192.168.1.77");
    net.resolve("api16-normal.tiktokv.com", &["2.16.20.33"]);
    let mut tcp = net.tcp("2.16.20.33");
    tcp.syn();
    tcp.syn_retransmits(&[1000, 3000, 7000]);
    net.ping_until(22_000);
}

pub fn crafted(happen: impl Fn(&Net)) -> Vec<u8> {
    let net = Net::new("tests");
    happen(&net);
    net.file().1
}

/// A folder with `healthy.pcap` and `unanswered.pcap`.
pub fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("healthy.pcap"), healthy()).expect("written");
    std::fs::write(dir.path().join("unanswered.pcap"), unanswered()).expect("written");
    dir
}
