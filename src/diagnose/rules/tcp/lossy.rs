//! Many packets of the connection were lost on the way.
//!
//! ## What it means
//! More than one in twenty packets did not arrive and had to be sent again. The connection works, slowly: pages hang,
//! video stutters or drops in quality.
//!
//! ## What we look for
//! In one direction, at least 20 data segments, more than 5 % of them lost: sent again before they were acknowledged,
//! or missing where later ones came, and filled in too late to have merely changed places. Packets that only the
//! capture missed, that it holds twice, or that arrived out of order are not counted, nor resends that the receiver
//! reports as needless. A connection that stands still, with one segment sent again and again, is another matter.
//!
//! ## How sure
//! 0.9; 0.7 where the capture is known to have lost packets.
//!
//! ## What to do
//! If other services suffer as well, the connection is bad: move closer to the Wi-Fi, use a cable, try mobile data.
//! If only this one suffers, it is the way to this service; a VPN may take a better one.
//!
//! ## Often confused with
//! tcp.path-mtu-blackhole (only large packets are lost, and all of them), media.throttled (a flat ceiling, with
//! losses just above it).
//!
//! ## References
//! RFC 2018, RFC 2883, RFC 6298, RFC 8985.

use super::common::count;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::tcp::Half;
use crate::types::Side;

pub(super) static RULE: Rule = Rule {
    id: "tcp.lossy",
    stage: Stage::Tcp,
    severity: Severity::Degraded,
    blame: Blame::Path,
    over: &[],
    check: Check::Path(check),
    source: include_str!("lossy.rs"),
};

/// Fewer segments make no share.
const LEAST: u32 = 20;
/// A segment sent more often than this and never acknowledged: the connection does not go on, so it is not slow.
const TRIES: usize = 2;
/// More than this share is lost: 5 %.
const LIMIT: f64 = 0.05;

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let tcp = context.tcp()?;
    // Of one direction alone, what came late and what came twice can't be told from what was lost.
    if !context.path.flow.two_way() {
        return None;
    }
    let sides = [Side::Client, Side::Server].map(|side| (ratio(&tcp.half[side]), side));
    let (ratio, side) = if sides[1].0 >= sides[0].0 {
        sides[1]
    } else {
        sides[0]
    };
    let half = &tcp.half[side];
    let stuck = half.oldest_unacked().count() > TRIES;
    if ratio <= LIMIT || half.lost_marks.is_empty() || stuck || !context.path.flow.two_way() {
        return None;
    }
    let what = format!(
        "{} of {} {} {} were lost and sent again ({:.0} %)",
        half.lost,
        count(half.data_segments, "data segment", "data segments"),
        if side == Side::Server { "from" } else { "to" },
        context.path.flow.server,
        ratio * 100.0,
    );
    let sure = if context.packets_missing() { 0.7 } else { 0.9 };
    let claim = Claim::new(what, sure, half.lost_marks.iter().copied());
    Some(claim.with("ratio", (ratio * 1000.0).round() / 1000.0))
}

fn ratio(half: &Half) -> f64 {
    if half.data_segments < LEAST {
        return 0.0;
    }
    f64::from(half.lost) / f64::from(half.data_segments)
}
