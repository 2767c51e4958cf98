//! Latencies of many operations.

use std::time::Duration;

use hdrhistogram::Histogram;

/// A histogram of nanoseconds with three significant digits.
#[derive(Clone, Debug)]
pub struct Latency {
    nanoseconds: Histogram<u64>,
}

impl Default for Latency {
    fn default() -> Latency {
        Latency::new()
    }
}

impl Latency {
    /// An empty one.
    #[must_use]
    pub fn new() -> Latency {
        // The bounds are constants that hdrhistogram accepts.
        Latency { nanoseconds: Histogram::new(3).expect("three digits are possible") }
    }

    /// Adds one operation.
    pub fn record(&mut self, time: Duration) {
        self.nanoseconds.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds all of another's.
    pub fn add(&mut self, other: &Latency) {
        // It resizes itself, so that nothing is out of range.
        let _ = self.nanoseconds.add(&other.nanoseconds);
    }

    /// Operations recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.nanoseconds.len()
    }

    /// The value below which that share of the operations lies, in microseconds.
    #[must_use]
    pub fn quantile_us(&self, share: f64) -> f64 {
        self.nanoseconds.value_at_quantile(share) as f64 / 1000.0
    }
}
