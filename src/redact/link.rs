//! Headers below IP, and what capturing programs put around frames.

use super::address::Addresses;
use super::frame::Job;
use super::secret::Secret;
use crate::decode::trace::{Layer, Note};
use crate::types::Frame;
use std::collections::HashSet;

/// A hardware address becomes another one, locally administered, without its maker. Group addresses stay, but for the
/// part in which IPv6 repeats a host's address (RFC 2464 section 7); so does the address of zeros.
pub(super) fn mac(job: &mut Job<'_>, at: usize, secret: &Secret) {
    let Some(old) = job.before.get(at..at + 6) else {
        return;
    };
    let mut new: [u8; 6] = [0; 6];
    new.copy_from_slice(old);
    if old.starts_with(&[0x33, 0x33, 0xff]) {
        let low = secret.bytes::<4>("mac", &old[3..]);
        new[3..].copy_from_slice(&low[..3]);
    } else if old[0] & 1 == 0 && old != [0; 6] {
        new = secret.bytes("mac", old);
        new[0] = new[0] & 0xfc | 2;
    }
    job.out[at..at + 6].copy_from_slice(&new);
}

/// Writes the header of a layer below IP; gives where it ends.
pub(super) fn header(
    job: &mut Job<'_>,
    note: &Note,
    addresses: &mut Addresses,
    secret: &Secret,
    apps: &HashSet<String>,
) -> usize {
    let at = note.at;
    match note.layer {
        Layer::Ethernet | Layer::Subframe => {
            job.copy(at + 12, 2);
            mac(job, at, secret);
            mac(job, at + 6, secret);
            at + 14
        }
        Layer::Sll => cooked(job, at, (16, 5, 6), secret),
        Layer::Sll2 => cooked(job, at, (20, 11, 12), secret),
        Layer::Wifi => wifi(job, at, note.len, secret),
        Layer::Prism => {
            job.copy(at, 8); // a device name follows
            at + 24
        }
        Layer::Ppi => ppi(job, at, note.len),
        Layer::Pktap => pktap(job, at, note.len, apps),
        Layer::Attribute => attribute(job, at),
        Layer::Arp => arp(job, note, addresses, secret),
        _ => at + note.len,
    }
}

/// Linux cooked headers: length, place of the address' length, place of the address in eight bytes.
fn cooked(
    job: &mut Job<'_>,
    at: usize,
    (length, size, place): (usize, usize, usize),
    secret: &Secret,
) -> usize {
    job.copy(at, length);
    job.zero(at + place, 8);
    if job.before.get(at + size) == Some(&6) {
        mac(job, at + place, secret);
    }
    at + length
}

/// 802.11: management and control frames keep their addresses' places, nothing more.
fn wifi(job: &mut Job<'_>, at: usize, length: usize, secret: &Secret) -> usize {
    job.copy(at, 4.min(length));
    let Some(&[first, flags]) = job.before.get(at..).and_then(|b| b.first_chunk()) else {
        return at + length;
    };
    let kind = first >> 2 & 3;
    let (places, end) = match kind {
        1 => (1 + usize::from(length >= 16), length),
        _ => (3, 24),
    };
    for place in (0..places)
        .map(|n| 4 + 6 * n)
        .filter(|place| place + 6 <= length)
    {
        mac(job, at + place, secret);
    }
    if kind == 1 {
        return at + length;
    }
    if length >= 24 {
        job.copy(at + 22, 2);
    }
    if flags & 3 == 3 && kind == 2 && length >= 30 {
        mac(job, at + 24, secret);
        return at + 30;
    }
    at + end
}

/// PPI: its fields may say where on earth it was; of them only the flags of 802.11 are needed.
fn ppi(job: &mut Job<'_>, at: usize, length: usize) -> usize {
    let end = at + length;
    job.copy(at, 8.min(length));
    let mut field = at + 8;
    while field + 4 <= end {
        let kind = u16::from_le_bytes([job.before[field], job.before[field + 1]]);
        let size = usize::from(u16::from_le_bytes([
            job.before[field + 2],
            job.before[field + 3],
        ]));
        job.copy(
            field,
            if kind == 2 {
                (4 + size).min(end - field)
            } else {
                4
            },
        );
        field += 4 + size;
    }
    end
}

