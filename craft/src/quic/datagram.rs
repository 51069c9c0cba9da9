//! What a case may know about a datagram when it decides its fate.

use crate::net::Side;
use crate::time::Ms;

/// Type of a datagram's first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Initial.
    Initial,
    /// 0-RTT.
    ZeroRtt,
    /// Handshake.
    Handshake,
    /// Retry.
    Retry,
    /// Version Negotiation.
    VersionNegotiation,
    /// 1-RTT (short header).
    Short,
}

/// A datagram about to leave.
#[derive(Clone, Copy, Debug)]
pub struct Datagram {
    /// Sender.
    pub from: Side,
    /// Count of this sender's datagrams, from 0.
    pub number: usize,
    /// Nanoseconds since the connection began.
    pub at: u64,
    /// UDP payload length.
    pub len: usize,
    /// Its first packet.
    pub kind: Kind,
}

impl Datagram {
    pub(super) fn new(from: Side, number: usize, at: u64, bytes: &[u8]) -> Self {
        let kind = match (bytes[0] & 0x80 != 0, &bytes[1..5], bytes[0] >> 4 & 3) {
            (false, ..) => Kind::Short,
            (true, [0, 0, 0, 0], _) => Kind::VersionNegotiation,
            (true, _, 0) => Kind::Initial,
            (true, _, 1) => Kind::ZeroRtt,
            (true, _, 2) => Kind::Handshake,
            _ => Kind::Retry,
        };
        Self {
            from,
            number,
            at,
            len: bytes.len(),
            kind,
        }
    }

    /// Whether the server sent it.
    pub fn from_server(&self) -> bool {
        self.from == Side::Server
    }

    /// Milliseconds since the connection began.
    pub fn ms(&self) -> f64 {
        self.at as f64 / 1e6
    }
}

/// What becomes of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Arrives; captured.
    Deliver,
    /// Arrives later than the others by these nanoseconds; captured.
    Delay(u64),
    /// Lost beyond the capture point: the client's is captured, the server's is not.
    Lost,
    /// Captured, but its receiver never sees it (a firewall on the client's host).
    Ignored,
    /// Arrives, but is missing from the capture.
    Unseen,
    /// Neither arrives nor is captured: as if its sender had kept silent.
    Unsent,
}

impl Fate {
    /// [`Fate::Delay`] in milliseconds.
    pub fn delay(ms: impl Ms) -> Self {
        Fate::Delay(ms.ns())
    }
}
