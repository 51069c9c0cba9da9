//! One address of the name failed, and the device had to fall back to another.
//!
//! ## What it means
//! The name has several addresses (or both IPv4 and IPv6 ones). A connection to one of them failed, one to another
//! worked. The user notices the time that the failing one cost, again at every connection.
//!
//! ## What we look for
//! In one attempt, a TCP path that broke and a path to another address that began later and got through. The cost is
//! the time from the first packet of the one to the first packet of the other. A connection that lost a race within
//! two seconds did not break, and is not meant.
//!
//! ## How sure
//! As sure as the finding on the path that broke.
//!
//! ## What to do
//! Nothing at once: it worked. If every connection is slow to start, and the failing address is an IPv6 one, check
//! IPv6 on your network. Otherwise tell the service which of its addresses is dead.
//!
//! ## Often confused with
//! tcp.slow-connect (the same address answered late), quic.fell-back-to-tcp (another transport, not another address).
//!
//! ## References
//! RFC 8305, RFC 6724.

use crate::attempt::Path;
use crate::diagnose::{
    AttemptContext, Blame, Check, Claim, Finding, JudgedPath, Outcome, Rule, Severity, Stage,
};
use crate::flow::PathTransport;
use crate::types::Addr;

pub(super) static RULE: Rule = Rule {
    id: "tcp.failover",
    stage: Stage::Tcp,
    severity: Severity::Degraded,
    blame: Blame::Edge,
    over: &[],
    check: Check::Attempt(check),
    source: include_str!("failover.rs"),
};

fn check(context: &AttemptContext<'_>) -> Vec<Claim> {
    let mut told: Vec<Addr> = Vec::new();
    let mut claims = Vec::new();
    for (index, path, finding) in failures(context) {
        let address = path.flow.server.addr;
        let Some(winner) = successor(context, path).filter(|_| !told.contains(&address)) else {
            continue;
        };
        told.push(address);
        claims.push(claim(path, winner, finding).on_path(index));
    }
    claims
}

/// TCP paths that broke, with what broke them.
fn failures<'a>(
    context: &'a AttemptContext<'_>,
) -> impl Iterator<Item = (usize, &'a Path<'a>, &'a Finding)> {
    let judged = context.attempt.paths.iter().zip(context.paths).enumerate();
    judged.filter_map(|(index, (path, verdict))| {
        let broken = verdict.outcome == Outcome::Broken;
        let finding = context.findings.get(verdict.finding?)?;
        (broken && path.flow.transport == PathTransport::Tcp).then_some((index, path, finding))
    })
}

/// The first path to another address that got through; none where one had begun before the failing one.
fn successor<'a>(context: &'a AttemptContext<'_>, failed: &Path<'_>) -> Option<&'a Path<'a>> {
    let worked = |verdict: &JudgedPath| matches!(verdict.outcome, Outcome::Ok | Outcome::Degraded);
    let judged = context.attempt.paths.iter().zip(context.paths);
    let winner = judged
        .filter(|(path, verdict)| worked(verdict) && path.progress.succeeded().is_some())
        .map(|(path, _)| path)
        .filter(|path| path.flow.server.addr != failed.flow.server.addr)
        .min_by_key(|path| path.flow.first.time)?;
    (winner.flow.first.time >= failed.flow.first.time).then_some(winner)
}

fn claim(failed: &Path<'_>, winner: &Path<'_>, finding: &Finding) -> Claim {
    let (from, to) = (&failed.flow, &winner.flow);
    let cost = to.first.time.since(from.first.time).as_secs_f64() * 1e3;
    let family = match (from.is_v4(), to.is_v4()) {
        (false, true) => " (IPv6 failed, IPv4 worked)",
        (true, false) => " (IPv4 failed, IPv6 worked)",
        _ => "",
    };
    let spent = match cost {
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1000.0),
    };
    let what = format!(
        "{} failed ({}), {} worked{family}; {spent} went by before that was tried",
        from.server, finding.rule.id, to.server,
    );
    let marks = finding.claim.marks.iter().copied().take(8);
    let marks = marks.chain([to.first]).chain(winner.progress.connected);
    Claim::new(what, finding.claim.confidence, marks)
        .blaming(finding.blame())
        .with("address", from.server.addr.to_string())
        .with("cost_ms", (cost * 10.0).round() / 10.0)
}
