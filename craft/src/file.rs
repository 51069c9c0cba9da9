//! Capture files: pcap in its four flavours, pcapng, and both compressed.

use std::io::{self, Write};

use crate::link::Link;

/// Format of the file written; [`Format::file_name`] tells the name a fixture gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// pcap, microseconds, little-endian: what tcpdump writes.
    Pcap,
    /// pcap with nanoseconds.
    PcapNanos,
    /// pcap, microseconds, big-endian.
    PcapBig,
    /// pcapng with nanoseconds, comments and statistics.
    PcapNg,
    /// pcap in gzip.
    PcapGz,
    /// pcapng in gzip.
    PcapNgGz,
    /// pcap in Zstandard.
    PcapZst,
}

impl Format {
    /// `capture.` with the usual ending.
    pub fn file_name(self) -> &'static str {
        match self {
            Format::Pcap | Format::PcapNanos | Format::PcapBig => "capture.pcap",
            Format::PcapNg => "capture.pcapng",
            Format::PcapGz => "capture.pcap.gz",
            Format::PcapNgGz => "capture.pcapng.gz",
            Format::PcapZst => "capture.pcap.zst",
        }
    }

    fn is_ng(self) -> bool {
        matches!(self, Format::PcapNg | Format::PcapNgGz)
    }
}

/// One frame as it will stand in the file.
#[derive(Clone, Debug)]
pub struct Record {
    /// Nanoseconds since 1970.
    pub unix_ns: u64,
    /// Captured bytes (after the snap length).
    pub data: Vec<u8>,
    /// Length on the wire.
    pub wire_len: usize,
    /// Sent by the client (pcapng direction flag).
    pub out: bool,
    /// pcapng comment.
    pub comment: Option<String>,
}

/// What a file says besides its frames.
#[derive(Clone, Debug)]
pub struct Header {
    /// Link type of every frame.
    pub link: Link,
    /// Snap length (0 is written as 262144).
    pub snaplen: u32,
    /// pcapng: packets the kernel dropped, in an Interface Statistics Block.
    pub dropped: Option<u64>,
    /// pcapng: end time of that block, nanoseconds since 1970.
    pub end: Option<u64>,
    /// pcapng: TLS key log, in a Decryption Secrets Block.
    pub secrets: Option<String>,
    /// pcapng: names known for addresses (IPv4 only), in a Name Resolution Block.
    pub names: Vec<(std::net::Ipv4Addr, String)>,
}

/// The bytes of a whole capture file.
pub fn encode(format: Format, header: &Header, records: &[Record]) -> io::Result<Vec<u8>> {
    let plain = if format.is_ng() {
        pcapng(header, records)
    } else {
        pcap(format, header, records)
    };
    match format {
        Format::PcapGz | Format::PcapNgGz => {
            let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            gz.write_all(&plain)?;
            gz.finish()
        }
        Format::PcapZst => {
            let level = ruzstd::encoding::CompressionLevel::Fastest;
            Ok(ruzstd::encoding::compress_to_vec(&plain[..], level))
        }
        _ => Ok(plain),
    }
}

/// The 24-byte file header of a little-endian microsecond pcap, for the benchmark writer.
pub fn pcap_header(link: Link) -> Vec<u8> {
    let header = Header {
        link,
        snaplen: 0,
        dropped: None,
        end: None,
        secrets: None,
        names: Vec::new(),
    };
    pcap(Format::Pcap, &header, &[])
}

fn pcap(format: Format, header: &Header, records: &[Record]) -> Vec<u8> {
    let big = format == Format::PcapBig;
    let nanos = format == Format::PcapNanos;
    let u32s = |v: u32| {
        if big {
            v.to_be_bytes()
        } else {
            v.to_le_bytes()
        }
    };
    let mut o = Vec::new();
    o.extend(u32s(if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }));
    let version = |v: u16| {
        if big {
            v.to_be_bytes()
        } else {
            v.to_le_bytes()
        }
    };
    o.extend(version(2));
    o.extend(version(4));
    o.extend([0; 8]);
    o.extend(u32s(if header.snaplen == 0 {
        262_144
    } else {
        header.snaplen
    }));
    o.extend(u32s(u32::from(header.link.number())));
    for r in records {
        let fraction = r.unix_ns % 1_000_000_000;
        o.extend(u32s((r.unix_ns / 1_000_000_000) as u32));
        o.extend(u32s(if nanos { fraction } else { fraction / 1000 } as u32));
        o.extend(u32s(r.data.len() as u32));
        o.extend(u32s(r.wire_len as u32));
        o.extend_from_slice(&r.data);
    }
    o
}

