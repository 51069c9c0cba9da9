//! Who issued the certificate that a client was shown, in a word: what comparing two captures needs of it.

use super::clean::clean;
use super::{Authority, Certificate};
use crate::fact::tls::CertificateChain;

/// The leaf's issuer and what kind of authority the chain names. `None` where the leaf could not be parsed.
pub(super) fn shown(chain: &CertificateChain) -> Option<Certificate> {
    let leaf = chain.certificates.first()?;
    let listed = || chain.certificates.iter().filter_map(|c| c.product());
    let product = listed().find(|p| p.strong).or_else(|| listed().next());
    let public = !leaf.self_signed && chain.certificates.iter().any(|c| c.names_public_ca());
    // A common word that a product is known by is no sign where a public authority is named as well.
    let product = product.filter(|p| p.strong || !public);
    let authority = match product {
        Some(_) => Authority::Interceptor,
        None if public => Authority::Public,
        None if leaf.self_signed => Authority::SelfSigned,
        None => Authority::Unknown,
    };
    Some(Certificate {
        issuer: clean(&leaf.issuer),
        authority,
        product: product.map(|p| p.product.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::tls;

    fn chain(kind: &str, value: &str, self_signed: bool) -> CertificateChain {
        CertificateChain {
            certificates: [tls::Certificate {
                issuer: format!("{kind}={value}"),
                issuer_attributes: vec![(kind.to_owned(), value.to_owned())],
                self_signed,
                ..tls::Certificate::default()
            }]
            .into(),
            ..CertificateChain::default()
        }
    }

    fn authority(kind: &str, value: &str, self_signed: bool) -> Authority {
        let shown = shown(&chain(kind, value, self_signed));
        shown.expect("it has a leaf").authority
    }

    #[test]
    fn authorities_are_told_apart() {
        assert_eq!(
            authority("O", "Zscaler Inc.", false),
            Authority::Interceptor
        );
        assert_eq!(authority("O", "DigiCert Inc", false), Authority::Public);
        assert_eq!(authority("O", "Example Works", true), Authority::SelfSigned);
        assert_eq!(authority("O", "Example Works", false), Authority::Unknown);
        assert_eq!(shown(&CertificateChain::default()), None);
    }

    #[test]
    fn the_issuer_is_untrusted_text() {
        let shown = shown(&chain("O", "a\x1b[2J\u{202e}b", false)).expect("it has a leaf");
        assert!(!shown.issuer.contains(['\x1b', '\u{202e}']));
    }
}
