//! The request was delivered, and no response ever came.
//!
//! ## What it means
//! The connection stands, the device has asked, the server's system has confirmed that it got the question, and then
//! nothing. The service behind the server hangs or is overloaded; or something on the way takes the question and
//! keeps it.
//!
//! ## What we look for
//! A request that the server acknowledged, and no byte of a response while the client waited: 8 s where the client
//! then gave up, 20 s (30 s inside TLS) where it still waits when the capture ends. In the clear the request is read.
//! Inside TLS it is the first data of a connection that is too large to be the opening of HTTP/2, or any data where
//! the server says nothing at all; session tickets and settings, known by their sizes, are no response. TLS counts
//! only where the client offers HTTP (ALPN): tunnels and push services may leave a message unanswered. Later requests
//! inside TLS are not judged: messages that want no answer look the same. Nor are requests inside QUIC.
//!
//! ## How sure
//! 0.9 in the clear, 0.8 inside TLS; less where the server sent what may be settings, or the client still waits. If
//! another network gets responses, something on the first one takes the requests and drops them. A server that holds
//! a request on purpose until there is news (long polling) answers in the end, or is left later.
//!
//! ## What to do
//! Try again; if other services work, the service is at fault: report it with the time and the server's address.
//!
//! ## Often confused with
//! http.slow-response (it came after all), http.reset (the server closed instead), media.stalled (the request itself
//! was not confirmed, or the response began), tls.stalled (the handshake was not over).
//!
//! ## References
//! RFC 9110 section 3.4, RFC 9112 section 9.5, RFC 9293 section 3.4.

use super::common::{ended, is_acked, last_request, seconds};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::tcp::TcpFacts;
use crate::types::{Mark, Side, Timestamp};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "http.no-response",
    stage: Stage::Http,
    severity: Severity::Broken,
    blame: Blame::Service,
    over: &[],
    check: Check::Path(check),
    source: include_str!("no_response.rs"),
};

/// A client that leaves sooner may have had other reasons.
const LEFT: Duration = Duration::from_secs(8);
/// A client that still waits may be waiting on purpose.
const WAITS: Duration = Duration::from_secs(20);
/// The same inside TLS, where more than requests is carried.
const WAITS_INSIDE: Duration = Duration::from_secs(30);
/// Longer than a server holds a request on purpose.
const LONG: Duration = Duration::from_secs(90);

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let tcp = context.tcp()?;
    let asked = last_request(context).filter(|a| a.http && a.answered.is_none())?;
    let acked = is_acked(tcp, &asked)?;
    let end = ended(tcp);
    let (left, until) = left(context, tcp);
    let waited = until.since(asked.sent.time);
    let due = due(left.is_some(), asked.plain);
    let quiet = context
        .silence_until(&[asked.sent], Some(until))
        .is_proven();
    if waited < due || !quiet || context.packets_missing() || server_data_after(context, &asked) {
        return None;
    }
    let sure = match (
        asked.plain,
        asked.control_only,
        left.is_some() || waited >= LONG,
    ) {
        (true, _, true) => 0.9,
        (false, false, true) => 0.8,
        (true, _, false) | (_, true, true) => 0.75,
        _ => 0.65,
    };
    let what = format!(
        "{} was acknowledged by {}, and no response came in {}{}",
        asked.words,
        context.path.flow.server,
        seconds(waited),
        match end {
            Some((Side::Client, _)) => "; then the client gave up",
            Some((Side::Server, _)) => "; then the server closed the connection",
            None => "",
        }
    );
    let marks = [asked.sent, acked].into_iter().chain(left);
    Some(Claim::new(what, sure, marks))
}

/// When somebody left, and until when there was waiting.
pub(super) fn left(context: &PathContext<'_>, tcp: &TcpFacts) -> (Option<Mark>, Timestamp) {
    let farewell = context.tls().and_then(|t| t.farewell[Side::Client]);
    let ends = ended(tcp).map(|(_, m)| m).into_iter().chain(farewell);
    let left = ends.min_by_key(|m| m.time);
    (left, left.map_or(context.end(), |m| m.time))
}

/// How long nothing has to come.
pub(super) const fn due(left: bool, plain: bool) -> Duration {
    match (left, plain) {
        (true, _) => LEFT,
        (false, true) => WAITS,
        (false, false) => WAITS_INSIDE,
    }
}

/// In the clear: bytes of the server after the request that were not understood are a response all the same.
pub(super) fn server_data_after(context: &PathContext<'_>, asked: &super::common::Asked) -> bool {
    let last = context
        .tcp()
        .and_then(|t| t.half[Side::Server].last_new_data);
    asked.plain && last.is_some_and(|m| m.time > asked.sent.time)
}
