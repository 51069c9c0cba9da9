//! TLS as it can be seen without keys.

pub mod hello;
mod ja4;
mod text;
