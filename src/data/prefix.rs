//! IP prefixes, and a table of them that answers "which is the longest that holds this address".
//!
//! Own code: two sorted lists and a binary search need less than a crate would bring, and they work on [`Addr`].

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::types::Addr;

/// A range of addresses that share their first bits. Displays as `192.0.2.0/24` or `2001:db8::/32`.
///
/// IPv4 and IPv6 are kept apart: `::/0` does not hold IPv4 addresses. An IPv4-mapped prefix of 96 bits or more is the
/// IPv4 prefix inside, as an [`Addr`] is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Prefix {
    /// First address of the range.
    first: Addr,
    /// Number of leading bits that are fixed, counted in the 128 bits of an [`Addr`] (IPv4: 96 more than written).
    bits: u8,
}

/// Why a text is no prefix.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PrefixError {
    /// Neither an address nor address/length.
    #[error("`{0}` is no address or prefix; write it like 192.0.2.0/24 or 2001:db8::/32")]
    Syntax(String),
    /// The length does not fit the address family.
    #[error("the length in `{0}` is not between 0 and {1}")]
    Length(String, u8),
    /// Bits after the length are set.
    #[error("`{0}` has bits set after its length; the prefix is {1}")]
    HostBits(String, Prefix),
}

impl Prefix {
    /// The prefix of length `bits` (0 to 32 for IPv4, 0 to 128 for IPv6) around `addr`; `None` for a longer length.
    #[must_use]
    pub fn around(addr: Addr, bits: u8) -> Option<Self> {
        let bits = bits.checked_add(if addr.is_v4() { 96 } else { 0 })?;
        (bits <= 128).then(|| Self {
            first: Addr(addr.0 & !host_mask(bits)),
            bits,
        })
    }

    /// The lowest address.
    #[must_use]
    pub const fn first(self) -> Addr {
        self.first
    }

    /// The highest address.
    #[must_use]
    pub fn last(self) -> Addr {
        Addr(self.first.0 | host_mask(self.bits))
    }

    /// The length as it is written: 0 to 32 for IPv4, 0 to 128 for IPv6.
    #[must_use]
    pub const fn length(self) -> u8 {
        if self.is_v4() {
            self.bits - 96
        } else {
            self.bits
        }
    }

    /// True for an IPv4 prefix.
    #[must_use]
    pub const fn is_v4(self) -> bool {
        self.first.is_v4() && self.bits >= 96
    }

    /// True if `addr` is of the same family and lies in the range.
    #[must_use]
    pub fn contains(self, addr: Addr) -> bool {
        addr.is_v4() == self.is_v4() && addr.0 & !host_mask(self.bits) == self.first.0
    }
}

fn host_mask(bits: u8) -> u128 {
    u128::MAX.checked_shr(u32::from(bits)).unwrap_or(0)
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.length())
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    /// Reads `address/length`, or an address alone as the prefix of just that address.
    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let syntax = || PrefixError::Syntax(text.to_owned());
        let (host, digits) = match text.split_once('/') {
            Some((host, digits)) => (host, Some(digits)),
            None => (text, None),
        };
        let written: IpAddr = host.parse().map_err(|_| syntax())?;
        let width: u8 = if written.is_ipv4() { 32 } else { 128 };
        let bits = match digits {
            None => width,
            Some(digits) => length(digits).ok_or_else(syntax)?,
        };
        let too_long = || PrefixError::Length(text.to_owned(), width);
        let addr = Addr::from(written);
        // `::ffff:a.b.c.d/n` counts its bits from the mapped form, an `Addr` from the IPv4 address inside.
        let mapped = if written.is_ipv6() && addr.is_v4() {
            96
        } else {
            0
        };
        let bits = bits.checked_sub(mapped).ok_or_else(too_long)?;
        let prefix = Self::around(addr, bits).ok_or_else(too_long)?;
        if prefix.first == addr {
            Ok(prefix)
        } else {
            Err(PrefixError::HostBits(text.to_owned(), prefix))
        }
    }
}

