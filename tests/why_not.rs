//! `read --why-not CAUSE`: every near miss has its reason, and no reason is ever made up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise

#[path = "support/program.rs"]
mod program;

use program::{folder, run};
use serde_json::Value;
use shakedown::attempt::join::join;
use shakedown::diagnose::why_not::{Kind, Reason, conditions, lookups, whole};
use shakedown::diagnose::{
    AttemptContext, Check, Outcome, PathContext, Rule, Thresholds, World, judge, rules,
};
use shakedown::engine::{Engine, Limits};
use shakedown::source::{self, CaptureInfo, Source};
use shakedown::target::Target;
use shakedown::types::CaptureId;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders with a `case.toml`, as (cause, folder).
fn cases() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut found = Vec::new();
    for family in fs::read_dir(root).expect("fixtures").flatten() {
        for case in fs::read_dir(family.path()).into_iter().flatten().flatten() {
            if case.path().join("case.toml").is_file() {
                let cause = family.file_name().to_string_lossy().into_owned();
                found.push((cause, case.path()));
            }
        }
    }
    found.sort();
    found
}

fn settings(dir: &Path) -> (String, Vec<String>) {
    let text = fs::read_to_string(dir.join("case.toml")).expect("case.toml");
    let case: toml::Table = text.parse().expect("TOML");
    let args = case["args"].as_array().expect("args");
    let args = args
        .iter()
        .map(|a| a.as_str().expect("text").replace("{dir}", "."));
    let capture = case["capture"].as_str().expect("capture");
    (capture.to_owned(), args.collect())
}

/// Causes whose conditions have names: all families have.
fn has_conditions(cause: &str) -> bool {
    const FAMILIES: [&str; 7] = [
        "dns.", "tcp.", "tls.", "quic.", "http.", "media.", "capture.",
    ];
    FAMILIES.iter().any(|family| cause.starts_with(family))
}

#[test]
fn every_near_miss_has_its_reason() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for (cause, dir) in cases() {
        let name = dir
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if !name.starts_with("near-miss-") {
            continue;
        }
        seen += 1;
        let (capture, args) = settings(&dir);
        let mut all = vec!["read", "--format", "json", "--why-not", &cause];
        all.extend(args.iter().map(String::as_str));
        all.push(&capture);
        let ran = run(&dir, &all);
        assert_ne!(ran.exit, 2, "{cause}/{name}: {}", ran.stderr);
        let report = ran.json();
        let attempts = report["attempts"].as_array().expect("attempts");
        assert!(
            !attempts.is_empty(),
            "{cause}/{name}: nothing to answer for"
        );
        for attempt in attempts {
            let reasons = attempt["reasons"].as_array().expect("reasons");
            let words = |r: &Value| r["what"].as_str().is_some_and(|w| w.len() > 20);
            let vague = |r: &Value| r["kind"] == "detail" && has_conditions(&cause);
            if reasons.is_empty() || !reasons.iter().all(words) || reasons.iter().any(vague) {
                wrong.push(format!("{cause}/{name} #{}: {reasons:?}", attempt["id"]));
            }
        }
    }
    assert!(seen > 80, "{seen} near misses");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Each named condition is necessary: where a rule's check holds, none of them is unmet. This runs every rule over every
