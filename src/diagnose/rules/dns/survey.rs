//! What the rules of this family share: what became of each lookup of a name, and whether the attempt failed there.

use crate::data;
use crate::diagnose::context::Resolved;
use crate::diagnose::{AttemptContext, Blame, Claim, Silence};
use crate::fact::dns::{Lookup, NOERROR, NXDOMAIN, Reply, ede_name, qtype_name, rcode_name};
use crate::fact::icmp::IcmpError;
use crate::types::{Addr, Endpoint, Mark};
use std::time::Duration;

/// What became of a lookup.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate<'a> {
    /// An address was answered.
    Address(&'a Reply),
    /// NOERROR without any address.
    Empty,
    /// Another response code.
    Error(&'a Reply),
    /// The TC bit is set: ask again over TCP.
    Truncated(&'a Reply),
    /// Only messages that are no answer.
    Malformed(&'a Reply, &'a str),
    /// An ICMP error instead of a reply.
    Unreachable(&'a IcmpError),
    /// Nothing came back.
    Silent,
    /// The capture does not tell.
    Unknown,
}

/// A lookup of the attempt's own name for an address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// Its index in the attempt.
    pub(super) index: usize,
    /// The lookup.
    pub(super) lookup: &'a Lookup,
    /// What became of it.
    pub(super) fate: Fate<'a>,
}

impl Asked<'_> {
    /// The last reply's response code, where the fate is an error.
    pub(super) fn rcode(&self) -> Option<u16> {
        match self.fate {
            Fate::Error(reply) => Some(reply.rcode),
            _ => None,
        }
    }

    /// Queries and replies.
    pub(super) fn marks(&self) -> impl Iterator<Item = Mark> {
        let replies = self.lookup.replies.iter().map(|r| r.mark);
        let icmp = self.lookup.icmp.iter().map(|e| e.mark);
        self.lookup
            .tries
            .iter()
            .take(4)
            .copied()
            .chain(replies)
            .chain(icmp)
    }
}

/// What became of a lookup.
pub(super) fn fate(lookup: &Lookup) -> Fate<'_> {
    let whole = |r: &&Reply| r.is_address_answer() && !r.truncated;
    if let Some(reply) = lookup.replies.iter().find(whole) {
        return Fate::Address(reply);
    }
    if let Some(reply) = lookup.answered() {
        return match reply.rcode {
            NOERROR if reply.truncated => Fate::Truncated(reply),
            NOERROR if reply.is_empty_answer() && is_final(reply) => Fate::Empty,
            NOERROR => Fate::Unknown,
            // The capture began after the query: others, to other resolvers, may have been before it as well.
            rcode if lookup.tries.is_empty() && rcode != NXDOMAIN => Fate::Unknown,
            _ => Fate::Error(reply),
        };
    }
    if let Some(reply) = lookup.replies.first() {
        return match &reply.malformed {
            Some(fault) if !reply.clipped => Fate::Malformed(reply, fault),
            _ => Fate::Unknown,
        };
    }
    match &lookup.icmp {
        Some(error) if error.is_unreachable() => Fate::Unreachable(error),
        _ if lookup.tries.is_empty() => Fate::Unknown,
        _ => Fate::Silent,
    }
}

/// Not a referral: what a name server answers to a resolver that works its way down to the name (RFC 1034 section 4.3.1).
fn is_final(reply: &Reply) -> bool {
    reply.soa.is_some() || reply.recursion_available || reply.authoritative
}

/// A public name server that answers for its own zones only: who asks it is a resolver, not a client.
pub(super) fn is_name_server(asked: &Asked<'_>, reply: &Reply) -> bool {
    reply.authoritative && !reply.recursion_available && !is_near(asked.lookup.resolver.addr)
}

/// Lookups of the attempt's own name for A and AAAA. Others (HTTPS, PTR, ...) fail without harm, and so do those that a
/// search list made.
pub(super) fn asked<'a>(context: &AttemptContext<'a>) -> Vec<Asked<'a>> {
    context
        .own_lookups()
        .filter(|(_, lookup)| lookup.asks_for_address())
        .map(|(index, lookup)| Asked {
            index,
            lookup,
            fate: fate(lookup),
        })
        .collect()
}

/// The lookups of an attempt that came to nothing; never empty. `None` where any of them gave an address, or where the
/// client connected all the same (it knew the address from elsewhere: another resolver, a cache, an encrypted lookup).
pub(super) fn failed<'a>(context: &AttemptContext<'a>) -> Option<Vec<Asked<'a>>> {
    let name = context.attempt.name.as_deref()?;
    if context.is_to_resolver()
        || context.got_through()
        || (!context.attempt.listed && is_local_name(name))
    {
        return None;
    }
    let asked = asked(context);
    let begun = asked
        .iter()
        .filter_map(|a| a.lookup.first())
        .map(|m| m.time)
        .min()?;
    let lookups = &context.attempt.lookups;
    let resolved = lookups
        .iter()
        .flat_map(|l| &l.replies)
        .any(|r| r.is_address_answer() && !r.truncated);
    let connected = context
        .attempt
        .paths
        .iter()
        .any(|p| p.flow.first.time >= begun);
    (!resolved && !connected).then_some(asked)
}

