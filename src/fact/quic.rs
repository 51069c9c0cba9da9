//! What a QUIC connection shows (RFC 8999, 9000, 9001, 9368, 9369) without session keys.

use crate::fact::icmp::IcmpError;
use crate::fact::tls::{ClientHello, ServerHello};
use crate::types::{Both, Mark, Side};

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
}

/// All that was seen of QUIC on one UDP flow.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QuicFacts {
    /// Version of the client's first Initial.
    pub version: u32,
    /// Version in use after negotiation, where it changed.
    pub negotiated_version: Option<u32>,
    /// Client datagrams that carried an Initial, each one a try or a probe: at most 16 marks.
    pub client_initials: Vec<Mark>,
    /// How many client datagrams carried an Initial.
    pub client_initial_count: u32,
    /// Of these, how many came before the server's first datagram: probe timeouts plus the hello's own datagrams.
    pub unanswered_initials: u32,
    /// Client datagrams that only repeat CRYPTO data or probe (PTO), counted as far as Initials can be read.
    pub probes: u32,
    /// The ClientHello, once complete.
    pub hello: Option<Box<ClientHello>>,
    /// The server's first datagram.
    pub server_first: Option<Mark>,
    /// The server's first Initial.
    pub server_initial: Option<Mark>,
    /// ServerHello in the server's Initial.
    pub server_hello: Option<Box<ServerHello>>,
    /// First Initial packet of each side that acknowledges one of the other's.
    pub acked: Both<Option<Mark>>,
    /// First Handshake packet of each side.
    pub handshake: Both<Option<Mark>>,
    /// Handshake packets of each side.
    pub handshake_count: Both<u32>,
    /// First 0-RTT packet of the client.
    pub zero_rtt: Option<Mark>,
    /// First 1-RTT (short header) packet of each side.
    pub one_rtt: Both<Option<Mark>>,
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
    /// The client's address or port changed on the connection.
    pub migrated: Option<Mark>,
    /// Server datagrams after the last client datagram, and the reverse: who fell silent.
    pub since_last_of_other: Both<u32>,
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
}
