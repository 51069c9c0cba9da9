//! Pseudonyms of names: as long as the name, label for label.
//!
//! A label becomes letters that hang on it and on all labels behind it, so names below one parent stay below one
//! pseudonym. What stays: names of the target; below other names the part that the tables know (resolvers, block pages,
//! portal probes, the public names of ECH, a CDN's own suffix); the last label where it is a common top-level domain;
//! `_service` labels; and a target name with a search domain behind it, of which only the search domain goes.
//!
//! Reverse names (`in-addr.arpa`, `ip6.arpa`) never stay, whatever the target: they are addresses.
//!
//! Labels of one or two characters are moved within all labels of that length below the same parent, so that no two
//! fall together; longer ones fall together as seldom as chance has it.

use super::secret::Secret;
use crate::data;
use crate::observe::tls::hello::is_ech_public_name;
use crate::target::Target;
use crate::types::Addr;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Last labels that tell nothing about anybody; all of two letters are countries'.
const COMMON: [&str; 30] = [
    "com",
    "net",
    "org",
    "edu",
    "gov",
    "mil",
    "int",
    "arpa",
    "info",
    "biz",
    "app",
    "dev",
    "cloud",
    "online",
    "site",
    "xyz",
    "live",
    "goog",
    "google",
    "amazon",
    "microsoft",
    "apple",
    "local",
    "lan",
    "home",
    "internal",
    "test",
    "example",
    "invalid",
    "localhost",
];
/// Labels with an underscore that name a service.
const SERVICES: [&str; 10] = [
    "_tcp", "_udp", "_http", "_https", "_dns", "_ldap", "_sip", "_dmarc", "_quic", "_ta",
];
/// Characters of short labels.
const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// Tries for a pseudonym that is nobody's name.
const TRIES: u8 = 16;

/// Gives names their pseudonyms.
#[derive(Debug)]
pub(super) struct Names {
    secret: Secret,
    target: Arc<Target>,
}

impl Names {
    pub(super) fn new(secret: &Secret, target: &Arc<Target>) -> Self {
        Self {
            secret: secret.clone(),
            target: Arc::clone(target),
        }
    }

    /// Is it a name of the target?
    pub(super) fn is_target(&self, name: &str) -> bool {
        self.target.matches_name(name).is_some()
    }

    /// Is it a name that the analysis follows beside the target's?
    pub(super) fn is_followed(&self, name: &str) -> bool {
        self.is_target(name) || data::resolver_of_name(name).is_some() || is_ech_public_name(name)
    }

    /// The pseudonym of a name in dotted form or of an address literal; as many bytes, whatever they are.
    pub(super) fn text(&self, name: &[u8]) -> Vec<u8> {
        if let Some(ip) = std::str::from_utf8(name).ok().and_then(literal) {
            return self.literal(name, ip);
        }
        let labels: Vec<&[u8]> = name.split(|b| *b == b'.').collect();
        let mut out = Vec::with_capacity(name.len());
        for (at, (label, new)) in labels.iter().zip(self.labels(&labels)).enumerate() {
            if at > 0 {
                out.push(b'.');
            }
            out.extend_from_slice(new.as_deref().unwrap_or(label));
        }
        out
    }

    /// For each label what it becomes; `None` where it stays.
    pub(super) fn labels(&self, labels: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
        let full = joined(labels);
        let reverse = full.ends_with(".in-addr.arpa") || full.ends_with(".ip6.arpa");
        if self.is_target(&full) && !reverse {
            return vec![None; labels.len()];
        }
        let count = labels.iter().filter(|label| !label.is_empty()).count();
        let prefix = (2..if reverse { 0 } else { count })
            .rev()
            .find(|n| self.is_target(&joined(&labels[..*n])))
            .unwrap_or(0);
        // An address in reverse: nobody's name but the address' owner's.
        let known = match reverse {
            true => labels.iter().rposition(|l| l.eq_ignore_ascii_case(b"arpa")),
            false => Some(self.known_from(labels)),
        };
        let known = known.unwrap_or(labels.len());
        let known = if reverse {
            known.saturating_sub(1)
        } else {
            known
        };
        (0..TRIES)
            .map(|round| self.changed(labels, prefix..known, round))
            .find(|new| reverse || !self.is_taken(labels, new))
            .unwrap_or_else(|| {
                let fill = |label: &&[u8]| Some(vec![b'x'; label.len()]);
                labels.iter().map(fill).collect()
            })
    }

    fn changed(
        &self,
        labels: &[&[u8]],
        range: std::ops::Range<usize>,
        round: u8,
    ) -> Vec<Option<Vec<u8>>> {
        let one = |at: usize| {
            let label = labels[at];
            let stays = !range.contains(&at) || label.is_empty() || label == b"*";
            if stays || is_service(label) {
                return None;
            }
            Some(self.label(label, &joined(&labels[at + 1..]), round))
        };
        (0..labels.len()).map(one).collect()
    }

