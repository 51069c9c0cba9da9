//! Conditions of this family's rules, by name: each is necessary for its rule (see [`crate::diagnose::why_not`]).

use super::survey::{
    Asked, Fate, asked, failed, is_local_name, is_pending, resolver_name, silence,
};
use crate::data;
use crate::diagnose::why_not::{Unmet, span};
use crate::diagnose::{AttemptContext, Outcome, Silence};
use crate::fact::dns::{NXDOMAIN, Reply, TYPE_A, qtype_name, rcode_name};
use crate::types::{Addr, Mark};
use std::time::Duration;

/// Answers told of in one sentence.
const MAX_TOLD: usize = 4;

fn frame(mark: Mark) -> u32 {
    mark.frame.0
}

/// Those of `id` that do not hold for the lookups of an attempt.
pub(in crate::diagnose) fn lookups(id: &str, context: &AttemptContext<'_>, unmet: &mut Unmet) {
    if context.is_to_resolver() && id != "dns.truncated-stuck" {
        return unmet
            .missing("this attempt is a connection to a resolver, not a name that was looked up");
    }
    let asked = asked(context);
    if asked.is_empty() {
        return nothing_asked(context, unmet);
    }
    match id {
        "dns.slow" => return slow(context, &asked, unmet),
        "dns.failover" => return failover(&asked, unmet),
        "dns.injected" => return injected(&asked, unmet),
        "dns.sinkhole" => return sinkhole(context, &asked, unmet),
        "dns.filtered" => return filtered(context, &asked, unmet),
        "dns.truncated-stuck" => return truncated(context, &asked, unmet),
        _ => {}
    }
    came_to_something(context, &asked, unmet);
    match id {
        "dns.nxdomain" => lacks(&asked, "NXDOMAIN", |a| a.rcode() == Some(NXDOMAIN), unmet),
        "dns.servfail" => lacks(&asked, "SERVFAIL", |a| a.rcode() == Some(2), unmet),
        "dns.refused" => lacks(&asked, "REFUSED", |a| a.rcode() == Some(5), unmet),
        "dns.error" => {
            let other = |a: &Asked<'_>| a.rcode().is_some_and(|r| !matches!(r, 2 | NXDOMAIN | 5));
            lacks(
                &asked,
                "an error other than NXDOMAIN, SERVFAIL and REFUSED",
                other,
                unmet,
            );
        }
        "dns.dnssec-bogus" => bogus(&asked, unmet),
        "dns.no-address" => no_address(&asked, unmet),
        "dns.malformed" => lacks(
            &asked,
            "a reply that could not be used",
            |a| matches!(a.fate, Fate::Malformed(..)),
            unmet,
        ),
        "dns.unreachable" => lacks(
            &asked,
            "an ICMP error",
            |a| matches!(a.fate, Fate::Unreachable(_)),
            unmet,
        ),
        "dns.unanswered" => return unanswered(context, &asked, unmet),
        _ => {}
    }
    if id != "dns.nxdomain" && unmet.0.is_empty() && is_pending(context, &asked) {
        unmet.unseen("a query without an answer stands too near to the end of the capture: it may still have been answered");
    }
}

fn nothing_asked(context: &AttemptContext<'_>, unmet: &mut Unmet) {
    let variants = context
        .attempt
        .lookups
        .iter()
        .filter(|l| l.search_of.is_some())
        .count();
    let others = context.attempt.lookups.len() - variants;
    if context.attempt.lookups.is_empty() {
        unmet.unseen("no lookup of this name is in the capture (cached, encrypted, or before it)");
    } else {
        unmet.missing(format!(
            "no address of the name itself was looked up in plain ({others} lookups of other types, {variants} of search-list variants)"
        ));
    }
}

