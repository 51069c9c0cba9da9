//! What each reader is asked for: short, and only what that reader can know.

use super::{Audience, Page, name};
use crate::snapshot::{Attempt, Blame, Finding, Outcome, Severity, Stage};

/// Attempts that the questions name.
const MAX_NAMED: usize = 3;

/// Failing attempts, those that the verdict rests on first.
#[must_use]
pub fn failing<'a>(page: &Page<'a>) -> Vec<&'a Attempt> {
    let all = page.report.attempts.iter();
    let broken = |a: &&Attempt| matches!(a.outcome, Outcome::Broken | Outcome::Degraded);
    let mut found: Vec<&Attempt> = all.filter(broken).collect();
    let lead = page.report.verdict.cause.as_deref();
    found.sort_by_key(|a| {
        (
            a.cause.as_deref() != lead,
            a.outcome != Outcome::Broken,
            a.id,
        )
    });
    found
}

/// The findings to tell in full: the first of each cause; and the others, which say the same of other connections.
#[must_use]
pub fn findings(attempt: &Attempt) -> (Vec<&Finding>, Vec<&Finding>) {
    let mut told: Vec<(&str, Severity)> = Vec::new();
    attempt.findings.iter().partition(|f| {
        let kind = (f.cause.as_str(), f.severity);
        let new = !told.contains(&kind);
        told.push(kind);
        new
    })
}

/// The heading of the reasons: their sentences name frames of the original.
#[must_use]
pub const fn why(page: &Page<'_>) -> &'static str {
    match page.ticket {
        Some(_) => "Why (frames of the original)",
        None => "Why",
    }
}

/// The questions.
#[must_use]
pub fn questions(page: &Page<'_>, audience: Audience) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(note) = not_theirs(page, audience) {
        out.push(note);
    }
    let failing = failing(page);
    for attempt in failing.iter().take(MAX_NAMED) {
        out.push(about(attempt, audience));
    }
    out.extend(general(audience).iter().map(|s| (*s).to_owned()));
    out
}

/// Where the evidence points at somebody else, the reader is told so at once.
fn not_theirs(page: &Page<'_>, audience: Audience) -> Option<String> {
    let blame = page.report.verdict.blame?;
    let theirs = match audience {
        Audience::Isp => matches!(
            blame,
            Blame::Path | Blame::LocalNetwork | Blame::Resolver | Blame::Interceptor
        ),
        Audience::Vpn => matches!(blame, Blame::Path | Blame::Resolver | Blame::Interceptor),
        Audience::Service => matches!(blame, Blame::Edge | Blame::Service),
        Audience::Developer => true,
    };
    if theirs || blame == Blame::Unknown {
        return None;
    }
    Some(format!(
        "The evidence does not point at {} but at {}; please confirm or correct that from your side.",
        audience.what(),
        whom(blame)
    ))
}

/// Whom a blame points at, in words.
#[must_use]
pub const fn whom(blame: Blame) -> &'static str {
    match blame {
        Blame::Device => "the device",
        Blame::LocalNetwork => "the local network",
        Blame::Resolver => "the resolver",
        Blame::Interceptor => "something in between that reads or filters traffic",
        Blame::Path => "the network path",
        Blame::Edge => "one server or CDN edge",
        Blame::Service => "the service",
        Blame::Capture => "the capture itself",
        Blame::Unknown => "nobody in particular",
    }
}

fn about(attempt: &Attempt, audience: Audience) -> String {
    let at = attempt.started.get(..19).unwrap_or(&attempt.started);
    let server = attempt.paths.first().map(|p| p.server.as_str());
    let to = server.map_or(String::new(), |s| format!(" at {s}"));
    let what = attempt.cause.as_deref().unwrap_or("trouble");
    let name = name(attempt);
    let lookup = attempt.stage == Some(Stage::Dns);
    let happened = match lookup {
        true => format!("At {at} UTC the lookup of {name} ran into {what}."),
        false => format!("At {at} UTC a connection to {name}{to} ran into {what}."),
    };
    format!("{happened} {}", question(audience, lookup))
}

const fn question(audience: Audience, lookup: bool) -> &'static str {
    match (audience, lookup) {
        (Audience::Isp, false) => {
            "Is that address reachable from your network, and is anything on the way filtered, rate-limited or down?"
        }
        (Audience::Vpn, false) => {
            "Does your exit reach that address, and does a filter, a blocklist or the tunnel's MTU act on it?"
        }
        (Audience::Isp | Audience::Vpn, true) => {
            "Does your resolver answer for that name, and is the name on a blocklist of yours?"
        }
        (Audience::Service, false) => "What do the logs of that edge say about it?",
        (Audience::Service, true) => "Is that name meant to exist, and do its name servers answer?",
        (Audience::Developer, _) => "Is that the behaviour you expect?",
    }
}

const fn general(audience: Audience) -> &'static [&'static str] {
    match audience {
        Audience::Isp => &[
            "A trace towards that address from your side, and whether it was announced and reachable at that time.",
            "Whether your resolver rewrites or blocks answers for that name.",
        ],
        Audience::Vpn => &[
            "Which exit was used, and whether another exit behaves the same.",
            "Which resolver the tunnel uses, and the MTU inside of it.",
        ],
        Audience::Service => &[
            "Whether that edge was healthy at that time, and whether it refuses clients by network, region or fingerprint.",
            "A request or connection id, should your logs have one for it.",
        ],
        Audience::Developer => &[
            "Whether it happens with the newest version, and with which one it began.",
            "What the app's own log says for the same times (the times here are UTC).",
        ],
    }
}
