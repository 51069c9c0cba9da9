//! Walks the whole rule registry: every rule is listed, documented, proven to fire and proven to stay silent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise

use shakedown::diagnose::rules;
use std::collections::BTreeSet;
use std::path::Path;

fn rule_files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/diagnose/rules");
    let mut files = Vec::new();
    for family in std::fs::read_dir(&root).expect("rules").flatten() {
        if !family.path().is_dir() {
            continue;
        }
        let name = family.file_name().to_string_lossy().into_owned();
        for file in std::fs::read_dir(family.path()).expect("family").flatten() {
            if file.path().is_dir() {
                continue; // parts of a file beside it, no rules
            }
            let text = std::fs::read_to_string(file.path()).expect("rule file");
            if text.contains("static RULE: Rule") {
                let stem = file
                    .path()
                    .file_stem()
                    .expect("stem")
                    .to_string_lossy()
                    .into_owned();
                files.push((format!("{name}.{}", stem.replace('_', "-")), text));
            }
        }
    }
    files
}

#[test]
fn every_rule_file_is_in_the_index() {
    let listed: BTreeSet<String> = rules::all().map(|r| r.id.to_owned()).collect();
    let files: BTreeSet<String> = rule_files().into_iter().map(|(id, _)| id).collect();
    assert_eq!(
        listed, files,
        "a file without its line in the family's slice, or a name that differs from its file's"
    );
    assert_eq!(rules::all().count(), listed.len(), "an id twice");
}

#[test]
fn every_rule_has_its_doc() {
    let headings = [
        "What it means",
        "What we look for",
        "How sure",
        "What to do",
        "Often confused with",
        "References",
    ];
    for rule in rules::all() {
        assert!(
            rule.title().ends_with('.'),
            "{}: the first line is no sentence",
            rule.id
        );
        for heading in headings {
            let text = rule.section(heading).unwrap_or_default();
            assert!(
                text.len() > 8,
                "{}: section '{heading}' is missing or empty",
                rule.id
            );
        }
        for other in rule.over {
            assert!(
                rules::find(other).is_some(),
                "{} decides over {other}, which is no cause",
                rule.id
            );
        }
        assert_eq!(
            rule.id.split('.').next(),
            Some(rule.stage.as_str()),
            "{}: family and stage differ",
            rule.id
        );
    }
}

#[test]
fn every_rule_has_a_firing_case_and_a_near_miss() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut lacking = Vec::new();
    for rule in rules::all() {
        let (mut fires, mut silent) = (false, false);
        for case in std::fs::read_dir(root.join(rule.id))
            .into_iter()
            .flatten()
            .flatten()
        {
            let report =
                std::fs::read_to_string(case.path().join("report.json")).unwrap_or_default();
            if report.is_empty() {
                continue;
            }
            let named = report.contains(&format!("\"cause\": \"{}\"", rule.id));
            fires |= named;
            silent |= !named;
        }
        if !fires || !silent {
            lacking.push(format!("{} (fires {fires}, near miss {silent})", rule.id));
        }
    }
    assert!(
        lacking.is_empty(),
        "rules without proof:\n{}",
        lacking.join("\n")
    );
}
