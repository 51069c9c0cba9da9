//! The resolver rejects the answer because its signatures (DNSSEC) do not hold.
//!
//! ## What it means
//! The name's zone is signed, and what the resolver got for it fails the check. Either the owner of the zone made a
//! mistake (an expired signature, a forgotten key), or somebody changed the answer on its way to the resolver.
//!
//! ## What we look for
//! Response code 2 (SERVFAIL) with an Extended DNS Error from 6 to 12, no lookup of the name that gave an address,
//! and no connection that followed.
//!
//! ## How sure
//! Very: the resolver itself gives the reason (extended error). Whether the zone or somebody on the way is at fault
//! it does not say.
//!
//! ## What to do
//! If your router or device checks signatures, look at its clock first: a wrong date makes good signatures fail.
//! Otherwise wait, or try a resolver of another provider; if all of them say the same, the owner of the name must
//! repair it.
//!
//! ## Often confused with
//! dns.servfail (no reason is given), dns.injected (a forged answer reached the device itself).
//!
//! ## References
//! RFC 4035 section 5.5, RFC 8914 sections 4.7 to 4.13.

use super::survey::{answered_with, error_claim, sureness};
use crate::diagnose::{AttemptContext, Blame, Check, Claim, Rule, Severity, Stage};
use crate::fact::dns::Reply;

pub(super) static RULE: Rule = Rule {
    id: "dns.dnssec-bogus",
    stage: Stage::Dns,
    severity: Severity::Broken,
    blame: Blame::Resolver,
    over: &["dns.servfail"],
    check: Check::Lookups(check),
    source: include_str!("dnssec_bogus.rs"),
};

fn check(context: &AttemptContext<'_>) -> Option<Claim> {
    let about = answered_with(context, is_bogus)?;
    Some(error_claim(&about, sureness(context, &about, 0.95)))
}

fn is_bogus(reply: &Reply) -> bool {
    let code = reply.ede.as_ref().map(|(code, _)| *code);
    reply.rcode == 2 && code.is_some_and(|code| (6..=12).contains(&code))
}
