//! Which CDN or DNS-balancing operator a name belongs to (`data/cdn.tsv`).

use std::sync::LazyLock;

use super::suffix::SuffixMap;
use super::table;

const TEXT: &str = include_str!("../../data/cdn.tsv");

static CDNS: LazyLock<SuffixMap<&str, &str>> = LazyLock::new(|| {
    table::rows(TEXT)
        .map(|[suffix, cdn, _, _]: [&str; 4]| (suffix, cdn))
        .collect()
});

/// The operator (`Akamai`, `Fastly` ...) behind a name, most often the target of a CNAME: the longest listed suffix
/// of whole labels counts.
#[must_use]
pub fn cdn_of_name(name: &str) -> Option<&'static str> {
    CDNS.longest(name).map(|(_, &cdn)| cdn)
}

/// The listed suffix that makes `name` an operator's.
#[must_use]
pub fn cdn_suffix(name: &str) -> Option<&'static str> {
    let (suffix, _) = CDNS.longest(name)?;
    let listed = table::rows(TEXT).find(|row: &[&str; 4]| row[0] == suffix)?;
    Some(listed[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_table() {
        table::check::<4>(TEXT);
        assert_eq!(CDNS.len(), table::rows::<4>(TEXT).count());
        for (suffix, _) in CDNS.iter() {
            assert_eq!(suffix, suffix.to_ascii_lowercase());
        }
    }

    #[test]
    fn test_longest_suffix_names_the_operator() {
        assert_eq!(cdn_of_name("e1.a.akamaiedge.net."), Some("Akamai"));
        assert_eq!(
            cdn_of_name("tiktok.com.bytedance.akadns.net"),
            Some("Akamai GTM for ByteDance")
        );
        assert_eq!(cdn_of_name("notakamai.net"), None);
    }
}
