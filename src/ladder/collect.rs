//! Keeps the packets of an attempt while a capture is read again.

use super::stream::Direction;
pub use super::stream::Trouble;
use super::want::{Route, Wanted};
use super::{describe, facts};
use crate::decode::{Decoder, Outcome, Packet, Transport, decode_fast};
use crate::engine::{Engine, Limits};
use crate::snapshot::Attempt;
use crate::target::Target;
use crate::types::{CaptureId, Endpoint, Frame, LinkType, Mark, Timestamp};
use std::collections::HashMap;
use std::time::Duration;

/// Packets kept of one attempt.
pub const MAX_PACKETS: usize = 5_000;
/// Bytes kept of one packet.
pub const MAX_BYTES: usize = 4_096;
/// So long after the attempt's last packet, no more of it is expected.
const QUIET: Duration = Duration::from_secs(60);
/// Flows of the engine that reads the facts of one attempt.
const FLOWS: usize = 4_096;

/// A packet of the attempt.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When it was captured, and its number.
    pub mark: Mark,
    /// Who sent it; port 0 for ICMP.
    pub src: Endpoint,
    /// To whom.
    pub dst: Endpoint,
    /// What it is part of.
    pub route: Route,
    /// What it says, in a few words; cleaned of anything that could act on a terminal.
    pub what: String,
    /// Its place in the stream.
    pub trouble: Trouble,
    /// Bytes of payload on the wire.
    pub payload: u32,
    /// Only payload or an acknowledgement: may be folded with its neighbours.
    pub bulk: bool,
    /// It ends something badly: a reset, a fatal alert, an ICMP error.
    pub bad: bool,
    /// It proves the attempt's cause.
    pub proof: bool,
    /// Length of the frame on the wire.
    pub wire_len: u32,
    /// Link type of the frame.
    pub link: LinkType,
    /// The captured bytes, at most [`MAX_BYTES`].
    pub bytes: Vec<u8>,
    /// How many were captured.
    pub captured: usize,
}

/// All that was found of an attempt.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    /// Its packets, in the order of the capture.
    pub packets: Vec<Seen>,
    /// What they say, by path and lookup.
    pub facts: Vec<facts::FactGroup>,
    /// There were more than [`MAX_PACKETS`].
    pub cut: bool,
    /// The first packets were no longer there.
    pub begins_late: bool,
}

/// Picks the packets of one attempt out of a capture.
pub struct Collector {
    wanted: Wanted,
    decoder: Decoder,
    /// Reads the facts of what is kept, with the observers that the report was made with.
    engine: Engine,
    directions: HashMap<(usize, bool), Direction>,
    packets: Vec<Seen>,
    limit: usize,
    cut: bool,
    last: Timestamp,
    last_named: Option<(CaptureId, u32)>,
    over: bool,
}

impl Collector {
    /// For the packets of `attempt`, at most [`MAX_PACKETS`].
    #[must_use]
    pub fn new(attempt: &Attempt) -> Self {
        let mut target = Target::everything();
        target.set_all(true);
        let limits = Limits {
            flows: FLOWS,
            tracked: FLOWS,
        };
        let capture = CaptureId(u16::try_from(attempt.capture).unwrap_or_default());
        let findings = attempt.findings.iter().flat_map(|f| &f.frames);
        let paths = attempt.paths.iter().flat_map(|p| &p.frames);
        let lookups = attempt.lookups.iter().flat_map(|l| &l.frames);
        let last = findings.chain(paths).chain(lookups).max();
        Self {
            wanted: Wanted::new(attempt),
            decoder: Decoder::new(),
            engine: Engine::new(target, limits),
            directions: HashMap::new(),
            packets: Vec::new(),
            limit: MAX_PACKETS,
            cut: false,
            last: Timestamp::MIN,
            last_named: last.map(|&frame| (capture, frame)),
            over: false,
        }
    }

