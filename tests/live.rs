//! The real program on a real interface, in network namespaces of its own: no packet leaves this machine, and none of
//! the program's own.
//!
//! Needs root (to make namespaces), `ip` and `curl`. Without them each test says so and passes.
#![cfg(all(target_os = "linux", feature = "live"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise
#![allow(clippy::disallowed_methods)] // waits for other programs

#[path = "support/pty.rs"]
mod pty;
#[path = "support/wire.rs"]
mod wire;

use pty::Tty;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use wire::Wire;

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// The rules want 3 s of silence after a second SYN, which comes a second after the first; one more second is allowed
/// from there to the screen.
const SILENT: Duration = Duration::from_secs(4 + 1);

/// The program, printing.
struct Headless {
    child: Child,
    lines: Receiver<String>,
}

impl Headless {
    /// Starts it, and waits until it listens.
    fn start(wire: &Wire, args: &[&str]) -> Self {
        let mut child = wire
            .inside(env!("CARGO_BIN_EXE_shakedown"))
            .args([
                "live",
                "--headless",
                "--format",
                "ndjson",
                "--net",
                "10.77.0.0/24",
            ])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = child.stdout.take().unwrap();
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines() {
                if send.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        let started = Self { child, lines };
        wire.wait_for_listener();
        started
    }

    fn line(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("a line");
        serde_json::from_str(&line).expect("JSON")
    }

    /// Asks until an attempt is told: what is sent while an interface is being opened again is not seen.
    fn line_of_get(&self, wire: &Wire) -> Value {
        for _ in 0..4 {
            wire.get();
            if let Ok(line) = self.lines.recv_timeout(PATIENCE / 4) {
                return serde_json::from_str(&line).expect("JSON");
            }
        }
        panic!("no attempt is told any more");
    }

    /// Ends it as Ctrl-C does; the verdict and the exit status.
    fn end(mut self) -> (Value, i32) {
        let kill = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        let mut last = Value::Null;
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            last = serde_json::from_str(&line).expect("JSON");
        }
        let status = self.child.wait().unwrap();
        (last, status.code().expect("ended by itself"))
    }
}

#[test]
fn attempts_are_printed_as_they_end() {
    let Some(wire) = Wire::up("a") else { return };
    let live = Headless::start(&wire, &["-i", "eth0"]);
    let ok = live.line_of_get(&wire);
    assert_eq!(ok["outcome"], "ok", "{ok}");
    assert_eq!(ok["paths"][0]["server"], "10.77.0.2:80");
    let begun = Instant::now();
    let mut silent = wire.get_from_nobody();
    let broken = live.line();
    let took = begun.elapsed();
    silent.kill().unwrap();
    drop(silent.wait());
    assert_eq!(broken["cause"], "tcp.syn-unanswered", "{broken}");
    // Printed half a second after it is certain.
    assert!(took < SILENT + Duration::from_secs(1), "{took:?}");
    let (verdict, status) = live.end();
    assert_eq!(
        (&verdict["verdict"]["outcome"], status),
        (&Value::from("broken"), 1)
    );
}

#[test]
fn the_screen_shows_both_verdicts() {
    let Some(wire) = Wire::up("b") else { return };
    let dir = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_shakedown");
    let args = ["netns", "exec", &wire.client, program, "live", "-i", "eth0"];
    let args = [&args[..], &["--net", "10.77.0.0/24"]].concat();
    let mut tty = Tty::start(Path::new("ip"), dir.path(), &args, (120, 30));
    tty.wait_for("live");
    wire.wait_for_listener();
    wire.get();
    let begun = Instant::now();
    tty.wait_until("the visit", |s| {
        s.contains("10.77.0.2:80") && s.contains("ok")
    });
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    let begun = Instant::now();
    let mut silent = wire.get_from_nobody();
    tty.wait_for("10.77.0.3:80");
    tty.press("G");
    tty.wait_for("tcp waits: SYN");
    tty.wait_for("next in about");
    tty.wait_for("tcp.syn-unanswered");
    let took = begun.elapsed();
    assert!(took < SILENT, "{took:?}");
    assert!(tty.text().contains("none lost"), "{}", tty.text());
    // The size of the terminal is told by a signal, which has to come through the sandbox.
    tty.resize(130, 40);
    tty.wait_until("more lines", |s| s.lines().count() > 35);
    // The ladder is made of packets that were kept in memory.
    tty.press("n\r");
    tty.wait_for("SYN try 2");
    tty.press("qdy");
    tty.wait_for("Why nothing else");
    tty.wait_for("tcp.refused");
    tty.press("q p");
    tty.wait_for("own pace");
    silent.kill().unwrap();
    drop(silent.wait());
    tty.press("Q");
    let (status, restored) = tty.end();
    assert!(status.success() && restored);
    // The verdict stays on the terminal.
    tty.wait_for("BROKEN");
}

#[test]
fn nothing_is_ever_sent() {
    let Some(wire) = Wire::up("c") else { return };
    wire.be_quiet();
    let before = wire.sent();
    let live = Headless::start(&wire, &["-i", "eth0"]);
    // Lookups and connections of others pass by, until both verdicts are there; and something else all the time.
    wire.inject(&wire::scene());
    let begun = Instant::now();
    let mut seen = 0;
    while seen < 2 {
        wire.inject(&wire::noise());
        seen += live.lines.try_iter().count();
        assert!(begun.elapsed() < PATIENCE, "{seen} lines");
    }
    let (_, status) = live.end();
    assert_eq!(status, 1, "it saw the failure");
    assert_eq!(wire.sent(), before, "packets were sent");
}

#[test]
fn an_interface_may_go_down_and_vanish() {
    let Some(wire) = Wire::up("d") else { return };
    let live = Headless::start(&wire, &["-i", "eth0"]);
    assert_eq!(live.line_of_get(&wire)["outcome"], "ok");
    wire.ip(&["link", "set", "eth0", "down"]);
    wire.ip(&["link", "set", "eth0", "up"]);
    assert_eq!(live.line_of_get(&wire)["outcome"], "ok");
    wire.ip(&["link", "del", "eth0"]);
    wire.link();
    wire.wait_for_listener();
    while live.lines.try_recv().is_ok() {} // of what was asked before
    assert_eq!(live.line_of_get(&wire)["outcome"], "ok");
    let (verdict, status) = live.end();
    assert_eq!(
        (&verdict["verdict"]["outcome"], status),
        (&Value::from("ok"), 0)
    );
}

#[test]
fn what_was_asked_for_ends_it() {
    let Some(wire) = Wire::up("e") else { return };
    let run = |args: &[&str]| {
        let program = env!("CARGO_BIN_EXE_shakedown");
        let output = wire
            .inside(program)
            .arg("live")
            .args(args)
            .output()
            .unwrap();
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    let (status, out, _) = run(&["--headless", "-i", "eth0", "--for", "300ms"]);
    assert!(
        status == Some(0) && out.contains("packets captured, 0 dropped"),
        "{out}"
    );
    let (status, _, error) = run(&["-i", "eth0"]);
    assert!(status == Some(2) && error.contains("--headless"), "{error}");
    let (status, _, error) = run(&["--headless", "-i", "nothere0"]);
    assert!(status == Some(2) && error.contains("nothere0"), "{error}");
    let (status, _, error) = run(&["--headless", "-i", "eth0", "-f", "host a.example"]);
    assert!(status == Some(2) && error.contains("look-up"), "{error}");
}
