//! One sentence over all attempts, with its reasons.

use super::build::Parts;
use super::{Attempt, Capture, Outcome, Severity, Status, Step, Verdict};
use crate::diagnose::rules;
use std::collections::BTreeMap;

/// The judgement over all attempts.
pub(super) fn verdict(parts: &Parts<'_>, attempts: &[Attempt], captures: &[Capture]) -> Verdict {
    let outcome = worst(attempts);
    let coverage = coverage(parts, attempts, captures);
    let leading = leading(attempts, outcome);
    let Some(lead) = leading else {
        return Verdict {
            outcome,
            headline: calm(parts, attempts, outcome),
            cause: None,
            stage: None,
            blame: None,
            confidence: None,
            scope: "unknown".into(),
            because: Vec::new(),
            against: Vec::new(),
            steps: Vec::new(),
            coverage,
        };
    };
    let same: Vec<&Attempt> = attempts
        .iter()
        .filter(|a| a.outcome == lead.outcome && a.cause == lead.cause)
        .collect();
    Verdict {
        outcome,
        headline: headline(lead, &same, attempts),
        cause: lead.cause.clone(),
        stage: lead.stage,
        blame: lead.blame,
        confidence: lead.confidence,
        scope: scope(lead, &same, attempts).into(),
        because: because(&same),
        against: Vec::new(),
        steps: steps(lead),
        coverage,
    }
}

fn worst(attempts: &[Attempt]) -> Outcome {
    let has = |o| attempts.iter().any(|a| a.outcome == o);
    if has(Outcome::Broken) {
        Outcome::Broken
    } else if has(Outcome::Degraded) {
        Outcome::Degraded
    } else if has(Outcome::Ok) {
        Outcome::Ok
    } else {
        Outcome::Unfinished
    }
}

/// The attempt that speaks for the cause that most attempts share; what the app can do without (telemetry,
/// ads) only where nothing else is wrong.
fn leading(attempts: &[Attempt], outcome: Outcome) -> Option<&Attempt> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let wrong = || {
        attempts
            .iter()
            .filter(|a| a.outcome == outcome && a.cause.is_some())
    };
    for attempt in wrong() {
        let slot = counts.entry(attempt.cause.as_deref()?).or_default();
        slot.0 += usize::from(!is_optional(attempt));
        slot.1 += 1;
    }
    let mut best: Option<(&Attempt, (bool, usize, usize))> = None;
    for attempt in wrong() {
        let (needed, all) = counts.get(attempt.cause.as_deref()?).copied()?;
        let key = (!is_optional(attempt), needed, all);
        if best.is_none_or(|(_, k)| key > k) {
            best = Some((attempt, key));
        }
    }
    best.map(|(a, _)| a)
}

fn is_optional(attempt: &Attempt) -> bool {
    attempt
        .role
        .as_deref()
        .is_some_and(|r| matches!(r, "telemetry" | "ads"))
}

fn title(attempt: &Attempt) -> &'static str {
    let rule = attempt.cause.as_deref().and_then(rules::find);
    rule.map_or("", |r| r.title().trim_end_matches('.'))
}

fn named(attempt: &Attempt) -> String {
    attempt
        .name
        .clone()
        .or_else(|| attempt.paths.first().map(|p| p.server.clone()))
        .unwrap_or_else(|| "the service".into())
}

fn headline(lead: &Attempt, same: &[&Attempt], all: &[Attempt]) -> String {
    let verb = match lead.outcome {
        Outcome::Broken if was_reached(lead) => "was reached, but did not work",
        Outcome::Broken => "could not be reached",
        _ => "was reached, but not well",
    };
    let mut names: Vec<String> = same.iter().map(|a| named(a)).collect();
    names.sort();
    names.dedup();
    let who = match names.len() {
        0 | 1 => named(lead),
        n => format!(
            "{} and {} other name{}",
            named(lead),
            n - 1,
            if n == 2 { "" } else { "s" }
        ),
    };
    let failed = same.len();
    let blame = lead.blame.map_or(String::new(), |b| {
        format!("; this points at {}", in_words(b.as_str()))
    });
    let share = if all.len() > 1 {
        format!(" ({failed} of {} attempts)", all.len())
    } else {
        String::new()
    };
    format!("{who} {verb}: {}{share}{blame}.", lower_first(title(lead)))
}

/// The break came behind the handshakes, and the server itself was at the other end, as far as that can be seen.
fn was_reached(lead: &Attempt) -> bool {
    let replaced = ["http.block-page", "http.captive-portal"];
    let later = matches!(lead.stage, Some(super::Stage::Http | super::Stage::Media));
    later && !lead.cause.as_deref().is_some_and(|c| replaced.contains(&c))
}

fn lower_first(text: &str) -> String {
    // "The TCP …" begins a sentence, "TLS …" does not lose its capitals.
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(a), Some(b)) if a.is_uppercase() && !b.is_uppercase() => {
            a.to_lowercase().collect::<String>() + &text[a.len_utf8()..]
        }
        _ => text.to_owned(),
    }
}

/// Blame in words for a sentence.
fn in_words(blame: &str) -> &'static str {
    match blame {
        "device" => "this device",
        "local-network" => "the local network (Wi-Fi, router)",
        "resolver" => "the DNS resolver",
        "interceptor" => "something in between that interferes (VPN, proxy, firewall, filter)",
        "path" => "the network path",
        "edge" => "the server or CDN edge",
        "service" => "the service itself",
        "capture" => "the capture",
        _ => "nobody in particular",
    }
}

