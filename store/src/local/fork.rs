//! Forking a thread, and what the model sees of one.

use std::sync::Arc;

use threadlog_engine::seeded::{Bug, bug};
use threadlog_engine::{Batch, Engine, Error as EngineError, NewRecord, ReadLog};

use crate::backwards::Backwards;
use crate::context::{ContextScan, Ending, Expected, ModelContext, OpenTurn, Turn, turns};
use crate::event::{Base, CODEC, Control, Created, Fork, ITEMS, Origin, has_records};
use crate::fold::{self, Folded};
use crate::fork::{self, Cut, OPERATION, Source};
use crate::item::{RolloutItem, Timestamp};
use crate::items::{Items, StoredItem};
use crate::lineage::{Lineage, own_end};
use crate::local::Shared;
use crate::local::blocking::blocking;
use crate::local::catalog::Entry;
use crate::local::cold::damaged;
use crate::local::error::from_engine;
use crate::local::queue::{Content, Pending};
use crate::local::sending::{encode, push_control};
use crate::log::Log;
use crate::metadata::{Inherited, MetadataPatch};
use crate::thread::{ThreadId, ThreadKey};
use crate::thread_store::{
    Absence, ForkPosition, ForkThreadParams, ForkedThread, Report, Result, StoredThread, ThreadStoreError, refuse,
};

/// How many items before the cut are looked at for what changes from turn to turn.
const SAMPLE_ITEMS: u64 = 256;
/// Failed writes until it gives up.
const ATTEMPTS: u32 = 2;

impl Shared {
    /// Forks a thread of which everything that was appended is stored.
    pub(super) async fn fork(self: &Arc<Self>, params: ForkThreadParams) -> Result<ForkedThread> {
        let (source, included) = (params.source, params.include_archived);
        let (entry, folded) = self.readable(OPERATION, source, included).await?;
        let shared = Arc::clone(self);
        blocking(OPERATION, move || shared.fork_from(&entry, &folded, params)).await?
    }

    /// What the model sees of a thread.
    pub(super) async fn model_context(
        self: &Arc<Self>,
        operation: &'static str,
        entry: Arc<Entry>,
        expected: Expected,
    ) -> Result<ModelContext> {
        let log = self.log(operation, Some(entry.key.thread))?;
        blocking(operation, move || {
            let log = log.read();
            let failed = |error| damaged(operation, entry.key.thread, error);
            let lineage = entry.lineage(log).map_err(failed)?;
            let mut scan = ContextScan::new(expected);
            for item in Backwards::new(log, &lineage, lineage.end(log)) {
                let StoredItem { ordinal, item, .. } = item.map_err(failed)?;
                if scan.take(ordinal, &item) {
                    break;
                }
            }
            Ok(scan.finish())
        })
        .await?
    }

    fn fork_from(&self, entry: &Entry, folded: &Folded, params: ForkThreadParams) -> Result<ForkedThread> {
        let (source, id) = (params.source, params.new.thread_id);
        let opened = self.opened(OPERATION, id)?;
        let engine = &opened.engine;
        // Until the fork is in the log nobody else makes a thread of this id.
        let _reservation = self.live.reserve(OPERATION, id, self.holder())?;
        let _lease = self.lease(OPERATION, id)?;
        let holds = !bug(Bug::LifeNotHeldByFork);
        let _life = holds.then(|| self.build_on(OPERATION, entry.key)).transpose()?;
        self.look_around(&Log::Writer(engine.clone())).map_err(|error| from_engine(OPERATION, Some(id), error))?;
        if !self.look_well(OPERATION, engine, entry)?.exists() {
            // Somebody deleted it until a moment ago.
            return Err(refuse::absent(OPERATION, source, Absence::Unknown));
        }
        if let Some(entry) = self.catalog.get(engine, id).filter(|entry| has_records(engine, entry.key))
            && !self.look_well(OPERATION, engine, &entry)?.is_deleted()
        {
            return Err(refuse::stored(OPERATION, id));
        }
        let lineage = entry.lineage(engine).map_err(|error| damaged(OPERATION, source, error))?;
        let cut = self.cut(engine, entry, &lineage, &params.position)?;
        let name = folded.metadata.name().filter(|_| params.inherit_name).map(MetadataPatch::rename);
        let now = Timestamp::from_ms(self.clock.now_ms()).unwrap_or_default();
        let Cut { end, interrupted } = cut;
        let items = fork::first_items(params, &folded.metadata, interrupted, now)?;
        let child = Arc::new(Entry::new(self.new_life(OPERATION, id)?));
        let origin = Origin::Forked(Box::new(self.record(engine, entry, folded, &lineage, end)?));
        let created = Created { at_ms: self.clock.now_ms(), id_text: None, rollout: None, origin };
        let controls = std::iter::once(Control::Created(created));
        let controls: Vec<Control> = controls.chain(name.map(|name| Control::Patched(Box::new(name)))).collect();
        self.write_fork(engine, &child, &controls, items)?;
        let folded = self.look_well(OPERATION, engine, &child)?;
        Ok(ForkedThread::new(StoredThread::new(child.key, folded.metadata.clone()), end))
    }

