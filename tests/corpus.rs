//! Real captures, where there are any: `SHAKEDOWN_CORPUS=folder cargo test --test corpus -- --nocapture`.
//!
//! Every capture below that folder goes through the program: it must not fail, must be quick, and its report must be
//! JSON. Where tshark is installed, what both programs see in the same captures is compared field by field and the
//! share of agreement printed. Disagreements that were looked into stand in `corpus-disagreements.tsv`, each with its
//! reason; without them at least 99 % of each field must agree.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise

#[path = "../examples/facts.rs"]
#[allow(dead_code)] // its main
mod facts;
#[path = "support/tshark.rs"]
mod tshark;

use serde_json::Value;
use shakedown::fact::dns::{qtype_name, rcode_name};
use shakedown::fact::tls::alert_name;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

/// The captures, named relative to the corpus; none where the variable is not set.
fn corpus() -> Option<(PathBuf, Vec<String>)> {
    let Some(root) = std::env::var_os("SHAKEDOWN_CORPUS").map(PathBuf::from) else {
        println!("skipped: SHAKEDOWN_CORPUS is not set");
        return None;
    };
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).expect("the corpus can be read");
        for path in entries.map(|e| e.expect("an entry").path()) {
            let name = path.to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if ![".txt", ".tsv", ".log", ".md"]
                .iter()
                .any(|end| name.ends_with(end))
            {
                let inner = path.strip_prefix(&root).expect("below it");
                files.push(inner.to_string_lossy().into_owned());
            }
        }
    }
    files.sort();
    assert!(!files.is_empty(), "no captures in {}", root.display());
    Some((root, files))
}

#[test]
fn every_capture_gives_a_report() {
    let Some((root, files)) = corpus() else {
        return;
    };
    let (mut wrong, mut slowest, mut exits) = (Vec::new(), (0.0, ""), BTreeMap::new());
    for file in &files {
        let (exit, took, output) = timed(&root, file);
        *exits.entry(exit).or_insert(0) += 1;
        if took > slowest.0 {
            slowest = (took, file);
        }
        let report: Result<Value, _> = serde_json::from_slice(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let well = match exit {
            Some(0 | 1 | 3) => report.is_ok(),
            Some(2) => output.stdout.is_empty() && stderr.lines().count() == 1,
            _ => false,
        };
        if !well || took > 10.0 || stderr.contains("panicked") {
            wrong.push(format!("{file}: exit {exit:?}, {took:.1} s: {stderr}"));
        }
    }
    println!("{} captures, exit statuses {exits:?}", files.len());
    println!("slowest {:.2} s: {}", slowest.0, slowest.1);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[allow(clippy::disallowed_methods)] // a test may look at the clock
fn timed(root: &Path, file: &str) -> (Option<i32>, f64, std::process::Output) {
    let start = std::time::Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_shakedown"))
        .current_dir(root)
        .args(["read", "--all", "--format", "json", file])
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let took: Duration = start.elapsed();
    (output.status.code(), took.as_secs_f64(), output)
}

/// What one program says of one thing: field, where in the file, value.
type Sight = BTreeMap<(&'static str, String), String>;

#[test]
fn agrees_with_tshark() {
    let Some((root, files)) = corpus() else {
        return;
    };
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("skipped: tshark is not installed");
        return;
    }
    let queue = Mutex::new(files.iter());
    let seen = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(file) = next(&queue) {
                    let both = (file.clone(), compare(&root, &file));
                    seen.lock().expect("no panic").push(both);
                }
            });
        }
    });
    let mut seen = seen.into_inner().expect("no panic");
    seen.sort_by(|a, b| a.0.cmp(&b.0));
    let in_band: usize = seen.iter().map(|(_, s)| s.in_band).sum();
    let (table, wrong) = tally(&seen);
    println!("{table}");
    println!(
        "not compared: {in_band} connections in which TLS begins inside another protocol (STARTTLS and the like)"
    );
    assert!(wrong.is_empty(), "below 99 %:\n{}", wrong.join("\n"));
}

fn next<'a>(queue: &Mutex<impl Iterator<Item = &'a String>>) -> Option<String> {
    queue.lock().expect("no panic").next().cloned()
}

