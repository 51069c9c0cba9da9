//! What a TCP connection shows (RFC 9293).

/// To be filled by the flow tracker.
#[derive(Clone, Debug, Default)]
pub struct TcpFacts {}
