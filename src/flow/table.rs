//! The flow table: five-tuple to slot, bounded.
//!
//! Flows lie in one vector, the hash table holds indices into it. Both directions have the same key (the
//! smaller endpoint first). Hashing is seeded, so that a crafted capture can't pile up collisions; nothing
//! that is reported depends on the order of the table.
//!
//! At most [`FlowTable::limit`] flows are held. When a new one comes then, the slots behind a rotating hand are
//! looked at, `WINDOW` of them, and the `BATCH` that have been quiet longest are given up together (one by one
//! would cost a wait for memory each); flows that may matter to the target are passed over while there are others.

use crate::types::{Addr, Endpoint};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hasher};
use std::hint::black_box;

/// A five-tuple without direction: the smaller endpoint is `low`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Key {
    low: Addr,
    high: Addr,
    ports: u32,
    protocol: u8,
}

impl Key {
    /// From a packet's source and destination. The flag says whether the source is the low end.
    #[must_use]
    pub fn new(src: Endpoint, dst: Endpoint, protocol: u8) -> (Self, bool) {
        let src_low = (src.addr, src.port) <= (dst.addr, dst.port);
        let (low, high) = if src_low { (src, dst) } else { (dst, src) };
        let key = Self {
            low: low.addr,
            high: high.addr,
            ports: u32::from(low.port) << 16 | u32::from(high.port),
            protocol,
        };
        (key, src_low)
    }

    /// The smaller endpoint.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub fn low(&self) -> Endpoint {
        Endpoint {
            addr: self.low,
            port: (self.ports >> 16) as u16,
        }
    }

    /// The larger endpoint.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub fn high(&self) -> Endpoint {
        Endpoint {
            addr: self.high,
            port: self.ports as u16,
        }
    }

    /// IP protocol number.
    #[must_use]
    pub fn protocol(&self) -> u8 {
        self.protocol
    }

    /// Words, not bytes: hashing 16-byte arrays is several times slower. The half of the hash that is kept tells a
    /// million flows apart well enough.
    #[allow(clippy::cast_possible_truncation)]
    fn hash(&self, state: &RandomState) -> u32 {
        let mut h = state.build_hasher();
        h.write_u64(self.low.0 as u64 ^ (self.low.0 >> 64) as u64);
        h.write_u64((self.low.0 >> 64) as u64 ^ u64::from(self.protocol));
        h.write_u64(self.high.0 as u64);
        h.write_u64((self.high.0 >> 64) as u64 ^ u64::from(self.ports));
        (h.finish() >> 32) as u32
    }
}

/// What a slot must tell the table.
pub trait Slot {
    /// Its key.
    fn key(&self) -> &Key;
    /// When it was last active; the smallest goes first.
    fn quiet_since(&self) -> i64;
    /// It matters: spare it as long as there are others.
    fn precious(&self) -> bool;
    /// What lies in a slot that is free.
    fn vacant() -> Self;
}

/// A slot, with the hash of its key: most wrong ones are told without a look at the flow, which would be a wait for
/// memory, and the index can grow without looking at any.
#[derive(Clone, Copy, Debug)]
struct Entry {
    slot: u32,
    hash: u32,
}

impl Entry {
    /// As the hash table wants it: its place is told by the lower bits, the rest is checked by the upper ones.
    fn spread(hash: u32) -> u64 {
        u64::from(hash) << 32 | u64::from(hash)
    }
}

/// Slots by key.
#[derive(Debug)]
pub struct FlowTable<F> {
    index: HashTable<Entry>,
    flows: Vec<F>,
    state: RandomState,
    limit: usize,
    hand: usize,
    free: Vec<u32>,
    evicted: Vec<F>,
    last: Option<(Key, u32)>,
}

/// How many slots are looked at when there is no room.
const WINDOW: usize = 128;
/// How many flows are given up then.
const BATCH: usize = 32;

