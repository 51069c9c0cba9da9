//! What a TCP segment is to its stream: new, again, out of order; and which TLS records it carries.
//!
//! The observers follow streams for what they prove; here each segment only gets a label, in the order of the capture.
//! Nothing is put in order or kept: after a gap the records are lost until a segment begins with one.

use crate::decode::{Segment, TcpFlags};
use crate::fact::tls::alert_name;
use crate::observe::tls::peek::{Peek, peek};

/// What is wrong with a segment's place in its stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// All of it was sent before.
    Again,
    /// It fills a gap that was seen before.
    Late,
    /// So many bytes before it were not captured (yet).
    Missing(u32),
    /// One byte or none, just before what is due: a keep-alive (RFC 9293 section 3.8.4).
    KeepAlive,
}

/// Gaps of one direction that are remembered.
const MAX_GAPS: usize = 16;
/// Labels made of one segment.
const MAX_LABELS: usize = 4;

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Direction {
    /// The sequence number that is due.
    next: Option<u32>,
    gaps: Vec<(u32, u32)>,
    records: Records,
    /// SYNs seen.
    pub(super) syns: u32,
}

impl Direction {
    /// Takes the next segment of this direction: its place, and what it carries.
    pub(super) fn segment(&mut self, segment: &Segment<'_>) -> (Trouble, Option<String>) {
        let syn = u32::from(segment.flags.has(TcpFlags::SYN));
        let fin = u32::from(segment.flags.has(TcpFlags::FIN));
        self.syns += syn;
        let length = segment.payload_len + syn + fin;
        let trouble = self.place(segment, length);
        let carries = match trouble {
            Trouble::Again | Trouble::KeepAlive => None,
            _ if segment.payload_len == 0 => None,
            Trouble::None => self.records.label(segment.payload, segment.payload_len),
            Trouble::Late | Trouble::Missing(_) => {
                self.records = Records::Lost;
                self.records.label(segment.payload, segment.payload_len)
            }
        };
        (trouble, carries)
    }

    #[allow(clippy::cast_possible_wrap)] // serial numbers (RFC 1982)
    fn place(&mut self, segment: &Segment<'_>, length: u32) -> Trouble {
        let end = segment.seq.wrapping_add(length);
        if segment.flags.has(TcpFlags::RST) {
            return Trouble::None; // its number need not be in sequence
        }
        let Some(next) = self.next else {
            self.next = Some(end);
            return Trouble::None;
        };
        let ahead = segment.seq.wrapping_sub(next) as i32;
        if ahead > 0 && length > 0 {
            if self.gaps.len() < MAX_GAPS {
                self.gaps.push((next, segment.seq));
            }
            self.next = Some(end);
            return Trouble::Missing(ahead.unsigned_abs());
        }
        if ahead == -1 && segment.payload_len <= 1 && !segment.flags.has(TcpFlags::SYN) {
            return Trouble::KeepAlive;
        }
        if ahead >= 0 || length == 0 {
            self.next = Some(if length == 0 { next } else { end });
            return Trouble::None;
        }
        if end.wrapping_sub(next) as i32 > 0 {
            self.next = Some(end);
            return Trouble::None; // in part new
        }
        self.fill(segment.seq, end)
    }

    fn fill(&mut self, from: u32, to: u32) -> Trouble {
        let inside = |gap: &(u32, u32)| {
            let start = from.wrapping_sub(gap.0);
            let size = gap.1.wrapping_sub(gap.0);
            start < size && to.wrapping_sub(gap.0) <= size
        };
        match self.gaps.iter().position(inside) {
            Some(at) => {
                let gap = self.gaps.swap_remove(at);
                let rest = [(gap.0, from), (to, gap.1)];
                self.gaps.extend(rest.into_iter().filter(|(a, b)| a != b));
                self.gaps.truncate(MAX_GAPS);
                Trouble::Late
            }
            None => Trouble::Again,
        }
    }
}

/// Where a stream stands in its TLS records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Records {
    /// Within a record: so many bytes to come, of this content type and with this label.
    Inside(u32, u8, &'static str),
    /// At the start of a record; the flag says that a ChangeCipherSpec went before.
    Start(bool),
    /// Unknown until a segment begins like a record.
    Lost,
}

impl Default for Records {
    fn default() -> Self {
        Self::Start(false)
    }
}