/// A lookup without a reply may still get one: the capture ends too soon after it.
pub(super) fn is_pending(context: &AttemptContext<'_>, asked: &[Asked<'_>]) -> bool {
    let silent = asked
        .iter()
        .filter(|a| matches!(a.fate, Fate::Silent | Fate::Unknown));
    silent
        .filter(|a| !a.lookup.tries.is_empty())
        .any(|a| silence(context, &a.lookup.tries) == Silence::TooShort)
}

pub(super) fn silence(context: &AttemptContext<'_>, tries: &[Mark]) -> Silence {
    let client = context
        .attempt
        .lookups
        .first()
        .map_or(context.attempt.client, |l| l.client.addr);
    context.world.silence(client, tries, None)
}

/// All lookups that were answered at all say that the name does not exist (or failed in a way that leaves it at that).
pub(super) fn denied(asked: &[Asked<'_>]) -> bool {
    let no_such_name = asked.iter().any(|a| a.rcode() == Some(NXDOMAIN));
    let other = asked
        .iter()
        .any(|a| matches!(a.fate, Fate::Empty | Fate::Truncated(_) | Fate::Unknown));
    no_such_name && !other
}

/// Lookups of a failed attempt that were answered with an error for which `wanted` holds, and none said for good that
/// the name does not exist.
pub(super) fn answered_with<'a>(
    context: &AttemptContext<'a>,
    wanted: impl Fn(&Reply) -> bool,
) -> Option<Vec<Asked<'a>>> {
    let asked = failed(context)?;
    if denied(&asked) || is_pending(context, &asked) {
        return None;
    }
    let is_wanted = |a: &Asked<'_>| matches!(a.fate, Fate::Error(reply) if wanted(reply));
    let found: Vec<_> = asked.into_iter().filter(is_wanted).collect();
    (!found.is_empty()).then_some(found)
}

/// A claim about lookups, with the first one's resolver as a field.
pub(super) fn claim(what: String, sure: f64, about: &[Asked<'_>]) -> Claim {
    let marks: Vec<Mark> = about.iter().flat_map(Asked::marks).collect();
    let claim = Claim::new(what, sure, marks).on_lookups(about.iter().map(|a| a.index));
    match about.first() {
        Some(first) => claim.with("resolver", first.lookup.resolver.to_string()),
        None => claim,
    }
}

/// The same for an error, with its Extended DNS Error, if there is one.
pub(super) fn error_claim(about: &[Asked<'_>], sure: f64) -> Claim {
    let what = format!(
        "{} answered {} for {}{}",
        resolvers(about),
        rcodes(about),
        types(about),
        ede_text(about)
    );
    let claim = claim(what, sure, about);
    match first_ede(about) {
        Some((code, _)) => claim.with("ede", code),
        None => claim,
    }
}

/// How sure an explicit failure is: less so where it stands at the very end of the capture, or comes of one lookup while
/// another got nothing.
pub(super) fn sureness(context: &AttemptContext<'_>, about: &[Asked<'_>], base: f64) -> f64 {
    let last = about.iter().flat_map(Asked::marks).map(|m| m.time).max();
    let at_the_end = last.is_some_and(|l| context.end().since(l).as_millis() < 1000);
    if at_the_end { base - 0.1 } else { base }
}

pub(super) fn first_ede<'a>(about: &[Asked<'a>]) -> Option<(u16, &'a str)> {
    let mut replies = about.iter().flat_map(|a| &a.lookup.replies);
    let (code, text) = replies.find_map(|r| r.ede.as_ref())?;
    Some((*code, text))
}

