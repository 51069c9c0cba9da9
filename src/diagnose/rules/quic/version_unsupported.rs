//! The server speaks none of the QUIC versions that the device wants.
//!
//! ## What it means
//! The server answered the connection request with a list of the QUIC versions that it speaks (Version Negotiation),
//! and the device did not go on with any of them. One of the two is outdated, or something in between answers in
//! the server's place.
//!
//! ## What we look for
//! A Version Negotiation packet whose list lacks the client's version, then either no Initial with another version for
//! at least a second, or one that is answered by Version Negotiation again; and no other answer of the server. A
//! client whose first version is reserved for forcing negotiation only asks which versions there are, and is
//! left alone.
//!
//! ## How sure
//! Quite sure. Version Negotiation is not protected, so the packet may be forged.
//!
//! ## What to do
//! Update the app or browser. If the server is yours, enable QUIC version 1. Until then the service usually works
//! over TCP.
//!
//! ## Often confused with
//! quic.closed-by-server (the server spoke the version, and refused for another reason), a client that probes for
//! versions on purpose (no fault).
//!
//! ## References
//! RFC 9000 sections 6 and 15, RFC 9368, RFC 8999 section 6.

use super::common::{severity, sure, whole};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::quic::{QuicFacts, is_grease_version, version_name};
use crate::types::{Mark, Side};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "quic.version-unsupported",
    stage: Stage::Quic,
    severity: Severity::Broken,
    blame: Blame::Service,
    over: &[],
    check: Check::Path(check),
    source: include_str!("version_unsupported.rs"),
};

/// A client that goes on with another version does so at once.
const RESTART_DUE: Duration = Duration::from_secs(1);

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let quic = whole(context)?;
    let (offer, versions) = quic.version_negotiation.as_ref()?;
    let answered = quic.server_initial.is_some()
        || quic.handshake[Side::Server].is_some()
        || quic.one_rtt[Side::Server].is_some()
        || !quic.retries.is_empty();
    if answered || versions.contains(&quic.version) {
        return None;
    }
    let last = given_up(quic, *offer)?;
    if context.after(last) < RESTART_DUE {
        return None;
    }
    let names: Vec<String> = versions
        .iter()
        .take(16)
        .map(|&v| version_name(v).into_owned())
        .collect();
    let what = format!(
        "{} was asked for QUIC {} and offers {} instead; {}",
        context.path.flow.server,
        version_name(quic.version),
        if names.is_empty() {
            "no version that is known".to_owned()
        } else {
            names.join(", ")
        },
        if quic.restarted.is_some() {
            "the client's next version was turned down as well"
        } else {
            "the client went on with none of them"
        },
    );
    let marks = [Some(*offer), quic.client_first, quic.restarted, Some(last)];
    Some(
        Claim::new(what, sure(context, 0.9), marks.into_iter().flatten())
            .with("versions", names)
            .as_severe_as(severity(context)),
    )
}

/// The packet after which it was clear that no version fits: the offer, or the second one.
fn given_up(quic: &QuicFacts, offer: Mark) -> Option<Mark> {
    match quic.restarted {
        None => (!is_grease_version(quic.version)).then_some(offer),
        Some(again) => quic.last[Side::Server].filter(|m| m.time > again.time),
    }
}
