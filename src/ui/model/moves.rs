//! Moving about.

use super::{Effect, Model, Pane, Screen, Scroll};
use crate::snapshot::Outcome;
use crate::ui::action::Action;

impl Model {
    /// The position that moving keys change.
    pub(super) fn current(&mut self) -> &mut Scroll {
        match self.screen {
            Screen::Attempts => &mut self.list.scroll,
            Screen::Ladder => &mut self.ladder.scroll,
            Screen::Detail if self.pane == Pane::Second => &mut self.ladder.list,
            Screen::Detail if self.pane == Pane::Third => &mut self.ladder.bytes,
            Screen::Causes if self.pane == Pane::Second => &mut self.cause_text,
            _ => self.scroll(),
        }
    }

    /// The cursor to that line.
    pub(super) fn jump(&mut self, to: usize) -> Vec<Effect> {
        self.current().go(to);
        match self.screen {
            Screen::Attempts => self.list.follow = false,
            Screen::Causes => self.cause_text = Scroll::default(),
            Screen::Detail => self.ladder.bytes = Scroll::default(),
            _ => {}
        }
        Vec::new()
    }

    /// Does what a moving key stands for.
    pub(super) fn move_by(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Pane => {
                self.pane = match (self.screen, self.pane) {
                    (Screen::Detail | Screen::Causes, Pane::First) => Pane::Second,
                    (Screen::Detail, Pane::Second) => Pane::Third,
                    _ => Pane::First,
                };
                Vec::new()
            }
            Action::Left => self.neighbour(false),
            Action::Right => self.neighbour(true),
            Action::NextFailure => self.failure(true),
            Action::PreviousFailure => self.failure(false),
            Action::Break => self.jump_to_break(),
            _ => self.line_by(action),
        }
    }

    fn line_by(&mut self, action: Action) -> Vec<Effect> {
        let text = self.is_text();
        let scroll = *self.current();
        let page = scroll.height.max(2) - 1;
        // A text has no cursor: what moves is its first line.
        let (at, last) = if text {
            (scroll.top, scroll.count.saturating_sub(scroll.height))
        } else {
            (scroll.at, scroll.count.saturating_sub(1))
        };
        let to = match action {
            Action::Up => at.saturating_sub(1),
            Action::Down => at + 1,
            Action::PageUp => at.saturating_sub(page),
            Action::PageDown => at + page,
            Action::HalfUp => at.saturating_sub(page / 2),
            Action::HalfDown => at + page / 2,
            Action::Top => 0,
            Action::Bottom => last,
            _ => return Vec::new(),
        };
        let to = to.min(last);
        if text {
            let scroll = self.current();
            (scroll.top, scroll.at) = (to, to);
            return Vec::new();
        }
        let effects = self.jump(to);
        // At the end of a list that grows at its end, the cursor stays at the end.
        self.list.follow = self.screen == Screen::Attempts && action == Action::Bottom;
        effects
    }

    /// The screen is a text to scroll, without a cursor.
    #[must_use]
    pub fn is_text(&self) -> bool {
        match self.screen {
            Screen::Help | Screen::Verdict => true,
            Screen::Detail => self.pane != Pane::Second,
            Screen::Causes => self.pane == Pane::Second,
            _ => false,
        }
    }

    /// The attempt after or before this one, with its packets where these are shown.
    fn neighbour(&mut self, next: bool) -> Vec<Effect> {
        if !matches!(self.screen, Screen::Ladder | Screen::Detail) {
            return Vec::new();
        }
        let at = self.list.scroll.at;
        self.select(if next { at + 1 } else { at.saturating_sub(1) })
    }

    fn select(&mut self, to: usize) -> Vec<Effect> {
        self.list.follow = false;
        self.list.scroll.go(to);
        match self.screen {
            Screen::Ladder | Screen::Detail => self.load(),
            _ => Vec::new(),
        }
    }

    /// The next attempt of the list that broke.
    fn failure(&mut self, next: bool) -> Vec<Effect> {
        let Some(data) = self.data.clone() else {
            return Vec::new();
        };
        let rows = self.list.rows();
        let broke = |place: &usize| {
            let attempt = data.attempt(rows[*place] as usize);
            attempt.is_some_and(|a| a.outcome == Outcome::Broken)
        };
        let at = self.list.scroll.at;
        let found = if next {
            (at + 1..rows.len()).find(broke)
        } else {
            (0..at.min(rows.len())).rev().find(broke)
        };
        if let Some(place) = found {
            return self.select(place);
        }
        let which = if next { "further" } else { "earlier" };
        self.message = Some(format!("no {which} failure in the list"));
        Vec::new()
    }

    fn jump_to_break(&mut self) -> Vec<Effect> {
        let at = self.ladder.ladder.as_ref().and_then(|l| l.broke_at);
        match at {
            Some(at) if self.screen == Screen::Ladder => self.jump(at),
            _ => {
                self.message = Some("nothing broke here".to_owned());
                Vec::new()
            }
        }
    }
}