fn length(digits: &str) -> Option<u8> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(u8::MAX))
}

/// Prefixes with a value each. Nested prefixes are cut into ranges once, so a look-up is one binary search.
#[derive(Clone, Debug)]
pub struct PrefixTable<T> {
    entries: Vec<(Prefix, T)>,
    v4: Vec<Boundary>,
    v6: Vec<Boundary>,
}

/// From `first` on, up to the next boundary, addresses belong to `entry`. Of boundaries at one place the last counts:
/// it is the longer prefix, or the one that begins where another ended.
#[derive(Clone, Copy, Debug)]
struct Boundary {
    first: u128,
    entry: Option<u32>,
}

impl<T> Default for PrefixTable<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            v4: Vec::new(),
            v6: Vec::new(),
        }
    }
}

impl<T> PrefixTable<T> {
    /// The value of the longest prefix that holds `addr`, and the prefix.
    #[must_use]
    pub fn longest(&self, addr: Addr) -> Option<(Prefix, &T)> {
        let boundaries = if addr.is_v4() { &self.v4 } else { &self.v6 };
        let after = boundaries.partition_point(|b| b.first <= addr.0);
        let entry = boundaries.get(after.checked_sub(1)?)?.entry?;
        let (prefix, value) = self.entries.get(entry as usize)?;
        Some((*prefix, value))
    }

    /// All prefixes with their values, by address; a prefix before those inside it.
    pub fn iter(&self) -> impl Iterator<Item = &(Prefix, T)> {
        self.entries.iter()
    }

    /// How many prefixes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn boundaries(&self, v4: bool) -> Vec<Boundary> {
        let mut found = Vec::new();
        let mut open: Vec<(u128, u32)> = Vec::new();
        for (index, (prefix, _)) in (0_u32..).zip(&self.entries) {
            if prefix.is_v4() != v4 {
                continue;
            }
            close_before(&mut open, &mut found, Some(prefix.first.0));
            found.push(Boundary {
                first: prefix.first.0,
                entry: Some(index),
            });
            open.push((prefix.last().0, index));
        }
        close_before(&mut open, &mut found, None);
        found
    }
}

/// Ends the open prefixes that end before `next` (all of them where it is `None`): after them their parent holds.
fn close_before(open: &mut Vec<(u128, u32)>, found: &mut Vec<Boundary>, next: Option<u128>) {
    while let Some(&(last, _)) = open.last() {
        if next.is_some_and(|next| next <= last) {
            return;
        }
        open.pop();
        if let Some(first) = last.checked_add(1) {
            let entry = open.last().map(|&(_, index)| index);
            found.push(Boundary { first, entry });
        }
    }
}

impl<T> FromIterator<(Prefix, T)> for PrefixTable<T> {
    /// Of equal prefixes the first counts.
    fn from_iter<I: IntoIterator<Item = (Prefix, T)>>(items: I) -> Self {
        let mut table = Self {
            entries: items.into_iter().collect(),
            ..Self::default()
        };
        table.entries.sort_by_key(|&(prefix, _)| prefix);
        table.entries.dedup_by_key(|&mut (prefix, _)| prefix);
        table.v4 = table.boundaries(true);
        table.v6 = table.boundaries(false);
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> Addr {
        text.parse::<IpAddr>().unwrap().into()
    }

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn test_parse_and_display() {
        for text in [
            "0.0.0.0/0",
            "10.0.0.0/8",
            "192.0.2.1/32",
            "::/0",
            "2001:db8::/32",
            "::1/128",
        ] {
            assert_eq!(prefix(text).to_string(), text);
        }
        assert_eq!(prefix("192.0.2.1").to_string(), "192.0.2.1/32");
        assert_eq!(prefix("2001:db8::1").to_string(), "2001:db8::1/128");
        assert_eq!(prefix("::ffff:192.0.2.0/120").to_string(), "192.0.2.0/24");
        assert_eq!(prefix("::ffff:192.0.2.1").to_string(), "192.0.2.1/32");
    }

    #[test]
    fn test_parse_refuses() {
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0/8",
            "x/8",
            "10.0.0.0/8/8",
            "::/ 3",
        ] {
            let error = text.parse::<Prefix>();
            assert!(matches!(error, Err(PrefixError::Syntax(_))), "{text}");
        }
        for text in [
            "10.0.0.0/33",
            "10.0.0.0/999999",
            "::/129",
            "::ffff:10.0.0.0/95",
        ] {
            let error = text.parse::<Prefix>();
            assert!(matches!(error, Err(PrefixError::Length(..))), "{text}");
        }
        let host = "10.1.0.0/8".parse::<Prefix>().unwrap_err();
        assert_eq!(
            host.to_string(),
            "`10.1.0.0/8` has bits set after its length; the prefix is 10.0.0.0/8"
        );
    }

