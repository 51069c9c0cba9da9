//! The thing to attach to a bug ticket: a report in three forms, and the few packets that prove it.
//!
//! [`make`] reads the capture again and again, never keeping more of it than [`pick`] allows:
//!
//! 1. The engine says what happened in the original, while [`redact`](crate::redact) learns what has to be replaced.
//! 2. The packets of the attempts that failed, and of one that worked, are picked out.
//! 3. The same engine over the redacted packets: every text that the bundle holds comes from this pass, so that nothing
//!    else can be in it, and the redacted packets take the place of those picked. Each attempt must be judged as before.
//!
//! Then [`evidence`] writes the fewest of them that, read back as any capture is, still give the same judgement. Where
//! none do, there is no bundle: [`Refused`] says which attempt would change, and how.
//!
//! [`pack`] writes the files so that a bundle is there as a whole or not at all.

mod check;
pub mod choose;
pub mod evidence;
pub mod pack;
pub mod pick;

use crate::diagnose::Thresholds;
use crate::engine::{Engine, Limits};
use crate::ladder::Collector;
use crate::redact::Plan;
use crate::report::html;
use crate::report::ticket::{self, Audience, Evidence, Hashed, Page, Redaction, Ticket, Told};
use crate::snapshot::Report;
use crate::source::{CaptureInfo, Source};
use crate::target::Target;
use crate::types::Frame;
use choose::Chosen;
use pick::{Picked, Picker};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Frames between two looks at whether the user wants to stop.
const BATCH: u32 = 4096;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The capture, or a file that is written, is the matter.
    #[error("{0}")]
    Failed(String),
    /// The user wanted to stop.
    #[error("stopped: nothing was written")]
    Stopped,
    /// A bundle would not prove what the capture proves.
    #[error("{0}")]
    Unproven(String),
}

impl From<std::io::Error> for Refused {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Opens the captures, each time from the beginning.
pub type Open<'a> = &'a dyn Fn() -> Result<Box<dyn Source>, String>;

/// Waits for the captures' hashes.
pub type Originals<'a> = Box<dyn FnOnce() -> Result<Vec<Hashed>, Refused> + 'a>;

/// What may be seen of the capture.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Privacy {
    /// Everything.
    Open,
    /// What [`redact`](crate::redact) leaves, with pseudonyms made from this key.
    Redacted([u8; 32]),
}

/// What to make a bundle of, and how.
pub struct Request<'a> {
    /// Opens the captures.
    pub open: Open<'a>,
    /// What may be seen of them.
    pub privacy: Privacy,
    /// What to look for.
    pub target: Target,
    /// Bounds of what the engine holds.
    pub limits: Limits,
    /// When something is slow.
    pub thresholds: Thresholds,
    /// Attempts, by `id`, that are to stay out.
    pub drop: &'a [usize],
    /// Attempts, by `id`, to take instead of those that failed.
    pub only: &'a [usize],
    /// Names of the captures for the reader, where nothing is redacted.
    pub names: &'a [String],
    /// Set where the user wants to stop.
    pub stop: &'a AtomicBool,
    /// Where a temporary file may be written.
    pub scratch: &'a Path,
    /// Called for each frame read, with its length.
    pub progress: &'a dyn Fn(usize),
    /// For whom.
    pub audience: Option<Audience>,
    /// Most characters of `report.md`.
    pub max_chars: Option<usize>,
    /// What the user said.
    pub answers: Vec<ticket::Answer>,
    /// What the user tried.
    pub tried: Vec<String>,
    /// Hands over the captures' hashes, once they are wanted: they may be made meanwhile.
    pub originals: Originals<'a>,
}

/// A file of the bundle.
#[derive(Clone, Debug)]
pub struct BundleFile {
    /// Its name.
    pub name: &'static str,
    /// Its contents.
    pub data: Vec<u8>,
}

