//! `report`: what a bundle holds, that it still proves what the capture proves, and that it is there as a whole or not at
//! all.
//!
//! `CASE=tcp.refused cargo test --test bundle` takes only the fixtures whose path contains that text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise
#![allow(clippy::disallowed_methods)] // waits for another program

#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/hostile.rs"]
mod hostile;
#[path = "support/paper.rs"]
mod paper;
#[path = "support/program.rs"]
mod program;

use fixture::case::{Case, folders, id};
use fixture::parallel;
use hostile::{HOSTILE, hostile};
use paper::{check_html, check_markdown, harmless};
use program::{command, crafted, folder, run, run_fed};
use serde_json::Value;
use shakedown::source::{self, Source};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Fixtures of which there is no bundle, with the reason. There are none.
const REFUSED: [(&str, &str); 0] = [];

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let only = std::env::var("CASE").unwrap_or_default();
    folders(&root, &only).expect("fixtures/ is there")
}

/// Outcome, stage, cause, and whom its own packets point at: what the rest of the capture makes of that, a part of the
/// packets need not show.
fn judgement(attempt: &Value) -> [&Value; 4] {
    let findings = attempt["findings"].as_array().expect("findings");
    let main = findings.iter().find(|f| f["cause"] == attempt["cause"]);
    let [outcome, stage, cause] = ["outcome", "stage", "cause"].map(|k| &attempt[k]);
    [
        outcome,
        stage,
        cause,
        main.map_or(&attempt["blame"], |f| &f["blame"]),
    ]
}

fn attempts(report: &Value) -> &[Value] {
    report["attempts"].as_array().expect("attempts")
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("there")).expect("JSON")
}

enum Made {
    Same { others: bool },
    Refused(String),
}

/// Makes the bundle of a fixture and holds it against the fixture's own report.
fn make(dir: &Path, redact: bool) -> Result<Made, String> {
    let case = Case::load(dir)?;
    let temp = tempfile::tempdir().map_err(|e| e.to_string())?;
    let out = temp.path().join("ticket");
    let args: Vec<String> = case.args.iter().map(|a| a.replace("{dir}", ".")).collect();
    let ran = Command::new(env!("CARGO_BIN_EXE_shakedown"))
        .current_dir(dir)
        .arg("report")
        .args(&args)
        .args([case.capture.as_str(), "-q", "-o"])
        .arg(&out)
        .args((!redact).then_some("--no-redact"))
        .stdin(Stdio::null())
        .output()
        .map_err(|e| e.to_string())?;
    let stderr = String::from_utf8_lossy(&ran.stderr).into_owned();
    if ran.status.code() == Some(2) && stderr.contains("would not survive") {
        if out.exists() || fs::read_dir(temp.path()).expect("there").count() > 0 {
            return Err("something was written although it was refused".to_owned());
        }
        return Ok(Made::Refused(stderr));
    }
    let before = read_json(&dir.join("report.json"));
    if ran.status.code() != Some(expected_exit(&before)) {
        return Err(format!("exit {:?}: {stderr}", ran.status.code()));
    }
    let whole = read_json(&out.join("report.json"));
    for (a, b) in attempts(&before).iter().zip(attempts(&whole)) {
        if judgement(a) != judgement(b) {
            return Err(format!(
                "attempt {}: {:?} became {:?}",
                a["id"],
                judgement(a),
                judgement(b)
            ));
        }
    }
    if attempts(&before).len() != attempts(&whole).len() {
        return Err("the number of attempts changed".to_owned());
    }
    survives(&out, &args, dir, &whole)?;
    check_markdown(&fs::read_to_string(out.join("report.md")).expect("there"))?;
    check_html(&fs::read_to_string(out.join("report.html")).expect("there"))?;
    let others = whole["bundle"]["evidence"]["others"].as_u64().unwrap_or(0) > 0;
    Ok(Made::Same { others })
}

fn expected_exit(report: &Value) -> i32 {
    let broken = attempts(report).iter().any(|a| a["outcome"] == "broken");
    let part = report["captures"].as_array().expect("captures");
    match part.iter().any(|c| c["complete"] == false) {
        true => 3,
        false => i32::from(broken),
    }
}

