//! The network wants a login before it lets anything through (captive portal).
//!
//! ## What it means
//! The device asked, as systems do when they join a network, whether it is let through, and the network answered in
//! the server's place with a redirect or a page of its own. Until somebody logs in or agrees to its terms, nothing
//! else works either.
//!
//! ## What we look for
//! A request in the clear that systems use to look for portals (`generate_204`, `hotspot-detect.html`,
//! `connecttest.txt` and their like), answered with something else than what the probe's own server says: a redirect,
//! a page, or status 511. Such requests are watched whatever the target is. A redirect to HTTPS on the probe's own
//! host and an error of the probe's server are left out. Where a later question of the device is answered as it
//! should be, somebody has logged in, and the portal is only noted.
//!
//! ## How sure
//! 0.95 for a redirect to another host or status 511, 0.85 for a page.
//!
//! ## What to do
//! Open any http:// page in a browser (`http://neverssl.com`, say) and log in, or use another network. If the login
//! page does not appear, forget the network and join it again; switch off the VPN and private DNS until you are in.
//!
//! ## Often confused with
//! http.block-page (a filter; a login does not help), tls.not-tls (what the portal does to encrypted connections),
//! dns.sinkhole (the portal answers lookups with its own address).
//!
//! ## References
//! RFC 8952, RFC 8910, RFC 6585 section 6.

use super::common::short;
use crate::data::Probe;
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::http::{Exchange, Response};
use crate::types::Mark;

pub(super) static RULE: Rule = Rule {
    id: "http.captive-portal",
    stage: Stage::Http,
    severity: Severity::Broken,
    blame: Blame::LocalNetwork,
    over: &["http.error-status"],
    check: Check::Path(check),
    source: include_str!("captive_portal.rs"),
};

/// Attempts of the device, from its last one back, among which a later question is looked for.
const MOST: usize = 500;

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let http = context.path.flow.http?;
    let probes = || http.exchanges.iter().filter_map(|e| Some((e, e.probe()?)));
    let (exchange, probe) =
        probes().find(|(e, p)| e.response.as_ref().is_some_and(|r| is_portal(e, r, p)))?;
    let response = exchange.response.as_ref()?;
    let host = exchange.host.as_deref().unwrap_or_default();
    let location = response.location.as_deref();
    let answer = match location {
        Some(to) => format!("status {}, a redirect to {}", response.status, short(to)),
        None if response.status == 200 => "a page of somebody else".into(),
        None => format!("status {}", response.status),
    };
    let what = format!(
        "{} asked http://{}{} whether the network is open ({}), and the answer was {answer}",
        context.path.flow.client.addr,
        short(host),
        short(&exchange.path),
        probe.who,
    );
    let sure = if location.is_some() || response.status == 511 {
        0.95
    } else {
        0.85
    };
    let mut claim = Claim::new(what, sure, [response.mark, exchange.asked]);
    if let Some(open) = let_through(context, response.mark) {
        claim.what += "; later such a question was answered as it should be";
        claim.marks.push(open);
        claim = claim.as_severe_as(Severity::Note);
    }
    Some(match location {
        Some(to) => claim.with("location", to),
        None => claim,
    })
}

/// The response that shows that somebody has logged in: a later question of the same device was answered as on an open
/// network.
fn let_through(context: &PathContext<'_>, portal: Mark) -> Option<Mark> {
    let attempts = context.world.attempts_of(context.attempt.client).rev();
    let paths = attempts.take(MOST).flat_map(|a| &a.paths);
    let exchanges = paths.filter_map(|p| p.flow.http).flat_map(|h| &h.exchanges);
    let later = exchanges.filter(|e| e.asked.time > portal.time);
    let mut open = later.filter_map(|e| {
        let response = e.response.as_ref()?;
        let fits = e.probe()?.is_answer(response.status, &response.body);
        fits.then_some(response.mark)
    });
    open.next()
}

/// Somebody else than the probe's server answered, or it was told to.
pub(super) fn is_portal(exchange: &Exchange, response: &Response, probe: &Probe) -> bool {
    match response.status {
        511 => true,
        301 | 302 | 303 | 307 | 308 => {
            let host = exchange.host.as_deref().unwrap_or_default();
            let to = response.location.as_deref();
            to.is_some_and(|to| host_of(to).is_some_and(|h| !h.eq_ignore_ascii_case(host)))
        }
        200 => {
            let page = response.received > 0 && !response.body.is_empty();
            page && !probe.is_answer(200, &response.body)
        }
        _ => false,
    }
}

/// The host of an absolute URL.
fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once(':').map_or(authority, |(h, port)| {
        if port.bytes().all(|b| b.is_ascii_digit()) {
            h
        } else {
            authority
        }
    });
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::portal_probe;

    fn portal(host: &str, path: &str, status: u16, location: Option<&str>, body: &[u8]) -> bool {
        let probe = portal_probe(host, path).unwrap();
        let exchange = Exchange {
            host: Some(host.into()),
            ..Exchange::default()
        };
        let response = Response {
            status,
            location: location.map(str::to_owned),
            received: body.len() as u64,
            body: body.to_vec(),
            ..Response::default()
        };
        is_portal(&exchange, &response, probe)
    }

    #[test]
    fn answers_of_portals() {
        let google = |s, l, b| portal("connectivitycheck.gstatic.com", "/generate_204", s, l, b);
        assert!(google(302, Some("http://192.168.1.1:8080/login"), b""));
        assert!(google(511, None, b""));
        assert!(google(200, None, b"<html>Log in</html>"));
        assert!(!google(204, None, b""));
        assert!(
            !google(200, None, b""),
            "an empty 200 is what some mirrors say"
        );
        assert!(!google(404, None, b"no"));
        assert!(!google(302, Some("/elsewhere"), b""));
        assert!(!google(
            301,
            Some("https://connectivitycheck.gstatic.com/generate_204"),
            b""
        ));
        let apple = |b| portal("captive.apple.com", "/hotspot-detect.html", 200, None, b);
        assert!(!apple(b"<HTML><HEAD><TITLE>Success</TITLE></HEAD>"));
        assert!(apple(b"<html><head><title>Hotel</title>"));
    }
}
