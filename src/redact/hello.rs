//! Handshake messages of TLS that can be read: hellos with another name in them, all else that is unique to somebody
//! replaced by noise.
//!
//! Lists of what a client can do stay, so JA4 does; so do lengths, versions, and the public keys of key_share.

use super::names::Names;
use super::secret::Secret;

/// ServerHello.random of a HelloRetryRequest, and the ends that say "downgraded", are no secrets.
const RETRY: [u8; 4] = [0xcf, 0x21, 0xad, 0x74];

/// A cursor over a message: what is read is written too, changed or not.
struct Copy<'a> {
    from: &'a [u8],
    out: Vec<u8>,
}

impl Copy<'_> {
    fn at(&self) -> usize {
        self.out.len()
    }

    /// The next `n` bytes as they are.
    fn keep(&mut self, n: usize) -> Option<&[u8]> {
        let at = self.at();
        let bytes = self.from.get(at..at + n)?;
        self.out.extend_from_slice(bytes);
        Some(bytes)
    }

    fn be8(&mut self) -> Option<usize> {
        self.keep(1).map(|b| usize::from(b[0]))
    }

    fn be16(&mut self) -> Option<usize> {
        self.keep(2)
            .map(|b| usize::from(u16::from_be_bytes([b[0], b[1]])))
    }

    /// The next `n` bytes as what `f` makes of them.
    fn change(&mut self, n: usize, f: impl FnOnce(&[u8]) -> Vec<u8>) -> Option<()> {
        let at = self.at();
        let bytes = self.from.get(at..at + n)?;
        let mut new = f(bytes);
        new.resize(n, 0);
        self.out.extend_from_slice(&new);
        Some(())
    }
}

/// The redacted form of a whole handshake message of either side, as long as it. Of other messages than hellos only
/// the header is left.
pub(super) fn redact(message: &[u8], names: &Names, secret: &Secret) -> Vec<u8> {
    let mut copy = Copy {
        from: message,
        out: Vec::with_capacity(message.len()),
    };
    let _ = match message.first() {
        Some(1) => client(&mut copy, names, secret),
        Some(2) => server(&mut copy, names, secret),
        // Keys made for this connection, and signatures with them.
        Some(12 | 14 | 16) => copy.keep(message.len()).map(|_| ()),
        Some(4) => ticket(&mut copy, secret),
        _ => copy.keep(4).map(|_| ()),
    };
    let mut out = copy.out;
    out.resize(message.len(), 0);
    out
}

/// NewSessionTicket (RFC 5077 section 3.3).
fn ticket(copy: &mut Copy<'_>, secret: &Secret) -> Option<()> {
    copy.keep(8)?;
    let length = copy.be16()?;
    copy.change(length, |b| secret.noise("ticket", b))
}

fn client(copy: &mut Copy<'_>, names: &Names, secret: &Secret) -> Option<()> {
    copy.keep(6)?;
    copy.change(32, |b| secret.noise("random", b))?;
    let id = copy.be8()?;
    copy.change(id, |b| secret.noise("session", b))?;
    let ciphers = copy.be16()?;
    copy.keep(ciphers)?;
    let methods = copy.be8()?;
    copy.keep(methods)?;
    extensions(copy, names, secret, true)
}

fn server(copy: &mut Copy<'_>, names: &Names, secret: &Secret) -> Option<()> {
    copy.keep(6)?;
    let old_draft = copy.out[4] == 0x7f && copy.out[5] < 0x16;
    copy.change(32, |b| {
        if b.starts_with(&RETRY) {
            return b.to_vec();
        }
        let mut noise = secret.noise("random", b);
        if b[24..31] == *b"DOWNGRD" {
            noise[24..].copy_from_slice(&b[24..]);
        }
        noise
    })?;
    if old_draft {
        copy.keep(2)?;
    } else {
        let id = copy.be8()?;
        copy.change(id, |b| secret.noise("session", b))?;
        copy.keep(3)?;
    }
    extensions(copy, names, secret, false)
}

fn extensions(copy: &mut Copy<'_>, names: &Names, secret: &Secret, asks: bool) -> Option<()> {
    if copy.at() == copy.from.len() {
        return Some(()); // none at all
    }
    copy.be16()?;
    while copy.at() < copy.from.len() {
        let kind = copy.be16()?;
        let length = copy.be16()?;
        let data = copy.from.get(copy.at()..copy.at() + length)?;
        let mut inner = Copy {
            from: data,
            out: Vec::with_capacity(length),
        };
        let _ = extension(&mut inner, kind, names, secret, asks);
        let mut new = inner.out;
        new.resize(length, 0);
        copy.out.extend_from_slice(&new);
    }
    Some(())
}

