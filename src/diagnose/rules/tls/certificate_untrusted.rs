//! Nobody whom the device trusts issued the server's certificate, and the device refuses it.
//!
//! ## What it means
//! A certificate counts when a known authority signed it. This one signed itself, or was signed by an issuer that is
//! neither a public authority nor a listed interception product. A box in between shows its own, or the server is not
//! the service's.
//!
//! ## What we look for
//! A self-signed certificate or an unknown issuer, and the client's refusal: a fatal alert, or leaving at once.
//! Certificates can be read in TLS 1.2 and below. The list of public authorities is not complete.
//!
//! ## How sure
//! Surest for a self-signed certificate refused with unknown_ca; less for an issuer that is just not listed.
//!
//! ## What to do
//! If the network has a login page, open it in the browser. Switch off VPN, filter and antivirus apps that read TLS,
//! and try another network. Do not install a certificate because a page asks for it.
//!
//! ## Often confused with
//! tls.intercepted (the issuer is a known product), tls.certificate-name-mismatch (it is for other names).
//!
//! ## References
//! RFC 5280 section 6, RFC 8446 sections 4.4.2.2 and 6.2.

use super::certificate::Shown;
use super::common::{Handshake, short};
use super::intercepted;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};

pub(super) static RULE: Rule = Rule {
    id: "tls.certificate-untrusted",
    stage: Stage::Tls,
    severity: Severity::Broken,
    blame: Blame::Interceptor,
    over: &["tls.alert-from-client", "tls.client-rejected"],
    check: Check::Path(check),
    source: include_str!("certificate_untrusted.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let shown = Shown::of(Handshake::of(context)?)?;
    let leaf = shown.leaf;
    let self_signed = leaf.self_signed;
    let mut chain = shown.chain.certificates.iter();
    let public = chain.any(|c| c.names_public_ca());
    if (public && !self_signed) || intercepted::product(&shown).is_some() {
        return None;
    }
    let refusal = shown.refusal()?;
    let what = format!(
        "the server's certificate was {} \"{}\"{}; {}",
        if self_signed {
            "signed by itself:"
        } else {
            "issued by"
        },
        short(&leaf.issuer),
        if self_signed {
            ""
        } else {
            ", which is no known public authority"
        },
        refusal.words()
    );
    let listed = if self_signed { 0.0 } else { 0.12 };
    let sure = refusal.sure(&[48]) - listed;
    Some(Claim::new(what, sure, shown.marks(refusal)).with("issuer", leaf.issuer.as_str()))
}
