//! QUIC connections that break, and their healthy look-alikes.

use crate::prelude::*;

mod handshake;
mod initial;
mod later;

pub(super) fn cases() -> Vec<Case> {
    [initial::cases(), handshake::cases(), later::cases()]
        .into_iter()
        .flatten()
        .collect()
}

const HOST: &str = "v16-webapp.tiktok.com";
const IP: &str = "2.16.20.33";

/// A healthy server for [`HOST`].
fn server() -> quic::Server {
    quic::Server::new(Cert::public(HOST))
}
