//! The connection was cut in the middle of the TLS handshake.
//!
//! ## What it means
//! The server had begun to answer. Before the handshake was over, a reset or a close came with its address, and no
//! alert that says why. Filters that read the certificate or the volume do this; a crashing or overloaded server can
//! as well.
//!
//! ## What we look for
//! An RST or FIN of the server after its first TLS record and before the handshake is over, without an alert of
//! either side, and the client had not left before. The field `injected` is true where several signs speak against
//! the server as sender (see tls.reset-after-hello).
//!
//! ## How sure
//! That it was cut is sure. Who did it is sure only where the reset is proven to be forged.
//!
//! ## What to do
//! Try again, then on another network and with any VPN or filter app switched off. If it works there, the first
//! network cuts the connection.
//!
//! ## Often confused with
//! tls.reset-after-hello (before the server's first record), tls.alert-from-server (with a reason),
//! tls.client-rejected (the client leaves), http.reset (after the handshake), tls.client-silent and tls.stalled
//! (somebody was waited for first).
//!
//! ## References
//! RFC 9293 section 3.5.2, RFC 8446 section 6.

use super::common::{Handshake, LONG, not_before, span};
use crate::diagnose::rules::tcp::witness::weigh;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::types::{Mark, Side};

pub(super) static RULE: Rule = Rule {
    id: "tls.reset-mid-handshake",
    stage: Stage::Tls,
    severity: Severity::Broken,
    blame: Blame::Interceptor,
    over: &[],
    check: Check::Path(check),
    source: include_str!("reset_mid_handshake.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let h = Handshake::unfinished(context)?;
    let tls = h.tls;
    let began = tls.first_record[Side::Server]?;
    let cut = h.ended_by(Side::Server)?;
    // What the client says to the cut is no reason for it.
    let before = |mark: Mark| not_before(cut, mark);
    let alerts = tls.alerts.iter().map(|alert| alert.mark);
    let sealed = tls.last_record.0.iter().flatten();
    let alerts = alerts.chain(sealed.map(|record| record.mark)).any(before);
    let over = if tls.is_tls13() {
        tls.client_finished.is_some() || tls.client_flight.is_some()
    } else {
        tls.server_finished.is_some()
    };
    let unclear = h.tcp.midstream || tls.lost_track.0 != [false, false];
    let unclear = unclear || h.lacks(Side::Server) || h.lacks(Side::Client);
    if alerts || over || unclear || !not_before(cut, began) || !not_before(began, h.first) {
        return None;
    }
    // Somebody was waited for, and this is only how the waiting ended.
    if cut.time.since(last_step(&h)) >= LONG {
        return None;
    }
    let reset = h.tcp.reset_from(Side::Server).filter(|r| r.mark == cut);
    let doubts = reset.map(|r| weigh(context, r, None)).unwrap_or_default();
    let what = format!(
        "{} {} came {} after the server's first TLS record (frame {}), before the handshake was over{}",
        if reset.is_some() {
            "a reset with the address of"
        } else {
            "a close (FIN) of"
        },
        context.path.flow.server,
        span(cut.time.since(began.time)),
        began.frame.0,
        doubts.in_words()
    );
    let sure = if doubts.suffice() { 0.95 } else { 0.8 };
    let marks = [cut, began, h.hello];
    let claim = Claim::new(what, sure, marks).with("injected", doubts.suffice());
    Some(match reset {
        Some(_) => claim,
        None => claim.blaming(Blame::Edge),
    })
}

/// When either side last sent something new.
fn last_step(h: &Handshake<'_>) -> crate::types::Timestamp {
    let halves = [h.client(), h.server()];
    let marks = halves.iter().filter_map(|half| half.last_new_data);
    marks
        .map(|mark: Mark| mark.time)
        .max()
        .unwrap_or(h.hello.time)
}
