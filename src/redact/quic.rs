//! QUIC datagrams: Initials are opened, their frames rewritten, and sealed again with the same keys, packet number
//! and lengths. Of all other packets the header stays and the rest becomes noise or zeros.
//!
//! Both passes read every datagram in the same order, so both find the same keys. The first one puts the hellos
//! together, the second one writes them.
//!
//! Caps: [`MAX_FLOWS`] flows at one time, oldest forgotten first (their later Initials become zeros); 16 packets of a datagram.

use super::hello;
use super::learn::looks_like_client;
use super::names::Names;
use super::secret::Secret;
use crate::flow::table::Key;
use crate::observe::quic::connection::{Connections, Found};
use crate::observe::quic::crypto::CryptoStream;
use crate::observe::quic::frames::{Frame, Frames};
use crate::observe::quic::header::{Kind, Packet};
use crate::observe::quic::version;
use crate::observe::tls::hello::{HelloTransport, parse_client_hello};
use crate::types::{Mark, Side};
use quinn_proto::ConnectionId;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::collections::{HashMap, VecDeque};

/// Flows whose keys are held at one time.
const MAX_FLOWS: usize = 20_000;
/// Packets of one datagram.
const MAX_PACKETS: usize = 16;
/// Connection ids remembered of one flow.
const MAX_IDS: usize = 16;
/// Bytes of rewritten hellos.
const MAX_HELLOS: usize = 128 << 20;

/// One flow of either pass, told by its ends.
pub(super) type Flow = (u128, u128, u32);

/// A flow by its key, without direction.
pub(super) fn flow(key: &Key) -> Flow {
    let (low, high) = (key.low(), key.high());
    let ports = u32::from(low.port) << 16 | u32::from(high.port);
    (low.addr.0, high.addr.0, ports)
}

/// Whose hello, of which start of a connection.
type HelloId = (Flow, u32, ConnectionId, Side);

/// The redacted beginning of each CRYPTO stream that was whole.
#[derive(Default, Debug)]
pub(super) struct Hellos {
    known: HashMap<HelloId, Vec<u8>>,
    bytes: usize,
    /// Some found no room.
    pub(super) full: bool,
}

impl Hellos {
    fn append(&mut self, id: HelloId, message: &[u8]) {
        if self.bytes + message.len() > MAX_HELLOS {
            self.full = true;
            return;
        }
        self.bytes += message.len();
        self.known.entry(id).or_default().extend_from_slice(message);
    }
}

/// What is held of one flow.
#[derive(Default)]
struct Held {
    connections: Connections,
    ids: Vec<ConnectionId>,
    /// The first id that the client gave itself.
    client: Option<ConnectionId>,
    /// Destination of the client's last Initial.
    asked: Option<ConnectionId>,
    /// The side that the key's low end is.
    low_is_client: bool,
    /// The CRYPTO streams have been put into the hellos.
    streams: HashMap<(u32, ConnectionId, Side), CryptoStream>,
}

/// Flows of one pass.
#[derive(Default)]
pub(super) struct Flows {
    held: HashMap<Flow, Held>,
    order: VecDeque<Flow>,
}

/// One datagram.
pub(super) struct Datagram<'a> {
    pub(super) flow: Flow,
    pub(super) src_low: bool,
    /// The payload, as far as it was captured, and whether the snap length cut it.
    pub(super) payload: &'a [u8],
    pub(super) cut: bool,
    /// It looks like QUIC by itself.
    pub(super) likely: bool,
}

/// A name that a client asked for.
pub(super) struct Asked {
    pub(super) name: String,
    /// The client is the side that this datagram came from.
    pub(super) from_sender: bool,
}