struct Compared {
    tshark: Sight,
    ours: Sight,
    in_band: usize,
}

fn compare(root: &Path, file: &str) -> Compared {
    let rows = tshark::rows(&root.join(file));
    let theirs = tshark::File::of(&rows);
    let mut text = Vec::new();
    // What can't be opened has no facts; that it is refused properly is the other test's matter.
    let _ = facts::print(&root.join(file), &mut text);
    let text = String::from_utf8(text).expect("UTF-8");
    let ours: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).expect("JSON"))
        .collect();
    let skip: BTreeSet<u64> = theirs.in_band.clone();
    Compared {
        tshark: of_tshark(&theirs),
        ours: of_facts(&ours, &skip),
        in_band: skip.len(),
    }
}

/// The bits of `tcp.completeness`, but for ACK: there it means any segment with ACK and without data, here the client's
/// acknowledgement of the SYN-ACK. What both can say is whether the handshake was completed.
fn put_bits(sight: &mut Sight, key: &str, completeness: u64) {
    let has = |bits: u64| completeness & bits == bits;
    for (field, set) in [
        ("TCP SYN", has(1)),
        ("TCP SYN-ACK", has(2)),
        ("TCP handshake", has(7) || has(11)),
        ("TCP data", has(8)),
        ("TCP FIN", has(16)),
        ("TCP RST", has(32)),
    ] {
        let value = if set { "yes" } else { "no" };
        sight.insert((field, key.to_owned()), value.to_owned());
    }
}

fn of_tshark(file: &tshark::File) -> Sight {
    let mut sight = Sight::new();
    for (number, stream) in &file.tcp {
        let key = format!("frame {}", stream.first);
        sight.insert(("TCP stream number", key.clone()), number.to_string());
        put_bits(&mut sight, &key, stream.completeness);
        if !file.in_band.contains(&stream.first) {
            put_hello(
                &mut sight,
                ["SNI over TCP", "ALPN over TCP"],
                &key,
                &stream.hello,
            );
            let alerts = stream
                .alerts
                .iter()
                .map(|(level, what)| format!("{level} {}", alert_name(*what)));
            put(
                &mut sight,
                "TLS alerts",
                &key,
                alerts.collect::<Vec<_>>().join(", "),
            );
        }
    }
    for (ends, hello) in &file.quic {
        put_hello(
            &mut sight,
            ["SNI over QUIC", "ALPN over QUIC"],
            ends,
            &Some(hello.clone()),
        );
    }
    for (question, rcode) in &file.dns {
        let key = format!(
            "{} {} {}",
            question.ends,
            question.name,
            qtype_name(question.qtype)
        );
        sight.insert(("DNS question", key.clone()), "asked".to_owned());
        put(
            &mut sight,
            "DNS rcode",
            &key,
            rcode.map_or(String::new(), |r| rcode_name(r).into_owned()),
        );
    }
    sight
}

fn put(sight: &mut Sight, field: &'static str, key: &str, value: String) {
    if !value.is_empty() {
        sight.insert((field, key.to_owned()), value);
    }
}

