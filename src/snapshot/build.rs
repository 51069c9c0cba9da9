//! Facts and judgements to plain data: the last step before outputs.

use super::clean::clean;
use super::{
    Attempt, Capture, Finding, Lookup, Network, Path, Report, SCHEMA, TargetInfo, Tool, millis,
    rfc3339,
};
use crate::attempt::{self, MatchedBy, Progress};
use crate::data;
use crate::decode::link_name;
use crate::diagnose::judge::ordered;
use crate::diagnose::{Blame, Judged, JudgedPath, Outcome, Severity, World};
use crate::fact::dns::{Lookup as LookupFact, qtype_name, rcode_name};
use crate::fact::tls::TlsFacts;
use crate::flow::FlowView;
use crate::source::CaptureInfo;
use crate::types::{Addr, CaptureId, Mark};
use crate::verdict::{self, Field, Others, is_reported, whom};

/// Attempts kept that are not told of.
const MAX_ASIDE: usize = 256;

/// Most frames named by one finding, path or cell.
const MAX_FRAMES: usize = 24;

/// What a report is made of.
pub struct Parts<'a> {
    /// The inputs.
    pub captures: &'a [CaptureInfo],
    /// Name of the target profile.
    pub profile: &'a str,
    /// Everything seen.
    pub world: &'a World<'a>,
    /// The judgement of each attempt, in the same order.
    pub judged: &'a [Judged],
    /// The same, laid out for the verdict.
    pub field: &'a Field<'a>,
    /// Traffic beside the target, around the time of what failed.
    pub others: &'a Others,
    /// Sentences on what could not be seen, by capture.
    pub notes: Vec<Vec<String>>,
}

/// Builds the report.
#[must_use]
pub fn build(parts: &Parts<'_>) -> Report {
    let ruling = verdict::judge(parts.field, parts.others, &clean(parts.profile));
    let whom = whom::of_attempts(parts.field, &ruling);
    let mut attempts = Vec::with_capacity(reported(parts).count());
    attempts.extend(
        reported(parts).map(|(id, a, j)| attempt(id, a, j, parts, whom.get(&(id - 1)).copied())),
    );
    let captures = captures(parts);
    let servers = super::tables::servers(parts);
    let verdict = super::verdict::verdict(&ruling, parts, &attempts, &captures);
    Report {
        schema: SCHEMA,
        tool: Tool {
            name: "shakedown",
            version: env!("CARGO_PKG_VERSION"),
        },
        captures,
        target: TargetInfo {
            profile: clean(parts.profile),
        },
        verdict,
        attempts,
        resolvers: super::tables::resolvers(parts),
        servers,
        aside: aside(parts),
    }
}

/// Connections to encrypted resolvers that did not break.
fn aside(parts: &Parts<'_>) -> Vec<Attempt> {
    let all = parts.world.attempts.iter().zip(parts.judged);
    let quiet = all.filter(|(a, j)| a.matched_by == MatchedBy::Resolver && !is_reported(a, j));
    let told = quiet.map(|(a, j)| attempt(0, a, j, parts, None));
    told.take(MAX_ASIDE).collect()
}

/// The attempts that are told of, with their numbers.
pub(super) fn reported<'p>(
    parts: &'p Parts<'p>,
) -> impl Iterator<Item = (usize, &'p attempt::Attempt<'p>, &'p Judged)> {
    let all = parts.world.attempts.iter().zip(parts.judged);
    let told = all.filter(|(a, j)| is_reported(a, j)).enumerate();
    told.map(|(index, (a, j))| (index + 1, a, j))
}

/// The inputs, with what could not be seen in them.
pub(super) fn captures(parts: &Parts<'_>) -> Vec<Capture> {
    let notes = |index: usize| parts.notes.get(index).cloned().unwrap_or_default();
    let captures = parts.captures.iter().enumerate();
    captures.map(|(i, c)| capture(c, notes(i))).collect()
}

