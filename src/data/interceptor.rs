//! Who signs server certificates: products that intercept TLS (`data/interceptors.tsv`) and public certification
//! authorities (`data/public-cas.tsv`), both by the names in a certificate's issuer.
//!
//! Names in a certificate are claims. A product's own name says that someone wants to be seen as that product; a public
//! CA's name says nothing until the signature is checked, which a capture seldom allows.

use std::sync::LazyLock;

use super::table;

const PRODUCTS: &str = include_str!("../../data/interceptors.tsv");
const PUBLIC: &str = include_str!("../../data/public-cas.tsv");

/// No more of an attribute than this is looked at; X.520 allows 64 characters.
const MAX_VALUE: usize = 1024;

static INTERCEPTORS: LazyLock<Vec<Interceptor>> =
    LazyLock::new(|| table::rows(PRODUCTS).filter_map(interceptor_row).collect());

/// A product that intercepts TLS, with the name that gives it away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interceptor {
    /// Product or vendor.
    pub product: &'static str,
    /// What sort: `corporate-proxy`, `school-filter`, `parental`, `antivirus`, `debug-proxy`, `state-CA`,
    /// `malware-like` or `test`.
    pub kind: &'static str,
    /// True if the pattern is the product's own name; false if it is uncertain or a common word.
    pub strong: bool,
    /// Where the row comes from.
    pub source: &'static str,
    field: &'static str,
    how: How,
    pattern: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum How {
    Prefix,
    Contains,
    Full,
}

/// The first listed product whose pattern one of the issuer's attributes matches; strong rows come before weak ones.
/// Attributes are (kind, value) with the kinds `CN`, `O` and `OU`; others are skipped. Ask with the issuer of the leaf
/// (and of the CA certificates sent), never with a subject. Of a value the first 1024 bytes count.
#[must_use]
pub fn interceptor<K: AsRef<str>, V: AsRef<str>>(
    issuer: &[(K, V)],
) -> Option<&'static Interceptor> {
    let fits = |i: &Interceptor| {
        issuer
            .iter()
            .any(|(k, v)| i.matches(k.as_ref(), v.as_ref()))
    };
    let find = |strong| INTERCEPTORS.iter().find(|i| i.strong == strong && fits(i));
    find(true).or_else(|| find(false))
}

/// True if an issuer attribute begins with the name of a well-known public certification authority. Ask
/// [`interceptor`] first: some companies are both.
#[must_use]
pub fn is_public_ca<K: AsRef<str>, V: AsRef<str>>(issuer: &[(K, V)]) -> bool {
    table::rows(PUBLIC).any(|[field, pattern]: [&str; 2]| {
        issuer
            .iter()
            .any(|(k, v)| k.as_ref() == field && begins_with_words(v.as_ref(), pattern))
    })
}

impl Interceptor {
    fn matches(&self, kind: &str, value: &str) -> bool {
        let field_fits = match self.field {
            "any" => matches!(kind, "CN" | "O" | "OU"),
            field => field == kind,
        };
        field_fits
            && match self.how {
                How::Prefix => begins_with(value, self.pattern),
                How::Contains => contains(value, self.pattern),
                How::Full => value.eq_ignore_ascii_case(self.pattern),
            }
    }
}

fn begins_with(value: &str, pattern: &str) -> bool {
    value
        .as_bytes()
        .get(..pattern.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(pattern.as_bytes()))
}

fn begins_with_words(value: &str, pattern: &str) -> bool {
    let next = value.as_bytes().get(pattern.len());
    begins_with(value, pattern) && !next.is_some_and(u8::is_ascii_alphanumeric)
}

fn contains(value: &str, pattern: &str) -> bool {
    let value = value.as_bytes();
    value
        .get(..MAX_VALUE)
        .unwrap_or(value)
        .windows(pattern.len().max(1))
        .any(|window| window.eq_ignore_ascii_case(pattern.as_bytes()))
}

fn interceptor_row(row: [&'static str; 7]) -> Option<Interceptor> {
    let [product, field, how, pattern, kind, weight, source] = row;
    Some(Interceptor {
        product,
        kind,
        strong: match weight {
            "strong" => true,
            "weak" => false,
            _ => return None,
        },
        source,
        field,
        how: match how {
            "prefix" => How::Prefix,
            "contains" => How::Contains,
            "full" => How::Full,
            _ => return None,
        },
        pattern,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(issuer: &[(&str, &str)]) -> Option<&'static str> {
        interceptor(issuer).map(|i| i.product)
    }

    #[test]
    fn test_tables() {
        table::check::<7>(PRODUCTS);
        table::check::<2>(PUBLIC);
        assert_eq!(INTERCEPTORS.len(), table::rows::<7>(PRODUCTS).count());
        for i in INTERCEPTORS.iter() {
            assert!(["any", "CN", "O", "OU"].contains(&i.field), "{i:?}");
            assert!(i.pattern.len() >= 5, "too short to mean anything: {i:?}");
        }
        for [field, pattern] in table::rows::<2>(PUBLIC) {
            assert!(["CN", "O"].contains(&field), "{pattern}");
        }
    }

    #[test]
    fn test_products() {
        let zscaler = [("C", "US"), ("O", "ZSCALER INC."), ("CN", "x")];
        assert_eq!(product(&zscaler), Some("Zscaler"));
        assert_eq!(product(&[("CN", "mitmproxy")]), Some("mitmproxy"));
        assert_eq!(product(&[("CN", "my mitmproxy")]), None);
        let state = [("CN", "Russian Trusted Sub CA")];
        assert_eq!(product(&state), Some("Russian state CA"));
        // The pattern is for O: a CN does not match it.
        assert_eq!(product(&[("CN", "XK72 Ltd")]), None);
        assert_eq!(product(&[("L", "Fiddler"), ("OU", "x")]), None);
        assert!(!interceptor(&[("OU", "Created by FIDDLER")]).unwrap().strong);
        assert_eq!(product(&[]), None);
    }

    #[test]
    fn test_public_cas() {
        for value in [
            "DigiCert Inc",
            "DigiCert, Inc.",
            "Let's Encrypt",
            "Google Trust Services LLC",
            "GlobalSign nv-sa",
            "sectigo limited",
        ] {
            assert!(is_public_ca(&[("CN", "R3"), ("O", value)]), "{value}");
        }
        assert!(is_public_ca(&[("CN", "RapidSSL TLS RSA CA G1")]));
        assert!(!is_public_ca(&[("O", "DigiCertified Fakes")]));
        assert!(!is_public_ca(&[("CN", "DigiCert Inc")]));
        assert!(!is_public_ca(&[("O", "Fortinet")]));
        assert!(!is_public_ca::<&str, &str>(&[]));
    }

    #[test]
    fn test_no_ca_is_taken_for_an_interceptor() {
        for [field, pattern] in table::rows::<2>(PUBLIC) {
            assert_eq!(product(&[(field, pattern)]), None, "{pattern}");
        }
    }

    #[test]
    fn test_odd_text_does_not_panic() {
        let long = "é".repeat(MAX_VALUE);
        for value in ["", "é", "日本語", "Zscaler Inc", "\u{0}\u{1}", &long] {
            assert_eq!(product(&[("O", value), ("OU", value)]), None);
            assert!(!is_public_ca(&[("O", value)]));
        }
    }
}
