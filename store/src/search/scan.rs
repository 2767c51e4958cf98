//! Reading what is planned on several threads, and handing finds over in the order of the plan.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use threadlog_engine::sealed::SealedCache;
use threadlog_engine::{ReadLog, Screen};

use crate::items::{Items, StoredItem};
use crate::search::plan::{Plan, Stretch};
use crate::search::stream::{Counters, Found, Sender};
use crate::search::text::ItemText;
use crate::search::{RawScreen, SearchParams, Snippet};
use crate::thread::ThreadKey;
use crate::thread_store::StoredThread;
use crate::workers;

/// Finds of one batch that wait for those before them.
const WAITING_MAX: usize = 64;
/// Batches that are ahead of the one whose finds are taken.
const AHEAD_MAX: usize = 8;
/// How many finds before a message's other copy can stand.
const COPIES_MAX: usize = 16;

/// What a search reads.
pub(crate) trait Source: Sync {
    /// The log.
    fn log(&self) -> &dyn ReadLog;
    /// Whether a life is one that the store shows as a thread.
    fn is_there(&self, key: ThreadKey) -> bool;
    /// What is known of a thread.
    fn thread(&self, key: ThreadKey) -> StoredThread;
}

/// A find, and which copies of the same message it stands for.
pub(crate) struct Raw {
    found: Found,
    copy: Message,
}

/// A message as the model's item or as an event.
#[derive(Clone, Copy)]
struct Message {
    thread: ThreadKey,
    text: u64,
    event: bool,
}

/// Searches, and hands over what it finds until nobody takes it any more. Blocks.
pub(crate) fn run(source: &dyn Source, plan: Plan, params: &SearchParams, sender: &Sender) {
    let screen: Arc<dyn Screen> = Arc::new(RawScreen::new(params));
    let counters = &*sender.counters;
    let (begun, batches) = sync_channel::<Receiver<Raw>>(AHEAD_MAX);
    let plan = Mutex::new((plan, Some(begun)));
    let jobs = if params.jobs == 0 { workers::jobs_default() } else { params.jobs };
    let is_there = |key| source.is_there(key);
    let next = || {
        // Held while the batch is announced: they come in the order of the plan.
        let mut planned = workers::lock(&plan);
        let (batch, lost) = planned.0.next(source.log(), &is_there)?;
        lost.iter().for_each(|(thread, error)| counters.lost(*thread, error));
        let (finds, taken) = sync_channel(WAITING_MAX);
        planned.1.as_ref()?.send(taken).ok()?;
        Some((batch, finds))
    };
    let work = || {
        let mut cache = SealedCache::new();
        while let Some((batch, finds)) = next() {
            if counters.stopped() || !search(source, batch, params, &screen, &mut cache, &finds, counters) {
                break;
            }
        }
        // No more batches come: who hands over ends behind the last.
        workers::lock(&plan).1 = None;
    };
    std::thread::scope(|scope| {
        (0..jobs.max(1)).for_each(|_| drop(scope.spawn(work)));
        hand_over(batches, sender);
    });
}

/// Takes the finds of one batch after another.
fn hand_over(batches: Receiver<Receiver<Raw>>, sender: &Sender) {
    let mut copies = Copies::default();
    for raw in batches.into_iter().flatten() {
        if sender.counters.stopped() || (copies.is_new(raw.copy) && !sender.send(Ok(raw.found))) {
            return;
        }
    }
}

/// Searches a batch; false if nobody takes its finds any more.
fn search(
    source: &dyn Source,
    batch: Vec<Stretch>,
    params: &SearchParams,
    screen: &Arc<dyn Screen>,
    cache: &mut SealedCache,
    finds: &SyncSender<Raw>,
    counters: &Counters,
) -> bool {
    let mut known: Option<Arc<StoredThread>> = None;
    for Stretch { key, part, ends } in batch {
        if counters.stopped() {
            return false;
        }
        let mut items = Items::screened(source.log(), &part, Arc::clone(screen), std::mem::take(cache));
        for item in &mut items {
            let item = match item {
                Ok(item) => item,
                Err(error) => {
                    counters.lost(key.thread, &error);
                    continue;
                }
            };
            let thread = || match known.take().filter(|known| known.key == key) {
                Some(known) => known,
                None => Arc::new(source.thread(key)),
            };
            let Some(raw) = Raw::of(&item, params, thread) else { continue };
            known = Some(Arc::clone(&raw.found.thread));
            if finds.send(raw).is_err() {
                return false;
            }
        }
        *cache = items.into_cache();
        if ends {
            counters.thread_done();
        }
    }
    true
}

impl Raw {
    /// The find in an item, if there is one that is wanted.
    pub(crate) fn of(
        item: &StoredItem,
        params: &SearchParams,
        thread: impl FnOnce() -> Arc<StoredThread>,
    ) -> Option<Raw> {
        let text = ItemText::of(&item.item).filter(|text| params.wants(text))?;
        let at = params.query.first_in(&text.text)?;
        let time = item.item.timestamp();
        if !params.covers(time) {
            return None;
        }
        let snippet = Snippet::around(&text.text, &at, &params.query, params.snippet_bytes);
        let ItemText { kind, speaker, tool, text, event } = text;
        let thread = thread();
        let mut hasher = DefaultHasher::new();
        (kind, text.trim()).hash(&mut hasher);
        let copy = Message { thread: thread.key, text: hasher.finish(), event };
        Some(Raw { found: Found { thread, ordinal: item.ordinal, time, kind, speaker, tool, snippet }, copy })
    }

    /// Whether it is not the other copy of a message that was found a moment ago.
    pub(crate) fn is_new(&self, copies: &mut Copies) -> bool {
        copies.is_new(self.copy)
    }

    pub(crate) fn into_found(self) -> Found {
        self.found
    }
}

/// The last finds whose other copy has not come.
#[derive(Default)]
pub(crate) struct Copies(VecDeque<Message>);

impl Copies {
    /// Whether this is not the other copy of a message that was found a moment ago.
    fn is_new(&mut self, copy: Message) -> bool {
        let other = |of: &Message| of.thread == copy.thread && of.text == copy.text && of.event != copy.event;
        if let Some(at) = self.0.iter().position(other) {
            self.0.remove(at);
            return false;
        }
        if self.0.len() >= COPIES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(copy);
        true
    }
}
