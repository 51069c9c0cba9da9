//! The counts.

use crate::fixture::Opened;
use crate::fixture::allowed::{Excuse, known_false};
use crate::fixture::case::{Case, Made};
use crate::fixture::compare::{Compared, Field, compare};
use crate::fixture::perturb::{Kind, Variant};
use crate::fixture::truth::Held;
use serde::Serialize;
use serde_json::Value;
use shakedown::snapshot::Report;
use std::collections::BTreeMap;

/// How many of how many are right.
#[derive(Clone, Copy, PartialEq, Eq, Default, Serialize, Debug)]
pub struct Share {
    /// Right.
    pub right: usize,
    /// Of these.
    pub of: usize,
}

impl Share {
    /// Counts one more.
    pub fn note(&mut self, right: bool) {
        self.right += usize::from(right);
        self.of += 1;
    }

    /// Counts these as well.
    pub fn add(&mut self, other: Self) {
        self.right += other.right;
        self.of += other.of;
    }

    /// As a number from 0 to 100; `None` where there is nothing to count.
    #[allow(clippy::cast_precision_loss)]
    pub fn percent(self) -> Option<f64> {
        (self.of > 0).then(|| 100.0 * self.right as f64 / self.of as f64)
    }
}

/// What was counted of one family.
#[derive(Clone, Copy, Default, Serialize)]
pub struct Row {
    /// Folders.
    pub cases: usize,
    /// Attempts expected, and those reported that nobody made.
    pub attempts: usize,
    /// Exactly this cause, or none where none is expected.
    pub cause: Share,
    /// The same of the attempts for which a cause is expected.
    pub faults: Share,
    /// Exactly this stage, or none.
    pub stage: Share,
    /// Exactly this outcome.
    pub outcome: Share,
    /// Exactly this blame, where it is stated.
    pub blame: Share,
    /// Exactly this scope of the verdict, where it is stated: cases, not attempts.
    pub scope: Share,
    /// All that is stated of the attempt, findings and their fields included.
    pub all: Share,
}

impl Row {
    /// Counts these as well.
    pub fn add(&mut self, other: &Self) {
        self.cases += other.cases;
        self.attempts += other.attempts;
        self.cause.add(other.cause);
        self.faults.add(other.faults);
        self.stage.add(other.stage);
        self.outcome.add(other.outcome);
        self.blame.add(other.blame);
        self.scope.add(other.scope);
        self.all.add(other.all);
    }
}

/// What became of the verdicts on worse captures.
#[derive(Clone, Copy, Default, Serialize)]
pub struct Runs {
    /// Captures tried.
    pub runs: usize,
    /// The same outcomes and causes.
    pub kept: usize,
    /// Less was said.
    pub fell_back: usize,
    /// Something true but less exact was said.
    pub coarser: usize,
    /// Something was said that was true when the capture ended.
    pub so_far: usize,
    /// Something else was said to be wrong, or something worse.
    pub false_accusations: usize,
    /// The cause is true, but for want of evidence it points at somebody else; counted besides.
    pub other_blame: usize,
}

impl Runs {
    /// Counts these as well.
    pub fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.kept += other.kept;
        self.fell_back += other.fell_back;
        self.coarser += other.coarser;
        self.so_far += other.so_far;
        self.false_accusations += other.false_accusations;
        self.other_blame += other.other_blame;
    }

    /// Those without a false accusation.
    pub fn sound(&self) -> Share {
        Share {
            right: self.runs - self.false_accusations,
            of: self.runs,
        }
    }
}

/// Stated confidence against what turned out to be right.
#[derive(Clone, Default, Serialize)]
pub struct Calibration {
    /// By the bounds of [`BUCKETS`].
    pub buckets: [Bucket; BUCKETS.len()],
    /// Sum of the squares of (confidence - right).
    squares: f64,
}

/// Statements of about the same confidence.
#[derive(Clone, Copy, Default, Serialize)]
pub struct Bucket {
    /// How many were right.
    pub share: Share,
    /// Sum of the stated confidences.
    pub stated: f64,
}

/// Upper bounds; a confidence belongs to the first that is larger.
pub const BUCKETS: [f64; 7] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01];

impl Calibration {
    fn note(&mut self, confidence: f64, right: bool) {
        // 0.9499999 is 0.95 stated.
        let at = BUCKETS.iter().position(|bound| confidence + 1e-9 < *bound);
        let bucket = &mut self.buckets[at.unwrap_or(BUCKETS.len() - 1)];
        bucket.share.note(right);
        bucket.stated += confidence;
        self.squares += (confidence - f64::from(u8::from(right))).powi(2);
    }

