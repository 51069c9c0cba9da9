//! One try of one client to reach one name: its lookups, then every TCP and QUIC path that followed from them.
//!
//! [`join`] is a pure function of the facts. Names come from SNI first, then from what the client resolved,
//! then from the target's prefixes.

pub mod join;
pub mod progress;

use crate::fact::dns::Lookup;
use crate::flow::FlowView;
use crate::target::Role;
use crate::types::{Addr, Mark};
pub use progress::{Progress, Reach};

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
