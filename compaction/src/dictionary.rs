//! The store's own compression dictionary: what its records have in common, so that small blocks need not repeat it.

use threadlog_engine::number::wide;

use crate::batch::Batch;
use crate::config::Config;
use crate::error::{Error, Result};

/// Samples for each byte of the dictionary: more make training slower and the dictionary hardly better.
const SAMPLES_PER_BYTE: usize = 100;

/// Longest sample, in bytes: the beginning of a record is what it has in common with others.
const SAMPLE_BYTES_MAX: usize = 16 << 10;

/// Trains a dictionary from a batch; `None` if none is wanted, or the batch has too little to learn from.
///
/// *Cost:* up to a second. The same batch gives the same dictionary.
pub(crate) fn train(batch: &Batch, config: &Config) -> Result<Option<Vec<u8>>> {
    let wanted = config.dictionary_bytes;
    if wanted == 0 || batch.raw_bytes() < config.training_bytes_min {
        return Ok(None);
    }
    let (mut samples, mut sizes) = (Vec::new(), Vec::new());
    let bytes_max = wanted.saturating_mul(SAMPLES_PER_BYTE);
    // Spread over the whole batch, so that no thread alone decides.
    let step = narrow_step(batch.raw_bytes(), wide(bytes_max));
    for kept in batch.records.iter().step_by(step) {
        let payload = batch.payload(kept);
        let sample = payload.get(..SAMPLE_BYTES_MAX).unwrap_or(payload);
        if sample.is_empty() || samples.len().saturating_add(sample.len()) > bytes_max {
            continue;
        }
        samples.extend_from_slice(sample);
        sizes.push(sample.len());
    }
    match zstd::dict::from_continuous(&samples, &sizes, wanted) {
        Ok(dictionary) => Ok(Some(dictionary)),
        // Too few or too equal samples: nothing to gain.
        Err(_) if sizes.len() < SAMPLES_MIN => Ok(None),
        Err(error) => Err(Error::Dictionary { reason: error.to_string() }),
    }
}

/// Fewer samples than this teach nothing.
const SAMPLES_MIN: usize = 100;

fn narrow_step(have: u64, want: u64) -> usize {
    usize::try_from(have.checked_div(want.max(1)).unwrap_or(1)).unwrap_or(1).max(1)
}
