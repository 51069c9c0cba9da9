//! Was a reset sent by the server that it names, or by something in between?
//!
//! One odd field proves nothing: load balancers answer from other machines, and a kernel that knows no connection
//! writes its resets differently. Several signs together do (Weaver, Sommer, Paxson, NDSS 2009). The IP
//! identification is left out: kernels write 0 or a random number in resets, and the facts keep no series of it.

use super::common::Handshake;
use crate::fact::tcp::Reset;
use crate::types::Side;
use std::time::Duration;

/// What speaks against the server as sender of its resets.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    /// Each sign, in words.
    pub(super) signs: Vec<&'static str>,
    weight: u8,
}

impl Doubts {
    /// The signs are enough to say that the reset is forged.
    pub(super) fn is_injected(&self) -> bool {
        self.weight >= 2
    }

    /// The signs as the end of a sentence, or nothing.
    pub(super) fn words(&self) -> String {
        if self.signs.is_empty() {
            String::new()
        } else {
            format!("; {}", self.signs.join(", "))
        }
    }

    fn add(&mut self, holds: bool, weight: u8, sign: &'static str) {
        if holds {
            self.signs.push(sign);
            self.weight += weight;
        }
    }
}

/// Weighs the resets that carry the server's address. Captures that name the app of a connection were made by a
/// VPN on the device, which writes all headers itself: there the fields mean nothing.
pub(super) fn doubts(handshake: &Handshake<'_>) -> Doubts {
    let mut doubts = Doubts::default();
    let (tcp, server) = (handshake.tcp, handshake.server());
    let resets = || tcp.resets.iter().filter(|reset| reset.from == Side::Server);
    let Some(reset) = resets().next() else {
        return doubts;
    };
    if handshake.context.path.flow.app.is_some() || server.packets <= tcp.reset_count {
        return doubts;
    }
    let (low, high) = (server.ttl_min, server.ttl_max);
    let foreign = reset.ttl.saturating_add(1) < low || reset.ttl > high.saturating_add(1);
    doubts.add(foreign, 1, "its TTL is not that of the server's packets");
    let windows = |a: &Reset| a.window != reset.window && a.window != 0 && reset.window != 0;
    doubts.add(resets().any(windows), 1, "the resets' windows differ");
    let whole = server.unseen == 0 && server.hole_at.is_none();
    let in_order = resets().filter(|reset| reset.in_sequence).count();
    let all = resets().count();
    doubts.add(
        whole && in_order < all && in_order > 0,
        2,
        "several resets came with different sequence numbers",
    );
    doubts.add(
        whole && in_order == 0,
        1,
        "its sequence number is not the server's next",
    );
    let after = tcp
        .data_after_reset
        .is_some_and(|mark| mark.time.since(reset.mark.time) > Duration::from_millis(3));
    doubts.add(after, 2, "the server sent data after it");
    doubts.add(
        faster_than_path(handshake, reset),
        1,
        "it came faster than the server can answer",
    );
    doubts
}

/// Less than half a round trip after the packet that it answers.
fn faster_than_path(handshake: &Handshake<'_>, reset: &Reset) -> bool {
    let Some(rtt) = handshake.context.rtt() else {
        return false;
    };
    let server_spoke = handshake.server().first_data.is_some();
    let since = reset.mark.time.since(handshake.hello.time);
    !server_spoke && rtt > Duration::from_millis(10) && since < rtt / 2
}
