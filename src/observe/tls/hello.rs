//! ClientHello and ServerHello, for TLS over TCP and for the CRYPTO stream of QUIC.
//!
//! tls-parser reads the messages and most extensions. Beside it, here: the walk over the extension list (the
//! crate's own stops silently at the first extension it dislikes), key_share and encrypted_client_hello (which it
//! leaves as bytes), and telling a HelloRetryRequest from a ServerHello (which it does not).
//!
//! Caps: 64 entries of every list, 512 bytes of a server name.
//!
//! # ECH and GREASE ECH
//! A client without an ECH configuration may send a made-up extension of the same form (RFC 9849 section 6.2), so
//! that the two can't be told apart: `ech_grease` stays `None`. Only where the outer name is one that providers
//! publish as the public name of their ECH configurations, and that nobody visits for its own sake, is it real:
//! `Some(false)`. `Some(true)` is never claimed.

use super::text::lossless;
use crate::fact::tls::ja4::{Ja4, MAX_ENTRIES, alpn_mark};
use crate::fact::tls::{ClientHello, EchOuter, ServerHello};
use tls_parser::{
    TlsClientHelloContents, TlsExtension, TlsMessage, TlsMessageHandshake, TlsServerHelloContents,
    parse_tls_client_hello_extension, parse_tls_message_handshake,
    parse_tls_server_hello_extension,
};

/// What carried the ClientHello: decides the first letter of JA4.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HelloTransport {
    /// TLS records over TCP.
    Tcp,
    /// QUIC CRYPTO frames.
    Quic,
}

/// Entries kept of each list.
const MAX_LIST: usize = 64;
/// Bytes kept of a server name; a DNS name has at most 253.
const MAX_NAME: usize = 512;
/// Outer names of ECH that are no site of their own.
const ECH_PUBLIC_NAMES: [&str; 1] = ["cloudflare-ech.com"];
/// ServerHello.random of a HelloRetryRequest: SHA-256 of "HelloRetryRequest" (RFC 8446 section 4.1.3).
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

mod kind {
    pub(super) const EARLY_DATA: u16 = 42;
    pub(super) const KEY_SHARE: u16 = 51;
    pub(super) const PRE_SHARED_KEY: u16 = 41;
    pub(super) const QUIC_PARAMETERS: u16 = 57;
    pub(super) const ALPS_OLD: u16 = 17513;
    pub(super) const ALPS: u16 = 17613;
    pub(super) const ECH: u16 = 0xfe0d;
}

/// Is this a name that only encrypted hellos say on the outside?
#[must_use]
pub fn is_ech_public_name(name: &str) -> bool {
    ECH_PUBLIC_NAMES
        .iter()
        .any(|public| public.eq_ignore_ascii_case(name))
}

/// One whole ClientHello message, its 4-byte handshake header included (RFC 8446 section 4.1.2, RFC 5246 section
/// 7.4.1.2). `mark`, `first` and `packets` are left for the caller to fill. `None` where it is cut or malformed.
#[must_use]
pub fn parse_client_hello(message: &[u8], transport: HelloTransport) -> Option<ClientHello> {
    let Ok((_, TlsMessage::Handshake(TlsMessageHandshake::ClientHello(contents)))) =
        parse_tls_message_handshake(message)
    else {
        return None;
    };
    let mut hello = ClientHello {
        length: handshake_length(message)?,
        legacy_version: contents.version.0,
        session_id_len: contents.session_id.map_or(0, |id| id.len() as u8),
        ..ClientHello::default()
    };
    let mut parts = Ja4 {
        quic: matches!(transport, HelloTransport::Quic),
        ..Ja4::default()
    };
    for extension in extensions(contents.ext.unwrap_or_default()) {
        read_client_extension(extension, &mut hello, &mut parts);
    }
    conclude(&mut hello, &mut parts, &contents);
    hello.ja4 = parts;
    Some(hello)
}

/// What follows from several fields together.
fn conclude(hello: &mut ClientHello, parts: &mut Ja4, contents: &TlsClientHelloContents<'_>) {
    parts.ciphers = without_grease(contents.ciphers.iter().map(|cipher| cipher.0))
        .take(MAX_ENTRIES)
        .collect();
    parts.version = hello
        .versions
        .iter()
        .copied()
        .max()
        .unwrap_or(hello.legacy_version);
    // A TLS 1.3 client sends a random session id that stands for nothing (RFC 8446 appendix D.4).
    let modern = hello
        .versions
        .iter()
        .any(|v| crate::fact::tls::is_tls13(*v));
    hello.offers_resumption |= hello.session_id_len > 0 && !modern;
    if hello.ech && hello.sni.as_deref().is_some_and(is_ech_public_name) {
        hello.ech_grease = Some(false);
    }
}

