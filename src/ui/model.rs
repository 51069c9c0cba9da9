//! What the screens show, and what a key changes about it. Nothing here reads, writes or waits: what has to be done
//! outside comes back as [`Effect`]s.

mod list;
mod mouse;
mod moves;
mod output;
mod packets;
mod prompt;

pub use list::{List, Sort};
pub use mouse::Click;
pub use output::Told;
pub use packets::{LadderView, Loaded};
pub use prompt::Prompt;

use super::action::{Action, Key, Keys};
use super::export::Export;
use super::feed::{Answer, Data, Job, Order, Rivals, State, Status};
use crate::snapshot::Attempt;
use ratatui::layout::Rect;
use std::path::PathBuf;
use std::sync::Arc;

/// What fills the terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub enum Screen {
    #[default]
    Attempts,
    Verdict,
    Ladder,
    Detail,
    Resolvers,
    Servers,
    Causes,
    Export,
    Help,
}

impl Screen {
    /// All, in the order of their number keys.
    pub const ALL: [Self; 9] = [
        Self::Attempts,
        Self::Verdict,
        Self::Ladder,
        Self::Detail,
        Self::Resolvers,
        Self::Servers,
        Self::Causes,
        Self::Export,
        Self::Help,
    ];

    /// As the title bar names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attempts => "Attempts",
            Self::Verdict => "Verdict",
            Self::Ladder => "Ladder",
            Self::Detail => "Detail",
            Self::Resolvers => "Resolvers",
            Self::Servers => "Servers",
            Self::Causes => "Causes",
            Self::Export => "Export",
            Self::Help => "Help",
        }
    }
}

/// A part of a screen that has the keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pane {
    /// The list, or the findings and facts of Detail.
    #[default]
    First,
    /// The text of a cause, or the packets of Detail.
    Second,
    /// The bytes of a packet, in Detail.
    Third,
}

/// What has to be done outside.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Leave.
    Quit,
    /// Stop the process until the shell continues it.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Tell the feed.
    Order(Order),
    /// Find packets.
    Ask(Job),
    /// Write a file.
    Export(Export),
    /// Put a text where the terminal pastes from.
    Copy(String),
    /// Ask what spoke against other causes of the attempt with that key.
    Rivals(u64),
    /// Free a snapshot.
    Free(Arc<Data>),
}

/// A position in a text or table that scrolls.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scroll {
    /// The line under the cursor.
    pub at: usize,
    /// The first line shown.
    pub top: usize,
    /// Lines there are.
    pub count: usize,
    /// Lines that fit.
    pub height: usize,
}

impl Scroll {
    /// Moves the cursor to a line and brings it into view.
    pub fn go(&mut self, to: usize) {
        self.at = to.min(self.count.saturating_sub(1));
        self.fit();
    }

    /// Brings the cursor into view.
    pub fn fit(&mut self) {
        let height = self.height.max(1);
        self.top = self.top.min(self.count.saturating_sub(height));
        self.top = self
            .top
            .clamp((self.at + 1).saturating_sub(height), self.at);
    }

    /// Sets how many lines there are and fit.
    pub fn measure(&mut self, count: usize, height: usize) {
        (self.count, self.height) = (count, height);
        self.at = self.at.min(count.saturating_sub(1));
        self.fit();
    }
}

/// Everything that the screens show.
pub struct Model {
    /// What is shown.
    pub screen: Screen,
    /// Where Back leads.
    pub back: Vec<Screen>,
    /// The snapshot shown.
    pub data: Option<Arc<Data>>,
    /// A newer one, while the screen is frozen.
    pub waiting: Option<Arc<Data>>,
    /// The screen stays as it is.
    pub frozen: bool,
    /// Counters.
    pub status: Status,
    /// Which attempts are shown, in which order, and where the cursor is.
    pub list: List,
    /// The filter being typed.
    pub prompt: Option<Prompt>,
    /// The filter in force, as typed.
    pub filter_text: String,
    /// Packets of the attempt under the cursor.
    pub loaded: Loaded,
    /// The ladder and where its cursor is.
    pub ladder: LadderView,
    /// The part of Detail or Causes that has the keys.
    pub pane: Pane,
    /// Positions on the other screens, by screen.
    pub scrolls: [Scroll; Screen::ALL.len()],
    /// Position in the text of a cause.
    pub cause_text: Scroll,
    /// Said on the last line until the next key.
    pub message: Option<String>,
    /// Which key does what.
    pub keys: Keys,
    /// Where lists and texts that scroll were drawn last, for the mouse.
    pub panes: Vec<(Pane, Rect)>,
    /// What else can be clicked, and where it was drawn last.
    pub clicks: Vec<(Rect, Click)>,
    /// Size of the screen in columns and lines.
    pub size: (u16, u16),
    /// What spoke against other causes of an attempt; shown in Detail.
    pub rivals: Option<Rivals>,
    /// The folder that files are written to, as the user may look for it.
    pub folder: PathBuf,
    /// What became of each export, the last one last; so many as fit a screen.
    pub told: Vec<Told>,
    /// An export to do once the packets are there.
    then_export: Option<Export>,
    /// A file is being written elsewhere.
    writing: bool,
}

