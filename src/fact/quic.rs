//! What a QUIC connection shows (RFC 8999, 9000, 9001, 9368, 9369) without session keys.

mod names;

use std::borrow::Cow;
use std::time::Duration;

use quinn_proto::ConnectionId;

use crate::fact::icmp::IcmpError;
use crate::fact::tls::{ClientHello, ServerHello};
use crate::types::{Both, Mark, Side};

/// Initials closer together than this are one flight.
const FLIGHT_GAP: Duration = Duration::from_millis(50);

pub use names::{error_name, is_grease_version, version_name};

/// A CONNECTION_CLOSE that could be read (Initial packets).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Close {
    /// Who sent it.
    pub from: Side,
    /// The packet.
    pub mark: Mark,
    /// True for the application variant (0x1d).
    pub application: bool,
    /// Error code; 0x0100 + alert for CRYPTO_ERROR.
    pub code: u64,
    /// Reason phrase; untrusted text.
    pub reason: String,
}

impl Close {
    /// The TLS alert inside a CRYPTO_ERROR.
    #[must_use]
    pub fn alert(&self) -> Option<u8> {
        match self.code {
            0x100..=0x1ff if !self.application => Some((self.code & 0xff) as u8),
            _ => None,
        }
    }

    /// The error's name: see [`error_name`] for transport errors; application errors are named as HTTP/3's
    /// (RFC 9114 section 8.1), the only application protocol whose Initials this tool expects to see closed.
    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        if self.application {
            names::http3_error_name(self.code)
        } else {
            error_name(self.code)
        }
    }
}

