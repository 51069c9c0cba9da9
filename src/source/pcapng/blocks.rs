//! The blocks and options that are no packets: sections, interfaces, statistics, names, secrets, PCAPdroid's app names.

use super::{
    Block, CUSTOM, CUSTOM_NO_COPY, Clock, INTERFACE, Interface, MAX_INTERFACES, NAMES, Pcapng,
    SECRETS, SECTION, STATISTICS, Tick, pass,
};
use crate::source::info::{CaptureInfo, MAX_SECRETS, lossy};
use crate::source::step::{Order, Packet, Step};
use crate::types::{Addr, Direction, FrameNumber, LinkType, Timestamp};

const OPT_END: u16 = 0;
const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
const EPB_FLAGS: u16 = 2;
const EPB_DROPCOUNT: u16 = 4;
const ISB_STARTTIME: u16 = 2;
const ISB_ENDTIME: u16 = 3;
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;
/// Private enterprise number of PCAPdroid.
const PCAPDROID: u32 = 62_652;

/// The options in a block: code and value. Ends at the first that does not fit, which sets `damaged`.
struct Options<'a> {
    order: Order,
    rest: &'a [u8],
    damaged: bool,
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.len() < 4 {
            self.damaged |= !self.rest.is_empty();
            return None;
        }
        let code = self.order.u16(self.rest, 0);
        let len = usize::from(self.order.u16(self.rest, 2));
        if code == OPT_END {
            return None;
        }
        let Some(value) = self.rest.get(4..4 + len) else {
            self.damaged = true;
            return None;
        };
        self.rest = self
            .rest
            .get(4 + len.next_multiple_of(4)..)
            .unwrap_or_default();
        Some((code, value))
    }
}