impl Model {
    /// Nothing loaded yet.
    #[must_use]
    pub fn new(keys: Keys) -> Self {
        Self {
            screen: Screen::default(),
            back: Vec::new(),
            data: None,
            waiting: None,
            frozen: false,
            status: Status::default(),
            list: List::default(),
            prompt: None,
            filter_text: String::new(),
            loaded: Loaded::default(),
            ladder: LadderView::default(),
            pane: Pane::First,
            scrolls: [Scroll::default(); Screen::ALL.len()],
            cause_text: Scroll::default(),
            message: None,
            keys,
            panes: Vec::new(),
            clicks: Vec::new(),
            size: (80, 24),
            rivals: None,
            folder: PathBuf::new(),
            told: Vec::new(),
            then_export: None,
            writing: false,
        }
    }

    /// The attempt under the cursor.
    #[must_use]
    pub fn attempt(&self) -> Option<&Attempt> {
        let data = self.data.as_ref()?;
        data.attempt(self.list.selected()?)
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> Option<u64> {
        self.data.as_ref()?.keys.get(self.list.selected()?).copied()
    }

    /// The position on the screen shown.
    pub fn scroll(&mut self) -> &mut Scroll {
        &mut self.scrolls[self.screen as usize]
    }

    /// Takes a newer snapshot in; the old one is to be freed elsewhere.
    pub fn take(&mut self, data: Arc<Data>) -> Vec<Effect> {
        let old = if self.frozen {
            self.waiting.replace(data)
        } else {
            self.show(data)
        };
        let again = self.refresh();
        old.map(Effect::Free).into_iter().chain(again).collect()
    }

    fn show(&mut self, data: Arc<Data>) -> Option<Arc<Data>> {
        let key = self.key();
        self.list.rebuild(&data, key);
        self.data.replace(data)
    }

    /// Takes what came of a job in.
    pub fn answer(&mut self, answer: Answer) -> Vec<Effect> {
        match answer {
            Answer::Collected(key, collected) => {
                if self.loaded.take(key, collected) {
                    self.lay_out();
                }
                let export = self.then_export.take();
                export.map(Effect::Export).into_iter().collect()
            }
            Answer::Saved(path, count) => {
                let path = self.folder.join(path);
                self.tell(Ok(format!("{count} packets written to {}", path.display())));
                self.load_if_shown()
            }
            Answer::Done(what) => {
                self.tell(Ok(what));
                self.load_if_shown()
            }
            Answer::Failed(why) => {
                self.loaded.fail(&why);
                if self.writing || self.then_export.take().is_some() {
                    self.tell(Err(why));
                    return self.load_if_shown();
                }
                self.message = Some(why);
                Vec::new()
            }
        }
    }

    /// A key was pressed.
    pub fn key_pressed(&mut self, key: Key, character: Option<char>) -> Vec<Effect> {
        self.message = None;
        if self.prompt.is_some() {
            self.typed(key, character);
            return Vec::new();
        }
        match self.keys.action(key) {
            Some(action) => self.act(action),
            None => Vec::new(),
        }
    }

    /// Does what a key stands for.
    pub fn act(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Attempts => self.go(Screen::Attempts),
            Action::Ladder => return self.open_packets(Screen::Ladder),
            Action::Verdict => self.go(Screen::Verdict),
            Action::Detail => {
                self.pane = Pane::First;
                return self.open_packets(Screen::Detail);
            }
            Action::Resolvers => self.go(Screen::Resolvers),
            Action::Servers => self.go(Screen::Servers),
            Action::Causes => self.causes(),
            Action::Export => self.go(Screen::Export),
            Action::Bundle => return self.export(Export::Bundle),
            Action::Help => self.go(Screen::Help),
            Action::Open => return self.open(),
            Action::Back => return self.go_back(),
            Action::Quit => return vec![Effect::Quit],
            Action::Filter => self.ask_filter(),
            Action::ClearFilter => self.clear_filter(),
            Action::Sort => self.sort(|list| list.sort = list.sort.next()),
            Action::Reverse => self.sort(|list| list.reverse = !list.reverse),
            Action::Freeze => return self.freeze(),
            Action::Redraw => return vec![Effect::Redraw],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Write => return self.export(Export::Ladder),
            Action::Copy => return self.copy_filter(),
            Action::Fold => {
                self.ladder.fold = !self.ladder.fold;
                self.lay_out();
            }
            Action::Rivals => return self.ask_rivals(),
            Action::Play => return self.order(Order::Play),
            Action::Rewind => return self.order(Order::Rewind),
            Action::Faster => return self.order(Order::Faster),
            Action::Slower => return self.order(Order::Slower),
            Action::Step => return self.order(Order::Step),
            Action::ToEnd => return self.order(Order::ToEnd),
            other => return self.move_by(other),
        }
        Vec::new()
    }

