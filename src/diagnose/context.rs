//! What a rule may look at.

use super::Thresholds;
use super::judge::{Finding, JudgedPath};
use super::terms::Outcome;
use crate::attempt::{Attempt, MatchedBy, Path};
use crate::data;
use crate::fact::dns::{Lookup, Reply};
use crate::fact::quic::QuicFacts;
use crate::fact::tcp::TcpFacts;
use crate::fact::tls::TlsFacts;
use crate::flow::quality::{CaptureQuality, Clients};
use crate::observe::dns::DnsObserver;
use crate::types::{Addr, CaptureId, Mark, Timestamp};
use std::collections::HashMap;
use std::time::Duration;

/// Everything the capture shows, as control for a single attempt.
pub struct World<'a> {
    /// All attempts.
    pub attempts: &'a [Attempt<'a>],
    /// Lookups, resolvers, names.
    pub dns: &'a DnsObserver,
    /// What is known of each client.
    pub clients: &'a Clients,
    /// How good each capture is as evidence.
    pub qualities: &'a [CaptureQuality],
    /// Limits for "slow".
    pub thresholds: Thresholds,
    /// Packets that each capture is known to have dropped (kernel, interface, file).
    pub dropped: &'a [u64],
    incomplete: Vec<CaptureId>,
    /// The last time that each capture, or the ones that go on from it, cover.
    ends: Vec<Timestamp>,
    by_server: HashMap<Addr, Vec<(usize, usize)>>,
    quic: HashMap<Addr, QuicTally>,
    by_client: HashMap<Addr, Vec<usize>>,
    resolved: HashMap<&'a str, Vec<Resolved>>,
}

/// QUIC connections of one client, as control for one that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QuicTally {
    /// Connections that it began in the capture.
    pub tried: u32,
    /// Of these, those that the server answered at all.
    pub answered: u32,
}

/// A name was told an ordinary, public address by a resolver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resolved {
    /// Whom the client asked.
    pub resolver: Addr,
    /// One of the addresses.
    pub address: Addr,
    /// The reply.
    pub mark: Mark,
}

/// Resolvers that are remembered for a name.
const MAX_RESOLVED: usize = 8;

