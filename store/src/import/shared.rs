//! Files that repeat what another thread has: copies that agents make when they fork a thread.
//!
//! Such a file begins with its own `session_meta`, which names the thread that was forked, and goes on with that
//! thread's lines. Where these are in the store, byte for byte, they are not stored again.

use std::io::{BufReader, Read};

use bytes::Bytes;
use threadlog_engine::number::wide;
use threadlog_engine::{Lease, ReadLog};

use crate::error::Error;
use crate::event::{Base, Body, Event, Fork, ITEMS};
use crate::import::compare::Prefix;
use crate::import::file::{Fault, Planned};
use crate::import::input::Input;
use crate::import::lines::LineReader;
use crate::import::run::Run;
use crate::item::typed::Typed;
use crate::item::{Kind, RolloutItem};
use crate::metadata::{MetadataEvent, ThreadMetadata};
use crate::thread::{ThreadId, ThreadKey};

/// Repeated lines of less than this many bytes are stored again: the reference would save next to nothing.
const SHARED_BYTES_MIN: u64 = 1 << 10;
const CHUNK_BYTES: usize = 256 << 10;

/// What a file repeats.
pub(super) struct Shared {
    /// Of whom, and how much.
    pub(super) fork: Fork,
    /// Keeps that from being deleted.
    pub(super) life: Option<Lease>,
    /// The file's own first line.
    pub(super) first: Bytes,
    /// The first line and what it repeats; one record of it is the file's own.
    pub(super) prefix: Prefix,
}

impl Run<'_> {
    /// What a file that is to be a new life repeats of the thread that it says it was forked from. Only a thread that
    /// is in the store by now can be repeated: of a file that comes before its source all lines are kept.
    pub(super) fn shared(&self, planned: &Planned, input: &Input) -> Result<Option<Shared>, Fault> {
        let mut lines = LineReader::new(input.reader()?, blake3::Hasher::new());
        let Some(first) = lines.next_line()?.map(Bytes::copy_from_slice) else { return Ok(None) };
        let Some(source) = forked_from(&first).filter(|source| *source != planned.identity.thread) else {
            return Ok(None);
        };
        let mut best: Option<Shared> = None;
        for key in self.whole_lives(source) {
            self.make_readable(key)?;
            let Some(life) = self.build_on(key)? else { continue };
            let shared = self.repeats(key, &first, input)?;
            let longer = |shared: &Shared| best.as_ref().is_none_or(|best| best.prefix.bytes < shared.prefix.bytes);
            if let Some(shared) = shared.filter(longer) {
                best = Some(Shared { life, ..shared });
            }
        }
        Ok(best)
    }

    /// Compares what stands behind the first line with a life's items, as far as both are whole lines.
    fn repeats(&self, key: ThreadKey, first: &Bytes, input: &Input) -> Result<Option<Shared>, Fault> {
        // Reading shows what is durable; this import itself may have appended a moment ago.
        if self.engine.head(&key.stream(ITEMS)).is_some_and(|head| head.durable_ordinal < head.next_ordinal) {
            self.engine.sync(self.engine.barrier()).map_err(Error::from)?;
        }
        let mut file = BufReader::with_capacity(CHUNK_BYTES, input.reader_from(wide(first.len()))?);
        let mut prefix = Prefix::default();
        prefix.add(first);
        prefix.records = 1;
        let mut inherited = ThreadMetadata::new(key.thread);
        let (mut end, mut stored, mut found) = (0, Vec::new(), Vec::new());
        for record in self.engine.read(&key.stream(ITEMS), 0..u64::MAX) {
            let Ok(record) = record else { break };
            let Body::Item(item) = Event::decode(&record).body else { break };
            stored.clear();
            item.render(&mut stored);
            found.clear();
            file.by_ref().take(wide(stored.len())).read_to_end(&mut found)?;
            if found != stored || !item.ends_line() || item.continues() {
                break;
            }
            prefix.add(&found);
            let item = RolloutItem::from_line(Bytes::copy_from_slice(&found));
            inherited.apply(MetadataEvent::Item { ordinal: end, clock: record.clock, item: &item });
            end += 1;
        }
        if prefix.bytes.saturating_sub(wide(first.len())) < SHARED_BYTES_MIN {
            return Ok(None);
        }
        let base = Base { thread: key.thread, incarnation: key.incarnation, end };
        let fork = Fork { base, source: None, inherited: inherited.to_inherit(end, end, end, &[]) };
        Ok(Some(Shared { fork, life: None, first: first.clone(), prefix }))
    }
}

/// The thread that a first line says was forked.
fn forked_from(line: &Bytes) -> Option<ThreadId> {
    let RolloutItem::Enveloped { kind: Kind::SessionMeta, payload, .. } = RolloutItem::from_line(line.clone()) else {
        return None;
    };
    match Typed::of_payload(&Kind::SessionMeta, &payload) {
        Typed::SessionMeta(meta) => meta.forked_from?.parse().ok(),
        _ => None,
    }
}
