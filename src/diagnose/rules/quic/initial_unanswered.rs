//! The QUIC connection request (Initial) got no answer at all.
//!
//! ## What it means
//! The device asked the server for a QUIC connection (the newer way to connect, over UDP, usually port 443), several
//! times or for several seconds, and not a single datagram came back. Somebody drops the packets: a firewall that
//! blocks UDP or QUIC, a filter that looks at the name inside, or there is nobody at that address. Browsers and apps
//! then use TCP, after a delay.
//!
//! ## What we look for
//! The client's Initials and the probes that repeat them, no datagram of the server, no ICMP error that quotes them.
//! A ClientHello in two datagrams is one try. At least two tries with a second of capture after each: a client that
//! waits for an answer must ask again, so one that does not, or leaves within a second, has left for another reason,
//! or got an answer that the capture lacks. The capture must show packets to this client elsewhere. QUIC that the
//! client left within a second, because another connection had won the race, is no failure.
//!
//! ## How sure
//! Surer with every try; less sure where the capture is known to have lost packets. Whether other QUIC connections of
//! the capture were answered, and TCP to the same address, decides whom it points at.
//!
//! ## What to do
//! Try the same on another network (mobile data instead of Wi-Fi), and with the VPN off if there is one. If it works
//! there, the first network drops QUIC: ask its operator to allow UDP port 443. The service usually works over TCP
//! meanwhile; switching QUIC off in the app or browser saves the delay.
//!
//! ## Often confused with
//! quic.unreachable (an ICMP error came), quic.retry-unanswered and quic.handshake-stalled (the server did answer at
//! first), tcp.syn-unanswered (the same over TCP: then the address itself cannot be reached), a race that TCP won (no
//! fault).
//!
//! ## References
//! RFC 9000 sections 5.2 and 14.1, RFC 9002 section 6.2, RFC 9308 section 2.

use super::common::{count, lost_race, severity, sure, whole};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::quic::QuicFacts;
use crate::types::{Endpoint, Side};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "quic.initial-unanswered",
    stage: Stage::Quic,
    severity: Severity::Broken,
    blame: Blame::Interceptor,
    over: &[],
    check: Check::Path(check),
    source: include_str!("initial_unanswered.rs"),
};

/// A client that left sooner has not waited for an answer (or was told something that the capture lacks). The first
/// probe of RFC 9002 is due after 999 ms.
const PATIENCE: Duration = Duration::from_millis(900);
/// A connection that begins this long after the capture was begun in it: clients do not try for longer.
const SETTLED: Duration = Duration::from_secs(15);
/// Paths to one address that are looked at for other signs of life.
const MAX_CONTROLS: usize = 256;

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let quic = whole(context)?;
    let answered = quic.server_first.is_some()
        || context.path.flow.packets[Side::Server] > 0
        || quic.icmp.iter().any(|e| e.is_unreachable());
    if answered || lost_race(context, quic) {
        return None;
    }
    let doubt = match begun_before(context, quic) {
        0 => 0.0,
        // The TCP connection that Chromium has beside it, and that may have won, is not in the capture.
        1 if context.siblings().next().is_none() => return None,
        1 => 0.15,
        _ => return None,
    };
    let flights = quic.flights();
    let waited = quic.last[Side::Client].map_or(Duration::ZERO, |last| {
        last.time.since(context.path.flow.first.time)
    });
    if flights.len() < 2 || waited < PATIENCE || !context.silence(&flights).is_proven() {
        return None;
    }
    let tries = tries(quic, flights.len());
    let confidence = match tries {
        2 => 0.85,
        _ => 0.93,
    };
    let too_big = quic.icmp.iter().find(|e| e.is_too_big());
    let confidence = confidence - doubt - if too_big.is_some() { 0.2 } else { 0.0 };
    let controls = Controls::of(context);
    let mut what = format!(
        "{} (Initial) to {} within {:.1} s got no answer",
        count(tries, "QUIC connection request"),
        context.path.flow.server,
        waited.as_secs_f64(),
    );
    if too_big.is_some() {
        what += "; a router says that they are too big for its next link (ICMP)";
    }
    what += &controls.in_words();
    let marks = quic.client_initials.iter().copied();
    let marks = marks.chain(too_big.map(|e| e.mark));
    Some(
        Claim::new(what, sure(context, confidence), marks)
            .with("tries", tries)
            .blaming(controls.blame())
            .as_severe_as(severity(context)),
    )
}

