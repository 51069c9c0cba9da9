//! Certificates of TLS 1.2 and below, rewritten within their DER encoding (ITU-T X.690): every tag and length stays.
//!
//! A certificate for the target by a public authority is public knowledge and stays whole. In any other, of the
//! names those of the target stay, and what tells an interceptor or an authority of the tables, without the numbers
//! in it; validity and object identifiers stay. Keys, serial numbers, signatures and all other text are replaced, the same
//! text by the same, so a self-signed certificate stays one.

use super::address::Addresses;
use super::names::Names;
use super::secret::Secret;
use crate::data;
use crate::types::Addr;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// Nesting of one certificate; honest ones have about ten levels.
const MAX_DEPTH: u8 = 24;

/// What replaces.
pub(super) struct Tools<'a> {
    pub(super) names: &'a Names,
    pub(super) secret: &'a Secret,
    pub(super) addresses: &'a mut Addresses,
}

/// One element: where its content lies.
struct Element {
    tag: u8,
    content: std::ops::Range<usize>,
}

/// Rewrites one certificate in its place.
pub(super) fn redact(der: &mut [u8], tools: &mut Tools<'_>) {
    if is_public(der, tools.names) {
        return;
    }
    let original = der.to_vec();
    der.fill(0);
    let mut walk = Walk {
        der: &original,
        told: authorities(&original),
        tools,
    };
    walk.elements(0..original.len(), der, 0);
}

/// Where names stand by which authorities and interceptors are told: the issuer's, and the subject's where it is an
/// authority itself or the same name. Everywhere where this is no certificate but a list of authorities.
fn authorities(der: &[u8]) -> Vec<std::ops::Range<usize>> {
    let Ok((_, x509)) = X509Certificate::from_der(der) else {
        return std::iter::once(0..der.len()).collect();
    };
    let place = |raw: &[u8]| {
        let start = (raw.as_ptr() as usize).saturating_sub(der.as_ptr() as usize);
        start..start + raw.len()
    };
    let (issuer, subject) = (x509.issuer().as_raw(), x509.subject().as_raw());
    let mut told = vec![place(issuer)];
    if x509.is_ca() || issuer == subject {
        told.push(place(subject));
    }
    told
}

/// One certificate on its way.
struct Walk<'a, 'b> {
    der: &'a [u8],
    told: Vec<std::ops::Range<usize>>,
    tools: &'a mut Tools<'b>,
}

/// Issued for the target by an authority of the table.
fn is_public(der: &[u8], names: &Names) -> bool {
    let Ok((_, x509)) = X509Certificate::from_der(der) else {
        return false;
    };
    let of_target = |name: &GeneralName<'_>| {
        matches!(name, GeneralName::DNSName(name)
            if names.is_target(name.strip_prefix("*.").unwrap_or(name)))
    };
    let alternative = x509.subject_alternative_name().ok().flatten();
    let all = alternative.is_some_and(|list| list.value.general_names.iter().all(of_target));
    let issuer: Vec<(&str, String)> = x509
        .issuer()
        .iter_attributes()
        .filter_map(|a| {
            let kind = kind(a.attr_type().as_bytes())?;
            Some((kind, String::from_utf8_lossy(a.as_slice()).into_owned()))
        })
        .collect();
    all && data::is_public_ca(&issuer) && data::interceptor(&issuer).is_none()
}

fn kind(oid: &[u8]) -> Option<&'static str> {
    match oid {
        [0x55, 4, 3] => Some("CN"),
        [0x55, 4, 10] => Some("O"),
        [0x55, 4, 11] => Some("OU"),
        [0x55, 4, 6] => Some("C"),
        _ => None,
    }
}

/// The element at the start of `range`.
fn element(der: &[u8], range: &std::ops::Range<usize>) -> Option<Element> {
    let bytes = der.get(range.clone())?;
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if tag & 0x1f == 0x1f {
        return None; // long tags have no place in certificates
    }
    let (length, head) = match first {
        0..=0x7f => (usize::from(first), 2),
        0x81..=0x84 => {
            let count = usize::from(first & 0x7f);
            let length = rest.get(..count)?;
            let length = length.iter().fold(0_usize, |n, b| n << 8 | usize::from(*b));
            (length, 2 + count)
        }
        _ => return None,
    };
    let start = range.start + head;
    let end = start.checked_add(length)?;
    (end <= range.end).then_some(Element {
        tag,
        content: start..end,
    })
}

/// The range holds whole elements and nothing else.
fn is_der(der: &[u8], range: std::ops::Range<usize>) -> bool {
    let mut rest = range;
    while rest.start < rest.end {
        let known = der.get(rest.start).is_some_and(|tag| {
            matches!(tag, 1..=6 | 10 | 12 | 19 | 20 | 22..=24 | 28 | 30 | 0x30 | 0x31)
                || tag & 0xc0 == 0x80
        });
        match element(der, &rest).filter(|_| known) {
            Some(element) => rest.start = element.content.end,
            None => return false,
        }
    }
    true
}

impl Walk<'_, '_> {
    fn elements(&mut self, range: std::ops::Range<usize>, out: &mut [u8], depth: u8) {
        let der = self.der;
        let mut rest = range;
        let mut attribute = None;
        while let Some(element) = element(der, &rest).filter(|_| depth < MAX_DEPTH) {
            let content = element.content.clone();
            out[rest.start..content.start].copy_from_slice(&der[rest.start..content.start]);
            if element.tag & 0x20 != 0 {
                self.elements(content.clone(), out, depth + 1);
            } else if matches!(element.tag, 3 | 4) {
                self.wrapped(&element, out, depth);
            } else {
                let told = |place: &std::ops::Range<usize>| place.contains(&content.start);
                let attribute = attribute.filter(|_| self.told.iter().any(told));
                let new = primitive(element.tag, &der[content.clone()], attribute, self.tools);
                out[content.clone()].copy_from_slice(&new);
            }
            attribute = (element.tag == 6)
                .then(|| kind(&der[content.clone()]))
                .flatten();
            rest.start = content.end;
        }
    }

