//! What a difference proves, taken as an experiment: one thing changed, what else did?
//!
//! - The same resolver, or another one, gives another answer: [`About::Resolver`], [`About::Network`].
//! - Another kind of authority signs the certificate in one capture only: [`About::Interceptor`].
//! - The same server address fails in one and works in the other: not the server, [`About::Network`].
//! - The server itself answers with an error in one: [`About::Service`].
//! - It fails in both, and another address works: [`About::Edge`].
//! - Only one address family, or only QUIC, fails in one: [`About::Family`], [`About::Transport`].
//! - Everything fails alike in both: what differs between them is not the reason, [`About::Common`].
//! - Different addresses were used: nobody can tell the network from the edge, [`About::Open`].
//!
//! The captures were made at different times, as a rule, so each of these holds only if the service did not change in
//! between; that lowers the confidence by the time between them.

mod lookups;
mod paths;

use super::Which;
use super::difference::works;
use super::row::{Pair, Sides, host, is_to_resolver};
use crate::snapshot::{Attempt, Outcome, Path, Report};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Names whose evidence a proof lists; the others are named.
const MAX_EVIDENCE: usize = 5;
/// Names that a proof lists.
const MAX_NAMES: usize = 50;
/// Never surer than this: two captures are two observations.
const SUREST: f64 = 0.95;

/// What the difference is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum About {
    /// Something on the way opens or answers in the place of the service.
    Interceptor,
    /// The resolver.
    Resolver,
    /// One address family.
    Family,
    /// One transport: QUIC or TCP.
    Transport,
    /// One server or CDN edge.
    Edge,
    /// What the service itself answers.
    Service,
    /// The device's network, or the way from it.
    Network,
    /// What both captures share; not what differs between them.
    Common,
    /// Nothing: what would tell was not captured.
    Open,
}

impl About {
    /// As it stands in the JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interceptor => "interceptor",
            Self::Resolver => "resolver",
            Self::Family => "family",
            Self::Transport => "transport",
            Self::Edge => "edge",
            Self::Service => "service",
            Self::Network => "network",
            Self::Common => "common",
            Self::Open => "open",
        }
    }
}

/// What a difference proves.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Proof {
    /// What it is about.
    pub about: About,
    /// The capture that has the trouble; `null` where both have, or it can't be told.
    pub side: Option<Which>,
    /// The proof in a sentence or two.
    pub says: String,
    /// How sure, 0 to 1; `null` where nothing is claimed.
    pub confidence: Option<f64>,
    /// The names that show it, at most 50.
    pub names: Vec<String>,
    /// What was seen, for the first five of them.
    pub because: Vec<Evidence>,
    /// What it does not prove.
    pub not_proven: Vec<String>,
}

/// What two captures show of one name.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Evidence {
    /// The name.
    pub name: String,
    /// In A.
    pub a: String,
    /// Packets of A that show it.
    pub a_frames: Vec<u32>,
    /// In B.
    pub b: String,
    /// Packets of B that show it.
    pub b_frames: Vec<u32>,
}

/// One side of a piece of evidence.
#[derive(Clone, Debug, Default)]
struct Seen {
    what: String,
    frames: Vec<u32>,
}

/// A proof from one name.
struct Draft {
    about: About,
    side: Option<Which>,
    says: String,
    confidence: Option<f64>,
    bad: Seen,
    good: Seen,
    not_proven: Vec<String>,
}

/// A name that fares worse in one capture, with what surrounds it.
struct Case<'a> {
    pair: &'a Pair<'a>,
    /// Where it fares worse. Where it fails in both: A.
    bad: Which,
    controls: &'a Controls<'a>,
}

impl<'a> Case<'a> {
    /// Attempts with an outcome where it fares worse.
    fn worse(&self) -> &'a [&'a Attempt] {
        self.side(self.bad)
    }

    /// The same on the other side.
    fn better(&self) -> &'a [&'a Attempt] {
        self.side(self.bad.other())
    }

    fn side(&self, which: Which) -> &'a [&'a Attempt] {
        match which {
            Which::A => &self.pair.a.known,
            Which::B => &self.pair.b.known,
        }
    }

    /// The attempt that stands for the worse side.
    fn shown(&self) -> Option<&'a Attempt> {
        match self.bad {
            Which::A => self.pair.a.shown(),
            Which::B => self.pair.b.shown(),
        }
    }

    fn elsewhere(&self) -> &'a Control {
        match self.bad {
            Which::A => &self.controls.a,
            Which::B => &self.controls.b,
        }
    }
}

