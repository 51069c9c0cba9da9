//! The connection was closed or reset when the device had sent its request.
//!
//! ## What it means
//! The connection stood, the device asked, and instead of a response came a reset (RST) or a close (FIN). A filter that
//! looks at requests does this, and so does a server or proxy that crashes or refuses without a word.
//!
//! ## What we look for
//! The first request of a connection, sent within 5 s after the connection was ready, no byte of a response, and an RST or
//! FIN with the server's address within 5 s, before the client itself closed. Requests on a connection that was idle
//! before are left out: the server's end of the waiting time may just have crossed them. `injected` is true only where the
//! server goes on sending, or two signs (TTL, place in the stream, time) speak against the server as the sender.
//!
//! ## How sure
//! 0.9 in the clear, 0.8 inside TLS, where the request shows by its size; 0.95 where the reset is proven to be forged.
//!
//! ## What to do
//! Try another network. If it works there, the first one (or a firewall or VPN on the device) cuts such requests. If it
//! happens everywhere, the service has trouble: report it.
//!
//! ## Often confused with
//! tls.reset-after-hello and tls.reset-mid-handshake (before the request), tls.server-rejected (the server says so in an
//! alert), media.reset (the response had begun).
//!
//! ## References
//! RFC 9112 sections 9.3.1 and 9.5, RFC 9293 section 3.5.2; Weaver, Sommer, Paxson, NDSS 2009.

use super::common::{Asked, ended, first_request, not_after, seconds};
use crate::diagnose::rules::tcp::witness::weigh;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::types::{Mark, Side};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "http.reset",
    stage: Stage::Http,
    severity: Severity::Broken,
    blame: Blame::Service,
    over: &[],
    check: Check::Path(check),
    source: include_str!("reset.rs"),
};

/// What happens later than this is the end of some waiting.
const SOON: Duration = Duration::from_secs(5);

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let tcp = context.tcp()?;
    let (Side::Server, cut) = ended(tcp)? else {
        return None;
    };
    // What the server still sends after a reset reaches nobody.
    let asked = first_request(context)?;
    let answered = asked.answered.is_some_and(|a| not_after(a, cut));
    let alert = context.tls().is_some_and(|t| {
        t.last_record[Side::Server].is_some()
            || t.farewell.0.iter().any(Option::is_some)
            || !t.alerts.is_empty()
    });
    let reset = tcp.reset_from(Side::Server).filter(|r| r.mark == cut);
    let said = reset.map_or(tcp.half[Side::Server].sent, |r| r.sent);
    let said = asked.plain && said > 0;
    // A client that takes what comes after the reset has not heeded it.
    if reset.is_some_and(|r| tcp.half[Side::Server].acked > r.sent) {
        return None;
    }
    // The server acknowledges a FIN of the client that the capture lacks.
    let client = &tcp.half[Side::Client];
    let left = client.fin.is_none() && client.acked > client.sent;
    let excused = alert || answered || said || left;
    if excused || is_elsewhen(&asked, cut) || context.packets_missing() {
        return None;
    }
    let doubts = reset.map(|r| weigh(context, r, Some(asked.sent)));
    let injected = doubts.as_ref().is_some_and(|d| d.suffice());
    let words = doubts
        .as_ref()
        .map(|d| d.words.join("; "))
        .unwrap_or_default();
    let what = format!(
        "{} to {} was answered with a {} after {}, without a response{}{words}",
        asked.words,
        context.path.flow.server,
        if reset.is_some() {
            "reset (RST)"
        } else {
            "close (FIN)"
        },
        seconds(cut.time.since(asked.sent.time)),
        if words.is_empty() { "" } else { "; " },
    );
    let sure = match (injected, asked.plain) {
        (true, _) => 0.95,
        (_, true) => 0.9,
        _ => 0.8,
    };
    let more = doubts.map(|d| d.marks).unwrap_or_default();
    let marks = [cut, asked.sent].into_iter().chain(more);
    let claim = Claim::new(what, sure, marks).with("injected", injected);
    Some(if injected {
        claim.blaming(Blame::Interceptor)
    } else {
        claim
    })
}

pub(super) fn is_elsewhen(asked: &Asked, cut: Mark) -> bool {
    asked.first.time.since(asked.ready) >= SOON
        || cut.time < asked.sent.time
        || cut.time.since(asked.sent.time) >= SOON
}
