//! Pseudonyms of addresses: prefix-preserving by Crypto-PAn (Xu, Fan, Ammar, Moon: "Prefix-preserving IP address
//! anonymization", ICNP 2002), within the class that the rules look at.
//!
//! Crypto-PAn turns bits over, each by what stands before it: two addresses share as many leading bits afterwards as
//! before. It knows no classes, so here:
//! - what is nobody's own address stays (loopback, multicast, resolvers of the tables, sinkholes, the target's servers);
//! - a private address stays within its private block, a CDN's within the CDN's prefix: only the bits behind the
//!   block's prefix are turned over;
//! - everything else moves over the whole space. Where a result is not of the class of its origin, or is one of those
//!   that stay, it is turned over again until it fits ("cycle walking"): so the mapping is one-to-one.
//!
//! Where two addresses take a different number of rounds their common prefix is lost, which happens only if one lands
//! in a block set aside and the other does not.

use super::secret::Secret;
use crate::data;
use crate::data::prefix::{Prefix, PrefixTable};
use crate::target::Target;
use crate::types::Addr;
use aes::Aes128;
use aes::cipher::{BlockEncrypt, KeyInit};
use std::collections::{HashMap, HashSet};

/// Addresses whose pseudonyms are remembered; more are computed again.
const MAX_CACHE: usize = 1 << 18;
/// Rounds after which an address is given up and becomes all zeros behind its class' prefix.
const MAX_ROUNDS: usize = 10_000;

/// Crypto-PAn over addresses written from the first bit of 128 on.
struct CryptoPan {
    cipher: Aes128,
    pad: u128,
}

impl CryptoPan {
    /// `key`: 16 bytes of AES key, 16 from which the pad is made.
    fn new(key: &[u8; 32]) -> Self {
        let (key, pad) = key.split_at(16);
        let mut block = aes::Block::default();
        block.copy_from_slice(pad);
        let cipher = Aes128::new(aes::cipher::generic_array::GenericArray::from_slice(key));
        cipher.encrypt_block(&mut block);
        let pad = u128::from_be_bytes(block.into());
        Self { cipher, pad }
    }

    /// Turns over the bits `from..to`.
    fn turn(&self, value: u128, from: u32, to: u32) -> u128 {
        let mut out = value;
        for bit in from..to {
            let kept = u128::MAX.checked_shl(128 - bit).unwrap_or(0);
            let input = value & kept | self.pad & !kept;
            let mut block = aes::Block::from(input.to_be_bytes());
            self.cipher.encrypt_block(&mut block);
            out ^= u128::from(block[0] >> 7) << (127 - bit);
        }
        out
    }
}

/// What has to stay true of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    /// It stays as it is.
    Fixed,
    /// It stays within a block.
    Within(Prefix),
    /// It is an ordinary address.
    Ordinary,
    /// The last 24 bits are those of somebody's address (RFC 4291 section 2.7.1).
    SolicitedNode,
    /// An IPv4 address stands in the last 32 bits (RFC 6052).
    Translated,
}

/// Gives addresses their pseudonyms.
pub(super) struct Addresses {
    pan: CryptoPan,
    secret: Secret,
    nets: PrefixTable<()>,
    servers: HashSet<Addr>,
    clients: HashSet<Addr>,
    cache: HashMap<Addr, Addr>,
}

impl Addresses {
    /// `servers` stay, unless they are among `clients`.
    pub(super) fn new(
        secret: &Secret,
        target: &Target,
        servers: HashSet<Addr>,
        clients: HashSet<Addr>,
    ) -> Self {
        Self {
            pan: CryptoPan::new(&secret.bytes("addresses", b"")),
            secret: secret.clone(),
            nets: target.nets().map(|prefix| (prefix, ())).collect(),
            servers,
            clients,
            cache: HashMap::new(),
        }
    }

    /// The pseudonym of an address, or the address where it stays.
    pub(super) fn map(&mut self, addr: Addr) -> Addr {
        if let Some(known) = self.cache.get(&addr) {
            return *known;
        }
        let mapped = self.compute(addr);
        if self.cache.len() >= MAX_CACHE {
            self.cache.clear();
        }
        self.cache.insert(addr, mapped);
        mapped
    }

    /// How many different addresses have been given a pseudonym (those of the last [`MAX_CACHE`]).
    pub(super) fn changed(&self) -> usize {
        self.cache.iter().filter(|(from, to)| from != to).count()
    }

