//! What a segment changes in the facts of its sender.

use super::IpFields;
use super::stream::Hole;
use crate::decode::Segment;
use crate::fact::tcp::{Half, Sent};
use crate::types::Mark;

/// Unacknowledged segments remembered per side.
pub(super) const MAX_IN_FLIGHT: usize = 16;

pub(super) fn note_packet(half: &mut Half, ip: IpFields, mark: Mark) {
    if half.packets == 0 || half.ttl_max == 0 {
        half.ttl = ip.ttl;
        half.ttl_min = ip.ttl;
        half.ttl_max = ip.ttl;
        half.ip_id_zero = true;
    }
    half.packets = half.packets.saturating_add(1);
    half.first.get_or_insert(mark);
    half.last = Some(mark);
    half.ttl_min = half.ttl_min.min(ip.ttl);
    half.ttl_max = half.ttl_max.max(ip.ttl);
    half.ip_id = ip.ip_id;
    half.ip_id_zero &= ip.ip_id == 0;
}

pub(super) fn note_hole(half: &mut Half, hole: Option<Hole>) {
    half.hole_at = hole.map(|h| h.at);
    half.hole_end = hole.map(|h| h.end);
    half.hole_since = hole.map(|h| h.since);
    half.beyond_hole = hole.map_or(0, |h| h.waiting);
}

pub(super) fn note_data(
    half: &mut Half,
    segment: &Segment<'_>,
    offset: u64,
    again: bool,
    mark: Mark,
) {
    half.clipped |= segment.payload.len() < segment.payload_len as usize;
    half.data_segments += 1;
    half.first_data.get_or_insert(mark);
    half.largest_sent = half.largest_sent.max(segment.payload_len);
    let sent = Sent {
        offset,
        length: segment.payload_len,
        mark,
        again,
    };
    let acked = half.acked;
    if sent.offset + u64::from(sent.length) <= acked {
        return;
    }
    if half.in_flight.len() < MAX_IN_FLIGHT {
        half.in_flight.push(sent);
    } else if sent.holds(acked) {
        // The resends of the oldest byte tell most: they take the place of the newest of the others.
        let spare = half.in_flight.iter().rposition(|s| !s.holds(acked));
        if let Some(spare) = spare {
            half.in_flight.remove(spare);
            half.in_flight.push(sent);
        }
    }
}

pub(super) fn retire_acked(half: &mut Half) {
    let acked = half.acked;
    if half.sacked <= acked {
        half.sacked_at = None;
    }
    let mut largest = half.largest_acked;
    half.in_flight.retain(|s| {
        let done = s.offset + u64::from(s.length) <= acked;
        if done {
            largest = largest.max(s.length);
        }
        !done
    });
    half.largest_acked = largest;
}
