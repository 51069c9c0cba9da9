//! The terminal UI: the attempts as a list, each as a ladder of its packets, and everything known of it.
//!
//! A [`Feed`](feed::Feed) hands over snapshots; the [`Model`](model::Model) holds what is shown and changes with each
//! key; [`screen::draw`] paints it; [`terminal::run`] is the loop around them. [`files`] feeds it from saved captures.
//! Nothing of what is judged is decided here.

pub mod action;
pub mod config;
pub mod export;
pub mod feed;
pub mod files;
pub mod filter;
pub mod model;
pub mod screen;
pub mod terminal;
pub mod theme;
