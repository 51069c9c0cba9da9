//! Lookups in flight: which query a reply belongs to, and which query repeats an earlier one.
//!
//! A lookup is found by its question (client, resolver, transport, name, type), and among those with the same question
//! by the port and transaction id of one of its tries. Answered lookups stay here for a while, so that late answers,
//! copies and a second, different answer find theirs.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash};
use std::time::Duration;

use hashbrown::HashMap;

use super::kept::Key;
use crate::fact::dns::{DnsTransport, Lookup};
use crate::types::{Endpoint, Mark, Timestamp};

/// How long a lookup is remembered after its first packet. Stub resolvers give up within 30 s.
const REMEMBERED: Duration = Duration::from_secs(120);
/// Tries of one lookup whose port and transaction id are remembered.
const MAX_SENT: usize = 16;

/// One query packet's port and transaction id, with repetitions that use the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) port: u16,
    pub(super) id: u16,
    pub(super) queries: u16,
    pub(super) replies: u16,
    pub(super) ip_id: u16,
    pub(super) time: Timestamp,
}

/// Who asks whom, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    pub(super) client: Endpoint,
    pub(super) resolver: Endpoint,
    pub(super) transport: DnsTransport,
}

impl Flow {
    fn key(self) -> FlowKey {
        let ports = u64::from(self.client.port) << 32
            | u64::from(self.resolver.port) << 16
            | self.transport as u64;
        FlowKey {
            client: self.client.addr.0,
            resolver: self.resolver.addr.0,
            ports,
        }
    }

    fn with_port(mut self, port: u16) -> Self {
        self.client.port = port;
        self
    }
}

/// A lookup in flight.
pub(super) struct Pending {
    pub(super) question: QuestionKey,
    pub(super) name: Box<str>,
    /// Client and resolver, as they were on the first packet.
    pub(super) flow: Flow,
    pub(super) first: Timestamp,
    pub(super) last_try: Timestamp,
    /// A query was seen.
    pub(super) asked: bool,
    /// A well-formed reply was seen.
    pub(super) answered: bool,
    /// An ICMP error was bound to it.
    pub(super) has_icmp: bool,
    /// Of the replies so far, to know copies.
    pub(super) digests: Vec<u64>,
    pub(super) facts: Facts,
    sent: Vec<Sent>,
    sent_count: usize,
}

/// Where the facts of a lookup are.
pub(super) enum Facts {
    /// Nowhere, as long as the lookup is of no interest: only what it takes to begin them if its answer leads to a
    /// name that is.
    Little(Little),
    /// Among the kept ones.
    Kept(Key),
}

/// What is remembered of a lookup of no interest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Little {
    /// Its first query.
    pub(super) first: Option<Mark>,
    /// How many queries.
    pub(super) tries: u32,
    /// How many copies of them.
    pub(super) copies: u32,
    /// Response code of its first sound reply.
    pub(super) rcode: Option<u16>,
}

impl Pending {
    pub(super) fn new(
        question: QuestionKey,
        name: &str,
        flow: Flow,
        now: Timestamp,
        facts: Facts,
    ) -> Self {
        Self {
            question,
            name: name.into(),
            flow,
            first: now,
            last_try: now,
            asked: false,
            answered: false,
            has_icmp: false,
            digests: Vec::new(),
            facts,
            sent: Vec::with_capacity(1),
            sent_count: 0,
        }
    }

    /// The facts of a lookup of which only little was remembered.
    pub(super) fn begin_facts(&self, little: Little) -> Lookup {
        Lookup {
            client: self.flow.client,
            resolver: self.flow.resolver,
            transport: self.flow.transport,
            name: self.name.to_string(),
            search_of: None,
            qtype: self.question.qtype(),
            tries: little.first.into_iter().collect(),
            try_count: little.tries,
            duplicate_queries: little.copies,
            replies: Vec::new(),
            duplicate_replies: 0,
            icmp: None,
        }
    }

    pub(super) fn sent(&self, port: u16, id: u16) -> Option<&Sent> {
        self.sent
            .iter()
            .find(|sent| sent.port == port && sent.id == id)
    }

    /// A query from this port was seen.
    pub(super) fn asks_from(&self, port: u16) -> bool {
        self.sent
            .iter()
            .any(|sent| sent.port == port && sent.queries > 0)
    }

    pub(super) fn sent_mut(&mut self, port: u16, id: u16) -> Option<&mut Sent> {
        self.sent
            .iter_mut()
            .find(|sent| sent.port == port && sent.id == id)
    }

    /// Adds a port and transaction id; returns the port that had to go for it, where no other entry has that port.
    fn remember(&mut self, sent: Sent) -> Option<u16> {
        self.sent_count += 1;
        if self.sent.len() < MAX_SENT {
            self.sent.push(sent);
            return None;
        }
        let old = std::mem::replace(&mut self.sent[self.sent_count % MAX_SENT], sent);
        let gone = self.sent.iter().all(|sent| sent.port != old.port);
        gone.then_some(old.port)
    }
}

/// What makes two questions the same. The name stands in it as a seeded hash; whoever finds a key compares names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct QuestionKey {
    client: u128,
    resolver: u128,
    name: u64,
    kind: u32,
}

