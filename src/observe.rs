//! Payload to facts: what each protocol shows. Observers state facts with packet numbers; they never judge.

pub mod dns;
pub mod http;
pub mod quic;
pub mod tls;
