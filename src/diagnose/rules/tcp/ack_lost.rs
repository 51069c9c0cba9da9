//! The server never got the client's half of the TCP handshake.
//!
//! ## What it means
//! The server accepted the connection (SYN-ACK), the device confirmed it (ACK) and sent data, and the server goes on
//! repeating its acceptance as if it had heard nothing. Packets pass from the server to the device, but not the other
//! way: something drops them after the connection request.
//!
//! ## What we look for
//! The SYN-ACK at least twice again after the client's ACK and after its first data, over a second or more, the data
//! resent and not acknowledged, nothing but SYN-ACKs from the server. A server that waits for data before it takes a
//! connection resends the SYN-ACK to an idle client: that does not count.
//!
//! ## How sure
//! 0.9 with two resends of the SYN-ACK, 0.95 with more; less where the capture is known to have lost packets.
//!
//! ## What to do
//! Try another network, and without VPN. If it works there, a firewall or NAT device of the first network forwards only
//! the first packet of the connection.
//!
//! ## Often confused with
//! tcp.syn-unanswered (no SYN-ACK at all), tls.hello-unanswered (the server is silent, it does not repeat itself),
//! tcp.path-mtu-blackhole (small packets are acknowledged).
//!
//! ## References
//! RFC 9293 section 3.5; tcp(7), TCP_DEFER_ACCEPT.

use super::common::{count, lost_race};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::tcp::TcpFacts;
use crate::types::{Mark, Side};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "tcp.ack-lost",
    stage: Stage::Tcp,
    severity: Severity::Broken,
    blame: Blame::Path,
    over: &[],
    check: Check::Path(check),
    source: include_str!("ack_lost.rs"),
};

/// SYN-ACKs are not resent sooner (RFC 6298); anything quicker is a copy or a crossing.
const LASTS: Duration = Duration::from_secs(1);

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let tcp = context.tcp()?;
    let (ack, data, last) = deaf(tcp)?;
    if lost_race(context) {
        return None;
    }
    let again = tcp.syn_acks_after_ack;
    let sure = if again > 2 { 0.95 } else { 0.9 };
    let sure = if context.packets_missing() {
        sure - 0.25
    } else {
        sure
    };
    let client = &tcp.half[Side::Client];
    let what = format!(
        "{} sent its SYN-ACK {} after the client had acknowledged it, the last one {:.1} s later; {} of the client \
         stayed unacknowledged",
        context.path.flow.server,
        count(again, "more time", "more times"),
        last.time.since(ack.time).as_secs_f64(),
        count(client.data_segments, "data segment", "data segments"),
    );
    let marks = [ack, data, last]
        .into_iter()
        .chain(tcp.syn_ack.marks.iter().copied());
    Some(Claim::new(what, sure, marks))
}

/// The client's ACK, its first data, and the last SYN-ACK after both.
fn deaf(tcp: &TcpFacts) -> Option<(Mark, Mark, Mark)> {
    let (client, server) = (&tcp.half[Side::Client], &tcp.half[Side::Server]);
    let (ack, data, last) = (tcp.ack?, client.first_data?, tcp.syn_ack.last?);
    let unheard = client.acked == 0 && client.retransmitted > 0;
    let nothing_else = server.first_data.is_none() && server.fin.is_none() && tcp.reset_count == 0;
    let lasts = last.time.since(ack.time.max(data.time)) >= LASTS;
    (tcp.syn_acks_after_ack >= 2 && unheard && nothing_else && lasts).then_some((ack, data, last))
}
