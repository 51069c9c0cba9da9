//! What only the user can know: from the options, or asked for on a terminal.

use crate::cli::Report as Options;
use anyhow::Result;
use shakedown::report::ticket::{Answer, words};
use std::io::{self, BufRead, IsTerminal, Write};

/// Steps asked for.
const MAX_TRIED: usize = 20;

/// A question: its heading, an example, and where the answer goes.
type Question = (
    &'static str,
    &'static str,
    fn(&mut Options) -> &mut Option<String>,
);

const QUESTIONS: [Question; 5] = [
    ("Device", "Pixel 8", |o| &mut o.device),
    ("System", "Android 16", |o| &mut o.os),
    ("App version", "41.2.0", |o| &mut o.app_version),
    ("Network", "fibre of X, Wi-Fi", |o| &mut o.network),
    ("Error shown", "No internet connection", |o| {
        &mut o.error_code
    }),
];

/// Asks for what is missing, where somebody sits at the terminal. An empty line passes over a question.
pub(super) fn missing(options: &mut Options) -> Result<()> {
    let stdin = io::stdin();
    let piped = options.files.iter().any(|f| f.as_os_str() == "-");
    let somebody = stdin.is_terminal() && io::stdout().is_terminal();
    if options.no_input || piped || !somebody {
        return Ok(());
    }
    let (mut input, mut out) = (stdin.lock(), io::stderr());
    if !QUESTIONS.iter().any(|q| q.2(options).is_none()) && !options.tried.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "For the reader of the ticket; Enter passes over a question."
    )?;
    for (about, example, field) in QUESTIONS {
        let field = field(options);
        if field.is_none() {
            *field = ask(
                &format!("{about} (such as {example})"),
                &mut input,
                &mut out,
            )?;
        }
    }
    while options.tried.len() < MAX_TRIED {
        match ask("Already tried, one thing a line", &mut input, &mut out)? {
            Some(step) => options.tried.push(step),
            None => break,
        }
    }
    Ok(())
}

fn ask(what: &str, input: &mut impl BufRead, out: &mut impl Write) -> io::Result<Option<String>> {
    write!(out, "{what}: ")?;
    out.flush()?;
    let mut line = String::new();
    input.read_line(&mut line)?;
    let line = line.trim();
    Ok((!line.is_empty()).then(|| line.to_owned()))
}

/// What was answered.
pub(super) fn answers(options: &Options) -> Vec<Answer> {
    let given = [
        ("Device", &options.device),
        ("System", &options.os),
        ("App version", &options.app_version),
        ("Network", &options.network),
        ("Error shown", &options.error_code),
    ];
    let answer = |(about, text): (&'static str, &Option<String>)| {
        let text = words(text.as_deref()?);
        (!text.is_empty()).then_some(Answer { about, text })
    };
    given.into_iter().filter_map(answer).collect()
}
