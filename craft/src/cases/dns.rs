//! Lookups that fail, and near misses.

use crate::Case;

mod answers;
mod detours;
mod forged;
mod silence;

pub(super) fn cases() -> Vec<Case> {
    [
        answers::cases(),
        silence::cases(),
        forged::cases(),
        detours::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
