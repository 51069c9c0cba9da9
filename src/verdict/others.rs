//! Traffic beside the target, counted just enough to serve as control: did anything else work at that time?
//!
//! The engine keeps a few bytes of every flow anyway; they are counted here when a verdict is asked for and something is
//! wrong, so that packets that are none of the target's cost nothing more. Memory: one [`Tally`] per address of a
//! failing path.

use super::span::{Place, Spans};
use crate::types::{Addr, Endpoint, Mark};
use std::collections::{BTreeMap, BTreeSet};

/// Packets named by one tally.
const SHOWN: usize = 4;

/// What is wanted of the other traffic: whose, when, and which addresses are of interest by themselves.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Clients of the attempts that failed.
    pub clients: BTreeSet<Addr>,
    /// When they failed.
    pub spans: Spans,
    /// Servers of the paths that failed.
    pub servers: BTreeSet<Endpoint>,
}

impl Wanted {
    /// Nothing failed: nobody needs to look.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.clients.is_empty()
    }
}

/// What a flow of no interest ran over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carried {
    /// TCP.
    Tcp,
    /// UDP to port 443.
    Quic,
    /// Other UDP.
    Udp,
}

/// How a flow of no interest went, as far as its counters tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// Data came from both sides.
    Worked,
    /// Something came from the server.
    Answered,
    /// The client asked and got nothing, or only a refusal, and had time to get more.
    Failed,
    /// Not known.
    Open,
}

/// A flow of no interest.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Who opened it.
    pub client: Addr,
    /// To whom.
    pub server: Endpoint,
    /// Over what.
    pub carried: Carried,
    /// Its first packet.
    pub first: Mark,
    /// How it went.
    pub fate: Fate,
}

/// When the network beyond the local one is known to have been alive, seen from the failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Life {
    /// The failure is silence, so that the network may have been dead meanwhile.
    pub needed: bool,
    /// In the minute before.
    pub before: bool,
    /// While it lasted.
    pub during: bool,
    /// In the minute after.
    pub after: bool,
}

impl Life {
    /// A sign of it.
    pub fn note(&mut self, place: Place) {
        match place {
            Place::Before => self.before = true,
            Place::During => self.during = true,
            Place::After => self.after = true,
            Place::Far => {}
        }
    }

    /// Connections that worked are signs of it.
    pub fn note_all(&mut self, tally: &Tally) {
        self.before |= tally.before > 0;
        self.during |= tally.during > 0;
        self.after |= tally.after > 0;
    }
}

/// Connections of one kind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// That got data both ways while the target failed.
    pub during: u32,
    /// The same in the minute before.
    pub before: u32,
    /// The same in the minute after.
    pub after: u32,
    /// That got no answer, or a refusal, at any of these times.
    pub failed: u32,
    /// First packets of some that worked, those during the failure first.
    pub shown: Vec<Mark>,
    /// First packets of some that failed.
    pub lost: Vec<Mark>,
}

impl Tally {
    /// All that worked.
    #[must_use]
    pub fn worked(&self) -> u32 {
        self.during + self.before + self.after
    }

    /// Does it show that such connections worked at that time? Where the failure is silence, what worked only before or
    /// only after it proves something only if the network was alive on the other side of it, or meanwhile.
    #[must_use]
    pub fn proves(&self, life: Life) -> bool {
        if !life.needed {
            return self.worked() > 0;
        }
        let (before, after) = (self.before > 0, self.after > 0);
        self.during > 0
            || before && (life.during || life.after)
            || after && (life.during || life.before)
    }

    /// Counts one that worked then.
    pub fn add_worked(&mut self, place: Place, mark: Mark) {
        let counter = match place {
            Place::During => &mut self.during,
            Place::Before => &mut self.before,
            Place::After => &mut self.after,
            Place::Far => return,
        };
        *counter = counter.saturating_add(1);
        let full = self.shown.len() >= SHOWN;
        if !full {
            self.shown.push(mark);
        } else if place == Place::During && self.during == 1 {
            self.shown[0] = mark;
        }
    }

    /// Counts one that failed then.
    pub fn add_failed(&mut self, place: Place, mark: Mark) {
        if place != Place::Far {
            self.failed = self.failed.saturating_add(1);
            if self.lost.len() < SHOWN {
                self.lost.push(mark);
            }
        }
    }

