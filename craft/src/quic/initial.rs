//! QUIC packets made by hand: protected Initials of versions 1, 2 and the drafts (RFC 9001 section 5, RFC 9369),
//! Version Negotiation and Retry-like and reset-like datagrams. For versions quinn does not speak and for forgeries.

use ring::{aead, hkdf};

use crate::net::{Net, Side};

/// A version whose Initial keys are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// RFC 9000.
    V1,
    /// RFC 9369.
    V2,
    /// draft-29.
    Draft29,
    /// Another version number that has the keys of version 1 (GREASE, or unknown).
    Other(u32),
}

impl Version {
    /// The number in the long header.
    pub fn number(self) -> u32 {
        match self {
            Version::V1 => 1,
            Version::V2 => 0x6b33_43cf,
            Version::Draft29 => 0xff00_001d,
            Version::Other(n) => n,
        }
    }

    fn salt(self) -> [u8; 20] {
        match self {
            Version::V1 | Version::Other(_) => {
                *b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a"
            }
            Version::V2 => {
                *b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9"
            }
            Version::Draft29 => {
                *b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99"
            }
        }
    }

    fn label(self, what: &str) -> String {
        let prefix = if self == Version::V2 {
            "quicv2"
        } else {
            "quic"
        };
        format!("{prefix} {what}")
    }

    fn initial_bits(self) -> u8 {
        if self == Version::V2 { 0b01 } else { 0b00 }
    }
}

/// An Initial packet in the making.
#[derive(Clone, Debug)]
pub struct Initial {
    version: Version,
    from: Side,
    dcid: Vec<u8>,
    scid: Vec<u8>,
    /// The client's first destination id, which the keys come from.
    key_id: Vec<u8>,
    token: Vec<u8>,
    number: u32,
    frames: Vec<u8>,
    pad_to: usize,
}

impl Initial {
    /// A client's Initial to `dcid`, padded to 1200 bytes.
    pub fn client(version: Version, dcid: &[u8], scid: &[u8]) -> Self {
        Self {
            version,
            from: Side::Client,
            dcid: dcid.to_vec(),
            scid: scid.to_vec(),
            key_id: dcid.to_vec(),
            token: Vec::new(),
            number: 0,
            frames: Vec::new(),
            pad_to: 1200,
        }
    }

    /// A server's Initial for the client's id `dcid`; `first_dcid` is the client's first destination id. Not padded.
    pub fn server(version: Version, dcid: &[u8], scid: &[u8], first_dcid: &[u8]) -> Self {
        Self {
            from: Side::Server,
            key_id: first_dcid.to_vec(),
            pad_to: 0,
            ..Self::client(version, dcid, scid)
        }
    }

    /// Packet number.
    #[must_use]
    pub fn number(mut self, number: u32) -> Self {
        self.number = number;
        self
    }

    /// Token of a Retry.
    #[must_use]
    pub fn token(mut self, token: &[u8]) -> Self {
        self.token = token.to_vec();
        self
    }

    /// Pads the datagram to this length.
    #[must_use]
    pub fn pad_to(mut self, len: usize) -> Self {
        self.pad_to = len;
        self
    }

    /// Adds a CRYPTO frame.
    #[must_use]
    pub fn crypto(mut self, offset: usize, bytes: &[u8]) -> Self {
        self.frames.push(6);
        self.frames.extend(varint(offset as u64));
        self.frames.extend(varint(bytes.len() as u64));
        self.frames.extend_from_slice(bytes);
        self
    }

    /// Adds a PING frame.
    #[must_use]
    pub fn ping(mut self) -> Self {
        self.frames.push(1);
        self
    }

    /// Adds an ACK frame for packets 0 to `largest`.
    #[must_use]
    pub fn ack(mut self, largest: u32) -> Self {
        self.frames.push(2);
        for v in [largest, 0, 0, largest] {
            self.frames.extend(varint(u64::from(v)));
        }
        self
    }

    /// Adds a CONNECTION_CLOSE frame (0x1c) with this error and reason; TLS alerts are 0x100 and more.
    #[must_use]
    pub fn close(mut self, error: u64, reason: &str) -> Self {
        self.frames.push(0x1c);
        self.frames.extend(varint(error));
        self.frames.extend(varint(6));
        self.frames.extend(varint(reason.len() as u64));
        self.frames.extend_from_slice(reason.as_bytes());
        self
    }

    /// Adds any frame bytes.
    #[must_use]
    pub fn frame(mut self, bytes: &[u8]) -> Self {
        self.frames.extend_from_slice(bytes);
        self
    }

