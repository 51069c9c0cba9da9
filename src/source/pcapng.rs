//! Walks pcapng files (draft-ietf-opsawg-pcapng): several sections, each in its own byte order, each with its own
//! interfaces; packet blocks in all three forms. What the other blocks hold goes into the [`CaptureInfo`]
//! ([`blocks`]).
//!
//! Every block states its length at both ends, so a damaged block inside a sound frame is stepped over and reported;
//! only where the two lengths differ or make no sense does reading stop. Frame numbers follow Wireshark, which also
//! counts custom blocks, systemd journal entries and sysdig events as frames.

mod blocks;

use super::info::CaptureInfo;
use super::step::{MAX_PACKET, MAX_RECORD, Order, Packet, Step};
use crate::types::{Direction, FrameNumber, LinkType, Timestamp};

/// Block type of a section header; reads the same in both byte orders.
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAMES: u32 = 4;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const JOURNAL: u32 = 9;
const SECRETS: u32 = 10;
const CUSTOM: u32 = 0xbad;
const CUSTOM_NO_COPY: u32 = 0x4000_0bad;
const SYSDIG: [u32; 6] = [0x204, 0x208, 0x216, 0x217, 0x221, 0x222];

/// Blocks up to this length are shown whole; room for the largest packet and its options.
const MAX_BLOCK: usize = MAX_PACKET + (1 << 20);
/// Interfaces kept of one section.
const MAX_INTERFACES: usize = 65_536;

/// Whether the bytes start a section.
pub(super) fn is_pcapng(start: &[u8]) -> bool {
    start.starts_with(&SECTION.to_be_bytes())
}

/// Whether a block of the type that `bytes` start with holds a packet.
fn holds_packet(kind: u32) -> bool {
    matches!(kind, ENHANCED_PACKET | SIMPLE_PACKET | OLD_PACKET)
}

/// Frames that Wireshark counts for a block of this type.
fn frames(kind: u32) -> u32 {
    let counts = holds_packet(kind)
        || matches!(kind, CUSTOM | CUSTOM_NO_COPY | JOURNAL)
        || SYSDIG.contains(&kind);
    u32::from(counts)
}

/// What is known between two blocks.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
}

/// One interface of the current section.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    snap: u32,
    clock: Clock,
    /// Lost packets as interface statistics and as packet blocks count them, and the part already reported.
    stated: u64,
    between: u64,
    reported: u64,
    /// When capturing ended, as the last statistics say.
    ended: Option<Timestamp>,
}

/// How an interface's timestamps count (if_tsresol, if_tsoffset).
#[derive(Clone, Copy, Debug)]
struct Clock {
    tick: Tick,
    /// Nanoseconds to add.
    offset: i128,
}

#[derive(Clone, Copy, Debug)]
enum Tick {
    /// So many nanoseconds each.
    Nanos(u32),
    /// So many make a nanosecond.
    PerNano(u128),
    /// 2^n make a second.
    Binary(u32),
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            tick: Tick::Nanos(1000),
            offset: 0,
        }
    }
}

impl Clock {
    #[inline]
    fn time(self, ticks: u64) -> Timestamp {
        let ticks = u128::from(ticks);
        let nanos = match self.tick {
            Tick::Nanos(n) => ticks * u128::from(n),
            Tick::PerNano(n) => ticks / n,
            Tick::Binary(n) => (ticks * 1_000_000_000) >> n,
        };
        let nanos = i128::try_from(nanos)
            .unwrap_or(i128::MAX)
            .saturating_add(self.offset);
        Timestamp(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
    }
}

/// One block in view: its type, the bytes between its lengths, where it starts in the file.
#[derive(Clone, Copy)]
struct Block<'a> {
    kind: u32,
    body: &'a [u8],
    offset: u64,
    total: usize,
}

impl Pcapng {
    /// Before the first section header.
    pub(super) fn new() -> Self {
        Self {
            order: Order { big: false },
            interfaces: Vec::new(),
        }
    }

    /// Whether the block at the start of `bytes`, perhaps cut short, holds a packet; `None` where that can't be told.
    pub(super) fn starts_packet(&self, bytes: &[u8]) -> Option<bool> {
        (bytes.len() >= 4).then(|| holds_packet(self.order.u32(bytes, 0)))
    }

    /// Reads the block at the start of `bytes`, which is at `offset` in the file; `next` is the number of the next frame.
    #[inline]
    pub(super) fn step(
        &mut self,
        bytes: &[u8],
        offset: u64,
        next: FrameNumber,
        info: &mut CaptureInfo,
    ) -> Step {
        if bytes.len() < 12 {
            return Step::Need(12);
        }
        let kind = self.order.u32(bytes, 0);
        if kind == SECTION && !self.turn(bytes) {
            return Step::Stop(
                "has no byte-order magic where its section header must have one".to_owned(),
            );
        }
        let stated = self.order.u32(bytes, 4) as usize;
        // Some writers leave the padding out of the length; Wireshark rounds up too.
        let total = stated.next_multiple_of(4);
        if !(12..=MAX_RECORD).contains(&total) {
            return Step::Stop(format!(
                "states a block length of {stated} bytes, which is nonsense"
            ));
        }
        if total > MAX_BLOCK {
            return self.pass_large(kind, total, offset, info);
        }
        if bytes.len() < total {
            return Step::Need(total);
        }
        let trailer = self.order.u32(bytes, total - 4) as usize;
        if trailer != stated {
            return Step::Stop(format!(
                "starts a block of {stated} bytes that says {trailer} at its end"
            ));
        }
        let body = &bytes[8..total - 4];
        self.block(
            Block {
                kind,
                body,
                offset,
                total,
            },
            next,
            info,
        )
    }