fn put_hello(
    sight: &mut Sight,
    fields: [&'static str; 2],
    key: &str,
    hello: &Option<tshark::Hello>,
) {
    if let Some(hello) = hello {
        put(sight, fields[0], key, hello.sni.to_lowercase());
        put(sight, fields[1], key, hello.alpn.join(","));
    }
}

fn of_facts(lines: &[Value], in_band: &BTreeSet<u64>) -> Sight {
    let mut sight = Sight::new();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    for line in lines {
        let hello = tshark::Hello {
            sni: text(&line["sni"]),
            alpn: line["alpn"]
                .as_array()
                .into_iter()
                .flatten()
                .map(text)
                .collect(),
        };
        let first = line["frame"].as_u64().unwrap_or(0);
        match line["kind"].as_str() {
            Some("tcp") => {
                let key = format!("frame {first}");
                let stream = line["stream"]
                    .as_u64()
                    .map_or(String::new(), |n| n.to_string());
                sight.insert(("TCP stream number", key.clone()), stream);
                put_bits(&mut sight, &key, line["completeness"].as_u64().unwrap_or(0));
                if !in_band.contains(&first) {
                    put_hello(
                        &mut sight,
                        ["SNI over TCP", "ALPN over TCP"],
                        &key,
                        &Some(hello),
                    );
                    let alert = |a: &Value| format!("{} {}", a["level"], text(&a["description"]));
                    let alerts: Vec<_> = line["alerts"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .map(alert)
                        .collect();
                    put(&mut sight, "TLS alerts", &key, alerts.join(", "));
                }
            }
            Some("quic") => {
                let ends = tshark::ends(&text(&line["client"]), &text(&line["server"]));
                put_hello(
                    &mut sight,
                    ["SNI over QUIC", "ALPN over QUIC"],
                    &ends,
                    &Some(hello),
                );
            }
            _ => {
                let host = |v: &Value| {
                    text(v)
                        .rsplit_once(':')
                        .map_or(String::new(), |(h, _)| h.to_owned())
                };
                let ends = tshark::ends(&host(&line["client"]), &host(&line["resolver"]));
                let key = format!("{ends} {} {}", text(&line["name"]), text(&line["type"]));
                sight.insert(("DNS question", key.clone()), "asked".to_owned());
                let rcode = text(&line["rcode"]);
                if !rcode.is_empty() {
                    sight.entry(("DNS rcode", key)).or_insert(rcode);
                }
            }
        }
    }
    sight
}

/// Field by field: things seen by either program, agreed on, differing and explained, differing and not explained.
fn tally(seen: &[(String, Compared)]) -> (String, Vec<String>) {
    let known = known();
    let mut fields: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    let mut open: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (file, both) in seen {
        let keys: BTreeSet<_> = both.tshark.keys().chain(both.ours.keys()).collect();
        for key @ (field, place) in keys {
            let [all, same, explained] = fields.entry(field).or_default();
            *all += 1;
            let (theirs, ours) = (both.tshark.get(key), both.ours.get(key));
            if theirs == ours {
                *same += 1;
            } else if known.iter().any(|k| k.covers(file, field, place)) {
                *explained += 1;
            } else {
                let show = |v: Option<&String>| v.map_or("-", |v| v).to_owned();
                let line = format!("{file}\t{field}\t{place}\t{}\t{}", show(theirs), show(ours));
                open.entry(field).or_default().push(line);
            }
        }
    }
    let mut table = format!(
        "{:<18} {:>7} {:>7} {:>10} {:>9} {:>8}\n",
        "field", "seen", "agree", "explained", "differ", "agree %"
    );
    let mut wrong = Vec::new();
    for (field, [all, same, explained]) in fields {
        let lines = open.remove(field).unwrap_or_default();
        let share = |n: usize, of: usize| 100.0 * n as f64 / of.max(1) as f64;
        let _ = writeln!(
            table,
            "{field:<18} {all:>7} {same:>7} {explained:>10} {:>9} {:>7.2}%",
            lines.len(),
            share(same, all)
        );
        if share(same, all - explained) < 99.0 {
            wrong.extend(lines);
        } else {
            lines.iter().for_each(|line| println!("differs: {line}"));
        }
    }
    (table, wrong)
}

/// A disagreement that was looked into. A field or place `*` stands for any.
struct Known<'a> {
    file: &'a str,
    field: &'a str,
    place: &'a str,
}

impl Known<'_> {
    fn covers(&self, file: &str, field: &str, place: &str) -> bool {
        let fits = |known: &str, it: &str| known == "*" || known == it;
        self.file == file && fits(self.field, field) && fits(self.place, place)
    }
}

fn known() -> Vec<Known<'static>> {
    let text = include_str!("corpus-disagreements.tsv");
    let line = |line: &'static str| {
        let cells: Vec<_> = line.split('\t').collect();
        let [file, field, place, _tshark, _ours, why] = cells[..] else {
            panic!("not six columns: {line}");
        };
        assert!(!why.is_empty(), "no reason given: {line}");
        Known { file, field, place }
    };
    let lines = text.lines().skip(1).filter(|l| !l.is_empty());
    lines.map(line).collect()
}
