//! IP fragments: put together in the first pass, rewritten as the packet that they are, and cut again.
//!
//! A packet that never becomes whole, or of which more than [`MAX_HELD`] bytes wait, is zeros behind its IP headers.

use super::frame::Rewriter;
use crate::decode::layers;
use crate::decode::trace::{Layer, Note};
use crate::types::{CaptureId, Frame, LinkType, Mark};
use std::collections::{HashMap, VecDeque};

/// Packets waiting for fragments.
const MAX_PENDING: usize = 1024;
/// Bytes of all packets, whole or not.
const MAX_HELD: usize = 32 << 20;
/// Fragments of one packet.
const MAX_PIECES: usize = 256;
/// LINKTYPE_RAW: the packet begins the frame.
const RAW: LinkType = LinkType(101);

type Key = (CaptureId, Vec<u8>, u32, u8);

/// One fragment: the frame it came in, where its bytes belong, the bytes.
struct Piece {
    ordinal: u64,
    at: usize,
    bytes: Box<[u8]>,
    last: bool,
}

/// A packet being put together.
struct Pending {
    /// An IP header for the whole.
    header: Vec<u8>,
    pieces: Vec<Piece>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Fragments {
    pending: HashMap<Key, Pending>,
    order: VecDeque<Key>,
    whole: Vec<Pending>,
    held: usize,
    notes: Vec<Note>,
}

impl Fragments {
    /// Takes a frame in which the decoder found a fragment, or that completed a packet.
    pub(super) fn take(&mut self, frame: &Frame<'_>, ordinal: u64) {
        let mut notes = std::mem::take(&mut self.notes);
        layers(frame, &mut notes);
        let found = fragment(frame, &notes, ordinal);
        self.notes = notes;
        let Some((key, header, piece)) = found else {
            return;
        };
        if self.held + piece.bytes.len() > MAX_HELD {
            return;
        }
        if !self.pending.contains_key(&key) {
            self.order.push_back(key.clone());
        }
        self.held += piece.bytes.len();
        let pending = self.pending.entry(key.clone()).or_insert_with(|| Pending {
            header: Vec::new(),
            pieces: Vec::new(),
        });
        if piece.at == 0 || pending.header.is_empty() {
            pending.header = header;
        }
        pending.pieces.push(piece);
        if pending.is_whole() {
            self.whole.extend(self.pending.remove(&key));
        } else if pending.pieces.len() >= MAX_PIECES {
            self.drop_packet(&key);
        }
        while self.order.len() > MAX_PENDING {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            self.drop_packet(&oldest);
        }
    }

    fn drop_packet(&mut self, key: &Key) {
        if let Some(pending) = self.pending.remove(key) {
            let bytes: usize = pending.pieces.iter().map(|p| p.bytes.len()).sum();
            self.held = self.held.saturating_sub(bytes);
        }
    }

    /// Rewrites all packets that became whole, for the frames that their fragments came in.
    pub(super) fn conclude(self, rewriter: &mut Rewriter) {
        for packet in self.whole {
            let payload = packet.payload();
            let bytes = [&packet.header[..], &payload].concat();
            let frame = Frame {
                mark: Mark::default(),
                link: RAW,
                original_len: 0,
                direction: crate::types::Direction::Unknown,
                uid: None,
                data: &bytes,
            };
            let ordinal = packet.pieces.iter().map(|p| p.ordinal).max().unwrap_or(0);
            let mut out = Vec::new();
            rewriter.rewrite(&frame, ordinal, &mut out);
            let out = &out[packet.header.len()..];
            for piece in &packet.pieces {
                let part = out.get(piece.at..piece.at + piece.bytes.len());
                if let Some(part) = part {
                    rewriter.fragments.insert(piece.ordinal, part.into());
                }
            }
        }
    }
}

impl Pending {
    fn end(&self) -> Option<usize> {
        let last = self.pieces.iter().find(|piece| piece.last)?;
        Some(last.at + last.bytes.len())
    }

    fn is_whole(&self) -> bool {
        let Some(end) = self.end() else { return false };
        let mut reached = 0;
        let mut places: Vec<_> = self.pieces.iter().map(|p| (p.at, p.bytes.len())).collect();
        places.sort_unstable();
        for (at, length) in places {
            if at > reached {
                return false;
            }
            reached = reached.max(at + length);
        }
        reached >= end
    }

    /// Where fragments overlap, the bytes that came first win, as in the decoder.
    fn payload(&self) -> Vec<u8> {
        let mut payload = vec![0; self.end().unwrap_or(0)];
        for piece in self.pieces.iter().rev() {
            if let Some(place) = payload.get_mut(piece.at..piece.at + piece.bytes.len()) {
                place.copy_from_slice(&piece.bytes);
            }
        }
        payload
    }
}

/// What belongs together, a header for the whole, and the fragment.
fn fragment(frame: &Frame<'_>, notes: &[Note], ordinal: u64) -> Option<(Key, Vec<u8>, Piece)> {
    let body = notes.last().filter(|note| note.layer == Layer::Fragment)?;
    let ip = notes
        .iter()
        .rev()
        .find(|note| matches!(note.layer, Layer::V4 | Layer::V6))?;
    let data = frame.data;
    let bytes = data.get(body.at..body.at + body.len)?;
    let be16 = |at: usize| Some(u16::from_be_bytes(*data.get(at..)?.first_chunk()?));
    let mut header = data
        .get(ip.at..ip.at + if ip.layer == Layer::V4 { 20 } else { 40 })?
        .to_vec();
    let (id, protocol, place, more) = if ip.layer == Layer::V4 {
        let flags = be16(ip.at + 6)?;
        header[0] = 0x45;
        header[2..4].fill(0); // all that is there
        header[6..8].fill(0);
        (
            u32::from(be16(ip.at + 4)?),
            header[9],
            flags & 0x1fff,
            flags & 0x2000 != 0,
        )
    } else {
        let at = notes
            .iter()
            .rfind(|note| note.layer == Layer::FragmentHeader)?
            .at;
        let place = be16(at + 2)?;
        let id = u32::from_be_bytes(*data.get(at + 4..)?.first_chunk()?);
        header[4..6].fill(0);
        header[6] = data[at];
        (id, 0, place >> 3, place & 1 != 0)
    };
    let addresses = if ip.layer == Layer::V4 {
        &header[12..20]
    } else {
        &header[8..40]
    };
    let key = (frame.mark.capture, addresses.to_vec(), id, protocol);
    let piece = Piece {
        ordinal,
        at: usize::from(place) * 8,
        bytes: bytes.into(),
        last: !more,
    };
    Some((key, header, piece))
}
