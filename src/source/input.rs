//! Opens one input: a path or standard input, unpacked where it is gzip or zstd, as a [`Window`] on its bytes.

use super::error::{OpenError, printable};
use super::unpack::{Zstd, gzip};
use super::window::{Bytes, Window};
use super::{Compression, Reading};
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;

/// Compressed bytes read at once.
const PACKED: usize = 256 << 10;

/// An opened input: its name as given, how it is packed, its (unpacked) bytes.
pub(super) struct Input {
    /// The path as the user gave it, control characters escaped; `-` is standard input.
    pub(super) name: String,
    /// What the bytes are unpacked from.
    pub(super) compression: Compression,
    /// The unpacked bytes; at least the first is in view.
    pub(super) window: Window,
    /// A file that is all there, in contrast to a pipe that is still being written.
    pub(super) regular: bool,
}

impl Input {
    /// Opens `path`, waits for its first bytes and unpacks it where needed. Blocks are `block` bytes.
    pub(super) fn open(path: &Path, block: usize) -> Result<Self, OpenError> {
        if path.as_os_str() == "-" {
            return Self::new("-", Box::new(std::io::stdin()), false, block);
        }
        let name = printable(&path.to_string_lossy());
        let failed = |error| OpenError::from_io(&name, 0, error);
        // Opening a directory succeeds on some systems, so it is asked first.
        let meta = std::fs::metadata(path).map_err(failed)?;
        if meta.is_dir() {
            return Err(OpenError::Directory { name });
        }
        let file = File::open(path).map_err(failed)?;
        Self::new(&name, Box::new(file), meta.is_file(), block)
    }

    /// The same for bytes from anywhere.
    pub(super) fn new(
        name: &str,
        bytes: Bytes,
        regular: bool,
        block: usize,
    ) -> Result<Self, OpenError> {
        let mut input = Self {
            name: name.to_owned(),
            compression: Compression::None,
            window: Window::new(bytes, block),
            regular,
        };
        input.first_bytes(empty_advice(name, regular))?;
        input.compression = match input.window.data() {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            _ => return Ok(input),
        };
        input.window = unpacked(input.window, input.compression, block);
        input.first_bytes("what it was packed from was empty; capture again")?;
        Ok(input)
    }

    /// Waits for the four bytes that tell formats apart.
    fn first_bytes(&mut self, empty: &'static str) -> Result<(), OpenError> {
        let whole = self.window.fill(4);
        if let Some(error) = self.window.failure() {
            let offset = self.window.data().len() as u64;
            return Err(OpenError::from_io(&self.name, offset, error));
        }
        if whole || !self.window.data().is_empty() {
            return Ok(());
        }
        Err(OpenError::Empty {
            name: self.name.clone(),
            advice: empty,
        })
    }

    /// Starts a reading thread, unless `reading` says otherwise or a plain file is wholly in view already.
    pub(super) fn choose_reading(&mut self, reading: Reading) {
        let all_there =
            self.regular && self.compression == Compression::None && self.window.is_partly_filled();
        let ahead = match reading {
            Reading::Auto => !all_there,
            Reading::Direct => false,
            Reading::Ahead => true,
        };
        if ahead {
            self.window.read_ahead(self.regular);
        }
    }
}

fn empty_advice(name: &str, regular: bool) -> &'static str {
    if name == "-" {
        "nothing was written to standard input; check the program before the pipe"
    } else if regular {
        "nothing was saved to it (0 bytes); capture again"
    } else {
        "its writer closed it without writing"
    }
}

/// A window on what the packed bytes of `window` unpack to. The bytes already in view are put in front again.
fn unpacked(window: Window, compression: Compression, block: usize) -> Window {
    let (start, rest) = window.into_parts();
    let packed = BufReader::with_capacity(PACKED, Cursor::new(start).chain(rest));
    let bytes: Bytes = match compression {
        Compression::Zstd => Box::new(Zstd::new(packed)),
        _ => Box::new(gzip(packed)),
    };
    Window::new(bytes, block)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(bytes: &[u8]) -> Result<Input, OpenError> {
        Input::new("x", Box::new(Cursor::new(bytes.to_vec())), true, 1 << 16)
    }

    #[test]
    fn test_plain_bytes_pass_through() {
        let input = open(b"abcdef").unwrap();
        assert_eq!(input.compression, Compression::None);
        assert_eq!(input.window.data(), b"abcdef");
    }

    #[test]
    fn test_empty_and_damaged_inputs_are_errors() {
        assert!(matches!(open(b""), Err(OpenError::Empty { .. })));
        let error = open(b"\x1f\x8b\x08\0").err().unwrap().to_string();
        assert!(error.starts_with("x: can't be read at byte 0: "), "{error}");
        assert!(error.ends_with("copy it again"), "{error}");
    }
}