/// Options of one pcapng block.
#[derive(Default)]
struct Options(Vec<u8>);

impl Options {
    fn add(&mut self, code: u16, value: &[u8]) {
        self.0.extend(code.to_le_bytes());
        self.0.extend((value.len() as u16).to_le_bytes());
        self.0.extend_from_slice(value);
        pad4(&mut self.0);
    }

    fn end(mut self) -> Vec<u8> {
        if !self.0.is_empty() {
            self.0.extend([0; 4]);
        }
        self.0
    }
}

fn pad4(v: &mut Vec<u8>) {
    v.resize(v.len().div_ceil(4) * 4, 0);
}

fn block(o: &mut Vec<u8>, kind: u32, mut body: Vec<u8>, options: Options) {
    pad4(&mut body);
    body.extend(options.end());
    let total = (body.len() + 12) as u32;
    o.extend(kind.to_le_bytes());
    o.extend(total.to_le_bytes());
    o.extend(body);
    o.extend(total.to_le_bytes());
}

fn pcapng(header: &Header, records: &[Record]) -> Vec<u8> {
    let mut o = Vec::new();
    section_and_interface(&mut o, header);
    if let Some(keys) = &header.secrets {
        let mut body = 0x544c_534b_u32.to_le_bytes().to_vec();
        body.extend((keys.len() as u32).to_le_bytes());
        body.extend_from_slice(keys.as_bytes());
        block(&mut o, 0x0a, body, Options::default());
    }
    if !header.names.is_empty() {
        block(&mut o, 4, names(&header.names), Options::default());
    }
    for r in records {
        let mut body = vec![0; 4];
        body.extend(((r.unix_ns >> 32) as u32).to_le_bytes());
        body.extend((r.unix_ns as u32).to_le_bytes());
        body.extend((r.data.len() as u32).to_le_bytes());
        body.extend((r.wire_len as u32).to_le_bytes());
        body.extend_from_slice(&r.data);
        let mut options = Options::default();
        if let Some(c) = &r.comment {
            options.add(1, c.as_bytes());
        }
        options.add(2, &(if r.out { 2u32 } else { 1 }).to_le_bytes());
        block(&mut o, 6, body, options);
    }
    statistics(&mut o, header, records);
    o
}

fn section_and_interface(o: &mut Vec<u8>, header: &Header) {
    let mut shb = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
    shb.extend([1, 0, 0, 0]);
    shb.extend([0xff; 8]);
    let mut options = Options::default();
    options.add(4, b"shakedown-craft");
    block(o, 0x0a0d_0d0a, shb, options);

    let mut idb = header.link.number().to_le_bytes().to_vec();
    idb.extend([0, 0]);
    idb.extend(header.snaplen.to_le_bytes());
    let mut options = Options::default();
    options.add(2, b"wlan0");
    options.add(9, &[9]); // nanoseconds
    block(o, 1, idb, options);
}

fn names(list: &[(std::net::Ipv4Addr, String)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (ip, name) in list {
        let mut value = ip.octets().to_vec();
        value.extend_from_slice(name.as_bytes());
        value.push(0);
        body.extend(1u16.to_le_bytes());
        body.extend((value.len() as u16).to_le_bytes());
        body.extend(value);
        pad4(&mut body);
    }
    body.extend([0; 4]);
    body
}

fn statistics(o: &mut Vec<u8>, header: &Header, records: &[Record]) {
    let (Some(first), Some(last)) = (records.first(), records.last()) else {
        return;
    };
    if header.dropped.is_none() && header.end.is_none() {
        return;
    }
    let halves = |t: u64| [((t >> 32) as u32).to_le_bytes(), (t as u32).to_le_bytes()].concat();
    let end = header.end.unwrap_or(last.unix_ns);
    let mut body = vec![0; 4];
    body.extend(halves(end));
    let mut options = Options::default();
    options.add(2, &halves(first.unix_ns));
    options.add(3, &halves(end));
    let dropped = header.dropped.unwrap_or(0);
    options.add(4, &(records.len() as u64 + dropped).to_le_bytes());
    options.add(5, &dropped.to_le_bytes());
    block(o, 5, body, options);
}
