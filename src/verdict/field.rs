//! Everything the verdict looks at, laid out once: which tries failed for what leads, which paths they took, and what
//! else the same devices tried meanwhile.

use super::others::{Life, Others, Tally, Wanted, on_link};
use super::roles;
use super::span::{Place, Spans};
use crate::attempt::{Attempt, MatchedBy, Path, Reach};
use crate::diagnose::{Finding, Judged, JudgedPath, Outcome, Stage, World};
use crate::flow::FlowView;
use crate::types::{Addr, Endpoint, Mark, Side, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// An attempt with its judgement.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// The attempt.
    pub attempt: &'a Attempt<'a>,
    /// Its judgement.
    pub judged: &'a Judged,
}

impl<'a> Case<'a> {
    /// The finding that explains it.
    #[must_use]
    pub fn main(&self) -> Option<&'a Finding> {
        let judged: &'a Judged = self.judged;
        judged.findings.get(judged.main?)
    }

    /// Its cause.
    #[must_use]
    pub fn cause(&self) -> Option<&'static str> {
        self.main().map(|f| f.rule.id)
    }

    /// Where it broke or suffered.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        self.main().map(|f| f.rule.stage)
    }

    /// It broke.
    #[must_use]
    pub fn broke(&self) -> bool {
        self.judged.outcome == Outcome::Broken
    }

    /// The client itself ended every connection before anything was decided.
    #[must_use]
    pub fn was_left(&self) -> bool {
        let paths = &self.judged.paths;
        !paths.is_empty() && paths.iter().all(|p| p.outcome == Outcome::Abandoned)
    }

    /// A path got through.
    #[must_use]
    pub fn got_through(&self) -> bool {
        self.judged.paths.iter().any(path_worked)
    }

    /// A lookup gave an address.
    #[must_use]
    pub fn resolved(&self) -> bool {
        let replies = self.attempt.lookups.iter().flat_map(|l| &l.replies);
        replies
            .clone()
            .any(crate::fact::dns::Reply::is_address_answer)
    }

    /// The app can do without it, as far as its name tells.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        roles::is_optional(self.attempt.role)
    }

    /// The name, or the address where there is none.
    #[must_use]
    pub fn label(&self) -> String {
        let server = || {
            self.attempt
                .paths
                .first()
                .map(|p| p.flow.server.to_string())
        };
        let name = self.attempt.name.clone().or_else(server);
        name.unwrap_or_else(|| "the service".into())
    }

    /// Its connections that failed.
    pub(super) fn broken_flows(&self) -> impl Iterator<Item = &'a FlowView<'a>> {
        let broken = self.paths().filter(|(_, j)| j.outcome == Outcome::Broken);
        broken.map(|(path, _)| &path.flow)
    }

    fn paths(&self) -> impl Iterator<Item = (&'a Path<'a>, &'a JudgedPath)> {
        let attempt: &'a Attempt<'a> = self.attempt;
        let judged: &'a Judged = self.judged;
        attempt.paths.iter().zip(&judged.paths)
    }

    /// From its first packet to its last.
    fn span(&self) -> (Timestamp, Timestamp) {
        let start = self.attempt.started.time;
        let paths = self.attempt.paths.iter().map(|p| p.flow.last.time);
        let tries = self.attempt.lookups.iter().flat_map(|l| &l.tries);
        let replies = self.attempt.lookups.iter().flat_map(|l| &l.replies);
        let asked = tries.map(|m| m.time).chain(replies.map(|r| r.mark.time));
        (start, paths.chain(asked).max().unwrap_or(start))
    }
}

/// Connections to encrypted resolvers and requests that look for a captive portal are reported only when they broke.
#[must_use]
pub fn is_reported(attempt: &Attempt<'_>, judged: &Judged) -> bool {
    let aside = matches!(attempt.matched_by, MatchedBy::Resolver | MatchedBy::Portal);
    !aside || judged.outcome == Outcome::Broken
}

/// A path got through.
pub(super) fn path_worked(judged: &JudgedPath) -> bool {
    matches!(judged.outcome, Outcome::Ok | Outcome::Degraded) && judged.reach >= Reach::Secured
}

/// One path in the comparison.
#[derive(Clone, Copy)]
pub(super) struct Tried<'a> {
    /// Index of its case.
    pub case: usize,
    /// The name it was for.
    pub name: Option<&'a str>,
    /// The conversation.
    pub flow: &'a FlowView<'a>,
    /// It failed, of what leads.
    pub failed: bool,
    /// It got through.
    pub worked: bool,
    /// Its handshake was finished, however it ended.
    pub secured: bool,
    /// The server answered at all on the transport.
    pub answered: bool,
    /// What shows that it worked, else its first packet.
    pub mark: Mark,
}

