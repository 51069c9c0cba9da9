//! The evidence file: the fewest of the picked packets that still prove what the whole capture proves.
//!
//! `prove` writes a choice, reads it back with the same reader and the same engine, and compares. It begins with the
//! packets of the chosen attempts, their payload cut after the handshake, and takes in more only where the judgement
//! asks for it: first the payload, then packets of other attempts, of the same device, of anything.

use super::check::{refusal, same_in_part};
use super::choose::{Chosen, failed};
use super::pack::UNFINISHED;
use super::pick::{Kept, Picked, Rank};
use super::{Refused, Request, described};
use crate::engine::Engine;
use crate::report::pcapng::Writer;
use crate::report::ticket::{Evidence, Hashed, Origin, Told, name};
use crate::snapshot::{Attempt, Report};
use crate::source::{self, CaptureInfo, Source};
use crate::types::CaptureId;
use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::sync::atomic::Ordering::Relaxed;

/// Bytes of payload that stay of a packet that is cut: enough for a record's head.
const HEAD: usize = 16;
/// Characters of a comment.
const MAX_COMMENT: usize = 900;

/// What came of it.
pub(super) struct Proof {
    pub(super) evidence: Option<Evidence>,
    pub(super) bytes: Vec<u8>,
    /// What else is to be said.
    pub(super) notes: Vec<String>,
}

/// A choice of packets.
#[derive(Clone, Copy, Debug)]
struct Choice {
    /// Frames up to that rank.
    rank: Rank,
    /// Payload after the handshake is cut.
    cut: bool,
    /// With the control.
    control: bool,
}

/// From the fewest packets to the most.
fn choices() -> impl Iterator<Item = Choice> {
    let ranks = [
        Rank::Control,
        Rank::Near,
        Rank::Client,
        Rank::Begin,
        Rank::Rest,
    ];
    let both = |rank| {
        [true, false].map(|cut| Choice {
            rank,
            cut,
            control: true,
        })
    };
    let alone = [true, false].map(|cut| Choice {
        rank: Rank::Attempt,
        cut,
        control: false,
    });
    ranks.into_iter().flat_map(both).chain(alone)
}

/// Writes the evidence, and checks it.
pub(super) fn prove(
    request: &Request<'_>,
    report: &Report,
    infos: &[CaptureInfo],
    chosen: &[Chosen],
    picked: &Picked,
    told: &[Told],
) -> Result<Proof, Refused> {
    if chosen.is_empty() {
        return Ok(Proof {
            evidence: None,
            bytes: Vec::new(),
            notes: vec!["There is no evidence file: there is no attempt to show.".to_owned()],
        });
    }
    let maker = Maker {
        request,
        report,
        infos,
        chosen,
        picked,
        bulk: bulk(told),
        comments: Comments::new(report, chosen, picked, told),
    };
    let mut first = None;
    for choice in choices() {
        if request.stop.load(Relaxed) {
            return Err(Refused::Stopped);
        }
        let wanted: Vec<usize> = chosen
            .iter()
            .filter(|c| choice.control || !c.control)
            .map(|c| c.index)
            .collect();
        let (bytes, frames, cut) = maker.write(choice)?;
        let again = maker.read(&bytes)?;
        match same_in_part(report, &again, &wanted) {
            Ok(()) => return Ok(maker.proof(choice, bytes, frames, cut, &again)),
            Err(why) => first = first.or(Some(why)),
        }
    }
    let (index, how) = first.unwrap_or_default();
    Err(Refused::Unproven(refusal(report, index, &how)))
}

struct Maker<'a> {
    request: &'a Request<'a>,
    report: &'a Report,
    infos: &'a [CaptureInfo],
    chosen: &'a [Chosen],
    picked: &'a Picked,
    /// Payload of each frame that may be cut.
    bulk: HashMap<(CaptureId, u32), u32>,
    comments: Comments,
}

