//! What has just happened to the interfaces: shown for a while, and handed to who prints it.

use super::Shared;
use std::time::{Duration, Instant};

/// How long the header shows one.
const SHOWN: Duration = Duration::from_secs(20);
/// Lines that wait for who prints them; the oldest go.
const WAITING: usize = 100;

/// The latest of them.
#[derive(Debug, Default)]
pub(super) struct News(Option<(String, Instant)>);

#[allow(clippy::disallowed_methods)] // how long something is shown is the wall clock's
fn wall() -> Instant {
    Instant::now()
}

impl News {
    /// Something happened.
    pub(super) fn add(&mut self, text: String, shared: &Shared) {
        let mut waiting = shared.news();
        if waiting.len() >= WAITING {
            waiting.pop_front();
        }
        waiting.push_back(text.clone());
        self.0 = Some((text, wall()));
    }

    /// What the header shows now.
    pub(super) fn current(&self) -> Option<String> {
        let (text, since) = self.0.as_ref()?;
        (wall().duration_since(*since) < SHOWN).then(|| text.clone())
    }
}
