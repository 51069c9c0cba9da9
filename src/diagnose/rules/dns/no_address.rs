//! The name exists, but the resolver has no address for it.
//!
//! ## What it means
//! The answer is complete and without error, and there is no address in it, for none of the address families asked for.
//! Some filters answer blocked names like this; it is also what a name gets that is an alias of nothing, or one that is
//! not meant to be connected to.
//!
//! ## What we look for
//! Complete NOERROR answers without A, AAAA or address hints for all types that were asked, A among them, and no
//! connection that followed. An empty answer for one family while the other is filled is normal and never this. A type
//! that was asked for once and never answered is taken for answered, unseen: who gets no answer asks again.
//!
//! ## How sure
//! Surer where both families were asked, and where another resolver in the capture has an address for the same name.
//!
//! ## What to do
//! Ask another resolver for the same name, or try on mobile data. If that works, the resolver you use hides the address:
//! look for an ad blocker or parental control in the router or its settings.
//!
//! ## Often confused with
//! dns.nxdomain (the name itself is denied), dns.sinkhole (an address is answered that can't be right).
//!
//! ## References
//! RFC 2308 section 2.2 (NODATA).

use super::survey::{
    Asked, Fate, claim, failed, is_pending, resolvers, sureness, types, with_control,
};
use crate::diagnose::{AttemptContext, Blame, Check, Claim, Rule, Severity, Stage};
use crate::fact::dns::{TYPE_A, TYPE_AAAA};

pub(super) static RULE: Rule = Rule {
    id: "dns.no-address",
    stage: Stage::Dns,
    severity: Severity::Broken,
    blame: Blame::Resolver,
    over: &[],
    check: Check::Lookups(check),
    source: include_str!("no_address.rs"),
};

fn check(context: &AttemptContext<'_>) -> Option<Claim> {
    let asked = failed(context)?;
    // A denied name in one family and an empty answer in the other is the same: the name is there.
    let negative = |a: &Asked<'_>| matches!(a.fate, Fate::Empty) || a.rcode() == Some(3);
    let all = asked
        .iter()
        .all(|a| negative(a) || matches!(a.fate, Fate::Silent));
    let empty: Vec<Asked<'_>> = asked.iter().copied().filter(negative).collect();
    let has = |qtype| empty.iter().any(|a| a.lookup.qtype == qtype);
    // Who gets no answer asks again: a question that stands alone was answered, and the capture lacks it.
    let unseen = asked
        .iter()
        .any(|a| matches!(a.fate, Fate::Silent) && a.lookup.try_count < 2);
    let named = empty.iter().any(|a| matches!(a.fate, Fate::Empty));
    if !all || !named || !has(TYPE_A) || unseen || is_pending(context, &asked) {
        return None;
    }
    let base = match (context.attempt.listed, has(TYPE_AAAA)) {
        (true, true) => 0.88,
        (true, false) => 0.75,
        (false, _) => 0.65,
    };
    let plural = if empty.len() == 1 { "" } else { "s" };
    let what = format!(
        "{} answered {} without error and without an address ({} answer{plural})",
        resolvers(&empty),
        types(&empty),
        empty.len()
    );
    let claim = claim(what, sureness(context, &empty, base), &empty);
    Some(with_control(claim, context, &empty, 0.95))
}
