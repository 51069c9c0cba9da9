//! Everything that can be done with a key: one table feeds the keys, the help screen and the configuration file.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

/// What a key does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs)] // TABLE says what each does
pub enum Action {
    Attempts,
    Verdict,
    Ladder,
    Detail,
    Resolvers,
    Servers,
    Causes,
    Export,
    Bundle,
    Help,
    Open,
    Back,
    Quit,
    Up,
    Down,
    PageUp,
    PageDown,
    HalfUp,
    HalfDown,
    Top,
    Bottom,
    Left,
    Right,
    Pane,
    NextFailure,
    PreviousFailure,
    Filter,
    ClearFilter,
    Sort,
    Reverse,
    Freeze,
    Break,
    Fold,
    Rivals,
    Write,
    Copy,
    Play,
    Rewind,
    Faster,
    Slower,
    Step,
    ToEnd,
    Redraw,
    Suspend,
}

/// A line of the key table.
#[derive(Debug)]
pub struct Binding {
    /// What is done.
    pub action: Action,
    /// Its name in the configuration file.
    pub name: &'static str,
    /// Keys that do it by default.
    pub keys: &'static [&'static str],
    /// In words, for the help screen.
    pub what: &'static str,
    /// The heading it stands under there.
    pub group: &'static str,
}

const SCREENS: &str = "Screens";
const MOVE: &str = "Moving";
const LIST: &str = "The list";
const LADDER: &str = "The attempt";
const TIME: &str = "Time travel (saved captures)";
const REST: &str = "Else";

macro_rules! table {
    ($($group:ident: $action:ident $name:literal [$($key:literal),*] $what:literal;)*) => {
        &[$(Binding {
            action: Action::$action,
            name: $name,
            keys: &[$($key),*],
            what: $what,
            group: $group,
        }),*]
    };
}

/// All keys.
pub static TABLE: &[Binding] = table! {
    SCREENS: Attempts "attempts" ["1"] "list of attempts";
    SCREENS: Verdict "verdict" ["v", "2"] "the verdict in full: why, what else, what to do";
    SCREENS: Ladder "ladder" ["L", "3", "f4"] "packets of the attempt as a ladder";
    SCREENS: Detail "detail" ["d", "4", "f6"] "findings, facts, packets and their bytes";
    SCREENS: Resolvers "resolvers" ["R", "5"] "resolvers and how they answered";
    SCREENS: Servers "servers" ["V", "6"] "servers and how many connections worked";
    SCREENS: Causes "causes" ["c", "7"] "what a cause means (of the attempt, first)";
    SCREENS: Export "export" ["e", "8", "f2"] "write the attempt to a file";
    SCREENS: Bundle "bundle" ["B"] "write a bundle for a bug ticket, redacted";
    SCREENS: Help "help" ["?", "9", "f1"] "this help";
    SCREENS: Open "open" ["enter"] "open: attempt, ladder, packet, bytes";
    SCREENS: Back "back" ["q", "esc"] "back; q on the list quits";
    SCREENS: Quit "quit" ["Q", "ctrl-c", "f10"] "quit";
    MOVE: Up "up" ["k", "up"] "up";
    MOVE: Down "down" ["j", "down"] "down";
    MOVE: PageUp "page-up" ["ctrl-b", "pgup"] "a page up";
    MOVE: PageDown "page-down" ["ctrl-f", "pgdn"] "a page down";
    MOVE: HalfUp "half-up" ["ctrl-u"] "half a page up";
    MOVE: HalfDown "half-down" ["ctrl-d"] "half a page down";
    MOVE: Top "top" ["g", "home"] "to the first line";
    MOVE: Bottom "bottom" ["G", "end"] "to the last line";
    MOVE: Left "left" ["h", "left"] "previous attempt (ladder and detail)";
    MOVE: Right "right" ["l", "right"] "next attempt (ladder and detail)";
    MOVE: Pane "pane" ["tab"] "to the next part of the screen";
    MOVE: NextFailure "next-failure" ["n"] "next attempt that broke";
    MOVE: PreviousFailure "previous-failure" ["N"] "previous attempt that broke";
    LIST: Filter "filter" ["/", "f3", "f7"] "show only what matches";
    LIST: ClearFilter "clear-filter" ["C", "f5"] "show all again";
    LIST: Sort "sort" ["s"] "sort by the next column";
    LIST: Reverse "reverse" ["S"] "sort the other way round";
    LIST: Freeze "freeze" ["space"] "freeze the screen, and go on (reading continues)";
    LADDER: Break "break" ["b"] "to the place where it broke";
    LADDER: Fold "fold" ["f"] "fold runs of payload, or show them";
    LADDER: Rivals "why-not" ["y"] "what spoke against other causes (in detail)";
    LADDER: Write "write-ladder" ["w"] "write the ladder to a text file";
    LADDER: Copy "copy-filter" ["Y"] "copy the Wireshark filter of the attempt";
    TIME: Play "play" ["p"] "play the capture at its own pace, and pause";
    TIME: Rewind "rewind" ["P"] "play from the beginning";
    TIME: Faster "faster" ["+", ">"] "twice as fast";
    TIME: Slower "slower" ["-", "<"] "half as fast";
    TIME: Step "step" ["}"] "on to the next failure, then pause";
    TIME: ToEnd "to-end" ["E"] "read all that is left at once";
    REST: Redraw "redraw" ["ctrl-l"] "draw the screen anew";
    REST: Suspend "suspend" ["ctrl-z"] "to the shell; `fg` comes back";
};