fn read_client_extension<'a>(extension: Extension<'a>, hello: &mut ClientHello, parts: &mut Ja4) {
    if is_grease(extension.kind) {
        return;
    }
    if parts.extensions.len() < MAX_ENTRIES {
        parts.extensions.push(extension.kind);
    }
    match extension.kind {
        kind::KEY_SHARE => hello.key_shares = client_key_shares(extension.data),
        kind::PRE_SHARED_KEY => hello.offers_resumption = true,
        kind::EARLY_DATA => hello.early_data = true,
        kind::QUIC_PARAMETERS => hello.quic_parameters = true,
        kind::ALPS | kind::ALPS_OLD => hello.alps = true,
        kind::ECH => {
            hello.ech = true;
            hello.ech_outer = ech_outer(extension.data);
        }
        _ => {
            if let Ok((_, parsed)) = parse_tls_client_hello_extension(extension.whole) {
                read_parsed(parsed, hello, parts);
            }
        }
    }
}

fn read_parsed<'a>(extension: TlsExtension<'a>, hello: &mut ClientHello, parts: &mut Ja4) {
    match extension {
        TlsExtension::SNI(names) => {
            let host = names
                .iter()
                .find(|(kind, name)| kind.0 == 0 && !name.is_empty());
            hello.sni = host.map(|(_, name)| lossless(name, MAX_NAME).to_ascii_lowercase());
        }
        TlsExtension::ALPN(ids) => {
            let real = || ids.iter().filter(|id| !is_grease_id(id));
            hello.alpn = real().take(MAX_LIST).map(|id| lossless(id, 255)).collect();
            parts.alpn = real().next().map(|id| alpn_mark(id));
        }
        TlsExtension::SupportedVersions(versions) => {
            hello.versions = capped(versions.iter().map(|version| version.0));
        }
        TlsExtension::EllipticCurves(groups) => {
            hello.groups = capped(groups.iter().map(|group| group.0));
        }
        TlsExtension::SignatureAlgorithms(list) => {
            parts.signatures = without_grease(list.into_iter()).take(MAX_ENTRIES).collect();
        }
        TlsExtension::SessionTicket(ticket) => hello.offers_resumption |= !ticket.is_empty(),
        _ => {}
    }
}

/// A ServerHello beside the session id that it echoes or sets, which says "resumed" in TLS 1.2 and below.
pub(super) struct ServerHelloParts<'a> {
    pub hello: ServerHello,
    pub session_id: &'a [u8],
}

/// One whole ServerHello message, its 4-byte handshake header included (RFC 8446 section 4.1.3, RFC 5246 section
/// 7.4.1.3). `mark` is left for the caller to fill; `resumed` is set for TLS 1.3 only, since below that it takes
/// the client's session id to tell. `None` where it is cut or malformed.
#[must_use]
pub fn parse_server_hello(message: &[u8]) -> Option<ServerHello> {
    server_hello_parts(message).map(|parts| parts.hello)
}

pub(super) fn server_hello_parts(message: &[u8]) -> Option<ServerHelloParts<'_>> {
    match parse_tls_message_handshake(message) {
        Ok((_, TlsMessage::Handshake(TlsMessageHandshake::ServerHello(contents)))) => {
            Some(read_server_hello(&contents))
        }
        Ok((_, TlsMessage::Handshake(TlsMessageHandshake::ServerHelloV13Draft18(contents)))) => {
            let hello = ServerHello {
                version: contents.version.0,
                cipher: contents.cipher.0,
                ..ServerHello::default()
            };
            Some(ServerHelloParts {
                hello: with_server_extensions(hello, contents.ext),
                session_id: &[],
            })
        }
        _ => old_draft(message),
    }
}

/// The drafts 14 to 21 of TLS 1.3 share the form of draft 18, the only one of them that the crate knows.
fn old_draft(message: &[u8]) -> Option<ServerHelloParts<'_>> {
    let version = be16(message.get(4..)?)?;
    if !matches!(version, 0x7f0e..=0x7f15) || version == 0x7f12 {
        return None;
    }
    let mut copy = message.to_vec();
    copy[5] = 0x12;
    let mut hello = parse_server_hello(&copy)?;
    hello.version = version;
    Some(ServerHelloParts {
        hello,
        session_id: &[],
    })
}

fn read_server_hello<'a>(contents: &TlsServerHelloContents<'a>) -> ServerHelloParts<'a> {
    let hello = ServerHello {
        version: contents.version.0,
        cipher: contents.cipher.0,
        retry: contents.random == RETRY_RANDOM,
        ..ServerHello::default()
    };
    ServerHelloParts {
        hello: with_server_extensions(hello, contents.ext),
        session_id: contents.session_id.unwrap_or_default(),
    }
}

