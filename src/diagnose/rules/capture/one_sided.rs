//! The capture shows only one direction of the traffic.
//!
//! ## What it means
//! Packets of the client or packets to it are missing altogether. Whether a server answered can't be told from such a
//! capture, so no silence is claimed.
//!
//! ## What we look for
//! Nearly all TCP flows of the capture (90 %) have packets of one side only, although these acknowledge or send data.
//!
//! ## How sure
//! 0.95: it is a count over the whole capture.
//!
//! ## What to do
//! Capture again where both directions pass: on the device itself, or on a mirror port that is set to both. Leave out
//! capture filters that name a source or a direction.
//!
//! ## Often confused with
//! A server that does not answer: then other flows still show both directions.
//!
//! ## References
//! Wireshark wiki, CaptureSetup/Ethernet.

use crate::diagnose::{AttemptContext, Blame, Check, Claim, Outcome, Rule, Severity, Stage};

pub(super) static RULE: Rule = Rule {
    id: "capture.one-sided",
    stage: Stage::Capture,
    severity: Severity::Note,
    blame: Blame::Capture,
    over: &[],
    check: Check::Attempt(check),
    source: include_str!("one_sided.rs"),
};

fn check(context: &AttemptContext<'_>) -> Vec<Claim> {
    let undecided = context.outcome == Some(Outcome::Unfinished);
    let quality = context.world.quality(context.capture());
    let Some(quality) = quality.filter(|q| undecided && q.is_one_sided()) else {
        return Vec::new();
    };
    let what = format!(
        "{} of {} TCP flows of this capture show one direction only: whether anyone answered can't be told",
        quality.one_sided, quality.judgeable,
    );
    vec![Claim::new(what, 0.95, [context.attempt.started])]
}
