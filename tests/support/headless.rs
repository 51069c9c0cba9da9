//! `shakedown live --headless` on a wire of two namespaces.
#![allow(dead_code)] // each program uses a part of it

use super::wire::Wire;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long anything may take that is waited for.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_shakedown");

/// The program, printing a line of JSON for each attempt.
pub struct Headless {
    child: Child,
    /// What it prints.
    pub lines: Receiver<String>,
    /// What it says beside that.
    said: Receiver<String>,
}

fn lines_of(from: impl Read + Send + 'static) -> Receiver<String> {
    let (send, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            if send.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    lines
}

impl Headless {
    /// Starts it, and waits until it listens.
    pub fn start(wire: &Wire, args: &[&str]) -> Self {
        Self::start_as(wire.inside(PROGRAM), args)
    }

    /// What it says when it listens; it is ended at once.
    pub fn start_saying(wire: &Wire, args: &[&str]) -> String {
        Self::begin(wire.inside(PROGRAM), args).1
    }

    /// The same by a command that ends with the program.
    pub fn start_as(command: Command, args: &[&str]) -> Self {
        Self::begin(command, args).0
    }

    fn begin(mut command: Command, args: &[&str]) -> (Self, String) {
        let mut child = command
            .args(["live", "--headless", "--format", "ndjson"])
            .args(["--net", "10.77.0.0/24"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let started = Self {
            lines: lines_of(child.stdout.take().unwrap()),
            said: lines_of(child.stderr.take().unwrap()),
            child,
        };
        let listens = started.says("listening on");
        (started, listens)
    }

    /// Waits until it says that.
    pub fn says(&self, text: &str) -> String {
        let begun = Instant::now();
        let mut before = Vec::new();
        while let Some(left) = PATIENCE.checked_sub(begun.elapsed()) {
            match self.said.recv_timeout(left) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => before.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        panic!("it does not say '{text}', but {before:?}");
    }

    /// Everything that it has said and nobody has waited for.
    pub fn rest(&self) -> Vec<String> {
        self.said.try_iter().collect()
    }

    /// The next attempt.
    pub fn line(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("a line");
        serde_json::from_str(&line).expect("JSON")
    }

    /// Ends it as Ctrl-C does; the verdict and the exit status.
    pub fn end(self) -> (Value, i32) {
        self.end_by("-INT")
    }

    /// Ends it by a signal.
    pub fn end_by(self, name: &str) -> (Value, i32) {
        self.signal(name);
        self.wait()
    }

    /// Waits until it ends by itself; the same.
    pub fn wait(self) -> (Value, i32) {
        let (mut lines, status) = self.remaining();
        (lines.pop().expect("a verdict"), status)
    }

    /// Ends it as Ctrl-C does; all that it still printed, and the exit status.
    pub fn end_with_all(self) -> (Vec<Value>, i32) {
        self.signal("-INT");
        self.remaining()
    }

    fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
    }

    fn remaining(mut self) -> (Vec<Value>, i32) {
        let mut lines = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => lines.push(serde_json::from_str(&line).expect("JSON")),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end"),
            }
        }
        let status = self.child.wait().unwrap();
        (lines, status.code().expect("ended by itself"))
    }
}

impl Drop for Headless {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
