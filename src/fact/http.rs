//! What HTTP/1 in the clear shows (RFC 9110, 9112): heads of requests and responses, the beginning of contents.

use crate::data::{self, Probe};
use crate::types::Mark;

/// A response, as far as it came.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Response {
    /// The packet with its first byte.
    pub mark: Mark,
    /// The packet with its last byte so far.
    pub last: Mark,
    /// Status code; the final one where 1xx came before.
    pub status: u16,
    /// `Location`; untrusted text.
    pub location: Option<String>,
    /// `Server`; untrusted text.
    pub server: Option<String>,
    /// `Via`; untrusted text.
    pub via: Option<String>,
    /// Length of the content as the head states it (0 where there can be none); `None` where only the content or the
    /// close tells.
    pub length: Option<u64>,
    /// Bytes of content that came (or are known to be missing from the capture).
    pub received: u64,
    /// The first of them, at most 4 KiB; as on the wire, compressed or not; untrusted.
    pub body: Vec<u8>,
}

impl Response {
    /// Bytes that are still to come, where the head states how many there are.
    #[must_use]
    pub fn lacks(&self) -> u64 {
        self.length.map_or(0, |l| l.saturating_sub(self.received))
    }
}

/// A request and what came back.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Exchange {
    /// The packet with the request's first byte.
    pub asked: Mark,
    /// The packet with its last byte so far.
    pub sent: Mark,
    /// Method; untrusted text, at most 16 bytes.
    pub method: String,
    /// Host the client wants: of the absolute target, else of the `Host` field; without port, lower case; untrusted text.
    pub host: Option<String>,
    /// Path and query of the target; untrusted text, at most 512 bytes.
    pub path: String,
    /// Bytes of the client's stream up to and including the request's last byte seen.
    pub end: u64,
    /// All of the request was seen (its head, and its content where the head states a length).
    pub whole: bool,
    /// What came back.
    pub response: Option<Response>,
}

/// All that was seen of HTTP/1 on one TCP connection.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HttpFacts {
    /// The first seven requests with their responses, and the last one.
    pub exchanges: Vec<Exchange>,
    /// Requests seen.
    pub requests: u32,
    /// Final responses seen.
    pub responses: u32,
    /// A side could not be followed further (bytes missing, another protocol): what is absent afterwards proves nothing.
    pub lost_track: bool,
}

impl Exchange {
    /// The request that looks for a captive portal which this one is.
    #[must_use]
    pub fn probe(&self) -> Option<&'static Probe> {
        let asks = matches!(self.method.as_str(), "GET" | "HEAD");
        data::portal_probe(self.host.as_deref()?, &self.path).filter(|_| asks)
    }
}

impl HttpFacts {
    /// All responses seen, and there is one, send the client elsewhere (3xx; RFC 9110, section 15.4).
    #[must_use]
    pub fn only_redirects(&self) -> bool {
        let mut responses = self.exchanges.iter().filter_map(|e| e.response.as_ref());
        self.responses > 0 && responses.all(|r| (300..400).contains(&r.status))
    }

    /// The first request that looks for a captive portal.
    #[must_use]
    pub fn probe(&self) -> Option<(&Exchange, &'static Probe)> {
        self.exchanges.iter().find_map(|e| Some((e, e.probe()?)))
    }

    /// Host of the first request that names one; untrusted text.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.exchanges.iter().find_map(|e| e.host.as_deref())
    }
}
