//! Why a cause was *not* named for an attempt: what spoke against it, with numbers and packets.
//!
//! First the facts of the judgement: the cause was found after all, or its condition held and another cause decides over
//! it. Else the conditions that its rule needs are gone through by name (`rules/<family>/why_not.rs`), and those that do
//! not hold are told. Each of them is necessary for the rule, never a guess at its reasons: where a rule fires, none of
//! them may be unmet, which a test holds against every fixture. Where all of them hold and the rule is silent all the
//! same, just that is said, with the rule's own words on what it looks for.

use super::judge::Finding;
use super::rules::{capture, dns, http, media, quic, tcp, tls};
use super::terms::{Outcome, Severity, Stage};
use super::{AttemptContext, Check, Judged, PathContext, Rule, Silence, World};
use crate::attempt::Attempt;
use crate::types::Mark;
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// Paths of an attempt that are gone through; the others are counted.
const MAX_PATHS: usize = 16;

/// The answer for one attempt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is the attempt's cause.
    Named,
    /// It was found, but something else explains the attempt, or it is only a note.
    Found,
    /// Its condition holds, and a cause found for the same path (or the same lookups) decides over it.
    Overruled,
    /// What it needs is not there, or something was seen that rules it out.
    NotMet,
    /// Nothing rules it out, but the capture lacks what would show it.
    Unseen,
    /// The conditions that have a name hold; the rule is silent for a detail.
    Silent,
}

/// What sort of reason.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It was found.
    Found,
    /// Another cause decides over it, or explains the attempt.
    Rival,
    /// Something was seen that rules it out.
    Against,
    /// What it needs did not happen.
    Missing,
    /// The capture can't show what it needs.
    Unseen,
    /// No condition with a name is unmet.
    Detail,
}

impl Kind {
    /// In a word or two, for a person.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Rival => "instead",
            Self::Against => "against it",
            Self::Missing => "missing",
            Self::Unseen => "not to be seen",
            Self::Detail => "not met",
        }
    }
}

/// One reason.
#[derive(Clone, Debug)]
pub struct Reason {
    /// What sort.
    pub kind: Kind,
    /// Index of the path it is about.
    pub path: Option<usize>,
    /// In words, with numbers. Untrusted text may be in it.
    pub what: String,
    /// The packets that show it.
    pub marks: Vec<Mark>,
}

/// Why a cause was not named for an attempt.
#[derive(Clone, Debug)]
pub struct WhyNot {
    /// The answer.
    pub answer: Answer,
    /// Its reasons; never empty.
    pub reasons: Vec<Reason>,
}

/// Collects the conditions that do not hold.
#[derive(Debug, Default)]
pub struct Unmet(pub Vec<Reason>);

impl Unmet {
    fn push(&mut self, kind: Kind, what: impl Into<String>, marks: impl IntoIterator<Item = Mark>) {
        self.0.push(Reason {
            kind,
            path: None,
            what: what.into(),
            marks: marks.into_iter().collect(),
        });
    }

    /// Something was seen that rules it out.
    pub fn against(&mut self, what: impl Into<String>, marks: impl IntoIterator<Item = Mark>) {
        self.push(Kind::Against, what, marks);
    }

    /// What it needs did not happen.
    pub fn missing(&mut self, what: impl Into<String>) {
        self.push(Kind::Missing, what, []);
    }

    /// The capture can't show what it needs.
    pub fn unseen(&mut self, what: impl Into<String>) {
        self.push(Kind::Unseen, what, []);
    }

    /// Silence after these tries can't be claimed.
    pub fn silence(&mut self, silence: Silence, last: Option<Mark>, left: Duration) {
        match silence {
            Silence::Proven { .. } => {}
            Silence::Unprovable => self.unseen(
                "the capture shows no packets towards this device, so that nothing came back proves nothing",
            ),
            Silence::TooShort => self.push(
                Kind::Unseen,
                format!(
                    "only {} of waiting follow the last try; silence takes two tries that each wait 1 s (or three round \
                     trips), or one that waits 3 s",
                    span(left)
                ),
                last,
            ),
        }
    }
}