/// A key as the terminal reports it. Shift is part of the character.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    code: KeyCode,
    ctrl: bool,
    alt: bool,
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        Self {
            code: event.code,
            ctrl: event.modifiers.contains(KeyModifiers::CONTROL),
            alt: event.modifiers.contains(KeyModifiers::ALT),
        }
    }
}

impl Key {
    /// The key of a character.
    #[must_use]
    pub const fn plain(c: char) -> Self {
        Self {
            code: KeyCode::Char(c),
            ctrl: false,
            alt: false,
        }
    }

    /// Neither Ctrl nor Alt is held.
    #[must_use]
    pub const fn is_plain(self) -> bool {
        !self.ctrl && !self.alt
    }

    /// It is the key of that name.
    #[must_use]
    pub fn is(self, name: &str) -> bool {
        Self::parse(name) == Some(self)
    }

    /// A key by name: `j`, `G`, `ctrl-d`, `alt-x`, `f1`, `enter`, `esc`, `tab`, `space`, `up`, `pgdn`, `home`, …
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (mut ctrl, mut alt, mut rest) = (false, false, name);
        loop {
            if let Some(more) = rest.strip_prefix("ctrl-").filter(|r| !r.is_empty()) {
                (ctrl, rest) = (true, more);
            } else if let Some(more) = rest.strip_prefix("alt-").filter(|r| !r.is_empty()) {
                (alt, rest) = (true, more);
            } else {
                break;
            }
        }
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) => KeyCode::Char(c),
            (Some('f'), Some('1'..='9')) => {
                KeyCode::F(rest[1..].parse().ok().filter(|n| *n <= 12)?)
            }
            _ => named(rest)?,
        };
        Some(Self { code, ctrl, alt })
    }
}

fn no_key(action: &str, name: &str) -> String {
    format!(
        "{action}: no key '{name}'; there are single characters, f1 to f12, enter, esc, tab, backtab, space, backspace, \
         delete, insert, up, down, left, right, home, end, pgup, pgdn, with ctrl- or alt- before it"
    )
}

fn named(name: &str) -> Option<KeyCode> {
    Some(match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "space" => KeyCode::Char(' '),
        "backspace" => KeyCode::Backspace,
        "delete" => KeyCode::Delete,
        "insert" => KeyCode::Insert,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "pgup" => KeyCode::PageUp,
        "pgdn" => KeyCode::PageDown,
        _ => return None,
    })
}

/// Which key does what.
#[derive(Clone, Debug)]
pub struct Keys {
    actions: HashMap<Key, Action>,
    names: BTreeMap<Action, Vec<String>>,
}

impl Default for Keys {
    fn default() -> Self {
        let none = BTreeMap::new();
        Self::new(&none).unwrap_or(Self {
            actions: HashMap::new(),
            names: BTreeMap::new(),
        })
    }
}