impl Maker<'_> {
    /// The file, where its frames came from, and how many were cut.
    fn write(&self, choice: Choice) -> Result<(Vec<u8>, Vec<Origin>, usize), Refused> {
        let mut out = Writer::with_comment(Vec::new(), &self.comments.section)?;
        let (mut origins, mut cuts) = (Vec::new(), 0);
        let frames = self.picked.frames.iter();
        for kept in frames.filter(|k| k.rank <= choice.rank) {
            let mut frame = kept.frame();
            if choice.cut
                && let Some(keep) = self.kept_of(kept)
            {
                frame.data = &kept.data[..keep];
                cuts += 1;
            }
            let key = (kept.mark.capture, kept.mark.frame.0);
            let comment = self.comments.of.get(&key).map_or("", String::as_str);
            out.packet(&frame, comment)?;
            origins.push(Origin {
                evidence: u32::try_from(origins.len() + 1).unwrap_or(u32::MAX),
                capture: usize::from(kept.mark.capture.0),
                frame: kept.mark.frame.0,
            });
        }
        // Silence is only silence where the capture is known to go on.
        if let Some(end) = self.infos.iter().filter_map(CaptureInfo::end).max() {
            let dropped: Vec<u64> = self.infos.iter().filter_map(|i| i.dropped).collect();
            let dropped = (!dropped.is_empty()).then(|| dropped.iter().sum());
            out.ended(end, dropped)?;
        }
        Ok((out.finish()?, origins, cuts))
    }

    /// How many bytes stay of a frame whose payload is cut.
    fn kept_of(&self, kept: &Kept) -> Option<usize> {
        let payload = *self.bulk.get(&(kept.mark.capture, kept.mark.frame.0))?;
        let head = usize::try_from(kept.original_len.checked_sub(payload)?).ok()?;
        let keep = head + HEAD;
        (keep < kept.data.len()).then_some(keep)
    }

    /// What the same engine says of the file.
    fn read(&self, bytes: &[u8]) -> Result<Report, Refused> {
        let folder = self.request.scratch;
        let full = |e: std::io::Error| {
            let folder = folder.display();
            Refused::Failed(format!(
                "{folder}: can't be written: {e}: make room, or name another place"
            ))
        };
        let mut file = tempfile::NamedTempFile::with_prefix_in(UNFINISHED, folder).map_err(full)?;
        file.write_all(bytes).map_err(full)?;
        file.flush().map_err(full)?;
        let failed = |e: source::OpenError| Refused::Failed(e.to_string());
        let mut source = source::open(&[file.path().to_owned()]).map_err(failed)?;
        let mut engine = Engine::new(self.request.target.clone(), self.request.limits);
        while let Some(frame) = source.next_frame() {
            engine.handle_frame(&frame);
        }
        let captures = source.captures();
        if let Some(end) = captures.first().and_then(|c| c.stated_end) {
            engine.handle_time(CaptureId(0), end);
        }
        engine.finish();
        Ok(engine.snapshot(&captures, self.request.thresholds))
    }

    fn proof(
        &self,
        choice: Choice,
        bytes: Vec<u8>,
        frames: Vec<Origin>,
        cut: usize,
        again: &Report,
    ) -> Proof {
        let id = |c: &Chosen| self.report.attempts.get(c.index).map(|a| a.id);
        let attempts = self.chosen.iter().filter(|c| !c.control);
        let attempts: Vec<usize> = attempts.filter_map(id).collect();
        let control = self.chosen.iter().find(|c| c.control && choice.control);
        let control = control.and_then(id);
        let ranks = self.picked.frames.iter().filter(|k| k.rank <= choice.rank);
        let others = ranks.filter(|k| k.of.is_empty()).count();
        let notes = self.notes(control, others);
        let evidence = described(
            &bytes,
            Evidence {
                file: Hashed {
                    name: String::new(),
                    bytes: 0,
                    sha256: String::new(),
                },
                attempts,
                control,
                frames,
                others,
                cut,
                elided: self.picked.elided,
                checked: self.checked(again),
                numbers: HashMap::new(),
            },
        );
        Proof {
            evidence: Some(evidence),
            bytes,
            notes,
        }
    }

    fn notes(&self, control: Option<usize>, others: usize) -> Vec<String> {
        let mut notes = Vec::new();
        let broke = self.report.attempts.iter().any(failed);
        if control.is_none() && broke {
            notes.push(
                "A control: no attempt of the same device that worked could be put beside."
                    .to_owned(),
            );
        }
        if self.picked.elided > 0 {
            notes.push(format!(
                "{} packets of the attempts: there are too many.",
                self.picked.elided
            ));
        }
        if others == 0 {
            notes.push("Packets of anything else in the capture.".to_owned());
        } else {
            notes.push(format!(
                "Most other traffic: {others} packets of it are in the evidence, because without them the judgement would not be the same."
            ));
        }
        notes
    }

    /// An attempt points at somebody else without the rest of the capture.
    fn moved(&self, again: &Report) -> bool {
        let own = |a: &Attempt| (a.client.clone(), a.name.clone(), a.started.clone());
        let whole = self
            .chosen
            .iter()
            .filter_map(|c| self.report.attempts.get(c.index));
        let whole: HashMap<_, _> = whole.map(|a| (own(a), a.blame)).collect();
        let mut part = again.attempts.iter();
        part.any(|a| whole.get(&own(a)).is_some_and(|blame| *blame != a.blame))
    }

    fn checked(&self, again: &Report) -> String {
        let (a, b) = (&self.report.verdict, &again.verdict);
        let same = match self.moved(again) {
            false => {
                "The evidence alone was analysed again: every attempt in it has the same outcome, stage, cause and blame as in the whole capture."
            }
            true => {
                "The evidence alone was analysed again: every attempt in it has the same outcome, stage and cause as in the whole capture. Whom they point at rests on the rest of the capture as well."
            }
        };
        if (a.outcome, &a.cause, a.blame) == (b.outcome, &b.cause, b.blame) {
            format!("{same} So has the verdict.")
        } else {
            format!(
                "{same} The verdict over all of it rests on the whole capture and is not the same over the evidence alone."
            )
        }
    }
}