/// Goes through the reasons for one attempt. `judged` is the judgement of the same attempt in the same world.
#[must_use]
pub fn why_not(
    rule: &'static Rule,
    attempt: &Attempt<'_>,
    world: &World<'_>,
    judged: &Judged,
) -> WhyNot {
    let mut reasons = found(rule, judged);
    if reasons.is_empty() {
        let context = AttemptContext {
            attempt,
            paths: &judged.paths,
            findings: &judged.findings,
            outcome: Some(plain(judged.outcome)),
            world,
        };
        match rule.check {
            Check::Path(check) => by_path(rule, check, &context, &mut reasons),
            Check::Lookups(check) => {
                // As the rules over lookups see it: before the attempt has an outcome.
                let context = AttemptContext {
                    outcome: None,
                    ..context
                };
                let overruled = check(&context).is_some();
                add(
                    rule,
                    overruled,
                    lookups(rule, &context),
                    &context,
                    None,
                    &mut reasons,
                );
            }
            Check::Attempt(_) => {
                let unmet = whole(rule, &context);
                add(rule, false, unmet, &context, None, &mut reasons);
            }
        }
        // Said already where it is what decides over it.
        if !reasons.iter().any(|r| r.kind == Kind::Rival) {
            reasons.extend(explains(judged));
        }
    }
    WhyNot {
        answer: answer(rule, judged, &reasons),
        reasons,
    }
}

/// Rules over the whole attempt ran before `degraded` was told from `ok`.
fn plain(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Degraded => Outcome::Ok,
        other => other,
    }
}

fn answer(rule: &Rule, judged: &Judged, reasons: &[Reason]) -> Answer {
    let main = judged.main.map(|m| judged.findings[m].rule.id);
    let has = |kind| reasons.iter().any(|r| r.kind == kind);
    let overruled = |r: &Reason| r.kind == Kind::Rival && r.what.starts_with(OVERRULED);
    if main == Some(rule.id) {
        Answer::Named
    } else if has(Kind::Found) {
        Answer::Found
    } else if reasons.iter().any(overruled) {
        Answer::Overruled
    } else if has(Kind::Detail) {
        Answer::Silent
    } else if has(Kind::Unseen) {
        Answer::Unseen
    } else {
        Answer::NotMet
    }
}

fn found(rule: &Rule, judged: &Judged) -> Vec<Reason> {
    let main = judged.main.map(|m| &judged.findings[m]);
    let own = judged.findings.iter().filter(|f| f.rule.id == rule.id);
    own.map(|f| {
        let so = match main {
            Some(main) if main.rule.id == rule.id => ": it is what explains the attempt".to_owned(),
            _ if f.severity() == Severity::Note => ", as a note: nothing was lost by it".to_owned(),
            Some(main) => format!(", but {} explains the attempt", main.rule.id),
            None => String::new(),
        };
        Reason {
            kind: Kind::Found,
            path: f.claim.path,
            what: format!("it was found{so}: {}", f.claim.what),
            marks: f.claim.marks.clone(),
        }
    })
    .collect()
}

