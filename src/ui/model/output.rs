//! What leaves the screens: files, and the filter for Wireshark. Each time it says where it went.

use super::{Effect, Model};
use crate::snapshot::Attempt;
use crate::ui::export::Export;
use crate::ui::feed::{Job, State};
use std::path::Path;

/// How many outcomes of exports are remembered.
pub const KEPT: usize = 20;

/// What became of an export: where it went, or why it did not.
pub type Told = Result<String, String>;

impl Model {
    /// Says what became of an export, on the last line and on the screen Export.
    pub fn tell(&mut self, told: Told) {
        self.writing = false;
        let (Ok(text) | Err(text)) = &told;
        self.message = Some(text.clone());
        self.told.push(told);
        if self.told.len() > KEPT {
            drop(self.told.remove(0));
        }
    }

    /// A file was written by [`Effect::Export`], or was not.
    pub fn written(&mut self, export: Export, path: Result<&Path, String>) {
        let told = path.map(|path| {
            let path = self.folder.join(path);
            format!("{} written to {}", export.short(), path.display())
        });
        self.tell(told.map_err(|why| format!("{} not written: {why}", export.short())));
    }

    /// Writes a file, once the packets that it needs are there.
    pub(super) fn export(&mut self, export: Export) -> Vec<Effect> {
        let (Some(attempt), Some(key)) = (self.attempt().cloned(), self.key()) else {
            self.message = Some("there is no attempt to write".to_owned());
            return Vec::new();
        };
        if self.writing {
            self.message = Some("a file is still being written".to_owned());
            return Vec::new();
        }
        if export == Export::Capture {
            let name = export.file_name(&attempt).into();
            return self.begin(Job::Save(name, Box::new(attempt)), "packets");
        }
        if export == Export::Bundle {
            return self.bundle(&attempt);
        }
        if export.needs_ladder() && !self.loaded.has(key) {
            self.then_export = Some(export);
            return self.load();
        }
        vec![Effect::Export(export)]
    }

    /// Attempts are numbered anew in every snapshot: which one is meant is only clear once all is read. Of a live capture
    /// the bundle is about all that failed.
    fn bundle(&mut self, attempt: &Attempt) -> Vec<Effect> {
        let live = self.status.state == State::Live;
        if !live && !self.data.as_ref().is_some_and(|d| d.complete) {
            self.message = Some("a bundle can be written once all is read".to_owned());
            return Vec::new();
        }
        let failed = crate::bundle::choose::failed(attempt);
        self.begin(Job::Bundle((!failed).then_some(attempt.id)), "bundle")
    }

    fn begin(&mut self, job: Job, what: &str) -> Vec<Effect> {
        self.message = Some(format!("writing the {what} …"));
        self.loaded.forget();
        self.writing = true;
        vec![Effect::Ask(job)]
    }

    /// The display filter of the attempt, to be pasted into Wireshark.
    pub(super) fn copy_filter(&mut self) -> Vec<Effect> {
        let Some(filter) = self.attempt().map(|a| a.filter.clone()) else {
            self.message = Some("there is no attempt whose filter could be copied".to_owned());
            return Vec::new();
        };
        self.message = Some(format!("copied, where the terminal allows it: {filter}"));
        vec![Effect::Copy(filter)]
    }
}
