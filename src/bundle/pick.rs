//! Picks packets out of a capture while it is read once: those of the chosen attempts, and in the order of how near
//! they are to these, those that the judgement may rest on as well.
//!
//! What is kept is bounded, for each rank by itself: see [`BUDGET`]. A gigabyte of capture is read like a kilobyte.

use super::choose::Chosen;
use crate::decode::{Decoder, Outcome, Packet, TcpFlags, Transport, decode_fast};
use crate::ladder::{Tuple, Wanted, ends_of};
use crate::snapshot::{Attempt, Report};
use crate::types::{Addr, CaptureId, Direction, Frame, FrameNumber, LinkType, Mark};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// How near a frame is to the attempts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Rank {
    /// It belongs to an attempt that failed.
    Attempt,
    /// It belongs to the control.
    Control,
    /// It belongs to another attempt of the same devices.
    Near,
    /// Other traffic of the same devices: lookups, errors, fragments, how each connection began.
    Client,
    /// How any other connection began.
    Begin,
    /// Anything else.
    Rest,
}

/// Bytes kept of each rank, by [`Rank`].
pub const BUDGET: [usize; 6] = [24 << 20, 2 << 20, 8 << 20, 8 << 20, 4 << 20, 8 << 20];
/// Frames kept of one chosen attempt.
pub const MAX_FRAMES: u32 = 5_000;
/// Frames kept of the control.
const MAX_CONTROL: u32 = 400;
/// Frames that show how a connection began.
const BEGIN: u32 = 60;
/// Connections whose begin is told from the rest.
const MAX_FLOWS: usize = 200_000;
/// What a kept frame takes besides its bytes.
const OVERHEAD: usize = 128;

/// A frame that was kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its number, time and file.
    pub mark: Mark,
    /// Link type.
    pub link: LinkType,
    /// Length on the wire.
    pub original_len: u32,
    /// Which way it went.
    pub direction: Direction,
    /// How near it is.
    pub rank: Rank,
    /// The chosen attempts that it belongs to, as they are numbered in the choice.
    pub of: Vec<u16>,
    /// A fragment, which may be part of anything.
    pub fragment: bool,
    /// The captured bytes.
    pub data: Vec<u8>,
}

impl Kept {
    /// As a frame.
    #[must_use]
    pub fn frame(&self) -> Frame<'_> {
        Frame {
            mark: self.mark,
            link: self.link,
            original_len: self.original_len,
            direction: self.direction,
            uid: None,
            data: &self.data,
        }
    }
}

/// All that was kept.
#[derive(Debug, Default)]
pub struct Picked {
    /// In the order of the capture.
    pub frames: Vec<Kept>,
    /// Frames of chosen attempts that were passed over because there are too many.
    pub elided: u64,
}

impl Picked {
    /// The frames of a chosen attempt, and all fragments.
    pub fn of(&self, number: usize) -> impl Iterator<Item = &Kept> {
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        let mine = move |k: &&Kept| k.fragment || k.of.contains(&number);
        self.frames.iter().filter(mine)
    }
}

type Marks = (CaptureId, FrameNumber);

/// Picks while the capture is read.
pub struct Picker {
    decoder: Decoder,
    wanted: Vec<(Wanted, bool)>,
    counts: Vec<u32>,
    by_tuple: HashMap<Tuple, Vec<u16>, foldhash::fast::RandomState>,
    by_mark: HashMap<Marks, Vec<u16>, foldhash::fast::RandomState>,
    near: HashSet<Tuple, foldhash::fast::RandomState>,
    near_marks: HashSet<Marks, foldhash::fast::RandomState>,
    clients: HashSet<Addr>,
    begun: HashMap<Tuple, u32, foldhash::fast::RandomState>,
    left: [usize; 6],
    picked: Picked,
}

