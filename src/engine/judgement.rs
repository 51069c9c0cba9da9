//! Attempts joined and judged, whenever somebody asks.

use super::{Engine, beside, notes};
use crate::attempt::join::join;
use crate::diagnose::{Judged, Rule, Thresholds, World, judge};
use crate::snapshot::build::{Parts, build};
use crate::snapshot::why_not::{Rival, WhyNotReport, report, rivals};
use crate::snapshot::{Attempt, Report};
use crate::source::CaptureInfo;
use crate::types::CaptureId;
use crate::verdict::Field;

impl Engine {
    /// Joins, judges and reports what was seen so far.
    ///
    /// `captures` are the inputs as their sources describe them, by [`CaptureId`].
    #[must_use]
    pub fn snapshot(&self, captures: &[CaptureInfo], thresholds: Thresholds) -> Report {
        self.judged(captures, thresholds, build)
    }

    /// Says what spoke against `rule` in each attempt of the report, or in the one with that number.
    #[must_use]
    pub fn why_not(
        &self,
        captures: &[CaptureInfo],
        thresholds: Thresholds,
        rule: &'static Rule,
        only: Option<usize>,
    ) -> WhyNotReport {
        self.judged(captures, thresholds, |parts| report(parts, rule, only))
    }

    /// Says what spoke against the causes that might stand in the place of the one that `attempt` of an earlier
    /// snapshot has.
    #[must_use]
    pub fn rivals(
        &self,
        captures: &[CaptureInfo],
        thresholds: Thresholds,
        attempt: &Attempt,
    ) -> Vec<Rival> {
        self.judged(captures, thresholds, |parts| rivals(parts, attempt))
    }

    /// Joins and judges, and hands over what there is to tell.
    fn judged<R>(
        &self,
        captures: &[CaptureInfo],
        thresholds: Thresholds,
        tell: impl FnOnce(&Parts<'_>) -> R,
    ) -> R {
        let attempts = join(
            &self.target,
            self.dns.lookups(),
            self.flows(),
            self.dns.names(),
        );
        let dropped: Vec<u64> = captures.iter().map(|c| c.dropped.unwrap_or(0)).collect();
        let incomplete = (0..).map(CaptureId).zip(captures);
        let incomplete = incomplete.filter(|(_, c)| !c.complete).map(|(id, _)| id);
        let incomplete = incomplete.collect();
        let world = World::new(
            &attempts,
            &self.dns,
            &self.clients,
            &self.captures,
            thresholds,
            &dropped,
        )
        .with_incomplete(incomplete);
        let judged: Vec<Judged> = attempts.iter().map(|a| judge(a, &world)).collect();
        let notes = notes::notes(self, captures, &attempts);
        let field = Field::of(&world, &judged);
        let others = beside::others(self, &field.wanted());
        tell(&Parts {
            captures,
            profile: if self.target.is_all() {
                "all"
            } else {
                &self.target.name
            },
            world: &world,
            judged: &judged,
            field: &field,
            others: &others,
            notes,
        })
    }
}
