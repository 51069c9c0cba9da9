//! Which packets belong to an attempt.

use crate::decode::{Packet, Segment, TcpFlags, Transport};
use crate::snapshot::Attempt;
use crate::types::{CaptureId, Endpoint, FrameNumber, Mark};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

/// What a packet is part of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Route {
    /// A connection: index into the attempt's `paths`.
    Path(usize),
    /// A lookup: index into the attempt's `lookups`.
    Lookup(usize),
    /// Something else that a finding names as evidence.
    Other,
}

/// Two ends and an IP protocol, the smaller end first.
pub type Tuple = (Endpoint, Endpoint, u8);

/// A connection of the attempt. The same ports may serve another connection before and after it.
#[derive(Clone, Debug)]
struct Flow {
    path: usize,
    /// Its first packet.
    begins: FrameNumber,
    capture: CaptureId,
    /// Sequence number of the client's SYN.
    isn: Option<u32>,
    /// A SYN of another connection on the same ports has come.
    over: bool,
}

/// Says of each packet of a capture whether it belongs to an attempt.
#[derive(Clone, Debug)]
pub struct Wanted {
    flows: HashMap<Tuple, Vec<Flow>, foldhash::fast::RandomState>,
    evidence: HashMap<(CaptureId, FrameNumber), Route, foldhash::fast::RandomState>,
    proof: HashSet<(CaptureId, FrameNumber)>,
}

impl Wanted {
    /// All packets of the connections of `attempt`, and the packets that the report names of its lookups and findings.
    #[must_use]
    pub fn new(attempt: &Attempt) -> Self {
        let capture = CaptureId(u16::try_from(attempt.capture).unwrap_or_default());
        let mut wanted = Self {
            flows: HashMap::default(),
            evidence: HashMap::default(),
            proof: HashSet::new(),
        };
        for finding in &attempt.findings {
            wanted.name(capture, &finding.frames, Route::Other);
            if attempt.cause.as_ref() == Some(&finding.cause) {
                let marks = finding.frames.iter().map(|&f| (capture, FrameNumber(f)));
                wanted.proof.extend(marks);
            }
        }
        for (index, path) in attempt.paths.iter().enumerate() {
            wanted.name(capture, &path.frames, Route::Path(index));
            let (Some(client), Some(server)) = (endpoint(&path.client), endpoint(&path.server))
            else {
                continue;
            };
            let protocol = if path.transport == "quic" { 17 } else { 6 };
            let flow = Flow {
                path: index,
                begins: FrameNumber(path.frames.first().copied().unwrap_or_default()),
                capture,
                isn: None,
                over: false,
            };
            let flows = wanted.flows.entry(tuple(client, server, protocol));
            flows.or_default().push(flow);
        }
        for (index, lookup) in attempt.lookups.iter().enumerate() {
            wanted.name(capture, &lookup.frames, Route::Lookup(index));
        }
        wanted
    }

    /// The ends of its connections: only a packet between such ends, or a frame of [`Wanted::marks`], can belong to it.
    pub fn tuples(&self) -> impl Iterator<Item = Tuple> + '_ {
        self.flows.keys().copied()
    }

    /// The frames that the report names.
    pub fn marks(&self) -> impl Iterator<Item = (CaptureId, FrameNumber)> + '_ {
        self.evidence.keys().copied()
    }

    fn name(&mut self, capture: CaptureId, frames: &[u32], route: Route) {
        for &frame in frames {
            self.evidence.insert((capture, FrameNumber(frame)), route);
        }
    }

    /// What this packet is part of; `None` where it has nothing to do with the attempt. Packets come in the order of
    /// the capture.
    pub fn route(&mut self, packet: &Packet<'_>) -> Option<Route> {
        let named = self.evidence(packet.mark);
        let segment = match &packet.transport {
            Transport::Tcp(segment) => Some(segment),
            _ => None,
        };
        let found = ends_of(packet).and_then(|key| self.flow(&key, packet.mark, segment));
        found.or(named)
    }

    /// What the report names this frame for.
    #[must_use]
    pub fn evidence(&self, mark: Mark) -> Option<Route> {
        self.evidence.get(&(mark.capture, mark.frame)).copied()
    }

    /// The frame proves the attempt's cause.
    #[must_use]
    pub fn is_proof(&self, mark: Mark) -> bool {
        self.proof.contains(&(mark.capture, mark.frame))
    }

    fn flow(&mut self, key: &Tuple, mark: Mark, segment: Option<&Segment<'_>>) -> Option<Route> {
        let mut best: Option<&Flow> = None;
        for flow in self.flows.get_mut(key)? {
            if flow.holds(mark, segment) && best.is_none_or(|b| b.begins < flow.begins) {
                best = Some(flow);
            }
        }
        best.map(|flow| Route::Path(flow.path))
    }
}

impl Flow {
    fn holds(&mut self, mark: Mark, segment: Option<&Segment<'_>>) -> bool {
        let before = mark.capture == self.capture && mark.frame < self.begins;
        if before || self.over {
            return false;
        }
        let syn = |s: &&Segment<'_>| s.flags.0 & (TcpFlags::SYN | TcpFlags::ACK) == TcpFlags::SYN;
        if let Some(syn) = segment.filter(syn) {
            let first = *self.isn.get_or_insert(syn.seq);
            self.over = first != syn.seq;
        }
        !self.over
    }
}

/// Between whom a packet goes; of an ICMP error, the packet that it quotes.
#[must_use]
pub fn ends_of(packet: &Packet<'_>) -> Option<Tuple> {
    let (src, dst, protocol) = match packet.transport {
        Transport::Tcp(segment) => {
            let (src, dst) = ends(packet, segment.src_port, segment.dst_port);
            (src, dst, 6)
        }
        Transport::Udp(datagram) => {
            let (src, dst) = ends(packet, datagram.src_port, datagram.dst_port);
            (src, dst, 17)
        }
        Transport::Icmp(error) => {
            let quoted = error.quoted;
            let end = |addr, port| Endpoint { addr, port };
            let src = end(quoted.src, quoted.src_port);
            let dst = end(quoted.dst, quoted.dst_port);
            (src, dst, quoted.protocol)
        }
        Transport::Other(_) => return None,
    };
    Some(tuple(src, dst, protocol))
}

fn ends(packet: &Packet<'_>, src_port: u16, dst_port: u16) -> (Endpoint, Endpoint) {
    let src = Endpoint {
        addr: packet.src,
        port: src_port,
    };
    let dst = Endpoint {
        addr: packet.dst,
        port: dst_port,
    };
    (src, dst)
}

fn tuple(a: Endpoint, b: Endpoint, protocol: u8) -> Tuple {
    if a <= b {
        (a, b, protocol)
    } else {
        (b, a, protocol)
    }
}

/// An address and port as the snapshot writes them.
pub(super) fn endpoint(text: &str) -> Option<Endpoint> {
    let socket: SocketAddr = text.parse().ok()?;
    Some(Endpoint {
        addr: socket.ip().into(),
        port: socket.port(),
    })
}