    fn add(&mut self, other: &Self) {
        for (own, more) in self.buckets.iter_mut().zip(&other.buckets) {
            own.share.add(more.share);
            own.stated += more.stated;
        }
        self.squares += other.squares;
    }

    /// Statements counted.
    pub fn count(&self) -> usize {
        self.buckets.iter().map(|b| b.share.of).sum()
    }

    /// Brier score: the mean square of (confidence - right); 0 is perfect, 0.25 is what always saying 0.5 gives.
    #[allow(clippy::cast_precision_loss)]
    pub fn brier(&self) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| self.squares / count as f64)
    }
}

/// All counts.
#[derive(Clone, Default)]
pub struct Tally {
    /// By family and by who made the packets.
    pub rows: BTreeMap<(&'static str, Made), Row>,
    /// Attempts in `healthy/` that are not called broken or degraded.
    pub healthy: Share,
    /// The same for all attempts for which nothing is expected to be wrong, near misses included.
    pub calm: Share,
    /// Of whole captures.
    pub calibration: Calibration,
    /// Of worse captures.
    pub calibration_worse: Calibration,
    /// By what was done to the captures.
    pub runs: BTreeMap<Kind, Runs>,
    /// Each false accusation.
    pub accusations: Vec<String>,
    /// What is wrong, one line each.
    pub wrong: Vec<String>,
    /// What the cases state to be missed, with the reason.
    pub misses: Vec<String>,
}

/// The families in the order of the table.
pub const FAMILIES: [&str; 9] = [
    "dns",
    "tcp",
    "tls",
    "quic",
    "http",
    "media",
    "capture",
    "cross-attempt",
    "healthy",
];

/// Which family a case belongs to, by its folder.
fn family(id: &str) -> &'static str {
    let folder = id.split(['.', '/']).next().unwrap_or_default();
    let known = FAMILIES.into_iter().find(|family| *family == folder);
    known.unwrap_or("cross-attempt")
}

impl Tally {
    /// Counts a case: `report` is the JSON report of its capture.
    pub fn judge(&mut self, id: &str, case: &Case, report: &Value) {
        let compared = compare(case, report);
        let row = self.rows.entry((family(id), case.made)).or_default();
        count_attempts(row, case, &compared);
        if case.verdict.as_ref().is_some_and(|v| v.scope.is_some()) {
            row.scope.note(compared.verdict_right("scope"));
        }
        self.count_alarms(id, case, &compared, report);
        self.count_confidence(case, &compared, report);
        let wrong = compared
            .differences
            .iter()
            .map(|d| format!("{id}: {}", d.text));
        self.wrong.extend(wrong);
        let attempts = case.attempt.iter().map(|a| (a.name.as_deref(), &a.miss));
        for (name, miss) in attempts.chain([(None, &case.miss)]) {
            if let Some(why) = miss {
                let name = name.map_or(String::new(), |name| format!(" {name}"));
                self.misses.push(format!("{id}{name}: {why}"));
            }
        }
    }

    /// An attempt that is fine in truth, or has no outcome, must not be called broken or degraded; nor must one that
    /// nobody made.
    fn count_alarms(&mut self, id: &str, case: &Case, compared: &Compared, report: &Value) {
        let alarm = |index: &usize| {
            let outcome = report["attempts"][*index]["outcome"].as_str();
            matches!(outcome, Some("broken" | "degraded"))
        };
        let calm = |outcome: &str| matches!(outcome, "ok" | "unfinished");
        let expected = case.attempt.iter().zip(&compared.reported);
        let fine = expected.filter(|(e, _)| calm(&e.outcome) && e.cause.is_none());
        let mut quiet: Vec<bool> = fine.map(|(_, r)| !r.iter().any(alarm)).collect();
        quiet.extend(compared.invented.iter().map(|index| !alarm(index)));
        for quiet in quiet {
            self.calm.note(quiet);
            if id.starts_with("healthy/") {
                self.healthy.note(quiet);
            }
        }
    }

