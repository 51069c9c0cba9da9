//! Patterns of HTTP block pages (`data/blockpages.tsv`), for responses that can be read: plain HTTP, or decrypted.

use std::sync::LazyLock;

use super::table;

const TEXT: &str = include_str!("../../data/blockpages.tsv");

/// No more of a text than this is searched.
const MAX_TEXT: usize = 16 * 1024;

static PAGES: LazyLock<Vec<(How, BlockPage)>> =
    LazyLock::new(|| table::rows(TEXT).filter_map(parse).collect());

/// A pattern of a known block page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockPage {
    /// Which part of the response it is for.
    pub part: Part,
    /// The text that was found.
    pub pattern: &'static str,
    /// Who blocks: `national`, `isp`, `institution` or `product`.
    pub scope: &'static str,
    /// Countries it was seen in, ISO 3166 codes separated by commas.
    pub countries: Option<&'static str>,
    /// How sure the source is that it has no false positives, 0 to 10.
    pub confidence: u8,
    /// Where the row comes from.
    pub source: &'static str,
}

/// A part of an HTTP response.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Part {
    /// Value of the `Location` field.
    Location,
    /// Value of the `Server` field.
    Server,
    /// Value of the `Via` field.
    Via,
    /// The content. Only its first 16 KiB are searched.
    Body,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum How {
    Prefix,
    Contains,
    Full,
}

/// The known block page that `text`, this part of a response, gives away. Bytes as on the wire, case-sensitive; of
/// several matches the surest, then the first listed.
#[must_use]
pub fn blockpage(part: Part, text: &[u8]) -> Option<&'static BlockPage> {
    let text = text.get(..MAX_TEXT).unwrap_or(text);
    let mut best: Option<&'static BlockPage> = None;
    for (how, page) in PAGES.iter().filter(|(_, page)| page.part == part) {
        let better = best.is_none_or(|b| b.confidence < page.confidence);
        if better && how.fits(text, page.pattern.as_bytes()) {
            best = Some(page);
        }
    }
    best
}

impl How {
    fn fits(self, text: &[u8], pattern: &[u8]) -> bool {
        match self {
            Self::Prefix => text.starts_with(pattern),
            Self::Full => text == pattern,
            Self::Contains => text.windows(pattern.len().max(1)).any(|w| w == pattern),
        }
    }
}

fn parse(row: [&'static str; 7]) -> Option<(How, BlockPage)> {
    let [part, how, pattern, scope, countries, confidence, source] = row;
    let how = match how {
        "prefix" => How::Prefix,
        "contains" => How::Contains,
        "full" => How::Full,
        _ => return None,
    };
    let page = BlockPage {
        part: match part {
            "header.location" => Part::Location,
            "header.server" => Part::Server,
            "header.via" => Part::Via,
            "body" => Part::Body,
            _ => return None,
        },
        pattern,
        scope,
        countries: table::optional(countries),
        confidence: confidence.parse().ok()?,
        source,
    };
    Some((how, page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_table() {
        table::check::<7>(TEXT);
        assert_eq!(PAGES.len(), table::rows::<7>(TEXT).count());
        let scopes = ["national", "isp", "institution", "product"];
        let mut seen = std::collections::HashSet::new();
        for (_, page) in PAGES.iter() {
            assert!(scopes.contains(&page.scope), "{page:?}");
            assert!(page.confidence <= 10, "{page:?}");
            assert!(seen.insert((page.part, page.pattern)), "twice: {page:?}");
        }
    }

    #[test]
    fn test_parts_and_ways_to_match() {
        let page = blockpage(Part::Location, b"http://internet-positif.org/?x").unwrap();
        assert_eq!((page.scope, page.countries), ("national", Some("ID")));
        assert!(blockpage(Part::Body, b"<p>Powered By FortiGuard</p>").is_some());
        assert!(blockpage(Part::Server, b"Barracuda/NGFirewall").is_some());
        assert_eq!(blockpage(Part::Server, b"Barracuda/NGFirewall 2"), None);
        assert_eq!(blockpage(Part::Via, b"Barracuda/NGFirewall"), None);
        for part in [Part::Location, Part::Server, Part::Via, Part::Body] {
            assert_eq!(blockpage(part, b""), None);
            assert_eq!(blockpage(part, b"https://www.example.com/\xff\xfe"), None);
        }
    }

    #[test]
    fn test_only_the_first_part_of_a_body_is_searched() {
        let mut body = vec![b' '; MAX_TEXT];
        body.extend_from_slice(b"Powered By FortiGuard");
        assert_eq!(blockpage(Part::Body, &body), None);
    }
}
