//! The resolver says that it blocks the name.
//!
//! ## What it means
//! The answer carries an Extended DNS Error that names the reason: forged on purpose (4), blocked by the resolver's
//! operator (15), censored by an order from outside (16), filtered because the subscriber asked for it (17), or this
//! device may not use the resolver (18).
//!
//! ## What we look for
//! Extended DNS Error 4, 15, 16, 17 or 18 on an answer for A or AAAA of the name, whatever the answer says otherwise;
//! no other lookup with an address, and no connection that got through.
//!
//! ## How sure
//! The resolver says it itself.
//!
//! ## What to do
//! Find out whose resolver it is (router, provider, employer, an app) and allow the name there. Code 17 is a setting
//! of your own account or family protection; 15 and 16 are the operator's. Otherwise use another resolver.
//!
//! ## Often confused with
//! dns.nxdomain, dns.refused and dns.sinkhole (the same without a stated reason), dns.dnssec-bogus (codes 6 to 12).
//!
//! ## References
//! RFC 8914 sections 4.5 and 4.16 to 4.19.

use super::survey::{Asked, Fate, asked, claim, resolvers, types, with_control};
use crate::diagnose::{AttemptContext, Blame, Check, Claim, Rule, Severity, Stage};
use crate::fact::dns::{Reply, ede_name};

pub(super) static RULE: Rule = Rule {
    id: "dns.filtered",
    stage: Stage::Dns,
    severity: Severity::Broken,
    blame: Blame::Resolver,
    over: &[
        "dns.nxdomain",
        "dns.servfail",
        "dns.refused",
        "dns.error",
        "dns.no-address",
        "dns.sinkhole",
    ],
    check: Check::Lookups(check),
    source: include_str!("filtered.rs"),
};

fn check(context: &AttemptContext<'_>) -> Option<Claim> {
    if context.is_to_resolver() || context.got_through() {
        return None;
    }
    let (about, rest): (Vec<Asked<'_>>, Vec<_>) = asked(context).into_iter().partition(is_blocked);
    let begun = about
        .iter()
        .filter_map(|a| a.lookup.first())
        .map(|m| m.time)
        .min()?;
    let resolved = rest.iter().any(|a| matches!(a.fate, Fate::Address(_)));
    // Connections to other addresses than those answered: the client knew better.
    let mut paths = context
        .attempt
        .paths
        .iter()
        .filter(|p| p.flow.first.time >= begun);
    let elsewhere = paths.any(|p| {
        let mut replies = about.iter().flat_map(|a| &a.lookup.replies);
        !replies.any(|r| r.all_addresses().any(|addr| addr == p.flow.server.addr))
    });
    if resolved || elsewhere {
        return None;
    }
    let (code, text) = about
        .iter()
        .find_map(|a| a.lookup.replies.iter().find_map(blocking_error))?;
    let said = if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    };
    let what = format!(
        "{} answered {} with extended error {code} ({}){said}",
        resolvers(&about),
        types(&about),
        ede_name(code),
    );
    let sure = if code == 4 { 0.85 } else { 0.96 };
    let claim = claim(what, sure, &about)
        .with("ede", code)
        .with("ede_text", text);
    Some(with_control(claim, context, &about, 0.97))
}

fn is_blocked(asked: &Asked<'_>) -> bool {
    asked
        .lookup
        .replies
        .iter()
        .any(|r| blocking_error(r).is_some())
}

fn blocking_error(reply: &Reply) -> Option<(u16, &str)> {
    let (code, text) = reply.ede.as_ref().filter(|_| reply.malformed.is_none())?;
    matches!(code, 4 | 15..=18).then_some((*code, text))
}
