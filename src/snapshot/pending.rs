//! What a stage waits for while more packets may come, and when the next try is about due.
//!
//! Retry schedules differ by system (Linux repeats a SYN each second at first and doubles then, others double from the
//! start, resolvers keep one gap), so the next try is told from the gaps seen so far and never as certain.

use super::{Pending, rfc3339};
use crate::attempt::{Attempt, Path, Reach};
use crate::diagnose::{Judged, Outcome};
use crate::types::{Mark, Side, Timestamp};
use std::time::Duration;

/// SYNs in all before most systems give up: Linux and Android send 7, others up to 11, apps often stop earlier.
const SYNS: u32 = 7;
/// What was sent so long ago is no longer waited for.
const PATIENCE: Duration = Duration::from_secs(130);
/// The gap after a first SYN (RFC 6298 section 2.1).
const FIRST: Duration = Duration::from_secs(1);

/// What this stage waits for at `now`.
pub(super) fn pending(
    stage: &str,
    attempt: &Attempt<'_>,
    judged: &Judged,
    now: Timestamp,
) -> Option<Pending> {
    if matches!(judged.outcome, Outcome::Ok | Outcome::Degraded) {
        return None;
    }
    let open = |quic: bool| {
        let paths = attempt.paths.iter();
        let paths = paths.filter(move |p| p.flow.quic.is_some() == quic && is_open(p));
        paths.max_by_key(|p| (p.progress.reach, p.flow.last.time))
    };
    let waits = match stage {
        "dns" => dns(attempt)?,
        "tcp" => tcp(open(false)?)?,
        "tls" => tls(open(false)?)?,
        "quic" => quic(open(true)?)?,
        "http" => open(false)
            .and_then(http)
            .or_else(|| open(true).and_then(http))?,
        _ => return None,
    };
    (now.since(waits.last) < PATIENCE).then(|| waits.told())
}

/// Nobody has ended it.
fn is_open(path: &Path<'_>) -> bool {
    let refused = path.flow.tcp.as_deref().is_some_and(|t| !t.icmp.is_empty());
    path.progress.ended.is_none() && !refused
}

struct Waits {
    sent: &'static str,
    tries: u32,
    usual: Option<u32>,
    since: Timestamp,
    last: Timestamp,
    next: Option<Timestamp>,
}

impl Waits {
    fn once(sent: &'static str, mark: Mark) -> Self {
        Self {
            sent,
            tries: 1,
            usual: None,
            since: mark.time,
            last: mark.time,
            next: None,
        }
    }

    fn told(&self) -> Pending {
        Pending {
            sent: self.sent,
            tries: self.tries,
            usual: self.usual.filter(|usual| *usual >= self.tries),
            since: rfc3339(self.since),
            last: rfc3339(self.last),
            next: self.next.map(rfc3339),
        }
    }
}

fn dns(attempt: &Attempt<'_>) -> Option<Waits> {
    let answered = |l: &&crate::fact::dns::Lookup| l.replies.is_empty() && l.icmp.is_none();
    let usable = attempt.lookups.iter().filter_map(|l| l.answered());
    if usable.clone().any(|r| r.is_address_answer()) || !attempt.paths.is_empty() {
        return None;
    }
    let open = attempt.lookups.iter().copied().filter(answered);
    let lookup = open.max_by_key(|l| l.tries.last().map(|m| m.time))?;
    let (first, last) = (lookup.tries.first()?, lookup.tries.last()?);
    let gap = match lookup.tries.as_slice() {
        [.., before, last] => Some(last.time.since(before.time)),
        _ => None,
    };
    Some(Waits {
        tries: lookup.try_count,
        last: last.time,
        next: gap.map(|gap| last.time.plus(gap)),
        ..Waits::once("query", *first)
    })
}

fn tcp(path: &Path<'_>) -> Option<Waits> {
    let syn = &path.flow.tcp.as_deref()?.syn;
    if path.progress.connected.is_some() {
        return None;
    }
    let (first, last) = (syn.first()?, syn.last?);
    // Beyond those kept, gaps have long doubled.
    let (seen, beyond) = (&syn.marks, syn.count as usize > syn.marks.len());
    let next = if beyond { None } else { next_syn(seen) };
    Some(Waits {
        tries: syn.count,
        usual: Some(SYNS),
        last: last.time,
        next,
        ..Waits::once("SYN", first)
    })
}

/// After equal gaps another one like these, else twice the last.
fn next_syn(seen: &[Mark]) -> Option<Timestamp> {
    let last = seen.last()?.time;
    let gap = |pair: &[Mark]| pair[1].time.since(pair[0].time);
    let gaps: Vec<Duration> = seen.windows(2).map(gap).collect();
    let next = match gaps.as_slice() {
        [] => FIRST,
        // Linux goes on with 1 s at this place, others double: the earlier of both.
        [only] => *only,
        [.., before, last] if *last < before.mul_f64(1.5) => *last,
        [.., last] => *last * 2,
    };
    Some(last.plus(next))
}

fn tls(path: &Path<'_>) -> Option<Waits> {
    let progress = &path.progress;
    if progress.secured.is_some() || progress.through.is_some() {
        return None;
    }
    progress.connected?;
    Some(Waits::once("ClientHello", progress.greeted?))
}

fn quic(path: &Path<'_>) -> Option<Waits> {
    let quic = path.flow.quic?;
    if path.progress.secured.is_some() || quic.midstream {
        return None;
    }
    let flights = quic.flights();
    let (first, last) = (flights.first()?, flights.last()?);
    let next = match flights.as_slice() {
        // RFC 9002 section 6.2.1: probe timeouts double.
        [.., before, last] => Some(last.time.plus(last.time.since(before.time) * 2)),
        _ => None,
    };
    Some(Waits {
        tries: u32::try_from(flights.len()).unwrap_or(u32::MAX),
        last: last.time,
        next: next.filter(|_| path.progress.answered.is_none()),
        ..Waits::once("Initial", *first)
    })
}

fn http(path: &Path<'_>) -> Option<Waits> {
    if path.progress.reach < Reach::Connected || path.progress.through.is_some() {
        return None;
    }
    let asked = path.progress.requested?;
    let spoke = path.flow.tcp.as_deref();
    let spoke = spoke.and_then(|t| t.half[Side::Server].last_new_data);
    let answered = spoke.is_some_and(|at| at.time > asked.time);
    (!answered).then(|| Waits::once("request", asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(seconds: &[i64]) -> Option<i64> {
        let mark = |s: &i64| Mark {
            time: Timestamp(s * 1_000_000_000),
            ..Mark::default()
        };
        let marks: Vec<Mark> = seconds.iter().map(mark).collect();
        next_syn(&marks).map(|t| t.0 / 1_000_000_000)
    }

    #[test]
    fn the_next_try_follows_from_the_gaps() {
        assert_eq!(next(&[]), None);
        assert_eq!(next(&[10]), Some(11));
        assert_eq!(next(&[0, 1]), Some(2), "Linux since 6.5");
        assert_eq!(next(&[0, 1, 2]), Some(3));
        assert_eq!(next(&[0, 1, 3]), Some(7), "doubles");
        assert_eq!(next(&[0, 1, 2, 3, 4, 6]), Some(10), "doubles at last");
    }
}
