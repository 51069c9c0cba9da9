//! What comes out, in every form, and how captures may come in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise

#[path = "support/hostile.rs"]
mod hostile;
#[path = "support/paper.rs"]
mod paper;
#[path = "support/program.rs"]
mod program;

use hostile::hostile;
use paper::{check_html, check_markdown, harmless, strings};
use program::{crafted, folder, healthy, run, run_fed, silence, unanswered};
use serde_json::Value;
use shakedown_craft::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

#[test]
fn exit_status_says_what_was_found() {
    let dir = folder();
    assert_eq!(run(dir.path(), &["read", "healthy.pcap"]).exit, 0);
    assert_eq!(run(dir.path(), &["read", "unanswered.pcap"]).exit, 1);
    let both = run(dir.path(), &["read", "healthy.pcap", "unanswered.pcap"]);
    assert_eq!((both.exit, both.stderr.as_str()), (1, ""));
}

/// tcpdump writes a live pipe in pieces of any size; the report is the same as of the file.
#[test]
fn a_slow_pipe_reads_like_a_file() {
    let dir = folder();
    let bytes = unanswered();
    let file = run(dir.path(), &["read", "unanswered.pcap", "--format", "json"]);
    let piped = run_fed(dir.path(), &["read", "-", "--format", "json"], |pipe| {
        for piece in bytes.chunks(197) {
            pipe.write_all(piece).expect("taken");
            pipe.flush().expect("taken");
            // Lets the reader see a pipe that is open and empty.
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    assert_eq!(piped.exit, 1);
    let mut expected = file.json();
    expected["captures"][0]["source"] = "-".into();
    assert_eq!(piped.json(), expected);
}

#[test]
fn packed_and_other_formats_read_like_pcap() {
    let dir = folder();
    for format in [
        Format::PcapNanos,
        Format::PcapBig,
        Format::PcapNg,
        Format::PcapGz,
        Format::PcapNgGz,
        Format::PcapZst,
    ] {
        let bytes = crafted(|net| {
            silence(net);
            net.format(format);
        });
        // The name's ending must not matter.
        fs::write(dir.path().join("capture"), bytes).expect("written");
        let ran = run(dir.path(), &["read", "capture", "--format", "json"]);
        assert_eq!((ran.exit, ran.stderr.as_str()), (1, ""), "{format:?}");
        let report = ran.json();
        assert_eq!(
            report["verdict"]["cause"], "tcp.syn-unanswered",
            "{format:?}"
        );
        let ng = matches!(format, Format::PcapNg | Format::PcapNgGz);
        let name = if ng { "pcapng" } else { "pcap" };
        assert_eq!(report["captures"][0]["format"], name, "{format:?}");
    }
}

/// A ring buffer's files: one connection over two of them is still one attempt.
#[test]
fn several_files_are_merged() {
    let dir = folder();
    let bytes = fs::read(dir.path().join("healthy.pcap")).expect("there");
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
    let packet = |at: usize| at + 16 + word(at + 8) as usize;
    let middle = (0..6).fold(24, |at, _| packet(at));
    fs::write(dir.path().join("a.pcap"), &bytes[..middle]).expect("written");
    let rest = [&bytes[..24], &bytes[middle..]].concat();
    fs::write(dir.path().join("b.pcap"), rest).expect("written");
    let one = run(dir.path(), &["read", "healthy.pcap", "--format", "json"]).json();
    // Named in the wrong order: time decides.
    let two = run(
        dir.path(),
        &["read", "b.pcap", "a.pcap", "--format", "json"],
    )
    .json();
    let short = |report: &Value| {
        let attempts = report["attempts"].as_array().expect("attempts");
        let what = |a: &Value| {
            (
                a["name"].clone(),
                a["outcome"].clone(),
                a["duration"].clone(),
            )
        };
        attempts.iter().map(what).collect::<Vec<_>>()
    };
    assert_eq!(short(&one), short(&two));
    assert_eq!(short(&one).len(), 1);
    let packets =
        |report: &Value, i: usize| report["captures"][i]["packets"].as_u64().expect("a number");
    assert_eq!(packets(&two, 1), 6);
    assert_eq!(packets(&two, 0) + 6, packets(&one, 0));
}

#[test]
fn the_report_can_go_to_a_file() {
    let dir = folder();
    let out = dir.path().join("report.json");
    let args = [
        "read",
        "unanswered.pcap",
        "--format",
        "json",
        "-o",
        "report.json",
    ];
    let ran = run(dir.path(), &args);
    assert_eq!(
        (ran.exit, ran.stdout.as_str(), ran.stderr.as_str()),
        (1, "", "")
    );
    let printed = run(dir.path(), &args[..4]).stdout;
    assert_eq!(fs::read_to_string(out).expect("written"), printed);
    let dash = run(dir.path(), &[&args[..4], &["-o", "-"]].concat());
    assert_eq!(dash.stdout, printed);
}

#[test]
fn ndjson_is_one_attempt_a_line_and_the_verdict() {
    let dir = folder();
    let files = ["healthy.pcap", "unanswered.pcap"];
    let whole = run(
        dir.path(),
        &[&["read", "--format", "json"], &files[..]].concat(),
    )
    .json();
    let lines = run(
        dir.path(),
        &[&["read", "--format", "ndjson"], &files[..]].concat(),
    )
    .stdout;
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    let (verdict, attempts) = lines.split_last().expect("lines");
    assert_eq!(attempts, whole["attempts"].as_array().expect("attempts"));
    assert_eq!(verdict["verdict"], whole["verdict"]);
}

#[test]
fn colours_only_where_they_are_wanted() {
    let dir = folder();
    let ink = |args: &[&str]| run(dir.path(), args).stdout.contains('\x1b');
    // Not on a terminal here, so `auto` is off.
    assert!(!ink(&["read", "unanswered.pcap"]));
    assert!(!ink(&["read", "unanswered.pcap", "--color", "never"]));
    assert!(ink(&["read", "unanswered.pcap", "--color", "always"]));
    assert!(!ink(&[
        "read",
        "unanswered.pcap",
        "--color",
        "always",
        "--format",
        "json"
    ]));
    let coloured = run(
        dir.path(),
        &["read", "unanswered.pcap", "--color", "always"],
    )
    .stdout;
    let plain = run(dir.path(), &["read", "unanswered.pcap"]).stdout;
    assert_eq!(without_ink(&coloured), plain, "colour changes no text");
}

fn without_ink(text: &str) -> String {
    let mut parts = text.split('\x1b');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    out
}

/// A pseudo-terminal made by script(1), where it is: colours by default, none under NO_COLOR.
#[cfg(target_os = "linux")]
#[test]
fn no_color_is_obeyed_on_a_terminal() {
    let dir = folder();
    let on_terminal = |no_color: &str| {
        let program = env!("CARGO_BIN_EXE_shakedown");
        let inner = format!("{program} read unanswered.pcap");
        let output = std::process::Command::new("script")
            .args(["-qec", &inner, "/dev/null"])
            .current_dir(dir.path())
            .env("TERM", "xterm")
            .env("NO_COLOR", no_color)
            .output()
            .expect("script(1) of util-linux is installed");
        String::from_utf8_lossy(&output.stdout).contains('\x1b')
    };
    assert!(on_terminal(""), "an empty NO_COLOR counts as unset");
    assert!(!on_terminal("1"));
}

#[test]
fn the_schema_describes_what_is_written() {
    let dir = folder();
    let schema = run(dir.path(), &["read", "--json-schema"]);
    assert_eq!(schema.exit, 0);
    let schema = schema.json();
    for file in ["healthy.pcap", "unanswered.pcap"] {
        let report = run(dir.path(), &["read", file, "--format", "json"]).json();
        let mut wrong = Vec::new();
        conforms(&schema, &schema, &report, "report", &mut wrong);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
    // The check itself can fail.
    let mut broken = run(dir.path(), &["read", "healthy.pcap", "--format", "json"]).json();
    broken["attempts"][0]["outcome"] = "splendid".into();
    broken["verdict"]
        .as_object_mut()
        .expect("verdict")
        .remove("headline");
    broken["captures"][0]["packets"] = "many".into();
    let mut wrong = Vec::new();
    conforms(&schema, &schema, &broken, "report", &mut wrong);
    assert_eq!(wrong.len(), 3, "{wrong:?}");
}

/// The part of JSON Schema that the schema uses: $ref, type, enum, const, required, properties, items, anyOf, oneOf.
fn conforms(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let target = root
            .pointer(name.trim_start_matches('#'))
            .expect("$ref leads somewhere");
        return conforms(root, target, value, at, wrong);
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[key].as_array() {
            let fits = |choice: &&Value| {
                let mut why = Vec::new();
                conforms(root, choice, value, at, &mut why);
                why.is_empty()
            };
            if !choices.iter().any(|choice| fits(&choice)) {
                wrong.push(format!("{at}: {value} fits none of {key}"));
            }
        }
    }
    let allowed = schema["enum"].as_array();
    if allowed.is_some_and(|all| !all.contains(value)) {
        wrong.push(format!("{at}: {value} is not among {:?}", schema["enum"]));
    }
    if schema.get("const").is_some_and(|only| only != value) {
        wrong.push(format!("{at}: {value} is not {}", schema["const"]));
    }
    let types: BTreeSet<&str> = match &schema["type"] {
        Value::String(one) => [one.as_str()].into(),
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => BTreeSet::new(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_u64() || n.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let number = kind == "integer" && types.contains("number");
    if !types.is_empty() && !types.contains(kind) && !number {
        wrong.push(format!("{at}: {kind}, not one of {types:?}"));
    }
    for key in schema["required"].as_array().into_iter().flatten() {
        let key = key.as_str().expect("a name");
        if value.get(key).is_none() {
            wrong.push(format!("{at}: {key} is missing"));
        }
    }
    for (key, inner) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(key) {
            Some(rule) => conforms(root, rule, inner, &format!("{at}.{key}"), wrong),
            None if schema["properties"].is_object() => {
                wrong.push(format!("{at}: {key} is not in the schema"));
            }
            None => {}
        }
    }
    for (i, inner) in value.as_array().into_iter().flatten().enumerate() {
        conforms(root, &schema["items"], inner, &format!("{at}[{i}]"), wrong);
    }
}

/// SNI, ALPN, DNS names, CNAMEs and EDE texts with such text in them reach no output as they are.
#[test]
fn hostile_text_is_escaped_everywhere() {
    let dir = folder();
    let bytes = crafted(hostile);
    fs::write(dir.path().join("evil.pcapng"), bytes).expect("written");
    for format in ["text", "json", "ndjson", "markdown", "html"] {
        for extra in [&["-v"][..], &["--all"]] {
            let args = [&["read", "evil.pcapng", "--format", format], extra].concat();
            let ran = run(dir.path(), &args);
            assert!(ran.exit < 2, "{}", ran.stderr);
            assert!(
                ran.stdout.contains("pwned"),
                "{format}: the name is not there at all"
            );
            harmless(&ran.stdout);
            match format {
                "markdown" => check_markdown(&ran.stdout).expect("plain"),
                "html" => check_html(&ran.stdout).expect("plain"),
                _ => {}
            }
            // A parser that undoes the JSON escapes must not get them back either.
            if format == "json" {
                strings(&ran.json(), &mut |text| harmless(text));
            }
        }
    }
}

/// Nor do they through the file's own name or the command line.
#[cfg(unix)]
#[test]
fn hostile_file_names_are_escaped() {
    let dir = folder();
    let name = "evil\x1b[2J.pcap";
    fs::write(dir.path().join(name), healthy()).expect("written");
    for format in ["text", "json"] {
        let ran = run(dir.path(), &["read", name, "--format", format]);
        harmless(&ran.stdout);
        let whole = healthy();
        fs::write(
            dir.path().join("cut\x1b[2J.pcap"),
            &whole[..whole.len() - 3],
        )
        .expect("written");
        let ran = run(dir.path(), &["read", "cut\x1b[2J.pcap", "--format", format]);
        assert_eq!(ran.exit, 3);
        harmless(&ran.stdout);
        harmless(&ran.stderr);
    }
    harmless(&run(dir.path(), &["read", "none\x1b[2J.pcap"]).stderr);
}

/// What `read --redact` prints is the same judgement, and nothing of whose capture it is.
#[test]
fn redacted_reports_say_the_same_of_nobody() {
    let dir = folder();
    let plain = run(dir.path(), &["read", "unanswered.pcap", "--format", "json"]).json();
    let client = plain["attempts"][0]["client"].as_str().expect("an address");
    for format in ["text", "json", "ndjson", "markdown", "html"] {
        let args = ["read", "unanswered.pcap", "--format", format];
        let open = run(dir.path(), &args);
        let redacted = run(dir.path(), &[&args[..], &["--redact"]].concat());
        assert_eq!((open.exit, redacted.exit), (1, 1), "{}", redacted.stderr);
        assert!(open.stdout.contains(client), "{format}");
        assert!(!redacted.stdout.contains(client), "{format}");
        assert!(redacted.stdout.contains("tcp.syn-unanswered"), "{format}");
    }
    let args = ["compare", "--redact", "healthy.pcap", "unanswered.pcap"];
    let compared = run(dir.path(), &args);
    assert_eq!(compared.exit, 3, "{}", compared.stderr);
    assert!(!compared.stdout.contains(client));
    let piped = run_fed(dir.path(), &["read", "--redact", "-"], |_| {});
    assert_eq!(piped.exit, 2);
    assert!(piped.stderr.contains("--redact reads the capture twice"));
}