impl Tried<'_> {
    pub(super) fn addr(&self) -> Addr {
        self.flow.server.addr
    }

    pub(super) fn quic(&self) -> bool {
        self.flow.quic.is_some()
    }

    pub(super) fn v4(&self) -> bool {
        self.addr().is_v4()
    }

    /// Its ClientHello took more than one packet; `None` without a hello.
    pub(super) fn large(&self) -> Option<bool> {
        Some(self.flow.hello()?.packets > 1)
    }
}

/// Clients whose own network is told apart.
const MAX_CLIENTS: usize = 64;

/// The field.
pub struct Field<'a> {
    /// All that the capture shows.
    pub(super) world: &'a World<'a>,
    /// The attempts that are reported, in their order: their index plus one is their number.
    pub cases: Vec<Case<'a>>,
    /// What the verdict says.
    pub outcome: Outcome,
    /// Index of the case that speaks for what leads.
    pub lead: Option<usize>,
    /// Indices of the cases that share its cause.
    pub same: Vec<usize>,
    /// Indices of the cases that failed at lookups where it did, or on their paths where it did.
    pub(super) failed: Vec<usize>,
    pub(super) spans: Spans,
    pub(super) paths: Vec<Tried<'a>>,
    /// A host that the app can do without by its name, and yet seems to wait for.
    pub(super) waited_for: Option<usize>,
}

impl<'a> Field<'a> {
    /// Lays out the attempts.
    #[must_use]
    pub fn of(world: &'a World<'a>, judged: &'a [Judged]) -> Self {
        let both = world.attempts.iter().zip(judged);
        let cases: Vec<Case<'a>> = both
            .filter(|(a, j)| is_reported(a, j))
            .map(|(attempt, judged)| Case { attempt, judged })
            .collect();
        let waited_for = roles::waited_for(&cases);
        let outcome = outcome(&cases);
        let mut field = Self {
            world,
            outcome,
            lead: leading(&cases, outcome),
            cases,
            same: Vec::new(),
            failed: Vec::new(),
            spans: Spans::default(),
            paths: Vec::new(),
            waited_for,
        };
        field.group();
        field.lay_paths();
        field
    }