fn capture(info: &CaptureInfo, notes: Vec<String>) -> Capture {
    Capture {
        source: clean(&info.source),
        format: info.format.name().to_owned(),
        link_types: info
            .link_types
            .iter()
            .map(|&l| link_name(l).to_string())
            .collect(),
        packets: info.packets,
        bytes: info.bytes,
        first: info.first.map(rfc3339),
        last: info.last.map(rfc3339),
        dropped: info.dropped,
        complete: info.complete,
        problems: info.problems.iter().map(|p| clean(p)).collect(),
        notes,
    }
}

/// One attempt. `whom` is given where all the evidence together points at somebody else than its own finding does.
fn attempt(
    id: usize,
    attempt: &attempt::Attempt<'_>,
    judged: &Judged,
    parts: &Parts<'_>,
    whom: Option<Blame>,
) -> Attempt {
    let captures = parts.captures;
    let capture = attempt.started.capture;
    let info = captures.get(usize::from(capture.0));
    let goes_on = info.filter(|info| info.goes_on);
    let goes_on = goes_on.map(|_| parts.world.end(capture));
    let main = judged.main.map(|m| &judged.findings[m]);
    let started = attempt.started.time;
    let settled = settled_at(attempt, judged);
    Attempt {
        id,
        capture: usize::from(capture.0),
        client: attempt.client.to_string(),
        name: attempt.name.as_deref().map(clean),
        matched_by: attempt.matched_by.as_str().to_owned(),
        role: attempt.name.as_ref().map(|_| attempt.role.to_string()),
        started: rfc3339(started),
        duration: millis(settled.time.since(started)),
        outcome: judged.outcome,
        stage: main.map(|f| f.rule.stage),
        cause: main.map(|f| f.rule.id.to_owned()),
        severity: main.map(crate::diagnose::Finding::severity),
        blame: whom.or(main.map(crate::diagnose::Finding::blame)),
        confidence: main.map(|f| round(f.claim.confidence)),
        filter: filter(attempt, judged, capture),
        stages: super::cells::cells(attempt, judged, goes_on),
        lookups: lookups(attempt, judged, capture),
        paths: paths(attempt, judged, captures),
        findings: judged
            .findings
            .iter()
            .map(|f| finding(f, capture))
            .collect(),
    }
}

/// When the outcome was clear: the handshake of the first path to succeed (and not break afterwards), else the last
/// packet.
fn settled_at(attempt: &attempt::Attempt<'_>, judged: &Judged) -> Mark {
    let won = attempt
        .paths
        .iter()
        .zip(&judged.paths)
        .filter(|(p, j)| p.progress.succeeded().is_some() && j.outcome != Outcome::Broken)
        .map(|(p, _)| p)
        .filter_map(|p| p.progress.through.or(p.progress.secured))
        .min_by_key(|m| m.time);
    let last_path = attempt.paths.iter().map(|p| p.flow.last);
    let last_lookup = attempt.lookups.iter().flat_map(|l| lookup_marks(l));
    won.or_else(|| last_path.chain(last_lookup).max_by_key(|m| m.time))
        .unwrap_or(attempt.started)
}

/// Frames of that capture, in order, each once, at most `MAX_FRAMES`.
#[must_use]
pub fn frames(marks: &[Mark], capture: CaptureId) -> Vec<u32> {
    ordered(marks)
        .iter()
        .filter(|m| m.capture == capture)
        .map(|m| m.frame.0)
        .take(MAX_FRAMES)
        .collect()
}

pub(super) fn round(confidence: f64) -> f64 {
    (confidence.clamp(0.0, 1.0) * 100.0).round() / 100.0
}

fn finding(finding: &crate::diagnose::Finding, capture: CaptureId) -> Finding {
    Finding {
        cause: finding.rule.id.to_owned(),
        severity: finding.severity(),
        path: finding.claim.path,
        confidence: round(finding.claim.confidence),
        blame: finding.blame(),
        frames: frames(&finding.claim.marks, capture),
        what: clean_long(&finding.claim.what),
        extra: finding
            .claim
            .extra
            .iter()
            .map(|(k, v)| (k.clone(), clean_value(v)))
            .collect(),
    }
}

