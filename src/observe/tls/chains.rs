//! Certificate chains that several connections were shown are parsed and held once.

use super::certificate::parse_chain;
use crate::fact::tls::{Certificate, CertificateChain};
use hashbrown::HashMap;
use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Chains remembered; when there are more, those that no connection holds any longer are dropped, or else all.
const MAX_CHAINS: usize = 8192;

/// The chains that observers of one engine have met. Clones share them.
///
/// A chain is found by the SHA-256 of its message, so that nobody can craft one that passes for another. Only a weak
/// reference is kept: a chain goes with the last connection that holds it. At most 8192 are remembered.
#[derive(Clone, Debug, Default)]
pub struct Chains(Arc<Mutex<HashMap<Digest, Known>>>);

type Digest = [u8; SHA256_OUTPUT_LEN];

#[derive(Debug)]
struct Known {
    sent: u16,
    certificates: Weak<[Certificate]>,
}

impl Chains {
    /// One whole Certificate message as [`parse_chain`] reads it.
    pub(super) fn chain(&self, message: &[u8]) -> Option<CertificateChain> {
        let hash = digest(&SHA256, message);
        let hash = Digest::try_from(hash.as_ref()).ok()?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(chain) = known.get(&hash).and_then(Known::chain) {
            return Some(chain);
        }
        let chain = parse_chain(message)?;
        if known.len() >= MAX_CHAINS {
            known.retain(|_, chain| chain.certificates.strong_count() > 0);
        }
        if known.len() >= MAX_CHAINS {
            known.clear();
        }
        let certificates = Arc::downgrade(&chain.certificates);
        let sent = chain.sent;
        known.insert(hash, Known { sent, certificates });
        Some(chain)
    }
}

impl Known {
    fn chain(&self) -> Option<CertificateChain> {
        Some(CertificateChain {
            sent: self.sent,
            certificates: self.certificates.upgrade()?,
            ..CertificateChain::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Certificate message (RFC 5246 section 7.4.2) whose one certificate is `der`.
    fn message(der: &[u8]) -> Vec<u8> {
        let length = |n: usize| u32::try_from(n).unwrap_or(0).to_be_bytes()[1..].to_vec();
        let entry = [length(der.len()), der.to_vec()].concat();
        let list = [length(entry.len()), entry].concat();
        [vec![11], length(list.len()), list].concat()
    }

    fn certificate(name: &str) -> Vec<u8> {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        message(made.cert.der())
    }

    #[test]
    fn the_same_chain_is_held_once_and_no_longer_than_needed() {
        let (one, other) = (certificate("a.example"), certificate("b.example"));
        let chains = Chains::default();
        let first = chains.chain(&one).expect("a chain");
        let again = chains.chain(&one).expect("a chain");
        let second = chains.chain(&other).expect("a chain");
        assert!(Arc::ptr_eq(&first.certificates, &again.certificates));
        assert!(!Arc::ptr_eq(&first.certificates, &second.certificates));
        assert_eq!(Some(&first), parse_chain(&one).as_ref());
        assert_eq!(Some(&again), parse_chain(&one).as_ref());
        assert_eq!(second.certificates[0].names, ["b.example"]);
        let held = Arc::downgrade(&first.certificates);
        drop((first, again));
        assert!(held.upgrade().is_none());
        assert_eq!(chains.chain(&one), parse_chain(&one));
    }

    #[test]
    fn what_is_no_chain_is_none_each_time() {
        let chains = Chains::default();
        assert!(chains.chain(&[11, 0, 0, 9, 0]).is_none());
        assert!(chains.chain(&[11, 0, 0, 9, 0]).is_none());
    }
}
