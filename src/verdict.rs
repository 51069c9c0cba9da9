//! The judgement over all attempts: who broke it, how far it reaches, what speaks for and against that, and what to do.
//!
//! The path is that of an expert: lay out what failed and what did not ([`Field`]), compare tries that differ in one
//! thing ([`Evidence`]), and only then say how far the trouble reaches and whom it points at. Conditions and words are
//! kept apart: [`experiment`], `scope` and `roles` decide, `words`, `rivals` and `steps` phrase it. Where the capture
//! has no control the scope is `unknown`, and what could not be told is said beside what was seen.

mod devices;
mod doubt;
pub mod experiment;
pub mod field;
mod nearby;
pub mod others;
mod rivals;
pub mod roles;
mod scope;
mod short;
pub mod span;
mod steps;
pub mod whom;
mod words;

use crate::diagnose::{Blame, Outcome, Stage};
pub use experiment::{Differs, Evidence, Experiment};
pub use field::{Field, is_reported};
pub use others::Others;
pub use roles::Blocked;
pub use scope::Scope;

/// One thing to do, or to leave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Advice {
    /// What.
    pub action: String,
    /// Why, from this capture.
    pub why: String,
}

/// The judgement over all attempts. Text in it may hold text from the network, not cleaned yet.
#[derive(Clone, Debug)]
pub struct Ruling {
    /// The worst that is certain.
    pub outcome: Outcome,
    /// One sentence.
    pub headline: String,
    /// What the capture lacks to tell how far it reaches, in a sentence.
    pub untold: Option<String>,
    /// What leads.
    pub cause: Option<&'static str>,
    /// Its stage.
    pub stage: Option<Stage>,
    /// Whom all evidence points at.
    pub blame: Option<Blame>,
    /// How sure, 0 to 1: never more than the evidence for cause and blame gives.
    pub confidence: Option<f64>,
    /// How far it reaches.
    pub scope: Scope,
    /// What speaks for it.
    pub because: Vec<String>,
    /// Rival explanations: what rules each out, or that nothing does.
    pub against: Vec<String>,
    /// What to do, in order.
    pub steps: Vec<Advice>,
    /// What need not be done, and why.
    pub left_out: Vec<Advice>,
    /// The comparisons that all this rests on.
    pub experiments: Vec<Experiment>,
    /// Names that somebody blocks, what stops most first.
    pub blocked: Vec<Blocked>,
}

/// Judges. `profile` is what the target is called.
#[must_use]
pub fn judge(field: &Field<'_>, others: &Others, profile: &str) -> Ruling {
    let Some(lead) = field.lead_case() else {
        return calm(field, profile);
    };
    let evidence = Evidence::of(field, others);
    let scope = scope::scope(field, &evidence, others);
    let (blame, cap) = scope::blame(field, &evidence, others, scope);
    let sure = field
        .same
        .iter()
        .filter_map(|&i| field.cases[i].main())
        .map(|f| f.claim.confidence)
        .fold(0.0, f64::max);
    let view = words::View {
        field,
        evidence: &evidence,
        others,
        scope,
        blame,
        profile,
    };
    Ruling {
        outcome: field.outcome,
        headline: words::headline(&view),
        untold: words::not_told(&view),
        cause: lead.cause(),
        stage: lead.stage(),
        blame: Some(blame),
        confidence: Some(sure.min(cap)),
        scope,
        because: words::because(&view),
        against: rivals::against(&view),
        steps: steps::steps(&view),
        left_out: steps::left_out(&view),
        blocked: match lead.cause() {
            Some("http.captive-portal") => Vec::new(),
            _ => roles::blocked(&field.cases, field.waited_for),
        },
        experiments: evidence.all,
    }
}

/// Nothing is wrong, or nothing can be said.
fn calm(field: &Field<'_>, profile: &str) -> Ruling {
    Ruling {
        outcome: field.outcome,
        headline: words::calm(field, profile),
        untold: None,
        cause: None,
        stage: None,
        blame: None,
        confidence: None,
        scope: Scope::Unknown,
        because: Vec::new(),
        against: Vec::new(),
        steps: steps::calm(field),
        left_out: Vec::new(),
        experiments: Vec::new(),
        blocked: Vec::new(),
    }
}
