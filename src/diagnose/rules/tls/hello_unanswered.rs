//! The TLS greeting (ClientHello) got no answer: the connection stood, then the server stayed silent.
//!
//! ## What it means
//! The device connected and sent the first TLS message, which names the wanted host in the clear. Nothing came
//! back: no TLS byte, no close, no reset. Where the server did not even acknowledge it, the packet was dropped on
//! the way, as filters do that read the name. Where it was acknowledged, the server, or a box that answers in its
//! place, took it and keeps silent.
//!
//! ## What we look for
//! A ClientHello on an established connection, no byte of the server after it, no FIN and no RST of the server
//! while the client waited. Where nothing is acknowledged, at least two sends and a second of waiting after each;
//! where it is, three seconds. A client that gives up sooner has cancelled, which is no fault. The field `acked`
//! says whether the server acknowledged the whole hello.
//!
//! ## How sure
//! Surest where another name at the same address passes. Less sure where the hello was acknowledged, where the
//! SYN had to be sent again as well, and where the capture lost packets.
//!
//! ## What to do
//! Try the same on another network, for example mobile data instead of Wi-Fi, and once with any VPN or filter app
//! switched off. If it works there, the first network filters this name: ask whoever runs it.
//!
//! ## Often confused with
//! tls.large-hello-dropped (only the first part of a large hello is acknowledged), tcp.ack-lost (the server resends
//! its SYN-ACK), tls.closed-after-hello and tls.reset-after-hello (the server ends it).
//!
//! ## References
//! RFC 8446 section 4.1.2, RFC 6066 section 3, RFC 6298.

use super::common::{Acked, Handshake, span, times};
use super::large_hello_dropped;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::types::{Mark, Side};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "tls.hello-unanswered",
    stage: Stage::Tls,
    severity: Severity::Broken,
    blame: Blame::Interceptor,
    over: &[],
    check: Check::Path(check),
    source: include_str!("hello_unanswered.rs"),
};

/// A SYN-ACK this long after the hello is a resend, not a neighbour that the capture put out of order.
const LATE: Duration = Duration::from_millis(200);

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let h = Handshake::unfinished(context)?;
    // A SYN-ACK after the hello: the server never got the client's packets, whatever they say (tcp.ack-lost).
    let still_opening = h
        .tcp
        .syn_ack
        .last
        .is_some_and(|mark| mark.time.since(h.first.time) > LATE);
    let other_cause = h.tcp.syn_acks_after_ack >= 2
        || still_opening
        || h.tcp.icmp.iter().any(|error| error.is_too_big())
        || h.cancelled()
        || large_hello_dropped::explains(&h);
    if other_cause || !h.server_silent() {
        return None;
    }
    let acked = h.acked();
    if acked == Acked::Partly && h.tls.hello.is_none() {
        return None; // it may be a large one
    }
    if acked == Acked::All && h.ended_by(Side::Server).is_some() {
        return None;
    }
    let sends = h.sends();
    // TCP sends again what is not acknowledged: where it did not, the capture lost sight of the connection.
    if acked != Acked::All && sends.len() < 2 {
        return None;
    }
    let lasted = h.unanswered(&sends)?;
    let claim = Claim::new(words(&h, acked, &sends, lasted), sure(&h, acked, &sends), {
        let mut marks = h.hello_marks();
        marks.extend(&sends);
        marks
    });
    Some(match acked {
        Acked::Partly => claim,
        _ => claim.with("acked", acked == Acked::All),
    })
}

fn words(h: &Handshake<'_>, acked: Acked, sends: &[Mark], lasted: Duration) -> String {
    let server = h.context.path.flow.server;
    let (lasted, count) = (span(lasted), times(sends.len()));
    let mut text = match acked {
        Acked::All => format!(
            "{server} acknowledged the ClientHello and sent nothing for {lasted}: the server or a box in its place holds it"
        ),
        Acked::Partly => format!(
            "the first part of the ClientHello was acknowledged by {server}, the rest was sent {count}and in {lasted} was not; nothing came back"
        ),
        Acked::Nothing => format!(
            "the ClientHello was sent {count}to {server}; in {lasted} it was not acknowledged and nothing came back"
        ),
    };
    if later_part_passed(h, acked) {
        text += "; a smaller packet behind it was acknowledged, so a path without room for full-size packets is possible as well";
    }
    if let Some(other) = h.other_name_passed() {
        text += &format!(
            "; a ClientHello with another name (frame {}) was answered by the same server",
            other.progress.greeted.map_or(0, |mark| mark.frame.0)
        );
    }
    text
}

/// The hello's first segment, a full-size one, never arrived; what came behind it did.
fn later_part_passed(h: &Handshake<'_>, acked: Acked) -> bool {
    acked == Acked::Nothing && h.is_large() && h.client().sacked_at.is_some()
}

fn sure(h: &Handshake<'_>, acked: Acked, sends: &[Mark]) -> f64 {
    let base: f64 = match (acked, h.other_name_passed().is_some(), sends.len()) {
        (Acked::All, true, _) => 0.85,
        (Acked::All, false, _) => 0.7,
        (_, true, _) => 0.95,
        (_, false, 2) => 0.75,
        _ => 0.85,
    };
    // A path that lost the SYN as well may just lose packets.
    let base = if h.tcp.syn.count > 1 {
        base - 0.15
    } else if later_part_passed(h, acked) && h.other_name_passed().is_none() {
        base.min(0.6)
    } else {
        base
    };
    if h.context.packets_missing() {
        base - 0.25
    } else {
        base
    }
}
