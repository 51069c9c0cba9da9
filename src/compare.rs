//! Two captures of the same service, side by side: Wi-Fi and mobile data, VPN on and off, yesterday and today.
//!
//! Two snapshots come in, a [`Comparison`] goes out: plain data again, which outputs only paint. Attempts to reach the
//! same name become one row ([`row`]); what differs in a row is listed with both values ([`difference`]); and what the
//! differences prove, taken as an experiment that somebody happened to make, is said with its reasons, how sure, and
//! what it does not prove ([`proof`]).
//!
//! Attempts without an outcome are no evidence: they are counted and otherwise left out. Names that only one capture
//! shows are listed as not comparable. Nothing in common is never "the same".

pub mod difference;
pub mod proof;
pub mod row;
mod words;

use crate::snapshot::{Capture, Outcome, Report, Resolver, Status, Step, TargetInfo, Tool};
use row::{Named, Sides};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// Name and version of the form.
pub const SCHEMA: &str = "shakedown.compare/1";

/// Names that one capture alone shows and that are listed; the others are counted.
pub const MAX_ONLY: usize = 200;

/// One of the two captures.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// The one named first.
    A,
    /// The one named second.
    B,
}

impl Which {
    /// As it stands in sentences.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// How two outcomes stand to each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// The same outcome in both.
    Same,
    /// Another outcome.
    Different,
    /// One of them is not known, or there is nothing to compare.
    Undecided,
}

impl Relation {
    /// As it stands in the JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Different => "different",
            Self::Undecided => "undecided",
        }
    }
}

/// Everything there is to say about two captures.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Comparison {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// Which program made it.
    pub tool: Tool,
    /// What was looked for, in both.
    pub target: TargetInfo,
    /// Over all names with an outcome in both: different where one is.
    pub relation: Relation,
    /// One sentence that a person can act on.
    pub headline: String,
    /// The first capture.
    pub a: Side,
    /// The second capture.
    pub b: Side,
    /// Milliseconds between the end of the earlier capture and the begin of the later; 0 where they overlap.
    pub apart: Option<f64>,
    /// What the differences prove, the surest first.
    pub proofs: Vec<proof::Proof>,
    /// What to do or to capture next, in order.
    pub next: Vec<Step>,
    /// What a comparison of these two can't show.
    pub limits: Vec<String>,
    /// When a time counts as clearly longer.
    pub timing_rule: String,
    /// Names in both captures: those that differ first.
    pub names: Vec<row::Row>,
    /// Names in A alone, at most [`MAX_ONLY`]: not comparable.
    pub only_a: Vec<Only>,
    /// Names in B alone, at most [`MAX_ONLY`]: not comparable.
    pub only_b: Vec<Only>,
}

/// One capture as a whole.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Side {
    /// Its files.
    pub captures: Vec<Capture>,
    /// Addresses of the devices that tried, at most eight.
    pub clients: Vec<String>,
    /// Attempts in it.
    pub attempts: usize,
    /// Of these, attempts without an outcome.
    pub unfinished: usize,
    /// Outcome of its own verdict.
    pub outcome: Outcome,
    /// Cause of its own verdict.
    pub cause: Option<String>,
    /// What was seen and what could not be seen, in one sentence.
    pub coverage: String,
    /// Resolvers asked.
    pub resolvers: Vec<Resolver>,
}

/// A name in one capture alone.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Only {
    /// The name, or the address where no name is known.
    pub name: String,
    /// Attempts.
    pub tried: usize,
    /// The best known outcome.
    pub outcome: Outcome,
    /// Its cause.
    pub cause: Option<String>,
    /// Why the other capture may lack it although it was tried there.
    pub note: Option<String>,
}

/// One stage in both captures.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StagePair {
    /// `dns`, `tcp`, `tls`, `quic`, `request`.
    pub stage: &'static str,
    /// In A.
    pub a: Status,
    /// In B.
    pub b: Status,
    /// Milliseconds in A.
    pub a_took: Option<f64>,
    /// Milliseconds in B.
    pub b_took: Option<f64>,
    /// The first stage that went another way.
    pub first_difference: bool,
}

