//! Conditions of this family's rules, by name: each is necessary for its rule (see [`crate::diagnose::why_not`]).

use crate::diagnose::why_not::Unmet;
use crate::diagnose::{AttemptContext, Outcome};
use crate::types::Mark;

/// Those of `id` that do not hold for an attempt.
pub(in crate::diagnose) fn attempt(id: &str, context: &AttemptContext<'_>, unmet: &mut Unmet) {
    match id {
        "capture.one-sided" => one_sided(context, unmet),
        "capture.truncated" => undecided(context, unmet),
        "capture.ended" => ended(context, unmet),
        "capture.midstream" => midstream(context, unmet),
        "capture.dropped" => dropped(context, unmet),
        _ => {}
    }
}

/// It is only told where it leaves the outcome open.
fn undecided(context: &AttemptContext<'_>, unmet: &mut Unmet) {
    // Connections to an encrypted resolver get their outcome from what became of the names.
    let told = |o: &Outcome| *o != Outcome::Unfinished && !context.is_to_resolver();
    if let Some(outcome) = context.outcome.filter(told) {
        let through = context
            .attempt
            .paths
            .iter()
            .filter_map(|p| p.progress.through.or(p.progress.secured));
        unmet.against(
            format!(
                "the capture shows how the attempt ended ({})",
                outcome.as_str()
            ),
            through.take(1),
        );
    }
}

fn one_sided(context: &AttemptContext<'_>, unmet: &mut Unmet) {
    undecided(context, unmet);
    if let Some(quality) = context
        .world
        .quality(context.capture())
        .filter(|q| !q.is_one_sided())
    {
        unmet.missing(format!(
            "{} of {} TCP flows of this capture that can be judged lack a direction: nine in ten would have to",
            quality.one_sided, quality.judgeable
        ));
    }
}

fn ended(context: &AttemptContext<'_>, unmet: &mut Unmet) {
    undecided(context, unmet);
    let paths = context.attempt.paths.iter().map(|p| p.flow.last);
    let lookups = context.attempt.lookups.iter().flat_map(|l| {
        let reply = l.replies.last().map(|r| r.mark);
        l.tries.last().copied().into_iter().chain(reply)
    });
    let last: Option<Mark> = paths.chain(lookups).max_by_key(|m| m.time);
    if let Some(last) = last {
        let left = context.after(last);
        if left.as_secs() > 3 {
            let left = crate::diagnose::why_not::span(left);
            unmet.against(
                format!("the capture goes on for {left} after the attempt's last packet"),
                [last],
            );
        }
    }
}

fn midstream(context: &AttemptContext<'_>, unmet: &mut Unmet) {
    let begun = context.attempt.paths.iter().any(|p| {
        let tcp = p.flow.tcp.as_deref().is_some_and(|t| t.midstream);
        tcp || p.flow.quic.is_some_and(|q| q.midstream)
    });
    if !begun {
        let first = context.attempt.paths.iter().map(|p| p.flow.first);
        unmet.against(
            "the capture holds the opening of every connection of this attempt",
            first.take(4),
        );
    }
}

fn dropped(context: &AttemptContext<'_>, unmet: &mut Unmet) {
    let dropped =
        context.world.dropped(context.capture()) > 0 && context.outcome != Some(Outcome::Ok);
    let unseen = |p: &crate::attempt::Path<'_>| {
        let tcp = p.flow.tcp.as_deref();
        tcp.is_some_and(|t| t.half.0.iter().any(|h| h.all_unseen() > 0))
    };
    if !dropped && !context.attempt.paths.iter().any(unseen) {
        unmet.missing(
            "the capture states no loss that could have hidden the outcome, and no side of these connections \
             acknowledged bytes that the capture lacks",
        );
    }
}
