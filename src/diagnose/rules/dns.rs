//! The `dns.*` rules.

mod dnssec_bogus;
mod encrypted_failed;
mod error;
mod failover;
mod filtered;
mod injected;
mod malformed;
mod no_address;
mod nxdomain;
mod refused;
mod servfail;
mod sinkhole;
mod slow;
mod survey;
mod truncated_stuck;
mod unanswered;
mod unreachable;
pub(in crate::diagnose) mod why_not;

use crate::diagnose::Rule;

/// All rules of this family.
pub static RULES: &[&Rule] = &[
    &nxdomain::RULE,
    &servfail::RULE,
    &refused::RULE,
    &error::RULE,
    &unanswered::RULE,
    &unreachable::RULE,
    &no_address::RULE,
    &sinkhole::RULE,
    &injected::RULE,
    &filtered::RULE,
    &dnssec_bogus::RULE,
    &truncated_stuck::RULE,
    &encrypted_failed::RULE,
    &malformed::RULE,
    &slow::RULE,
    &failover::RULE,
];
