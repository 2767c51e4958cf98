//! A new checkpoint: the one before and what came since, or everything folded from the log.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use threadlog_engine::fs::Fs;
use threadlog_engine::number::wide;
use threadlog_engine::sealed::SealedCache;
use threadlog_engine::{Error as EngineError, ReadLog};

use crate::clock::HybridClock;
use crate::event::channels;
use crate::fold::{self, Folded};
use crate::log::Log;
use crate::progress::Progress;
use crate::reading::TOGETHER;
use crate::thread::{ThreadId, ThreadKey};
use crate::workers;

use super::build::{About, Builder};
use super::checkpoint::Checkpoint;
use super::cover::From;
use super::file::{self, Usable};

/// How many threads are folded before they are put into the file and let go.
const AT_ONCE: usize = 4096;

/// A thread's current life, what it adds up to, whether there are others, and how far each stream was folded.
pub(super) struct Done {
    pub key: ThreadKey,
    pub folded: Folded,
    several: bool,
    pub heads: Vec<(u64, u8, u64)>,
}

/// Writes a checkpoint of everything that is durable in this log, and returns how many threads it has; `None` if none was
/// written, because the log is damaged, and what can be read of it is no ground to build on, or because `progress` stopped it.
/// Only for who holds MAINTENANCE.
///
/// `anew`: nothing is taken from an older one.
///
/// *Cost:* folds the threads that changed since the one before, and writes all; memory for the file.
///
/// # Errors
/// The file cannot be written. The ones before stay as they are.
pub(crate) fn write(
    fs: &dyn Fs,
    root: &Path,
    store: [u8; 16],
    log: &Log,
    clock: &HybridClock,
    anew: bool,
    progress: &dyn Progress,
) -> Result<Option<u64>, EngineError> {
    // What is sealed before anything is read is certainly folded.
    let sealed = log.sealed();
    if !log.read().damage().is_empty() || !sealed.damage().is_empty() {
        return Ok(None);
    }
    // A page that is damaged would be found only by whoever needs it.
    let before = file::newest(fs, root, &store, log).filter(|_| !anew);
    let before = before.filter(|(checkpoint, _)| checkpoint.verify_pages().is_ok());
    if let Some((checkpoint, changed)) = &before {
        clock.observe(checkpoint.clock());
        let covered = sealed.segments().iter().all(|segment| checkpoint.covers(&segment.id()) == Ok(true));
        if !checkpoint.is_partial() && changed.is_empty() && covered && checkpoint.generation() == sealed.generation() {
            return Ok(Some(wide(checkpoint.len())));
        }
    }
    // What an interrupted rebuild left covers no segment.
    let from_zero = before.as_ref().is_none_or(|(checkpoint, _)| checkpoint.is_partial());
    let threads = threads(log.read(), before.as_ref().filter(|_| !from_zero));
    let mut builder = Builder::default();
    let put = |builder: &mut Builder, whole: bool| {
        let segments = if whole { sealed.segments() } else { &[] };
        let about = About {
            store,
            generation: sealed.generation(),
            clock: clock.observed(),
            salt: fs.random().map_err(|error| EngineError::io("draw random numbers for", root, error))?,
            segments: segments.iter().map(|segment| (segment.id().number, segment.id().salt)).collect(),
            partial: !whole,
        };
        file::put(fs, root, &builder.finish(&about))
    };
    // Whether a life that the one before knew was deleted since.
    let mut ended = false;
    let mut unsaved = AT_ONCE.saturating_mul(4);
    for part in threads.chunks(AT_ONCE) {
        ended |= fold_into(&mut builder, log.read(), clock, before.as_ref(), part, progress);
        // The next rebuild goes on from there, and lists have that much less to fold.
        if from_zero && (progress.stop() || builder.len() > unsaved) {
            put(&mut builder, false)?;
            unsaved = builder.len().saturating_mul(2);
        }
        if progress.stop() {
            return Ok(None);
        }
    }
    drop(before);
    let path = put(&mut builder, true)?;
    if from_zero || ended {
        // What stands beside it is a part of it at most, or still has words of what was deleted.
        file::remove_but(fs, root, Some(&path))?;
    }
    Ok(Some(wide(threads.len())))
}

