//! `shakedown interfaces` as a user and a script see it. It needs no privileges.
#![cfg(all(target_os = "linux", feature = "live"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise

#[path = "support/program.rs"]
mod program;

use program::{folder, run};

#[test]
fn a_script_finds_the_loopback_and_what_is_allowed() {
    let dir = folder();
    let ran = run(dir.path(), &["interfaces", "--format", "json"]);
    assert_eq!(ran.exit, 0, "{}", ran.stderr);
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).expect("one JSON object");
    let all = told["interfaces"].as_array().expect("a list");
    let lo = all
        .iter()
        .find(|i| i["name"] == "lo")
        .expect("every Linux has one");
    assert_eq!(lo["link_type"], "ethernet");
    assert_eq!(lo["loopback"], true);
    assert_eq!(lo["default_ipv4"], false);
    let pseudo = |name: &str| name.contains("nflog") || name.contains("dbus");
    assert!(
        !all.iter()
            .any(|i| pseudo(i["name"].as_str().expect("a name"))),
        "{all:?}"
    );
    // Either it may capture, or it says what to do.
    if told["may_capture"] == false {
        assert!(
            told["grant"]
                .as_str()
                .is_some_and(|g| g.contains("no right to capture")),
            "{told}"
        );
    }
    let marked = |i: &&serde_json::Value| i["default_ipv4"] == true || i["default_ipv6"] == true;
    assert_eq!(
        all.iter().find(marked).is_some(),
        told["default"].is_string()
    );
}

#[test]
fn a_person_reads_one_interface_a_line_within_the_terminal() {
    let dir = folder();
    let ran = run(dir.path(), &["interfaces"]);
    assert_eq!((ran.exit, ran.stderr.as_str()), (0, ""));
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("INTERFACE "), "{}", ran.stdout);
    assert!(
        lines.iter().any(|l| l.trim_start().starts_with("lo ")),
        "{}",
        ran.stdout
    );
    let table = lines.iter().take_while(|l| !l.is_empty());
    assert!(
        table.clone().all(|l| l.len() <= 80 && l.trim_end() == *l),
        "{}",
        ran.stdout
    );
}
