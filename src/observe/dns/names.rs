//! What each client resolved: from an address that it connects to, back to the names that it asked for.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use hashbrown::HashMap;

use crate::types::{Addr, Mark, Timestamp};

/// Names given out for one client and server.
const MAX_NAMES: usize = 8;
/// Answers that are kept: of each client, name and address the first and the last.
const MAX_ENTRIES: usize = 200_000;
/// Bytes of all names together.
const MAX_TEXT: usize = 16 << 20;
/// How far back along one client's entries for one server, or all clients' entries for it, a question goes.
const SEARCH_DEPTH: usize = 256;

/// How an answer led from the name to the address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Via {
    /// A or AAAA record of the name itself.
    Question,
    /// A or AAAA record at the end of a CNAME chain.
    Cname,
    /// ipv4hint or ipv6hint of an HTTPS or SVCB record.
    Hint,
}

/// A name that an address was answered for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate<'a> {
    /// The name asked for; untrusted text.
    pub name: &'a str,
    /// Who was told.
    pub client: Addr,
    /// The last answer before the time asked about, or the first one where only that is kept.
    pub answered: Mark,
    /// How the answer led to the address.
    pub via: Via,
}

/// Who was told what. The name stands in it as a seeded hash; whoever finds it compares names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Told {
    client: Addr,
    server: Addr,
    name: u64,
}

/// What one client was told about one address.
#[derive(Debug)]
struct Entry {
    told: Told,
    name: Arc<str>,
    first: Mark,
    last: Mark,
    via: Via,
    /// The client's entry for the server before this one; it may be gone.
    before: Option<u64>,
    /// Any client's entry for the server before this one; it may be gone.
    before_of_anyone: Option<u64>,
}

impl Entry {
    fn candidate(&self, time: Timestamp) -> Option<Candidate<'_>> {
        let marks = [self.last, self.first];
        let answered = marks.into_iter().find(|mark| mark.time <= time)?;
        Some(Candidate {
            name: &self.name,
            client: self.told.client,
            answered,
            via: self.via,
        })
    }
}

type Table<K> = HashMap<K, u64, foldhash::fast::RandomState>;

/// Which names each client was told an address for.
///
/// Bounded: 200,000 entries (each a client, a name and an address) and 16 MiB of text; the ones entered first go first.
/// For one client and address, or one address, the last 256 entries are seen, and 8 names are given out.
#[derive(Debug)]
pub struct NameBook {
    entries: VecDeque<Entry>,
    /// Number of the entry at the front. Numbers are never used again.
    base: u64,
    /// The entry of each client, server and (hashed) name.
    exact: Table<Told>,
    /// The last entry of each client for each server.
    newest: Table<(Addr, Addr)>,
    /// The last entry of any client for each server.
    newest_of_anyone: Table<Addr>,
    text_len: usize,
    max_entries: usize,
    max_text: usize,
}

impl Default for NameBook {
    fn default() -> Self {
        Self::with_limits(MAX_ENTRIES, MAX_TEXT)
    }
}