    fn group(&mut self) {
        let Some(lead) = self.lead_case() else { return };
        let (cause, outcome) = (lead.cause(), lead.judged.outcome);
        let at_dns = lead.stage() == Some(Stage::Dns);
        let optional = lead.is_optional();
        let alike = |c: &Case<'_>| c.cause() == cause && c.judged.outcome == outcome;
        let failed = |c: &Case<'_>| {
            let stage = (c.stage() == Some(Stage::Dns)) == at_dns;
            // A login page that does not lead is one that was passed.
            let aside = c.attempt.matched_by == MatchedBy::Portal;
            let alike_enough = stage && !aside && c.is_optional() == optional;
            alike(c) || (outcome == Outcome::Broken && c.broke() && alike_enough)
        };
        let of = |wanted: &dyn Fn(&Case<'_>) -> bool| {
            let all = self.cases.iter().enumerate();
            all.filter(|(_, c)| wanted(c))
                .map(|(i, _)| i)
                .collect::<Vec<_>>()
        };
        (self.same, self.failed) = (of(&alike), of(&failed));
        for &index in &self.failed {
            let case = self.cases[index];
            let broken = case
                .paths()
                .filter(|(_, j)| !at_dns && j.outcome == Outcome::Broken);
            let spans: Vec<_> = broken
                .map(|(p, _)| (p.flow.first.time, p.flow.last.time))
                .collect();
            let whole = spans.is_empty().then(|| case.span());
            for (from, to) in spans.into_iter().chain(whole) {
                self.spans.add(from, to);
            }
        }
    }

    fn lay_paths(&mut self) {
        let clients: BTreeSet<Addr> = self.clients();
        let failed: BTreeSet<usize> = self.failed.iter().copied().collect();
        for (index, case) in self.cases.iter().enumerate() {
            if !clients.contains(&case.attempt.client) {
                continue;
            }
            for (path, judged) in case.paths() {
                let progress = &path.progress;
                let worked = path_worked(judged);
                let proof = progress.through.or(progress.secured).filter(|_| worked);
                self.paths.push(Tried {
                    case: index,
                    name: case.attempt.name.as_deref(),
                    flow: &path.flow,
                    failed: judged.outcome == Outcome::Broken && failed.contains(&index),
                    worked,
                    secured: judged.reach >= Reach::Secured,
                    answered: progress.connected.is_some(),
                    mark: proof.unwrap_or(path.flow.first),
                });
            }
        }
    }

    /// The case that speaks for what leads.
    #[must_use]
    pub fn lead_case(&self) -> Option<Case<'a>> {
        self.cases.get(self.lead?).copied()
    }

    /// Every service is looked at, and the lead is of none that the profile lists.
    pub(super) fn is_unlisted(&self) -> bool {
        self.lead_case().is_some_and(|c| !c.attempt.listed)
    }

    /// The services that failed: with a target it is one; where everything is looked at, sites of names and, of
    /// connections without one, networks.
    pub(super) fn failed_services(&self) -> BTreeSet<String> {
        let failed = self.failed.iter().map(|&i| self.cases[i].attempt);
        let unlisted = failed.clone().filter(|a| !a.listed);
        let of = |a: &'a Attempt<'a>| match (a.name.as_deref(), a.paths.first()) {
            (Some(name), _) => Some(super::experiment::site(name)),
            (None, Some(p)) => Some(format!(
                "{:x}",
                super::experiment::block(p.flow.server.addr).0
            )),
            (None, None) => None,
        };
        let mut found: BTreeSet<String> = unlisted.filter_map(of).collect();
        if failed.clone().any(|a| a.listed) {
            found.insert(String::new());
        }
        found
    }

    /// A connection that did not fail for what leads was answered while it lasted, whatever became of it.
    pub(super) fn answered_meanwhile(&self) -> bool {
        let other = |p: &Tried<'a>| !p.failed || self.same.binary_search(&p.case).is_err();
        let heard = |p: &&Tried<'a>| p.flow.packets[Side::Server] > 0 && other(p);
        let mut heard = self.paths.iter().filter(heard);
        heard.any(|p| self.spans.place(p.flow.first.time) == Place::During)
    }

    /// The lead is a failed lookup.
    pub(super) fn at_dns(&self) -> bool {
        self.lead_case().and_then(|c| c.stage()) == Some(Stage::Dns)
    }

    /// What failed is that nothing came back: a dead network looks the same.
    pub(super) fn silent(&self) -> bool {
        const SILENT: [&str; 7] = [
            "dns.unanswered",
            "dns.truncated-stuck",
            "tcp.syn-unanswered",
            "tcp.ack-lost",
            "tls.hello-unanswered",
            "quic.initial-unanswered",
            "quic.silent-after-handshake",
        ];
        let Some(main) = self.lead_case().and_then(|c| c.main()) else {
            return false;
        };
        let inner = main.claim.extra.get("inner").and_then(|i| i.as_str());
        let cause = inner.filter(|_| self.at_dns()).unwrap_or(main.rule.id);
        SILENT.contains(&cause)
    }

    /// Clients of the cases that failed.
    pub(super) fn clients(&self) -> BTreeSet<Addr> {
        let failed = self.failed.iter().map(|&i| self.cases[i].attempt);
        let paths = |a: &'a Attempt<'a>| a.paths.iter().map(|p| p.flow.client.addr);
        failed
            .flat_map(|a| std::iter::once(a.client).chain(paths(a)))
            .collect()
    }

    /// Names of the cases that failed.
    pub(super) fn failed_names(&self) -> BTreeSet<String> {
        self.failed.iter().map(|&i| self.cases[i].label()).collect()
    }

    /// Paths that failed.
    pub(super) fn failed_paths(&self) -> impl Iterator<Item = &Tried<'a>> {
        self.paths.iter().filter(|p| p.failed)
    }

    /// It broke before a name was sent.
    pub(super) fn before_name(&self) -> bool {
        self.lead_case().and_then(|c| c.stage()) == Some(Stage::Tcp)
    }

    /// Ports of the servers of the paths that failed.
    pub(super) fn failed_ports(&self) -> BTreeSet<u16> {
        self.failed_paths().map(|p| p.flow.server.port).collect()
    }

    /// Servers of the paths that failed.
    pub(super) fn failed_addrs(&self) -> BTreeSet<Addr> {
        self.failed_paths().map(Tried::addr).collect()
    }

    /// The same with their ports.
    pub(super) fn failed_servers(&self) -> BTreeSet<Endpoint> {
        self.failed_paths().map(|p| p.flow.server).collect()
    }

    /// Paths for which `wanted` holds, counted by when and how they went.
    pub(super) fn tally(&self, wanted: impl Fn(&Tried<'a>) -> bool) -> (Tally, BTreeSet<usize>) {
        let (mut tally, mut cases) = (Tally::default(), BTreeSet::new());
        for path in self.paths.iter().filter(|p| wanted(p)) {
            let place = self.spans.place(path.mark.time);
            if path.worked {
                tally.add_worked(place, path.mark);
            } else if path.failed {
                tally.add_failed(place, path.mark);
            }
            if (path.worked && place != Place::Far) || path.failed {
                cases.insert(path.case);
            }
        }
        (tally, cases)
    }

    /// What other traffic has to be counted for this field.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        Wanted {
            clients: self.clients(),
            spans: self.spans.clone(),
            servers: self.failed_servers(),
        }
    }

    /// The lead's finding says that the packets that broke it were forged.
    pub(super) fn injected(&self) -> bool {
        let forged = |f: &Finding| {
            f.rule.id == "dns.injected" || f.claim.extra.get("injected") == Some(&true.into())
        };
        self.same
            .iter()
            .filter_map(|&i| self.cases[i].main())
            .any(forged)
    }

    /// When the network beyond the local one was alive: anything of any service got through, a resolver out there
    /// answered, or a failing connection had been accepted.
    pub(super) fn life(&self, others: &Others) -> Life {
        let mut life = Life {
            needed: self.silent(),
            ..Life::default()
        };
        life.note_all(&others.beyond());
        life.note_all(&others.udp);
        life.note_all(&self.tally(|p| p.worked).0);
        for path in self.failed_paths().filter(|p| p.answered) {
            life.note(self.spans.place(path.mark.time));
        }
        let clients: Vec<Addr> = self.clients().into_iter().take(MAX_CLIENTS).collect();
        for stat in self.world.dns.resolvers() {
            if clients.iter().any(|&c| on_link(c, stat.resolver)) {
                continue;
            }
            let answers = self.world.dns.answers_by(stat.resolver).into_iter();
            let (from, to) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
            for mark in answers.flat_map(|a| a.within(from, to)) {
                life.note(self.spans.place(mark.time));
            }
        }
        life
    }

    /// How many of the paths that failed had bytes both ways in a finished handshake.
    pub(super) fn proven_paths(&self) -> usize {
        let proven = |p: &&Tried<'a>| p.secured && p.flow.packets[Side::Server] > 0;
        self.failed_paths().filter(proven).count()
    }
}

