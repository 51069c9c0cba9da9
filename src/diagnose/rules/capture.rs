//! The `capture.*` rules: what the capture does not show. They never make an attempt worse, they say why no more is said.

mod dropped;
mod ended;
mod midstream;
mod one_sided;
mod truncated;
pub(in crate::diagnose) mod why_not;

use crate::diagnose::Rule;

/// All rules of this family.
pub static RULES: &[&Rule] = &[
    &one_sided::RULE,
    &truncated::RULE,
    &dropped::RULE,
    &midstream::RULE,
    &ended::RULE,
];
