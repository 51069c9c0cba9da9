//! Walks classic pcap files (draft-ietf-opsawg-pcap): microseconds or nanoseconds, both byte orders, and the "modified"
//! variant of Alexey Kuznetzov's libpcap patch, whose record header is 24 bytes (it adds interface index, protocol and
//! packet type). Some phones' tcpdump writes such records under the ordinary magic number; [`Pcap::settle`] finds that
//! out from where the second record starts, as Wireshark does.
//!
//! pcap has nothing to find the next record by, so after a nonsensical length nothing more can be read. A captured
//! length is nonsense above the file's snap length or 256 KiB, whichever is larger (libpcap's rule; snap lengths of 0
//! or more than 16 MiB count as "not limited", for which [`MAX_RECORD`] is the bound).

use super::step::{MAX_PACKET, MAX_RECORD, Order, Packet, Step};
use crate::types::{Direction, LinkType, Timestamp};

/// Length of the file header.
pub(super) const HEADER: usize = 24;
/// Packets up to this length are plausible whatever the snap length says: tcpdump's and Wireshark's own limit.
const PLAUSIBLE: usize = 262_144;

/// A pcap file header, and with it how to read the records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pcap {
    order: Order,
    /// Nanoseconds in one unit of a record's fraction.
    unit: i64,
    modified: bool,
    version: (u16, u16),
    /// Link type; the upper 16 bits of the field (FCS length) are masked out.
    pub(super) link: LinkType,
    /// Snap length as stated.
    pub(super) snap: u32,
    limit: usize,
}

/// Whether the bytes start with any of pcap's magic numbers.
pub(super) fn is_pcap(start: &[u8]) -> bool {
    kind(start).is_some()
}

/// Byte order, unit, modified.
fn kind(start: &[u8]) -> Option<(Order, i64, bool)> {
    let little = Order { big: false };
    let big = Order { big: true };
    Some(match *start.first_chunk()? {
        [0xd4, 0xc3, 0xb2, 0xa1] => (little, 1000, false),
        [0xa1, 0xb2, 0xc3, 0xd4] => (big, 1000, false),
        [0x4d, 0x3c, 0xb2, 0xa1] => (little, 1, false),
        [0xa1, 0xb2, 0x3c, 0x4d] => (big, 1, false),
        [0x34, 0xcd, 0xb2, 0xa1] => (little, 1000, true),
        [0xa1, 0xb2, 0xcd, 0x34] => (big, 1000, true),
        _ => return None,
    })
}

impl Pcap {
    /// Reads the file header from at least [`HEADER`] bytes; the error says what is wrong with it.
    pub(super) fn new(bytes: &[u8]) -> Result<Self, String> {
        let (order, unit, modified) = kind(bytes).ok_or("no pcap header")?;
        let version = (order.u16(bytes, 4), order.u16(bytes, 6));
        if version.0 != 2 {
            return Err(format!(
                "is pcap version {}.{}, which is not known",
                version.0, version.1
            ));
        }
        let snap = order.u32(bytes, 16);
        let limit = match snap as usize {
            0 => MAX_RECORD,
            n if n > MAX_PACKET => MAX_RECORD,
            n => n.max(PLAUSIBLE),
        };
        Ok(Self {
            order,
            unit,
            modified,
            version,
            link: LinkType(order.u32(bytes, 20) & 0xffff),
            snap,
            limit,
        })
    }

    /// Reads the record at the start of `bytes`.
    #[inline]
    pub(super) fn step(&self, bytes: &[u8]) -> Step {
        let header = if self.modified { 24 } else { 16 };
        if bytes.len() < header {
            return Step::Need(header);
        }
        let (len, original_len) = self.lengths(bytes);
        if len > self.limit.min(MAX_PACKET) {
            return self.too_long(len, header);
        }
        let total = header + len;
        if bytes.len() < total {
            return Step::Need(total);
        }
        Step::Packet(Packet {
            time: Some(self.time(bytes)),
            link: self.link,
            original_len,
            direction: self.direction(bytes),
            uid: None,
            start: header,
            len,
            total,
        })
    }

    /// How many bytes of the records must be in view for [`Pcap::settle`], given at least the first 16.
    pub(super) fn two_records(&self, bytes: &[u8]) -> usize {
        24 + self.lengths(bytes).0.min(MAX_PACKET) + 16
    }

    /// Decides whether the records are the longer ones in spite of the magic number: they are if the second one makes
    /// no sense where ordinary records have it, and does 8 bytes later. `bytes` are the records, as far as known.
    pub(super) fn settle(&mut self, bytes: &[u8]) {
        let (len, _) = self.lengths(bytes);
        let second = |header: usize| bytes.get(header + len..).filter(|rest| rest.len() >= 16);
        if let (Some(short), Some(long)) = (second(16), second(24)) {
            self.modified |= !self.plausible(short) && self.plausible(long);
        }
    }