    fn add(&mut self, fate: Fate, place: Place, mark: Mark) {
        match fate {
            Fate::Worked => self.add_worked(place, mark),
            Fate::Failed => self.add_failed(place, mark),
            Fate::Answered | Fate::Open => {}
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let list = |a: &[Mark], b: &[Mark]| a.iter().chain(b).take(SHOWN).copied().collect();
        Self {
            during: self.during + other.during,
            before: self.before + other.before,
            after: self.after + other.after,
            failed: self.failed + other.failed,
            shown: list(&self.shown, &other.shown),
            lost: list(&self.lost, &other.lost),
        }
    }
}

/// The other traffic of the clients that had trouble, around the time of it.
#[derive(Clone, Debug, Default)]
pub struct Others {
    /// TCP to servers beyond the local network, IPv4 and IPv6.
    pub tcp: [Tally; 2],
    /// UDP port 443 the same way.
    pub quic: [Tally; 2],
    /// Any other UDP to servers beyond the local network.
    pub udp: Tally,
    /// Anything that was answered from the local network.
    pub near: Tally,
    /// What went to the very addresses of the failing paths.
    pub at: BTreeMap<Endpoint, Tally>,
    /// All connections that were no path of the target, of any client and at any time.
    pub total: u64,
}

impl Others {
    /// Counts a flow, where it is of that client and time.
    pub fn add(&mut self, wanted: &Wanted, sample: &Sample) {
        self.total += 1;
        if !wanted.clients.contains(&sample.client) {
            return;
        }
        let place = wanted.spans.place(sample.first.time);
        if place == Place::Far {
            return;
        }
        let server = sample.server.addr;
        if on_link(sample.client, server) {
            let heard = matches!(sample.fate, Fate::Worked | Fate::Answered);
            if heard {
                self.near.add_worked(place, sample.first);
            }
            return;
        }
        if wanted.servers.contains(&sample.server) {
            let tally = self.at.entry(sample.server).or_default();
            tally.add(sample.fate, place, sample.first);
        }
        let family = usize::from(!server.is_v4());
        match sample.carried {
            Carried::Tcp => self.tcp[family].add(sample.fate, place, sample.first),
            Carried::Quic => self.quic[family].add(sample.fate, place, sample.first),
            Carried::Udp if sample.fate == Fate::Worked => {
                self.udp.add(sample.fate, place, sample.first);
            }
            Carried::Udp => {} // nobody has to answer it
        }
    }

    /// TCP and QUIC to servers beyond the local network.
    #[must_use]
    pub fn beyond(&self) -> Tally {
        let [a, b] = &self.tcp;
        let [c, d] = &self.quic;
        a.plus(b).plus(&c.plus(d))
    }

    /// One family.
    #[must_use]
    pub fn family(&self, v4: bool) -> Tally {
        let i = usize::from(!v4);
        self.tcp[i].plus(&self.quic[i])
    }

    /// One transport.
    #[must_use]
    pub fn transport(&self, quic: bool) -> Tally {
        let [a, b] = if quic { &self.quic } else { &self.tcp };
        a.plus(b)
    }
}

/// Is the server in the client's own network, as far as addresses tell: link-local, multicast, or the same /24 or /64?
#[must_use]
pub fn on_link(client: Addr, server: Addr) -> bool {
    use std::net::IpAddr;
    match server.ip() {
        IpAddr::V4(a) if a.is_link_local() || a.is_multicast() || a.is_broadcast() => true,
        IpAddr::V6(a) if a.is_unicast_link_local() || a.is_multicast() => true,
        _ if client.is_v4() != server.is_v4() => false,
        IpAddr::V4(a) if a.is_loopback() => true,
        IpAddr::V4(_) => client.0 >> 8 == server.0 >> 8,
        IpAddr::V6(_) => client.0 >> 64 == server.0 >> 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{CaptureId, FrameNumber, Timestamp};

    fn at(second: i64) -> Mark {
        Mark {
            time: Timestamp(second * 1_000_000_000),
            frame: FrameNumber(u32::try_from(second).unwrap()),
            capture: CaptureId(0),
        }
    }

    fn server(ip: [u8; 4]) -> Endpoint {
        Endpoint {
            addr: Addr::v4(ip),
            port: 443,
        }
    }

    fn sample(server: [u8; 4], second: i64, fate: Fate) -> Sample {
        Sample {
            client: Addr::v4([192, 168, 1, 23]),
            server: self::server(server),
            carried: Carried::Tcp,
            first: at(second),
            fate,
        }
    }

    fn wanted() -> Wanted {
        let mut spans = Spans::default();
        spans.add(at(100).time, at(110).time);
        Wanted {
            clients: [Addr::v4([192, 168, 1, 23])].into(),
            spans,
            servers: [server([23, 49, 60, 10])].into(),
        }
    }

    #[test]
    fn only_that_client_and_that_time_count() {
        let (wanted, mut others) = (wanted(), Others::default());
        others.add(&wanted, &sample([93, 184, 215, 14], 10, Fate::Worked));
        let mut foreign = sample([93, 184, 215, 14], 105, Fate::Worked);
        foreign.client = Addr::v4([192, 168, 1, 24]);
        others.add(&wanted, &foreign);
        assert_eq!(others.beyond(), Tally::default());
        assert_eq!(others.total, 2);
        others.add(&wanted, &sample([93, 184, 215, 14], 105, Fate::Worked));
        assert_eq!((others.beyond().during, others.beyond().failed), (1, 0));
        others.add(&wanted, &sample([192, 168, 1, 1], 106, Fate::Answered));
        assert_eq!((others.near.during, others.beyond().during), (1, 1));
    }

    #[test]
    fn silence_needs_more_than_a_success_before_it() {
        let (wanted, mut others) = (wanted(), Others::default());
        others.add(&wanted, &sample([23, 49, 60, 10], 90, Fate::Worked));
        let before = others.beyond();
        let mut life = Life::default();
        assert!(before.proves(life));
        life.needed = true;
        life.note_all(&before);
        assert!(!before.proves(life));
        life.note(Place::After);
        assert!(before.proves(life));
        assert_eq!(others.at[&server([23, 49, 60, 10])].worked(), 1);
    }
}