/// What worked anywhere in a capture.
#[derive(Debug, Default)]
struct Control {
    quic: bool,
    tcp: bool,
    v6: bool,
    v4: bool,
    /// Transport, server and the names that got through there, at most four.
    servers: BTreeMap<(&'static str, String), BTreeSet<String>>,
}

#[derive(Debug)]
struct Controls<'a> {
    a: Control,
    b: Control,
    /// The device may have been in the same network: it has an address in common in both.
    same_client: Option<&'a str>,
}

impl Control {
    fn of(report: &Report) -> Self {
        let mut control = Self::default();
        for attempt in &report.attempts {
            for path in attempt.paths.iter().filter(|p| works(p)) {
                let v6 = super::difference::is_v6(path);
                control.v6 |= v6;
                control.v4 |= !v6;
                control.quic |= path.transport == "quic";
                control.tcp |= path.transport == "tcp";
                let key = (path.transport, path.server.clone());
                let names = control.servers.entry(key).or_default();
                if let Some(name) = attempt.name.as_ref().filter(|_| names.len() < 4) {
                    names.insert(name.clone());
                }
            }
        }
        control
    }

    /// Another name than this one that got through at that server.
    fn other_name(&self, path: &Path, name: &str) -> Option<&str> {
        let names = self.servers.get(&(path.transport, path.server.clone()))?;
        names.iter().map(String::as_str).find(|n| *n != name)
    }
}

