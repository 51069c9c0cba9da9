//! The server refused the TLS handshake and said why, with an alert.
//!
//! ## What it means
//! The other end took the greeting and answered with a fatal TLS alert. Its name is the reason: it does not serve
//! this host name (unrecognized_name), there is no common ground (handshake_failure, protocol_version,
//! no_application_protocol), it denies access (access_denied) or has trouble of its own (internal_error).
//!
//! ## What we look for
//! A readable alert of level fatal with the server's address before the handshake was over, and none of the
//! client before it. A warning counts where the server closes right after it without having sent a ServerHello.
//!
//! ## How sure
//! Very: it is read, not guessed. Alerts in the clear carry no signature, so a box in between could have written it.
//!
//! ## What to do
//! For unrecognized_name, check which addresses the name resolves to: the wrong server was asked. For
//! handshake_failure or protocol_version, update the app or system. Otherwise report it to the service with this capture.
//!
//! ## Often confused with
//! tls.alert-from-client (the device refuses), tls.closed-after-hello (no alert), tls.server-rejected (the alert is
//! encrypted).
//!
//! ## References
//! RFC 8446 section 6, RFC 5246 section 7.2, RFC 6066 section 3, RFC 7301 section 3.2.

use super::common::{Handshake, not_before};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::tls::Alert;
use crate::types::Side;

pub(super) static RULE: Rule = Rule {
    id: "tls.alert-from-server",
    stage: Stage::Tls,
    severity: Severity::Broken,
    blame: Blame::Edge,
    over: &[],
    check: Check::Path(check),
    source: include_str!("alert_from_server.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let h = Handshake::unfinished(context)?;
    let alert = h.tls.fatal_alert(Side::Server).or_else(|| last_word(&h))?;
    let client_first = |a: &Alert| a.from == Side::Client && not_before(alert.mark, a.mark);
    let left = h.left(Side::Client);
    let gone = left.is_some_and(|left| !not_before(left, alert.mark));
    if h.tls.alerts.iter().any(client_first) || gone {
        return None;
    }
    let what = format!(
        "{} {} with the {} alert {} ({}){}",
        context.path.flow.server,
        match h.tls.server_hello {
            Some(_) => "broke the handshake off",
            None => "answered the ClientHello",
        },
        if alert.level == 2 { "fatal" } else { "warning" },
        alert.name(),
        alert.description,
        meaning(&h, alert)
    );
    let sure = if alert.is_fatal() { 0.95 } else { 0.85 };
    let marks = [alert.mark].into_iter().chain(h.hello_marks());
    let claim = Claim::new(what, sure, marks).with("alert", alert.name());
    Some(if about_client_certificate(&h, alert) {
        claim.blaming(Blame::Device)
    } else {
        claim
    })
}

/// A warning after which the server left, without having taken part in the handshake.
fn last_word<'c>(h: &Handshake<'c>) -> Option<&'c Alert> {
    let answered = h.tls.server_hello.is_some() || h.tls.retry_request.is_some();
    let left = h.ended_by(Side::Server)?;
    let mut alerts = h.tls.alerts.iter();
    alerts.find(|a| a.from == Side::Server && !answered && not_before(left, a.mark))
}

/// The server asked for a certificate of the client and refuses what it got, or that it got none.
fn about_client_certificate(h: &Handshake<'_>, alert: &Alert) -> bool {
    let certificate = matches!(alert.description, 41..=46 | 48 | 116);
    certificate && h.tls.client_certificate.is_some() || none_given(h, alert)
}

/// It asked for a certificate and got an empty list, or one of no use: TLS 1.2 servers say handshake_failure then (RFC 5246 section 7.4.6).
fn none_given(h: &Handshake<'_>, alert: &Alert) -> bool {
    let asked = h.tls.certificate_request;
    let after = asked.is_some_and(|asked| not_before(alert.mark, asked));
    alert.description == 40 && after
}

fn meaning(h: &Handshake<'_>, alert: &Alert) -> &'static str {
    match alert.description {
        0 => ": it closes without taking part",
        40 if none_given(h, alert) => {
            ": it had asked for a client certificate and got none that it takes"
        }
        40 => ": no common parameters, or it refuses this client or name",
        41..=46 | 48 | 116 if h.tls.client_certificate.is_some() => {
            ": it does not accept the client's certificate"
        }
        49 => ": it, or a proxy in its place, denies access",
        70 => ": no common TLS version",
        71 => ": the client's ciphers are too weak for it",
        80 => ": it has trouble of its own",
        86 => ": the client retried with an older version than both can speak",
        112 => ": it does not serve this name",
        120 => ": it speaks none of the protocols offered (ALPN)",
        _ => "",
    }
}
