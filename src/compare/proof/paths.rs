//! Proofs from connections: the same server, another family, another transport, another certificate.

use super::{About, Case, Draft, Seen, failed, first_frames, seen, transport, worked};
use crate::compare::Which;
use crate::compare::difference::{is_v6, paths, works};
use crate::compare::row::{Named, Pair, host};
use crate::snapshot::{Attempt, Authority, Blame, Outcome, Path};

/// Paths of one side that are looked at.
const MAX_PATHS: usize = 512;

/// A path with its attempt.
type Tried<'a> = (&'a Attempt, &'a Path);

/// What the connections of a name prove.
pub(super) fn proof(case: &Case<'_>) -> Option<Draft> {
    let bad: Vec<Tried<'_>> = tried(case.worse(), |p| p.outcome == Outcome::Broken);
    let good: Vec<Tried<'_>> = tried(case.better(), works);
    if bad.is_empty() || good.is_empty() {
        return degraded(case, &good);
    }
    let found = by_transport(case, &bad, &good)
        .or_else(|| by_family(case, &bad, &good))
        .or_else(|| same_server(case, &bad, &good))
        .or_else(|| edge(case, &bad, &good));
    Some(found.unwrap_or_else(|| open(case, &bad, &good)))
}

fn tried<'a>(attempts: &[&'a Attempt], wanted: impl Fn(&Path) -> bool) -> Vec<Tried<'a>> {
    attempts
        .iter()
        .flat_map(|a| paths(a).map(move |p| (*a, p)))
        .filter(|(_, p)| wanted(p))
        .take(MAX_PATHS)
        .collect()
}

fn draft(case: &Case<'_>, about: About, says: String, sure: f64, bad: Seen, good: Seen) -> Draft {
    Draft {
        about,
        side: Some(case.bad),
        says,
        confidence: Some(sure),
        bad,
        good,
        not_proven: Vec::new(),
    }
}

impl Draft {
    fn open(mut self, what: impl Into<String>) -> Self {
        self.not_proven.push(what.into());
        self
    }
}

/// Of the failing and the working paths one pair to the same server over the same transport.
fn same<'a>(bad: &[Tried<'a>], good: &[Tried<'a>]) -> Option<(Tried<'a>, Tried<'a>)> {
    bad.iter().find_map(|&(attempt, b)| {
        let equal = |p: &Path| (p.transport, &p.server) == (b.transport, &b.server);
        let g = good.iter().find(|(_, g)| equal(g))?;
        Some(((attempt, b), *g))
    })
}

/// QUIC fails in one capture altogether, TCP works there, and QUIC works in the other.
fn by_transport(case: &Case<'_>, bad: &[Tried<'_>], good: &[Tried<'_>]) -> Option<Draft> {
    let quic = |list: &[Tried<'_>]| -> Vec<usize> {
        let list = list.iter().enumerate();
        list.filter(|(_, (_, p))| p.transport == "quic")
            .map(|(i, _)| i)
            .collect()
    };
    let (b, g) = (quic(bad), quic(good));
    let control = case.elsewhere();
    if b.is_empty() || g.is_empty() || control.quic || !control.tcp {
        return None;
    }
    let bad: Vec<Tried<'_>> = b.iter().map(|&i| bad[i]).collect();
    let good: Vec<Tried<'_>> = g.iter().map(|&i| good[i]).collect();
    let pair = same(&bad, &good);
    let ((attempt, b), (_, g)) = pair.unwrap_or((bad[0], good[0]));
    let (x, y) = (case.bad.letter(), case.bad.other().letter());
    let says = format!(
        "QUIC (UDP) does not get through in {x}, where TCP does, and it works in {y}: on {x}'s side something drops or \
         spoils it (firewall, VPN, provider)."
    );
    let sure = if pair.is_some() { 0.88 } else { 0.7 };
    let draft = draft(
        case,
        About::Transport,
        says,
        sure,
        failed(attempt, b),
        worked(g),
    );
    let draft = draft.open("whether all of UDP port 443 is concerned, or only this service's");
    Some(if pair.is_some() {
        draft
    } else {
        draft.open("that the servers used in both speak QUIC alike: their addresses differ")
    })
}

