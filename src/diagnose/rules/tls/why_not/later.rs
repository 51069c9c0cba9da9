//! Causes once the server has begun to answer.

use super::{cancelled, client_left, frame, over, server_spoke};
use crate::attempt::Reach;
use crate::diagnose::rules::tls::certificate::left_unused;
use crate::diagnose::rules::tls::client_rejected::whole_flight;
use crate::diagnose::rules::tls::common::{Handshake, LONG, not_before, span};
use crate::diagnose::why_not::Unmet;
use crate::types::Side;

/// The alerts of a side that could be read.
fn alerts(h: &Handshake<'_>, side: Side) -> String {
    let own = h.tls.alerts.iter().filter(|a| a.from == side);
    let list: Vec<String> = own
        .map(|a| {
            let level = if a.level == 2 { "fatal" } else { "warning" };
            format!("{level} {} (frame {})", a.name(), frame(a.mark))
        })
        .collect();
    list.join(", ")
}

pub(super) fn alert_from_server(h: &Handshake<'_>, unmet: &mut Unmet) {
    let fatal = h.tls.fatal_alert(Side::Server);
    let any = h.tls.alerts.iter().find(|a| a.from == Side::Server);
    match (fatal, any) {
        (None, None) => {
            unmet.missing("no alert of the server could be read (in TLS 1.3 most are encrypted)")
        }
        (None, Some(alert)) if h.ended_by(Side::Server).is_none() => unmet.against(
            format!("the server only warned: {}", alerts(h, Side::Server)),
            [alert.mark],
        ),
        _ => {}
    }
    let Some(alert) = fatal else { return };
    let earlier = h
        .tls
        .alerts
        .iter()
        .find(|a| a.from == Side::Client && not_before(alert.mark, a.mark));
    if let Some(first) = earlier {
        unmet.against(
            format!(
                "the client's alert {} came first (frame {})",
                first.name(),
                frame(first.mark)
            ),
            [first.mark],
        );
    }
    if let Some(left) = h
        .left(Side::Client)
        .filter(|left| !not_before(*left, alert.mark))
    {
        unmet.against(
            format!("the client had left before (frame {})", frame(left)),
            [left],
        );
    }
}

pub(super) fn alert_from_client(h: &Handshake<'_>, unmet: &mut Unmet) {
    let Some(alert) = h.tls.fatal_alert(Side::Client) else {
        let seen = alerts(h, Side::Client);
        return if seen.is_empty() {
            unmet.missing("no alert of the client could be read (in TLS 1.3 most are encrypted: see tls.client-rejected)");
        } else {
            let marks = h
                .tls
                .alerts
                .iter()
                .filter(|a| a.from == Side::Client)
                .map(|a| a.mark);
            unmet.against(
                format!("none of the client's alerts is a fatal refusal: {seen}"),
                marks,
            );
        };
    };
    if alert.description == 90 {
        unmet.against(
            format!(
                "the alert (frame {}) is user_canceled: the client did not want to go on",
                frame(alert.mark)
            ),
            [alert.mark],
        );
    }
    let server = h
        .tls
        .alerts
        .iter()
        .find(|a| a.from == Side::Server && a.is_fatal() && not_before(alert.mark, a.mark));
    if let Some(first) = server {
        unmet.against(format!("the server had refused before, with {} (frame {}): the client's alert only answers that", first.name(), frame(first.mark)), [first.mark]);
    }
    if h.tls.server_hello.is_none() && h.lacks(Side::Server) {
        unmet.unseen("what the client's alert answers is not in the capture");
    }
}

