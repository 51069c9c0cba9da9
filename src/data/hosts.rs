//! The names of the built-in target as the tables hold them (`data/tiktok-hosts.tsv`, `data/tiktok-labels.tsv`).
//! Read each time they are asked for: once a run.

use super::{network, table};

const HOSTS: &str = include_str!("../../data/tiktok-hosts.tsv");
const LABELS: &str = include_str!("../../data/tiktok-labels.tsv");

/// One suffix of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostRow {
    /// Lower-case suffix, no dot at either end.
    pub suffix: &'static str,
    /// Role as it is written in profiles.
    pub role: &'static str,
    /// `tiktok`, `shared` or `sibling`; see the head of the table.
    pub group: &'static str,
}

/// The suffixes, those of the target first.
pub fn tiktok_hosts() -> impl Iterator<Item = HostRow> {
    table::rows(HOSTS).map(|[suffix, role, group, _, _]: [&str; 5]| HostRow {
        suffix,
        role,
        group,
    })
}

/// Patterns of first labels with the role they mean, in order of precedence.
pub fn tiktok_labels() -> impl Iterator<Item = (&'static str, &'static str)> {
    table::rows(LABELS).map(|[label, role, _]: [&str; 3]| (label, role))
}

/// Sources, dates and remarks of the tables the built-in target is made of, one line each.
pub fn tiktok_sources() -> impl Iterator<Item = &'static str> {
    table::head(HOSTS)
        .chain(table::head(LABELS))
        .chain(network::head())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_unique(mut items: Vec<&str>) {
        items.sort_unstable();
        for pair in items.windows(2) {
            assert_ne!(pair[0], pair[1], "listed twice");
        }
    }

    #[test]
    fn test_tables() {
        table::check::<5>(HOSTS);
        table::check::<3>(LABELS);
        assert_unique(tiktok_hosts().map(|h| h.suffix).collect());
        assert_unique(tiktok_labels().map(|(label, _)| label).collect());
        for host in tiktok_hosts() {
            assert!(["tiktok", "shared", "sibling"].contains(&host.group));
            assert_eq!(host.suffix, host.suffix.to_ascii_lowercase());
            assert!(!host.suffix.starts_with('.') && !host.suffix.ends_with('.'));
        }
    }
}
