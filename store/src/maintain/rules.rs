//! What becomes of the records of each life of each thread when they are written again.

use std::collections::BTreeMap;

use threadlog_compaction::{Fate, Rules};
use threadlog_engine::sealed::FindValues;
use threadlog_engine::{ReadLog, StreamId};

use crate::clock::HybridClock;
use crate::event::{Control, ITEMS, find_values};
use crate::fold::is_archived;
use crate::table::Table;
use crate::thread::ThreadKey;

/// Rules as of a look at the store. What was deleted since stays until the next look; what was deleted does not come back.
pub(crate) struct StoreRules {
    lives: BTreeMap<ThreadKey, Life>,
}

/// What is known of a life that is not simply kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Archived,
    /// Deleted; of its own items those below this ordinal stay, because forks stand on them.
    Deleted(u64),
}

impl StoreRules {
    /// Looks at all lives. *Cost:* folds every control stream.
    pub(crate) fn of(log: &dyn ReadLog, clock: &HybridClock) -> StoreRules {
        let table = Table::load_all(log);
        let needed = needed(&table);
        let mut lives = BTreeMap::new();
        for (key, entry) in table.iter() {
            if entry.life.deleted().is_some() {
                lives.insert(key, Life::Deleted(needed.get(&key).copied().unwrap_or(0)));
            } else if entry.was_archived && is_archived(log, clock, key) {
                lives.insert(key, Life::Archived);
            }
        }
        StoreRules { lives }
    }
}

/// How many of its own items each life has to keep for those that stand on it, deleted or not.
fn needed(table: &Table) -> BTreeMap<ThreadKey, u64> {
    let base = |key: ThreadKey| {
        let created = table.get(key).and_then(|entry| entry.life.created());
        created.and_then(|created| created.origin.fork()).map(|fork| fork.base)
    };
    let mut needed: BTreeMap<ThreadKey, u64> = BTreeMap::new();
    let steps = table.iter().count();
    let alive = table.iter().filter(|(_, entry)| entry.life.deleted().is_none()).map(|(key, _)| key);
    for key in alive {
        let mut end = u64::MAX;
        let mut at = key;
        // Each step goes to another life; a chain that comes back to itself is a fault elsewhere, and ends.
        for _ in 0..steps {
            let Some(below) = base(at) else { break };
            end = end.min(below.end);
            at = below.key();
            let inherited = base(at).map_or(0, |base| base.end);
            let own = end.saturating_sub(inherited);
            let most = needed.entry(at).or_default();
            *most = own.max(*most);
        }
    }
    needed
}

impl Rules for StoreRules {
    fn fate(&self, stream: &StreamId) -> Fate {
        match (self.lives.get(&ThreadKey::of(stream)), stream.channel) {
            (None, _) => Fate::Keep,
            (Some(Life::Archived), _) => Fate::Archive,
            (Some(Life::Deleted(0)), ITEMS) => Fate::Drop,
            (Some(Life::Deleted(end)), ITEMS) => Fate::KeepBelow(*end),
            (Some(Life::Deleted(_)), _) => Fate::Blank,
        }
    }

    /// Of a deleted life's facts, that it was deleted; and how it began, if others stand on it.
    fn is_kept(&self, stream: &StreamId, _codec: u8, payload: &[u8]) -> bool {
        let is_base = matches!(self.lives.get(&ThreadKey::of(stream)), Some(Life::Deleted(end)) if *end > 0);
        match Control::decode(payload) {
            Ok(Control::Deleted) => true,
            Ok(Control::Created(_)) => is_base,
            Ok(_) => false,
            // A newer program's: it may be what keeps the life from coming back.
            Err(_) => true,
        }
    }

    fn find(&self) -> &FindValues {
        &find_values
    }
}
