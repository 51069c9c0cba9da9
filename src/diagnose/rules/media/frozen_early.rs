//! Transfers stop for good after the same first few kilobytes.
//!
//! ## What it means
//! The connection is set up, the first 16 to 20 kB of the answer come through, and then the connection is dead, however
//! often it is tried: some filters let the beginning pass and then drop everything. Pages stay half loaded, pictures
//! show their upper part, videos never start.
//!
//! ## What we look for
//! A connection whose data from the server stops between 14 and 24 kB (handshake included) in the middle of a TLS record
//! or of a response of stated length, with room in the client's window and everything acknowledged, and nothing for more
//! than 5 s, until the end of the capture or until the client gives up. Other connections of the same device that stopped
//! so within 4 kB of it are counted (`flows`). QUIC shows no end of a message: it counts only where at least two
//! connections went dead in that band while their clients still sent.
//!
//! ## How sure
//! 0.6 for one connection, and then only where something else still reached the device afterwards; 0.85 for two, 0.93
//! for three and more; 0.2 less where another connection to the same server carried more. One connection alone points at
//! the path, several at something that interferes.
//!
//! ## What to do
//! Try another network or a VPN: if it works there, this network filters the service; ask its operator. It is neither the
//! device nor the service.
//!
//! ## Often confused with
//! media.stalled (stops anywhere: radio, NAT), tcp.path-mtu-blackhole (full-size packets never arrive at all),
//! media.throttled (slow, but it goes on).
//!
//! ## References
//! net4people/bbs issues 490 and 662 (connections frozen after 16 to 20 kB).

use super::common::{ended, is_full, size, stood, stopped};
use crate::attempt::Path;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::quic::QuicFacts;
use crate::types::{Mark, Side, Timestamp};
use std::ops::RangeInclusive;

pub(super) static RULE: Rule = Rule {
    id: "media.frozen-early",
    stage: Stage::Media,
    severity: Severity::Broken,
    blame: Blame::Interceptor,
    over: &["media.stalled"],
    check: Check::Path(check),
    source: include_str!("frozen_early.rs"),
};

/// Bytes of the server's stream after which such filters cut.
const BAND: RangeInclusive<u64> = 14_000..=24_000;
/// Freezes of one filter lie this close together.
const NARROW: u64 = 4_000;
/// A connection that carried this much was not cut.
const PASSED: u64 = 64_000;
/// Attempts of the device that are compared.
const MOST: usize = 500;
/// Datagrams of a QUIC client that went unanswered.
const UNANSWERED: u32 = 3;

/// A connection that went dead in the band.
struct Freeze {
    bytes: u64,
    last: Mark,
    sure_end: bool,
    how: String,
}

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let own = frozen(context, context.path)?;
    let until = ended(context.path).map(|(_, m)| m.time);
    let quiet = context.silence_until(&[own.last], until).is_proven();
    if context.packets_missing() || !quiet {
        return None;
    }
    let alike = alike(context, &own);
    let flows = alike.len() + 1;
    // One alone must end for sure, and not together with everything else.
    if flows < 2 && !(own.sure_end && heard_later(context, own.last)) {
        return None;
    }
    let passed = context
        .world
        .paths_near(context.path.flow.server.addr, context.path.flow.first.time)
        .any(|p| carried(p) >= PASSED);
    let sure: f64 = match flows {
        1 => 0.6,
        2 => 0.85,
        _ => 0.93,
    };
    let sure = if passed { sure - 0.2 } else { sure };
    let lasted = stood(context.path, own.last, context.end());
    let what = format!(
        "after {} from {} nothing came any more for {:.1} s{}{}{}",
        size(own.bytes),
        context.path.flow.server,
        lasted.as_secs_f64(),
        own.how,
        if flows > 1 {
            format!("; {flows} connections froze at about the same point")
        } else {
            String::new()
        },
        if passed {
            "; another connection to that server carried more"
        } else {
            ""
        },
    );
    let acked = context.tcp().and_then(|t| t.half[Side::Server].acked_at);
    let marks = [own.last].into_iter().chain(acked);
    let marks = marks.chain(alike.iter().copied().take(8));
    let claim = Claim::new(what, sure, marks)
        .with("bytes", own.bytes)
        .with("flows", flows);
    Some(match flows {
        1 => claim.blaming(Blame::Path),
        _ if own.sure_end => claim,
        _ => claim.deciding_over(&["quic.silent-after-handshake"]),
    })
}

