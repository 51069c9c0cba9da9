//! The server_name of a ClientHello that lies whole in one segment, without keeping anything.
//!
//! Most connections of a capture have nothing to do with the target. Their name is read here in place, and
//! they are dropped before anything is allocated for them. tls-parser would build every extension first;
//! whatever is unusual (several records or segments, no name, encrypted hello under a public name) is left to
//! the observer.

/// What the first bytes of a client's stream tell at a glance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peek<'a> {
    /// A whole ClientHello with this server_name, as on the wire; untrusted bytes that are ASCII letters, digits,
    /// `-`, `_` and `.` only.
    Name(&'a str),
    /// Anything else.
    Unclear,
}

const CLIENT_HELLO: u8 = 1;
const HANDSHAKE: u8 = 22;
const SERVER_NAME: u16 = 0;

/// Looks at the first segment of a client's stream.
#[must_use]
pub fn peek(segment: &[u8]) -> Peek<'_> {
    name(segment).map_or(Peek::Unclear, Peek::Name)
}

fn name(segment: &[u8]) -> Option<&str> {
    let (&[kind, major, _, high, low], record) = segment.split_first_chunk::<5>()?;
    let length = usize::from(high) << 8 | usize::from(low);
    if kind != HANDSHAKE || major != 3 {
        return None;
    }
    let record = record.get(..length)?;
    let (&[message, a, b, c], body) = record.split_first_chunk::<4>()?;
    let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
    if message != CLIENT_HELLO {
        return None;
    }
    let body = body.get(..length)?.get(34..)?; // legacy_version, random
    let body = skip8(body)?; // session id
    let body = skip16(body)?; // cipher suites
    let body = skip8(body)?; // compression methods
    let (extensions, _) = take16(body)?;
    server_name(extensions)
}

fn server_name(mut extensions: &[u8]) -> Option<&str> {
    while let Some((kind, rest)) = extensions.split_first_chunk::<2>() {
        let (data, rest) = take16(rest)?;
        if u16::from_be_bytes(*kind) == SERVER_NAME {
            let (list, _) = take16(data)?;
            let (&name_type, list) = list.split_first()?;
            let (host, _) = take16(list)?;
            let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            let usable = name_type == 0 && !host.is_empty() && host.iter().all(plain);
            return usable.then(|| std::str::from_utf8(host).ok()).flatten();
        }
        extensions = rest;
    }
    None
}

fn take16(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

fn skip16(bytes: &[u8]) -> Option<&[u8]> {
    take16(bytes).map(|(_, rest)| rest)
}

fn skip8(bytes: &[u8]) -> Option<&[u8]> {
    let (&length, rest) = bytes.split_first()?;
    rest.get(usize::from(length)..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::tls::hello::{HelloTransport, parse_client_hello};

    /// A record with a ClientHello for that name, by rustls.
    fn record(name: &str) -> Vec<u8> {
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
        let mut client = rustls::ClientConnection::new(config.into(), name).unwrap();
        let mut out = Vec::new();
        client.write_tls(&mut out).unwrap();
        out
    }

    #[test]
    fn agrees_with_the_full_parser() {
        let bytes = record("www.example.com");
        assert_eq!(peek(&bytes), Peek::Name("www.example.com"));
        let full = parse_client_hello(&bytes[5..], HelloTransport::Tcp).unwrap();
        assert_eq!(full.sni.as_deref(), Some("www.example.com"));
    }

    #[test]
    fn unclear_without_a_name_or_in_parts() {
        assert_eq!(peek(&record("192.0.2.1")), Peek::Unclear);
        let bytes = record("www.example.com");
        for end in 0..bytes.len() {
            assert_eq!(peek(&bytes[..end]), Peek::Unclear, "cut at {end}");
        }
        assert_eq!(peek(b"GET / HTTP/1.1\r\n\r\n"), Peek::Unclear);
    }

    #[test]
    fn mutated_hellos_never_panic_nor_give_odd_names() {
        let good = record("www.example.com");
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..100_000 {
            let mut bytes = good.clone();
            for _ in 0..3 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let at = usize::try_from(state >> 16).unwrap() % bytes.len();
                bytes[at] = (state & 0xff) as u8;
            }
            if let Peek::Name(name) = peek(&bytes) {
                assert!(name.bytes().all(|b| b.is_ascii_graphic()));
            }
        }
    }
}
