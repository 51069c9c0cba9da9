//! The result as plain data, in the form that the JSON report fixes: the only thing that outputs may see.
//!
//! Names are `snake_case`, times RFC 3339 with nanoseconds in UTC, durations numbers in milliseconds,
//! addresses strings, frames 1-based numbers of their file. Text from the network is already escaped here
//! (see [`clean`]): no control or bidirectional character passes.

pub mod build;
mod cells;
mod certificate;
pub mod clean;
mod pending;
mod tables;
mod verdict;
pub mod why_not;

pub use crate::diagnose::terms::{Blame, Outcome, Severity, Stage};
use crate::types::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::time::Duration;

/// Name and version of the report's form.
pub const SCHEMA: &str = "shakedown.report/1";

/// Everything there is to say about the inputs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// Which program made it.
    pub tool: Tool,
    /// The inputs.
    pub captures: Vec<Capture>,
    /// What was looked for.
    pub target: TargetInfo,
    /// The judgement over all attempts.
    pub verdict: Verdict,
    /// Every try to reach a name.
    pub attempts: Vec<Attempt>,
    /// Every resolver asked.
    pub resolvers: Vec<Resolver>,
    /// Every server tried by the attempts.
    pub servers: Vec<Server>,
    /// Connections to encrypted resolvers that are not told of, because they did not break: only another capture, in which
    /// they did, makes them worth a look. At most 256.
    #[serde(skip)]
    #[schemars(skip)]
    pub aside: Vec<Attempt>,
}

/// Which program made the report.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Tool {
    /// `shakedown`
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// One input.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Capture {
    /// As the user named it.
    pub source: String,
    /// `pcap` or `pcapng`.
    pub format: String,
    /// Names of the link types in it.
    pub link_types: Vec<String>,
    /// Frames read.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Time of the first frame.
    pub first: Option<String>,
    /// Time of the last frame.
    pub last: Option<String>,
    /// Packets that the capture is known to have dropped; `null` where it does not say.
    pub dropped: Option<u64>,
    /// It was read to its end without a problem.
    pub complete: bool,
    /// What was wrong with it.
    pub problems: Vec<String>,
    /// What could not be seen in it, and why, in sentences.
    pub notes: Vec<String>,
}

/// What was looked for.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TargetInfo {
    /// Name of the profile.
    pub profile: String,
}

/// The judgement over all attempts.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Verdict {
    /// The worst that is certain.
    pub outcome: Outcome,
    /// One sentence that a person can act on.
    pub headline: String,
    /// The cause that explains most.
    pub cause: Option<String>,
    /// Its stage.
    pub stage: Option<Stage>,
    /// Whom it points at.
    pub blame: Option<Blame>,
    /// How sure, 0 to 1: never more than the evidence for both cause and blame gives.
    pub confidence: Option<f64>,
    /// `one-name`, `one-server`, `one-family`, `one-transport`, `service`, `everything`, `unknown`.
    pub scope: String,
    /// What speaks for it.
    pub because: Vec<String>,
    /// Rival explanations: what rules each out, or that nothing does.
    pub against: Vec<String>,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// Usual steps that this capture has already answered, and how.
    pub left_out: Vec<Step>,
    /// The comparisons that scope and blame rest on.
    pub experiments: Vec<Experiment>,
    /// Names that a resolver or something in between blocks, as it seems: what stops most first.
    pub unblock: Vec<Unblock>,
    /// What was seen and what could not be seen; on a second line, where it is so, what could not be told for that reason.
    pub coverage: String,
}

/// A natural experiment: tries of the same capture that differ from the failing ones in one thing.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Experiment {
    /// What differed: `name`, `address`, `family`, `transport`, `resolver`, `question`, `host`, `service`, `time` or
    /// `hello-size`.
    pub differed: &'static str,
    /// What was held equal.
    pub held: &'static str,
    /// Controls that worked near in time: meanwhile, shortly before, shortly after.
    pub worked: Controls,
    /// Controls that failed as well.
    pub failed: u32,
    /// Attempts that they belong to, by `id`; none for traffic that is no attempt, and at most 16.
    pub attempts: Vec<usize>,
    /// Index into `captures` of the frames.
    pub capture: Option<usize>,
    /// Packets that show some of them, of that capture.
    pub frames: Vec<u32>,
}

/// Controls by when they were.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Controls {
    /// While the failing tries lasted.
    pub during: u32,
    /// In the minute before (for `time`: at any time before).
    pub before: u32,
    /// In the minute after (for `time`: at any time after).
    pub after: u32,
}

