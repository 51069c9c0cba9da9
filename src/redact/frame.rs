//! One frame: headers copied layer by layer with other addresses in them, everything else zeros, checksums adjusted.
//!
//! The decoder says where the layers lie ([`crate::decode::layers`]); what it does not recognise is not copied.

use super::address::Addresses;
use super::checksum::{Sum, adjust};
use super::edit::{Edits, Store};
use super::names::Names;
use super::quic::{self, Datagram, Flows, Hellos};
use super::secret::Secret;
use super::{dns, quote};
use crate::decode::layers;
use crate::decode::trace::{Layer, Note};
use crate::flow::table::Key;
use crate::observe::quic::looks_like_quic;
use crate::types::{Addr, Endpoint, Frame};
use std::collections::{HashMap, HashSet};

const SYN: u8 = 0x02;

/// The edits of one connection.
#[derive(Default, Debug)]
pub(super) struct Known {
    /// Frames before this one belong to an earlier connection with the same ends.
    pub(super) since: u64,
    /// Sequence number of the first byte of the low end's stream, and of the high end's.
    pub(super) base: [Option<u32>; 2],
    pub(super) edits: [Edits; 2],
}

/// Everything that the second pass needs.
pub(super) struct Rewriter {
    pub(super) names: Names,
    pub(super) secret: Secret,
    pub(super) addresses: Addresses,
    pub(super) store: Store,
    pub(super) flows: HashMap<quic::Flow, Vec<Known>>,
    pub(super) hellos: Hellos,
    pub(super) quic: Flows,
    pub(super) apps: HashSet<String>,
    pub(super) fragments: HashMap<u64, Box<[u8]>>,
    pub(super) notes: Vec<Note>,
    pub(super) counts: Counts,
}

/// What was done to the frames.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Counts {
    pub(super) frames: u64,
    pub(super) dns: u64,
    pub(super) emptied: u64,
    pub(super) undecoded: u64,
}

/// A frame on its way.
pub(super) struct Job<'a> {
    pub(super) before: &'a [u8],
    pub(super) out: &'a mut [u8],
    /// Up to here everything is written.
    done: usize,
    sums: Vec<Sum>,
    /// The IP header last met.
    ip: Option<Ip>,
    ordinal: u64,
}

/// An IP header.
#[derive(Clone, Debug)]
pub(super) struct Ip {
    pub(super) addresses: std::ops::Range<usize>,
    pub(super) src: Addr,
    pub(super) dst: Addr,
}

impl<'a> Job<'a> {
    pub(super) fn new(before: &'a [u8], out: &'a mut [u8], ordinal: u64) -> Self {
        Self {
            before,
            out,
            done: 0,
            sums: Vec::new(),
            ip: None,
            ordinal,
        }
    }

    /// Copies `length` bytes as they are, as far as they are there.
    pub(super) fn copy(&mut self, at: usize, length: usize) {
        let end = (at + length).min(self.before.len());
        if at < end {
            self.out[at..end].copy_from_slice(&self.before[at..end]);
        }
    }

    pub(super) fn zero(&mut self, at: usize, length: usize) {
        let end = (at + length).min(self.out.len());
        if at < end {
            self.out[at..end].fill(0);
        }
    }

    /// Writes an IP header's addresses.
    pub(super) fn address(&mut self, at: usize, v6: bool, addresses: &mut Addresses) {
        let size = if v6 { 16 } else { 4 };
        let Some(old) = self.before.get(at..at + size) else {
            return;
        };
        let old = match old.first_chunk::<16>() {
            Some(bytes) => Addr::v6(*bytes),
            None => Addr::v4([old[0], old[1], old[2], old[3]]),
        };
        let new = addresses.map(old).0.to_be_bytes();
        self.out[at..at + size].copy_from_slice(&new[16 - size..]);
    }

    pub(super) fn push_sum(&mut self, sum: Sum) {
        self.sums.push(sum);
    }

