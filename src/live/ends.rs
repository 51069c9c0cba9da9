//! When an attempt is over: told once, and again only where its outcome changes afterwards.
//!
//! A snapshot shows an attempt as it stands. While retries go on, while another address family is tried, or while a
//! request is under way, that may change with the next packet. So an attempt is told when nothing about it has changed
//! for [`SETTLED`] of the packets' clock; a failure already after [`FAILED`], since a client that still retries may do so
//! for minutes. What has no outcome is told when the capture ends.

use crate::snapshot::{Attempt, Outcome, Status};
use crate::types::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// What goes well is told when it has been the same for so long.
pub const SETTLED: Duration = Duration::from_secs(2);
/// What fails is told when it has been the same for so long.
pub const FAILED: Duration = Duration::from_millis(500);
/// What goes well and changes all the time is told after so long all the same.
pub const LONG: Duration = Duration::from_secs(10);

/// What makes an attempt look different to a person.
type Face = (
    Outcome,
    Option<String>,
    [Option<Status>; 6],
    usize,
    usize,
    usize,
);

#[derive(Debug)]
struct Known {
    face: Face,
    since: Timestamp,
    /// Since when it has this outcome and cause.
    outcome_since: Timestamp,
    told: Option<(Outcome, Option<String>)>,
    seen: u64,
}

/// An attempt to tell of, by its index in the snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Due {
    /// Index into the attempts.
    pub index: usize,
    /// What was told of it before.
    pub was: Option<Outcome>,
}

/// Remembers what was told. Holds as much as the snapshots do.
#[derive(Debug, Default)]
pub struct Ends {
    known: HashMap<u64, Known>,
    round: u64,
    waiting: bool,
}

fn face(attempt: &Attempt) -> Face {
    let mut stages = [None; 6];
    for (place, cell) in stages.iter_mut().zip(&attempt.stages) {
        *place = Some(cell.status);
    }
    (
        attempt.outcome,
        attempt.cause.clone(),
        stages,
        attempt.paths.len(),
        attempt.lookups.len(),
        attempt.findings.len(),
    )
}

impl Ends {
    /// Looks at a snapshot made at `now`; `all` says that it is the last one. What is due is not yet told: say so with
    /// [`Ends::told`].
    pub fn due(
        &mut self,
        attempts: &[Attempt],
        keys: &[u64],
        now: Timestamp,
        all: bool,
    ) -> Vec<Due> {
        self.round += 1;
        self.waiting = false;
        let mut due = Vec::new();
        for (index, (attempt, &key)) in attempts.iter().zip(keys).enumerate() {
            let known = self.note(attempt, key, now);
            let outcome = (attempt.outcome, &attempt.cause);
            let told = known
                .told
                .as_ref()
                .map(|(outcome, cause)| (*outcome, cause));
            if told == Some(outcome) {
                continue;
            }
            if !(all || known.is_over(attempt.outcome, now)) {
                self.waiting = true;
                continue;
            }
            let was = known.told.as_ref().map(|(outcome, _)| *outcome);
            due.push(Due { index, was });
        }
        let round = self.round;
        self.known.retain(|_, known| known.seen == round);
        due
    }

    /// Something was not over yet at the last look.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.waiting
    }

    fn note(&mut self, attempt: &Attempt, key: u64, now: Timestamp) -> &mut Known {
        let (face, round) = (face(attempt), self.round);
        let known = self.known.entry(key).or_insert_with(|| Known {
            face: face.clone(),
            since: now,
            outcome_since: now,
            told: None,
            seen: round,
        });
        known.seen = round;
        if (known.face.0, &known.face.1) != (face.0, &face.1) {
            known.outcome_since = now;
        }
        if known.face != face {
            (known.face, known.since) = (face, now);
        }
        known
    }

    /// That attempt has been told of as it stands.
    pub fn told(&mut self, attempt: &Attempt, key: u64) {
        if let Some(known) = self.known.get_mut(&key) {
            known.told = Some((attempt.outcome, attempt.cause.clone()));
        }
    }
}

impl Known {
    fn is_over(&self, outcome: Outcome, now: Timestamp) -> bool {
        let long = now.since(self.outcome_since);
        match outcome {
            Outcome::Broken => long >= FAILED,
            Outcome::Ok | Outcome::Degraded => now.since(self.since) >= SETTLED || long >= LONG,
            Outcome::Unfinished | Outcome::Abandoned => false,
        }
    }
}
