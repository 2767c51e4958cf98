//! All lives of all threads, by what their control records say: the part of the views that an import
//! needs, and that costs a few small records for each life to load.

use std::collections::{BTreeMap, BTreeSet};

use threadlog_engine::sealed::SealedCache;
use threadlog_engine::{ReadLog, StreamId};
use uuid::Uuid;

use crate::error::Error;
use crate::event::{Body, Control, Event, ITEMS, channels};
use crate::metadata::lay_archived;
use crate::owners::Owners;
use crate::reading::each_record;
use crate::refusal::{self, Refusals};
use crate::thread::{ThreadId, ThreadKey};
use crate::view::Life;

/// One life, as the table knows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// What its control records add up to.
    pub(crate) life: Life,
    /// Records of its items stream.
    pub(crate) items: u64,
    /// Whether a live thread wrote items here, besides imports.
    pub(crate) live: bool,
    /// Whether records of it are lost or cannot be read.
    pub(crate) damaged: bool,
    /// Whether it was ever archived, or a file of it lay among archived ones.
    pub(crate) was_archived: bool,
}

/// Lives by thread and incarnation.
#[derive(Debug, Default)]
pub(crate) struct Table(BTreeMap<ThreadKey, Entry>);

impl Table {
    /// All lives that were not deleted. Folds every control stream.
    pub(crate) fn load(log: &dyn ReadLog) -> Table {
        let mut table = Table::load_all(log);
        table.0.retain(|_, entry| entry.life.deleted().is_none());
        table
    }

    /// The lives that were not deleted, and the keys of those that were.
    pub(crate) fn split(mut self) -> (Table, BTreeSet<ThreadKey>) {
        let is_deleted = |entry: &Entry| entry.life.deleted().is_some();
        let deleted = self.iter().filter(|(_, entry)| is_deleted(entry)).map(|(key, _)| key).collect();
        self.0.retain(|_, entry| !is_deleted(entry));
        (self, deleted)
    }

    /// Looks again at these threads.
    pub(crate) fn reload(&mut self, log: &dyn ReadLog, threads: &BTreeSet<ThreadId>) {
        self.0.retain(|key, _| !threads.contains(&key.thread));
        self.0.append(&mut Table::of_threads(log, threads.iter().copied()).0);
    }

    /// The lives of these threads that were not deleted. *Cost:* folds their control streams.
    pub(crate) fn of_threads(log: &dyn ReadLog, threads: impl Iterator<Item = ThreadId>) -> Table {
        let lives = threads.flat_map(|thread| {
            let incarnations = log.incarnations(thread.uuid().as_bytes()).into_iter();
            incarnations.map(move |incarnation| ThreadKey { thread, incarnation })
        });
        let streams = lives.flat_map(|key| channels(log, key).into_iter().map(move |channel| key.stream(channel)));
        let mut table = Table::load_those(log, streams);
        table.0.retain(|_, entry| entry.life.deleted().is_none());
        table
    }

    /// All lives, deleted ones too.
    pub(crate) fn load_all(log: &dyn ReadLog) -> Table {
        Table::load_those(log, log.streams_as_stored().into_iter())
    }

    fn load_those(log: &dyn ReadLog, streams: impl Iterator<Item = StreamId>) -> Table {
        let (mut table, mut cache) = (Table::default(), SealedCache::new());
        for stream in streams {
            let entry = table.entry(ThreadKey::of(&stream));
            match stream.channel {
                ITEMS => {
                    let head = log.head(&stream);
                    entry.items = head.map_or(0, |head| head.next_ordinal);
                    entry.live = head.is_some_and(|head| head.lease_epoch > 0);
                    entry.damaged |= refusal::look(|refusals| is_cut_off(log, &stream, entry.items, refusals));
                }
                _ => entry.damaged |= refusal::look(|refusals| learn(entry, log, &stream, (&mut cache, refusals))),
            }
        }
        for (stream, _) in log.damage().iter().flat_map(|damage| &damage.records) {
            // A life of which nothing at all is left is the damage report's, not a thread without items.
            if let Some(entry) = table.0.get_mut(&ThreadKey::of(stream)) {
                entry.damaged = true;
            }
        }
        table
    }

    /// The life with this key, made if missing.
    pub(crate) fn entry(&mut self, key: ThreadKey) -> &mut Entry {
        self.0.entry(key).or_default()
    }

    /// The life with this key.
    pub(crate) fn get(&self, key: ThreadKey) -> Option<&Entry> {
        self.0.get(&key)
    }

    /// All lives, in the order of their keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ThreadKey, &Entry)> {
        self.0.iter().map(|(key, entry)| (*key, entry))
    }

    /// The lives of one thread.
    pub(crate) fn of_thread(&self, thread: ThreadId) -> impl Iterator<Item = (ThreadKey, &Entry)> {
        let range = ThreadKey { thread, incarnation: 0 }..=ThreadKey { thread, incarnation: u64::MAX };
        self.0.range(range).map(|(key, entry)| (*key, entry))
    }

    /// The lives of one file of a thread; also those that have lost the record which says what they are.
    pub(crate) fn of_rollout(
        &self,
        thread: ThreadId,
        rollout: Option<Uuid>,
    ) -> impl Iterator<Item = (ThreadKey, &Entry)> {
        self.of_thread(thread)
            .filter(move |(_, entry)| entry.life.created().is_none_or(|created| created.rollout == rollout))
    }

    /// The greatest clock of any control record.
    pub(crate) fn clock(&self) -> u64 {
        self.0.values().map(|entry| entry.life.clock()).max().unwrap_or(0)
    }

    /// Which life each file belongs to.
    pub(crate) fn owners(&self) -> Owners {
        let mut owners = Owners::default();
        for (key, entry) in self.iter() {
            owners.learn(key, &entry.life);
        }
        owners
    }
}

/// Whether something may have stood behind the last record that is there.
fn is_cut_off(log: &dyn ReadLog, stream: &StreamId, end: u64, refusals: &mut Refusals) -> bool {
    let behind = log.read(stream, end..u64::MAX).next();
    if let Some(Err(error)) = behind {
        refusals.note(&error.into());
        return true;
    }
    behind.is_some()
}

/// Takes in the control records of one channel; says whether some cannot be read. To take them in twice changes nothing.
fn learn(
    entry: &mut Entry,
    log: &dyn ReadLog,
    stream: &StreamId,
    (cache, refusals): (&mut SealedCache, &mut Refusals),
) -> bool {
    let mut damaged = false;
    each_record(log, cache, stream, 0..u64::MAX, |record| match record.map_err(Error::from) {
        Ok(record) => {
            let event = Event::decode(&record);
            if let Body::Control(control) = &event.body {
                entry.was_archived |= match control {
                    Control::Archived => true,
                    Control::Source(source) => lay_archived(source),
                    _ => false,
                };
                entry.life.apply(event.clock, control);
            }
        }
        Err(error) => {
            refusals.note(&error);
            damaged = true;
        }
    });
    damaged
}