fn by_path(
    rule: &'static Rule,
    check: fn(&PathContext<'_>) -> Option<super::Claim>,
    context: &AttemptContext<'_>,
    reasons: &mut Vec<Reason>,
) {
    let attempt = context.attempt;
    if attempt.paths.is_empty() {
        let mut unmet = Unmet::default();
        unmet.missing("no connection was tried in this attempt");
        reasons.append(&mut unmet.0);
        return;
    }
    for (index, path) in attempt.paths.iter().enumerate().take(MAX_PATHS) {
        let of_path = PathContext {
            attempt,
            path,
            index,
            world: context.world,
        };
        let overruled = check(&of_path).is_some();
        let unmet = conditions(rule, &of_path);
        add(rule, overruled, unmet, context, Some(index), reasons);
    }
    if attempt.paths.len() > MAX_PATHS {
        let mut unmet = Unmet::default();
        let rest = attempt.paths.len() - MAX_PATHS;
        unmet.missing(format!(
            "it was found on none of the {rest} other connections of this attempt"
        ));
        reasons.append(&mut unmet.0);
    }
}

const OVERRULED: &str = "its condition holds, but ";

fn add(
    rule: &'static Rule,
    holds: bool,
    unmet: Vec<Reason>,
    context: &AttemptContext<'_>,
    path: Option<usize>,
    reasons: &mut Vec<Reason>,
) {
    let of_path = |f: &&Finding| path.is_none() || f.claim.path == path;
    let decides = |f: &&Finding| {
        let mut over = f.rule.over.iter().chain(f.claim.over);
        over.any(|id| *id == rule.id)
    };
    let stronger = context.findings.iter().filter(of_path).find(decides);
    if let (true, Some(stronger)) = (holds, stronger) {
        reasons.push(Reason {
            kind: Kind::Rival,
            path,
            what: format!(
                "{OVERRULED}{} decides over it: {}",
                stronger.rule.id, stronger.claim.what
            ),
            marks: stronger.claim.marks.clone(),
        });
        return;
    }
    if unmet.is_empty() {
        let looks_for = rule.section("What we look for").unwrap_or_default();
        let looks_for = looks_for.split_whitespace().collect::<Vec<_>>().join(" ");
        reasons.push(Reason {
            kind: Kind::Detail,
            path,
            what: format!(
                "none of its conditions that have a name is unmet, and the rule is silent all the same; it looks for: \
                 {looks_for}"
            ),
            marks: Vec::new(),
        });
    }
    reasons.extend(unmet.into_iter().map(|r| Reason { path, ..r }));
}

/// What explains the attempt instead.
fn explains(judged: &Judged) -> Option<Reason> {
    let main = &judged.findings[judged.main?];
    Some(Reason {
        kind: Kind::Rival,
        path: main.claim.path,
        what: format!(
            "the attempt is explained by {}: {}",
            main.rule.id, main.claim.what
        ),
        marks: main.claim.marks.clone(),
    })
}

/// Conditions of a rule over one path that do not hold.
#[must_use]
pub fn conditions(rule: &Rule, context: &PathContext<'_>) -> Vec<Reason> {
    let mut unmet = Unmet::default();
    match rule.stage {
        Stage::Tcp => tcp::why_not::path(rule.id, context, &mut unmet),
        Stage::Tls => tls::why_not::path(rule.id, context, &mut unmet),
        Stage::Quic => quic::why_not::path(rule.id, context, &mut unmet),
        Stage::Http => http::why_not::path(rule.id, context, &mut unmet),
        Stage::Media => media::why_not::path(rule.id, context, &mut unmet),
        Stage::Dns | Stage::Capture => {}
    }
    unmet.0
}

/// Conditions of a rule over the lookups that do not hold.
#[must_use]
pub fn lookups(rule: &Rule, context: &AttemptContext<'_>) -> Vec<Reason> {
    let mut unmet = Unmet::default();
    if rule.stage == Stage::Dns {
        dns::why_not::lookups(rule.id, context, &mut unmet);
    }
    unmet.0
}

/// Conditions of a rule over the whole attempt that do not hold.
#[must_use]
pub fn whole(rule: &Rule, context: &AttemptContext<'_>) -> Vec<Reason> {
    let mut unmet = Unmet::default();
    match rule.stage {
        Stage::Dns => dns::why_not::attempt(rule.id, context, &mut unmet),
        Stage::Tcp => tcp::why_not::attempt(rule.id, context, &mut unmet),
        Stage::Quic => quic::why_not::attempt(rule.id, context, &mut unmet),
        Stage::Capture => capture::why_not::attempt(rule.id, context, &mut unmet),
        Stage::Tls | Stage::Http | Stage::Media => {}
    }
    unmet.0
}

/// A duration in a sentence.
pub(super) fn span(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{:.0} ms", duration.as_secs_f64() * 1e3)
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}
