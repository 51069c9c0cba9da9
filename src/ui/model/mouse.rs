//! The mouse: what is drawn says what a click on it does.

use super::{Effect, Model, Pane, Screen, Sort};
use crate::ui::action::Action;
use ratatui::layout::{Position, Rect};

/// What a click does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Click {
    /// What a key does: the names of screens, and the last line.
    Act(Action),
    /// Sorts the list; once more the other way round.
    Sort(Sort),
}

impl Model {
    /// Nothing is drawn yet.
    pub(in crate::ui) fn forget_places(&mut self) {
        self.panes.clear();
        self.clicks.clear();
    }

    /// Something that a click acts on was drawn there.
    pub(in crate::ui) fn place(&mut self, area: Rect, click: Click) {
        self.clicks.push((area, click));
    }

    fn pane_at(&self, at: Position) -> Option<(Pane, Rect)> {
        let found = self.panes.iter().find(|(_, area)| area.contains(at));
        found.copied()
    }

    /// The mouse was pressed here; on the line under the cursor, that opens it.
    pub fn clicked(&mut self, at: Position) -> Vec<Effect> {
        self.message = None;
        // As Enter does; a filter with a mistake stays to be mended.
        if self.prompt.as_ref().is_some_and(|p| p.error.is_none()) {
            self.prompt = None;
        }
        let click = self.clicks.iter().find(|(area, _)| area.contains(at));
        match click.map(|(_, click)| *click) {
            Some(Click::Act(action)) => return self.act(action),
            Some(Click::Sort(sort)) => self.sort(|list| {
                list.reverse = list.sort == sort && !list.reverse;
                list.sort = sort;
            }),
            None => return self.clicked_line(at),
        }
        Vec::new()
    }

    fn clicked_line(&mut self, at: Position) -> Vec<Effect> {
        let Some((pane, area)) = self.pane_at(at) else {
            return Vec::new();
        };
        let here = self.pane == pane || !self.has_panes();
        self.pane = pane;
        if self.is_text() {
            return Vec::new();
        }
        let scroll = *self.current();
        let to = scroll.top + usize::from(at.y - area.y);
        if to >= scroll.count {
            return Vec::new();
        }
        if scroll.at == to && here {
            return self.open();
        }
        self.jump(to)
    }

    /// Three lines of the wheel, of what is under the mouse.
    pub fn wheel(&mut self, at: Position, down: bool) -> Vec<Effect> {
        let pane = self.pane;
        if let Some((under, _)) = self.pane_at(at).filter(|_| self.has_panes()) {
            self.pane = under;
        }
        let step = if down { Action::Down } else { Action::Up };
        (0..3).for_each(|_| drop(self.act(step)));
        self.pane = pane;
        Vec::new()
    }

    fn has_panes(&self) -> bool {
        matches!(self.screen, Screen::Detail | Screen::Causes)
    }
}
