//! The packets of the attempt under the cursor: asked for, waited for, laid out.

use super::{Effect, Model, Screen, Scroll};
use crate::ladder::{Collected, Glyphs, Ladder, Painter};
use crate::snapshot::Attempt;
use crate::ui::feed::{Job, State};
use foldhash::fast::FixedState;
use std::hash::BuildHasher;

/// Packets of one attempt, or the wait for them.
#[derive(Debug, Default)]
pub struct Loaded {
    key: Option<u64>,
    /// They are being looked for.
    pub pending: bool,
    /// Why there are none.
    pub failed: Option<String>,
    /// What was found.
    pub collected: Option<Collected>,
    /// What the attempt was like when they were asked for.
    stamp: u64,
    /// They are being looked for once more: there may be more of them by now.
    again: bool,
}

/// Tells whether anything of an attempt has changed.
fn stamp(attempt: &Attempt) -> u64 {
    FixedState::with_seed(0).hash_one(format!("{attempt:?}"))
}

impl Loaded {
    /// The packets of that attempt are there.
    #[must_use]
    pub fn has(&self, key: u64) -> bool {
        self.key == Some(key) && self.collected.is_some()
    }

    pub(super) fn take(&mut self, key: u64, collected: Collected) -> bool {
        if self.key != Some(key) {
            return false;
        }
        (self.pending, self.again) = (false, false);
        self.collected = Some(collected);
        true
    }

    pub(super) fn fail(&mut self, why: &str) {
        self.again = false;
        if std::mem::take(&mut self.pending) {
            self.failed = Some(why.to_owned());
        }
    }

    /// Another job takes the place of this one.
    pub(super) fn forget(&mut self) {
        if self.pending {
            *self = Self::default();
        }
    }
}

/// The ladder as it is shown.
#[derive(Debug)]
pub struct LadderView {
    /// Laid out for the width of the screen.
    pub ladder: Option<Ladder>,
    /// Cursor and first row.
    pub scroll: Scroll,
    /// Cursor and first line in the list of packets (Detail).
    pub list: Scroll,
    /// First line of the bytes of the packet under that cursor.
    pub bytes: Scroll,
    /// Runs of payload are one row.
    pub fold: bool,
    width: u16,
}

impl Default for LadderView {
    fn default() -> Self {
        Self {
            ladder: None,
            scroll: Scroll::default(),
            list: Scroll::default(),
            bytes: Scroll::default(),
            fold: true,
            width: 0,
        }
    }
}

impl LadderView {
    /// Index of the packet under the cursor.
    #[must_use]
    pub fn packet(&self) -> Option<usize> {
        self.ladder.as_ref()?.index_of(self.scroll.at)
    }
}

impl Model {
    /// Shows a screen that needs the packets of the attempt under the cursor.
    pub(super) fn open_packets(&mut self, screen: Screen) -> Vec<Effect> {
        if self.attempt().is_none() {
            self.message = Some("there is no attempt to look at".to_owned());
            return Vec::new();
        }
        self.go(screen);
        self.load()
    }

    /// Asks for the packets of the attempt under the cursor, unless they are there.
    pub(super) fn load(&mut self) -> Vec<Effect> {
        let (Some(key), Some(attempt)) = (self.key(), self.attempt()) else {
            return Vec::new();
        };
        if self.loaded.key == Some(key) && (self.loaded.pending || self.loaded.collected.is_some())
        {
            return Vec::new();
        }
        let job = Job::Collect(key, Box::new(attempt.clone()));
        // One job at a time: another would end the writing of a file half-way.
        let busy = self.writing;
        self.loaded = Loaded {
            key: (!busy).then_some(key),
            pending: !busy,
            failed: busy.then(|| "a file is being written; they come after that".to_owned()),
            stamp: stamp(attempt),
            ..Loaded::default()
        };
        let fold = self.ladder.fold;
        self.ladder = LadderView {
            fold,
            ..LadderView::default()
        };
        self.scrolls[Screen::Detail as usize] = Scroll::default();
        if busy {
            return Vec::new();
        }
        vec![Effect::Ask(job)]
    }

    /// Asks once more for the packets shown, where a newer snapshot says more of the attempt: at once of a live capture,
    /// of files when all is read, since each time they are read from the beginning.
    pub(super) fn refresh(&mut self) -> Option<Effect> {
        let shown = matches!(self.screen, Screen::Ladder | Screen::Detail);
        let all = self.data.as_ref().is_some_and(|d| d.complete);
        let due = self.status.state == State::Live || all;
        let idle = self.loaded.collected.is_some() && !self.loaded.again && !self.writing;
        if !(shown && due && idle) {
            return None;
        }
        let (key, attempt) = (self.key()?, self.attempt()?.clone());
        let stamp = stamp(&attempt);
        if self.loaded.key != Some(key) || self.loaded.stamp == stamp {
            return None;
        }
        (self.loaded.stamp, self.loaded.again) = (stamp, true);
        Some(Effect::Ask(Job::Collect(key, Box::new(attempt))))
    }

    /// Asks for them where the screen shows packets: a file that was being written had the way.
    pub(super) fn load_if_shown(&mut self) -> Vec<Effect> {
        match self.screen {
            Screen::Ladder | Screen::Detail => self.load(),
            _ => Vec::new(),
        }
    }

    /// Lays the ladder out for the width of the screen, with the cursor on the packet that it was on; at first on the
    /// break.
    pub fn lay_out(&mut self) {
        let (Some(collected), Some(attempt)) = (&self.loaded.collected, self.attempt()) else {
            return;
        };
        let painter = Painter {
            glyphs: Glyphs::UNICODE,
            width: self.size.0.into(),
        };
        let ladder = Ladder::new(attempt, collected, painter.lanes(), self.ladder.fold);
        let before = self.ladder.packet();
        let at = match before {
            Some(packet) => ladder.row_of(packet),
            None => ladder.broke_at,
        };
        let view = &mut self.ladder;
        view.width = self.size.0;
        view.scroll.count = ladder.rows.len();
        view.list.count = ladder.packets.len();
        if view.ladder.is_none()
            && let Some(first) = ladder.packets.iter().position(|p| p.proof)
        {
            view.list.go(first);
        }
        view.ladder = Some(ladder);
        view.scroll.go(at.unwrap_or(0));
    }

    /// The screen has another size.
    pub fn resized(&mut self, size: (u16, u16)) {
        self.size = size;
        if self.ladder.ladder.is_some() && self.ladder.width != size.0 {
            self.lay_out();
        }
    }
}
