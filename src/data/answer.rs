//! What DNS answers give away: forged addresses and block pages (`data/sinkholes.tsv`), and addresses that no public
//! service can have (`data/special-purpose.tsv`).

use std::sync::LazyLock;

use super::prefix::{Prefix, PrefixTable};
use super::suffix::SuffixMap;
use super::table;
use crate::types::Addr;

const SINKHOLES: &str = include_str!("../../data/sinkholes.tsv");
const SPECIAL: &str = include_str!("../../data/special-purpose.tsv");

static BY_ADDR: LazyLock<PrefixTable<Sinkhole>> = LazyLock::new(|| {
    table::rows(SINKHOLES)
        .filter(|row: &[&str; 8]| row[1] != "cname")
        .filter_map(|row| Some((row[0].parse().ok()?, sinkhole_row(row)?)))
        .collect()
});

static BY_NAME: LazyLock<SuffixMap<&str, Sinkhole>> = LazyLock::new(|| {
    table::rows(SINKHOLES)
        .filter(|row: &[&str; 8]| row[1] == "cname")
        .filter_map(|row| Some((row[0], sinkhole_row(row)?)))
        .collect()
});

static SPECIAL_PURPOSE: LazyLock<PrefixTable<SpecialPurpose>> =
    LazyLock::new(|| table::rows(SPECIAL).filter_map(special_row).collect());

/// An answer known to be forged or rewritten. It does not say by whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sinkhole {
    /// The address, prefix or name as listed.
    pub answer: &'static str,
    /// What sort of answer it is: decides between forgery on the path and a filter's block page.
    pub kind: SinkholeKind,
    /// What it is, in words.
    pub meaning: &'static str,
    /// Country it was seen in, ISO 3166 code.
    pub country: Option<&'static str>,
    /// Who uses it: `national`, `isp`, `institution`, `product` or `any`.
    pub scope: &'static str,
    /// True if enough to name a block by itself; false if it needs a second sign.
    pub strong: bool,
    /// Where the row comes from.
    pub source: &'static str,
}

/// What sort of answer a listed one is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SinkholeKind {
    /// An address that an injector on the path puts into forged answers; no block page lives there.
    Poisoned,
    /// Space of another company that injectors borrow: forged, unless the name asked is that company's.
    Foreign,
    /// The block page or sinkhole of a filter: the resolver, or someone in its place, rewrote the answer.
    BlockPage,
}

/// A block of the special-purpose address registries (RFC 6890).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpecialPurpose {
    /// The block.
    pub prefix: Prefix,
    /// What it is for: `private`, `loopback`, `carrier-grade NAT` ...
    pub name: &'static str,
    /// True if a public service may be reached through it (NAT64, 6to4).
    pub public: bool,
    /// The RFC that sets it aside.
    pub rfc: &'static str,
    /// What else uses it in practice, where that matters to a diagnosis.
    pub note: Option<&'static str>,
}

/// The listed forged or block-page answer that `addr` is, if any. Special-purpose addresses that are not listed for
/// themselves are left to [`never_public`].
#[must_use]
pub fn sinkhole(addr: Addr) -> Option<&'static Sinkhole> {
    BY_ADDR.longest(addr).map(|(_, sinkhole)| sinkhole)
}

/// The listed block page that a CNAME points to: `name` is a listed name or below one.
#[must_use]
pub fn sinkhole_name(name: &str) -> Option<&'static Sinkhole> {
    BY_NAME.longest(name).map(|(_, sinkhole)| sinkhole)
}

/// The special-purpose block that holds `addr`, including those that may carry public services. `None` for an ordinary
/// address.
#[must_use]
pub fn special_purpose(addr: Addr) -> Option<&'static SpecialPurpose> {
    SPECIAL_PURPOSE.longest(addr).map(|(_, special)| special)
}

/// The special-purpose block of an address that cannot be the address of a public service.
#[must_use]
pub fn never_public(addr: Addr) -> Option<&'static SpecialPurpose> {
    special_purpose(addr).filter(|special| !special.public)
}

