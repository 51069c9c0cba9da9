//! The TLS greeting (ClientHello) is so large that it takes several packets, and not all of them get through.
//!
//! ## What it means
//! With post-quantum key shares or encrypted names the first TLS message no longer fits in one packet. Some old
//! firewalls, filters and servers only know one-packet greetings: they drop the rest, reset the connection or fall
//! silent.
//!
//! ## What we look for
//! A ClientHello of two or more segments of which the first was acknowledged and a later one never was, although
//! resent. Or: such a hello ignored or reset, while a small ClientHello for the same name to the same server was
//! answered in this capture (the control). Never where a large one to that server passed.
//!
//! ## How sure
//! Near certain with a control; then it decides over tls.reset-after-hello and tcp.path-mtu-blackhole. Without
//! one, a path that takes no full-size packets and plain loss are named as rivals.
//!
//! ## What to do
//! Update or restart the router, firewall or VPN in between, or try another network. As a test, switch off
//! post-quantum key agreement in the browser: if it works then, the box in between can't take large greetings.
//!
//! ## Often confused with
//! tls.hello-unanswered (all or nothing of the hello is acknowledged), tls.reset-after-hello,
//! tcp.path-mtu-blackhole (full-size packets vanish, whatever they carry).
//!
//! ## References
//! RFC 8446 section 4.2.8, draft-ietf-tls-ecdhe-mlkem, RFC 9293 section 3.7.1, tldr.fail.

use super::common::{Acked, Handshake, span};
use crate::attempt::{Path, Reach};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::types::{Mark, Side};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "tls.large-hello-dropped",
    stage: Stage::Tls,
    severity: Severity::Broken,
    blame: Blame::Interceptor,
    over: &[],
    check: Check::Path(check),
    source: include_str!("large_hello_dropped.rs"),
};

/// Handshake messages up to this size fit in one packet everywhere.
const SMALL: u32 = 1200;
/// Larger ones never do.
const FULL: u32 = 1460;

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let h = Handshake::unfinished(context)?;
    let hello = h.tls.hello.as_deref()?;
    let fate = fate(&h)?;
    let control = small_one_passed(&h);
    let mut marks = h.hello_marks();
    marks.extend(fate.marks());
    marks.extend(control.and_then(|path| path.progress.answered));
    let mut what = format!(
        "the ClientHello of {} bytes took {} packets; {}",
        hello.length,
        hello.packets.max(2),
        fate.words()
    );
    what += match (control.is_some(), smaller_than_acked(&h)) {
        (true, _) => "; a small ClientHello for the same name to this server was answered",
        (false, true) => {
            "; packets as large as the missing one did arrive, so loss or a box that knows only small hellos remain"
        }
        (false, false) => {
            "; without a small hello to compare, loss or a path without room for full-size packets look the same"
        }
    };
    let mut sure: f64 = match (control.is_some(), smaller_than_acked(&h)) {
        (true, _) => 0.97,
        (false, true) => 0.75,
        (false, false) => 0.6,
    };
    if context.packets_missing() {
        sure -= 0.2;
    }
    let claim = Claim::new(what, sure, marks).with("bytes", hello.length);
    Some(if control.is_some() {
        claim.deciding_over(&["tcp.path-mtu-blackhole"])
    } else {
        claim
    })
}

/// This rule names the cause, so the others about an unanswered hello stay silent.
pub(super) fn explains(h: &Handshake<'_>) -> bool {
    fate(h).is_some()
}

/// What became of a large hello.
enum Fate {
    /// The rest was never acknowledged.
    Torn(Vec<Mark>, Duration),
    /// Nothing came back, as only a control makes telling.
    Ignored(Duration),
    /// The peer ended it.
    Ended(Mark),
}

impl Fate {
    fn marks(&self) -> Vec<Mark> {
        match self {
            Self::Torn(sends, _) => sends.clone(),
            Self::Ignored(_) => Vec::new(),
            Self::Ended(mark) => vec![*mark],
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Torn(sends, lasted) => format!(
                "the server acknowledged the beginning and never the rest, which was sent {} times in {}",
                sends.len(),
                span(*lasted)
            ),
            Self::Ignored(lasted) => format!("nothing came back in {}", span(*lasted)),
            Self::Ended(_) => "the peer ended the connection".to_owned(),
        }
    }
}

fn fate(h: &Handshake<'_>) -> Option<Fate> {
    let other_cause = h.cancelled() || h.tcp.icmp.iter().any(|error| error.is_too_big());
    if !h.is_large() || !h.server_silent() || other_cause || large_one_passed(h) {
        return None;
    }
    let sends = h.sends();
    let lasted = h.unanswered(&sends);
    if h.acked() == Acked::Partly
        && sends.len() >= 2
        && let Some(lasted) = lasted
    {
        return Some(Fate::Torn(sends, lasted));
    }
    small_one_passed(h)?;
    let ended = h.ended_by(Side::Server).map(Fate::Ended);
    ended.or(lasted.map(Fate::Ignored))
}

fn is_small(path: &Path<'_>) -> bool {
    let hello = path.flow.hello();
    hello.is_some_and(|hello| hello.packets <= 1 && hello.length <= SMALL)
}

/// The control: a small hello for the same name, answered by the same server.
pub(super) fn small_one_passed<'c>(h: &Handshake<'c>) -> Option<&'c Path<'c>> {
    let name = h.tls.sni();
    h.beside().find(|path| {
        path.flow.sni() == name && path.progress.reach >= Reach::Answered && is_small(path)
    })
}

/// A large hello to the same server passed: its size is not the reason.
pub(super) fn large_one_passed(h: &Handshake<'_>) -> bool {
    let large = |path: &Path<'_>| {
        let hello = path.flow.hello();
        hello.is_some_and(|hello| hello.packets > 1 || hello.length > FULL)
    };
    h.beside()
        .any(|path| path.progress.reach >= Reach::Answered && large(path))
}

/// A segment at least as large as the missing one was acknowledged.
fn smaller_than_acked(h: &Handshake<'_>) -> bool {
    let missing = h.client().oldest_unacked().map(|sent| sent.length).max();
    missing.is_some_and(|missing| missing <= h.client().largest_acked)
}
