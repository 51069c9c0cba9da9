//! What a format's walker finds at the start of the bytes it is shown.

use crate::types::{Direction, LinkType, Timestamp};

/// Largest captured length of a packet that is read; longer ones are stepped over and reported. The read buffer grows
/// to this and one block at most.
pub const MAX_PACKET: usize = 16 << 20;
/// Largest record or block whose length is believed; a longer one means that the file is damaged from there on.
pub const MAX_RECORD: usize = 256 << 20;

/// One step through a capture file.
#[derive(Debug)]
pub(super) enum Step {
    /// A whole packet.
    Packet(Packet),
    /// So many bytes must be in view before anything can be said (always more than were shown).
    Need(usize),
    /// So many bytes hold no packet that is handed on. `frames` of them count in Wireshark's numbering.
    Pass { bytes: usize, frames: u32 },
    /// The file makes no sense from here on: why, in words that follow "at byte N".
    Stop(String),
}

/// A packet's place in the bytes shown, and what the file says of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    /// When it was captured, where stated.
    pub(super) time: Option<Timestamp>,
    /// Its link type.
    pub(super) link: LinkType,
    /// Its length on the wire.
    pub(super) original_len: u32,
    /// Which way it went, where stated.
    pub(super) direction: Direction,
    /// Android user id, where stated.
    pub(super) uid: Option<i32>,
    /// Where its bytes start, counted from the start of the record.
    pub(super) start: usize,
    /// How many were captured.
    pub(super) len: usize,
    /// Length of the whole record.
    pub(super) total: usize,
}

/// Reads integers in a file's byte order. Callers have checked the length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Order {
    /// Most significant byte first.
    pub(super) big: bool,
}

impl Order {
    /// The 16-bit number at `at`; 0 beyond the end.
    #[inline]
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let raw = bytes
            .get(at..)
            .and_then(<[u8]>::first_chunk)
            .copied()
            .unwrap_or_default();
        if self.big {
            u16::from_be_bytes(raw)
        } else {
            u16::from_le_bytes(raw)
        }
    }

    /// The 32-bit number at `at`; 0 beyond the end.
    #[inline]
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let raw = bytes
            .get(at..)
            .and_then(<[u8]>::first_chunk)
            .copied()
            .unwrap_or_default();
        if self.big {
            u32::from_be_bytes(raw)
        } else {
            u32::from_le_bytes(raw)
        }
    }

    /// The 64-bit number at `at`; 0 beyond the end.
    #[inline]
    pub(super) fn u64(self, bytes: &[u8], at: usize) -> u64 {
        let raw = bytes
            .get(at..)
            .and_then(<[u8]>::first_chunk)
            .copied()
            .unwrap_or_default();
        if self.big {
            u64::from_be_bytes(raw)
        } else {
            u64::from_le_bytes(raw)
        }
    }
}
