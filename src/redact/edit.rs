//! What the first pass found for the second one to write: new bytes for places in byte streams.
//!
//! The second pass writes zeros wherever nothing is said, so what is lost here, for want of memory or because a stream
//! was not understood, is lost to the reader too and never left as it was.

use std::ops::Range;

/// Bytes of all edits together.
const MAX_BLOB: usize = 128 << 20;
/// Edits of all streams together.
const MAX_EDITS: usize = 4_000_000;

/// New bytes at a place of a stream.
#[derive(Clone, Copy, Debug)]
struct Edit {
    /// Offset in the stream.
    at: u32,
    length: u32,
    /// Where the bytes stand in the store.
    from: u32,
}

/// The edits of one side of one connection, in no order until [`Edits::sort`].
#[derive(Debug, Default)]
pub(super) struct Edits {
    list: Vec<Edit>,
    longest: u32,
}

/// A piece of the store that is rewritten once all addresses are known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Later {
    /// A DNS message.
    Dns,
    /// A certificate in DER.
    Certificate,
}

/// The bytes of all edits.
#[derive(Debug, Default)]
pub(super) struct Store {
    blob: Vec<u8>,
    count: usize,
    later: Vec<(Later, Range<usize>)>,
    /// Something found no room.
    pub(super) full: bool,
}

impl Store {
    /// New bytes for a place that may lie in several pieces: `pieces` are offsets and lengths in stream order.
    /// `later`: parts of `bytes` that are to be rewritten in the end.
    pub(super) fn put(
        &mut self,
        edits: &mut Edits,
        pieces: &[(u64, usize)],
        bytes: &[u8],
        later: &[(Later, Range<usize>)],
    ) {
        let fits = self.blob.len() + bytes.len() <= MAX_BLOB && self.count < MAX_EDITS;
        if !fits {
            self.full = true;
            return;
        }
        let start = self.blob.len();
        self.blob.extend_from_slice(bytes);
        for (kind, range) in later {
            self.later
                .push((*kind, start + range.start..start + range.end));
        }
        let mut done = 0;
        for &(at, length) in pieces {
            let length = length.min(bytes.len() - done);
            let place = (u32::try_from(at), u32::try_from(length), start + done);
            if let (Ok(at), Ok(length), Ok(from)) = (place.0, place.1, u32::try_from(place.2)) {
                edits.list.push(Edit { at, length, from });
                edits.longest = edits.longest.max(length);
                self.count += 1;
            }
            done += length;
        }
    }

    /// Rewrites what waited for the addresses.
    pub(super) fn conclude(&mut self, mut each: impl FnMut(Later, &mut [u8])) {
        for (kind, range) in std::mem::take(&mut self.later) {
            if let Some(bytes) = self.blob.get_mut(range) {
                each(kind, bytes);
            }
        }
        self.blob.shrink_to_fit();
    }

    /// Writes what is known of the stream bytes from `at` on into `out`, which is zeros.
    pub(super) fn apply(&self, edits: &Edits, at: u32, out: &mut [u8]) {
        let (start, end) = (u64::from(at), u64::from(at) + out.len() as u64);
        let longest = u64::from(edits.longest);
        let first = edits
            .list
            .partition_point(|e| u64::from(e.at) + longest <= start);
        for edit in &edits.list[first..] {
            let (from, to) = (
                u64::from(edit.at),
                u64::from(edit.at) + u64::from(edit.length),
            );
            if from >= end {
                break;
            }
            let (low, high) = (from.max(start), to.min(end));
            if low >= high {
                continue;
            }
            let source = edit.from as usize + index(low - from);
            let new = self.blob.get(source..source + index(high - low));
            if let Some(new) = new {
                out[index(low - start)..index(high - start)].copy_from_slice(new);
            }
        }
    }
}

impl Edits {
    pub(super) fn sort(&mut self) {
        self.list.sort_by_key(|edit| edit.at);
        self.list.shrink_to_fit();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[allow(clippy::cast_possible_truncation)] // within one segment
fn index(n: u64) -> usize {
    n as usize
}
