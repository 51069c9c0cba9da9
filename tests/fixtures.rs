//! Every folder `fixtures/<cause>/<case>/` is a test: its capture goes through the real program, and the report
//! must be what `case.toml` expects and, to the letter, what `report.json` recorded.
//!
//! `RECORD=1 cargo test --test fixtures` writes `report.json` anew; a person reviews the difference.
//! `CASE=tcp.refused cargo test --test fixtures` runs only the folders whose path contains that text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Case {
    about: String,
    made: String,
    capture: String,
    #[serde(default)]
    args: Vec<String>,
    exit: i32,
    #[serde(default)]
    attempt: Vec<Expected>,
    #[serde(default)]
    verdict: Option<ExpectedVerdict>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    name: Option<String>,
    outcome: String,
    stage: Option<String>,
    cause: Option<String>,
    blame: Option<String>,
    #[serde(default)]
    findings: Vec<String>,
    #[serde(default)]
    silent: Vec<String>,
    #[serde(default)]
    extra: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedVerdict {
    outcome: Option<String>,
    scope: Option<String>,
    blame: Option<String>,
}

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let only = std::env::var("CASE").unwrap_or_default();
    let mut found = Vec::new();
    for cause in std::fs::read_dir(&root)
        .expect("fixtures/ is there")
        .flatten()
    {
        for case in std::fs::read_dir(cause.path())
            .into_iter()
            .flatten()
            .flatten()
        {
            let dir = case.path();
            let name = dir
                .strip_prefix(&root)
                .unwrap_or(&dir)
                .display()
                .to_string();
            if dir.join("case.toml").is_file() && name.contains(&only) {
                found.push(dir);
            }
        }
    }
    found.sort();
    found
}

