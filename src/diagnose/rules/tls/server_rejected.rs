//! The server refused the device after the TLS handshake, without a reason that can be read.
//!
//! ## What it means
//! The device took the server's certificate and finished the handshake on its side. The server answered with
//! nothing but an encrypted message of the size of an alert. Usual reasons: it wants a client certificate that the
//! device does not have, or its policy refuses this client.
//!
//! ## What we look for
//! TLS 1.3: the client's Finished, and after it from the server only a record the size of an alert, before any
//! response; or, in place of the server's flight, only such a record behind its ServerHello. The client did not
//! close before, and the server did not just close a connection that nobody used.
//!
//! ## How sure
//! Fairly: the message can't be read, but only an alert has that size. Surer where the client had asked something.
//!
//! ## What to do
//! If the service needs a client certificate or a device registration, renew it. Otherwise report it to the service
//! with this capture.
//!
//! ## Often confused with
//! http.reset (a RST or FIN without such a record), tls.alert-from-server (the alert can be read),
//! tls.client-rejected (the device refuses).
//!
//! ## References
//! RFC 8446 sections 4.4.2.4, 5.2 and 6.2.

use super::common::{Handshake, LONG, not_before, span};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::tls::Record;
use crate::types::Side;

pub(super) static RULE: Rule = Rule {
    id: "tls.server-rejected",
    stage: Stage::Tls,
    severity: Severity::Broken,
    blame: Blame::Service,
    over: &[],
    check: Check::Path(check),
    source: include_str!("server_rejected.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let h = Handshake::unfinished(context)?;
    let tls = h.tls;
    let alert = tls.last_record[Side::Server]?;
    let unclear = !tls.is_tls13() || tls.lost_track[Side::Server] || tls.server_data.is_some();
    if unclear || client_closed_first(&h, alert.mark) {
        return None;
    }
    let Some(finished) = tls.client_finished else {
        return instead_of_flight(&h, alert);
    };
    if !not_before(alert.mark, finished) {
        return None;
    }
    // Nobody asked anything for a while: the server closes an unused connection.
    let since = alert.mark.time.since(finished.time);
    if tls.client_data.is_none() && since >= LONG {
        return None;
    }
    let left = h.left(Side::Server);
    let what = format!(
        "{} after the client's Finished the server sent only a record of {} bytes, the size of an encrypted alert{}",
        span(since),
        alert.length,
        if left.is_some() { ", and left" } else { "" }
    );
    let sure = match (left.is_some(), tls.client_data.is_some()) {
        (true, true) => 0.9,
        (true, false) => 0.85,
        _ => 0.7,
    };
    let marks = [alert.mark, finished].into_iter().chain(left);
    Some(Claim::new(what, sure, marks))
}

/// The server's ServerHello, then only an alert-sized record, and it left. The client may have been quicker to leave:
/// that it did not leave before the alert is known here.
fn instead_of_flight(h: &Handshake<'_>, alert: Record) -> Option<Claim> {
    let hello = h.tls.server_hello.as_ref()?.mark;
    let left = h.left(Side::Server)?;
    let only = h.tls.record_count[Side::Server] == 1 && h.tls.client_flight.is_none();
    let what = format!(
        "behind its ServerHello the server sent only a record of {} bytes, the size of an encrypted alert, and left",
        alert.length
    );
    (only && h.followed(Side::Server)).then(|| Claim::new(what, 0.85, [alert.mark, left, hello]))
}

fn client_closed_first(h: &Handshake<'_>, alert: crate::types::Mark) -> bool {
    let left = h.left(Side::Client);
    let farewell = h.tls.last_record[Side::Client].map(|record| record.mark);
    let mut signs = left.into_iter().chain(farewell);
    signs.any(|mark| !not_before(mark, alert))
}
