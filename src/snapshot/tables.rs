//! Who was asked: every resolver and every server, with how they did.

use super::build::{Parts, network, rtt};
use super::clean::clean;
use super::{Resolver, Server, millis};
use crate::attempt::{Attempt, MatchedBy, Path};
use crate::data;
use crate::diagnose::Outcome;
use crate::types::{Addr, Endpoint};
use std::collections::BTreeMap;

/// Names listed with one server.
const MAX_NAMES: usize = 16;

/// Every resolver asked: those over plain DNS by their lookups, those over encrypted transports by their connections.
pub(super) fn resolvers(parts: &Parts<'_>) -> Vec<Resolver> {
    let plain = parts.world.dns.resolvers().into_iter().map(|r| {
        let known = data::resolver_of_addr(r.resolver);
        Resolver {
            address: Endpoint {
                addr: r.resolver,
                port: 53,
            }
            .to_string(),
            name: known.map(|k| k.provider.to_owned()),
            encrypted: false,
            queries: r.queries,
            answered: r.answered,
            failed: r.failed + r.unanswered(),
            median: r.median,
            p95: r.p95,
            typical: known.and_then(|k| k.typical_ms),
        }
    });
    plain.chain(encrypted(parts)).collect()
}

fn encrypted(parts: &Parts<'_>) -> Vec<Resolver> {
    let mut found: BTreeMap<Endpoint, Resolver> = BTreeMap::new();
    let both = parts.world.attempts.iter().zip(parts.judged);
    for (attempt, judged) in both.filter(|(a, _)| a.matched_by == MatchedBy::Resolver) {
        let paths = attempt.paths.iter().zip(&judged.paths);
        for (path, verdict) in paths.filter(|(p, _)| p.flow.server.port != 53) {
            let server = path.flow.server;
            let row = found.entry(server).or_insert_with(|| empty(attempt, path));
            row.queries += 1;
            row.answered += u64::from(path.progress.connected.is_some());
            row.failed += u64::from(verdict.outcome == Outcome::Broken);
        }
    }
    found.into_values().collect()
}

fn empty(attempt: &Attempt<'_>, path: &Path<'_>) -> Resolver {
    let named = path.flow.sni().or(attempt.name.as_deref());
    let by_name = named.and_then(data::resolver_of_name).map(|(r, _)| r);
    let known = by_name.or_else(|| data::resolver_of_addr(path.flow.server.addr));
    Resolver {
        address: path.flow.server.to_string(),
        name: known.map(|k| k.provider.to_owned()),
        encrypted: true,
        queries: 0,
        answered: 0,
        failed: 0,
        median: None,
        p95: None,
        typical: known.and_then(|k| k.typical_ms),
    }
}

/// Every server that an attempt tried, by address.
pub(super) fn servers(parts: &Parts<'_>) -> Vec<Server> {
    let mut by_addr: BTreeMap<Addr, (Server, Vec<f64>)> = BTreeMap::new();
    let both = parts.world.attempts.iter().zip(parts.judged);
    let aside = |by| matches!(by, MatchedBy::Resolver | MatchedBy::Portal);
    for (attempt, judged) in both.filter(|(a, _)| !aside(a.matched_by)) {
        for (path, verdict) in attempt.paths.iter().zip(&judged.paths) {
            let addr = path.flow.server.addr;
            let (server, rtts) = by_addr
                .entry(addr)
                .or_insert_with(|| (untried(attempt, addr), Vec::new()));
            server.tried += 1;
            server.worked += u32::from(matches!(verdict.outcome, Outcome::Ok | Outcome::Degraded));
            server.failed += u32::from(verdict.outcome == Outcome::Broken);
            rtts.extend(rtt(&path.flow).map(millis));
            if let Some(name) = attempt.name.as_deref().map(clean)
                && server.names.len() < MAX_NAMES
                && !server.names.contains(&name)
            {
                server.names.push(name);
            }
        }
    }
    let median = |(mut server, mut rtts): (Server, Vec<f64>)| {
        rtts.sort_by(f64::total_cmp);
        server.rtt = rtts.get(rtts.len() / 2).copied();
        server
    };
    by_addr.into_values().map(median).collect()
}

fn untried(attempt: &Attempt<'_>, addr: Addr) -> Server {
    let owner = data::network_of(addr).map(|n| n.holder.to_owned());
    Server {
        address: addr.to_string(),
        cdn: network(attempt, addr).and_then(|n| n.cdn).or(owner),
        names: Vec::new(),
        tried: 0,
        worked: 0,
        failed: 0,
        rtt: None,
    }
}
