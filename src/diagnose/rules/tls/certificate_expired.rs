//! The server's certificate is out of date, and the device refuses it.
//!
//! ## What it means
//! A certificate is valid for a fixed time. This one ended before the packet was captured. Either the server was
//! not given a new one, or something in between shows an old one of its own, or the clock is ahead.
//!
//! ## What we look for
//! The end of validity (notAfter) of the server's own certificate before the time of the packet that carried it,
//! and the client's refusal: a fatal alert, or leaving at once. Certificates can be read in TLS 1.2 and below.
//!
//! ## How sure
//! Surest with the alert certificate_expired. Where several servers' certificates are all out of date and none is
//! in date, the clock is blamed instead of the server.
//!
//! ## What to do
//! Check the date and time of the device first. If they are right, the service or the network in between has to
//! renew its certificate: try another network to tell which.
//!
//! ## Often confused with
//! tls.certificate-not-yet-valid (the clock is behind), tls.intercepted, tls.certificate-untrusted.
//!
//! ## References
//! RFC 5280 section 4.1.2.5, RFC 8446 section 6.2.

use super::certificate::{Date, Shown, date, others, rfc3339};
use super::common::{Handshake, other_servers};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};

pub(super) static RULE: Rule = Rule {
    id: "tls.certificate-expired",
    stage: Stage::Tls,
    severity: Severity::Broken,
    blame: Blame::Edge,
    over: &["tls.alert-from-client", "tls.client-rejected"],
    check: Check::Path(check),
    source: include_str!("certificate_expired.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let shown = Shown::of(Handshake::of(context)?)?;
    if date(shown.chain)? != Date::Expired {
        return None;
    }
    let refusal = shown.refusal()?;
    let others = others(&shown.h, Date::Expired);
    let clock = others.same >= 2 && others.in_date == 0;
    let not_after = rfc3339(shown.leaf.not_after);
    let mut what = format!(
        "the server's certificate was valid until {not_after}, {} days before this packet; {}",
        days(shown.chain.mark.time.0, shown.leaf.not_after),
        refusal.words()
    );
    if clock {
        what += &format!(
            "; the certificates of {} are out of date as well and none is in date: the clock is ahead",
            other_servers(others.same)
        );
    }
    let claim =
        Claim::new(what, refusal.sure(&[45]), shown.marks(refusal)).with("not_after", not_after);
    Some(if clock {
        claim.blaming(Blame::Device)
    } else {
        claim
    })
}

/// Whole days from `then` (seconds) to `now` (nanoseconds).
fn days(now: i64, then: i64) -> i64 {
    now.div_euclid(1_000_000_000).saturating_sub(then) / 86_400
}
