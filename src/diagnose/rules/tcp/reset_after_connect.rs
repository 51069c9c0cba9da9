//! The TCP connection was reset right after it was accepted, before the device had sent anything.
//!
//! ## What it means
//! The handshake went through, and a reset (RST) in the server's name ended the connection at once. Filters that
//! decide by address do this; so does a server (or the load balancer before it) that can't take the connection on
//! after all.
//!
//! ## What we look for
//! An established connection, an RST from the server's address within a second of the client's ACK, no data and no
//! FIN of the client before it, no data of the server either. An RST that acknowledges more than the handshake shows
//! that the capture lacks something. A connection that had been idle for longer was kept in reserve, and closing it
//! is no failure. `injected` is true only where the server goes on sending, or two of these hold: another TTL than
//! the SYN-ACK's, a place in the stream that does not fit, resets that differ.
//!
//! ## How sure
//! 0.9; 0.6 where its sequence number does not fit, so that the client may have ignored it.
//!
//! ## What to do
//! Try another network. If it works there, the first network (or a firewall or VPN on the device) resets connections
//! to that address. If it happens everywhere, the service has trouble: try later.
//!
//! ## Often confused with
//! tcp.refused (the reset answers the connection request itself), tls.reset-after-hello (the reset came after the
//! device had named the host it wants).
//!
//! ## References
//! RFC 9293 section 3.5.2; Weaver, Sommer, Paxson, "Detecting Forged TCP Reset Packets", NDSS 2009.

use super::witness::weigh;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::tcp::{Reset, TcpFacts};
use crate::types::{Mark, Side};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "tcp.reset-after-connect",
    stage: Stage::Tcp,
    severity: Severity::Broken,
    blame: Blame::Interceptor,
    over: &[],
    check: Check::Path(check),
    source: include_str!("reset_after_connect.rs"),
};

/// A client that means to use a connection does so sooner.
const IDLE: Duration = Duration::from_secs(1);

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let tcp = context.tcp()?;
    let (ack, reset) = cut_off(tcp)?;
    if raced(context, reset.mark) {
        return None;
    }
    let doubts = weigh(context, reset, Some(ack));
    let injected = doubts.suffice();
    let mut what = format!(
        "{} accepted the connection; {:.1} ms after the client's ACK a reset came, TTL {}, before any data",
        context.path.flow.server,
        reset.mark.time.since(ack.time).as_secs_f64() * 1e3,
        reset.ttl,
    );
    if injected {
        what.push_str(&format!(
            "; not sent by the server: {}",
            doubts.words.join("; ")
        ));
    }
    let sure = if reset.in_sequence { 0.9 } else { 0.6 };
    let marks = tcp.syn_ack.first().into_iter().chain([ack, reset.mark]);
    let claim = Claim::new(what, sure, marks.chain(doubts.marks));
    Some(claim.with("injected", injected))
}

/// Another connection was under way by then and got through: this one was not needed.
fn raced(context: &PathContext<'_>, reset: Mark) -> bool {
    context
        .siblings()
        .any(|s| s.flow.first.time <= reset.time && s.progress.succeeded().is_some())
}

/// The client's ACK and the reset that came before anything else.
fn cut_off(tcp: &TcpFacts) -> Option<(Mark, &Reset)> {
    let ack = tcp.ack.filter(|_| tcp.established())?;
    let reset = tcp.reset_from(Side::Server)?;
    let earlier = |mark: Option<Mark>| mark.is_some_and(|m| m.time <= reset.mark.time);
    let (client, server) = (&tcp.half[Side::Client], &tcp.half[Side::Server]);
    let used = earlier(client.first_data) || earlier(server.first_data);
    let closed = earlier(client.fin) || earlier(server.fin);
    let client_reset = earlier(tcp.reset_from(Side::Client).map(|r| r.mark));
    let after = reset.mark.time >= ack.time && reset.mark.time.since(ack.time) < IDLE;
    // It acknowledges more than the handshake: data or a FIN of the client that the capture lacks.
    let survived = client.acked > 0 || reset.acked > 0 || reset.acks_unseen;
    (after && !used && !closed && !client_reset && !survived).then_some((ack, reset))
}
