//! What makes room in a capture without an end: attempts that are over are given up whole.
//!
//! A live capture may go on for days. Its engine forgets the attempts whose last packet lies long back; what they came
//! to is by then in an earlier snapshot. An attempt is kept whole or goes whole: one that had lost its lookups, say,
//! would look like another attempt, and might be judged otherwise.

use super::Engine;
use super::conversation::Flow;
use crate::attempt::Attempt;
use crate::attempt::join::join;
use crate::fact::dns::Lookup;
use crate::types::{Mark, Timestamp};
use std::collections::HashSet;

/// What was forgotten so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Forgotten {
    /// Attempts.
    pub attempts: u64,
    /// The time before which they ended.
    pub before: Option<Timestamp>,
}

/// What stays, told by its first packet. Lookups of one DNS-over-TCP segment have the same one; they go together.
#[derive(Default)]
struct Staying {
    flows: HashSet<Mark>,
    lookups: HashSet<Mark>,
    attempts_gone: u64,
}

impl Staying {
    fn note(&mut self, attempt: &Attempt<'_>, before: Timestamp) {
        if last_sign(attempt).is_none_or(|last| last < before) {
            self.attempts_gone += 1;
            return;
        }
        self.flows
            .extend(attempt.paths.iter().map(|p| p.flow.first));
        let lookups = attempt.lookups.iter().filter_map(|l| l.first());
        self.lookups.extend(lookups);
    }
}

fn last_sign(attempt: &Attempt<'_>) -> Option<Timestamp> {
    let paths = attempt.paths.iter().map(|p| p.flow.last.time);
    let lookups = attempt.lookups.iter().filter_map(|l| last_of(l));
    paths.chain(lookups).max()
}

/// Time of a lookup's last packet.
fn last_of(lookup: &Lookup) -> Option<Timestamp> {
    let tries = lookup.tries.iter();
    let replies = lookup.replies.iter().map(|r| &r.mark);
    let icmp = lookup.icmp.iter().map(|e| &e.mark);
    tries.chain(replies).chain(icmp).map(|m| m.time).max()
}

impl Engine {
    /// Flows followed in full and lookups kept: about what a snapshot has to look at (lone SYNs come on top of it).
    #[must_use]
    pub fn held(&self) -> usize {
        self.tracked + self.dns.lookups().len()
    }

    /// Forgets the attempts whose last packet came before `before`, and all other flows that have been quiet since
    /// then; returns how many attempts that were. Costs about as much as a snapshot.
    ///
    /// Resolvers' counts, stream numbers and what is known of each client stay. The verdict is from now on about the
    /// attempts that are left, and says so.
    pub fn forget_before(&mut self, before: Timestamp) -> u64 {
        let mut staying = Staying::default();
        let attempts = join(
            &self.target,
            self.dns.lookups(),
            self.flows(),
            self.dns.names(),
        );
        attempts.iter().for_each(|a| staying.note(a, before));
        drop(attempts);
        self.dns.forget(|lookup| {
            let first = lookup.first();
            first.is_none_or(|first| staying.lookups.contains(&first))
        });
        let stays = |flow: &Flow| flow.last.time >= before || staying.flows.contains(&flow.first);
        let mut gone = self.flows.remove_unless(stays);
        let finished = std::mem::take(&mut self.finished);
        let (kept, ended) = finished.into_iter().partition(stays);
        self.finished = kept;
        for flow in &mut gone {
            flow.finish(&mut self.dns);
            if let Some(quality) = self.captures.get_mut(usize::from(flow.first.capture.0)) {
                quality.note_flow(flow.one_sided());
            }
        }
        gone.extend(ended);
        let tracked = gone.iter().filter(|flow| flow.detail.is_some()).count();
        self.tracked = self.tracked.saturating_sub(tracked);
        self.forgotten.attempts += staying.attempts_gone;
        if staying.attempts_gone > 0 {
            self.forgotten.before = self.forgotten.before.max(Some(before));
        }
        staying.attempts_gone
    }

    /// What was forgotten so far.
    #[must_use]
    pub fn forgotten(&self) -> Forgotten {
        self.forgotten
    }
}
