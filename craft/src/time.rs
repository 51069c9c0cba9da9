//! Virtual time: nanoseconds since the start of the capture. Nothing here reads a clock.

/// Milliseconds given by a case: `250`, `0.3` and [`std::time::Duration`] all work.
pub trait Ms {
    /// The same span in nanoseconds; negative numbers become 0.
    fn ns(self) -> u64;
}

impl Ms for i32 {
    fn ns(self) -> u64 {
        self.max(0) as u64 * 1_000_000
    }
}

impl Ms for u64 {
    fn ns(self) -> u64 {
        self * 1_000_000
    }
}

impl Ms for f64 {
    fn ns(self) -> u64 {
        (self.max(0.0) * 1e6).round() as u64
    }
}

impl Ms for std::time::Duration {
    fn ns(self) -> u64 {
        self.as_nanos() as u64
    }
}

/// First instant of every crafted capture: 2026-03-14 09:26:53 UTC, in seconds since 1970.
pub const EPOCH_S: u64 = 1_773_480_413;