impl<'a> World<'a> {
    /// Puts the attempts together with what the rest of the capture shows.
    #[must_use]
    pub fn new(
        attempts: &'a [Attempt<'a>],
        dns: &'a DnsObserver,
        clients: &'a Clients,
        qualities: &'a [CaptureQuality],
        thresholds: Thresholds,
        dropped: &'a [u64],
    ) -> Self {
        let mut by_server: HashMap<Addr, Vec<(usize, usize)>> = HashMap::new();
        let mut quic: HashMap<Addr, QuicTally> = HashMap::new();
        for (a, attempt) in attempts.iter().enumerate() {
            for (p, path) in attempt.paths.iter().enumerate() {
                if let Some(facts) = path.flow.quic.filter(|q| !q.client_initials.is_empty()) {
                    let tally = quic.entry(attempt.client).or_default();
                    tally.tried += 1;
                    tally.answered += u32::from(facts.server_first.is_some());
                }
                by_server
                    .entry(path.flow.server.addr)
                    .or_default()
                    .push((a, p));
            }
        }
        let mut by_client: HashMap<Addr, Vec<usize>> = HashMap::new();
        for (index, attempt) in attempts.iter().enumerate() {
            by_client.entry(attempt.client).or_default().push(index);
        }
        Self {
            attempts,
            dns,
            clients,
            qualities,
            thresholds,
            dropped,
            incomplete: Vec::new(),
            ends: ends(qualities),
            by_server,
            quic,
            by_client,
            resolved: resolved(dns.lookups()),
        }
    }

    /// QUIC connections of that client (as attempts name it), this one included.
    #[must_use]
    pub fn quic_tally(&self, client: Addr) -> QuicTally {
        self.quic.get(&client).copied().unwrap_or_default()
    }

    /// Says which captures end inside a packet or are damaged.
    #[must_use]
    pub fn with_incomplete(mut self, captures: Vec<CaptureId>) -> Self {
        self.incomplete = captures;
        self
    }

    /// The capture's file ends inside a packet or is damaged.
    #[must_use]
    pub fn incomplete(&self, capture: CaptureId) -> bool {
        self.incomplete.contains(&capture)
    }

    /// Paths of any attempt to that address, oldest first.
    pub fn paths_to(&self, server: Addr) -> impl Iterator<Item = &'a Path<'a>> {
        let attempts = self.attempts;
        self.by_server
            .get(&server)
            .into_iter()
            .flatten()
            .filter_map(move |&(a, p)| attempts.get(a)?.paths.get(p))
    }

    /// The same, but only those of attempts begun about then, at most 200 before and as many after: a server that
    /// was connected to thousands of times needs no comparison with all of them.
    pub fn paths_near(&self, server: Addr, time: Timestamp) -> impl Iterator<Item = &'a Path<'a>> {
        let attempts = self.attempts;
        let all = self.by_server.get(&server).map_or(&[][..], Vec::as_slice);
        let begun = |&(a, _): &(usize, usize)| attempts.get(a).map(|a| a.started.time);
        let at = all.partition_point(|entry| begun(entry) < Some(time));
        let near = &all[at.saturating_sub(NEAR)..all.len().min(at + NEAR)];
        near.iter()
            .filter_map(move |&(a, p)| attempts.get(a)?.paths.get(p))
    }

    /// Attempts of that device, oldest first.
    pub fn attempts_of(&self, client: Addr) -> impl DoubleEndedIterator<Item = &'a Attempt<'a>> {
        let attempts = self.attempts;
        let of_client = self.by_client.get(&client).into_iter().flatten();
        of_client.filter_map(move |&a| attempts.get(a))
    }

    /// Where that exact name was told a public address, by any resolver and to any client: the first answer of each
    /// resolver, at most eight.
    #[must_use]
    pub fn resolved(&self, name: &str) -> &[Resolved] {
        self.resolved.get(name).map_or(&[], Vec::as_slice)
    }

    /// All lookups kept, of any client.
    #[must_use]
    pub fn lookups(&self) -> &'a [Lookup] {
        self.dns.lookups()
    }

    /// How good that capture is as evidence.
    #[must_use]
    pub fn quality(&self, capture: CaptureId) -> Option<&'a CaptureQuality> {
        self.qualities.get(usize::from(capture.0))
    }

    /// The last time that capture covers.
    #[must_use]
    pub fn end(&self, capture: CaptureId) -> Timestamp {
        self.ends
            .get(usize::from(capture.0))
            .copied()
            .unwrap_or(Timestamp::MIN)
    }

    /// Until when the capture goes on after that packet without a break, as one is where the interface was down.
    #[must_use]
    pub fn end_after(&self, mark: Mark) -> Timestamp {
        let end = self.end(mark.capture);
        let hole = self
            .quality(mark.capture)
            .and_then(|q| q.hole_after(mark.time));
        hole.map_or(end, |hole| hole.min(end))
    }

    /// How long it goes on so.
    #[must_use]
    pub fn after(&self, mark: Mark) -> Duration {
        self.end_after(mark).since(mark.time)
    }

    /// Packets known to be missing from that capture.
    #[must_use]
    pub fn dropped(&self, capture: CaptureId) -> u64 {
        self.dropped
            .get(usize::from(capture.0))
            .copied()
            .unwrap_or(0)
    }

    /// Silence towards `client` after `tries` counts only when the capture shows packets to that client at all,
    /// and goes on long enough after them.
    ///
    /// A try is unanswered when at least 1 s, or three round trips if longer, of capture follow it. Two such
    /// tries prove silence, or one followed by 3 s; less proves nothing yet. A time in which nothing was captured ends
    /// the waiting: the answer may have come in it.
    #[must_use]
    pub fn silence(&self, client: Addr, tries: &[Mark], rtt: Option<Duration>) -> Silence {
        self.silence_until(client, tries, rtt, None)
    }

    /// The same where the waiting was over at `until`, because somebody closed the connection.
    #[must_use]
    pub fn silence_until(
        &self,
        client: Addr,
        tries: &[Mark],
        rtt: Option<Duration>,
        until: Option<Timestamp>,
    ) -> Silence {
        let Some(first) = tries.first() else {
            return Silence::TooShort;
        };
        let capture = first.capture;
        let quality = self.quality(capture);
        let two_way = self.clients.two_way(client);
        if !two_way || quality.is_some_and(CaptureQuality::is_one_sided) {
            return Silence::Unprovable;
        }
        // Tries in a capture of another time prove nothing here.
        let last = self.end(capture);
        let waited = |try_: &Mark| {
            let end = self.end_after(*try_).min(last);
            until.map_or(end, |until| until.min(end)).since(try_.time)
        };
        let wait = Duration::from_secs(1).max(rtt.unwrap_or_default() * 3);
        let long = Duration::from_secs(3).max(wait);
        let unanswered = tries.iter().filter(|t| waited(t) >= wait).count();
        let longest = tries.iter().map(waited).max().unwrap_or_default();
        if unanswered >= 2 || longest >= long {
            Silence::Proven { lasted: longest }
        } else {
            Silence::TooShort
        }
    }
}

