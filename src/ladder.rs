//! The packets of one attempt: found again in the capture, a line each, drawn as a ladder.
//!
//! A snapshot names the packets that prove something, not all packets of an attempt, and nobody keeps packet bytes.
//! So whoever wants to see an attempt in full reads the capture once more: [`Wanted`] says which packets belong to
//! the attempt, [`Collector`] keeps them with what they say, [`Ladder`] lays them out in columns, and [`Painter`] makes
//! lines of it that a terminal and a text file both can show.

mod collect;
mod describe;
mod facts;
mod layout;
mod paint;
mod stream;
mod want;

#[cfg(test)]
mod tests;

pub use collect::{Collected, Collector, MAX_BYTES, MAX_PACKETS, Seen, Trouble};
pub use facts::FactGroup;
pub use layout::{Ladder, Lane, Row};
pub use paint::{Glyphs, Ink, Painter, Span, fold_text, ink_of, label, seconds, text};
pub use want::{Route, Tuple, Wanted, ends_of};
