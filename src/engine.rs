//! The path of a packet, assembled: decode, flows, observers; attempts and rules when a snapshot is asked for.
//!
//! Frames and their times go in, facts and a snapshot come out. Nothing here opens a file, reads a clock or
//! prints. Work on a flow stops as soon as it is clear that it has nothing to do with the target.

mod beside;
pub mod conversation;
mod flows;
mod forget;
mod judgement;
mod notes;
mod packets;
mod stake;

use crate::decode::{Decoder, Outcome, decode_fast};
use crate::flow::quality::{CaptureQuality, Clients};
use crate::flow::table::FlowTable;
use crate::observe::dns::{DnsObserver, Interest};
use crate::observe::tls::Chains;
use crate::source::CaptureInfo;
use crate::target::Target;
use crate::types::{CaptureId, Frame, Timestamp};
use conversation::Flow;
pub use forget::Forgotten;
use std::collections::HashMap;
use std::sync::Arc;

/// Bounds of what is held. Every one of them is said when it is reached.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Flows in the table.
    pub flows: usize,
    /// Flows whose facts are kept in full at the same time, finished ones included.
    pub tracked: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flows: 1_000_000,
            tracked: 100_000,
        }
    }
}

/// Packets of a connection beside the target that tell whether it worked.
const OPENING: u32 = 12;

/// What had to be given up to stay within [`Limits`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Evicted {
    /// Flows dropped from the table.
    pub flows: u64,
    /// Flows that mattered to the target, or might have.
    pub tracked: u64,
}

/// Takes frames, holds facts.
pub struct Engine {
    decoder: Decoder,
    target: Arc<Target>,
    flows: FlowTable<Flow>,
    finished: Vec<Flow>,
    dns: DnsObserver,
    chains: Chains,
    clients: Clients,
    captures: Vec<CaptureQuality>,
    unknown_links: HashMap<u32, u64>,
    /// Android user id that the frame at hand states.
    uid: Option<i32>,
    tracked: usize,
    limits: Limits,
    evicted: Evicted,
    /// The frame at hand may be of interest later.
    mattered: bool,
    forgotten: Forgotten,
}

impl Engine {
    /// An engine that looks for `target`.
    #[must_use]
    pub fn new(target: Target, limits: Limits) -> Self {
        let target = Arc::new(target);
        let (wanted, nets) = (Arc::clone(&target), Arc::clone(&target));
        let interest = Interest::new(target.is_all(), move |name: &str| {
            wanted.matches_name(name).is_some()
        })
        .or_addr(move |addr| nets.matches_addr(addr));
        Self {
            decoder: Decoder::new(),
            target,
            flows: FlowTable::new(limits.flows),
            finished: Vec::new(),
            dns: DnsObserver::new(interest),
            chains: Chains::default(),
            clients: Clients::default(),
            captures: Vec::new(),
            unknown_links: HashMap::new(),
            uid: None,
            tracked: 0,
            limits,
            evicted: Evicted::default(),
            mattered: false,
            forgotten: Forgotten::default(),
        }
    }

    /// Takes the next frame. Frames come in the order in which they are to be judged.
    pub fn handle_frame(&mut self, frame: &Frame<'_>) {
        quality_of(&mut self.captures, frame.mark.capture).note_time(frame.mark.time);
        self.uid = frame.uid;
        self.mattered = false;
        match decode_fast(frame) {
            Some(packet) => self.handle_packet(&packet),
            None => self.decode(frame),
        }
    }

    /// The long way, for what is not plain.
    #[inline(never)]
    fn decode(&mut self, frame: &Frame<'_>) {
        let quality = &mut self.captures[usize::from(frame.mark.capture.0)];
        // The decoder lends packets out of its own buffers, so it steps aside while they are handled.
        let mut decoder = std::mem::take(&mut self.decoder);
        match decoder.decode(frame) {
            Outcome::Packet(packet) => self.handle_packet(&packet),
            Outcome::Fragment => {
                quality.fragments += 1;
                self.mattered = true;
            }
            Outcome::NotIp => quality.not_ip += 1,
            Outcome::Arp(arp) => {
                quality.not_ip += 1;
                if arp.reply {
                    self.clients.reached(arp.to, frame.mark);
                }
                self.clients.neighbour(arp.from, arp.to, frame.mark);
                self.mattered = true;
            }
            Outcome::Malformed(_) => quality.malformed += 1,
            Outcome::UnknownLink(link) => *self.unknown_links.entry(link.0).or_default() += 1,
        }
        self.decoder = decoder;
    }

    /// Says that a capture is known to go on until `end`, later than its last packet.
    pub fn handle_time(&mut self, capture: CaptureId, end: Timestamp) {
        if let Some(quality) = self.captures.get_mut(usize::from(capture.0)) {
            quality.note_time(end);
        }
    }

    /// Says that nothing was captured from `from` to `to`, though the capture goes on: whoever waited then may have got an
    /// answer that nobody saw.
    pub fn handle_hole(&mut self, capture: CaptureId, from: Timestamp, to: Timestamp) {
        quality_of(&mut self.captures, capture).note_hole(from, to);
    }

    /// Takes what captures state of their time once they are read: when they ended, and when they captured nothing.
    pub fn handle_stated(&mut self, captures: &[CaptureInfo]) {
        for (id, info) in (0..=u16::MAX).map(CaptureId).zip(captures) {
            if let Some(end) = info.stated_end {
                self.handle_time(id, end);
            }
            for &(from, to) in &info.holes {
                self.handle_hole(id, from, to);
            }
        }
    }

    /// Says that the input is over: what waits for missing bytes is handed on without them.
    pub fn finish(&mut self) {
        let dns = &mut self.dns;
        for flow in self.flows.iter_mut() {
            flow.finish(dns);
            if let Some(quality) = self.captures.get_mut(usize::from(flow.first.capture.0)) {
                quality.note_flow(flow.one_sided());
            }
        }
    }

    /// Lookups, resolvers and names seen.
    #[must_use]
    pub fn dns(&self) -> &DnsObserver {
        &self.dns
    }

    /// Flows held at most.
    #[must_use]
    pub fn flow_limit(&self) -> usize {
        self.flows.limit()
    }

    /// The frame handled last is part of something that is followed, as far as that is known by now: a lookup, an ICMP
    /// error, a connection that is or may be one to the target; or it may serve as control: the opening of any other
    /// connection, what is neither TCP nor UDP. Who keeps packets to show them later, or to judge them again, keeps these.
    #[must_use]
    pub fn mattered(&self) -> bool {
        self.mattered
    }

    /// What the engine looks for.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How good each capture is as evidence.
    #[must_use]
    pub fn qualities(&self) -> &[CaptureQuality] {
        &self.captures
    }

    /// What is known of each client.
    #[must_use]
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// What was given up.
    #[must_use]
    pub fn evicted(&self) -> Evicted {
        self.evicted
    }

    /// Link types that could not be read, with the number of frames, by number.
    #[must_use]
    pub fn unknown_links(&self) -> Vec<(u32, u64)> {
        let mut links: Vec<_> = self.unknown_links.iter().map(|(&l, &n)| (l, n)).collect();
        links.sort_unstable();
        links
    }
}

fn quality_of(captures: &mut Vec<CaptureQuality>, capture: CaptureId) -> &mut CaptureQuality {
    let capture = usize::from(capture.0);
    if captures.len() <= capture {
        captures.resize_with(capture + 1, CaptureQuality::default);
    }
    &mut captures[capture]
}
