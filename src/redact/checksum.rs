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

#[cfg(test)]
mod tests {
    use super::*;

    fn right(bytes: &[u8]) -> u16 {
        let mut total: u32 = bytes.chunks(2).map(|pair| u32::from(word(pair))).sum();
        while total >> 16 != 0 {
            total = (total & 0xffff) + (total >> 16);
        }
        !(total as u16)
    }

    #[test]
    fn right_stays_right_and_wrong_stays_wrong() {
        for length in [20, 21, 64, 65] {
            let mut before: Vec<u8> = (0..length).map(|n| (n * 37 % 251) as u8).collect();
            before[10..12].fill(0);
            let sum = right(&before).to_be_bytes();
            before[10..12].copy_from_slice(&sum);
            let place = Sum {
                at: 10,
                cover: 0..before.len(),
                pseudo: 0..0,
                optional: false,
            };
            let mut after = before.clone();
            after[0] ^= 0x5a;
            after[13] = 0;
            *after.last_mut().unwrap() = 0xee;
            adjust(&place, &before, &mut after);
            assert_eq!(right(&after), 0, "{length}");
            before[10] ^= 0x10;
            let mut after = before.clone();
            after[3] = 99;
            adjust(&place, &before, &mut after);
            assert_ne!(right(&after), 0, "{length}");
        }
    }

    #[test]
    fn no_checksum_stays_none() {
        let before = [0; 8];
        let mut after = [0, 0, 9, 9, 9, 9, 0, 0];
        let place = Sum {
            at: 6,
            cover: 0..8,
            pseudo: 0..0,
            optional: true,
        };
        adjust(&place, &before, &mut after);
        assert_eq!(after[6..], [0, 0]);
    }
}