    #[test]
    fn test_contains_keeps_families_apart() {
        assert!(prefix("0.0.0.0/0").contains(addr("255.255.255.255")));
        assert!(!prefix("0.0.0.0/0").contains(addr("::1")));
        assert!(prefix("::/0").contains(addr("ff02::1")));
        assert!(!prefix("::/0").contains(addr("10.0.0.1")));
        assert!(!prefix("10.0.0.0/8").contains(addr("11.0.0.0")));
    }

    #[test]
    fn test_longest_wins_and_parent_resumes() {
        let table: PrefixTable<u8> = [
            ("10.0.0.0/8", 1),
            ("10.1.0.0/16", 2),
            ("10.1.1.0/24", 3),
            ("10.1.2.0/24", 4),
            ("255.0.0.0/8", 5),
            ("::/3", 6),
            ("ff00::/8", 7),
            ("10.0.0.0/8", 99),
        ]
        .into_iter()
        .map(|(text, value)| (prefix(text), value))
        .collect();
        for (text, want) in [
            ("9.255.255.255", None),
            ("10.0.0.0", Some(1)),
            ("10.1.0.255", Some(2)),
            ("10.1.1.255", Some(3)),
            ("10.1.2.0", Some(4)),
            ("10.1.3.0", Some(2)),
            ("10.2.0.0", Some(1)),
            ("11.0.0.0", None),
            ("255.255.255.255", Some(5)),
            ("::2", Some(6)),
            ("::1:0:0:0", Some(6)),
            ("2001::", None),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some(7)),
        ] {
            assert_eq!(table.longest(addr(text)).map(|(_, &v)| v), want, "{text}");
        }
        assert_eq!(table.len(), 7);
    }

    /// The table against the definition, on random nested prefixes around their edges.
    #[test]
    fn test_longest_equals_linear_search() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut byte = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        };
        for _ in 0..300 {
            let prefixes: Vec<Prefix> = (0..40)
                .map(|_| {
                    let base = match byte() % 3 {
                        0 => Addr(u128::from(byte()) << 120),
                        _ => Addr::v4([10, byte() % 4, byte(), 0]),
                    };
                    Prefix::around(base, byte() % 33).unwrap()
                })
                .collect();
            let table: PrefixTable<()> = prefixes.iter().map(|&p| (p, ())).collect();
            for p in &prefixes {
                for edge in [
                    p.first(),
                    p.last(),
                    Addr(p.first().0.wrapping_sub(1)),
                    Addr(p.last().0.wrapping_add(1)),
                ] {
                    let holding = prefixes.iter().filter(|p| p.contains(edge));
                    let want = holding.max_by_key(|p| p.bits).copied();
                    assert_eq!(table.longest(edge).map(|(p, ())| p), want, "{edge}");
                }
            }
        }
    }
}
