//! What could not be seen, in sentences: stands beside every verdict, good or bad.

use super::Engine;
use crate::attempt::{Attempt, MatchedBy};
use crate::decode::link_name;
use crate::snapshot::rfc3339;
use crate::source::CaptureInfo;
use crate::types::LinkType;

/// Sentences for each capture, in their order. What holds for all of them is said with the first.
pub(super) fn notes(
    engine: &Engine,
    captures: &[CaptureInfo],
    attempts: &[Attempt<'_>],
) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = captures
        .iter()
        .enumerate()
        .map(|(i, info)| of_capture(engine, i, info))
        .collect();
    if all.is_empty() {
        all.push(Vec::new());
    }
    if let Some(first) = all.first_mut() {
        first.extend(of_engine(engine));
        first.extend(of_attempts(attempts));
    }
    all
}

fn of_capture(engine: &Engine, index: usize, info: &CaptureInfo) -> Vec<String> {
    let mut notes = info.remarks.clone();
    let Some(quality) = engine.qualities().get(index) else {
        return notes;
    };
    if quality.is_one_sided() {
        notes.push(
            "Only one direction of the traffic was captured, so silence proves nothing here."
                .into(),
        );
    }
    if let Some(dropped) = info.dropped.filter(|&d| d > 0) {
        notes.push(format!("The capture itself lost {dropped} packets."));
    }
    if quality.malformed > 0 {
        notes.push(format!(
            "{} frames could not be decoded.",
            quality.malformed
        ));
    }
    notes
}

fn of_engine(engine: &Engine) -> Vec<String> {
    let mut notes = Vec::new();
    for (link, frames) in engine.unknown_links() {
        notes.push(format!(
            "{frames} frames have the link type {link} ({}), which can't be read.",
            link_name(LinkType(link))
        ));
    }
    let evicted = engine.evicted();
    if evicted.flows > 0 {
        notes.push(format!(
            "{} flows were given up to stay within the limit of {}.",
            evicted.flows,
            engine.flow_limit()
        ));
    }
    notes.extend(of_forgotten(engine));
    let unreported = engine.unreported();
    if unreported > 0 {
        notes.push(format!(
            "{unreported} more connections to the target are not reported: the first {} are.",
            engine.limits.tracked
        ));
    }
    if evicted.tracked > 0 {
        notes.push(format!(
            "{} connections could not be followed in full.",
            evicted.tracked
        ));
    }
    notes
}

/// The verdict is about the later part of a long capture only.
fn of_forgotten(engine: &Engine) -> Option<String> {
    let gone = engine.forgotten();
    let before = rfc3339(gone.before?);
    let (n, s, was) = match gone.attempts {
        1 => (1, "", "was"),
        n => (n, "s", "were"),
    };
    Some(format!(
        "{n} attempt{s} that ended before {before} {was} set aside to stay small: the verdict is about the later ones."
    ))
}

fn of_attempts(attempts: &[Attempt<'_>]) -> Vec<String> {
    let mut notes = Vec::new();
    let paths = || attempts.iter().filter(|a| !a.paths.is_empty());
    let named =
        paths().filter(|a| a.matched_by == MatchedBy::Sni || a.matched_by == MatchedBy::Address);
    let blind = named.filter(|a| a.lookups.is_empty()).count();
    let encrypted = attempts
        .iter()
        .filter(|a| a.matched_by == MatchedBy::Resolver)
        .flat_map(|a| &a.paths)
        .any(|p| p.flow.server.port != 53 && p.flow.packets.0[1] > 0);
    if encrypted {
        notes.push("Encrypted DNS was in use; lookups inside it can't be seen.".into());
    } else if blind > 0 {
        let (s, have) = if blind == 1 {
            ("", "has")
        } else {
            ("s", "have")
        };
        notes.push(format!(
            "{blind} attempt{s} {have} no visible lookup (cached, encrypted, or before the capture)."
        ));
    }
    let middle = paths()
        .flat_map(|a| &a.paths)
        .filter(|p| {
            p.flow.tcp.as_deref().is_some_and(|t| t.midstream)
                || p.flow.quic.is_some_and(|q| q.midstream)
        })
        .count();
    if middle > 0 {
        let s = if middle == 1 { " was" } else { "s were" };
        notes.push(format!(
            "{middle} connection{s} open before the capture began."
        ));
    }
    notes
}
