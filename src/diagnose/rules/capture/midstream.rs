//! The connection was already open when the capture began.
//!
//! ## What it means
//! Lookup and handshake happened before. Nothing can be said about them; what follows is judged only as far as it does
//! not need them.
//!
//! ## What we look for
//! A TCP connection without SYN and SYN-ACK, or a QUIC connection without the client's first packet.
//!
//! ## How sure
//! Certain (0.95): no SYN, or no first Initial, of the connection is in the capture.
//!
//! ## What to do
//! If this connection matters, start the capture first, then the app; or close the app, so that it has to connect anew.
//!
//! ## Often confused with
//! capture.dropped (packets are missing in the middle).
//!
//! ## References
//! RFC 9293 section 3.5, RFC 9000 section 17.2.

use crate::diagnose::{AttemptContext, Blame, Check, Claim, Rule, Severity, Stage};

pub(super) static RULE: Rule = Rule {
    id: "capture.midstream",
    stage: Stage::Capture,
    severity: Severity::Note,
    blame: Blame::Capture,
    over: &[],
    check: Check::Attempt(check),
    source: include_str!("midstream.rs"),
};

fn check(context: &AttemptContext<'_>) -> Vec<Claim> {
    let paths = context.attempt.paths.iter().enumerate();
    let mut begun = paths.filter(|(_, path)| {
        let tcp = path.flow.tcp.as_deref().is_some_and(|tcp| tcp.midstream);
        tcp || path.flow.quic.is_some_and(|quic| quic.midstream)
    });
    let Some((index, path)) = begun.next() else {
        return Vec::new();
    };
    let others = begun.count();
    let mut what = format!(
        "the connection to {} began before the capture",
        path.flow.server
    );
    if others > 0 {
        what.push_str(&format!(" (and {others} more)"));
    }
    vec![Claim::new(what, 0.95, [path.flow.first]).on_path(index)]
}
