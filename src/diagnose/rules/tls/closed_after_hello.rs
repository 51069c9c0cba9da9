//! The server closed the connection right after the TLS greeting (ClientHello), without a word.
//!
//! ## What it means
//! The device connected and sent the first TLS message. The other end closed the connection in order (FIN) and
//! sent no TLS byte before: no certificate, no alert. Servers and load balancers do this when they serve nothing
//! under this name or are overloaded; filters can do it as well.
//!
//! ## What we look for
//! A FIN of the server after the ClientHello and before any of its TLS records, and the client had not closed
//! before. Where the FIN comes too soon to be an answer, it is an old connection that was closed just then.
//!
//! ## How sure
//! Surer where the server acknowledged the hello before it closed. A FIN that comes sooner than the server can know of
//! the connection is of something in between.
//!
//! ## What to do
//! Try again after a few minutes and on another network. If it stays the same everywhere, the service refuses
//! this name at this address: report it with this capture.
//!
//! ## Often confused with
//! tls.reset-after-hello (RST instead of FIN), tls.alert-from-server (the refusal says why),
//! tls.reset-mid-handshake (after the server's first record).
//!
//! ## References
//! RFC 8446 sections 4.1.1 and 6.1, RFC 9293 section 3.6.

use super::common::{Acked, Handshake, LONG, not_before, span};
use super::large_hello_dropped;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::types::{Mark, Side};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "tls.closed-after-hello",
    stage: Stage::Tls,
    severity: Severity::Broken,
    blame: Blame::Edge,
    over: &[],
    check: Check::Path(check),
    source: include_str!("closed_after_hello.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let h = Handshake::unfinished(context)?;
    let fin = h.server().fin?;
    let first = h.ended_by(Side::Server) == Some(fin);
    if !first
        || h.lacks(Side::Client)
        || !h.server_silent()
        || !not_before(fin, h.first)
        || h.cancelled()
    {
        return None;
    }
    let acked = h.acked() == Acked::All;
    if large_hello_dropped::explains(&h) || (!acked && !is_answer(&h, fin)) {
        return None;
    }
    let what = format!(
        "{} closed the connection (FIN) {} after the ClientHello{} and sent no TLS record",
        context.path.flow.server,
        span(fin.time.since(h.hello.time)),
        if acked {
            ", which it had acknowledged,"
        } else {
            ", which it had not acknowledged,"
        }
    );
    let sure = if acked { 0.9 } else { 0.6 };
    let marks = [fin].into_iter().chain(h.hello_marks());
    if is_too_early(&h, fin) {
        let what = what + ", sooner than it can have known of the connection";
        return Some(Claim::new(what, sure, marks).blaming(Blame::Interceptor));
    }
    Some(Claim::new(what, sure, marks))
}

/// It came less than half a round trip after the client's ACK: the server, for which the connection stands only once it
/// has that ACK, can't have sent it. Not told from round trips so short that the capture's clock decides.
fn is_too_early(h: &Handshake<'_>, fin: Mark) -> bool {
    let (Some(rtt), Some(ack)) = (h.context.rtt(), h.tcp.ack) else {
        return false;
    };
    rtt > Duration::from_millis(10) && fin.time.since(ack.time) < rtt / 2
}

/// A FIN without acknowledgement of the hello: neither on its way already when the hello was sent, nor so late
/// that the server gave up waiting for it.
fn is_answer(h: &Handshake<'_>, fin: Mark) -> bool {
    let after = fin.time.since(h.hello.time);
    h.context.rtt().is_some_and(|rtt| after >= rtt * 4 / 5) && after < LONG
}
