//! DNS messages: names and addresses replaced in place, what cannot be replaced filled.
//!
//! A message is walked from its header on; what the walk understands is copied or replaced, everything else becomes
//! zeros. Label lengths, compression pointers, types and record lengths stay as they are, so also the message that is
//! broken stays broken in the same place.
//!
//! A label that several names share through compression is written once; names of the target are written first, so
//! that no other name spoils them.

use super::address::Addresses;
use super::names::Names;
use crate::types::Addr;

const HEADER: usize = 12;
/// Records of one message that are looked at; an answer of more is zeros behind them.
const MAX_RECORDS: usize = 2000;
/// Labels and pointers of one name (RFC 1035: 127 labels).
const MAX_STEPS: usize = 160;

/// A label: where its length byte stands, and how long it is.
type Place = (usize, usize);

struct Walk<'a> {
    message: &'a [u8],
    out: &'a mut [u8],
    names: &'a Names,
    addresses: &'a mut Addresses,
    /// Each name met.
    met: Vec<Vec<Place>>,
}

/// A record without its owner.
struct Record {
    kind: u16,
    class: u16,
    data: std::ops::Range<usize>,
    /// The owner is a name of the target.
    target: bool,
}

/// Writes the redacted form of `message` into `out`, which is zeros and as long.
pub(super) fn redact(message: &[u8], out: &mut [u8], names: &Names, addresses: &mut Addresses) {
    let mut walk = Walk {
        message,
        out,
        names,
        addresses,
        met: Vec::new(),
    };
    walk.all();
    walk.write_names();
}

/// The same where the message lies in its place.
pub(super) fn redact_in_place(message: &mut [u8], names: &Names, addresses: &mut Addresses) {
    let original = message.to_vec();
    message.fill(0);
    redact(&original, message, names, addresses);
}

