//! The resolver says that the name does not exist (NXDOMAIN).
//!
//! ## What it means
//! The device asked for the address of the name and was told that there is no such name. Without an address it can't
//! connect. For a name of a running service that is nearly always the resolver's doing: a blocklist in the router or in
//! the resolver (ad blocker, parental control), or a provider that was ordered to hide the name. It is also what a name
//! gets that was never there, or is not there any more.
//!
//! ## What we look for
//! Every answer for A and AAAA of the name has response code 3, no lookup of it gave an address, and no connection
//! followed. Failures of other types (HTTPS) and of names that a search list made (`name.lan`) do not count.
//!
//! ## How sure
//! Surer where another resolver in the capture has an address for the same name, where the answer claims authority (AA)
//! for a name of the target though it comes from a resolver, or where its SOA record is of a zone that has nothing to do with the name: then a
//! list answered, not the DNS. Of a name that no target profile lists, and for which none of that holds, the verdict
//! blames nobody: it may never have been there.
//!
//! ## What to do
//! Ask another resolver for the same name, or try on mobile data. If that works, the resolver or router you use hides the
//! name: look for an ad blocker, parental control or "DNS protection" there and allow the name. If nobody knows the name,
//! it does not exist any more: update the app.
//!
//! ## Often confused with
//! dns.no-address (the name exists, but has no address), dns.filtered (the resolver says itself that it blocks),
//! dns.servfail (the resolver could not find out).
//!
//! ## References
//! RFC 1035 section 4.1.1, RFC 2308, RFC 8020.

use super::survey::{
    Asked, Fate, claim, denied, failed, is_name_server, resolvers, types, with_control,
};
use crate::diagnose::{AttemptContext, Blame, Check, Claim, Rule, Severity, Stage};
use crate::fact::dns::{NXDOMAIN, Reply};

pub(super) static RULE: Rule = Rule {
    id: "dns.nxdomain",
    stage: Stage::Dns,
    severity: Severity::Broken,
    blame: Blame::Resolver,
    over: &[],
    check: Check::Lookups(check),
    source: include_str!("nxdomain.rs"),
};

fn check(context: &AttemptContext<'_>) -> Option<Claim> {
    let asked = failed(context)?;
    if !denied(&asked) {
        return None;
    }
    let about: Vec<Asked<'_>> = asked
        .into_iter()
        .filter(|a| a.rcode() == Some(NXDOMAIN))
        .collect();
    let by_owner = |a: &Asked<'_>| matches!(a.fate, Fate::Error(r) if is_name_server(a, r));
    if !context.attempt.listed && about.iter().any(by_owner) {
        return None;
    }
    let sign = about.iter().find_map(|a| match a.fate {
        Fate::Error(reply) => sign_of_a_list(reply, &a.lookup.name, context.attempt.listed),
        _ => None,
    });
    let base = match (context.attempt.listed, sign.is_some()) {
        (true, true) => 0.92,
        (true, false) => 0.85,
        (false, _) => 0.75,
    };
    let made_up = sign.is_some();
    let hint = sign.map_or(String::new(), |s| format!("; {s}"));
    let what = format!(
        "{} answered NXDOMAIN for {}{hint}",
        resolvers(&about),
        types(&about)
    );
    let claim = claim(what, base, &about);
    let claim = with_control(claim, context, &about, 0.97);
    Some(if made_up {
        claim.blaming(Blame::Resolver)
    } else {
        claim
    })
}

/// What about the answer says that a list made it up. A resolver that claims authority (AA) may have it for names of its
/// own network, so that this counts only for names that a profile lists.
fn sign_of_a_list(reply: &Reply, name: &str, listed: bool) -> Option<String> {
    if let Some(zone) = &reply.soa {
        let last = reply.cnames.last().map_or(name, String::as_str);
        if !is_at_or_above(zone, last) && !is_at_or_above(zone, name) {
            return Some(format!(
                "its SOA record is of {zone}, which is no zone of this name"
            ));
        }
    }
    let own = listed && reply.authoritative && reply.recursion_available;
    own.then(|| {
        "it claims authority (AA) for the name although it comes from a resolver".to_owned()
    })
}

fn is_at_or_above(zone: &str, name: &str) -> bool {
    let rest = name.strip_suffix(zone);
    zone == "." || rest.is_some_and(|r| r.is_empty() || r.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_soa_is_a_sign() {
        let reply = |soa: &str| Reply {
            soa: Some(soa.into()),
            ..Reply::default()
        };
        assert!(
            sign_of_a_list(
                &reply("fake-for-negative-caching.adguard.com"),
                "www.tiktok.com",
                false
            )
            .is_some()
        );
        assert!(sign_of_a_list(&reply("ktok.com"), "www.tiktok.com", true).is_some());
        for zone in ["tiktok.com", "www.tiktok.com", "com", "."] {
            assert_eq!(
                sign_of_a_list(&reply(zone), "www.tiktok.com", true),
                None,
                "{zone}"
            );
        }
    }

    #[test]
    fn the_zone_of_an_alias_is_no_sign() {
        let reply = Reply {
            soa: Some("akamai.net".into()),
            cnames: vec!["a1.b.akamai.net".into()],
            ..Reply::default()
        };
        assert_eq!(sign_of_a_list(&reply, "www.tiktok.com", true), None);
    }

    #[test]
    fn authority_is_a_sign_only_for_names_that_surely_exist() {
        let reply = Reply {
            authoritative: true,
            recursion_available: true,
            soa: Some("example.org".into()),
            ..Reply::default()
        };
        assert!(sign_of_a_list(&reply, "printer.example.org", true).is_some());
        assert_eq!(sign_of_a_list(&reply, "printer.example.org", false), None);
    }
}
