//! (see lib.rs)

pub mod quic;
