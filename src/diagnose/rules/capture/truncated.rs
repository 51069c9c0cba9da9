//! Packets were cut short when they were captured, and the missing bytes were needed.
//!
//! ## What it means
//! The capture was made with a snap length that keeps only the first bytes of each packet, or the file ends inside a
//! packet. What the connection said in the bytes cut off (names, alerts, records) can't be known.
//!
//! ## What we look for
//! An attempt whose outcome is not known, with packets of it cut by the snap length, or with its last packets at the
//! very end of a file that is damaged or incomplete.
//!
//! ## How sure
//! 0.9: the headers say how long the packets were, and the file where it should end.
//!
//! ## What to do
//! Capture again with full packets (`tcpdump -s 0`), and let the capturing program end by itself (Ctrl-C, not a copy
//! of a file that is still being written).
//!
//! ## Often confused with
//! capture.dropped (whole packets are missing), capture.ended (the capture is whole but too short).
//!
//! ## References
//! pcap(3PCAP), "snapshot length".

use crate::attempt::Path;
use crate::diagnose::{AttemptContext, Blame, Check, Claim, Outcome, Rule, Severity, Stage};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "capture.truncated",
    stage: Stage::Capture,
    severity: Severity::Note,
    blame: Blame::Capture,
    over: &[],
    check: Check::Attempt(check),
    source: include_str!("truncated.rs"),
};

/// What lay so near before a damaged end may have gone on behind it.
const NEAR_END: Duration = Duration::from_secs(1);

fn check(context: &AttemptContext<'_>) -> Vec<Claim> {
    if context.outcome != Some(Outcome::Unfinished) {
        return Vec::new();
    }
    let paths = context.attempt.paths.iter().zip(context.paths).enumerate();
    let open = paths.filter(|(_, (_, judged))| judged.outcome == Outcome::Unfinished);
    let clipped = open.clone().find(|(_, (path, _))| is_clipped(path));
    if let Some((index, (path, _))) = clipped {
        let what = "packets of this connection were cut short by the snap length: what they said is not known";
        return vec![Claim::new(what, 0.9, [path.flow.first]).on_path(index)];
    }
    let mut replies = context.attempt.lookups.iter().flat_map(|l| &l.replies);
    if let Some(reply) = replies.find(|r| r.clipped) {
        let what = "the answer to a lookup was cut short by the snap length";
        return vec![Claim::new(what, 0.9, [reply.mark])];
    }
    let last = open
        .map(|(_, (path, _))| path.flow.last)
        .max_by_key(|m| m.time);
    let damaged = context.world.incomplete(context.capture());
    let near = last.filter(|m| damaged && context.after(*m) <= NEAR_END);
    near.into_iter()
        .map(|mark| {
            Claim::new(
                "the capture file ends inside a packet, right after this",
                0.9,
                [mark],
            )
        })
        .collect()
}

fn is_clipped(path: &Path<'_>) -> bool {
    let flow = &path.flow;
    let tcp = flow
        .tcp
        .as_deref()
        .is_some_and(|t| t.half.0.iter().any(|half| half.clipped));
    tcp || flow.quic.is_some_and(|quic| quic.clipped)
}
