//! (see lib.rs)

pub mod dns;