fn with_server_extensions(mut hello: ServerHello, list: Option<&[u8]>) -> ServerHello {
    for extension in extensions(list.unwrap_or_default()) {
        match extension.kind {
            // A ServerHello has group and key, a HelloRetryRequest the group alone.
            kind::KEY_SHARE => hello.group = be16(extension.data),
            kind::PRE_SHARED_KEY => hello.resumed = true,
            _ => {
                if let Ok((_, parsed)) = parse_tls_server_hello_extension(extension.whole) {
                    read_server_extension(&parsed, &mut hello);
                }
            }
        }
    }
    hello
}

fn read_server_extension(extension: &TlsExtension<'_>, hello: &mut ServerHello) {
    match extension {
        TlsExtension::ALPN(ids) => hello.alpn = ids.first().map(|id| lossless(id, 255)),
        TlsExtension::SupportedVersions(versions) => {
            if let Some(version) = versions.first() {
                hello.version = version.0;
            }
        }
        _ => {}
    }
}

/// The session id of a ClientHello message, which a server echoes that takes up the session.
pub(super) fn session_id(message: &[u8]) -> &[u8] {
    // Header 4, version 2, random 32, length 1.
    let length = usize::from(message.get(38).copied().unwrap_or_default());
    message.get(39..39 + length).unwrap_or_default()
}

/// One extension: its type, its content, and the whole of it as the crate's functions want it.
#[derive(Clone, Copy)]
struct Extension<'a> {
    kind: u16,
    whole: &'a [u8],
    data: &'a [u8],
}

/// The extensions of a list without its length field; ends at the first that is cut.
fn extensions(mut list: &[u8]) -> impl Iterator<Item = Extension<'_>> {
    std::iter::from_fn(move || {
        let kind = be16(list)?;
        let end = 4 + usize::from(be16(list.get(2..)?)?);
        let whole = list.get(..end)?;
        list = list.get(end..)?;
        Some(Extension {
            kind,
            whole,
            data: whole.get(4..)?,
        })
    })
}

/// KeyShareClientHello (RFC 8446 section 4.2.8): the groups.
fn client_key_shares(data: &[u8]) -> Vec<u16> {
    let mut rest = data.get(2..).unwrap_or_default();
    let groups = std::iter::from_fn(move || {
        let group = be16(rest)?;
        let end = 4 + usize::from(be16(rest.get(2..)?)?);
        rest = rest.get(end..)?;
        Some(group)
    });
    capped(groups)
}

/// ECHClientHello of type outer (RFC 9849 section 5).
fn ech_outer(data: &[u8]) -> Option<EchOuter> {
    let (0, rest) = data.split_first().map(|(kind, rest)| (*kind, rest))? else {
        return None;
    };
    let key_length = be16(rest.get(5..)?)?;
    let payload = rest.get(7 + usize::from(key_length)..)?;
    Some(EchOuter {
        kdf: be16(rest)?,
        aead: be16(rest.get(2..)?)?,
        config_id: *rest.get(4)?,
        key_length,
        payload_length: be16(payload)?,
    })
}

fn handshake_length(message: &[u8]) -> Option<u32> {
    let length = message.get(1..4)?;
    Some(
        4 + length
            .iter()
            .fold(0, |sum, byte| sum << 8 | u32::from(*byte)),
    )
}

fn capped(values: impl Iterator<Item = u16>) -> Vec<u16> {
    without_grease(values).take(MAX_LIST).collect()
}

fn without_grease(values: impl Iterator<Item = u16>) -> impl Iterator<Item = u16> {
    values.filter(|value| !is_grease(*value))
}

/// 0x0a0a, 0x1a1a, ... 0xfafa (RFC 8701).
fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

fn is_grease_id(id: &[u8]) -> bool {
    matches!(id, [high, low] if is_grease(u16::from_be_bytes([*high, *low])))
}

