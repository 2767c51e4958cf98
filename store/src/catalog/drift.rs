//! Whether a checkpoint and what came since say what a fold from zero says.

use std::collections::HashSet;

use parking_lot::Mutex;
use threadlog_engine::ReadLog;
use threadlog_engine::sealed::SealedCache;

use crate::clock::HybridClock;
use crate::progress::Progress;
use crate::reading::TOGETHER;
use crate::thread::{ThreadId, ThreadKey};
use crate::view::ThreadFacts;
use crate::workers;

use super::file::Usable;
use super::write::{Done, fold_one, threads};

/// The threads of which they say different things, by their canonical bytes. *Cost:* folds all threads.
pub(crate) fn drift(log: &dyn ReadLog, clock: &HybridClock, usable: &Usable, progress: &dyn Progress) -> Vec<ThreadId> {
    // Those too that only the checkpoint has.
    let mut all = threads(log, None);
    let known: HashSet<ThreadId> = all.iter().copied().collect();
    all.extend(usable.0.ids().into_iter().flatten().filter(|thread| !known.contains(thread)));
    let together: Vec<&[ThreadId]> = all.chunks(TOGETHER).collect();
    let drifted = Mutex::new(Vec::new());
    workers::each(&together, workers::jobs_default(), |threads| {
        let mut cache = SealedCache::new();
        for thread in *threads {
            if progress.stop() {
                return;
            }
            let with = fold_one(log, clock, Some(usable), *thread, &mut cache);
            let without = fold_one(log, clock, None, *thread, &mut cache);
            progress.advanced(without.as_ref().map_or(0, |one| one.folded.facts.totals_bytes()));
            // What cannot be read now says nothing.
            let is_whole = |one: &Option<Done>| one.as_ref().is_none_or(|one| one.folded.lost == 0);
            if is_whole(&with) && is_whole(&without) && with.map(State::of) != without.map(State::of) {
                drifted.lock().push(*thread);
            }
        }
    });
    let mut drifted = drifted.into_inner();
    drifted.sort_unstable();
    drifted
}

/// All that a checkpoint keeps of a thread.
#[derive(PartialEq, Eq)]
struct State {
    key: ThreadKey,
    heads: Vec<(u64, u8, u64)>,
    /// Facts and canonical bytes; `None` of a life that was deleted.
    known: Option<(ThreadFacts, Vec<u8>)>,
}

impl State {
    fn of(one: Done) -> State {
        let Done { key, folded, heads, .. } = one;
        let known = (!folded.is_deleted()).then(|| (folded.facts.clone(), folded.metadata.to_canonical_bytes()));
        State { key, heads, known }
    }
}
