//! Builds capture files for the tests of this module, field by field, in either byte order.

use super::input::Input;
use super::{CaptureInfo, Captures, OpenError, Reading, Source, numbered};
use crate::types::Direction;
use std::io::Cursor;

/// Writes numbers in one byte order.
#[derive(Clone, Copy)]
pub(super) struct Writer {
    pub(super) big: bool,
}

impl Writer {
    pub(super) fn u16(self, n: u16) -> Vec<u8> {
        if self.big {
            n.to_be_bytes().into()
        } else {
            n.to_le_bytes().into()
        }
    }

    pub(super) fn u32(self, n: u32) -> Vec<u8> {
        if self.big {
            n.to_be_bytes().into()
        } else {
            n.to_le_bytes().into()
        }
    }

    pub(super) fn u64(self, n: u64) -> Vec<u8> {
        if self.big {
            n.to_be_bytes().into()
        } else {
            n.to_le_bytes().into()
        }
    }

    /// A pcap file header, version 2.4.
    pub(super) fn pcap(self, magic: u32, snap: u32, link: u32) -> Vec<u8> {
        let mut out = self.u32(magic);
        out.extend([self.u16(2), self.u16(4)].concat());
        out.extend([self.u32(0), self.u32(0), self.u32(snap), self.u32(link)].concat());
        out
    }

    /// A pcap record; `original` is its length on the wire.
    pub(super) fn record(self, time: (u32, u32), data: &[u8], original: u32) -> Vec<u8> {
        let mut out = [self.u32(time.0), self.u32(time.1)].concat();
        out.extend([self.u32(data.len() as u32), self.u32(original)].concat());
        out.extend(data);
        out
    }

    pub(super) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let total = self.u32(body.len() as u32 + 12);
        [self.u32(kind), total.clone(), body, total].concat()
    }

    pub(super) fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut out = [self.u16(code), self.u16(value.len() as u16), value.to_vec()].concat();
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    pub(super) fn section(self, options: &[u8]) -> Vec<u8> {
        let body = [
            self.u32(0x1a2b_3c4d),
            self.u16(1),
            self.u16(0),
            self.u64(u64::MAX),
            options.to_vec(),
        ];
        self.block(0x0a0d_0d0a, &body.concat())
    }

    pub(super) fn interface(self, link: u16, snap: u32, options: &[u8]) -> Vec<u8> {
        self.block(
            1,
            &[
                self.u16(link),
                self.u16(0),
                self.u32(snap),
                options.to_vec(),
            ]
            .concat(),
        )
    }

    pub(super) fn ticks(self, ticks: u64) -> Vec<u8> {
        [self.u32((ticks >> 32) as u32), self.u32(ticks as u32)].concat()
    }

    /// An enhanced packet block.
    pub(super) fn enhanced(
        self,
        id: u32,
        ticks: u64,
        data: &[u8],
        original: u32,
        options: &[u8],
    ) -> Vec<u8> {
        self.packet(6, &self.u32(id), ticks, data, original, options)
    }

    /// A packet block of type 2 or 6, whose first word differs.
    pub(super) fn packet(
        self,
        kind: u32,
        first: &[u8],
        ticks: u64,
        data: &[u8],
        original: u32,
        options: &[u8],
    ) -> Vec<u8> {
        let mut body = [
            first.to_vec(),
            self.ticks(ticks),
            self.u32(data.len() as u32),
            self.u32(original),
        ]
        .concat();
        body.extend(data);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(options);
        self.block(kind, &body)
    }
}

pub(super) const LITTLE: Writer = Writer { big: false };
pub(super) const BIG: Writer = Writer { big: true };
pub(super) const MICROS: u32 = 0xa1b2_c3d4;

/// What a test compares of a frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Seen {
    pub(super) capture: u16,
    pub(super) number: u32,
    pub(super) nanos: i64,
    pub(super) link: u32,
    pub(super) original: u32,
    pub(super) direction: Direction,
    pub(super) uid: Option<i32>,
    pub(super) data: Vec<u8>,
}

pub(super) fn seen(source: &mut impl Source) -> Vec<Seen> {
    let mut out = Vec::new();
    while let Some(frame) = source.next_frame() {
        out.push(Seen {
            capture: frame.mark.capture.0,
            number: frame.mark.frame.0,
            nanos: frame.mark.time.0,
            link: frame.link.0,
            original: frame.original_len,
            direction: frame.direction,
            uid: frame.uid,
            data: frame.data.to_vec(),
        });
    }
    assert!(source.frame().is_none(), "nothing after the end");
    out
}

/// Opens byte strings as captures named `0`, `1`, ….
pub(super) fn open_bytes(files: &[&[u8]], reading: Reading) -> Result<Captures, OpenError> {
    let inputs = files.iter().enumerate().map(|(i, bytes)| {
        let bytes = Box::new(Cursor::new(bytes.to_vec()));
        Input::new(&i.to_string(), bytes, true, 1 << 12)
    });
    numbered(inputs, files.len(), reading).map(Captures::new)
}

/// Reads one file to its end, both ways, which must agree.
pub(super) fn read(bytes: &[u8]) -> (Vec<Seen>, CaptureInfo) {
    let mut results = [Reading::Direct, Reading::Ahead].map(|reading| {
        let mut source = open_bytes(&[bytes], reading).unwrap();
        (seen(&mut source), source.captures().remove(0))
    });
    assert_eq!(results[0].0, results[1].0);
    assert_eq!(results[0].1.problems, results[1].1.problems);
    let [first, _] = &mut results;
    (std::mem::take(&mut first.0), first.1.clone())
}
