//! The `tcp.*` rules.

mod aborted_by_client;
mod ack_lost;
mod common;
mod failover;
mod lossy;
mod path_mtu_blackhole;
mod refused;
mod reset_after_connect;
mod slow_connect;
mod syn_unanswered;
mod unreachable;
pub(in crate::diagnose) mod why_not;
pub(super) mod witness;

use crate::diagnose::Rule;

/// All rules of this family.
pub static RULES: &[&Rule] = &[
    &syn_unanswered::RULE,
    &refused::RULE,
    &unreachable::RULE,
    &ack_lost::RULE,
    &aborted_by_client::RULE,
    &reset_after_connect::RULE,
    &failover::RULE,
    &slow_connect::RULE,
    &path_mtu_blackhole::RULE,
    &lossy::RULE,
];
