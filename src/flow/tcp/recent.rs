//! The last few segments of a side, to tell a packet that the capture holds twice from one that was sent again.
//!
//! Captures on several interfaces ("any", a bridge, a tunnel and what carries it), or two captures read together,
//! see one packet more than once, milliseconds apart at most. A packet sent again has another IP identification. Where there is none (IPv6, or
//! 0 as some systems write it), every field must be the same, the timestamp option included, within less time.

use super::IpFields;
use crate::decode::Segment;
use crate::types::Mark;
use std::time::Duration;

/// Segments remembered a side: a burst of that many may lie between a packet and its copy.
const KEPT: usize = 8;
/// The capture's copy comes within this time, where the IP identification is the same.
const WITH_ID: Duration = Duration::from_millis(100);
/// The same without identification: a resend without timestamps would look alike, but not come that soon.
const WITHOUT_ID: Duration = Duration::from_millis(20);

/// The last segments that carried data, SYN or RST.
#[derive(Debug, Default)]
pub(super) struct Recent {
    seen: [(u64, Mark); KEPT],
    at: usize,
}

impl Recent {
    /// Was a packet just like this seen a moment ago?
    pub(super) fn has(&self, signature: u64, ip: IpFields, mark: Mark) -> bool {
        let window = if ip.ip_id == 0 { WITHOUT_ID } else { WITH_ID };
        self.seen.iter().any(|(known, at)| {
            *known == signature
                && (at.capture, at.frame) != (mark.capture, mark.frame)
                && mark.time.since(at.time) < window
        })
    }

    /// Remembers a segment in place of the oldest.
    pub(super) fn push(&mut self, signature: u64, mark: Mark) {
        self.seen[self.at % KEPT] = (signature, mark);
        self.at = (self.at + 1) % KEPT;
    }
}

/// What copies have in common.
pub(super) fn signature(segment: &Segment<'_>, ip: IpFields) -> u64 {
    let flags = u64::from(segment.flags.0);
    let first = u64::from(segment.seq) << 32 | u64::from(segment.payload_len);
    let mut hash = mix(mix(1, first), flags << 16 | u64::from(ip.ip_id));
    if ip.ip_id == 0 {
        let window = u64::from(segment.window) << 32;
        hash = mix(hash, window | u64::from(segment.ack));
        for part in segment.options.chunks(8) {
            let word = part.iter().fold(0, |w, b| w << 8 | u64::from(*b));
            hash = mix(hash, word);
        }
    }
    hash | 1 // 0 stands for nothing seen yet
}

/// The same for a SYN of which only the first fields are known: SYNs are told by number and identification alone.
pub(super) fn syn_signature(seq: u32, flags: u8, ip_id: u16) -> u64 {
    mix(
        mix(2, u64::from(seq)),
        u64::from(flags) << 16 | u64::from(ip_id),
    ) | 1
}

fn mix(hash: u64, word: u64) -> u64 {
    (hash ^ word)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(29)
}
