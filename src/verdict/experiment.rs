//! Natural experiments: what the same capture shows of tries that differ from the failing ones in one thing.
//!
//! A control counts where it is of the same device and near in time; the further rules are with [`Tally::proves`].

use super::devices;
use super::field::{Field, Tried};
use super::others::{Life, Others, Tally};
use super::span::Place;
use crate::fact::dns::{Lookup, NOERROR, NXDOMAIN, Reply};
use crate::types::{Addr, Mark, Timestamp};
use std::collections::BTreeSet;

/// What differs between the failing tries and the control. Everything else that is said to be held equal was.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Differs {
    /// Another name at the same address.
    Name,
    /// The same name at another address.
    Address,
    /// The same name over the other address family.
    Family,
    /// The same name over the other transport.
    Transport,
    /// The same name, asked of another resolver.
    Resolver,
    /// Another name, asked of the same resolver.
    Question,
    /// Another name of the same service, wherever it is.
    Host,
    /// Another service.
    Service,
    /// The same name, long before or after.
    Time,
    /// A small ClientHello instead of a large one, to the same address.
    HelloSize,
    /// The same name at the same server, from another device of the same network.
    Device,
    /// Another port of the same server.
    Port,
}

impl Differs {
    /// As it stands in the JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Address => "address",
            Self::Family => "family",
            Self::Transport => "transport",
            Self::Resolver => "resolver",
            Self::Question => "question",
            Self::Host => "host",
            Self::Service => "service",
            Self::Time => "time",
            Self::HelloSize => "hello-size",
            Self::Device => "device",
            Self::Port => "port",
        }
    }

    /// What was held equal.
    #[must_use]
    pub const fn held(self) -> &'static str {
        match self {
            Self::Name | Self::HelloSize | Self::Port => "device, server address, time",
            Self::Address | Self::Family | Self::Transport => "device, name, time",
            Self::Resolver => "name",
            Self::Question => "device, resolver, time",
            Self::Host | Self::Service => "device, network, time",
            Self::Time => "device, name",
            Self::Device => "name, server, network, time",
        }
    }
}

/// One natural experiment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Experiment {
    /// What differed.
    pub differs: Differs,
    /// How the controls went, and the packets that show it.
    pub tally: Tally,
    /// The attempts that it rests on, as indices into the field's cases; none for traffic that is no attempt.
    pub cases: BTreeSet<usize>,
}

impl Experiment {
    fn of(differs: Differs, (tally, cases): (Tally, BTreeSet<usize>)) -> Option<Self> {
        let any = tally.worked() > 0 || tally.failed > 0;
        any.then_some(Self {
            differs,
            tally,
            cases,
        })
    }
}

/// What all experiments say.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Those for which the capture has controls.
    pub all: Vec<Experiment>,
    /// When the network was alive: where the failure is silence, controls need that.
    pub life: Life,
    /// Connections of other devices of the same network to anything looked at.
    pub neighbours: Tally,
}

impl Evidence {
    /// Makes every experiment that the capture allows.
    #[must_use]
    pub fn of(field: &Field<'_>, others: &Others) -> Self {
        let mut all = Vec::new();
        let mut add = |differs, found| all.extend(Experiment::of(differs, found));
        if field.at_dns() {
            add(Differs::Resolver, other_resolvers(field));
            add(Differs::Question, other_questions(field));
        } else {
            let addrs = field.failed_addrs();
            let names: BTreeSet<&str> = field.failed_paths().filter_map(|p| p.name).collect();
            let named = |p: &Tried<'_>| p.name.is_some_and(|n| names.contains(n));
            let same_name = |p: &Tried<'_>| !p.failed && named(p);
            add(Differs::Name, other_names(field, others, &named));
            let kinds: BTreeSet<(bool, bool)> =
                field.failed_paths().map(|p| (p.quic(), p.v4())).collect();
            let quic = |quic| kinds.iter().any(|k| k.0 == quic);
            let v4 = |v4| kinds.iter().any(|k| k.1 == v4);
            // What is let through to one port says nothing of another.
            let ports = field.failed_ports();
            let same_port = |p: &Tried<'_>| ports.contains(&p.flow.server.port);
            add(
                Differs::Address,
                field.tally(|p| {
                    same_name(p)
                        && same_port(p)
                        && !addrs.contains(&p.addr())
                        && kinds.contains(&(p.quic(), p.v4()))
                }),
            );
            add(
                Differs::Family,
                field.tally(|p| same_name(p) && same_port(p) && !v4(p.v4()) && quic(p.quic())),
            );
            add(
                Differs::Transport,
                field.tally(|p| same_name(p) && !quic(p.quic())),
            );
            add(Differs::HelloSize, small_hellos(field, &addrs));
            if field.before_name() {
                let other = |p: &Tried<'_>| addrs.contains(&p.addr()) && !same_port(p);
                add(Differs::Port, field.tally(|p| !p.failed && other(p)));
            }
        }
        add(Differs::Host, other_hosts(field));
        add(Differs::Service, other_services(field, others));
        add(Differs::Time, other_times(field));
        let devices = devices::Devices::of(field);
        add(Differs::Device, devices.same);
        Self {
            all,
            life: field.life(others),
            neighbours: devices.any,
        }
    }