/// Everything that the pairs prove, the surest first. `apart` is the time between the captures in milliseconds.
#[must_use]
pub fn proofs(pairs: &[Pair<'_>], sides: &Sides<'_>, apart: Option<f64>) -> Vec<Proof> {
    let controls = Controls {
        a: Control::of(sides.a),
        b: Control::of(sides.b),
        same_client: super::words::same_client(sides),
    };
    let mut found: Vec<Proof> = Vec::new();
    for pair in pairs {
        for draft in drafts(pair, &controls) {
            add(&mut found, draft, &pair.a.key);
        }
    }
    for proof in &mut found {
        let more = proof.names.len().saturating_sub(1).min(3);
        proof.confidence = proof.confidence.map(|c| {
            let c = c + [0.0, 0.03, 0.05, 0.06][more] - doubt(apart);
            (c.clamp(0.1, SUREST) * 100.0).round() / 100.0
        });
    }
    found.sort_by(|x, y| {
        let sure = |p: &Proof| p.confidence.unwrap_or(0.0);
        let order = sure(y).total_cmp(&sure(x));
        order.then(y.names.len().cmp(&x.names.len()))
    });
    found
}

/// How much less sure two captures are that were made this far apart.
fn doubt(apart: Option<f64>) -> f64 {
    const HOUR: f64 = 3_600_000.0;
    match apart {
        Some(ms) if ms < HOUR => 0.0,
        Some(ms) if ms < 24.0 * HOUR => 0.05,
        Some(_) => 0.1,
        None => 0.1,
    }
}

fn drafts(pair: &Pair<'_>, controls: &Controls<'_>) -> Vec<Draft> {
    let (a, b) = (pair.a.outcome(), pair.b.outcome());
    if a == Outcome::Unfinished || b == Outcome::Unfinished {
        return Vec::new();
    }
    let bad = if b > a { Which::B } else { Which::A };
    let case = Case {
        pair,
        bad,
        controls,
    };
    let certificate = paths::certificate(pair);
    let opened = certificate.is_some();
    let mut found: Vec<Draft> = certificate.into_iter().collect();
    if a == b && a == Outcome::Broken {
        found.extend(common(&case));
    } else if a != b && !opened {
        // What a resolver is reached over are connections as well.
        let to_resolver = pair
            .a
            .all
            .iter()
            .chain(&pair.b.all)
            .all(|a| is_to_resolver(a));
        let by_lookup = (!to_resolver).then(|| lookups::proof(&case)).flatten();
        found.extend(by_lookup.or_else(|| paths::proof(&case)));
    }
    found
}

/// Adds a proof, or the name to the same one from another name.
fn add(found: &mut Vec<Proof>, draft: Draft, name: &str) {
    let (a, b) = match draft.side {
        Some(Which::B) => (draft.good, draft.bad),
        _ => (draft.bad, draft.good),
    };
    let evidence = Evidence {
        name: name.to_owned(),
        a: a.what,
        a_frames: a.frames,
        b: b.what,
        b_frames: b.frames,
    };
    let same =
        |p: &&mut Proof| (p.about, p.side) == (draft.about, draft.side) && p.says == draft.says;
    let Some(known) = found.iter_mut().find(same) else {
        found.push(Proof {
            about: draft.about,
            side: draft.side,
            says: draft.says,
            confidence: draft.confidence,
            names: vec![name.to_owned()],
            because: vec![evidence],
            not_proven: draft.not_proven,
        });
        return;
    };
    known.confidence = match (known.confidence, draft.confidence) {
        (Some(x), Some(y)) => Some(x.max(y)),
        (x, y) => x.or(y),
    };
    if known.names.len() < MAX_NAMES {
        known.names.push(name.to_owned());
    }
    if known.because.len() < MAX_EVIDENCE {
        known.because.push(evidence);
    }
}

/// It fails in both.
fn common(case: &Case<'_>) -> Option<Draft> {
    let (a, b) = (case.pair.a.shown()?, case.pair.b.shown()?);
    let draft = |about, says: String, confidence, not_proven| Draft {
        about,
        side: None,
        says,
        confidence,
        bad: seen(a),
        good: seen(b),
        not_proven,
    };
    if a.cause != b.cause {
        let says = "It fails in both captures, but in different ways: there may be two faults, or one that shows in two \
                    ways. Nothing is proven about either.";
        return Some(draft(About::Open, says.to_owned(), None, Vec::new()));
    }
    let mut says = "It fails in the same way in both captures, so what differs between them is not the reason: look at \
                    the service, or at what both share (the device, the app, the account, the provider)."
        .to_owned();
    let mut sure: f64 = 0.75;
    let mut open = vec!["which of the things that both captures share it is".to_owned()];
    if let Some(client) = case.controls.same_client {
        sure = 0.5;
        open.push(format!(
            "that the captures are of two networks: the device has the address {client} in both"
        ));
    }
    if lookups::other_resolvers(case) {
        says += " Two different resolvers say the same.";
        sure += 0.1;
    }
    Some(draft(About::Common, says, Some(sure), open))
}

/// What an attempt shows: its cause with its words, or that it got through and where.
fn seen(attempt: &Attempt) -> Seen {
    let main = |f: &&crate::snapshot::Finding| Some(&f.cause) == attempt.cause.as_ref();
    if let Some(f) = attempt.findings.iter().find(main) {
        return Seen {
            what: format!("{}: {}", f.cause, f.what),
            frames: first_frames(&f.frames),
        };
    }
    match attempt.paths.iter().find(|p| works(p)) {
        Some(path) => worked(path),
        None => Seen {
            what: attempt.outcome.as_str().to_owned(),
            frames: Vec::new(),
        },
    }
}

/// A path that got through.
fn worked(path: &Path) -> Seen {
    Seen {
        what: format!(
            "got through to {} over {}",
            host(&path.server),
            transport(path)
        ),
        frames: first_frames(&path.frames),
    }
}

/// A path that failed, with the words of what broke it.
fn failed(attempt: &Attempt, path: &Path) -> Seen {
    let index = attempt.paths.iter().position(|p| std::ptr::eq(p, path));
    let own =
        |f: &&crate::snapshot::Finding| f.path == index && Some(&f.cause) == path.cause.as_ref();
    match attempt.findings.iter().find(own) {
        Some(f) => Seen {
            what: format!("{}: {}", f.cause, f.what),
            frames: first_frames(&f.frames),
        },
        None => Seen {
            what: format!("failed at {} over {}", host(&path.server), transport(path)),
            frames: first_frames(&path.frames),
        },
    }
}

fn transport(path: &Path) -> &'static str {
    if path.transport == "quic" {
        "QUIC"
    } else {
        "TCP"
    }
}

fn first_frames(frames: &[u32]) -> Vec<u32> {
    frames.iter().copied().take(8).collect()
}
