//! What came back for the lookup is no answer to it.
//!
//! ## What it means
//! Something replies in the resolver's place, but not with an answer: the message can't be read as DNS, or it is about
//! another question. Faulty routers do this, and boxes that meddle with DNS.
//!
//! ## What we look for
//! All that came back for A and AAAA of the name is unreadable or repeats another question, although the capture holds
//! the messages whole; no address, and no connection that followed.
//!
//! ## How sure
//! Clients ignore such messages, so it ends like silence. Surer with every such reply.
//!
//! ## What to do
//! Use another resolver: set one in the device's network settings. If the router is the one that answers, restart and
//! update it; if it stays, try another network: something on this one rewrites DNS.
//!
//! ## Often confused with
//! dns.error (a proper answer with an error in it), dns.injected (a proper answer that is forged).
//!
//! ## References
//! RFC 1035 section 4.1, RFC 5452 section 9.1.

use super::survey::{Asked, Fate, claim, failed, is_pending, resolver_name};
use crate::diagnose::{AttemptContext, Blame, Check, Claim, Rule, Severity, Stage};

pub(super) static RULE: Rule = Rule {
    id: "dns.malformed",
    stage: Stage::Dns,
    severity: Severity::Broken,
    blame: Blame::Resolver,
    over: &[],
    check: Check::Lookups(check),
    source: include_str!("malformed.rs"),
};

fn check(context: &AttemptContext<'_>) -> Option<Claim> {
    let asked = failed(context)?;
    let broken = |a: &Asked<'_>| matches!(a.fate, Fate::Malformed(..));
    let all = asked
        .iter()
        .all(|a| broken(a) || matches!(a.fate, Fate::Silent | Fate::Empty));
    if !all || is_pending(context, &asked) {
        return None;
    }
    let about: Vec<Asked<'_>> = asked.into_iter().filter(broken).collect();
    let first = about.first()?;
    let Fate::Malformed(_, fault) = first.fate else {
        return None;
    };
    let count: usize = about.iter().map(|a| a.lookup.replies.len()).sum();
    let sure = if count > 1 { 0.88 } else { 0.75 };
    let plural = if count == 1 { "y" } else { "ies" };
    let from = resolver_name(first.lookup.resolver);
    let what = format!("{count} repl{plural} from {from} could not be used: {fault}");
    Some(claim(what, sure, &about))
}
