//! The report about one failure, about the capture that lies beside it.

use super::ring::Packets;
use crate::decode::link_name;
use crate::snapshot::{Attempt, Capture, Report, rfc3339};
use crate::types::{CaptureId, FrameNumber};
use std::collections::{BTreeMap, BTreeSet};

/// Frame numbers of the attempt's capture while it was live, and in the file.
pub(super) struct Numbers {
    capture: CaptureId,
    of: BTreeMap<FrameNumber, u32>,
}

impl Numbers {
    pub(super) fn new(packets: &Packets, attempt: &Attempt) -> Self {
        let capture = CaptureId(u16::try_from(attempt.capture).unwrap_or_default());
        let own = (1_u32..).zip(packets.frames());
        let own = own.filter(|(_, f)| f.mark.capture == capture);
        let of = own.map(|(n, f)| (f.mark.frame, n)).collect();
        Self { capture, of }
    }

    fn map(&self, frames: &[u32]) -> Vec<u32> {
        let there = |frame: &u32| self.of.get(&FrameNumber(*frame)).copied();
        frames.iter().filter_map(there).collect()
    }
}

/// What each frame proves: comments by live frame number.
pub(super) fn comments(attempt: &Attempt) -> BTreeMap<(CaptureId, FrameNumber), String> {
    let capture = CaptureId(u16::try_from(attempt.capture).unwrap_or_default());
    let mut comments: BTreeMap<_, String> = BTreeMap::new();
    for finding in &attempt.findings {
        let main = attempt.cause.as_ref() == Some(&finding.cause);
        let lead = if main { "proves" } else { "shows" };
        for &frame in &finding.frames {
            let comment = comments.entry((capture, FrameNumber(frame))).or_default();
            if !comment.is_empty() {
                comment.push('\n');
            }
            *comment += &format!("{lead} {}: {}", finding.cause, finding.what);
        }
    }
    comments
}

/// The report with this attempt alone. `source` is the capture's file name.
pub(super) fn report(
    whole: &Report,
    attempt: &Attempt,
    packets: &Packets,
    numbers: &Numbers,
    source: &str,
) -> Report {
    let mut attempt = attempt.clone();
    let missing = renumber(&mut attempt, numbers);
    let resolvers: BTreeSet<&str> = attempt.lookups.iter().map(|l| host(&l.resolver)).collect();
    let servers: BTreeSet<&str> = attempt.paths.iter().map(|p| host(&p.server)).collect();
    let mut verdict = whole.verdict.clone();
    // They speak of other attempts and of frames that are not here.
    verdict.experiments.clear();
    verdict.unblock.clear();
    Report {
        schema: whole.schema,
        tool: whole.tool.clone(),
        captures: vec![capture(whole, numbers, packets, missing, source)],
        target: whole.target.clone(),
        verdict,
        resolvers: whole
            .resolvers
            .iter()
            .filter(|r| resolvers.contains(host(&r.address)))
            .cloned()
            .collect(),
        servers: whole
            .servers
            .iter()
            .filter(|s| servers.contains(s.address.as_str()))
            .cloned()
            .collect(),
        attempts: vec![attempt],
        aside: Vec::new(),
    }
}

/// The address of `address:port`.
fn host(end: &str) -> &str {
    let bare = end.rsplit_once(':').map_or(end, |(host, _)| host);
    if end.parse::<std::net::IpAddr>().is_ok() {
        return end;
    }
    bare.trim_start_matches('[').trim_end_matches(']')
}

/// Gives all frames their numbers in the file; how many that are named are not in it.
fn renumber(attempt: &mut Attempt, numbers: &Numbers) -> usize {
    let mut named = BTreeSet::new();
    {
        let findings = attempt.findings.iter_mut().map(|f| &mut f.frames);
        let paths = attempt.paths.iter_mut().map(|p| &mut p.frames);
        let lookups = attempt.lookups.iter_mut().map(|l| &mut l.frames);
        let stages = attempt.stages.iter_mut().map(|s| &mut s.frames);
        for frames in findings.chain(paths).chain(lookups).chain(stages) {
            named.extend(frames.iter().copied());
            *frames = numbers.map(frames);
        }
    }
    // Wireshark counts connections anew in the file; which gets which number is not known here.
    attempt.paths.iter_mut().for_each(|p| p.tcp_stream = None);
    attempt.filter = filter(attempt, numbers);
    (attempt.id, attempt.capture) = (1, 0);
    let named: Vec<u32> = named.into_iter().collect();
    named.len() - numbers.map(&named).len()
}

/// The frames that prove the cause; all, where none are there.
fn filter(attempt: &Attempt, numbers: &Numbers) -> String {
    let cause = attempt.cause.as_ref();
    let main = attempt.findings.iter().filter(|f| Some(&f.cause) == cause);
    let proof: BTreeSet<u32> = main.flat_map(|f| f.frames.iter().copied()).collect();
    let shown = if proof.is_empty() {
        numbers.of.values().copied().collect()
    } else {
        proof
    };
    let list: Vec<String> = shown.iter().map(u32::to_string).collect();
    format!("frame.number in {{{}}}", list.join(", "))
}

fn capture(
    whole: &Report,
    numbers: &Numbers,
    packets: &Packets,
    missing: usize,
    source: &str,
) -> Capture {
    let live = whole.captures.get(usize::from(numbers.capture.0));
    let times = || packets.frames().map(|f| f.mark.time);
    let links: BTreeSet<_> = packets.frames().map(|f| f.link).collect();
    let mut notes = live.map(|c| c.notes.clone()).unwrap_or_default();
    if packets.begins_late || missing > 0 {
        let named = match missing {
            0 => String::new(),
            n => format!(", {n} that the report named among them"),
        };
        notes.push(format!(
            "packets of this attempt had left memory before it failed{named}: a larger ring keeps more"
        ));
    }
    Capture {
        source: source.to_owned(),
        format: "pcapng".to_owned(),
        link_types: links.iter().map(|l| link_name(*l).into_owned()).collect(),
        packets: packets.frames().len() as u64,
        bytes: packets.frames().map(|f| u64::from(f.original_len)).sum(),
        first: times().min().map(rfc3339),
        last: times().max().map(rfc3339),
        dropped: live.and_then(|c| c.dropped),
        complete: true,
        problems: live.map(|c| c.problems.clone()).unwrap_or_default(),
        notes,
    }
}