pub(super) fn client_rejected(h: &Handshake<'_>, unmet: &mut Unmet) {
    let tls = h.tls;
    if left_unused(h).is_some() {
        return;
    }
    if h.context.path.progress.reach >= Reach::Secured {
        over(h, unmet);
        if let Some(data) = tls.client_data {
            unmet.against(
                format!(
                    "the client went on to use it (data in frame {})",
                    frame(data)
                ),
                [data],
            );
        }
        if h.sibling_worked() {
            unmet.against("another connection for the same name worked, so this one may just not have been needed", []);
        }
        return;
    }
    if let Some(alert) = tls.fatal_alert(Side::Client) {
        unmet.against(
            format!(
                "the client says why in a readable alert, {} (frame {}): see tls.alert-from-client",
                alert.name(),
                frame(alert.mark)
            ),
            [alert.mark],
        );
    }
    cancelled(h, unmet);
    if tls.server_hello.is_none() {
        unmet.missing(
            "the server had shown nothing yet that the client could reject (no ServerHello)",
        );
    }
    let went_on = tls
        .client_finished
        .or(tls.client_flight.map(|r| r.mark))
        .filter(|_| tls.is_tls13());
    if let Some(mark) = went_on {
        unmet.against(
            format!(
                "the client went on after the server's part (frame {})",
                frame(mark)
            ),
            [mark],
        );
    }
    let spoke = !tls.records[Side::Client].is_empty();
    if h.ended_by(Side::Client).is_none() && !(tls.is_tls13() && spoke) {
        unmet.missing("the client neither left first nor sent a record of an alert's size");
    }
}

pub(super) fn server_rejected(h: &Handshake<'_>, unmet: &mut Unmet) {
    let tls = h.tls;
    if tls.server_hello.is_none() {
        return unmet.missing("the server took no part in the handshake (no ServerHello)");
    }
    if !tls.is_tls13() {
        return unmet.against(
            "the handshake is not TLS 1.3: a refusal would be a readable alert",
            [],
        );
    }
    let Some(alert) = tls.last_record[Side::Server] else {
        return unmet.missing("no record of the server has the size of an encrypted alert");
    };
    if let Some(data) = tls.server_data {
        unmet.against(
            format!(
                "the server sent data after the handshake (frame {})",
                frame(data)
            ),
            [data],
        );
    }
    let left = h
        .left(Side::Client)
        .into_iter()
        .chain(tls.last_record[Side::Client].map(|r| r.mark));
    if let Some(first) = left
        .min_by_key(|m| m.time)
        .filter(|m| !not_before(*m, alert.mark))
    {
        unmet.against(
            format!("the client closed first (frame {})", frame(first)),
            [first],
        );
    }
}

pub(super) fn not_tls(h: &Handshake<'_>, unmet: &mut Unmet) {
    if h.tls.not_tls[Side::Server].is_some() {
        return;
    }
    match h.tls.first_record[Side::Server] {
        Some(first) => unmet.against(
            format!(
                "what the server sent is TLS (first record in frame {})",
                frame(first)
            ),
            [first],
        ),
        None => unmet.missing("the server sent no byte that could be no TLS"),
    }
}

pub(super) fn stalled(h: &Handshake<'_>, unmet: &mut Unmet) {
    let tls = h.tls;
    if let Some(alert) = tls.alerts.first() {
        unmet.against(
            format!(
                "an alert ended the handshake: {} (frame {})",
                alert.name(),
                frame(alert.mark)
            ),
            [alert.mark],
        );
    }
    if h.tcp.midstream {
        unmet.unseen("the connection began before the capture");
    }
    if tls.first_record[Side::Server].is_none()
        && h.server().first_data.is_none_or(|m| m.time < h.first.time)
    {
        unmet.missing("nothing of the server's part came: see tls.hello-unanswered");
    }
    let went_on = tls
        .client_flight
        .map(|r| r.mark)
        .or(tls.client_key_exchange);
    let waits_on = tls.client_finished.is_none() && tls.second_hello.is_none();
    if let Some(mark) = went_on.filter(|_| waits_on) {
        unmet.against(
            format!(
                "the client went on (frame {}): it had the server's part",
                frame(mark)
            ),
            [mark],
        );
    }
    if tls.client_finished.is_none() && tls.second_hello.is_none() && whole_flight(h).is_some() {
        unmet.against(
            "the server's part of the handshake arrived whole: see tls.client-silent",
            whole_flight(h),
        );
    }
}