    fn finish(mut self) {
        // The inner ones first: the outer ones cover them.
        for sum in std::mem::take(&mut self.sums).iter().rev() {
            adjust(sum, self.before, self.out);
        }
    }
}

impl Rewriter {
    /// Writes the redacted form of a frame into `out`.
    pub(super) fn rewrite(&mut self, frame: &Frame<'_>, ordinal: u64, out: &mut Vec<u8>) {
        out.clear();
        out.resize(frame.data.len(), 0);
        let mut notes = std::mem::take(&mut self.notes);
        layers(frame, &mut notes);
        let mut job = Job::new(frame.data, out, ordinal);
        // The decoder notes a layer before it asks whether its bytes are there.
        let there = |note: &&Note| note.len > 0 && note.at + note.len <= frame.data.len();
        let known = notes.iter().take_while(there).count();
        let notes_there = &notes[..known];
        for (at, note) in notes_there.iter().enumerate() {
            // What lies between two layers led from one to the other.
            if job.done < note.at {
                let (from, length) = (job.done, note.at - job.done);
                self.glue(&mut job, from, length);
            }
            job.done = job.done.max(note.at);
            self.layer(&mut job, note, frame, notes_there.get(at + 1));
        }
        self.counts.frames += 1;
        if job.ip.is_none() {
            self.counts.undecoded += 1;
        }
        job.finish();
        super::link::trailer(frame, out, &self.apps);
        self.notes = notes;
    }

    fn glue(&self, job: &mut Job<'_>, from: usize, length: usize) {
        // Teredo's own headers hold addresses and keys; their lengths are in the first four bytes.
        let teredo = job.before.get(from..from + 2) == Some(&[0, 1])
            || job.before.get(from..from + 2) == Some(&[0, 0]) && length == 8;
        match (job.ip.is_some() && teredo, job.before.get(from + 1)) {
            (true, Some(1)) => job.copy(from, length.min(4)),
            (true, _) => {}
            _ => job.copy(from, length),
        }
    }

    fn layer(&mut self, job: &mut Job<'_>, note: &Note, frame: &Frame<'_>, next: Option<&Note>) {
        let at = note.at;
        let end = match note.layer {
            Layer::V4 => self.v4(job, at),
            Layer::V6 => {
                job.copy(at, 40);
                job.address(at + 8, true, &mut self.addresses);
                job.address(at + 24, true, &mut self.addresses);
                job.ip = ip(job.before, at + 8, 16);
                at + 40
            }
            Layer::Extension(length) => {
                job.copy(at, 2);
                at + length
            }
            Layer::FragmentHeader => {
                job.copy(at, 8);
                at + 8
            }
            Layer::Authentication(length) => {
                job.copy(at, 12.min(length));
                at + length
            }
            Layer::Fragment => {
                if let Some(new) = self.fragments.get(&job.ordinal) {
                    let end = (at + new.len()).min(job.out.len());
                    job.out[at..end].copy_from_slice(&new[..end - at]);
                }
                at + note.len
            }
            Layer::Tcp => self.tcp(job, note),
            Layer::Udp => self.udp(job, note, frame, next),
            Layer::Icmp | Layer::Icmp6 => {
                let v6 = note.layer == Layer::Icmp6;
                let pseudo = job
                    .ip
                    .as_ref()
                    .filter(|_| v6)
                    .map_or(0..0, |ip| ip.addresses.clone());
                job.push_sum(Sum {
                    at: at + 2,
                    cover: at..at + note.len,
                    pseudo,
                    optional: false,
                });
                quote::icmp(
                    job,
                    at..at + note.len,
                    v6,
                    &mut self.addresses,
                    &self.secret,
                );
                at + note.len
            }
            _ => super::link::header(job, note, &mut self.addresses, &self.secret, &self.apps),
        };
        job.done = end.min(job.out.len());
    }

