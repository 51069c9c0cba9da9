//! A file that holds whole blocks only, or standard output.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// What blocks are written to.
pub(super) struct Output {
    to: To,
    written: u64,
}

enum To {
    File(File),
    Stdout(io::Stdout),
}

impl Output {
    /// A file, made anew or emptied.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Self::open(path, OpenOptions::new().create(true).truncate(true))
    }

    /// A file that must not be there yet, so that nothing of an earlier run or another program is lost.
    pub(super) fn create_new(path: &Path) -> io::Result<Self> {
        Self::open(path, OpenOptions::new().create_new(true))
    }

    fn open(path: &Path, options: &mut OpenOptions) -> io::Result<Self> {
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
        let to = To::File(options.write(true).open(path)?);
        Ok(Self { to, written: 0 })
    }

    pub(super) fn stdout() -> Self {
        let to = To::Stdout(io::stdout());
        Self { to, written: 0 }
    }

    /// It is standard output, which can't be cut back.
    pub(super) fn is_stdout(&self) -> bool {
        matches!(self.to, To::Stdout(_))
    }

    /// Bytes of whole blocks that are there.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Writes all of `blocks`; where that fails, a file is cut back to what it was. A pipe keeps what it got.
    pub(super) fn write(&mut self, blocks: &[u8]) -> io::Result<()> {
        let done = match &mut self.to {
            To::File(file) => {
                let done = file.write_all(blocks);
                if done.is_err() && file.set_len(self.written).is_ok() {
                    file.seek(SeekFrom::Start(self.written))?;
                }
                done
            }
            To::Stdout(out) => out.write_all(blocks).and_then(|()| out.flush()),
        };
        done?;
        self.written += blocks.len() as u64;
        Ok(())
    }
}
