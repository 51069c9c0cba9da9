//! Traffic beside the target as control for a verdict: the flow table read once, when something is wrong.

use super::Engine;
use super::conversation::{Flow, Stake};
use super::stake::stake_of;
use crate::types::{Side, Timestamp};
use crate::verdict::others::{Carried, Fate, Others, Sample, Wanted};
use std::time::Duration;

/// A connection request that nothing answered for this long has failed (the contract's measure of silence).
const PATIENCE: Duration = Duration::from_secs(3);

/// Counts the flows that are no path of the target.
pub(super) fn others(engine: &Engine, wanted: &Wanted) -> Others {
    let mut others = Others::default();
    if wanted.is_nothing() {
        return others;
    }
    for flow in engine.flows.iter() {
        let relevant = flow.is_path()
            && (flow.stake != Stake::Open
                || stake_of(&engine.target, &engine.dns, flow) != Stake::None);
        if !relevant && flow.server().port != 53 {
            others.add(wanted, &sample(engine, flow));
        }
    }
    others
}

fn sample(engine: &Engine, flow: &Flow) -> Sample {
    let quality = engine.qualities().get(usize::from(flow.first.capture.0));
    let end = quality.and_then(|q| q.end).unwrap_or(Timestamp::MIN);
    let (client, server) = (flow.packets[Side::Client], flow.packets[Side::Server]);
    let both = flow.gave.0 == [true, true];
    let waited = end.since(flow.first.time) >= PATIENCE;
    let fate = if flow.is_tcp() {
        match () {
            () if both => Fate::Worked,
            // A refusal or a reset is all that came.
            () if flow.began() && flow.closed && !flow.spoke[Side::Server] && server > 0 => {
                Fate::Failed
            }
            () if flow.began() && server == 0 && waited => Fate::Failed,
            () if flow.began() && !flow.gave[Side::Server] && flow.gave[Side::Client] && waited => {
                Fate::Failed
            }
            () if server > 0 => Fate::Answered,
            () => Fate::Open,
        }
    } else if client > 0 && server > 0 {
        Fate::Worked
    } else if client > 1 && waited {
        Fate::Failed
    } else {
        Fate::Open
    };
    let carried = match (flow.is_tcp(), flow.server().port) {
        (true, _) => Carried::Tcp,
        (false, 443) => Carried::Quic,
        _ => Carried::Udp,
    };
    Sample {
        client: flow.client().addr,
        server: flow.server(),
        carried,
        first: flow.first,
        fate,
    }
}
