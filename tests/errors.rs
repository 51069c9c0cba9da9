//! What a user sees who makes a mistake: exit status 2, nothing on standard output, and one line on standard error
//! that names the thing and says what to do. A capture that is whole only in part is reported as far as it goes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise

#[path = "support/program.rs"]
mod program;

use program::{command, folder, healthy, run, run_fed};
use std::fs;
use std::process::Stdio;

/// Runs it and checks all but the words; gives the line.
fn refusal(dir: &std::path::Path, args: &[&str]) -> String {
    let ran = run(dir, args);
    assert_eq!(ran.exit, 2, "{args:?}: {}", ran.stderr);
    assert_eq!(ran.stdout, "", "{args:?}");
    one_line(args, &ran.stderr)
}

fn one_line(args: &[&str], stderr: &str) -> String {
    assert_eq!(stderr.lines().count(), 1, "{args:?}: {stderr}");
    assert!(stderr.starts_with("shakedown: "), "{args:?}: {stderr}");
    assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    stderr.trim_end().to_owned()
}

/// Each of `words` must stand in the line.
fn says(line: &str, words: &[&str]) {
    for word in words {
        assert!(line.contains(word), "`{word}` is not in: {line}");
    }
}

#[test]
fn inputs_that_are_no_captures() {
    let dir = folder();
    let put = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).expect("written");
    put("empty.pcap", b"");
    put("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    put("notes.txt", b"it does not work since tuesday\n");
    put("header.pcap", &healthy()[..20]);
    put("noise.bin", &[0x5a, 0xa5, 0x00, 0xff, 0x13].repeat(50));
    fs::create_dir(dir.path().join("captures")).expect("made");
    let cases: [(&str, &[&str]); 9] = [
        ("wrong.pcap", &["wrong.pcap", "no such file", "check"]),
        ("empty.pcap", &["empty.pcap", "is empty", "capture again"]),
        (
            "captures",
            &["captures", "is a directory", "name the capture files"],
        ),
        (
            "picture.png",
            &["picture.png", "PNG image", "name a pcap or pcapng file"],
        ),
        (
            "notes.txt",
            &["notes.txt", "is text", "name a pcap or pcapng file"],
        ),
        (
            "header.pcap",
            &["header.pcap", "20 of 24 bytes", "(at byte 20)"],
        ),
        ("noise.bin", &["noise.bin", "not a capture", "name a pcap"]),
        // Root may read everything, so a path through a file stands for what can't be opened.
        (
            "healthy.pcap/x.pcap",
            &["healthy.pcap/x.pcap", "can't be read", "check the name"],
        ),
        ("-", &["-", "is empty", "check the program before the pipe"]),
    ];
    for (name, words) in cases {
        says(&refusal(dir.path(), &["read", name]), words);
        // A good capture beside it does not hide it.
        says(&refusal(dir.path(), &["read", "healthy.pcap", name]), words);
    }
}

#[test]
fn options_that_make_no_sense() {
    let dir = folder();
    let before = fs::read(dir.path().join("healthy.pcap")).expect("there");
    fs::write(dir.path().join("latin1.toml"), b"name = \"caf\xe9\"").expect("written");
    fs::write(dir.path().join("half.toml"), b"name = \"x\"\nhosts = [").expect("written");
    let cases: [(&[&str], &[&str]); 16] = [
        (
            &["--target", "nope"],
            &["'nope'", "neither a built-in target nor a file", "tiktok"],
        ),
        (&["--target", "."], &[".: ", "is a folder", "TOML"]),
        (&["--target", "latin1.toml"], &["latin1.toml", "TOML"]),
        (&["--target", "half.toml"], &["half.toml:2", "example.toml"]),
        (
            &["--limit", "dns.slow"],
            &["'dns.slow'", "NAME=DURATION", "dns.slow=300ms"],
        ),
        (
            &["--limit", "dns.fast=3s"],
            &["'dns.fast'", "dns.slow, tcp.slow-connect"],
        ),
        (&["--limit", "dns.slow=soon"], &["'soon'", "as in 300ms"]),
        (
            &["--net", "somewhere"],
            &["--net 'somewhere'", "write it like 192.0.2.0/24"],
        ),
        (
            &["--net", "10.0.0.0/99"],
            &["--net '10.0.0.0/99'", "between 0 and 32"],
        ),
        (
            &["--net", "10.0.0.7/8"],
            &["--net '10.0.0.7/8'", "10.0.0.0/8"],
        ),
        (
            &["--host", "two words"],
            &["--host 'two words'", "write it like example.com"],
        ),
        (
            &["-f", "udp port"],
            &["`udp port`", "syntax error", "pcap-filter(7)"],
        ),
        (
            &["-f", "host www.example.com"],
            &["`www.example.com`", "write its address"],
        ),
        (
            &["-o", "missing/report.json"],
            &["missing/report.json", "no folder missing", "make it first"],
        ),
        (&["-o", "."], &[".: ", "is a folder", "name a file"]),
        (
            &["-o", "./healthy.pcap"],
            &["./healthy.pcap", "one of the captures", "another file"],
        ),
    ];
    for (options, words) in cases {
        if options[0] == "-f" && !cfg!(feature = "live") {
            continue; // a build without libpcap says that instead: see below
        }
        let args = [&["read", "healthy.pcap"], options].concat();
        says(&refusal(dir.path(), &args), words);
    }
    let after = fs::read(dir.path().join("healthy.pcap")).expect("still there");
    assert!(
        after == before,
        "an output named like an input must not destroy it"
    );
    let twice = refusal(dir.path(), &["read", "-", "-"]);
    says(&twice, &["standard input", "once"]);
}

