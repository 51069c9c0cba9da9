//! What several of the `tcp.*` rules ask.

use crate::attempt::Path;
use crate::diagnose::PathContext;
use crate::flow::PathTransport;
use crate::types::{Mark, Timestamp};
use std::time::Duration;

/// A path that a sibling beats within this time of its first packet lost a race (RFC 8305 section 8: the connection
/// attempt delay is at most 2 s).
pub(super) const RACE: Duration = Duration::from_secs(2);

/// `1 try`, `3 tries`.
pub(super) fn count(n: u32, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// When a path won the race for a connection: TCP by its handshake (what became of TLS is another matter, and need not
/// be visible), QUIC once its own handshake was over.
fn won(path: &Path<'_>) -> Option<Timestamp> {
    match path.flow.transport {
        PathTransport::Tcp => path.progress.connected.map(|mark| mark.time),
        PathTransport::Quic => path.progress.succeeded(),
    }
}

/// A sibling had won before this packet came.
pub(super) fn decided_before(context: &PathContext<'_>, mark: Mark) -> bool {
    context.sibling_won().is_some_and(|won| won < mark.time)
}

/// A sibling won before or soon after this path began: what became of the path no longer mattered. A sibling to the
/// same address that was up already is no rival: it shows that the server answers.
pub(super) fn lost_race(context: &PathContext<'_>) -> bool {
    let flow = &context.path.flow;
    let until = flow.first.time.plus(RACE);
    context.siblings().any(|sibling| {
        let rival = sibling.flow.server.addr != flow.server.addr
            || sibling.flow.transport != flow.transport
            || sibling.flow.first.time >= flow.first.time;
        let rival = rival && !sibling.is_no_rival_of(context.path);
        rival && won(sibling).is_some_and(|won| won <= until)
    })
}
