//! The index of all rules. A new rule is one file in its family's folder, one `mod` line and one line in the
//! family's slice.

pub mod capture;
pub mod dns;
pub mod http;
pub mod media;
pub mod quic;
pub mod tcp;
pub mod tls;

use super::Rule;

/// All rules, in the order of the stages.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [
        dns::RULES,
        tcp::RULES,
        tls::RULES,
        quic::RULES,
        http::RULES,
        media::RULES,
        capture::RULES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The rule with that id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Rule> {
    all().find(|r| r.id == id)
}
