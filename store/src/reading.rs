//! Reading many short streams one after another: neighbours stand in one block, which is decompressed once.

use std::ops::Range;

use threadlog_engine::sealed::SealedCache;
use threadlog_engine::{ReadLog, Record, Result, StreamId};

/// How many neighbours one worker reads before another may take the next.
pub(crate) const TOGETHER: usize = 64;

/// Gives each record of a stream to `take`. `cache` is what the reader before kept.
pub(crate) fn each_record(
    log: &dyn ReadLog,
    cache: &mut SealedCache,
    stream: &StreamId,
    range: Range<u64>,
    take: impl FnMut(Result<Record>),
) {
    let mut records = log.read(stream, range).reusing(std::mem::take(cache));
    records.by_ref().for_each(take);
    *cache = records.into_cache();
}
