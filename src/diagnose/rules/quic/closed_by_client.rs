//! The device broke the QUIC handshake off with an error.
//!
//! ## What it means
//! The server answered the connection request, and the device closed the connection before the handshake was over,
//! naming an error: it could not accept what the server sent.
//!
//! ## What we look for
//! A CONNECTION_CLOSE frame with an error from the client in an Initial packet, after the server's first answer and
//! without a completed handshake. A close without error, or on behalf of the app, is a connection that was no longer
//! wanted (a lost race, a closed tab) and no failure. Some clients that refuse the certificate say so in an Initial as
//! well; others close under later keys only, which cannot be seen.
//!
//! ## How sure
//! Very sure that the device closed; why, only the error says.
//!
//! ## What to do
//! With unknown_ca, bad_certificate, certificate_expired or certificate_unknown it is about the certificate: check the
//! device's clock, and try without VPN, proxy or security product, and on another network. Otherwise update the
//! app, or report the error named here to its maker.
//!
//! ## Often confused with
//! quic.closed-by-server (the server closed), quic.handshake-stalled (nobody closed), a race that another connection
//! won (no fault).
//!
//! ## References
//! RFC 9000 sections 10.2, 19.19 and 20.1, RFC 9001 section 4.8.

use super::closed_by_server::{first_close, in_words, with_error};
use super::common::{is_cancelled, lost_race, severity, sure};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::types::Side;

pub(super) static RULE: Rule = Rule {
    id: "quic.closed-by-client",
    stage: Stage::Quic,
    severity: Severity::Broken,
    blame: Blame::Device,
    over: &[],
    check: Check::Path(check),
    source: include_str!("closed_by_client.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let quic = context.quic()?;
    let close = first_close(quic, Side::Client)?;
    let answer = quic.server_first?;
    if is_cancelled(close) || answer.time > close.mark.time || lost_race(context, quic) {
        return None;
    }
    let what = format!(
        "the device closed the connection to {} during the handshake: {}",
        context.path.flow.server,
        in_words(close)
    );
    let marks = [Some(close.mark), Some(answer), quic.client_first];
    let claim = Claim::new(what, sure(context, 0.9), marks.into_iter().flatten());
    Some(with_error(claim, close).as_severe_as(severity(context)))
}
