//! Is the device's own network alive while nothing beyond it works? Then what is dead lies behind the router.

use super::field::Field;
use super::others::{Others, on_link};
use super::span::Place;
use crate::types::{Addr, Mark};
use std::collections::BTreeSet;

/// What came from the device's own network while the failure lasted.
#[derive(Clone, Debug)]
pub(super) enum Nearby {
    /// Something in it answered this device, which got nothing from beyond: packets that show it.
    Answered(Vec<Mark>),
    /// That station spoke to this device (ARP), no more.
    Spoke(Addr, Mark),
    /// Not even that resolver, which stands in it, answered.
    ResolverSilent(Addr),
    /// The capture shows nothing of it at that time.
    Nothing,
}

/// Clients that are looked at.
const MAX_CLIENTS: usize = 64;

impl Nearby {
    /// Reads it from everything that came to the clients that failed.
    pub(super) fn of(field: &Field<'_>, others: &Others) -> Self {
        let clients: BTreeSet<Addr> = field.clients().into_iter().take(MAX_CLIENTS).collect();
        let during = |mark: &Mark| field.spans.place(mark.time) == Place::During;
        let near = |addr: Addr| clients.iter().any(|&c| on_link(c, addr));
        let (Some(from), Some(to)) = (field.spans.begin(), field.spans.end()) else {
            return Self::Nothing;
        };
        let mut answers: Vec<Mark> = Vec::new();
        let lookups = field.world.lookups().iter();
        let asked = || lookups.clone().filter(|l| near(l.resolver.addr));
        let replies = asked().flat_map(|l| &l.replies).map(|r| r.mark);
        answers.extend(replies.filter(during).take(2));
        let unanswered = asked().find(|l| l.replies.is_empty() && l.tries.iter().any(during));
        for stat in field.world.dns.resolvers() {
            let pulse = field.world.dns.answers_by(stat.resolver).into_iter();
            let marks = pulse.flat_map(|p| p.within(from, to)).filter(during);
            answers.extend(marks.take(if near(stat.resolver) { 1 } else { 0 }));
        }
        if others.near.during > 0 {
            answers.extend(others.near.shown.iter().filter(|m| during(m)));
        }
        let known = || clients.iter().filter_map(|&c| field.world.clients.get(c));
        let signs = known().flat_map(|c| c.signs.within(from, to));
        // Whatever still comes to the device comes from nearby, since nothing beyond works.
        answers.extend(signs.filter(during).take(2));
        if !answers.is_empty() {
            answers.sort();
            answers.dedup();
            return Self::Answered(answers);
        }
        if let Some(lookup) = unanswered {
            return Self::ResolverSilent(lookup.resolver.addr);
        }
        let spoke = known().find_map(|c| {
            let mark = c.neighbours.within(from, to).find(during)?;
            Some(Self::Spoke(c.neighbour?, mark))
        });
        spoke.unwrap_or(Self::Nothing)
    }
}
