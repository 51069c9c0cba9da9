//! Puts the CRYPTO frames of one direction in order (RFC 9000 section 19.6).

use std::ops::Range;

use crate::types::Mark;

/// Bytes kept of one direction.
const MAX_BYTES: u64 = 64 * 1024;
/// Separate pieces kept of one direction.
const MAX_PIECES: usize = 128;

/// What a frame brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Added {
    /// Bytes not seen before, or bytes beyond the caps, of which nothing is known.
    New,
    /// Only bytes that were there already.
    Known,
}

/// The handshake messages that one side sends in Initials.
#[derive(Debug, Default)]
pub struct CryptoStream {
    /// From offset 0 on; gaps hold zeros. Empty once `done`.
    data: Vec<u8>,
    /// What is there: sorted, disjoint, not touching.
    pieces: Vec<Range<u64>>,
    /// Where the next handshake message begins.
    next: usize,
    /// No more messages are wanted: bytes are not kept any longer, pieces are.
    done: bool,
    /// The packet that brought the first byte.
    pub first: Option<Mark>,
    /// Datagrams that brought something new.
    pub packets: u16,
    /// The last of them.
    latest: Option<Mark>,
}

impl CryptoStream {
    /// Takes in one frame.
    pub fn add(&mut self, offset: u64, bytes: &[u8], mark: Mark) -> Added {
        let end = offset.saturating_add(bytes.len() as u64);
        if self
            .pieces
            .iter()
            .any(|p| p.start <= offset && end <= p.end)
        {
            return Added::Known;
        }
        if end > MAX_BYTES || !self.insert(offset..end) {
            return Added::New;
        }
        if offset == 0 {
            self.first.get_or_insert(mark);
        }
        if self.latest.replace(mark) != Some(mark) {
            self.packets = self.packets.saturating_add(1);
        }
        if !self.done {
            self.store(offset, end, bytes);
        }
        Added::New
    }

    /// The next whole handshake message (4-byte header and body), where all of it is there.
    pub fn message(&mut self) -> Option<&[u8]> {
        let there = usize::try_from(self.pieces.first().filter(|p| p.start == 0)?.end).ok()?;
        let ready = self.data.get(self.next..there)?;
        let &[_, a, b, c] = ready.first_chunk()?;
        let length = 4 + u32::from_be_bytes([0, a, b, c]) as usize;
        let message = ready.get(..length)?;
        self.next += length;
        Some(message)
    }

    /// All messages that matter were read: frees the bytes.
    pub fn finish(&mut self) {
        self.done = true;
        self.data = Vec::new();
    }

    fn store(&mut self, offset: u64, end: u64, bytes: &[u8]) {
        let (Ok(offset), Ok(end)) = (usize::try_from(offset), usize::try_from(end)) else {
            return;
        };
        if self.data.len() < end {
            self.data.resize(end, 0);
        }
        self.data[offset..end].copy_from_slice(bytes);
    }

    /// Merges a piece; false where that would be one piece too many.
    fn insert(&mut self, piece: Range<u64>) -> bool {
        let from = self.pieces.partition_point(|p| p.end < piece.start);
        let to = self.pieces.partition_point(|p| p.start <= piece.end);
        let merged = self.pieces[from..to]
            .iter()
            .fold(piece, |a, b| a.start.min(b.start)..a.end.max(b.end));
        if from == to && self.pieces.len() >= MAX_PIECES {
            return false;
        }
        self.pieces.splice(from..to, [merged]);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: [u8; 9] = [1, 0, 0, 5, 10, 11, 12, 13, 14];

    #[test]
    fn any_order_and_overlap() {
        for parts in [
            [(6, 9), (0, 3), (2, 7)],
            [(3, 9), (3, 5), (0, 3)],
            [(0, 9), (0, 9), (4, 5)],
        ] {
            let mut stream = CryptoStream::default();
            for (from, to) in parts {
                stream.add(from as u64, &MESSAGE[from..to], Mark::default());
            }
            assert_eq!(stream.message(), Some(&MESSAGE[..]));
            assert_eq!(stream.message(), None);
        }
    }

    #[test]
    fn nothing_before_the_gap_is_closed() {
        let mut stream = CryptoStream::default();
        assert_eq!(stream.add(4, &MESSAGE[4..], Mark::default()), Added::New);
        assert_eq!(stream.message(), None);
        stream.add(0, &MESSAGE[..3], Mark::default());
        assert_eq!(stream.message(), None);
        assert_eq!(stream.add(2, &MESSAGE[2..6], Mark::default()), Added::New);
        assert_eq!(stream.add(1, &MESSAGE[1..8], Mark::default()), Added::Known);
        assert!(stream.message().is_some());
    }

    #[test]
    fn known_after_the_bytes_were_freed() {
        let mut stream = CryptoStream::default();
        stream.add(0, &MESSAGE, Mark::default());
        stream.finish();
        assert_eq!(stream.add(0, &MESSAGE, Mark::default()), Added::Known);
        assert_eq!(stream.add(9, &MESSAGE, Mark::default()), Added::New);
        assert_eq!(stream.message(), None);
    }

    #[test]
    fn caps() {
        let mut stream = CryptoStream::default();
        stream.add(u64::MAX, &MESSAGE, Mark::default());
        stream.add(MAX_BYTES - 8, &MESSAGE, Mark::default());
        assert!(stream.pieces.is_empty() && stream.data.is_empty());
        for offset in 0..1000 {
            stream.add(offset * 2, &[1], Mark::default());
        }
        assert_eq!(stream.pieces.len(), MAX_PIECES);
    }
}