impl QuestionKey {
    fn qtype(self) -> u16 {
        u16::try_from(self.kind >> 8).unwrap_or(u16::MAX)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct FlowKey {
    client: u128,
    resolver: u128,
    ports: u64,
}

/// The last few lookups under one key, newest first.
#[derive(Clone, Copy)]
struct Recent<const N: usize> {
    ids: [u64; N],
    len: usize,
}

impl<const N: usize> Default for Recent<N> {
    fn default() -> Self {
        Self {
            ids: [0; N],
            len: 0,
        }
    }
}

impl<const N: usize> Recent<N> {
    fn push(&mut self, id: u64) {
        if self.newest() != Some(id) {
            self.ids.rotate_right(1);
            self.ids[0] = id;
            self.len = (self.len + 1).min(N);
        }
    }

    fn newest(self) -> Option<u64> {
        self.iter().next()
    }

    fn iter(self) -> impl Iterator<Item = u64> {
        self.ids.into_iter().take(self.len)
    }
}

type Table<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// The lookups in flight, oldest first, at most `max`. A lookup's number is never used again.
pub(super) struct InFlight {
    ring: VecDeque<Pending>,
    /// Number of the lookup at the front.
    base: u64,
    questions: Table<QuestionKey, Recent<4>>,
    flows: Table<FlowKey, Recent<8>>,
    hasher: foldhash::fast::RandomState,
    max: usize,
}

impl InFlight {
    pub(super) fn new(max: usize) -> Self {
        Self {
            ring: VecDeque::new(),
            base: 0,
            questions: Table::default(),
            flows: Table::default(),
            hasher: foldhash::fast::RandomState::default(),
            max,
        }
    }

    pub(super) fn question(&self, flow: Flow, name: &str, qtype: u16) -> QuestionKey {
        QuestionKey {
            client: flow.client.addr.0,
            resolver: flow.resolver.addr.0,
            name: self.hash(name.as_bytes()),
            kind: u32::from(qtype) << 8 | flow.transport as u32,
        }
    }

    /// A hash that is only ever compared with others of the same run.
    pub(super) fn hash(&self, bytes: &[u8]) -> u64 {
        self.hasher.hash_one(bytes)
    }

    /// The number that the next lookup gets.
    pub(super) fn next_id(&self) -> u64 {
        self.base + self.ring.len() as u64
    }

    pub(super) fn get(&self, id: u64) -> Option<&Pending> {
        self.ring.get(self.index(id)?)
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Pending> {
        let index = self.index(id)?;
        self.ring.get_mut(index)
    }

    fn index(&self, id: u64) -> Option<usize> {
        usize::try_from(id.checked_sub(self.base)?).ok()
    }

    /// Adds a lookup; the oldest goes where there are too many.
    pub(super) fn push(&mut self, pending: Pending) -> u64 {
        self.expire(pending.first);
        let id = self.next_id();
        self.questions.entry(pending.question).or_default().push(id);
        self.ring.push_back(pending);
        id
    }

    /// Remembers the port and transaction id that lookup `id` was sent with (or answered to, with no queries).
    pub(super) fn add_sent(&mut self, id: u64, sent: Sent) {
        let Some(pending) = self.get_mut(id) else {
            return;
        };
        let flow = pending.flow;
        let dropped = pending.remember(sent);
        if let Some(port) = dropped {
            self.forget_port(id, flow.with_port(port));
        }
        self.flows
            .entry(flow.with_port(sent.port).key())
            .or_default()
            .push(id);
    }

    /// Lookups with this question, newest first.
    pub(super) fn same_question(&self, key: &QuestionKey) -> impl Iterator<Item = u64> + use<> {
        self.questions.get(key).copied().unwrap_or_default().iter()
    }

    /// The last lookups between these endpoints, newest first.
    pub(super) fn on_flow(&self, flow: Flow) -> impl Iterator<Item = u64> + use<> {
        self.flows
            .get(&flow.key())
            .copied()
            .unwrap_or_default()
            .iter()
    }

    fn expire(&mut self, now: Timestamp) {
        let due = |pending: &Pending| now.since(pending.first) > REMEMBERED;
        while self.ring.len() >= self.max || self.ring.front().is_some_and(due) {
            let Some(pending) = self.ring.pop_front() else {
                break;
            };
            self.forget(&pending);
            self.base += 1;
        }
    }

    /// Takes the entries of the lookup at `base` out of the tables, where no newer one uses them.
    fn forget(&mut self, pending: &Pending) {
        let id = self.base;
        if self
            .questions
            .get(&pending.question)
            .and_then(|recent| recent.newest())
            == Some(id)
        {
            self.questions.remove(&pending.question);
        }
        for sent in &pending.sent {
            self.forget_port(id, pending.flow.with_port(sent.port));
        }
    }

    fn forget_port(&mut self, id: u64, flow: Flow) {
        let key = flow.key();
        if self.flows.get(&key).and_then(|recent| recent.newest()) == Some(id) {
            self.flows.remove(&key);
        }
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 3] {
        [self.ring.len(), self.questions.len(), self.flows.len()]
    }
}
