//! What the screens show, and what a key changes about it. Nothing here reads, writes or waits: what has to be done
//! outside comes back as [`Effect`]s.

mod list;
mod moves;
mod packets;

pub use list::{List, Sort};
pub use packets::{LadderView, Loaded};

use super::action::{Action, Key, Keys};
use super::export::Export;
use super::feed::{Answer, Data, Job, Order, Rivals, State, Status};
use super::filter::Filter;
use crate::snapshot::Attempt;
use ratatui::layout::{Position, Rect};
use std::sync::Arc;

/// What fills the terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub enum Screen {
    #[default]
    Attempts,
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
    pub const ALL: [Self; 8] = [
        Self::Attempts,
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
    /// Ask what spoke against other causes of the attempt with that key.
    Rivals(u64),
    /// Free a snapshot.
    Free(Arc<Data>),
}

/// A line being typed.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    /// What stands there.
    pub text: String,
    /// What is wrong with it.
    pub error: Option<String>,
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
    /// The right or lower half of Detail has the keys.
    pub second_pane: bool,
    /// Positions on the other screens, by screen; the last is that of the text of a cause.
    pub scrolls: [Scroll; 9],
    /// Said on the last line until the next key.
    pub message: Option<String>,
    /// Which key does what.
    pub keys: Keys,
    /// Where the list or table was drawn last, for the mouse.
    pub body: Rect,
    /// Size of the screen in columns and lines.
    pub size: (u16, u16),
    /// What spoke against other causes of an attempt; shown in Detail.
    pub rivals: Option<Rivals>,
    /// An export to do once the packets are there.
    pub(super) then_export: Option<Export>,
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
            second_pane: false,
            scrolls: [Scroll::default(); 9],
            message: None,
            keys,
            body: Rect::default(),
            size: (80, 24),
            rivals: None,
            then_export: None,
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
        old.map(Effect::Free).into_iter().collect()
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
                self.message = Some(format!("{count} packets written to {}", path.display()));
                Vec::new()
            }
            Answer::Done(what) => {
                self.message = Some(what);
                Vec::new()
            }
            Answer::Failed(why) => {
                self.then_export = None;
                self.loaded.fail(&why);
                self.message = Some(why);
                Vec::new()
            }
        }
    }

    /// A key was pressed.
    pub fn key_pressed(&mut self, key: Key, character: Option<char>) -> Vec<Effect> {
        self.message = None;
        if self.prompt.is_some() {
            return self.typed(key, character);
        }
        match self.keys.action(key) {
            Some(action) => self.act(action),
            None => Vec::new(),
        }
    }

    fn typed(&mut self, key: Key, character: Option<char>) -> Vec<Effect> {
        let is = |name| Key::parse(name) == Some(key);
        let Some(mut prompt) = self.prompt.take() else {
            return Vec::new();
        };
        if is("enter") {
            self.prompt = prompt.error.is_some().then_some(prompt);
            return Vec::new();
        }
        if is("esc") || is("ctrl-c") {
            self.filter(&self.filter_text.clone());
            return Vec::new();
        }
        if is("backspace") {
            prompt.text.pop();
        } else if is("ctrl-u") {
            prompt.text.clear();
        } else if is("ctrl-w") {
            let end = prompt.text.trim_end().rfind(' ').map_or(0, |at| at + 1);
            prompt.text.truncate(end);
        } else if let Some(c) = character.filter(|c| !c.is_control()) {
            prompt.text.push(c);
        }
        let text = prompt.text.clone();
        prompt.error = self.filter(&text);
        if prompt.error.is_none() {
            self.filter_text = text;
        }
        self.prompt = Some(prompt);
        Vec::new()
    }

    /// Shows what matches; what is wrong with the filter, if something is.
    fn filter(&mut self, text: &str) -> Option<String> {
        match Filter::parse(text) {
            Ok(filter) => {
                let key = self.key();
                self.list.filter = filter;
                if let Some(data) = self.data.clone() {
                    self.list.rebuild(&data, key);
                }
                None
            }
            Err(error) => Some(error),
        }
    }

    /// Does what a key stands for.
    pub fn act(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Attempts => self.go(Screen::Attempts),
            Action::Ladder => return self.open_packets(Screen::Ladder),
            Action::Detail => {
                self.second_pane = false;
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
            Action::Filter => {
                self.go(Screen::Attempts);
                let text = self.filter_text.clone();
                self.prompt = Some(Prompt { text, error: None });
            }
            Action::ClearFilter => self.clear_filter(),
            Action::Sort => self.sort(|list| list.sort = list.sort.next()),
            Action::Reverse => self.sort(|list| list.reverse = !list.reverse),
            Action::Freeze => return self.freeze(),
            Action::Redraw => return vec![Effect::Redraw],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Write => return self.export(Export::Ladder),
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
        self.second_pane = false;
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

    fn clear_filter(&mut self) {
        self.filter_text.clear();
        self.filter("");
    }

    fn sort(&mut self, change: impl FnOnce(&mut List)) {
        change(&mut self.list);
        let key = self.key();
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
        self.second_pane = false;
        self.go(Screen::Causes);
        let scroll = self.scroll();
        scroll.count = rules().count();
        if let Some(at) = at {
            scroll.go(at);
        }
    }

    fn open(&mut self) -> Vec<Effect> {
        match self.screen {
            Screen::Attempts => self.open_packets(Screen::Ladder),
            Screen::Ladder => {
                self.second_pane = true;
                if let Some(at) = self.ladder.packet() {
                    self.ladder.list.go(at);
                }
                self.open_packets(Screen::Detail)
            }
            Screen::Export => {
                let at = self.scroll().at;
                self.export(Export::ALL[at.min(Export::ALL.len() - 1)])
            }
            Screen::Servers => {
                self.filter_by_server();
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// The list with the attempts of the server under the cursor.
    fn filter_by_server(&mut self) {
        let at = self.scroll().at;
        let server = self.data.as_ref().and_then(|d| d.report.servers.get(at));
        if let Some(server) = server {
            self.filter_text = format!("server:\"{}\"", server.address);
            let text = self.filter_text.clone();
            self.filter(&text);
            self.go(Screen::Attempts);
        }
    }

    /// Writes a file, once the packets that it needs are there.
    fn export(&mut self, export: Export) -> Vec<Effect> {
        let (Some(attempt), Some(key)) = (self.attempt().cloned(), self.key()) else {
            self.message = Some("there is no attempt to write".to_owned());
            return Vec::new();
        };
        if export == Export::Capture {
            let name = export.file_name(&attempt).into();
            self.loaded.forget();
            return vec![Effect::Ask(Job::Save(name, Box::new(attempt)))];
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
        self.message = Some("writing the bundle …".to_owned());
        self.loaded.forget();
        vec![Effect::Ask(Job::Bundle((!failed).then_some(attempt.id)))]
    }

    /// The mouse was pressed here; on the line under the cursor, that opens it.
    pub fn clicked(&mut self, at: Position) -> Vec<Effect> {
        self.message = None;
        if at.y == 0 {
            return self.clicked_title(at.x);
        }
        if !self.body.contains(at) {
            return Vec::new();
        }
        let line = usize::from(at.y - self.body.y);
        let scroll = self.current();
        let to = scroll.top + line;
        if to >= scroll.count {
            return Vec::new();
        }
        if scroll.at == to {
            return self.open();
        }
        self.jump(to)
    }

    fn clicked_title(&mut self, x: u16) -> Vec<Effect> {
        let mut from = 0;
        for screen in Screen::ALL {
            let width = u16::try_from(screen.name().len()).unwrap_or(0) + 3;
            if (from..from + width).contains(&x) {
                return match screen {
                    Screen::Ladder | Screen::Detail => self.open_packets(screen),
                    Screen::Causes => {
                        self.causes();
                        Vec::new()
                    }
                    _ => {
                        self.go(screen);
                        Vec::new()
                    }
                };
            }
            from += width;
        }
        Vec::new()
    }
}
