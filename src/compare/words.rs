//! The sentences over the whole comparison: headline, next steps, limits.

use super::proof::{About, Proof};
use super::row::{Row, Sides};
use super::{Relation, Which};
use crate::snapshot::{Outcome, Report, Step};
use jiff::Timestamp;

/// Addresses of devices listed.
const MAX_CLIENTS: usize = 8;

/// Milliseconds between the end of the earlier capture and the begin of the later one; 0 where they overlap.
#[must_use]
pub fn apart(a: &Report, b: &Report) -> Option<f64> {
    let (a, b) = (span(a)?, span(b)?);
    let (early, late) = if a.0 <= b.0 { (a, b) } else { (b, a) };
    Some((late.0 - early.1).max(0.0))
}

/// First and last time of a capture, in milliseconds.
fn span(report: &Report) -> Option<(f64, f64)> {
    #[allow(clippy::cast_precision_loss)]
    let ms = |text: &String| Some(text.parse::<Timestamp>().ok()?.as_millisecond() as f64);
    let first = report.captures.iter().filter_map(|c| c.first.as_ref());
    let last = report.captures.iter().filter_map(|c| c.last.as_ref());
    let first = first.filter_map(ms).min_by(f64::total_cmp)?;
    let last = last.filter_map(ms).max_by(f64::total_cmp)?;
    Some((first, last))
}

/// The addresses of the devices that tried, in order of their first attempts, at most eight.
#[must_use]
pub fn clients(report: &Report) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for attempt in &report.attempts {
        if found.len() >= MAX_CLIENTS {
            break;
        }
        if !found.contains(&attempt.client) {
            found.push(attempt.client.clone());
        }
    }
    found
}

/// An address that a device has in both captures.
#[must_use]
pub fn same_client<'a>(sides: &Sides<'a>) -> Option<&'a str> {
    let b = clients(sides.b);
    let mut of_a = sides.a.attempts.iter().map(|a| a.client.as_str());
    of_a.find(|c| b.iter().any(|x| x == c))
}

/// A duration for a sentence.
#[must_use]
pub fn long(ms: f64) -> String {
    let (value, unit) = match ms / 1000.0 {
        s if s < 120.0 => (s, "s"),
        s if s < 3570.0 => (s / 60.0, "min"),
        s if s < 172_800.0 => (s / 3600.0, "h"),
        s => (s / 86_400.0, "days"),
    };
    format!("{value:.0} {unit}")
}

/// One sentence over everything.
#[must_use]
pub fn headline(sides: &Sides<'_>, names: &[Row], proofs: &[Proof]) -> String {
    if names.is_empty() {
        return nothing(sides);
    }
    let of = |relation| names.iter().filter(move |r| r.relation == relation);
    let (different, same) = (of(Relation::Different).count(), of(Relation::Same).count());
    if different > 0 {
        return differs(names, proofs);
    }
    if same == 0 {
        return format!(
            "Nothing can be compared: {}, but not with an outcome in both.",
            many(
                names.len(),
                "name is in both captures",
                "names are in both captures"
            )
        );
    }
    alike(names, same, proofs)
}

fn nothing(sides: &Sides<'_>) -> String {
    let empty = |r: &Report| r.attempts.is_empty();
    let who = match (empty(sides.a), empty(sides.b)) {
        (true, true) => "neither capture shows an attempt to reach a name of the target",
        (true, false) => "A shows no attempt to reach a name of the target",
        (false, true) => "B shows no attempt to reach a name of the target",
        (false, false) => "the captures have no name in common",
    };
    format!("Nothing can be compared: {who}.")
}

fn differs(names: &[Row], proofs: &[Proof]) -> String {
    let different = || names.iter().filter(|r| r.relation == Relation::Different);
    let worse = |which: Which| {
        let worse = move |r: &&Row| match which {
            Which::A => r.a.outcome > r.b.outcome,
            Which::B => r.b.outcome > r.a.outcome,
        };
        different().filter(worse)
    };
    let mut text = match (worse(Which::A).count(), worse(Which::B).count()) {
        (n, 0) => one_way(worse(Which::A).next(), n, Which::A),
        (0, n) => one_way(worse(Which::B).next(), n, Which::B),
        (n, m) => format!(
            "{} worse in A and {} worse in B.",
            many(n, "name is", "names are"),
            many(m, "is", "are")
        ),
    };
    if let Some(sure) = proofs.iter().find(|p| p.confidence.is_some()) {
        text += &format!(" {}", sure.says);
    } else if let Some(open) = proofs.first() {
        text += &format!(" {}", open.says);
    }
    text
}

