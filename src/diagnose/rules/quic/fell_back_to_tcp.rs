//! QUIC did not work, and the device had to fall back to TCP.
//!
//! ## What it means
//! The device tried QUIC (the newer way to connect, over UDP) first, that broke, and only then it connected over TCP,
//! which worked. The service can be used, but every first contact costs the time that was spent waiting for QUIC.
//!
//! ## What we look for
//! A QUIC path of the attempt that is called broken (its own cause is named as `inner`), and a TCP path of the same
//! attempt that got through and was begun at least 250 ms after it. TCP that was begun sooner was raced against QUIC,
//! and nothing was lost.
//!
//! ## How sure
//! As sure as the finding about the QUIC path.
//!
//! ## What to do
//! If QUIC got no answer or was forbidden, allow UDP port 443 on the network (firewall, VPN, parental control), or
//! switch QUIC off in the app or browser, so that it does not wait; on mobile data it may work: compare. If the
//! server turned it down, report that to the service.
//!
//! ## Often confused with
//! Happy Eyeballs races, in which several connections are begun at once and the losers are dropped (no fault).
//!
//! ## References
//! RFC 9000 section 5.2, RFC 9114 section 3.1, RFC 9308 section 2, RFC 8305.

use super::common::{HEAD_START, ms};
use crate::attempt::Path;
use crate::diagnose::{
    AttemptContext, Blame, Check, Claim, Finding, JudgedPath, Outcome, Rule, Severity, Stage,
};
use crate::types::Timestamp;

pub(super) static RULE: Rule = Rule {
    id: "quic.fell-back-to-tcp",
    stage: Stage::Quic,
    severity: Severity::Degraded,
    blame: Blame::Path,
    over: &[],
    check: Check::Attempt(check),
    source: include_str!("fell_back_to_tcp.rs"),
};

/// A path with its index and judgement.
type Judged<'c> = (usize, &'c Path<'c>, &'c JudgedPath);

fn check(context: &AttemptContext<'_>) -> Vec<Claim> {
    fallback(context).into_iter().collect()
}

fn fallback(context: &AttemptContext<'_>) -> Option<Claim> {
    let paths = || {
        let both = context.attempt.paths.iter().zip(context.paths);
        both.enumerate().map(|(i, (p, j))| (i, p, j))
    };
    let quic_works = paths().any(|(_, p, j)| p.flow.quic.is_some() && works(j));
    if quic_works {
        return None;
    }
    let broken = paths().filter_map(|path| Some((path, inner(context, &path)?)));
    let ((index, quic, _), finding) = broken.min_by_key(|((_, p, _), _)| p.flow.first.time)?;
    let since = waiting_since(quic, finding);
    let tcp = paths()
        .filter(|(_, p, j)| p.flow.tcp.is_some() && works(j))
        .map(|(_, p, _)| p)
        .min_by_key(|p| p.flow.first.time)?;
    let begun = tcp_begun(context, since);
    if tcp.flow.first.time <= since.plus(HEAD_START) {
        return None;
    }
    let cost = begun.unwrap_or(tcp.flow.first.time).since(since);
    let what = format!(
        "QUIC to {} did not work ({}); TCP to {} was begun {} later and did",
        quic.flow.server,
        finding.rule.id,
        tcp.flow.server,
        ms(cost),
    );
    let won = [Some(tcp.flow.first), tcp.progress.secured];
    let marks = finding.claim.marks.iter().copied();
    let marks = marks.take(12).chain(won.into_iter().flatten());
    Some(
        Claim::new(what, finding.claim.confidence, marks)
            .with("inner", finding.rule.id)
            .with("cost_ms", (cost.as_secs_f64() * 1e4).round() / 10.0)
            .blaming(finding.blame())
            .on_path(index),
    )
}

fn works(judged: &JudgedPath) -> bool {
    matches!(judged.outcome, Outcome::Ok | Outcome::Degraded)
}

/// Why this QUIC path is broken, if it is.
fn inner<'c>(context: &AttemptContext<'c>, path: &Judged<'_>) -> Option<&'c Finding> {
    let (_, flow, judged) = path;
    if flow.flow.quic.is_none() || judged.outcome != Outcome::Broken {
        return None;
    }
    context.findings.get(judged.finding?)
}

/// When the time lost on QUIC begins: with its first packet, or, where it worked at first, with the first of the
/// packets that show the break.
fn waiting_since(quic: &Path<'_>, finding: &Finding) -> Timestamp {
    let broke = finding.claim.marks.iter().map(|m| m.time).min();
    match (quic.progress.succeeded(), broke) {
        (Some(_), Some(broke)) => broke,
        _ => quic.flow.first.time,
    }
}

/// The first TCP path that was begun after the head start, whether it worked or not: what it lost itself is not
/// QUIC's fault.
fn tcp_begun(context: &AttemptContext<'_>, since: Timestamp) -> Option<Timestamp> {
    let paths = context.attempt.paths.iter();
    paths
        .filter(|p| p.flow.tcp.is_some())
        .map(|p| p.flow.first.time)
        .filter(|&t| t > since.plus(HEAD_START))
        .min()
}
