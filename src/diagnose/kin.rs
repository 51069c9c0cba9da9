//! Whether a connection that worked may belong to an attempt although nothing in the capture says so.
//!
//! Names join connections to attempts: those of lookups, hellos and requests. Where the capture lacks them (a snap
//! length, a late start, missing packets), the address of a name that failed and the one that worked look like two
//! things, and an attempt that got through over its second address looks broken. Nobody can know then.

use crate::attempt::{Attempt, MatchedBy, Path, Reach};
use crate::diagnose::World;
use crate::fact::dns::{Reply, TYPE_A, TYPE_AAAA};
use crate::types::{Side, Timestamp};
use std::time::Duration;

/// Attempts of a client, begun at that time, among which one is looked for.
const MOST: usize = 200;
/// A client that has another address to try has done so by then.
const LATER: Duration = Duration::from_secs(12);
/// Connections of one attempt begin this close together where none waits for the other.
const EARLIER: Duration = Duration::from_secs(1);

/// A connection that follows a lookup follows from it, as a rule; and one that is no longer needed is given up by then.
const AT_ONCE: Duration = Duration::from_secs(2);

/// A connection of the same device worked, or may have, at that time and may have been for the same name; or the capture
/// lacks the addresses that the name has as well.
pub(super) fn may_have_got_through(attempt: &Attempt<'_>, world: &World<'_>) -> bool {
    if addresses_are_lost(attempt) {
        return true;
    }
    let from = attempt.started.time.minus(EARLIER);
    let until = last(attempt).plus(LATER);
    let near = |a: &&Attempt<'_>| a.started.time >= from && a.started.time <= until;
    let others = candidates(attempt, world, from).filter(near);
    let mut paths = others.flat_map(|other| other.paths.iter().map(move |path| (other, path)));
    paths.any(|(other, path)| {
        may_be_kin(attempt, other, path) && worked(path) || takes_up(attempt, other, path)
    })
}

/// The snap length cut all addresses of one family off an answer, and no connection of that family is known to be the
/// attempt's.
fn addresses_are_lost(attempt: &Attempt<'_>) -> bool {
    attempt.lookups.iter().any(|lookup| {
        let cut = |r: &Reply| r.clipped && r.answer_count > 0 && r.addresses.is_empty();
        let v4 = lookup.qtype == TYPE_A;
        let family = v4 || lookup.qtype == TYPE_AAAA;
        let tried = |p: &Path<'_>| p.flow.is_v4() == v4;
        let paths = &attempt.paths;
        family && !paths.is_empty() && !paths.iter().any(tried) && lookup.replies.iter().any(cut)
    })
}

/// The lookup has no answer in the capture, but right after it a connection began to an address that nobody named.
fn takes_up(attempt: &Attempt<'_>, other: &Attempt<'_>, path: &Path<'_>) -> bool {
    let flow = &path.flow;
    let unanswered = attempt.lookups.iter().all(|l| l.replies.is_empty());
    let unnamed = other.name.is_none() && flow.hello().is_none() && flow.http_host().is_none();
    let after = flow.first.time.since(last(attempt));
    let asked = flow.first.time > last(attempt) && after < AT_ONCE;
    attempt.name.is_some() && attempt.paths.is_empty() && unanswered && unnamed && asked
}

/// Attempts that the same device may have made, from shortly before that time on.
fn candidates<'a>(
    attempt: &Attempt<'_>,
    world: &World<'a>,
    from: Timestamp,
) -> impl Iterator<Item = &'a Attempt<'a>> {
    let (client, started, name) = (attempt.client, attempt.started, attempt.name.clone());
    let all = world.attempts;
    let first = all.partition_point(|a| a.started.time < from);
    // Without a lookup nothing shows that two addresses of unlike kind are one device.
    let same = move |a: &&Attempt<'_>| a.client == client || a.client.is_v4() != client.is_v4();
    let other = move |a: &&Attempt<'_>| (a.started, &a.name) != (started, &name);
    all[first..].iter().take(MOST).filter(same).filter(other)
}

/// Nothing says that this path was for another name.
fn may_be_kin(attempt: &Attempt<'_>, other: &Attempt<'_>, path: &Path<'_>) -> bool {
    if matches!(other.matched_by, MatchedBy::Resolver | MatchedBy::Portal) {
        return false;
    }
    let mut own = attempt.paths.iter();
    let same_server = own.any(|p| p.flow.server.addr == path.flow.server.addr);
    match (&attempt.name, name_is_lost(path)) {
        // The failed one has no name: whatever worked at another address may have taken its place, unless the client
        // went on asking for it all the same.
        (None, _) => !same_server && was_left_for(attempt, path),
        (Some(_), true) => other.name.is_none() || same_server,
        (Some(_), false) => false,
    }
}

/// Once this path worked, the client asked no more for the attempt: as of one that lost a race, or was given up for it.
fn was_left_for(attempt: &Attempt<'_>, path: &Path<'_>) -> bool {
    let worked = path.progress.succeeded().unwrap_or(path.flow.last.time);
    last(attempt) < worked.plus(AT_ONCE)
}

/// The client said a name on it, as far as can be told, and the capture lacks it.
fn name_is_lost(path: &Path<'_>) -> bool {
    let flow = &path.flow;
    let unsaid = flow.hello().is_none() && flow.http_host().is_none();
    match flow.tcp.as_deref() {
        Some(tcp) => {
            let one_way = !flow.two_way() && tcp.half[Side::Server].sent > 0;
            unsaid && (path.is_unreadable() || one_way)
        }
        None => unsaid && flow.quic.is_some_and(|q| q.client_initials.is_empty()),
    }
}

fn worked(path: &Path<'_>) -> bool {
    path.progress.reach >= Reach::Secured
        || (name_is_lost(path) && path.flow.packets[Side::Server] > 0)
}

/// The last packet of the attempt.
fn last(attempt: &Attempt<'_>) -> Timestamp {
    let paths = attempt.paths.iter().map(|p| p.flow.last.time);
    let tries = attempt.lookups.iter().filter_map(|l| l.tries.last());
    let replies = attempt.lookups.iter().filter_map(|l| l.replies.last());
    let lookups = tries.map(|m| m.time).chain(replies.map(|r| r.mark.time));
    paths.chain(lookups).max().unwrap_or(attempt.started.time)
}