/// What the app can do without makes it degraded at most.
fn outcome(cases: &[Case<'_>]) -> Outcome {
    let has = |o, optional: bool| {
        let of = |c: &&Case<'_>| c.judged.outcome == o && (optional || !c.is_optional());
        cases.iter().any(|c| of(&c))
    };
    if has(Outcome::Broken, false) {
        Outcome::Broken
    } else if has(Outcome::Degraded, true) || has(Outcome::Broken, true) {
        Outcome::Degraded
    } else if has(Outcome::Ok, true) {
        Outcome::Ok
    } else {
        Outcome::Unfinished
    }
}

/// The network wants a login first, and nothing of that device got through after it: that explains whatever else failed,
/// however often.
fn portal(cases: &[Case<'_>]) -> Option<usize> {
    let found = cases
        .iter()
        .rposition(|c| c.broke() && c.cause() == Some("http.captive-portal"))?;
    let (client, from) = (
        cases[found].attempt.client,
        cases[found].attempt.started.time,
    );
    let own = cases.iter().filter(|c| c.attempt.client == client);
    let mut worked = own.flat_map(Case::paths).filter(|(_, j)| path_worked(j));
    let later = worked.any(|(p, _)| p.progress.secured.is_some_and(|m| m.time > from));
    (!later).then_some(found)
}

/// The case that speaks for the cause that most attempts share; of what the app can do without (telemetry, ads) only
/// where nothing else is wrong.
fn leading(cases: &[Case<'_>], outcome: Outcome) -> Option<usize> {
    if !matches!(outcome, Outcome::Broken | Outcome::Degraded) {
        return None;
    }
    if let Some(portal) = portal(cases) {
        return Some(portal);
    }
    let rank = |c: &Case<'_>| {
        let wrong = matches!(c.judged.outcome, Outcome::Broken | Outcome::Degraded);
        (wrong && c.main().is_some()).then(|| (!c.is_optional(), c.broke()))
    };
    let mut counts: BTreeMap<(bool, bool, &str), usize> = BTreeMap::new();
    for case in cases {
        if let (Some((needed, broke)), Some(cause)) = (rank(case), case.cause()) {
            *counts.entry((needed, broke, cause)).or_default() += 1;
        }
    }
    let mut best: Option<(usize, (bool, bool, usize))> = None;
    for (index, case) in cases.iter().enumerate() {
        let (Some((needed, broke)), Some(cause)) = (rank(case), case.cause()) else {
            continue;
        };
        let shared = counts.get(&(needed, broke, cause)).copied().unwrap_or(0);
        let key = (needed, broke, shared);
        if best.is_none_or(|(_, k)| key > k) {
            best = Some((index, key));
        }
    }
    best.map(|(index, _)| index)
}
