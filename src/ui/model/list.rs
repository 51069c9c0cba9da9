//! Which attempts the list shows, in which order, and where its cursor is.

use crate::snapshot::{Attempt, Outcome};
use crate::ui::feed::Data;
use crate::ui::filter::Filter;
use crate::ui::model::Scroll;
use std::cmp::Ordering;

/// What the list is sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sort {
    /// When it began: rows never move, new ones come at the end.
    #[default]
    Started,
    /// The worst first.
    Outcome,
    /// The longest first.
    Took,
    /// By name.
    Name,
    /// By whom it points at.
    Blame,
    /// By cause.
    Cause,
}

impl Sort {
    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "time",
            Self::Outcome => "outcome",
            Self::Took => "time taken",
            Self::Name => "name",
            Self::Blame => "points at",
            Self::Cause => "cause",
        }
    }

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Started => Self::Outcome,
            Self::Outcome => Self::Took,
            Self::Took => Self::Name,
            Self::Name => Self::Blame,
            Self::Blame => Self::Cause,
            Self::Cause => Self::Started,
        }
    }

    fn compare(self, a: &Attempt, b: &Attempt) -> Ordering {
        match self {
            Self::Started => Ordering::Equal,
            Self::Outcome => badness(b.outcome).cmp(&badness(a.outcome)),
            Self::Took => b.duration.total_cmp(&a.duration),
            Self::Name => a.name.cmp(&b.name),
            Self::Blame => {
                let of = |a: &Attempt| (a.blame.is_none(), a.blame.map(|b| b.as_str()));
                of(a).cmp(&of(b))
            }
            Self::Cause => (a.cause.is_none(), &a.cause).cmp(&(b.cause.is_none(), &b.cause)),
        }
    }
}

fn badness(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Broken => 4,
        Outcome::Degraded => 3,
        Outcome::Unfinished => 2,
        Outcome::Abandoned => 1,
        Outcome::Ok => 0,
    }
}

/// The list of attempts.
#[derive(Debug, Default)]
pub struct List {
    /// What is shown.
    pub filter: Filter,
    /// The order.
    pub sort: Sort,
    /// The other way round.
    pub reverse: bool,
    /// The cursor stays on the last row while rows come.
    pub follow: bool,
    /// Cursor and first row, counted in `rows`.
    pub scroll: Scroll,
    /// Indices into the report's attempts.
    rows: Vec<u32>,
}

impl List {
    /// The attempts shown, in order: indices into the report.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The attempt under the cursor.
    #[must_use]
    pub fn selected(&self) -> Option<usize> {
        self.rows.get(self.scroll.at).map(|row| *row as usize)
    }

    /// Selects anew what is shown of `data`. The cursor stays on the attempt with `key`, and that row stays where it
    /// is on the screen.
    pub fn rebuild(&mut self, data: &Data, key: Option<u64>) {
        let line = self.scroll.at - self.scroll.top.min(self.scroll.at);
        let shown = (0_u32..)
            .zip(data.attempts())
            .filter(|(_, a)| self.filter.shows(a));
        self.rows = shown.map(|(row, _)| row).collect();
        if self.sort != Sort::Started {
            let of = |row: &u32| data.attempt(*row as usize);
            let order = |a: &u32, b: &u32| match (of(a), of(b)) {
                (Some(a), Some(b)) => self.sort.compare(a, b),
                _ => Ordering::Equal,
            };
            self.rows.sort_by(order);
        }
        if self.reverse {
            self.rows.reverse();
        }
        self.scroll.count = self.rows.len();
        let index = key.and_then(|key| data.index(key));
        let kept = index.and_then(|i| self.rows.iter().position(|r| *r as usize == i));
        match kept {
            Some(at) if !self.follow => {
                self.scroll.at = at;
                self.scroll.top = at.saturating_sub(line);
                self.scroll.fit();
            }
            _ if self.follow => self.scroll.go(usize::MAX),
            _ => self.scroll.go(self.scroll.at),
        }
    }
}