/// Apple's PKTAP: names of the interface and of processes go, unless the process is the target's.
fn pktap(job: &mut Job<'_>, at: usize, length: usize, apps: &HashSet<String>) -> usize {
    let v2 = job
        .before
        .get(at + 38)
        .is_some_and(|flags| flags & 0x08 != 0);
    if v2 {
        if length < 40 {
            return at + length;
        }
        // Lengths and numbers; names and addresses follow at the places that the header gives.
        job.copy(at, 40.min(length));
        for place in [4, 5] {
            let name = at + usize::from(job.before[at + place]);
            if name >= at + 40 {
                app(job, name, (at + length).saturating_sub(name).min(17), apps);
            }
        }
    } else {
        job.copy(at, length.min(108));
        job.zero(at + 12, 24);
        for place in [56, 88] {
            job.zero(at + place, 17);
            app(job, at + place, 17.min(length.saturating_sub(place)), apps);
        }
    }
    at + length
}

/// Copies a name in a field if it is one of `apps`.
fn app(job: &mut Job<'_>, at: usize, length: usize, apps: &HashSet<String>) {
    let Some(field) = job.before.get(at..at + length) else {
        return;
    };
    let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    if std::str::from_utf8(&field[..end]).is_ok_and(|name| apps.contains(name)) {
        job.copy(at, end);
    } else {
        job.zero(at, length);
        let letters = end.min(job.out.len().saturating_sub(at));
        job.out[at..at + letters].fill(b'x');
    }
}

/// An attribute of NFLOG: its length and kind, of its value only what the packet header says.
fn attribute(job: &mut Job<'_>, at: usize) -> usize {
    if at + 4 > job.before.len() {
        return at;
    }
    job.copy(at, 4);
    let little = u16::from_le_bytes([job.before[at], job.before[at + 1]]);
    let big = little.swap_bytes();
    let length = usize::from(little.min(big)).max(4);
    let kind = job.before[at + 2] | job.before[at + 3];
    match kind {
        9 => at + 4,
        1 => {
            job.copy(at, length);
            at + length
        }
        _ => (at + length.next_multiple_of(4)).min(job.before.len()),
    }
}

fn arp(job: &mut Job<'_>, note: &Note, addresses: &mut Addresses, secret: &Secret) -> usize {
    let at = note.at;
    job.copy(at, 8.min(note.len));
    let usual = job.before.get(at + 4..at + 6) == Some(&[6, 4]);
    if usual && note.len >= 28 {
        for place in [8, 18] {
            mac(job, at + place, secret);
            job.address(at + place + 6, false, addresses);
        }
    }
    at + note.len
}

/// PCAPdroid's trailer: its mark, and the app where it is the target's.
pub(super) fn trailer(frame: &Frame<'_>, out: &mut [u8], apps: &HashSet<String>) {
    const MAGIC: [u8; 4] = [0x01, 0x07, 0x20, 0x21];
    let data = frame.data;
    let fits = frame.link.0 == 1 && data.len() >= 46 && data[..12] == [0; 12];
    if !fits || data[data.len() - 32..][..4] != MAGIC {
        return;
    }
    let at = data.len() - 32;
    out[at..at + 4].copy_from_slice(&MAGIC);
    let name = &data[at + 8..at + 28];
    let end = name.iter().position(|b| *b == 0).unwrap_or(name.len());
    let known = std::str::from_utf8(&name[..end]).is_ok_and(|name| apps.contains(name));
    if known {
        out[at + 4..at + 28].copy_from_slice(&data[at + 4..at + 28]);
    } else {
        out[at + 4..at + 8].fill(0xff);
        out[at + 8..at + 8 + end].fill(b'x');
    }
}
