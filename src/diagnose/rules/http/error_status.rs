//! The server answered with an error status.
//!
//! ## What it means
//! The way to the server works, and the server itself says that it can't or won't serve the request: 5xx is a fault
//! of the service (502, 503, 504: the edge works, what lies behind it does not), 429 a limit, 403 and 451 a policy,
//! 407 a proxy that wants a login, 511 a network that does.
//!
//! ## What we look for
//! The status line of a response in the clear. 5xx, 403, 407, 429 and 451 count; other 4xx are how a service says "no
//! such thing" and are only noted. Where other requests of the same connection went well, it is no break. A known
//! block page is http.block-page, the answer to a captive portal probe http.captive-portal. Inside TLS the status
//! can't be seen.
//!
//! ## How sure
//! 0.95: it is read. Who wrote it is less sure: in the clear anybody on the way can.
//!
//! ## What to do
//! The number is in the report. 5xx: wait and try again; report it to the service if it lasts. 429: wait. 403 or 451:
//! try another network to see whether the service or the network refuses. 407, 511: log in to the proxy or network.
//!
//! ## Often confused with
//! http.block-page (a filter's page), http.captive-portal (the network wants a login), http.no-response (nothing
//! came).
//!
//! ## References
//! RFC 9110 section 15, RFC 6585, RFC 7725.

use super::common::short;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::http::{Exchange, HttpFacts, Response};

pub(super) static RULE: Rule = Rule {
    id: "http.error-status",
    stage: Stage::Http,
    severity: Severity::Broken,
    blame: Blame::Service,
    over: &[],
    check: Check::Path(check),
    source: include_str!("error_status.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let http = context.path.flow.http?;
    let (exchange, response) = worst(http)?;
    let status = response.status;
    let what = format!(
        "{} answered {} {}{} with status {status}{}",
        context.path.flow.server,
        short(&exchange.method),
        short(exchange.host.as_deref().unwrap_or_default()),
        short(&exchange.path),
        meaning(status).map_or_else(String::new, |m| format!(" ({m})")),
    );
    let claim = Claim::new(what, 0.95, [response.mark, exchange.asked]).with("status", status);
    let claim = match status {
        407 => claim.blaming(Blame::Interceptor),
        511 => claim.blaming(Blame::LocalNetwork),
        403 | 429 | 451 => claim.blaming(Blame::Service),
        502..=504 => claim.blaming(Blame::Service),
        _ => claim,
    };
    let served = answers(http).any(|(_, r)| r.status < 400);
    Some(match rank(status) {
        0 | 1 => claim.as_severe_as(Severity::Note),
        3 if served => claim.as_severe_as(Severity::Degraded),
        2 if served => claim.as_severe_as(Severity::Note),
        _ => claim,
    })
}

fn answers(http: &HttpFacts) -> impl Iterator<Item = (&Exchange, &Response)> {
    let all = http.exchanges.iter().filter(|e| e.probe().is_none());
    all.filter_map(|e| Some((e, e.response.as_ref()?)))
}

/// The worst response; of equals the first.
pub(super) fn worst(http: &HttpFacts) -> Option<(&Exchange, &Response)> {
    let mut found: Option<(&Exchange, &Response)> = None;
    for (exchange, response) in answers(http).filter(|(_, r)| rank(r.status) > 0) {
        if found.is_none_or(|(_, best)| rank(response.status) > rank(best.status)) {
            found = Some((exchange, response));
        }
    }
    found
}

/// How much a status says that the service does not work: 3 a fault, 2 a refusal, 1 other client errors, 0 none.
const fn rank(status: u16) -> u8 {
    match status {
        500..=599 => 3,
        403 | 407 | 429 | 451 => 2,
        400..=499 => 1,
        _ => 0,
    }
}

/// What the status is about, in words.
const fn meaning(status: u16) -> Option<&'static str> {
    Some(match status {
        403 | 451 => "a policy",
        407 => "a proxy wants a login",
        429 => "a limit",
        502..=504 => "overload, or nothing behind the edge",
        511 => "the network wants a login",
        500..=599 => "a fault of the service",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(statuses: &[u16]) -> HttpFacts {
        let exchanges = statuses.iter().map(|status| Exchange {
            response: Some(Response {
                status: *status,
                ..Response::default()
            }),
            ..Exchange::default()
        });
        HttpFacts {
            exchanges: exchanges.collect(),
            ..HttpFacts::default()
        }
    }

    #[test]
    fn the_worst_counts() {
        let worst = |statuses: &[u16]| worst(&answered(statuses)).map(|(_, r)| r.status);
        assert_eq!(worst(&[200, 304, 302]), None);
        assert_eq!(worst(&[404, 503, 500]), Some(503));
        assert_eq!(worst(&[404, 451, 403]), Some(451));
    }
}