fn sinkhole_row(row: [&'static str; 8]) -> Option<Sinkhole> {
    let [answer, _, kind, meaning, country, scope, weight, source] = row;
    Some(Sinkhole {
        answer,
        kind: match kind {
            "poisoned" => SinkholeKind::Poisoned,
            "foreign" => SinkholeKind::Foreign,
            "blockpage" => SinkholeKind::BlockPage,
            _ => return None,
        },
        meaning,
        country: table::optional(country),
        scope,
        strong: match weight {
            "strong" => true,
            "medium" => false,
            _ => return None,
        },
        source,
    })
}

fn special_row(row: [&'static str; 5]) -> Option<(Prefix, SpecialPurpose)> {
    let [prefix, name, public, rfc, note] = row;
    let prefix = prefix.parse().ok()?;
    let special = SpecialPurpose {
        prefix,
        name,
        public: match public {
            "yes" => true,
            "no" => false,
            _ => return None,
        },
        rfc,
        note: table::optional(note),
    };
    Some((prefix, special))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{networks, resolver_of_addr};
    use std::net::IpAddr;

    fn addr(text: &str) -> Addr {
        text.parse::<IpAddr>().unwrap().into()
    }

    fn kind(text: &str) -> Option<SinkholeKind> {
        sinkhole(addr(text)).map(|s| s.kind)
    }

    #[test]
    fn test_tables() {
        table::check::<8>(SINKHOLES);
        table::check::<5>(SPECIAL);
        let rows = table::rows::<8>(SINKHOLES).count();
        assert_eq!(BY_ADDR.len() + BY_NAME.len(), rows, "bad or double row");
        assert_eq!(SPECIAL_PURPOSE.len(), table::rows::<5>(SPECIAL).count());
        let scopes = ["national", "isp", "institution", "product", "any"];
        for [answer, form, _, _, _, scope, _, _] in table::rows::<8>(SINKHOLES) {
            assert!(scopes.contains(&scope), "{answer}");
            assert!(["address", "prefix", "cname"].contains(&form), "{answer}");
            assert_eq!(form == "prefix", answer.contains('/'), "{answer}");
        }
    }

    /// Rows of a source without a licence are embedded only where that source is sure.
    #[test]
    fn test_ooni_rows_are_strong() {
        for row in table::rows::<8>(SINKHOLES) {
            let from_ooni = row[7].starts_with("ooni/");
            assert!(!from_ooni || row[6] == "strong", "{row:?}");
        }
    }

    /// A listed answer must not condemn a resolver or the target's own network.
    #[test]
    fn test_no_sinkhole_is_a_resolver_or_the_target() {
        for (prefix, found) in BY_ADDR.iter() {
            let first = prefix.first();
            assert_eq!(resolver_of_addr(first), None, "{found:?}");
            assert!(!networks().any(|n| n.prefix.contains(first)), "{found:?}");
        }
    }

    #[test]
    fn test_kinds() {
        assert_eq!(kind("8.7.198.45"), Some(SinkholeKind::Poisoned));
        assert_eq!(kind("2001:0:53aa::1"), Some(SinkholeKind::Poisoned));
        assert_eq!(kind("157.240.1.1"), Some(SinkholeKind::Foreign));
        assert_eq!(kind("10.10.34.34"), Some(SinkholeKind::BlockPage));
        assert_eq!(kind("146.112.61.111"), Some(SinkholeKind::BlockPage));
        assert_eq!(kind("::ffff:146.112.61.104"), Some(SinkholeKind::BlockPage));
        let adguard = sinkhole(addr("94.140.14.35")).unwrap();
        assert_eq!((adguard.scope, adguard.country), ("product", None));
        for ordinary in [
            "1.1.1.1",
            "10.10.34.33",
            "0.0.0.0",
            "127.0.0.1",
            "2606:4700::1",
            "2001:200::1",
        ] {
            assert_eq!(kind(ordinary), None, "{ordinary}");
        }
    }

    #[test]
    fn test_names() {
        let found = sinkhole_name("Internet-Positif.org.").unwrap();
        assert_eq!(found.country, Some("ID"));
        assert_eq!(sinkhole_name("notinternet-positif.org"), None);
    }

    #[test]
    fn test_special_purpose_names() {
        for (text, name) in [
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "this network"),
            ("10.1.2.3", "private"),
            ("172.31.255.255", "private"),
            ("192.168.0.1", "private"),
            ("100.127.255.255", "carrier-grade NAT"),
            ("127.0.0.53", "loopback"),
            ("169.254.1.1", "link-local"),
            ("198.19.0.7", "benchmarking"),
            ("203.0.113.9", "documentation"),
            ("239.1.2.3", "multicast"),
            ("243.185.187.39", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("100::1", "discard-only"),
            ("2001::1", "Teredo"),
            ("2001:db8::1", "documentation"),
            ("3fff::1", "documentation"),
            ("fc00::1", "unique local"),
            ("fe80::1", "link-local"),
            ("ff02::1", "multicast"),
            ("200:2::6", "reserved by IETF"),
            ("2001:20::1", "ORCHIDv2"),
        ] {
            let found = never_public(addr(text)).map(|s| s.name);
            assert_eq!(found, Some(name), "{text}");
        }
    }

    #[test]
    fn test_ordinary_and_usable_addresses() {
        for text in [
            "8.8.8.8",
            "100.128.0.1",
            "172.32.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "2003::1",
        ] {
            assert_eq!(special_purpose(addr(text)), None, "{text}");
        }
        for text in ["64:ff9b::102:304", "64:ff9b:1::1", "2002:102:304::1"] {
            assert!(special_purpose(addr(text)).unwrap().public, "{text}");
            assert_eq!(never_public(addr(text)), None, "{text}");
        }
    }
}
