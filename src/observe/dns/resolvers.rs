//! How each resolver did: counts, and the times of its answers; and when each client was answered.

use std::time::Duration;

use hashbrown::HashMap;

use crate::fact::dns::{NOERROR, NXDOMAIN, Reply};
use crate::flow::pulse::Pulse;
use crate::types::{Addr, Mark};

/// Resolvers that are told apart; those after them are not counted.
const MAX_RESOLVERS: usize = 1024;
/// Clients of which is known when they were answered; those after them are not.
const MAX_CLIENTS: usize = 65_536;
/// Answer times that are kept of one resolver.
const MAX_SAMPLES: usize = 1024;

/// What one resolver was asked over plain DNS, and what came of it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ResolverStats {
    /// Its address.
    pub resolver: Addr,
    /// Lookups that it was asked; repeated queries of one lookup count once.
    pub queries: u64,
    /// Query packets.
    pub tries: u64,
    /// Lookups that got a well-formed reply.
    pub answered: u64,
    /// Of these, the ones whose first reply is an error other than NXDOMAIN.
    pub failed: u64,
    /// Replies that are no DNS or do not answer the question.
    pub malformed: u64,
    /// Replies without a query in the capture; they are in no other number.
    pub unasked: u64,
    /// Median time from the first query to the first reply, in milliseconds.
    pub median: Option<f64>,
    /// The time within which 95 of 100 lookups were answered, in milliseconds.
    pub p95: Option<f64>,
}

impl ResolverStats {
    /// Lookups without a reply so far.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        self.queries.saturating_sub(self.answered)
    }
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) queries: u64,
    pub(super) tries: u64,
    pub(super) malformed: u64,
    pub(super) unasked: u64,
    answered: u64,
    failed: u64,
    times: Samples,
    answers: Answers,
    beside: Answers,
}

/// Well-formed replies over time, at most 64 of them.
pub type Answers = Pulse<64>;

impl Counters {
    /// The first reply of a lookup, and how long after its first query it came.
    pub(super) fn answer(&mut self, reply: &Reply, took: Duration) {
        self.answered += 1;
        self.answers.add(reply.mark);
        self.failed += u64::from(!matches!(reply.rcode, NOERROR | NXDOMAIN));
        self.times
            .add(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }
}

impl Counters {
    /// The same of a lookup that is not kept, where it is no error (that a name does not exist is none).
    pub(super) fn answer_beside(&mut self, reply: &Reply) {
        if matches!(reply.rcode, NOERROR | NXDOMAIN) {
            self.beside.add(reply.mark);
        }
    }
}

/// Counters by resolver, at most [`MAX_RESOLVERS`].
#[derive(Default)]
pub(super) struct Resolvers {
    by_address: HashMap<Addr, Counters, foldhash::fast::RandomState>,
    /// At most [`MAX_CLIENTS`]; only answers with an address count.
    clients: HashMap<Addr, Answers, foldhash::fast::RandomState>,
}

impl Resolvers {
    pub(super) fn of(&mut self, resolver: Addr) -> Option<&mut Counters> {
        if self.by_address.len() >= MAX_RESOLVERS {
            return self.by_address.get_mut(&resolver);
        }
        Some(self.by_address.entry(resolver).or_default())
    }

    /// A client got an answer with an address.
    pub(super) fn served(&mut self, client: Addr, at: Mark) {
        if self.clients.len() < MAX_CLIENTS || self.clients.contains_key(&client) {
            self.clients.entry(client).or_default().add(at);
        }
    }

    pub(super) fn answers_by(&self, resolver: Addr) -> Option<&Answers> {
        Some(&self.by_address.get(&resolver)?.answers)
    }

    pub(super) fn answers_beside(&self, resolver: Addr) -> Option<&Answers> {
        Some(&self.by_address.get(&resolver)?.beside)
    }

    pub(super) fn answers_to(&self, client: Addr) -> Option<&Answers> {
        self.clients.get(&client)
    }

    /// Most asked first, then by address: an order that does not depend on the table's.
    pub(super) fn stats(&self) -> Vec<ResolverStats> {
        let mut stats: Vec<_> = self
            .by_address
            .iter()
            .map(|(resolver, counters)| summary(*resolver, counters))
            .collect();
        stats.sort_unstable_by_key(|stats| (std::cmp::Reverse(stats.queries), stats.resolver));
        stats
    }
}

fn summary(resolver: Addr, counters: &Counters) -> ResolverStats {
    let times = counters.times.sorted();
    ResolverStats {
        resolver,
        queries: counters.queries,
        tries: counters.tries,
        answered: counters.answered,
        failed: counters.failed,
        malformed: counters.malformed,
        unasked: counters.unasked,
        median: median(&times),
        p95: rank(&times, times.len() * 95 / 100),
    }
}

fn median(sorted: &[u32]) -> Option<f64> {
    let upper = rank(sorted, sorted.len() / 2)?;
    let lower = rank(sorted, (sorted.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// The value at `index`, or the last one, in milliseconds.
fn rank(sorted: &[u32], index: usize) -> Option<f64> {
    let micros = sorted.get(index).or(sorted.last())?;
    Some(f64::from(*micros) / 1000.0)
}

/// Microseconds, all of them up to [`MAX_SAMPLES`]; beyond, every second, fourth, … one: evenly spread, and the same for
/// the same input, which random sampling is not.
struct Samples {
    values: Vec<u32>,
    stride: u64,
    seen: u64,
}

impl Default for Samples {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            stride: 1,
            seen: 0,
        }
    }
}

impl Samples {
    fn add(&mut self, value: u32) {
        if self.values.len() == MAX_SAMPLES {
            let mut index = 0;
            self.values.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.stride = self.stride.saturating_mul(2);
        }
        if self.seen.is_multiple_of(self.stride) {
            self.values.push(value);
        }
        self.seen += 1;
    }

    fn sorted(&self) -> Vec<u32> {
        let mut sorted = self.values.clone();
        sorted.sort_unstable();
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let mut samples = Samples::default();
        values.into_iter().for_each(|value| samples.add(value));
        assert!(samples.values.len() <= MAX_SAMPLES);
        samples.sorted()
    }

    #[test]
    fn few_times_are_exact() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&samples([9000])), Some(9.0));
        assert_eq!(median(&samples([9000, 1000])), Some(5.0));
        assert_eq!(median(&samples([9000, 1000, 2500])), Some(2.5));
        let hundred = samples((1..=100).map(|n| n * 1000));
        assert_eq!(rank(&hundred, hundred.len() * 95 / 100), Some(96.0));
    }

    #[test]
    fn many_times_are_thinned_evenly() {
        let sorted = samples((0..100_000).map(|n| n % 1000));
        assert!((median(&sorted).unwrap() - 0.5).abs() < 0.02);
        assert!((rank(&sorted, sorted.len() * 95 / 100).unwrap() - 0.95).abs() < 0.02);
    }

    #[test]
    fn the_table_is_bounded_and_sorted() {
        let mut resolvers = Resolvers::default();
        for n in 0..5000 {
            if let Some(counters) = resolvers.of(Addr(n)) {
                counters.queries += u64::from(n == 7);
            }
        }
        let stats = resolvers.stats();
        assert_eq!(stats.len(), MAX_RESOLVERS);
        assert_eq!(stats[0].resolver, Addr(7));
        assert!(stats[1..].is_sorted_by_key(|stats| stats.resolver));
    }
}