/// What a lookup got, with its packet.
fn told(asked: &Asked<'_>) -> String {
    let what = match asked.fate {
        Fate::Address(reply) => format!(
            "{} address{} (frame {})",
            reply.addresses.len(),
            if reply.addresses.len() == 1 { "" } else { "es" },
            frame(reply.mark)
        ),
        Fate::Empty => "no address".to_owned(),
        Fate::Error(reply) => {
            let ede = reply
                .ede
                .as_ref()
                .map_or(String::new(), |(code, _)| format!(", EDE {code}"));
            format!(
                "{}{ede} (frame {})",
                rcode_name(reply.rcode),
                frame(reply.mark)
            )
        }
        Fate::Truncated(reply) => format!("a cut answer (TC, frame {})", frame(reply.mark)),
        Fate::Malformed(reply, _) => {
            format!("a reply that is no answer (frame {})", frame(reply.mark))
        }
        Fate::Unreachable(error) => format!("an ICMP error (frame {})", frame(error.mark)),
        Fate::Silent => "no answer".to_owned(),
        Fate::Unknown => "nothing that the capture tells".to_owned(),
    };
    format!(
        "{} from {}: {what}",
        qtype_name(asked.lookup.qtype),
        resolver_name(asked.lookup.resolver)
    )
}