impl<F: Slot> FlowTable<F> {
    /// An empty table that holds at most `limit` flows (at least twice `WINDOW`).
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            index: HashTable::new(),
            flows: Vec::new(),
            state: RandomState::default(),
            limit: limit.max(2 * WINDOW),
            hand: 0,
            free: Vec::new(),
            evicted: Vec::new(),
            last: None,
        }
    }

    /// How many flows it holds at most.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// All flows, in the order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = &F> {
        let free: std::collections::HashSet<u32> = self.free.iter().copied().collect();
        let taken = move |slot: usize| !u32::try_from(slot).is_ok_and(|s| free.contains(&s));
        self.flows
            .iter()
            .enumerate()
            .filter(move |(slot, _)| taken(*slot))
            .map(|(_, flow)| flow)
    }

    /// All flows, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut F> {
        let free: std::collections::HashSet<u32> = self.free.iter().copied().collect();
        let taken = move |slot: usize| !u32::try_from(slot).is_ok_and(|s| free.contains(&s));
        self.flows
            .iter_mut()
            .enumerate()
            .filter(move |(slot, _)| taken(*slot))
            .map(|(_, flow)| flow)
    }

    /// The flows that were given up since this was last asked.
    pub fn take_evicted(&mut self) -> Vec<F> {
        std::mem::take(&mut self.evicted)
    }

    /// Were flows given up since that was last asked?
    #[must_use]
    pub fn has_evicted(&self) -> bool {
        !self.evicted.is_empty()
    }

    /// The flow with that key.
    pub fn get_mut(&mut self, key: &Key) -> Option<&mut F> {
        let slot = self.find(key)?;
        self.flows.get_mut(slot as usize)
    }

    /// The flow with that key.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&F> {
        let slot = self.find(key)?;
        self.flows.get(slot as usize)
    }

    /// The flow in a slot that [`Self::slot`] gave.
    pub fn at(&mut self, slot: u32) -> &mut F {
        &mut self.flows[slot as usize]
    }

    fn find(&self, key: &Key) -> Option<u32> {
        self.last_slot(key)
            .or_else(|| self.indexed(key, key.hash(&self.state)))
    }

    /// Most packets follow one of their own flow.
    fn last_slot(&self, key: &Key) -> Option<u32> {
        self.last
            .filter(|(last, _)| last == key)
            .map(|(_, slot)| slot)
    }

    fn indexed(&self, key: &Key, hash: u32) -> Option<u32> {
        let is_it = |e: &Entry| e.hash == hash && self.flows[e.slot as usize].key() == key;
        let found = self.index.find(Entry::spread(hash), is_it);
        found.map(|entry| entry.slot)
    }

    /// The slot of that key; where there is none, `make` fills a new one. The flag says whether it is new.
    /// Flows that were given up for it wait in [`Self::take_evicted`].
    pub fn slot(&mut self, key: &Key, make: impl FnOnce() -> F) -> (u32, bool) {
        if let Some(slot) = self.last_slot(key) {
            return (slot, false);
        }
        let hash = key.hash(&self.state);
        if let Some(slot) = self.indexed(key, hash) {
            self.last = Some((*key, slot));
            return (slot, false);
        }
        let flow = make();
        if self.free.is_empty() && self.flows.len() >= self.limit {
            self.make_room();
        }
        let slot = match self.free.pop() {
            Some(slot) => {
                self.flows[slot as usize] = flow;
                slot
            }
            None => {
                self.flows.push(flow);
                u32::try_from(self.flows.len() - 1).unwrap_or(u32::MAX)
            }
        };
        let entry = Entry { slot, hash };
        self.index
            .insert_unique(Entry::spread(hash), entry, |e| Entry::spread(e.hash));
        self.last = Some((*key, slot));
        (slot, true)
    }

    /// Takes out all flows but those that are to stay.
    pub fn remove_unless(&mut self, stays: impl Fn(&F) -> bool) -> Vec<F> {
        let free: std::collections::HashSet<u32> = self.free.iter().copied().collect();
        let slots = 0..u32::try_from(self.flows.len()).unwrap_or(u32::MAX);
        let gone: Vec<u32> = slots
            .filter(|slot| !free.contains(slot) && !stays(&self.flows[*slot as usize]))
            .collect();
        self.last = None;
        gone.into_iter().map(|slot| self.remove(slot)).collect()
    }

    /// Empties a slot.
    fn remove(&mut self, slot: u32) -> F {
        let hash = self.flows[slot as usize].key().hash(&self.state);
        let spread = Entry::spread(hash);
        if let Ok(entry) = self.index.find_entry(spread, |e| e.slot == slot) {
            entry.remove();
        }
        self.free.push(slot);
        std::mem::replace(&mut self.flows[slot as usize], F::vacant())
    }

    /// Gives up the quietest of the flows behind the hand.
    #[cold]
    fn make_room(&mut self) {
        let len = self.flows.len();
        let start = self.hand;
        self.hand = (start + WINDOW) % len;
        let mut window: Vec<(bool, i64, usize)> = (start..start + WINDOW)
            .map(|i| i % len)
            .map(|i| (self.flows[i].precious(), self.flows[i].quiet_since(), i))
            .collect();
        window.select_nth_unstable(BATCH);
        window.truncate(BATCH);
        window.sort_unstable();
        // The index is looked at for all of them first: the waits for memory overlap then.
        for &(_, _, slot) in &window {
            let hash = self.flows[slot].key().hash(&self.state);
            black_box(self.index.find(Entry::spread(hash), |e| e.hash == hash));
        }
        for &(_, _, slot) in &window {
            let flow = self.remove(u32::try_from(slot).unwrap_or(u32::MAX));
            self.evicted.push(flow);
        }
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Item {
        key: Key,
        at: i64,
        precious: bool,
    }

    impl Slot for Item {
        fn key(&self) -> &Key {
            &self.key
        }
        fn quiet_since(&self) -> i64 {
            self.at
        }
        fn precious(&self) -> bool {
            self.precious
        }
        fn vacant() -> Self {
            Self {
                key: Key::default(),
                at: 0,
                precious: false,
            }
        }
    }

    fn end(last: u8, port: u16) -> Endpoint {
        Endpoint {
            addr: Addr::v4([10, 0, 0, last]),
            port,
        }
    }

    fn item(key: Key, at: i64, precious: bool) -> impl FnOnce() -> Item {
        move || Item { key, at, precious }
    }

    #[test]
    fn both_directions_share_a_slot() {
        let mut table = FlowTable::new(100);
        let (there, low) = Key::new(end(1, 5000), end(2, 443), 6);
        let (back, back_low) = Key::new(end(2, 443), end(1, 5000), 6);
        assert_eq!((there, low), (back, !back_low));
        let (slot, new) = table.slot(&there, item(there, 0, false));
        assert!(new);
        assert_eq!(table.slot(&back, item(back, 0, false)).0, slot);
        assert_eq!((there.low(), there.high()), (end(1, 5000), end(2, 443)));
    }

    #[test]
    fn protocol_and_ports_tell_flows_apart() {
        let mut table = FlowTable::new(100);
        for (port, protocol) in [(1u16, 6u8), (1, 17), (2, 6)] {
            let (key, _) = Key::new(end(1, port), end(2, 443), protocol);
            assert!(table.slot(&key, item(key, 0, false)).1);
        }
        assert_eq!(table.iter().count(), 3);
    }

    #[test]
    fn the_limit_holds_and_spares_what_matters() {
        let limit = 2 * WINDOW;
        let mut table = FlowTable::new(limit);
        let mut evicted = 0;
        for port in 0..2000u16 {
            let (key, _) = Key::new(end(1, port), end(2, 443), 6);
            assert!(
                table
                    .slot(&key, item(key, i64::from(port), port % 500 == 3))
                    .1
            );
            for gone in table.take_evicted() {
                assert!(!gone.precious);
                evicted += 1;
                assert!(table.get(gone.key()).is_none());
            }
            assert!(table.iter().count() <= limit);
        }
        assert_eq!(table.iter().count() + evicted, 2000);
        let (kept, _) = Key::new(end(1, 503), end(2, 443), 6);
        assert!(table.get(&kept).is_some());
    }

    #[test]
    fn what_does_not_stay_is_gone_and_its_slot_used_again() {
        let mut table = FlowTable::new(1000);
        let key = |port: u16| Key::new(end(1, port), end(2, 443), 6).0;
        for port in 0..100u16 {
            table.slot(&key(port), item(key(port), i64::from(port), false));
        }
        let gone = table.remove_unless(|flow| flow.at % 2 == 0);
        assert_eq!(gone.len(), 50);
        assert!(gone.iter().all(|flow| flow.at % 2 == 1));
        assert_eq!(table.iter().count(), 50);
        assert!(table.get(&key(99)).is_none() && table.get(&key(98)).is_some());
        let (slot, new) = table.slot(&key(300), item(key(300), 7, false));
        assert!(new && slot < 100, "a free slot is taken first");
        assert_eq!(table.get(&key(300)).map(|flow| flow.at), Some(7));
        assert!(table.remove_unless(|_| true).is_empty());
    }

    #[test]
    fn the_quietest_go_first() {
        let limit = 2 * WINDOW;
        let mut table = FlowTable::new(limit);
        for port in 0..=u16::try_from(limit).unwrap() {
            let (key, _) = Key::new(end(1, port), end(2, 443), 6);
            table.slot(&key, item(key, i64::from(port % 7), false));
        }
        let evicted = table.take_evicted();
        assert_eq!(evicted.len(), BATCH);
        assert!(
            evicted.iter().all(|e| e.at <= 1),
            "one of seven is quiet since 0"
        );
    }
}
