//! The real program on a real interface, in network namespaces of its own: no packet leaves this machine, and none of
//! the program's own.
//!
//! Needs root (to make namespaces), `ip` and `curl`. Without them each test says so and passes.
#![cfg(all(target_os = "linux", feature = "live"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise
#![allow(clippy::disallowed_methods)] // waits for other programs

#[path = "support/headless.rs"]
mod headless;
#[path = "support/pty.rs"]
mod pty;
#[path = "support/wire.rs"]
mod wire;

use headless::{Headless, PATIENCE, PROGRAM};
use pty::Tty;
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use wire::Wire;

/// The rules want 3 s of silence after a second SYN, which comes a second after the first.
const SILENT: Duration = Duration::from_secs(4);
/// From when something is due until a person sees it.
const SEEN: Duration = Duration::from_secs(1);

/// The program's screens, once it listens.
fn screens(wire: &Wire, dir: &Path, args: &[&str], size: (u16, u16)) -> Tty {
    let program = ["netns", "exec", &wire.client, PROGRAM, "live"];
    let args = [&program[..], &["--net", "10.77.0.0/24"], args].concat();
    let tty = Tty::start(Path::new("ip"), dir, &args, size);
    tty.wait_for("live");
    tty
}

fn stop(mut child: Child) {
    child.kill().unwrap();
    drop(child.wait());
}

fn signal(id: u32, name: &str) {
    let sent = Command::new("kill").args([name, &id.to_string()]).status();
    assert!(sent.unwrap().success());
}

#[test]
fn attempts_are_printed_as_they_end() {
    let Some(wire) = Wire::up("a") else { return };
    let live = Headless::start(&wire, &["-i", "eth0"]);
    wire.get();
    let ok = live.line();
    assert_eq!(ok["outcome"], "ok", "{ok}");
    assert_eq!(ok["paths"][0]["server"], "10.77.0.2:80");
    let sent = wire.sent();
    let silent = wire.get_from_nobody();
    wire.wait_until_sent(sent);
    let begun = Instant::now();
    let broken = live.line();
    let took = begun.elapsed();
    stop(silent);
    assert_eq!(broken["cause"], "tcp.syn-unanswered", "{broken}");
    // Printed half a second after it is certain.
    assert!(
        took < SILENT + SEEN + Duration::from_millis(500),
        "{took:?}"
    );
    let (verdict, status) = live.end();
    assert_eq!(
        (&verdict["verdict"]["outcome"], status),
        (&Value::from("broken"), 1)
    );
}

/// A working and a failing request, each on the screen within a second of being due.
#[test]
fn the_screen_shows_both_verdicts() {
    let Some(wire) = Wire::up("b") else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut tty = screens(&wire, dir.path(), &["-i", "eth0"], (120, 30));
    wire.get();
    let begun = Instant::now();
    tty.wait_until("the visit", |s| {
        s.contains("10.77.0.2:80") && s.contains("ok")
    });
    let took = begun.elapsed();
    assert!(took < SEEN, "{took:?}");
    let sent = wire.sent();
    let silent = wire.get_from_nobody();
    wire.wait_until_sent(sent);
    let begun = Instant::now();
    tty.wait_for("10.77.0.3:80");
    tty.press("G");
    tty.wait_for("tcp waits: SYN");
    tty.wait_for("next in about");
    tty.wait_for("tcp.syn-unanswered");
    let took = begun.elapsed();
    assert!(took < SILENT + SEEN, "{took:?}");
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
    stop(silent);
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
    wire.get();
    assert_eq!(live.line()["outcome"], "ok");
    wire.ip(&["link", "set", "eth0", "down"]);
    live.says("eth0: the interface is down");
    wire.ip(&["link", "set", "eth0", "up"]);
    let back = live.says("eth0 is back");
    assert!(back.contains("nothing was captured from"), "{back}");
    wire.get();
    assert_eq!(live.line()["outcome"], "ok");
    wire.ip(&["link", "del", "eth0"]);
    live.says("eth0: there is no such interface");
    wire.link();
    live.says("eth0 is back");
    wire.get();
    let again = live.line();
    assert_eq!(again["outcome"], "ok", "{again}");
    let (verdict, status) = live.end();
    assert_eq!(
        (&verdict["verdict"]["outcome"], status),
        (&Value::from("ok"), 0)
    );
}

