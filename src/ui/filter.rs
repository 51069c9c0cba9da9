//! What to show of the list: a small language.
//!
//! Words are separated by spaces and all must hold. A word is a text to find anywhere in the attempt, or
//! `field:text`. `-` before a word turns it round. Text is found anywhere in the field, upper and lower case alike;
//! `/text/` is a regular expression; quotes keep spaces (`"a b"`).
//!
//! Fields: `name`, `cause`, `stage`, `server`, `outcome`, `blame`, `client`, `resolver`.

use crate::snapshot::Attempt;
use regex::{Regex, RegexBuilder};

/// Largest compiled expression, in bytes.
const REGEX_SIZE: usize = 1 << 20;

/// A field of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Field {
    Any,
    Name,
    Cause,
    Stage,
    Server,
    Outcome,
    Blame,
    Client,
    Resolver,
}

/// The fields by name, for messages.
const FIELDS: &[(&str, Field)] = &[
    ("name", Field::Name),
    ("cause", Field::Cause),
    ("stage", Field::Stage),
    ("server", Field::Server),
    ("outcome", Field::Outcome),
    ("blame", Field::Blame),
    ("client", Field::Client),
    ("resolver", Field::Resolver),
];

#[derive(Clone, Debug)]
struct Term {
    field: Field,
    wanted: bool,
    pattern: Regex,
}

/// A filter; the empty one shows everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    terms: Vec<Term>,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// What is wrong, in a few words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let terms = words(text)
            .iter()
            .map(|w| term(w))
            .collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }

    /// It shows everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether the attempt is shown.
    #[must_use]
    pub fn shows(&self, attempt: &Attempt) -> bool {
        let holds = |t: &Term| t.field.any(attempt, &|text| t.pattern.is_match(text)) == t.wanted;
        self.terms.iter().all(holds)
    }
}

impl Field {
    /// Whether `test` holds for any text of this field.
    fn any(self, attempt: &Attempt, test: &dyn Fn(&str) -> bool) -> bool {
        let some = |text: &Option<String>| text.as_deref().is_some_and(test);
        match self {
            Self::Name => some(&attempt.name),
            Self::Cause => some(&attempt.cause) || attempt.findings.iter().any(|f| test(&f.cause)),
            Self::Stage => attempt.stage.is_some_and(|s| test(s.as_str())),
            Self::Server => attempt.paths.iter().any(|p| {
                let network = p.network.as_ref();
                test(&p.server) || network.is_some_and(|n| some(&n.cdn))
            }),
            Self::Outcome => test(attempt.outcome.as_str()),
            Self::Blame => attempt.blame.is_some_and(|b| test(b.as_str())),
            Self::Client => test(&attempt.client),
            Self::Resolver => attempt.lookups.iter().any(|l| test(&l.resolver)),
            Self::Any => {
                let sni = |p: &crate::snapshot::Path| some(&p.sni) || some(&p.app);
                FIELDS.iter().any(|(_, field)| field.any(attempt, test))
                    || attempt.paths.iter().any(sni)
                    || some(&attempt.role)
            }
        }
    }
}

/// The words of a filter, quotes and slashes kept together.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut within = None;
    for c in text.chars() {
        let word = words.last_mut();
        let Some(word) = word else { break };
        match within {
            None if c.is_whitespace() => words.push(String::new()),
            None if c == '"' => within = Some('"'),
            None if c == '/' && (word.is_empty() || word.ends_with(':') || word == "-") => {
                within = Some('/');
                word.push(c);
            }
            Some('"') if c == '"' => within = None,
            Some('/') if c == '/' && !word.ends_with('\\') => {
                within = None;
                word.push(c);
            }
            _ => word.push(c),
        }
    }
    words.retain(|w| !w.is_empty() && w != "-");
    words
}

fn is_word(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_lowercase())
}

fn term(word: &str) -> Result<Term, String> {
    let (wanted, word) = match word.strip_prefix('-') {
        Some(rest) => (false, rest),
        None => (true, word),
    };
    let (field, text) = match word.split_once(':') {
        // With a second colon it is an IPv6 address.
        Some((name, text)) if !name.is_empty() && is_word(name) && !text.contains(':') => {
            let field = FIELDS.iter().find(|(n, _)| *n == name);
            let field = field.ok_or_else(|| {
                let known: Vec<&str> = FIELDS.iter().map(|(n, _)| *n).collect();
                format!("no field '{name}': {}", known.join(" "))
            })?;
            (field.1, text)
        }
        _ => (Field::Any, word),
    };
    let inner = text.strip_prefix('/').and_then(|t| t.strip_suffix('/'));
    let pattern = inner.map_or_else(|| regex::escape(text), str::to_owned);
    let pattern = RegexBuilder::new(&pattern)
        .case_insensitive(true)
        .size_limit(REGEX_SIZE)
        .build()
        .map_err(|e| {
            let text = e.to_string();
            let reason = text.lines().last().unwrap_or_default();
            format!("/{pattern}/: {}", reason.trim_start_matches("error: "))
        })?;
    Ok(Term {
        field,
        wanted,
        pattern,
    })
}
