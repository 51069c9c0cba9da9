//! Certificates with any issuer, names and dates. Keys are made anew each time (ECDSA P-256).

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A server's certificate in the making. Crafted captures begin on 2026-03-14.
#[derive(Clone, Debug)]
pub struct Cert {
    names: Vec<String>,
    common_name: String,
    issuer: (String, String),
    self_signed: bool,
    intermediate: bool,
    from: (i32, u8, u8),
    to: (i32, u8, u8),
    pad: usize,
}

impl Cert {
    /// As a public CA issues it: for `name`, valid, with an intermediate certificate (names of DigiCert).
    pub fn public(name: &str) -> Self {
        Self {
            names: vec![name.to_owned()],
            common_name: name.to_owned(),
            issuer: (
                "DigiCert TLS RSA SHA256 2020 CA1".to_owned(),
                "DigiCert Inc".to_owned(),
            ),
            self_signed: false,
            intermediate: true,
            from: (2025, 12, 1),
            to: (2026, 12, 1),
            pad: 0,
        }
    }

    /// As an intercepting box makes it: for `name`, issued by `common_name` of `organisation`, leaf only.
    pub fn issued_by(name: &str, common_name: &str, organisation: &str) -> Self {
        Self {
            issuer: (common_name.to_owned(), organisation.to_owned()),
            intermediate: false,
            ..Self::public(name)
        }
    }

    /// Signed by itself, issuer and subject the same.
    pub fn self_signed(name: &str) -> Self {
        Self {
            self_signed: true,
            intermediate: false,
            ..Self::public(name)
        }
    }

    /// Subject alternative names instead of the one given.
    #[must_use]
    pub fn names(mut self, names: &[&str]) -> Self {
        self.names = names.iter().map(|n| (*n).to_owned()).collect();
        self
    }

    /// Validity, as (year, month, day).
    #[must_use]
    pub fn valid(mut self, from: (i32, u8, u8), to: (i32, u8, u8)) -> Self {
        (self.from, self.to) = (from, to);
        self
    }

    /// Expired six weeks before the capture.
    #[must_use]
    pub fn expired(self) -> Self {
        self.valid((2025, 2, 1), (2026, 2, 1))
    }

    /// Valid from eleven weeks after the capture.
    #[must_use]
    pub fn not_yet_valid(self) -> Self {
        self.valid((2026, 6, 1), (2027, 6, 1))
    }

    /// Makes the leaf `bytes` bigger.
    #[must_use]
    pub fn pad(mut self, bytes: usize) -> Self {
        self.pad = bytes;
        self
    }

    /// Sends the intermediate certificate or not.
    #[must_use]
    pub fn intermediate(mut self, sent: bool) -> Self {
        self.intermediate = sent;
        self
    }

    /// The chain as sent, and the leaf's key.
    pub(crate) fn build(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(self.names.clone()).unwrap();
        leaf.distinguished_name = distinguished(&self.common_name, "TikTok Pte. Ltd.");
        let ((y1, m1, d1), (y2, m2, d2)) = (self.from, self.to);
        (leaf.not_before, leaf.not_after) = (date_time_ymd(y1, m1, d1), date_time_ymd(y2, m2, d2));
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.use_authority_key_identifier_extension = !self.self_signed;
        if self.pad > 0 {
            leaf.custom_extensions.push(filler(self.pad));
        }
        let der = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        if self.self_signed {
            return (vec![leaf.self_signed(&key).unwrap().der().clone()], der);
        }
        let ca_key = KeyPair::generate().unwrap();
        let ca = authority(&self.issuer.0, &self.issuer.1);
        let root_key = KeyPair::generate().unwrap();
        let root = authority("DigiCert Global Root G2", "DigiCert Inc");
        let intermediate = ca.signed_by(&ca_key, &Issuer::new(root, root_key)).unwrap();
        let leaf = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
        let mut chain = vec![leaf.der().clone()];
        if self.intermediate {
            chain.push(intermediate.der().clone());
        }
        (chain, der)
    }
}

fn distinguished(common_name: &str, organisation: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    let country = DnValue::PrintableString("US".try_into().unwrap());
    name.push(DnType::CountryName, country);
    name.push(DnType::OrganizationName, organisation);
    name.push(DnType::CommonName, common_name);
    name
}

fn authority(common_name: &str, organisation: &str) -> CertificateParams {
    let mut ca = CertificateParams::new(Vec::<String>::new()).unwrap();
    ca.distinguished_name = distinguished(common_name, organisation);
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.not_before = date_time_ymd(2021, 4, 14);
    ca.not_after = date_time_ymd(2031, 4, 13);
    ca
}

/// An extension nobody knows, holding an octet string of `n` bytes.
fn filler(n: usize) -> CustomExtension {
    let mut content = vec![0x04, 0x82];
    content.extend((n as u16).to_be_bytes());
    content.resize(n + 4, 0x5a);
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999, 1], content)
}
