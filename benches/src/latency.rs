//! Latencies of many operations.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest latency that is told from longer ones, in nanoseconds: one minute.
const LONGEST_NS: u64 = 60_000_000_000;

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
        // Fixed bounds, up to a minute: one that grows by itself would clip in `saturating_record`.
        Latency { nanoseconds: Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("the bounds are possible") }
    }

    /// Adds one operation.
    pub fn record(&mut self, time: Duration) {
        self.nanoseconds.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds all of another's.
    pub fn add(&mut self, other: &Latency) {
        self.nanoseconds.add(&other.nanoseconds).expect("both have the same bounds");
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Latency;

    #[test]
    fn latencies_of_any_length_keep_three_digits() {
        for micros in [1_u64, 2_047, 40_000, 5_000_000] {
            let (mut latency, mut all) = (Latency::new(), Latency::new());
            latency.record(Duration::from_micros(micros));
            all.add(&latency);
            let found = all.quantile_us(0.5);
            assert!((found / micros as f64 - 1.0).abs() < 0.002, "{micros} µs read back as {found}");
        }
    }
}