fn all_told(asked: &[Asked<'_>]) -> String {
    let list: Vec<String> = asked.iter().take(MAX_TOLD).map(told).collect();
    let more = asked.len().saturating_sub(MAX_TOLD);
    let more = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    format!("{}{more}", list.join("; "))
}

fn replies(asked: &[Asked<'_>]) -> Vec<Mark> {
    asked
        .iter()
        .flat_map(|a| a.lookup.replies.iter().map(|r| r.mark))
        .take(8)
        .collect()
}

/// The name was resolved, or reached, in spite of what its lookups got.
fn came_to_something(context: &AttemptContext<'_>, asked: &[Asked<'_>], unmet: &mut Unmet) {
    if failed(context).is_some() {
        return;
    }
    let resolved = context.attempt.lookups.iter().find_map(|l| {
        let reply = l
            .replies
            .iter()
            .find(|r| r.is_address_answer() && !r.truncated)?;
        Some((l.resolver, reply))
    });
    if let Some((resolver, reply)) = resolved {
        let address = reply
            .all_addresses()
            .next()
            .map(|a| a.to_string())
            .unwrap_or_default();
        unmet.against(
            format!(
                "the name was resolved: {} answered {address} (frame {})",
                resolver_name(resolver),
                frame(reply.mark)
            ),
            [reply.mark],
        );
    }
    let begun = asked
        .iter()
        .filter_map(|a| a.lookup.first())
        .map(|m| m.time)
        .min();
    let path = context
        .attempt
        .paths
        .iter()
        .find(|p| begun.is_some_and(|b| p.flow.first.time >= b));
    if let Some(path) = path {
        unmet.against(
            format!(
                "the client connected to {} (frame {}) after it had asked: it knew an address",
                path.flow.server,
                frame(path.flow.first)
            ),
            [path.flow.first],
        );
    } else if context.got_through() {
        unmet.against("a connection for the name got through", []);
    }
    let local =
        context.attempt.name.as_deref().is_some_and(is_local_name) && !context.attempt.listed;
    if local {
        unmet.against(
            "the name is one that public resolvers are not expected to know",
            [],
        );
    }
}

fn lacks(asked: &[Asked<'_>], what: &str, wanted: impl Fn(&Asked<'_>) -> bool, unmet: &mut Unmet) {
    if !asked.iter().any(wanted) {
        unmet.against(
            format!("no lookup ended with {what}: {}", all_told(asked)),
            replies(asked),
        );
    }
}

fn bogus(asked: &[Asked<'_>], unmet: &mut Unmet) {
    let bogus =
        |r: &Reply| r.rcode == 2 && r.ede.as_ref().is_some_and(|(c, _)| (6..=12).contains(c));
    let fits = |a: &Asked<'_>| matches!(a.fate, Fate::Error(r) if bogus(r));
    lacks(
        asked,
        "SERVFAIL and an extended error of DNSSEC (6 to 12)",
        fits,
        unmet,
    );
}

fn no_address(asked: &[Asked<'_>], unmet: &mut Unmet) {
    let negative = |a: &Asked<'_>| matches!(a.fate, Fate::Empty) || a.rcode() == Some(NXDOMAIN);
    lacks(
        asked,
        "an answer without error and without address",
        |a| matches!(a.fate, Fate::Empty),
        unmet,
    );
    if !asked
        .iter()
        .any(|a| a.lookup.qtype == TYPE_A && negative(a))
    {
        unmet.missing("no empty answer for type A is in the capture: an IPv4 address may be known");
    }
}

fn unanswered(context: &AttemptContext<'_>, asked: &[Asked<'_>], unmet: &mut Unmet) {
    let answered: Vec<Asked<'_>> = asked
        .iter()
        .copied()
        .filter(|a| !matches!(a.fate, Fate::Silent))
        .collect();
    if !answered.is_empty() {
        unmet.against(
            format!("something came back: {}", all_told(&answered)),
            replies(&answered),
        );
        return;
    }
    let mut tries: Vec<Mark> = asked
        .iter()
        .flat_map(|a| a.lookup.tries.iter().copied())
        .collect();
    tries.sort_by_key(|m| (m.time, m.capture, m.frame));
    let last = tries.last().copied();
    let left = last.map_or(Duration::ZERO, |m| context.after(m));
    let silence = silence(context, &tries);
    let again = asked
        .iter()
        .map(|a| a.lookup.retries(Duration::from_millis(500)))
        .max();
    let one_sided = context
        .world
        .quality(context.capture())
        .is_some_and(crate::flow::quality::CaptureQuality::is_one_sided);
    // A client that asks three times over shows that nothing reached it.
    if silence != Silence::Unprovable || one_sided || again < Some(2) {
        unmet.silence(silence, last, left);
    }
}

fn slow(context: &AttemptContext<'_>, asked: &[Asked<'_>], unmet: &mut Unmet) {
    let limit = context.world.thresholds.dns_slow;
    let answers = asked
        .iter()
        .filter_map(|a| Some((a, a.lookup.took()?, a.lookup.answered()?.mark)));
    let Some((about, took, answer)) = answers.max_by_key(|(_, took, _)| *took) else {
        return unmet.missing("no lookup of the name was answered, so none was slow");
    };
    if !asked.iter().any(|a| matches!(a.fate, Fate::Address(_))) {
        unmet.missing(format!("no lookup gave an address: {}", all_told(asked)));
    }
    let before = context
        .attempt
        .paths
        .iter()
        .find(|p| p.flow.first.time < answer.time);
    if let Some(path) = before.filter(|_| took > limit) {
        unmet.against(
            format!("the slowest answer ({}, {}) came when a connection had begun already (frame {}): nobody waited for it", qtype_name(about.lookup.qtype), span(took), frame(path.flow.first)),
            [answer, path.flow.first],
        );
    } else if took <= limit
        && asked.iter().all(|a| a.lookup.try_count <= 1)
        && !asked
            .iter()
            .any(|a| matches!(a.fate, Fate::Error(_) | Fate::Malformed(..)))
    {
        unmet.against(
            format!("the slowest lookup ({}) was answered after {} (frame {}) and none was repeated; the limit is {}", qtype_name(about.lookup.qtype), span(took), frame(answer), span(limit)),
            [answer],
        );
    } else if took < Duration::from_millis(250)
        && asked
            .iter()
            .all(|a| a.lookup.retries(Duration::from_millis(250)) == 0)
        && !asked
            .iter()
            .any(|a| matches!(a.fate, Fate::Error(_) | Fate::Malformed(..)))
    {
        unmet.against(
            format!("the slowest lookup ({}) was answered after {} (frame {}); its repetitions are less than 250 ms apart, which is two programs that ask and no retry", qtype_name(about.lookup.qtype), span(took), frame(answer)),
            [answer],
        );
    }
}

fn failover(asked: &[Asked<'_>], unmet: &mut Unmet) {
    let mut resolvers: Vec<Addr> = asked.iter().map(|a| a.lookup.resolver.addr).collect();
    resolvers.sort_unstable();
    resolvers.dedup();
    if resolvers.len() < 2 {
        return unmet.missing("only one resolver was asked");
    }
    if !asked.iter().any(|a| matches!(a.fate, Fate::Address(_))) {
        return unmet.missing(format!("no resolver gave an address: {}", all_told(asked)));
    }
    let bad = |a: &&Asked<'_>| {
        matches!(
            a.fate,
            Fate::Error(_) | Fate::Malformed(..) | Fate::Unreachable(_) | Fate::Silent
        )
    };
    if !asked.iter().any(|a| bad(&a)) {
        return unmet.against(
            format!(
                "every resolver that was asked answered: {}",
                all_told(asked)
            ),
            replies(asked),
        );
    }
    let first = |a: &Asked<'_>| a.lookup.tries.first().copied();
    let used = asked
        .iter()
        .filter(|a| matches!(a.fate, Fate::Address(_)))
        .filter(|a| first(a).is_some());
    let Some(used) = used.min_by_key(|a| a.lookup.answered().map(|r| r.mark.time)) else {
        return unmet.unseen("the query that was answered is not in the capture");
    };
    let before = |a: &&Asked<'_>| {
        first(a)
            .zip(first(used))
            .is_some_and(|(f, u)| f.time <= u.time)
    };
    let same = |a: &&Asked<'_>| {
        let (x, y) = (a.lookup, used.lookup);
        x.client.addr == y.client.addr && x.qtype == y.qtype && x.resolver.addr != y.resolver.addr
    };
    let failed: Vec<Asked<'_>> = asked
        .iter()
        .filter(bad)
        .filter(before)
        .filter(same)
        .copied()
        .collect();
    let Some(one) = failed.first() else {
        return unmet.against(
            format!("no other resolver had been asked the same by the same client, and failed, before {} was asked: {}", resolver_name(used.lookup.resolver), all_told(asked)),
            first(used),
        );
    };
    let waits = |a: &Asked<'_>| {
        first(a)
            .zip(first(used))
            .map_or(Duration::ZERO, |(f, u)| u.time.since(f.time))
    };
    let together = |a: &Asked<'_>| {
        let said = a.lookup.replies.first().map(|r| r.mark).or(a
            .lookup
            .icmp
            .as_ref()
            .map(|e| e.mark));
        waits(a) < Duration::from_millis(250)
            && said.zip(first(used)).is_none_or(|(s, u)| s.time > u.time)
    };
    if failed.iter().all(together) {
        unmet.against(
            format!(
                "{} was asked {} after {}, without waiting for it: they were asked at once",
                resolver_name(used.lookup.resolver),
                span(waits(one)),
                resolver_name(one.lookup.resolver)
            ),
            first(used),
        );
    }
}

