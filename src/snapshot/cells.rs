//! The row of an attempt: a cell for each of dns, tcp, tls, quic, http and media.

use super::build::frames;
use super::clean::clean;
use super::pending::pending;
use super::{StageCell, Status, millis};
use crate::attempt::{Attempt, Path, Reach};
use crate::diagnose::{Finding, Judged, Outcome, Severity};
use crate::types::{Mark, Side, Timestamp};
use std::time::Duration;

/// What happened on one stage, before findings are laid over it.
struct Seen {
    status: Status,
    took: Option<Duration>,
    detail: String,
    marks: Vec<Mark>,
}

impl Seen {
    fn new(status: Status, detail: impl Into<String>) -> Self {
        Self {
            status,
            took: None,
            detail: detail.into(),
            marks: Vec::new(),
        }
    }

    fn passed(from: Mark, to: Mark, detail: impl Into<String>) -> Self {
        Self {
            status: Status::Passed,
            took: Some(to.time.since(from.time)),
            detail: detail.into(),
            marks: vec![from, to],
        }
    }
}

/// The six cells; `goes_on` is the capture's clock while more packets may come.
pub(super) fn cells(
    attempt: &Attempt<'_>,
    judged: &Judged,
    goes_on: Option<Timestamp>,
) -> Vec<StageCell> {
    let seen = [
        ("dns", dns(attempt)),
        ("tcp", tcp(attempt)),
        ("tls", tls(attempt)),
        ("quic", quic(attempt)),
        ("http", http(attempt, judged)),
        ("media", media(attempt)),
    ];
    seen.into_iter()
        .map(|(stage, seen)| cell(stage, seen, attempt, judged))
        .map(|cell| StageCell {
            pending: goes_on.and_then(|now| pending(cell.stage, attempt, judged, now)),
            ..cell
        })
        .collect()
}

fn cell(stage: &'static str, mut seen: Seen, attempt: &Attempt<'_>, judged: &Judged) -> StageCell {
    if let Some(found) = worst(stage, &seen, judged) {
        seen.status = match found.severity() {
            Severity::Broken => Status::Broke,
            _ => Status::Slow,
        };
        seen.detail = found.rule.title().trim_end_matches('.').to_owned();
        seen.marks.clone_from(&found.claim.marks);
    }
    StageCell {
        stage,
        status: seen.status,
        took: seen.took.map(millis),
        detail: clean(&seen.detail),
        frames: frames(&seen.marks, attempt.started.capture),
        pending: None,
    }
}

/// The finding that colours the cell. A path that broke beside one that worked slows the stage, it did not
/// break it.
fn worst<'a>(stage: &str, seen: &Seen, judged: &'a Judged) -> Option<&'a Finding> {
    let of_stage = |f: &&Finding| f.rule.stage.as_str() == stage && f.severity() > Severity::Note;
    let won = matches!(judged.outcome, Outcome::Ok | Outcome::Degraded);
    let found = judged.findings.iter().filter(of_stage);
    let mut best: Option<&Finding> = None;
    for f in found {
        if won && seen.status == Status::Passed && f.severity() == Severity::Broken {
            continue;
        }
        if best
            .is_none_or(|b| (f.severity(), f.claim.confidence) > (b.severity(), b.claim.confidence))
        {
            best = Some(f);
        }
    }
    best
}

fn dns(attempt: &Attempt<'_>) -> Seen {
    if attempt.lookups.is_empty() {
        return Seen::new(
            Status::Unseen,
            "no lookup of this name was seen (cached, encrypted, or earlier)",
        );
    }
    let answered = attempt
        .lookups
        .iter()
        .filter_map(|l| {
            let reply = l.answered()?;
            let asked = l.first().filter(|_| reply.is_address_answer())?;
            Some((asked, reply))
        })
        .min_by_key(|(_, r)| r.mark.time);
    match answered {
        Some((asked, reply)) => {
            let count = reply.addresses.len();
            let plural = if count == 1 { "" } else { "es" };
            Seen::passed(asked, reply.mark, format!("{count} address{plural}"))
        }
        None => Seen::new(Status::Unseen, "no usable answer was seen"),
    }
}

/// The path of that kind that got furthest; of equals the first.
fn best<'a>(attempt: &'a Attempt<'_>, quic: bool) -> Option<&'a Path<'a>> {
    let mut best: Option<&Path<'_>> = None;
    for path in attempt
        .paths
        .iter()
        .filter(|p| p.flow.quic.is_some() == quic)
    {
        if best.is_none_or(|b| path.progress.reach > b.progress.reach) {
            best = Some(path);
        }
    }
    best
}