/// Reads the evidence as anybody would: each attempt that it is about must be judged the same.
fn survives(out: &Path, args: &[String], dir: &Path, whole: &Value) -> Result<(), String> {
    let evidence = &whole["bundle"]["evidence"];
    let Some(about) = evidence["attempts"].as_array() else {
        return if attempts(whole).is_empty() {
            Ok(())
        } else {
            Err("there is no evidence".into())
        };
    };
    let ran = Command::new(env!("CARGO_BIN_EXE_shakedown"))
        .current_dir(dir)
        .args(["read", "--format", "json"])
        .args(args)
        .arg(out.join("evidence.pcapng"))
        .output()
        .map_err(|e| e.to_string())?;
    let again: Value = serde_json::from_slice(&ran.stdout).map_err(|e| e.to_string())?;
    let key = |a: &Value| [a["client"].clone(), a["name"].clone(), a["started"].clone()];
    for id in about
        .iter()
        .chain(evidence["control"].as_u64().map(Value::from).as_ref())
    {
        let of = |a: &&Value| a["id"] == *id;
        let attempt = attempts(whole)
            .iter()
            .find(of)
            .ok_or("an attempt that is not there")?;
        let same = |a: &&Value| key(a) == key(attempt) && judgement(a) == judgement(attempt);
        if !attempts(&again).iter().any(|a| same(&a)) {
            return Err(format!(
                "attempt {id} of the evidence is not {:?}",
                judgement(attempt)
            ));
        }
    }
    let packets = again["captures"][0]["packets"].as_u64();
    let frames = evidence["frames"].as_array().map(|f| f.len() as u64);
    if packets != frames {
        return Err(format!("{packets:?} packets, {frames:?} frames listed"));
    }
    Ok(())
}

