//! Fixture folders, as the tests and `examples/accuracy` see them: what `case.toml` expects, how a report is held
//! against it, and how a capture is made worse.
#![allow(dead_code)] // each program uses a part of it

#[path = "fixture/allowed.rs"]
pub mod allowed;
#[path = "fixture/capture.rs"]
pub mod capture;
#[path = "fixture/case.rs"]
pub mod case;
#[path = "fixture/compare.rs"]
pub mod compare;
#[path = "fixture/perturb.rs"]
pub mod perturb;
#[path = "fixture/truth.rs"]
pub mod truth;

use shakedown::snapshot::Report;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What `work` makes of each item, in their order, on all processors.
pub fn parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..workers.min(items.len()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    let result = work(item);
                    let mut done = done.lock().unwrap_or_else(|poison| poison.into_inner());
                    done.push((index, result));
                }
            });
        }
    });
    let mut done = done
        .into_inner()
        .unwrap_or_else(|poison| poison.into_inner());
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// A case that was read, with what the whole of its capture says.
pub struct Opened {
    /// The name of the folder and of the one above it.
    pub id: String,
    /// What is expected.
    pub case: case::Case,
    /// The frames.
    pub capture: capture::Capture,
    /// What is said of all of them.
    pub report: Report,
    /// What is known.
    pub truth: truth::Truth,
}

impl Opened {
    /// Reads a folder.
    ///
    /// # Errors
    /// What can't be read, in one line.
    pub fn new(dir: &Path) -> Result<Self, String> {
        let (id, case) = (case::id(dir), case::Case::load(dir)?);
        let capture = capture::Capture::open(dir, &case)?;
        let report = capture.report();
        let truth = truth::Truth::new(&id, &case, &report);
        Ok(Self {
            id,
            case,
            capture,
            report,
            truth,
        })
    }

    /// Makes the capture worse in every way, and tells what is said of it then.
    pub fn perturb(&self, mut each: impl FnMut(&perturb::Variant, &Report, truth::Held)) {
        for variant in perturb::variants(&self.capture.frames, &self.truth.clients) {
            let report = self.capture.judge(&variant.frames, variant.whole);
            let held = self.truth.hold(&variant, &report);
            each(&variant, &report, held);
        }
    }
}
