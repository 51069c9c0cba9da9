//! Packets as a pcapng file (draft-ietf-opsawg-pcapng): each with its time to the nanosecond and a comment.

use crate::types::{Direction, Frame, LinkType, Timestamp};
use std::io::{self, Write};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;
const COMMENT: u16 = 1;
const INTERFACE_NAME: u16 = 2;
const PACKET_FLAGS: u16 = 2;
const START_TIME: u16 = 2;
const END_TIME: u16 = 3;
const USER_APPLICATION: u16 = 4;
const RECEIVED: u16 = 4;
const INTERFACE_DROPS: u16 = 5;
const SYSTEM_DROPS: u16 = 7;
const TIME_RESOLUTION: u16 = 9;

/// What an interface description block says (section 4.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interface {
    /// Its name; empty where there is none.
    pub name: String,
    /// How to read its frames.
    pub link: LinkType,
    /// Bytes kept of a frame at most; 0 is no limit.
    pub snap_len: u32,
}

/// What an interface statistics block says (section 4.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Statistics {
    /// When capturing began and ended.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Packets received; like the others left out where it is not known.
    pub received: Option<u64>,
    /// Packets that the interface or its driver dropped.
    pub interface_drops: Option<u64>,
    /// Packets that the system dropped because nobody took them in time.
    pub system_drops: Option<u64>,
}

/// Writes packets; an interface for each link type, or those that are [declared](Writer::declare).
pub struct Writer<W> {
    out: W,
    links: Vec<LinkType>,
    body: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Writes the file's head.
    ///
    /// # Errors
    /// Whatever `out` answers.
    pub fn new(out: W) -> io::Result<Self> {
        Self::with_comment(out, "")
    }

    /// Writes the file's head, with a comment on all of it where that is not empty.
    ///
    /// # Errors
    /// Whatever `out` answers.
    pub fn with_comment(mut out: W, comment: &str) -> io::Result<Self> {
        let mut body = Vec::new();
        body.extend(0x1a2b_3c4d_u32.to_le_bytes());
        body.extend(1_u16.to_le_bytes());
        body.extend(0_u16.to_le_bytes());
        body.extend((-1_i64).to_le_bytes());
        if !comment.is_empty() {
            option(&mut body, COMMENT, comment.as_bytes());
        }
        let program = concat!("shakedown ", env!("CARGO_PKG_VERSION"));
        option(&mut body, USER_APPLICATION, program.as_bytes());
        end_of_options(&mut body);
        block(&mut out, SECTION, &body)?;
        let links = Vec::new();
        let body = Vec::new();
        Ok(Self { out, links, body })
    }

    /// Writes one frame with a comment, as of the interface of its link type. An empty comment is left out.
    ///
    /// # Errors
    /// Whatever `out` answers.
    pub fn packet(&mut self, frame: &Frame<'_>, comment: &str) -> io::Result<()> {
        let interface = match self.links.iter().position(|l| *l == frame.link) {
            Some(at) => u32::try_from(at).unwrap_or(0),
            None => self.declare(&Interface {
                name: String::new(),
                link: frame.link,
                snap_len: 0,
            })?,
        };
        self.packet_of(interface, frame, comment)
    }

    /// Writes one frame as of the interface that [`declare`](Self::declare) gave that number.
    ///
    /// # Errors
    /// Whatever `out` answers.
    pub fn packet_of(
        &mut self,
        interface: u32,
        frame: &Frame<'_>,
        comment: &str,
    ) -> io::Result<()> {
        let captured = u32::try_from(frame.data.len()).unwrap_or(u32::MAX);
        let body = &mut self.body;
        body.clear();
        body.extend(interface.to_le_bytes());
        body.extend(halves(frame.mark.time));
        body.extend(captured.to_le_bytes());
        body.extend(frame.original_len.max(captured).to_le_bytes());
        body.extend_from_slice(frame.data);
        pad(body);
        let way = match frame.direction {
            Direction::Unknown => 0_u32,
            Direction::In => 1,
            Direction::Out => 2,
        };
        if way != 0 {
            option(body, PACKET_FLAGS, &way.to_le_bytes());
        }
        if !comment.is_empty() {
            option(body, COMMENT, comment.as_bytes());
        }
        if way != 0 || !comment.is_empty() {
            end_of_options(body);
        }
        block(&mut self.out, PACKET, body)
    }

