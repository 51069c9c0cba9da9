//! Why an input can't be opened: one line that names it, says what was found and what to do.

use std::io;

/// Why [`open`](super::open) gave up. Displays as one line; control characters in file names are escaped.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No input was named.
    #[error("no capture named: name the capture files to read, or `-` for standard input")]
    Nothing,
    /// More inputs than a [`CaptureId`](crate::types::CaptureId) can number.
    #[error(
        "{count} captures named: at most 65536 can be read at once; read fewer, or join them with mergecap"
    )]
    TooMany {
        /// How many were named.
        count: usize,
    },
    /// `-` was named more than once.
    #[error("standard input is named twice: it can be read only once")]
    StandardInputTwice,
    /// The path does not exist.
    #[error("{name}: no such file: check the name and the folder")]
    Missing {
        /// The input as named.
        name: String,
    },
    /// The path is a directory.
    #[error("{name}: is a directory: name the capture files in it")]
    Directory {
        /// The input as named.
        name: String,
    },
    /// The operating system refused to open or read it.
    #[error("{name}: can't be read at byte {offset}: {error}: {advice}")]
    Unreadable {
        /// The input as named.
        name: String,
        /// How far reading got.
        offset: u64,
        /// What the system said.
        error: io::Error,
        /// What to do about it.
        advice: &'static str,
    },
    /// Nothing is in it.
    #[error("{name}: is empty: {advice}")]
    Empty {
        /// The input as named.
        name: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// It is something else.
    #[error("{name}: is {found}, not a capture this program reads: {advice}")]
    Foreign {
        /// The input as named.
        name: String,
        /// What it is, with an article.
        found: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// It starts as a capture, but its header is cut or makes no sense.
    #[error("{name}: {found} (at byte {offset}): {advice}")]
    Header {
        /// The input as named.
        name: String,
        /// What is wrong with the header.
        found: String,
        /// Where, counted in the unpacked bytes.
        offset: u64,
        /// What to do about it.
        advice: &'static str,
    },
}

impl OpenError {
    /// The error for `name` where the system call failed with `error` after `offset` bytes.
    pub(super) fn from_io(name: &str, offset: u64, error: io::Error) -> Self {
        let name = name.to_owned();
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing { name },
            io::ErrorKind::IsADirectory => Self::Directory { name },
            kind => Self::Unreadable {
                name,
                offset,
                error,
                advice: advice(kind),
            },
        }
    }
}

/// What to do about a failed open or read.
fn advice(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::PermissionDenied => {
            "make it readable for this user (captures made by root often are not)"
        }
        io::ErrorKind::NotADirectory => {
            "a part of this path is a file, not a folder; check the name"
        }
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            "the compressed file is damaged or cut short; copy it again"
        }
        _ => {
            "check that the file and its disk can be read; if too many files are open, read fewer at once"
        }
    }
}

/// `text` with control characters escaped, so that a file name can't break a line or drive a terminal.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}