/// A bundle, not written yet.
pub struct Bundle {
    /// Its files, in their order.
    pub files: Vec<BundleFile>,
    /// The report that they were made of.
    pub report: Report,
    /// What the bundle says besides.
    pub ticket: Ticket,
}

/// Names of the files of a bundle.
pub const FILES: [&str; 4] = ["report.md", "report.html", "report.json", EVIDENCE];
/// Name of the evidence.
pub const EVIDENCE: &str = "evidence.pcapng";

/// The report as JSON, with what the bundle says besides.
#[derive(Serialize, JsonSchema)]
pub struct Whole<'a> {
    /// The report.
    #[serde(flatten)]
    pub report: &'a Report,
    /// The rest.
    pub bundle: &'a Ticket,
}

/// Makes a bundle.
///
/// # Errors
/// [`Refused`]: what could not be read, or which attempt would not be judged the same.
pub fn make(request: Request<'_>) -> Result<Bundle, Refused> {
    let mut plan = match request.privacy {
        Privacy::Open => None,
        Privacy::Redacted(key) => Some(Plan::new(&request.target, key)),
    };
    let source = (request.open)().map_err(Refused::Failed)?;
    let original = run(&request, source, &mut |frame| {
        if let Some(plan) = &mut plan {
            plan.frame(frame);
        }
    })?;
    let gone = |id: &&usize| original.0.attempts.iter().all(|a| a.id != **id);
    if let Some(id) = request.drop.iter().chain(request.only).find(gone) {
        let count = original.0.attempts.len();
        return Err(Refused::Failed(format!(
            "there is no attempt {id}: they are numbered from 1 to {count}, as `read` shows them"
        )));
    }
    let chosen = choose::choose(&original.0, request.drop, request.only);
    let picked = pick(&request, &original.0, &chosen)?;
    let seen = match plan {
        None => Seen::plain(original, chosen, picked, request.drop),
        Some(plan) => redacted(&request, plan, &original.0, &chosen, picked)?,
    };
    written(request, seen)
}

/// All that may be told of.
struct Seen {
    report: Report,
    infos: Vec<CaptureInfo>,
    chosen: Vec<Chosen>,
    picked: Picked,
    /// Attempts to leave out, by `id` in this report.
    drop: Vec<usize>,
    redaction: Redaction,
}

impl Seen {
    fn plain(original: Pass, chosen: Vec<Chosen>, picked: Picked, drop: &[usize]) -> Self {
        Self {
            report: original.0,
            infos: original.1,
            chosen,
            picked,
            drop: drop.to_vec(),
            redaction: Redaction::default(),
        }
    }
}

/// Checks the evidence, and paints everything.
fn written(request: Request<'_>, seen: Seen) -> Result<Bundle, Refused> {
    let Seen {
        mut report,
        infos,
        chosen,
        picked,
        drop,
        redaction,
    } = seen;
    let told = told(&report, &chosen, &picked);
    let proof = evidence::prove(&request, &report, &infos, &chosen, &picked, &told)?;
    let mut originals = (request.originals)()?;
    if redaction.on {
        // The files' own names may be nobody's business either.
        for (hashed, info) in originals.iter_mut().zip(&infos) {
            hashed.name.clone_from(&info.source);
        }
    } else {
        for (capture, name) in report.captures.iter_mut().zip(request.names) {
            capture.source.clone_from(name);
        }
    }
    let ticket = Ticket {
        audience: request.audience,
        answers: request.answers,
        tried: request.tried,
        originals,
        left_out: left_out(&report, &chosen, &drop, &proof.notes),
        evidence: proof.evidence,
        redaction,
    };
    // What was dropped is in no form of the report; its frames are not in the evidence.
    let told = without(&mut report, &drop, told);
    let files = paint(&report, &told, &ticket, proof.bytes, request.max_chars)?;
    Ok(Bundle {
        files,
        report,
        ticket,
    })
}

/// The report of one pass, and what is known of the captures.
type Pass = (Report, Vec<CaptureInfo>);

