//! The resolver answers with an error that is none of the usual ones.
//!
//! ## What it means
//! The resolver, or a box in its place, could not deal with the question: it did not understand it (FORMERR), does not
//! do that (NOTIMP), or says something rarer. Old routers and faulty filters do this, most often to questions with
//! extensions (EDNS) that they don't know.
//!
//! ## What we look for
//! A response code other than 0, 2, 3 and 5 for A or AAAA of the name, no later lookup of it that gave an address (most
//! clients ask again without extensions), and no connection that followed.
//!
//! ## How sure
//! The answer is explicit.
//!
//! ## What to do
//! Use another resolver: set one in the device's network settings, or restart and update the router if it is the one
//! that answers.
//!
//! ## Often confused with
//! dns.servfail, dns.refused and dns.nxdomain (errors of their own), dns.malformed (the reply is no DNS at all).
//!
//! ## References
//! RFC 1035 section 4.1.1, RFC 6891 section 7, RFC 6895.

use super::survey::{answered_with, error_claim, sureness, with_control};
use crate::diagnose::{AttemptContext, Blame, Check, Claim, Rule, Severity, Stage};
use crate::fact::dns::{NXDOMAIN, rcode_name};

pub(super) static RULE: Rule = Rule {
    id: "dns.error",
    stage: Stage::Dns,
    severity: Severity::Broken,
    blame: Blame::Resolver,
    over: &[],
    check: Check::Lookups(check),
    source: include_str!("error.rs"),
};

fn check(context: &AttemptContext<'_>) -> Option<Claim> {
    let about = answered_with(context, |reply| !matches!(reply.rcode, 2 | NXDOMAIN | 5))?;
    let rcode = about.first()?.rcode()?;
    let claim = error_claim(&about, sureness(context, &about, 0.88));
    let claim = with_control(claim, context, &about, 0.95);
    Some(claim.with("rcode", rcode_name(rcode).into_owned()))
}
