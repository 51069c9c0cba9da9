//! The TLS handshake took long.
//!
//! ## What it means
//! Greeting, certificate and keys were exchanged, and it worked, but slower than it should: the server answered late,
//! packets were lost and sent again, or the device took its time.
//!
//! ## What we look for
//! From the ClientHello to the client's Finished more than the limit (1 s, `--limit tls.slow=…`). Resent packets are
//! named, since loss explains slowness as well.
//!
//! ## How sure
//! It is measured. Where most of the time passed between the server's last message and the client's answer, the
//! device is blamed.
//!
//! ## What to do
//! Once is chance. If it happens often, compare with another network; if only one address is slow, that server is the
//! reason.
//!
//! ## Often confused with
//! tcp.slow-connect (before TLS), http.slow-response (after it), tls.stalled (it never ended).
//!
//! ## References
//! RFC 8446 section 2.

use super::common::{Handshake, span};
use crate::attempt::Reach;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::types::{Mark, Side};

pub(super) static RULE: Rule = Rule {
    id: "tls.slow",
    stage: Stage::Tls,
    severity: Severity::Degraded,
    blame: Blame::Edge,
    over: &[],
    check: Check::Path(check),
    source: include_str!("slow.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let h = Handshake::of(context)?;
    let finished = h.tls.client_finished?;
    let took = finished.time.since(h.first.time);
    let done = context.path.progress.reach >= Reach::Secured;
    if took <= context.world.thresholds.tls_slow || !done {
        return None;
    }
    let device = own_share(&h, finished);
    let resent: u32 = h.tcp.half.0.iter().map(|half| half.retransmitted).sum();
    let mut what = format!("the TLS handshake took {}", span(took));
    if device {
        what += ", most of it between the server's part and the client's answer";
    }
    if resent > 0 {
        what += &format!(
            "; {resent} {} sent again on this connection, so loss has its share",
            if resent == 1 {
                "packet was"
            } else {
                "packets were"
            }
        );
    }
    let answered = context.path.progress.answered;
    let marks = [h.first].into_iter().chain(answered).chain([finished]);
    let claim = Claim::new(what, 0.95, marks).with("took_ms", took.as_secs_f64() * 1e3);
    Some(if device {
        claim.blaming(Blame::Device)
    } else {
        claim
    })
}

/// More than half of the time passed between the server's last message before the Finished and the Finished.
fn own_share(h: &Handshake<'_>, finished: Mark) -> bool {
    let tls = h.tls;
    let records = tls.records[Side::Server].iter().map(|record| record.mark);
    let last = records
        .chain(tls.server_hello_done)
        .chain(tls.server_hello.as_ref().map(|hello| hello.mark))
        .filter(|mark| mark.time <= finished.time)
        .map(|mark| mark.time)
        .max();
    let whole = finished.time.since(h.first.time);
    last.is_some_and(|last| finished.time.since(last) > whole / 2)
}
