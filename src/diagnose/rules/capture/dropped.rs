//! The capture lost packets that were on the wire.
//!
//! ## What it means
//! The capturing program or the kernel could not keep up. Packets are missing from the file, and an answer that is not
//! there may have come all the same.
//!
//! ## What we look for
//! The file says how many packets were dropped; or one side acknowledges bytes that the capture never shows.
//!
//! ## How sure
//! 0.95 with the counter, 0.9 with the acknowledgements.
//!
//! ## What to do
//! Capture again with a larger buffer (`tcpdump -B 16384`), a filter for the host in question, or on a less busy
//! machine.
//!
//! ## Often confused with
//! tcp.lossy (packets lost on the network are sent again and show as resends), capture.midstream (bytes before the
//! capture began are not missing).
//!
//! ## References
//! pcap_stats(3PCAP); RFC 9293 section 3.8.

use crate::diagnose::{AttemptContext, Blame, Check, Claim, Outcome, Rule, Severity, Stage};

pub(super) static RULE: Rule = Rule {
    id: "capture.dropped",
    stage: Stage::Capture,
    severity: Severity::Note,
    blame: Blame::Capture,
    over: &[],
    check: Check::Attempt(check),
    source: include_str!("dropped.rs"),
};

fn check(context: &AttemptContext<'_>) -> Vec<Claim> {
    let one_sided = context.world.quality(context.capture());
    if one_sided.is_some_and(|q| q.is_one_sided()) {
        return Vec::new(); // worse, and said elsewhere
    }
    let dropped = context.world.dropped(context.capture());
    if dropped > 0 && context.outcome != Some(Outcome::Ok) {
        let what =
            format!("the capturing program lost {dropped} packets; an answer may be among them");
        return vec![Claim::new(what, 0.95, [context.attempt.started])];
    }
    let paths = context.attempt.paths.iter().enumerate();
    let mut claims = paths.filter_map(|(index, path)| {
        let tcp = path
            .flow
            .tcp
            .as_deref()
            .filter(|tcp| !tcp.midstream && tcp.two_way())?;
        let half = tcp.half.0.iter().find(|half| half.all_unseen() > 0)?;
        let what = format!(
            "{} bytes of the connection with {} were acknowledged but are not in the capture",
            half.all_unseen(),
            path.flow.server,
        );
        Some(Claim::new(what, 0.9, half.acked_at).on_path(index))
    });
    claims.next().into_iter().collect()
}
