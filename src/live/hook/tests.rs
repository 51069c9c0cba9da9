use super::{Failure, PARALLEL, serve};
use std::fs;
use std::io::Cursor;
use std::path::Path;

fn failure(report: &str) -> Failure {
    Failure {
        report: report.to_owned(),
        capture: "c.pcapng".to_owned(),
        cause: "tls.reset-after-hello".to_owned(),
        name: "a.example$(id);`x` y".to_owned(),
        stage: "tls".to_owned(),
    }
}

/// Runs `command` for the failures; what the helper said.
fn served(command: &str, failures: &[Failure]) -> String {
    let lines = failures.iter().map(|f| serde_json::to_string(f).unwrap());
    let input: String = lines.map(|line| line + "\n").collect();
    let mut said = Vec::new();
    serve(Cursor::new(input), &mut said, command).unwrap();
    String::from_utf8(said).unwrap()
}

fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap()
}

#[test]
fn test_the_command_gets_the_path_and_clean_words() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("notify.sh");
    let text = "printf '%s|' \"$#\" \"$1\" \"$2\" \"$SHAKEDOWN_CAUSE\" \"$SHAKEDOWN_NAME\" \"$SHAKEDOWN_STAGE\" \"$SHAKEDOWN_CAPTURE\" > out";
    fs::write(&script, format!("cd '{}'\n{text}\n", dir.path().display())).unwrap();
    let command = format!("sh '{}' first", script.display());
    let report = "/x/it's $(touch owned) `id` \"q\".json";
    assert_eq!(served(&command, &[failure(report)]), "");
    let expected =
        format!("2|first|{report}|tls.reset-after-hello|a.example__id___x__y|tls|c.pcapng|");
    assert_eq!(read(dir.path(), "out"), expected);
    assert!(!dir.path().join("owned").exists());
}

#[test]
fn test_a_failing_command_is_said_with_its_status() {
    let said = served("exit 3; true", &[failure("r")]);
    assert!(
        said.starts_with("--on-failure: the command failed (exit status: 3)"),
        "{said}"
    );
    let said = served("/no/such/program", &[failure("r")]);
    assert!(said.contains("exit status: 127"), "{said}");
}

#[test]
fn test_lines_that_are_no_failures_are_passed_over() {
    let mut said = Vec::new();
    let input = Cursor::new(b"{}\nnonsense\n\xff\xfe\n".to_vec());
    serve(input, &mut said, "exit 1;").unwrap();
    assert_eq!(said, b"");
}

/// Each command waits until there are as many as may run at once (so they do run at once), and notes that it saw no more.
#[test]
fn test_so_many_run_at_once_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!(
        "cd '{}'; touch run.$$; until [ $(ls run.* 2>/dev/null | wc -l) -ge {PARALLEL} ] || [ -e go ]; do sleep 0.02; done; touch go; \
         ls run.* | wc -l >> seen; rm run.$$; :",
        dir.path().display()
    );
    let failures: Vec<Failure> = (0..3 * PARALLEL).map(|n| failure(&n.to_string())).collect();
    assert_eq!(served(&script, &failures), "");
    let seen = read(dir.path(), "seen");
    let counts: Vec<usize> = seen.lines().map(|l| l.trim().parse().unwrap()).collect();
    assert_eq!(counts.len(), failures.len());
    assert_eq!(counts.iter().max(), Some(&PARALLEL), "{counts:?}");
}