    /// Takes the byte order from a section header.
    fn turn(&mut self, bytes: &[u8]) -> bool {
        self.order.big = match bytes.get(8..12) {
            Some([0x1a, 0x2b, 0x3c, 0x4d]) => true,
            Some([0x4d, 0x3c, 0x2b, 0x1a]) => false,
            _ => return false,
        };
        true
    }

    #[cold]
    fn pass_large(&mut self, kind: u32, total: usize, offset: u64, info: &mut CaptureInfo) -> Step {
        if kind == SECTION {
            return Step::Stop(format!(
                "states a section header of {total} bytes, which is nonsense"
            ));
        }
        if !holds_packet(kind) {
            info.problem(format!(
                "block of type {kind:#x} at byte {offset} has {total} bytes and was not read"
            ));
        }
        Step::Pass {
            bytes: total,
            frames: frames(kind),
        }
    }

    #[inline]
    fn block(&mut self, block: Block<'_>, next: FrameNumber, info: &mut CaptureInfo) -> Step {
        let packet = match block.kind {
            ENHANCED_PACKET => self.enhanced(block, next, info),
            OLD_PACKET => self.old(block, next, info),
            SIMPLE_PACKET => self.simple(block),
            _ => return self.other(block, info),
        };
        match packet {
            Ok(packet) => Step::Packet(packet),
            Err(what) => {
                let (number, offset) = (next.0, block.offset);
                info.problem(format!(
                    "packet {number} (block at byte {offset}) {what}; it was left out"
                ));
                pass(block)
            }
        }
    }

    /// Enhanced packet block: interface, time, lengths, data, options.
    #[inline]
    fn enhanced(
        &mut self,
        block: Block<'_>,
        next: FrameNumber,
        info: &mut CaptureInfo,
    ) -> Result<Packet, String> {
        let id = self.order.u32(block.body, 0) as usize;
        self.timed(block, id, next, info)
    }

    /// The obsolete packet block differs in its first word only: 16 bits of interface, 16 bits of lost packets.
    fn old(
        &mut self,
        block: Block<'_>,
        next: FrameNumber,
        info: &mut CaptureInfo,
    ) -> Result<Packet, String> {
        let id = usize::from(self.order.u16(block.body, 0));
        let lost = self.order.u16(block.body, 2);
        let packet = self.timed(block, id, next, info)?;
        if lost != u16::MAX {
            self.lost_between(id, lost.into(), info);
        }
        Ok(packet)
    }

    #[inline]
    fn timed(
        &mut self,
        block: Block<'_>,
        id: usize,
        next: FrameNumber,
        info: &mut CaptureInfo,
    ) -> Result<Packet, String> {
        let (order, body) = (self.order, block.body);
        if body.len() < 20 {
            return Err("is too short for its header".to_owned());
        }
        let Some(interface) = self.interfaces.get(id) else {
            return Err(format!(
                "names interface {id}, which its section does not have"
            ));
        };
        let ticks = u64::from(order.u32(body, 4)) << 32 | u64::from(order.u32(body, 8));
        let len = order.u32(body, 12) as usize;
        if len > body.len() - 20 || len > MAX_PACKET {
            return Err(format!(
                "states a captured length of {len} bytes that its block can't hold"
            ));
        }
        let mut packet = Packet {
            time: Some(interface.clock.time(ticks)),
            link: interface.link,
            original_len: order.u32(body, 16),
            direction: Direction::Unknown,
            uid: None,
            start: 28,
            len,
            total: block.total,
        };
        let options = body.get(20 + len.next_multiple_of(4)..).unwrap_or_default();
        if !options.is_empty() {
            self.packet_options(block, options, id, next, &mut packet, info);
        }
        Ok(packet)
    }

    /// Simple packet block: no time, the first interface, captured length from its snap length.
    fn simple(&self, block: Block<'_>) -> Result<Packet, String> {
        let Some(interface) = self.interfaces.first() else {
            return Err("needs an interface, and its section has none".to_owned());
        };
        if block.body.len() < 4 {
            return Err("is too short for its header".to_owned());
        }
        let original_len = self.order.u32(block.body, 0);
        let snap = if interface.snap == 0 {
            u32::MAX
        } else {
            interface.snap
        };
        let len = (original_len.min(snap) as usize).min(block.body.len() - 4);
        Ok(Packet {
            time: None,
            link: interface.link,
            original_len,
            direction: Direction::Unknown,
            uid: None,
            start: 12,
            len,
            total: block.total,
        })
    }

    /// Notes packets lost before one packet block (epb_dropcount).
    fn lost_between(&mut self, id: usize, packets: u64, info: &mut CaptureInfo) {
        if let Some(interface) = self.interfaces.get_mut(id) {
            interface.between = interface.between.saturating_add(packets);
            interface.report_losses(info);
        }
    }
}

impl Interface {
    /// Brings the capture's count of lost packets up to date. Statistics blocks and packet blocks count the same
    /// losses, so the larger count is the one that holds.
    fn report_losses(&mut self, info: &mut CaptureInfo) {
        let lost = self.stated.max(self.between);
        info.lose(lost - self.reported);
        self.reported = lost;
    }
}

/// Steps over a block.
fn pass(block: Block<'_>) -> Step {
    Step::Pass {
        bytes: block.total,
        frames: frames(block.kind),
    }
}

#[cfg(test)]
mod tests;
