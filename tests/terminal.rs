//! The real program in a pseudo-terminal: list, ladder, filter, export, quit; and the terminal is given back.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise
#![allow(clippy::disallowed_methods)] // waits for another program

#[path = "support/evening.rs"]
mod evening;
#[path = "support/pty.rs"]
mod pty;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pty::Tty;
use shakedown::ui::config::Config;
use shakedown::ui::feed::{Answer, Data, Feed, Job, Order, Packets, Status};
use shakedown::ui::terminal;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

fn start(dir: &Path, args: &[&str]) -> Tty {
    std::fs::write(dir.join("evening.pcap"), evening::file()).unwrap();
    let args = [&["read", "--tui", "evening.pcap"], args].concat();
    let program = Path::new(env!("CARGO_BIN_EXE_shakedown"));
    Tty::start(program, dir, &args, (80, 24))
}

#[test]
fn from_the_list_to_the_evidence() {
    let dir = tempfile::tempdir().unwrap();
    let mut tty = start(dir.path(), &[]);
    tty.wait_for("v19-webapp.tikt");
    assert!(tty.screen().screen().alternate_screen());
    tty.press("/server:2.16.20\r");
    tty.wait_until("one row", |s| {
        s.contains("(1 of 8)") && !s.contains("v19-webapp")
    });
    tty.press("\r");
    tty.wait_for("BROKE HERE tcp.syn-unanswered");
    tty.wait_for("SYN try 4");
    tty.press("w");
    // The end of the path is what fits.
    tty.wait_for("ladder written to");
    tty.wait_for("-useast1a-ladder.txt");
    tty.press("d");
    tty.wait_for("findings and facts");
    tty.press("\t");
    tty.wait_for("0000  ");
    tty.press("e");
    tty.wait_for("attempt: its packets");
    tty.press("jj\r");
    tty.wait_for("packets written to");
    tty.resize(120, 40);
    tty.wait_for("shakedown 0");
    tty.press("qqq");
    tty.press("Q");
    let (status, restored) = tty.end();
    assert!(status.success() && restored);
    ladder_and_capture_are_right(dir.path());
}

/// One key writes the bundle beside the capture, and never over an older one.
#[test]
fn one_key_writes_a_bundle() {
    let dir = tempfile::tempdir().unwrap();
    let mut tty = start(dir.path(), &[]);
    tty.wait_for("v19-webapp.tikt");
    for name in ["shakedown-ticket.zip", "shakedown-ticket-2.zip"] {
        // Until all is read it says so instead.
        for _ in 0..100 {
            tty.press("B");
            tty.wait_until("an answer", |s| {
                s.contains(name) || s.contains("once all is read")
            });
            if tty.text().contains(name) {
                break;
            }
        }
        assert!(
            std::fs::read(dir.path().join(name))
                .unwrap()
                .starts_with(b"PK")
        );
    }
    tty.press("Q");
    assert!(tty.end().0.success());
}

/// On a terminal `report` asks for what only the user knows; Enter passes over a question.
#[test]
fn report_asks_what_only_the_user_knows() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("evening.pcap"), evening::file()).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_shakedown"));
    let args = [
        "report",
        "evening.pcap",
        "-o",
        "ticket",
        "--os",
        "Android 16",
    ];
    let mut tty = Tty::start(program, dir.path(), &args, (80, 24));
    tty.wait_for("Device");
    tty.press("Pixel 8\r");
    tty.wait_for("App version");
    tty.press("\r");
    tty.wait_for("Network");
    tty.press("\r");
    tty.wait_for("Error shown");
    tty.press("\r");
    tty.wait_for("Already tried");
    tty.press("another phone\r\r");
    tty.wait_for("written: ticket");
    assert_eq!(tty.end().0.exit_code(), 1);
    let text = std::fs::read_to_string(dir.path().join("ticket/report.md")).unwrap();
    assert!(
        text.contains("| Device | Pixel 8 |") && text.contains("- another phone"),
        "{text}"
    );
    assert!(text.contains("| System | Android 16 |") && !text.contains("\n| Network |"));
}

fn ladder_and_capture_are_right(dir: &Path) {
    let find = |end: &str| {
        let files = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
        let mut found = files.filter(|p| p.to_string_lossy().ends_with(end));
        found.next().unwrap_or_else(|| panic!("no {end}"))
    };
    let ladder = std::fs::read_to_string(find("-ladder.txt")).unwrap();
    assert!(
        ladder.contains("SYN try 4") && ladder.contains("BROKE HERE"),
        "{ladder}"
    );
    // What was cut out still proves the same.
    let capture = find("useast1a.pcapng");
    let program = Command::new(env!("CARGO_BIN_EXE_shakedown"))
        .args(["read", "--format", "json"])
        .arg(&capture)
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&program.stdout).unwrap();
    assert_eq!(
        report["attempts"][0]["cause"], "tcp.syn-unanswered",
        "{report}"
    );
}

