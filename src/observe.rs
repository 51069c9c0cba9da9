//! Payload into facts, each with the mark of its packet. An observer states what was seen and never judges.

pub mod quic;
pub mod tls;
