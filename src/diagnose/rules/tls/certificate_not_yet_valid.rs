//! The server's certificate is not valid yet, and the device refuses it.
//!
//! ## What it means
//! A certificate is valid for a fixed time. This one begins after the packet was captured. Nearly always the
//! device's clock is behind; seldom the server shows a certificate that is meant for later.
//!
//! ## What we look for
//! The begin of validity (notBefore) of the server's own certificate after the time of the packet that carried it,
//! and the client's refusal: a fatal alert, or leaving at once. Certificates can be read in TLS 1.2 and below.
//!
//! ## How sure
//! Surest with the alert certificate_expired, which stands for both ends of the validity. Where another server's
//! certificate is in date at the same time, the server is blamed instead of the clock.
//!
//! ## What to do
//! Set the date and time of the device, best to "automatic", and try again.
//!
//! ## Often confused with
//! tls.certificate-expired (the clock is ahead, or the certificate old), tls.intercepted (boxes make certificates
//! on the spot, with their own clock).
//!
//! ## References
//! RFC 5280 section 4.1.2.5, RFC 8446 section 6.2.

use super::certificate::{Date, Shown, date, others, rfc3339};
use super::common::{Handshake, other_servers};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};

pub(super) static RULE: Rule = Rule {
    id: "tls.certificate-not-yet-valid",
    stage: Stage::Tls,
    severity: Severity::Broken,
    blame: Blame::Device,
    over: &["tls.alert-from-client", "tls.client-rejected"],
    check: Check::Path(check),
    source: include_str!("certificate_not_yet_valid.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let shown = Shown::of(Handshake::of(context)?)?;
    if date(shown.chain)? != Date::NotYetValid {
        return None;
    }
    let refusal = shown.refusal()?;
    let others = others(&shown.h, Date::NotYetValid);
    let not_before = rfc3339(shown.leaf.not_before);
    let mut what = format!(
        "the server's certificate is valid from {not_before} on, after this packet; {}",
        refusal.words()
    );
    if others.same > 0 {
        what += &format!("; so are those of {}", other_servers(others.same));
    }
    if others.in_date > 0 {
        what += &format!(
            "; {} showed certificates in date, so the clock is not the reason",
            other_servers(others.in_date)
        );
    }
    let claim = Claim::new(what, refusal.sure(&[42, 45]), shown.marks(refusal))
        .with("not_before", not_before);
    Some(if others.in_date > 0 {
        claim.blaming(Blame::Edge)
    } else {
        claim
    })
}
