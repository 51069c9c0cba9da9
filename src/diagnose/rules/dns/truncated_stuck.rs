//! The answer did not fit into a UDP packet, and asking again over TCP failed.
//!
//! ## What it means
//! The resolver's answer is too long for UDP, so it sent a shortened one that says "ask again over TCP" (TC bit). That
//! second question was never asked, or got nowhere: many firewalls let DNS through over UDP only.
//!
//! ## What we look for
//! An answer for A or AAAA with the TC bit; after it a connection to the resolver's TCP port 53 that is refused or gets
//! no answer, or a query over TCP without answer, or, where no lookup gave an address, three seconds without any of these;
//! and no connection to the service that followed, not even where the other address family was answered: many clients
//! wait for both.
//!
//! ## How sure
//! Sure where the TCP connection is seen to fail; less where no retry was seen at all, or where the shortened answer
//! already held addresses or the other family's were there.
//!
//! ## What to do
//! Allow TCP port 53 to the resolver in the firewall, or use another resolver. Encrypted DNS avoids the problem as well.
//!
//! ## Often confused with
//! dns.unanswered (nothing came back over UDP either), dns.no-address (a complete answer without address).
//!
//! ## References
//! RFC 1035 section 4.2.1, RFC 7766 section 5, RFC 9210.

use super::survey::{Asked, Fate, asked, claim, is_local_name, is_pending, resolver_name, silence};
use crate::attempt::Path;
use crate::diagnose::{AttemptContext, Blame, Check, Claim, Rule, Severity, Silence, Stage};
use crate::fact::dns::{DnsTransport, Reply};
use crate::types::Mark;
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "dns.truncated-stuck",
    stage: Stage::Dns,
    severity: Severity::Broken,
    blame: Blame::Path,
    over: &[],
    check: Check::Lookups(check),
    source: include_str!("truncated_stuck.rs"),
};

/// A retry over TCP follows at once; after this long it does not come any more.
const RETRY_DUE: Duration = Duration::from_secs(3);
/// Connections to the resolver that are looked at.
const LOOKED_AT: usize = 256;

fn check(context: &AttemptContext<'_>) -> Option<Claim> {
    let name = context.attempt.name.as_deref()?;
    let asked = asked(context);
    let (about, reply) = asked.iter().find_map(|a| match a.fate {
        Fate::Truncated(reply) => Some((*a, reply)),
        _ => None,
    })?;
    let answered = asked
        .iter()
        .any(|a| matches!(a.fate, Fate::Error(_) | Fate::Unknown));
    let later = |p: &Path<'_>| p.flow.first.time >= reply.mark.time;
    let connected = context.attempt.paths.iter().any(later);
    let local = !context.attempt.listed && is_local_name(name);
    if answered || connected || local || is_pending(context, &asked) {
        return None;
    }
    let mut claim = outcome(context, &asked, about, reply)?;
    let other = asked.iter().any(|a| matches!(a.fate, Fate::Address(_)));
    if reply.is_address_answer() || other {
        claim.confidence -= 0.2;
    }
    Some(claim)
}

/// What became of the retry over TCP; `None` where that is open.
fn outcome(
    context: &AttemptContext<'_>,
    asked: &[Asked<'_>],
    about: Asked<'_>,
    reply: &Reply,
) -> Option<Claim> {
    let resolver = about.lookup.resolver;
    let to = format!("the answer of {} was cut (TC)", resolver_name(resolver));
    let over_tcp =
        |a: &&Asked<'_>| a.lookup.transport == DnsTransport::Tcp && matches!(a.fate, Fate::Silent);
    if let Some(tcp) = asked.iter().find(over_tcp) {
        if !silence(context, &tcp.lookup.tries).is_proven() {
            return None;
        }
        return Some(claim(
            format!("{to}; the query over TCP got no answer"),
            0.9,
            &[about, *tcp],
        ));
    }
    let paths = context.world.paths_to(resolver.addr).take(LOOKED_AT);
    let mut retries = paths.filter(|p| {
        let same =
            p.flow.client.addr == about.lookup.client.addr && p.flow.server.port == resolver.port;
        same && p.flow.tcp.is_some() && p.flow.first.time >= reply.mark.time
    });
    if let Some(path) = retries.next() {
        let (how, marks) = broken_connection(context, path)?;
        let mut claim = claim(
            format!("{to}; the TCP connection to ask again {how}"),
            0.92,
            &[about],
        );
        claim.marks.extend(marks);
        return Some(claim);
    }
    let waited = context.after(reply.mark);
    let two_way = !matches!(silence(context, &about.lookup.tries), Silence::Unprovable);
    // With the other family's address the client may have been content.
    let other = asked.iter().any(|a| matches!(a.fate, Fate::Address(_)));
    (waited >= RETRY_DUE && two_way && !other).then(|| {
        let what = format!(
            "{to}; it was not asked again over TCP in {:.1} s",
            waited.as_secs_f64()
        );
        claim(what, 0.7, &[about]).blaming(Blame::Device)
    })
}

/// How the TCP connection to the resolver failed, and the packets that show it.
fn broken_connection(
    context: &AttemptContext<'_>,
    path: &Path<'_>,
) -> Option<(&'static str, Vec<Mark>)> {
    let tcp = path.flow.tcp.as_deref()?;
    let syns = tcp.syn.marks.iter().copied();
    if let Some(reset) = tcp.resets.first() {
        return Some(("was reset", syns.chain([reset.mark]).collect()));
    }
    if let Some(error) = tcp.icmp.iter().find(|e| e.is_unreachable()) {
        return Some((
            "was answered with an ICMP error",
            syns.chain([error.mark]).collect(),
        ));
    }
    let silent = tcp.syn_ack.count == 0 && silence(context, &tcp.syn.marks).is_proven();
    silent.then(|| ("got no answer", syns.collect()))
}
