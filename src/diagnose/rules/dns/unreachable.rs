//! The resolver can't be reached: an ICMP error answers the query.
//!
//! ## What it means
//! The device asked a resolver and was told by some machine that the question can't be delivered: there is no way to that
//! address, a firewall forbids it, or nothing listens there.
//!
//! ## What we look for
//! An ICMP "unreachable" or "time exceeded" that quotes a query for the name, no reply to any lookup of the name, and no
//! connection that followed.
//!
//! ## How sure
//! The error is explicit. Who sent it says whose fault it is: the resolver's own host (nothing listens there), a machine
//! of the local network, or one further on the way.
//!
//! ## What to do
//! Check that the device is connected and which resolver it is set to; switch to the automatic setting, or to another
//! resolver. If you use a VPN, turn it off and on again: its resolver is only there while it stands.
//!
//! ## Often confused with
//! dns.unanswered (nothing came back at all), dns.refused (the resolver itself answers that it won't).
//!
//! ## References
//! RFC 792, RFC 1122 section 3.2.2.1, RFC 4443 section 3.1.

use super::survey::{Asked, Fate, blame_of_icmp, claim, failed, is_pending, resolver_name};
use crate::diagnose::{AttemptContext, Blame, Check, Claim, Rule, Severity, Stage};

pub(super) static RULE: Rule = Rule {
    id: "dns.unreachable",
    stage: Stage::Dns,
    severity: Severity::Broken,
    blame: Blame::LocalNetwork,
    over: &["dns.unanswered"],
    check: Check::Lookups(check),
    source: include_str!("unreachable.rs"),
};

fn check(context: &AttemptContext<'_>) -> Option<Claim> {
    let asked = failed(context)?;
    let hit = |a: &Asked<'_>| matches!(a.fate, Fate::Unreachable(_));
    let all = asked
        .iter()
        .all(|a| hit(a) || matches!(a.fate, Fate::Silent));
    if !all || is_pending(context, &asked) {
        return None;
    }
    let about: Vec<Asked<'_>> = asked.into_iter().filter(hit).collect();
    let first = about.first()?;
    let Fate::Unreachable(error) = first.fate else {
        return None;
    };
    let version = if error.v6 { "ICMPv6" } else { "ICMP" };
    let what = format!(
        "{} answered a query to {} with {version} type {} code {}{}",
        error.from,
        resolver_name(first.lookup.resolver),
        error.kind,
        error.code,
        if error.is_admin_prohibited() {
            " (forbidden by a filter)"
        } else {
            ""
        },
    );
    let claim = claim(what, 0.92, &about).blaming(blame_of_icmp(error));
    Some(claim.with("icmp", format!("{}/{}", error.kind, error.code)))
}