/// What was asked just before the interface went down may have been answered while nobody listened.
#[test]
fn silence_while_the_interface_is_down_is_no_finding() {
    let Some(wire) = Wire::up("f") else { return };
    let live = Headless::start(&wire, &["-i", "eth0"]);
    wire.get();
    assert_eq!(live.line()["outcome"], "ok");
    let sent = wire.sent();
    let silent = wire.get_from_nobody();
    // The first request and one more: both count as tries.
    wire.wait_until_sent(sent + 1);
    let asked = Instant::now();
    wire.ip(&["link", "set", "eth0", "down"]);
    live.says("the interface is down");
    stop(silent);
    // Longer than any silence has to last.
    while asked.elapsed() < SILENT + SEEN {
        std::thread::sleep(Duration::from_millis(50));
    }
    wire.ip(&["link", "set", "eth0", "up"]);
    live.says("eth0 is back");
    wire.get();
    let later = live.line();
    assert_eq!(later["paths"][0]["server"], "10.77.0.2:80", "{later}");
    let (lines, status) = live.end_with_all();
    assert_eq!(status, 0, "{lines:#?}");
    let silent = lines
        .iter()
        .find(|l| l["paths"][0]["server"] == "10.77.0.3:80");
    let silent = silent.expect("told at the end");
    assert_eq!(silent["outcome"], "unfinished", "{silent}");
    assert_eq!(silent["paths"][0]["outcome"], "unfinished", "{silent}");
    let findings = silent["findings"].as_array().unwrap();
    let causes: Vec<&Value> = findings.iter().map(|f| &f["cause"]).collect();
    assert_eq!(causes, ["capture.ended"], "{silent}");
}

/// A new lease, a VPN: looked at from inside the sandbox.
#[test]
fn changes_of_addresses_and_routes_are_told() {
    let Some(wire) = Wire::up("g") else { return };
    let live = Headless::start(&wire, &["-i", "eth0"]);
    wire.ip(&["addr", "add", "10.78.0.9/24", "dev", "eth0"]);
    live.says("eth0 now also has the address 10.78.0.9");
    wire.ip(&["addr", "del", "10.77.0.1/24", "dev", "eth0"]);
    live.says("eth0 has lost the address 10.77.0.1");
    wire.ip(&[
        "link", "add", "wg0", "type", "veth", "peer", "name", "wg0-far",
    ]);
    wire.ip(&["addr", "add", "10.8.0.2/24", "dev", "wg0"]);
    live.says("wg0 now has the address 10.8.0.2; wg0 is not captured (-i wg0 does)");
    wire.ip(&["link", "set", "wg0", "up"]);
    wire.ip(&["route", "add", "default", "dev", "wg0"]);
    live.says("the default route of IPv4 is now through wg0; wg0 is not captured");
    let (_, status) = live.end();
    assert_eq!(status, 0);
    // As wg-quick does it: a table of its own, and a rule that prefers it to the default route of the main one.
    wire.ip(&[
        "route",
        "replace",
        "default",
        "via",
        "10.78.0.1",
        "dev",
        "eth0",
    ]);
    let begins = Headless::start_saying(&wire, &[]);
    assert!(begins.contains("listening on eth0"), "{begins}");
    wire.ip(&["route", "add", "default", "dev", "wg0", "table", "51820"]);
    wire.ip(&["rule", "add", "not", "fwmark", "51820", "table", "51820"]);
    wire.ip(&["rule", "add", "table", "main", "suppress_prefixlength", "0"]);
    let begins = Headless::start_saying(&wire, &[]);
    assert!(begins.contains("listening on wg0"), "{begins}");
}

#[test]
fn the_screen_shows_what_happens_to_the_interface() {
    let Some(wire) = Wire::up("h") else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut tty = screens(&wire, dir.path(), &["-i", "eth0"], (120, 30));
    wire.ip(&["addr", "add", "10.78.0.9/24", "dev", "eth0"]);
    tty.wait_for("eth0 now also has the address 10.78.0.9");
    wire.ip(&["link", "set", "eth0", "down"]);
    tty.wait_for("eth0: the interface is down");
    wire.ip(&["link", "set", "eth0", "up"]);
    tty.wait_for("eth0 is back: nothing was captured");
    tty.press("Q");
    let (status, restored) = tty.end();
    assert!(status.success() && restored);
    // And the report says all of it.
    tty.wait_for("the interface is down: nothing was captured");
    tty.wait_for("UTC: eth0 now also has the address 10.78.0.9");
}

#[test]
fn all_interfaces_at_once() {
    let Some(wire) = Wire::up("i") else { return };
    let live = Headless::start(&wire, &["-i", "any"]);
    wire.get();
    let seen = live.line();
    assert_eq!(seen["outcome"], "ok", "{seen}");
    assert_eq!(seen["paths"][0]["server"], "10.77.0.2:80");
    // The own address is reached by way of the loopback, where nobody listens.
    wire.get_from_closed_port();
    assert_eq!(live.line()["cause"], "tcp.refused");
    let (_, status) = live.end();
    assert_eq!(status, 1);
}

