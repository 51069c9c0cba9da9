//! Searches files for what must not be in them, in every form in which it could be.
//!
//! Looks at the bytes as they are; into gzip and zip members; into capture files frame by frame; and into QUIC Initials,
//! which anybody can decrypt.
#![allow(dead_code)] // each program uses a part of it

use shakedown::decode::{Decoder, Outcome, Transport};
use shakedown::observe::quic::connection::Connections;
use shakedown::observe::quic::header::{Kind, Packet};
use shakedown::source::{self, Source};
use shakedown::types::Side;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Something planted.
#[derive(Clone, Debug)]
pub enum Marker {
    /// Text: a label of a name, a cookie, a device name. At least six bytes, so that chance does not bring it.
    Text(&'static str),
    /// An address.
    V4(Ipv4Addr),
    /// An address.
    V6(Ipv6Addr),
    /// A hardware address.
    Mac([u8; 6]),
}

/// One form of a marker.
struct Form {
    how: String,
    bytes: Vec<u8>,
    /// Letters of either case count.
    folded: bool,
}

/// What was found: one line for each marker and form.
pub fn search(name: &str, bytes: &[u8], markers: &[Marker]) -> Vec<String> {
    let forms: Vec<Form> = markers.iter().flat_map(forms).collect();
    let mut found = Vec::new();
    look(name, bytes, &forms, 0, &mut found);
    found.sort();
    found.dedup();
    found
}

fn look(name: &str, bytes: &[u8], forms: &[Form], depth: u8, found: &mut Vec<String>) {
    let lower = bytes.to_ascii_lowercase();
    for form in forms {
        let hay = if form.folded { &lower } else { bytes };
        if contains(hay, &form.bytes) {
            found.push(format!("{name}: {}", form.how));
        }
    }
    if depth >= 4 {
        return;
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        let _ = flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut plain);
        look(&format!("{name}/gzip"), &plain, forms, depth + 1, found);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        for (member, plain) in members(bytes) {
            look(&format!("{name}/{member}"), &plain, forms, depth + 1, found);
        }
    }
    let capture = [
        [0x0a, 0x0d, 0x0d, 0x0a],
        [0xd4, 0xc3, 0xb2, 0xa1],
        [0x4d, 0x3c, 0xb2, 0xa1],
    ];
    if capture.iter().any(|magic| bytes.starts_with(magic)) {
        for (frame, plain) in initials(bytes) {
            let name = format!("{name}/frame {frame}/QUIC Initial");
            look(&name, &plain, forms, 4, found);
        }
    }
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else {
        return false;
    };
    let mut rest = hay;
    while let Some(at) = rest.iter().position(|b| b == first) {
        if rest[at..].starts_with(needle) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

/// Members of a zip archive by their local headers: stored or deflated.
fn members(zip: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let le = |at: usize, n: usize| {
        let bytes = zip.get(at..at + n)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0_usize, |v, b| v << 8 | usize::from(*b)),
        )
    };
    for at in 0..zip.len().saturating_sub(30) {
        if !zip[at..].starts_with(b"PK\x03\x04") {
            continue;
        }
        let (Some(method), Some(size)) = (le(at + 8, 2), le(at + 18, 4)) else {
            continue;
        };
        let (Some(name), Some(extra)) = (le(at + 26, 2), le(at + 28, 2)) else {
            continue;
        };
        let start = at + 30 + name + extra;
        let label = zip.get(at + 30..at + 30 + name).unwrap_or_default();
        let label = String::from_utf8_lossy(label).into_owned();
        let body = match size {
            0 => zip.get(start..),
            size => zip.get(start..start + size),
        };
        let Some(body) = body else { continue };
        let mut plain = Vec::new();
        match method {
            0 => plain.extend_from_slice(body),
            _ => _ = flate2::read::DeflateDecoder::new(body).read_to_end(&mut plain),
        }
        found.push((label, plain));
    }
    found
}

/// The decrypted payloads of all QUIC Initials in a capture, and CRYPTO data put together is in them piece by piece.
fn initials(capture: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(capture).expect("a written file");
    let mut source = source::open(&[file.path().to_owned()]).expect("a capture");
    let mut decoder = Decoder::new();
    let mut flows: HashMap<_, Connections> = HashMap::new();
    let mut found = Vec::new();
    while let Some(frame) = source.next_frame() {
        let Outcome::Packet(packet) = decoder.decode(&frame) else {
            continue;
        };
        let Transport::Udp(udp) = packet.transport else {
            continue;
        };
        let ends = [(packet.src, udp.src_port), (packet.dst, udp.dst_port)];
        let low = ends[0] < ends[1];
        let flow = if low {
            (ends[0], ends[1])
        } else {
            (ends[1], ends[0])
        };
        let connections = flows.entry(flow).or_default();
        let side = if udp.dst_port < udp.src_port {
            Side::Client
        } else {
            Side::Server
        };
        let mut rest = udp.payload;
        while let Some(packet) = Packet::read(rest, false).filter(|p| !p.bytes.is_empty()) {
            rest = packet.rest;
            if packet.kind == Kind::Initial
                && packet.whole
                && let Some(opened) = connections.open(&packet, side)
            {
                found.push((frame.mark.frame.0, opened.opened.payload().to_vec()));
            }
        }
    }
    found
}

fn forms(marker: &Marker) -> Vec<Form> {
    match marker {
        Marker::Text(text) => text_forms(text, text),
        Marker::V4(ip) => v4_forms(*ip),
        Marker::V6(ip) => v6_forms(*ip),
        Marker::Mac(mac) => mac_forms(*mac),
    }
}

fn raw(how: String, bytes: &[u8]) -> Form {
    Form {
        how,
        bytes: bytes.to_vec(),
        folded: false,
    }
}

