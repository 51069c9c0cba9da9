//! Reads captures again for the packets of one attempt.

use super::Opener;
use crate::ladder::Collector;
use crate::report::pcapng::Writer;
use crate::snapshot::Attempt;
use crate::source::Source;
use crate::ui::export::create_new;
use crate::ui::feed::{Answer, Job, Packets};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// Frames between two looks at whether the job is still wanted.
const BATCH: u32 = 4096;

/// Writes a bundle for a ticket of all attempts that failed, or of the one with that `id`; says where it went.
pub type Bundler = Arc<dyn Fn(Option<usize>, &AtomicBool) -> Result<String, String> + Send + Sync>;

/// Packets of saved captures.
pub struct FilePackets {
    open: Opener,
    bundler: Option<Bundler>,
    again: bool,
    job: Option<(Receiver<Answer>, Arc<AtomicBool>)>,
}

impl FilePackets {
    /// Reads what `open` opens; `again` says that it can be opened again.
    #[must_use]
    pub fn new(open: Opener, again: bool) -> Self {
        Self {
            open,
            bundler: None,
            again,
            job: None,
        }
    }

    /// With what writes bundles.
    #[must_use]
    pub fn with_bundler(mut self, bundler: Bundler) -> Self {
        self.bundler = Some(bundler);
        self
    }
}

impl Packets for FilePackets {
    fn ask(&mut self, job: Job) {
        if let Some((_, stop)) = self.job.take() {
            stop.store(true, Relaxed);
        }
        let (send, receive) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        self.job = Some((receive, Arc::clone(&stop)));
        if !self.again {
            let why = "standard input can't be read again: save it to a file first";
            drop(send.send(Answer::Failed(why.to_owned())));
            return;
        }
        let (open, bundler) = (Arc::clone(&self.open), self.bundler.clone());
        let failed = send.clone();
        let work = move || {
            let answer = match job {
                Job::Bundle(only) => match bundler {
                    Some(bundler) => bundler(only, &stop).map(Answer::Done),
                    None => Err("no bundle can be written here".to_owned()),
                },
                job => open().and_then(|source| do_job(source, job, &stop)),
            };
            drop(send.send(answer.unwrap_or_else(Answer::Failed)));
        };
        let thread = thread::Builder::new()
            .name("packets".to_owned())
            .spawn(work);
        if let Err(error) = thread {
            drop(failed.send(Answer::Failed(format!("no thread to read with: {error}"))));
        }
    }

    fn answer(&mut self) -> Option<Answer> {
        let answer = self.job.as_ref()?.0.try_recv().ok()?;
        self.job = None;
        Some(answer)
    }
}

fn do_job(mut source: Box<dyn Source>, job: Job, stop: &AtomicBool) -> Result<Answer, String> {
    match job {
        Job::Collect(key, attempt) => {
            let mut collector = Collector::new(&attempt);
            each(source.as_mut(), stop, |frame| Ok(collector.take(frame)))?;
            Ok(Answer::Collected(key, collector.finish()))
        }
        Job::Save(path, attempt) => save(source.as_mut(), &path, &attempt, stop),
        Job::Bundle(_) => Err("a bundle is made elsewhere".to_owned()),
    }
}

fn each(
    source: &mut dyn Source,
    stop: &AtomicBool,
    mut take: impl FnMut(&crate::types::Frame<'_>) -> Result<bool, String>,
) -> Result<(), String> {
    let mut count = 0_u32;
    while let Some(frame) = source.next_frame() {
        if !take(&frame)? {
            break;
        }
        count = count.wrapping_add(1);
        if count.is_multiple_of(BATCH) && stop.load(Relaxed) {
            return Err("given up".to_owned());
        }
    }
    Ok(())
}

fn save(
    source: &mut dyn Source,
    path: &Path,
    attempt: &Attempt,
    stop: &AtomicBool,
) -> Result<Answer, String> {
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let (file, path): (_, PathBuf) = create_new(path).map_err(|e| failed(path, e))?;
    let mut out = Writer::new(std::io::BufWriter::new(file)).map_err(|e| failed(&path, e))?;
    let names: Vec<String> = source.captures().into_iter().map(|c| c.source).collect();
    let mut collector = Collector::new(attempt);
    let mut before = 0;
    each(source, stop, |frame| {
        let more = collector.take(frame);
        if collector.count() > before {
            before = collector.count();
            let name = names.get(usize::from(frame.mark.capture.0));
            let name = name.map_or("", String::as_str);
            let proof = match &attempt.cause {
                Some(cause) if collector.last_is_proof() => format!(", proof of {cause}"),
                _ => String::new(),
            };
            let comment = format!("frame {} of {name}{proof}", frame.mark.frame.0);
            out.packet(frame, &comment).map_err(|e| failed(&path, e))?;
        }
        Ok(more)
    })?;
    let mut file = out.finish().map_err(|e| failed(&path, e))?;
    file.flush().map_err(|e| failed(&path, e))?;
    Ok(Answer::Saved(path, before))
}
