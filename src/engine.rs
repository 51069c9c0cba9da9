//! The path of a packet, assembled: decode, flows, observers; attempts and rules when a snapshot is asked for.
//!
//! Frames and their times go in, facts and a snapshot come out. Nothing here opens a file, reads a clock or
//! prints. Work on a flow stops as soon as it is clear that it has nothing to do with the target.

mod beside;
pub mod conversation;
mod forget;
mod notes;
mod stake;

use crate::attempt::join::join;
use crate::decode::{
    Datagram, Decoder, Outcome, Packet, Segment, TcpFlags, Transport, decode_fast,
};
use crate::diagnose::{Judged, Rule, Thresholds, World, judge};
use crate::fact::icmp::IcmpError;
use crate::flow::FlowView;
use crate::flow::quality::{CaptureQuality, Clients};
use crate::flow::table::{FlowTable, Key, Slot};
use crate::flow::tcp::IpFields;
use crate::observe::dns::{Carrier, DnsObserver, Interest};
use crate::observe::quic::{QuicObserver, looks_like_quic};
use crate::snapshot::build::{Parts, build};
use crate::snapshot::why_not::{Rival, WhyNotReport, report, rivals};
use crate::snapshot::{Attempt, Report};
use crate::source::CaptureInfo;
use crate::target::Target;
use crate::types::{CaptureId, Endpoint, Frame, Side, Timestamp};
use crate::verdict::Field;
use conversation::{App, Detail, Flow, Stake};
pub use forget::Forgotten;
use stake::{is_elsewhere, stake_of};
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
        let quality = quality_of(&mut self.captures, frame.mark.capture);
        quality.note_time(frame.mark.time);
        self.uid = frame.uid;
        self.mattered = false;
        if let Some(packet) = decode_fast(frame) {
            self.handle_packet(&packet);
            return;
        }
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

    fn handle_packet(&mut self, packet: &Packet<'_>) {
        match packet.transport {
            Transport::Tcp(segment) => self.tcp(packet, &segment),
            Transport::Udp(datagram) => self.udp(packet, &datagram),
            Transport::Icmp(error) => self.icmp(error),
            Transport::Other(_) => {
                self.clients.heard(packet.dst, packet.mark);
                self.mattered = true;
            }
        }
    }

    fn tcp(&mut self, packet: &Packet<'_>, segment: &Segment<'_>) {
        let src = Endpoint {
            addr: packet.src,
            port: segment.src_port,
        };
        let dst = Endpoint {
            addr: packet.dst,
            port: segment.dst_port,
        };
        let (key, src_low) = Key::new(src, dst, 6);
        let (slot, new) = self
            .flows
            .slot(&key, || Flow::tcp(key, src_low, segment, packet));
        if new {
            self.opened(slot);
        } else if segment.flags.0 & (TcpFlags::SYN | TcpFlags::ACK | TcpFlags::RST) == TcpFlags::SYN
            && self
                .flows
                .at(slot)
                .is_another_syn(src_low, segment, packet.mark.time)
        {
            let again = Flow::tcp(key, src_low, segment, packet);
            let old = std::mem::replace(self.flows.at(slot), again);
            self.retire(old);
            self.opened(slot);
        }
        let flow = self.flows.at(slot);
        let side = flow.side(src_low);
        flow.note(side, packet);
        self.mattered = flow.packets.0.iter().sum::<u32>() <= OPENING;
        if side == Side::Server && flow.packets[Side::Server] == 1 {
            self.clients.answered(flow.client().addr, packet.mark);
        }
        flow.note_segment(side, segment);
        if flow.stake == Stake::None {
            return;
        }
        self.mattered = true;
        self.follow_tcp(slot, side, packet, segment);
    }

    /// A flow that may matter: its segments go through the tracker and the observers.
    fn follow_tcp(&mut self, slot: u32, side: Side, packet: &Packet<'_>, segment: &Segment<'_>) {
        let flow = self.flows.at(slot);
        if flow.detail.is_none() {
            let owned = packet.app.is_some() || self.uid.is_some();
            if flow.packets.0 == [1, 0] && flow.first_syn.is_some() && !owned {
                return; // a lone SYN is kept in the flow itself
            }
            if self.tracked >= self.limits.tracked {
                flow.stake = Stake::None;
                self.evicted.tracked += 1;
                return;
            }
            self.tracked += 1;
            let from_start = flow.first_syn.is_some() || segment.flags.has(TcpFlags::SYN);
            flow.detail = Some(Box::new(Detail::tcp(
                flow.first_syn,
                from_start,
                flow.first,
                flow.server().port,
            )));
            if flow.first_syn.is_some() && flow.packets.0 == [1, 0] {
                flow.note_owner(packet.app, self.uid);
                return;
            }
        }
        flow.note_owner(packet.app, self.uid);
        if flow.stake == Stake::Open
            && side == Side::Client
            && !segment.payload.is_empty()
            && is_elsewhere(&self.target, segment.payload)
        {
            flow.stake = Stake::None;
            flow.detail = None;
            self.tracked -= 1;
            return;
        }
        let (client, server) = (flow.client(), flow.server());
        let Some(detail) = flow.detail.as_deref_mut() else {
            return;
        };
        let Detail {
            tcp,
            app,
            http,
            transfer,
            ..
        } = detail;
        let Some(tcp) = tcp else { return };
        let half = &tcp.facts().half[side];
        let (sent, lost) = (half.sent, half.lost);
        let mut sink = conversation::Sink {
            app,
            http,
            dns: &mut self.dns,
            client,
            server,
            ip: IpFields::from(packet),
        };
        tcp.segment(
            side,
            segment,
            IpFields::from(packet),
            packet.mark,
            &mut sink,
        );
        if segment.payload_len > 0 {
            let half = &tcp.facts().half[side];
            transfer.add(side, sent, half.sent, half.lost > lost, packet.mark);
            if flow.stake == Stake::Open {
                self.decide(slot);
            }
        }
    }

    fn udp(&mut self, packet: &Packet<'_>, datagram: &Datagram<'_>) {
        let src = Endpoint {
            addr: packet.src,
            port: datagram.src_port,
        };
        let dst = Endpoint {
            addr: packet.dst,
            port: datagram.dst_port,
        };
        if src.port == 53 || dst.port == 53 {
            self.dns_datagram(src, dst, packet, datagram);
            return;
        }
        let (key, src_low) = Key::new(src, dst, 17);
        let (slot, new) = self
            .flows
            .slot(&key, || Flow::udp(key, src_low, datagram, packet));
        if new {
            self.opened(slot);
        } else if self.flows.at(slot).is_another_initial(
            src_low,
            datagram.payload,
            packet.mark.time,
        ) {
            let again = Flow::udp(key, src_low, datagram, packet);
            let mut old = std::mem::replace(self.flows.at(slot), again);
            old.replaced(packet.mark);
            self.retire(old);
            self.opened(slot);
        }
        let flow = self.flows.at(slot);
        if flow.is_undecided() {
            let quic = looks_like_quic(datagram.payload, datagram.dst_port, datagram.src_port);
            if quic && self.tracked < self.limits.tracked {
                self.tracked += 1;
                flow.detail = Some(Box::new(Detail::quic(QuicObserver::new())));
            } else if quic || !flow.may_still_be_quic() {
                flow.stake = Stake::None;
                self.evicted.tracked += u64::from(quic);
            }
        }
        let side = flow.side(src_low);
        flow.note(side, packet);
        if side == Side::Server && flow.packets[Side::Server] == 1 {
            self.clients.answered(flow.client().addr, packet.mark);
        }
        if flow.stake == Stake::None {
            return;
        }
        self.mattered = flow.detail.is_some() || flow.packets.0.iter().sum::<u32>() <= OPENING;
        flow.note_owner(packet.app, self.uid);
        if let Some(Detail {
            app: App::Quic(quic),
            transfer,
            ..
        }) = flow.detail.as_deref_mut()
        {
            quic.datagram(side, datagram.payload, datagram.payload_len, packet.mark);
            let side = if quic.facts().swapped {
                side.other()
            } else {
                side
            };
            transfer.add_datagram(side, datagram.payload, datagram.payload_len, packet.mark);
            if flow.stake == Stake::Open {
                self.decide(slot);
            }
        }
    }

    fn dns_datagram(
        &mut self,
        src: Endpoint,
        dst: Endpoint,
        packet: &Packet<'_>,
        datagram: &Datagram<'_>,
    ) {
        self.mattered = true;
        let carrier = Carrier {
            src,
            dst,
            ttl: packet.ttl,
            ip_id: packet.ip_id,
            mark: packet.mark,
        };
        if src.port == 53 {
            self.clients.answered(dst.addr, packet.mark);
        } else {
            self.clients.asked(src.addr, packet.mark.time);
        }
        self.dns
            .udp(&carrier, datagram.payload, datagram.payload_len);
    }

    fn icmp(&mut self, error: IcmpError) {
        self.mattered = true;
        let quoted = error.quoted;
        let src = Endpoint {
            addr: quoted.src,
            port: quoted.src_port,
        };
        let dst = Endpoint {
            addr: quoted.dst,
            port: quoted.dst_port,
        };
        self.clients.answered(quoted.src, error.mark);
        if quoted.protocol == 17 && quoted.dst_port == 53 {
            self.dns.icmp(&error);
            return;
        }
        let (key, _) = Key::new(src, dst, quoted.protocol);
        if let Some(flow) = self.flows.get_mut(&key) {
            self.tracked += usize::from(flow.icmp(error));
        }
    }

    /// A flow has begun in this slot.
    fn opened(&mut self, slot: u32) {
        if self.flows.has_evicted() {
            for flow in self.flows.take_evicted() {
                self.give_up(flow);
            }
        }
        let flow = self.flows.at(slot);
        let capture = usize::from(flow.first.capture.0);
        let client = flow.client().addr;
        let at = flow.first.time;
        if let Some(quality) = self.captures.get_mut(capture) {
            flow.stream = quality.next_stream(flow.is_tcp());
        }
        self.clients.asked(client, at);
    }

    /// As soon as a flow tells what it is, decides whether it is followed further.
    fn decide(&mut self, slot: u32) {
        let flow = self.flows.at(slot);
        let Some(detail) = flow.detail.as_deref() else {
            return;
        };
        if !detail.has_spoken() {
            return;
        }
        let stake = stake_of(&self.target, &self.dns, flow);
        let flow = self.flows.at(slot);
        flow.stake = stake;
        if stake == Stake::None {
            flow.detail = None;
            self.tracked -= 1;
        }
    }

    /// A flow was evicted from the table for a new one.
    fn give_up(&mut self, flow: Flow) {
        self.evicted.flows += 1;
        if let Some(quality) = self.captures.get_mut(usize::from(flow.first.capture.0)) {
            quality.streams_lost = true;
        }
        self.retire(flow);
    }

    /// A flow is over: kept with its facts where it matters, forgotten where it does not.
    fn retire(&mut self, mut flow: Flow) {
        flow.finish(&mut self.dns);
        if let Some(quality) = self.captures.get_mut(usize::from(flow.first.capture.0)) {
            quality.note_flow(flow.one_sided());
        }
        let tracked = usize::from(flow.detail.is_some());
        if flow.is_path() && stake_of(&self.target, &self.dns, &flow) != Stake::None {
            if self.finished.len() < self.limits.tracked {
                self.finished.push(flow);
                return;
            }
            self.evicted.tracked += 1;
        }
        self.tracked -= tracked;
    }

    /// All flows that matter to the target, in the order of their first packets; the earliest, where they are more
    /// than the limit of those followed in full.
    #[must_use]
    pub fn flows(&self) -> Vec<FlowView<'_>> {
        let mut flows = self.relevant();
        flows.truncate(self.limits.tracked);
        flows
            .into_iter()
            .map(|f| f.view(!self.streams_lost(f)))
            .collect()
    }

    /// Flows that matter to the target and are more than can be reported.
    fn unreported(&self) -> usize {
        self.relevant().len().saturating_sub(self.limits.tracked)
    }

    fn relevant(&self) -> Vec<&Flow> {
        let mut flows: Vec<&Flow> = self
            .finished
            .iter()
            .chain(self.flows.iter())
            .filter(|f| f.is_path())
            .filter(|f| {
                f.stake == Stake::Target || stake_of(&self.target, &self.dns, f) != Stake::None
            })
            .collect();
        flows.sort_by_key(|f| (f.first.time, f.first.capture, f.first.frame));
        flows
    }

    fn streams_lost(&self, flow: &Flow) -> bool {
        self.captures
            .get(usize::from(flow.first.capture.0))
            .is_some_and(|q| q.streams_lost)
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

impl Engine {
    /// Joins, judges and reports what was seen so far.
    ///
    /// `captures` are the inputs as their sources describe them, by [`CaptureId`].
    #[must_use]
    pub fn snapshot(&self, captures: &[CaptureInfo], thresholds: Thresholds) -> Report {
        self.judged(captures, thresholds, build)
    }

    /// Says what spoke against `rule` in each attempt of the report, or in the one with that number.
    #[must_use]
    pub fn why_not(
        &self,
        captures: &[CaptureInfo],
        thresholds: Thresholds,
        rule: &'static Rule,
        only: Option<usize>,
    ) -> WhyNotReport {
        self.judged(captures, thresholds, |parts| report(parts, rule, only))
    }

    /// Says what spoke against the causes that might stand in the place of the one that `attempt` of an earlier
    /// snapshot has.
    #[must_use]
    pub fn rivals(
        &self,
        captures: &[CaptureInfo],
        thresholds: Thresholds,
        attempt: &Attempt,
    ) -> Vec<Rival> {
        self.judged(captures, thresholds, |parts| rivals(parts, attempt))
    }

    /// Joins and judges, and hands over what there is to tell.
    fn judged<R>(
        &self,
        captures: &[CaptureInfo],
        thresholds: Thresholds,
        tell: impl FnOnce(&Parts<'_>) -> R,
    ) -> R {
        let attempts = join(
            &self.target,
            self.dns.lookups(),
            self.flows(),
            self.dns.names(),
        );
        let dropped: Vec<u64> = captures.iter().map(|c| c.dropped.unwrap_or(0)).collect();
        let incomplete = (0..).map(CaptureId).zip(captures);
        let incomplete = incomplete.filter(|(_, c)| !c.complete).map(|(id, _)| id);
        let incomplete = incomplete.collect();
        let world = World::new(
            &attempts,
            &self.dns,
            &self.clients,
            &self.captures,
            thresholds,
            &dropped,
        )
        .with_incomplete(incomplete);
        let judged: Vec<Judged> = attempts.iter().map(|a| judge(a, &world)).collect();
        let notes = notes::notes(self, captures, &attempts);
        let field = Field::of(&world, &judged);
        let others = beside::others(self, &field.wanted());
        tell(&Parts {
            captures,
            profile: if self.target.is_all() {
                "all"
            } else {
                &self.target.name
            },
            world: &world,
            judged: &judged,
            field: &field,
            others: &others,
            notes,
        })
    }
}

fn quality_of(captures: &mut Vec<CaptureQuality>, capture: CaptureId) -> &mut CaptureQuality {
    let capture = usize::from(capture.0);
    if captures.len() <= capture {
        captures.resize_with(capture + 1, CaptureQuality::default);
    }
    &mut captures[capture]
}

impl Slot for Flow {
    fn key(&self) -> &Key {
        &self.key
    }
    fn quiet_since(&self) -> i64 {
        self.last.time.0
    }
    fn precious(&self) -> bool {
        self.detail.is_some()
    }
    fn vacant() -> Self {
        Self::vacant()
    }
}