fn one_way(first: Option<&Row>, count: usize, bad: Which) -> String {
    let Some(row) = first else {
        return String::new();
    };
    let (worse, better) = match bad {
        Which::A => (&row.a, &row.b),
        Which::B => (&row.b, &row.a),
    };
    let others = match count {
        0 | 1 => String::new(),
        n => format!(" and {}", many(n - 1, "other name", "other names")),
    };
    let how = |outcome| match outcome {
        Outcome::Ok => "works",
        Outcome::Degraded => "works badly",
        _ => "fails",
    };
    let cause = worse.cause.as_ref().map(|c| format!(" ({c})"));
    let (first, second) = if count > 1 {
        ("are worse".to_owned(), "than")
    } else {
        (how(worse.outcome).to_owned(), "and")
    };
    let end = if count > 1 {
        format!("in {}", bad.other().letter())
    } else {
        format!("{} in {}", how(better.outcome), bad.other().letter())
    };
    format!(
        "{}{others} {first} in {}{} {second} {end}.",
        row.key(),
        bad.letter(),
        cause.unwrap_or_default()
    )
}

fn alike(names: &[Row], same: usize, proofs: &[Proof]) -> String {
    let known = || names.iter().filter(|r| r.relation == Relation::Same);
    let of = |outcome| known().filter(|r| r.a.outcome == outcome).count();
    let (ok, degraded, broken) = (of(Outcome::Ok), of(Outcome::Degraded), of(Outcome::Broken));
    let mut parts = Vec::new();
    for (count, word) in [(broken, "broken"), (degraded, "degraded"), (ok, "ok")] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    let open = names.len() - same;
    let rest = match open {
        0 => String::new(),
        n => format!(
            " {} without an outcome in one of them.",
            many(n, "more name is", "more names are")
        ),
    };
    let proof = proofs.first().map(|p| format!(" {}", p.says));
    if let (1, Some(row)) = (same, known().next()) {
        let proof = proof.unwrap_or_default();
        let outcome = row.a.outcome.as_str();
        return format!(
            "{} has the same outcome in A and in B: {outcome}.{rest}{proof}",
            row.key()
        );
    }
    format!(
        "The same outcome in A and in B for {}: {}.{rest}{}",
        many(same, "name", "names"),
        parts.join(", "),
        proof.unwrap_or_default()
    )
}

