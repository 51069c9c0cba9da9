//! The name resolves to an address that can't be the service's.
//!
//! ## What it means
//! Instead of denying the name, the resolver answers an address that leads nowhere (0.0.0.0, ::, 127.0.0.1), into a
//! private network, or to a page that says that the site is blocked. Ad blockers, parental controls, company and
//! provider filters work like this. The refused or silent connection that follows is only the consequence.
//!
//! ## What we look for
//! All addresses answered for the name are unspecified, loopback, private or otherwise set aside (RFC 6890), or
//! listed as a block page; and no connection got through, but for one to a listed block page. Private addresses count
//! only for names of a public service that the target lists: for other names they may well be right. Addresses for
//! documentation count never, because shared captures are often rewritten to them. Addresses of 198.18.0.0/15 come
//! from a proxy app (fake-IP mode) and count only where the connection to them failed.
//!
//! ## How sure
//! Sure for 0.0.0.0, :: and listed block pages. Surer where another resolver in the capture has a public address for
//! the same name.
//!
//! ## What to do
//! Look for an ad blocker, parental control or "DNS protection" in the router, on the device or in the resolver, and
//! allow the name there; or use another resolver. If the address is 198.18.x.x, check the proxy or VPN app that
//! answers with it.
//!
//! ## Often confused with
//! dns.injected (two answers, or an address known from forgeries), dns.nxdomain (the filter denies the name instead),
//! tcp.syn-unanswered and tcp.refused (the address is right, the server does not answer).
//!
//! ## References
//! RFC 6890, RFC 1918, RFC 6598, RFC 2544.

use super::survey::{Asked, Fate, asked, claim, elsewhere, is_local_name, resolvers, with_control};
use crate::attempt::Reach;
use crate::data::{self, Sinkhole, SinkholeKind, SpecialPurpose};
use crate::diagnose::{AttemptContext, Blame, Check, Claim, Outcome, Rule, Severity, Stage};
use crate::fact::dns::Reply;
use crate::target::Role;
use crate::types::Addr;

pub(super) static RULE: Rule = Rule {
    id: "dns.sinkhole",
    stage: Stage::Dns,
    severity: Severity::Broken,
    blame: Blame::Resolver,
    over: &[],
    check: Check::Lookups(check),
    source: include_str!("sinkhole.rs"),
};

