//! Runs the rules over an attempt and decides how it ended.
//!
//! 1. Path rules; each path gets its outcome from its milestones and what was found on it.
//! 2. Lookup rules.
//! 3. The attempt's outcome.
//! 4. Rules over the whole attempt.
//!    (Broken, unless a connection that worked may be its own: see `kin`.)
//! 5. The finding that explains the rest.

use super::kin::may_have_got_through;
use super::rules::all;
use super::terms::{Blame, Outcome, Severity, Stage};
use super::{AttemptContext, Check, Claim, PathContext, Rule, World};
use crate::attempt::{Attempt, MatchedBy, Reach};
use crate::types::{Mark, Side};
use std::time::Duration;

/// A claim with the rule that made it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// What it says.
    pub claim: Claim,
}

impl Finding {
    /// How bad.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.claim.severity.unwrap_or(self.rule.severity)
    }

    /// Whom it points at.
    #[must_use]
    pub fn blame(&self) -> Blame {
        self.claim.blame.unwrap_or(self.rule.blame)
    }
}

/// How a path ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JudgedPath {
    /// How it ended.
    pub outcome: Outcome,
    /// Index of the finding that says why, in the attempt's findings.
    pub finding: Option<usize>,
    /// How far it got.
    pub reach: Reach,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub struct Judged {
    /// How it ended.
    pub outcome: Outcome,
    /// Index of the finding that explains the rest.
    pub main: Option<usize>,
    /// Each path.
    pub paths: Vec<JudgedPath>,
    /// All that was found.
    pub findings: Vec<Finding>,
}

/// A lookup that was answered this long before the end of the capture, without a connection: the client did
/// not want one. Less, and it may still come.
const CONNECT_DUE: Duration = Duration::from_secs(1);

/// Judges one attempt.
#[must_use]
pub fn judge(attempt: &Attempt<'_>, world: &World<'_>) -> Judged {
    let mut findings = Vec::new();
    let mut paths = Vec::new();
    for index in 0..attempt.paths.len() {
        let judged = judge_path(attempt, index, world, &mut findings);
        paths.push(judged);
    }
    run_lookup_rules(attempt, world, &paths, &mut findings);
    let outcome = outcome_of(attempt, world, &paths, &findings);
    run_attempt_rules(attempt, world, &paths, outcome, &mut findings);
    let outcome = outcome_aside(attempt, outcome, &findings);
    let outcome = outcome_of_lost_names(attempt, world, outcome, &mut findings);
    let main = main_finding(outcome, &paths, &findings);
    let outcome = refine(outcome, main, &findings);
    Judged {
        outcome,
        main: main.filter(|_| !matches!(outcome, Outcome::Ok | Outcome::Unfinished)),
        paths,
        findings,
    }
}

fn judge_path(
    attempt: &Attempt<'_>,
    index: usize,
    world: &World<'_>,
    findings: &mut Vec<Finding>,
) -> JudgedPath {
    let path = &attempt.paths[index];
    let context = PathContext {
        attempt,
        path,
        index,
        world,
    };
    let mut own: Vec<Finding> = all()
        .filter_map(|rule| match rule.check {
            Check::Path(check) => {
                let mut claim = check(&context)?;
                claim.path = Some(index);
                Some(Finding { rule, claim })
            }
            _ => None,
        })
        .collect();
    overrule(&mut own);
    let first = findings.len();
    let best = strongest(&own);
    findings.append(&mut own);
    let finding = best.map(|b| first + b);
    let worst = finding.map(|f| findings[f].severity());
    JudgedPath {
        outcome: path_outcome(&context, worst),
        finding,
        reach: path.progress.reach,
    }
}

/// A path that got through is ok however it ended; one that a rule calls broken is broken.
fn path_outcome(context: &PathContext<'_>, worst: Option<Severity>) -> Outcome {
    let progress = &context.path.progress;
    match worst {
        Some(Severity::Broken) => return Outcome::Broken,
        Some(Severity::Degraded) if progress.reach >= Reach::Secured => return Outcome::Degraded,
        _ => {}
    }
    match progress.reach {
        Reach::Secured | Reach::Through => Outcome::Ok,
        _ if given_up(context) => Outcome::Abandoned,
        _ => Outcome::Unfinished,
    }
}

