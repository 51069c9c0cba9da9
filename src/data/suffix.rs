//! Domain suffixes with a value each: the longest that a host name ends with, over whole labels, in any case.

use std::borrow::Borrow;
use std::hash::Hash;

use hashbrown::HashMap;

/// The longest host name there is, without the final dot (RFC 1035 section 2.3.4). Longer text matches nothing.
pub const MAX_NAME: usize = 253;

/// Suffixes (lower-case, no dot at either end) with a value each.
#[derive(Clone, Debug)]
pub struct SuffixMap<K, V> {
    entries: HashMap<K, V>,
    longest: usize,
}

impl<K, V> Default for SuffixMap<K, V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            longest: 0,
        }
    }
}

impl<K: Borrow<str> + Hash + Eq, V> SuffixMap<K, V> {
    /// Sets the value of a suffix; the value it had before comes back. `suffix` must be lower-case without a dot at
    /// either end, otherwise nothing ever matches it.
    pub fn insert(&mut self, suffix: K, value: V) -> Option<V> {
        self.longest = self.longest.max(suffix.borrow().len());
        self.entries.insert(suffix, value)
    }

    /// The value of a suffix, which becomes `value` if the suffix is new.
    pub fn get_or_insert(&mut self, suffix: K, value: V) -> &mut V {
        self.longest = self.longest.max(suffix.borrow().len());
        self.entries.entry(suffix).or_insert(value)
    }

    /// The longest suffix that `name` equals or ends with after a dot, and its value. A final dot and the case of
    /// `name` do not matter. At most one hash for each label that could begin a known suffix.
    #[must_use]
    pub fn longest(&self, name: &str) -> Option<(&str, &V)> {
        let mut buffer = [0; MAX_NAME];
        let mut tail = lower(name, &mut buffer)?;
        loop {
            if tail.len() <= self.longest
                && let Some((suffix, value)) = self.entries.get_key_value(tail)
            {
                return Some((suffix.borrow(), value));
            }
            tail = tail.split_once('.')?.1;
        }
    }

    /// All suffixes with their values, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.entries.iter().map(|(k, v)| (k.borrow(), v))
    }

    /// How many suffixes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<K: Borrow<str> + Hash + Eq, V> FromIterator<(K, V)> for SuffixMap<K, V> {
    /// Of equal suffixes the first counts.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(items: I) -> Self {
        let mut map = Self::default();
        for (suffix, value) in items {
            map.get_or_insert(suffix, value);
        }
        map
    }
}

/// `name` without its final dot and in lower case (ASCII), in `buffer`; `None` if empty or longer than a name can be.
pub fn lower<'b>(name: &str, buffer: &'b mut [u8; MAX_NAME]) -> Option<&'b str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let target = buffer.get_mut(..name.len()).filter(|b| !b.is_empty())?;
    target.copy_from_slice(name.as_bytes());
    target.make_ascii_lowercase();
    // Lower-casing ASCII letters keeps UTF-8 valid, so this is always `Ok`.
    std::str::from_utf8(target).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> SuffixMap<&'static str, u8> {
        [
            ("example.com", 1),
            ("cdn.example.com", 2),
            ("net", 3),
            ("net", 4),
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn test_longest_over_whole_labels() {
        let map = map();
        for (name, want) in [
            ("example.com", Some(1)),
            ("EXAMPLE.Com.", Some(1)),
            ("a.b.example.com", Some(1)),
            ("cdn.example.com", Some(2)),
            ("x.CDN.example.com", Some(2)),
            ("xcdn.example.com", Some(1)),
            ("badexample.com", None),
            ("example.com.evil.org", None),
            ("a.net", Some(3)),
            ("com", None),
            ("", None),
            (".", None),
            ("..", None),
            (".example.com", Some(1)),
            ("é.example.com", Some(1)),
        ] {
            assert_eq!(map.longest(name).map(|(_, &v)| v), want, "{name}");
        }
        let found = map.longest("x.CDN.example.com");
        assert_eq!(found, Some(("cdn.example.com", &2)));
    }

    #[test]
    fn test_length_limit() {
        let map = map();
        let fits = format!("{}.example.com", "a".repeat(MAX_NAME - 12));
        assert_eq!(fits.len(), MAX_NAME);
        assert!(map.longest(&fits).is_some());
        assert!(map.longest(&format!("{fits}.")).is_some());
        assert!(map.longest(&format!("a{fits}")).is_none());
    }

    #[test]
    fn test_insert_returns_the_old_value() {
        let mut map = SuffixMap::<String, u8>::default();
        assert!(map.is_empty());
        assert_eq!(map.insert("a.b".to_owned(), 1), None);
        assert_eq!(map.insert("a.b".to_owned(), 2), Some(1));
        assert_eq!(map.longest("x.a.b"), Some(("a.b", &2)));
        assert_eq!(map.len(), 1);
    }
}