    /// Writes an interface; its number in this file.
    ///
    /// # Errors
    /// Whatever `out` answers, and for a link type that pcapng has no number for.
    pub fn declare(&mut self, interface: &Interface) -> io::Result<u32> {
        let number = u16::try_from(interface.link.0).map_err(|_| {
            io::Error::new(io::ErrorKind::Unsupported, "pcapng has no such link type")
        })?;
        let mut body = Vec::new();
        body.extend(number.to_le_bytes());
        body.extend(0_u16.to_le_bytes());
        body.extend(interface.snap_len.to_le_bytes());
        if !interface.name.is_empty() {
            option(&mut body, INTERFACE_NAME, interface.name.as_bytes());
        }
        option(&mut body, TIME_RESOLUTION, &[9]);
        end_of_options(&mut body);
        block(&mut self.out, INTERFACE, &body)?;
        self.links.push(interface.link);
        Ok(u32::try_from(self.links.len() - 1).unwrap_or(0))
    }

    /// Writes what was counted on an interface, with a comment unless that is empty.
    ///
    /// # Errors
    /// Whatever `out` answers.
    pub fn statistics(
        &mut self,
        interface: u32,
        counted: &Statistics,
        comment: &str,
    ) -> io::Result<()> {
        let (start, end) = counted.span.unwrap_or_default();
        let mut body = Vec::new();
        body.extend(interface.to_le_bytes());
        body.extend(halves(end));
        if counted.span.is_some() {
            option(&mut body, START_TIME, &halves(start));
            option(&mut body, END_TIME, &halves(end));
        }
        for (code, count) in [
            (RECEIVED, counted.received),
            (INTERFACE_DROPS, counted.interface_drops),
            (SYSTEM_DROPS, counted.system_drops),
        ] {
            if let Some(count) = count {
                option(&mut body, code, &count.to_le_bytes());
            }
        }
        if !comment.is_empty() {
            option(&mut body, COMMENT, comment.as_bytes());
        }
        end_of_options(&mut body);
        block(&mut self.out, STATISTICS, &body)
    }

    /// Says that nothing was captured on an interface from `from` to `to`, by statistics that end and others that begin:
    /// readers that know nothing of it keep the last ones, which are written at the end.
    ///
    /// # Errors
    /// Whatever `out` answers.
    pub fn hole(&mut self, interface: u32, from: Timestamp, to: Timestamp) -> io::Result<()> {
        for (code, time) in [(END_TIME, from), (START_TIME, to)] {
            let mut body = Vec::new();
            body.extend(interface.to_le_bytes());
            body.extend(halves(time));
            option(&mut body, code, &halves(time));
            end_of_options(&mut body);
            block(&mut self.out, STATISTICS, &body)?;
        }
        Ok(())
    }

    /// Says of the first interface when capturing ended and, where that is known, how many packets were lost; both of all
    /// interfaces together. Nothing where no packet was written.
    ///
    /// # Errors
    /// Whatever `out` answers.
    pub fn ended(&mut self, end: Timestamp, dropped: Option<u64>) -> io::Result<()> {
        if self.links.is_empty() {
            return Ok(());
        }
        let mut body = Vec::new();
        body.extend(0_u32.to_le_bytes());
        body.extend(halves(end));
        option(&mut body, END_TIME, &halves(end));
        if let Some(dropped) = dropped {
            option(&mut body, INTERFACE_DROPS, &dropped.to_le_bytes());
        }
        end_of_options(&mut body);
        block(&mut self.out, STATISTICS, &body)
    }

    /// What it writes into.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// The writer, once all is written.
    ///
    /// # Errors
    /// Whatever it answers.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// A time as blocks have it: nanoseconds, the upper half first.
#[allow(clippy::cast_possible_truncation)] // two halves
fn halves(time: Timestamp) -> [u8; 8] {
    let time = u64::try_from(time.0).unwrap_or(0);
    let [upper, lower] = [(time >> 32) as u32, time as u32].map(u32::to_le_bytes);
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&upper);
    bytes[4..].copy_from_slice(&lower);
    bytes
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

/// An option; a value that is too long for one is cut.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    body.extend(code.to_le_bytes());
    body.extend(length.to_le_bytes());
    body.extend_from_slice(&value[..usize::from(length)]);
    pad(body);
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}

fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let total = u32::try_from(body.len() + 12)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "packet too large"))?;
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&total.to_le_bytes())?;
    out.write_all(body)?;
    out.write_all(&total.to_le_bytes())
}
