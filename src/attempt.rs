//! One try of one client to reach one name: its lookups, then every TCP and QUIC path that followed from them.
//!
//! [`join`] is a pure function of the facts. Names come from SNI first, then from what the client resolved,
//! then from the target's prefixes.

pub mod join;
pub mod progress;

use crate::fact::dns::Lookup;
use crate::fact::http::HttpFacts;
use crate::fact::tcp::{Half, TcpFacts};
use crate::flow::FlowView;
use crate::target::Role;
use crate::types::{Addr, Mark};
pub use progress::{Progress, Reach};

/// The port of plain HTTP.
const HTTP: u16 = 80;

/// How an attempt came by its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum MatchedBy {
    /// server_name of a ClientHello (or the host of a request in the clear).
    Sni,
    /// A lookup of that client.
    Dns,
    /// Only the server's address, which lies in a prefix of the target.
    Address,
    /// A connection to an encrypted resolver, not to the target.
    Resolver,
    /// A request that looks for a captive portal, not to the target.
    Portal,
}

impl MatchedBy {
    /// As it stands in the JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sni => "sni",
            Self::Dns => "dns",
            Self::Address => "address",
            Self::Resolver => "resolver",
            Self::Portal => "portal",
        }
    }
}

/// A TCP or QUIC connection of an attempt.
#[derive(Clone, Debug)]
pub struct Path<'a> {
    /// The conversation.
    pub flow: FlowView<'a>,
    /// How far it got, and when.
    pub progress: Progress,
}

impl Path<'_> {
    /// A TCP connection on which both sides sent data, and parts of it are missing from the capture or can't be read:
    /// nobody can say that it did not work.
    #[must_use]
    pub fn may_have_worked(&self) -> bool {
        let Some(tcp) = self.flow.tcp.as_deref() else {
            return false;
        };
        let missing =
            |half: &Half| half.unseen > 0 || half.hole_at.is_some() || half.acked > half.sent + 1;
        let lost_track = self
            .flow
            .tls
            .is_some_and(|t| t.lost_track.0.contains(&true));
        let unclear = tcp.midstream || lost_track || tcp.half.0.iter().any(missing);
        // What was acknowledged was sent (SYN and FIN count as one byte each).
        unclear
            && tcp
                .half
                .0
                .iter()
                .all(|half| half.sent > 0 || half.acked > 2)
    }

    /// Data went both ways and the snap length hides what it was.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        let hidden = |tcp: &TcpFacts| {
            let cut = tcp.half.0.iter().any(|half| half.clipped);
            cut && tcp.half.0.iter().all(|half| half.data_segments > 0)
        };
        self.flow.tcp.as_deref().is_some_and(hidden)
    }

    /// It may have worked, or what it did is hidden.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.may_have_worked() || self.is_hidden()
    }

    /// Plain HTTP beside a connection to another port: no client lets these two race, so that what became of the one says
    /// nothing of the other.
    #[must_use]
    pub fn is_no_rival_of(&self, other: &Self) -> bool {
        self.flow.server.port == HTTP && other.flow.server.port != HTTP
    }

    /// Plain HTTP that began before `other`, or was answered by redirects alone: that it worked is not what the client
    /// wanted.
    #[must_use]
    pub fn only_led_to(&self, other: &Self) -> bool {
        let earlier = self.flow.first.time < other.flow.first.time;
        self.is_no_rival_of(other)
            && (earlier || self.flow.http.is_some_and(HttpFacts::only_redirects))
    }
}

/// One try to reach one name (or one address).
#[derive(Clone, Debug)]
pub struct Attempt<'a> {
    /// The client's address.
    pub client: Addr,
    /// The name; `None` where only the address is known.
    pub name: Option<String>,
    /// How the name was found.
    pub matched_by: MatchedBy,
    /// What the name is for.
    pub role: Role,
    /// The name is one that the target lists, not one that matches only because everything does.
    pub listed: bool,
    /// Its lookups, in the order of their first packets.
    pub lookups: Vec<&'a Lookup>,
    /// Its paths, in the order of their first packets.
    pub paths: Vec<Path<'a>>,
    /// Its first packet.
    pub started: Mark,
}