fn tcp(attempt: &Attempt<'_>) -> Seen {
    let Some(path) = best(attempt, false) else {
        return Seen::new(Status::Skipped, "no TCP connection was tried");
    };
    let Some(tcp) = path.flow.tcp.as_deref() else {
        return Seen::new(Status::Unseen, "");
    };
    match (tcp.syn.first(), tcp.syn_ack.first()) {
        (Some(syn), Some(answer)) if path.progress.connected.is_some() => {
            Seen::passed(syn, answer, format!("connected to {}", path.flow.server))
        }
        _ if path.progress.connected.is_some() => Seen::new(
            Status::Unseen,
            "the connection was open before the capture began",
        ),
        _ => Seen::new(
            Status::Unseen,
            "not finished when the capture ended, or given up",
        ),
    }
}

fn tls(attempt: &Attempt<'_>) -> Seen {
    let Some(path) = best(attempt, false) else {
        return Seen::new(Status::Skipped, "inside QUIC, if at all");
    };
    let progress = &path.progress;
    if progress.reach < Reach::Connected {
        return Seen::new(Status::Skipped, "not reached");
    }
    match (progress.greeted, progress.secured) {
        (Some(hello), Some(done)) => {
            let version = path.flow.tls.and_then(|t| t.version_name());
            Seen::passed(hello, done, version.unwrap_or("handshake over").to_string())
        }
        (Some(_), None) => Seen::new(Status::Unseen, "the handshake's end was not seen"),
        (None, _) if progress.through.is_some() => {
            Seen::new(Status::Skipped, "no TLS handshake was seen")
        }
        (None, _) => Seen::new(Status::Skipped, "nothing was sent on the connection"),
    }
}

fn quic(attempt: &Attempt<'_>) -> Seen {
    let Some(path) = best(attempt, true) else {
        return Seen::new(Status::Skipped, "not tried");
    };
    match path.progress.secured {
        Some(done) => {
            let version = path.flow.quic.map(|q| format!("QUIC {}", q.version_name()));
            Seen::passed(path.flow.first, done, version.unwrap_or_default())
        }
        None if path.progress.answered.is_some() => Seen::new(
            Status::Unseen,
            "the server answered; the end of the handshake was not seen",
        ),
        None => Seen::new(
            Status::Unseen,
            "given up, or not finished when the capture ended",
        ),
    }
}

fn http(attempt: &Attempt<'_>, judged: &Judged) -> Seen {
    // The first data of a QUIC server may be no more than the end of the handshake: no answer, if the path broke.
    let broke = |p: &Path<'_>, outcome| p.flow.quic.is_some() && outcome == Outcome::Broken;
    let won = attempt
        .paths
        .iter()
        .zip(&judged.paths)
        .filter(|(p, j)| p.progress.through.is_some() && !broke(p, j.outcome))
        .map(|(p, _)| p)
        .min_by_key(|p| p.progress.through.map(|m| m.time));
    if let Some(seen) = won.and_then(plain_http) {
        return seen;
    }
    match won.map(|p| (p.progress.requested, p.progress.through)) {
        Some((Some(asked), Some(answered))) if answered.time >= asked.time => {
            Seen::passed(asked, answered, "data came back")
        }
        Some((_, Some(answered))) => Seen {
            status: Status::Passed,
            took: None,
            detail: "data came from the server".into(),
            marks: vec![answered],
        },
        _ => Seen::new(Status::Skipped, "not reached"),
    }
}

/// A request in the clear with its answer.
fn plain_http(path: &Path<'_>) -> Option<Seen> {
    let http = path.flow.http?;
    let answered = http.exchanges.iter().find(|e| e.response.is_some())?;
    let response = answered.response.as_ref()?;
    let detail = format!("{} answered with {}", answered.method, response.status);
    Some(Seen::passed(answered.sent, response.mark, detail))
}

/// More than a page: from here on, a server's data counts as a transfer.
const TRANSFER: u64 = 256 * 1024;

/// The largest transfer.
fn media(attempt: &Attempt<'_>) -> Seen {
    let size = |p: &&Path<'_>| {
        let tcp = p.flow.tcp.as_deref().map(|t| t.half[Side::Server].sent);
        tcp.or(p.flow.quic.map(|q| q.bytes[Side::Server]))
            .unwrap_or(0)
    };
    let Some(path) = attempt.paths.iter().max_by_key(size) else {
        return Seen::new(Status::Skipped, "not reached");
    };
    let bytes = size(&path);
    let times = path.flow.transfer.and_then(|t| {
        let mut own = t.bursts().filter(|b| b.side == Side::Server);
        let first = own.next()?.first;
        Some((first, own.next_back().map_or(first, |b| b.last)))
    });
    match times {
        Some((first, last)) if bytes >= TRANSFER && path.progress.through.is_some() => {
            let words = format!("{:.1} MB from the server", bytes as f64 / 1e6);
            Seen {
                took: None,
                ..Seen::passed(first, last, words)
            }
        }
        _ => Seen::new(Status::Skipped, "no large transfer"),
    }
}