    fn count_confidence(&mut self, case: &Case, compared: &Compared, report: &Value) {
        let expected = case.attempt.iter().zip(&compared.reported);
        let paired = expected.filter_map(|(e, index)| Some(((*index)?, e.cause.as_deref())));
        let invented = compared.invented.iter().map(|index| (*index, None));
        for (index, truth) in paired.chain(invented) {
            let attempt = &report["attempts"][index];
            if let (Some(sure), Some(cause)) =
                (attempt["confidence"].as_f64(), attempt["cause"].as_str())
            {
                self.calibration.note(sure, truth == Some(cause));
            }
        }
    }

    /// Counts a worse capture of a case.
    pub fn perturbed(&mut self, opened: &Opened, variant: &Variant, report: &Report, held: &Held) {
        let (id, truth) = (&opened.id, &opened.truth);
        let runs = self.runs.entry(variant.kind).or_default();
        runs.runs += 1;
        runs.other_blame += usize::from(!truth.other_blame(report).is_empty());
        match held {
            Held::Kept => runs.kept += 1,
            Held::FellBack => runs.fell_back += 1,
            Held::Excused(excuses) if excuses.iter().any(|e| e.excuse == Excuse::Coarser) => {
                runs.coarser += 1;
            }
            Held::Excused(_) => runs.so_far += 1,
            Held::Accuses(accusations) => {
                runs.false_accusations += 1;
                for accusation in accusations {
                    let known = known_false(id, variant.kind, accusation);
                    let why = known.map_or(String::new(), |k| format!(" (known: {})", k.why));
                    self.accusations
                        .push(format!("{id}, {}: {accusation}{why}", variant.what));
                }
            }
        }
        // What was true when the capture ended is neither right nor wrong in the end.
        if !matches!(held, Held::Excused(_)) {
            for (sure, right) in truth.confidences(report) {
                self.calibration_worse.note(sure, right);
            }
        }
    }

    /// Counts these as well.
    pub fn add(&mut self, other: Self) {
        for (key, row) in &other.rows {
            self.rows.entry(*key).or_default().add(row);
        }
        for (kind, runs) in &other.runs {
            self.runs.entry(*kind).or_default().add(runs);
        }
        self.healthy.add(other.healthy);
        self.calm.add(other.calm);
        self.calibration.add(&other.calibration);
        self.calibration_worse.add(&other.calibration_worse);
        self.accusations.extend(other.accusations);
        self.wrong.extend(other.wrong);
        self.misses.extend(other.misses);
    }

    /// All rows of one maker, or of both.
    pub fn total(&self, made: Option<Made>) -> Row {
        let mut total = Row::default();
        let rows = self
            .rows
            .iter()
            .filter(|((_, by), _)| made.is_none_or(|m| m == *by));
        rows.for_each(|(_, row)| total.add(row));
        total
    }

    /// All worse captures.
    pub fn all_runs(&self) -> Runs {
        let mut total = Runs::default();
        self.runs.values().for_each(|runs| total.add(runs));
        total
    }

    /// The targets that are missed, in words.
    pub fn missed_targets(&self) -> Vec<String> {
        let total = self.total(None);
        let shares = [
            ("exact cause", total.cause, 98.0),
            ("stage", total.stage, 99.0),
            ("no alarm where nothing is wrong", self.calm, 100.0),
            (
                "no false accusation on worse captures",
                self.all_runs().sound(),
                99.9,
            ),
        ];
        let below = shares.into_iter().filter_map(|(what, share, least)| {
            let percent = share.percent().filter(|p| *p < least)?;
            Some(format!(
                "{what} is {percent:.2} % ({} of {}), not {least} %",
                share.right, share.of
            ))
        });
        below.collect()
    }
}

fn count_attempts(row: &mut Row, case: &Case, compared: &Compared) {
    row.cases += 1;
    for (index, expected) in case.attempt.iter().enumerate() {
        let right = |field| compared.right(index, field);
        row.attempts += 1;
        row.cause.note(right(Field::Cause));
        if expected.cause.is_some() {
            row.faults.note(right(Field::Cause));
        }
        row.stage.note(right(Field::Stage));
        row.outcome.note(right(Field::Outcome));
        if expected.blame.is_some() {
            row.blame.note(right(Field::Blame));
        }
        row.all.note(compared.all_right(index));
    }
    // An attempt that nobody made is wrong in everything.
    for _ in &compared.invented {
        row.attempts += 1;
        let all = [
            &mut row.cause,
            &mut row.stage,
            &mut row.outcome,
            &mut row.all,
        ];
        all.into_iter().for_each(|share| share.note(false));
    }
}
