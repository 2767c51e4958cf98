//! The hybrid logical clock that stamps every record.
//!
//! The upper 48 bits are milliseconds since 1970 (UTC), the lower 16 a counter. A stamp is greater
//! than every stamp given or observed before it, whatever the machine's clock does, and close to
//! the machine's time while that goes forward. So "the later of two facts" has one answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use threadlog_engine::config::Clock;

/// Gives stamps that only rise.
pub struct HybridClock {
    last: AtomicU64,
    machine: Arc<dyn Clock>,
}

const COUNTER_BITS: u32 = 16;

impl HybridClock {
    /// A clock that follows the machine's.
    #[must_use]
    pub fn new(machine: Arc<dyn Clock>) -> HybridClock {
        HybridClock { last: AtomicU64::new(0), machine }
    }

    /// The next stamp: the machine's time, or the last stamp plus one if that is not behind it.
    pub fn tick(&self) -> u64 {
        let now = self.machine.now_ms().min(u64::MAX >> COUNTER_BITS) << COUNTER_BITS;
        let next = |last: u64| last.saturating_add(1).max(now);
        let previous = self.last.fetch_update(Ordering::AcqRel, Ordering::Acquire, |last| Some(next(last)));
        next(previous.unwrap_or_else(|last| last))
    }

    /// Makes all later stamps greater than `stamp`, which somebody else gave.
    pub fn observe(&self, stamp: u64) {
        self.last.fetch_max(stamp, Ordering::AcqRel);
    }

    /// No stamp that was given or observed is greater.
    #[must_use]
    pub fn observed(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    /// The machine's time, in milliseconds since 1970 (UTC).
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.machine.now_ms()
    }
}

/// The milliseconds of a stamp.
#[must_use]
pub fn stamp_ms(stamp: u64) -> u64 {
    stamp >> COUNTER_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Hand(AtomicU64);
    impl Clock for Hand {
        fn now_ms(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn stamps_rise_even_when_the_machine_goes_back() {
        let hand = Arc::new(Hand(AtomicU64::new(1000)));
        let clock = HybridClock::new(hand.clone());
        let first = clock.tick();
        assert_eq!((stamp_ms(first), first & 0xFFFF), (1000, 0));
        assert_eq!(clock.tick(), first + 1);
        hand.0.store(10, Ordering::Relaxed);
        assert_eq!(clock.tick(), first + 2);
        hand.0.store(2000, Ordering::Relaxed);
        assert_eq!(clock.tick(), 2000 << 16);
        clock.observe(3000 << 16);
        assert_eq!(clock.tick(), (3000 << 16) + 1);
    }

    #[test]
    fn a_full_counter_runs_into_the_next_millisecond() {
        let clock = HybridClock::new(Arc::new(Hand(AtomicU64::new(5))));
        clock.observe((5 << 16) + 0xFFFF);
        assert_eq!(clock.tick(), 6 << 16);
    }

    #[test]
    fn no_two_threads_get_the_same_stamp() {
        let clock = HybridClock::new(Arc::new(Hand(AtomicU64::new(1))));
        let mut all: Vec<u64> = std::thread::scope(|scope| {
            let handles: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..1000).map(|_| clock.tick()).collect::<Vec<_>>())).collect();
            handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect()
        });
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 4000);
    }
}
