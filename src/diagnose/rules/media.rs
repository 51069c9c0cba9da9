//! The `media.*` rules.

mod common;
mod frozen_early;
mod receiver_full;
mod reset;
mod stalled;
mod throttled;
pub(in crate::diagnose) mod why_not;

use crate::diagnose::Rule;

/// All rules of this family.
pub static RULES: &[&Rule] = &[
    &frozen_early::RULE,
    &stalled::RULE,
    &reset::RULE,
    &receiver_full::RULE,
    &throttled::RULE,
];
