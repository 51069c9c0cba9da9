//! The server took long to begin its response.
//!
//! ## What it means
//! Everything up to the request was quick, then the server let the device wait. The service is slow or overloaded, or the
//! edge it runs behind fetches from far away.
//!
//! ## What we look for
//! The first request of a connection and the first byte of its response, with more than 2 s in between (`--limit
//! http.slow-response=…`). Inside TLS, where the client offers HTTP (ALPN), the request shows by its size, and session
//! tickets and settings are not taken for the response. Where the request or the response had to be sent again meanwhile,
//! the server is not to blame, and nothing is said. Beyond 15 s it is only noted: servers hold requests for that long until
//! there is news (long polling). Requests inside QUIC, and later ones inside TLS, are not looked at.
//!
//! ## How sure
//! 0.9 in the clear, 0.7 inside TLS.
//!
//! ## What to do
//! If it is slow over other networks as well, the service is: wait, or report it. If only here, look at the network: a VPN
//! or proxy may take its time.
//!
//! ## Often confused with
//! tcp.slow-connect and tls.slow (the way is long), tcp.lossy (packets are lost and sent again), http.no-response (nothing
//! ever came).
//!
//! ## References
//! RFC 9110 section 3.4, RFC 6202 section 2.1.

use super::common::{first_request, seconds};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::tcp::{Half, TcpFacts};
use crate::types::Mark;
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "http.slow-response",
    stage: Stage::Http,
    severity: Severity::Degraded,
    blame: Blame::Service,
    over: &[],
    check: Check::Path(check),
    source: include_str!("slow_response.rs"),
};

/// A server that answers later than this may have held the request on purpose.
const HELD: Duration = Duration::from_secs(15);

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let asked = first_request(context).filter(|a| a.http)?;
    let answered = asked.answered?;
    let took = answered.time.since(asked.sent.time);
    if took <= context.world.thresholds.http_slow_response || context.packets_missing() {
        return None;
    }
    if lost_meanwhile(context.tcp()?, asked.sent, answered) {
        return None;
    }
    let what = format!(
        "{} to {} was sent, and the response began {} later",
        asked.words,
        context.path.flow.server,
        seconds(took),
    );
    let sure = if asked.plain { 0.9 } else { 0.7 };
    let took_ms = (took.as_secs_f64() * 1e4).round() / 10.0;
    let claim = Claim::new(what, sure, [asked.sent, answered]).with("took_ms", took_ms);
    Some(if took > HELD {
        claim.as_severe_as(Severity::Note)
    } else {
        claim
    })
}

/// The request or the response had to be sent again: the way is to blame for the time, not the server.
pub(super) fn lost_meanwhile(tcp: &TcpFacts, from: Mark, to: Mark) -> bool {
    let within = |m: &Mark| m.time >= from.time && m.time <= to.time;
    let shows = |half: &Half| half.lost_marks.iter().any(within);
    tcp.half.0.iter().any(shows)
}