    /// Shows in Detail what spoke against other causes, or hides it again.
    fn ask_rivals(&mut self) -> Vec<Effect> {
        let Some(key) = self.key() else {
            return Vec::new();
        };
        if self.rivals.take().is_some_and(|shown| shown.key == key) && self.screen == Screen::Detail
        {
            return Vec::new();
        }
        if self
            .attempt()
            .is_some_and(|attempt| attempt.cause.is_none())
        {
            self.message =
                Some("nothing went wrong with it: there is no cause to doubt".to_owned());
            return Vec::new();
        }
        self.pane = Pane::First;
        let mut effects = self.open_packets(Screen::Detail);
        self.message = Some("asking every rule that might apply…".to_owned());
        effects.push(Effect::Rivals(key));
        effects
    }

    /// Takes the answer in.
    pub fn take_rivals(&mut self, rivals: Rivals) {
        self.message = None;
        self.rivals = Some(rivals);
    }

    fn order(&mut self, order: Order) -> Vec<Effect> {
        if self.status.state == State::Live {
            self.message = Some("a live capture has its own pace".to_owned());
            return Vec::new();
        }
        let restarts = self.status.state == State::Done || order == Order::Rewind;
        let again = matches!(order, Order::Play | Order::Rewind | Order::Step);
        if restarts && again {
            self.list.follow = true;
        }
        vec![Effect::Order(order)]
    }

    /// Shows a screen; Back leads to where it was opened from.
    pub fn go(&mut self, screen: Screen) {
        if screen == self.screen {
            return;
        }
        self.back.retain(|s| *s != screen);
        if screen == Screen::Attempts {
            self.back.clear();
        } else {
            self.back.push(self.screen);
        }
        self.screen = screen;
    }

    fn go_back(&mut self) -> Vec<Effect> {
        if let Some(screen) = self.back.pop() {
            self.screen = screen;
        } else if self.screen != Screen::Attempts {
            self.screen = Screen::Attempts;
        } else if !self.filter_text.is_empty() {
            self.clear_filter();
        } else {
            return vec![Effect::Quit];
        }
        Vec::new()
    }

    fn sort(&mut self, change: impl FnOnce(&mut List)) {
        let key = self.key();
        change(&mut self.list);
        if let Some(data) = self.data.clone() {
            self.list.rebuild(&data, key);
        }
        let way = if self.list.reverse { ", reversed" } else { "" };
        self.message = Some(format!("sorted by {}{way}", self.list.sort.name()));
    }

    fn freeze(&mut self) -> Vec<Effect> {
        self.frozen = !self.frozen;
        let newer = self.waiting.take().filter(|_| !self.frozen);
        let old = newer.and_then(|data| self.show(data));
        old.map(Effect::Free).into_iter().collect()
    }

    fn causes(&mut self) {
        let cause = self.attempt().and_then(|a| a.cause.clone());
        let rules = || crate::diagnose::rules::all();
        let at = rules().position(|r| Some(r.id) == cause.as_deref());
        self.pane = Pane::First;
        self.go(Screen::Causes);
        let scroll = self.scroll();
        scroll.count = rules().count();
        if let Some(at) = at {
            scroll.go(at);
        }
    }

    fn open(&mut self) -> Vec<Effect> {
        match self.screen {
            Screen::Attempts => return self.open_packets(Screen::Ladder),
            Screen::Ladder => {
                self.pane = Pane::Second;
                if let Some(at) = self.ladder.packet() {
                    self.ladder.list.go(at);
                }
                return self.open_packets(Screen::Detail);
            }
            Screen::Export => {
                let at = self.scroll().at;
                return self.export(Export::ALL[at.min(Export::ALL.len() - 1)]);
            }
            Screen::Servers => self.filter_by_server(),
            Screen::Resolvers => self.filter_by_resolver(),
            Screen::Causes => self.pane = Pane::Second,
            Screen::Detail if self.pane == Pane::Second => self.pane = Pane::Third,
            _ => {}
        }
        Vec::new()
    }
}
