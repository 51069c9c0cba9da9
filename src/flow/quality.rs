//! How good a capture is as evidence: what it may have missed stands in front of every verdict.

use crate::flow::pulse::Pulse;
use crate::source::MAX_HOLES;
use crate::types::{Addr, Mark, Timestamp};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// Counters of one capture file.
#[derive(Clone, Debug, Default)]
pub struct CaptureQuality {
    /// Time of the earliest frame.
    pub first: Option<Timestamp>,
    /// The latest time that the capture is known to cover.
    pub end: Option<Timestamp>,
    /// Frames that are no IP.
    pub not_ip: u64,
    /// Fragments that wait for, or completed no packet.
    pub fragments: u64,
    /// Frames that could not be decoded.
    pub malformed: u64,
    /// TCP flows that would show both directions in an ordinary capture.
    pub judgeable: u64,
    /// Of these, flows of which one direction is missing although it must have existed.
    pub one_sided: u64,
    /// Flows were evicted: stream numbers no longer agree with Wireshark's.
    pub streams_lost: bool,
    holes: Vec<(Timestamp, Timestamp)>,
    tcp_streams: u32,
    udp_streams: u32,
}

impl CaptureQuality {
    /// Extends the time covered.
    pub fn note_time(&mut self, time: Timestamp) {
        if self.first.is_none_or(|f| time < f) {
            self.first = Some(time);
        }
        if self.end.is_none_or(|e| time > e) {
            self.end = Some(time);
        }
    }

    /// Says that nothing was captured from `from` to `to`, though the capture goes on: the interface was down, the
    /// machine slept. Holes come in the order of time; beyond [`MAX_HOLES`] the oldest two become one.
    pub fn note_hole(&mut self, from: Timestamp, to: Timestamp) {
        match self.holes.last_mut() {
            Some(last) if from <= last.1 => *last = (last.0.min(from), last.1.max(to)),
            _ if from < to => self.holes.push((from, to)),
            _ => {}
        }
        if self.holes.len() > MAX_HOLES {
            let (from, _) = self.holes.remove(0);
            // What lies between them counts as not captured as well: that accuses nobody.
            self.holes[0].0 = from;
        }
    }

    /// The first time after `time` from which on nothing was captured for a while; `time` itself where it lies inside
    /// such a hole, `None` where there is none any more.
    #[must_use]
    pub fn hole_after(&self, time: Timestamp) -> Option<Timestamp> {
        let at = self.holes.partition_point(|&(_, to)| to <= time);
        self.holes.get(at).map(|&(from, _)| from.max(time))
    }

    /// Number of the next TCP or UDP stream, as Wireshark counts.
    pub fn next_stream(&mut self, tcp: bool) -> u32 {
        let counter = if tcp {
            &mut self.tcp_streams
        } else {
            &mut self.udp_streams
        };
        *counter += 1;
        *counter - 1
    }

    /// Counts a flow that is over: `None` where it can't tell, else whether it lacks a direction.
    pub fn note_flow(&mut self, one_sided: Option<bool>) {
        if let Some(one_sided) = one_sided {
            self.judgeable += 1;
            self.one_sided += u64::from(one_sided);
        }
    }

    /// Nearly all flows lack one direction: silence proves nothing in this capture.
    #[must_use]
    pub fn is_one_sided(&self) -> bool {
        self.judgeable > 0 && self.one_sided * 10 >= self.judgeable * 9
    }
}

/// What was seen of each client: whether the capture shows packets to it at all.
#[derive(Debug, Default)]
pub struct Clients {
    seen: HashMap<Addr, Client, RandomState>,
}

/// One client address.
#[derive(Clone, Debug)]
pub struct Client {
    /// First packet from it that opened or asked something.
    pub asked: Option<Timestamp>,
    /// First answer to it, ARP replies included.
    pub answered: Option<Timestamp>,
    /// Last first answer of a flow to it, or last DNS answer.
    pub answered_last: Option<Timestamp>,
    /// Answers to it over time: first answers of flows, DNS and ICMP.
    pub signs: Pulse<16>,
    /// ARP from others of its network to it over time: they live, whatever lies beyond.
    pub neighbours: Pulse<16>,
    /// Who sent the last of these.
    pub neighbour: Option<Addr>,
}

impl Client {
    fn note(&mut self, at: Mark) {
        self.answered.get_or_insert(at.time);
        self.answered_last = Some(at.time);
        self.signs.add(at);
    }
}

