//! The device refused the TLS handshake with an alert that can be read.
//!
//! ## What it means
//! The server, or something in its place, answered, and the app or system on the device did not like it and said so.
//! unknown_ca, bad_certificate, certificate_unknown and certificate_expired are about the certificate: it was issued
//! by somebody whom the device does not trust, is not the one the app insists on, or does not fit the device's clock.
//!
//! ## What we look for
//! A readable alert of level fatal from the client before the handshake was over, and no alert and no close of the
//! server before it. close_notify and user_canceled are a change of mind, not a refusal.
//!
//! ## How sure
//! Very: it is read, not guessed. What exactly was wrong with the certificate shows only in TLS 1.2 and below. The
//! server and not the device is blamed for unknown_ca where it sent its own certificate alone, without that of the
//! issuer, and for offering nothing newer than TLS 1.1.
//!
//! ## What to do
//! Check the date and time of the device. Switch off VPN, filter and antivirus apps that read TLS, and try another
//! network. If it stays the same everywhere, update the app and the system.
//!
//! ## Often confused with
//! tls.intercepted, tls.certificate-expired, tls.certificate-not-yet-valid, tls.certificate-name-mismatch,
//! tls.certificate-untrusted (they decide where the certificate can be read), tls.client-rejected (the alert is
//! encrypted), tls.alert-from-server.
//!
//! ## References
//! RFC 8446 section 6.2, RFC 5246 section 7.2.2.

use super::certificate;
use super::common::{Handshake, not_before};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::tls::{Alert, CertificateChain};
use crate::types::Side;

pub(super) static RULE: Rule = Rule {
    id: "tls.alert-from-client",
    stage: Stage::Tls,
    severity: Severity::Broken,
    blame: Blame::Device,
    over: &[],
    check: Check::Path(check),
    source: include_str!("alert_from_client.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let h = Handshake::unfinished(context)?;
    let alert = h.tls.fatal_alert(Side::Client)?;
    let earlier =
        |a: &Alert| a.from == Side::Server && a.is_fatal() && not_before(alert.mark, a.mark);
    // What it answers is not in the capture: it may have been the server's refusal.
    let answers_end = alert.description == 50 && h.tls.certificate.is_none();
    let unclear = (h.tls.server_hello.is_none() || answers_end) && h.lacks(Side::Server);
    // The server left first, and the client only says that it had more to expect.
    let gone = h.left(Side::Server);
    let gone = gone.is_some_and(|left| not_before(alert.mark, left));
    if unclear || gone || alert.description == 90 || h.tls.alerts.iter().any(earlier) {
        return None;
    }
    let mut what = format!(
        "the client answered {} with the fatal alert {} ({})",
        if h.tls.server_hello.is_some() {
            "the server's part of the handshake"
        } else {
            "what came from the server"
        },
        alert.name(),
        alert.description
    );
    let unlinked = is_unlinked(&h, alert);
    what += if unlinked {
        ": the server sent its own certificate alone, without that of the CA that issued it"
    } else {
        meaning(&h, alert)
    };
    let answered = context.path.progress.answered;
    let chain = h.tls.certificate.as_ref().map(|chain| chain.mark);
    let marks = [alert.mark].into_iter().chain(chain.or(answered));
    let claim = Claim::new(what, 0.95, marks).with("alert", alert.name());
    Some(if unlinked || is_outdated(&h, alert) {
        claim.blaming(Blame::Edge)
    } else {
        claim
    })
}

/// The server left out the CAs between its certificate and the root (RFC 5246 section 7.4.2), a common mistake.
fn is_unlinked(h: &Handshake<'_>, alert: &Alert) -> bool {
    let alone = |chain: &CertificateChain| {
        let leaf = chain.certificates.first();
        chain.sent == 1 && leaf.is_some_and(|leaf| !leaf.self_signed)
    };
    alert.description == 48 && h.tls.certificate.as_deref().is_some_and(alone)
}

/// The server goes no higher than TLS 1.1, which nobody may speak any more (RFC 8996), and the device says so.
fn is_outdated(h: &Handshake<'_>, alert: &Alert) -> bool {
    let version = h.tls.server_hello.as_ref().map(|s| s.version);
    alert.description == 70 && version.is_some_and(|v| v <= 0x0302)
}

fn meaning(h: &Handshake<'_>, alert: &Alert) -> &'static str {
    match alert.description {
        45 if certificate::is_in_date(h) == Some(true) => {
            ", although the certificate is in date by the capture's clock: the device's clock may be wrong"
        }
        45 => ": by its clock the certificate is out of date",
        42 | 46 => ": it does not accept the certificate, as an app does that insists on its own",
        44 => ": the certificate is revoked",
        48 => ": it does not know who issued the certificate",
        70 if is_outdated(h, alert) => {
            ": the server speaks no TLS version that is still in use (RFC 8996)"
        }
        70 => ": the server wants a TLS version that it does not speak",
        121 => ": its encrypted hello (ECH) was not accepted",
        10 | 20 | 21 | 22 | 47 | 50 | 51 | 110 => ": what it got is not what the protocol allows",
        _ => "",
    }
}
