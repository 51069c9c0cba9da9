//! Reads one capture packet by packet: the window on its bytes, its format, and what has been learnt of it.

use super::error::OpenError;
use super::info::{CaptureInfo, Compression, Format};
use super::input::Input;
use super::pcap::{self, Pcap};
use super::pcapng::{self, Pcapng};
use super::step::{MAX_PACKET, Packet, Step};
use super::window::Window;
use super::{Reading, foreign};
use crate::types::{CaptureId, Frame, FrameNumber, Mark, Timestamp};

/// One capture being read.
pub(super) struct Reader {
    window: Window,
    walker: Walker,
    info: CaptureInfo,
    id: CaptureId,
    /// Number of the last frame, as Wireshark counts.
    number: u32,
    /// Time of the last packet that has one.
    clock: Timestamp,
    packet: Option<Current>,
    ended: bool,
    /// A packet without a time has been reported.
    timeless: bool,
}

enum Walker {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// The packet that [`Reader::frame`] shows.
struct Current {
    packet: Packet,
    time: Timestamp,
    /// Where its bytes start in the window's buffer.
    at: usize,
}

impl Reader {
    /// Recognises the format and reads the file header.
    pub(super) fn new(
        mut input: Input,
        id: CaptureId,
        reading: Reading,
    ) -> Result<Self, OpenError> {
        let start = input.window.data();
        let walker = if pcap::is_pcap(start) {
            Walker::Pcap(pcap_header(&mut input)?)
        } else if pcapng::is_pcapng(start) {
            check_section(&mut input)?;
            Walker::Pcapng(Pcapng::new())
        } else {
            return Err(not_a_capture(&mut input));
        };
        let format = match walker {
            Walker::Pcap(_) => Format::Pcap,
            Walker::Pcapng(_) => Format::Pcapng,
        };
        let mut info = CaptureInfo::new(&input.name, format, input.compression);
        if let Walker::Pcap(pcap) = &walker {
            info.link(pcap.link);
            info.snap_len = pcap.snap;
        }
        input.choose_reading(reading);
        Ok(Self {
            window: input.window,
            walker,
            info,
            id,
            number: 0,
            clock: Timestamp::default(),
            packet: None,
            ended: false,
            timeless: false,
        })
    }

    /// What is known of the capture so far.
    pub(super) fn info(&self) -> &CaptureInfo {
        &self.info
    }

    /// Moves to the next packet; false at the end. Waits only where the packet has not wholly arrived.
    #[inline]
    pub(super) fn advance(&mut self) -> bool {
        self.packet = None;
        while !self.ended {
            let bytes = self.window.data();
            let step = match &mut self.walker {
                Walker::Pcap(pcap) => pcap.step(bytes),
                Walker::Pcapng(pcapng) => {
                    let next = FrameNumber(self.number.saturating_add(1));
                    pcapng.step(bytes, self.window.offset(), next, &mut self.info)
                }
            };
            match step {
                Step::Packet(packet) => {
                    self.accept(packet);
                    return true;
                }
                Step::Need(n) => {
                    if !self.window.fill(n) {
                        self.end(n);
                    }
                }
                Step::Pass { bytes, frames } => self.pass(bytes, frames),
                Step::Stop(what) => self.stop(&what),
            }
        }
        false
    }

    /// The packet moved to.
    #[inline]
    pub(super) fn frame(&self) -> Option<Frame<'_>> {
        let Current { packet, time, at } = self.packet.as_ref()?;
        Some(Frame {
            mark: Mark {
                time: *time,
                frame: FrameNumber(self.number),
                capture: self.id,
            },
            link: packet.link,
            original_len: packet.original_len,
            direction: packet.direction,
            uid: packet.uid,
            data: self.window.slice(*at..*at + packet.len),
        })
    }

    /// The time of the packet moved to.
    pub(super) fn time(&self) -> Timestamp {
        self.clock
    }

    #[inline]
    fn accept(&mut self, packet: Packet) {
        self.number = self.number.saturating_add(1);
        match packet.time {
            Some(time) => self.clock = time,
            None => self.timeless(),
        }
        self.info
            .count(packet.time, packet.original_len, packet.len);
        let at = self.window.take(packet.total) + packet.start;
        self.packet = Some(Current {
            packet,
            time: self.clock,
            at,
        });
    }

    /// Simple packet blocks state no time: they get the time of the packet before.
    #[cold]
    fn timeless(&mut self) {
        if !std::mem::replace(&mut self.timeless, true) {
            let number = self.number;
            self.info.remark(format!(
                "packets without a time (simple packet blocks, the first is packet {number}) get the time of the one before"
            ));
        }
    }

