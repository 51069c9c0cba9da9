//! The server turned the QUIC connection down during the handshake.
//!
//! ## What it means
//! The server answered the connection request with "close" (CONNECTION_CLOSE) and an error, before the handshake was
//! over: it has no HTTP/3 for that name, no certificate for it, is overloaded, or does not like what the device
//! offers. Browsers and apps then use TCP.
//!
//! ## What we look for
//! A CONNECTION_CLOSE frame from the server in an Initial packet, which can be read without keys, and a handshake
//! that did not complete. Closes that are sent under later keys cannot be seen.
//!
//! ## How sure
//! Very sure. Somebody in between who reads the first packets could forge it; that was not observed so far.
//!
//! ## What to do
//! Nothing is wrong with the network on the way. Compare with another server or region; if it is the same
//! everywhere, report it to the service with the error and the alert named here.
//!
//! ## Often confused with
//! quic.closed-by-client (the device closed), quic.version-unsupported (the version, not the content, was turned
//! down), tls.alert-from-server (the same over TCP).
//!
//! ## References
//! RFC 9000 sections 10.2, 19.19 and 20.1, RFC 9001 section 4.8, RFC 8446 section 6.

use super::common::{severity, sure};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::quic::{Close, QuicFacts};
use crate::fact::tls::alert_name;
use crate::types::Side;

pub(super) static RULE: Rule = Rule {
    id: "quic.closed-by-server",
    stage: Stage::Quic,
    severity: Severity::Broken,
    blame: Blame::Edge,
    over: &[],
    check: Check::Path(check),
    source: include_str!("closed_by_server.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let quic = context.quic()?;
    let close = first_close(quic, Side::Server)?;
    let what = format!(
        "{} closed the connection during the handshake: {}",
        context.path.flow.server,
        in_words(close)
    );
    let marks = [Some(close.mark), quic.client_first];
    let claim = Claim::new(what, sure(context, 0.95), marks.into_iter().flatten());
    Some(with_error(claim, close).as_severe_as(severity(context)))
}

/// The close that ended a handshake: the first one of the connection, from that side, never followed by success.
pub(super) fn first_close(quic: &QuicFacts, from: Side) -> Option<&Close> {
    let close = quic.closes.first().filter(|c| c.from == from)?;
    let reused = quic.reused.is_some_and(|m| m.time > close.mark.time);
    (!quic.handshake_complete() || reused).then_some(close)
}

/// Error, alert and reason.
pub(super) fn in_words(close: &Close) -> String {
    let mut text = match close.alert() {
        Some(alert) => format!("{}, TLS alert {}", error(close), alert_name(alert)),
        None => error(close),
    };
    if !close.reason.is_empty() {
        text += &format!(", \"{}\"", close.reason);
    }
    text
}

/// The error's name; the alert of a CRYPTO_ERROR is told beside it.
fn error(close: &Close) -> String {
    match close.alert() {
        Some(_) => "CRYPTO_ERROR".to_owned(),
        None => close.name().into_owned(),
    }
}

/// The fields of a close.
pub(super) fn with_error(claim: Claim, close: &Close) -> Claim {
    let mut claim = claim.with("error", error(close));
    if let Some(alert) = close.alert() {
        claim = claim.with("alert", alert_name(alert));
    }
    if !close.reason.is_empty() {
        claim = claim.with("reason", close.reason.as_str());
    }
    claim
}
