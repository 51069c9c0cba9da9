//! The connection was reset right after the TLS greeting (ClientHello), before the server said anything.
//!
//! ## What it means
//! The device connected and sent the first TLS message, which names the wanted host. Instead of an answer came a TCP
//! reset with the server's address. Filters that read the name do this; a server that does not want the connection
//! can do it as well.
//!
//! ## What we look for
//! An RST with the server's address after the ClientHello and before any TLS record of the server, and the client had
//! not closed before. An RST further on in the server's stream than what was seen of it is no sign, unless it is
//! forged: what the server said first is missing. The field `injected` is true where several signs speak against the
//! server as sender: another TTL, sequence numbers that differ or do not fit, window fields in a series, an answer
//! faster than the round trip, server data after the reset. One sign alone is not enough.
//!
//! ## How sure
//! Surest where the reset is proven to be forged, or another name passes at the same address.
//!
//! ## What to do
//! Try the same on another network and with any VPN or filter app switched off. If it works there, the first network
//! filters this name: ask whoever runs it.
//!
//! ## Often confused with
//! tcp.reset-after-connect (before the hello), tls.reset-mid-handshake (after the server's first record),
//! tls.closed-after-hello (FIN instead of RST), tls.large-hello-dropped (only large hellos are reset).
//!
//! ## References
//! RFC 9293 section 3.5.2, RFC 6066 section 3; Weaver, Sommer, Paxson: Detecting Forged TCP Reset Packets, NDSS 2009.

use super::common::{Acked, Handshake, LONG, not_before, span};
use super::large_hello_dropped;
use crate::diagnose::rules::tcp::witness::weigh;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::tcp::Reset;
use crate::types::Side;

pub(super) static RULE: Rule = Rule {
    id: "tls.reset-after-hello",
    stage: Stage::Tls,
    severity: Severity::Broken,
    blame: Blame::Interceptor,
    over: &[],
    check: Check::Path(check),
    source: include_str!("reset_after_hello.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let h = Handshake::unfinished(context)?;
    let reset = h.tcp.reset_from(Side::Server)?;
    if h.ended_by(Side::Server) != Some(reset.mark) || !answers_hello(&h, reset) {
        return None;
    }
    // A server that never got the hello gives up in the end: that is no answer to it.
    let waited = reset.mark.time.since(h.first.time);
    let in_vain = h.acked() != Acked::All && waited >= LONG && reset.in_sequence;
    if in_vain && h.unanswered(&h.sends()).is_some() || large_hello_dropped::explains(&h) {
        return None;
    }
    let doubts = weigh(context, reset, Some(h.hello));
    // A server's own reset further on in its stream: it had sent something that the capture lacks.
    let ahead = reset.seq.is_some_and(|seq| seq > h.server().sent);
    if ahead && !doubts.suffice() {
        return None;
    }
    let passed = h.other_name_passed();
    let mut what = format!(
        "a reset with the address of {} came {} after the ClientHello, before any answer{}",
        context.path.flow.server,
        span(reset.mark.time.since(h.hello.time)),
        doubts.in_words()
    );
    if let Some(other) = passed {
        what += &format!(
            "; a ClientHello with another name (frame {}) was answered by the same server",
            other.progress.greeted.map_or(0, |mark| mark.frame.0)
        );
    }
    if h.is_large() {
        what += "; the ClientHello took several packets, so a box that knows only small ones is possible as well";
    }
    let sure = match (doubts.suffice(), passed.is_some()) {
        (true, _) => 0.95,
        (_, true) => 0.9,
        _ => 0.75,
    };
    let resets = h.tcp.resets.iter().filter(|r| r.from == Side::Server);
    let marks = resets.map(|r| r.mark).chain(h.hello_marks());
    Some(Claim::new(what, sure, marks).with("injected", doubts.suffice()))
}

/// It came after the hello, and nothing of the server came between them.
fn answers_hello(h: &Handshake<'_>, reset: &Reset) -> bool {
    let server = h.server();
    let earlier = |mark: &crate::types::Mark| !not_before(*mark, reset.mark);
    let record = h.tls.first_record[Side::Server].as_ref();
    let other = h.tls.not_tls[Side::Server].as_ref().map(|n| &n.mark);
    let spoke = record.into_iter().chain(other).any(earlier)
        || server
            .last_new_data
            .is_some_and(|mark| mark.time >= h.first.time && earlier(&mark));
    // It acknowledges what the capture does not show: data, or the client's own FIN.
    let unseen = reset.acked > h.tcp.half[Side::Client].sent;
    let missing = unseen || h.lacks(Side::Server) || h.lacks(Side::Client);
    not_before(reset.mark, h.first) && !spoke && !missing
}
