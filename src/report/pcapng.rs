//! Packets as a pcapng file (draft-ietf-opsawg-pcapng): each with its time to the nanosecond and a comment.

use crate::types::{Direction, Frame, LinkType, Timestamp};
use std::io::{self, Write};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const COMMENT: u16 = 1;
const USER_APPLICATION: u16 = 4;
const TIME_RESOLUTION: u16 = 9;
const STATISTICS: u32 = 5;
const PACKET_FLAGS: u16 = 2;
const STATISTICS_END: u16 = 3;
const STATISTICS_DROPPED: u16 = 5;

/// Writes packets; an interface for each link type.
pub struct Writer<W> {
    out: W,
    links: Vec<LinkType>,
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
        Ok(Self { out, links })
    }

    /// Writes one frame, with a comment where that is not empty.
    ///
    /// # Errors
    /// Whatever `out` answers.
    pub fn packet(&mut self, frame: &Frame<'_>, comment: &str) -> io::Result<()> {
        let interface = self.interface(frame.link)?;
        let captured = u32::try_from(frame.data.len()).unwrap_or(u32::MAX);
        let mut body = Vec::with_capacity(frame.data.len() + comment.len() + 40);
        body.extend(interface.to_le_bytes());
        body.extend(halves(frame.mark.time));
        body.extend(captured.to_le_bytes());
        body.extend(frame.original_len.max(captured).to_le_bytes());
        body.extend_from_slice(frame.data);
        pad(&mut body);
        if !comment.is_empty() {
            option(&mut body, COMMENT, comment.as_bytes());
        }
        let flags = match frame.direction {
            Direction::Unknown => None,
            Direction::In => Some(1_u32),
            Direction::Out => Some(2),
        };
        if let Some(flags) = flags {
            option(&mut body, PACKET_FLAGS, &flags.to_le_bytes());
        }
        end_of_options(&mut body);
        block(&mut self.out, PACKET, &body)
    }

    /// Says of the interface of the first packet when capturing ended and how many packets were lost (both of all
    /// interfaces together). Nothing where no packet was written.
    ///
    /// # Errors
    /// Whatever `out` answers.
    pub fn statistics(&mut self, end: Timestamp, dropped: Option<u64>) -> io::Result<()> {
        if self.links.is_empty() {
            return Ok(());
        }
        let mut body = Vec::new();
        body.extend(0_u32.to_le_bytes());
        let time = halves(end);
        body.extend(time);
        option(&mut body, STATISTICS_END, &time);
        if let Some(dropped) = dropped {
            option(&mut body, STATISTICS_DROPPED, &dropped.to_le_bytes());
        }
        end_of_options(&mut body);
        block(&mut self.out, STATISTICS, &body)
    }

    fn interface(&mut self, link: LinkType) -> io::Result<u32> {
        if let Some(at) = self.links.iter().position(|l| *l == link) {
            return Ok(u32::try_from(at).unwrap_or(0));
        }
        let number = u16::try_from(link.0).map_err(|_| {
            io::Error::new(io::ErrorKind::Unsupported, "pcapng has no such link type")
        })?;
        let mut body = Vec::new();
        body.extend(number.to_le_bytes());
        body.extend(0_u16.to_le_bytes());
        body.extend(0_u32.to_le_bytes());
        option(&mut body, TIME_RESOLUTION, &[9]);
        end_of_options(&mut body);
        block(&mut self.out, INTERFACE, &body)?;
        self.links.push(link);
        Ok(u32::try_from(self.links.len() - 1).unwrap_or(0))
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

/// A time in nanoseconds as two words, the higher one first. What was before 1970 becomes 1970.
fn halves(time: Timestamp) -> [u8; 8] {
    let time = u64::try_from(time.0).unwrap_or(0);
    let [a, b, c, d, e, f, g, h] = time.to_le_bytes();
    [e, f, g, h, a, b, c, d]
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