impl Flows {
    /// The flow's state; `None` where the datagram is no QUIC.
    #[allow(clippy::cast_possible_truncation)] // two halves
    fn get(&mut self, datagram: &Datagram<'_>) -> Option<&mut Held> {
        if !self.held.contains_key(&datagram.flow) {
            if !datagram.likely {
                return None;
            }
            if self.held.len() >= MAX_FLOWS
                && let Some(oldest) = self.order.pop_front()
            {
                self.held.remove(&oldest);
            }
            self.order.push_back(datagram.flow);
            let (low, high) = ((datagram.flow.2 >> 16) as u16, datagram.flow.2 as u16);
            let (src, dst) = if datagram.src_low {
                (low, high)
            } else {
                (high, low)
            };
            let held = Held {
                low_is_client: datagram.src_low == looks_like_client(src, dst),
                ..Held::default()
            };
            self.held.insert(datagram.flow, held);
        }
        self.held.get_mut(&datagram.flow)
    }

    /// First pass: takes the hellos out of a datagram.
    pub(super) fn learn(
        &mut self,
        datagram: &Datagram<'_>,
        hellos: &mut Hellos,
        names: &Names,
        secret: &Secret,
    ) -> Option<Asked> {
        let held = self.get(datagram)?;
        let mut asked = None;
        held.each(datagram, |held, packet, found| {
            let Some(found) = found else { return };
            let Some(id) = held.connections.get(&found).map(|c| c.id()) else {
                return;
            };
            let stream = held.streams.entry((id.0, id.1, found.sender)).or_default();
            for frame in Frames(found.opened.payload()) {
                if let Frame::Crypto { offset, data } = frame {
                    stream.add(offset, data, Mark::default());
                }
            }
            while let Some(message) = stream.message() {
                let hello = parse_client_hello(message, HelloTransport::Quic);
                if let Some(name) = hello.and_then(|hello| hello.sni) {
                    asked = Some(Asked {
                        name,
                        from_sender: found.sender == Side::Client,
                    });
                }
                let new = hello::redact(message, names, secret);
                hellos.append((datagram.flow, id.0, id.1, found.sender), &new);
            }
            let _ = packet;
        });
        asked
    }

    /// Second pass: writes the redacted form into `out`, which is zeros and as long as the payload. False where the
    /// datagram is no QUIC.
    pub(super) fn redact(
        &mut self,
        datagram: &Datagram<'_>,
        hellos: &Hellos,
        secret: &Secret,
        out: &mut [u8],
    ) -> bool {
        let Some(held) = self.get(datagram) else {
            return false;
        };
        let mut at = 0;
        let payload = datagram.payload;
        held.each(datagram, |held, packet, found| {
            let out = &mut out[at..at + packet.bytes.len()];
            at = payload.len() - packet.rest.len();
            match packet.kind {
                Kind::Initial => held.initial(datagram.flow, packet, found, hellos, out),
                Kind::Handshake | Kind::ZeroRtt => {
                    let body = packet.body.min(packet.bytes.len());
                    out[..body].copy_from_slice(&packet.bytes[..body]);
                }
                Kind::Retry => held.retry(packet, out),
                Kind::VersionNegotiation => out.copy_from_slice(packet.bytes),
                Kind::Opaque => {
                    let kept = packet.bytes.len().min(5);
                    out[..kept].copy_from_slice(&packet.bytes[..kept]);
                }
                Kind::Short => held.short(packet.bytes, secret, out),
            }
        });
        true
    }
}

