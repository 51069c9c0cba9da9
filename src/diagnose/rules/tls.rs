//! The `tls.*` rules.

mod alert_from_client;
mod alert_from_server;
mod certificate;
mod certificate_expired;
mod certificate_name_mismatch;
mod certificate_not_yet_valid;
mod certificate_untrusted;
mod client_rejected;
mod client_silent;
mod closed_after_hello;
mod common;
mod ech_rejected;
mod forged;
mod hello_unanswered;
mod intercepted;
mod large_hello_dropped;
mod not_tls;
mod reset_after_hello;
mod reset_mid_handshake;
mod server_rejected;
mod slow;
mod stalled;
pub(in crate::diagnose) mod why_not;

use crate::diagnose::Rule;

/// All rules of this family.
pub static RULES: &[&Rule] = &[
    &hello_unanswered::RULE,
    &large_hello_dropped::RULE,
    &reset_after_hello::RULE,
    &closed_after_hello::RULE,
    &alert_from_server::RULE,
    &alert_from_client::RULE,
    &intercepted::RULE,
    &certificate_expired::RULE,
    &certificate_not_yet_valid::RULE,
    &certificate_name_mismatch::RULE,
    &certificate_untrusted::RULE,
    &client_rejected::RULE,
    &server_rejected::RULE,
    &not_tls::RULE,
    &stalled::RULE,
    &reset_mid_handshake::RULE,
    &client_silent::RULE,
    &ech_rejected::RULE,
    &slow::RULE,
];