    fn compute(&mut self, addr: Addr) -> Addr {
        if self.stays(addr) {
            return addr;
        }
        match class(addr) {
            Class::Fixed => addr,
            Class::SolicitedNode => {
                let low = self.secret.bytes::<4>("mac", &addr.0.to_be_bytes()[13..]);
                Addr(addr.0 & !0xff_ffff | u128::from(u32::from_be_bytes(low) >> 8))
            }
            Class::Translated => {
                let inner = Addr::v4(low32(addr));
                let inner = self.map(inner);
                Addr(addr.0 & !0xffff_ffff | inner.0 & 0xffff_ffff)
            }
            Class::Within(prefix) => {
                let bits = u32::from(prefix.length());
                self.walk(addr, bits.max(least(prefix)))
            }
            Class::Ordinary => self.walk(addr, if addr.is_v4() { 0 } else { 3 }),
        }
    }

    /// Turns over the bits from `from` on until the result may stand for `addr`.
    fn walk(&self, addr: Addr, from: u32) -> Addr {
        let class_of = class(addr);
        let mut now = addr;
        for _ in 0..MAX_ROUNDS {
            now = self.turn(now, from);
            if class(now) == class_of && !self.stays(now) {
                return now;
            }
        }
        match class_of {
            Class::Within(prefix) => prefix.first(),
            _ if addr.is_v4() => Addr::v4([0; 4]),
            _ => Addr(0),
        }
    }

    fn turn(&self, addr: Addr, from: u32) -> Addr {
        if addr.is_v4() {
            let turned = self.pan.turn(addr.0 << 96, from, 32);
            return Addr(addr.0 & !0xffff_ffff | turned >> 96);
        }
        Addr(self.pan.turn(addr.0, from, 128))
    }

    fn stays(&self, addr: Addr) -> bool {
        if data::resolver_of_addr(addr).is_some() || data::sinkhole(addr).is_some() {
            return true;
        }
        let server = self.servers.contains(&addr) || self.nets.longest(addr).is_some();
        server && !self.clients.contains(&addr)
    }
}

/// Link-local addresses have 54 bits of zeros behind their prefix, unique local ones a bit that is always set.
fn least(prefix: Prefix) -> u32 {
    match prefix.first().0 >> 112 {
        0xfe80 => 64,
        0xfc00 => 8,
        _ => 0,
    }
}

#[allow(clippy::cast_possible_truncation)]
fn low32(addr: Addr) -> [u8; 4] {
    (addr.0 as u32).to_be_bytes()
}