impl NameBook {
    fn with_limits(max_entries: usize, max_text: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            base: 0,
            exact: Table::default(),
            newest: Table::default(),
            newest_of_anyone: Table::default(),
            text_len: 0,
            max_entries,
            max_text,
        }
    }

    /// Notes that `client` was told, by the packet `answered`, that `name` is at each of `servers`.
    pub fn record(
        &mut self,
        client: Addr,
        name: &str,
        answered: Mark,
        servers: impl Iterator<Item = (Addr, Via)>,
    ) {
        let mut text: Option<Arc<str>> = None;
        let hash = self.exact.hasher().hash_one(name);
        for (server, via) in servers {
            let told = Told {
                client,
                server,
                name: hash,
            };
            if let Some(known) = self.known(&told, name) {
                known.last = answered;
                known.via = known.via.min(via);
                continue;
            }
            let name = Arc::clone(text.get_or_insert_with(|| name.into()));
            self.enter(Entry {
                told,
                name,
                first: answered,
                last: answered,
                via,
                before: None,
                before_of_anyone: None,
            });
        }
        self.text_len += text.map_or(0, |text| text.len());
        self.evict();
    }

    /// Names that `client` was told `server`'s address for, at or before `before`, the most recent answer first.
    pub fn candidates(
        &self,
        client: Addr,
        server: Addr,
        before: Timestamp,
    ) -> impl Iterator<Item = Candidate<'_>> {
        let newest = self.newest.get(&(client, server)).copied();
        best(self.chain(newest, |entry| entry.before), before)
    }

    /// The same for whichever client was told: weaker evidence, because clients get different answers.
    pub fn candidates_of_anyone(
        &self,
        server: Addr,
        before: Timestamp,
    ) -> impl Iterator<Item = Candidate<'_>> {
        let newest = self.newest_of_anyone.get(&server).copied();
        best(self.chain(newest, |entry| entry.before_of_anyone), before)
    }

    /// The entries from the number `newest` on back.
    fn chain(
        &self,
        newest: Option<u64>,
        before: impl Fn(&Entry) -> Option<u64>,
    ) -> impl Iterator<Item = &Entry> {
        let first = newest.and_then(|number| self.get(number));
        std::iter::successors(first, move |entry| self.get(before(entry)?))
    }

    fn get(&self, number: u64) -> Option<&Entry> {
        let index = usize::try_from(number.checked_sub(self.base)?).ok()?;
        self.entries.get(index)
    }

    fn known(&mut self, told: &Told, name: &str) -> Option<&mut Entry> {
        let number = self.exact.get(told)?;
        let index = usize::try_from(number.checked_sub(self.base)?).ok()?;
        self.entries
            .get_mut(index)
            .filter(|entry| *entry.name == *name)
    }

    fn enter(&mut self, mut entry: Entry) {
        let Told { client, server, .. } = entry.told;
        let number = self.base + self.entries.len() as u64;
        self.exact.insert(entry.told, number);
        entry.before = self.newest.insert((client, server), number);
        entry.before_of_anyone = self.newest_of_anyone.insert(server, number);
        self.entries.push_back(entry);
    }

    fn evict(&mut self) {
        while self.entries.len() > self.max_entries || self.text_len > self.max_text {
            let Some(entry) = self.entries.pop_front() else {
                break;
            };
            let Told { client, server, .. } = entry.told;
            forget(&mut self.exact, &entry.told, self.base);
            forget(&mut self.newest, &(client, server), self.base);
            forget(&mut self.newest_of_anyone, &server, self.base);
            self.base += 1;
            if Arc::strong_count(&entry.name) == 1 {
                self.text_len -= entry.name.len();
            }
        }
    }
}

fn forget<K: Eq + Hash>(table: &mut Table<K>, key: &K, number: u64) {
    if table.get(key) == Some(&number) {
        table.remove(key);
    }
}

