//! Paints a snapshot: text for a person, JSON for a program.

pub mod json;
pub mod pcapng;
pub mod text;
