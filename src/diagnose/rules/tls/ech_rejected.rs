//! The encrypted server name (ECH) was not accepted, and the device had to begin again.
//!
//! ## What it means
//! The device encrypted the name it wants with a key from DNS. The server did not know that key, finished the
//! handshake under the public outer name to hand out a new one, and the device closed and tried again. This costs
//! time; where something in between removes the encryption, it happens every time.
//!
//! ## What we look for
//! A ClientHello with ECH, a TLS 1.3 handshake that ends, then from the client only a record the size of an alert
//! (ech_required) and its close, without any request; and within five seconds another ClientHello of the same
//! client to the same server, without ECH or with another configuration.
//!
//! ## How sure
//! Never very: the alert is encrypted, and ECH that is only there for show (GREASE) looks alike where the outer
//! name is not one of a known provider.
//!
//! ## What to do
//! Once is harmless. If it happens every time, restart the device or flush its DNS cache, so that the keys are
//! fetched anew, and try another resolver or network.
//!
//! ## Often confused with
//! tls.client-rejected (no Finished before the alert), an unused connection that was closed.
//!
//! ## References
//! RFC 9849 sections 6.1.6 and 7.1.

use super::common::{Handshake, not_before};
use crate::attempt::{Path, Reach};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::types::Side;
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "tls.ech-rejected",
    stage: Stage::Tls,
    severity: Severity::Degraded,
    blame: Blame::Edge,
    over: &["tls.client-rejected"],
    check: Check::Path(check),
    source: include_str!("ech_rejected.rs"),
};

/// The client's next try follows its close this soon.
const AGAIN: Duration = Duration::from_secs(5);

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let h = Handshake::of(context)?;
    let (tls, hello) = (h.tls, h.tls.hello.as_deref()?);
    let outer = hello.ech_outer.filter(|_| hello.ech_grease != Some(true))?;
    let finished = tls.client_finished.filter(|_| tls.is_tls13())?;
    let alert = tls.last_record[Side::Client].filter(|r| not_before(r.mark, finished))?;
    let left = h.left(Side::Client)?;
    let at_once = left.time.since(finished.time) <= h.soon() && not_before(left, alert.mark);
    if tls.client_data.is_some() || tls.lost_track[Side::Client] || !at_once {
        return None;
    }
    let retried = |path: &&Path<'_>| {
        let flow = &path.flow;
        let soon = not_before(flow.first, alert.mark) && flow.first.time.since(left.time) <= AGAIN;
        let other_key = flow.hello().is_some_and(|next| {
            next.ech_outer
                .is_none_or(|next| next.config_id != outer.config_id)
        });
        // GREASE has another number each time: without a known outer name only a retry under another name tells.
        let telling = hello.ech_grease == Some(false) || flow.sni() != tls.sni();
        soon && other_key
            && telling
            && flow.client.addr == context.path.flow.client.addr
            && path.progress.reach >= Reach::Answered
    };
    let next = h.beside().find(retried)?;
    let what = format!(
        "the handshake ended under the outer name {}, the client sent only an alert-sized record and closed, and began again (frame {}) {}",
        super::common::short(tls.sni().unwrap_or("(none)")),
        next.flow.first.frame.0,
        if next.flow.hello().is_some_and(|hello| hello.ech) {
            "with another ECH configuration"
        } else {
            "without ECH"
        }
    );
    let sure = if hello.ech_grease == Some(false) {
        0.8
    } else {
        0.6
    };
    let marks = [alert.mark, left, finished, next.flow.first];
    let cost = next.flow.first.time.since(context.path.flow.first.time);
    Some(Claim::new(what, sure, marks).with("cost_ms", cost.as_secs_f64() * 1e3))
}