fn many(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

/// What can't be told from two captures, and from these two.
#[must_use]
pub fn limits(sides: &Sides<'_>, apart: Option<f64>) -> Vec<String> {
    let mut found = Vec::new();
    found.push(match apart {
        None => "The times of the captures are not known: the service may have changed in between.".to_owned(),
        Some(ms) if ms > 0.0 => format!(
            "The captures were made {} apart: the service may have changed in between, and a disturbance may have passed.",
            long(ms)
        ),
        Some(_) => "The captures overlap in time, as far as the clocks that they were made with agree.".to_owned(),
    });
    if let Some(client) = same_client(sides) {
        found.push(format!(
            "The device has the address {client} in both: if that was the same network, what differs is the time or a \
             setting, and not the network."
        ));
    }
    for (report, name) in [(sides.a, "A"), (sides.b, "B")] {
        let devices = clients(report);
        if devices.len() > 1 {
            found.push(format!(
                "{name} has attempts from {} addresses ({}): if these are several devices, they are taken together.",
                devices.len(),
                devices.join(", ")
            ));
        }
        let open = report
            .attempts
            .iter()
            .filter(|a| a.outcome == Outcome::Unfinished);
        let open = open.count();
        if open > 0 {
            found.push(format!(
                "{name} has {} without an outcome when it ended: nothing is concluded from {}.",
                many(open, "attempt", "attempts"),
                if open == 1 { "it" } else { "them" }
            ));
        }
        for capture in report.captures.iter().filter(|c| !c.complete) {
            let why = capture.problems.first().map_or("", String::as_str);
            found.push(format!("{name} could be read in part only: {why}."));
        }
        for note in report.captures.iter().flat_map(|c| &c.notes) {
            found.push(format!("{name}: {note}"));
        }
    }
    found
}

/// What to do or to capture next.
#[must_use]
pub fn next(sides: &Sides<'_>, names: &[Row], proofs: &[Proof]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut add = |action: String, why: &str| {
        if steps.iter().all(|s| s.action != action) {
            steps.push(Step {
                action,
                why: why.to_owned(),
            });
        }
    };
    for proof in proofs {
        let (action, why) = step(proof);
        add(action, why);
    }
    let undecided = names.iter().any(|r| r.relation == Relation::Undecided);
    if names.is_empty() || (undecided && proofs.is_empty()) {
        let which = match (sides.a.attempts.is_empty(), sides.b.attempts.is_empty()) {
            (true, false) => "A",
            (false, true) => "B",
            _ => "both",
        };
        add(
            format!(
                "Capture {which} again: begin before the app is opened, do the same in the app, and stop at the earliest \
                 ten seconds after it gave up."
            ),
            "Only a name with an outcome in both captures can be compared.",
        );
    }
    let differs = names.iter().any(|r| r.relation == Relation::Different);
    if differs {
        add(
            "Capture once more, in the order A, B, A.".to_owned(),
            "If the trouble comes and goes with A, it is not the time that made the difference.",
        );
    }
    steps
}

fn step(proof: &Proof) -> (String, &'static str) {
    let (bad, good) = match proof.side {
        Some(Which::B) => ("B", "A"),
        _ => ("A", "B"),
    };
    let name = proof.names.first().map_or("the name", String::as_str);
    match proof.about {
        About::Resolver => (
            format!(
                "In {bad}'s network ask {good}'s resolver for {name}, or switch the device to it (or to encrypted DNS), and \
                 capture that."
            ),
            "If that works, it is the resolver; if not, something in the network answers in its place.",
        ),
        About::Interceptor => (
            format!(
                "In {bad}'s network switch VPN, proxy and antivirus of the device off, one at a time, and capture again."
            ),
            "It tells what sits on the device from what sits in the network.",
        ),
        About::Network => (
            format!(
                "Try {name} in {bad}'s network with another device, and on this device with the VPN switched the other way."
            ),
            "It tells the device and its VPN from the network.",
        ),
        About::Family => (
            format!("In {bad}'s network open any other service over the family that fails."),
            "If that fails as well, it is the network's, and its operator has to mend it.",
        ),
        About::Transport => (
            format!("In {bad}'s network open another service that speaks QUIC (HTTP/3)."),
            "If that fails as well, UDP port 443 is blocked there; apps do without it, at the price of some delay.",
        ),
        About::Edge => (
            format!(
                "Report {name} to the service, with the address that failed and the time; a new lookup may lead to another one."
            ),
            "It is the server's, not that of the network it was tried from.",
        ),
        About::Service => (
            format!(
                "Wait a while and try {name} again; if it stays, report it to the service, with the status, the time and the \
                 account."
            ),
            "The network carried the question and the answer.",
        ),
        About::Common => (
            format!(
                "Try {name} with another device and another account, and look whether others report an outage."
            ),
            "Two captures agree, so what is left is the service or what both share.",
        ),
        About::Open => (
            format!(
                "In {bad}'s network try the address that {good} used for {name} (curl --resolve NAME:443:ADDRESS \
                 https://NAME/), and capture that."
            ),
            "If that works, it is the server or edge that was used; if not, it is the network.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_unit_that_fits() {
        assert_eq!(long(1500.0), "2 s");
        assert_eq!(long(1_800_000.0), "30 min");
        assert_eq!(long(3_600_000.0), "1 h");
        assert_eq!(long(86_400_000.0), "24 h");
        assert_eq!(long(864_000_000.0), "10 days");
    }
}