fn calm(parts: &Parts<'_>, attempts: &[Attempt], outcome: Outcome) -> String {
    let profile = super::clean::clean(parts.profile);
    match outcome {
        _ if attempts.is_empty() => {
            format!(
                "No attempt to reach a name of the target '{profile}' was seen, so nothing can be said about it."
            )
        }
        Outcome::Ok => {
            let ok = attempts.iter().filter(|a| a.outcome == Outcome::Ok).count();
            let open = attempts.len() - ok;
            let rest = match open {
                0 => String::new(),
                1 => " One more had no outcome yet when the capture ended.".into(),
                n => format!(" {n} more had no outcome yet when the capture ended."),
            };
            let plural = if ok == 1 { "" } else { "s" };
            format!("Nothing is broken: {ok} attempt{plural} got through.{rest}")
        }
        _ => "Nothing can be said yet: the capture ends before any attempt had an outcome.".into(),
    }
}

/// How far the trouble reaches, from what else worked in the same capture.
fn scope(lead: &Attempt, same: &[&Attempt], all: &[Attempt]) -> &'static str {
    match lead.cause.as_deref() {
        Some("quic.fell-back-to-tcp") => return "one-transport",
        Some("tcp.failover") => return failover_scope(lead),
        _ => {}
    }
    let worked = |a: &&Attempt| matches!(a.outcome, Outcome::Ok | Outcome::Degraded);
    let other_names_work = all.iter().filter(worked).any(|a| a.name != lead.name);
    let same_name_works = all.iter().filter(worked).any(|a| a.name == lead.name);
    let one_name = same.iter().all(|a| a.name == lead.name);
    if one_name && same_name_works && lead.stage != Some(super::Stage::Dns) {
        let failed: Vec<&str> = same
            .iter()
            .flat_map(|a| &a.paths)
            .map(|p| p.server.as_str())
            .collect();
        let elsewhere = all
            .iter()
            .filter(worked)
            .filter(|a| a.name == lead.name)
            .flat_map(|a| &a.paths)
            .any(|p| p.outcome == Outcome::Ok && !failed.contains(&p.server.as_str()));
        return if elsewhere { "one-server" } else { "unknown" };
    }
    if one_name && other_names_work {
        return "one-name";
    }
    "unknown"
}

/// One address failed and another worked: one family, where all that failed are of one and what worked is of the other.
fn failover_scope(lead: &Attempt) -> &'static str {
    let is_v6 = |path: &super::Path| path.server.starts_with('[');
    let of = |broken: bool| {
        lead.paths
            .iter()
            .filter(move |p| (p.outcome == Outcome::Broken) == broken)
            .filter(|p| matches!(p.outcome, Outcome::Broken | Outcome::Ok | Outcome::Degraded))
            .map(is_v6)
    };
    let apart = of(true).all(|failed| of(false).all(|worked| worked != failed));
    if apart && of(true).count() > 0 && of(false).count() > 0 {
        "one-family"
    } else {
        "one-server"
    }
}

fn because(same: &[&Attempt]) -> Vec<String> {
    let mut reasons = Vec::new();
    for attempt in same.iter().take(5) {
        let main = attempt
            .findings
            .iter()
            .find(|f| Some(&f.cause) == attempt.cause.as_ref() && f.severity > Severity::Note);
        if let Some(f) = main {
            let frames: Vec<String> = f.frames.iter().take(6).map(u32::to_string).collect();
            let more = if f.frames.len() > 6 { ", …" } else { "" };
            reasons.push(format!(
                "{}: {} (frames {}{more})",
                named(attempt),
                f.what,
                frames.join(", ")
            ));
        }
    }
    reasons
}

fn steps(lead: &Attempt) -> Vec<Step> {
    let Some(rule) = lead.cause.as_deref().and_then(rules::find) else {
        return Vec::new();
    };
    rule.section("What to do")
        .map(|text| Step {
            action: text.split_whitespace().collect::<Vec<_>>().join(" "),
            why: title(lead).to_owned(),
        })
        .into_iter()
        .collect()
}

/// What was seen of how many tries, and what could not be seen: always said, never "healthy" out of nothing.
fn coverage(parts: &Parts<'_>, attempts: &[Attempt], captures: &[Capture]) -> String {
    let with = |stage: &str| {
        attempts
            .iter()
            .filter(|a| {
                a.stages.iter().any(|c| {
                    c.stage == stage && !matches!(c.status, Status::Unseen | Status::Skipped)
                })
            })
            .count()
    };
    let packets: u64 = captures.iter().map(|c| c.packets).sum();
    let mut text = format!(
        "Seen: {packets} packet{}, {} attempt{}",
        if packets == 1 { "" } else { "s" },
        attempts.len(),
        if attempts.len() == 1 { "" } else { "s" },
    );
    if !attempts.is_empty() {
        text += &format!(
            " (DNS of {}, TCP of {}, TLS of {}, QUIC of {})",
            with("dns"),
            with("tcp"),
            with("tls"),
            with("quic"),
        );
    }
    text.push('.');
    for note in parts.notes.iter().flatten() {
        text.push(' ');
        text += note;
    }
    text
}
