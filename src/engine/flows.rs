//! A flow's way through the engine: opened, decided upon, over; and which of all flows matter.

use super::Engine;
use super::conversation::{Flow, Stake};
use super::stake::stake_of;
use crate::flow::FlowView;
use crate::flow::table::{Key, Slot};

impl Engine {
    /// A flow has begun in this slot.
    pub(super) fn opened(&mut self, slot: u32) {
        if self.flows.has_evicted() {
            for flow in self.flows.take_evicted() {
                self.give_up(flow);
            }
        }
        let flow = self.flows.at(slot);
        let capture = usize::from(flow.first.capture.0);
        let client = flow.client().addr;
        let at = flow.first.time;
        if let Some(quality) = self.captures.get_mut(capture) {
            flow.stream = quality.next_stream(flow.is_tcp());
        }
        self.clients.asked(client, at);
    }

    /// As soon as a flow tells what it is, decides whether it is followed further.
    pub(super) fn decide(&mut self, slot: u32) {
        let flow = self.flows.at(slot);
        let Some(detail) = flow.detail.as_deref() else {
            return;
        };
        if !detail.has_spoken() {
            return;
        }
        let stake = stake_of(&self.target, &self.dns, flow);
        let flow = self.flows.at(slot);
        flow.stake = stake;
        if stake == Stake::None {
            flow.detail = None;
            self.tracked -= 1;
        }
    }

    /// A flow was evicted from the table for a new one.
    fn give_up(&mut self, flow: Flow) {
        self.evicted.flows += 1;
        if let Some(quality) = self.captures.get_mut(usize::from(flow.first.capture.0)) {
            quality.streams_lost = true;
        }
        self.retire(flow);
    }

    /// A flow is over: kept with its facts where it matters, forgotten where it does not.
    pub(super) fn retire(&mut self, mut flow: Flow) {
        flow.finish(&mut self.dns);
        if let Some(quality) = self.captures.get_mut(usize::from(flow.first.capture.0)) {
            quality.note_flow(flow.one_sided());
        }
        let tracked = usize::from(flow.detail.is_some());
        if flow.is_path() && stake_of(&self.target, &self.dns, &flow) != Stake::None {
            if self.finished.len() < self.limits.tracked {
                self.finished.push(flow);
                return;
            }
            self.evicted.tracked += 1;
        }
        self.tracked -= tracked;
    }

    /// All flows that matter to the target, in the order of their first packets; the earliest, where they are more
    /// than the limit of those followed in full.
    #[must_use]
    pub fn flows(&self) -> Vec<FlowView<'_>> {
        let mut flows = self.relevant();
        flows.truncate(self.limits.tracked);
        flows
            .into_iter()
            .map(|f| f.view(!self.streams_lost(f)))
            .collect()
    }

    /// Flows that matter to the target and are more than can be reported.
    pub(super) fn unreported(&self) -> usize {
        self.relevant().len().saturating_sub(self.limits.tracked)
    }

    fn relevant(&self) -> Vec<&Flow> {
        let mut flows: Vec<&Flow> = self
            .finished
            .iter()
            .chain(self.flows.iter())
            .filter(|f| f.is_path())
            .filter(|f| {
                f.stake == Stake::Target || stake_of(&self.target, &self.dns, f) != Stake::None
            })
            .collect();
        flows.sort_by_key(|f| (f.first.time, f.first.capture, f.first.frame));
        flows
    }

    fn streams_lost(&self, flow: &Flow) -> bool {
        self.captures
            .get(usize::from(flow.first.capture.0))
            .is_some_and(|q| q.streams_lost)
    }
}

impl Slot for Flow {
    fn key(&self) -> &Key {
        &self.key
    }
    fn quiet_since(&self) -> i64 {
        self.last.time.0
    }
    fn precious(&self) -> bool {
        self.detail.is_some()
    }
    fn vacant() -> Self {
        Self::vacant()
    }
}
