//! Somebody on the way answers in the resolver's place with a forged address.
//!
//! ## What it means
//! A machine between the device and the resolver watches for certain names and sends an answer of its own. The device
//! takes the first answer it gets; the true one comes too late. The connection that fails afterwards went to an address
//! that has nothing to do with the service.
//!
//! ## What we look for
//! One query with two answers that disagree (another response code, or other addresses) within ten seconds; or an
//! address known from such forgeries. Copies of an answer, the same addresses in another order, addresses of the same
//! network, and one answer for each of several queries are not this. A listed address that is weak evidence alone, or
//! that belongs to another company, counts only for names of the target and together with a second sign. Where a
//! connection got through all the same, or may still, or where the forged answer came too late, it is only worth a note.
//!
//! ## How sure
//! The distance (TTL) of the two answers differs when two machines sent them, and forged ones often lack what the true
//! one has (EDNS, recursion available). Each such sign makes it surer; less sure where the capture lost packets, because
//! then a second query may be missing.
//!
//! ## What to do
//! Another resolver of the same kind does not help, the answers are forged on the way to it. Use encrypted DNS (DNS over
//! HTTPS or TLS) or another network.
//!
//! ## Often confused with
//! dns.sinkhole (the resolver itself answers a wrong address), a resolver that answers a repeated query differently, a
//! capture that holds packets twice.
//!
//! ## References
//! RFC 5452, USENIX Security 2021 (GFWatch), Duan and others 2012 (Hold-On).

use super::survey::{Asked, Fate, asked, claim, elsewhere, resolver_name};
use crate::attempt::Reach;
use crate::data::{self, Sinkhole, SinkholeKind};
use crate::diagnose::{AttemptContext, Blame, Check, Claim, Outcome, Rule, Severity, Stage};
use crate::fact::dns::{Reply, rcode_name};
use crate::types::Addr;
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "dns.injected",
    stage: Stage::Dns,
    severity: Severity::Broken,
    blame: Blame::Interceptor,
    over: &[
        "dns.sinkhole",
        "dns.nxdomain",
        "dns.no-address",
        "dns.servfail",
        "dns.refused",
        "dns.error",
    ],
    check: Check::Lookups(check),
    source: include_str!("injected.rs"),
};

/// Two answers to one query come together; a later one is of another time (a reused port and id).
const TOGETHER: Duration = Duration::from_secs(10);

fn check(context: &AttemptContext<'_>) -> Option<Claim> {
    if context.is_to_resolver() {
        return None;
    }
    let asked = asked(context);
    let claim = asked.iter().find_map(|a| two_answers(context, a));
    let claim = claim.or_else(|| forged_address(context, &asked))?;
    // It got through, or may have: it connected, and nothing shows that it failed.
    let open = context.paths.iter().any(|p| match p.outcome {
        Outcome::Unfinished => true,
        Outcome::Broken => false,
        _ => p.reach >= Reach::Connected,
    });
    Some(if context.got_through() || open {
        claim.as_severe_as(Severity::Note)
    } else {
        claim
    })
}

fn two_answers(context: &AttemptContext<'_>, asked: &Asked<'_>) -> Option<Claim> {
    // Without its queries in the capture, nobody knows how many there were to answer.
    if asked.lookup.tries.is_empty() {
        return None;
    }
    let (first, second) = asked.lookup.disagreement()?;
    if second.mark.time.since(first.mark.time) > TOGETHER || !matters(first, second) {
        return None;
    }
    let signs = signs(first, second);
    let mut sure: f64 = match signs.len() {
        0 => 0.65,
        1 => 0.85,
        2 => 0.93,
        _ => 0.96,
    };
    if context.world.dropped(context.capture()) > 0 {
        sure -= 0.3;
    }
    let mut what = format!(
        "one query to {} got two answers that disagree: {} after {}, then {} after {}",
        resolver_name(asked.lookup.resolver),
        content(first),
        after(asked, first),
        content(second),
        after(asked, second),
    );
    if !signs.is_empty() {
        what += &format!(" ({})", signs.join("; "));
    }
    let claim = claim(what, sure, &[*asked]);
    // Clients take the first answer: a forged one behind it harms nobody.
    Some(
        if is_wrong(second) && !is_wrong(first) && first.is_address_answer() {
            claim.as_severe_as(Severity::Note)
        } else {
            claim
        },
    )
}

/// It holds an address that can't be the service's.
fn is_wrong(reply: &Reply) -> bool {
    wrong_address(reply).is_some()
}

fn wrong_address(reply: &Reply) -> Option<Addr> {
    let mut addresses = reply.addresses.iter();
    addresses
        .find(|addr| data::sinkhole(**addr).is_some() || data::never_public(**addr).is_some())
        .copied()
}

/// The answers differ in what they say, not only in order, time to live or which edge of one network they name.
fn matters(a: &Reply, b: &Reply) -> bool {
    if a.truncated != b.truncated {
        return false;
    }
    // The response code is in the header, which no cut reaches.
    if a.rcode != b.rcode || a.clipped || b.clipped {
        return a.rcode != b.rcode;
    }
    let forged = |r: &Reply| {
        r.addresses
            .iter()
            .any(|addr| data::sinkhole(*addr).is_some())
    };
    let kin = |x: &Addr| b.addresses.iter().any(|y| network(*x) == network(*y));
    let empty = a.addresses.is_empty() != b.addresses.is_empty();
    let apart = !a.addresses.is_empty() && !b.addresses.is_empty() && !a.addresses.iter().any(kin);
    empty || apart || forged(a) != forged(b)
}