/// The names of `entries` that were answered by then, the most recent answer first, each once.
fn best<'a>(
    entries: impl Iterator<Item = &'a Entry>,
    before: Timestamp,
) -> impl Iterator<Item = Candidate<'a>> {
    let entries = entries.take(SEARCH_DEPTH);
    let mut found: Vec<_> = entries
        .filter_map(|entry| entry.candidate(before))
        .collect();
    found.sort_by_key(|candidate| Reverse((candidate.answered.time, candidate.answered.frame)));
    let mut names: Vec<Candidate<'_>> = Vec::new();
    for candidate in found {
        if names.len() < MAX_NAMES
            && names
                .iter()
                .all(|n| (n.name, n.client) != (candidate.name, candidate.client))
        {
            names.push(candidate);
        }
    }
    names.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{CaptureId, FrameNumber};

    const CLIENT: Addr = Addr::v4([10, 0, 0, 5]);
    const OTHER: Addr = Addr::v4([10, 0, 0, 6]);
    const SERVER: Addr = Addr::v4([192, 0, 2, 1]);

    fn at(time: i64) -> Mark {
        Mark {
            time: Timestamp(time),
            frame: FrameNumber(1),
            capture: CaptureId(0),
        }
    }

    fn tell(book: &mut NameBook, name: &str, time: i64) {
        book.record(
            CLIENT,
            name,
            at(time),
            [(SERVER, Via::Question)].into_iter(),
        );
    }

    fn names(book: &NameBook, client: Addr, before: i64) -> Vec<(String, i64)> {
        let found = book.candidates(client, SERVER, Timestamp(before));
        found
            .map(|candidate| (candidate.name.to_owned(), candidate.answered.time.0))
            .collect()
    }

    #[test]
    fn the_most_recent_answer_comes_first_and_the_future_not_at_all() {
        let mut book = NameBook::default();
        tell(&mut book, "a", 10);
        tell(&mut book, "b", 20);
        tell(&mut book, "a", 30);
        assert_eq!(names(&book, CLIENT, 9), []);
        assert_eq!(names(&book, CLIENT, 10), [("a".into(), 10)]);
        assert_eq!(
            names(&book, CLIENT, 25),
            [("b".into(), 20), ("a".into(), 10)]
        );
        assert_eq!(
            names(&book, CLIENT, 99),
            [("a".into(), 30), ("b".into(), 20)]
        );
        assert_eq!(names(&book, OTHER, 99), []);
        let anyone: Vec<_> = book
            .candidates_of_anyone(SERVER, Timestamp(99))
            .map(|c| c.name)
            .collect();
        assert_eq!(anyone, ["a", "b"]);
    }

    #[test]
    fn the_strongest_way_to_an_address_is_kept() {
        let mut book = NameBook::default();
        book.record(
            CLIENT,
            "a",
            at(1),
            [(SERVER, Via::Hint), (SERVER, Via::Cname)].into_iter(),
        );
        assert_eq!(
            book.candidates(CLIENT, SERVER, Timestamp(1))
                .next()
                .unwrap()
                .via,
            Via::Cname
        );
    }

    #[test]
    fn eight_names_are_given_out() {
        let mut book = NameBook::default();
        (0..20).for_each(|n| tell(&mut book, &format!("n{n}"), n));
        let names = names(&book, CLIENT, 99);
        assert_eq!(names.len(), MAX_NAMES);
        assert_eq!((names[0].0.as_str(), names[7].0.as_str()), ("n19", "n12"));
    }

    #[test]
    fn what_is_far_back_is_found_by_a_new_answer() {
        let mut book = NameBook::default();
        tell(&mut book, "a", 0);
        (1..300).for_each(|n| tell(&mut book, &format!("n{n}"), n));
        assert_eq!(names(&book, CLIENT, 0), [], "the last 256 entries are seen");
        tell(&mut book, "a", 300);
        assert_eq!(book.entries.len(), 300);
    }

    #[test]
    fn entries_and_text_are_bounded() {
        let mut book = NameBook::with_limits(100, 1000);
        for n in 0..5000_u32 {
            let servers = [n % 3000, n % 7, n].map(|n| (Addr(u128::from(n)), Via::Question));
            let name = format!("{n}.{}", "x".repeat(n as usize % 90));
            book.record(CLIENT, &name, at(i64::from(n)), servers.into_iter());
            assert!(book.entries.len() <= 100 && book.text_len <= 1000);
            assert!(book.newest.len() <= book.entries.len());
            assert!(book.newest_of_anyone.len() <= book.entries.len());
            assert!(book.exact.len() <= book.entries.len());
        }
        assert_eq!(
            book.candidates(CLIENT, Addr(4999), Timestamp(4999)).count(),
            1
        );
        book.max_entries = 0;
        book.evict();
        assert_eq!(
            (book.entries.len(), book.newest.len(), book.text_len),
            (0, 0, 0)
        );
    }
}
