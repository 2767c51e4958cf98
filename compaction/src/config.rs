//! Settings, with their defaults and bounds.

use crate::error::{Error, Result};

/// When to seal and merge, and how. All have defaults; [`Config::validate`] states the bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Bytes in hot segments from which on a journal is sealed in the background. Default 32 MiB, at least 1 MiB.
    pub hot_bytes: u64,
    /// How long a journal with fewer may lie idle before it is sealed all the same, in milliseconds. Default ten minutes.
    pub idle_ms: u64,
    /// How many sealed segments of about one size are merged into one. Bounds both how often a byte is written again and
    /// how many segments hold parts of one stream. Default 4, from 2 to 16.
    pub fan_in: usize,
    /// Sealed segments above this length are not merged for their number alone, in bytes. Default 4 GiB.
    pub segment_bytes_max: u64,
    /// Raw bytes that are sealed at a time, and so held in memory, three times over in a bulk load. A longer record is
    /// sealed alone. Default 64 MiB, at least 1 KiB.
    pub batch_bytes: usize,
    /// Raw bytes of a block of records. Default 256 KiB, from 1 KiB to 4 MiB.
    pub block_bytes: usize,
    /// Raw bytes of a block of an archived thread's records. Default 1 MiB, from 1 KiB to 4 MiB.
    pub archived_block_bytes: usize,
    /// zstd's level for what is sealed. Default 3, from 1 to 19.
    pub level: i32,
    /// zstd's level for what is merged, which has time: 5 % less at half the speed. Default 6, from 1 to 19.
    pub merge_level: i32,
    /// zstd's level for archived threads. Default 15, from 1 to 19.
    pub archived_level: i32,
    /// Length of a dictionary, in bytes; 0 for none. Default 112 KiB (1.4 % less than with 64 KiB), at most 1 MiB.
    pub dictionary_bytes: usize,
    /// Raw bytes of records that a dictionary is trained from, at least. Default 4 MiB.
    pub training_bytes_min: u64,
    /// Threads that compress. Default: one for each core, at most 4; 1 in the background.
    pub jobs: usize,
    /// Pause between two looks of the background worker, in milliseconds. Default 1 000.
    pub pause_ms: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            hot_bytes: 32 << 20,
            idle_ms: 10 * 60 * 1000,
            fan_in: 4,
            segment_bytes_max: 4 << 30,
            batch_bytes: 64 << 20,
            block_bytes: 256 << 10,
            archived_block_bytes: 1 << 20,
            level: 3,
            merge_level: 6,
            archived_level: 15,
            dictionary_bytes: 112 << 10,
            training_bytes_min: 4 << 20,
            jobs: std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4)),
            pause_ms: 1000,
        }
    }
}

impl Config {
    /// Checks every bound.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field, its value and its bounds.
    pub fn validate(&self) -> Result<()> {
        let within = |name: &str, value: u64, least: u64, most: u64| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(Error::Config { what: format!("{name} is {value}; it must lie in {least} to {most}") })
        };
        let count = threadlog_engine::number::wide;
        within("hot_bytes", self.hot_bytes, 1 << 20, u64::MAX)?;
        within("fan_in", count(self.fan_in), 2, 16)?;
        within("segment_bytes_max", self.segment_bytes_max, 1 << 20, u64::MAX)?;
        within("batch_bytes", count(self.batch_bytes), 1 << 10, u64::MAX)?;
        within("block_bytes", count(self.block_bytes), 1 << 10, 4 << 20)?;
        within("archived_block_bytes", count(self.archived_block_bytes), 1 << 10, 4 << 20)?;
        within("level", u64::try_from(self.level).unwrap_or(0), 1, 19)?;
        within("merge_level", u64::try_from(self.merge_level).unwrap_or(0), 1, 19)?;
        within("archived_level", u64::try_from(self.archived_level).unwrap_or(0), 1, 19)?;
        within("dictionary_bytes", count(self.dictionary_bytes), 0, 1 << 20)?;
        within("jobs", count(self.jobs), 1, 64)
    }
}
