//! A transfer was cut off by a reset.
//!
//! ## What it means
//! The answer was coming in, and a reset (RST) in the server's name ended the connection in the middle of it. Filters that
//! look at what is transferred do this, NATs and load balancers that lose a connection, and servers that crash.
//!
//! ## What we look for
//! An RST with the server's address while the server's data is inside a TLS record or short of the length that the
//! response stated, not more than 5 s after its last data, on a connection that the client had not closed itself. A
//! reset between two messages, as idle connections get, is no cut. `injected` is true only where the server goes on
//! sending, or two signs (TTL, place in the stream, time) speak against it as the sender.
//!
//! ## How sure
//! 0.85; 0.95 where the reset is proven to be forged.
//!
//! ## What to do
//! Try again: if it is always cut on this network and not on another, something here cuts it (firewall, VPN, filter). If
//! everywhere, report it to the service.
//!
//! ## Often confused with
//! http.reset (before any response), media.stalled (nothing came, not even a reset), a download that the app cancelled (the
//! client closes first).
//!
//! ## References
//! RFC 9293 section 3.5.2, RFC 8446 section 6.1; Weaver, Sommer, Paxson, NDSS 2009.

use super::common::{ended, size, stopped};
use crate::diagnose::rules::tcp::witness::weigh;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::types::Side;
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "media.reset",
    stage: Stage::Media,
    severity: Severity::Broken,
    blame: Blame::Interceptor,
    over: &[],
    check: Check::Path(check),
    source: include_str!("reset.rs"),
};

/// What comes later than this after the last data ends a stall.
const SOON: Duration = Duration::from_secs(5);

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let tcp = context.tcp()?;
    let stop = stopped(context.path)?;
    let reset = tcp.reset_from(Side::Server)?;
    let first = ended(context.path)?;
    let ready = context
        .path
        .progress
        .secured
        .or(context.path.progress.through)?;
    // A client that takes what comes after the reset has not heeded it.
    let ignored = tcp.half[Side::Server].acked > reset.sent;
    if ignored || reset.mark.time < ready.time {
        return None;
    }
    let own = first == (Side::Server, reset.mark);
    let late = reset.mark.time.since(stop.last.time) > SOON;
    if !own
        || late
        || !reset.in_sequence && tcp.data_after_reset.is_none()
        || context.packets_missing()
    {
        return None;
    }
    let doubts = weigh(context, reset, None);
    let words = doubts.words.join("; ");
    let what = format!(
        "a reset with the address of {} came after {}, {}{}{words}",
        context.path.flow.server,
        size(stop.bytes),
        stop.how,
        if words.is_empty() { "" } else { "; " },
    );
    let sure = if doubts.suffice() { 0.95 } else { 0.85 };
    let marks = [reset.mark, stop.last]
        .into_iter()
        .chain(doubts.marks.iter().copied());
    let claim = Claim::new(what, sure, marks).with("injected", doubts.suffice());
    Some(if doubts.suffice() {
        claim
    } else {
        claim.blaming(Blame::Unknown)
    })
}
