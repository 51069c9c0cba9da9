//! Keyed noise: the same bytes give the same noise within one report, and nothing to who lacks the key.

use ring::hmac;

/// The key of one report.
#[derive(Clone)]
pub(super) struct Secret {
    key: hmac::Key,
}

impl Secret {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }

    /// Fills `out` with noise that hangs on `what` it stands for and on the bytes that it replaces.
    pub(super) fn fill(&self, what: &str, original: &[u8], out: &mut [u8]) {
        for (count, chunk) in (0_u32..).zip(out.chunks_mut(32)) {
            let mut context = hmac::Context::with_key(&self.key);
            context.update(what.as_bytes());
            context.update(&[0]);
            context.update(&count.to_be_bytes());
            context.update(original);
            let tag = context.sign();
            chunk.copy_from_slice(&tag.as_ref()[..chunk.len()]);
        }
    }

    /// The same as a value of its own.
    pub(super) fn bytes<const N: usize>(&self, what: &str, original: &[u8]) -> [u8; N] {
        let mut out = [0; N];
        self.fill(what, original, &mut out);
        out
    }

    /// Noise of the same length.
    pub(super) fn noise(&self, what: &str, original: &[u8]) -> Vec<u8> {
        let mut out = vec![0; original.len()];
        self.fill(what, original, &mut out);
        out
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}
