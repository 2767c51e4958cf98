//! How long everything takes: one place to make a run short or thorough.

use std::time::Duration;

use crate::solo::Turns;

/// Lengths of the payloads, in bytes.
pub const PAYLOADS: [usize; 3] = [256, 1024, 16 << 10];
/// Writers of a crowd.
pub const WRITERS: usize = 64;

/// The extent of a run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Of one writer.
    pub solo: Turns,
    /// Of appends that wait for nothing.
    pub enqueue: Turns,
    /// Turns of each crowd, and how long each is.
    pub crowd_rounds: u64,
    /// How long a crowd's turn is.
    pub crowd_turn: Duration,
    /// The burst.
    pub burst: Duration,
    /// The sustained run.
    pub sustained: Duration,
    /// Round trips of threads that wake each other.
    pub wake_ups: u64,
    /// Bytes written to learn the disk's sequential bandwidth.
    pub bandwidth_bytes: u64,
    /// Live threads in one process.
    pub live_threads: u64,
    /// Turns of import, export and list.
    pub files_rounds: u64,
}

impl Plan {
    /// For figures to publish: 10 turns of 600 appends behind 1 000 that are not measured.
    #[must_use]
    pub fn thorough(sustained: Duration) -> Plan {
        Plan {
            solo: Turns { rounds: 10, appends: 600, warm_up: 1000 },
            enqueue: Turns { rounds: 10, appends: 5000, warm_up: 1000 },
            crowd_rounds: 5,
            crowd_turn: Duration::from_secs(2),
            burst: Duration::from_secs(2),
            sustained,
            wake_ups: 5000,
            bandwidth_bytes: 2 << 30,
            live_threads: 10_000,
            files_rounds: 3,
        }
    }

    /// To see that everything works.
    #[must_use]
    pub fn quick() -> Plan {
        Plan {
            solo: Turns { rounds: 2, appends: 100, warm_up: 100 },
            enqueue: Turns { rounds: 2, appends: 1000, warm_up: 100 },
            crowd_rounds: 1,
            crowd_turn: Duration::from_millis(200),
            burst: Duration::from_millis(300),
            sustained: Duration::from_secs(1),
            wake_ups: 500,
            bandwidth_bytes: 64 << 20,
            live_threads: 1000,
            files_rounds: 1,
        }
    }

    /// Room on the disk that one table may need, in bytes.
    #[must_use]
    pub fn room_bytes(&self) -> u64 {
        // 64 KiB groups at the disk's own speed would be the most; 400 MB/s is above what was seen for long.
        let crowd = self.sustained.max(self.burst).as_secs() * (400 << 20);
        crowd + 2 * self.bandwidth_bytes + (1 << 30)
    }
}