/// Why an address can't be the service's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bad {
    Nowhere(&'static SpecialPurpose),
    Loopback(&'static SpecialPurpose),
    Private(&'static SpecialPurpose),
    FakeIp(&'static SpecialPurpose),
    Listed(&'static Sinkhole),
}

fn check(context: &AttemptContext<'_>) -> Option<Claim> {
    let name = context.attempt.name.as_deref()?;
    let local = !context.attempt.listed && is_local_name(name);
    if local || context.is_to_resolver() {
        return None;
    }
    let (about, rest): (Vec<_>, Vec<_>) = asked(context)
        .into_iter()
        .filter(|a| matches!(a.fate, Fate::Address(_)))
        .partition(|a| bad_reply(a).is_some());
    let (address, bad) = about.iter().find_map(bad_reply)?;
    if !rest.is_empty() && !only_tried(context, &about) {
        return None;
    }
    if context.got_through() && !only_to_block_page(context, &about) {
        return None;
    }
    let (sure, control) = sureness(context, &about, address, bad)?;
    let what = format!(
        "{} answered {address}, {}",
        resolvers(&about),
        describe(bad)
    );
    let claim = claim(what, sure, &about).with("address", address.to_string());
    let claim = with_control(claim, context, &about, control);
    Some(match bad {
        Bad::FakeIp(_) => claim.blaming(Blame::Interceptor),
        _ => claim,
    })
}

/// The first bad address of an answer that holds no good one.
fn bad_reply(asked: &Asked<'_>) -> Option<(Addr, Bad)> {
    let Fate::Address(reply) = asked.fate else {
        return None;
    };
    let page = || {
        reply
            .cnames
            .iter()
            .find_map(|name| data::sinkhole_name(name))
    };
    let mut first = None;
    for addr in reply.all_addresses() {
        let why = bad(addr).or_else(|| page().map(Bad::Listed))?;
        first = first.or(Some((addr, why)));
    }
    first
}

fn bad(addr: Addr) -> Option<Bad> {
    if let Some(listed) = data::sinkhole(addr) {
        return (listed.kind == SinkholeKind::BlockPage).then_some(Bad::Listed(listed));
    }
    let special = data::never_public(addr)?;
    let fake =
        special.note.is_some_and(|n| n.contains("fake-IP")) && special.name == "benchmarking";
    match special.name {
        "documentation" | "Teredo" => None,
        "unspecified" | "this network" => Some(Bad::Nowhere(special)),
        "loopback" => Some(Bad::Loopback(special)),
        _ if fake || is_fake_v6(addr) => Some(Bad::FakeIp(special)),
        _ => Some(Bad::Private(special)),
    }
}

/// fc00::/18, from which Clash and sing-box answer.
fn is_fake_v6(addr: Addr) -> bool {
    addr.0 >> 110 == 0xfc00 << 2
}

/// Connections were tried, and all of them to the addresses of these answers.
fn only_tried(context: &AttemptContext<'_>, about: &[Asked<'_>]) -> bool {
    let paths = &context.attempt.paths;
    !paths.is_empty() && paths.iter().all(|p| leads_to(about, p.flow.server.addr))
}

/// All that got through went to an address that serves nothing but block pages: whatever came from there was not the
/// service. For names of the target only: others may be the filter's own.
fn only_to_block_page(context: &AttemptContext<'_>, about: &[Asked<'_>]) -> bool {
    let is_page =
        |addr| data::sinkhole(addr).is_some_and(|s| s.strong && s.kind == SinkholeKind::BlockPage);
    let both = context.attempt.paths.iter().zip(context.paths);
    let mut through =
        both.filter(|(_, judged)| matches!(judged.outcome, Outcome::Ok | Outcome::Degraded));
    context.attempt.listed
        && through.all(|(p, _)| is_page(p.flow.server.addr) && leads_to(about, p.flow.server.addr))
}

fn leads_to(about: &[Asked<'_>], server: Addr) -> bool {
    let mut replies = about.iter().flat_map(|a| &a.lookup.replies);
    replies.any(|r: &Reply| r.all_addresses().any(|addr| addr == server))
}

/// How sure without and with another resolver's public address; `None` where the address may be right.
fn sureness(
    context: &AttemptContext<'_>,
    about: &[Asked<'_>],
    address: Addr,
    bad: Bad,
) -> Option<(f64, f64)> {
    let listed = context.attempt.listed;
    let to_it = || {
        let both = context.attempt.paths.iter().zip(context.paths);
        both.filter(|(p, _)| leads_to(about, p.flow.server.addr))
    };
    let broke = to_it().any(|(_, judged)| judged.outcome == Outcome::Broken);
    let answered = to_it().any(|(_, judged)| judged.reach >= Reach::Answered);
    let public_name = listed && context.attempt.role != Role::Unknown;
    let elsewhere = elsewhere(context, about).is_some();
    match bad {
        Bad::Listed(row) if row.strong => Some((0.95, 0.97)),
        Bad::Listed(_) => Some((0.75, 0.95)),
        Bad::Nowhere(_) => Some((if listed { 0.95 } else { 0.85 }, 0.97)),
        // Lists that are queried by name answer 127.0.0.2 and up.
        Bad::Loopback(_) if listed => Some((0.9, 0.95)),
        Bad::Loopback(_) => is_localhost(address).then_some((0.65, 0.65)),
        Bad::FakeIp(_) => broke.then_some((0.6, 0.6)),
        Bad::Private(_) if answered && !broke => None,
        Bad::Private(_) if public_name => Some((0.8, 0.92)),
        Bad::Private(_) if listed && elsewhere => Some((0.7, 0.75)),
        Bad::Private(_) => None,
    }
}

fn is_localhost(addr: Addr) -> bool {
    addr == Addr::v4([127, 0, 0, 1]) || addr == Addr(1)
}

fn describe(bad: Bad) -> String {
    match bad {
        Bad::Listed(row) => format!("a listed block page or sinkhole ({})", row.meaning),
        Bad::FakeIp(special) => format!(
            "which is of {} ({}): a proxy app answers with made-up addresses, and the connection through it failed",
            special.prefix, special.name
        ),
        Bad::Nowhere(s) | Bad::Loopback(s) | Bad::Private(s) => {
            format!(
                "which is of {} ({}) and can't be a public service",
                s.prefix, s.name
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn of(text: &str) -> Option<Bad> {
        bad(text.parse::<IpAddr>().unwrap().into())
    }

    #[test]
    fn addresses_are_told_apart() {
        assert!(matches!(of("0.0.0.0"), Some(Bad::Nowhere(_))));
        assert!(matches!(of("::"), Some(Bad::Nowhere(_))));
        assert!(matches!(of("::1"), Some(Bad::Loopback(_))));
        assert!(matches!(of("10.1.2.3"), Some(Bad::Private(_))));
        assert!(matches!(of("198.18.0.7"), Some(Bad::FakeIp(_))));
        assert!(matches!(of("fc00::7"), Some(Bad::FakeIp(_))));
        assert!(matches!(of("fd00::7"), Some(Bad::Private(_))));
        assert!(matches!(of("146.112.61.106"), Some(Bad::Listed(_))));
        for fine in [
            "23.49.60.10",
            "192.0.2.7",
            "2001:db8::1",
            "64:ff9b::1",
            "2001::1",
            "8.7.198.45",
        ] {
            assert_eq!(of(fine), None, "{fine}");
        }
    }
}