/// One address family fails in one capture altogether, the other works there, and it works in the other capture.
fn by_family(case: &Case<'_>, bad: &[Tried<'_>], good: &[Tried<'_>]) -> Option<Draft> {
    let control = case.elsewhere();
    let v6 = bad.iter().all(|(_, p)| is_v6(p));
    let v4 = bad.iter().all(|(_, p)| !is_v6(p));
    let (family, rest) = match (v6, v4) {
        (true, false) if !control.v6 && control.v4 => ("IPv6", "IPv4"),
        (false, true) if !control.v4 && control.v6 => ("IPv4", "IPv6"),
        _ => return None,
    };
    let of_family = |p: &Path| is_v6(p) == v6;
    let (x, y) = (case.bad.letter(), case.bad.other().letter());
    let good: Vec<Tried<'_>> = good.iter().copied().filter(|(_, p)| of_family(p)).collect();
    let first = *bad.first()?;
    let Some(&g) = good.first() else {
        let says = format!(
            "{family} fails in {x}, where {rest} works; {y} did not use {family}, so whether it is {x}'s {family} or the \
             server's can't be told."
        );
        let other = case.better().first().map(|a| seen(a)).unwrap_or_default();
        let mut draft = draft(
            case,
            About::Open,
            says,
            0.0,
            failed(first.0, first.1),
            other,
        );
        draft.confidence = None;
        return Some(draft);
    };
    let pair = same(bad, &good);
    let ((attempt, b), (_, g)) = pair.unwrap_or((first, g));
    let says = format!(
        "{family} does not get through in {x}, where {rest} does, and it works in {y}: {x}'s network announces {family} \
         and does not carry it, or something on its way drops it."
    );
    let sure = if pair.is_some() { 0.88 } else { 0.7 };
    let draft = draft(
        case,
        About::Family,
        says,
        sure,
        failed(attempt, b),
        worked(g),
    );
    Some(if pair.is_some() {
        draft
    } else {
        draft.open(format!(
            "that it is not one server: {x} and {y} used different {family} addresses"
        ))
    })
}

/// The very server that fails in one capture works in the other.
fn same_server(case: &Case<'_>, bad: &[Tried<'_>], good: &[Tried<'_>]) -> Option<Draft> {
    let ((attempt, b), (_, g)) = same(bad, good)?;
    let (x, y) = (case.bad.letter(), case.bad.other().letter());
    let named = b.cause.as_deref().is_some_and(|c| !c.starts_with("tcp."));
    let again = tried(case.worse(), works);
    let again = again
        .iter()
        .any(|(_, p)| (p.transport, &p.server) == (b.transport, &b.server));
    let other = case.elsewhere().other_name(b, &case.pair.a.key);
    let status = b.cause.as_deref() == Some("http.error-status");
    let by_service = matches!(b.blame, Some(Blame::Edge | Blame::Service));
    let (about, says, sure) = if status && by_service {
        (
            About::Service,
            answers_with_error(x, y, status_of(attempt)),
            0.75,
        )
    } else if again || (other.is_some() && !named) {
        (About::Network, comes_and_goes(x, y), 0.6)
    } else if other.is_some() {
        (About::Interceptor, by_the_name(x, y), 0.88)
    } else if matches!(b.blame, Some(Blame::Edge | Blame::Service)) {
        (About::Network, turned_away(x, y), 0.7)
    } else {
        (About::Network, not_the_server(x, y), 0.85)
    };
    let other_hello = (&b.ja4, &g.ja4);
    let other_hello = matches!(other_hello, (Some(x), Some(y)) if x != y);
    let sure = if other_hello && named {
        sure - 0.15
    } else {
        sure
    };
    let draft = draft(case, about, says, sure, failed(attempt, b), worked(g));
    let draft = draft.open(
        "that both reached the same machine: one address may stand for many (anycast), and the nearest one answers",
    );
    Some(if other_hello && named {
        draft.open("that the client was the same: its ClientHello differs (JA4)")
    } else {
        draft
    })
}

fn not_the_server(x: &str, y: &str) -> String {
    format!(
        "The same server address fails in {x} and works in {y}: it is not the server, it is {x}'s side (the device's setting, \
         its VPN, its network, or the way from there)."
    )
}

fn by_the_name(x: &str, y: &str) -> String {
    format!(
        "The same server works in {y}, and in {x} it works for another name: something on {x}'s side decides by the name."
    )
}

fn comes_and_goes(x: &str, y: &str) -> String {
    format!(
        "The same server works in {y}; in {x} some connections to it fail and others work, so the trouble there comes and \
         goes or is about single connections. It is not the server alone."
    )
}

/// The status of the response that broke it.
fn status_of(attempt: &Attempt) -> Option<u64> {
    let mut all = attempt.findings.iter();
    let main = all.find(|f| f.cause == "http.error-status")?;
    main.extra.get("status")?.as_u64()
}

fn answers_with_error(x: &str, y: &str, status: Option<u64>) -> String {
    let carried = format!("{x}'s network carried the request and the answer");
    match status {
        Some(429) => format!(
            "{carried}: the server serves {y} and tells {x} that it asks too much (429). It is up, and limits {x}: its account, \
             or the address that it may share with others."
        ),
        Some(403 | 451) => format!(
            "{carried}: the server serves {y} and turns {x} away by a policy. It is up; what it minds is {x}'s account, its \
             address or its region."
        ),
        _ => format!(
            "{carried}: the server itself answers {x} with an error and serves {y}. It is the service, at that time or for \
             that client (an outage, a limit, an account, a region), not {x}'s network."
        ),
    }
}

fn turned_away(x: &str, y: &str) -> String {
    format!(
        "The same server address serves {y} and turns {x} away, so it is not down: it, or something in its place on {x}'s \
         side, treats {x} differently (by its address, its region, or a filter)."
    )
}

