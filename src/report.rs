//! Paints a snapshot: text for a person, JSON for a program; and writes packets as evidence.

pub mod json;
pub mod pcapng;
pub mod text;
