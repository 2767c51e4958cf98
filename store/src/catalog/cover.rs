//! What a checkpoint does not cover: the threads that something was added to since.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use threadlog_engine::StreamId;
use threadlog_engine::seeded::{Bug, bug};

use crate::log::Log;
use crate::thread::{ThreadId, ThreadKey};

use super::checkpoint::{Checkpoint, Damaged, order_of};
use super::rows::HeadBytes;

/// Whether a thread's fold can be continued from a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// Something was added behind what was folded.
    Checkpoint,
    /// The log ends before what was folded, or in another life: it is folded anew.
    Zero,
}

/// The threads that are not as the checkpoint says, new ones too.
///
/// *Cost:* a look-up for each stream with hot records; for each sealed segment that is not covered a pass over its streams.
///
/// # Errors
/// Why the checkpoint cannot be used beside this log.
pub(crate) fn changed(checkpoint: &Checkpoint, log: &Log) -> Result<BTreeMap<ThreadId, From>, Damaged> {
    // Hot ones first: what is sealed meanwhile is then met in both.
    let hot = log.hot_streams();
    let sealed = log.sealed();
    if !log.read().damage().is_empty() || !sealed.damage().is_empty() {
        return Err(Damaged::Log);
    }
    if sealed.generation() < checkpoint.generation() {
        return Err(Damaged::Ahead(checkpoint.generation(), sealed.generation()));
    }
    let mut changed = Changed::default();
    for stream in hot.into_iter().filter(|_| !bug(Bug::CatalogTailIgnored)) {
        let Some(head) = log.read().head(&stream) else { continue };
        changed.compare(&stream, head.next_ordinal, checkpoint.end_of(&stream)?, true);
    }
    for segment in sealed.segments() {
        if checkpoint.covers(&segment.id())? || bug(Bug::CatalogCoversAll) {
            continue;
        }
        // Most stores have none; the heads are read only then.
        let (heads, mut from) = (checkpoint.heads()?, 0);
        for row in segment.footer().streams() {
            let rest = heads.get(from..).unwrap_or_default();
            from = from.saturating_add(skip(rest, &row.stream));
            let known = heads.get(from).filter(|head| order_of(head, &row.stream).is_eq());
            changed.compare(&row.stream, row.next_ordinal, known.map_or(0, |head| head.end.get()), false);
        }
    }
    // Perhaps they can be read by now.
    changed.threads.extend(checkpoint.lost()?.into_iter().map(|thread| (thread, From::Zero)));
    Ok(changed.threads)
}

#[derive(Default)]
struct Changed {
    threads: BTreeMap<ThreadId, From>,
}

impl Changed {
    /// `whole`: `end` is the stream's end in the whole log, not in one segment.
    fn compare(&mut self, stream: &StreamId, end: u64, folded: u64, whole: bool) {
        let thread = ThreadKey::of(stream).thread;
        let from = match end.cmp(&folded) {
            Ordering::Greater => From::Checkpoint,
            Ordering::Less if whole => From::Zero,
            _ => return,
        };
        let before = self.threads.entry(thread).or_insert(from);
        if from == From::Zero {
            *before = from;
        }
    }
}

/// How many of the heads come before a stream. Streams come in order, so that most often it is the next or the one behind.
fn skip(heads: &[HeadBytes], stream: &StreamId) -> usize {
    const STEPS: usize = 8;
    let near = heads.get(..STEPS).unwrap_or(heads);
    let before = |head: &HeadBytes| order_of(head, stream) == Ordering::Less;
    match near.iter().position(|head| !before(head)) {
        Some(at) => at,
        None => heads.partition_point(before),
    }
}