    fn plausible(&self, record: &[u8]) -> bool {
        let (len, original) = self.lengths(record);
        let whole = 1_000_000_000 / self.unit;
        len <= self.limit.min(PLAUSIBLE)
            && len <= original as usize
            && i64::from(self.order.u32(record, 4)) < whole
    }

    #[inline]
    fn time(&self, bytes: &[u8]) -> Timestamp {
        let seconds = i64::from(self.order.u32(bytes, 0));
        let fraction = i64::from(self.order.u32(bytes, 4));
        Timestamp(seconds * 1_000_000_000 + fraction * self.unit)
    }

    /// Captured and original length. Versions before 2.3 wrote them the other way round, 2.3 either way.
    #[inline]
    fn lengths(&self, bytes: &[u8]) -> (usize, u32) {
        let (captured, original) = (self.order.u32(bytes, 8), self.order.u32(bytes, 12));
        match self.version.1 {
            0..=2 => (original as usize, captured),
            3 if captured > original => (original as usize, captured),
            _ => (captured as usize, original),
        }
    }

    /// The packet type of the modified variant has the values of a cooked capture: 0 to us, 4 from us.
    #[inline]
    fn direction(&self, bytes: &[u8]) -> Direction {
        match (self.modified, bytes.get(22)) {
            (true, Some(0)) => Direction::In,
            (true, Some(4)) => Direction::Out,
            _ => Direction::Unknown,
        }
    }