/// Sets two snapshots side by side.
#[must_use]
pub fn compare(a: &Report, b: &Report) -> Comparison {
    let sides = Sides { a, b };
    let (named_a, named_b) = (row::by_name(a, b), row::by_name(b, a));
    let pairs = row::pairs(&named_a, &named_b);
    let mut names: Vec<row::Row> = pairs.iter().map(|p| row::row(p)).collect();
    let apart = words::apart(a, b);
    let proofs = proof::proofs(&pairs, &sides, apart);
    names.sort_by_key(|r| (rank(r.relation), r.key().to_owned()));
    let relation = overall(&names);
    Comparison {
        schema: SCHEMA,
        tool: a.tool.clone(),
        target: a.target.clone(),
        relation,
        headline: words::headline(&sides, &names, &proofs),
        apart,
        next: words::next(&sides, &names, &proofs),
        limits: words::limits(&sides, apart),
        timing_rule: difference::TIMING_RULE.to_owned(),
        only_a: only(&named_a, &named_b, Which::A),
        only_b: only(&named_b, &named_a, Which::B),
        a: side(a),
        b: side(b),
        proofs,
        names,
    }
}

fn rank(relation: Relation) -> u8 {
    match relation {
        Relation::Different => 0,
        Relation::Undecided => 1,
        Relation::Same => 2,
    }
}

/// Different where one name is; the same where all that can be told are.
fn overall(names: &[row::Row]) -> Relation {
    let has = |relation| names.iter().any(|r| r.relation == relation);
    if has(Relation::Different) {
        Relation::Different
    } else if has(Relation::Same) {
        Relation::Same
    } else {
        Relation::Undecided
    }
}

fn side(report: &Report) -> Side {
    let open = |a: &&crate::snapshot::Attempt| a.outcome == Outcome::Unfinished;
    Side {
        captures: report.captures.clone(),
        clients: words::clients(report),
        attempts: report.attempts.len(),
        unfinished: report.attempts.iter().filter(open).count(),
        outcome: report.verdict.outcome,
        cause: report.verdict.cause.clone(),
        coverage: report.verdict.coverage.clone(),
        resolvers: report.resolvers.clone(),
    }
}

/// The other capture may hold the same without its name: lookups that it does not show, a name inside encryption.
fn nameless(own: &Named<'_>, other: &[Named<'_>], which: Which) -> Option<String> {
    let (here, there) = (which.letter(), which.other().letter());
    let servers = |n: &Named<'_>| -> BTreeSet<String> {
        let paths = n.all.iter().flat_map(|a| &a.paths);
        paths.map(|p| row::host(&p.server).to_owned()).collect()
    };
    let own_servers = servers(own);
    let (address, named) = match own.is_address() {
        true => {
            let name = other
                .iter()
                .find(|o| !o.is_address() && servers(o).contains(&own.key))?;
            (
                own.key.clone(),
                format!(
                    "{there} has it as an address of {}, and {here} shows no name with it",
                    name.key
                ),
            )
        }
        false => {
            let nameless = other
                .iter()
                .find(|o| o.is_address() && own_servers.contains(&o.key))?;
            (
                nameless.key.clone(),
                format!("{there} tried it without showing a name"),
            )
        }
    };
    Some(format!("{address}: {named}; it may be the same"))
}

fn only(own: &[Named<'_>], other: &[Named<'_>], which: Which) -> Vec<Only> {
    let missing = |n: &&Named<'_>| other.binary_search_by(|o| o.key.cmp(&n.key)).is_err();
    own.iter()
        .filter(missing)
        .take(MAX_ONLY)
        .map(|n| Only {
            name: n.key.clone(),
            tried: n.all.len(),
            outcome: n.outcome(),
            cause: n.shown().and_then(|a| a.cause.clone()),
            note: nameless(n, other, which),
        })
        .collect()
}
