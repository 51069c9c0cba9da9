//! The device stopped taking data: its receive window stayed closed.
//!
//! ## What it means
//! The server has more to send and the device says "no room" (window 0): the app does not read what arrived. Shortly into
//! an answer that means an app or device that hangs or is overloaded. A player whose buffer is full does the same on
//! purpose, and that is normal.
//!
//! ## What we look for
//! A window of zero from the client for more than 5 s (`--limit media.receiver-full=…`) while it had not closed the
//! connection. It counts where less than 1 MB had arrived; later, and for media hosts from 256 kB on, it is only noted:
//! buffers are that large and players pause.
//!
//! ## How sure
//! 0.8: the window is read. Whether anybody waited for the data is not known.
//!
//! ## What to do
//! Close other apps, restart the app or the device, and see whether storage is full. If a proxy or antivirus runs on the
//! device, try without it. The network is not at fault.
//!
//! ## Often confused with
//! media.stalled (the window was open, and nothing came), media.throttled (the way is narrow), a paused video.
//!
//! ## References
//! RFC 9293 section 3.8.6, RFC 7323 section 2.

use super::common::size;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::tcp::TcpFacts;
use crate::target::Role;
use crate::types::{Mark, Side};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "media.receiver-full",
    stage: Stage::Media,
    severity: Severity::Degraded,
    blame: Blame::Device,
    over: &["media.stalled"],
    check: Check::Path(check),
    source: include_str!("receiver_full.rs"),
};

/// Buffers are as large as that.
const BUFFER: u64 = 1_000_000;
/// A player's may be full sooner.
const PLAYER: u64 = 256_000;

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let tcp = context.tcp().filter(|t| t.established())?;
    let (from, to, lasted) = longest(context, tcp)?;
    if lasted <= context.world.thresholds.media_receiver_full || context.packets_missing() {
        return None;
    }
    let got = tcp.half[Side::Server].sent;
    let what = format!(
        "the client announced a window of 0 for {:.1} s after {} from {}",
        lasted.as_secs_f64(),
        size(got),
        context.path.flow.server,
    );
    let marks = [from].into_iter().chain(to);
    let claim = Claim::new(what, 0.8, marks).with("gap_ms", (lasted.as_secs_f64() * 1e3).round());
    let media = matches!(context.attempt.role, Role::MediaCdn | Role::Live);
    let usual = if media { PLAYER } else { BUFFER };
    Some(if got >= usual || tcp.midstream {
        claim.as_severe_as(Severity::Note)
    } else {
        claim
    })
}

/// The longest time without room, before the client closed.
pub(super) fn longest(
    context: &PathContext<'_>,
    tcp: &TcpFacts,
) -> Option<(Mark, Option<Mark>, Duration)> {
    let client = &tcp.half[Side::Client];
    let closed = client
        .fin
        .into_iter()
        .chain(tcp.resets.iter().map(|r| r.mark));
    let closed = closed.map(|m| m.time).min().unwrap_or(context.end());
    let lasts = client.zero_window_since.map(|since| {
        let lasted = closed.min(context.end()).since(since.time);
        (since, None, lasted)
    });
    let was = client.zero_window_at.map(|[from, to]| {
        let lasted = closed.min(to.time).since(from.time);
        (from, Some(to), lasted)
    });
    lasts.into_iter().chain(was).max_by_key(|l| l.2)
}