fn be16(bytes: &[u8]) -> Option<u16> {
    let pair = bytes.first_chunk::<2>()?;
    Some(u16::from_be_bytes(*pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[&[u8]], extensions: &[(u16, &[u8])]) -> Vec<u8> {
        let mut list = Vec::new();
        for (kind, data) in extensions {
            list.extend(kind.to_be_bytes());
            list.extend((data.len() as u16).to_be_bytes());
            list.extend_from_slice(data);
        }
        let mut body = body.concat();
        body.extend((list.len() as u16).to_be_bytes());
        body.extend(list);
        let length = (body.len() as u32).to_be_bytes();
        [&[kind, length[1], length[2], length[3]], body.as_slice()].concat()
    }

    fn client(session_id: &[u8], extensions: &[(u16, &[u8])]) -> ClientHello {
        let id = [&[session_id.len() as u8], session_id].concat();
        let tail = [0, 2, 0x13, 0x01, 1, 0];
        let bytes = message(1, &[&[3, 3], &[7; 32], &id, &tail], extensions);
        assert_eq!(super::session_id(&bytes), session_id);
        parse_client_hello(&bytes, HelloTransport::Quic).expect("hello")
    }

    fn server(version: [u8; 2], random: &[u8], extensions: &[(u16, &[u8])]) -> ServerHello {
        let tail = [0, 0x13, 0x02, 0];
        let tail = if version[0] == 3 {
            &tail[..]
        } else {
            &tail[1..3]
        };
        let bytes = message(2, &[&version, random, tail], extensions);
        parse_server_hello(&bytes).expect("hello")
    }

    const TLS13: (u16, &[u8]) = (43, &[4, 0x2a, 0x2a, 3, 4]);

    #[test]
    fn names_are_lowered_and_escaped() {
        let named = |data: &[u8]| client(&[], &[(0, data)]).sni;
        assert_eq!(named(b"\x00\x06\x00\x00\x03A.b").as_deref(), Some("a.b"));
        assert_eq!(
            named(b"\x00\x05\x00\x00\x02\xffa").as_deref(),
            Some("\\xffa")
        );
        assert_eq!(named(b"\x00\x03\x00\x00\x00"), None);
        assert_eq!(named(b"\x00\x09"), None);
    }

    #[test]
    fn a_broken_extension_hides_no_other() {
        let hello = client(&[], &[(16, &[0xff]), (57, &[]), TLS13]);
        assert!(hello.quic_parameters && hello.alpn.is_empty());
        assert_eq!(hello.versions, [0x0304]);
        assert!(
            hello.ja4.to_string().starts_with("q13i010300_"),
            "{}",
            hello.ja4
        );
    }

    #[test]
    fn what_offers_resumption() {
        let offers =
            |id: &[u8], extensions: &[(u16, &[u8])]| client(id, extensions).offers_resumption;
        assert!(!offers(&[1; 32], &[TLS13]));
        assert!(offers(&[1; 32], &[]));
        assert!(offers(&[], &[TLS13, (35, &[1])]));
        assert!(!offers(&[], &[TLS13, (35, &[])]));
        assert!(offers(&[], &[TLS13, (41, &[])]));
    }

    #[test]
    fn ech_is_real_where_its_name_says_so() {
        let outer: &[u8] = &[0, 0, 1, 0, 1, 9, 0, 1, 5, 0, 208];
        let name = b"\x00\x15\x00\x00\x12cloudflare-ech.com";
        let hello = client(&[], &[(0, name), (0xfe0d, outer)]);
        assert_eq!(hello.ech_grease, Some(false));
        assert_eq!(
            hello.ech_outer.map(|ech| (ech.aead, ech.payload_length)),
            Some((1, 208))
        );
        let hello = client(&[], &[(0xfe0d, outer)]);
        assert_eq!((hello.ech, hello.ech_grease), (true, None));
        assert_eq!(client(&[], &[(0xfe0d, &[1])]).ech_outer, None);
    }

    #[test]
    fn answers_of_the_server() {
        let share: &[u8] = &[0x11, 0xec, 0, 1, 5];
        let hello = server(
            [3, 3],
            &[1; 32],
            &[(43, &[3, 4]), (51, share), (41, &[0, 0])],
        );
        assert_eq!((hello.version, hello.cipher), (0x0304, 0x1302));
        assert_eq!(hello.group, Some(0x11ec));
        assert!(hello.resumed && !hello.retry);
        let retry = server([3, 3], &RETRY_RANDOM, &[(43, &[3, 4]), (51, &[0, 23])]);
        assert!(retry.retry);
        assert_eq!(retry.group, Some(23));
        let old = server([3, 1], &[1; 32], &[(16, b"\x00\x03\x02h2")]);
        assert_eq!((old.version, old.alpn.as_deref()), (0x0301, Some("h2")));
        assert_eq!(server([0x7f, 0x12], &[1; 32], &[]).version, 0x7f12);
        assert_eq!(server([0x7f, 0x13], &[1; 32], &[]).version, 0x7f13);
    }

    #[test]
    fn cut_messages_are_none() {
        let bytes = message(1, &[&[3, 3], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0]], &[TLS13]);
        for cut in 0..bytes.len() {
            assert_eq!(parse_client_hello(&bytes[..cut], HelloTransport::Tcp), None);
            assert_eq!(parse_server_hello(&bytes[..cut]), None);
        }
    }
}