#[cfg(not(feature = "live"))]
#[test]
fn filters_without_libpcap() {
    let dir = folder();
    let line = refusal(dir.path(), &["read", "healthy.pcap", "-f", "udp"]);
    says(&line, &["no libpcap", "tcpdump"]);
}

#[test]
fn causes_and_profiles_that_are_not_there() {
    let dir = folder();
    let line = refusal(dir.path(), &["explain", "tcp.nonsense"]);
    says(&line, &["'tcp.nonsense'", "`shakedown explain` lists all"]);
    let near = refusal(dir.path(), &["explain", "syn-unanswered"]);
    says(&near, &["did you mean tcp.syn-unanswered?"]);
    let line = refusal(dir.path(), &["targets", "nope"]);
    says(&line, &["'nope'", "tiktok"]);
}

/// Wrong usage that the argument parser finds: several lines, in its own form.
#[test]
fn wrong_usage_points_to_the_help() {
    let dir = folder();
    for args in [
        &["read"][..],
        &["read", "healthy.pcap", "--formatt", "json"],
        &["read", "healthy.pcap", "--format", "xml"],
        &["read", "healthy.pcap", "--max-flows", "many"],
        &["diagnose", "healthy.pcap"],
    ] {
        let ran = run(dir.path(), args);
        assert_eq!((ran.exit, ran.stdout.as_str()), (2, ""), "{args:?}");
        assert!(ran.stderr.contains("--help"), "{args:?}: {}", ran.stderr);
    }
}

/// Cut inside a packet: what was read is reported, in every form, and one line says where it ends.
#[test]
fn a_truncated_capture_is_reported_as_far_as_it_goes() {
    let dir = folder();
    let whole = fs::read(dir.path().join("unanswered.pcap")).expect("read");
    fs::write(dir.path().join("cut.pcap"), &whole[..whole.len() - 10]).expect("written");
    for format in ["text", "json", "ndjson"] {
        let args = ["read", "cut.pcap", "--format", format];
        let ran = run(dir.path(), &args);
        assert_eq!(ran.exit, 3, "{}", ran.stderr);
        let line = one_line(&args, &ran.stderr);
        says(
            &line,
            &[
                "cut.pcap",
                "file ends inside packet",
                "starts at byte",
                "copy the file again",
            ],
        );
        assert!(ran.stdout.contains("tcp.syn-unanswered"), "{}", ran.stdout);
    }
    let report = run(dir.path(), &["read", "cut.pcap", "--format", "json"]).json();
    assert_eq!(report["captures"][0]["complete"], false);
    let problem = report["captures"][0]["problems"][0].as_str().expect("said");
    says(problem, &["file ends inside packet", "starts at byte"]);
    let text = run(dir.path(), &["read", "cut.pcap"]).stdout;
    assert!(text.contains("problem: cut.pcap: file ends inside packet"));
}

/// Whatever the place of the cut, it ends with one of the documented exit statuses.
#[test]
fn every_cut_ends_well() {
    let dir = folder();
    let whole = healthy();
    let path = dir.path().join("cut.pcap");
    for length in (0..whole.len()).step_by(whole.len() / 40) {
        fs::write(&path, &whole[..length]).expect("written");
        let ran = run(dir.path(), &["read", "cut.pcap"]);
        let expected: &[i32] = if length < 24 { &[2] } else { &[0, 1, 3] };
        assert!(expected.contains(&ran.exit), "{length}: {}", ran.stderr);
    }
}

#[test]
fn a_pipe_that_ends_in_the_middle() {
    let dir = folder();
    let bytes = healthy();
    let ran = run_fed(dir.path(), &["read", "-"], |pipe| {
        pipe.write_all(&bytes[..bytes.len() - 5]).expect("taken");
    });
    assert_eq!(ran.exit, 3);
    says(
        &one_line(&["-"], &ran.stderr),
        &["-: file ends inside packet"],
    );
}

/// `shakedown … | head -1`: the reader goes away, and that is no error.
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let dir = folder();
    for args in [
        &["read", "unanswered.pcap"][..],
        &["read", "unanswered.pcap", "--format", "json"],
        &["read", "--json-schema"],
        &["explain"],
        &["explain", "tcp.syn-unanswered"],
        &["targets", "tiktok"],
        &["completions", "bash"],
        &["man"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = command(dir.path())
            .args(args)
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .and_then(|child| child.wait_with_output())
            .expect("the program runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*stderr), (Some(0), ""), "{args:?}");
    }
}