pub(super) fn reset_mid(h: &Handshake<'_>, unmet: &mut Unmet) {
    let Some(began) = h.tls.first_record[Side::Server] else {
        return unmet.missing(
            "the server sent no TLS record: see tls.reset-after-hello and tls.closed-after-hello",
        );
    };
    if client_left(h, unmet) {
        return;
    }
    let Some(cut) = h.ended_by(Side::Server) else {
        return unmet.missing("neither a reset nor a FIN of the server ended the connection");
    };
    // What the client says to the cut is no reason for it.
    let before = h.tls.alerts.iter().find(|a| not_before(cut, a.mark));
    if let Some(alert) = before {
        unmet.against(
            format!(
                "an alert says why: {} (frame {})",
                alert.name(),
                frame(alert.mark)
            ),
            [alert.mark],
        );
    }
    if !not_before(cut, began) {
        unmet.against(
            format!(
                "it was ended (frame {}) before the server's first record (frame {})",
                frame(cut),
                frame(began)
            ),
            [cut, began],
        );
    }
    let halves = [h.client(), h.server()];
    let last = halves
        .iter()
        .filter_map(|half| half.last_new_data)
        .max_by_key(|m| m.time);
    if let Some(last) = last.filter(|last| cut.time.since(last.time) >= LONG) {
        unmet.against(
            format!("{} of waiting lie between the last data (frame {}) and the end (frame {}): the waiting is the fault", span(cut.time.since(last.time)), frame(last), frame(cut)),
            [last, cut],
        );
    }
}

pub(super) fn client_silent(h: &Handshake<'_>, unmet: &mut Unmet) {
    let tls = h.tls;
    let retry = tls.retry_request.is_some() && tls.server_hello.is_none();
    if !retry && whole_flight(h).is_none() {
        unmet.missing("the server's part of the handshake is not complete in the capture");
        return server_spoke_or_not(h, unmet);
    }
    let spoke = tls
        .client_finished
        .or(tls.client_key_exchange)
        .or(tls.client_certificate);
    let spoke = spoke.or(tls.client_flight.map(|r| r.mark));
    let spoke = spoke.or(tls.records[Side::Client].first().map(|r| r.mark));
    if let Some(mark) = spoke {
        unmet.against(
            format!(
                "the client answered the server's part (frame {})",
                frame(mark)
            ),
            [mark],
        );
    }
    if let Some(alert) = tls.alerts.first() {
        unmet.against(
            format!(
                "an alert was sent: {} (frame {})",
                alert.name(),
                frame(alert.mark)
            ),
            [alert.mark],
        );
    }
    let last = h.server().last_new_data.unwrap_or(h.hello);
    let quiet = h.until_end(last);
    if quiet < LONG {
        unmet.against(
            format!(
                "only {} pass after the server's last data (frame {})",
                span(quiet),
                frame(last)
            ),
            [last],
        );
    }
}

fn server_spoke_or_not(h: &Handshake<'_>, unmet: &mut Unmet) {
    if h.server_silent() {
        unmet.missing("the server sent nothing after the hello: see tls.hello-unanswered");
    }
}

pub(super) fn ech_rejected(h: &Handshake<'_>, unmet: &mut Unmet) {
    let Some(hello) = h.tls.hello.as_deref() else {
        return unmet.unseen("the ClientHello is not in the capture as a whole");
    };
    if !hello.ech {
        return unmet.missing(format!(
            "the ClientHello (frame {}) offers no Encrypted ClientHello",
            frame(h.hello)
        ));
    }
    if hello.ech_grease == Some(true) {
        unmet.against(
            format!(
                "the ECH extension of the hello (frame {}) is there for show (GREASE)",
                frame(h.hello)
            ),
            [h.hello],
        );
    }
    if let Some(data) = h.tls.client_data {
        unmet.against(
            format!(
                "the client used the connection (data in frame {})",
                frame(data)
            ),
            [data],
        );
    }
    if h.left(Side::Client).is_none() {
        unmet.missing("the client did not close the connection");
    }
    if h.tls.server_hello.is_none() {
        unmet.missing("the server took no part in the handshake");
        server_spoke(h, unmet);
    }
}

pub(super) fn slow(h: &Handshake<'_>, unmet: &mut Unmet) {
    let Some(finished) = h.tls.client_finished else {
        return unmet.missing(
            "the client did not finish the handshake, so it was not slow but did not end",
        );
    };
    if h.context.path.progress.reach < Reach::Secured {
        unmet.missing("nothing shows that the server took the client's Finished");
    }
    let (took, limit) = (
        finished.time.since(h.first.time),
        h.context.world.thresholds.tls_slow,
    );
    if took <= limit {
        unmet.against(
            format!(
                "from ClientHello (frame {}) to Finished (frame {}) it took {}; the limit is {}",
                frame(h.first),
                frame(finished),
                span(took),
                span(limit)
            ),
            [h.first, finished],
        );
    }
}
