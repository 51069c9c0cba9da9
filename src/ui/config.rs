//! The configuration file of the terminal UI: `shakedown/config.toml` below `$XDG_CONFIG_HOME` (`~/.config`).
//!
//! `examples/config.toml` has every entry with its default.

use super::action::Keys;
use super::theme::Theme;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the file may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    theme: Option<String>,
    mouse: Option<bool>,
    ascii: Option<bool>,
    keys: BTreeMap<String, Names>,
}

/// One key or several.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "an action has one key (\"x\") or several ([\"x\", \"f2\"])"
)]
enum Names {
    One(String),
    Many(Vec<String>),
}

/// How the UI is to behave.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which key does what.
    pub keys: Keys,
    /// Colours; `None` where nothing is said.
    pub theme: Option<Theme>,
    /// Take the mouse. Where not, the terminal keeps it for selecting text.
    pub mouse: bool,
    /// ASCII characters only; `None` leaves it to the locale.
    pub ascii: Option<bool>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            keys: Keys::default(),
            theme: None,
            mouse: true,
            ascii: None,
        }
    }
}

impl Config {
    /// Reads the text of a configuration file.
    ///
    /// # Errors
    /// In one line: what is wrong and where.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|e| first_line(&e))?;
        let keys = file.keys.into_iter().map(|(name, keys)| match keys {
            Names::One(key) => (name, vec![key]),
            Names::Many(keys) => (name, keys),
        });
        let theme =
            match file.theme.as_deref() {
                None => None,
                Some(name) => Some(Theme::named(name).ok_or_else(|| {
                    format!("no theme '{name}'; there are auto, dark, light, mono")
                })?),
            };
        Ok(Self {
            keys: Keys::new(&keys.collect())?,
            theme,
            mouse: file.mouse.unwrap_or(true),
            ascii: file.ascii,
        })
    }
}

fn first_line(error: &toml::de::Error) -> String {
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
    let place = lines.next().unwrap_or_default().to_owned();
    match lines.next_back() {
        Some(reason) => format!("{place}: {reason}"),
        None => place,
    }
}

/// Where the file is looked for; `None` where the environment names no home.
#[must_use]
pub fn path() -> Option<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    let base = set("XDG_CONFIG_HOME").filter(|p| p.is_absolute());
    let base = base.or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(base.join("shakedown").join("config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::action::{Action, Key, TABLE};

    #[test]
    fn a_file_changes_what_it_names() {
        let config =
            Config::from_toml("mouse = false\n[keys]\nup = \"w\"\ndown = [\"s\", \"x\"]").unwrap();
        assert!(!config.mouse);
        let action = |name| config.keys.action(Key::parse(name).unwrap());
        assert_eq!(action("w"), Some(Action::Up));
        assert_eq!(action("s"), Some(Action::Down));
        assert_eq!(action("q"), Some(Action::Back));
    }

    #[test]
    fn mistakes_are_told_in_one_line() {
        for (text, words) in [
            ("colour = 1", "unknown field `colour`"),
            ("theme = \"pink\"", "no theme 'pink'"),
            ("[keys]\nfly = \"f\"", "no action 'fly'"),
            ("[keys", "line 1"),
        ] {
            let error = Config::from_toml(text).unwrap_err();
            assert!(error.contains(words) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn the_example_names_every_action_with_its_defaults() {
        let text = include_str!("../../examples/config.toml");
        Config::from_toml(text).unwrap();
        let value: toml::Table = toml::from_str(text).unwrap();
        let keys = value["keys"].as_table().unwrap();
        assert_eq!(keys.len(), TABLE.len());
        for binding in TABLE {
            let names: Vec<_> = keys[binding.name].as_array().unwrap().iter().collect();
            assert_eq!(names.len(), binding.keys.len(), "{}", binding.name);
            assert!(
                names
                    .iter()
                    .zip(binding.keys)
                    .all(|(a, b)| a.as_str() == Some(b))
            );
        }
    }
}
