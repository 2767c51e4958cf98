//! The store's own compression dictionary: what its records have in common, so that small blocks need not repeat it.

use threadlog_engine::number::wide;

use crate::batch::Batch;
use crate::config::Config;
use crate::error::{Error, Result};

/// Samples for each byte of the dictionary: more make training slower and the dictionary hardly better.
const SAMPLES_PER_BYTE: usize = 100;

/// Longest sample, in bytes: the beginning of a record is what it has in common with others.
const SAMPLE_BYTES_MAX: usize = 16 << 10;

/// Fewer samples than this teach nothing.
const SAMPLES_MIN: usize = 100;

/// What a dictionary is trained from. *Memory:* a hundred times its length.
pub(crate) struct Samples {
    wanted: usize,
    bytes: Vec<u8>,
    sizes: Vec<usize>,
}

impl Samples {
    /// For a dictionary of this length.
    pub fn new(wanted: usize) -> Samples {
        Samples { wanted, bytes: Vec::new(), sizes: Vec::new() }
    }

    fn bytes_max(&self) -> usize {
        self.wanted.saturating_mul(SAMPLES_PER_BYTE)
    }

    /// Whether more would be of no use.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= self.bytes_max()
    }

    /// Adds the beginning of a record, if there is room.
    pub fn add(&mut self, payload: &[u8]) {
        let sample = payload.get(..SAMPLE_BYTES_MAX).unwrap_or(payload);
        if !sample.is_empty() && self.bytes.len().saturating_add(sample.len()) <= self.bytes_max() {
            self.bytes.extend_from_slice(sample);
            self.sizes.push(sample.len());
        }
    }

    /// Trains; `None` if no dictionary is wanted or there is too little to learn from.
    ///
    /// *Cost:* up to a second. The same samples give the same dictionary.
    pub fn train(&self) -> Result<Option<Vec<u8>>> {
        if self.wanted == 0 || self.sizes.len() < SAMPLES_MIN || self.bytes.len() < self.wanted {
            return Ok(None);
        }
        match zstd::dict::from_continuous(&self.bytes, &self.sizes, self.wanted) {
            Ok(dictionary) => Ok(Some(dictionary)),
            Err(error) => Err(Error::Dictionary { reason: error.to_string() }),
        }
    }
}

/// Trains a dictionary from a batch; `None` if none is wanted, or the batch has too little to learn from.
pub(crate) fn train(batch: &Batch, config: &Config) -> Result<Option<Vec<u8>>> {
    let mut samples = Samples::new(config.dictionary_bytes);
    if batch.raw_bytes() < config.training_bytes_min {
        return Ok(None);
    }
    // Spread over the whole batch, so that no thread alone decides.
    let step = batch.raw_bytes().checked_div(wide(samples.bytes_max()).max(1)).unwrap_or(1);
    let step = usize::try_from(step).unwrap_or(1).max(1);
    for kept in batch.records.iter().step_by(step) {
        samples.add(batch.payload(kept));
    }
    samples.train()
}