    /// The pseudonym is a name of the target by chance.
    fn is_taken(&self, labels: &[&[u8]], new: &[Option<Vec<u8>>]) -> bool {
        let all: Vec<&[u8]> = labels
            .iter()
            .zip(new)
            .map(|(label, new)| new.as_deref().unwrap_or(label))
            .collect();
        new.iter().any(Option::is_some) && self.is_target(&joined(&all))
    }

    /// The first label from which on everything is known to all.
    fn known_from(&self, labels: &[&[u8]]) -> usize {
        let end = labels.len();
        let last = labels.iter().rposition(|label| !label.is_empty());
        let common = last.filter(|at| {
            let label = labels[*at].to_ascii_lowercase();
            let country = label.len() == 2 && label.iter().all(u8::is_ascii_alphabetic);
            country || COMMON.iter().any(|c| c.as_bytes() == label)
        });
        let from = (0..end)
            .rev()
            .find(|at| self.is_known(&joined(&labels[*at..])));
        let cdn = data::cdn_suffix(&joined(labels))
            .map(|suffix| suffix.split('.').count())
            .and_then(|count| last.map(|last| (last + 1).saturating_sub(count)));
        [from, common, cdn]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(end)
    }

    fn is_known(&self, name: &str) -> bool {
        if name.is_empty() {
            return false;
        }
        let resolver = || {
            // A row `*.example` knows any first label: that one is a customer's.
            let any = name
                .split_once('.')
                .map(|(_, rest)| format!("zzzzzzzz.{rest}"));
            let wild = any.is_some_and(|any| data::resolver_of_name(&any).is_some());
            data::resolver_of_name(name).is_some() && !wild
        };
        self.is_target(name)
            || is_ech_public_name(name)
            || data::sinkhole_name(name).is_some()
            || data::is_probe_host(name)
            || resolver()
    }

    fn label(&self, label: &[u8], parent: &str, round: u8) -> Vec<u8> {
        let lower = label.to_ascii_lowercase();
        if lower.len() <= 2 {
            return self.short(&lower, parent);
        }
        let context = [&[round], &lower[..], b".", parent.as_bytes()].concat();
        let mut out = vec![0; lower.len()];
        self.secret.fill("label", &context, &mut out);
        for byte in &mut out {
            *byte = LETTERS[usize::from(*byte) % 26];
        }
        if label[0] == b'_' {
            out[0] = b'_';
        }
        out
    }

    /// Moves a label of one or two characters round by an amount that hangs on the parent.
    fn short(&self, label: &[u8], parent: &str) -> Vec<u8> {
        let digits: Option<Vec<usize>> = label
            .iter()
            .map(|byte| LETTERS.iter().position(|letter| letter == byte))
            .collect();
        let shift = u32::from_be_bytes(self.secret.bytes("short", parent.as_bytes())) as usize;
        match digits.as_deref() {
            Some(&[one]) => vec![LETTERS[(one + shift) % 36]],
            Some(&[one, two]) => {
                let moved = (one * 36 + two + shift) % (36 * 36);
                vec![LETTERS[moved / 36], LETTERS[moved % 36]]
            }
            _ => vec![b'x'; label.len()],
        }
    }

    /// An address in text: other digits, as many. Those of the tables stay.
    fn literal(&self, text: &[u8], ip: IpAddr) -> Vec<u8> {
        let addr = Addr::from(ip);
        if data::resolver_of_addr(addr).is_some() || data::sinkhole(addr).is_some() {
            return text.to_vec();
        }
        let noise = self.secret.noise("literal", text);
        if let IpAddr::V4(ip) = ip {
            return decimal(text, ip, &noise);
        }
        let hex = |(byte, noise): (&u8, u8)| match byte {
            b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' => b"0123456789abcdef"[usize::from(noise & 15)],
            other => *other,
        };
        text.iter().zip(noise).map(hex).collect()
    }
}

/// Other numbers of as many digits, none over 255. What makes an address private, shared or local stays: a login page on
/// `192.168.1.1` is no page on the Internet, nor the reverse.
fn decimal(text: &[u8], ip: Ipv4Addr, noise: &[u8]) -> Vec<u8> {
    let [first, second, ..] = ip.octets();
    let kept = match (first, second) {
        (0 | 10 | 127, _) => 1,
        (192, 168) | (169, 254) | (172, 16..32) | (100, 64..128) | (198, 18 | 19) => 2,
        _ => 0,
    };
    let mut out = Vec::with_capacity(text.len());
    for (at, (octet, noise)) in text.split(|b| *b == b'.').zip(noise).enumerate() {
        if at > 0 {
            out.push(b'.');
        }
        if at < kept {
            out.extend_from_slice(octet);
            continue;
        }
        let number = match octet.len() {
            1 => noise % 10,
            2 => 10 + noise % 90,
            _ => 100 + noise % 156,
        };
        let number = if at == 0 { ordinary(number) } else { number };
        out.extend_from_slice(number.to_string().as_bytes());
    }
    out
}

