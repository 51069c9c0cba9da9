//! Whom each attempt points at, once everything around it is known.
//!
//! A rule sees one attempt and says whom its cause points at as a rule. The verdict weighs that against the rest of the
//! capture; where it comes to another end, the attempts that it is about say so too. Of the others only their own packets
//! are asked again.

use super::doubt;
use super::field::{Case, Field};
use super::span::{NEAR, Place, Spans};
use super::{Ruling, Scope};
use crate::diagnose::{Blame, Stage};
use std::collections::BTreeMap;

/// Whom attempts point at, by their index in [`Field::cases`], where it is not whom their own finding says.
#[must_use]
pub fn of_attempts(field: &Field<'_>, ruling: &Ruling) -> BTreeMap<usize, Blame> {
    let cases = field.cases.iter().enumerate();
    cases
        .filter_map(|(index, case)| {
            let own = case.main()?.blame();
            let moved = by_verdict(field, ruling, index, case)
                .or_else(|| doubt::of_case(case).filter(|_| !is_lead(field, index)))?;
            (moved != own).then_some((index, moved))
        })
        .collect()
}

fn is_lead(field: &Field<'_>, index: usize) -> bool {
    field.same.binary_search(&index).is_ok()
}

/// What the verdict is about.
fn by_verdict(field: &Field<'_>, ruling: &Ruling, index: usize, case: &Case<'_>) -> Option<Blame> {
    let (lead, blame) = (field.lead_case()?.main()?, ruling.blame?);
    let own = case.main()?;
    if is_lead(field, index) {
        // One that has evidence of its own keeps it.
        return (own.blame() == lead.blame()).then_some(blame);
    }
    if lead.rule.id == "http.captive-portal" {
        return behind_portal(field, case).then_some(blame);
    }
    let of_network = matches!(blame, Blame::LocalNetwork | Blame::Path | Blame::Device);
    let dead = ruling.scope == Scope::Everything && field.silent() && of_network;
    let shared = dead && field.failed.binary_search(&index).is_ok();
    (shared && is_silence(case)).then_some(blame)
}

/// Nothing came back, and its rule blames whoever is usual for that.
fn is_silence(case: &Case<'_>) -> bool {
    const SILENT: [&str; 4] = [
        "dns.unanswered",
        "tcp.syn-unanswered",
        "tls.hello-unanswered",
        "quic.initial-unanswered",
    ];
    case.cause().is_some_and(|cause| SILENT.contains(&cause))
}

/// It failed within a minute of the portal's answer, on the way or at the lookup, on the same device.
fn behind_portal(field: &Field<'_>, case: &Case<'_>) -> bool {
    let Some(portal) = field.lead_case() else {
        return false;
    };
    let mut spans = Spans::default();
    let started = portal.attempt.started.time;
    spans.add(started, started.plus(NEAR));
    let there = case.attempt.client == portal.attempt.client;
    let near = spans.place(case.attempt.started.time) != Place::Far;
    let early = matches!(
        case.stage(),
        Some(Stage::Dns | Stage::Tcp | Stage::Tls | Stage::Quic)
    );
    case.broke() && there && near && early
}
