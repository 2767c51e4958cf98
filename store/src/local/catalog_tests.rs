use std::ops::Range;
use std::path::Path;

use threadlog_engine::fs::sim::{CallKind, EIO, Fault, SimFs};
use threadlog_engine::{Background, Batch, Config, Conflict, Damage, Engine, Head, Records, StreamId, StreamInfo};

use super::*;
use crate::event::Control;
use crate::local::sending::push_control;
use crate::metadata::MetadataPatch;

/// A log that calls back before it answers where a stream ends.
struct Watched<'a, F> {
    engine: &'a Engine,
    before_head: F,
}

impl<F: Fn() + Send + Sync> ReadLog for Watched<'_, F> {
    fn read(&self, stream: &StreamId, range: Range<u64>) -> Records {
        self.engine.read(stream, range)
    }
    fn head(&self, stream: &StreamId) -> Option<Head> {
        (self.before_head)();
        self.engine.head(stream)
    }
    fn channels(&self, thread: &[u8; 16], incarnation: u64) -> Vec<u8> {
        self.engine.channels(thread, incarnation)
    }
    fn incarnations(&self, thread: &[u8; 16]) -> Vec<u64> {
        self.engine.incarnations(thread)
    }
    fn streams(&self) -> Vec<StreamInfo> {
        self.engine.streams()
    }
    fn streams_as_stored(&self) -> Vec<StreamId> {
        self.engine.streams_as_stored()
    }
    fn journal_numbers(&self) -> Vec<u32> {
        self.engine.journal_numbers()
    }
    fn damage(&self) -> Vec<Damage> {
        self.engine.damage()
    }
    fn conflicts(&self) -> Vec<Conflict> {
        self.engine.conflicts()
    }
}

fn rename(engine: &Engine, clock: &HybridClock, entry: &Entry, name: &str) {
    let mut batch = Batch::new();
    let patch = Control::Patched(Box::new(MetadataPatch::rename(name)));
    push_control(&mut batch, (entry.key, engine.journal()), None, clock.tick(), &patch).unwrap();
    engine.sync(engine.append(batch).unwrap()).unwrap();
    entry.touch();
}

#[test]
fn what_was_read_before_is_not_called_known_while_newer_records_are_being_read() {
    let config = Config { background: Background::Manual, ..Config::default() };
    let clock = HybridClock::new(Arc::clone(&config.clock));
    let engine = Engine::open(Arc::new(SimFs::new(1)), Path::new("/store"), config).unwrap();
    let entry = Entry::new(ThreadKey { thread: ThreadId::generate(), incarnation: 1 });
    rename(&engine, &clock, &entry, "one");
    assert_eq!(entry.look(&engine, &clock).0.metadata.name(), Some("one"));
    assert!(entry.known().is_some());

    rename(&engine, &clock, &entry, "two");
    let watched = Watched { engine: &engine, before_head: || assert!(entry.known().is_none()) };
    assert_eq!(entry.look(&watched, &clock).0.metadata.name(), Some("two"));
    assert_eq!(entry.known().unwrap().metadata.name(), Some("two"));
}

#[test]
fn what_is_appended_while_records_are_being_read_is_read_next_time() {
    let config = Config { background: Background::Manual, ..Config::default() };
    let clock = HybridClock::new(Arc::clone(&config.clock));
    let engine = Engine::open(Arc::new(SimFs::new(1)), Path::new("/store"), config).unwrap();
    let entry = Entry::new(ThreadKey { thread: ThreadId::generate(), incarnation: 1 });
    rename(&engine, &clock, &entry, "one");
    let watched = Watched { engine: &engine, before_head: || entry.touch() };
    entry.look(&watched, &clock);
    assert!(entry.known().is_none());
    rename(&engine, &clock, &entry, "two");
    assert_eq!(entry.look(&engine, &clock).0.metadata.name(), Some("two"));
}

#[test]
fn a_record_that_the_system_refuses_for_a_while_is_not_taken_for_one_that_is_not_there() {
    let disk = SimFs::new(1);
    let config = Config { background: Background::Manual, ..Config::default() };
    let clock = HybridClock::new(Arc::clone(&config.clock));
    let engine = Engine::open(Arc::new(disk.clone()), Path::new("/store"), config).unwrap();
    let entry = Entry::new(ThreadKey { thread: ThreadId::generate(), incarnation: 1 });
    rename(&engine, &clock, &entry, "one");
    for refusals in 1..4 {
        let entry = Entry::new(entry.key);
        let reads = disk.calls_of(CallKind::Read);
        (1..=refusals).for_each(|next| disk.fail_kind(CallKind::Read, reads + next, Fault::Error(EIO)));
        // Asked again at once, and after that the caller is told.
        let (folded, refused) = entry.look(&engine, &clock);
        assert_eq!(
            (folded.metadata.name(), refused.is_some()),
            if refusals < 2 { (Some("one"), false) } else { (None, true) }
        );
        disk.clear_faults();
        assert_eq!(entry.look(&engine, &clock).0.metadata.name(), Some("one"));
    }
}
