//! The `http.*` rules.

mod block_page;
mod captive_portal;
mod common;
mod error_status;
mod no_response;
mod reset;
mod slow_response;
pub(in crate::diagnose) mod why_not;

use crate::diagnose::Rule;

/// All rules of this family.
pub static RULES: &[&Rule] = &[
    &captive_portal::RULE,
    &block_page::RULE,
    &error_status::RULE,
    &reset::RULE,
    &no_response::RULE,
    &slow_response::RULE,
];