/// All threads of the log, as they lie in its files, so that each block is read once.
pub(super) fn threads(log: &dyn ReadLog, before: Option<&Usable>) -> Vec<ThreadId> {
    let known = before.and_then(|(checkpoint, changed)| {
        let ids = checkpoint.ids().ok()?;
        Some(ids.chain(changed.keys().copied()).collect())
    });
    let streams = || log.streams_as_stored().iter().map(|stream| ThreadKey::of(stream).thread).collect();
    let mut threads: Vec<ThreadId> = known.unwrap_or_else(streams);
    let mut seen = HashSet::new();
    threads.retain(|thread| seen.insert(*thread));
    threads
}

/// Folds these threads and adds them; says whether one of them was deleted since the checkpoint before.
fn fold_into(
    builder: &mut Builder,
    log: &dyn ReadLog,
    clock: &HybridClock,
    before: Option<&Usable>,
    threads: &[ThreadId],
    progress: &dyn Progress,
) -> bool {
    let done: Mutex<BTreeMap<usize, Done>> = Mutex::default();
    let together: Vec<(usize, &[ThreadId])> = (0..).step_by(TOGETHER).zip(threads.chunks(TOGETHER)).collect();
    workers::each(&together, workers::jobs_default(), |(first, threads)| {
        let mut cache = SealedCache::new();
        for (at, thread) in (*first..).zip(*threads) {
            if progress.stop() {
                return;
            }
            if let Some(one) = fold_one(log, clock, before, *thread, &mut cache) {
                progress.advanced(one.folded.facts.totals_bytes());
                drop(done.lock().insert(at, one));
            }
        }
    });
    let mut ended = false;
    for one in done.into_inner().into_values() {
        let changed = |(_, changed): &Usable| changed.contains_key(&one.key.thread);
        ended |= one.folded.is_deleted() && before.is_some_and(changed);
        builder.add(one.key, &one.folded, one.several, &one.heads);
    }
    ended
}

/// One thread: as the checkpoint has it, or continued from there, or folded from zero. What the system refuses to give is
/// lost to this one, and is looked for again by whoever uses it.
pub(super) fn fold_one(
    log: &dyn ReadLog,
    clock: &HybridClock,
    before: Option<&Usable>,
    thread: ThreadId,
    cache: &mut SealedCache,
) -> Option<Done> {
    let changed = before.and_then(|(_, changed)| changed.get(&thread).copied());
    if changed.is_none()
        && let Some(one) = before.and_then(|(checkpoint, _)| known(checkpoint, thread))
    {
        return Some(one);
    }
    let lives: Vec<ThreadKey> = log
        .incarnations(thread.uuid().as_bytes())
        .into_iter()
        .map(|incarnation| ThreadKey { thread, incarnation })
        .collect();
    let several = lives.len() > 1;
    // Before anything is folded: what comes in between is then taken for new.
    let mut heads: Vec<(u64, u8, u64)> = Vec::new();
    for key in &lives {
        for channel in channels(log, *key) {
            let head = log.head(&key.stream(channel));
            heads.push((key.incarnation, channel, head.map_or(0, |head| head.durable_ordinal)));
        }
    }
    let (key, unread) = fold::current_and_lost(log, lives);
    let key = key?;
    let start = match before {
        Some((checkpoint, _)) if changed == Some(From::Checkpoint) && !several => {
            checkpoint.folded(thread).ok().flatten().filter(|(known, _)| *known == key).map(|(_, folded)| folded)
        }
        _ => None,
    };
    let look = fold::go_on(log, clock, key, &start.unwrap_or_else(|| Folded::nothing(key)), cache);
    let mut folded = look.folded;
    folded.lost = folded.lost.saturating_add(unread).saturating_add(u64::from(look.refused.is_some()));
    // The items of a life that was deleted are not folded; that there are some is nothing new all the same.
    if !several && !folded.is_deleted() {
        heads = folded.ends().map(|(channel, end)| (key.incarnation, channel, end)).collect();
    }
    heads.sort_unstable();
    Some(Done { key, folded, several, heads })
}

/// A thread as a checkpoint has it.
fn known(checkpoint: &Arc<Checkpoint>, thread: ThreadId) -> Option<Done> {
    let (key, folded, several) = checkpoint.stored(thread).ok()??;
    Some(Done { key, folded, several, heads: checkpoint.heads_of(thread).ok()? })
}
