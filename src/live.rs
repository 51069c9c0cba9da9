//! Listens on interfaces: frames come from libpcap, everything after that is the very path of a saved capture.
//!
//! One thread per interface ([`capture`]) does nothing but copy frames out of the kernel's ring into recycled blocks.
//! One thread ([`analysis`]) merges them by time, runs the engine, and makes snapshots; it waits for nobody. The screens
//! and the printed lines take what it publishes ([`feed`]). Where the analysis can't keep up, the channel between them
//! fills, the capture threads stop reading, and the kernel counts what it must drop: that count stands in the report.
//!
//! The engine runs on the packets' time. Where the line is quiet, the wall clock stands in for it, but never further
//! than the capture threads have said that they have read: silence of a program that is behind is no silence.
//!
//! Nothing here sends a packet.
//!
//! Around that stands what a capture needs besides: which interfaces there are ([`interfaces`]), the kernel's filter
//! ([`filter`]), what becomes of addresses and routes meanwhile ([`network`]), the right to capture and giving it up again ([`privilege`]), a [`sandbox`], and what is kept of the
//! packets ([`save`], [`recorder`]) or done about a failure ([`hook`]).

pub mod analysis;
pub mod block;
pub mod capture;
pub mod ends;
pub mod feed;
pub mod filter;
#[cfg(unix)]
pub mod hook;
pub mod interfaces;
pub mod libpcap;
pub mod merge;
pub mod network;
pub mod privilege;
pub mod recent;
pub mod recorder;
pub mod sandbox;
pub mod save;
#[cfg(test)]
mod tests;
pub mod wire;
