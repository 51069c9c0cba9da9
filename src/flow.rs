//! Which conversation a packet belongs to, and which side sent it.

pub mod pulse;
pub mod quality;
pub mod table;
pub mod tcp;

use crate::fact::http::HttpFacts;
use crate::fact::quic::QuicFacts;
use crate::fact::tcp::TcpFacts;
use crate::fact::tls::TlsFacts;
use crate::fact::transfer::Transfer;
use crate::types::{Both, Endpoint, Mark, Side};
use std::borrow::Cow;
use std::ops::Deref;

/// What a path runs over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PathTransport {
    /// TCP, with TLS or not.
    Tcp,
    /// QUIC over UDP.
    Quic,
}

/// Something large, borrowed or made for the occasion: no larger than a pointer in either case.
#[derive(Clone, Debug)]
pub enum Lent<'a, T> {
    /// Borrowed.
    Ref(&'a T),
    /// Made for the occasion.
    Made(Box<T>),
}

impl<T> Deref for Lent<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Ref(lent) => lent,
            Self::Made(made) => made,
        }
    }
}

/// One conversation with all facts about it, as attempts and rules see it.
#[derive(Clone, Debug)]
pub struct FlowView<'a> {
    /// Who opened it.
    pub client: Endpoint,
    /// To whom.
    pub server: Endpoint,
    /// TCP or QUIC.
    pub transport: PathTransport,
    /// Its first packet.
    pub first: Mark,
    /// Its last packet.
    pub last: Mark,
    /// Packets of each side.
    pub packets: Both<u32>,
    /// Wireshark's `tcp.stream` (or `udp.stream`) in its capture; `None` where flows were evicted before it.
    pub stream: Option<u32>,
    /// TCP facts.
    pub tcp: Option<Lent<'a, TcpFacts>>,
    /// TLS facts over TCP.
    pub tls: Option<&'a TlsFacts>,
    /// QUIC facts.
    pub quic: Option<&'a QuicFacts>,
    /// HTTP/1 in the clear over TCP.
    pub http: Option<&'a HttpFacts>,
    /// What it carried over time.
    pub transfer: Option<&'a Transfer>,
    /// The app or process that owns it, where the capture says so; untrusted text.
    pub app: Option<Cow<'a, str>>,
    /// Android user id of that app.
    pub uid: Option<i32>,
}

impl FlowView<'_> {
    /// server_name of its ClientHello.
    #[must_use]
    pub fn sni(&self) -> Option<&str> {
        self.hello()?.sni.as_deref()
    }

    /// Host of its first request in the clear, where that is a name; untrusted text.
    #[must_use]
    pub fn http_host(&self) -> Option<&str> {
        let host = self.http?.host()?;
        host.parse::<std::net::IpAddr>().is_err().then_some(host)
    }

    /// Its ClientHello.
    #[must_use]
    pub fn hello(&self) -> Option<&crate::fact::tls::ClientHello> {
        self.tls
            .and_then(|t| t.hello.as_deref())
            .or_else(|| self.quic.and_then(|q| q.hello.as_deref()))
    }

    /// The capture names the app: on a phone that means a local VPN, whose packets are made up on the device, and which
    /// say nothing about who really sent them.
    #[must_use]
    pub fn is_tagged(&self) -> bool {
        self.app.is_some() || self.uid.is_some()
    }

    /// Packets of both sides were seen.
    #[must_use]
    pub fn two_way(&self) -> bool {
        self.packets[Side::Client] > 0 && self.packets[Side::Server] > 0
    }

    /// IPv4?
    #[must_use]
    pub fn is_v4(&self) -> bool {
        self.server.addr.is_v4()
    }
}
