//! Settings of an engine, with their defaults and bounds.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::journal::place::JOURNALS_MAX;

/// Tells the time. Only for stamps and timers: order never depends on it.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970 (UTC).
    fn now_ms(&self) -> u64;

    /// Milliseconds of a clock that only goes forward, whatever people do to the machine's: for timers. Counted from anywhere.
    fn ticks_ms(&self) -> u64 {
        self.now_ms()
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn ticks_ms(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        u64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Who does the work that no caller waits for: preparing spares, timers, leading for async waiters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// Two threads of the engine's own (the default).
    Threads,
    /// Nobody: the caller runs `Engine::tick` and `Engine::prepare_spare`. For deterministic tests.
    Manual,
}

/// Settings of an engine. All have defaults; [`Config::validate`] states the bounds.
#[derive(Clone)]
pub struct Config {
    /// How this program calls itself in the LOCK file. Default: "threadlog".
    pub client: String,
    /// Length of the first prepared segment, in bytes; each further one is four times as long up to
    /// `segment_bytes_max`. Default 256 KiB, at least 16 KiB.
    pub segment_bytes_min: u64,
    /// Greatest length of a segment, in bytes. Default 64 MiB, at most 1 GiB.
    pub segment_bytes_max: u64,
    /// Bytes of frames that may wait for the next group; whoever finds it full leads a write.
    /// Default 4 MiB; 1 MiB + 64 KiB to 64 MiB. Memory held is twice this.
    pub arena_bytes: usize,
    /// Whether spare segments are prepared (zero-filled) ahead. Off for bulk loads: files then grow.
    /// Default on.
    pub prepare_spares: bool,
    /// An append reaches the operating system within this time without any sync. Default 20 ms.
    pub write_after: Duration,
    /// An append reaches the disk within this time without any sync. Default 1 s.
    pub sync_after: Duration,
    /// Idleness after which a witness group is written. Default 50 ms.
    pub witness_after: Duration,
    /// Open for writing even where locks or syncs cannot be trusted (network mounts). Default off.
    pub allow_untrusted: bool,
    /// How many processes may write at a time, each into a journal of its own; one more is refused. At most 255, which is
    /// the default. With 1 the store is this process's alone: every other writer is refused, and this one if there is another
    /// (in the first journal). Leases are taken only in a store that has been open to several.
    pub journals_max: u32,
    /// Who does background work. Default: threads.
    pub background: Background,
    /// The clock. Default: the machine's.
    pub clock: Arc<dyn Clock>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            client: "threadlog".to_owned(),
            segment_bytes_min: 256 << 10,
            segment_bytes_max: 64 << 20,
            arena_bytes: 4 << 20,
            prepare_spares: true,
            write_after: Duration::from_millis(20),
            sync_after: Duration::from_secs(1),
            witness_after: Duration::from_millis(50),
            allow_untrusted: false,
            journals_max: JOURNALS_MAX,
            background: Background::Threads,
            clock: Arc::new(SystemClock),
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("client", &self.client)
            .field("segment_bytes_min", &self.segment_bytes_min)
            .field("segment_bytes_max", &self.segment_bytes_max)
            .field("arena_bytes", &self.arena_bytes)
            .field("prepare_spares", &self.prepare_spares)
            .field("background", &self.background)
            .finish_non_exhaustive()
    }
}

/// Least and greatest lengths of a segment, in bytes.
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = (16 << 10)..=(1 << 30);
/// Least and greatest capacity of the arena, in bytes.
const ARENA_BYTES: std::ops::RangeInclusive<usize> = ((1 << 20) + (64 << 10))..=(64 << 20);

impl Config {
    /// Checks every bound.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field, its value and its bounds.
    pub fn validate(&self) -> Result<()> {
        let bad = |what: String| Err(Error::Config { what });
        for (name, value) in
            [("segment_bytes_min", self.segment_bytes_min), ("segment_bytes_max", self.segment_bytes_max)]
        {
            if !SEGMENT_BYTES.contains(&value) {
                let (least, most) = (SEGMENT_BYTES.start(), SEGMENT_BYTES.end());
                return bad(format!("{name} is {value}; it must lie in {least} to {most}"));
            }
        }
        if self.segment_bytes_min > self.segment_bytes_max {
            let (least, most) = (self.segment_bytes_min, self.segment_bytes_max);
            return bad(format!("segment_bytes_min ({least}) is above segment_bytes_max ({most})"));
        }
        if !ARENA_BYTES.contains(&self.arena_bytes) {
            let (least, most) = (ARENA_BYTES.start(), ARENA_BYTES.end());
            return bad(format!("arena_bytes is {}; it must lie in {least} to {most}", self.arena_bytes));
        }
        if !(1..=JOURNALS_MAX).contains(&self.journals_max) {
            return bad(format!("journals_max is {}; it must lie in 1 to {JOURNALS_MAX}", self.journals_max));
        }
        Ok(())
    }
}