/// The client left it: it closed the connection itself, or a sibling had won and it was quiet since.
fn given_up(context: &PathContext<'_>) -> bool {
    let closed = context
        .tcp()
        .is_some_and(|t| t.half.0[0].fin.is_some() || t.reset_from(Side::Client).is_some());
    let closed = closed || context.path.progress.ended.is_some();
    // Of a connection seen from one side only, the other side's part is not known.
    // What the snap length hides may have been anything.
    let told = context.path.flow.two_way() && !context.path.is_hidden();
    closed && told || context.sibling_won().is_some()
}

fn run_lookup_rules(
    attempt: &Attempt<'_>,
    world: &World<'_>,
    paths: &[JudgedPath],
    findings: &mut Vec<Finding>,
) {
    let context = AttemptContext {
        attempt,
        paths,
        findings,
        outcome: None,
        world,
    };
    let mut own: Vec<Finding> = all()
        .filter_map(|rule| match rule.check {
            Check::Lookups(check) => Some(Finding {
                rule,
                claim: check(&context)?,
            }),
            _ => None,
        })
        .collect();
    overrule(&mut own);
    findings.append(&mut own);
}

fn run_attempt_rules(
    attempt: &Attempt<'_>,
    world: &World<'_>,
    paths: &[JudgedPath],
    outcome: Outcome,
    findings: &mut Vec<Finding>,
) {
    let context = AttemptContext {
        attempt,
        paths,
        findings,
        outcome: Some(outcome),
        world,
    };
    let mut own: Vec<Finding> = Vec::new();
    for rule in all() {
        if let Check::Attempt(check) = rule.check {
            own.extend(
                check(&context)
                    .into_iter()
                    .map(|claim| Finding { rule, claim }),
            );
        }
    }
    findings.append(&mut own);
}

/// Drops what another finding decides over.
fn overrule(findings: &mut Vec<Finding>) {
    let over: Vec<&str> = findings
        .iter()
        .flat_map(|f| f.rule.over.iter().chain(f.claim.over))
        .copied()
        .collect();
    findings.retain(|f| !over.contains(&f.rule.id));
}

/// The worst, and of those the surest; the first of equals.
fn strongest(findings: &[Finding]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (i, f) in findings.iter().enumerate() {
        let better = best.is_none_or(|b| {
            let b = &findings[b];
            (f.severity(), f.claim.confidence) > (b.severity(), b.claim.confidence)
        });
        if better {
            best = Some(i);
        }
    }
    best
}

fn outcome_of(
    attempt: &Attempt<'_>,
    world: &World<'_>,
    paths: &[JudgedPath],
    findings: &[Finding],
) -> Outcome {
    let has = |outcome| paths.iter().any(|p| p.outcome == outcome);
    let dns_broke = findings
        .iter()
        .any(|f| f.rule.stage == Stage::Dns && f.severity() == Severity::Broken);
    // What got through got to the service, unless a lookup rule says that it was somebody else (a block page).
    if !dns_broke && got_through(attempt, paths) {
        return Outcome::Ok; // refined once all findings are known
    }
    if paths.is_empty() {
        return if dns_broke {
            Outcome::Broken
        } else {
            lookups_only(attempt, world)
        };
    }
    if has(Outcome::Unfinished) && !dns_broke {
        return Outcome::Unfinished;
    }
    if dns_broke {
        return Outcome::Broken;
    }
    if has(Outcome::Broken) {
        // Beside a path that broke, one that can't be read is not one that failed.
        let both = attempt.paths.iter().zip(paths);
        let mut left = both.filter(|(_, judged)| judged.outcome == Outcome::Abandoned);
        return match left.any(|(path, _)| path.is_unreadable()) {
            true => Outcome::Unfinished,
            false => Outcome::Broken,
        };
    }
    // Only connections that the client gave up: fine where they stood unused, unknown where the client was waiting for
    // something, or in the middle of a handshake. A QUIC connection stands when its handshake is over, and is not given
    // up then.
    let stood = |(path, judged): (&crate::attempt::Path<'_>, &JudgedPath)| {
        let tcp = path.flow.tcp.as_deref();
        let idle = judged.reach == Reach::Connected && path.progress.requested.is_none();
        let served = tcp.is_some_and(|t| t.half[Side::Server].first_data.is_some());
        let shaking = matches!(judged.reach, Reach::Greeted | Reach::Answered);
        let under_way = shaking && !path.is_unreadable();
        judged.reach >= Reach::Connected && tcp.is_some() && (idle || served) && !under_way
    };
    if attempt.paths.iter().zip(paths).any(stood) {
        Outcome::Ok
    } else {
        Outcome::Unfinished
    }
}