fn ede_text(about: &[Asked<'_>]) -> String {
    match first_ede(about) {
        Some((code, "")) => format!(" (extended error {code}, {})", ede_name(code)),
        Some((code, text)) => format!(" (extended error {code}, {}: {text})", ede_name(code)),
        None => String::new(),
    }
}

/// `A and AAAA`.
pub(super) fn types(about: &[Asked<'_>]) -> String {
    joined(
        about
            .iter()
            .map(|a| qtype_name(a.lookup.qtype).into_owned()),
    )
}

fn rcodes(about: &[Asked<'_>]) -> String {
    joined(
        about
            .iter()
            .filter_map(Asked::rcode)
            .map(|code| match rcode_name(code) {
                name if name.starts_with("RCODE") => name.into_owned(),
                name => format!("{name} (rcode {code})"),
            }),
    )
}

/// `1.1.1.1 (Cloudflare) and 8.8.8.8 (Google)`.
pub(super) fn resolvers(about: &[Asked<'_>]) -> String {
    joined(about.iter().map(|a| resolver_name(a.lookup.resolver)))
}

pub(super) fn resolver_name(resolver: Endpoint) -> String {
    match data::resolver_of_addr(resolver.addr) {
        Some(known) => format!("{} ({})", resolver.addr, known.provider),
        None => resolver.addr.to_string(),
    }
}

/// Each text once, in order, `a, b and c`; at most four.
fn joined(texts: impl Iterator<Item = String>) -> String {
    let mut list: Vec<String> = Vec::new();
    for text in texts {
        if !list.contains(&text) && list.len() < 4 {
            list.push(text);
        }
    }
    match list.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Another resolver than those of `about` that gave a public address for the same name, anywhere in the input.
pub(super) fn elsewhere(context: &AttemptContext<'_>, about: &[Asked<'_>]) -> Option<Resolved> {
    let name = context.attempt.name.as_deref()?;
    let other = |r: &&Resolved| about.iter().all(|a| a.lookup.resolver.addr != r.resolver);
    context.world.resolved(name).iter().find(other).copied()
}

/// Adds what another resolver says to a claim, and how much surer that makes it.
pub(super) fn with_control(
    mut claim: Claim,
    context: &AttemptContext<'_>,
    about: &[Asked<'_>],
    sure: f64,
) -> Claim {
    if let Some(other) = elsewhere(context, about) {
        claim.what += &format!(
            "; {} answers {} for the same name",
            other.resolver, other.address
        );
        claim.confidence = claim.confidence.max(sure);
        claim.marks.push(other.mark);
    }
    claim
}

/// A duration in milliseconds, to a tenth.
pub(super) fn millis(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e4).round() / 10.0
}

/// Names that public resolvers are not expected to know: one label, local and reverse zones, lists that are queried by
/// name (4 numbers in front), and names that clients ask for only to see whether they are denied or have IPv6.
pub(super) fn is_local_name(name: &str) -> bool {
    const ENDS: [&str; 16] = [
        "local",
        "localhost",
        "localdomain",
        "lan",
        "home",
        "internal",
        "intranet",
        "corp",
        "private",
        "workgroup",
        "arpa",
        "test",
        "invalid",
        "onion",
        "alt",
        "domain",
    ];
    const PROBES: [&str; 4] = [
        "use-application-dns.net",
        "mask.icloud.com",
        "mask-h2.icloud.com",
        "mask-api.icloud.com",
    ];
    let last = name.rsplit('.').next().unwrap_or(name);
    let first = name.split('.').next().unwrap_or(name);
    let numbers = name
        .split('.')
        .take_while(|l| l.bytes().all(|b| b.is_ascii_digit()))
        .count();
    !name.contains('.')
        || ENDS.contains(&last)
        || PROBES.contains(&name)
        || matches!(first, "wpad" | "isatap" | "ipv6")
        || first.starts_with('_')
        || numbers >= 4
}

/// Whom a resolver's ICMP error or silence points at, by who sent it.
pub(super) fn blame_of_icmp(error: &IcmpError) -> Blame {
    if error.from == error.quoted.src {
        Blame::Device
    } else if error.from == error.quoted.dst {
        Blame::Resolver
    } else if error.is_from_nearby() || is_near(error.from) {
        Blame::LocalNetwork
    } else {
        Blame::Path
    }
}

/// An address of the client's own network.
pub(super) fn is_near(addr: Addr) -> bool {
    matches!(data::special_purpose(addr), Some(special) if !special.public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_names_are_known() {
        for name in [
            "printer",
            "nas.local",
            "router.lan",
            "4.3.2.1.in-addr.arpa",
            "2.0.0.127.zen.spamhaus.org",
            "use-application-dns.net",
            "wpad.example.com",
            "_dmarc.example.com",
            "host.home.arpa",
        ] {
            assert!(is_local_name(name), "{name}");
        }
        for name in [
            "www.tiktok.com",
            "example.com",
            "1.2.3.example.com",
            "local.example.com",
        ] {
            assert!(!is_local_name(name), "{name}");
        }
    }

    #[test]
    fn lists_read_as_text() {
        let join = |texts: &[&str]| joined(texts.iter().map(|t| (*t).to_owned()));
        assert_eq!(join(&[]), "");
        assert_eq!(join(&["A", "A"]), "A");
        assert_eq!(join(&["A", "AAAA", "A"]), "A and AAAA");
        assert_eq!(join(&["a", "b", "c", "d", "e"]), "a, b, c and d");
    }
}