/// Frames that carry nothing but payload, and how much.
fn bulk(told: &[Told]) -> HashMap<(CaptureId, u32), u32> {
    let packets = told.iter().flat_map(|t| &t.packets.packets);
    let bulk = packets.filter(|p| p.bulk && !p.proof && p.payload > 0);
    bulk.map(|p| ((p.mark.capture, p.mark.frame.0), p.payload))
        .collect()
}

/// What is said beside the packets.
struct Comments {
    section: String,
    of: HashMap<(CaptureId, u32), String>,
}

impl Comments {
    fn new(report: &Report, chosen: &[Chosen], picked: &Picked, told: &[Told]) -> Self {
        let v = &report.verdict;
        let cause = v.cause.as_deref().unwrap_or("none");
        let mut comments = Self {
            section: limited(&format!(
                "{}: {} (cause {cause}; {} {})",
                v.outcome.as_str(),
                v.headline,
                report.tool.name,
                report.tool.version
            )),
            of: HashMap::new(),
        };
        let kept: HashSet<(CaptureId, u32)> = picked
            .frames
            .iter()
            .map(|k| (k.mark.capture, k.mark.frame.0))
            .collect();
        for chosen in chosen {
            let Some(attempt) = report.attempts.get(chosen.index) else {
                continue;
            };
            let packets = told.iter().find(|t| t.attempt == chosen.index);
            comments.begin(attempt, chosen, packets);
            comments.proofs(attempt, packets, &kept);
        }
        comments.of.values_mut().for_each(|c| *c = limited(c));
        comments
    }

    fn add(&mut self, key: (CaptureId, u32), text: &str) {
        let comment = self.of.entry(key).or_default();
        if !comment.is_empty() {
            comment.push_str("; ");
        }
        comment.push_str(text);
    }

    /// On its first packet: which attempt it is, and how it ended.
    fn begin(&mut self, attempt: &Attempt, chosen: &Chosen, packets: Option<&Told>) {
        let Some(first) = packets.and_then(|t| t.packets.packets.first()) else {
            return;
        };
        let end = match &attempt.cause {
            Some(cause) => format!("{} ({cause})", attempt.outcome.as_str()),
            None => attempt.outcome.as_str().to_owned(),
        };
        let control = if chosen.control {
            ", for comparison"
        } else {
            ""
        };
        let text = format!(
            "attempt {} begins: {}, {end}{control}",
            attempt.id,
            name(attempt)
        );
        self.add((first.mark.capture, first.mark.frame.0), &text);
    }

    fn proofs(
        &mut self,
        attempt: &Attempt,
        packets: Option<&Told>,
        kept: &HashSet<(CaptureId, u32)>,
    ) {
        let capture = CaptureId(u16::try_from(attempt.capture).unwrap_or_default());
        let said = |frame: u32| {
            let packets = &packets?.packets.packets;
            let found = packets.iter();
            let mut found = found.filter(|p| p.mark.capture == capture && p.mark.frame.0 == frame);
            found.next().map(|p| p.what.as_str())
        };
        for finding in &attempt.findings {
            for &frame in finding.frames.iter().take(200) {
                if !kept.contains(&(capture, frame)) {
                    continue;
                }
                let what = said(frame).map_or(String::new(), |w| format!("{w}: "));
                let text = format!(
                    "attempt {}: {what}{} of {} ({}); frame {frame} of the original",
                    attempt.id,
                    if finding.severity == crate::snapshot::Severity::Note {
                        "sign"
                    } else {
                        "proof"
                    },
                    finding.cause,
                    finding.what,
                );
                self.add((capture, frame), &text);
            }
        }
    }
}

/// Cut to [`MAX_COMMENT`].
fn limited(text: &str) -> String {
    if text.chars().count() <= MAX_COMMENT {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(MAX_COMMENT).collect();
    out.push('…');
    out
}
