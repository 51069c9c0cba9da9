//! Other devices in the same capture, as a router sees them: one that reaches the same server meanwhile clears everything
//! beyond the local network.
//!
//! Devices are told apart by IPv4 addresses of one private network: by IPv6 one device has several. Only what went to the
//! very same server over the same transport is compared, so that family, transport and address are held equal.

use super::field::{Case, Field, path_worked};
use super::others::{Tally, on_link};
use super::span::Place;
use crate::data;
use crate::diagnose::Stage;
use crate::types::{Addr, Endpoint};
use std::collections::BTreeSet;

/// Attempts of other devices that are looked at.
const MAX_CASES: usize = 100_000;

/// What other devices of the network got.
#[derive(Debug, Default)]
pub(super) struct Devices {
    /// The same name at the same server, or of the same resolver.
    pub same: (Tally, BTreeSet<usize>),
    /// Anything.
    pub any: Tally,
}

impl Devices {
    /// Counts the attempts of devices that had none of the failures.
    pub(super) fn of(field: &Field<'_>) -> Self {
        let mut found = Self::default();
        let own = local(field);
        if own.is_empty() {
            return found;
        }
        let all = field.clients();
        let foreign =
            |c: Addr| is_local(c) && !all.contains(&c) && own.iter().any(|&mine| on_link(mine, c));
        let cases = field.cases.iter().enumerate().take(MAX_CASES);
        for (index, case) in cases.filter(|(_, c)| foreign(c.attempt.client)) {
            if field.at_dns() {
                found.add_lookups(field, index, case);
            } else {
                found.add_paths(field, index, case);
            }
        }
        found
    }

    fn add_paths(&mut self, field: &Field<'_>, index: usize, case: &Case<'_>) {
        let names = field.failed_names();
        let failed: BTreeSet<(Endpoint, bool)> = field
            .failed_paths()
            .map(|p| (p.flow.server, p.quic()))
            .collect();
        // Before a name was sent, the server is all that counts.
        let before_name = field.lead_case().and_then(|c| c.stage()) == Some(Stage::Tcp);
        for (path, judged) in case.attempt.paths.iter().zip(&case.judged.paths) {
            let proof = path.progress.through.or(path.progress.secured);
            let Some(mark) = proof.filter(|_| path_worked(judged)) else {
                continue;
            };
            let place = field.spans.place(mark.time);
            self.any.add_worked(place, mark);
            let same = failed.contains(&(path.flow.server, path.flow.quic.is_some()));
            if same && (before_name || names.contains(&case.label())) {
                self.same.0.add_worked(place, mark);
                if place != Place::Far {
                    self.same.1.insert(index);
                }
            }
        }
    }

    fn add_lookups(&mut self, field: &Field<'_>, index: usize, case: &Case<'_>) {
        let (names, asked) = (field.failed_names(), super::experiment::asked(field));
        let lookups = case.attempt.lookups.iter();
        for lookup in lookups.filter(|l| asked.contains(&l.resolver.addr)) {
            let Some(reply) = lookup.replies.iter().find(|r| r.is_address_answer()) else {
                continue;
            };
            let place = field.spans.place(reply.mark.time);
            self.any.add_worked(place, reply.mark);
            if names.contains(&lookup.name) {
                self.same.0.add_worked(place, reply.mark);
                if place != Place::Far {
                    self.same.1.insert(index);
                }
            }
        }
    }
}

/// An address by which a device of a private network is known.
fn is_local(addr: Addr) -> bool {
    addr.is_v4() && !addr.ip().is_loopback() && data::never_public(addr).is_some()
}

/// Devices among the clients that failed.
pub(super) fn local(field: &Field<'_>) -> BTreeSet<Addr> {
    let failed = field.failed.iter().map(|&i| field.cases[i].attempt.client);
    failed.filter(|&c| is_local(c)).collect()
}