impl Records {
    /// Names what a payload carries; `None` where it is no TLS.
    fn label(&mut self, mut payload: &[u8], wire: u32) -> Option<String> {
        let cut = u32::try_from(payload.len()).is_ok_and(|have| have < wire);
        let mut labels: Vec<String> = Vec::new();
        let mut secret = matches!(self, Self::Start(true));
        if let Self::Inside(need, kind, name) = *self {
            let take = payload.len().min(need as usize);
            payload = &payload[take..];
            labels.push(format!("{name} (more)"));
            #[allow(clippy::cast_possible_truncation)] // take <= need
            let left = need - take as u32;
            secret = kind == 20 || kind == 23;
            *self = if left > 0 {
                Self::Inside(left, kind, name)
            } else {
                Self::Start(secret)
            };
        }
        while let Some((header, body)) = payload.split_first_chunk::<5>() {
            let Some((kind, length)) = header_of(*header) else {
                *self = Self::Lost;
                break;
            };
            let body = &body[..body.len().min(length)];
            let (name, text) = record(kind, body, length, secret);
            push(&mut labels, text);
            secret |= kind == 20;
            let have = body.len();
            payload = &payload[5 + have..];
            #[allow(clippy::cast_possible_truncation)] // a record has at most 18 KB
            let left = (length - have) as u32;
            *self = if left > 0 {
                Self::Inside(left, kind, name)
            } else {
                Self::Start(secret)
            };
        }
        if cut || (!payload.is_empty() && matches!(self, Self::Start(_))) {
            *self = Self::Lost;
        }
        (!labels.is_empty()).then(|| labels.join(", "))
    }
}

fn push(labels: &mut Vec<String>, text: String) {
    if labels.len() < MAX_LABELS && labels.last() != Some(&text) {
        labels.push(text);
    }
}

/// Content type and length of a record header (RFC 8446 section 5.1).
fn header_of(header: [u8; 5]) -> Option<(u8, usize)> {
    let [kind, major, minor, high, low] = header;
    let length = usize::from(high) << 8 | usize::from(low);
    let plausible = matches!(kind, 20..=24) && major == 3 && minor <= 4;
    (plausible && length > 0 && length <= (1 << 14) + 2048).then_some((kind, length))
}

/// A record by name: for what is to come of it, and as it begins.
fn record(kind: u8, body: &[u8], length: usize, secret: bool) -> (&'static str, String) {
    let name = match kind {
        20 => "ChangeCipherSpec",
        21 => "Alert",
        23 => "application data",
        24 => "Heartbeat",
        _ if secret => "encrypted handshake",
        _ => match body.first() {
            Some(&message) => message_name(message),
            None => "handshake",
        },
    };
    let text = match (kind, body) {
        (21, [level, description]) if length == 2 => {
            let level = if *level == 2 { "fatal" } else { "warning" };
            format!("Alert {level} {}", alert_name(*description))
        }
        (21, _) => "Alert (encrypted)".to_owned(),
        (22, [1, ..]) if !secret => hello(body, length),
        (22, _) if !secret => messages(body).unwrap_or_else(|| name.to_owned()),
        _ => name.to_owned(),
    };
    (name, text)
}

fn hello(body: &[u8], length: usize) -> String {
    let mut record = vec![22, 3, 1];
    record.extend(u16::try_from(length).unwrap_or_default().to_be_bytes());
    record.extend_from_slice(body);
    match peek(&record) {
        Peek::Name(name) => format!("ClientHello {name}"),
        Peek::Unclear => "ClientHello".to_owned(),
    }
}

/// The handshake messages of one record.
fn messages(mut body: &[u8]) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    while let Some((&[kind, a, b, c], rest)) = body.split_first_chunk::<4>() {
        push(&mut names, message_name(kind).to_owned());
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        body = rest.get(length..).unwrap_or_default();
    }
    (!names.is_empty()).then(|| names.join(", "))
}

/// HandshakeType (RFC 8446 section 4, RFC 5246 section 7.4).
fn message_name(kind: u8) -> &'static str {
    match kind {
        0 => "HelloRequest",
        1 => "ClientHello",
        2 => "ServerHello",
        4 => "NewSessionTicket",
        8 => "EncryptedExtensions",
        11 => "Certificate",
        12 => "ServerKeyExchange",
        13 => "CertificateRequest",
        14 => "ServerHelloDone",
        15 => "CertificateVerify",
        16 => "ClientKeyExchange",
        20 => "Finished",
        22 => "CertificateStatus",
        _ => "handshake",
    }
}
