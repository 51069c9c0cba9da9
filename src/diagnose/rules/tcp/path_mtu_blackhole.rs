//! Large packets disappear on the way while small ones arrive.
//!
//! ## What it means
//! Some link on the way takes only smaller packets than the two ends assume, and the message that would tell them so
//! is dropped or ignored. Small exchanges work, everything of size hangs. Typical of VPNs, tunnels and DSL lines with a
//! wrong packet size (MTU).
//!
//! ## What we look for
//! Upstream: a full-size segment, larger than any that was ever acknowledged, sent three times or more in at least
//! three seconds without acknowledgement, while the server acknowledges smaller data behind it (SACK) or a router said
//! "packet too big". Downstream: a gap as large as a full segment that lasts three seconds, reported by the client
//! (SACK), with nothing but smaller segments ever arriving. A ClientHello is left to tls.large-hello-dropped unless a
//! router said "too big". Nothing is said where the capture itself misses packets.
//!
//! ## How sure
//! 0.95 with the router's message, 0.85 with the pattern alone.
//!
//! ## What to do
//! Switch the VPN off, or set a smaller MTU (try 1280) on the VPN, router or interface. If it is a network of others,
//! tell its operator that "packet too big" messages are being dropped.
//!
//! ## Often confused with
//! tcp.lossy (small packets are lost as well, and resends arrive), tls.stalled (nothing shows that size matters),
//! tls.large-hello-dropped (a filter that can't cope with a large ClientHello).
//!
//! ## References
//! RFC 2923, RFC 1191, RFC 8201, RFC 4821.

use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::tcp::{Half, Sent, TcpFacts};
use crate::types::{Mark, Side, Timestamp};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "tcp.path-mtu-blackhole",
    stage: Stage::Tcp,
    severity: Severity::Broken,
    blame: Blame::Path,
    over: &["tcp.lossy", "media.stalled"],
    check: Check::Path(check),
    source: include_str!("path_mtu_blackhole.rs"),
};

/// Shorter than this, a loss may still be repaired.
const LASTS: Duration = Duration::from_secs(3);
/// The first send and two resends.
const TRIES: usize = 3;
/// Where no MSS was seen: every link carries packets of 1280 bytes (RFC 8200), so a segment is "full-size" from here.
const UNKNOWN_MSS: u32 = 1200;
/// Bytes of a segment that its options may take.
const OPTIONS: u32 = 60;
/// IP and TCP headers, to make an MTU of a payload length: IPv6 or IPv4, without options.
const HEADERS: [u32; 2] = [60, 40];

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let tcp = context.tcp()?;
    if !tcp.established() || context.packets_missing() {
        return None;
    }
    upstream(context, tcp).or_else(|| downstream(context, tcp))
}

fn upstream(context: &PathContext<'_>, tcp: &TcpFacts) -> Option<Claim> {
    let half = &tcp.half[Side::Client];
    let mut sends = half.oldest_unacked();
    let first = sends.next()?;
    let sends: Vec<&Sent> = std::iter::once(first).chain(sends).collect();
    let last = sends.last()?;
    let lasted = last.mark.time.since(first.mark.time);
    let large = first.length >= full_size(tcp) && first.length > half.largest_acked;
    let too_big = tcp.icmp.iter().find(|e| e.is_too_big());
    let is_hello = (context.tls())
        .is_some_and(|tls| tls.is_tls() && (tls.hello_end == 0 || first.offset < tls.hello_end));
    if !large || sends.len() < TRIES || lasted < LASTS || (is_hello && too_big.is_none()) {
        return None;
    }
    let passes = half.sacked_at.or(too_big.map(|e| e.mark))?;
    let what = format!(
        "{} bytes to {} were sent {} times in {:.1} s and never acknowledged, smaller segments were{}",
        first.length,
        context.path.flow.server,
        sends.len(),
        lasted.as_secs_f64(),
        too_big.map_or_else(String::new, |e| {
            format!("; {} had said that packets were too big for it", e.from)
        }),
    );
    let mtu = too_big.and_then(|e| e.mtu);
    let marks = sends.iter().map(|s| s.mark).chain([passes]);
    Some(claim(context, what, half, mtu, too_big.is_some(), marks))
}

fn downstream(context: &PathContext<'_>, tcp: &TcpFacts) -> Option<Claim> {
    let half = &tcp.half[Side::Server];
    let (since, sacked) = (half.hole_since?, half.sacked_at?);
    let missing = half.hole_end?.saturating_sub(half.hole_at?);
    let full = full_size(tcp);
    let lasted = until(context, tcp).since(since.time);
    if missing < u64::from(full) || half.largest_sent >= full || lasted < LASTS {
        return None;
    }
    let what = format!(
        "{missing} bytes from {} are missing for {:.1} s, although the client reported it; of what follows, only \
         segments up to {} bytes arrived",
        context.path.flow.server,
        lasted.as_secs_f64(),
        half.largest_sent,
    );
    Some(claim(context, what, half, None, false, [since, sacked]))
}

fn claim(
    context: &PathContext<'_>,
    what: String,
    half: &Half,
    mtu: Option<u32>,
    told: bool,
    marks: impl IntoIterator<Item = Mark>,
) -> Claim {
    let headers = HEADERS[usize::from(context.path.flow.is_v4())];
    let passed = half.largest_acked.max(if half.hole_at.is_some() {
        half.largest_sent
    } else {
        0
    });
    let mut claim = Claim::new(what, if told { 0.95 } else { 0.85 }, marks);
    if let Some(mtu) = mtu {
        claim = claim.with("mtu", mtu);
    } else if passed > 0 {
        // At least this size passes.
        claim = claim.with("mtu", passed + headers);
    }
    claim
}

/// Payload from which a segment counts as full: the smaller MSS less what options may take.
fn full_size(tcp: &TcpFacts) -> u32 {
    let mss = tcp.half.0.iter().filter_map(|half| half.mss).min();
    mss.map_or(UNKNOWN_MSS, |mss| {
        u32::from(mss).saturating_sub(OPTIONS).max(400)
    })
}

/// The end of the connection, or of the capture where it did not end.
fn until(context: &PathContext<'_>, tcp: &TcpFacts) -> Timestamp {
    let closed = tcp.half[Side::Client].fin.map(|m| m.time);
    let reset = tcp.resets.iter().map(|r| r.mark.time);
    closed
        .into_iter()
        .chain(reset)
        .min()
        .unwrap_or_else(|| context.end())
}
