//! The order of modules in `lib.rs` is the order of layers: a module uses only those declared above it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise

use std::fs;
use std::path::{Path, PathBuf};

/// The modules in the order in which `lib.rs` declares them.
fn layers() -> Vec<String> {
    let text = fs::read_to_string(source().join("lib.rs")).expect("lib.rs");
    let name = |line: &str| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned());
    text.lines().filter_map(name).collect()
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder)
        .expect("src")
        .map(|e| e.expect("an entry").path())
    {
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

/// Modules named after `crate::` in a line of code, `crate::{a, b::C}` included.
fn used(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    let mut names = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let word = |text: &str| -> String {
            let text = text.trim_start();
            text.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        };
        match rest.strip_prefix('{') {
            Some(list) => names.extend(list.split(',').map(word)),
            None => names.push(word(rest)),
        }
    }
    names
}

#[test]
fn a_module_uses_only_those_above_it() {
    let layers = layers();
    assert!(layers.len() > 10, "{layers:?}");
    let place = |name: &str| layers.iter().position(|layer| layer == name);
    let (mut wrong, mut uses) = (Vec::new(), 0);
    for file in files(&source()) {
        let inner = file
            .strip_prefix(source())
            .expect("below src")
            .to_path_buf();
        let first = inner
            .iter()
            .next()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        // The program itself (main, cli, run) may use everything.
        let Some(own) = place(first.trim_end_matches(".rs")) else {
            continue;
        };
        let text = fs::read_to_string(&file).expect("a source file");
        for (number, line) in text.lines().enumerate() {
            for name in used(line) {
                let Some(other) = place(&name) else { continue };
                uses += 1;
                if other > own {
                    wrong.push(format!(
                        "{}:{}: {}",
                        inner.display(),
                        number + 1,
                        line.trim()
                    ));
                }
            }
        }
    }
    assert!(
        uses > 100,
        "only {uses} uses found: the test looks in the wrong place"
    );
    assert!(
        wrong.is_empty(),
        "layers are {layers:?}\n{}",
        wrong.join("\n")
    );
}

#[test]
fn uses_are_found_in_every_form() {
    assert_eq!(used("use crate::types::Mark;"), ["types"]);
    assert_eq!(used("use crate::{flow, data::Prefix};"), ["flow", "data"]);
    assert_eq!(
        used("    let x: crate::fact::Tcp = crate::flow::f();"),
        ["fact", "flow"]
    );
    assert!(used("// crate::engine knows").is_empty());
}
