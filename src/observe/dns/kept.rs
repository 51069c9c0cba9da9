//! The lookups that are kept, in order of their first packet.

use crate::fact::dns::Lookup;

/// Where a kept lookup stands: the number of its first packet's lookup, and a second number for those that come late.
pub(super) type Key = (u64, u32);

/// A lookup that turns out interesting by its answer is put in its place if no more than this many stand behind it;
/// moving more for each one would let a crafted capture take quadratic time.
const MAX_SHIFT: usize = 1024;

/// A list of lookups with stable keys. When it is full, the oldest eighth goes.
pub(super) struct Kept {
    lookups: Vec<Lookup>,
    /// Of each lookup, ascending.
    keys: Vec<Key>,
    max: usize,
    evicted: u64,
}

impl Kept {
    pub(super) fn new(max: usize) -> Self {
        Self {
            lookups: Vec::new(),
            keys: Vec::new(),
            max,
            evicted: 0,
        }
    }

    pub(super) fn lookups(&self) -> &[Lookup] {
        &self.lookups
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut Lookup> {
        let index = self.keys.binary_search(&key).ok()?;
        self.lookups.get_mut(index)
    }

    /// Keeps the lookup with the number `id`; the key finds it again.
    pub(super) fn insert(&mut self, id: u64, lookup: Lookup) -> Key {
        if self.keys.len() >= self.max {
            self.make_room();
        }
        let place = self.keys.partition_point(|key| *key < (id, 0));
        let end = self.keys.len();
        let (key, place) = if end - place <= MAX_SHIFT {
            ((id, 0), place)
        } else {
            (self.last(), end)
        };
        self.keys.insert(place, key);
        self.lookups.insert(place, lookup);
        key
    }

    /// A key behind all others, and before those of lookups yet to begin.
    fn last(&self) -> Key {
        self.keys
            .last()
            .map_or((0, 0), |(id, late)| (*id, late + 1))
    }

    /// Drops all lookups but those that are to stay; their keys lead nowhere from then on.
    pub(super) fn retain(&mut self, stays: impl Fn(&Lookup) -> bool) {
        let marks: Vec<bool> = self.lookups.iter().map(stays).collect();
        let mut of_lookups = marks.iter();
        self.lookups
            .retain(|_| of_lookups.next().copied().unwrap_or(true));
        let mut of_keys = marks.iter();
        self.keys
            .retain(|_| of_keys.next().copied().unwrap_or(true));
    }

    fn make_room(&mut self) {
        let oldest = (self.keys.len() / 8).max(1).min(self.keys.len());
        self.keys.drain(..oldest);
        self.lookups.drain(..oldest);
        self.evicted += oldest as u64;
    }
}
