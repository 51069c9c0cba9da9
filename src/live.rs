//! What capturing from an interface needs besides the capture loop: which interfaces there are, the right to capture
//! and giving it up again, a sandbox, and what is kept of the packets.
//!
//! Nothing here takes part in judging. All of it is driven by the program that captures; none of it sends a packet.

pub mod filter;
#[cfg(unix)]
pub mod hook;
pub mod interfaces;
pub mod privilege;
pub mod recorder;
pub mod sandbox;
pub mod save;