/// Sentences may be longer than names; they are cleaned all the same.
pub(super) fn clean_long(text: &str) -> String {
    text.split_inclusive(' ').map(clean).collect()
}

fn clean_value(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(s) => Value::String(clean(s)),
        Value::Array(a) => Value::Array(a.iter().map(clean_value).collect()),
        other => other.clone(),
    }
}

/// A display filter for the evidence; where nothing went wrong, for the whole attempt.
fn filter(attempt: &attempt::Attempt<'_>, judged: &Judged, capture: CaptureId) -> String {
    let marks: Vec<Mark> = match judged.main {
        Some(main) => judged.findings[main].claim.marks.clone(),
        None => Vec::new(),
    };
    let mut numbers = frames(&marks, capture);
    if numbers.is_empty() {
        let paths = attempt
            .paths
            .iter()
            .flat_map(|p| path_marks(&p.flow, &p.progress));
        let asked = attempt.lookups.iter().flat_map(|l| lookup_marks(l));
        numbers = frames(&asked.chain(paths).collect::<Vec<_>>(), capture);
    }
    let list: Vec<String> = numbers.iter().map(u32::to_string).collect();
    format!("frame.number in {{{}}}", list.join(", "))
}

fn lookup_marks(lookup: &LookupFact) -> Vec<Mark> {
    let replies = lookup.replies.iter().map(|r| r.mark);
    let icmp = lookup.icmp.iter().map(|e| e.mark);
    lookup
        .tries
        .iter()
        .copied()
        .chain(replies)
        .chain(icmp)
        .collect()
}

fn lookups(attempt: &attempt::Attempt<'_>, judged: &Judged, capture: CaptureId) -> Vec<Lookup> {
    attempt
        .lookups
        .iter()
        .enumerate()
        .map(|(i, l)| lookup(l, cause_of_lookup(judged, i), capture))
        .collect()
}

fn cause_of_lookup(judged: &Judged, index: usize) -> Option<String> {
    judged
        .findings
        .iter()
        .find(|f| f.claim.lookups.contains(&index))
        .map(|f| f.rule.id.to_owned())
}

fn lookup(lookup: &LookupFact, cause: Option<String>, capture: CaptureId) -> Lookup {
    let reply = lookup.answered().or(lookup.replies.first());
    Lookup {
        question: clean(&lookup.name),
        qtype: qtype_name(lookup.qtype).into_owned(),
        resolver: lookup.resolver.to_string(),
        transport: match lookup.transport {
            crate::fact::dns::DnsTransport::Udp => "udp",
            crate::fact::dns::DnsTransport::Tcp => "tcp",
        },
        tries: lookup.try_count,
        rcode: reply.map(|r| rcode_name(r.rcode).into_owned()),
        ede: lookup
            .replies
            .iter()
            .find_map(|r| r.ede.as_ref().map(|e| e.0)),
        answers: reply.map_or_else(Vec::new, |r| {
            r.addresses.iter().map(Addr::to_string).collect()
        }),
        cnames: reply.map_or_else(Vec::new, |r| r.cnames.iter().map(|c| clean(c)).collect()),
        took: lookup.took().map(millis),
        cause,
        frames: frames(&lookup_marks(lookup), capture),
    }
}

fn paths(attempt: &attempt::Attempt<'_>, judged: &Judged, captures: &[CaptureInfo]) -> Vec<Path> {
    attempt
        .paths
        .iter()
        .zip(&judged.paths)
        .map(|(p, j)| path(attempt, p, j, judged, captures))
        .collect()
}

