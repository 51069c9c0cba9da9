//! The registry of fixtures. Each file below is a list of cases; add yours to the one of its stage.

use crate::Case;

mod capture;
mod dns;
mod healthy;
mod http;
mod media;
mod quic;
mod tcp;
mod tls;

/// All cases.
pub fn cases() -> Vec<Case> {
    [
        healthy::cases(),
        dns::cases(),
        tcp::cases(),
        tls::cases(),
        quic::cases(),
        http::cases(),
        media::cases(),
        capture::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