impl Walk<'_> {
    fn all(&mut self) -> Option<()> {
        self.copy(0, HEADER.min(self.message.len()));
        let count = |at: usize| self.be16(at).map(usize::from);
        let questions = count(4)?;
        let records = count(6)? + count(8)? + count(10)?;
        let mut at = HEADER;
        for _ in 0..questions.min(MAX_RECORDS) {
            (at, _) = self.name(at)?;
            self.copy(at, 4);
            at += 4;
        }
        for _ in 0..records.min(MAX_RECORDS) {
            at = self.record(at)?;
        }
        Some(())
    }

    fn record(&mut self, at: usize) -> Option<usize> {
        let (at, target) = self.name(at)?;
        self.copy(at, 10);
        let length = usize::from(self.be16(at + 8)?);
        let start = at + 10;
        let end = start.checked_add(length)?;
        let record = Record {
            kind: self.be16(at)?,
            class: self.be16(at + 2)?,
            data: start..end.min(self.message.len()),
            target,
        };
        self.data(&record);
        (end <= self.message.len()).then_some(end)
    }

    fn data(&mut self, record: &Record) -> Option<()> {
        let at = record.data.start;
        match record.kind {
            41 => return self.options(record.data.clone()),
            _ if record.class != 1 => return None, // CHAOS and the like: contents go
            1 => self.address(at, 4, record.data.end),
            28 => self.address(at, 16, record.data.end),
            2 | 3 | 4 | 5 | 7 | 8 | 9 | 12 | 39 => _ = self.name(at)?,
            6 => {
                let (next, _) = self.name(at)?;
                let (next, _) = self.name(next)?;
                self.copy(next, 20);
            }
            14 | 17 => {
                let (next, _) = self.name(at)?;
                self.name(next)?;
            }
            15 | 18 | 21 | 36 => {
                self.copy(at, 2);
                self.name(at + 2)?;
            }
            16 | 99 => self.strings(record.data.clone())?,
            33 => {
                self.copy(at, 6);
                self.name(at + 6)?;
            }
            43 | 48 | 59 | 60 | 257 => self.copy_within(at, 4, record.data.end),
            46 => {
                self.copy_within(at, 18, record.data.end);
                self.name(at + 18)?;
            }
            47 => {
                let (next, _) = self.name(at)?;
                self.copy_within(next, record.data.end.saturating_sub(next), record.data.end);
            }
            50 => self.nsec3(record.data.clone())?,
            64 | 65 => self.service(record)?,
            _ => {}
        }
        Some(())
    }

    /// Lengths of the strings; their text is filled.
    fn strings(&mut self, data: std::ops::Range<usize>) -> Option<()> {
        let mut at = data.start;
        while at < data.end {
            let length = usize::from(*self.message.get(at)?);
            self.copy(at, 1);
            let end = (at + 1 + length).min(data.end);
            self.out[at + 1..end].fill(b'x');
            at += 1 + length;
        }
        Some(())
    }

    /// Flags, iterations, the lengths of salt and hash, and the types at the end (RFC 5155 section 3.2).
    fn nsec3(&mut self, data: std::ops::Range<usize>) -> Option<()> {
        self.copy_within(data.start, 5, data.end);
        let salt = usize::from(*self.message.get(data.start + 4)?);
        let hash_at = data.start + 5 + salt;
        self.copy_within(hash_at, 1, data.end);
        let hash = usize::from(*self.message.get(hash_at)?);
        let types = hash_at + 1 + hash;
        self.copy_within(types, data.end.saturating_sub(types), data.end);
        Some(())
    }

    /// SVCB and HTTPS (RFC 9460): the target name, and of the parameters what says how to connect.
    fn service(&mut self, record: &Record) -> Option<()> {
        let end = record.data.end;
        self.copy_within(record.data.start, 2, end);
        let (mut at, _) = self.name(record.data.start + 2)?;
        while at + 4 <= end {
            self.copy(at, 4);
            let (kind, length) = (self.be16(at)?, usize::from(self.be16(at + 2)?));
            let stop = (at + 4 + length).min(end);
            let (from, size) = (at + 4, stop - at - 4);
            match kind {
                0..=3 => self.copy(from, size),
                4 => self.each_address(from..stop, 4),
                6 => self.each_address(from..stop, 16),
                5 if record.target => self.copy(from, size),
                7 => self.out[from..stop].fill(b'x'),
                _ => {}
            }
            at = at + 4 + length;
        }
        Some(())
    }

    /// EDNS options (RFC 6891): code and length stay, of the contents only those of numbers.
    fn options(&mut self, data: std::ops::Range<usize>) -> Option<()> {
        let mut at = data.start;
        while at + 4 <= data.end {
            self.copy(at, 4);
            let (code, length) = (self.be16(at)?, usize::from(self.be16(at + 2)?));
            let stop = (at + 4 + length).min(data.end);
            match code {
                8 => self.copy_within(at + 4, 4, stop), // client subnet: family and lengths, the address is zeros
                9 | 11 | 13 => self.copy(at + 4, stop - at - 4), // EXPIRE, keepalive, CHAIN's place
                15 => {
                    self.copy_within(at + 4, 2, stop);
                    if at + 6 < stop {
                        self.out[at + 6..stop].fill(b'x');
                    }
                }
                _ => {}
            }
            at = at + 4 + length;
        }
        Some(())
    }

    fn each_address(&mut self, data: std::ops::Range<usize>, size: usize) {
        for at in data.clone().step_by(size) {
            self.address(at, size, data.end);
        }
    }

    fn address(&mut self, at: usize, size: usize, end: usize) {
        if at + size > end {
            return; // cut
        }
        let bytes = &self.message[at..at + size];
        if let Some(v4) = bytes.first_chunk::<4>().filter(|_| size == 4) {
            let mapped = self.addresses.map(Addr::v4(*v4));
            self.out[at..at + 4].copy_from_slice(&mapped.0.to_be_bytes()[12..]);
        } else if let Some(v6) = bytes.first_chunk::<16>() {
            let mapped = self.addresses.map(Addr::v6(*v6));
            self.out[at..at + 16].copy_from_slice(&mapped.0.to_be_bytes());
        }
    }

    /// Reads the name at `at`; gives where it ends and whether it is the target's. Its labels wait for
    /// [`Walk::write_names`]. A name that cannot be gives none; its lengths and pointers are copied as far as they go.
    fn name(&mut self, at: usize) -> Option<(usize, bool)> {
        let (mut at, mut end) = (at, None);
        let mut places = Vec::new();
        for _ in 0..MAX_STEPS {
            let length = usize::from(*self.message.get(at)?);
            match length {
                0 => {
                    let after = end.unwrap_or(at + 1);
                    let target = self.names.is_target(&self.text(&places));
                    self.met.push(places);
                    return Some((after, target));
                }
                0xc0.. => {
                    self.copy(at, 2);
                    end.get_or_insert(at + 2);
                    at = usize::from(self.be16(at)? & 0x3fff);
                }
                64.. => {
                    self.copy(at, 1);
                    return None;
                }
                _ => {
                    self.copy(at, 1);
                    self.message.get(at + 1..at + 1 + length)?;
                    places.push((at, length));
                    at += 1 + length;
                }
            }
        }
        None
    }

    fn text(&self, places: &[Place]) -> String {
        let labels: Vec<_> = places.iter().map(|place| self.label(*place)).collect();
        labels
            .iter()
            .map(|label| String::from_utf8_lossy(label))
            .collect::<Vec<_>>()
            .join(".")
    }

    fn label(&self, (at, length): Place) -> &[u8] {
        &self.message[at + 1..at + 1 + length]
    }

    fn write_names(&mut self) {
        let mut written = vec![false; self.message.len()];
        let met = std::mem::take(&mut self.met);
        let (first, then): (Vec<_>, Vec<_>) = met
            .into_iter()
            .partition(|places| self.names.is_target(&self.text(places)));
        for places in first.into_iter().chain(then) {
            let labels: Vec<&[u8]> = places.iter().map(|place| self.label(*place)).collect();
            let new = self.names.labels(&labels);
            for (place, new) in places.into_iter().zip(new) {
                let (at, length) = place;
                if std::mem::replace(&mut written[at], true) {
                    continue;
                }
                let label = new
                    .as_deref()
                    .unwrap_or(&self.message[at + 1..at + 1 + length]);
                self.out[at + 1..at + 1 + length].copy_from_slice(label);
            }
        }
    }

    fn copy_within(&mut self, at: usize, length: usize, end: usize) {
        self.copy(at, length.min(end.saturating_sub(at)));
    }

    fn copy(&mut self, at: usize, length: usize) {
        let end = (at + length).min(self.message.len());
        if at < end {
            self.out[at..end].copy_from_slice(&self.message[at..end]);
        }
    }

    fn be16(&self, at: usize) -> Option<u16> {
        let pair = self.message.get(at..)?.first_chunk()?;
        Some(u16::from_be_bytes(*pair))
    }
}
