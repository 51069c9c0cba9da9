//! Every folder `fixtures/compare/<pair>/` is a test: `a.pcap` and `b.pcap` go through `shakedown compare`, and what comes
//! out must be what `pair.toml` expects and, to the letter, what `compare.json` recorded. Turned round, it must say the
//! same of the other side.
//!
//! `RECORD=1 cargo test --test compare` writes `compare.json` anew; a person reviews the difference.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise

#[path = "support/program.rs"]
mod program;

use program::{Ran, crafted, folder, run};
use serde::Deserialize;
use serde_json::Value;
use shakedown_craft::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Pair {
    about: String,
    made: String,
    relation: String,
    exit: i32,
    differs: Vec<String>,
    only_a: Vec<String>,
    only_b: Vec<String>,
    #[serde(default)]
    name: Vec<Name>,
    #[serde(default)]
    proof: Vec<Proof>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    name: String,
    relation: String,
    a: String,
    b: String,
    first_difference: Option<String>,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(deny_unknown_fields)]
struct Proof {
    about: String,
    side: Option<String>,
}

fn pairs() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/compare");
    let mut found: Vec<PathBuf> = fs::read_dir(root)
        .expect("fixtures/compare is there")
        .map(|e| e.expect("an entry").path())
        .filter(|dir| dir.join("pair.toml").is_file())
        .collect();
    found.sort();
    found
}

fn pair(dir: &Path) -> Pair {
    let text = fs::read_to_string(dir.join("pair.toml")).expect("pair.toml");
    toml::from_str(&text).expect("pair.toml is as it should be")
}

fn compare(dir: &Path, a: &str, b: &str) -> Ran {
    run(dir, &["compare", "--format", "json", a, b])
}

