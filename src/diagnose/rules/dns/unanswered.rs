//! No resolver answered the lookup of the name.
//!
//! ## What it means
//! The device asked for the address of the name, waited, asked again, and nothing came back from any resolver it
//! asked. The queries or their answers are dropped: the resolver is down, the network drops DNS, or something on the
//! way drops the queries for this name.
//!
//! ## What we look for
//! No reply and no ICMP error to any lookup of A and AAAA of the name, from any resolver asked; at least two queries
//! with a second of capture after each, or one with three; and no connection that followed. The capture must show
//! packets to this device elsewhere; where it shows none at all, only a device that asks again and again proves it. A
//! device that goes on over TCP at once did get an answer (cut short, TC bit) that the capture lacks, and is not
//! this.
//!
//! ## How sure
//! Surer with every query. Less sure where the capture is known to have lost packets. Where the same resolver
//! answered other questions in between, this name is singled out; where nothing at all reached the device in that
//! time, and its own router or several resolvers were asked, its own network is dead.
//!
//! ## What to do
//! If nothing works at the moment, it is the Wi-Fi or the connection: reconnect, restart the router. If other sites
//! work, set another resolver or try on mobile data: this resolver, or something before it, keeps back the answers.
//!
//! ## Often confused with
//! dns.slow (an answer did come), dns.unreachable (an ICMP error came), a capture of one direction only, encrypted
//! lookups that the capture can't show.
//!
//! ## References
//! RFC 1035 sections 4.2.1 and 7.2.

use super::survey::{Asked, Fate, claim, failed, is_near, resolvers, silence, types};
use crate::diagnose::{AttemptContext, Blame, Check, Claim, Rule, Severity, Silence, Stage};
use crate::fact::dns::DnsTransport;
use crate::flow::quality::CaptureQuality;
use crate::types::{Endpoint, Mark, Side, Timestamp};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "dns.unanswered",
    stage: Stage::Dns,
    severity: Severity::Broken,
    blame: Blame::Resolver,
    over: &[],
    check: Check::Lookups(check),
    source: include_str!("unanswered.rs"),
};

/// How long after the last query answers to other questions still count as "at that time".
const AFTER: Duration = Duration::from_secs(3);
/// Queries closer together are two programs or two sockets, not a retry.
const RETRY: Duration = Duration::from_millis(500);
/// Attempts of a device that are looked at for signs of life.
const LOOKED_AT: usize = 64;

fn check(context: &AttemptContext<'_>) -> Option<Claim> {
    let about = failed(context)?;
    if !about.iter().all(|a| matches!(a.fate, Fate::Silent)) {
        return None;
    }
    let mut tries: Vec<Mark> = about
        .iter()
        .flat_map(|a| a.lookup.tries.iter().copied())
        .collect();
    tries.sort_by_key(|m| (m.time, m.capture, m.frame));
    let (first, last) = (tries.first()?.time, tries.last()?.time);
    if went_on_over_tcp(context, &about) {
        return None;
    }
    let count: u32 = about.iter().map(|a| a.lookup.try_count).sum();
    let lasted = context.end().since(first);
    let mut sure = match (silence(context, &tries), count) {
        (Silence::TooShort, _) => return None,
        (Silence::Unprovable, _) if !asked_in_vain(context, &about) => return None,
        (Silence::Unprovable, _) => 0.6,
        (_, 1) => 0.7,
        (_, 2) => 0.8,
        (_, 3) => 0.88,
        _ => 0.93,
    };
    if context.world.dropped(context.capture()) > 0 {
        sure -= 0.25;
    }
    let plural = if count == 1 { "query" } else { "queries" };
    let what = format!(
        "{count} {plural} for {} to {} got no answer in {:.1} s",
        types(&about),
        resolvers(&about),
        lasted.as_secs_f64(),
    );
    let claim = claim(what, sure, &about).with("tries", count);
    Some(whose_fault(claim, context, &about, first, last.plus(AFTER)))
}

/// The device asked over TCP before it could have lost patience: an answer over UDP had told it to (TC bit), and the
/// capture lacks it.
fn went_on_over_tcp(context: &AttemptContext<'_>, about: &[Asked<'_>]) -> bool {
    about
        .iter()
        .filter(|a| a.lookup.transport == DnsTransport::Udp)
        .any(|a| {
            let Endpoint { addr, port } = a.lookup.resolver;
            let client = a.lookup.client.addr;
            a.lookup.tries.last().is_some_and(|asked| {
                let mut paths = context.world.paths_near(addr, asked.time);
                paths.any(|p| {
                    let same = p.flow.client.addr == client && p.flow.server.port == port;
                    let begun = p.flow.first.time;
                    same && p.flow.tcp.is_some()
                        && begun >= asked.time
                        && begun.since(asked.time) < RETRY
                })
            })
        })
}

/// The device asked the same again, and again: no answer had reached it, whatever the capture shows.
fn asked_in_vain(context: &AttemptContext<'_>, about: &[Asked<'_>]) -> bool {
    let one_sided = context
        .world
        .quality(context.capture())
        .is_some_and(CaptureQuality::is_one_sided);
    let again: usize = about
        .iter()
        .map(|a| a.lookup.retries(RETRY))
        .max()
        .unwrap_or(0);
    !one_sided && again >= 2
}

fn whose_fault(
    mut claim: Claim,
    context: &AttemptContext<'_>,
    about: &[Asked<'_>],
    from: Timestamp,
    to: Timestamp,
) -> Claim {
    let other = about.iter().find_map(|a| {
        let answers = context.world.dns.answers_by(a.lookup.resolver.addr)?;
        let answer = answers.within(from, to).next()?;
        Some((a.lookup.resolver.addr, answer))
    });
    if let Some((resolver, answer)) = other {
        claim.what += &format!(
            "; {resolver} answered another question in that time (frame {})",
            answer.frame.0
        );
        claim.marks.push(answer);
        // A resolver that can't get the answer itself should say so (SERVFAIL), but not all do.
        claim.confidence = claim.confidence.min(0.8);
        return claim.blaming(Blame::Interceptor);
    }
    let again = about.iter().map(|a| a.lookup.try_count).sum::<u32>() > 1;
    if again && is_widespread(about) && is_dead(context, about, from, to) {
        claim.what += "; nothing else reached this device in that time either";
        return claim.blaming(Blame::LocalNetwork);
    }
    claim
}

/// More than one far resolver is concerned: one of the device's own network, or several. The silence of one may be its own.
fn is_widespread(about: &[Asked<'_>]) -> bool {
    let first = about.first().map(|a| a.lookup.resolver.addr);
    about
        .iter()
        .any(|a| Some(a.lookup.resolver.addr) != first || is_near(a.lookup.resolver.addr))
}

/// Nothing came to this device from anywhere in that time, as far as the capture shows.
fn is_dead(
    context: &AttemptContext<'_>,
    about: &[Asked<'_>],
    from: Timestamp,
    to: Timestamp,
) -> bool {
    let quiet = |addr| {
        context
            .world
            .clients
            .get(addr)
            .is_none_or(|c| c.signs.quiet(from, to))
    };
    let device = context.attempt.client;
    let alive = context
        .world
        .attempts_of(device)
        .rev()
        .take(LOOKED_AT)
        .flat_map(|a| &a.paths)
        .any(|p| {
            let heard = p.flow.packets[Side::Server] > 0;
            heard && p.flow.first.time <= to && p.flow.last.time >= from
        });
    quiet(device) && about.iter().all(|a| quiet(a.lookup.client.addr)) && !alive
}
