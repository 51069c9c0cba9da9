//! What to show of the list: a small language.
//!
//! Words are separated by spaces and all must hold. A word is a text to find anywhere in the attempt, or
//! `field:text`. `-` before a word turns it round. Text is found anywhere in the field, upper and lower case alike;
//! `/text/` is a regular expression (the last slash may be left out); quotes keep spaces (`"a b"`).
//!
//! [`fields`] names the fields; the help screen is made from it.

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

/// The fields by name, with what they are found in: for messages and for help.
const TABLE: &[(&str, Field, &str)] = &[
    ("name", Field::Name, "the host name"),
    (
        "cause",
        Field::Cause,
        "any cause found, as tcp.syn-unanswered",
    ),
    (
        "stage",
        Field::Stage,
        "where it broke: dns tcp tls quic http media",
    ),
    (
        "server",
        Field::Server,
        "address:port of a server, or its network",
    ),
    (
        "outcome",
        Field::Outcome,
        "ok degraded broken unfinished abandoned",
    ),
    (
        "blame",
        Field::Blame,
        "whom it points at, as path or resolver",
    ),
    ("client", Field::Client, "the address that tried"),
    (
        "resolver",
        Field::Resolver,
        "address:port of a resolver asked",
    ),
];

/// The fields by name, each with what it is found in.
pub fn fields() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.iter().map(|(name, _, what)| (*name, *what))
}

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
                TABLE.iter().any(|(_, field, _)| field.any(attempt, test))
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
    let (field, text) = field(word)?;
    let inner = text.strip_prefix('/');
    let inner = inner.map(|t| t.strip_suffix('/').unwrap_or(t));
    let pattern = inner.map_or_else(|| regex::escape(text), str::to_owned);
    let pattern = RegexBuilder::new(&pattern)
        .case_insensitive(true)
        .size_limit(REGEX_SIZE)
        .build()
        .map_err(|e| {
            let text = e.to_string();
            let reason = text.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            format!("/{pattern}/ is no regular expression: {reason}")
        })?;
    Ok(Term {
        field,
        wanted,
        pattern,
    })
}

/// The field that a word names, and what is to be found in it.
fn field(word: &str) -> Result<(Field, &str), String> {
    let Some((name, text)) = word.split_once(':') else {
        return Ok((Field::Any, word));
    };
    if let Some((_, field, _)) = TABLE.iter().find(|(n, _, _)| *n == name) {
        return Ok((*field, text));
    }
    // With a second colon it is an IPv6 address, with a port after it another.
    let address = text.contains(':') || text.starts_with(|c: char| c.is_ascii_digit());
    if name.is_empty() || !is_word(name) || address {
        return Ok((Field::Any, word));
    }
    let known: Vec<&str> = fields().map(|(n, _)| n).collect();
    Err(format!(
        "there is no field '{name}', but {}",
        known.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field_of(word: &str) -> Result<Field, String> {
        super::field(word).map(|(field, _)| field)
    }

    #[test]
    fn a_word_with_colons_may_be_a_field_or_an_address() {
        assert_eq!(field_of("server:[2606:4700::6810]:443"), Ok(Field::Server));
        assert_eq!(field_of("resolver:1.1.1.1:53"), Ok(Field::Resolver));
        assert_eq!(field_of("2606:4700::6810"), Ok(Field::Any));
        assert_eq!(field_of("dead:beef::1"), Ok(Field::Any));
        assert_eq!(field_of("example.com:443"), Ok(Field::Any));
        let error = field_of("nmae:x").unwrap_err();
        assert!(error.contains("no field 'nmae'") && error.contains("name, cause"));
    }

    #[test]
    fn every_field_is_taken_and_mistakes_are_told() {
        for (name, _) in fields() {
            assert!(Filter::parse(&format!("{name}:/a.c/ -{name}:\"a c\"")).is_ok());
        }
        for (text, words) in [
            ("/(/", "/(/ is no regular expression: unclosed group"),
            ("name:/[a", "unclosed character class"),
            ("name:/a{99999999}/", "no regular expression"),
            (r"/(\w{9}){99999}/", "size limit"),
        ] {
            let error = Filter::parse(text).err().unwrap_or_default();
            assert!(error.contains(words) && !error.contains('\n'), "{error}");
        }
        for text in ["", "-", "/", "name:", "name:/^v1", "\"", "-name:/x y/"] {
            assert!(Filter::parse(text).is_ok(), "{text}");
        }
    }
}