fn texts(list: &Value, key: &str) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter()
        .map(|v| v[key].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// What is wrong with a comparison.
fn check(pair: &Pair, ran: &Ran, got: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut want = |what: &str, got: String, want: String| {
        if got != want {
            wrong.push(format!("{what} is {got}, expected {want}"));
        }
    };
    want("exit", ran.exit.to_string(), pair.exit.to_string());
    want(
        "relation",
        texts_of(&got["relation"]),
        pair.relation.clone(),
    );
    want(
        "only_a",
        texts(&got["only_a"], "name").join(" "),
        pair.only_a.join(" "),
    );
    want(
        "only_b",
        texts(&got["only_b"], "name").join(" "),
        pair.only_b.join(" "),
    );
    let rows = got["names"].as_array().expect("names");
    let names: BTreeSet<String> = texts(&got["names"], "name").into_iter().collect();
    let expected: BTreeSet<String> = pair.name.iter().map(|n| n.name.clone()).collect();
    want("names", format!("{names:?}"), format!("{expected:?}"));
    for name in &pair.name {
        let Some(row) = rows.iter().find(|r| r["name"] == name.name.as_str()) else {
            continue;
        };
        want(
            &name.name,
            texts_of(&row["relation"]),
            name.relation.clone(),
        );
        want(&name.name, texts_of(&row["a"]["outcome"]), name.a.clone());
        want(&name.name, texts_of(&row["b"]["outcome"]), name.b.clone());
        let first = name.first_difference.clone().unwrap_or_default();
        want(&name.name, texts_of(&row["first_difference"]), first);
    }
    let proofs = |got: &Value| -> BTreeSet<String> {
        let list = got["proofs"].as_array().expect("proofs");
        let one = |p: &Value| format!("{} {}", texts_of(&p["about"]), texts_of(&p["side"]));
        list.iter().map(one).collect()
    };
    let expected: BTreeSet<String> = pair
        .proof
        .iter()
        .map(|p| format!("{} {}", p.about, p.side.clone().unwrap_or_default()))
        .collect();
    want(
        "proofs",
        format!("{:?}", proofs(got)),
        format!("{expected:?}"),
    );
    let kinds: BTreeSet<String> = rows
        .iter()
        .flat_map(|r| texts(&r["differences"], "kind"))
        .collect();
    for kind in &pair.differs {
        want(kind, kinds.contains(kind).to_string(), "true".into());
    }
    wrong
}

fn texts_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn recorded(dir: &Path, got: &Value) -> Option<String> {
    let path = dir.join("compare.json");
    let mut got = got.clone();
    got["tool"]["version"] = "recorded".into();
    let text = serde_json::to_string_pretty(&got).expect("JSON") + "\n";
    if std::env::var_os("RECORD").is_some() {
        fs::write(&path, text).expect("compare.json can be written");
        return None;
    }
    let same = fs::read_to_string(&path).is_ok_and(|old| old == text);
    (!same).then(|| "it differs from compare.json (RECORD=1 writes it anew)".to_owned())
}

#[test]
fn every_pair_gives_its_comparison() {
    let pairs = pairs();
    assert!(pairs.len() >= 10, "{} pairs", pairs.len());
    let mut failed = Vec::new();
    for dir in &pairs {
        let ran = compare(dir, "a.pcap", "b.pcap");
        let got = ran.json();
        let mut wrong = check(&pair(dir), &ran, &got);
        wrong.extend(recorded(dir, &got));
        if !wrong.is_empty() {
            failed.push(format!("{}\n    {}", dir.display(), wrong.join("\n    ")));
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

#[test]
fn turned_round_it_says_the_same_of_the_other_side() {
    for dir in &pairs() {
        let mut expected = pair(dir);
        std::mem::swap(&mut expected.only_a, &mut expected.only_b);
        for name in &mut expected.name {
            std::mem::swap(&mut name.a, &mut name.b);
        }
        for proof in &mut expected.proof {
            proof.side = proof
                .side
                .take()
                .map(|s| if s == "a" { "b" } else { "a" }.to_owned());
        }
        let ran = compare(dir, "b.pcap", "a.pcap");
        let got = ran.json();
        let mut wrong = check(&expected, &ran, &got);
        // To the letter, with A and B exchanged; where both sides fail alike nothing is said of either.
        let straight = compare(dir, "a.pcap", "b.pcap").json();
        let says = |got: &Value, turned: bool| -> BTreeSet<String> {
            let all = texts(&got["proofs"], "says").into_iter();
            let all = all.chain(texts(&got["next"], "do"));
            all.map(|t| {
                if turned {
                    exchanged(&t)
                } else {
                    t.replace("in the order A, B, A", "in the order")
                }
            })
            .collect()
        };
        if says(&straight, true) != says(&got, false) {
            wrong.push(format!(
                "{:?} turned round is {:?}",
                says(&straight, false),
                says(&got, false)
            ));
        }
        assert!(
            wrong.is_empty(),
            "{}\n    {}",
            dir.display(),
            wrong.join("\n    ")
        );
    }
}

/// The text with A and B exchanged, where they stand for the captures.
fn exchanged(text: &str) -> String {
    let word = |word: &str| {
        let bare = word
            .trim_end_matches([':', ',', '.', ';'])
            .trim_end_matches("'s");
        let rest = &word[bare.len()..];
        match bare {
            "A" => format!("B{rest}"),
            "B" => format!("A{rest}"),
            _ => word.to_owned(),
        }
    };
    let text = text.replace("in the order A, B, A", "in the order");
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A capture set beside itself is never different, proves nothing about either side, and is never "the same" without an
/// outcome.
#[test]
fn a_capture_beside_itself_differs_in_nothing() {
    for dir in &pairs() {
        for file in ["a.pcap", "b.pcap"] {
            let ran = compare(dir, file, file);
            let got = ran.json();
            assert_ne!(got["relation"], "different", "{} {file}", dir.display());
            for row in got["names"].as_array().expect("names") {
                assert_eq!(
                    row["differences"].as_array().map(Vec::len),
                    Some(0),
                    "{row}"
                );
                let known = row["a"]["outcome"] != "unfinished";
                assert_eq!(row["relation"] == "same", known);
            }
            let sides = got["proofs"].as_array().expect("proofs");
            assert!(sides.iter().all(|p| p["side"].is_null()), "{got}");
            assert_eq!(ran.exit, if got["relation"] == "same" { 0 } else { 3 });
        }
    }
}

#[test]
fn text_and_markdown_say_it_as_well() {
    for dir in &pairs() {
        let json = compare(dir, "a.pcap", "b.pcap").json();
        let text = run(dir, &["compare", "a.pcap", "b.pcap"]);
        let markdown = run(
            dir,
            &["compare", "--format", "markdown", "a.pcap", "b.pcap"],
        );
        assert_eq!((text.exit, text.stderr.as_str()), (markdown.exit, ""));
        let word = texts_of(&json["relation"]);
        assert!(
            text.stdout.starts_with(&word.to_uppercase()),
            "{}",
            text.stdout
        );
        assert!(
            markdown.stdout.starts_with(&format!("# {word}: ")),
            "{}",
            markdown.stdout
        );
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        for proof in texts(&json["proofs"], "says") {
            assert!(
                flat(&text.stdout).contains(&flat(&proof)),
                "{}",
                text.stdout
            );
        }
        for limit in json["limits"].as_array().expect("limits") {
            assert!(
                flat(&text.stdout).contains(&flat(&texts_of(limit))),
                "{}",
                text.stdout
            );
        }
        let quiet = run(dir, &["compare", "-q", "a.pcap", "b.pcap"]).stdout;
        assert!(quiet.len() < text.stdout.len());
    }
}

#[test]
fn the_schema_describes_what_is_printed() {
    let dir = folder();
    let schema = run(dir.path(), &["compare", "--json-schema"]).json();
    let keys: BTreeSet<&String> = schema["properties"]
        .as_object()
        .expect("an object")
        .keys()
        .collect();
    let got = compare(dir.path(), "healthy.pcap", "unanswered.pcap").json();
    let printed: BTreeSet<&String> = got.as_object().expect("an object").keys().collect();
    assert_eq!(keys, printed);
    assert_eq!(got["schema"], "shakedown.compare/1");
}

#[test]
fn wrong_use_is_told_in_one_line() {
    let dir = folder();
    let wrong = |args: &[&str]| {
        let ran = run(dir.path(), args);
        assert_eq!((ran.exit, ran.stdout.as_str()), (2, ""), "{args:?}");
        ran.stderr
    };
    assert!(wrong(&["compare", "healthy.pcap"]).contains("<B>"));
    assert!(wrong(&["compare", "-", "-"]).contains("standard input"));
    assert!(wrong(&["compare", "healthy.pcap", "missing.pcap"]).contains("missing.pcap"));
    assert!(
        wrong(&[
            "compare",
            "healthy.pcap",
            "unanswered.pcap",
            "-o",
            "healthy.pcap"
        ])
        .contains("healthy.pcap")
    );
}

/// Read in part: 3, and the comparison of what could be read.
#[test]
fn a_file_that_ends_early_is_compared_as_far_as_it_goes() {
    let dir = folder();
    let bytes = fs::read(dir.path().join("healthy.pcap")).expect("there");
    fs::write(dir.path().join("cut.pcap"), &bytes[..bytes.len() - 7]).expect("written");
    let ran = compare(dir.path(), "healthy.pcap", "cut.pcap");
    assert_eq!(ran.exit, 3);
    assert!(ran.stderr.contains("cut.pcap"));
    let got = ran.json();
    assert_eq!(got["names"][0]["relation"], "same");
    let limits = got["limits"].to_string();
    assert!(limits.contains("B could be read in part only"), "{limits}");
}

/// A name can hold anything; it must not become markup, a link or a terminal sequence.
#[test]
fn hostile_names_stay_text() {
    let dir = tempfile::tempdir().expect("a folder");
    let name = "`|<img src=x>[a](http://evil.example)\u{1b}[2J.tiktok.com";
    let visit = |server: &'static str, works: bool| {
        crafted(|net| {
            let mut c = net.tcp(server);
            c.connect();
            let hello = ClientHello::new(name).record(net);
            c.client_data(&hello);
            if works {
                c.server_data(&record::fatal(112));
            } else {
                c.rst(Side::Server);
            }
            net.ping_until(9000);
        })
    };
    fs::write(dir.path().join("a.pcap"), visit("23.49.60.10", false)).expect("written");
    fs::write(dir.path().join("b.pcap"), visit("23.49.60.10", true)).expect("written");
    for format in ["text", "json", "markdown"] {
        for args in [
            vec!["compare", "--all", "--format", format, "a.pcap", "b.pcap"],
            vec!["read", "--all", "--format", format, "a.pcap"],
        ] {
            let out = run(dir.path(), &args).stdout;
            assert!(
                out.contains("evil.example"),
                "{args:?}: the name is told\n{out}"
            );
            let bad = |c: char| c.is_control() && c != '\n';
            assert!(!out.contains(bad), "{args:?}");
            if format == "markdown" {
                assert_eq!(outside_code(&out).find("evil"), None, "{out}");
                assert_eq!(outside_code(&out).find('<'), None, "{out}");
            }
        }
    }
}

/// Markdown without its code spans: line by line, what stands between backticks is taken out.
fn outside_code(markdown: &str) -> String {
    let outside = |line: &str| line.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    markdown.lines().map(outside).collect::<Vec<_>>().join("\n")
}