fn resolved(lookups: &[Lookup]) -> HashMap<&str, Vec<Resolved>> {
    let mut found: HashMap<&str, Vec<Resolved>> = HashMap::new();
    for lookup in lookups {
        let resolver = lookup.resolver.addr;
        let sound = lookup.replies.iter().filter(|r| r.is_address_answer());
        let Some((address, mark)) = sound.filter_map(public_address).next() else {
            continue;
        };
        let known = found.entry(lookup.name.as_str()).or_default();
        if known.len() < MAX_RESOLVED && known.iter().all(|k| k.resolver != resolver) {
            known.push(Resolved {
                resolver,
                address,
                mark,
            });
        }
    }
    found
}

/// An address of the reply that a public service can have and that no list knows as a sinkhole.
fn public_address(reply: &Reply) -> Option<(Addr, Mark)> {
    let ordinary =
        |addr: &Addr| data::never_public(*addr).is_none() && data::sinkhole(*addr).is_none();
    let address = reply.all_addresses().find(ordinary)?;
    Some((address, reply.mark))
}

/// Paths to one server that another is compared with, before it and after it.
const NEAR: usize = 200;

/// A capture that begins this soon after the end of another, as the files of a ring do, goes on from it.
const GOES_ON: Duration = Duration::from_secs(10);

/// Up to when each capture covers what happens, with those that go on from it.
fn ends(qualities: &[CaptureQuality]) -> Vec<Timestamp> {
    let own = |q: &CaptureQuality| Some((q.first?, q.end?));
    let mut spans: Vec<(Timestamp, Timestamp)> = qualities.iter().filter_map(own).collect();
    spans.sort_unstable();
    let reach = |q: &CaptureQuality| {
        let mut end = q.end?;
        for &(first, last) in &spans {
            if first >= end && first.since(end) <= GOES_ON {
                end = last;
            }
        }
        Some(end)
    };
    qualities
        .iter()
        .map(|q| reach(q).unwrap_or(Timestamp::MIN))
        .collect()
}

/// May "no answer" be said?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Silence {
    /// Yes: both directions are captured and enough time followed.
    Proven {
        /// From the first try to the end of the capture, or the longest time that it goes on for after a try.
        lasted: Duration,
    },
    /// The capture ends too soon: unfinished.
    TooShort,
    /// The capture does not show packets to this client: nothing may be said.
    Unprovable,
}

impl Silence {
    /// May it be said?
    #[must_use]
    pub fn is_proven(self) -> bool {
        matches!(self, Self::Proven { .. })
    }
}