/// A path got through, and not only to lead to another one that did not.
fn got_through(attempt: &Attempt<'_>, paths: &[JudgedPath]) -> bool {
    let both = || attempt.paths.iter().zip(paths);
    let failed =
        |judged: &JudgedPath| matches!(judged.outcome, Outcome::Broken | Outcome::Unfinished);
    let through = |judged: &JudgedPath| matches!(judged.outcome, Outcome::Ok | Outcome::Degraded);
    both()
        .filter(|(_, judged)| through(judged))
        .any(|(path, _)| !both().any(|(next, judged)| failed(judged) && path.only_led_to(next)))
}

/// A connection to an encrypted resolver that fails is broken only where a rule says that names could not be resolved
/// for it: many clients just probe whether their resolver offers encryption. A request that looks for a captive portal
/// is broken only where it found one: whether the probe's own server works is of no interest.
fn outcome_aside(attempt: &Attempt<'_>, outcome: Outcome, findings: &[Finding]) -> Outcome {
    let to_resolver = attempt.matched_by == MatchedBy::Resolver;
    let dns_broke = lookup_break(findings).is_some();
    let portal = findings.iter().any(|f| f.rule.id == "http.captive-portal");
    let only_probed = attempt.matched_by == MatchedBy::Portal && !portal;
    match outcome {
        Outcome::Broken if to_resolver && !dns_broke || only_probed => Outcome::Unfinished,
        Outcome::Unfinished if to_resolver && dns_broke => Outcome::Broken,
        other => other,
    }
}

/// Where a connection that worked may be the attempt's own and the capture lacks what would tell, nobody knows how it
/// ended: what was found is noted, and breaks nothing.
fn outcome_of_lost_names(
    attempt: &Attempt<'_>,
    world: &World<'_>,
    outcome: Outcome,
    findings: &mut [Finding],
) -> Outcome {
    let aside = matches!(attempt.matched_by, MatchedBy::Resolver | MatchedBy::Portal);
    let reached = attempt
        .paths
        .iter()
        .any(|p| p.progress.reach >= Reach::Greeted);
    if outcome != Outcome::Broken || aside || reached || !may_have_got_through(attempt, world) {
        return outcome;
    }
    for finding in findings.iter_mut() {
        finding.claim.severity = Some(finding.severity().min(Severity::Note));
    }
    Outcome::Unfinished
}

/// No connection followed the lookups: a name resolved ahead of need, or the capture ends too soon.
fn lookups_only(attempt: &Attempt<'_>, world: &World<'_>) -> Outcome {
    let answered = attempt
        .lookups
        .iter()
        .filter_map(|l| l.answered())
        .map(|r| r.mark)
        .max_by_key(|m| m.time);
    match answered {
        Some(at) if world.after(at) >= CONNECT_DUE => Outcome::Ok,
        _ => Outcome::Unfinished,
    }
}

/// The break that explains the rest: a poisoned, sinkholed or filtered answer before the connection that
/// fails for it; else the break of the path that got furthest, TCP before QUIC, then the surest.
fn main_finding(outcome: Outcome, paths: &[JudgedPath], findings: &[Finding]) -> Option<usize> {
    match outcome {
        Outcome::Broken => lookup_break(findings).or_else(|| furthest_break(paths, findings)),
        Outcome::Ok => costliest(findings),
        _ => None,
    }
}

