//! What several QUIC rules need: which facts may be judged, and what a race against TCP excuses.

use crate::attempt::Path;
use crate::diagnose::{PathContext, Severity};
use crate::fact::quic::{Close, QuicFacts};
use crate::observe::quic::version;
use crate::types::{Mark, Side};
use std::time::Duration;

/// A connection that begins this soon after the first Initial did not wait for QUIC: both were raced.
/// (The connection attempt delay of RFC 8305 is 250 ms, Chromium's wait for QUIC up to 300 ms.)
pub(super) const HEAD_START: Duration = Duration::from_millis(250);
/// A client that stops this soon after another path connected, stopped because of it.
const RACE_OVER: Duration = Duration::from_millis(300);
/// QUIC that was left alone for less time than this has lost a race, not failed.
const FAIR_CHANCE: Duration = Duration::from_secs(1);

/// The facts of a connection that was seen from its first Initial on, in a version whose packets are understood.
/// Initials that the snap length cut cannot be opened, but their headers tell what they are.
pub(super) fn whole<'a>(context: &PathContext<'a>) -> Option<&'a QuicFacts> {
    let quic = context.quic()?;
    let first = quic.client_initials.first()?;
    let from_start = !quic.midstream || (quic.swapped && *first == context.path.flow.first);
    let known = !version::suites(quic.version).is_empty();
    (from_start && known && (!quic.undecryptable || quic.clipped)).then_some(quic)
}

/// A path that got through was begun before this one, or so soon after it that it did not wait for it.
pub(super) fn cost_nothing(context: &PathContext<'_>) -> bool {
    let limit = context.path.flow.first.time.plus(HEAD_START);
    context
        .siblings()
        .any(|p| may_have_won(p) && p.flow.first.time <= limit)
}

/// It got through, or what it carried both ways can't be read.
fn may_have_won(path: &Path<'_>) -> bool {
    path.progress.succeeded().is_some() || path.is_unreadable()
}

/// How bad a break before the end of the handshake is: nothing was lost where another path was there anyway.
pub(super) fn severity(context: &PathContext<'_>) -> Severity {
    if cost_nothing(context) {
        Severity::Note
    } else {
        Severity::Broken
    }
}

/// Another path won and the client stopped asking on this one, which had no fair chance until then.
pub(super) fn lost_race(context: &PathContext<'_>, quic: &QuicFacts) -> bool {
    // Connected is enough: whether the other path got through may be hidden, where the snap length cut it.
    let connected = context.siblings().filter_map(|p| p.progress.connected);
    let won = connected.map(|m| m.time).min();
    let (Some(won), Some(last)) = (won, quic.last[Side::Client]) else {
        return false;
    };
    let stopped = last.time <= won.plus(RACE_OVER);
    let short = won.since(context.path.flow.first.time) < FAIR_CHANCE;
    stopped && (short || quic.flights().len() < 2)
}

/// Not wanted any more: NO_ERROR, or the app's own close, which is APPLICATION_ERROR in an Initial
/// (RFC 9000 section 10.2.3).
pub(super) fn is_cancelled(close: &Close) -> bool {
    close.application || matches!(close.code, 0x0 | 0xc)
}

/// A close that says what went wrong, or the server's. That of a client which has waited for long enough says nothing.
pub(super) fn told_why(quic: &QuicFacts) -> Option<&Close> {
    let said = |c: &&Close| c.from == Side::Server || !is_cancelled(c);
    quic.closes.iter().find(said)
}

/// Less sure where the capture is known to have lost packets, or to hold only their heads.
pub(super) fn sure(context: &PathContext<'_>, confidence: f64) -> f64 {
    let missing = if context.packets_missing() { 0.25 } else { 0.0 };
    let cut = if context.quic().is_some_and(|q| q.undecryptable) {
        0.05
    } else {
        0.0
    };
    confidence - missing - cut
}

/// Marks later than `after` by at least `gap`, one for datagrams less than 50 ms apart.
pub(super) fn flights_after(marks: &[Mark], after: Mark, gap: Duration) -> Vec<Mark> {
    let mut flights: Vec<Mark> = Vec::new();
    let mut previous: Option<Mark> = None;
    let later = marks
        .iter()
        .filter(|m| m.time > after.time && m.time.since(after.time) >= gap);
    for &mark in later {
        if previous.is_none_or(|p| mark.time.since(p.time) >= Duration::from_millis(50)) {
            flights.push(mark);
        }
        previous = Some(mark);
    }
    flights
}

/// `1 packet`, `3 packets`.
pub(super) fn count(number: u32, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Milliseconds for people.
pub(super) fn ms(span: Duration) -> String {
    match span.as_secs_f64() {
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}
