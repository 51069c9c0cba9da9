//! The `tcp.*` rules.

mod syn_unanswered;

use crate::diagnose::Rule;

/// All rules of this family.
pub static RULES: &[&Rule] = &[&syn_unanswered::RULE];