fn folded(how: String, text: &str) -> Form {
    Form {
        how,
        bytes: text.to_ascii_lowercase().into_bytes(),
        folded: true,
    }
}

/// Text as such, in UTF-16, in hexadecimal, in base64 at each of three offsets, percent-encoded, backwards.
fn text_forms(what: &str, text: &str) -> Vec<Form> {
    let lower = text.to_ascii_lowercase();
    let wide = |big: bool| -> Vec<u8> {
        let pair = |b: u8| if big { [0, b] } else { [b, 0] };
        lower.bytes().flat_map(pair).collect()
    };
    let percent: String = text.bytes().map(|b| format!("%{b:02x}")).collect();
    let backwards: String = lower.chars().rev().collect();
    let mut forms = vec![
        folded(format!("{what} as text"), text),
        folded(format!("{what} percent-encoded"), &percent),
        folded(format!("{what} backwards"), &backwards),
        Form {
            how: format!("{what} in UTF-16LE"),
            bytes: wide(false),
            folded: true,
        },
        Form {
            how: format!("{what} in UTF-16BE"),
            bytes: wide(true),
            folded: true,
        },
    ];
    for text in [text, &lower, &text.to_ascii_uppercase()] {
        forms.extend(binary_forms(what, text.as_bytes()));
    }
    forms
}

/// Bytes in hexadecimal and base64, which need not begin where the encoding does.
fn binary_forms(what: &str, bytes: &[u8]) -> Vec<Form> {
    let hex = |between: &str| {
        let pairs: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
        pairs.join(between)
    };
    let mut forms = vec![
        folded(format!("{what} in hexadecimal"), &hex("")),
        folded(format!("{what} in hexadecimal with colons"), &hex(":")),
        folded(format!("{what} in hexadecimal with dashes"), &hex("-")),
        folded(format!("{what} in hexadecimal with spaces"), &hex(" ")),
    ];
    for skip in 0..3 {
        let padded = [&vec![0; skip][..], bytes].concat();
        let encoded = base64(&padded);
        // Characters that hang on neighbours are left out.
        let start = [0, 2, 3][skip];
        let end = padded.len() / 3 * 4;
        if end >= start + 6 {
            let how = format!("{what} in base64 at offset {skip}");
            forms.push(raw(how, &encoded.as_bytes()[start..end]));
        }
    }
    forms
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group[1..1 + chunk.len()].copy_from_slice(chunk);
        let group = u32::from_be_bytes(group);
        (0..4).for_each(|n| {
            let letter = LETTERS[(group >> (18 - 6 * n) & 63) as usize];
            out.push(char::from(letter));
        });
    }
    out
}

fn v4_forms(ip: Ipv4Addr) -> Vec<Form> {
    let o = ip.octets();
    let what = ip.to_string();
    let number = u32::from(ip);
    let mut forms = vec![
        raw(format!("{what} as bytes"), &o),
        raw(format!("{what} as bytes backwards"), &number.to_le_bytes()),
        folded(
            format!("{what} reversed"),
            &format!("{}.{}.{}.{}", o[3], o[2], o[1], o[0]),
        ),
        folded(format!("{what} as a number"), &number.to_string()),
        folded(format!("{what} with dashes"), &what.replace('.', "-")),
        folded(format!("{what} with underscores"), &what.replace('.', "_")),
    ];
    let labels = [o[3], o[2], o[1], o[0]].map(|o| o.to_string());
    let wire: Vec<u8> = labels
        .iter()
        .flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat())
        .collect();
    forms.push(raw(format!("{what} as labels"), &wire));
    forms.extend(text_forms(&what, &what));
    forms.extend(binary_forms(&format!("{what} as bytes"), &o));
    forms
}

fn v6_forms(ip: Ipv6Addr) -> Vec<Form> {
    let o = ip.octets();
    let what = ip.to_string();
    let full: Vec<String> = ip.segments().iter().map(|s| format!("{s:04x}")).collect();
    let nibbles: Vec<u8> = o.iter().rev().flat_map(|b| [b & 15, b >> 4]).collect();
    let labels: Vec<u8> = nibbles
        .iter()
        .flat_map(|n| [1, b"0123456789abcdef"[usize::from(*n)]])
        .collect();
    let dotted: Vec<String> = nibbles.iter().map(|n| format!("{n:x}")).collect();
    let mut forms = vec![
        raw(format!("{what} as bytes"), &o),
        raw(format!("{what} interface id"), &o[8..]),
        folded(format!("{what} in full"), &full.join(":")),
        folded(format!("{what} reversed"), &dotted.join(".")),
        raw(format!("{what} as labels"), &labels),
    ];
    forms.extend(text_forms(&what, &what));
    forms.extend(binary_forms(&format!("{what} as bytes"), &o));
    forms
}

fn mac_forms(mac: [u8; 6]) -> Vec<Form> {
    let what = mac.map(|b| format!("{b:02x}")).join(":");
    let dots = format!("{}.{}.{}", &what[..5], &what[6..11], &what[12..]).replace(':', "");
    let [a, b, c, d, e, f] = mac;
    let mut forms = vec![
        raw(format!("{what} as bytes"), &mac),
        raw(
            format!("{what} as an interface id"),
            &[a ^ 2, b, c, 0xff, 0xfe, d, e, f],
        ),
        raw(
            format!("{what} in a group address"),
            &[0x33, 0x33, 0xff, d, e, f],
        ),
        raw(format!("{what} in a group"), &[0, 1, 0xff, d, e, f]),
        folded(
            format!("{what} with dots"),
            &format!("{}.{}.{}", &dots[..4], &dots[5..9], &dots[10..]),
        ),
    ];
    forms.extend(binary_forms(&what, &mac));
    forms
}
