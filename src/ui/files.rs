//! Saved captures as a [`Feed`](super::feed::Feed): read at once, or played at their own pace; and read again for [`Packets`](super::feed::Packets).

mod again;
mod rates;
mod reader;
mod saved;

pub use again::{Bundler, FilePackets};
pub use rates::Rates;
pub use saved::{FileFeed, Plan};

use crate::source::Source;
use std::sync::Arc;

/// Opens the captures, each time from the beginning.
pub type Opener = Arc<dyn Fn() -> Result<Box<dyn Source>, String> + Send + Sync>;
