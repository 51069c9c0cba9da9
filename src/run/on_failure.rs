//! The hidden command behind `--on-failure`: see `shakedown::live::hook`.

use anyhow::Result;

/// Runs `command` for each failure that standard input names.
///
/// # Errors
/// If root can't be given up, or on a system without the feature.
#[cfg(all(feature = "live", unix))]
pub fn help(command: &str) -> Result<i32> {
    use shakedown::live::{hook, privilege};
    use std::io;
    // What the user asks to run has nothing to do with capturing.
    privilege::drop_root()?;
    privilege::forget()?;
    hook::serve(io::stdin(), &mut io::stdout().lock(), command)?;
    Ok(0)
}

/// There is no live capture in this build.
///
/// # Errors
/// Always.
#[cfg(not(all(feature = "live", unix)))]
pub fn help(_: &str) -> Result<i32> {
    anyhow::bail!("this build has no live capture, so nothing calls for --on-failure");
}
