#![doc = include_str!("../README.md")]

pub mod big;
pub mod case;
pub mod cases;
pub mod dns;
pub mod file;
pub mod http;
pub mod link;
pub mod net;
pub mod packet;
pub mod pair;
pub mod pairs;
pub mod quic;
pub mod rng;
mod scene;
pub mod tcp;
pub mod time;
pub mod tls;
pub mod udp;

pub use case::{Case, Expect};

/// All that a file of cases needs.
pub mod prelude {
    pub use crate::case::{Case, Expect};
    pub use crate::dns::{rcode, rtype, svc};
    pub use crate::file::Format;
    pub use crate::http;
    pub use crate::link::{Link, Wrap};
    pub use crate::net::{Net, Side};
    pub use crate::packet::{Icmp, flag};
    pub use crate::quic;
    pub use crate::quic::initial::{Initial, Version};
    pub use crate::quic::{Fate, Kind};
    pub use crate::tcp::{Seg, Stack, Tcp, schedule};
    pub use crate::tls::hello::ClientHello;
    pub use crate::tls::{Cert, Client, Outcome, Reject, Server, Session, record};
}
