//! Connections that do not come about, or break before TLS.

use crate::Case;

mod established;
mod opening;
mod refusal;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = opening::cases();
    cases.extend(refusal::cases());
    cases.extend(established::cases());
    cases
}
