//! The device fell silent in the TLS handshake: the server's part arrived, and the device never went on.
//!
//! ## What it means
//! The server sent its certificate and everything else, the device acknowledged it, and then neither finished nor
//! refused. The app hangs, waits for somebody (a choice of certificates, a check of the certificate over the
//! network), or was put to sleep.
//!
//! ## What we look for
//! The server's flight complete and acknowledged, no further message of the client, for three seconds or more, until
//! the connection or the capture ended.
//!
//! ## How sure
//! Sure in TLS 1.2, where the end of the server's part can be read. In TLS 1.3 it shows only by size.
//!
//! ## What to do
//! Restart the app. Check that the device can reach other names at the same time, since some systems ask the
//! certificate's issuer for its state first. On a phone, exempt the app from battery saving.
//!
//! ## Often confused with
//! tls.client-rejected (the client leaves at once), tls.stalled (the server's part is not complete).
//!
//! ## References
//! RFC 8446 section 4.4, RFC 5246 section 7.3.

use super::client_rejected::whole_flight;
use super::common::{CUT_OUT, Handshake, LONG, span};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::types::Side;

pub(super) static RULE: Rule = Rule {
    id: "tls.client-silent",
    stage: Stage::Tls,
    severity: Severity::Broken,
    blame: Blame::Device,
    over: &[],
    check: Check::Path(check),
    source: include_str!("client_silent.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let h = Handshake::unfinished(context)?;
    let (tls, server, client) = (h.tls, h.server(), h.client());
    let flight = match &tls.retry_request {
        Some(retry) if tls.server_hello.is_none() && tls.second_hello.is_none() => retry.mark,
        _ => whole_flight(&h)?,
    };
    let flight = server.last_new_data.map_or(flight, |last| {
        if last.time > flight.time {
            last
        } else {
            flight
        }
    });
    let spoke = tls.client_finished.is_some()
        || tls.client_flight.is_some()
        || tls.client_key_exchange.is_some()
        || tls.client_certificate.is_some()
        || !tls.records[Side::Client].is_empty()
        || !tls.alerts.is_empty()
        || client
            .last_new_data
            .is_some_and(|mark| mark.time > flight.time);
    let acked = server.acked >= server.sent;
    if spoke || !acked || !h.followed(Side::Client) || !h.followed(Side::Server) || h.tcp.midstream
    {
        return None;
    }
    let quiet = h.until_end(flight);
    if !(LONG..CUT_OUT).contains(&quiet) || !context.silence(&[h.hello]).is_proven() {
        return None;
    }
    let what = format!(
        "the server's part of the handshake was complete (frame {}) and acknowledged; the client sent nothing more in {}",
        flight.frame.0,
        span(quiet)
    );
    let sure: f64 = if tls.is_tls13() { 0.7 } else { 0.9 };
    let sure = if context.packets_missing() {
        sure - 0.2
    } else {
        sure
    };
    let marks = [Some(flight), server.acked_at, Some(h.hello)];
    Some(Claim::new(what, sure, marks.into_iter().flatten()))
}