/// The server that fails in one capture fails in the other as well, which gets through at another one.
fn edge(case: &Case<'_>, bad: &[Tried<'_>], good: &[Tried<'_>]) -> Option<Draft> {
    let failing = tried(case.better(), |p| p.outcome == Outcome::Broken);
    let both = bad.iter().find_map(|&(attempt, b)| {
        let equal = |p: &Path| (p.transport, &p.server) == (b.transport, &b.server);
        failing.iter().find(|(_, f)| equal(f))?;
        Some((attempt, b))
    });
    let (attempt, b) = both?;
    let (_, g) = good.first()?;
    let (x, y) = (case.bad.letter(), case.bad.other().letter());
    let says = format!(
        "The server address that fails in {x} fails in {y} as well, and {y} gets through at another one: it is that server \
         or edge, not {x}'s network."
    );
    let draft = draft(case, About::Edge, says, 0.8, failed(attempt, b), worked(g));
    Some(draft.open(format!(
        "that the other address would work from {x} as well"
    )))
}

/// Other addresses on both sides.
fn open(case: &Case<'_>, bad: &[Tried<'_>], good: &[Tried<'_>]) -> Draft {
    let (x, y) = (case.bad.letter(), case.bad.other().letter());
    let says = format!(
        "{x} and {y} used different server addresses (or transports) for the name, so {x}'s network can't be told from the \
         server or CDN edge that {x} was sent to."
    );
    let (b, g) = (bad.first(), good.first());
    let bad = b.map(|(a, p)| failed(a, p)).unwrap_or_default();
    let good = g.map(|(_, p)| worked(p)).unwrap_or_default();
    let mut draft = draft(case, About::Open, says, 0.0, bad, good);
    draft.confidence = None;
    draft
}

/// Nothing broke: it was worse.
fn degraded(case: &Case<'_>, good: &[Tried<'_>]) -> Option<Draft> {
    let shown = case.shown().filter(|a| a.outcome == Outcome::Degraded)?;
    let own: Vec<Tried<'_>> = paths(shown)
        .filter(|p| works(p))
        .map(|p| (shown, p))
        .collect();
    let ((_, _), (_, g)) = same(&own, good)?;
    let (x, y) = (case.bad.letter(), case.bad.other().letter());
    let says = format!(
        "The same server serves {y} well and {x} badly: more likely {x}'s side than the server."
    );
    let draft = draft(case, About::Network, says, 0.55, seen(shown), worked(g));
    Some(
        draft
            .open("that it was not a passing disturbance, or a busy hour of the server: repeat it"),
    )
}

/// A certificate of another kind of authority on one side only.
pub(super) fn certificate(pair: &Pair<'_>) -> Option<Draft> {
    let (a, b) = (shown(pair.a), shown(pair.b));
    let (bad, forged, real) = match (foreign(&a), foreign(&b)) {
        (Some(forged), None) => (Which::A, forged, genuine(&b)?),
        (None, Some(forged)) => (Which::B, forged, genuine(&a)?),
        _ => return None,
    };
    let (x, y) = (bad.letter(), bad.other().letter());
    let certificate = forged.certificate.as_ref()?;
    let product = certificate.product.as_deref();
    let who = product.map_or(String::new(), |p| format!(" ({p})"));
    let sure = match (certificate.authority, forged.outcome) {
        (Authority::Interceptor, _) => 0.93,
        (_, Outcome::Broken) => 0.85,
        _ => 0.75,
    };
    Some(Draft {
        about: About::Interceptor,
        side: Some(bad),
        says: format!(
            "In {x} alone the certificate comes from an issuer that is no public authority{who}; in {y} from a public one. \
             Something on {x}'s side opens the TLS connections: a proxy or filter of its network, or a program on the \
             device that was active then."
        ),
        confidence: Some(sure),
        bad: issued(forged),
        good: issued(real),
        not_proven: vec![
            "whether it sits in the network or on the device (antivirus, VPN or proxy app)"
                .to_owned(),
        ],
    })
}

fn shown<'a>(named: &Named<'a>) -> Vec<&'a Path> {
    let attempts = named.known.iter().copied();
    attempts
        .flat_map(paths)
        .filter(|p| p.certificate.is_some())
        .take(MAX_PATHS)
        .collect()
}

fn of<'a>(paths: &[&'a Path], wanted: impl Fn(Authority) -> bool) -> Option<&'a Path> {
    let authority = |p: &&Path| p.certificate.as_ref().is_some_and(|c| wanted(c.authority));
    paths.iter().copied().find(authority)
}

fn foreign<'a>(paths: &[&'a Path]) -> Option<&'a Path> {
    of(paths, |a| a == Authority::Interceptor).or_else(|| of(paths, |a| a != Authority::Public))
}

fn genuine<'a>(paths: &[&'a Path]) -> Option<&'a Path> {
    of(paths, |a| a == Authority::Public)
}

fn issued(path: &Path) -> Seen {
    let issuer = path.certificate.as_ref().map(|c| c.issuer.as_str());
    Seen {
        what: format!(
            "{} over {}: issued by \"{}\"",
            host(&path.server),
            transport(path),
            issuer.unwrap_or_default()
        ),
        frames: first_frames(&path.frames),
    }
}
