//! Cuts a datagram into packets and reads their headers (RFC 8999, RFC 9000 section 17).
//!
//! `quinn_proto::ProtectedHeader::decode` does the reading. It knows v1 and the drafts 29 to 34. Versions whose
//! fields are the same and only whose number or type bits differ (drafts 22 to 28, v2, GREASE) are given to it as v1:
//! the head of the packet is copied for it anyway, and the copy's version and type bits are set to v1's.
//! What it does not return is taken from the bytes after its cursor: the versions of Version Negotiation.

use std::io::Cursor;

use quinn_proto::{ConnectionId, FixedLengthConnectionIdParser, ProtectedHeader};

use super::version::{self, Layout};

/// Most of a packet that is copied to read its header: more than any Initial that was not made for loopback.
const HEAD: usize = 1500;

/// What kind of packet it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Initial.
    Initial,
    /// 0-RTT.
    ZeroRtt,
    /// Handshake.
    Handshake,
    /// Retry.
    Retry,
    /// Version Negotiation.
    VersionNegotiation,
    /// 1-RTT, a stateless reset, or something that is no QUIC.
    Short,
    /// Long header of a version of which only the number can be read.
    Opaque,
}

/// One packet of a datagram.
#[derive(Clone, Debug)]
pub struct Packet<'a> {
    /// Its kind.
    pub kind: Kind,
    /// Its version; 0 for a short header.
    pub version: u32,
    /// Destination connection id; empty for a short header, whose length only its receiver knows.
    pub dcid: ConnectionId,
    /// Source connection id.
    pub scid: ConnectionId,
    /// An Initial that carries a token.
    pub token: bool,
    /// The packet, as far as it was captured.
    pub bytes: &'a [u8],
    /// Where the packet number begins; in Version Negotiation, the list of versions.
    pub body: usize,
    /// All that the Length field announces is there.
    pub whole: bool,
    /// The rest of the datagram: maybe further packets.
    pub rest: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads the packet at the start of `datagram`. `cut`: the snap length cut the datagram, so a header that ends
    /// early is reported by its type bits alone. `None` where the bytes are no QUIC packet.
    #[must_use]
    pub fn read(datagram: &'a [u8], cut: bool) -> Option<Self> {
        let first = *datagram.first()?;
        if first & 0x80 == 0 {
            return Some(Self::bare(Kind::Short, 0, datagram));
        }
        let version = u32::from_be_bytes(*datagram.get(1..)?.first_chunk()?);
        let kind = kind(first, version);
        if kind == Kind::Opaque {
            return Some(Self::bare(kind, version, datagram));
        }
        let packet = Self::decode(datagram, kind, version);
        packet.or_else(|| cut.then(|| Self::bare(kind, version, datagram)))
    }

    /// The versions that a Version Negotiation packet offers.
    pub fn versions(&self) -> impl Iterator<Item = u32> + 'a {
        let list = self.bytes.get(self.body..).unwrap_or_default();
        list.as_chunks().0.iter().map(|v| u32::from_be_bytes(*v))
    }

    fn decode(datagram: &'a [u8], kind: Kind, version: u32) -> Option<Self> {
        let mut head = [0; HEAD];
        let length = datagram.len().min(HEAD);
        let head = &mut head[..length];
        head.copy_from_slice(&datagram[..length]);
        if kind != Kind::VersionNegotiation {
            head[0] = head[0] & !0x30 | type_bits(kind) << 4;
            head[1..5].copy_from_slice(&[0, 0, 0, 1]);
        }
        let mut cursor = Cursor::new((&*head).into());
        let parser = FixedLengthConnectionIdParser::new(0);
        let header = ProtectedHeader::decode(&mut cursor, &parser, &[1], true).ok()?;
        let body = usize::try_from(cursor.position()).ok()?;
        Some(Self::of(&header, kind, version, datagram, body))
    }

    fn of(
        header: &ProtectedHeader,
        kind: Kind,
        version: u32,
        datagram: &'a [u8],
        body: usize,
    ) -> Self {
        let (scid, length, token) = match header {
            ProtectedHeader::Initial(h) => (h.src_cid, Some(h.len), !h.token_pos.is_empty()),
            ProtectedHeader::Long { src_cid, len, .. } => (*src_cid, Some(*len), false),
            ProtectedHeader::Retry { src_cid, .. }
            | ProtectedHeader::VersionNegotiate { src_cid, .. } => (*src_cid, None, false),
            ProtectedHeader::Short { .. } => (ConnectionId::new(&[]), None, false),
        };
        let end = length.map_or(Some(datagram.len()), |length| {
            usize::try_from(length).ok()?.checked_add(body)
        });
        let split = end.and_then(|end| datagram.split_at_checked(end));
        let (bytes, rest) = split.unwrap_or((datagram, &[]));
        Self {
            kind,
            version,
            dcid: *header.dst_cid(),
            scid,
            token,
            bytes,
            body,
            whole: split.is_some(),
            rest,
        }
    }

    fn bare(kind: Kind, version: u32, bytes: &'a [u8]) -> Self {
        Self {
            kind,
            version,
            dcid: ConnectionId::new(&[]),
            scid: ConnectionId::new(&[]),
            token: false,
            bytes,
            body: bytes.len(),
            whole: false,
            rest: &[],
        }
    }
}