impl Pcapng {
    fn options<'a>(&self, rest: &'a [u8]) -> Options<'a> {
        Options {
            order: self.order,
            rest,
            damaged: false,
        }
    }

    /// A block that holds no packet.
    pub(super) fn other(&mut self, block: Block<'_>, info: &mut CaptureInfo) -> Step {
        let sound = match block.kind {
            SECTION => return self.section(block, info),
            INTERFACE => self.interface(block, info),
            STATISTICS => self.statistics(block, info),
            NAMES => self.names(block, info),
            SECRETS => self.secrets(block, info),
            CUSTOM | CUSTOM_NO_COPY => self.custom(block, info),
            _ => true,
        };
        if !sound {
            let (kind, offset) = (block.kind, block.offset);
            info.problem(format!(
                "block of type {kind:#x} at byte {offset} is damaged; only its sound part was read"
            ));
        }
        pass(block)
    }

    /// Starts a section: what the last one declared no longer counts.
    fn section(&mut self, block: Block<'_>, info: &mut CaptureInfo) -> Step {
        let (major, minor) = (self.order.u16(block.body, 4), self.order.u16(block.body, 6));
        if block.body.len() < 16 || major != 1 {
            return Step::Stop(format!(
                "starts a section of pcapng version {major}.{minor}, which is not known"
            ));
        }
        self.interfaces.clear();
        let mut options = self.options(&block.body[16..]);
        for (code, value) in &mut options {
            match code {
                OPT_COMMENT => info.comment(None, value),
                SHB_USERAPPL if info.application.is_none() => info.application = Some(lossy(value)),
                _ => {}
            }
        }
        pass(block)
    }

    fn interface(&mut self, block: Block<'_>, info: &mut CaptureInfo) -> bool {
        let (order, body) = (self.order, block.body);
        if body.len() < 8 || self.interfaces.len() == MAX_INTERFACES {
            return false;
        }
        let link = LinkType(order.u16(body, 0).into());
        let snap = order.u32(body, 4);
        let mut clock = Clock::default();
        let mut options = self.options(&body[8..]);
        for (code, value) in &mut options {
            match (code, value) {
                (OPT_COMMENT, _) => info.comment(None, value),
                (IF_TSRESOL, [resolution, ..]) => clock.tick = tick(*resolution),
                (IF_TSOFFSET, [_, _, _, _, _, _, _, _]) => {
                    clock.offset = i128::from(order.u64(value, 0).cast_signed()) * 1_000_000_000;
                }
                _ => {}
            }
        }
        let sound = !options.damaged;
        note_snap(snap, info);
        info.link(link);
        self.interfaces.push(Interface {
            link,
            snap,
            clock,
            stated: 0,
            between: 0,
            reported: 0,
            ended: None,
        });
        sound
    }

    /// Interface statistics count from the start of the capture, so a later block replaces an earlier one. Where a later
    /// one says that capturing began after the end that the one before it stated, nothing was captured in between.
    fn statistics(&mut self, block: Block<'_>, info: &mut CaptureInfo) -> bool {
        let (order, body) = (self.order, block.body);
        let id = order.u32(body, 0) as usize;
        let (Some(interface), Some(rest)) = (self.interfaces.get(id).copied(), body.get(12..))
        else {
            return false;
        };
        let time = |value: &[u8]| {
            let ticks = u64::from(order.u32(value, 0)) << 32 | u64::from(order.u32(value, 4));
            interface.clock.time(ticks)
        };
        let (mut lost, mut begun, mut ended) = (None, None, None);
        let mut options = self.options(rest);
        for (code, value) in &mut options {
            match (code, value) {
                (OPT_COMMENT, _) => info.comment(None, value),
                (ISB_STARTTIME, [_, _, _, _, _, _, _, _]) => begun = Some(time(value)),
                (ISB_ENDTIME, [_, _, _, _, _, _, _, _]) => ended = Some(time(value)),
                (ISB_IFDROP | ISB_OSDROP, [_, _, _, _, _, _, _, _]) => {
                    lost = Some(order.u64(value, 0).saturating_add(lost.unwrap_or(0)));
                }
                _ => {}
            }
        }
        let sound = !options.damaged;
        if let Some(end) = ended {
            note_end(end, info);
        }
        if let (Some(from), Some(to)) = (interface.ended, begun)
            && from < to
        {
            info.hole(from, to);
        }
        if let Some(interface) = self.interfaces.get_mut(id) {
            interface.ended = ended.or(interface.ended);
            if let Some(lost) = lost {
                interface.stated = interface.stated.max(lost);
                interface.report_losses(info);
            }
        }
        sound
    }

    /// Name resolution: records of type, length, address and NUL-ended names, padded to four bytes.
    fn names(&self, block: Block<'_>, info: &mut CaptureInfo) -> bool {
        // Records have the shape of options.
        let mut records = self.options(block.body);
        for (kind, value) in &mut records {
            let named = match kind {
                1 => value
                    .split_first_chunk()
                    .map(|(a, names)| (Addr::v4(*a), names)),
                2 => value
                    .split_first_chunk()
                    .map(|(a, names)| (Addr::v6(*a), names)),
                _ => continue,
            };
            let Some((addr, names)) = named else {
                return false;
            };
            for name in names.split(|&b| b == 0) {
                info.name(addr, name);
            }
        }
        !records.damaged
    }

    fn secrets(&self, block: Block<'_>, info: &mut CaptureInfo) -> bool {
        let (kind, len) = (
            self.order.u32(block.body, 0),
            self.order.u32(block.body, 4) as usize,
        );
        let Some(data) = block.body.get(8..).and_then(|rest| rest.get(..len)) else {
            return false;
        };
        if !info.secret(kind, data) {
            let offset = block.offset;
            info.problem(format!(
                "decryption secrets at byte {offset} were left out: the file holds more than {MAX_SECRETS} bytes of them"
            ));
        }
        true
    }

    /// Custom block of PCAPdroid: version, type 1 (user id map), user id, package and name with their lengths.
    fn custom(&self, block: Block<'_>, info: &mut CaptureInfo) -> bool {
        let body = block.body;
        if self.order.u32(body, 0) != PCAPDROID
            || self.order.u16(body, 4) != 1
            || body.get(6) != Some(&1)
        {
            return true;
        }
        let Some(&[package, name]) = body.get(12..14) else {
            return false;
        };
        let (package, name) = (usize::from(package), usize::from(name));
        let Some(text) = body.get(14..14 + package + name) else {
            return false;
        };
        let uid = self.order.u32(body, 8).cast_signed();
        info.app(uid, &text[..package], &text[package..]);
        true
    }

    /// Reads what a packet block says besides the packet.
    pub(super) fn packet_options(
        &mut self,
        block: Block<'_>,
        rest: &[u8],
        id: usize,
        next: FrameNumber,
        packet: &mut Packet,
        info: &mut CaptureInfo,
    ) {
        let order = self.order;
        let mut lost = None;
        let mut options = self.options(rest);
        for (code, value) in &mut options {
            match (code, value) {
                (OPT_COMMENT, _) => match uid(value) {
                    None => info.comment(Some(next), value),
                    uid => packet.uid = uid,
                },
                (EPB_FLAGS, [_, _, _, _]) => packet.direction = direction(order.u32(value, 0)),
                (EPB_DROPCOUNT, [_, _, _, _, _, _, _, _])
                    if block.kind == super::ENHANCED_PACKET =>
                {
                    lost = Some(order.u64(value, 0));
                }
                _ => {}
            }
        }
        if options.damaged {
            let (number, offset) = (next.0, block.offset);
            info.problem(format!(
                "packet {number} (block at byte {offset}) has damaged options"
            ));
        }
        if let Some(lost) = lost {
            self.lost_between(id, lost, info);
        }
    }
}

/// The user id that PCAPdroid puts into a packet comment: `u-10123`.
fn uid(comment: &[u8]) -> Option<i32> {
    let text = comment.strip_prefix(b"u-")?;
    std::str::from_utf8(text)
        .ok()?
        .trim_end_matches('\0')
        .parse()
        .ok()
}

/// Bits 0 and 1 of epb_flags.
fn direction(flags: u32) -> Direction {
    match flags & 3 {
        1 => Direction::In,
        2 => Direction::Out,
        _ => Direction::Unknown,
    }
}

/// if_tsresol: a negative power of 10, or of 2 where the top bit is set.
fn tick(resolution: u8) -> Tick {
    let power = u32::from(resolution & 0x7f);
    match (resolution & 0x80 != 0, power) {
        (true, _) => Tick::Binary(power),
        (false, 0..=9) => Tick::Nanos(10u32.pow(9 - power)),
        (false, _) => Tick::PerNano(10u128.checked_pow(power - 9).unwrap_or(u128::MAX)),
    }
}

/// Keeps the largest snap length; 0, "not limited", is larger than all.
fn note_snap(snap: u32, info: &mut CaptureInfo) {
    let first = info.link_types.is_empty();
    info.snap_len = match (first, info.snap_len, snap) {
        (true, ..) => snap,
        (_, 0, _) | (_, _, 0) => 0,
        (_, a, b) => a.max(b),
    };
}

/// Keeps the latest end that the file states.
fn note_end(end: Timestamp, info: &mut CaptureInfo) {
    info.stated_end = info.stated_end.max(Some(end));
}
