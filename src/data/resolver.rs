//! Well-known public resolvers by address and by host name (`data/resolvers.tsv`).

use std::sync::LazyLock;

use hashbrown::HashMap;

use super::prefix::{Prefix, PrefixTable};
use super::suffix::{MAX_NAME, SuffixMap, lower};
use super::table;
use crate::types::Addr;

const TEXT: &str = include_str!("../../data/resolvers.tsv");

static RESOLVERS: LazyLock<Resolvers> = LazyLock::new(Resolvers::read);

/// A public resolver service, or one of its variants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resolver {
    /// Who runs it.
    pub provider: &'static str,
    /// Which of the provider's services; `any` where several share a name and only the path tells them apart.
    pub variant: Option<&'static str>,
    /// What a blocked name looks like, as far as documented; `none` = it does not filter; `None` = not known.
    pub filtering: Option<&'static str>,
    /// Published typical answer time in milliseconds; depends on the place, a rough scale only.
    pub typical_ms: Option<u16>,
}

/// Which encrypted DNS transports a host name is listed for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Transports {
    /// DNS over HTTPS (RFC 8484), port 443.
    pub doh: bool,
    /// DNS over TLS (RFC 7858), TCP port 853.
    pub dot: bool,
    /// DNS over QUIC (RFC 9250), UDP port 853.
    pub doq: bool,
}

/// The resolver at an address. Local ones (the stub of systemd-resolved, a cloud platform's) are listed too.
#[must_use]
pub fn resolver_of_addr(addr: Addr) -> Option<&'static Resolver> {
    let (_, &index) = RESOLVERS.addresses.longest(addr)?;
    RESOLVERS.all.get(index)
}

/// The resolver that is reached by a host name (an SNI, say), with the transports the name is listed for: a name
/// listed for DoT alone may be a plain web site on port 443. The whole name must match, or its parent a `*.` row.
#[must_use]
pub fn resolver_of_name(name: &str) -> Option<(&'static Resolver, Transports)> {
    let mut buffer = [0; MAX_NAME];
    let name = lower(name, &mut buffer)?;
    let &(index, transports) = match RESOLVERS.names.get(name) {
        Some(found) => found,
        None => RESOLVERS.parents.longest(name.split_once('.')?.1)?.1,
    };
    Some((RESOLVERS.all.get(index)?, transports))
}

#[derive(Default)]
struct Resolvers {
    all: Vec<Resolver>,
    addresses: PrefixTable<usize>,
    names: HashMap<&'static str, (usize, Transports)>,
    /// The rows `*.suffix`.
    parents: SuffixMap<&'static str, (usize, Transports)>,
}

impl Resolvers {
    fn read() -> Self {
        let mut found = Self::default();
        let mut addresses = Vec::new();
        for row in table::rows(TEXT) {
            found.add(row, &mut addresses);
        }
        found.addresses = addresses.into_iter().collect();
        found
    }

    fn add(&mut self, row: [&'static str; 9], addresses: &mut Vec<(Prefix, usize)>) {
        let [provider, variant, list, doh, dot, doq, filtering, ms, _] = row;
        let index = self.all.len();
        addresses.extend(table::list(list).filter_map(|a| Some((a.parse().ok()?, index))));
        for name in table::list(doh) {
            self.transports(name, index).doh = true;
        }
        for name in table::list(dot) {
            self.transports(name, index).dot = true;
        }
        for name in table::list(doq) {
            self.transports(name, index).doq = true;
        }
        self.all.push(Resolver {
            provider,
            variant: table::optional(variant),
            filtering: table::optional(filtering),
            typical_ms: ms.parse().ok(),
        });
    }

    fn transports(&mut self, name: &'static str, index: usize) -> &mut Transports {
        let fresh = (index, Transports::default());
        let entry = match name.strip_prefix("*.") {
            Some(parent) => self.parents.get_or_insert(parent, fresh),
            None => self.names.entry(name).or_insert(fresh),
        };
        &mut entry.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn at(text: &str) -> Option<&'static Resolver> {
        resolver_of_addr(text.parse::<IpAddr>().unwrap().into())
    }

    #[test]
    fn test_table() {
        table::check::<9>(TEXT);
        let rows: Vec<[&str; 9]> = table::rows(TEXT).collect();
        assert_eq!(RESOLVERS.all.len(), rows.len());
        let addresses = rows.iter().flat_map(|r| table::list(r[2])).count();
        assert_eq!(
            RESOLVERS.addresses.len(),
            addresses,
            "bad or double address"
        );
        for row in &rows {
            let found_by = row[2..6].iter().any(|&field| field != "-");
            assert!(found_by, "found by nothing: {row:?}");
            assert!(row[7] == "-" || row[7].parse::<u16>().is_ok(), "{row:?}");
            for name in row[3..6].iter().flat_map(|&field| table::list(field)) {
                assert_eq!(name, name.to_ascii_lowercase());
                assert!(!name.contains(' ') && name.contains('.'), "{name}");
            }
        }
    }

    #[test]
    fn test_names_belong_to_one_resolver() {
        let mut owner = HashMap::new();
        for (index, row) in table::rows::<9>(TEXT).enumerate() {
            for name in row[3..6].iter().flat_map(|&field| table::list(field)) {
                assert_eq!(*owner.entry(name).or_insert(index), index, "{name}");
            }
        }
    }

    #[test]
    fn test_by_address() {
        let google = at("8.8.8.8").unwrap();
        assert_eq!(
            (google.provider, google.typical_ms),
            ("Google DNS", Some(28))
        );
        let google = at("2001:4860:4860::8844").unwrap();
        assert_eq!(google.provider, "Google DNS");
        assert_eq!(at("45.90.28.77").map(|r| r.provider), Some("NextDNS"));
        assert_eq!(at("192.168.1.1"), None);
    }

    #[test]
    fn test_by_name() {
        let (google, transports) = resolver_of_name("DNS.google.").unwrap();
        assert_eq!(google.provider, "Google DNS");
        assert!(transports.doh && transports.dot && !transports.doq);
        let (profile, transports) = resolver_of_name("abc123.dns.nextdns.io").unwrap();
        assert_eq!(profile.provider, "NextDNS");
        assert!(transports.dot);
        let (exact, _) = resolver_of_name("dns.nextdns.io").unwrap();
        assert_eq!(exact.variant, Some("Ultra-low latency"));
        let (shared, _) = resolver_of_name("freedns.controld.com").unwrap();
        assert_eq!(shared.variant, Some("any"));
        let (_, only_dot) = resolver_of_name("getdnsapi.net").unwrap();
        assert!(only_dot.dot && !only_dot.doh);
        for name in ["www.dns.google", "google", "opendns.com", "", "."] {
            assert_eq!(resolver_of_name(name), None, "{name}");
        }
    }
}
