//! The certificate was not the service's own: a product that reads TLS traffic issued it.
//!
//! ## What it means
//! A proxy, firewall, antivirus or filter sits between the device and the service, opens the encrypted connection
//! and shows a certificate of its own making. A device or app that does not trust the maker refuses it. Apps that
//! insist on their own certificates (pinning) always do.
//!
//! ## What we look for
//! An issuer in the certificate chain that is listed as such a product, and the client's refusal: a fatal alert, or
//! leaving at once. Where the client accepts the certificate it is only a note, and only where the certificate
//! covers the name asked for. Certificates can be read in TLS 1.2 and below.
//!
//! ## How sure
//! Very, where the issuer bears the product's own name; less for names that are common words.
//!
//! ## What to do
//! On a work or school device or network, ask its administrators to exempt this service. On your own, switch off
//! "HTTPS scanning" in the antivirus or filter app, or try mobile data. Do not install a certificate because a
//! page asks for it.
//!
//! ## Often confused with
//! tls.certificate-untrusted (the issuer is nobody known), tls.alert-from-client (the certificate can't be read).
//!
//! ## References
//! RFC 5246 section 7.4.2, RFC 8446 section 4.4.2; Durumeric et al.: The Security Impact of HTTPS Interception, NDSS 2017.

use super::certificate::{Date, Refusal, Shown, date};
use super::common::{Handshake, short};
use crate::data::Interceptor;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};

pub(super) static RULE: Rule = Rule {
    id: "tls.intercepted",
    stage: Stage::Tls,
    severity: Severity::Broken,
    blame: Blame::Interceptor,
    over: &[
        "tls.certificate-expired",
        "tls.certificate-not-yet-valid",
        "tls.certificate-name-mismatch",
        "tls.certificate-untrusted",
        "tls.alert-from-client",
        "tls.client-rejected",
    ],
    check: Check::Path(check),
    source: include_str!("intercepted.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let shown = Shown::of(Handshake::of(context)?)?;
    let product = product(&shown)?;
    let asked = shown.h.asked()?;
    let refusal = shown.refusal();
    if refusal.is_none() && shown.covers(asked) != Some(true) {
        return None;
    }
    let what = format!(
        "the certificate for {} was issued by \"{}\", as {} does{}; {}",
        short(asked),
        short(&shown.leaf.issuer),
        product.product,
        match date(shown.chain) {
            Some(Date::Expired) => ", and is out of date",
            Some(Date::NotYetValid) => ", and is not valid yet",
            _ => "",
        },
        refusal.map_or_else(|| "the client did not refuse it".to_owned(), Refusal::words)
    );
    let sure = match (product.strong, refusal) {
        (true, Some(refusal)) => refusal.sure(&[42, 46, 48]),
        (true, None) => 0.9,
        (false, _) => 0.6,
    };
    let marks = refusal.map(Refusal::mark);
    let marks = marks.into_iter().chain([shown.chain.mark, shown.h.hello]);
    let claim = Claim::new(what, sure, marks)
        .with("issuer", shown.leaf.issuer.as_str())
        .with("product", product.product);
    Some(if refusal.is_some() {
        claim
    } else {
        claim.as_severe_as(Severity::Note)
    })
}

/// The first product that an issuer of the chain names, strong names first.
pub(super) fn product(shown: &Shown<'_>) -> Option<&'static Interceptor> {
    let found = || {
        let chain = shown.chain.certificates.iter();
        chain.filter_map(|certificate| certificate.product())
    };
    found().find(|i| i.strong).or_else(|| found().next())
}