/// A name that somebody blocks, as it seems.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Unblock {
    /// The name.
    pub name: String,
    /// What it is for, as the profile says.
    pub role: String,
    /// What its failure stops.
    pub stops: String,
    /// Attempts that failed for it.
    pub attempts: u32,
    /// The app seems to wait for it, whatever its name says.
    pub waited_for: bool,
}

/// One thing to do.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Step {
    /// What.
    #[serde(rename = "do")]
    pub action: String,
    /// Why.
    pub why: String,
}

/// One try of one client to reach one name.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Attempt {
    /// Number in this report, from 1.
    pub id: usize,
    /// Index into `captures`; frames are counted in that file.
    pub capture: usize,
    /// The client's address.
    pub client: String,
    /// The name, `null` where only an address is known.
    pub name: Option<String>,
    /// `dns`, `sni`, `address` or `resolver`.
    pub matched_by: String,
    /// What the name is for, as the profile says (`api`, `media-cdn`, …).
    pub role: Option<String>,
    /// Time of its first packet.
    pub started: String,
    /// Milliseconds until its outcome was clear (or its last packet).
    pub duration: f64,
    /// How it ended.
    pub outcome: Outcome,
    /// Where it broke or suffered.
    pub stage: Option<Stage>,
    /// Why.
    pub cause: Option<String>,
    /// How bad.
    pub severity: Option<Severity>,
    /// Whom it points at, with everything that the capture shows weighed in.
    pub blame: Option<Blame>,
    /// How sure, 0 to 1.
    pub confidence: Option<f64>,
    /// A Wireshark display filter that shows the attempt's evidence, or all of it where nothing went wrong.
    pub filter: String,
    /// A cell per stage.
    pub stages: Vec<StageCell>,
    /// Its DNS lookups.
    pub lookups: Vec<Lookup>,
    /// Its TCP and QUIC paths.
    pub paths: Vec<Path>,
    /// What the rules found.
    pub findings: Vec<Finding>,
}

impl Attempt {
    /// Whom a finding of this attempt points at: of the one that explains it, with the rest of the capture weighed in.
    #[must_use]
    pub fn whom(&self, finding: &Finding) -> Blame {
        let explains =
            Some(&finding.cause) == self.cause.as_ref() && finding.severity > Severity::Note;
        self.blame.filter(|_| explains).unwrap_or(finding.blame)
    }
}

/// How far a stage went.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It worked.
    Passed,
    /// It worked, slowly or not at first.
    Slow,
    /// It failed.
    Broke,
    /// Nothing of it can be seen.
    Unseen,
    /// It was not reached or not used.
    Skipped,
}

impl Status {
    /// As it stands in the JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Slow => "slow",
            Self::Broke => "broke",
            Self::Unseen => "unseen",
            Self::Skipped => "skipped",
        }
    }
}

/// One stage of an attempt.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StageCell {
    /// `dns`, `tcp`, `tls`, `quic`, `request`.
    pub stage: &'static str,
    /// How far it went.
    pub status: Status,
    /// Milliseconds it took.
    pub took: Option<f64>,
    /// In words.
    pub detail: String,
    /// Its packets.
    pub frames: Vec<u32>,
    /// What it waits for, while more packets may come; left out otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
}

/// What a stage waits for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Pending {
    /// What was sent: `query`, `SYN`, `ClientHello`, `Initial`, `request`.
    pub sent: &'static str,
    /// How many times so far.
    pub tries: u32,
    /// How often it is sent in all as a rule, where there is one; systems differ.
    pub usual: Option<u32>,
    /// Time of the first.
    pub since: String,
    /// Time of the last.
    pub last: String,
    /// About when the next is to come, going by the gaps so far.
    pub next: Option<String>,
}

/// One question to one resolver.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Lookup {
    /// The name asked for.
    pub question: String,
    /// `A`, `AAAA`, `HTTPS`, …
    #[serde(rename = "type")]
    pub qtype: String,
    /// Whom.
    pub resolver: String,
    /// `udp` or `tcp`.
    pub transport: &'static str,
    /// Queries sent.
    pub tries: u32,
    /// Response code of the first answer.
    pub rcode: Option<String>,
    /// Extended DNS Error of the first answer that has one: code.
    pub ede: Option<u16>,
    /// Addresses answered.
    pub answers: Vec<String>,
    /// CNAME chain.
    pub cnames: Vec<String>,
    /// Milliseconds from the first query to the first answer.
    pub took: Option<f64>,
    /// What was wrong with this lookup.
    pub cause: Option<String>,
    /// Its packets.
    pub frames: Vec<u32>,
}

