//! The resolver refuses to answer (REFUSED).
//!
//! ## What it means
//! The resolver got the question and does not want to answer it for this device: it serves other networks only, or its
//! policy forbids this name.
//!
//! ## What we look for
//! Response code 5 for A or AAAA of the name, no later lookup of it that gave an address, and no connection that
//! followed.
//!
//! ## How sure
//! The answer is explicit. Surer where another resolver in the capture has an address for the name.
//!
//! ## What to do
//! Check which resolver the device is set to. A resolver of another network (a provider left behind, a company VPN that
//! is off) refuses strangers: go back to the automatic setting. If only this name is refused, the resolver filters it.
//!
//! ## Often confused with
//! dns.filtered (the resolver says itself that it blocks), dns.servfail (it tried and failed), dns.unreachable (an ICMP
//! error came instead of an answer).
//!
//! ## References
//! RFC 1035 section 4.1.1, RFC 8914 section 4.19.

use super::survey::{answered_with, error_claim, sureness, with_control};
use crate::diagnose::{AttemptContext, Blame, Check, Claim, Rule, Severity, Stage};

pub(super) static RULE: Rule = Rule {
    id: "dns.refused",
    stage: Stage::Dns,
    severity: Severity::Broken,
    blame: Blame::Resolver,
    over: &[],
    check: Check::Lookups(check),
    source: include_str!("refused.rs"),
};

fn check(context: &AttemptContext<'_>) -> Option<Claim> {
    let about = answered_with(context, |reply| reply.rcode == 5)?;
    let claim = error_claim(&about, sureness(context, &about, 0.92));
    Some(with_control(claim, context, &about, 0.96))
}
