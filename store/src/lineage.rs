//! Whose records a life's history is made of: its own, and before them those of the lives that it was forked from.
//!
//! A fork holds none of what it inherited. It names its base (another life and the ordinal behind the last item), and
//! its own items go on there: the item that has an ordinal in the source has the same in every fork. In its own
//! stream a fork's records begin at 0, as in every other.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use threadlog_engine::ReadLog;

use crate::error::{Error, LineageFault, Result};
use crate::event::{Base, Body, Control, Created, Event, ITEMS, control_channels, has_records};
use crate::item::RolloutItem;
use crate::item::typed::Typed;
use crate::thread::ThreadKey;

/// The parts of one life's history, the oldest first. Cheap to clone. It never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lineage(Arc<[Part]>);

/// Records of one life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Whose.
    pub(crate) key: ThreadKey,
    /// Which ordinals of the history.
    pub(crate) range: Range<u64>,
    /// The ordinal of the history that the life's first record has.
    pub(crate) offset: u64,
}

impl Part {
    /// Which of the life's own records.
    pub(crate) fn own(&self) -> Range<u64> {
        let own = |ordinal: u64| if ordinal == u64::MAX { u64::MAX } else { ordinal.saturating_sub(self.offset) };
        own(self.range.start)..own(self.range.end)
    }

    /// The part of it within these ordinals of the history.
    fn within(&self, range: &Range<u64>) -> Option<Part> {
        let range = self.range.start.max(range.start)..self.range.end.min(range.end);
        (range.start < range.end).then(|| Part { range, ..self.clone() })
    }
}

impl Lineage {
    /// The history of a life that inherited nothing.
    pub(crate) fn of_one(key: ThreadKey) -> Lineage {
        Lineage(Arc::new([Part { key, range: 0..u64::MAX, offset: 0 }]))
    }

    /// Follows a life's bases to the first. Each life is looked at once, by its creation record and its head.
    ///
    /// # Errors
    /// [`Error::Lineage`] if a base is not there, shorter than it was, or stands on itself; [`Error::Engine`] if a
    /// creation record is damaged.
    pub(crate) fn of(log: &dyn ReadLog, key: ThreadKey) -> Result<Lineage> {
        let fault = |fault| Error::Lineage { key, fault };
        let (mut parts, mut met) = (Vec::new(), HashSet::new());
        let (mut at, mut end) = (key, u64::MAX);
        loop {
            if !met.insert(at) {
                return Err(fault(LineageFault::Cycle { base: at }));
            }
            let base = creation(log, at)?.and_then(|created| created.origin.fork().map(|fork| fork.base));
            let offset = base.map_or(0, |base| base.end);
            if at != key {
                let found = offset.saturating_add(own_end(log, at));
                if end > found {
                    return Err(fault(LineageFault::Short { base: at, end, found }));
                }
            }
            if end > offset {
                parts.push(Part { key: at, range: offset..end, offset });
            }
            let Some(Base { end: base_end, .. }) = base else { break };
            end = end.min(base_end);
            at = base.map_or(at, |base| base.key());
            if end == 0 {
                break;
            }
            if !has_records(log, at) {
                return Err(fault(LineageFault::Missing { base: at, end }));
            }
        }
        parts.reverse();
        Ok(Lineage(parts.into()))
    }

    /// The ordinal of the history that the life's own first record has.
    pub(crate) fn offset(&self) -> u64 {
        self.0.last().map_or(0, |own| own.offset)
    }

    /// Where the history ends now: behind the last durable record.
    pub(crate) fn end(&self, log: &dyn ReadLog) -> u64 {
        self.0.last().map_or(0, |own| own.offset.saturating_add(own_end(log, own.key)))
    }

    /// The base that a fork cut at this ordinal stands on: the life whose own record is the last before it, so that
    /// chains do not grow by forks of forks that add nothing.
    /// With the ordinal at which that life's own records begin.
    pub(crate) fn base(&self, end: u64) -> Option<(Base, u64)> {
        let part = self.0.iter().find(|part| part.range.end >= end)?;
        Some((Base { thread: part.key.thread, incarnation: part.key.incarnation, end }, part.offset))
    }

    /// The parts that hold these ordinals, in order.
    pub(crate) fn parts(&self, range: Range<u64>) -> impl Iterator<Item = Part> + '_ {
        self.0.iter().filter_map(move |part| part.within(&range))
    }

    /// The parts as a rollout file has them: the life's own first record, which says what it is; what it inherited; and
    /// the rest of its own.
    pub(crate) fn file_parts(&self) -> Vec<Part> {
        let offset = self.offset();
        if offset == 0 {
            return self.0.to_vec();
        }
        let behind = offset.saturating_add(1);
        let order = [offset..behind, 0..offset, behind..u64::MAX];
        order.into_iter().flat_map(|range| self.parts(range).collect::<Vec<_>>()).collect()
    }
}

/// What creation fixed for a life; `None` if no record of it is there.
///
/// # Errors
/// If that record cannot be read and the life may be a fork: what it inherited must not be left out in silence.
pub(crate) fn creation(log: &dyn ReadLog, key: ThreadKey) -> Result<Option<Created>> {
    let mut failed = None;
    // It is the first of its journal's; which journal that is, nothing says.
    for channel in control_channels(log, key) {
        match log.read(&key.stream(channel), 0..1).next() {
            Some(Ok(record)) => match Event::decode(&record).body {
                Body::Control(Control::Created(created)) => return Ok(Some(created)),
                Body::Unreadable(why) => failed = Some(Error::Unreadable { key, ordinal: 0, why }),
                _ => {}
            },
            Some(Err(error)) => failed = Some(error.into()),
            None => {}
        }
    }
    match failed {
        Some(failed) if may_be_fork(log, key) => Err(failed),
        _ => Ok(None),
    }
}

/// Whether a life's first item was written by a live thread, and says that it was forked. Imported files that say so hold
/// what they were forked from.
fn may_be_fork(log: &dyn ReadLog, key: ThreadKey) -> bool {
    let Some(Ok(record)) = log.read(&key.stream(ITEMS), 0..1).next() else { return false };
    let Body::Item(item) = Event::decode(&record).body else { return false };
    let mut line = Vec::new();
    item.render(&mut line);
    let forked = |item: RolloutItem| matches!(item.typed(), Typed::SessionMeta(meta) if meta.forked_from.is_some());
    record.lease_epoch > 0 && forked(RolloutItem::from_line(line.into()))
}

/// How many durable records a life has of its own.
pub(crate) fn own_end(log: &dyn ReadLog, key: ThreadKey) -> u64 {
    log.head(&key.stream(ITEMS)).map_or(0, |head| head.durable_ordinal)
}
