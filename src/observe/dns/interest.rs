//! Which lookups are kept in full.

use crate::types::Addr;

/// Says whether a name (lower case, no final dot) is one that the analysis is about.
type Test = Box<dyn Fn(&str) -> bool + Send + Sync>;
/// Says whether an address is one that the analysis is about, whatever it is called.
type AddrTest = Box<dyn Fn(Addr) -> bool + Send + Sync>;

/// Labels that are taken off the end of a name to find what a search list was put behind.
const SEARCH_LABELS: usize = 3;

/// The names whose lookups are kept in full: those that a test accepts, or all.
pub struct Interest {
    all: bool,
    test: Test,
    addr: AddrTest,
}

/// How a name matched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Match<'a> {
    /// The test accepts the name itself.
    Name,
    /// It accepts this, which is the name without the labels at its end.
    SearchOf(&'a str),
    /// It accepts neither.
    No,
}

impl Interest {
    /// Keeps lookups whose name, or one of the names that their answers lead to, passes `test`. The test gets names in
    /// lower case, without a final dot; with `all` it decides nothing but [`crate::fact::dns::Lookup::search_of`].
    #[must_use]
    pub fn new(all: bool, test: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self {
            all,
            test: Box::new(test),
            addr: Box::new(|_| false),
        }
    }

    /// Keeps lookups as well whose answers hold an address that passes `test`.
    #[must_use]
    pub fn or_addr(mut self, test: impl Fn(Addr) -> bool + Send + Sync + 'static) -> Self {
        self.addr = Box::new(test);
        self
    }

    /// Keeps every lookup.
    #[must_use]
    pub fn all() -> Self {
        Self::new(true, |_| false)
    }

    pub(super) fn keeps_all(&self) -> bool {
        self.all
    }

    pub(super) fn accepts(&self, name: &str) -> bool {
        (self.test)(name)
    }

    pub(super) fn accepts_addr(&self, addr: Addr) -> bool {
        (self.addr)(addr)
    }

    pub(super) fn matches<'a>(&self, name: &'a str) -> Match<'a> {
        if self.accepts(name) {
            return Match::Name;
        }
        let shorter = std::iter::successors(parent_end(name), |shorter| parent_end(shorter));
        let found = shorter
            .take(SEARCH_LABELS)
            .find(|shorter| self.accepts(shorter));
        found.map_or(Match::No, Match::SearchOf)
    }
}

/// The name without its last label: up to the last dot that is not escaped.
fn parent_end(name: &str) -> Option<&str> {
    let mut dots = name.match_indices('.').rev().map(|(at, _)| &name[..at]);
    dots.find(|before| {
        before
            .bytes()
            .rev()
            .take_while(|byte| *byte == b'\\')
            .count()
            % 2
            == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_suffixes_are_seen_through() {
        let interest = Interest::new(false, |name| {
            name == "example.com" || name.ends_with(".example.com")
        });
        assert_eq!(interest.matches("www.example.com"), Match::Name);
        assert_eq!(
            interest.matches("www.example.com.lan"),
            Match::SearchOf("www.example.com")
        );
        assert_eq!(
            interest.matches("www.example.com.a.b.c"),
            Match::SearchOf("www.example.com")
        );
        assert_eq!(interest.matches("www.example.com.a.b.c.d"), Match::No);
        assert_eq!(
            interest.matches("www.example.com.a\\.b"),
            Match::SearchOf("www.example.com")
        );
        assert_eq!(interest.matches("www.example.org"), Match::No);
        assert_eq!(interest.matches("."), Match::No);
    }

    #[test]
    fn escaped_dots_are_no_boundaries() {
        assert_eq!(parent_end("a\\.b"), None);
        assert_eq!(parent_end("a\\\\.b"), Some("a\\\\"));
        assert_eq!(parent_end("a.b\\.c"), Some("a"));
        assert_eq!(parent_end("com"), None);
    }
}