impl Picker {
    /// For the chosen attempts of a report.
    #[must_use]
    pub fn new(report: &Report, chosen: &[Chosen]) -> Self {
        let mut picker = Self {
            decoder: Decoder::new(),
            wanted: Vec::new(),
            counts: vec![0; chosen.len()],
            by_tuple: HashMap::default(),
            by_mark: HashMap::default(),
            near: HashSet::default(),
            near_marks: HashSet::default(),
            clients: HashSet::new(),
            begun: HashMap::default(),
            left: BUDGET,
            picked: Picked::default(),
        };
        for (number, chosen) in (0_u16..).zip(chosen) {
            if let Some(attempt) = report.attempts.get(chosen.index) {
                picker.choose(number, attempt, chosen.control);
            }
        }
        picker.neighbours(report);
        picker
    }

    fn choose(&mut self, number: u16, attempt: &Attempt, control: bool) {
        let wanted = Wanted::new(attempt);
        for tuple in wanted.tuples() {
            self.clients.extend([tuple.0.addr, tuple.1.addr]);
            add(&mut self.by_tuple, tuple, number);
        }
        for mark in wanted.marks() {
            add(&mut self.by_mark, mark, number);
        }
        self.wanted.push((wanted, control));
        let servers = attempt.paths.iter().filter_map(|p| p.server.parse().ok());
        for server in servers.map(|s: std::net::SocketAddr| Addr::from(s.ip())) {
            self.clients.remove(&server);
        }
        if let Ok(client) = attempt.client.parse::<std::net::IpAddr>() {
            self.clients.insert(client.into());
        }
    }

    /// Other attempts of the same devices, and what the verdict compares with.
    fn neighbours(&mut self, report: &Report) {
        let clients = &self.clients;
        let mine = |a: &&Attempt| {
            let client = a.client.parse::<std::net::IpAddr>();
            client.is_ok_and(|c| clients.contains(&Addr::from(c)))
        };
        for attempt in report.attempts.iter().filter(mine).take(2_000) {
            let wanted = Wanted::new(attempt);
            self.near.extend(wanted.tuples());
            self.near_marks.extend(wanted.marks());
        }
        for experiment in &report.verdict.experiments {
            let capture = experiment.capture.unwrap_or(0);
            let capture = CaptureId(u16::try_from(capture).unwrap_or(0));
            let frames = experiment.frames.iter();
            self.near_marks
                .extend(frames.map(|&f| (capture, FrameNumber(f))));
        }
    }

    /// Takes the next frame of the capture.
    pub fn take(&mut self, frame: &Frame<'_>) {
        if let Some(packet) = decode_fast(frame) {
            return self.packet(&packet, frame);
        }
        let mut decoder = std::mem::take(&mut self.decoder);
        match decoder.decode(frame) {
            Outcome::Packet(packet) => self.packet(&packet, frame),
            Outcome::Fragment => self.keep(frame, Rank::Client, Vec::new(), true),
            Outcome::Arp(_) => self.keep(frame, Rank::Client, Vec::new(), false),
            Outcome::NotIp | Outcome::UnknownLink(_) | Outcome::Malformed(_) => {
                let of = self.named(frame.mark);
                let rank = self.rank_of(&of).unwrap_or(Rank::Rest);
                self.keep(frame, rank, of, false);
            }
        }
        self.decoder = decoder;
    }

    fn named(&self, mark: Mark) -> Vec<u16> {
        let found = self.by_mark.get(&(mark.capture, mark.frame));
        found.cloned().unwrap_or_default()
    }

    fn rank_of(&self, of: &[u16]) -> Option<Rank> {
        let control = |n: &u16| self.wanted.get(usize::from(*n)).is_some_and(|w| w.1);
        match of {
            [] => None,
            all if all.iter().all(control) => Some(Rank::Control),
            _ => Some(Rank::Attempt),
        }
    }

