//! A filter answered with a block page.
//!
//! ## What it means
//! Somebody on the way (the provider, a school, an employer, the state's filter, a security product) does not let this
//! name through and answers in the server's place with a page that says so, or sends the browser to one.
//!
//! ## What we look for
//! A response in the clear whose `Location`, `Server`, `Via` or content (if it is HTML) matches a listed block page. A
//! match in `Server` or `Via` alone counts only with a refusing status (403 and the like) or a redirect to another host:
//! the product may just be a proxy. Answers inside TLS can't be read, and compressed ones neither.
//!
//! ## How sure
//! As sure as the list's source is of the pattern: 0.9 to 0.97 for a page or its address, 0.8 for a product's name.
//!
//! ## What to do
//! The name is blocked on this network, not broken. Ask who runs the filter (the page names them, as a rule) to allow it,
//! or use a network without it.
//!
//! ## Often confused with
//! dns.sinkhole (the lookup was answered with the block page's address), http.captive-portal (a login opens the way),
//! http.error-status with 403 or 451 (the service itself refuses).
//!
//! ## References
//! RFC 7725, RFC 9110 section 15; the sources of the list in `data/blockpages.tsv`.

use super::common::short;
use crate::data::{BlockPage, Part, blockpage};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::http::{Exchange, Response};

pub(super) static RULE: Rule = Rule {
    id: "http.block-page",
    stage: Stage::Http,
    severity: Severity::Broken,
    blame: Blame::Interceptor,
    over: &["http.error-status", "http.captive-portal"],
    check: Check::Path(check),
    source: include_str!("block_page.rs"),
};

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let http = context.path.flow.http?;
    let answers = http.exchanges.iter();
    let answers = answers.filter_map(|e| Some((e, e.response.as_ref()?)));
    let (exchange, response, page) = answers
        .filter_map(|(e, r)| Some((e, r, matching(e, r)?)))
        .next()?;
    let sure = match page.part {
        Part::Location | Part::Body => 0.9 + f64::from(page.confidence.min(10)) / 150.0,
        Part::Server | Part::Via => 0.8,
    };
    let what = format!(
        "the answer to {} {}{} matches a known block page ({}{}): \"{}\" in its {}",
        short(&exchange.method),
        short(exchange.host.as_deref().unwrap_or_default()),
        short(&exchange.path),
        page.scope,
        page.countries
            .map_or_else(String::new, |c| format!(", {c}")),
        page.pattern,
        match page.part {
            Part::Location => "redirect",
            Part::Server => "Server field",
            Part::Via => "Via field",
            Part::Body => "content",
        },
    );
    let marks = [response.mark, exchange.asked];
    let claim = Claim::new(what, sure, marks).with("matched", page.source);
    Some(match page.scope {
        "institution" => claim.blaming(Blame::LocalNetwork),
        _ => claim,
    })
}

pub(super) fn matching(exchange: &Exchange, response: &Response) -> Option<&'static BlockPage> {
    let of = |part, text: Option<&String>| blockpage(part, text?.as_bytes());
    let away = response.location.as_deref().is_some_and(|to| {
        let host = exchange.host.as_deref().unwrap_or_default();
        (300..400).contains(&response.status) && !host.is_empty() && !to.contains(host)
    });
    let refused = away || matches!(response.status, 403 | 451 | 503 | 511);
    of(Part::Location, response.location.as_ref())
        .or_else(|| blockpage(Part::Body, markup(&response.body)?))
        .or_else(|| of(Part::Server, response.server.as_ref()).filter(|_| refused))
        .or_else(|| of(Part::Via, response.via.as_ref()).filter(|_| refused))
}

/// A content that begins as HTML does: a block page is one, and nothing else needs to be searched.
fn markup(body: &[u8]) -> Option<&[u8]> {
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let first = text.iter().find(|b| !b.is_ascii_whitespace());
    (first == Some(&b'<')).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, location: Option<&str>, server: Option<&str>, body: &[u8]) -> bool {
        let exchange = Exchange {
            host: Some("www.example.com".into()),
            ..Exchange::default()
        };
        let response = Response {
            status,
            location: location.map(str::to_owned),
            server: server.map(str::to_owned),
            body: body.to_vec(),
            ..Response::default()
        };
        matching(&exchange, &response).is_some()
    }

    #[test]
    fn pages_and_their_addresses_match() {
        assert!(answer(
            302,
            Some("http://internet-positif.org/x"),
            None,
            b""
        ));
        assert!(answer(
            200,
            None,
            None,
            b"<html>Powered By FortiGuard</html>"
        ));
        assert!(!answer(302, Some("https://www.example.com/"), None, b""));
    }

    #[test]
    fn a_product_in_between_is_no_block() {
        let product = Some("Protected by WireFilter");
        assert!(answer(403, None, product, b""));
        assert!(answer(302, Some("http://filter.example/"), product, b""));
        assert!(!answer(200, None, product, b"hello"));
        assert!(!answer(302, Some("https://www.example.com/"), product, b""));
    }
}