impl Keys {
    /// The default keys, but for the actions named in `changed`, which get those keys instead. A key that is given to
    /// one action is taken from another that has it by default.
    ///
    /// # Errors
    /// In one line: an action or a key that does not exist, or a key given to two actions.
    pub fn new(changed: &BTreeMap<String, Vec<String>>) -> Result<Self, String> {
        if let Some(unknown) = changed.keys().find(|n| TABLE.iter().all(|b| b.name != **n)) {
            let known: Vec<&str> = TABLE.iter().map(|b| b.name).collect();
            return Err(format!(
                "no action '{unknown}'; there are {}",
                known.join(", ")
            ));
        }
        let mut keys = Self {
            actions: HashMap::new(),
            names: BTreeMap::new(),
        };
        let (own, default): (Vec<_>, Vec<_>) =
            TABLE.iter().partition(|b| changed.contains_key(b.name));
        for binding in own {
            for name in changed.get(binding.name).into_iter().flatten() {
                let key = Key::parse(name).ok_or_else(|| no_key(binding.name, name))?;
                if let Some(other) = keys.actions.insert(key, binding.action) {
                    let other = TABLE
                        .iter()
                        .find(|b| b.action == other)
                        .map_or("", |b| b.name);
                    return Err(format!(
                        "key '{name}' is given to {other} and {}",
                        binding.name
                    ));
                }
                keys.names
                    .entry(binding.action)
                    .or_default()
                    .push(name.clone());
            }
        }
        for binding in default {
            for &name in binding.keys {
                let Some(key) = Key::parse(name) else {
                    continue;
                };
                if let Entry::Vacant(free) = keys.actions.entry(key) {
                    free.insert(binding.action);
                    let names = keys.names.entry(binding.action).or_default();
                    names.push(name.to_owned());
                }
            }
        }
        if keys.name(Action::Quit).is_empty() && keys.name(Action::Back).is_empty() {
            return Err("neither quit nor back has a key: there would be no way out".to_owned());
        }
        Ok(keys)
    }

    /// What this key does.
    #[must_use]
    pub fn action(&self, key: Key) -> Option<Action> {
        self.actions.get(&key).copied()
    }

    /// The keys of an action, as they are written in the configuration.
    #[must_use]
    pub fn names(&self, action: Action) -> &[String] {
        self.names.get(&action).map_or(&[], Vec::as_slice)
    }

    /// The first of them, for hints.
    #[must_use]
    pub fn name(&self, action: Action) -> &str {
        self.names(action).first().map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_key_once() {
        let mut seen = HashMap::new();
        for binding in TABLE {
            for name in binding.keys {
                let key = Key::parse(name).unwrap_or_else(|| panic!("{name}"));
                assert_eq!(seen.insert(key, binding.name), None, "{name}");
            }
        }
        let names: std::collections::HashSet<_> = TABLE.iter().map(|b| b.name).collect();
        assert_eq!(names.len(), TABLE.len());
    }

    #[test]
    fn keys_can_be_changed_and_mistakes_are_told() {
        let change = |name: &str, keys: &[&str]| {
            let keys = keys.iter().map(|k| (*k).to_owned()).collect();
            Keys::new(&BTreeMap::from([(name.to_owned(), keys)]))
        };
        let keys = change("filter", &["ctrl-s", "j"]).unwrap();
        let action = |name| keys.action(Key::parse(name).unwrap());
        assert_eq!(action("ctrl-s"), Some(Action::Filter));
        assert_eq!(action("j"), Some(Action::Filter), "taken from down");
        assert_eq!(action("/"), None);
        assert_eq!(action("down"), Some(Action::Down));
        assert_eq!(keys.names(Action::Down), ["down"]);
        assert!(
            change("fliter", &["x"])
                .unwrap_err()
                .contains("no action 'fliter'")
        );
        assert!(
            change("filter", &["ctrl"])
                .unwrap_err()
                .contains("no key 'ctrl'")
        );
        for way_out in ["quit", "back"] {
            assert!(change(way_out, &[]).is_ok(), "the other one is left");
        }
        let none = ["quit", "back"].map(|name| (name.to_owned(), Vec::new()));
        let error = Keys::new(&BTreeMap::from(none)).unwrap_err();
        assert!(error.contains("no way out"), "{error}");
        let twice = [("up", "x"), ("down", "x")].map(|(n, k)| (n.to_owned(), vec![k.to_owned()]));
        let error = Keys::new(&BTreeMap::from(twice)).unwrap_err();
        assert!(error.contains("key 'x' is given to"), "{error}");
    }

    #[test]
    fn every_action_can_have_another_key() {
        for binding in TABLE {
            let changed = BTreeMap::from([(binding.name.to_owned(), vec!["alt-x".to_owned()])]);
            let keys = Keys::new(&changed).unwrap();
            assert_eq!(
                keys.action(Key::parse("alt-x").unwrap()),
                Some(binding.action)
            );
            assert_eq!(keys.name(binding.action), "alt-x");
            for name in binding.keys {
                assert_eq!(keys.action(Key::parse(name).unwrap()), None, "{name}");
            }
        }
    }
}