/// The packet number with which the capture shows this connection first, where it may have begun before the capture:
/// no lookup, and soon after the capture's start. An answer, or a connection that won, may have been missed then.
/// Clients begin with 0 (RFC 9000 section 12.3), or with 1 (Chromium).
fn begun_before(context: &PathContext<'_>, quic: &QuicFacts) -> u32 {
    let quality = context.world.quality(context.capture());
    let start = quality.and_then(|q| q.first).unwrap_or_default();
    let soon = context.path.flow.first.time.since(start) < SETTLED;
    if soon && context.attempt.lookups.is_empty() {
        quic.first_number.unwrap_or(0)
    } else {
        0
    }
}

/// Flights of Initials; of those whose marks were not kept, as many as their datagrams make at the same rate.
fn tries(quic: &QuicFacts, flights: usize) -> u32 {
    let flights = u32::try_from(flights).unwrap_or(u32::MAX).max(1);
    let kept = u32::try_from(quic.client_initials.len()).unwrap_or(u32::MAX);
    let rest = quic.client_initial_count.saturating_sub(kept);
    flights.saturating_add(rest / (kept / flights).max(1))
}

/// What else the capture shows of this address and of QUIC.
struct Controls {
    /// TCP was answered from this address.
    tcp_answers: bool,
    /// Another QUIC connection to the same port was.
    quic_answers: bool,
    /// TCP to this address was tried and not answered either.
    tcp_silent: bool,
    others: u32,
    others_answered: u32,
}

impl Controls {
    fn of(context: &PathContext<'_>) -> Self {
        let Endpoint { addr: server, port } = context.path.flow.server;
        let (mut tcp_tried, mut tcp_answers, mut quic_answers) = (false, false, false);
        for path in context.world.paths_to(server).take(MAX_CONTROLS) {
            if let Some(tcp) = path.flow.tcp.as_deref() {
                tcp_tried |= tcp.syn.count > 0;
                tcp_answers |= tcp.syn_ack.count > 0 || path.progress.connected.is_some();
            }
            quic_answers |= path.flow.server.port == port
                && path.flow.quic.is_some_and(|q| q.server_first.is_some());
        }
        let tally = context.world.quic_tally(context.attempt.client);
        Self {
            tcp_answers,
            quic_answers,
            tcp_silent: tcp_tried && !tcp_answers,
            others: tally.tried.saturating_sub(1),
            others_answered: tally.answered,
        }
    }

    /// Where TCP is dropped as well, it is about the address and not about QUIC.
    fn blame(&self) -> Blame {
        if self.tcp_silent && !self.quic_answers {
            Blame::Path
        } else {
            Blame::Interceptor
        }
    }

    fn in_words(&self) -> String {
        let mut text = String::new();
        if self.quic_answers {
            text += "; another QUIC connection to the same address was answered";
        }
        if self.tcp_answers {
            text += "; the same address answers over TCP";
        } else if self.tcp_silent {
            text += "; nor does the address answer over TCP";
        }
        text += &match (self.others, self.others_answered) {
            (0, _) => String::new(),
            (1, 0) => "; the one other QUIC connection of this device got no answer either: UDP \
                       port 443 seems blocked"
                .to_owned(),
            (n, 0) => format!(
                "; none of the {n} other QUIC connections of this device got an answer: UDP port 443 seems blocked"
            ),
            (_, n) => format!(
                "; {} of this device {} answered, so QUIC as such is not blocked",
                count(n, "other QUIC connection"),
                if n == 1 { "was" } else { "were" },
            ),
        };
        text
    }
}
