//! What a bundle must have so that its threads can be read where it is taken in.

use std::collections::BTreeMap;

use threadlog_engine::ReadLog;

use crate::error::{Error, Result};
use crate::lineage::{Lineage, creation, own_end};
use crate::thread::ThreadKey;

/// A life that belongs into a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Need {
    pub key: ThreadKey,
    /// Only because others stand on it.
    pub is_base: bool,
    /// How many of its own items.
    pub items: u64,
}

/// These lives and those that they stand on, each behind what it stands on itself.
pub(super) fn needs(log: &dyn ReadLog, lives: &[ThreadKey]) -> Result<Vec<Need>> {
    let mut order: Vec<ThreadKey> = Vec::new();
    let mut needs: BTreeMap<ThreadKey, Need> = BTreeMap::new();
    for key in lives {
        let mut chain = chain(log, *key)?;
        chain.reverse();
        for need in chain {
            let known = needs.entry(need.key).or_insert_with(|| {
                order.push(need.key);
                need
            });
            known.is_base &= need.is_base;
            known.items = known.items.max(need.items);
        }
    }
    Ok(order.into_iter().filter_map(|key| needs.get(&key).copied()).collect())
}

/// A life, what it was forked from, what that was forked from, and so on.
fn chain(log: &dyn ReadLog, key: ThreadKey) -> Result<Vec<Need>> {
    // Bases that are not there, too short, or stand on themselves are found here.
    Lineage::of(log, key)?;
    let mut chain = Vec::new();
    let (mut at, mut end) = (key, u64::MAX);
    loop {
        let created = creation(log, at)?.ok_or(Error::NoCreation { key: at })?;
        let base = created.origin.fork().map(|fork| fork.base);
        let offset = base.map_or(0, |base| base.end);
        let items = own_end(log, at).min(end.saturating_sub(offset));
        chain.push(Need { key: at, is_base: at != key, items });
        let Some(base) = base else { return Ok(chain) };
        (at, end) = (base.key(), end.min(base.end));
        if end == 0 {
            return Ok(chain);
        }
    }
}