/// attempt of every fixture.
#[test]
fn no_condition_is_unmet_where_the_rule_holds() {
    let mut wrong = Vec::new();
    let mut held = 0;
    for (_, dir) in cases() {
        let case = dir
            .components()
            .rev()
            .take(2)
            .map(|c| c.as_os_str().to_string_lossy().into_owned());
        let case: Vec<String> = case.collect();
        each_context(&dir, |rule, holds, unmet| {
            held += usize::from(holds);
            if holds && !unmet.is_empty() {
                wrong.push(format!(
                    "{}/{}: {} holds, but: {}",
                    case[1], case[0], rule.id, unmet[0].what
                ));
            }
        });
    }
    assert!(
        held > 150,
        "only {held} rules held: the test looks in the wrong place"
    );
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Where a rule is silent, a condition with a name says why, nearly always. And it says so with packets.
#[test]
fn silence_is_explained_by_a_condition_with_a_name() {
    let (mut silent, mut vague, mut shown) = (0_usize, BTreeMap::<&str, usize>::new(), 0_usize);
    for (_, dir) in cases() {
        each_context(&dir, |rule, holds, unmet| {
            if holds || !has_conditions(rule.id) {
                return;
            }
            silent += 1;
            shown += usize::from(unmet.iter().any(|r| !r.marks.is_empty()));
            if unmet.is_empty() {
                *vague.entry(rule.id).or_default() += 1;
            }
        });
    }
    let without: usize = vague.values().sum();
    println!("{silent} silent, {without} without a name, {shown} with packets: {vague:?}");
    assert!(without * 100 < silent, "{without} of {silent}: {vague:?}");
    assert!(shown * 3 > silent, "{shown} of {silent}");
}

/// Runs every rule over every path and attempt of a fixture, with the conditions that it finds unmet.
fn each_context(dir: &Path, mut tell: impl FnMut(&'static Rule, bool, Vec<Reason>)) {
    let (capture, args) = settings(dir);
    let mut target = Target::built_in("tiktok").expect("built in");
    target.set_all(args.iter().any(|a| a == "--all"));
    let mut engine = Engine::new(target, Limits::default());
    let mut source = source::open(&[dir.join(capture)]).expect("opened");
    while let Some(frame) = source.next_frame() {
        engine.handle_frame(&frame);
    }
    let captures: Vec<CaptureInfo> = source.captures();
    for (index, info) in captures.iter().enumerate() {
        if let Some(end) = info.stated_end {
            engine.handle_time(CaptureId(u16::try_from(index).expect("few")), end);
        }
    }
    engine.finish();
    let attempts = join(
        engine.target(),
        engine.dns().lookups(),
        engine.flows(),
        engine.dns().names(),
    );
    let dropped: Vec<u64> = captures.iter().map(|c| c.dropped.unwrap_or(0)).collect();
    let (dns, clients, qualities) = (engine.dns(), engine.clients(), engine.qualities());
    let world = World::new(
        &attempts,
        dns,
        clients,
        qualities,
        Thresholds::default(),
        &dropped,
    );
    for attempt in &attempts {
        let judged = judge(attempt, &world);
        let outcome = match judged.outcome {
            Outcome::Degraded => Outcome::Ok,
            other => other,
        };
        let context = |outcome| AttemptContext {
            attempt,
            paths: &judged.paths,
            findings: &judged.findings,
            outcome,
            world: &world,
        };
        for rule in rules::all() {
            match rule.check {
                Check::Path(check) => {
                    for (index, path) in attempt.paths.iter().enumerate() {
                        let context = PathContext {
                            attempt,
                            path,
                            index,
                            world: &world,
                        };
                        tell(rule, check(&context).is_some(), conditions(rule, &context));
                    }
                }
                Check::Lookups(check) => {
                    let context = context(None);
                    tell(rule, check(&context).is_some(), lookups(rule, &context));
                }
                Check::Attempt(_) => {
                    let context = context(Some(outcome));
                    let held = judged.findings.iter().any(|f| f.rule.id == rule.id);
                    tell(rule, held, whole(rule, &context));
                }
            }
        }
    }
}

#[test]
fn a_cause_that_was_found_is_said_to_be() {
    let dir = folder();
    let args = ["read", "--format", "json", "--why-not"];
    let ask = |cause: &str| {
        let mut args = args.to_vec();
        args.extend([cause, "unanswered.pcap"]);
        run(dir.path(), &args)
    };
    let ran = ask("tcp.syn-unanswered");
    let attempt = &ran.json()["attempts"][0];
    assert_eq!((ran.exit, attempt["answer"].as_str()), (1, Some("named")));
    let attempt = &ask("tls.hello-unanswered").json()["attempts"][0];
    assert_eq!(attempt["answer"], "not-met");
    assert_eq!(attempt["reasons"][0]["kind"], "missing");
    let last = attempt["reasons"]
        .as_array()
        .expect("reasons")
        .last()
        .expect("one");
    assert!(
        last["what"]
            .as_str()
            .expect("text")
            .contains("tcp.syn-unanswered"),
        "{last}"
    );
}

/// The condition of tls.client-rejected holds as well where the certificate says more.
#[test]
fn a_stronger_cause_is_named() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tls.intercepted/client-leaves");
    let ran = run(
        &dir,
        &[
            "read",
            "--format",
            "json",
            "--why-not",
            "tls.client-rejected",
            "capture.pcap",
        ],
    );
    let attempt = &ran.json()["attempts"][0];
    assert_eq!(attempt["answer"], "overruled", "{attempt}");
    assert!(
        attempt["reasons"][0]["what"]
            .as_str()
            .expect("text")
            .contains("tls.intercepted")
    );
}

#[test]
fn one_attempt_alone_and_wrong_use() {
    let dir = folder();
    let files = ["healthy.pcap", "unanswered.pcap"];
    let ask = |extra: &[&str]| {
        let mut args = vec!["read", "--why-not", "dns.nxdomain"];
        args.extend(extra);
        args.extend(files);
        run(dir.path(), &args)
    };
    let all = ask(&["--format", "json"]).json();
    assert_eq!(all["attempts"].as_array().map(Vec::len), Some(2));
    let one = ask(&["--format", "json", "--attempt", "2"]);
    assert_eq!(
        (one.exit, one.json()["attempts"][0]["id"].as_u64()),
        (1, Some(2))
    );
    let wrong = |ran: program::Ran, word: &str| {
        assert_eq!((ran.exit, ran.stdout.as_str()), (2, ""), "{word}");
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    };
    wrong(ask(&["--attempt", "7"]), "no attempt 7");
    wrong(ask(&["--format", "ndjson"]), "--format json");
    wrong(
        run(
            dir.path(),
            &["read", "--why-not", "tcp.nothing", "healthy.pcap"],
        ),
        "tcp.nothing",
    );
    wrong(
        run(dir.path(), &["read", "--attempt", "1", "healthy.pcap"]),
        "--why-not",
    );
    let text = ask(&["--attempt", "2"]).stdout;
    assert!(
        text.starts_with("Why not dns.nxdomain?") && text.contains("frame"),
        "{text}"
    );
    let schema = run(
        dir.path(),
        &["read", "--why-not", "dns.nxdomain", "--json-schema"],
    )
    .json();
    assert_eq!(schema["title"], "WhyNotReport");
}

/// A kind for each reason, spelt as the JSON has it.
#[test]
fn kinds_are_lower_case_words() {
    for kind in [
        Kind::Found,
        Kind::Rival,
        Kind::Against,
        Kind::Missing,
        Kind::Unseen,
        Kind::Detail,
    ] {
        let text = serde_json::to_string(&kind).expect("JSON");
        assert!(
            text.trim_matches('"')
                .bytes()
                .all(|b| b.is_ascii_lowercase()),
            "{text}"
        );
    }
}