fn run(
    request: &Request<'_>,
    mut source: Box<dyn Source>,
    see: &mut dyn FnMut(&Frame<'_>),
) -> Result<Pass, Refused> {
    follow(request, source.as_mut(), see)
}

/// What the engine says of all frames.
fn follow(
    request: &Request<'_>,
    source: &mut dyn Source,
    see: &mut dyn FnMut(&Frame<'_>),
) -> Result<Pass, Refused> {
    let mut engine = Engine::new(request.target.clone(), request.limits);
    each(request, source, &mut |frame| {
        see(frame);
        engine.handle_frame(frame);
    })?;
    let captures = source.captures();
    engine.handle_stated(&captures);
    engine.finish();
    let report = engine.snapshot(&captures, request.thresholds);
    Ok((report, captures))
}

fn each(
    request: &Request<'_>,
    source: &mut dyn Source,
    take: &mut dyn FnMut(&Frame<'_>),
) -> Result<(), Refused> {
    let mut count = 0_u32;
    while let Some(frame) = source.next_frame() {
        take(&frame);
        (request.progress)(frame.data.len());
        count = count.wrapping_add(1);
        if count.is_multiple_of(BATCH) && request.stop.load(Relaxed) {
            return Err(Refused::Stopped);
        }
    }
    if request.stop.load(Relaxed) {
        return Err(Refused::Stopped);
    }
    Ok(())
}

fn pick(request: &Request<'_>, report: &Report, chosen: &[Chosen]) -> Result<Picked, Refused> {
    let mut source = (request.open)().map_err(Refused::Failed)?;
    let mut picker = Picker::new(report, chosen);
    each(request, source.as_mut(), &mut |frame| picker.take(frame))?;
    Ok(picker.finish())
}

/// The second pass: the report over the redacted frames, and these in the place of the frames that were picked.
fn redacted(
    request: &Request<'_>,
    plan: Plan,
    original: &Report,
    chosen: &[Chosen],
    mut picked: Picked,
) -> Result<Seen, Refused> {
    let source = (request.open)().map_err(Refused::Failed)?;
    let mut source = plan.finish().over(source);
    let mut left = picked.frames.iter_mut();
    let mut next = left.next();
    let (report, infos) = follow(request, &mut source, &mut |frame| {
        if let Some(kept) = next.take_if(|kept| kept.mark == frame.mark) {
            kept.data.clear();
            kept.data.extend_from_slice(frame.data);
            next = left.next();
        }
    })?;
    if next.is_some() {
        let why = "the capture changed while it was read: copy it, and report on the copy";
        return Err(Refused::Failed(why.to_owned()));
    }
    let places =
        check::same_attempts(original, &report, request.drop).map_err(Refused::Unproven)?;
    let place = |index: usize| places.get(index).copied().flatten();
    let moved = |c: &Chosen| {
        let index = place(c.index)?;
        Some(Chosen { index, ..*c })
    };
    let id = |id: &usize| {
        let index = original.attempts.iter().position(|a| a.id == *id)?;
        report.attempts.get(place(index)?).map(|a| a.id)
    };
    let done = source.done().into_iter().filter(|d| d.count != Some(0));
    let done = done.map(|done| match done.count {
        Some(count) => format!("{}: {count}", done.what),
        None => done.what.to_owned(),
    });
    Ok(Seen {
        chosen: chosen.iter().filter_map(moved).collect(),
        drop: request.drop.iter().filter_map(id).collect(),
        redaction: Redaction {
            on: true,
            done: done.collect(),
        },
        report,
        infos,
        picked,
    })
}

/// The packets of each chosen attempt, as a ladder wants them.
fn told(report: &Report, chosen: &[Chosen], picked: &Picked) -> Vec<Told> {
    let one = |(number, chosen): (usize, &Chosen)| {
        let attempt = report.attempts.get(chosen.index)?;
        let mut collector = Collector::new(attempt);
        for kept in picked.of(number) {
            collector.take(&kept.frame());
        }
        let packets = collector.finish();
        Some(Told {
            attempt: chosen.index,
            packets,
        })
    };
    chosen.iter().enumerate().filter_map(one).collect()
}

/// The packets of the attempts that failed, for a report that stands alone: the capture is read once more.
///
/// # Errors
/// [`Refused::Failed`] where it can't be read.
pub fn packets_of(open: Open<'_>, report: &Report) -> Result<Vec<Told>, Refused> {
    let chosen = choose::choose(report, &[], &[]);
    let mut source = open().map_err(Refused::Failed)?;
    let mut picker = Picker::new(report, &chosen);
    while let Some(frame) = source.next_frame() {
        picker.take(&frame);
    }
    Ok(told(report, &chosen, &picker.finish()))
}

/// Takes attempts out of the report.
fn without(report: &mut Report, drop: &[usize], told: Vec<Told>) -> Vec<Told> {
    let mut places = Vec::new();
    let mut kept = 0;
    for attempt in &report.attempts {
        let stays = !drop.contains(&attempt.id);
        places.push(stays.then_some(kept));
        kept += usize::from(stays);
    }
    report.attempts.retain(|a| !drop.contains(&a.id));
    let place = |told: Told| {
        let attempt = places.get(told.attempt).copied().flatten()?;
        Some(Told { attempt, ..told })
    };
    told.into_iter().filter_map(place).collect()
}

fn left_out(report: &Report, chosen: &[Chosen], drop: &[usize], notes: &[String]) -> Vec<String> {
    let mut out = notes.to_vec();
    let list = |ids: &[usize]| {
        let ids: Vec<String> = ids.iter().take(40).map(usize::to_string).collect();
        ids.join(", ")
    };
    if !drop.is_empty() {
        out.push(format!(
            "Attempts that the user took out: {}. The verdict and the tables of servers and resolvers still count them.",
            list(drop)
        ));
    }
    let failed = report.attempts.iter().filter(|a| choose::failed(a));
    let left: Vec<usize> = failed
        .filter(|a| !drop.contains(&a.id))
        .filter(|a| {
            chosen
                .iter()
                .all(|c| report.attempts.get(c.index).is_none_or(|b| b.id != a.id))
        })
        .map(|a| a.id)
        .collect();
    if !left.is_empty() {
        out.push(format!(
            "Packets of {} more attempts that failed ({}): the evidence holds at most {} attempts.",
            left.len(),
            list(&left),
            choose::MAX_ATTEMPTS
        ));
    }
    out
}

fn paint(
    report: &Report,
    told: &[Told],
    ticket: &Ticket,
    evidence: Vec<u8>,
    max_chars: Option<usize>,
) -> Result<Vec<BundleFile>, Refused> {
    let page = Page {
        report,
        told,
        untold: None,
        ticket: Some(ticket),
    };
    let (mut md, mut page_html, mut json) = (Vec::new(), Vec::new(), Vec::new());
    ticket::markdown::write(&page, max_chars, &mut md)?;
    html::write(&page, &mut page_html)?;
    let whole = Whole {
        report,
        bundle: ticket,
    };
    serde_json::to_writer(&mut json, &whole).map_err(|e| Refused::Failed(e.to_string()))?;
    json.push(b'\n');
    let [md_name, html_name, json_name, _] = FILES;
    let file = |name, data| BundleFile { name, data };
    let mut files = vec![
        file(md_name, md),
        file(html_name, page_html),
        file(json_name, json),
    ];
    if ticket.evidence.is_some() {
        files.push(file(EVIDENCE, evidence));
    }
    Ok(files)
}

/// The evidence as the ticket tells of it.
pub(crate) fn described(bytes: &[u8], rest: Evidence) -> Evidence {
    Evidence {
        file: Hashed {
            name: EVIDENCE.to_owned(),
            bytes: bytes.len() as u64,
            sha256: pack::sha256(bytes),
        },
        ..rest
    }
    .indexed()
}