fn class(addr: Addr) -> Class {
    if !addr.is_v4() && addr.0 >> 24 == 0x00ff_0200_0000_0000_0000_0000_01ff {
        return Class::SolicitedNode;
    }
    let Some(special) = data::special_purpose(addr) else {
        return data::network_of(addr).map_or(Class::Ordinary, |net| Class::Within(net.prefix));
    };
    match special.name {
        "private" | "carrier-grade NAT" | "link-local" | "documentation" | "benchmarking"
        | "unique local" | "site-local" | "Teredo" | "6to4" => Class::Within(special.prefix),
        name if name.contains("NAT64") || name.contains("translation") => Class::Translated,
        _ => Class::Fixed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn addr(text: &str) -> Addr {
        text.parse::<IpAddr>().unwrap().into()
    }

    fn addresses(servers: &[&str], clients: &[&str]) -> Addresses {
        let set = |list: &[&str]| list.iter().map(|text| addr(text)).collect();
        let secret = Secret::new(&[3; 32]);
        Addresses::new(&secret, &Target::tiktok(), set(servers), set(clients))
    }

    /// The sample trace that comes with the authors' own implementation.
    #[test]
    fn vectors_of_crypto_pan() {
        let key = [
            21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16, 216, 152, 143,
            131, 121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2,
        ];
        let pan = CryptoPan::new(&key);
        for (from, to) in [
            ("128.11.68.132", "135.242.180.132"),
            ("129.118.74.4", "134.136.186.123"),
            ("130.132.252.244", "133.68.164.234"),
            ("141.223.7.43", "141.167.8.160"),
            ("141.233.145.108", "141.129.237.235"),
            ("152.163.225.39", "151.140.114.167"),
            ("156.29.3.236", "147.225.12.42"),
            ("165.247.96.84", "162.9.99.234"),
            ("166.107.77.190", "160.132.178.185"),
            ("192.102.249.13", "252.138.62.131"),
        ] {
            let turned = pan.turn(addr(from).0 << 96, 0, 32) >> 96;
            assert_eq!(turned, addr(to).0 & 0xffff_ffff, "{from}");
        }
    }

    /// The examples that the package yacryptopan gives.
    #[test]
    fn vectors_of_another_implementation() {
        let pan = CryptoPan::new(b"32-char-str-for-AES-key-and-pad.");
        let v4 = pan.turn(addr("192.0.2.1").0 << 96, 0, 32) >> 96;
        assert_eq!(v4, addr("192.0.125.244").0 & 0xffff_ffff);
        let v6 = pan.turn(addr("2001:db8::1").0, 0, 128);
        assert_eq!(Addr(v6), addr("27fe:8bc7:fee:1e:1e1f:f0fe:f0e1:83fd"));
    }

    #[test]
    fn common_prefixes_stay_common() {
        let mut all = addresses(&[], &[]);
        let shared = |a: Addr, b: Addr| (a.0 ^ b.0).leading_zeros();
        for (a, b) in [
            ("84.155.77.201", "84.155.77.12"),
            ("84.155.77.201", "84.155.12.1"),
            ("192.168.4.7", "192.168.4.200"),
            ("2a02:8109:9a40:1b2c::1", "2a02:8109:9a40:1b2c::2"),
            ("2a02:8109:9a40:1b2c::1", "2a02:8109:1::1"),
        ] {
            let (a, b) = (addr(a), addr(b));
            assert_eq!(shared(all.map(a), all.map(b)), shared(a, b), "{a} {b}");
        }
    }

    #[test]
    fn classes_stay_and_addresses_go() {
        let mut all = addresses(&[], &[]);
        for (text, class) in [
            ("10.1.2.3", Some("private")),
            ("192.168.1.23", Some("private")),
            ("172.20.3.4", Some("private")),
            ("100.64.9.9", Some("carrier-grade NAT")),
            ("169.254.7.7", Some("link-local")),
            ("198.18.0.7", Some("benchmarking")),
            ("203.0.113.9", Some("documentation")),
            ("fd12:3456:789a::1", Some("unique local")),
            ("fe80::3e22:fbff:fe0a:1723", Some("link-local")),
            ("84.155.77.201", None),
            ("2a02:8109:9a40:1b2c:3e22:fbff:fe0a:1723", None),
        ] {
            let to = all.map(addr(text));
            assert_ne!(to, addr(text));
            assert_eq!(
                data::special_purpose(to).map(|s| s.name),
                class,
                "{text} {to}"
            );
            assert!(all.stays(to) == all.stays(addr(text)), "{text} {to}");
        }
        assert_eq!(all.map(addr("fe80::1")).0 >> 64, 0xfe80 << 48);
        for text in [
            "127.0.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.251",
            "::1",
            "ff02::fb",
            "1.1.1.1",
            "10.10.34.34",
            "8.7.198.45",
        ] {
            assert_eq!(all.map(addr(text)), addr(text));
        }
        let node = all.map(addr("ff02::1:ff0a:1723"));
        assert_eq!(node.0 >> 24, addr("ff02::1:ff00:0").0 >> 24);
        assert_ne!(node, addr("ff02::1:ff0a:1723"));
    }

    #[test]
    fn servers_stay_unless_they_are_clients() {
        let mut all = addresses(&["84.1.2.3", "84.1.2.4"], &["84.1.2.4"]);
        assert_eq!(all.map(addr("84.1.2.3")), addr("84.1.2.3"));
        assert_ne!(all.map(addr("84.1.2.4")), addr("84.1.2.4"));
        let net = Target::tiktok().nets().next().unwrap();
        assert_eq!(all.map(net.first()), net.first());
        let translated = all.map(addr("64:ff9b::5401:203"));
        assert_eq!(translated, addr("64:ff9b::5401:203"));
        assert_ne!(
            all.map(addr("64:ff9b::5401:204")),
            addr("64:ff9b::5401:204")
        );
    }

    #[test]
    fn no_two_addresses_become_one() {
        let mut all = addresses(&["84.1.2.3"], &[]);
        let mut seen = HashSet::new();
        for n in 0..70_000_u32 {
            let from = Addr::v4(n.wrapping_mul(2_654_435_761).to_be_bytes());
            assert!(seen.insert(all.map(from)), "{from}");
        }
    }
}
