//! Checksums after a change, from what changed (RFC 1624): a right one stays right and a wrong one wrong, also where
//! the snap length cut off what it covers.

use std::ops::Range;

/// One checksum of a frame.
#[derive(Clone, Debug)]
pub(super) struct Sum {
    /// Where it stands.
    pub(super) at: usize,
    /// What it covers, from an even place on as the checksum counts.
    pub(super) cover: Range<usize>,
    /// The addresses of the pseudo header.
    pub(super) pseudo: Range<usize>,
    /// Zero means that there is none (UDP over IPv4).
    pub(super) optional: bool,
}

/// Adjusts one checksum in `out` to how `out` differs from `before`.
pub(super) fn adjust(sum: &Sum, before: &[u8], out: &mut [u8]) {
    let Some(old) = before.get(sum.at..sum.at + 2) else {
        return;
    };
    let old = u16::from_be_bytes([old[0], old[1]]);
    if sum.optional && old == 0 {
        return;
    }
    let mut total = u64::from(!old);
    for range in [sum.cover.clone(), sum.pseudo.clone()] {
        let (Some(was), Some(is)) = (before.get(range.clone()), out.get(range.clone())) else {
            return;
        };
        for (step, (was, is)) in was.chunks(2).zip(is.chunks(2)).enumerate() {
            if range.start + 2 * step != sum.at && was != is {
                total += u64::from(!word(was)) + u64::from(word(is));
            }
        }
    }
    while total >> 16 != 0 {
        total = (total & 0xffff) + (total >> 16);
    }
    #[allow(clippy::cast_possible_truncation)] // folded
    let mut new = !(total as u16);
    if sum.optional && new == 0 {
        new = 0xffff;
    }
    out[sum.at..sum.at + 2].copy_from_slice(&new.to_be_bytes());
}

fn word(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes.get(1).copied().unwrap_or(0)])
}
