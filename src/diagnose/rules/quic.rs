//! The `quic.*` rules.

mod closed_by_client;
mod closed_by_server;
mod common;
mod fell_back_to_tcp;
mod handshake_stalled;
mod initial_unanswered;
mod retry_unanswered;
mod silent_after_handshake;
mod slow;
mod stateless_reset;
mod unreachable;
mod version_unsupported;
pub(in crate::diagnose) mod why_not;

use crate::diagnose::Rule;

/// All rules of this family.
pub static RULES: &[&Rule] = &[
    &initial_unanswered::RULE,
    &unreachable::RULE,
    &version_unsupported::RULE,
    &closed_by_server::RULE,
    &closed_by_client::RULE,
    &retry_unanswered::RULE,
    &handshake_stalled::RULE,
    &silent_after_handshake::RULE,
    &stateless_reset::RULE,
    &fell_back_to_tcp::RULE,
    &slow::RULE,
];