    fn v4(&mut self, job: &mut Job<'_>, at: usize) -> usize {
        let length = usize::from(job.before[at] & 0x0f) * 4;
        quote::v4_header(job, at, length, &mut self.addresses);
        job.ip = ip(job.before, at + 12, 4);
        at + length
    }

    fn tcp(&mut self, job: &mut Job<'_>, note: &Note) -> usize {
        let (at, end) = (note.at, note.at + note.len);
        let Some(header) = job.before.get(at..at + 20).filter(|_| note.len >= 20) else {
            return end;
        };
        let length = (usize::from(header[12] >> 4) * 4).clamp(20, note.len);
        let ports = (be16(header, 0), be16(header, 2));
        let seq = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let syn = u32::from(header[13] & SYN != 0);
        job.copy(at, 20);
        quote::options(job, at + 20..at + length);
        if let Some(ip) = job.ip.clone() {
            job.push_sum(Sum {
                at: at + 16,
                cover: at..end,
                pseudo: ip.addresses.clone(),
                optional: false,
            });
            let (key, src_low) = key(&ip, ports, 6);
            let known = self.flows.get(&quic::flow(&key));
            let known = known.and_then(|list| {
                let after = list.partition_point(|k| k.since <= job.ordinal);
                list.get(after.checked_sub(1)?)
            });
            let side = usize::from(!src_low);
            if let Some(known) = known
                && let Some(base) = known.base[side]
            {
                let offset = seq.wrapping_add(syn).wrapping_sub(base);
                self.store
                    .apply(&known.edits[side], offset, &mut job.out[at + length..end]);
            }
        }
        end
    }

    fn udp(
        &mut self,
        job: &mut Job<'_>,
        note: &Note,
        frame: &Frame<'_>,
        next: Option<&Note>,
    ) -> usize {
        let (at, end) = (note.at, note.at + note.len);
        let Some(header) = job.before.get(at..at + 8).filter(|_| note.len >= 8) else {
            return end;
        };
        let ports = (be16(header, 0), be16(header, 2));
        let stated = usize::from(be16(header, 4));
        let end = match stated {
            8.. => end.min(at + stated),
            _ => end,
        };
        job.copy(at, 8);
        let Some(ip) = job.ip.clone() else { return end };
        job.push_sum(Sum {
            at: at + 6,
            cover: at..end,
            pseudo: ip.addresses.clone(),
            optional: true,
        });
        if next.is_some_and(|next| next.at < end) {
            return at + 8; // a tunnel
        }
        let payload = &job.before[at + 8..end];
        let out = &mut job.out[at + 8..end];
        if ports.0 == 53 || ports.1 == 53 {
            dns::redact(payload, out, &self.names, &mut self.addresses);
            self.counts.dns += 1;
            return end;
        }
        let (key, src_low) = key(&ip, ports, 17);
        let datagram = Datagram {
            flow: quic::flow(&key),
            src_low,
            payload,
            cut: frame.data.len() < frame.original_len as usize,
            likely: looks_like_quic(payload, ports.1, ports.0),
        };
        if !self.quic.redact(&datagram, &self.hellos, &self.secret, out) {
            self.counts.emptied += u64::from(!payload.is_empty());
        }
        end
    }
}

fn ip(before: &[u8], at: usize, size: usize) -> Option<Ip> {
    let bytes = before.get(at..at + 2 * size)?;
    let one = |bytes: &[u8]| match bytes.first_chunk::<16>() {
        Some(v6) => Addr::v6(*v6),
        None => Addr::v4([bytes[0], bytes[1], bytes[2], bytes[3]]),
    };
    Some(Ip {
        addresses: at..at + 2 * size,
        src: one(&bytes[..size]),
        dst: one(&bytes[size..]),
    })
}

fn key(ip: &Ip, ports: (u16, u16), protocol: u8) -> (Key, bool) {
    let end = |addr, port| Endpoint { addr, port };
    Key::new(end(ip.src, ports.0), end(ip.dst, ports.1), protocol)
}

fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}