    /// BIT STRING and OCTET STRING, which often hold DER themselves.
    fn wrapped(&mut self, element: &Element, out: &mut [u8], depth: u8) {
        let der = self.der;
        let mut content = element.content.clone();
        if element.tag == 3 && !content.is_empty() {
            out[content.start] = der[content.start];
            content.start += 1;
        }
        if content.len() > 1 && is_der(der, content.clone()) {
            return self.elements(content, out, depth + 1);
        }
        if element.tag == 4 {
            return timestamps(&der[content.clone()], &mut out[content]);
        }
        if element.tag == 3 && content.len() <= 4 {
            out[content.clone()].copy_from_slice(&der[content]);
        } else if element.tag == 3 {
            // The first byte of a point says how it is written.
            out[content.start] = der[content.start];
            let noise = self.tools.secret.noise("key", &der[content.clone()]);
            out[content.start + 1..content.end].copy_from_slice(&noise[1..]);
        }
    }
}

/// A list of Signed Certificate Timestamps (RFC 6962 section 3.3), which are unique to a certificate: lengths and kinds
/// of algorithms. Anything else stays zeros.
fn timestamps(list: &[u8], out: &mut [u8]) {
    let be16 = |at: usize| {
        let pair = list.get(at..)?.first_chunk()?;
        Some(usize::from(u16::from_be_bytes(*pair)))
    };
    if be16(0).is_none_or(|length| length + 2 != list.len()) {
        return;
    }
    let mut keep = |at: usize, length: usize| {
        if let Some(kept) = list.get(at..at + length) {
            out[at..at + length].copy_from_slice(kept);
        }
    };
    keep(0, 2);
    let mut at = 2;
    while let Some(length) = be16(at) {
        keep(at, 2);
        let Some(extensions) = be16(at + 43) else {
            return;
        };
        keep(at + 43, 2);
        keep(at + 45 + extensions, 4);
        at += 2 + length;
    }
}

/// As many bytes as `content`.
fn primitive(
    tag: u8,
    content: &[u8],
    attribute: Option<&'static str>,
    tools: &mut Tools<'_>,
) -> Vec<u8> {
    match tag {
        1 | 5 | 6 | 10 | 23 | 24 => content.to_vec(),
        2 if content.len() <= 4 => content.to_vec(),
        2 => {
            let mut noise = tools.secret.noise("number", content);
            noise[..2].copy_from_slice(&content[..2]);
            noise
        }
        12 | 19 | 20 | 22 | 28 => text(content, attribute, tools),
        30 => [0, b'x'].into_iter().cycle().take(content.len()).collect(),
        0x82 => tools.names.text(content),
        0x87 => address(content, tools.addresses),
        0x81 | 0x86 => letters(content, tools.secret),
        _ => vec![0; content.len()],
    }
}

fn address(content: &[u8], addresses: &mut Addresses) -> Vec<u8> {
    if let Ok(v4) = <[u8; 4]>::try_from(content) {
        return addresses.map(Addr::v4(v4)).0.to_be_bytes()[12..].to_vec();
    }
    match <[u8; 16]>::try_from(content) {
        Ok(v6) => addresses.map(Addr::v6(v6)).0.to_be_bytes().to_vec(),
        Err(_) => vec![0; content.len()],
    }
}

/// The value of a name's attribute.
fn text(content: &[u8], attribute: Option<&'static str>, tools: &Tools<'_>) -> Vec<u8> {
    let kind = attribute.unwrap_or_default();
    if content.len() == 2 && content.iter().all(u8::is_ascii_uppercase) {
        return content.to_vec(); // a country
    }
    let value = String::from_utf8_lossy(content).into_owned();
    let tells = |value: &str| {
        let named = [(kind, value)];
        let product = data::interceptor(&named).map(|i| i.product);
        (product, data::is_public_ca(&named))
    };
    let before = tells(&value);
    if before != (None, false) {
        let bare = without_numbers(content, tools.secret);
        let after = tells(&String::from_utf8_lossy(&bare));
        return if after == before {
            bare
        } else {
            content.to_vec()
        };
    }
    let host = content.contains(&b'.') && !content.contains(&b' ');
    if host || tools.names.is_target(&value) {
        return tools.names.text(content);
    }
    letters(content, tools.secret)
}

/// Words with two digits or more are serial numbers.
fn without_numbers(content: &[u8], secret: &Secret) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len());
    for word in content.split_inclusive(|b| !b.is_ascii_alphanumeric()) {
        let digits = word.iter().filter(|b| b.is_ascii_digit()).count();
        if digits >= 2 {
            out.extend(letters(word, secret));
        } else {
            out.extend_from_slice(word);
        }
    }
    out
}

/// Other letters and digits in the same places.
pub(super) fn letters(content: &[u8], secret: &Secret) -> Vec<u8> {
    let noise = secret.noise("text", content);
    let one = |(byte, noise): (&u8, u8)| match byte {
        b'0'..=b'9' => b'0' + noise % 10,
        b'A'..=b'Z' => b'A' + noise % 26,
        b'a'..=b'z' => b'a' + noise % 26,
        0x20..=0x7e => *byte,
        _ => b'x',
    };
    content.iter().zip(noise).map(one).collect()
}