fn injected(asked: &[Asked<'_>], unmet: &mut Unmet) {
    let disagrees = asked.iter().any(|a| a.lookup.disagreement().is_some());
    let listed = asked.iter().any(|a| {
        let mut all = a.lookup.replies.iter().flat_map(|r| r.addresses.iter());
        all.any(|addr| data::sinkhole(*addr).is_some())
    });
    if !disagrees && !listed {
        let most = asked
            .iter()
            .map(|a| a.lookup.replies.len())
            .max()
            .unwrap_or(0);
        let queries: u32 = asked.iter().map(|a| a.lookup.try_count).sum();
        unmet.against(
            format!("no query got two answers that disagree ({queries} queries, at most {most} different answers to one lookup), and no address answered is a listed forgery"),
            replies(asked),
        );
    }
}

fn sinkhole(context: &AttemptContext<'_>, asked: &[Asked<'_>], unmet: &mut Unmet) {
    if context.got_through() {
        let path = context
            .attempt
            .paths
            .iter()
            .filter(|p| p.progress.succeeded().is_some())
            .find(|p| data::sinkhole(p.flow.server.addr).is_none());
        if let Some(path) = path {
            unmet.against(
                format!(
                    "a connection for the name got through to {}",
                    path.flow.server
                ),
                path.progress.secured.or(path.progress.through),
            );
        }
    }
    let odd = |addr: Addr| data::never_public(addr).is_some() || data::sinkhole(addr).is_some();
    let bad = |r: &Reply| {
        r.all_addresses().any(odd) || r.cnames.iter().any(|c| data::sinkhole_name(c).is_some())
    };
    if !asked
        .iter()
        .any(|a| matches!(a.fate, Fate::Address(r) if bad(r)))
    {
        unmet.against(
            format!(
                "no answer holds a special-purpose or listed address: {}",
                all_told(asked)
            ),
            replies(asked),
        );
    }
    let public = context.attempt.listed;
    let private = asked
        .iter()
        .flat_map(|a| &a.lookup.replies)
        .flat_map(Reply::all_addresses)
        .find(|a| {
            let special = data::never_public(*a);
            data::sinkhole(*a).is_none()
                && special.is_some_and(|s| s.name.contains("private") || s.name.contains("Private"))
        });
    if let Some(address) = private.filter(|_| !public) {
        unmet.against(format!("{address} is a private address, and the name is not known to be a public one: a company network may serve it there"), replies(asked));
    }
}