fn lookup_break(findings: &[Finding]) -> Option<usize> {
    findings
        .iter()
        .position(|f| f.rule.stage == Stage::Dns && f.severity() == Severity::Broken)
        .and_then(|_| {
            best_of(findings, |f| {
                f.rule.stage == Stage::Dns && f.severity() == Severity::Broken
            })
        })
}

fn best_of(findings: &[Finding], wanted: impl Fn(&Finding) -> bool) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (i, f) in findings.iter().enumerate().filter(|(_, f)| wanted(f)) {
        if best.is_none_or(|b| f.claim.confidence > findings[b].claim.confidence) {
            best = Some(i);
        }
    }
    best
}

fn furthest_break(paths: &[JudgedPath], findings: &[Finding]) -> Option<usize> {
    let mut best: Option<(Reach, bool, f64, usize)> = None;
    for path in paths.iter().filter(|p| p.outcome == Outcome::Broken) {
        let Some(index) = path.finding else { continue };
        let f = &findings[index];
        let key = (
            path.reach,
            f.rule.stage != Stage::Quic,
            f.claim.confidence,
            index,
        );
        let better = best.is_none_or(|b| {
            (key.0, key.1) > (b.0, b.1) || ((key.0, key.1) == (b.0, b.1) && key.2 > b.2)
        });
        if better {
            best = Some(key);
        }
    }
    best.map(|b| b.3)
}

/// What spoilt an attempt that got through: a finding about the whole attempt before one about a single path,
/// the most expensive first. A path that broke beside one that worked counts as well.
fn costliest(findings: &[Finding]) -> Option<usize> {
    let degraded = findings
        .iter()
        .enumerate()
        .filter(|(_, f)| f.severity() == Severity::Degraded)
        .max_by(|(i, a), (j, b)| cost(a).total_cmp(&cost(b)).then(j.cmp(i)))
        .map(|(i, _)| i);
    degraded.or_else(|| best_of(findings, |f| f.severity() == Severity::Broken))
}

/// Milliseconds that a finding says it cost.
fn cost(finding: &Finding) -> f64 {
    ["cost_ms", "took_ms", "gap_ms"]
        .iter()
        .find_map(|k| finding.claim.extra.get(*k)?.as_f64())
        .unwrap_or(0.0)
}

fn refine(outcome: Outcome, main: Option<usize>, findings: &[Finding]) -> Outcome {
    match (outcome, main.map(|m| findings[m].severity())) {
        (Outcome::Ok, Some(Severity::Degraded | Severity::Broken)) => Outcome::Degraded,
        (other, _) => other,
    }
}

/// Marks in time order, each once.
#[must_use]
pub fn ordered(marks: &[Mark]) -> Vec<Mark> {
    let mut marks = marks.to_vec();
    marks.sort_by_key(|m| (m.capture, m.frame));
    marks.dedup();
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn rule(id: &'static str) -> Rule {
        Rule {
            id,
            stage: Stage::Tls,
            severity: Severity::Broken,
            blame: Blame::Unknown,
            over: &[],
            check: Check::Path(|_| None),
            source: "",
        }
    }

    static ONE: Rule = rule("test.one");
    static OTHER: Rule = rule("test.other");

    #[test]
    fn a_claim_decides_over_others_besides_its_rule() {
        let left = |over| {
            let claim = Claim::new("", 0.5, []);
            let mut findings = vec![
                Finding {
                    rule: &ONE,
                    claim: claim.clone().deciding_over(over),
                },
                Finding {
                    rule: &OTHER,
                    claim,
                },
            ];
            overrule(&mut findings);
            findings.iter().map(|f| f.rule.id).collect::<Vec<_>>()
        };
        assert_eq!(left(&[]), ["test.one", "test.other"]);
        assert_eq!(left(&["test.other"]), ["test.one"]);
    }
}