    fn packet(&mut self, packet: &Packet<'_>, frame: &Frame<'_>) {
        let tuple = ends_of(packet);
        let mut asked = self.named(frame.mark);
        if let Some(numbers) = tuple.as_ref().and_then(|t| self.by_tuple.get(t)) {
            asked.extend(numbers);
            asked.sort_unstable();
            asked.dedup();
        }
        asked.retain(|&number| {
            let wanted = self.wanted.get_mut(usize::from(number));
            wanted.is_some_and(|(wanted, _)| wanted.route(packet).is_some())
        });
        match self.rank_of(&asked) {
            Some(rank) => self.chosen(packet, frame, rank, asked),
            None => self.other(packet, frame, tuple.as_ref()),
        }
    }

    fn chosen(&mut self, packet: &Packet<'_>, frame: &Frame<'_>, rank: Rank, of: Vec<u16>) {
        let named = self
            .by_mark
            .contains_key(&(frame.mark.capture, frame.mark.frame));
        let most = match rank {
            Rank::Control => MAX_CONTROL,
            _ => MAX_FRAMES,
        };
        let full = of.iter().all(|&n| self.counts[usize::from(n)] >= most);
        if full && !named && !is_turn(packet) {
            self.picked.elided += 1;
            return;
        }
        for &number in &of {
            self.counts[usize::from(number)] += 1;
        }
        self.keep(frame, rank, of, false);
    }

    fn other(&mut self, packet: &Packet<'_>, frame: &Frame<'_>, tuple: Option<&Tuple>) {
        let mine = [packet.src, packet.dst];
        let mine = mine.iter().any(|a| self.clients.contains(a));
        let near = self
            .near_marks
            .contains(&(frame.mark.capture, frame.mark.frame));
        let Some(tuple) = tuple else {
            let rank = if mine || near {
                Rank::Client
            } else {
                Rank::Rest
            };
            return self.keep(frame, rank, Vec::new(), false);
        };
        let begins = self.begins(tuple) || is_turn(packet);
        let lookup = tuple.0.port == 53 || tuple.1.port == 53;
        let error = matches!(packet.transport, Transport::Icmp(_));
        let rank = match () {
            () if near || (begins && self.near.contains(tuple)) => Rank::Near,
            () if mine && (begins || lookup || error) => Rank::Client,
            () if begins => Rank::Begin,
            () => Rank::Rest,
        };
        self.keep(frame, rank, Vec::new(), false);
    }

    /// It is among the first packets of its connection.
    fn begins(&mut self, tuple: &Tuple) -> bool {
        if let Some(count) = self.begun.get_mut(tuple) {
            *count += 1;
            return *count <= BEGIN;
        }
        if self.begun.len() < MAX_FLOWS {
            self.begun.insert(*tuple, 1);
        }
        self.begun.len() < MAX_FLOWS
    }

    fn keep(&mut self, frame: &Frame<'_>, rank: Rank, of: Vec<u16>, fragment: bool) {
        let size = frame.data.len() + OVERHEAD;
        let left = &mut self.left[rank as usize];
        if *left < size {
            self.picked.elided += u64::from(!of.is_empty());
            return;
        }
        *left -= size;
        self.picked.frames.push(Kept {
            mark: frame.mark,
            link: frame.link,
            original_len: frame.original_len,
            direction: frame.direction,
            rank,
            of,
            fragment,
            data: frame.data.to_vec(),
        });
    }

    /// What was picked.
    #[must_use]
    pub fn finish(self) -> Picked {
        self.picked
    }
}

fn add<K: Eq + Hash, S: std::hash::BuildHasher>(
    to: &mut HashMap<K, Vec<u16>, S>,
    key: K,
    number: u16,
) {
    let numbers = to.entry(key).or_default();
    if !numbers.contains(&number) {
        numbers.push(number);
    }
}

/// It opens or closes a connection, or reports an error.
fn is_turn(packet: &Packet<'_>) -> bool {
    match packet.transport {
        Transport::Tcp(segment) => {
            segment.flags.0 & (TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST) != 0
        }
        Transport::Icmp(_) => true,
        _ => false,
    }
}