    /// What came of that experiment; empty where there was no control.
    #[must_use]
    pub fn tally(&self, differs: Differs) -> Tally {
        let found = self.all.iter().find(|e| e.differs == differs);
        found.map(|e| e.tally.clone()).unwrap_or_default()
    }

    /// Controls of that kind worked at that time.
    #[must_use]
    pub fn works(&self, differs: Differs) -> bool {
        self.tally(differs).proves(self.life)
    }

    /// Controls of that kind were there, and all failed.
    #[must_use]
    pub fn fails(&self, differs: Differs) -> bool {
        let tally = self.tally(differs);
        tally.failed > 0 && !tally.proves(self.life)
    }
}

type Found = (Tally, BTreeSet<usize>);

fn other_names(field: &Field<'_>, others: &Others, named: &dyn Fn(&Tried<'_>) -> bool) -> Found {
    let servers = field.failed_servers();
    let beside = |p: &Tried<'_>| !p.failed && p.name.is_some() && !named(p);
    let (mut tally, cases) = field.tally(|p| servers.contains(&p.flow.server) && beside(p));
    for foreign in others.at.values() {
        tally = tally.plus(foreign);
    }
    (tally, cases)
}

/// Other services: traffic beside the target and, where everything is looked at, attempts under other sites or, of
/// connections without a name, in other networks than those that failed.
fn other_services(field: &Field<'_>, others: &Others) -> Found {
    let same_site = site_filter(field);
    let near: BTreeSet<Addr> = field.failed_addrs().into_iter().map(block).collect();
    let other = |p: &Tried<'_>| match p.name {
        Some(_) => !same_site(p.name),
        None => field.is_unlisted() && !near.contains(&block(p.addr())),
    };
    let (tally, cases) = field.tally(|p| !p.failed && other(p));
    (tally.plus(&others.beyond()), cases)
}

/// The /16 or /32 of an address: what lies in different ones is mostly of different operators. Both loopbacks are one.
pub(super) fn block(addr: Addr) -> Addr {
    if addr.ip().is_loopback() {
        return Addr(0);
    }
    Addr(addr.0 >> if addr.is_v4() { 16 } else { 96 })
}

/// Small hellos to an address at which all that failed were large.
fn small_hellos(field: &Field<'_>, addrs: &BTreeSet<Addr>) -> Found {
    let large = field.failed_paths().all(|p| p.large() == Some(true));
    if !large || addrs.is_empty() {
        return Found::default();
    }
    field.tally(|p| addrs.contains(&p.addr()) && p.large() == Some(false))
}

/// Other names of the service: their paths, or, where the failure is one of lookups, their lookups as well.
fn other_hosts(field: &Field<'_>) -> Found {
    let names = field.failed_names();
    let same_site = site_filter(field);
    let other = |case: usize| {
        let case = &field.cases[case];
        !names.contains(&case.label()) && same_site(case.attempt.name.as_deref())
    };
    let (mut tally, mut cases) = field.tally(|p| !p.failed && other(p.case));
    if !field.at_dns() {
        return (tally, cases);
    }
    let clients = field.clients();
    for (index, case) in field.cases.iter().enumerate().filter(|(i, _)| other(*i)) {
        let own = clients.contains(&case.attempt.client) && !case.got_through();
        let lookups = case.attempt.lookups.iter().filter(|_| own);
        let answered = lookups.flat_map(|l| &l.replies).find(|r| {
            r.is_address_answer() && case.stage() != field.lead_case().and_then(|c| c.stage())
        });
        if let Some(reply) = answered {
            let place = field.spans.place(reply.mark.time);
            tally.add_worked(place, reply.mark);
            if place != Place::Far {
                cases.insert(index);
            }
        }
    }
    (tally, cases)
}

/// With a target, all attempts are of one service. Where everything is looked at, only names under the same site are.
fn site_filter(field: &Field<'_>) -> impl Fn(Option<&str>) -> bool {
    let lead = field.lead_case().map(|c| c.attempt);
    let listed = lead.is_some_and(|a| a.listed);
    let own = lead.and_then(|a| a.name.as_deref()).map(site);
    move |name: Option<&str>| listed || name.map(site) == own
}

