//! What each client resolved: from an address that it connects to, back to the names that it asked for.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::types::{Addr, Mark, Timestamp};

/// Names kept for one client and server.
const MAX_NAMES: usize = 8;
/// Pairs of client and server that are kept, the "any client" ones included.
const MAX_PAIRS: usize = 200_000;
/// Bytes of all names together.
const MAX_TEXT: usize = 16 << 20;
/// Stands for "any client". No packet has it as its source (RFC 4291 section 2.5.2: never a destination).
const ANYONE: Addr = Addr(0);

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
    /// Who was told; `None` where several clients were.
    pub client: Option<Addr>,
    /// The last answer before the time asked about, or the first one where only that is kept.
    pub answered: Mark,
    /// How the answer led to the address.
    pub via: Via,
}

#[derive(Debug)]
struct Named {
    name: Arc<str>,
    client: Option<Addr>,
    first: Mark,
    last: Mark,
    via: Via,
}

impl Named {
    fn before(&self, time: Timestamp) -> Option<Candidate<'_>> {
        let marks = [self.last, self.first];
        let answered = marks.into_iter().find(|mark| mark.time <= time)?;
        Some(Candidate {
            name: &self.name,
            client: self.client,
            answered,
            via: self.via,
        })
    }
}

type Pair = (Addr, Addr);

/// Which names each client was told an address for.
///
/// Bounded: at most 8 names for each client and server (the one not answered for the longest time goes first), 200,000
/// pairs and 16 MiB of text (the pairs entered first go first).
#[derive(Debug)]
pub struct NameBook {
    pairs: HashMap<Pair, Vec<Named>, foldhash::fast::RandomState>,
    entered: VecDeque<Pair>,
    texts: HashSet<Arc<str>, foldhash::fast::RandomState>,
    text_len: usize,
    max_pairs: usize,
    max_text: usize,
}

impl Default for NameBook {
    fn default() -> Self {
        Self::with_limits(MAX_PAIRS, MAX_TEXT)
    }
}

impl NameBook {
    fn with_limits(max_pairs: usize, max_text: usize) -> Self {
        Self {
            pairs: HashMap::default(),
            entered: VecDeque::new(),
            texts: HashSet::default(),
            text_len: 0,
            max_pairs,
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
        let mut text = None;
        for (server, via) in servers {
            let text = text.get_or_insert_with(|| self.intern(name));
            self.enter((client, server), client, text, answered, via);
            self.enter((ANYONE, server), client, text, answered, via);
        }
        drop(text);
        self.evict();
    }

    /// Names that `client` was told `server`'s address for, at or before `before`, the most recent answer first.
    pub fn candidates(
        &self,
        client: Addr,
        server: Addr,
        before: Timestamp,
    ) -> impl Iterator<Item = Candidate<'_>> {
        let named = self
            .pairs
            .get(&(client, server))
            .map_or(&[][..], Vec::as_slice);
        let mut found: Vec<_> = named
            .iter()
            .filter_map(|named| named.before(before))
            .collect();
        found.sort_by_key(|candidate| Reverse((candidate.answered.time, candidate.answered.frame)));
        found.into_iter()
    }

    /// The same for whichever client was told: weaker evidence, because clients get different answers.
    pub fn candidates_of_anyone(
        &self,
        server: Addr,
        before: Timestamp,
    ) -> impl Iterator<Item = Candidate<'_>> {
        self.candidates(ANYONE, server, before)
    }

    fn intern(&mut self, name: &str) -> Arc<str> {
        if let Some(text) = self.texts.get(name) {
            return Arc::clone(text);
        }
        let text: Arc<str> = name.into();
        self.texts.insert(Arc::clone(&text));
        self.text_len += name.len();
        text
    }

    fn release(&mut self, text: Arc<str>) {
        // Two owners: the set, and the one given here.
        if Arc::strong_count(&text) == 2 {
            self.texts.remove(&text);
            self.text_len -= text.len();
        }
    }

    fn enter(&mut self, pair: Pair, client: Addr, text: &Arc<str>, answered: Mark, via: Via) {
        let known = self.pairs.len();
        let named = self.pairs.entry(pair).or_default();
        if let Some(old) = named.iter_mut().find(|old| Arc::ptr_eq(&old.name, text)) {
            old.last = answered;
            old.client = old.client.filter(|&c| c == client);
            old.via = old.via.min(via);
            return;
        }
        let dropped = (named.len() == MAX_NAMES).then(|| oldest(named)).flatten();
        named.push(Named {
            name: Arc::clone(text),
            client: Some(client),
            first: answered,
            last: answered,
            via,
        });
        if self.pairs.len() > known {
            self.entered.push_back(pair);
        }
        if let Some(dropped) = dropped {
            self.release(dropped.name);
        }
    }

    fn evict(&mut self) {
        while self.pairs.len() > self.max_pairs || self.text_len > self.max_text {
            let Some(pair) = self.entered.pop_front() else {
                break;
            };
            let names = self.pairs.remove(&pair).unwrap_or_default();
            names.into_iter().for_each(|named| self.release(named.name));
        }
    }
}

/// Takes out the name whose last answer is the longest ago.
fn oldest(named: &mut Vec<Named>) -> Option<Named> {
    let (index, _) = named
        .iter()
        .enumerate()
        .min_by_key(|(_, named)| named.last.time)?;
    Some(named.swap_remove(index))
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
    fn eight_names_for_one_pair() {
        let mut book = NameBook::default();
        (0..20).for_each(|n| tell(&mut book, &format!("n{n}"), n));
        let names = names(&book, CLIENT, 99);
        assert_eq!(names.len(), MAX_NAMES);
        assert_eq!(names[0].0, "n19");
        assert_eq!(names[7].0, "n12");
        assert_eq!(book.texts.len(), MAX_NAMES);
    }

    #[test]
    fn pairs_and_text_are_bounded() {
        let mut book = NameBook::with_limits(100, 1000);
        for n in 0..5000_u32 {
            let server = Addr::v4(n.to_be_bytes());
            let name = format!("{n}.{}", "x".repeat(n as usize % 90));
            book.record(
                CLIENT,
                &name,
                at(i64::from(n)),
                [(server, Via::Question)].into_iter(),
            );
            assert!(book.pairs.len() <= 100 && book.text_len <= 1000);
        }
        assert_eq!(book.entered.len(), book.pairs.len());
        assert_eq!(
            book.text_len,
            book.texts.iter().map(|text| text.len()).sum::<usize>()
        );
        let last = book
            .candidates(CLIENT, Addr::v4(4999_u32.to_be_bytes()), Timestamp(4999))
            .count();
        assert_eq!(last, 1);
    }
}