fn run(dir: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(dir.join("case.toml")).map_err(|e| e.to_string())?;
    let case: Case = toml::from_str(&text).map_err(|e| format!("case.toml: {e}"))?;
    let output = Command::new(env!("CARGO_BIN_EXE_shakedown"))
        .current_dir(dir)
        .args(["read", "--format", "json"])
        .args(case.args.iter().map(|a| a.replace("{dir}", ".")))
        .arg(&case.capture)
        .output()
        .map_err(|e| e.to_string())?;
    let report: Value = serde_json::from_slice(&output.stdout).map_err(|e| {
        format!(
            "no JSON: {e}; stderr: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })?;
    let mut wrong = Vec::new();
    let exit = output.status.code();
    if exit != Some(case.exit) {
        wrong.push(format!("exit {exit:?}, expected {}", case.exit));
    }
    compare(&case, &report, &mut wrong);
    recorded(dir, &report, &mut wrong);
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n    "))
    }
}

/// The expected attempts and the reported ones, paired in order for each name.
fn compare(case: &Case, report: &Value, wrong: &mut Vec<String>) {
    let attempts = report["attempts"].as_array().cloned().unwrap_or_default();
    if attempts.len() != case.attempt.len() {
        let seen: Vec<String> = attempts.iter().map(summary).collect();
        wrong.push(format!(
            "{} attempts, expected {}: {}",
            attempts.len(),
            case.attempt.len(),
            seen.join("; ")
        ));
    }
    let mut used = vec![false; attempts.len()];
    for expected in &case.attempt {
        let found = attempts
            .iter()
            .enumerate()
            .position(|(i, a)| !used[i] && a["name"].as_str() == expected.name.as_deref());
        match found {
            Some(i) => {
                used[i] = true;
                compare_attempt(expected, &attempts[i], wrong);
            }
            None => wrong.push(format!("no attempt for {:?}", expected.name)),
        }
    }
    if let Some(expected) = &case.verdict {
        for (key, want) in [
            ("outcome", &expected.outcome),
            ("scope", &expected.scope),
            ("blame", &expected.blame),
        ] {
            let got = report["verdict"][key].as_str();
            if want.is_some() && got != want.as_deref() {
                wrong.push(format!("verdict {key} is {got:?}, expected {want:?}"));
            }
        }
    }
}

fn summary(attempt: &Value) -> String {
    format!(
        "{} {} {}",
        attempt["name"], attempt["outcome"], attempt["cause"]
    )
}

fn compare_attempt(expected: &Expected, got: &Value, wrong: &mut Vec<String>) {
    let who = expected.name.as_deref().unwrap_or("(address)");
    let fields = [
        ("outcome", Some(expected.outcome.as_str())),
        ("stage", expected.stage.as_deref()),
        ("cause", expected.cause.as_deref()),
    ];
    for (key, want) in fields {
        if got[key].as_str() != want {
            wrong.push(format!("{who}: {key} is {}, expected {want:?}", got[key]));
        }
    }
    if expected.blame.is_some() && got["blame"].as_str() != expected.blame.as_deref() {
        wrong.push(format!(
            "{who}: blame is {}, expected {:?}",
            got["blame"], expected.blame
        ));
    }
    let findings = got["findings"].as_array().cloned().unwrap_or_default();
    let has = |cause: &str| findings.iter().find(|f| f["cause"] == cause);
    for cause in &expected.findings {
        if has(cause).is_none() {
            wrong.push(format!("{who}: no finding {cause}"));
        }
    }
    for cause in &expected.silent {
        if has(cause).is_some() {
            wrong.push(format!("{who}: unwanted finding {cause}"));
        }
    }
    let main = expected
        .cause
        .as_deref()
        .or(expected.findings.first().map(String::as_str));
    for (key, want) in &expected.extra {
        let got = main
            .and_then(has)
            .map_or(Value::Null, |f| f["extra"][key].clone());
        let want = serde_json::to_value(want).unwrap_or_default();
        if got != want {
            wrong.push(format!("{who}: extra {key} is {got}, expected {want}"));
        }
    }
    evidence(who, &findings, wrong);
}

/// No claim without frames (the contract's rule).
fn evidence(who: &str, findings: &[Value], wrong: &mut Vec<String>) {
    for finding in findings {
        let severe = finding["severity"] != "note";
        let frames = finding["frames"].as_array().map_or(0, Vec::len);
        if severe && frames == 0 {
            wrong.push(format!("{who}: {} names no frames", finding["cause"]));
        }
    }
}

fn recorded(dir: &Path, report: &Value, wrong: &mut Vec<String>) {
    let path = dir.join("report.json");
    let mut report = report.clone();
    report["tool"]["version"] = "recorded".into();
    let text = serde_json::to_string_pretty(&report).unwrap_or_default() + "\n";
    if std::env::var_os("RECORD").is_some() {
        std::fs::write(&path, text).expect("report.json can be written");
        return;
    }
    match std::fs::read_to_string(&path) {
        Ok(old) if old == text => {}
        Ok(_) => wrong.push("the report differs from report.json (RECORD=1 writes it anew)".into()),
        Err(_) => wrong.push("there is no report.json (RECORD=1 writes it)".into()),
    }
}

#[test]
fn every_fixture_gives_its_report() {
    let cases = cases();
    let mut failed = Vec::new();
    for dir in &cases {
        if let Err(why) = run(dir) {
            failed.push(format!("{}\n    {why}", dir.display()));
        }
    }
    println!("{} fixtures, {} wrong", cases.len(), failed.len());
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
    assert!(
        !cases.is_empty() || std::env::var_os("CASE").is_some(),
        "no fixtures found"
    );
}

/// The same input gives the same bytes, whatever the hash seeds.
#[test]
fn reports_are_deterministic() {
    for dir in cases().iter().step_by(7) {
        let text = std::fs::read_to_string(dir.join("case.toml")).expect("case.toml");
        let case: Case = toml::from_str(&text).expect("case.toml");
        let read = || {
            Command::new(env!("CARGO_BIN_EXE_shakedown"))
                .current_dir(dir)
                .args(["read", "--format", "json", "--all", &case.capture])
                .output()
                .expect("the program runs")
                .stdout
        };
        assert_eq!(read(), read(), "{}", dir.display());
    }
}