/// Whose network a server is in.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Network {
    /// CDN, from names and CNAMEs.
    pub cdn: Option<String>,
    /// Autonomous system number.
    pub asn: Option<u32>,
    /// The prefix that says so.
    pub prefix: Option<String>,
}

/// One TCP connection or QUIC connection.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Path {
    /// `tcp` or `quic`.
    pub transport: &'static str,
    /// The client's address and port.
    pub client: String,
    /// The server's address and port.
    pub server: String,
    /// Whose network that is.
    pub network: Option<Network>,
    /// Wireshark's `tcp.stream`.
    pub tcp_stream: Option<u32>,
    /// server_name.
    pub sni: Option<String>,
    /// ALPN chosen where visible, else offered.
    pub alpn: Vec<String>,
    /// `TLS 1.3`, `QUIC v1`, …
    pub version: Option<String>,
    /// JA4 fingerprint.
    pub ja4: Option<String>,
    /// The certificate that the client was shown; left out where it was not in the clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
    /// Milliseconds of a round trip, from the handshake.
    pub rtt: Option<f64>,
    /// The app or process that owns it, where the capture says so.
    pub app: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why.
    pub cause: Option<String>,
    /// How sure.
    pub confidence: Option<f64>,
    /// Whom it points at.
    pub blame: Option<Blame>,
    /// Its packets that matter.
    pub frames: Vec<u32>,
}

/// A server's certificate, as TLS 1.2 and below show it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Certificate {
    /// Issuer of the leaf, one line.
    pub issuer: String,
    /// What kind of authority that is.
    pub authority: Authority,
    /// The interception product that an issuer of the chain names.
    pub product: Option<String>,
}

/// What kind of authority issued a certificate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// A listed public certification authority.
    Public,
    /// A listed product that intercepts TLS.
    Interceptor,
    /// The certificate signed itself.
    SelfSigned,
    /// Neither listed nor itself.
    Unknown,
}

/// What a rule found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Finding {
    /// The rule's id.
    pub cause: String,
    /// How bad.
    pub severity: Severity,
    /// Index into the attempt's `paths`, where it is about one.
    pub path: Option<usize>,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// Whom it points at, taken by itself.
    pub blame: Blame,
    /// The packets that show it.
    pub frames: Vec<u32>,
    /// What was seen, with numbers.
    pub what: String,
    /// Fields of that cause.
    pub extra: Map<String, Value>,
}

/// One resolver.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Resolver {
    /// Its address and port.
    pub address: String,
    /// Who runs it, if listed.
    pub name: Option<String>,
    /// DoT, DoH or DoQ. Then the numbers below count connections, since what is inside can't be seen.
    pub encrypted: bool,
    /// Queries.
    pub queries: u64,
    /// Queries answered.
    pub answered: u64,
    /// Queries that failed: error answers (other than "no such name") and no answer.
    pub failed: u64,
    /// Median answer time, milliseconds.
    pub median: Option<f64>,
    /// 95th percentile, milliseconds.
    pub p95: Option<f64>,
    /// Published typical answer time, milliseconds: depends on the place, a rough scale only.
    pub typical: Option<u16>,
}

/// One server address.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Server {
    /// Its address.
    pub address: String,
    /// CDN or network.
    pub cdn: Option<String>,
    /// Names tried there.
    pub names: Vec<String>,
    /// Paths tried.
    pub tried: u32,
    /// Paths that got through.
    pub worked: u32,
    /// Paths that broke there; the rest was given up or had no outcome yet.
    pub failed: u32,
    /// Median round trip, milliseconds.
    pub rtt: Option<f64>,
}

/// A time as RFC 3339 with nanoseconds, UTC.
#[must_use]
pub fn rfc3339(time: Timestamp) -> String {
    match jiff::Timestamp::from_nanosecond(i128::from(time.0)) {
        Ok(t) => format!("{t:.9}"),
        Err(_) => format!("{}ns", time.0),
    }
}

/// Milliseconds, rounded to a microsecond so that the same input always prints the same digits.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn millis(span: Duration) -> f64 {
    (span.as_nanos() / 1_000) as f64 / 1_000.0
}
