//! Paints a snapshot: text and Markdown for a person, JSON for a program. Likewise a comparison of two. And writes
//! packets as evidence.

pub mod compare_markdown;
pub mod compare_text;
pub mod html;
pub mod json;
pub mod markdown;
pub mod pcapng;
pub mod text;
pub mod ticket;
pub mod why_not_text;