/// One path and what surrounds it.
pub struct PathContext<'a> {
    /// The attempt it belongs to.
    pub attempt: &'a Attempt<'a>,
    /// The path.
    pub path: &'a Path<'a>,
    /// Its index in the attempt.
    pub index: usize,
    /// Everything else.
    pub world: &'a World<'a>,
}

impl<'a> PathContext<'a> {
    /// TCP facts, where it is TCP.
    #[must_use]
    pub fn tcp(&self) -> Option<&'a TcpFacts> {
        self.path.flow.tcp.as_deref()
    }

    /// TLS facts, where it is TCP and payload was seen.
    #[must_use]
    pub fn tls(&self) -> Option<&'a TlsFacts> {
        self.path.flow.tls
    }

    /// QUIC facts, where it is QUIC.
    #[must_use]
    pub fn quic(&self) -> Option<&'a QuicFacts> {
        self.path.flow.quic
    }

    /// Which capture it began in.
    #[must_use]
    pub fn capture(&self) -> CaptureId {
        self.path.flow.first.capture
    }

    /// The last time that the capture covers without a break from the path's first packet on.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.world.end_after(self.path.flow.first)
    }

    /// How long the capture goes on after a packet.
    #[must_use]
    pub fn after(&self, mark: Mark) -> Duration {
        self.world.after(mark)
    }

    /// Round trip of this path, from its TCP handshake or the QUIC server's first answer.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        match self.tcp() {
            Some(tcp) => tcp.rtt(),
            None => self.quic()?.rtt(),
        }
    }

    /// May it be said that nothing came back after these packets of the client? See [`World::silence`].
    ///
    /// Packets to another address of the same device prove as well that the capture shows both directions.
    #[must_use]
    pub fn silence(&self, tries: &[Mark]) -> Silence {
        // A device that talks over both families: packets to either address show that its direction is captured.
        let own = self.path.flow.client.addr;
        let client = if self.world.clients.two_way(own) {
            own
        } else {
            self.attempt.client
        };
        self.world.silence(client, tries, self.rtt())
    }

    /// The same where the waiting was over at `until`, because somebody closed the connection.
    #[must_use]
    pub fn silence_until(&self, tries: &[Mark], until: Option<Timestamp>) -> Silence {
        let client = self.path.flow.client.addr;
        self.world.silence_until(client, tries, self.rtt(), until)
    }

    /// The capture is known to lack packets: its own counters say so, or bytes of this very connection were
    /// acknowledged that it never shows.
    #[must_use]
    pub fn packets_missing(&self) -> bool {
        self.world.dropped(self.capture()) > 0 || self.tcp().is_some_and(|t| t.unseen() > 0)
    }

    /// Other paths of the same attempt.
    pub fn siblings(&self) -> impl Iterator<Item = &'a Path<'a>> {
        let index = self.index;
        let attempt: &'a Attempt<'a> = self.attempt;
        attempt
            .paths
            .iter()
            .enumerate()
            .filter(move |(i, _)| *i != index)
            .map(|(_, p)| p)
    }

    /// The earliest time at which a sibling had won: handshake over (or, while this path was still connecting, connected).
    #[must_use]
    pub fn sibling_won(&self) -> Option<Timestamp> {
        self.siblings()
            .filter(|p| !p.is_no_rival_of(self.path))
            .filter_map(|p| {
                let won = p.progress.succeeded()?;
                Some(p.progress.connected.map_or(won, |c| c.time.min(won)))
            })
            .min()
    }
}

/// An attempt and what surrounds it.
pub struct AttemptContext<'a> {
    /// The attempt.
    pub attempt: &'a Attempt<'a>,
    /// How each of its paths was judged; same order.
    pub paths: &'a [JudgedPath],
    /// What was found so far.
    pub findings: &'a [Finding],
    /// How it ended; `None` while its lookups are judged.
    pub outcome: Option<Outcome>,
    /// Everything else.
    pub world: &'a World<'a>,
}

