//! The resolver failed to find out the address (SERVFAIL).
//!
//! ## What it means
//! The resolver took the question and gave up on it: the name's own servers did not answer it, their signatures
//! (DNSSEC) did not hold, or the resolver itself is in trouble. Some resolvers also answer like this for names that
//! they block.
//!
//! ## What we look for
//! Response code 2 for A or AAAA of the name, no later lookup of it that gave an address, and no connection that
//! followed.
//!
//! ## How sure
//! The answer is explicit. Whose fault it is shows better where another resolver in the capture has an address for the
//! name (then it is this resolver's), or where an Extended DNS Error says why.
//!
//! ## What to do
//! Try again in a minute; if it stays, use another resolver (in the network settings of the device or router). If other
//! resolvers fail as well, the service's own name servers are at fault, and only waiting helps.
//!
//! ## Often confused with
//! dns.dnssec-bogus (the resolver says that signatures failed), dns.nxdomain (the name is denied), dns.refused (the
//! resolver does not want to answer), dns.unanswered (nothing came back).
//!
//! ## References
//! RFC 1035 section 4.1.1, RFC 2308 section 7.1, RFC 8914.

use super::survey::{answered_with, error_claim, sureness, with_control};
use crate::diagnose::{AttemptContext, Blame, Check, Claim, Rule, Severity, Stage};

pub(super) static RULE: Rule = Rule {
    id: "dns.servfail",
    stage: Stage::Dns,
    severity: Severity::Broken,
    blame: Blame::Resolver,
    over: &[],
    check: Check::Lookups(check),
    source: include_str!("servfail.rs"),
};

fn check(context: &AttemptContext<'_>) -> Option<Claim> {
    let about = answered_with(context, |reply| reply.rcode == 2)?;
    let claim = error_claim(&about, sureness(context, &about, 0.88));
    Some(with_control(claim, context, &about, 0.95))
}