/// The last labels of a name: two, or three below a country's second level as in `co.uk`.
#[must_use]
pub(super) fn site(name: &str) -> String {
    let labels: Vec<&str> = name.rsplit('.').collect();
    let short =
        labels.len() > 2 && labels.iter().take(2).all(|l| l.len() <= 3) && labels[0].len() == 2;
    let count = if short { 3 } else { 2 };
    let mut kept: Vec<&str> = labels.into_iter().take(count).collect();
    kept.reverse();
    kept.join(".")
}

/// The same name at other times than around the failures.
fn other_times(field: &Field<'_>) -> Found {
    let names = field.failed_names();
    let clients = field.clients();
    let (mut tally, mut cases) = Found::default();
    let worked = |mark: Mark, tally: &mut Tally| {
        let (Some(begin), Some(end)) = (field.spans.begin(), field.spans.end()) else {
            return;
        };
        let place = match field.spans.place(mark.time) {
            Place::Far if mark.time < begin => Place::Before,
            Place::Far if mark.time > end => Place::After,
            other => other,
        };
        tally.add_worked(place, mark);
    };
    for (index, case) in field.cases.iter().enumerate() {
        let own = clients.contains(&case.attempt.client) && names.contains(&case.label());
        if own && case.got_through() && field.failed.binary_search(&index).is_err() {
            worked(case.attempt.started, &mut tally);
            cases.insert(index);
        }
    }
    (tally, cases)
}

/// The failing names at other resolvers, whoever asked.
fn other_resolvers(field: &Field<'_>) -> Found {
    let asked = asked(field);
    let mut tally = Tally::default();
    for name in field.failed_names() {
        let elsewhere = field.world.resolved(&name).iter();
        for found in elsewhere.filter(|r| !asked.contains(&r.resolver)) {
            match field.spans.place(found.mark.time) {
                Place::Far => {}
                place => tally.add_worked(place, found.mark),
            }
        }
    }
    (tally, BTreeSet::new())
}

/// Resolvers that the failing attempts asked.
pub(super) fn asked(field: &Field<'_>) -> BTreeSet<Addr> {
    let failed = field.failed.iter().map(|&i| field.cases[i].attempt);
    let lookups = failed.flat_map(|a| &a.lookups);
    lookups.map(|l| l.resolver.addr).collect()
}

/// Names that are none of the failing ones, at the resolvers that failed: lookups that are kept, and the answers to
/// those that are not.
fn other_questions(field: &Field<'_>) -> Found {
    let names = field.failed_names();
    let asked = asked(field);
    let mut tally = Tally::default();
    let at = |l: &&Lookup| asked.contains(&l.resolver.addr);
    for lookup in field.world.lookups().iter().filter(at) {
        let own = names.contains(&lookup.name) || lookup.search_of.is_some();
        let Some(first) = lookup.first().filter(|_| !own) else {
            continue;
        };
        match lookup.answered() {
            Some(reply) if is_sound(reply) => {
                tally.add_worked(field.spans.place(reply.mark.time), reply.mark);
            }
            _ => tally.add_failed(field.spans.place(first.time), first),
        }
    }
    let all = (Timestamp(i64::MIN), Timestamp(i64::MAX));
    for resolver in &asked {
        let beside = field.world.dns.answers_beside(*resolver).into_iter();
        for mark in beside.flat_map(|answers| answers.within(all.0, all.1)) {
            tally.add_worked(field.spans.place(mark.time), mark);
        }
    }
    tally.failed = tally.failed.saturating_add(lost_beside(field, &asked));
    (tally, BTreeSet::new())
}

/// An answer, be it that the name does not exist.
fn is_sound(reply: &Reply) -> bool {
    matches!(reply.rcode, NOERROR | NXDOMAIN)
}

/// Lookups that are not kept and that these resolvers left unanswered or answered with an error.
fn lost_beside(field: &Field<'_>, resolvers: &BTreeSet<Addr>) -> u32 {
    let stats = field.world.dns.resolvers().into_iter();
    let total: u64 = stats
        .filter(|s| resolvers.contains(&s.resolver))
        .map(|s| s.failed + s.unanswered())
        .sum();
    let kept = field.world.lookups().iter().filter(|l| {
        let failed = l.answered().is_none_or(|r| !is_sound(r));
        resolvers.contains(&l.resolver.addr) && !l.tries.is_empty() && failed
    });
    u32::try_from(total.saturating_sub(kept.count() as u64)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites() {
        assert_eq!(site("v16-webapp.tiktok.com"), "tiktok.com");
        assert_eq!(site("www.bbc.co.uk"), "bbc.co.uk");
        assert_eq!(site("t.co"), "t.co");
        assert_eq!(site("api.vk.com"), "vk.com");
        assert_eq!(site("localhost"), "localhost");
    }
}
