//! Causes between the ClientHello and the server's first byte.

use super::{cancelled, client_left, frame, server_spoke, waited};
use crate::diagnose::rules::tls::common::{Acked, Handshake};
use crate::diagnose::rules::tls::large_hello_dropped::{self, large_one_passed, small_one_passed};
use crate::diagnose::why_not::Unmet;
use crate::types::Side;

fn too_big(h: &Handshake<'_>, unmet: &mut Unmet) {
    if let Some(error) = h.tcp.icmp.iter().find(|e| e.is_too_big()) {
        unmet.against(
            format!("{} said that packets are too big for the way (ICMP, frame {}): the size is the reason", error.from, frame(error.mark)),
            [error.mark],
        );
    }
}

fn large_explains(h: &Handshake<'_>, unmet: &mut Unmet) {
    if large_hello_dropped::explains(h) {
        unmet.against("the ClientHello takes several packets and that explains it: see tls.large-hello-dropped", h.hello_marks());
    }
}

pub(super) fn unanswered(h: &Handshake<'_>, unmet: &mut Unmet) {
    server_spoke(h, unmet);
    cancelled(h, unmet);
    too_big(h, unmet);
    large_explains(h, unmet);
    if h.tcp.syn_acks_after_ack >= 2 {
        unmet.against("the server kept sending its SYN-ACK: it never took the connection up (see tcp.ack-lost)", h.tcp.syn_ack.last);
    }
    if let Some(left) = h.ended_by(Side::Server).filter(|_| h.acked() == Acked::All) {
        unmet.against(
            format!(
                "the server acknowledged the hello and ended the connection (frame {})",
                frame(left)
            ),
            [left],
        );
    }
    let sends = h.sends();
    if h.acked() != Acked::All && sends.len() < 2 {
        unmet.missing(format!(
            "the hello (frame {}) is not acknowledged and was sent only once",
            frame(h.hello)
        ));
    }
    if unmet.0.is_empty() || h.ended_by(Side::Client).is_some() {
        waited(h, &sends, unmet);
    }
}

pub(super) fn large(h: &Handshake<'_>, unmet: &mut Unmet) {
    let Some(hello) = h.tls.hello.as_deref() else {
        return unmet
            .unseen("the ClientHello is not in the capture as a whole, so its size is not known");
    };
    if !h.is_large() {
        return unmet.against(
            format!(
                "the ClientHello has {} bytes and fits into one packet (frame {})",
                hello.length,
                frame(h.hello)
            ),
            [h.hello],
        );
    }
    server_spoke(h, unmet);
    cancelled(h, unmet);
    too_big(h, unmet);
    if large_one_passed(h) {
        unmet.against(
            "another ClientHello as large was answered by the same server",
            [],
        );
    }
    if !h.server_silent() || h.cancelled() || small_one_passed(h).is_some() {
        return;
    }
    match h.acked() {
        Acked::All => unmet.against(
            format!("the server acknowledged all {} bytes of the hello, and no small one to it stands beside", hello.length),
            h.client().acked_at,
        ),
        Acked::Nothing => unmet.missing("not even the first packet of the hello was acknowledged, and no small one stands beside"),
        Acked::Partly if h.sends().len() < 2 => unmet.missing("the rest of the hello was sent only once"),
        Acked::Partly => waited(h, &h.sends(), unmet),
    }
}

pub(super) fn reset(h: &Handshake<'_>, unmet: &mut Unmet) {
    let Some(reset) = h.tcp.reset_from(Side::Server) else {
        unmet.missing("no reset came from the server");
        return server_spoke(h, unmet);
    };
    if !client_left(h, unmet)
        && let Some(first) = h.ended_by(Side::Server).filter(|m| *m != reset.mark)
    {
        unmet.against(
            format!(
                "the server had closed before its reset (FIN, frame {})",
                frame(first)
            ),
            [first],
        );
    }
    if let Some(record) = h.tls.first_record[Side::Server].filter(|m| m.time < reset.mark.time) {
        unmet.against(
            format!(
                "the server's first TLS record (frame {}) came before the reset (frame {})",
                frame(record),
                frame(reset.mark)
            ),
            [record, reset.mark],
        );
    }
    if reset.mark.time < h.first.time {
        unmet.against(
            format!(
                "the reset (frame {}) came before the hello (frame {})",
                frame(reset.mark),
                frame(h.first)
            ),
            [reset.mark, h.first],
        );
    }
    large_explains(h, unmet);
}

pub(super) fn closed(h: &Handshake<'_>, unmet: &mut Unmet) {
    let Some(fin) = h.server().fin else {
        unmet.missing("the server did not close (no FIN of it is in the capture)");
        return server_spoke(h, unmet);
    };
    if !client_left(h, unmet)
        && let Some(first) = h.ended_by(Side::Server).filter(|m| *m != fin)
    {
        unmet.against(
            format!(
                "the server ended it with a reset (frame {}), not with a FIN",
                frame(first)
            ),
            [first],
        );
    }
    server_spoke(h, unmet);
    cancelled(h, unmet);
    large_explains(h, unmet);
    if fin.time < h.first.time {
        unmet.against(
            format!(
                "the FIN (frame {}) came before the hello (frame {})",
                frame(fin),
                frame(h.first)
            ),
            [fin, h.first],
        );
    }
}
