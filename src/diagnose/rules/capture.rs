//! The `capture.*` rules.

use crate::diagnose::Rule;

/// All rules of this family.
pub static RULES: &[&Rule] = &[];
