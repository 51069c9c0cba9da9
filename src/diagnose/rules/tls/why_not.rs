//! Conditions of this family's rules, by name: each is necessary for its rule (see [`crate::diagnose::why_not`]).

mod certificates;
mod hello;
mod later;

use super::common::{Handshake, span};
use crate::attempt::Reach;
use crate::diagnose::why_not::Unmet;
use crate::diagnose::{PathContext, Silence};
use crate::types::{Mark, Side};
use std::time::Duration;

/// Those of `id` that do not hold for a path.
pub(in crate::diagnose) fn path(id: &str, context: &PathContext<'_>, unmet: &mut Unmet) {
    let Some(h) = Handshake::of(context) else {
        return no_hello(context, unmet);
    };
    let certificates = id.starts_with("tls.certificate-") || id == "tls.intercepted";
    let any = certificates || matches!(id, "tls.client-rejected" | "tls.slow" | "tls.ech-rejected");
    if !any && context.path.progress.reach >= Reach::Secured {
        return over(&h, unmet);
    }
    match id {
        "tls.hello-unanswered" => hello::unanswered(&h, unmet),
        "tls.large-hello-dropped" => hello::large(&h, unmet),
        "tls.reset-after-hello" => hello::reset(&h, unmet),
        "tls.closed-after-hello" => hello::closed(&h, unmet),
        "tls.alert-from-server" => later::alert_from_server(&h, unmet),
        "tls.alert-from-client" => later::alert_from_client(&h, unmet),
        "tls.client-rejected" => later::client_rejected(&h, unmet),
        "tls.server-rejected" => later::server_rejected(&h, unmet),
        "tls.not-tls" => later::not_tls(&h, unmet),
        "tls.stalled" => later::stalled(&h, unmet),
        "tls.reset-mid-handshake" => later::reset_mid(&h, unmet),
        "tls.client-silent" => later::client_silent(&h, unmet),
        "tls.ech-rejected" => later::ech_rejected(&h, unmet),
        "tls.slow" => later::slow(&h, unmet),
        _ => certificates::path(id, &h, unmet),
    }
}

fn frame(mark: Mark) -> u32 {
    mark.frame.0
}

/// Without a ClientHello on a connection that stands there is nothing that TLS could break.
fn no_hello(context: &PathContext<'_>, unmet: &mut Unmet) {
    let Some(tcp) = context.tcp() else {
        return unmet.missing("this connection is QUIC: its TLS is inside");
    };
    if !tcp.established() {
        return unmet.missing("the TCP connection never stood, so no TLS was tried on it");
    }
    if tcp.midstream {
        return unmet
            .unseen("the connection began before the capture: its TLS handshake is not in it");
    }
    unmet.missing("the client sent no ClientHello on this connection");
}

/// The handshake is over: what breaks one did not happen.
fn over(h: &Handshake<'_>, unmet: &mut Unmet) {
    let progress = &h.context.path.progress;
    let done = progress.secured.or(progress.through);
    let at = done.map_or(String::new(), |m| format!(" (frame {})", frame(m)));
    unmet.against(format!("the TLS handshake was completed{at}"), done);
}

/// The client left first, or the capture ends: no silence.
fn waited(h: &Handshake<'_>, tries: &[Mark], unmet: &mut Unmet) {
    if h.unanswered(tries).is_some() {
        return;
    }
    let (Some(first), last) = (tries.first(), tries.last().copied()) else {
        return;
    };
    if let Some((side, end)) = h.ended() {
        let who = if side == Side::Client {
            "client"
        } else {
            "server"
        };
        let after = span(end.time.since(first.time));
        return unmet.against(
            format!("the {who} ended the connection (frame {}) {after} after the first try: too soon for silence", frame(end)),
            [end],
        );
    }
    let left = last.map_or(Duration::ZERO, |m| h.context.after(m));
    let silence = match h.context.silence(tries) {
        Silence::Proven { .. } => Silence::TooShort,
        other => other,
    };
    unmet.silence(silence, last, left);
}

/// The server said something after the hello.
fn server_spoke(h: &Handshake<'_>, unmet: &mut Unmet) {
    if h.server_silent() {
        return;
    }
    let record = h.tls.first_record[Side::Server];
    let other = h.tls.not_tls[Side::Server].as_ref().map(|n| n.mark);
    let data = h.server().last_new_data.filter(|m| m.time >= h.first.time);
    match record.or(other).or(data) {
        Some(mark) => unmet.against(
            format!("the server answered: its first bytes after the hello are in frame {}", frame(mark)),
            [mark],
        ),
        None => unmet.unseen("the client acknowledged bytes of the server that the capture lacks: it may have answered"),
    }
}

/// The client said in the clear that it gives up by itself.
fn cancelled(h: &Handshake<'_>, unmet: &mut Unmet) {
    if !h.cancelled() {
        return;
    }
    let polite = h.tls.alerts.iter().find(|a| a.from == Side::Client);
    if let Some(alert) = polite {
        unmet.against(
            format!(
                "the client gave up by itself, with the alert {} (frame {})",
                alert.name(),
                frame(alert.mark)
            ),
            [alert.mark],
        );
    }
}

/// The client ended the connection before the server did.
fn client_left(h: &Handshake<'_>, unmet: &mut Unmet) -> bool {
    let Some(left) = h.ended_by(Side::Client) else {
        return false;
    };
    unmet.against(
        format!(
            "the client had ended the connection before (frame {})",
            frame(left)
        ),
        [left],
    );
    true
}
