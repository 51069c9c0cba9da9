//! What is read and what is looked for: the options that all commands share, made ready once.

use crate::cli::{Common, Redact, TargetArgs};
use crate::progress::Progress;
use anyhow::{Context, Result, anyhow, bail};
use shakedown::bundle::Privacy;
use shakedown::diagnose::Thresholds;
use shakedown::engine::{Engine, Limits};
use shakedown::redact::Plan;
use shakedown::source::{self, CaptureInfo, Source, filter::Filter};
use shakedown::target::Target;
use std::path::{Path, PathBuf};

/// The engine after the last packet, and what is known of the captures.
pub(super) type Analysed = (Engine, Vec<CaptureInfo>);

/// The settings of one run.
#[derive(Clone)]
pub struct Input {
    /// What to look for.
    pub target: Target,
    /// Bounds of what the engine holds.
    pub limits: Limits,
    /// When something is slow.
    pub thresholds: Thresholds,
    filter: Option<Filter>,
    privacy: Privacy,
}

impl Input {
    /// # Errors
    /// An option that does not mean anything, in one line.
    pub fn new(options: &Common) -> Result<Self> {
        let mut limits = Limits::default();
        limits.flows = options.max_flows.unwrap_or(limits.flows);
        let mut thresholds = Thresholds::default();
        for limit in &options.limits {
            thresholds.set(limit).map_err(|e| anyhow!(e))?;
        }
        Ok(Self {
            target: target(&options.target)?,
            limits,
            thresholds,
            filter: options.filter.as_deref().map(Filter::new).transpose()?,
            privacy: Privacy::Open,
        })
    }

    /// Shows pseudonyms in the place of addresses and names, where that is asked for.
    ///
    /// # Errors
    /// The input can be read only once, and redaction reads it twice.
    pub fn redacted(mut self, redact: &Redact, files: &[PathBuf]) -> Result<Self> {
        if redact.redact {
            if files.iter().any(|file| file.as_os_str() == "-") {
                bail!(
                    "--redact reads the capture twice, and standard input can be read once: save it to a file first"
                );
            }
            self.privacy = fresh_key()?;
        }
        Ok(self)
    }

    /// The same for files that hold only what matched the filter.
    #[cfg(feature = "live")]
    pub fn unfiltered(self) -> Self {
        Self {
            filter: None,
            ..self
        }
    }

    /// The packets of these files, in time order.
    ///
    /// # Errors
    /// A file that can't be read, in one line.
    pub fn open(&self, files: &[PathBuf]) -> Result<Box<dyn Source>, String> {
        let Privacy::Redacted(key) = self.privacy else {
            return self.plain(files);
        };
        let mut plan = Plan::new(&self.target, key);
        let mut first = self.plain(files)?;
        while let Some(frame) = first.next_frame() {
            plan.frame(&frame);
        }
        Ok(Box::new(plan.finish().over(self.plain(files)?)))
    }

    fn plain(&self, files: &[PathBuf]) -> Result<Box<dyn Source>, String> {
        let captures = source::open(files).map_err(|e| e.to_string())?;
        Ok(match &self.filter {
            Some(filter) => Box::new(filter.clone().over(captures)),
            None => Box::new(captures),
        })
    }

    /// Reads the files to their ends.
    ///
    /// # Errors
    /// A file that can't be read, in one line.
    pub fn analyse(&self, files: &[PathBuf]) -> Result<Analysed> {
        let mut source = self.open(files).map_err(|e| anyhow!(e))?;
        let mut engine = Engine::new(self.target.clone(), self.limits);
        let mut progress = Progress::new(self.size(files));
        while let Some(frame) = source.next_frame() {
            progress.frame(frame.data.len());
            engine.handle_frame(&frame);
        }
        progress.finish();
        let captures = source.captures();
        engine.handle_stated(&captures);
        engine.finish();
        Ok((engine, captures))
    }

    /// Bytes to be read; not known of pipes, of packed files, and where a filter passes over packets.
    pub fn size(&self, files: &[PathBuf]) -> Option<u64> {
        let plain = |path: &&PathBuf| {
            let name = path.to_string_lossy();
            !(name.ends_with(".gz") || name.ends_with(".zst"))
        };
        if self.filter.is_some() || !files.iter().all(|path| plain(&path)) {
            return None;
        }
        let file = |path: &PathBuf| std::fs::metadata(path).ok().filter(|m| m.is_file());
        files.iter().map(|path| file(path).map(|m| m.len())).sum()
    }
}

/// A new key for each run: who has two reports can't tell that a pseudonym of one is a pseudonym of the other.
pub(super) fn fresh_key() -> Result<Privacy> {
    let mut key = [0; 32];
    let random = ring::rand::SystemRandom::new();
    ring::rand::SecureRandom::fill(&random, &mut key)
        .map_err(|_| anyhow!("the system gives no random numbers to make pseudonyms from"))?;
    Ok(Privacy::Redacted(key))
}

fn target(args: &TargetArgs) -> Result<Target> {
    let mut target = load_target(&args.target)?;
    for host in &args.host {
        target
            .add_host(host)
            .with_context(|| format!("--host '{host}'"))?;
    }
    for net in &args.net {
        target
            .add_net(net)
            .with_context(|| format!("--net '{net}'"))?;
    }
    target.set_all(args.all);
    Ok(target)
}

/// A built-in profile, or one from a file.
pub(super) fn load_target(name: &str) -> Result<Target> {
    if let Some(target) = Target::built_in(name) {
        return Ok(target);
    }
    let path = Path::new(name);
    if !path.exists() {
        bail!(
            "'{name}' is neither a built-in target nor a file: name a TOML file, or one of {}",
            Target::BUILT_IN.join(", ")
        );
    }
    if path.is_dir() {
        bail!("{name}: is a folder, not a target profile: name the TOML file in it");
    }
    let bytes = std::fs::read(path)
        .with_context(|| format!("{name}: can't be read as a target profile: check the file"))?;
    let Ok(text) = String::from_utf8(bytes) else {
        bail!("{name}: is no target profile: those are TOML, that is, text");
    };
    Target::from_toml(&text, name)
        .map_err(|e| anyhow!("{e}: a profile is written like examples/profiles/example.toml"))
}