/// All that was seen of QUIC on one UDP flow.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QuicFacts {
    /// Version of the client's first Initial; 0 where none was seen.
    pub version: u32,
    /// Version in use after negotiation, where it changed: by restart (RFC 9000 section 6) or compatibly (RFC 9368).
    pub negotiated_version: Option<u32>,
    /// Client datagrams that carried an Initial, each one a try or a probe: at most 16 marks.
    pub client_initials: Vec<Mark>,
    /// How many client datagrams carried an Initial.
    pub client_initial_count: u32,
    /// Of these, how many came before the server's first datagram: probe timeouts plus the hello's own datagrams.
    pub unanswered_initials: u32,
    /// Client datagrams that only repeat CRYPTO data or probe (PTO), counted as far as Initials can be read.
    pub probes: u32,
    /// Packet number of the first client Initial that could be opened: 0 or 1 with most clients, more where the
    /// capture begins later than the connection.
    pub first_number: Option<u32>,
    /// The ClientHello, once complete.
    pub hello: Option<Box<ClientHello>>,
    /// The client's first datagram of any kind.
    pub client_first: Option<Mark>,
    /// The server's first datagram.
    pub server_first: Option<Mark>,
    /// The server's first Initial.
    pub server_initial: Option<Mark>,
    /// HelloRetryRequest in the server's Initial.
    pub retry_request: Option<Box<ServerHello>>,
    /// ServerHello in the server's Initial.
    pub server_hello: Option<Box<ServerHello>>,
    /// First Initial packet of each side that acknowledges one of the other's.
    pub acked: Both<Option<Mark>>,
    /// First Handshake packet of each side.
    pub handshake: Both<Option<Mark>>,
    /// Handshake packets of each side.
    pub handshake_count: Both<u32>,
    /// Last packet of each side with a long header other than 0-RTT: a side that still sends these has not finished.
    pub last_long: Both<Option<Mark>>,
    /// First 0-RTT packet of the client.
    pub zero_rtt: Option<Mark>,
    /// First 1-RTT (short header) packet of each side.
    pub one_rtt: Both<Option<Mark>>,
    /// First Handshake or 1-RTT packet of the client after the server's last Handshake packet: it can hold the Finished,
    /// which answers the whole of the server's flight.
    pub finished: Option<Mark>,
    /// First server datagram of 1-RTT packets alone that can answer `finished`, forgotten
    /// again when the server sends another Handshake packet: what [`QuicFacts::handshake_complete`] rests on.
    pub confirmed: Option<Mark>,
    /// 1-RTT packets of each side.
    pub one_rtt_count: Both<u32>,
    /// Last datagram of each side.
    pub last: Both<Option<Mark>>,
    /// Datagrams of each side.
    pub datagrams: Both<u32>,
    /// Bytes of UDP payload of each side.
    pub bytes: Both<u64>,
    /// Retry packets of the server.
    pub retries: Vec<Mark>,
    /// First client Initial that carries a Retry token.
    pub initial_with_token: Option<Mark>,
    /// Version Negotiation: the packet and the versions offered (GREASE left out).
    pub version_negotiation: Option<(Mark, Vec<u32>)>,
    /// First client Initial with another version after Version Negotiation.
    pub restarted: Option<Mark>,
    /// CONNECTION_CLOSE frames that could be read, at most 4.
    pub closes: Vec<Close>,
    /// A server datagram that fits a stateless reset (RFC 9000 section 10.3), not proven without the token.
    pub stateless_reset: Option<Mark>,
    /// The client's address or port changed on the connection. One flow cannot show this: the flow layer sets it
    /// with the help of [`QuicFacts::owns`].
    pub migrated: Option<Mark>,
    /// Connection ids that the client chose for itself (SCID of its long headers), and those that the server
    /// was seen to use instead; at most 8.
    pub client_cids: Vec<ConnectionId>,
    /// Connection ids that the server chose for itself (SCID of its long headers, Retry included), at most 8.
    pub server_cids: Vec<ConnectionId>,
    /// First Initial of yet another connection on the same ports (another DCID, explained neither by Retry nor by
    /// Version Negotiation). Hello and first marks are those of the first connection, counts are of both.
    pub reused: Option<Mark>,
    /// Server datagrams after the last client datagram, and the reverse: who fell silent.
    pub since_last_of_other: Both<u32>,
    /// First datagrams of each side since the other's last one, at most 8.
    pub unanswered: Both<Vec<Mark>>,
    /// Marks of the last few datagrams of each side (at most 8, oldest first).
    pub recent: Both<Vec<Mark>>,
    /// ICMP errors that quote this flow, at most 4.
    pub icmp: Vec<IcmpError>,
    /// The Initials could not be decrypted (unknown version, clipped, started in the middle).
    pub undecryptable: bool,
    /// The flow began before the capture: no client Initial was seen first.
    pub midstream: bool,
    /// A datagram that was needed was cut by the snap length.
    pub clipped: bool,
    /// The caller's sides were the wrong way round (an Initial of its "server" opens with client keys, or its
    /// "client" sent Retry or Version Negotiation). `Side` in these facts is the true one: `Client` here is the
    /// `Server` of the caller. Comes with `midstream`.
    pub swapped: bool,
    /// Client datagrams whose Initials repeat packet numbers, which QUIC never does: copies made by the network or
    /// by the capture. They are in no other count of Initials or probes.
    pub duplicates: u32,
}

impl QuicFacts {
    /// server_name of the ClientHello; untrusted text.
    #[must_use]
    pub fn sni(&self) -> Option<&str> {
        self.hello.as_deref()?.sni.as_deref()
    }

    /// ALPN protocol ids that the client offered, in its order; empty where no hello was read.
    #[must_use]
    pub fn alpn_offered(&self) -> &[String] {
        self.hello.as_deref().map_or(&[], |hello| &hello.alpn)
    }