/// Clients remembered.
const MAX_CLIENTS: usize = 65_536;

impl Clients {
    fn entry(&mut self, addr: Addr) -> Option<&mut Client> {
        if self.seen.len() >= MAX_CLIENTS && !self.seen.contains_key(&addr) {
            return None;
        }
        Some(self.seen.entry(addr).or_insert(Client {
            asked: None,
            answered: None,
            answered_last: None,
            signs: Pulse::default(),
            neighbours: Pulse::default(),
            neighbour: None,
        }))
    }

    /// A packet from a client that opens or asks something.
    pub fn asked(&mut self, addr: Addr, at: Timestamp) {
        if let Some(client) = self.entry(addr) {
            client.asked.get_or_insert(at);
        }
    }

    /// A packet to a client in answer to something.
    pub fn answered(&mut self, addr: Addr, at: Mark) {
        if let Some(client) = self.entry(addr) {
            client.note(at);
        }
    }

    /// An ARP reply to a client: the capture holds what comes in, but nothing from beyond its own link has come yet.
    pub fn reached(&mut self, addr: Addr, at: Mark) {
        if let Some(client) = self.entry(addr) {
            client.answered.get_or_insert(at.time);
        }
    }

    /// ARP for a client from another of its network. Counts where the address is known as a client.
    pub fn neighbour(&mut self, from: Addr, to: Addr, at: Mark) {
        if let Some(client) = self.seen.get_mut(&to).filter(|_| from != to) {
            client.neighbours.add(at);
            client.neighbour = Some(from);
        }
    }

    /// A packet to an address that opens nothing and answers no flow (an echo reply, say). Counts where the address is
    /// known as a client.
    pub fn heard(&mut self, addr: Addr, at: Mark) {
        if let Some(client) = self.seen.get_mut(&addr) {
            client.note(at);
        }
    }

    /// The capture shows packets to this client as well as from it.
    #[must_use]
    pub fn two_way(&self, addr: Addr) -> bool {
        self.seen.get(&addr).is_some_and(|c| c.answered.is_some())
    }

    /// What is known of a client.
    #[must_use]
    pub fn get(&self, addr: Addr) -> Option<&Client> {
        self.seen.get(&addr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{CaptureId, FrameNumber};

    #[test]
    fn holes_end_what_is_covered() {
        let mut quality = CaptureQuality::default();
        let after = |q: &CaptureQuality, t| q.hole_after(Timestamp(t)).map(|t| t.0);
        assert_eq!(after(&quality, 0), None);
        quality.note_hole(Timestamp(10), Timestamp(20));
        quality.note_hole(Timestamp(18), Timestamp(25));
        quality.note_hole(Timestamp(40), Timestamp(40));
        quality.note_hole(Timestamp(50), Timestamp(60));
        let seen = [5, 10, 24, 25, 59, 60].map(|t| after(&quality, t));
        let inside = [Some(10), Some(10), Some(24), Some(50), Some(59), None];
        assert_eq!(seen, inside);
        for n in 0..2 * MAX_HOLES as i64 {
            quality.note_hole(Timestamp(100 + n * 10), Timestamp(105 + n * 10));
        }
        assert_eq!(quality.holes.len(), MAX_HOLES);
        assert_eq!(after(&quality, 30), Some(30), "the oldest have become one");
        let last = 100 + (2 * MAX_HOLES as i64 - 1) * 10;
        assert_eq!(after(&quality, last - 1), Some(last));
    }

    #[test]
    fn a_neighbour_is_no_answer_from_beyond() {
        let at = Mark {
            time: Timestamp(7_000_000_000),
            frame: FrameNumber(3),
            capture: CaptureId(0),
        };
        let [device, router] = [23, 1].map(|n| Addr::v4([192, 168, 1, n]));
        let mut clients = Clients::default();
        clients.neighbour(router, device, at);
        assert!(clients.get(device).is_none(), "nobody asked for it yet");
        clients.asked(device, at.time);
        clients.neighbour(router, device, at);
        clients.neighbour(device, device, at);
        let known = clients.get(device).expect("it asked");
        assert_eq!(known.neighbour, Some(router));
        assert_eq!(known.neighbours.within(at.time, at.time).count(), 1);
        assert!(known.signs.quiet(at.time, at.time) && !clients.two_way(device));
    }
}
