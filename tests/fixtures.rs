//! Every folder `fixtures/<cause>/<case>/` is a test: its capture goes through the real program, and the report
//! must be what `case.toml` expects and, to the letter, what `report.json` recorded.
//!
//! `RECORD=1 cargo test --test fixtures` writes `report.json` anew; a person reviews the difference.
//! `CASE=tcp.refused cargo test --test fixtures` runs only the folders whose path contains that text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise

#[path = "support/fixture.rs"]
mod fixture;

use fixture::case::{Case, folders};
use fixture::compare::compare;
use fixture::parallel;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let only = std::env::var("CASE").unwrap_or_default();
    folders(&root, &only).expect("fixtures/ is there")
}

/// Runs a case and says what is wrong with it; what `case.toml` says is missed has to be missed.
fn run(dir: &Path) -> Result<(), String> {
    let case = Case::load(dir)?;
    let output = Command::new(env!("CARGO_BIN_EXE_shakedown"))
        .current_dir(dir)
        .args(["read", "--format", "json"])
        .args(case.args.iter().map(|a| a.replace("{dir}", ".")))
        .arg(&case.capture)
        .output()
        .map_err(|e| e.to_string())?;
    let report: Value = serde_json::from_slice(&output.stdout).map_err(|e| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        format!("no JSON: {e}; stderr: {stderr}")
    })?;
    let mut wrong = compare(&case, &report).complaints(&case);
    let exit = output.status.code();
    if exit != Some(case.exit) && !case.is_missed() {
        wrong.push(format!("exit {exit:?}, expected {}", case.exit));
    }
    wrong.extend(recorded(dir, &report));
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n    "))
    }
}

/// Holds the report against the recorded one, or records it.
fn recorded(dir: &Path, report: &Value) -> Option<String> {
    let path = dir.join("report.json");
    let mut report = report.clone();
    report["tool"]["version"] = "recorded".into();
    let text = serde_json::to_string_pretty(&report).unwrap_or_default() + "\n";
    if std::env::var_os("RECORD").is_some() {
        std::fs::write(&path, text).expect("report.json can be written");
        return None;
    }
    match std::fs::read_to_string(&path) {
        Ok(old) if old == text => None,
        Ok(_) => Some("the report differs from report.json (RECORD=1 writes it anew)".into()),
        Err(_) => Some("there is no report.json (RECORD=1 writes it)".into()),
    }
}

#[test]
fn every_fixture_gives_its_report() {
    let cases = cases();
    let results = parallel(&cases, |dir| run(dir));
    let failed: Vec<String> = cases
        .iter()
        .zip(results)
        .filter_map(|(dir, result)| Some(format!("{}\n    {}", dir.display(), result.err()?)))
        .collect();
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
    let some: Vec<PathBuf> = cases().into_iter().step_by(7).collect();
    parallel(&some, |dir| {
        let case = Case::load(dir).expect("case.toml");
        let read = || {
            Command::new(env!("CARGO_BIN_EXE_shakedown"))
                .current_dir(dir)
                .args(["read", "--format", "json", "--all", &case.capture])
                .output()
                .expect("the program runs")
                .stdout
        };
        assert_eq!(read(), read(), "{}", dir.display());
    });
}

/// A wrong expectation is noticed, field by field, and so is a `miss` that is none.
#[test]
fn a_wrong_expectation_is_noticed() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tls.intercepted/client-leaves");
    let text = std::fs::read_to_string(dir.join("case.toml")).expect("case.toml");
    let report = std::fs::read_to_string(dir.join("report.json")).expect("report.json");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let complaints = |text: &str| {
        let case: Case = toml::from_str(text).expect("a case");
        compare(&case, &report).complaints(&case)
    };
    assert_eq!(complaints(&text), [""; 0]);
    for (from, to) in [
        ("name = \"www.", "name = \"m."),
        ("outcome = \"broken\"", "outcome = \"ok\""),
        ("stage = \"tls\"", "stage = \"tcp\""),
        ("cause = \"tls.intercepted\"", "cause = \"tls.not-tls\""),
        ("blame = \"interceptor\"", "blame = \"edge\""),
        ("product = \"Zscaler\"", "product = \"another\""),
        (
            "[[attempt]]",
            "[verdict]\nscope = \"one-family\"\n[[attempt]]",
        ),
        ("[[attempt]]", "[[attempt]]\nsilent = [\"tls.intercepted\"]"),
        ("[[attempt]]", "[[attempt]]\nfindings = [\"tcp.lossy\"]"),
        ("[[attempt]]", "[[attempt]]\nmiss = \"not so\""),
        ("exit = 1", "exit = 1\nmiss = \"not so\""),
    ] {
        let changed = text.replace(from, to);
        assert_ne!(changed, text, "{from}");
        assert!(!complaints(&changed).is_empty(), "{to} is not noticed");
    }
    let miss = text.replace(
        "stage = \"tls\"",
        "stage = \"tcp\"\nmiss = \"for a reason\"",
    );
    assert_eq!(complaints(&miss), [""; 0], "a miss that is stated is none");
}