impl<'a> AttemptContext<'a> {
    /// Which capture it began in.
    #[must_use]
    pub fn capture(&self) -> CaptureId {
        self.attempt.started.capture
    }

    /// The last time that the capture covers without a break from the attempt's first packet on.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.world.end_after(self.attempt.started)
    }

    /// How long the capture goes on after a packet.
    #[must_use]
    pub fn after(&self, mark: Mark) -> Duration {
        self.world.after(mark)
    }

    /// Any path that got through.
    #[must_use]
    pub fn got_through(&self) -> bool {
        self.paths
            .iter()
            .any(|p| matches!(p.outcome, Outcome::Ok | Outcome::Degraded))
    }

    /// A connection to an encrypted resolver, not to the target.
    #[must_use]
    pub fn is_to_resolver(&self) -> bool {
        self.attempt.matched_by == MatchedBy::Resolver
    }

    /// Lookups of exactly this name, without search-domain variants.
    pub fn own_lookups(&self) -> impl Iterator<Item = (usize, &'a Lookup)> {
        let attempt: &'a Attempt<'a> = self.attempt;
        attempt
            .lookups
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, l)| l.search_of.is_none() && attempt.name.as_ref() == Some(&l.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dns::Interest;

    #[test]
    fn silence_lasts_until_somebody_left() {
        let client = Addr::v4([192, 0, 2, 1]);
        let second = |n: i64| Timestamp(n * 1_000_000_000);
        let mut clients = Clients::default();
        let answer = Mark {
            time: second(0),
            ..Mark::default()
        };
        clients.answered(client, answer);
        let mut quality = CaptureQuality::default();
        quality.note_time(second(60));
        let (dns, qualities) = (DnsObserver::new(Interest::all()), [quality]);
        let world = World::new(&[], &dns, &clients, &qualities, Thresholds::default(), &[]);
        let tries = [Mark {
            time: second(10),
            ..Mark::default()
        }];
        let until = |end: Option<Timestamp>| world.silence_until(client, &tries, None, end);
        let lasted = |seconds| Silence::Proven {
            lasted: Duration::from_secs(seconds),
        };
        assert_eq!(until(None), lasted(50));
        assert_eq!(until(Some(second(14))), lasted(4));
        assert_eq!(until(Some(second(12))), Silence::TooShort);
        assert_eq!(until(Some(second(90))), lasted(50), "not past the capture");
    }

    #[test]
    fn silence_ends_where_nothing_was_captured() {
        let client = Addr::v4([192, 0, 2, 1]);
        let at = |n: i64| Mark {
            time: Timestamp(n * 1_000_000_000),
            ..Mark::default()
        };
        let mut clients = Clients::default();
        clients.answered(client, at(0));
        let mut quality = CaptureQuality::default();
        quality.note_time(at(60).time);
        quality.note_hole(at(12).time, at(40).time);
        let (dns, qualities) = (DnsObserver::new(Interest::all()), [quality]);
        let world = World::new(&[], &dns, &clients, &qualities, Thresholds::default(), &[]);
        let silence = |tries: &[i64]| {
            let tries: Vec<Mark> = tries.iter().map(|t| at(*t)).collect();
            world.silence(client, &tries, None)
        };
        let lasted = |seconds| Silence::Proven {
            lasted: Duration::from_secs(seconds),
        };
        assert_eq!(silence(&[10]), Silence::TooShort);
        assert_eq!(silence(&[9]), lasted(3), "proven before it");
        assert_eq!(silence(&[11, 20]), Silence::TooShort);
        assert_eq!(silence(&[10, 45]), lasted(15), "asked again after it");
        assert_eq!(silence(&[45]), lasted(15));
        assert_eq!(world.after(at(10)), Duration::from_secs(2));
        assert_eq!(world.after(at(50)), Duration::from_secs(10));
    }
}
