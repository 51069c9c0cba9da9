//! Conditions of this family's rules, by name: each is necessary for its rule (see [`crate::diagnose::why_not`]).

use super::common::{ended, is_full, size, stood, stopped};
use super::{frozen_early, receiver_full, throttled};
use crate::diagnose::PathContext;
use crate::diagnose::why_not::{Unmet, span};
use crate::fact::tcp::TcpFacts;
use crate::types::{Mark, Side};

/// Those of `id` that do not hold for a path.
pub(in crate::diagnose) fn path(id: &str, context: &PathContext<'_>, unmet: &mut Unmet) {
    if id == "media.frozen-early" {
        return frozen_early(context, unmet);
    }
    let Some(tcp) = context.tcp() else {
        return unmet.missing("this connection is QUIC, whose messages can't be told apart");
    };
    match id {
        "media.stalled" => stalled(context, tcp, unmet),
        "media.reset" => reset(context, tcp, unmet),
        "media.receiver-full" => receiver_full(context, tcp, unmet),
        "media.throttled" => throttled(context, tcp, unmet),
        _ => {}
    }
}

const fn frame(mark: Mark) -> u32 {
    mark.frame.0
}

fn lacking(context: &PathContext<'_>, unmet: &mut Unmet) {
    if context.packets_missing() {
        unmet.unseen("the capture itself lacks packets, so what is missing may have been there");
    }
}

/// The client had no room: it is what the server waits for.
fn full(tcp: &TcpFacts, unmet: &mut Unmet) {
    let client = &tcp.half[Side::Client];
    if is_full(client) {
        unmet.against(
            "the client had no room for more (its window was closed or nearly so): the server had to wait",
            client.zero_window_since,
        );
    }
}

/// The server's data ended where a message ended, as far as that can be told.
fn whole(context: &PathContext<'_>, tcp: &TcpFacts, unmet: &mut Unmet) {
    if stopped(context.path).is_some() {
        return;
    }
    if tcp.midstream || tcp.half[Side::Server].clipped {
        unmet.unseen(
            "the connection began before the capture or its packets are cut, so that the end of a message can't be told",
        );
    } else {
        unmet.missing(
            "nothing shows that a message of the server was cut short: it ended where a message ends, or that can't be told",
        );
    }
}

fn stalled(context: &PathContext<'_>, tcp: &TcpFacts, unmet: &mut Unmet) {
    lacking(context, unmet);
    if !tcp.established() {
        return unmet.missing("the connection never stood");
    }
    if tcp.midstream {
        return unmet.unseen("the connection began before the capture");
    }
    let server = &tcp.half[Side::Server];
    let gap = server.hole_since.filter(|_| server.sacked_at.is_some());
    let upload = tcp.half[Side::Client].oldest_unacked().count() >= 3;
    if gap.is_some() || upload {
        return;
    }
    let Some(stop) = stopped(context.path) else {
        return whole(context, tcp, unmet);
    };
    full(tcp, unmet);
    let lasted = stood(context.path, stop.last, context.end());
    let due = context.world.thresholds.media_stalled;
    let end = ended(context.path);
    if lasted <= due {
        let then = match end {
            Some((Side::Client, left)) => format!("the client left (frame {})", frame(left)),
            Some((Side::Server, left)) => format!("the server closed (frame {})", frame(left)),
            None => "the capture ends".to_owned(),
        };
        unmet.against(
            format!(
                "only {} after the last data {then}; it takes more than {}",
                span(lasted),
                span(due)
            ),
            [stop.last],
        );
    }
    let silence = context.silence_until(&[stop.last], end.map(|(_, m)| m.time));
    unmet.silence(silence, Some(stop.last), lasted);
}

fn frozen_early(context: &PathContext<'_>, unmet: &mut Unmet) {
    let bytes = match (context.tcp(), context.quic()) {
        (Some(tcp), _) => tcp.half[Side::Server].sent,
        (None, Some(quic)) => quic.bytes[Side::Server],
        (None, None) => return,
    };
    if !frozen_early::in_band(bytes) {
        return unmet.missing(format!(
            "the server sent {}; such freezes come between 14 and 24 kB",
            size(bytes)
        ));
    }
    lacking(context, unmet);
    if frozen_early::is_frozen(context) {
        return;
    }
    let Some(tcp) = context.tcp() else {
        return unmet
            .missing("the QUIC connection went on, or was closed, or ended too soon to tell");
    };
    full(tcp, unmet);
    match ended(context.path) {
        Some((Side::Server, left)) => unmet.against(
            format!("the server ended the connection itself (frame {})", frame(left)),
            [left],
        ),
        _ => match stopped(context.path) {
            None => whole(context, tcp, unmet),
            Some(stop) => unmet.against(
                format!(
                    "only {} follow the last data, until somebody left or the capture ends; it takes more than {}",
                    span(stood(context.path, stop.last, context.end())),
                    span(context.world.thresholds.media_stalled)
                ),
                [stop.last],
            ),
        },
    }
}

fn reset(context: &PathContext<'_>, tcp: &TcpFacts, unmet: &mut Unmet) {
    let Some(reset) = tcp.reset_from(Side::Server) else {
        return unmet.missing("no reset with the server's address came");
    };
    whole(context, tcp, unmet);
    match ended(context.path) {
        Some((Side::Client, left)) if left != reset.mark => unmet.against(
            format!("the client had left before it (frame {})", frame(left)),
            [left],
        ),
        Some((Side::Server, left)) if left != reset.mark => unmet.against(
            format!("the server had closed before it (frame {})", frame(left)),
            [left],
        ),
        _ => {}
    }
    lacking(context, unmet);
}

fn receiver_full(context: &PathContext<'_>, tcp: &TcpFacts, unmet: &mut Unmet) {
    if !tcp.established() {
        return unmet.missing("the connection never stood");
    }
    let due = context.world.thresholds.media_receiver_full;
    match receiver_full::longest(context, tcp) {
        None => unmet.missing("the client never announced a window of 0"),
        Some((from, _, lasted)) if lasted <= due => unmet.against(
            format!(
                "the client's window was 0 for {} (from frame {}); it takes more than {}",
                span(lasted),
                frame(from),
                span(due)
            ),
            [from],
        ),
        Some(_) => {}
    }
    lacking(context, unmet);
}

fn throttled(context: &PathContext<'_>, tcp: &TcpFacts, unmet: &mut Unmet) {
    full(tcp, unmet);
    lacking(context, unmet);
    let server = &tcp.half[Side::Server];
    let Some(own) = throttled::plateau(context.path) else {
        return unmet.missing(format!(
            "the server's data ({} of {} segments lost) does not run at a flat rate with steady loss for 10 s",
            server.lost, server.data_segments
        ));
    };
    let fastest = throttled::fastest(context);
    if !throttled::is_faster(fastest, own.rate) {
        unmet.missing(format!(
            "no other connection of this device was three times as fast at that time (this one {}, the fastest other {}): it may be the line",
            throttled::per_second(own.rate),
            throttled::per_second(fastest)
        ));
    }
}