    fn cut(&self, log: &Engine, entry: &Entry, lineage: &Lineage, position: &ForkPosition) -> Result<Cut> {
        let id = entry.key.thread;
        let end = lineage.end(log);
        let certain = matches!(position, ForkPosition::AtOrdinal(ordinal) if *ordinal <= end);
        let behind = own_end(log, entry.key)..u64::MAX;
        // Nothing stands there; an error says that something may have.
        if !certain && let Some(Err(error)) = log.read(&entry.key.stream(ITEMS), behind).next() {
            return Err(Report::new(OPERATION, "its end is damaged, so nobody can say where it ends")
                .of(id)
                .because(error)
                .advise("fork it at an ordinal, or run verify")
                .corrupt());
        }
        let mut whole = end;
        if let Some(Ok(last)) = Items::tail(log, lineage, 1).next()
            && !last.item.ends_line()
        {
            // The beginning of a line is no item yet.
            whole = last.ordinal;
        }
        fork::cut(&Reading { log, lineage, end: whole, id }, id, position)
    }

    /// What the fork has of its base.
    fn record(&self, log: &Engine, entry: &Entry, folded: &Folded, lineage: &Lineage, end: u64) -> Result<Fork> {
        let source = entry.key.thread;
        let Some((base, offset)) = lineage.base(end) else {
            return Err(Report::new(OPERATION, "its history has no parts").of(source).internal());
        };
        let inherited = self.inherited(log, (entry.key, folded), base, offset);
        Ok(Fork { base, source: (base.thread != source).then_some(source), inherited })
    }

    fn inherited(&self, log: &Engine, known: (ThreadKey, &Folded), base: Base, offset: u64) -> Inherited {
        let key = base.key();
        let own = base.end.saturating_sub(offset);
        let own_end = own_end(log, key);
        let before = own.saturating_sub(SAMPLE_ITEMS)..own;
        let sample = if own < own_end {
            Items::within(log, key, before).flatten().map(|item| item.item).collect()
        } else {
            Vec::new()
        };
        let summary = |folded: &Folded| folded.metadata.to_inherit(base.end, own, own_end, &sample);
        if key == known.0 {
            return summary(known.1);
        }
        let known = self.catalog.get(log, key.thread).filter(|entry| entry.key == key);
        let folded = known.map(|entry| entry.look(log, &self.clock).0).filter(|folded| !folded.is_deleted());
        match folded {
            Some(folded) => summary(&folded),
            // Of a life that was deleted, or has a successor, its forks still show what they inherited.
            None => summary(&fold::as_it_was(log, &self.clock, key)),
        }
    }

    /// Writes the fork's first records, in one batch, and waits until they are durable. What it stands on is: nothing
    /// else was read.
    fn write_fork(
        &self,
        engine: &Engine,
        child: &Arc<Entry>,
        controls: &[Control],
        items: Vec<RolloutItem>,
    ) -> Result<()> {
        let id = child.key.thread;
        let failed = |error| from_engine(OPERATION, Some(id), error);
        let epoch = child.next_epoch(engine);
        let items: Vec<Pending> =
            items.into_iter().map(|item| Pending { content: Content::Item(item), clock: self.clock.tick() }).collect();
        let mut attempt = 1;
        loop {
            let mut batch = Batch::new();
            for (ordinal, control) in (0..).zip(controls) {
                push_control(&mut batch, (child.key, engine.journal()), Some(ordinal), self.clock.tick(), control)
                    .map_err(failed)?;
            }
            let mut payload = Vec::new();
            for (ordinal, pending) in (0..).zip(&items) {
                payload.clear();
                encode(&pending.content, &mut payload);
                let (stream, lease_epoch, clock) = (child.key.stream(ITEMS), epoch, pending.clock);
                let record =
                    NewRecord { stream, ordinal: Some(ordinal), lease_epoch, clock, codec: CODEC, payload: &payload };
                batch.push(record).map_err(failed)?;
            }
            let ticket = engine.append(batch).map_err(failed)?;
            child.touch();
            self.catalog.add(child);
            match engine.sync(ticket) {
                Ok(()) => return Ok(()),
                // It is certainly not in the log.
                Err(EngineError::WriteFailed { .. }) if attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

/// The source of a fork, in the log.
struct Reading<'a> {
    log: &'a dyn ReadLog,
    lineage: &'a Lineage,
    end: u64,
    id: ThreadId,
}

impl Reading<'_> {
    fn failed(&self, error: crate::Error) -> ThreadStoreError {
        damaged(OPERATION, self.id, error)
    }
}

impl Source for Reading<'_> {
    fn end(&self) -> u64 {
        self.end
    }

    fn splits_line(&self, ordinal: u64) -> Result<bool> {
        Ok(Items::line_start(self.log, self.lineage, ordinal) != ordinal)
    }

    fn open_turn(&self) -> Result<Option<OpenTurn>> {
        let mut ending = Ending::default();
        for item in Backwards::new(self.log, self.lineage, self.end) {
            let item = item.map_err(|error| self.failed(error))?;
            if ending.take(item.ordinal, &item.item) {
                break;
            }
        }
        Ok(ending.finish())
    }

    fn turns(&self) -> Result<Vec<Turn>> {
        let mut items = Vec::new();
        for item in Items::of(self.log, self.lineage, 0..self.end) {
            items.push(item.map_err(|error| self.failed(error))?);
        }
        Ok(turns(items.iter().map(|item| (item.ordinal, &item.item))))
    }
}
