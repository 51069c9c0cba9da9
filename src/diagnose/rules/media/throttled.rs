//! The transfer sits on a flat ceiling, with losses just above it, while other connections are faster.
//!
//! ## What it means
//! Something on the way lets only so much through for this service and drops the rest: a tariff's limit, a "video
//! saver", or a state's throttling. The video plays in poor quality or keeps loading.
//!
//! ## What we look for
//! At least 10 s of continuous download whose rate varies little (a quarter at most, the first second aside), 1 % of
//! lost segments or more, again and again over at least half of that time, and another connection of the same device
//! to another server that reached three times the rate within a minute. A server or player that paces its data loses
//! nothing and is left out, and so is a narrow line: there nothing is faster. QUIC shows no losses and is not looked
//! at.
//!
//! ## How sure
//! 0.7: a single bad way to one server can look alike. 0.8 where two connections sit on the same ceiling.
//!
//! ## What to do
//! Compare with a VPN or another network: if it is faster there, this network slows the service down. Look at the
//! tariff's limits for video, and ask the operator.
//!
//! ## Often confused with
//! tcp.lossy (losses without a ceiling), a slow server (no losses), media.receiver-full (the device is slow).
//!
//! ## References
//! RFC 2697, RFC 2698 (policers); Flach et al., "An Internet-Wide Analysis of Traffic Policing", SIGCOMM 2016;
//! net4people/bbs issues 65 and 382.

use crate::attempt::Path;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::transfer::{Bin, Rate};
use crate::types::Side;
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "media.throttled",
    stage: Stage::Media,
    severity: Severity::Degraded,
    blame: Blame::Interceptor,
    over: &["tcp.lossy"],
    check: Check::Path(check),
    source: include_str!("throttled.rs"),
};

/// Shorter than this is no plateau.
const LONG: f64 = 10.0;
/// Spans of this length are compared.
const SPAN: f64 = 1.0;
/// How much the rate may vary: standard deviation over mean.
const FLAT: f64 = 0.25;
/// Spans with losses, at least.
const OFTEN: usize = 3;
/// Share of lost segments.
const LOSS: f64 = 0.01;
/// How much faster another connection must be.
const FASTER: f64 = 3.0;
/// And how near in time.
const NEAR: Duration = Duration::from_secs(60);
/// A transfer of fewer bytes is too small to have a rate.
const LEAST: u64 = 200_000;
/// Attempts of the device that are compared.
const MOST: usize = 500;

/// A flat stretch.
pub(super) struct Plateau {
    /// Bytes a second.
    pub(super) rate: f64,
    seconds: f64,
}

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let own = plateau(context.path)?;
    let tcp = context.tcp()?;
    if context.packets_missing() || super::common::is_full(&tcp.half[Side::Client]) {
        return None;
    }
    let fastest = fastest(context);
    if !is_faster(fastest, own.rate) {
        return None;
    }
    let alike = context
        .world
        .attempts_of(context.attempt.client)
        .take(MOST)
        .flat_map(|a| &a.paths)
        .filter(|p| p.flow.first != context.path.flow.first)
        .filter_map(plateau)
        .any(|p| (p.rate / own.rate - 1.0).abs() < FLAT);
    let server = &tcp.half[Side::Server];
    let what = format!(
        "{} sent {} for {:.0} s, never more, with {} of {} segments lost; another connection reached {}",
        context.path.flow.server,
        per_second(own.rate),
        own.seconds,
        server.lost,
        server.data_segments,
        per_second(fastest),
    );
    let marks = server.lost_marks.iter().copied();
    let sure = if alike { 0.8 } else { 0.7 };
    Some(Claim::new(what, sure, marks).with("rate", (own.rate * 8.0 / 1e3).round()))
}

/// The rate of the fastest other connection, bytes a second.
pub(super) fn fastest(context: &PathContext<'_>) -> f64 {
    faster_candidates(context).map(best).fold(0.0, f64::max)
}

/// So much faster that the line can't be what limits.
pub(super) fn is_faster(other: f64, own: f64) -> bool {
    other >= own * FASTER
}

/// Connections of the same device to other servers at about that time.
fn faster_candidates<'a>(context: &PathContext<'a>) -> impl Iterator<Item = &'a Path<'a>> {
    let flow = &context.path.flow;
    let (from, to) = (flow.first.time.minus(NEAR), flow.last.time.plus(NEAR));
    let server = flow.server.addr;
    let all = context.world.attempts_of(context.attempt.client).take(MOST);
    all.flat_map(|a| &a.paths).filter(move |p| {
        p.flow.server.addr != server && p.flow.first.time <= to && p.flow.last.time >= from
    })
}

