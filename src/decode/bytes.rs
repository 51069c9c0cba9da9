//! A slice that remembers how long it was on the wire.

use super::DecodeError;
use super::walk::Stop;
use crate::types::Frame;

/// The rest of a frame from some layer on. `data.len() <= wire` always holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a> {
    /// What was captured.
    pub(super) data: &'a [u8],
    /// Length on the wire.
    pub(super) wire: usize,
    /// Where `data` begins in the frame.
    pub(super) offset: usize,
}

impl<'a> Bytes<'a> {
    /// All of a frame.
    pub(super) fn of(frame: &Frame<'a>) -> Self {
        Self {
            data: frame.data,
            wire: frame.data.len().max(frame.original_len as usize),
            offset: 0,
        }
    }

    /// A buffer of which nothing is missing.
    pub(super) fn whole(data: &'a [u8]) -> Self {
        Self {
            data,
            wire: data.len(),
            offset: 0,
        }
    }

    /// The first `n` bytes, or how many are missing.
    pub(super) fn need(&self, layer: &'static str, n: usize) -> Result<&'a [u8], Stop> {
        self.data
            .get(..n)
            .ok_or_else(|| self.short(layer, n).into())
    }

    /// Without the first `n` bytes; empty where there are not as many.
    #[inline]
    pub(super) fn skip(self, n: usize) -> Self {
        Self {
            data: self.data.get(n..).unwrap_or_default(),
            wire: self.wire.saturating_sub(n),
            offset: self.offset + n,
        }
    }

    /// At most `n` bytes on the wire: cuts padding.
    #[inline]
    pub(super) fn truncate(self, n: usize) -> Self {
        self.claim(n.min(self.wire))
    }

    /// Exactly `n` bytes on the wire, as a length field says, even where the frame claims to be shorter: files cut by
    /// careless tools state the cut length as the original one.
    #[inline]
    pub(super) fn claim(self, n: usize) -> Self {
        Self {
            data: &self.data[..n.min(self.data.len())],
            wire: n,
            offset: self.offset,
        }
    }

    /// Without the last `n` bytes on the wire.
    pub(super) fn drop_tail(self, n: usize) -> Self {
        self.truncate(self.wire.saturating_sub(n))
    }

    /// The snap length cut something off.
    pub(super) fn is_cut(&self) -> bool {
        self.data.len() < self.wire
    }

    /// Big-endian 16 bits at `at`.
    pub(super) fn be16(&self, at: usize) -> Option<u16> {
        let bytes = self.data.get(at..)?.first_chunk()?;
        Some(u16::from_be_bytes(*bytes))
    }

    /// Little-endian 16 bits at `at`.
    pub(super) fn le16(&self, at: usize) -> Option<u16> {
        self.be16(at).map(u16::swap_bytes)
    }

    /// Big-endian 32 bits at `at`.
    pub(super) fn be32(&self, at: usize) -> Option<u32> {
        let bytes = self.data.get(at..)?.first_chunk()?;
        Some(u32::from_be_bytes(*bytes))
    }

    /// Little-endian 32 bits at `at`.
    pub(super) fn le32(&self, at: usize) -> Option<u32> {
        self.be32(at).map(u32::swap_bytes)
    }

    /// The upper four bits of the first byte: the version where this is an IP packet.
    pub(super) fn nibble(&self) -> Option<u8> {
        self.data.first().map(|b| b >> 4)
    }

    /// `needed` bytes are not there.
    #[cold]
    pub(super) fn short(&self, layer: &'static str, needed: usize) -> DecodeError {
        DecodeError {
            layer,
            offset: self.offset,
            needed,
            had: self.data.len(),
            clipped: self.wire >= needed,
        }
    }

    /// A field of this layer has a value that cannot be.
    #[cold]
    pub(super) fn bad(&self, layer: &'static str, needed: usize, had: usize) -> DecodeError {
        DecodeError {
            layer,
            offset: self.offset,
            needed,
            had,
            clipped: false,
        }
    }
}
