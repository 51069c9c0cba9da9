//! All that can be seen on the wire, as plain data, each thing with the [`Mark`](crate::types::Mark) of its packet.
//!
//! Observers write facts; rules read them. A fact never says whose fault something is.

pub mod dns;
pub mod http;
pub mod icmp;
pub mod quic;
pub mod tcp;
pub mod tls;
pub mod transfer;