    /// The protected packet: a whole datagram, or the first part of one.
    pub fn seal(&self) -> Vec<u8> {
        let keys = Keys::new(self.version, &self.key_id, self.from);
        let mut head = vec![0xc0 | self.version.initial_bits() << 4 | 3];
        head.extend(self.version.number().to_be_bytes());
        for id in [&self.dcid, &self.scid] {
            head.push(id.len() as u8);
            head.extend_from_slice(id);
        }
        head.extend(varint(self.token.len() as u64));
        head.extend_from_slice(&self.token);
        let mut frames = self.frames.clone();
        let fixed = head.len() + 2 + 4 + 16;
        frames.resize(
            frames.len().max(self.pad_to.saturating_sub(fixed)).max(4),
            0,
        );
        head.extend((0x4000 | (4 + frames.len() + 16) as u16).to_be_bytes());
        let at = head.len();
        head.extend(self.number.to_be_bytes());
        keys.protect(head, at, self.number, frames)
    }
}

struct Keys {
    packet: aead::LessSafeKey,
    iv: [u8; 12],
    header: aead::quic::HeaderProtectionKey,
}

impl Keys {
    fn new(version: Version, id: &[u8], from: Side) -> Self {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, &version.salt()).extract(id);
        let label = if from == Side::Client {
            "client in"
        } else {
            "server in"
        };
        let secret = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &expand::<32>(&prk, label));
        let key: [u8; 16] = expand(&secret, &version.label("key"));
        let hp: [u8; 16] = expand(&secret, &version.label("hp"));
        Self {
            packet: aead::LessSafeKey::new(
                aead::UnboundKey::new(&aead::AES_128_GCM, &key).unwrap(),
            ),
            iv: expand(&secret, &version.label("iv")),
            header: aead::quic::HeaderProtectionKey::new(&aead::quic::AES_128, &hp).unwrap(),
        }
    }

    fn protect(
        &self,
        mut head: Vec<u8>,
        number_at: usize,
        number: u32,
        mut frames: Vec<u8>,
    ) -> Vec<u8> {
        let mut nonce = self.iv;
        nonce[8..]
            .iter_mut()
            .zip(number.to_be_bytes())
            .for_each(|(n, b)| *n ^= b);
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        self.packet
            .seal_in_place_append_tag(nonce, aead::Aad::from(&head), &mut frames)
            .unwrap();
        head.extend(frames);
        let mask = self
            .header
            .new_mask(&head[number_at + 4..number_at + 20])
            .unwrap();
        head[0] ^= mask[0] & 0x0f;
        head[number_at..number_at + 4]
            .iter_mut()
            .zip(&mask[1..])
            .for_each(|(b, m)| *b ^= m);
        head
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446 section 7.1).
fn expand<const N: usize>(prk: &hkdf::Prk, label: &str) -> [u8; N] {
    struct Len(usize);
    impl hkdf::KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }
    let label = format!("tls13 {label}");
    let info = [
        &(N as u16).to_be_bytes()[..],
        &[label.len() as u8],
        label.as_bytes(),
        &[0],
    ]
    .concat();
    let mut out = [0; N];
    prk.expand(&[&info], Len(N))
        .unwrap()
        .fill(&mut out)
        .unwrap();
    out
}

/// A variable-length integer (RFC 9000 section 16).
pub fn varint(v: u64) -> Vec<u8> {
    match v {
        0..0x40 => vec![v as u8],
        0x40..0x4000 => (v as u16 | 0x4000).to_be_bytes().to_vec(),
        0x4000..0x4000_0000 => (v as u32 | 0x8000_0000).to_be_bytes().to_vec(),
        _ => (v | 0xc000_0000_0000_0000).to_be_bytes().to_vec(),
    }
}

/// Version Negotiation to a client with these ids (as the client wrote them).
pub fn version_negotiation(client_dcid: &[u8], client_scid: &[u8], versions: &[u32]) -> Vec<u8> {
    let mut o = vec![0xca, 0, 0, 0, 0];
    for id in [client_scid, client_dcid] {
        o.push(id.len() as u8);
        o.extend_from_slice(id);
    }
    versions.iter().for_each(|v| o.extend(v.to_be_bytes()));
    o
}

/// What a stateless reset looks like: a short header and random bytes, `len` in all (21 or more).
pub fn stateless_reset(net: &Net, len: usize) -> Vec<u8> {
    let mut o = net.random(len.max(21));
    o[0] = 0x40 | o[0] & 0x3f;
    o
}

/// What a 1-RTT packet looks like from outside: short header, destination id, random bytes, `len` in all.
pub fn short_packet(net: &Net, dcid: &[u8], len: usize) -> Vec<u8> {
    let mut o = net.random(len.max(dcid.len() + 21));
    o[0] = 0x40 | o[0] & 0x1f;
    o[1..=dcid.len()].copy_from_slice(dcid);
    o
}
