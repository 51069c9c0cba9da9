//! `shakedown` reads packets and says why a connection failed.
//!
//! The path of a packet is the order of the modules:
//!
//! 1. [`source`] yields frames: bytes with a number, a time and a link type.
//! 2. [`decode`] strips link layers and tunnels and gives IP addresses, ports, header fields and payload.
//! 3. [`flow`] says which conversation a packet belongs to, which side sent it, and puts TCP bytes in order.
//! 4. [`observe`] turns payload into [`fact`]s (DNS, TLS, QUIC, ICMP). Observers state what was seen, each
//!    thing with its packet number; they never judge.
//! 5. [`attempt`] joins lookups and paths into one try of one client to reach one name.
//! 6. [`diagnose`] runs the rules over an attempt's facts. One diagnosis is one file under `diagnose/rules/`.
//! 7. [`verdict`] judges over all attempts: how far it reaches, whom it points at, what to do.
//! 8. [`snapshot`] is the result as plain data, the only thing that outputs may see.
//! 9. [`ladder`] finds the packets of one attempt again and lays them out as a ladder.
//! 10. [`redact`] takes out of packets what is nobody's business, before anything is written for others.
//! 11. [`report`] paints both on paper, [`ui`] on a terminal; [`bundle`] picks the packets that prove them, for a ticket.
//!
//! [`live`] listens on interfaces and feeds the same engine and the same outputs; with it is what capturing needs
//! around that: privileges, a sandbox, what is kept of the packets.
//!
//! [`compare`] sets two snapshots side by side and says what their difference proves.
//!
//! [`engine`] assembles 2 to 8. It opens no file, reads no clock and prints nothing: packets and times go in,
//! a snapshot comes out. A module may use those declared above it in this file, never below (`tests/layers.rs`):
//! [`fact`] stands high because facts are plain data, and decoding an ICMP error makes the first of them.

pub mod types;

pub mod data;
pub mod target;

pub mod fact;

pub mod source;

pub mod decode;

pub mod flow;

pub mod observe;

pub mod attempt;

pub mod diagnose;

pub mod verdict;

pub mod snapshot;

pub mod compare;

pub mod engine;

pub mod ladder;

pub mod redact;

pub mod report;

pub mod bundle;

pub mod ui;

#[cfg(feature = "live")]
pub mod live;
