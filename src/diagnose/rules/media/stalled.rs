//! A transfer stopped in the middle and stood still.
//!
//! ## What it means
//! Data flowed, then nothing came any more although more was due, and nobody closed the connection. A radio or Wi-Fi hole,
//! a NAT or VPN that forgot the connection, a filter, or a server that hangs in the middle.
//!
//! ## What we look for
//! More than 5 s (`--limit media.stalled=…`) without anything new while something was under way, in one of three ways:
//! the server's data stops inside a TLS record or short of the length it had stated, with room in the client's window;
//! the client reports a gap (SACK) that is not filled; the client's own data is sent again, three times or more, and not
//! acknowledged. A transfer that stops where a message ends was over, or paused by the app: nothing is said then. A
//! client that left before the time was up has cancelled. QUIC shows none of this.
//!
//! ## How sure
//! 0.85. Who is to blame is less sure: a server that hangs in the middle of a record looks the same.
//!
//! ## What to do
//! If everything stood still at that time, look at the Wi-Fi or mobile signal. If only this service, try without VPN and
//! over another network. Reloading opens a new connection.
//!
//! ## Often confused with
//! media.frozen-early (always after the same first kilobytes), media.receiver-full (the device takes no more),
//! http.no-response (the response never began), tcp.lossy (it goes on, slowly).
//!
//! ## References
//! RFC 9293 section 3.8, RFC 2018, RFC 8446 section 5.1, RFC 9112 section 6.3.

use super::common::{ended, is_full, size, stood, stopped};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::tcp::{Sent, TcpFacts};
use crate::types::{Side, Timestamp};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "media.stalled",
    stage: Stage::Media,
    severity: Severity::Broken,
    blame: Blame::Path,
    over: &["http.no-response"],
    check: Check::Path(check),
    source: include_str!("stalled.rs"),
};

/// The first send and two resends.
const TRIES: usize = 3;

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let tcp = context.tcp()?;
    let after = tls_is_over(context) || context.path.flow.http.is_some();
    if !tcp.established() || tcp.midstream || context.packets_missing() || !after {
        return None;
    }
    download(context, tcp)
        .or_else(|| gap(context, tcp))
        .or_else(|| upload(context, tcp))
}

fn tls_is_over(context: &PathContext<'_>) -> bool {
    let over =
        |t: &crate::fact::tls::TlsFacts| t.client_finished.is_some() && t.server_data.is_some();
    context.tls().is_some_and(over)
}

/// The server's data ends inside a message.
fn download(context: &PathContext<'_>, tcp: &TcpFacts) -> Option<Claim> {
    let stop = stopped(context.path)?;
    let lasted = stood(context.path, stop.last, context.end());
    let due = context.world.thresholds.media_stalled;
    let until = ended(context.path).map(|(_, m)| m.time);
    let quiet = context.silence_until(&[stop.last], until).is_proven();
    if lasted <= due || is_full(&tcp.half[Side::Client]) || !quiet {
        return None;
    }
    let what = format!(
        "after {} from {} nothing came for {:.1} s, {}{}",
        size(stop.bytes),
        context.path.flow.server,
        lasted.as_secs_f64(),
        stop.how,
        left(context),
    );
    let acked = tcp.half[Side::Server].acked_at;
    let marks = [stop.last].into_iter().chain(acked);
    let marks = marks.chain(ended(context.path).map(|e| e.1));
    Some(Claim::new(what, 0.85, marks).with("gap_ms", millis(lasted)))
}

fn left(context: &PathContext<'_>) -> &'static str {
    match ended(context.path) {
        Some((Side::Client, _)) => "; then the client gave up",
        Some((Side::Server, _)) => "; then the server closed",
        None => "",
    }
}

/// The client reports a hole in the server's data, and nobody fills it.
fn gap(context: &PathContext<'_>, tcp: &TcpFacts) -> Option<Claim> {
    let server = &tcp.half[Side::Server];
    let (since, sacked) = (server.hole_since?, server.sacked_at?);
    let lasted = stood(context.path, since, context.end());
    if lasted <= context.world.thresholds.media_stalled || is_full(&tcp.half[Side::Client]) {
        return None;
    }
    let what = format!(
        "a gap in the data from {} at {} was reported by the client and not filled in {:.1} s",
        context.path.flow.server,
        size(server.hole_at?),
        lasted.as_secs_f64(),
    );
    Some(Claim::new(what, 0.85, [since, sacked]).with("gap_ms", millis(lasted)))
}

/// The client's data is not acknowledged any more.
fn upload(context: &PathContext<'_>, tcp: &TcpFacts) -> Option<Claim> {
    let half = &tcp.half[Side::Client];
    let sends: Vec<&Sent> = half.oldest_unacked().collect();
    let (first, last) = (sends.first()?, sends.last()?);
    let heard = tcp.half[Side::Server]
        .last
        .map_or(Timestamp::MIN, |m| m.time);
    // What came after the first send acknowledges what was under way before it. Whatever comes after a resend shows that
    // the way back works: tcp.lossy or a size problem.
    let resent = sends.get(1).is_some_and(|s| s.mark.time > heard);
    let since = first.mark.time.max(heard);
    let lasted = stood(context.path, first.mark, context.end());
    let tried = last.mark.time.since(since);
    let due = context.world.thresholds.media_stalled;
    let marks: Vec<_> = sends.iter().map(|s| s.mark).collect();
    let until = ended(context.path).map(|(_, m)| m.time);
    let quiet = context.silence_until(&marks, until).is_proven();
    let full = is_full(&tcp.half[Side::Server]);
    if sends.len() < TRIES || tried.min(lasted) <= due || !resent || !quiet || full {
        return None;
    }
    let what = format!(
        "data to {} was sent {} times in {:.1} s and not acknowledged, nor did anything else come back",
        context.path.flow.server,
        sends.len(),
        tried.as_secs_f64(),
    );
    Some(Claim::new(what, 0.85, marks).with("gap_ms", millis(lasted)))
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e4).round() / 10.0
}