    #[cold]
    fn too_long(&self, len: usize, header: usize) -> Step {
        if len > self.limit {
            return Step::Stop(format!(
                "states a length of {len} bytes (snap length {}), which is nonsense; the file can't be read beyond it",
                self.snap
            ));
        }
        Step::Pass {
            bytes: header + len,
            frames: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{BIG, LITTLE, MICROS, Writer, open_bytes, read};
    use super::super::{Compression, Format, Reading};
    use crate::types::{Direction, LinkType, Timestamp};

    const NANOS: u32 = 0xa1b2_3c4d;
    const MODIFIED: u32 = 0xa1b2_cd34;

    fn two(w: Writer, magic: u32) -> Vec<u8> {
        let header = w.pcap(magic, 0, 101);
        [
            header,
            w.record((10, 999_999), b"abc", 3),
            w.record((4_000_000_000, 1), b"defgh", 1500),
        ]
        .concat()
    }

    #[test]
    fn test_both_orders_and_resolutions() {
        for w in [LITTLE, BIG] {
            for (magic, unit) in [(MICROS, 1000), (NANOS, 1)] {
                let (seen, info) = read(&two(w, magic));
                assert_eq!(seen.len(), 2);
                assert_eq!(
                    (seen[0].nanos, seen[0].number),
                    (10_000_000_000 + 999_999 * unit, 1)
                );
                assert_eq!(
                    (seen[1].nanos, seen[1].number),
                    (4_000_000_000_000_000_000 + unit, 2)
                );
                assert_eq!(
                    (&seen[0].data[..], seen[0].original, seen[0].link),
                    (&b"abc"[..], 3, 101)
                );
                assert_eq!((&seen[1].data[..], seen[1].original), (&b"defgh"[..], 1500));
                assert_eq!(
                    (info.packets, info.bytes, info.cut, info.dropped),
                    (2, 1503, 1, None)
                );
                assert_eq!(
                    (info.first, info.last),
                    (
                        Some(Timestamp(seen[0].nanos)),
                        Some(Timestamp(seen[1].nanos))
                    )
                );
                assert_eq!(
                    (info.format, info.compression),
                    (Format::Pcap, Compression::None)
                );
                assert!(info.complete && info.problems.is_empty());
            }
        }
    }

    #[test]
    fn test_modified_records_have_longer_headers_and_a_direction() {
        for w in [LITTLE, BIG] {
            let mut file = w.pcap(MODIFIED, 65535, 1);
            for kind in [0, 4, 3] {
                let record = w.record((5, 7), b"xyz", 3);
                let extra = [w.u32(2), w.u16(0x800), vec![kind, 0]].concat();
                file.extend([&record[..16], &extra, &record[16..]].concat());
            }
            let (seen, info) = read(&file);
            let directions: Vec<Direction> = seen.iter().map(|s| s.direction).collect();
            assert_eq!(
                directions,
                [Direction::In, Direction::Out, Direction::Unknown]
            );
            assert!(
                seen.iter()
                    .all(|s| s.data == b"xyz" && s.nanos == 5_000_007_000)
            );
            assert!(info.complete);
        }
    }

    #[test]
    fn test_longer_records_under_the_ordinary_magic_are_noticed() {
        for w in [LITTLE, BIG] {
            let mut file = w.pcap(MICROS, 262_144, 1);
            for n in 0..3 {
                let record = w.record((1_586_386_429 + n, 7), b"packet of some length", 21);
                file.extend([&record[..16], &[0; 8], &record[16..]].concat());
            }
            let (seen, info) = read(&file);
            assert_eq!((seen.len(), info.complete), (3, true));
            assert!(seen.iter().all(|s| s.data == b"packet of some length"));
            // Ordinary records stay ordinary, also with packets that start with zeros, and for a single one.
            for count in 1..4 {
                let records = w.record((1_586_386_429, 7), &[0; 60], 60).repeat(count);
                let (seen, info) = read(&[w.pcap(MICROS, 262_144, 1), records].concat());
                assert_eq!((seen.len(), info.complete), (count, true));
                assert!(seen.iter().all(|s| s.data == [0; 60]));
            }
        }
    }

    #[test]
    fn test_the_link_type_is_masked() {
        let (_, info) = read(&LITTLE.pcap(MICROS, 65535, 0xf400_0071));
        assert_eq!(info.link_types, [LinkType(113)]);
    }

    #[test]
    fn test_a_header_alone_is_a_capture_without_packets() {
        let (seen, info) = read(&LITTLE.pcap(MICROS, 65535, 1));
        assert!(seen.is_empty() && info.complete && info.problems.is_empty());
        assert_eq!((info.packets, info.first, info.snap_len), (0, None, 65535));
    }

    #[test]
    fn test_old_versions_have_their_lengths_swapped() {
        let mut file = two(LITTLE, MICROS);
        file[6] = 3;
        // The second record's captured length is below its original: as in 2.4. Swapped it must read the same.
        let (straight, _) = read(&file);
        for at in [24, 43] {
            let (a, b) = (
                file[at + 8..at + 12].to_vec(),
                file[at + 12..at + 16].to_vec(),
            );
            file[at + 8..at + 12].copy_from_slice(&b);
            file[at + 12..at + 16].copy_from_slice(&a);
        }
        assert_eq!(read(&file).0, straight);
        file[6] = 2;
        assert_eq!(read(&file).0, straight);
        file[4] = 9;
        let error = open_bytes(&[&file], Reading::Direct)
            .err()
            .unwrap()
            .to_string();
        assert!(error.starts_with("0: is pcap version 9.2"), "{error}");
    }

    #[test]
    fn test_a_cut_file_keeps_what_came_before() {
        let file = two(BIG, MICROS);
        for cut in 1..file.len() {
            let Ok(mut source) = open_bytes(&[&file[..cut]], Reading::Direct) else {
                assert!(cut < 24);
                continue;
            };
            assert!(cut >= 24);
            let whole = usize::from(cut >= 43);
            assert_eq!(super::super::sample::seen(&mut source).len(), whole);
            let info = &super::super::Source::captures(&source)[0];
            let boundary = cut == 24 || cut == 43;
            assert_eq!(info.complete, boundary, "cut at {cut}");
            assert_eq!(info.problems.is_empty(), boundary);
            if let Some(problem) = info.problems.first() {
                let at = if cut > 43 { 43 } else { 24 };
                let start = format!(
                    "file ends inside packet {}: its record starts at byte {at}, ",
                    whole + 1
                );
                assert!(problem.starts_with(&start), "{problem}");
            }
        }
    }

    #[test]
    fn test_a_nonsensical_length_ends_the_file() {
        for (snap, len) in [(65535, 262_145), (0, (256 << 20) + 1), (0, u32::MAX)] {
            let mut file = [
                LITTLE.pcap(MICROS, snap, 1),
                LITTLE.record((1, 2), b"ok", 2),
            ]
            .concat();
            let mut record = LITTLE.record((1, 3), b"bad", 3);
            record[8..12].copy_from_slice(&len.to_le_bytes());
            file.extend(record);
            let (seen, info) = read(&file);
            assert_eq!((seen.len(), info.complete), (1, false));
            assert!(
                info.problems[0].starts_with("the record at byte 42, after packet 1, "),
                "{:?}",
                info.problems
            );
            assert!(info.problems[0].contains(&len.to_string()));
        }
    }

    #[test]
    fn test_a_giant_packet_is_left_out_and_the_rest_read() {
        let giant = vec![7; (16 << 20) + 1];
        let file = [
            LITTLE.pcap(MICROS, 0, 1),
            LITTLE.record((1, 2), &giant[1..], 16 << 20),
            LITTLE.record((1, 2), &giant, 5),
            LITTLE.record((1, 3), b"next", 4),
        ]
        .concat();
        let (seen, info) = read(&file);
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0].data.len(), 16 << 20, "the largest packet is read");
        assert_eq!((seen[1].number, &seen[1].data[..]), (3, &b"next"[..]));
        assert!(
            info.problems[0].starts_with("packet 2 at byte 16777256 has 16777233 bytes"),
            "{:?}",
            info.problems
        );
        assert!(!info.complete);
    }
}
