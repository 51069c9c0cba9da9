//! Certificates of TLS 1.2 and below (RFC 5280), read by x509-parser from what tls-parser cuts out.
//!
//! Caps: 8 certificates, 100 names each, 16 issuer attributes, 256 bytes of every text.

use super::text::lossless;
use crate::fact::tls::{Certificate, CertificateChain, Listed};
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use tls_parser::{TlsMessage, TlsMessageHandshake, parse_tls_message_handshake};
use x509_parser::prelude::{
    AttributeTypeAndValue, FromDer, GeneralName, X509Certificate, X509Name,
};

const MAX_CHAIN: usize = 8;
const MAX_NAMES: usize = 100;
const MAX_ATTRIBUTES: usize = 16;
const MAX_TEXT: usize = 256;
/// ASN.1 universal tag of BMPString, two bytes a character.
const TAG_BMP_STRING: u32 = 30;

/// One whole Certificate message with its 4-byte header (RFC 5246 section 7.4.2). `mark` is left for the caller.
/// `None` where the message itself is malformed.
pub(super) fn parse_chain(message: &[u8]) -> Option<CertificateChain> {
    let Ok((_, TlsMessage::Handshake(TlsMessageHandshake::Certificate(contents)))) =
        parse_tls_message_handshake(message)
    else {
        return None;
    };
    let raw = contents.cert_chain.iter().take(MAX_CHAIN);
    Some(CertificateChain {
        sent: u16::try_from(contents.cert_chain.len()).unwrap_or(u16::MAX),
        certificates: raw.map_while(|raw| parse(raw.data)).collect(),
        ..CertificateChain::default()
    })
}

fn parse(der: &[u8]) -> Option<Certificate> {
    let (_, x509) = X509Certificate::from_der(der).ok()?;
    let validity = x509.validity();
    Some(Certificate {
        subject: one_line(x509.subject()),
        issuer: one_line(x509.issuer()),
        issuer_attributes: issuer_attributes(x509.issuer()),
        names: names(&x509),
        not_before: validity.not_before.timestamp(),
        not_after: validity.not_after.timestamp(),
        self_signed: x509.subject().as_raw() == x509.issuer().as_raw(),
        is_ca: x509.is_ca(),
        listed: Listed::default(),
    })
}

/// RFC 4514: most specific attribute first, special characters escaped.
fn one_line(name: &X509Name<'_>) -> String {
    let attributes: Vec<_> = name.iter_attributes().take(MAX_ATTRIBUTES).collect();
    let mut line = String::new();
    for attribute in attributes.into_iter().rev() {
        let comma = if line.is_empty() { "" } else { ", " };
        let _ = write!(line, "{comma}{}=", kind(attribute));
        for c in value(attribute).chars() {
            if matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
                line.push('\\');
            }
            line.push(c);
        }
    }
    line
}

fn issuer_attributes(name: &X509Name<'_>) -> Vec<(String, String)> {
    name.iter_attributes()
        .map(|attribute| (kind(attribute), attribute))
        .filter(|(kind, _)| matches!(kind.as_str(), "CN" | "O" | "OU"))
        .take(MAX_ATTRIBUTES)
        .map(|(kind, attribute)| (kind, value(attribute)))
        .collect()
}

/// Short name of an attribute type (RFC 4514 section 3), dotted decimal where it has none.
fn kind(attribute: &AttributeTypeAndValue<'_>) -> String {
    let id = attribute.attr_type().to_id_string();
    let short = match id.as_str() {
        "2.5.4.3" => "CN",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        _ => return id,
    };
    short.to_owned()
}

fn value(attribute: &AttributeTypeAndValue<'_>) -> String {
    let bytes = attribute.as_slice();
    if attribute.attr_value().header.tag().0 == TAG_BMP_STRING {
        let units = bytes.as_chunks::<2>().0.iter().take(MAX_TEXT / 2);
        let units: Vec<u16> = units.map(|pair| u16::from_be_bytes(*pair)).collect();
        return String::from_utf16_lossy(&units);
    }
    lossless(bytes, MAX_TEXT)
}

/// subjectAltName; the common names where it is absent (RFC 9525 drops them, old clients did not).
fn names(x509: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternative)) = x509.subject_alternative_name() else {
        let common = x509.subject().iter_common_name();
        return common.take(MAX_NAMES).map(value).collect();
    };
    let names = alternative.value.general_names.iter();
    names.filter_map(general_name).take(MAX_NAMES).collect()
}

fn general_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => {
            Some(lossless(name.as_bytes(), MAX_TEXT).to_ascii_lowercase())
        }
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => Some(Ipv4Addr::from(*bytes.first_chunk::<4>()?).to_string()),
            16 => Some(Ipv6Addr::from(*bytes.first_chunk::<16>()?).to_string()),
            _ => None,
        },
        _ => None,
    }
}