    /// Takes the next frame of the capture; false once nothing more is to come.
    pub fn take(&mut self, frame: &Frame<'_>) -> bool {
        if let Some((capture, number)) = self.last_named
            && frame.mark.capture == capture
            && frame.mark.frame.0 >= number
        {
            self.last_named = None;
            self.last = self.last.max(frame.mark.time);
        }
        let mut decoder = std::mem::take(&mut self.decoder);
        match decode_fast(frame).map_or_else(|| decoder.decode(frame), Outcome::Packet) {
            Outcome::Packet(packet) => self.packet(&packet, frame),
            Outcome::Fragment => self.engine.handle_frame(frame),
            Outcome::NotIp | Outcome::Arp(_) | Outcome::UnknownLink(_) => {}
            Outcome::Malformed(error) => {
                if let Some(route) = self.wanted.evidence(frame.mark) {
                    let what = format!("malformed: {error}");
                    self.keep(
                        frame,
                        route,
                        (Endpoint::default(), Endpoint::default()),
                        what,
                    );
                }
            }
        }
        self.decoder = decoder;
        let quiet = self.last_named.is_none() && frame.mark.time.since(self.last) > QUIET;
        self.over |= self.cut || (quiet && self.last > Timestamp::MIN);
        !self.over
    }

    fn packet(&mut self, packet: &Packet<'_>, frame: &Frame<'_>) {
        let Some(route) = self.wanted.route(packet) else {
            return;
        };
        self.last = self.last.max(frame.mark.time);
        self.engine.handle_frame(frame);
        let ends = |src, dst| {
            let end = |addr, port| Endpoint { addr, port };
            (end(packet.src, src), end(packet.dst, dst))
        };
        match packet.transport {
            Transport::Tcp(segment) => {
                let ends = ends(segment.src_port, segment.dst_port);
                let mut alone = Direction::default();
                let direction = match route {
                    Route::Path(path) => {
                        let forward = ends.0 < ends.1;
                        self.directions.entry((path, forward)).or_default()
                    }
                    _ => &mut alone,
                };
                let (what, trouble) = describe::tcp(&segment, direction);
                let bulk = matches!(what.as_str(), "ACK" | "keep-alive")
                    || what.starts_with("application data")
                    || what.ends_with(" bytes");
                let bad = what.starts_with("RST") || what.contains("Alert fatal");
                if let Some(seen) = self.keep(frame, route, ends, what) {
                    (seen.trouble, seen.payload) = (trouble, segment.payload_len);
                    (seen.bulk, seen.bad) = (bulk && trouble == Trouble::None, bad);
                }
            }
            Transport::Udp(datagram) => {
                let ends = ends(datagram.src_port, datagram.dst_port);
                let what = describe::udp(&datagram, matches!(route, Route::Path(_)));
                let bulk = what.starts_with("1-RTT") || what.starts_with("UDP,");
                if let Some(seen) = self.keep(frame, route, ends, what) {
                    (seen.bulk, seen.payload) = (bulk, datagram.payload_len);
                }
            }
            Transport::Icmp(error) => {
                let what = describe::icmp(&error);
                if let Some(seen) = self.keep(frame, route, ends(0, 0), what) {
                    seen.bad = true;
                }
            }
            Transport::Other(protocol) => {
                self.keep(frame, route, ends(0, 0), format!("IP protocol {protocol}"));
            }
        }
    }

    fn keep(
        &mut self,
        frame: &Frame<'_>,
        route: Route,
        ends: (Endpoint, Endpoint),
        what: String,
    ) -> Option<&mut Seen> {
        if self.packets.len() >= self.limit {
            self.cut = true;
            return None;
        }
        let proof = self.wanted.is_proof(frame.mark);
        self.packets.push(Seen {
            mark: frame.mark,
            src: ends.0,
            dst: ends.1,
            route,
            what,
            trouble: Trouble::None,
            payload: 0,
            bulk: false,
            bad: false,
            proof,
            wire_len: frame.original_len,
            link: frame.link,
            bytes: frame.data[..frame.data.len().min(MAX_BYTES)].to_vec(),
            captured: frame.data.len(),
        });
        self.packets.last_mut()
    }

    /// How many packets were kept so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.packets.len()
    }

    /// The packet kept last proves the attempt's cause.
    #[must_use]
    pub fn last_is_proof(&self) -> bool {
        self.packets.last().is_some_and(|p| p.proof)
    }

    /// What was found. The facts are read now.
    #[must_use]
    pub fn finish(mut self) -> Collected {
        self.engine.finish();
        facts::annotate(&self.engine, &mut self.packets);
        Collected {
            facts: facts::of(&self.engine),
            packets: self.packets,
            cut: self.cut,
            begins_late: false,
        }
    }
}
