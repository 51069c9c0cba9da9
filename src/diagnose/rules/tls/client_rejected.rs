//! The device broke off the TLS handshake over what the server presented, without saying why.
//!
//! ## What it means
//! The server's part of the handshake arrived, and the device left instead of finishing. In TLS 1.3 its reason is
//! encrypted; only the size of the message shows that it was an alert. Usual reasons: the app insists on its own
//! certificate (pinning) and something in between shows another, the issuer is not trusted, the device's clock is
//! wrong.
//!
//! ## What we look for
//! TLS 1.3: after the server's flight no Finished of the client, but a record the size of an alert; or a FIN or RST
//! within a second of the whole flight. TLS 1.2: a FIN or RST within a second of the certificate. Either: a FIN or
//! RST within 200 ms of the end of the handshake without any request, in TLS 1.3 on two connections or more. Never
//! where another connection for the same name worked: then this one was just not needed.
//!
//! ## How sure
//! Sure with the alert-sized record. A client that just leaves may have been closed by its user: less sure, more
//! where it happens again and again.
//!
//! ## What to do
//! Check the date and time of the device. Switch off VPN, filter and antivirus apps that read TLS, and try another
//! network. If it stays the same everywhere, update the app.
//!
//! ## Often confused with
//! tls.alert-from-client (the alert can be read), tls.intercepted and tls.certificate-* (the certificate can be read
//! and shows the reason), tls.client-silent (the client does not leave), a cancelled page load.
//!
//! ## References
//! RFC 8446 sections 4.4.4, 5.2 and 6.2.

use super::certificate::{left_at_certificate, left_unused};
use super::common::{Handshake, closed_unused, not_before, span};
use crate::attempt::{Path, Reach};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::tls::{Record, is_tls13};
use crate::types::{Mark, Side};

pub(super) static RULE: Rule = Rule {
    id: "tls.client-rejected",
    stage: Stage::Tls,
    severity: Severity::Broken,
    blame: Blame::Device,
    over: &[],
    check: Check::Path(check),
    source: include_str!("client_rejected.rs"),
};

/// Encrypted bytes of a server's flight that hold a certificate.
const WITH_CERTIFICATE: u32 = 500;

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let h = Handshake::of(context)?;
    let done = context.path.progress.reach >= Reach::Secured;
    if let Some(left) = left_unused(&h) {
        return Some(unused(&h, left));
    }
    if done || h.tls.fatal_alert(Side::Client).is_some() || h.cancelled() {
        return None;
    }
    if !h.tls.is_tls13() {
        let left = left_at_certificate(&h)?;
        let flight = h.tls.server_hello_done?;
        let what = format!(
            "the client left {} after the server's certificate, without an alert and without going on",
            span(left.time.since(flight.time))
        );
        return Some(Claim::new(what, again(&h, 0.6), [left, flight, h.hello]));
    }
    match encrypted_alert(&h) {
        Some(alert) => Some(refused(&h, alert)),
        None => left_at_flight(&h),
    }
}

/// TLS 1.3: the client's first encrypted record, and one the size of an alert.
fn encrypted_alert(h: &Handshake<'_>) -> Option<Record> {
    let tls = h.tls;
    let first = tls.records[Side::Client].first().copied()?;
    let answer = tls.server_hello.as_ref()?.mark;
    let alert = tls.last_record[Side::Client].is_some_and(|last| last.length == first.length);
    let went_on = tls.client_finished.is_some() || tls.client_flight.is_some();
    let unclear = tls.lost_track[Side::Client] || tls.early_data.is_some();
    let refused = tls.fatal_alert(Side::Server).is_some();
    let only = tls.record_count[Side::Client] <= 2;
    (alert && only && !went_on && !unclear && !refused && not_before(first.mark, answer))
        .then_some(first)
}

fn refused(h: &Handshake<'_>, alert: Record) -> Claim {
    let left = h.left(Side::Client);
    let what = format!(
        "after the server's part of the TLS 1.3 handshake the client sent no Finished but a record of {} bytes, the size of an encrypted alert{}",
        alert.length,
        if left.is_some() { ", and left" } else { "" }
    );
    let answer = h.context.path.progress.answered;
    let marks = [alert.mark].into_iter().chain(left).chain(answer);
    Claim::new(what, if left.is_some() { 0.92 } else { 0.85 }, marks)
}

/// TLS 1.3: FIN or RST right behind the server's whole flight, and nothing else.
fn left_at_flight(h: &Handshake<'_>) -> Option<Claim> {
    let tls = h.tls;
    let left = h.ended_by(Side::Client)?;
    let flight = whole_flight(h)?;
    let silent = tls.records[Side::Client].is_empty()
        && h.followed(Side::Client)
        && tls.early_data.is_none();
    let at_once = not_before(left, flight) && left.time.since(flight.time) <= h.soon();
    if !silent || !at_once || h.is_left_over(left) || h.sibling_worked() {
        return None;
    }
    let what = format!(
        "the client left {} after the server's part of the TLS 1.3 handshake, without an alert and without going on",
        span(left.time.since(flight.time))
    );
    Some(Claim::new(what, again(h, 0.55), [left, flight, h.hello]))
}

/// The packet that completed the server's flight, where it arrived without holes and is long enough to hold a
/// certificate, or needs none.
pub(super) fn whole_flight(h: &Handshake<'_>) -> Option<Mark> {
    let tls = h.tls;
    let hello = tls.server_hello.as_deref()?;
    if !h.followed(Side::Server) || tls.open_record[Side::Server] > 0 {
        return None;
    }
    if !is_tls13(hello.version) {
        return tls.server_hello_done;
    }
    let records = &tls.records[Side::Server];
    let bytes: u32 = records.iter().map(|record| u32::from(record.length)).sum();
    let last = records.last()?.mark;
    (hello.resumed || bytes >= WITH_CERTIFICATE).then_some(last)
}

fn unused(h: &Handshake<'_>, left: Mark) -> Claim {
    let finished = h.tls.client_finished.unwrap_or(left);
    let what = format!(
        "the client left {} after its part of the TLS handshake was done, without asking for anything, as apps do that compare the certificate with their own list",
        span(left.time.since(finished.time))
    );
    let chain = h.tls.certificate.as_ref().map(|chain| chain.mark);
    let marks = [left, finished].into_iter().chain(chain);
    Claim::new(what, again(h, 0.5), marks)
}

/// More sure where other connections for the same name ended early as well and none got through.
fn again(h: &Handshake<'_>, once: f64) -> f64 {
    let failed = |path: &&Path<'_>| {
        let answered = path.progress.answered.is_some();
        let failed = path.progress.reach < Reach::Through || closed_unused(path).is_some();
        answered && path.progress.ended.is_some() && failed
    };
    match h.context.siblings().filter(failed).count() {
        0 => once,
        1 => once + 0.15,
        _ => once + 0.25,
    }
}