/// Something else reached the device after that, at either of its addresses: it was not cut off altogether.
fn heard_later(context: &PathContext<'_>, last: Mark) -> bool {
    let clients = context.world.clients;
    let both = [context.path.flow.client.addr, context.attempt.client];
    let known = both.into_iter().filter_map(|addr| clients.get(addr));
    let mut heard = known.filter_map(|c| c.answered_last);
    heard.any(|at| at > last.time)
}

/// Where other connections of this device froze near this one, one mark each.
fn alike(context: &PathContext<'_>, own: &Freeze) -> Vec<Mark> {
    let this = context.path.flow.first;
    let others = context.world.attempts_of(context.attempt.client).take(MOST);
    others
        .flat_map(|attempt| &attempt.paths)
        .filter(|path| path.flow.first != this)
        .filter_map(|path| frozen(context, path))
        .filter(|other| other.bytes.abs_diff(own.bytes) <= NARROW)
        .map(|other| other.last)
        .collect()
}

/// That many bytes of the server are what such freezes come after.
pub(super) fn in_band(bytes: u64) -> bool {
    BAND.contains(&bytes)
}

/// The path of this context stopped for good in the band.
pub(super) fn is_frozen(context: &PathContext<'_>) -> bool {
    frozen(context, context.path).is_some()
}

fn frozen(context: &PathContext<'_>, path: &Path<'_>) -> Option<Freeze> {
    let end = context.world.end_after(path.flow.first);
    match path.flow.quic {
        Some(quic) => frozen_quic(quic),
        None => frozen_tcp(context, path, end),
    }
}

fn frozen_tcp(context: &PathContext<'_>, path: &Path<'_>, end: Timestamp) -> Option<Freeze> {
    let tcp = path.flow.tcp.as_deref()?;
    let in_band = BAND.contains(&tcp.half[Side::Server].sent);
    if !in_band || is_full(&tcp.half[Side::Client]) || tcp.reset_from(Side::Server).is_some() {
        return None;
    }
    let stop = stopped(path)?;
    let closed = matches!(ended(path), Some((Side::Server, _)));
    let lasted = stood(path, stop.last, end);
    (lasted > context.world.thresholds.media_stalled && !closed).then(|| Freeze {
        bytes: stop.bytes,
        last: stop.last,
        sure_end: true,
        how: format!(", {}", stop.how),
    })
}

fn frozen_quic(quic: &QuicFacts) -> Option<Freeze> {
    let bytes = quic.bytes[Side::Server];
    let dead = quic.since_last_of_other[Side::Client] >= UNANSWERED;
    let last = quic.last[Side::Server]?;
    let asked = quic.recent[Side::Client].last()?;
    let long = asked.time.since(last.time).as_secs() >= 3;
    let moved = quic.migrated.is_some() || quic.reused.is_some() || !quic.closes.is_empty();
    let frozen = BAND.contains(&bytes) && dead && long && quic.handshake_complete() && !moved;
    frozen.then(|| Freeze {
        bytes,
        last,
        sure_end: false,
        how: ", although the client went on sending".into(),
    })
}

/// Bytes that the server got through.
fn carried(path: &Path<'_>) -> u64 {
    let tcp = path.flow.tcp.as_deref().map(|t| t.half[Side::Server].sent);
    tcp.or(path.flow.quic.map(|q| q.bytes[Side::Server]))
        .unwrap_or(0)
}