fn path(
    attempt: &attempt::Attempt<'_>,
    path: &attempt::Path<'_>,
    verdict: &JudgedPath,
    judged: &Judged,
    captures: &[CaptureInfo],
) -> Path {
    let flow = &path.flow;
    let capture = attempt.started.capture;
    let found = verdict
        .finding
        .map(|f| &judged.findings[f])
        .filter(|f| f.severity() > Severity::Note);
    let hello = flow.hello();
    Path {
        transport: if flow.quic.is_some() { "quic" } else { "tcp" },
        client: flow.client.to_string(),
        server: flow.server.to_string(),
        network: network(attempt, flow.server.addr),
        tcp_stream: flow.stream.filter(|_| flow.tcp.is_some()),
        sni: hello.and_then(|h| h.sni.as_deref()).map(clean),
        alpn: alpn(flow),
        version: version(flow),
        ja4: hello.map(|h| h.ja4.to_string()),
        certificate: flow
            .tls
            .and_then(|t| super::certificate::shown(t.certificate.as_deref()?)),
        rtt: rtt(flow).map(millis),
        app: app(flow, captures),
        outcome: verdict.outcome,
        cause: found.map(|f| f.rule.id.to_owned()),
        confidence: found.map(|f| round(f.claim.confidence)),
        blame: found.map(crate::diagnose::Finding::blame),
        frames: frames(&path_marks(flow, &path.progress), capture),
    }
}

/// The app or process: as the packets say, or what the capture file calls their Android user id.
fn app(flow: &FlowView<'_>, captures: &[CaptureInfo]) -> Option<String> {
    if let Some(name) = flow.app.as_deref() {
        return Some(clean(name));
    }
    let uid = flow.uid?;
    let apps = &captures.get(usize::from(flow.first.capture.0))?.apps;
    Some(match apps.get(&uid) {
        Some(app) if app.name.is_empty() => clean(&app.package),
        Some(app) => clean(&app.name),
        None => format!("uid {uid}"),
    })
}

/// The milestones of a path and what ended it.
fn path_marks(flow: &FlowView<'_>, progress: &Progress) -> Vec<Mark> {
    let milestones = [
        Some(flow.first),
        progress.connected,
        progress.greeted,
        progress.answered,
        progress.secured,
        progress.requested,
        progress.through,
        progress.ended,
    ];
    let mut marks: Vec<Mark> = milestones.into_iter().flatten().collect();
    if let Some(tcp) = flow.tcp.as_deref() {
        marks.extend(tcp.syn.marks.iter().chain(&tcp.syn_ack.marks));
        marks.extend(tcp.icmp.iter().map(|e| e.mark));
        marks.extend(tcp.resets.iter().map(|r| r.mark));
    }
    if let Some(quic) = flow.quic {
        marks.extend(quic.client_initials.iter().take(8));
        marks.extend(quic.icmp.iter().map(|e| e.mark));
    }
    marks
}

fn alpn(flow: &FlowView<'_>) -> Vec<String> {
    let chosen = flow
        .tls
        .and_then(|t| t.server_hello.as_ref())
        .and_then(|h| h.alpn.clone());
    match chosen {
        Some(one) => vec![clean(&one)],
        None => flow
            .hello()
            .map(|h| h.alpn.iter().map(|a| clean(a)).collect())
            .unwrap_or_default(),
    }
}

fn version(flow: &FlowView<'_>) -> Option<String> {
    flow.tls
        .and_then(TlsFacts::version_name)
        .map(|v| v.to_string())
        .or_else(|| {
            let quic = flow.quic?;
            let seen = quic.negotiated_version.unwrap_or(quic.version) != 0;
            seen.then(|| format!("QUIC {}", quic.version_name()))
        })
}

pub(super) fn rtt(flow: &FlowView<'_>) -> Option<std::time::Duration> {
    if let Some(tcp) = flow.tcp.as_deref() {
        return tcp.rtt();
    }
    flow.quic?.rtt()
}

pub(super) fn network(attempt: &attempt::Attempt<'_>, server: Addr) -> Option<Network> {
    let cdn = attempt
        .lookups
        .iter()
        .flat_map(|l| &l.replies)
        .filter(|r| r.addresses.contains(&server))
        .flat_map(|r| r.cnames.iter().rev())
        .find_map(|c| data::cdn_of_name(c))
        .or_else(|| attempt.name.as_deref().and_then(data::cdn_of_name));
    let owner = data::network_of(server);
    if cdn.is_none() && owner.is_none() {
        return None;
    }
    Some(Network {
        cdn: cdn.map(str::to_owned),
        asn: owner.as_ref().map(|n| n.asn),
        prefix: owner.map(|n| n.prefix.to_string()),
    })
}