/// Of every fixture: the same judgement, or no bundle and the reason.
#[test]
fn every_fixture_gives_a_bundle_that_proves_the_same() {
    let cases = cases();
    let (mut wrong, mut refused, mut others) = (Vec::new(), Vec::new(), 0);
    for (dir, made) in cases.iter().zip(parallel(&cases, |dir| make(dir, true))) {
        match made {
            Ok(Made::Same { others: more }) => others += usize::from(more),
            Ok(Made::Refused(why)) => refused.push((id(dir), why)),
            Err(why) => wrong.push(format!("{}: {why}", id(dir))),
        }
    }
    let names: Vec<&str> = refused.iter().map(|(name, _)| name.as_str()).collect();
    println!(
        "{} fixtures, {} refused, {others} need packets of other traffic, {} wrong",
        cases.len(),
        refused.len(),
        wrong.len()
    );
    for (name, why) in &refused {
        println!("refused {name}: {why}");
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    if std::env::var_os("CASE").is_none() {
        assert_eq!(names, REFUSED.map(|(name, _)| name));
    }
}

#[test]
fn without_redaction_the_proof_survives_too() {
    let some: Vec<PathBuf> = cases().into_iter().step_by(9).collect();
    for (dir, made) in some.iter().zip(parallel(&some, |dir| make(dir, false))) {
        match made {
            Ok(Made::Same { .. }) => {}
            Ok(Made::Refused(why)) | Err(why) => panic!("{}: {why}", dir.display()),
        }
    }
}

/// tshark opens the evidence without a word of complaint and shows the comments.
#[test]
fn tshark_reads_the_comments() {
    let there = Command::new("tshark").arg("--version").output();
    if !there.is_ok_and(|o| o.status.success()) {
        return println!("skipped: tshark is not installed");
    }
    let some: Vec<PathBuf> = cases().into_iter().step_by(25).collect();
    let wrong: Vec<String> = parallel(&some, |dir| {
        let case = Case::load(dir).expect("a case");
        let temp = tempfile::tempdir().expect("a folder");
        let out = temp.path().join("t");
        let args = case.args.iter().map(|a| a.replace("{dir}", "."));
        let ran = command(dir)
            .arg("report")
            .args(args)
            .args([&case.capture, "-q", "-o"])
            .arg(&out)
            .output();
        ran.expect("the program runs");
        if !out.join("evidence.pcapng").exists() {
            return None;
        }
        let fields = Command::new("tshark")
            .args(["-Tfields", "-eframe.comment", "-r"])
            .arg(out.join("evidence.pcapng"))
            .output()
            .expect("tshark runs");
        let (said, complaints) = (
            String::from_utf8_lossy(&fields.stdout),
            String::from_utf8_lossy(&fields.stderr),
        );
        let complaints = complaints
            .lines()
            .filter(|l| !l.contains("Running as user"))
            .collect::<String>();
        let whole = read_json(&out.join("report.json"));
        let about = whole["bundle"]["evidence"]["attempts"]
            .as_array()
            .map_or(0, Vec::len);
        let begun = said.matches(" begins: ").count();
        (begun < about || !complaints.is_empty() || !fields.status.success()).then(|| {
            format!(
                "{}: {begun} of {about} attempts, {complaints}",
                dir.display()
            )
        })
    })
    .into_iter()
    .flatten()
    .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn names(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).expect("there");
    let mut names: Vec<String> = names
        .map(|e| {
            e.expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_there_is_not_overwritten() {
    let dir = folder();
    let report = |args: &[&str]| {
        run(
            dir.path(),
            &[&["report", "unanswered.pcap", "-q"], args].concat(),
        )
    };
    fs::write(dir.path().join("t.zip"), b"mine").expect("written");
    let ran = report(&["-o", "t.zip"]);
    assert_eq!(ran.exit, 2);
    assert!(ran.stderr.contains("--force"), "{}", ran.stderr);
    assert_eq!(fs::read(dir.path().join("t.zip")).expect("there"), b"mine");
    assert_eq!(report(&["-o", "t.zip", "--force"]).exit, 1);
    assert!(
        fs::read(dir.path().join("t.zip"))
            .expect("there")
            .starts_with(b"PK")
    );
    let ran = run(
        dir.path(),
        &[
            "report",
            "unanswered.pcap",
            "-o",
            "unanswered.pcap",
            "--force",
        ],
    );
    assert_eq!(ran.exit, 2, "an input is never written over");
    for (to, words) in [
        ("-", "several files"),
        ("no/such/t.zip", "there is no folder"),
    ] {
        let ran = report(&["-o", to]);
        assert_eq!(ran.exit, 2);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    fs::create_dir(dir.path().join("home")).expect("made");
    fs::write(dir.path().join("home/thesis.tex"), b"").expect("written");
    assert_eq!(report(&["-o", "home", "--force"]).exit, 2);
    assert_eq!(names(&dir.path().join("home")), ["thesis.tex"]);
    assert_eq!(
        names(dir.path()),
        ["healthy.pcap", "home", "t.zip", "unanswered.pcap"]
    );
}

/// A disk that is full in the middle leaves nothing. Needs root, for a small file system of its own.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_nothing() {
    let dir = folder();
    let script = "mkdir small && mount -t tmpfs -o size=4k tmpfs small || exit 77; \"$0\" report unanswered.pcap -q -o small/t.zip; \
                  echo $?; \"$0\" report unanswered.pcap -q -o small/t; echo $?; ls -A small";
    let ran = Command::new("unshare")
        .current_dir(dir.path())
        .args(["-m", "sh", "-c", script, env!("CARGO_BIN_EXE_shakedown")])
        .output();
    let Some(ran) = ran.ok().filter(|r| r.status.success()) else {
        return println!("skipped: mounting a small file system needs root");
    };
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "2\n2\n", "{stderr}");
    assert!(stderr.contains("No space left"), "{stderr}");
}

#[test]
fn a_pipe_gives_the_bundle_of_a_file() {
    let dir = folder();
    let bytes = fs::read(dir.path().join("unanswered.pcap")).expect("there");
    let ran = run_fed(
        dir.path(),
        &["report", "-", "-q", "--no-redact", "-o", "piped"],
        |pipe| {
            pipe.write_all(&bytes).expect("taken");
        },
    );
    assert_eq!((ran.exit, ran.stderr.as_str()), (1, ""));
    assert_eq!(
        run(
            dir.path(),
            &[
                "report",
                "unanswered.pcap",
                "-q",
                "--no-redact",
                "-o",
                "read"
            ]
        )
        .exit,
        1
    );
    let evidence =
        |name: &str| fs::read(dir.path().join(name).join("evidence.pcapng")).expect("there");
    assert!(
        evidence("piped") == evidence("read"),
        "the evidence differs"
    );
    assert_eq!(
        names(dir.path()),
        ["healthy.pcap", "piped", "read", "unanswered.pcap"]
    );
}

/// Ctrl-C ends what is read from a pipe; what came until then is reported on, and nothing else stays behind.
#[cfg(unix)]
#[test]
fn stopping_a_pipe_reports_on_what_came() {
    use std::io::Write;
    let dir = folder();
    let bytes = fs::read(dir.path().join("unanswered.pcap")).expect("there");
    let mut child = command(dir.path())
        .args(["report", "-", "-q", "-o", "t.zip"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    pipe.write_all(&bytes).expect("taken");
    let deadline = Instant::now() + Duration::from_secs(60);
    let arrived = || {
        let spool = names(dir.path())
            .into_iter()
            .find(|n| n.starts_with(".shakedown-input-"));
        spool.is_some_and(|n| {
            fs::metadata(dir.path().join(n)).is_ok_and(|m| m.len() == bytes.len() as u64)
        })
    };
    while !arrived() {
        assert!(Instant::now() < deadline, "nothing was read");
        std::thread::sleep(Duration::from_millis(20));
    }
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .expect("kill runs")
            .success()
    );
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    drop(pipe);
    assert_eq!(
        names(dir.path()),
        ["healthy.pcap", "t.zip", "unanswered.pcap"]
    );
}

#[test]
fn the_same_capture_gives_the_same_bytes() {
    let dir = folder();
    for name in ["a.zip", "b.zip"] {
        assert_eq!(
            run(
                dir.path(),
                &["report", "unanswered.pcap", "--no-redact", "-q", "-o", name]
            )
            .exit,
            1
        );
    }
    let read = |name| fs::read(dir.path().join(name)).expect("there");
    assert!(read("a.zip") == read("b.zip"));
}

#[test]
fn an_attempt_can_be_left_out() {
    let dir = folder();
    let files = ["report", "healthy.pcap", "unanswered.pcap", "-q"];
    let ran = run(dir.path(), &[&files[..], &["-o", "all"]].concat());
    assert_eq!(ran.exit, 1, "{}", ran.stderr);
    let whole = read_json(&dir.path().join("all/report.json"));
    let broken = attempts(&whole)
        .iter()
        .find(|a| a["outcome"] == "broken")
        .expect("one")
        .clone();
    let id = broken["id"].to_string();
    let ran = run(
        dir.path(),
        &[&files[..], &["-o", "less", "--drop", &id]].concat(),
    );
    assert_eq!(ran.exit, 0, "{}", ran.stderr);
    let less = read_json(&dir.path().join("less/report.json"));
    assert_eq!(attempts(&less).len() + 1, attempts(&whole).len());
    let ran = run(
        dir.path(),
        &[&files[..], &["-o", "none", "--drop", "99"]].concat(),
    );
    assert!(
        ran.exit == 2 && ran.stderr.contains("no attempt 99"),
        "{}",
        ran.stderr
    );
    assert!(
        !less["bundle"]["evidence"]["attempts"]
            .as_array()
            .expect("a list")
            .contains(&broken["id"])
    );
}

/// Every reader's ticket, at every length: never longer than asked for, never cut within a table or a fence.
#[test]
fn a_ticket_fits_where_it_has_to() {
    let dir = folder();
    for (i, reader) in ["isp", "vpn", "service", "developer"].iter().enumerate() {
        for (j, max) in [1_000_usize, 1_500, 2_500, 4_000, 100_000]
            .iter()
            .enumerate()
        {
            let out = format!("t{i}{j}");
            let max_text = max.to_string();
            let args = [
                "report",
                "unanswered.pcap",
                "-q",
                "-o",
                &out,
                "--for",
                reader,
                "--max-chars",
                &max_text,
                "--tried",
                "another | phone",
            ];
            assert_eq!(run(dir.path(), &args).exit, 1);
            let text = fs::read_to_string(dir.path().join(&out).join("report.md")).expect("there");
            assert!(
                text.chars().count() <= *max,
                "{reader} {max}: {}",
                text.chars().count()
            );
            check_markdown(&text).unwrap_or_else(|e| panic!("{reader} {max}: {e}\n{text}"));
            assert_eq!(text.contains("To fit in"), *max < 5_000, "{reader} {max}");
        }
    }
    assert_eq!(
        run(
            dir.path(),
            &["report", "unanswered.pcap", "-o", "x", "--max-chars", "10"]
        )
        .exit,
        2
    );
}

#[test]
fn the_json_follows_its_schema() {
    let dir = folder();
    let schema = run(dir.path(), &["report", "--json-schema"]).json();
    assert_eq!(
        run(dir.path(), &["report", "unanswered.pcap", "-q", "-o", "t"]).exit,
        1
    );
    let whole = read_json(&dir.path().join("t/report.json"));
    for key in whole.as_object().expect("an object").keys() {
        assert!(
            schema["properties"][key].is_object(),
            "{key} is not in the schema"
        );
    }
    for key in whole["bundle"].as_object().expect("an object").keys() {
        let ticket = schema["$defs"]["Ticket"]["properties"]
            .as_object()
            .expect("fields");
        assert!(ticket.contains_key(key), "{key} is not in the schema");
    }
}

/// From the network, from the command line and as a file's name, with and without redaction.
#[test]
fn hostile_names_come_out_harmless() {
    let dir = folder();
    let bytes = crafted(hostile);
    let name = "evil `|<b>\u{202e}.pcapng";
    fs::write(dir.path().join(name), bytes).expect("written");
    for (out, redact) in [("open", "--no-redact"), ("closed", "--redact")] {
        let mut args = vec!["report", name, "-o", out, redact, "--for", "developer"];
        for evil in HOSTILE {
            args.extend(["--tried", evil]);
        }
        args.extend([
            "--device",
            HOSTILE[3],
            "--os",
            HOSTILE[4],
            "--network",
            HOSTILE[0],
            "--error-code",
            HOSTILE[7],
        ]);
        let ran = run(dir.path(), &args);
        assert!(ran.exit < 2, "{}", ran.stderr);
        harmless(&ran.stdout);
        let read = |file: &str| fs::read_to_string(dir.path().join(out).join(file)).expect("text");
        let (md, html, json) = (read("report.md"), read("report.html"), read("report.json"));
        [&md, &html, &json].iter().for_each(|text| harmless(text));
        assert!(
            md.contains("alert(1)") && html.contains("alert(1)"),
            "the names are not there at all"
        );
        check_markdown(&md).unwrap_or_else(|e| panic!("{e}\n{md}"));
        check_html(&html).unwrap_or_else(|e| panic!("{e}"));
        paper::strings(&serde_json::from_str(&json).expect("JSON"), &mut |text| {
            harmless(text)
        });
        assert_eq!(
            names(&dir.path().join(out)),
            ["evidence.pcapng", "report.html", "report.json", "report.md"]
        );
        let evidence = dir.path().join(out).join("evidence.pcapng");
        let mut source = source::open(&[evidence]).expect("a capture");
        while source.advance() {}
        let comments = source.captures().remove(0).comments;
        assert!(comments.len() > HOSTILE.len(), "{comments:?}");
        comments.iter().for_each(|c| harmless(&c.text));
    }
    let page = run(dir.path(), &["read", name, "--format", "html"]).stdout;
    harmless(&page);
    check_html(&page).unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn read_paints_the_same_page() {
    let dir = folder();
    let page = run(dir.path(), &["read", "unanswered.pcap", "--format", "html"]);
    assert_eq!(page.exit, 1);
    check_html(&page.stdout).unwrap();
    assert!(page.stdout.contains("BROKE HERE"));
    let bytes = fs::read(dir.path().join("unanswered.pcap")).expect("there");
    let piped = run_fed(dir.path(), &["read", "-", "--format", "html"], |pipe| {
        pipe.write_all(&bytes).expect("taken");
    });
    assert!(
        piped
            .stdout
            .contains("standard input can&#39;t be read twice")
    );
    assert!(!piped.stdout.contains("BROKE HERE"));
}
