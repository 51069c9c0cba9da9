//! Handshake messages out of the bodies of handshake records: several in one, or one over many.

use crate::types::Mark;

/// Longest message that is kept: 64 KiB, more than any honest chain; a longer one is stepped over.
const MAX_MESSAGE: usize = 64 * 1024;
/// Bytes of a handshake header: type and 24-bit length (RFC 8446 section 4).
const HEADER: usize = 4;

/// One whole message and where it came from.
pub(super) struct Message<'a> {
    /// With its 4-byte header.
    pub bytes: &'a [u8],
    /// Packet of its first byte.
    pub first: Mark,
    /// Packets that carried it.
    pub packets: u16,
    /// Bytes of the piece that were used up to its end.
    pub used: usize,
}

/// Collects one direction's message that is not yet whole.
#[derive(Default)]
pub(super) struct Assembler {
    partial: Vec<u8>,
    /// Bytes still to come of a message too long to keep.
    stepping_over: usize,
    first: Mark,
    last: Mark,
    packets: u16,
}

impl Assembler {
    /// Takes the next piece of the handshake stream and gives each whole message to `each`. A message that lies
    /// whole in the piece is not copied.
    pub fn push(&mut self, piece: &[u8], mark: Mark, mut each: impl FnMut(&Message<'_>)) {
        let mut rest = piece;
        while !rest.is_empty() {
            if self.stepping_over > 0 {
                let step = self.stepping_over.min(rest.len());
                self.stepping_over -= step;
                rest = &rest[step..];
            } else if self.partial.is_empty() {
                rest = self.begin(piece, rest, mark, &mut each);
            } else {
                rest = self.go_on(piece, rest, mark, &mut each);
            }
        }
    }

    fn begin<'a>(
        &mut self,
        piece: &[u8],
        rest: &'a [u8],
        mark: Mark,
        each: &mut impl FnMut(&Message<'_>),
    ) -> &'a [u8] {
        (self.first, self.last, self.packets) = (mark, mark, 1);
        match total(rest) {
            Some(total) if total <= rest.len() && total <= MAX_MESSAGE => {
                let (message, after) = rest.split_at(total);
                each(&self.message(message, piece.len() - after.len()));
                after
            }
            Some(total) if total > MAX_MESSAGE => {
                self.stepping_over = total;
                rest
            }
            _ => {
                self.partial.extend_from_slice(rest);
                &[]
            }
        }
    }

    fn go_on<'a>(
        &mut self,
        piece: &[u8],
        rest: &'a [u8],
        mark: Mark,
        each: &mut impl FnMut(&Message<'_>),
    ) -> &'a [u8] {
        if mark != self.last {
            self.last = mark;
            self.packets = self.packets.saturating_add(1);
        }
        let wanted = total(&self.partial).unwrap_or(HEADER);
        if wanted > MAX_MESSAGE {
            self.stepping_over = wanted - self.partial.len();
            self.partial = Vec::new();
            return rest;
        }
        let (now, after) = rest.split_at(rest.len().min(wanted - self.partial.len()));
        self.partial.extend_from_slice(now);
        if total(&self.partial) == Some(self.partial.len()) {
            let whole = std::mem::take(&mut self.partial);
            each(&self.message(&whole, piece.len() - after.len()));
        }
        after
    }

    const fn message<'a>(&self, bytes: &'a [u8], used: usize) -> Message<'a> {
        Message {
            bytes,
            first: self.first,
            packets: self.packets,
            used,
        }
    }
}

/// Length of the message at the start of `bytes`, its header included, where that much of it is there.
fn total(bytes: &[u8]) -> Option<usize> {
    let [_, a, b, c] = *bytes.first_chunk::<HEADER>()?;
    Some(HEADER + (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(pieces: &[&[u8]]) -> Vec<(Vec<u8>, u16, usize)> {
        let mut assembler = Assembler::default();
        let mut seen = Vec::new();
        for (i, piece) in pieces.iter().enumerate() {
            let mark = Mark {
                frame: crate::types::FrameNumber(i as u32),
                ..Mark::default()
            };
            assembler.push(piece, mark, |message| {
                seen.push((message.bytes.to_vec(), message.packets, message.used));
            });
        }
        seen
    }

    #[test]
    fn several_in_one_and_one_over_many() {
        let both: &[u8] = &[1, 0, 0, 1, 9, 2, 0, 0, 0];
        let first = both[..5].to_vec();
        let second = both[5..].to_vec();
        assert_eq!(
            messages(&[both]),
            [(first.clone(), 1, 5), (second.clone(), 1, 9)]
        );
        let single: Vec<&[u8]> = both.chunks(1).collect();
        assert_eq!(messages(&single), [(first, 5, 1), (second, 4, 1)]);
    }

    #[test]
    fn steps_over_what_is_too_long() {
        let mut long = vec![11, 1, 0, 0];
        long.resize(4 + 0x1_0000, 0);
        long.extend([14, 0, 0, 0]);
        let chunks: Vec<&[u8]> = long.chunks(3).collect();
        for pieces in [vec![long.as_slice()], chunks] {
            let seen = messages(&pieces);
            assert_eq!(seen.len(), 1);
            assert_eq!(seen[0].0, [14, 0, 0, 0]);
        }
    }
}
