//! The capture ends before it could be known how this turned out.
//!
//! ## What it means
//! The device was still waiting when the capture stopped, for good or for a while (the interface was down, the machine
//! slept). An answer may have come a moment later.
//!
//! ## What we look for
//! An attempt without outcome, and less than three seconds of capture (or three round trips) after the last thing that
//! the client sent for it; or a time without capturing between its beginning and its outcome.
//!
//! ## How sure
//! 0.95: it is plain from the packets.
//!
//! ## What to do
//! Capture again, and let it run for at least ten seconds after the app has shown its error.
//!
//! ## Often confused with
//! capture.one-sided and capture.truncated (the capture lacks something else than time).
//!
//! ## References
//! RFC 6298 (when a connection request is due to be sent again).

use crate::diagnose::judge::JudgedPath;
use crate::diagnose::{AttemptContext, Blame, Check, Claim, Outcome, Rule, Severity, Stage};
use crate::types::Mark;
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "capture.ended",
    stage: Stage::Capture,
    severity: Severity::Note,
    blame: Blame::Capture,
    over: &[],
    check: Check::Attempt(check),
    source: include_str!("ended.rs"),
};

/// Time in which an answer or a resend is due.
const DUE: Duration = Duration::from_secs(3);

fn check(context: &AttemptContext<'_>) -> Vec<Claim> {
    let one_sided = context.world.quality(context.capture());
    let one_sided = one_sided.is_some_and(|q| q.is_one_sided());
    if context.outcome != Some(Outcome::Unfinished) || one_sided || all_left(context) {
        return Vec::new();
    }
    let Some(last) = last_sign(context) else {
        return Vec::new();
    };
    let left = context.after(last);
    // Beside a hole in the capture, the outcome may also lie in one that came before the last packet.
    let hole = context.end() < context.world.end(context.capture());
    if left > DUE && !hole {
        return Vec::new();
    }
    let what = if hole {
        "nothing was captured for a while after this attempt began, before its outcome was due: the interface was down or the machine slept".to_owned()
    } else {
        let when = match left.as_secs_f64() * 1e3 {
            ms if ms < 0.5 => "with".to_owned(),
            ms => format!("{ms:.0} ms after"),
        };
        format!(
            "the capture ends {when} the last packet of this attempt, before its outcome was due"
        )
    };
    vec![Claim::new(what, 0.95, [last])]
}

/// The client itself ended every connection: more capture would have shown nothing else.
fn all_left(context: &AttemptContext<'_>) -> bool {
    let open = |judged: &JudgedPath| judged.outcome != Outcome::Abandoned;
    !context.paths.is_empty() && !context.paths.iter().any(open)
}

/// The last packet of what is still open.
fn last_sign(context: &AttemptContext<'_>) -> Option<Mark> {
    let paths = context.attempt.paths.iter().zip(context.paths);
    let open = paths.filter(|(_, judged)| judged.outcome == Outcome::Unfinished);
    let paths = open.map(|(path, _)| path.flow.last);
    let lookups = context.attempt.lookups.iter().flat_map(|lookup| {
        let replies = lookup.replies.last().map(|reply| reply.mark);
        lookup.tries.last().copied().into_iter().chain(replies)
    });
    paths.chain(lookups).max_by_key(|mark| mark.time)
}