/// The /16 of an IPv4 address, the /32 of an IPv6 address.
fn network(addr: Addr) -> (bool, u128) {
    let bits = if addr.is_v4() { 16 } else { 96 };
    (addr.is_v4(), addr.0 >> bits)
}

/// What shows that two machines sent the answers, or that one is made up.
fn signs(a: &Reply, b: &Reply) -> Vec<String> {
    let mut signs = Vec::new();
    if a.ip_ttl.abs_diff(b.ip_ttl) > 2 {
        signs.push(format!("their IP TTLs are {} and {}", a.ip_ttl, b.ip_ttl));
    }
    if a.recursion_available != b.recursion_available {
        signs.push("one lacks the recursion-available bit".to_owned());
    }
    if a.authoritative != b.authoritative {
        signs.push("one claims authority".to_owned());
    }
    if a.cnames.is_empty() != b.cnames.is_empty() {
        signs.push("one lacks the alias (CNAME) that the other has".to_owned());
    }
    if let (Some(addr), None) | (None, Some(addr)) = (wrong_address(a), wrong_address(b)) {
        signs.push(format!(
            "{addr} can't be the service's or is known from forgeries"
        ));
    }
    signs
}

fn content(reply: &Reply) -> String {
    match reply.addresses.as_slice() {
        [] if reply.rcode == 0 => "no address".to_owned(),
        [] => rcode_name(reply.rcode).into_owned(),
        [one] => one.to_string(),
        [one, rest @ ..] => format!("{one} and {} more", rest.len()),
    }
}

fn after(asked: &Asked<'_>, reply: &Reply) -> String {
    match asked.lookup.tries.first() {
        Some(asked) => format!(
            "{:.1} ms",
            reply.mark.time.since(asked.time).as_secs_f64() * 1e3
        ),
        None => "a query before the capture".to_owned(),
    }
}

fn forged_address(context: &AttemptContext<'_>, asked: &[Asked<'_>]) -> Option<Claim> {
    let (about, address, row) = asked.iter().find_map(|a| {
        let Fate::Address(reply) = a.fate else {
            return None;
        };
        let (address, row) = reply
            .addresses
            .iter()
            .find_map(|addr| Some((*addr, listed(*addr)?)))?;
        Some((*a, address, row))
    })?;
    let poisoned = row.kind == SinkholeKind::Poisoned;
    let alone = poisoned && row.strong;
    let tried = context
        .attempt
        .paths
        .iter()
        .zip(context.paths)
        .any(|(path, judged)| {
            path.flow.server.addr == address && judged.outcome == Outcome::Broken
        });
    let other =
        elsewhere(context, &[about]).filter(|other| network(other.address) != network(address));
    let second = tried || other.is_some();
    if !(alone || second && context.attempt.listed) {
        return None;
    }
    let sure = match (alone, second) {
        (true, true) => 0.96,
        (true, false) => 0.9,
        (false, _) if poisoned => 0.85,
        _ => 0.75,
    };
    let what = format!(
        "{} answered {address}, listed as: {}{}",
        resolver_name(about.lookup.resolver),
        row.meaning,
        other.map_or(String::new(), |o| format!(
            "; {} answers {} for the same name",
            o.resolver, o.address
        )),
    );
    let mut claim = claim(what, sure, &[about]);
    claim.marks.extend(other.map(|o| o.mark));
    // Its question is not in the capture, so neither may be what came of it.
    Some(if about.lookup.tries.is_empty() && !tried {
        claim.as_severe_as(Severity::Note)
    } else {
        claim
    })
}

fn listed(addr: Addr) -> Option<&'static Sinkhole> {
    data::sinkhole(addr).filter(|row| row.kind != SinkholeKind::BlockPage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn reply(addresses: &[&str]) -> Reply {
        Reply {
            addresses: addresses
                .iter()
                .map(|a| a.parse::<IpAddr>().unwrap().into())
                .collect(),
            recursion_available: true,
            ip_ttl: 57,
            ..Reply::default()
        }
    }

    #[test]
    fn rotation_and_edges_of_one_network_do_not_matter() {
        let a = reply(&["23.49.60.10", "23.49.60.11"]);
        for other in [
            &["23.49.60.11", "23.49.60.10"][..],
            &["23.49.61.7"],
            &["23.49.60.10"],
        ] {
            assert!(!matters(&a, &reply(other)), "{other:?}");
        }
    }

    #[test]
    fn other_networks_codes_and_nothing_matter() {
        let a = reply(&["23.49.60.10"]);
        assert!(matters(&a, &reply(&["31.13.94.37"])));
        assert!(matters(&a, &reply(&[])));
        let denied = Reply {
            rcode: 3,
            ..reply(&[])
        };
        assert!(matters(&a, &denied) && matters(&denied, &a));
        let cut = Reply {
            clipped: true,
            ..reply(&[])
        };
        assert!(!matters(&a, &cut));
    }

    #[test]
    fn signs_add_up() {
        let a = reply(&["31.13.94.37"]);
        let b = Reply {
            cnames: vec!["x.edgesuite.net".into()],
            ip_ttl: 118,
            ..reply(&["23.49.60.10"])
        };
        assert_eq!(signs(&a, &b).len(), 3);
        assert!(signs(&a, &a).is_empty());
    }
}