/// A first number of which no special address begins; as many digits.
fn ordinary(number: u8) -> u8 {
    match number {
        0 | 10 | 100 | 127 | 169 | 172 | 192 | 198 => number + 1,
        224.. => number - 50,
        other => other,
    }
}

fn literal(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

fn is_service(label: &[u8]) -> bool {
    let known = SERVICES
        .iter()
        .any(|s| s.as_bytes().eq_ignore_ascii_case(label));
    let port = label.len() > 1 && label[0] == b'_' && label[1..].iter().all(u8::is_ascii_digit);
    known || port
}

/// Lower case, dotted, without a final dot; bytes that are no text become U+FFFD, which no table knows.
fn joined(labels: &[&[u8]]) -> String {
    let mut out = String::new();
    for label in labels.iter().filter(|label| !label.is_empty()) {
        if !out.is_empty() {
            out.push('.');
        }
        out.push_str(&String::from_utf8_lossy(label).to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new(&Secret::new(&[5; 32]), &Arc::new(Target::tiktok()))
    }

    fn text(name: &str) -> String {
        String::from_utf8(names().text(name.as_bytes())).unwrap()
    }

    #[test]
    fn names_keep_their_form_and_their_relations() {
        let new = text("mail.firma.example.com");
        assert_eq!(new.len(), "mail.firma.example.com".len());
        assert!(new.ends_with(".com") && !new.contains("firma") && !new.contains("example"));
        let other = text("MAIL.Firma.Example.COM.");
        assert_eq!(other.to_lowercase(), format!("{new}."));
        let sibling = text("ftp2.firma.example.com");
        assert_eq!(
            sibling.split_once('.').unwrap().1,
            new.split_once('.').unwrap().1
        );
        assert_ne!(text("a.example.com"), text("b.example.com"));
        assert_ne!(text("laptop"), "laptop");
    }

    #[test]
    fn what_the_rules_know_stays() {
        for name in [
            "www.tiktok.com",
            "dns.google",
            "cloudflare-ech.com",
            "connectivitycheck.gstatic.com",
            "www.tiktok.com.",
            "com",
            "1.1.1.1",
            "*",
        ] {
            assert_eq!(text(name), name);
        }
        let search = text("www.tiktok.com.firma.intern");
        assert!(
            search.starts_with("www.tiktok.com.") && !search.contains("firma"),
            "{search}"
        );
        let cdn = text("kunde77.edgekey.net");
        assert!(
            cdn.ends_with(".edgekey.net") && !cdn.contains("kunde"),
            "{cdn}"
        );
        let own = text("abc123.dns.nextdns.io");
        assert!(
            own.ends_with(".dns.nextdns.io") && !own.contains("abc123"),
            "{own}"
        );
        assert!(data::resolver_of_name(&own).is_some(), "{own}");
    }

    #[test]
    fn addresses_in_names_go() {
        let mut all = Target::everything();
        all.set_all(true);
        let names = Names::new(&Secret::new(&[5; 32]), &Arc::new(all));
        let new = names.text(b"201.77.155.84.in-addr.arpa");
        let new = String::from_utf8(new).unwrap();
        assert!(
            new.ends_with(".in-addr.arpa") && !new.contains("201"),
            "{new}"
        );
        let ip = text("84.155.77.201");
        assert!(
            ip.parse::<IpAddr>().is_ok() && ip != "84.155.77.201" && ip.len() == 13,
            "{ip}"
        );
        assert!(text("2a02:8109::1").parse::<IpAddr>().is_ok());
        for (old, begin) in [
            ("192.168.1.1", "192.168."),
            ("10.20.30.40", "10."),
            ("172.20.1.9", "172.20."),
        ] {
            let new = text(old);
            assert!(
                new.starts_with(begin) && new.len() == old.len(),
                "{old}: {new}"
            );
        }
        for first in 0..=255 {
            let Ok(IpAddr::V4(new)) = text(&format!("{first}.77.77.77")).parse() else {
                panic!("{first}: no address");
            };
            let special = |ip: Ipv4Addr| {
                ip.is_private() || ip.is_loopback() || ip.is_multicast() || ip.is_unspecified()
            };
            let old = Ipv4Addr::new(first, 77, 77, 77);
            assert!(
                special(new) == special(old) || old.is_multicast(),
                "{old}: {new}"
            );
        }
    }

    #[test]
    fn short_labels_never_fall_together() {
        let mut seen = std::collections::HashSet::new();
        for a in LETTERS {
            assert!(seen.insert(text(&format!("{}.example.com", char::from(*a)))));
            for b in LETTERS {
                let (a, b) = (char::from(*a), char::from(*b));
                assert!(seen.insert(text(&format!("{a}{b}.example.com"))));
            }
        }
    }
}