#[test]
fn several_interfaces() {
    let Some(wire) = Wire::up("j") else { return };
    let live = Headless::start(&wire, &["-i", "lo", "-i", "eth0"]);
    wire.get();
    let seen = live.line();
    assert_eq!(
        (&seen["outcome"], &seen["capture"]),
        (&"ok".into(), &1.into())
    );
    wire.get_from_closed_port();
    let refused = live.line();
    assert_eq!(refused["cause"], "tcp.refused", "{refused}");
    assert_eq!(refused["capture"], 0);
    let (verdict, status) = live.end();
    assert_eq!(status, 1);
    let captures = verdict["captures"].as_array().map_or(0, Vec::len);
    assert!(captures == 2 || verdict["captures"].is_null(), "{verdict}");
}

#[test]
fn signals_end_it_with_the_verdict() {
    let Some(wire) = Wire::up("k") else { return };
    for name in ["-TERM", "-HUP"] {
        let live = Headless::start(&wire, &["-i", "eth0"]);
        wire.get_from_closed_port_of_the_other();
        let (verdict, status) = live.end_by(name);
        assert_eq!(status, 1, "{name}: {verdict}");
        assert_eq!(verdict["verdict"]["outcome"], "broken", "{verdict}");
    }
}

/// What was saved by then is whole.
#[test]
fn a_terminal_that_goes_away_ends_the_screens() {
    let Some(wire) = Wire::up("l") else { return };
    let dir = tempfile::tempdir().unwrap();
    let args = ["-i", "eth0", "-w", "all.pcapng"];
    let mut tty = screens(&wire, dir.path(), &args, (80, 24));
    wire.get();
    tty.wait_for("10.77.0.2:80");
    signal(tty.id(), "-HUP");
    let (status, restored) = tty.end();
    assert!(!status.success() && restored, "{status:?}");
    let read = Command::new(PROGRAM)
        .args(["read", "--net", "10.77.0.0/24", "--format", "json"])
        .arg(dir.path().join("all.pcapng"))
        .output()
        .unwrap();
    let read: Value = serde_json::from_slice(&read.stdout).unwrap();
    assert_eq!(read["attempts"][0]["outcome"], "ok", "{read}");
    assert_eq!(read["captures"][0]["complete"], true, "{read}");
}

/// The ticket of what is held in memory: redacted, and its evidence shows the same.
#[test]
fn a_bundle_is_made_while_it_captures() {
    let Some(wire) = Wire::up("m") else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut tty = screens(&wire, dir.path(), &["-i", "eth0"], (120, 30));
    wire.inject(&wire::scene());
    tty.wait_for("tcp.syn-unanswered");
    tty.press("B");
    tty.wait_for("redacted, written to");
    let mut zip = std::fs::File::open(dir.path().join("shakedown-ticket.zip"))
        .map(|file| zip::ZipArchive::new(file).unwrap())
        .unwrap();
    let evidence = dir.path().join("evidence.pcapng");
    let mut out = std::fs::File::create(&evidence).unwrap();
    let at = (0..zip.len())
        .find(|&at| {
            zip.by_index(at)
                .unwrap()
                .name()
                .unwrap()
                .ends_with("evidence.pcapng")
        })
        .expect("evidence in it");
    std::io::copy(&mut zip.by_index(at).unwrap(), &mut out).unwrap();
    let bytes = std::fs::read(&evidence).unwrap();
    // The device's own address, as the craft gives it out.
    let own = [192, 168, 1, 23];
    assert!(!bytes.windows(4).any(|w| w == own), "not redacted");
    let read = Command::new(PROGRAM)
        .args(["read", "--format", "json"])
        .arg(&evidence)
        .output()
        .unwrap();
    let read: Value = serde_json::from_slice(&read.stdout).unwrap();
    let attempts = read["attempts"].as_array().unwrap();
    let failed = attempts.iter().find(|a| a["outcome"] == "broken");
    assert_eq!(failed.unwrap()["cause"], "tcp.syn-unanswered", "{read}");
    // The capture has gone on meanwhile, and only the ticket is left behind.
    wire.get();
    tty.wait_for("10.77.0.2:80");
    tty.press("Q");
    assert!(tty.end().0.success());
    let mut left: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["evidence.pcapng", "shakedown-ticket.zip"]);
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
    let counted = Headless::start(&wire, &["-i", "eth0", "-c", "5"]);
    wire.get();
    let (verdict, status) = counted.wait();
    assert_eq!(status, 0, "{verdict}");
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