    /// Name of the version in use, as [`version_name`] writes it; `unknown` where no long header was seen.
    #[must_use]
    pub fn version_name(&self) -> Cow<'static, str> {
        match self.negotiated_version.unwrap_or(self.version) {
            0 => "unknown".into(),
            version => version_name(version),
        }
    }

    /// Name of a transport error code, as [`error_name`] writes it.
    #[must_use]
    pub fn error_name(code: u64) -> Cow<'static, str> {
        error_name(code)
    }

    /// Marks of the client's Initials grouped into flights, each given by its first mark: datagrams less than
    /// 50 ms apart are one try, since a ClientHello may take two, and a probe timeout may send two.
    #[must_use]
    pub fn flights(&self) -> Vec<Mark> {
        let mut flights: Vec<Mark> = Vec::new();
        let mut previous: Option<Mark> = None;
        for &mark in &self.client_initials {
            if previous.is_none_or(|p| mark.time.since(p.time) >= FLIGHT_GAP) {
                flights.push(mark);
            }
            previous = Some(mark);
        }
        flights
    }

    /// Round trip from the first Initial to the server's first datagram, where only one flight went before it;
    /// with more it is not known which of them was answered.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        let answer = self.server_first?;
        let asked = self.client_initials.first().filter(|_| !self.midstream)?;
        let before = self.flights();
        let before = before.iter().filter(|m| m.time <= answer.time).count();
        (before == 1).then(|| answer.time.since(asked.time))
    }

    /// The handshake is over on both sides, as far as that can be known without keys.
    ///
    /// A Handshake or 1-RTT packet of the client proves that it has read the ServerHello, but not that the server
    /// got its Finished. The server may send 1-RTT packets before that ("0.5-RTT"), so these prove nothing by
    /// themselves. But a server that lacks the Finished keeps sending Handshake packets when its timer fires and
    /// must not arm one for 1-RTT data (RFC 9002 section 6.2.1); one that has it drops its Handshake keys
    /// (RFC 9001 section 4.9.2). So: a datagram of the server with 1-RTT packets alone, half a round trip or 10 ms
    /// after a Handshake or 1-RTT packet with which the client answered the whole flight, and no Handshake packet of
    /// the server after it.
    #[must_use]
    pub fn handshake_complete(&self) -> bool {
        self.confirmed.is_some()
    }

    /// 1-RTT packets went both ways.
    #[must_use]
    pub fn got_through(&self) -> bool {
        self.one_rtt.0.iter().all(Option::is_some)
    }

    /// Does this datagram, the client's first on another 5-tuple, go on with this connection? True where it has
    /// a short header and begins with a connection id that the server chose (of 4 bytes or more: shorter ones
    /// would match by chance). Finds NAT rebinding. A client that migrates on purpose takes a fresh id, which
    /// was sent encrypted (RFC 9000 section 9.5), so `false` proves nothing.
    #[must_use]
    pub fn owns(&self, payload: &[u8]) -> bool {
        let Some((first, rest)) = payload.split_first() else {
            return false;
        };
        first & 0x80 == 0
            && (self.server_cids.iter()).any(|cid| cid.len() >= 4 && rest.starts_with(cid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Timestamp;

    fn at(ms: i64) -> Mark {
        Mark {
            time: Timestamp(ms * 1_000_000),
            ..Mark::default()
        }
    }

    #[test]
    fn datagrams_close_together_are_one_flight() {
        let facts = QuicFacts {
            client_initials: [0, 1, 30, 300, 301, 900].map(at).to_vec(),
            ..QuicFacts::default()
        };
        assert_eq!(facts.flights(), [0, 300, 900].map(at));
    }

    #[test]
    fn round_trip_is_told_only_where_one_flight_was_answered() {
        let mut facts = QuicFacts {
            client_initials: [0, 1, 300].map(at).to_vec(),
            server_first: Some(at(40)),
            ..QuicFacts::default()
        };
        assert_eq!(facts.rtt(), Some(Duration::from_millis(40)));
        facts.server_first = Some(at(310));
        assert_eq!(facts.rtt(), None);
        facts.server_first = None;
        assert_eq!(facts.rtt(), None);
    }
}
