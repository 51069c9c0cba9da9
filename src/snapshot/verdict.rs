//! The verdict as plain data, and the sentence on what was seen.

use super::build::{Parts, clean_long, round};
use super::clean::clean;
use super::{Attempt, Capture, Controls, Experiment, Status, Step, Unblock, Verdict};
use crate::verdict::{self, Ruling};

/// Attempts named by one experiment.
const MAX_ATTEMPTS: usize = 16;

/// The judgement over all attempts.
pub(super) fn verdict(
    ruling: &Ruling,
    parts: &Parts<'_>,
    attempts: &[Attempt],
    captures: &[Capture],
) -> Verdict {
    let all = |list: &[String]| list.iter().map(|s| clean_long(s)).collect();
    Verdict {
        outcome: ruling.outcome,
        headline: clean_long(&ruling.headline),
        cause: ruling.cause.map(str::to_owned),
        stage: ruling.stage,
        blame: ruling.blame,
        confidence: ruling.confidence.map(round),
        scope: ruling.scope.as_str().into(),
        because: all(&ruling.because),
        against: all(&ruling.against),
        steps: ruling.steps.iter().map(step).collect(),
        left_out: ruling.left_out.iter().map(step).collect(),
        experiments: ruling.experiments.iter().map(experiment).collect(),
        unblock: ruling.blocked.iter().map(unblock).collect(),
        coverage: match &ruling.untold {
            Some(untold) => {
                let seen = coverage(parts, attempts, captures);
                format!("{seen}\n{}", clean_long(untold))
            }
            None => coverage(parts, attempts, captures),
        },
    }
}

fn step(advice: &verdict::Advice) -> Step {
    Step {
        action: clean_long(&advice.action),
        why: clean_long(&advice.why),
    }
}

fn experiment(experiment: &verdict::Experiment) -> Experiment {
    let tally = &experiment.tally;
    let shown = if tally.worked() > 0 {
        &tally.shown
    } else {
        &tally.lost
    };
    let capture = shown.first().map(|m| m.capture);
    Experiment {
        differed: experiment.differs.as_str(),
        held: experiment.differs.held(),
        worked: Controls {
            during: tally.during,
            before: tally.before,
            after: tally.after,
        },
        failed: tally.failed,
        attempts: experiment
            .cases
            .iter()
            .take(MAX_ATTEMPTS)
            .map(|i| i + 1)
            .collect(),
        capture: capture.map(|c| usize::from(c.0)),
        frames: capture.map_or_else(Vec::new, |c| super::build::frames(shown, c)),
    }
}

fn unblock(blocked: &verdict::Blocked) -> Unblock {
    Unblock {
        name: clean(&blocked.name),
        role: blocked.role.to_string(),
        stops: blocked.stops.to_owned(),
        attempts: blocked.attempts,
        waited_for: blocked.waited_for,
    }
}

fn plural(n: u64, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

/// What was seen of how many tries, and what could not be seen: always said, never "healthy" out of nothing.
fn coverage(parts: &Parts<'_>, attempts: &[Attempt], captures: &[Capture]) -> String {
    let with = |stage: &str| {
        let seen = |a: &&Attempt| {
            let cells = a.stages.iter().filter(|c| c.stage == stage);
            cells
                .clone()
                .any(|c| !matches!(c.status, Status::Unseen | Status::Skipped))
        };
        attempts.iter().filter(seen).count()
    };
    let packets: u64 = captures.iter().map(|c| c.packets).sum();
    let mut text = format!(
        "Seen: {}, {}",
        plural(packets, "packet"),
        plural(attempts.len() as u64, "attempt"),
    );
    if !attempts.is_empty() {
        text += &format!(
            " (DNS of {}, TCP of {}, TLS of {}, QUIC of {})",
            with("dns"),
            with("tcp"),
            with("tls"),
            with("quic"),
        );
    }
    if parts.others.total > 0 {
        text += &format!(
            ", {} of other traffic",
            plural(parts.others.total, "connection")
        );
    }
    text.push('.');
    let marked = |cause: &str| {
        let has = |a: &&Attempt| a.findings.iter().any(|f| f.cause == cause);
        attempts.iter().filter(has).count() as u64
    };
    let clipped = marked("capture.truncated");
    if clipped > 0 {
        text += &format!(" Cut packets hide part of {}.", plural(clipped, "attempt"));
    }
    for note in parts.notes.iter().flatten() {
        text.push(' ');
        text += note;
    }
    text
}