    /// Steps over bytes that may be more than are ever in view at once.
    fn pass(&mut self, bytes: usize, frames: u32) {
        let (offset, number) = (self.window.offset(), self.number.saturating_add(1));
        self.number = self.number.saturating_add(frames);
        if frames > 0 && bytes > MAX_PACKET {
            let cap = MAX_PACKET >> 20;
            self.info.problem(format!(
                "packet {number} at byte {offset} has {bytes} bytes; more than {cap} MiB are not read, it was left out"
            ));
        }
        let mut left = bytes;
        while left > 0 {
            if self.window.data().is_empty() && !self.window.fill(1) {
                return self.cut_short(offset, bytes - left, bytes, frames > 0, number);
            }
            let n = left.min(self.window.data().len());
            self.window.take(n);
            left -= n;
        }
    }

    /// The file makes no sense any more.
    #[cold]
    fn stop(&mut self, what: &str) {
        self.ended = true;
        let (offset, number) = (self.window.offset(), self.number);
        self.info.problem(format!(
            "the record at byte {offset}, after packet {number}, {what}"
        ));
    }

    /// No more bytes, where a record of `need` bytes should be (0 left is a clean end).
    #[cold]
    fn end(&mut self, need: usize) {
        let (offset, have) = (self.window.offset(), self.window.data().len());
        if have == 0 && !self.read_failed() {
            self.ended = true;
            self.info.finish();
            return;
        }
        let is_packet = match &self.walker {
            Walker::Pcap(_) => true,
            Walker::Pcapng(pcapng) => pcapng.starts_packet(self.window.data()).unwrap_or(false),
        };
        self.cut_short(offset, have, need, is_packet, self.number.saturating_add(1));
    }

    fn cut_short(&mut self, offset: u64, have: usize, need: usize, is_packet: bool, number: u32) {
        self.read_failed();
        self.ended = true;
        if have == 0 {
            return;
        }
        let what = if is_packet {
            format!("packet {number}: its record")
        } else {
            format!("a block, after packet {}: it", number - 1)
        };
        self.info.problem(format!(
            "file ends inside {what} starts at byte {offset}, and {have} of at least {need} bytes are there"
        ));
    }

    /// Reports the read error that ended the stream, if one did.
    fn read_failed(&mut self) -> bool {
        let Some(error) = self.window.failure() else {
            return false;
        };
        let end = self.window.offset() + self.window.data().len() as u64;
        self.info.problem(match self.info.compression {
            Compression::None => format!("reading failed at byte {end}: {error}"),
            _ => format!("the compressed file is cut short or damaged; it could be unpacked up to byte {end}: {error}"),
        });
        true
    }
}

/// Reads the pcap file header.
fn pcap_header(input: &mut Input) -> Result<Pcap, OpenError> {
    need(input, pcap::HEADER, "pcap file header")?;
    let mut pcap = Pcap::new(input.window.data()).map_err(|found| OpenError::Header {
        name: input.name.clone(),
        found,
        offset: 4,
        advice: "save it as pcap or pcapng with the program that made it",
    })?;
    input.window.take(pcap::HEADER);
    // A pipe must not wait for a second packet before it hands on the first.
    if input.regular && input.window.fill(16) {
        let want = pcap.two_records(input.window.data());
        input.window.fill(want);
    }
    pcap.settle(input.window.data());
    Ok(pcap)
}

/// Sees to it that a first section header is there and says that it is one.
fn check_section(input: &mut Input) -> Result<(), OpenError> {
    need(input, 28, "pcapng section header")?;
    let magic = input.window.data().get(8..12);
    if matches!(
        magic,
        Some([0x1a, 0x2b, 0x3c, 0x4d] | [0x4d, 0x3c, 0x2b, 0x1a])
    ) {
        return Ok(());
    }
    Err(OpenError::Header {
        name: input.name.clone(),
        found: "starts like pcapng, but has no byte-order magic".to_owned(),
        offset: 8,
        advice: "the file is damaged; copy or capture it again",
    })
}

fn need(input: &mut Input, bytes: usize, what: &str) -> Result<(), OpenError> {
    if input.window.fill(bytes) {
        return Ok(());
    }
    let have = input.window.data().len();
    if let Some(error) = input.window.failure() {
        return Err(OpenError::from_io(&input.name, have as u64, error));
    }
    Err(OpenError::Header {
        name: input.name.clone(),
        found: format!("ends inside the {what}: {have} of {bytes} bytes are there"),
        offset: have as u64,
        advice: "the file was cut short; copy or capture it again",
    })
}

fn not_a_capture(input: &mut Input) -> OpenError {
    // Enough to tell a tar archive; a short file or a silent pipe has what it has.
    if input.regular {
        input.window.fill(262);
    }
    let found = foreign::identify(input.window.data());
    OpenError::Foreign {
        name: input.name.clone(),
        found: found.found,
        advice: found.advice,
    }
}
