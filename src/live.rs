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

pub mod analysis;
pub mod block;
pub mod capture;
pub mod ends;
pub mod feed;
#[cfg(feature = "live")]
pub mod libpcap;
pub mod merge;
pub mod recent;
#[cfg(test)]
mod tests;
pub mod wire;