fn best(path: &Path<'_>) -> f64 {
    path.flow.transfer.map_or(0.0, |t| t.rate.best())
}

pub(super) fn plateau(path: &Path<'_>) -> Option<Plateau> {
    let tcp = path.flow.tcp.as_deref()?;
    let server = &tcp.half[Side::Server];
    let lossy =
        f64::from(server.lost) >= f64::from(server.data_segments) * LOSS && server.lost >= 10;
    if !lossy || server.sent < LEAST || server.lost_marks.is_empty() {
        return None;
    }
    flat(&path.flow.transfer?.rate)
}

/// Is the rate flat, from behind its first second to before its last, and are the losses spread over it?
fn flat(rate: &Rate) -> Option<Plateau> {
    let width = rate.width().as_secs_f64();
    let join = (SPAN / width).round().max(1.0) as usize;
    let spans: Vec<Bin> = rate.bins().chunks(join).map(sum).collect();
    let middle = spans.get(1..spans.len().checked_sub(1)?)?;
    let span = width * join as f64;
    let seconds = middle.len() as f64 * span;
    if seconds < LONG || middle.len() < 5 {
        return None;
    }
    let rates: Vec<f64> = middle.iter().map(|b| b.bytes as f64 / span).collect();
    let mean = rates.iter().sum::<f64>() / rates.len() as f64;
    let variance = rates.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / rates.len() as f64;
    let is_flat = mean > 0.0 && variance.sqrt() <= mean * FLAT && loses_throughout(middle);
    is_flat.then_some(Plateau {
        rate: mean,
        seconds,
    })
}

/// A sender that met the ceiling slows down and takes seconds to meet it again (RFC 9438): not every span loses, but again
/// and again one does, over half of the time at least.
fn loses_throughout(spans: &[Bin]) -> bool {
    let losing = || spans.iter().enumerate().filter(|(_, span)| span.lost > 0);
    let first = losing().next().map(|(at, _)| at);
    let last = losing().next_back().map(|(at, _)| at);
    let lasted = first.zip(last).map_or(0, |(first, last)| last + 1 - first);
    losing().count() >= OFTEN && lasted * 2 >= spans.len()
}

fn sum(bins: &[Bin]) -> Bin {
    Bin {
        bytes: bins.iter().map(|b| b.bytes).sum(),
        lost: bins.iter().map(|b| b.lost).sum(),
    }
}

pub(super) fn per_second(rate: f64) -> String {
    let bits = rate * 8.0;
    if bits >= 1e6 {
        format!("{:.1} Mbit/s", bits / 1e6)
    } else {
        format!("{:.0} kbit/s", bits / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::transfer::Transfer;
    use crate::types::{Mark, Timestamp};

    /// Packets of 1000 bytes every so many milliseconds, with a loss at every tenth.
    fn rate(seconds: u64, gap: impl Fn(u64) -> u64, losses: bool) -> Rate {
        let (mut t, mut at, mut n) = (Transfer::default(), 0, 0);
        while at < seconds * 1000 {
            let mark = Mark {
                time: Timestamp(at as i64 * 1_000_000),
                ..Mark::default()
            };
            t.add(
                Side::Server,
                n * 1000,
                n * 1000 + 1000,
                losses && n % 10 == 0,
                mark,
            );
            (at, n) = (at + gap(at), n + 1);
        }
        t.rate
    }

    #[test]
    fn losses_come_again_and_again() {
        let throughout = |losing: &[usize]| {
            let mut spans = [Bin::default(); 14];
            for &at in losing {
                spans[at].lost = 2;
            }
            loses_throughout(&spans)
        };
        assert!(throughout(&[4, 5, 11, 12]), "as a policer and CUBIC do");
        assert!(!throughout(&[4, 5, 6]), "a bad moment");
        assert!(!throughout(&[0, 13]), "two of them");
        assert!(!throughout(&[]));
    }

    #[test]
    fn a_ceiling_is_flat_and_loses() {
        let flat_one = flat(&rate(20, |_| 10, true)).unwrap();
        assert!(
            (flat_one.rate - 100_000.0).abs() < 3_000.0,
            "{}",
            flat_one.rate
        );
        assert!(
            flat(&rate(20, |_| 10, false)).is_none(),
            "paced by the server"
        );
        assert!(flat(&rate(8, |_| 10, true)).is_none(), "too short");
        assert!(
            flat(&rate(20, |at| 2 + at % 3000 / 100, true)).is_none(),
            "sawtooth"
        );
        assert!(flat(&Rate::default()).is_none());
    }
}
