//! A worse capture of the same traffic must not lead to another accusation.
//!
//! The capture of each fixture is made worse as captures suffer it (`support/fixture/perturb.rs`) and read again. The
//! judgement stays, or falls back to knowing less. What else may be said, and which false accusations are known, is
//! listed in `support/fixture/allowed.rs`, each with its reason; `cargo run --example accuracy` counts them.
//!
//! `CASE=tcp.refused cargo test --test perturb` tries only the folders whose path contains that text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise

#[path = "support/fixture.rs"]
mod fixture;

use fixture::allowed::{ALLOWED, KNOWN_FALSE, known_false};
use fixture::capture::Kept;
use fixture::perturb::{Dice, Kind};
use fixture::truth::Held;
use fixture::{Opened, case, parallel};
use std::collections::BTreeSet;
use std::path::Path;

/// Copies of all packets, as `-i any` makes them, cost these their verdict: QUIC packets are not told from their copies.
const LOST_IN_COPIES: [&str; 5] = [
    "quic.closed-by-server/odd-ports",
    "quic.handshake-stalled/finished-lost",
    "quic.handshake-stalled/server-flight-lost",
    "quic.stateless-reset/server-restarted",
    "quic.stateless-reset/lab-restarted",
];

fn only() -> String {
    std::env::var("CASE").unwrap_or_default()
}

/// What `work` makes of each fixture.
fn each<R: Send>(work: impl Fn(&Opened) -> R + Sync) -> Vec<R> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let dirs = case::folders(&root, &only()).expect("fixtures/ is there");
    assert!(
        dirs.len() > 200 || !only().is_empty(),
        "fixtures are missing"
    );
    parallel(&dirs, |dir| work(&Opened::new(dir).unwrap()))
}

/// What came of the worse captures of one case.
#[derive(Default)]
struct Outcome {
    tried: usize,
    kept: usize,
    wrong: Vec<String>,
    /// Reasons of the entries that were needed.
    reasons: BTreeSet<&'static str>,
}

fn try_all(opened: &Opened) -> Outcome {
    let mut outcome = Outcome::default();
    opened.perturb(|variant, _, held| {
        outcome.tried += 1;
        let name = format!("{}, {}", opened.id, variant.what);
        match held {
            Held::Kept => outcome.kept += 1,
            Held::FellBack if variant.kind == Kind::Twice => {
                if !LOST_IN_COPIES.contains(&opened.id.as_str()) {
                    outcome
                        .wrong
                        .push(format!("{name}: copies change what is said"));
                }
            }
            Held::FellBack => {}
            Held::Excused(excuses) => outcome.reasons.extend(excuses.iter().map(|e| e.why)),
            Held::Accuses(accusations) => {
                for accusation in accusations {
                    match known_false(&opened.id, variant.kind, &accusation) {
                        Some(known) => {
                            outcome.reasons.insert(known.why);
                        }
                        None => outcome.wrong.push(format!("{name}: {accusation}")),
                    }
                }
            }
        }
    });
    outcome
}

#[test]
fn a_worse_capture_leads_to_no_other_accusation() {
    let outcomes = each(try_all);
    let tried: usize = outcomes.iter().map(|o| o.tried).sum();
    let kept: usize = outcomes.iter().map(|o| o.kept).sum();
    let mut wrong: Vec<String> = outcomes.iter().flat_map(|o| o.wrong.clone()).collect();
    println!(
        "{tried} captures tried, {kept} verdicts kept, {} wrong",
        wrong.len()
    );
    if only().is_empty() {
        let reasons = ALLOWED
            .iter()
            .map(|a| a.why)
            .chain(KNOWN_FALSE.iter().map(|k| k.why));
        let needed = |why: &str| outcomes.iter().any(|o| o.reasons.contains(why));
        let idle = reasons.filter(|why| !needed(why));
        wrong.extend(idle.map(|why| format!("no longer needed in allowed.rs: {why}")));
        assert!(kept * 2 > tried, "the worse captures say next to nothing");
    }
    assert!(
        wrong.is_empty(),
        "{} of {tried}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Bytes changed at random, with the same seeds each time: whatever is found, nothing panics.
#[test]
fn damaged_captures_do_no_harm() {
    let found: usize = each(|opened| {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let runs = (0..20).map(|_| {
            let frames = damaged(&opened.capture.frames, &mut dice);
            let report = opened.capture.judge(&frames, true);
            report
                .attempts
                .iter()
                .map(|a| a.findings.len())
                .sum::<usize>()
        });
        runs.sum::<usize>()
    })
    .into_iter()
    .sum();
    assert!(
        found > 2000 || !only().is_empty(),
        "most of it is still recognised: {found}"
    );
}

/// Six bytes, anywhere.
fn damaged(frames: &[Kept], dice: &mut Dice) -> Vec<Kept> {
    let mut frames = frames.to_vec();
    for _ in 0..6 {
        let frame = dice.below(frames.len());
        let mut data = frames[frame].data.to_vec();
        let at = dice.below(data.len());
        if let Some(byte) = data.get_mut(at) {
            *byte = u8::try_from(dice.below(256)).unwrap_or_default();
        }
        frames[frame].data = data.into();
    }
    frames
}