/// What the first byte of a long header says in this version.
#[must_use]
pub fn kind(first: u8, version: u32) -> Kind {
    let bits = first >> 4 & 3;
    let bits = match version::layout(version) {
        _ if version == 0 => return Kind::VersionNegotiation,
        Layout::Opaque => return Kind::Opaque,
        Layout::V1 => bits,
        Layout::V2 => (bits + 3) & 3,
    };
    [Kind::Initial, Kind::ZeroRtt, Kind::Handshake, Kind::Retry][usize::from(bits)]
}

/// The type bits of a kind in v1.
fn type_bits(kind: Kind) -> u8 {
    match kind {
        Kind::ZeroRtt => 1,
        Kind::Handshake => 2,
        Kind::Retry => 3,
        _ => 0,
    }
}

/// The fixed fields of a long header, read without regard to its version (RFC 8999 section 5.1):
/// version and the lengths of both connection ids, where these are at most 20 and the header holds them.
#[must_use]
pub fn invariants(datagram: &[u8]) -> Option<(u32, usize, usize)> {
    let (first, rest) = datagram.split_first()?;
    if first & 0x80 == 0 {
        return None;
    }
    let (version, rest) = rest.split_first_chunk()?;
    let (&dcid, rest) = rest.split_first()?;
    let rest = rest.get(usize::from(dcid)..)?;
    let (&scid, rest) = rest.split_first()?;
    rest.get(usize::from(scid)..)?;
    let lengths = (usize::from(dcid), usize::from(scid));
    (lengths.0 <= 20 && lengths.1 <= 20).then_some((
        u32::from_be_bytes(*version),
        lengths.0,
        lengths.1,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initial_then_handshake_in_one_datagram() {
        let mut datagram = vec![0xc0, 0, 0, 0, 1, 2, 7, 7, 1, 9, 3, 1, 2, 3, 0x40, 5];
        datagram.extend([0; 5]);
        datagram.extend([0xe0, 0, 0, 0, 1, 2, 7, 7, 1, 9, 2, 0, 0]);
        let initial = Packet::read(&datagram, false).unwrap();
        assert_eq!(
            (initial.kind, initial.token, initial.whole),
            (Kind::Initial, true, true)
        );
        assert_eq!(
            (&initial.dcid[..], &initial.scid[..]),
            (&[7, 7][..], &[9][..])
        );
        assert_eq!((initial.body, initial.bytes.len()), (16, 21));
        let handshake = Packet::read(initial.rest, false).unwrap();
        assert_eq!((handshake.kind, handshake.whole), (Kind::Handshake, true));
        assert!(handshake.rest.is_empty());
    }

    #[test]
    fn types_of_version_2() {
        let kinds = [0xc0, 0xd0, 0xe0, 0xf0].map(|first| kind(first, version::V2));
        assert_eq!(
            kinds,
            [Kind::Retry, Kind::Initial, Kind::ZeroRtt, Kind::Handshake]
        );
        let datagram = [0xd0, 0x6b, 0x33, 0x43, 0xcf, 0, 0, 1, 0xff, 4, 0, 0, 0, 0];
        let packet = Packet::read(&datagram, false).unwrap();
        assert_eq!(
            (packet.kind, packet.version, packet.body),
            (Kind::Initial, version::V2, 10)
        );
        assert!(packet.token && packet.whole);
    }

    #[test]
    fn list_of_version_negotiation() {
        let datagram = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0x1d, 9];
        let packet = Packet::read(&datagram, false).unwrap();
        assert_eq!(packet.kind, Kind::VersionNegotiation);
        assert_eq!(packet.versions().collect::<Vec<_>>(), [1, 0xff00_001d]);
    }

    #[test]
    fn cut_header_is_known_by_its_type() {
        let datagram = [0xe0, 0, 0, 0, 1, 20, 1, 2];
        assert!(Packet::read(&datagram, false).is_none());
        let packet = Packet::read(&datagram, true).unwrap();
        assert_eq!((packet.kind, packet.whole), (Kind::Handshake, false));
    }

    #[test]
    fn length_beyond_the_datagram_is_not_whole() {
        let datagram = [0xc0, 0, 0, 0, 1, 0, 0, 0, 0x44, 0xb0, 0, 0, 0];
        let packet = Packet::read(&datagram, true).unwrap();
        assert!(!packet.whole && packet.rest.is_empty());
    }
}
