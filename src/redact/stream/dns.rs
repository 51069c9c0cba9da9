//! DNS over TCP.

use super::super::edit::Later;
use super::{Expect, Scan};
use crate::types::Side;

impl Scan<'_> {
    pub(super) fn dns(&mut self, side: Side, bytes: &mut &[u8]) {
        let half = self.half(side);
        let over = usize::try_from(half.over).unwrap_or(usize::MAX);
        let skipped = self.take(side, bytes, over).len() as u64;
        let half = self.half(side);
        half.over -= skipped;
        if bytes.is_empty() {
            return;
        }
        let wanted = match half.gathered.first_chunk::<2>() {
            Some(length) => 2 + usize::from(u16::from_be_bytes(*length)),
            None => 2,
        };
        let taken = bytes.len().min(wanted - half.gathered.len());
        half.gather(&bytes[..taken]);
        *bytes = &bytes[taken..];
        let whole = half.gathered.first_chunk::<2>().is_some_and(|length| {
            half.gathered.len() == 2 + usize::from(u16::from_be_bytes(*length))
        });
        if whole {
            self.whole_dns(side);
        }
    }

    pub(super) fn whole_dns(&mut self, side: Side) {
        let half = self.half(side);
        let message = std::mem::take(&mut half.gathered);
        let pieces = std::mem::take(&mut half.pieces);
        self.put_dns(side, &pieces, &message);
        self.answers.push(message[2..].to_vec());
    }

    pub(super) fn put_dns(&mut self, side: Side, pieces: &[(u64, usize)], message: &[u8]) {
        let later = (message.len() > 2).then_some((Later::Dns, 2..message.len()));
        let edits = &mut self.edits[side.index()];
        self.store.put(edits, pieces, message, later.as_slice());
    }

    pub(super) fn dns_gap(&mut self, side: Side, missing: u64) {
        let half = self.half(side);
        let open = match half.gathered.first_chunk::<2>() {
            Some(length) => {
                let whole = 2 + u64::from(u16::from_be_bytes(*length));
                Some(whole - half.gathered.len() as u64)
            }
            None => Some(half.over).filter(|over| *over > 0),
        };
        self.flush(side);
        let half = self.half(side);
        match open.filter(|open| missing <= *open) {
            Some(open) => half.over = open - missing,
            None => half.expect = Expect::Nothing,
        }
    }
}
