//! The folder with the failures: written whole, bounded.

use super::ring::Packets;
use super::{Plan, tell};
use crate::report::{json, pcapng};
use crate::snapshot::{Attempt, Report, clean::clean};
use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Characters of a host name in a file name.
const NAME: usize = 60;
/// Names tried where one is taken.
const TRIES: u32 = 1000;
const ENDS: [&str; 2] = ["pcapng", "json"];

/// What was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// The capture.
    pub capture: PathBuf,
    /// The report about it.
    pub report: PathBuf,
    /// Packets of the attempt had left memory; the report's notes say so too.
    pub incomplete: bool,
}

/// Why a failure can't be kept. Displays as one line.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}: {error}", clean(&.path.display().to_string()))]
pub struct RecorderError {
    /// The file or folder.
    pub path: PathBuf,
    /// What was tried.
    pub what: &'static str,
    /// The system's answer.
    pub error: io::Error,
}

/// The folder that failures are written to.
pub struct Folder {
    path: PathBuf,
    max_failures: usize,
    max_bytes: u64,
    /// Names without ending, and bytes of each failure; the one written last stands last.
    kept: VecDeque<(String, u64)>,
}

impl Folder {
    /// Makes it where it is missing, and takes stock of what earlier runs left.
    ///
    /// # Errors
    /// If it can't be made or read.
    pub fn open(plan: &Plan) -> Result<Self, RecorderError> {
        let path = plan.folder.clone();
        let failed = |what| {
            let path = path.clone();
            move |error| RecorderError { path, what, error }
        };
        if !path.is_dir() {
            make(&path).map_err(failed("can't be made as the folder for failures"))?;
        }
        let mut found: BTreeMap<String, (SystemTime, u64)> = BTreeMap::new();
        let entries = fs::read_dir(&path).map_err(failed("can't be read as a folder"))?;
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let data = entry.metadata().ok().filter(fs::Metadata::is_file);
            match (stem(&name), data) {
                (Some(stem), Some(data)) => {
                    let written = data.modified().unwrap_or(UNIX_EPOCH);
                    let one = found.entry(stem.to_owned()).or_insert((written, 0));
                    one.1 += data.len();
                }
                // Of a run that was killed while it wrote.
                (None, Some(_)) if is_unfinished(&name) => drop(fs::remove_file(entry.path())),
                _ => {}
            }
        }
        let mut kept: Vec<_> = found.into_iter().collect();
        kept.sort_by_key(|(_, (written, _))| *written);
        let kept = kept
            .into_iter()
            .map(|(stem, (_, size))| (stem, size))
            .collect();
        Ok(Self {
            path: plan.folder.clone(),
            max_failures: plan.max_failures.max(1),
            max_bytes: plan.max_bytes,
            kept,
        })
    }

    /// Writes the packets and the report about an attempt of `report`, then removes the oldest failures beyond the bounds.
    ///
    /// # Errors
    /// If they can't be written; nothing of this failure is left then.
    pub fn keep(
        &mut self,
        packets: &Packets,
        attempt: &Attempt,
        report: &Report,
    ) -> Result<Kept, RecorderError> {
        let stem = self.free_name(attempt);
        let [capture, text] = ENDS.map(|end| self.path.join(format!("{stem}.{end}")));
        let numbers = tell::Numbers::new(packets, attempt);
        let source = format!("{stem}.pcapng");
        let report = tell::report(report, attempt, packets, &numbers, &source);
        let comments = tell::comments(attempt);
        let first = packets.frames().map(|f| f.mark.time).min();
        let ends = pcapng::Statistics {
            span: first.map(|first| (first, packets.until)),
            system_drops: report.captures.first().and_then(|c| c.dropped),
            ..pcapng::Statistics::default()
        };
        let size = whole(&capture, &mut |out| {
            let mut writer = pcapng::Writer::new(out)?;
            for frame in packets.frames() {
                let key = (frame.mark.capture, frame.mark.frame);
                let comment = comments.get(&key).map_or("", String::as_str);
                writer.packet(&frame, comment)?;
            }
            if packets.frames().len() > 0 {
                for &(from, to) in &packets.holes {
                    writer.hole(0, from, to)?;
                }
                writer.statistics(0, &ends, "")?;
            }
            writer.finish().map(drop)
        })?;
        let more = whole(&text, &mut |out| json::write(&report, out));
        let more = more.inspect_err(|_| drop(fs::remove_file(&capture)))?;
        self.kept.push_back((stem, size + more));
        self.forget_oldest();
        let note = |n: &String| n.starts_with("packets of this attempt had left memory");
        Ok(Kept {
            capture,
            report: text,
            incomplete: report.captures.iter().any(|c| c.notes.iter().any(note)),
        })
    }

    /// Failures in the folder, and their bytes.
    #[must_use]
    pub fn total(&self) -> (usize, u64) {
        (
            self.kept.len(),
            self.kept.iter().map(|(_, size)| size).sum(),
        )
    }

    /// `20261122T195500.123Z-v16-webapp.tiktok.com-tcp.syn-unanswered`, with a number behind where that is taken.
    fn free_name(&self, attempt: &Attempt) -> String {
        let time = attempt.started.parse::<jiff::Timestamp>();
        let time = time.unwrap_or_default().strftime("%Y%m%dT%H%M%S%.3f");
        let server = attempt.paths.first().map(|p| p.server.as_str());
        let name = plain(attempt.name.as_deref().or(server).unwrap_or("attempt"));
        let cause = plain(attempt.cause.as_deref().unwrap_or("unknown"));
        let base = format!("{time}Z-{name}-{cause}");
        let taken = |stem: &String| {
            ENDS.iter()
                .any(|end| self.path.join(format!("{stem}.{end}")).exists())
        };
        let mut names = (2..TRIES).map(|n| format!("{base}-{n}"));
        let first = Some(base.clone()).filter(|stem| !taken(stem));
        first
            .or_else(|| names.find(|stem| !taken(stem)))
            .unwrap_or(base)
    }

    fn forget_oldest(&mut self) {
        while self.kept.len() > 1
            && (self.kept.len() > self.max_failures || self.total().1 > self.max_bytes)
        {
            let Some((stem, _)) = self.kept.pop_front() else {
                return;
            };
            for end in ENDS {
                // Somebody may have taken them away already.
                let _ = fs::remove_file(self.path.join(format!("{stem}.{end}")));
            }
        }
    }
}

