//! The device gave up a TCP connection that had not failed.
//!
//! ## What it means
//! The server accepted the connection and the device closed or reset it at once, without using it. The app changed its
//! mind, a race was decided elsewhere, or something on the device (a firewall, a VPN app) ended it. Not a fault of the
//! network.
//!
//! ## What we look for
//! A SYN-ACK, and within a second a FIN or RST of the client instead of, or right after, its acknowledgement, without
//! any data. Nothing is said where another connection of the same attempt got through.
//!
//! ## How sure
//! 0.9: the packets say so; why, they do not say.
//!
//! ## What to do
//! Nothing, as long as the app works. If it does not, look at what on the device may end connections: firewall apps,
//! battery savers, VPNs; then at the app's own log.
//!
//! ## Often confused with
//! tcp.refused and tcp.reset-after-connect (the server's side ended it).
//!
//! ## References
//! RFC 9293 section 3.5.2, RFC 8305 section 5.

use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::tcp::TcpFacts;
use crate::types::{Mark, Side};
use std::time::Duration;

pub(super) static RULE: Rule = Rule {
    id: "tcp.aborted-by-client",
    stage: Stage::Tcp,
    severity: Severity::Note,
    blame: Blame::Device,
    over: &[],
    check: Check::Path(check),
    source: include_str!("aborted_by_client.rs"),
};

/// A connection kept in reserve lives longer than this.
const AT_ONCE: Duration = Duration::from_secs(1);

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let tcp = context.tcp()?;
    let answer = tcp.syn_ack.first()?;
    let (end, how) = ended(tcp)?;
    let lived = end.time.since(answer.time);
    let idle = tcp.half.0.iter().all(|half| half.first_data.is_none());
    let failed = tcp.half[Side::Server]
        .fin
        .is_some_and(|fin| fin.time < end.time)
        || tcp.reset_from(Side::Server).is_some();
    if !idle || failed || lived >= AT_ONCE || context.sibling_won().is_some() {
        return None;
    }
    let lived = match lived.as_secs_f64() * 1e3 {
        ms if ms < 0.05 => "less than 0.1 ms".to_owned(),
        ms => format!("{ms:.1} ms"),
    };
    let what = format!(
        "the client {how} the connection to {} {lived} after the SYN-ACK, without data",
        context.path.flow.server,
    );
    Some(Claim::new(what, 0.9, [answer, end]))
}

/// The client's RST or FIN.
fn ended(tcp: &TcpFacts) -> Option<(Mark, &'static str)> {
    let reset = tcp.reset_from(Side::Client).map(|r| (r.mark, "reset"));
    let fin = tcp.half[Side::Client].fin.map(|mark| (mark, "closed"));
    reset
        .into_iter()
        .chain(fin)
        .min_by_key(|(mark, _)| mark.time)
}