fn filtered(context: &AttemptContext<'_>, asked: &[Asked<'_>], unmet: &mut Unmet) {
    if context.got_through() {
        unmet.against(
            "a connection for the name got through",
            context
                .attempt
                .paths
                .iter()
                .filter_map(|p| p.progress.secured)
                .take(1),
        );
    }
    let codes: Vec<String> = asked
        .iter()
        .flat_map(|a| &a.lookup.replies)
        .filter_map(|r| r.ede.as_ref().map(|(code, _)| code.to_string()))
        .collect();
    let blocking = |r: &Reply| {
        r.ede
            .as_ref()
            .is_some_and(|(c, _)| matches!(c, 4 | 15..=18))
    };
    if !asked.iter().any(|a| a.lookup.replies.iter().any(blocking)) {
        let seen = if codes.is_empty() {
            "none carries one".to_owned()
        } else {
            format!("those seen are {}", codes.join(", "))
        };
        unmet.against(
            format!("no answer carries an extended error for filtering (4, 15 to 18): {seen}"),
            replies(asked),
        );
    }
}

fn truncated(context: &AttemptContext<'_>, asked: &[Asked<'_>], unmet: &mut Unmet) {
    let cut = asked.iter().find_map(|a| match a.fate {
        Fate::Truncated(reply) => Some(reply),
        _ => None,
    });
    let Some(cut) = cut else {
        return unmet.against(
            format!("no answer was left cut (TC): {}", all_told(asked)),
            replies(asked),
        );
    };
    let answered: Vec<Asked<'_>> = asked
        .iter()
        .copied()
        .filter(|a| matches!(a.fate, Fate::Error(_) | Fate::Unknown))
        .collect();
    if !answered.is_empty() {
        unmet.against(
            format!(
                "besides the cut answer (frame {}) there was another: {}",
                frame(cut.mark),
                all_told(&answered)
            ),
            replies(&answered),
        );
    }
    if let Some(path) = context
        .attempt
        .paths
        .iter()
        .find(|p| p.flow.first.time >= cut.mark.time)
    {
        unmet.against(
            format!(
                "the client connected to {} afterwards (frame {})",
                path.flow.server,
                frame(path.flow.first)
            ),
            [path.flow.first],
        );
    }
}

/// Those of `id` that do not hold for an attempt.
pub(in crate::diagnose) fn attempt(id: &str, context: &AttemptContext<'_>, unmet: &mut Unmet) {
    if id != "dns.encrypted-failed" {
        return;
    }
    if !context.is_to_resolver() {
        return unmet.missing("this attempt is no connection to an encrypted resolver; those are told of only where they failed and nothing else resolved");
    }
    if context.outcome != Some(Outcome::Broken) {
        unmet.missing("the connection to the resolver did not fail for good");
    }
}