fn make(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Only what means nothing to a shell, a terminal or a file system; never empty, never beginning with a dot or hyphen.
fn plain(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let text: String = text
        .chars()
        .take(NAME)
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    let text = text.trim_start_matches(['.', '-']);
    if text.is_empty() {
        "_".to_owned()
    } else {
        text.to_owned()
    }
}

/// The name of one of our files without its ending; `None` for any other file.
fn stem(name: &str) -> Option<&str> {
    let (stem, end) = name.rsplit_once('.')?;
    (ENDS.contains(&end) && begins_with_time(stem)).then_some(stem)
}

fn is_unfinished(name: &str) -> bool {
    let inner = name.strip_prefix('.').and_then(|n| n.strip_suffix(".part"));
    inner.and_then(stem).is_some()
}

/// `20261122T195500.123Z-`
fn begins_with_time(stem: &str) -> bool {
    let form = b"00000000T000000.000Z-";
    let bytes = stem.as_bytes();
    bytes.len() > form.len()
        && form.iter().zip(bytes).all(|(f, b)| match f {
            b'0' => b.is_ascii_digit(),
            f => f == b,
        })
}

/// What writes a file.
type Fill<'a> = &'a mut dyn FnMut(&mut BufWriter<File>) -> io::Result<()>;

/// Writes a file under another name and renames it once it is whole; its size.
fn whole(path: &Path, fill: Fill<'_>) -> Result<u64, RecorderError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.part"));
    let written = write(&part, fill).and_then(|size| {
        fs::rename(&part, path)?;
        Ok(size)
    });
    written.map_err(|error| {
        let _ = fs::remove_file(&part);
        let (path, what) = (path.to_owned(), "the failure can't be kept");
        RecorderError { path, what, error }
    })
}

fn write(part: &Path, fill: Fill<'_>) -> io::Result<u64> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = BufWriter::new(options.write(true).create_new(true).open(part)?);
    fill(&mut out)?;
    out.flush()?;
    Ok(out.get_ref().metadata()?.len())
}
