//! Which network an address belongs to, as far as the target's networks are known (`data/prefixes.tsv`).

use std::sync::LazyLock;

use super::prefix::{Prefix, PrefixTable};
use super::table;
use crate::types::Addr;

const TEXT: &str = include_str!("../../data/prefixes.tsv");

static NETWORKS: LazyLock<PrefixTable<Network>> =
    LazyLock::new(|| table::rows(TEXT).filter_map(parse).collect());

/// A prefix and who holds it. Routing data drifts: a hint, never the only evidence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    /// Number of the autonomous system that announces it.
    pub asn: u32,
    /// The holder's name.
    pub holder: &'static str,
    /// The prefix.
    pub prefix: Prefix,
    /// How much a match says.
    pub weight: Weight,
    /// True if seen in a BGP-derived list; false for a registry or IRR supernet, which may hold addresses of others.
    pub announced: bool,
}

/// How much a match says about the user of the address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Weight {
    /// A cloud with other customers too, or partly announced by someone else.
    Shared,
    /// A network operated by or for the target.
    Strong,
}

/// The network of the longest listed prefix that holds `addr`. One binary search.
#[must_use]
pub fn network_of(addr: Addr) -> Option<&'static Network> {
    NETWORKS.longest(addr).map(|(_, network)| network)
}

/// All listed networks, in the order of their addresses.
pub fn networks() -> impl Iterator<Item = &'static Network> {
    NETWORKS.iter().map(|(_, network)| network)
}

/// The head of the table: sources, dates and remarks, one line each.
pub(super) fn head() -> impl Iterator<Item = &'static str> {
    table::head(TEXT)
}

fn parse(row: [&'static str; 6]) -> Option<(Prefix, Network)> {
    let [prefix, asn, holder, weight, kind, _] = row;
    let prefix = prefix.parse().ok()?;
    let network = Network {
        asn: asn.strip_prefix("AS")?.parse().ok()?,
        holder,
        prefix,
        weight: match weight {
            "strong" => Weight::Strong,
            "shared" => Weight::Shared,
            _ => return None,
        },
        announced: match kind {
            "announced" => true,
            "aggregate" => false,
            _ => return None,
        },
    };
    Some((prefix, network))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn of(text: &str) -> Option<&'static Network> {
        network_of(text.parse::<IpAddr>().unwrap().into())
    }

    #[test]
    fn test_table() {
        table::check::<6>(TEXT);
        assert_eq!(NETWORKS.len(), table::rows::<6>(TEXT).count());
    }

    #[test]
    fn test_longest_prefix() {
        let network = of("71.18.1.7").unwrap();
        assert_eq!(network.prefix.to_string(), "71.18.1.0/24");
        assert_eq!((network.asn, network.weight), (396_986, Weight::Strong));
        assert!(network.announced);
        // Not announced as a piece: the aggregate answers.
        let aggregate = of("71.18.0.5").unwrap();
        assert_eq!(aggregate.prefix.to_string(), "71.18.0.0/16");
        assert!(!aggregate.announced);
        assert_eq!(of("8.8.8.8"), None);
        assert_eq!(of("2001:db8::1"), None);
    }
}
