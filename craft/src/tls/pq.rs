//! A key exchange that looks like X25519MLKEM768 on the wire: shares of 1216 and 1120 bytes of which only the
//! X25519 part is real. Nobody without the secrets can tell, and sizes are what matters here.

use ring::rand::SecureRandom;
use rustls::crypto::ring::kx_group::X25519;
use rustls::crypto::{ActiveKeyExchange, CompletedKeyExchange, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, ProtocolVersion};

const CLIENT_KEM: usize = 1184;
const SERVER_KEM: usize = 1088;

#[derive(Debug)]
pub(super) struct LooksHybrid;

fn padded(kem: usize, x25519: &[u8]) -> Vec<u8> {
    let mut share = vec![0; kem];
    ring::rand::SystemRandom::new().fill(&mut share).unwrap();
    share.extend_from_slice(x25519);
    share
}

fn real_part(share: &[u8]) -> &[u8] {
    &share[share.len().saturating_sub(32)..]
}

impl SupportedKxGroup for LooksHybrid {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let inner = X25519.start()?;
        let share = padded(CLIENT_KEM, inner.pub_key());
        Ok(Box::new(Active { inner, share }))
    }

    fn start_and_complete(&self, peer: &[u8]) -> Result<CompletedKeyExchange, Error> {
        let done = X25519.start_and_complete(real_part(peer))?;
        let pub_key = padded(SERVER_KEM, &done.pub_key);
        Ok(CompletedKeyExchange {
            group: self.name(),
            pub_key,
            secret: done.secret,
        })
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        version == ProtocolVersion::TLSv1_3
    }
}

struct Active {
    inner: Box<dyn ActiveKeyExchange>,
    share: Vec<u8>,
}

impl ActiveKeyExchange for Active {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        self.inner.complete(real_part(peer))
    }

    fn hybrid_component(&self) -> Option<(NamedGroup, &[u8])> {
        Some((NamedGroup::X25519, self.inner.pub_key()))
    }

    fn complete_hybrid_component(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        self.inner.complete(peer)
    }

    fn pub_key(&self) -> &[u8] {
        &self.share
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }
}
