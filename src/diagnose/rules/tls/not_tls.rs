//! Something answered the TLS greeting that is not TLS.
//!
//! ## What it means
//! The device began TLS and got plain text or another protocol. A login page of the network, a filter or a proxy
//! answers in the server's place with HTTP, or the port belongs to another service.
//!
//! ## What we look for
//! First bytes of the server that are no TLS record, on a connection whose client began with a ClientHello. The
//! field `first_bytes` has the beginning of them. Connections that begin in the clear and switch to TLS later
//! (STARTTLS), and those that began before the capture, are not looked at.
//!
//! ## How sure
//! Very: it is read, not guessed. Who sent it is less sure.
//!
//! ## What to do
//! If it is a redirect or a page, open any http:// page in the browser: the network's login or block page appears
//! there. If it says 400, the port serves no TLS: check the address and port.
//!
//! ## Often confused with
//! http.captive-portal and http.block-page (requests in the clear), tls.alert-from-client (what clients answer to it).
//!
//! ## References
//! RFC 8446 section 5.1, RFC 9110 section 9.3.6, RFC 8952.

use super::common::{Handshake, not_before, short};
use crate::diagnose::{Blame, Check, Claim, PathContext, Rule, Severity, Stage};
use crate::fact::tls::NotTls;
use crate::types::Side;
use std::fmt::Write;

pub(super) static RULE: Rule = Rule {
    id: "tls.not-tls",
    stage: Stage::Tls,
    severity: Severity::Broken,
    blame: Blame::Interceptor,
    over: &["tls.alert-from-client", "tls.client-rejected"],
    check: Check::Path(check),
    source: include_str!("not_tls.rs"),
};

/// Characters of `first_bytes`.
const EXCERPT: usize = 64;

fn check(context: &PathContext<'_>) -> Option<Claim> {
    let h = Handshake::unfinished(context)?;
    let other = h.tls.not_tls[Side::Server].as_deref()?;
    let first = !not_before(other.mark, h.first);
    // A server that speaks first, in text, before a client that begins with its hello, is none of STARTTLS.
    let greets = other.bytes.len() >= 4 && other.bytes.iter().take(4).all(u8::is_ascii_graphic);
    let hello = h.tls.hello.as_deref();
    let begins = hello.is_some_and(|hello| h.tls.hello_end <= u64::from(hello.length) + 5);
    let unclear = first && !(greets && begins);
    if h.tcp.midstream || h.tls.lost_track[Side::Server] || unclear {
        return None;
    }
    let text = String::from_utf8_lossy(&other.bytes);
    let http = Http::read(&text);
    let refused = h.tls.proxy_reply.is_some_and(|(status, _)| status >= 300);
    let what = match (&http, refused) {
        (Some(http), true) => format!("the proxy refused the tunnel: {}", http.words()),
        (Some(http), false) => format!("the ClientHello was answered with HTTP: {}", http.words()),
        (None, _) if first => format!("the server spoke first, and no TLS: {}", excerpt(other)),
        (None, _) => format!(
            "the ClientHello was answered with bytes that are no TLS: {}",
            excerpt(other)
        ),
    };
    let marks = [other.mark].into_iter().chain(h.hello_marks());
    let claim = Claim::new(what, 0.95, marks).with("first_bytes", excerpt(other));
    // A plain web server calls a ClientHello a bad request; other protocols have their own port.
    let plain_server = http.map_or(!is_text_page(&text), |http| http.status == "400");
    Some(if plain_server && !refused {
        claim.blaming(Blame::Edge)
    } else {
        claim
    })
}

fn is_text_page(text: &str) -> bool {
    let start = text.trim_start().get(..5).unwrap_or_default();
    start.eq_ignore_ascii_case("<html") || start.eq_ignore_ascii_case("<!doc")
}

/// What an HTTP response says in its head.
struct Http<'t> {
    line: &'t str,
    status: &'t str,
    host: Option<&'t str>,
}

impl<'t> Http<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let mut lines = text.lines();
        let line = lines.next().filter(|line| line.starts_with("HTTP/"))?;
        let status = line.split(' ').nth(1)?;
        let location = lines
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("location"))
            .map(|(_, value)| value.trim());
        Some(Self {
            line,
            status,
            host: location.map(host_of),
        })
    }

    fn words(&self) -> String {
        match self.host {
            Some(host) => format!("\"{}\", a redirect to {}", short(self.line), short(host)),
            None => format!("\"{}\"", short(self.line)),
        }
    }
}

/// The host of a URL; of a path, the path.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if host.is_empty() { rest } else { host }
}

/// The first bytes, printable ones as they are, the rest escaped; at most 64 characters.
fn excerpt(other: &NotTls) -> String {
    let mut text = String::new();
    for &byte in &other.bytes {
        let mut one = String::new();
        match byte {
            b'\r' => one.push_str("\\r"),
            b'\n' => one.push_str("\\n"),
            b'\\' => one.push_str("\\\\"),
            0x20..=0x7e => one.push(char::from(byte)),
            _ => _ = write!(one, "\\x{byte:02x}"),
        }
        if text.len() + one.len() > EXCERPT {
            break;
        }
        text.push_str(&one);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_printable_and_short() {
        let of = |bytes: &[u8]| {
            excerpt(&NotTls {
                bytes: bytes.to_vec(),
                ..NotTls::default()
            })
        };
        assert_eq!(
            of(b"HTTP/1.1 302\r\nA\x1b[0m"),
            "HTTP/1.1 302\\r\\nA\\x1b[0m"
        );
        assert_eq!(of(&[0xff; 200]).len(), EXCERPT);
        assert_eq!(of(&[b'a'; 200]).len(), EXCERPT);
        assert_eq!(of(b""), "");
    }

    #[test]
    fn responses_are_read() {
        let text = "HTTP/1.1 302 Found\r\nServer: x\r\nLOCATION: http://portal.example:80/x?y\r\n\r\nLocation: no";
        let http = Http::read(text).unwrap();
        assert_eq!((http.status, http.host), ("302", Some("portal.example:80")));
        assert!(Http::read("SSH-2.0-x\r\n").is_none());
        assert!(Http::read("").is_none());
        assert_eq!(
            Http::read("HTTP/1.1 400\r\n\r\nLocation: no").unwrap().host,
            None
        );
    }
}