impl Held {
    /// Goes over the packets of a datagram, with what opened the Initials.
    fn each(
        &mut self,
        datagram: &Datagram<'_>,
        mut f: impl FnMut(&mut Self, &Packet<'_>, Option<Found>),
    ) {
        let mut rest = datagram.payload;
        let mut dcid: Option<ConnectionId> = None;
        for _ in 0..MAX_PACKETS {
            let Some(packet) = Packet::read(rest, datagram.cut) else {
                return;
            };
            let follows = |dcid: ConnectionId| match packet.kind {
                Kind::Short => {
                    (packet.bytes[0] & 0x40 != 0 || !dcid.is_empty())
                        && packet.bytes[1..].starts_with(&dcid)
                }
                _ => packet.dcid == dcid,
            };
            if dcid.is_some_and(|dcid| !follows(dcid)) {
                return;
            }
            dcid.get_or_insert(packet.dcid);
            rest = packet.rest;
            let found = self.opened(datagram, &packet);
            f(self, &packet, found);
        }
    }

    fn opened(&mut self, datagram: &Datagram<'_>, packet: &Packet<'_>) -> Option<Found> {
        let from_client = datagram.src_low == self.low_is_client;
        let side = if from_client {
            Side::Client
        } else {
            Side::Server
        };
        let known = self.ids.contains(&packet.scid);
        if packet.kind != Kind::Short
            && !packet.scid.is_empty()
            && !known
            && self.ids.len() < MAX_IDS
        {
            self.ids.push(packet.scid);
        }
        if packet.kind != Kind::Initial || !packet.whole {
            return None;
        }
        let found = self.connections.open(packet, side);
        if found.is_none() && self.connections.is_exhausted() {
            self.connections = Connections::default();
        }
        if let Some(found) = &found {
            if found.sender != side {
                self.low_is_client = !self.low_is_client;
            }
            if found.sender == Side::Client {
                self.client.get_or_insert(packet.scid);
                self.asked = Some(packet.dcid);
            }
        }
        found
    }

    fn initial(
        &mut self,
        flow: Flow,
        packet: &Packet<'_>,
        found: Option<Found>,
        hellos: &Hellos,
        out: &mut [u8],
    ) {
        let body = packet.body.min(packet.bytes.len());
        out[..body].copy_from_slice(&packet.bytes[..body]);
        let token = token(packet.bytes, body);
        out[token.clone()].fill(0);
        let Some(found) = found else { return };
        let header = found.opened.header();
        out[0] = header[0];
        out[body..header.len()].copy_from_slice(&header[body..]);
        let Some(connection) = self.connections.get(&found) else {
            return;
        };
        let (version, dcid) = connection.id();
        let hello = hellos.known.get(&(flow, version, dcid, found.sender));
        let hello = hello.map(Vec::as_slice).unwrap_or_default();
        let payload = found.opened.payload();
        frames(
            payload,
            hello,
            &mut out[header.len()..header.len() + payload.len()],
        );
        let sealed = connection.seal(found.sender, out, body, found.opened.number);
        if sealed.is_none() {
            out[body..].fill(0);
        }
    }

    /// Retry (RFC 9000 section 17.2.5): the token goes, the tag is made anew where the client's Initial was seen.
    fn retry(&self, packet: &Packet<'_>, out: &mut [u8]) {
        let ids = 7 + packet.dcid.len() + packet.scid.len();
        let kept = ids.min(packet.bytes.len());
        out[..kept].copy_from_slice(&packet.bytes[..kept]);
        let tag_at = out.len().saturating_sub(16);
        if tag_at >= kept
            && let Some(dcid) = self.asked
            && let Some(tag) = retry_tag(packet.version, &dcid, &out[..tag_at])
        {
            out[tag_at..].copy_from_slice(&tag);
        }
    }

    /// A short header: the connection id where it is known; where it is not, noise that begins alike where it began
    /// alike, because a reset is told by that.
    fn short(&self, bytes: &[u8], secret: &Secret, out: &mut [u8]) {
        if version::gquic(bytes).is_some() {
            return out[..13].copy_from_slice(&bytes[..13]);
        }
        out[0] = bytes[0];
        let rest = &bytes[1..];
        if let Some(id) = self.ids.iter().find(|id| rest.starts_with(id)) {
            return out[1..=id.len()].copy_from_slice(id);
        }
        let length = self.client.map_or(0, |id| id.len());
        if let Some(prefix) = rest.get(..length) {
            secret.fill("cid", prefix, &mut out[1..=length]);
        }
    }
}

/// Where the token of an Initial lies (RFC 9000 section 17.2.2).
fn token(packet: &[u8], body: usize) -> std::ops::Range<usize> {
    let find = || {
        let dcid = usize::from(*packet.get(5)?);
        let scid = usize::from(*packet.get(6 + dcid)?);
        let at = 7 + dcid + scid;
        let first = *packet.get(at)?;
        let size = 1 << (first >> 6);
        let bytes = packet.get(at..at + size)?;
        let length = bytes[1..]
            .iter()
            .fold(usize::from(bytes[0] & 0x3f), |n, b| {
                n << 8 | usize::from(*b)
            });
        let start = at + size;
        Some(start..start.checked_add(length)?.min(body))
    };
    find()
        .filter(|range| range.start <= range.end)
        .unwrap_or(0..0)
}

/// Writes the frames of an Initial: those of numbers as they are, CRYPTO with what `hello` says for its place. What cannot
/// be read stays zeros, which is PADDING.
fn frames(payload: &[u8], hello: &[u8], out: &mut [u8]) {
    let mut walk = Frames(payload);
    loop {
        let before = payload.len() - walk.0.len();
        let Some(frame) = walk.next() else { return };
        let after = payload.len() - walk.0.len();
        let place = &mut out[before..after];
        place.copy_from_slice(&payload[before..after]);
        match frame {
            Frame::Crypto { offset, data } => {
                let start = place.len() - data.len();
                let new = &mut place[start..];
                new.fill(0);
                let from = usize::try_from(offset)
                    .unwrap_or(usize::MAX)
                    .min(hello.len());
                let known = &hello[from..(from.saturating_add(data.len())).min(hello.len())];
                new[..known.len()].copy_from_slice(known);
            }
            Frame::Close { reason, .. } => {
                let start = place.len() - reason.len();
                place[start..].fill(b'x');
            }
            Frame::Padding | Frame::Ping | Frame::Ack => {}
        }
    }
}

/// Keys and nonces of the Retry Integrity Tag: RFC 9001 section 5.8, RFC 9369 section 3.3.3, and draft 29.
const RETRY: [([u8; 16], [u8; 12]); 3] = [
    (
        [
            0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68,
            0xc8, 0x4e,
        ],
        [
            0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb,
        ],
    ),
    (
        [
            0x8f, 0xb4, 0xb0, 0x1b, 0x56, 0xac, 0x48, 0xe2, 0x60, 0xfb, 0xcb, 0xce, 0xad, 0x7c,
            0xcc, 0x92,
        ],
        [
            0xd8, 0x69, 0x69, 0xbc, 0x2d, 0x7c, 0x6d, 0x99, 0x90, 0xef, 0xb0, 0x4a,
        ],
    ),
    (
        [
            0xcc, 0xce, 0x18, 0x7e, 0xd0, 0x9a, 0x09, 0xd0, 0x57, 0x28, 0x15, 0x5a, 0x6c, 0xb9,
            0x6b, 0xe1,
        ],
        [
            0xe5, 0x49, 0x30, 0xf9, 0x7f, 0x21, 0x36, 0xf0, 0x53, 0x0a, 0x8c, 0x1c,
        ],
    ),
];

/// The tag of a Retry packet (RFC 9001 section 5.8) that answers an Initial to `dcid`.
fn retry_tag(number: u32, dcid: &[u8], packet: &[u8]) -> Option<[u8; 16]> {
    let (key, nonce) = match number {
        version::V2 => RETRY[1],
        0xff00_001d..=0xff00_0020 => RETRY[2],
        _ => RETRY[0],
    };
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?);
    let length = [u8::try_from(dcid.len()).ok()?];
    let aad = [&length[..], dcid, packet].concat();
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(aad), &mut [])
        .ok()?;
    tag.as_ref().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::quic::keys::tests::unhex;

    /// The examples of RFC 9001 appendix A.4 and RFC 9369 appendix A.4.
    #[test]
    fn retry_tags_of_the_rfcs() {
        let dcid = unhex("8394c8f03e515708");
        for (number, packet) in [
            (
                1,
                "ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba",
            ),
            (
                version::V2,
                "cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6",
            ),
        ] {
            let packet = unhex(packet);
            let (head, tag) = packet.split_at(packet.len() - 16);
            assert_eq!(retry_tag(number, &dcid, head).unwrap(), tag);
        }
    }
}
