//! The filter being typed, and the one in force.

use super::{Model, Screen};
use crate::ui::action::Key;
use crate::ui::filter::Filter;
use tui_input::{Input, InputRequest};

/// Characters that a filter may have; what is pasted beyond is left out.
const LONGEST: usize = 500;

/// A line being typed.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    /// What stands there, and where the cursor is.
    pub input: Input,
    /// What is wrong with it.
    pub error: Option<String>,
    /// The filter that was in force before.
    before: String,
}

impl Model {
    /// Asks for a filter; the one in force can be changed.
    pub(super) fn ask_filter(&mut self) {
        self.go(Screen::Attempts);
        self.prompt = Some(Prompt {
            input: Input::new(self.filter_text.clone()),
            error: None,
            before: self.filter_text.clone(),
        });
    }

    /// A key while the filter is being typed: the list shows at once what it finds.
    pub(super) fn typed(&mut self, key: Key, character: Option<char>) {
        let Some(mut prompt) = self.prompt.take() else {
            return;
        };
        if key.is("enter") {
            self.prompt = prompt.error.is_some().then_some(prompt);
            return;
        }
        if key.is("esc") || key.is("ctrl-c") {
            self.set_filter(prompt.before);
            return;
        }
        let typed = character.filter(|c| !c.is_control() && room(&prompt.input) > 0);
        if let Some(request) = editing(key).or(typed.map(InputRequest::InsertChar)) {
            prompt.input.handle(request);
        }
        self.try_filter(prompt);
    }

    /// Text was pasted; it counts only where a filter is being typed.
    pub fn pasted(&mut self, text: &str) {
        let Some(mut prompt) = self.prompt.take() else {
            return;
        };
        let room = room(&prompt.input);
        for c in text.chars().filter(|c| !c.is_control()).take(room) {
            prompt.input.handle(InputRequest::InsertChar(c));
        }
        self.try_filter(prompt);
    }

    fn try_filter(&mut self, mut prompt: Prompt) {
        let text = prompt.input.value().to_owned();
        prompt.error = self.filter(&text).err();
        if prompt.error.is_none() {
            self.filter_text = text;
        }
        self.prompt = Some(prompt);
    }

    /// Shows what matches.
    fn filter(&mut self, text: &str) -> Result<(), String> {
        let filter = Filter::parse(text)?;
        let key = self.key();
        self.list.filter = filter;
        if let Some(data) = self.data.clone() {
            self.list.rebuild(&data, key);
        }
        Ok(())
    }

    fn set_filter(&mut self, text: String) {
        if self.filter(&text).is_ok() {
            self.filter_text = text;
        }
    }

    pub(super) fn clear_filter(&mut self) {
        self.set_filter(String::new());
    }

    /// The list with the attempts of the server under the cursor.
    pub(super) fn filter_by_server(&mut self) {
        let at = self.scroll().at;
        let server = self.data.as_ref().and_then(|d| d.report.servers.get(at));
        if let Some(text) = server.map(|s| format!("server:\"{}\"", s.address)) {
            self.set_filter(text);
            self.go(Screen::Attempts);
        }
    }

    /// The list with the attempts that asked the resolver under the cursor.
    pub(super) fn filter_by_resolver(&mut self) {
        let at = self.scroll().at;
        let resolver = self.data.as_ref().and_then(|d| d.report.resolvers.get(at));
        if let Some(text) = resolver.map(|r| format!("resolver:\"{}\"", r.address)) {
            self.set_filter(text);
            self.go(Screen::Attempts);
        }
    }
}

fn room(input: &Input) -> usize {
    LONGEST.saturating_sub(input.value().chars().count())
}

/// Keys that change the line, as in a shell; they can't be rebound.
fn editing(key: Key) -> Option<InputRequest> {
    use InputRequest as Do;
    let all = [
        ("backspace", Do::DeletePrevChar),
        ("ctrl-h", Do::DeletePrevChar),
        ("delete", Do::DeleteNextChar),
        ("left", Do::GoToPrevChar),
        ("right", Do::GoToNextChar),
        ("ctrl-left", Do::GoToPrevWord),
        ("ctrl-right", Do::GoToNextWord),
        ("home", Do::GoToStart),
        ("ctrl-a", Do::GoToStart),
        ("end", Do::GoToEnd),
        ("ctrl-e", Do::GoToEnd),
        ("ctrl-w", Do::DeletePrevWord),
        ("ctrl-u", Do::DeleteLine),
        ("ctrl-k", Do::DeleteTillEnd),
    ];
    let found = all.into_iter().find(|(name, _)| key.is(name));
    found.map(|(_, request)| request)
}