#[test]
fn every_way_out_gives_the_terminal_back() {
    let dir = tempfile::tempdir().unwrap();
    for signal in ["TERM", "INT", "QUIT", "HUP"] {
        let mut tty = start(dir.path(), &[]);
        tty.wait_for("v19-webapp.tikt");
        assert!(!tty.is_cooked(), "else the check below is none");
        let id = tty.id().to_string();
        let kill = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(kill.unwrap().success());
        assert!(tty.end().1, "{signal}");
    }
    // q, Q, Ctrl-C, F10; Ctrl-C while a filter is typed only ends that.
    for keys in ["q", "Q", "\u{3}", "\u{1b}[21~", "/x\u{3}\u{3}"] {
        let mut tty = start(dir.path(), &[]);
        tty.wait_for("v19-webapp.tikt");
        tty.press(keys);
        let (status, restored) = tty.end();
        assert!(status.success() && restored, "{keys:?}");
    }
}

#[test]
fn ctrl_z_gives_the_terminal_back_until_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut tty = start(dir.path(), &[]);
    tty.wait_for("v19-webapp.tikt");
    tty.press("\u{1a}");
    tty.wait_until("the shell's screen", |s| !s.contains("tiktok"));
    assert!(!tty.screen().screen().alternate_screen() && tty.is_cooked());
    let id = tty.id().to_string();
    let go_on = Command::new("kill").args(["-CONT", &id]).status();
    assert!(go_on.unwrap().success());
    tty.wait_for("v19-webapp.tikt");
    tty.press("q");
    let (status, restored) = tty.end();
    assert!(status.success() && restored);
}

/// Not a test by itself: run by the next one, in a terminal.
#[test]
#[ignore = "takes the terminal"]
fn screens_whose_data_panics() {
    struct Broken(u32);
    impl Feed for Broken {
        fn newest(&mut self) -> Option<Arc<Data>> {
            self.0 += 1;
            assert!(self.0 < 5, "told to fail");
            None
        }
        fn give_back(&mut self, _: Arc<Data>) {}
        fn status(&self) -> Status {
            Status::default()
        }
        fn order(&mut self, _: Order) -> Result<(), String> {
            Ok(())
        }
    }
    struct Nothing;
    impl Packets for Nothing {
        fn ask(&mut self, _: Job) {}
        fn answer(&mut self) -> Option<Answer> {
            None
        }
    }
    drop(terminal::run(
        &mut Broken(0),
        &mut Nothing,
        &Config::default(),
        true,
    ));
}

#[test]
fn a_panic_gives_the_terminal_back_and_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let own = std::env::current_exe().unwrap();
    let args = [
        "--exact",
        "screens_whose_data_panics",
        "--ignored",
        "--nocapture",
    ];
    let mut tty = Tty::start(&own, dir.path(), &args, (80, 24));
    let (status, restored) = tty.end();
    assert!(!status.success() && restored);
    let written = String::from_utf8_lossy(&tty.written()).into_owned();
    let (_, after) = written.rsplit_once("\x1b[?1049l").unwrap();
    assert!(after.contains("told to fail"), "{after}");
}

#[test]
fn a_capture_is_played_to_its_next_failure() {
    let dir = tempfile::tempdir().unwrap();
    let mut tty = start(dir.path(), &[]);
    tty.wait_for("v19-webapp.tikt");
    tty.press("P");
    tty.wait_until("one row", |s| s.contains("1x") && !s.contains("v19-webapp"));
    // Frozen, the list stays while the capture is played on.
    tty.press("+++ ");
    tty.wait_for("8x");
    tty.wait_for("FROZEN");
    tty.press("-");
    tty.wait_for("4x");
    tty.press("p");
    tty.wait_for("paused");
    tty.press(" P");
    tty.wait_until("from the beginning", |s| {
        s.contains("4x") && !s.contains("FROZEN") && !s.contains("api16")
    });
    tty.press("}");
    tty.wait_for("paused");
    tty.wait_for("mon.tiktokv.com");
    assert!(!tty.text().contains("api16"), "{}", tty.text());
    tty.press("}");
    tty.wait_until("the second failure", |s| {
        s.contains("paused") && s.contains("syn-unanswered")
    });
    tty.press("E");
    tty.wait_for("v19-webapp.tikt");
    tty.press("\u{3}");
    let (status, restored) = tty.end();
    assert!(status.success() && restored);
}

