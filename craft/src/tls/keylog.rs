//! TLS secrets in the NSS key log format.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

/// Collects the lines; clones share them.
#[derive(Clone, Debug, Default)]
pub struct KeyStore(Arc<Mutex<String>>);

impl KeyStore {
    /// All lines so far.
    pub fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl rustls::KeyLog for KeyStore {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex = |b: &[u8]| {
            b.iter().fold(String::new(), |mut s, b| {
                write!(s, "{b:02x}").unwrap();
                s
            })
        };
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        self.0.lock().unwrap().push_str(&line);
    }
}
