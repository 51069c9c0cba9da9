//! The server's certificate is for other names than the one asked for, and the device refuses it.
//!
//! ## What it means
//! The device asked for one host name and was shown the certificate of another. It was sent to the wrong server
//! (by a forged DNS answer, a proxy or a login page of the network), or the server has no certificate for this name.
//!
//! ## What we look for
//! A server_name in the ClientHello that no name of the certificate covers, and the client's refusal: a fatal
//! alert, or leaving at once. Certificates can be read in TLS 1.2 and below.
//!
//! ## How sure
//! Surer with a certificate alert than where the client just left.
//!
//! ## What to do
//! If the network has a login page, open it in the browser. Otherwise compare the address with what another
//! resolver or network gives for this name: a different one means that the answer was changed.
//!
//! ## Often confused with
//! tls.certificate-untrusted (the name fits, the issuer is unknown), tls.intercepted, dns.injected (a forged answer led here).
//!
//! ## References
//! RFC 9525 section 6, RFC 6066 section 3.

use super::certificate::Shown;
use super::common::{Handshake, short};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};

pub(super) static RULE: Rule = Rule {
    id: "tls.certificate-name-mismatch",
    stage: Stage::Tls,
    severity: Severity::Broken,
    blame: Blame::Interceptor,
    over: &["tls.alert-from-client", "tls.client-rejected"],
    check: Check::Path(check),
    source: include_str!("certificate_name_mismatch.rs"),
};

/// Names kept in the report.
const NAMES: usize = 16;

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let shown = Shown::of(Handshake::of(context)?)?;
    let asked = shown.h.tls.sni()?;
    if shown.covers(asked)? {
        return None;
    }
    let refusal = shown.refusal()?;
    let names = &shown.leaf.names;
    let some: Vec<String> = names.iter().take(3).map(|name| short(name)).collect();
    let what = format!(
        "asked for {}, the server showed a certificate for {}{}; {}",
        short(asked),
        some.join(", "),
        if names.len() > some.len() {
            " and others"
        } else {
            ""
        },
        refusal.words()
    );
    let names: Vec<&str> = names.iter().take(NAMES).map(String::as_str).collect();
    let sure = refusal.sure(&[42, 46]) - 0.02;
    Some(Claim::new(what, sure, shown.marks(refusal)).with("names", names))
}
