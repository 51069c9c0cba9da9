//! Giving up rights and the sandbox, in processes of their own: each test starts this program again in a role, with one
//! thread, as the real program has before it captures. The usual harness runs every test in a thread, so this has a
//! `main` of its own. What needs root says so and is left out without it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise

#[cfg(all(target_os = "linux", feature = "live"))]
#[path = "support/shut_in.rs"]
mod tests;

fn main() {
    #[cfg(all(target_os = "linux", feature = "live"))]
    tests::main();
}