fn extension(
    copy: &mut Copy<'_>,
    kind: usize,
    names: &Names,
    secret: &Secret,
    asks: bool,
) -> Option<()> {
    let all = copy.from.len();
    match kind {
        0 => server_names(copy, names),
        // Lists of numbers and protocols, lengths, flags; 51: public keys made for this connection.
        1 | 10 | 11 | 13 | 15 | 16 | 22 | 23 | 24 | 27 | 28 | 34 | 42 | 43 | 45 | 49 | 50 | 51
        | 13172 | 17513 | 17613 => copy.keep(all).map(|_| ()),
        5 if all <= 5 => copy.keep(all).map(|_| ()),
        35 => copy.change(all, |b| secret.noise("ticket", b)),
        41 if asks => shared_keys(copy, secret),
        41 => copy.keep(all.min(2)).map(|_| ()),
        44 => {
            let cookie = copy.be16()?;
            copy.change(cookie, |b| secret.noise("cookie", b))
        }
        57 | 0xffa5 => transport(copy),
        0xfe0d if asks => encrypted_hello(copy, secret),
        0xff01 => {
            let verify = copy.be8()?;
            copy.change(verify, |b| secret.noise("verify", b))
        }
        _ if all <= 1 => copy.keep(all).map(|_| ()),
        _ => None,
    }
}

fn server_names(copy: &mut Copy<'_>, names: &Names) -> Option<()> {
    if copy.from.is_empty() {
        return Some(());
    }
    copy.be16()?;
    while copy.at() < copy.from.len() {
        copy.keep(1)?;
        let length = copy.be16()?;
        copy.change(length, |b| names.text(b))?;
    }
    Some(())
}

/// pre_shared_key (RFC 8446 section 4.2.11): identities, their ages, binders.
fn shared_keys(copy: &mut Copy<'_>, secret: &Secret) -> Option<()> {
    let end = copy.be16()? + 2;
    while copy.at() < end {
        let length = copy.be16()?;
        copy.change(length, |b| secret.noise("ticket", b))?;
        copy.change(4, |_| vec![0; 4])?;
    }
    copy.be16()?;
    while copy.at() < copy.from.len() {
        let length = copy.be8()?;
        copy.change(length, |b| secret.noise("binder", b))?;
    }
    Some(())
}

/// encrypted_client_hello (RFC 9849 section 5): of the outer form all but key and content.
fn encrypted_hello(copy: &mut Copy<'_>, secret: &Secret) -> Option<()> {
    if copy.keep(1)?[0] != 0 {
        return Some(());
    }
    copy.keep(5)?;
    for what in ["ech key", "ech"] {
        let length = copy.be16()?;
        copy.change(length, |b| secret.noise(what, b))?;
    }
    Some(())
}

/// QUIC transport parameters (RFC 9000 section 18): numbers, connection ids and versions; tokens, addresses and
/// private ones become zeros.
fn transport(copy: &mut Copy<'_>) -> Option<()> {
    let stated = copy
        .from
        .first_chunk::<2>()
        .map(|l| usize::from(u16::from_be_bytes(*l)));
    if stated.is_some_and(|length| length + 2 == copy.from.len()) {
        return old_transport(copy);
    }
    while copy.at() < copy.from.len() {
        let id = varint(copy)?;
        let length = usize::try_from(varint(copy)?).ok()?;
        let numbers = matches!(id, 1 | 3..=12 | 14 | 32) && length <= 8;
        if numbers || matches!(id, 0 | 15 | 16 | 17 | 0x00ff_73db) {
            copy.keep(length)?;
        } else {
            copy.change(length, |b| vec![0; b.len()])?;
        }
    }
    Some(())
}

/// The same before draft 27: a length, then entries with lengths of two bytes.
fn old_transport(copy: &mut Copy<'_>) -> Option<()> {
    copy.be16()?;
    while copy.at() < copy.from.len() {
        let (id, length) = (copy.be16()?, copy.be16()?);
        if matches!(id, 1 | 3..=12 | 14) && length <= 8 {
            copy.keep(length)?;
        } else {
            copy.change(length, |b| vec![0; b.len()])?;
        }
    }
    Some(())
}

fn varint(copy: &mut Copy<'_>) -> Option<u64> {
    let first = *copy.from.get(copy.at())?;
    let bytes = copy.keep(1 << (first >> 6))?;
    let number = bytes.iter().fold(0_u64, |n, b| n << 8 | u64::from(*b));
    let bits = bytes.len() * 8 - 2;
    Some(number & ((1 << bits) - 1))
}
