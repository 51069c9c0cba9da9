//! The TLS handshake began and then stalled: the server's part did not arrive in full.
//!
//! ## What it means
//! The server answered the greeting (ClientHello), so it can be reached. Then nothing more came, though it was the
//! server's turn. Packets are lost on the way back, large ones often first, or the server hangs.
//!
//! ## What we look for
//! A TLS record of the server, or the beginning of one, its part of the handshake not complete (or, in TLS 1.2, no
//! Finished in answer to the client's), no FIN and no RST, and three seconds of silence in which the client waited.
//!
//! ## How sure
//! Surer where a message is known to be incomplete. Less sure where only the end of the flight may be missing, and
//! where the capture lost packets.
//!
//! ## What to do
//! Try another network. If it works there, lower the MTU of the router or VPN (1280 is a safe test value): large
//! packets may get lost in the first network.
//!
//! ## Often confused with
//! tcp.path-mtu-blackhole (the hole is of full-size packets), tls.hello-unanswered (nothing of the server came),
//! tls.client-silent (the server's part is complete).
//!
//! ## References
//! RFC 8446 section 4.4, RFC 5246 section 7.3, RFC 2923.

use super::client_rejected::whole_flight;
use super::common::{CUT_OUT, Handshake, span};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::types::{Mark, Side};

pub(super) static RULE: Rule = Rule {
    id: "tls.stalled",
    stage: Stage::Tls,
    severity: Severity::Broken,
    blame: Blame::Path,
    over: &[],
    check: Check::Path(check),
    source: include_str!("stalled.rs"),
};

/// What did not come.
enum Missing {
    /// The rest of a message, with the bytes of it that lack.
    Rest(u32),
    /// Segments: later ones came.
    Segments,
    /// The messages after those that came.
    Messages,
    /// The server's answer to the client's second message.
    Answer,
}

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let h = Handshake::unfinished(context)?;
    let tls = h.tls;
    let over = !tls.alerts.is_empty() || h.tcp.icmp.iter().any(|error| error.is_too_big());
    if over || h.server().clipped || h.client().clipped || h.tcp.midstream {
        return None;
    }
    let began = tls.first_record[Side::Server].or(partial(&h))?;
    let (missing, tries) = missing(&h, began)?;
    let lasted = h.unanswered(&tries).filter(|lasted| *lasted < CUT_OUT)?;
    let what = format!(
        "the server's part of the TLS handshake began (frame {}), then {}; nothing more came in {}",
        began.frame.0,
        missing.words(),
        span(lasted)
    );
    let sure = if context.packets_missing() {
        0.5
    } else {
        missing.sure()
    };
    let marks = tries.into_iter().chain([began]).chain(h.hello_marks());
    Some(Claim::new(what, sure, marks))
}

impl Missing {
    fn words(&self) -> String {
        match self {
            Self::Rest(bytes) => format!("{bytes} bytes of its message are missing"),
            Self::Segments => "segments in the middle of it are missing".to_owned(),
            Self::Messages => "the rest of it is missing".to_owned(),
            Self::Answer => "the server did not answer the client's second message".to_owned(),
        }
    }

    fn sure(&self) -> f64 {
        match self {
            Self::Rest(_) => 0.85,
            Self::Segments => 0.6,
            Self::Answer => 0.8,
            Self::Messages => 0.75,
        }
    }
}

/// Bytes of the server came and do not make a record header yet, or wait behind a hole.
fn partial(h: &Handshake<'_>) -> Option<Mark> {
    let after = |mark: &Mark| mark.time >= h.first.time;
    let server = h.server();
    let waits = h.tls.not_tls[Side::Server].is_none() && h.tls.proxy_connect.is_none();
    server.first_data.filter(|mark| waits && after(mark))
}

/// What is missing, and the packets after which it was waited for.
fn missing(h: &Handshake<'_>, began: Mark) -> Option<(Missing, Vec<Mark>)> {
    let tls = h.tls;
    let last = h.server().last_new_data.unwrap_or(began);
    let sent: Vec<Mark> = h.client().oldest_unacked().map(|s| s.mark).collect();
    let second = if tls.is_tls13() {
        tls.second_hello.filter(|_| tls.server_hello.is_none())
    } else {
        tls.client_finished
    };
    if let Some(second) = second {
        let answered = last.time > second.time || !h.followed(Side::Server);
        // Not acknowledged and not sent again: the capture lost sight of the connection.
        let lost_sight = sent.len() == 1;
        let tries = if sent.is_empty() { vec![second] } else { sent };
        return (!answered && !lost_sight).then_some((Missing::Answer, tries));
    }
    let went_on = tls.client_finished.is_some()
        || tls.client_flight.is_some()
        || tls.client_key_exchange.is_some()
        || tls.last_record[Side::Client].is_some();
    let unclear = h.lacks(Side::Server) || h.lacks(Side::Client);
    if went_on
        || unclear
        || !h.server_data_acked()
        || whole_flight(h).is_some()
        || tls.retry_request.is_some()
    {
        return None;
    }
    let lacks = tls.open_record[Side::Server];
    let missing = if h.server().hole_at.is_some() {
        Missing::Segments
    } else if lacks > 0 {
        Missing::Rest(lacks)
    } else {
        Missing::Messages
    };
    Some((missing, vec![last]))
}
