//! The judgement: rules over the facts of an attempt.
//!
//! One diagnosis is one file under `diagnose/rules/`; [`rules`] has their index. A rule looks at one
//! path, at an attempt's lookups, or at the whole attempt, and makes a [`Claim`] or stays silent. What it
//! says always rests on packets that it names. [`judge()`] runs the rules, decides how each path and the attempt
//! ended, and picks the finding that explains the rest.

pub mod context;
pub mod judge;
mod kin;
pub mod rules;
pub mod terms;
pub mod thresholds;
pub mod why_not;

use crate::fact::icmp::IcmpError;
use crate::types::Mark;
pub use context::{AttemptContext, PathContext, Silence, World};
pub use judge::{Finding, Judged, JudgedPath, judge};
use serde_json::{Map, Value};
pub use terms::{Blame, Outcome, Severity, Stage};
pub use thresholds::Thresholds;

/// One diagnosis: its name, its defaults, its condition and its doc.
#[derive(Debug)]
pub struct Rule {
    /// The cause, as in reports and `explain`. Never changes its meaning.
    pub id: &'static str,
    /// Where in the sequence it belongs.
    pub stage: Stage,
    /// How bad it is.
    pub severity: Severity,
    /// Whom it points at, as long as nothing moves it.
    pub blame: Blame,
    /// Causes that this one decides over, when both hold for the same path (or attempt).
    pub over: &'static [&'static str],
    /// The condition.
    pub check: Check,
    /// The rule's own file; its leading `//!` lines are the text of `explain`.
    pub source: &'static str,
}

/// What a rule looks at, in the order in which the kinds run.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// One path, on its own facts (siblings and the rest of the capture as controls).
    Path(fn(&PathContext<'_>) -> Option<Claim>),
    /// The attempt's lookups, once its paths are judged.
    Lookups(fn(&AttemptContext<'_>) -> Option<Claim>),
    /// The attempt as a whole, once its outcome is known.
    Attempt(fn(&AttemptContext<'_>) -> Vec<Claim>),
}

/// What a rule says.
#[derive(Clone, Debug, Default)]
pub struct Claim {
    /// What was seen, with numbers, in a sentence or two.
    pub what: String,
    /// The packets that show it, the decisive ones first.
    pub marks: Vec<Mark>,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// Whom it points at, where that differs from the rule's default.
    pub blame: Option<Blame>,
    /// How bad, where that differs from the rule's default.
    pub severity: Option<Severity>,
    /// Index of the path it is about, for claims about a whole attempt.
    pub path: Option<usize>,
    /// Indices of the attempt's lookups that it is about.
    pub lookups: Vec<usize>,
    /// The fields of that cause.
    pub extra: Map<String, Value>,
    /// Causes that this very claim decides over, besides those of its rule: where only some evidence settles it.
    pub over: &'static [&'static str],
}

impl Claim {
    /// A claim with what was seen, how sure, and the packets that show it.
    #[must_use]
    pub fn new(
        what: impl Into<String>,
        confidence: f64,
        marks: impl IntoIterator<Item = Mark>,
    ) -> Self {
        Self {
            what: what.into(),
            marks: marks.into_iter().collect(),
            confidence,
            ..Self::default()
        }
    }

    /// Adds a field.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(key.to_owned(), value.into());
        self
    }

    /// Decides over these causes as well, when they hold for the same path.
    #[must_use]
    pub fn deciding_over(mut self, causes: &'static [&'static str]) -> Self {
        self.over = causes;
        self
    }

    /// Points at someone else than the rule's default.
    #[must_use]
    pub fn blaming(mut self, blame: Blame) -> Self {
        self.blame = Some(blame);
        self
    }

    /// Is worse or less bad than the rule's default.
    #[must_use]
    pub fn as_severe_as(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// Is about one path of the attempt.
    #[must_use]
    pub fn on_path(mut self, path: usize) -> Self {
        self.path = Some(path);
        self
    }

    /// Is about these lookups of the attempt.
    #[must_use]
    pub fn on_lookups(mut self, lookups: impl IntoIterator<Item = usize>) -> Self {
        self.lookups = lookups.into_iter().collect();
        self
    }
}

/// An ICMP error as the field `icmp` of a finding: type, code and sender.
#[must_use]
pub fn icmp_field(error: &IcmpError) -> Value {
    serde_json::json!({
        "type": error.kind,
        "code": error.code,
        "from": error.from.to_string(),
    })
}

impl Rule {
    /// The rule's doc: the leading `//!` lines of its file, without the markers.
    #[must_use]
    pub fn doc(&self) -> String {
        self.source
            .lines()
            .take_while(|l| l.starts_with("//!"))
            .map(|l| l.trim_start_matches("//!").strip_prefix(' ').unwrap_or(""))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The first line of the doc: what it is, in one sentence.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.source
            .lines()
            .next()
            .map_or("", |l| l.trim_start_matches("//!").trim())
    }

    /// The text of one section of the doc (`## What to do`), without its heading.
    #[must_use]
    pub fn section(&self, heading: &str) -> Option<String> {
        let doc = self.doc();
        let mut lines = doc.lines().skip_while(|l| *l != format!("## {heading}"));
        lines.next()?;
        let text: Vec<&str> = lines.take_while(|l| !l.starts_with("## ")).collect();
        Some(text.join("\n").trim().to_owned())
    }
}
