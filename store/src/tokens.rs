//! Tokens used by the threads of a store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use threadlog_engine::sealed::SealedCache;
use threadlog_engine::{ReadLog, Screen};

use crate::backwards::Backwards;
use crate::copies;
use crate::error::Result;
use crate::event::Events;
use crate::item::Kind;
use crate::item::typed::{EventMsg, TokenCount, Typed};
use crate::items::Items;
use crate::lineage::{Lineage, own_end};
use crate::progress::Progress;
use crate::store::Store;
use crate::thread::ThreadKey;
use crate::view::ThreadTokens;
use crate::workers;

/// Lives that a worker takes at once: neighbours share blocks.
const LIVES_AT_ONCE: usize = 16;

/// What a life used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LifeTokens {
    /// The life.
    pub key: ThreadKey,
    /// What it used itself, without what it inherited.
    pub tokens: ThreadTokens,
    /// Records that could not be read and may have counted more.
    pub lost_records: u64,
}

impl Store {
    /// Tokens that these lives used, by day and model, each without what it inherited; in this order. The sums of any lives
    /// add up: what a source used is not in its forks, whether they refer to it or were imported with a copy of it. If the
    /// source of such a copy is not in the store, the first of these lives that have one counts it. What a deleted thread
    /// used is in nobody's else.
    ///
    /// *Cost:* decompresses their items, on two cores or more; only counts and settings of turns are parsed. Lives that
    /// hold copies, and what they were copied from, are read once more.
    #[must_use]
    pub fn tokens(&self, lives: &[ThreadKey], progress: &dyn Progress) -> Vec<LifeTokens> {
        let bytes = |key: &ThreadKey| own_end(self.log(), *key);
        progress.planned(0, lives.iter().map(bytes).sum());
        let batches: Vec<(usize, &[ThreadKey])> = lives.chunks(LIVES_AT_ONCE).enumerate().collect();
        let found = Mutex::new(Vec::new());
        workers::each(&batches, workers::jobs_default(), |(at, lives)| {
            let mut cache = SealedCache::new();
            for (index, key) in lives.iter().enumerate().take_while(|_| !progress.stop()) {
                let life = of_life(self.log(), *key, 0, &mut cache);
                let may_copy = life.tokens.sums().next().is_some() && is_copy(self.log(), *key);
                workers::lock(&found).push(((*at, index), life, may_copy));
                progress.advanced(bytes(key));
            }
        });
        let mut found = found.into_inner().unwrap_or_default();
        found.sort_by_key(|(place, ..)| *place);
        let copies: Vec<ThreadKey> =
            found.iter().filter(|(_, _, may_copy)| *may_copy).map(|(_, life, _)| life.key).collect();
        let copied = if copies.is_empty() { BTreeMap::new() } else { copies::copied(self, &copies) };
        let own = |life: LifeTokens| match copied.get(&life.key) {
            Some(counts) => of_life(self.log(), life.key, *counts, &mut SealedCache::new()),
            None => life,
        };
        found.into_iter().map(|(_, life, _)| own(life)).collect()
    }
}

/// Whether a life may hold a copy of another thread's items.
fn is_copy(log: &dyn ReadLog, key: ThreadKey) -> bool {
    Lineage::of(log, key).is_ok_and(|lineage| lineage.offset() == 0) && copies::says_forked(log, key)
}

/// What a life used, without its first counts, so many, that are copies of another's.
fn of_life(log: &dyn ReadLog, key: ThreadKey, copied: usize, cache: &mut SealedCache) -> LifeTokens {
    let mut life = LifeTokens { key, tokens: ThreadTokens::default(), lost_records: 0 };
    let Ok(lineage) = Lineage::of(log, key) else {
        life.lost_records = 1;
        return life;
    };
    if lineage.offset() > 0 {
        match inherited(log, &lineage) {
            Ok(tokens) => life.tokens = tokens,
            Err(_) => life.lost_records = 1,
        }
    }
    life.tokens.pass_over(copied);
    let screen: Arc<dyn Screen> = Arc::new(Events { event: "token_count", kind: Some(Kind::TurnContext) });
    for part in lineage.parts(lineage.offset()..lineage.end(log)) {
        let mut items = Items::screened(log, &part, Arc::clone(&screen), std::mem::take(cache));
        for item in &mut items {
            match item {
                Ok(item) => life.tokens.apply(&item.item),
                Err(_) => life.lost_records = life.lost_records.saturating_add(1),
            }
        }
        *cache = items.into_cache();
    }
    life
}

/// Where the counting of a fork begins. *Cost:* reads back from the cut to the last count and the last settings.
fn inherited(log: &dyn ReadLog, lineage: &Lineage) -> Result<ThreadTokens> {
    let (mut count, mut model) = (None, None);
    for item in Backwards::new(log, lineage, lineage.offset()) {
        match item?.item.typed() {
            Typed::Event(EventMsg::TokenCount(found)) if found.known && count.is_none() => count = Some(found),
            Typed::TurnContext(turn) if model.is_none() => model = turn.model,
            _ => {}
        }
        if count.is_some() && model.is_some() {
            break;
        }
    }
    Ok(ThreadTokens::beginning(count.unwrap_or(TokenCount::default()), model))
}