/// Each line of the export screen, in the real program: the file is where it says.
#[test]
fn every_export_is_where_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().canonicalize().unwrap();
    std::fs::write(folder.join("evening.pcap"), evening::file()).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_shakedown"));
    let args = ["read", "--tui", "evening.pcap"];
    let mut tty = Tty::start(program, &folder, &args, (200, 50));
    tty.wait_for("v19-webapp.tikt");
    tty.wait_until("all is read", |s| !s.contains("reading"));
    tty.press("jje");
    let name = "shakedown-3-api16-normal-c-useast1a";
    let folder = folder.display();
    for (file, begins) in [
        (format!("{folder}/{name}.txt"), "#3"),
        (format!("{folder}/{name}.json"), "{"),
        (format!("{folder}/{name}.pcapng"), "\n\r\r\n"),
        (format!("{folder}/{name}-ladder.txt"), ""),
        (format!("{folder}/shakedown-report.txt"), "BROKEN"),
        (format!("{folder}/shakedown-report.json"), "{"),
        (format!("{folder}/shakedown-ticket.zip"), "PK"),
    ] {
        let before = tty.text().matches("written to").count();
        tty.press("\r");
        let said = format!("written to {file}");
        tty.wait_until(&said, |s| s.contains(&said));
        assert!(tty.text().matches("written to").count() > before);
        let path = dir.path().join(&file);
        let bytes = std::fs::read(&path).unwrap();
        let bytes = bytes.trim_ascii_start();
        let begins = begins.trim_ascii_start().as_bytes();
        assert!(!bytes.is_empty() && bytes.starts_with(begins), "{file}");
        tty.press("j");
    }
    // A folder that is gone: it says so, and the screens stay.
    std::fs::remove_dir_all(dir.path()).unwrap();
    tty.press("gj\r");
    tty.wait_for("attempt as JSON not written");
    tty.press("Q");
    assert!(tty.end().0.success());
}

/// OSC 52: what the terminal is asked to take into its clipboard.
#[test]
fn the_wireshark_filter_can_be_copied() {
    let dir = tempfile::tempdir().unwrap();
    let mut tty = start(dir.path(), &[]);
    tty.wait_for("v19-webapp.tikt");
    tty.press("jjY");
    tty.wait_for("frame.number in");
    let sent = |tty: &Tty| {
        let text = String::from_utf8_lossy(&tty.written()).into_owned();
        let (_, rest) = text.split_once("\x1b]52;c;")?;
        Some(rest.split_once('\x07')?.0.to_owned())
    };
    tty.wait_until("the copy", |_| sent(&tty).is_some());
    let text = STANDARD.decode(sent(&tty).unwrap()).unwrap();
    assert_eq!(text, b"frame.number in {48, 49, 50, 51}");
    tty.press("Q");
    assert!(tty.end().1);
}

#[test]
fn mistakes_in_the_configuration_are_told_in_a_line() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("evening.pcap"), evening::file()).unwrap();
    for (text, words) in [
        (
            "[keys]\nfilter = \"ctrl\"",
            "filter: no key 'ctrl'; there are",
        ),
        ("[keys]\nfliter = \"x\"", "no action 'fliter'; there are"),
        ("[keys]\nup = \"x\"\ndown = \"x\"", "key 'x' is given to"),
        ("[keys]\nup = 3", "line 2, column 6: an action has one key"),
        ("[keys]\nquit = []\nback = []", "no way out"),
        (
            "theme = \"pink\"",
            "no theme 'pink'; there are auto, dark, light, mono",
        ),
        ("colour = 1", "unknown field `colour`"),
    ] {
        std::fs::write(dir.path().join("my.toml"), text).unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_shakedown"));
        let args = ["read", "--tui", "evening.pcap", "--config", "my.toml"];
        let mut tty = Tty::start(program, dir.path(), &args, (300, 24));
        let (status, restored) = tty.end();
        assert!(status.exit_code() == 2 && restored, "{text}");
        tty.wait_for(words);
        tty.wait_for("my.toml: ");
    }
}

#[test]
fn keys_come_from_a_file_and_colours_can_be_left_out() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("my.toml"), "[keys]\nquit = \"x\"\n").unwrap();
    let mut tty = start(dir.path(), &["--config", "my.toml", "--color", "never"]);
    tty.wait_for("v19-webapp.tikt");
    let colour = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).into_owned();
        text.split("\x1b[").any(|s| {
            let digits = s.split('m').next().unwrap_or_default();
            digits
                .split(';')
                .any(|d| matches!(d.parse(), Ok(30..=37 | 90..=97)))
        })
    };
    assert!(!colour(&tty.written()));
    tty.press("x");
    let (status, restored) = tty.end();
    assert!(status.success() && restored);
}

#[test]
fn without_a_terminal_it_says_so() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("evening.pcap"), evening::file()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_shakedown"))
        .current_dir(dir.path())
        .args(["read", "--tui", "evening.pcap"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("--tui needs a terminal"), "{text}");
}
