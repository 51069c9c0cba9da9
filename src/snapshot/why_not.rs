//! What spoke against a cause, as plain data: for `read --why-not CAUSE`.

use super::build::{Parts, captures, clean_long, frames, reported};
use super::clean::clean;
use super::{Capture, TargetInfo, Tool, rfc3339};
use crate::attempt;
use crate::diagnose::why_not::{Answer, Kind, Reason as Found, why_not};
use crate::diagnose::{Judged, Outcome, Rule, rules};
use schemars::JsonSchema;
use serde::Serialize;

/// Name and version of the form.
pub const SCHEMA: &str = "shakedown.why-not/1";

/// What spoke against a cause, attempt by attempt.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WhyNotReport {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// Which program made it.
    pub tool: Tool,
    /// The cause in question.
    pub cause: String,
    /// What it means, in a sentence.
    pub title: String,
    /// The inputs.
    pub captures: Vec<Capture>,
    /// What was looked for.
    pub target: TargetInfo,
    /// The attempts, with the numbers that they have in the report.
    pub attempts: Vec<AttemptAnswer>,
    /// Attempts in the report, those left out here included.
    pub of: usize,
    /// Attempts of the report that are broken, those left out here included.
    pub broken: usize,
}

/// The answer for one attempt.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AttemptAnswer {
    /// Its number in the report.
    pub id: usize,
    /// Index into `captures`; frames are counted in that file.
    pub capture: usize,
    /// The name, or the server's address where no name is known.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Its cause.
    pub cause: Option<String>,
    /// Whether the cause in question was found, and if not, how that came.
    pub answer: Answer,
    /// The reasons, for each path those that apply; never empty.
    pub reasons: Vec<Reason>,
}

/// One reason.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Reason {
    /// What sort.
    pub kind: Kind,
    /// Index into the attempt's `paths` in the report, where it is about one.
    pub path: Option<usize>,
    /// That path's server, with the transport: `tcp 192.0.2.1:443`.
    pub server: Option<String>,
    /// In words, with numbers.
    pub what: String,
    /// The packets that show it.
    pub frames: Vec<u32>,
}

/// A cause that was not found, or does not explain the attempt, and why.
#[derive(Clone, Debug)]
pub struct Rival {
    /// The cause.
    pub cause: &'static str,
    /// What it means, in a sentence.
    pub title: &'static str,
    /// The answer.
    pub answer: AttemptAnswer,
}

/// What spoke against the causes that might stand in the place of the one that `wanted` has: those it is often confused
/// with first, then the others of its stage. Nothing where it has no cause, or is no longer held.
#[must_use]
pub fn rivals(parts: &Parts<'_>, wanted: &super::Attempt) -> Vec<Rival> {
    let Some(own) = wanted.cause.as_deref().and_then(rules::find) else {
        return Vec::new();
    };
    let is = |a: &attempt::Attempt<'_>| {
        a.client.to_string() == wanted.client
            && rfc3339(a.started.time) == wanted.started
            && a.name.as_deref().map(clean) == wanted.name
    };
    let Some((id, attempt, judged)) = reported(parts).find(|(_, a, _)| is(a)) else {
        return Vec::new();
    };
    let confused = own.section("Often confused with").unwrap_or_default();
    let named = |rule: &&'static Rule| confused.contains(rule.id);
    let near = |rule: &&'static Rule| rule.stage == own.stage;
    let others = || rules::all().filter(|rule| rule.id != own.id);
    let first = others().filter(named);
    let rest = others().filter(|rule| near(rule) && !named(rule));
    let rival = |rule: &'static Rule| Rival {
        cause: rule.id,
        title: rule.title(),
        answer: answer(id, attempt, judged, parts, rule),
    };
    first.chain(rest).map(rival).collect()
}

/// What spoke against `rule`, in all attempts or in the one with that number.
#[must_use]
pub fn report(parts: &Parts<'_>, rule: &'static Rule, only: Option<usize>) -> WhyNotReport {
    let wanted = |id: usize| only.is_none_or(|only| only == id);
    let attempts = reported(parts).filter(|(id, ..)| wanted(*id));
    WhyNotReport {
        schema: SCHEMA,
        tool: Tool {
            name: "shakedown",
            version: env!("CARGO_PKG_VERSION"),
        },
        cause: rule.id.to_owned(),
        title: rule.title().to_owned(),
        captures: captures(parts),
        target: TargetInfo {
            profile: clean(parts.profile),
        },
        attempts: attempts
            .map(|(id, a, j)| answer(id, a, j, parts, rule))
            .collect(),
        of: reported(parts).count(),
        broken: reported(parts)
            .filter(|(_, _, j)| j.outcome == Outcome::Broken)
            .count(),
    }
}

fn answer(
    id: usize,
    attempt: &attempt::Attempt<'_>,
    judged: &Judged,
    parts: &Parts<'_>,
    rule: &'static Rule,
) -> AttemptAnswer {
    let found = why_not(rule, attempt, parts.world, judged);
    let address = || attempt.paths.first().map(|p| p.flow.server.to_string());
    let capture = attempt.started.capture;
    let reason = |r: Found| Reason {
        kind: r.kind,
        path: r.path,
        server: r.path.and_then(|p| server(attempt, p)),
        what: clean_long(&r.what),
        frames: frames(&r.marks, capture),
    };
    AttemptAnswer {
        id,
        capture: usize::from(capture.0),
        name: attempt
            .name
            .as_deref()
            .map(clean)
            .or_else(address)
            .unwrap_or_default(),
        outcome: judged.outcome,
        cause: judged.main.map(|m| judged.findings[m].rule.id.to_owned()),
        answer: found.answer,
        reasons: found.reasons.into_iter().map(reason).collect(),
    }
}

fn server(attempt: &attempt::Attempt<'_>, path: usize) -> Option<String> {
    let flow = &attempt.paths.get(path)?.flow;
    let transport = if flow.quic.is_some() { "quic" } else { "tcp" };
    Some(format!("{transport} {}", flow.server))
}
