//! Forks in the log: what they are made of, and what becomes of one whose base is not as it was.

use std::collections::BTreeMap;

use super::*;
use crate::error::LineageFault;
use crate::event::{Base, CODEC, Control, Created, Fork, ITEMS, Origin, control_channel, encode_line};
use crate::lineage::Lineage;
use crate::metadata::Inherited;
use crate::thread::ThreadKey;
use crate::{Error, ThreadId};
use threadlog_engine::number::wide;
use threadlog_engine::{Batch, NewRecord};

pub(crate) fn key(number: u128) -> ThreadKey {
    ThreadKey { thread: ThreadId::from_uuid(uuid::Uuid::from_u128(number)), incarnation: 7 }
}

/// A life that begins with the first items of `base`, if there is one, and has these lines of its own.
pub(crate) fn plant(store: &Store, key: ThreadKey, base: Option<(ThreadKey, u64)>, lines: &[String]) {
    let fork = |(base, end): (ThreadKey, u64)| {
        let base = Base { thread: base.thread, incarnation: base.incarnation, end };
        Origin::Forked(Box::new(Fork {
            base,
            source: None,
            inherited: Inherited { items: end, ..Inherited::default() },
        }))
    };
    let origin = base.map_or(Origin::Native, fork);
    let mut payload = Vec::new();
    Control::Created(Created { at_ms: 1_770_236_985_576, id_text: None, rollout: None, origin }).encode(&mut payload);
    let mut batch = Batch::new();
    let mut push = |channel, ordinal, lease_epoch, payload: &[u8]| {
        let (stream, ordinal) = (key.stream(channel), Some(ordinal));
        batch.push(NewRecord { stream, ordinal, lease_epoch, clock: 1, codec: CODEC, payload }).unwrap();
    };
    push(control_channel(0), 0, 0, &payload);
    for (ordinal, line) in (0..).zip(lines) {
        let mut payload = Vec::new();
        encode_line(&crate::item::parse(line.as_bytes()), false, &mut payload);
        push(ITEMS, ordinal, 1, &payload);
    }
    let engine = store.engine().unwrap();
    engine.sync(engine.append(batch).unwrap()).unwrap();
}

pub(crate) fn fork_meta(key: ThreadKey, source: ThreadKey) -> String {
    line(0, "session_meta", &format!("{{\"id\":\"{}\",\"forked_from_id\":\"{}\"}}", key.thread, source.thread))
}

pub(crate) fn texts(store: &Store, key: ThreadKey) -> Vec<String> {
    let text = |item: crate::Result<crate::StoredItem>| {
        let mut bytes = Vec::new();
        item.unwrap().item.render(&mut bytes);
        String::from_utf8(bytes).unwrap()
    };
    store.items(key).map(text).collect()
}

#[test]
pub(super) fn a_fork_is_exported_as_a_file_that_codex_can_read() {
    let bench = Bench::new();
    let store = bench.open();
    let source = [meta("00000000-0000-0000-0000-000000000001"), message(1, "one"), message(2, "two")];
    plant(&store, key(1), None, &source);
    let own = [fork_meta(key(2), key(1)), message(3, "its own")];
    plant(&store, key(2), Some((key(1), 2)), &own);
    let inner = [fork_meta(key(3), key(2)), message(4, "the third's")];
    plant(&store, key(3), Some((key(2), 4)), &inner);
    let to = bench.folder.path().join("to");
    assert_eq!(store.export(None, &to, &ExportOptions::default(), &Silent).failed, []);
    let files: BTreeMap<String, Vec<u8>> = tree(&to);
    let file = |number: u128| {
        let name = format!("{}.jsonl", key(number).thread);
        String::from_utf8(files.iter().find(|(path, _)| path.ends_with(&name)).unwrap().1.clone()).unwrap()
    };
    assert_eq!(file(2), [&own[0], &source[0], &source[1], &own[1]].map(String::as_str).concat());
    let expected = [&inner[0], &source[0], &source[1], &own[0], &own[1], &inner[1]];
    assert_eq!(file(3), expected.map(String::as_str).concat());
    assert_eq!(texts(&store, key(2)), [&source[0], &source[1], &own[0], &own[1]].map(String::clone));
}

#[test]
pub(super) fn a_base_that_is_not_as_it_was_is_named() {
    let bench = Bench::new();
    let store = bench.open();
    let own = [fork_meta(key(2), key(1)), message(1, "its own")];
    plant(&store, key(1), None, &[meta(A), message(1, "one")]);
    plant(&store, key(2), Some((key(9), 2)), &own);
    plant(&store, key(3), Some((key(1), 3)), &own);
    plant(&store, key(4), Some((key(5), 2)), &own);
    plant(&store, key(5), Some((key(4), 2)), &own);
    for (number, fault) in [
        (2, LineageFault::Missing { base: key(9), end: 2 }),
        (3, LineageFault::Short { base: key(1), end: 3, found: 2 }),
        (4, LineageFault::Cycle { base: key(4) }),
        (5, LineageFault::Cycle { base: key(5) }),
    ] {
        let error = Lineage::of(store.log(), key(number)).unwrap_err();
        assert!(matches!(&error, Error::Lineage { fault: found, .. } if *found == fault), "{error:?}");
        assert!(error.is_corruption());
        let items: Vec<_> = store.items(key(number)).collect();
        assert!(matches!(items[..], [Err(Error::Lineage { .. })]), "{items:?}");
        assert!(store.render(key(number)).next().unwrap().is_err());
    }
    store.close().unwrap();
    let disk: Arc<dyn threadlog_engine::fs::Fs> = Arc::new(bench.disk.clone());
    let to = bench.folder.path().join("saved");
    let report = Store::salvage_on(disk, root(), &to, &Silent).unwrap();
    assert_eq!(report.damaged.len(), 4, "what is their own is saved");
    assert!(report.damaged.iter().all(|file| (file.lines, file.lost_records) == (2, 1)), "{report:?}");
}

#[test]
pub(super) fn a_creation_that_cannot_be_read_does_not_turn_a_fork_into_a_thread_of_its_own() {
    let bench = Bench::new();
    let store = bench.open();
    plant(&store, key(1), None, &[meta(A), message(1, "of the source")]);
    plant(&store, key(2), Some((key(1), 2)), &[fork_meta(key(2), key(1)), message(2, "its own")]);
    store.close().unwrap();
    // Somewhere in the creation record of the fork, which names its base.
    let named = key(1).thread.uuid().into_bytes();
    let place = bench.disk.paths().into_iter().find_map(|path| {
        let bytes = bench.disk.read_raw(&path).ok()?;
        let mut matches = bytes.windows(18).enumerate().filter(|(_, window)| window[0] == 16 && window[1..17] == named);
        matches.next().map(|(at, _)| (path.clone(), wide(at)))
    });
    let (path, offset) = place.unwrap();
    bench.disk.flip_bit(&path, offset + 3, 0).unwrap();
    let store = bench.open_read();
    let items: Vec<_> = store.items(key(2)).collect();
    assert!(matches!(items[..], [Err(_)]), "{items:?}");
    assert_eq!(texts(&store, key(1)).len(), 2, "other threads are as they were");
}

#[test]
pub(super) fn chains_of_a_thousand_forks_are_read_whole() {
    let bench = Bench::new();
    let store = bench.open();
    plant(&store, key(1), None, &[meta(A), message(1, "0")]);
    let mut end = 2;
    for depth in 1..=1000_u64 {
        let (child, parent) = (key(u128::from(depth) + 1), key(u128::from(depth)));
        plant(&store, child, Some((parent, end)), &[fork_meta(child, parent), message(2, &depth.to_string())]);
        end += 2;
    }
    let last = key(1001);
    let items: Vec<_> = store.items(last).map(Result::unwrap).collect();
    assert_eq!(wide(items.len()), end);
    assert!(items.iter().zip(0..).all(|(item, ordinal)| item.ordinal == ordinal));
    assert_eq!(
        store.tail(last, 3).map(Result::unwrap).map(|item| item.ordinal).collect::<Vec<_>>(),
        [1999, 2000, 2001]
    );
}

/// A copy that an agent made when it forked A: its own first line, all of A's, and its own.
fn copied(of: &str, own: &[String]) -> String {
    let first = line(50, "session_meta", &format!("{{\"id\":\"{B}\",\"forked_from_id\":\"{A}\",\"cwd\":\"/work\"}}"));
    [&[first, of.to_owned()], own].concat().concat()
}

fn of_thread(store: &Store, id: &str) -> crate::ThreadSummary {
    store.thread(id.parse().unwrap()).unwrap()
}

#[test]
pub(super) fn a_copied_history_is_stored_once_and_exported_as_it_was() {
    let bench = Bench::new();
    let own = [message(60, "its own"), message(61, "another")];
    bench.put("1.jsonl", rollout(A, 40));
    bench.put("2.jsonl", copied(&rollout(A, 40), &own));
    let report = bench.import();
    assert_eq!((report.files[1].outcome, report.files[1].lines_added), (Outcome::New, 3), "{report:?}");
    assert_eq!(report.files[1].bytes, wide(copied(&rollout(A, 40), &own).len()));
    bench.assert_round_trip();
    let store = bench.open_read();
    let fork = of_thread(&store, B);
    assert_eq!((fork.current.facts.totals().lines, store.items(fork.current.key).count()), (3, 44));
    let metadata = store.metadata(fork.current.key);
    assert_eq!((metadata.preview(), metadata.user_messages(), metadata.items()), (Some("message 1"), 42, 44));
    assert_eq!(metadata.forked_from(), Some(A));
    let disk: Arc<dyn threadlog_engine::fs::Fs> = Arc::new(bench.disk.clone());
    let verified = Store::verify_on(disk, root(), &Silent).unwrap();
    assert!(verified.is_sound() && verified.files == 2, "{verified:?}");
    assert!(bench.import().files.iter().all(|file| file.outcome == Outcome::Unchanged));
}

#[test]
pub(super) fn both_files_of_a_copied_history_go_on() {
    let bench = Bench::new();
    bench.put("1.jsonl", rollout(A, 40));
    // Forked before the source had all that it has now.
    bench.put("2.jsonl", copied(&rollout(A, 30), &[message(60, "its own")]));
    assert_eq!(bench.import().files[1].lines_added, 2);
    bench.put("1.jsonl", rollout(A, 45));
    bench.put("2.jsonl", copied(&rollout(A, 30), &[message(60, "its own"), message(61, "more")]));
    let report = bench.import();
    assert!(report.files.iter().all(|file| file.outcome == Outcome::Grown), "{report:?}");
    assert_eq!(report.files[1].lines_added, 1);
    bench.assert_round_trip();
    let store = bench.open_read();
    assert_eq!((of_thread(&store, A).others.len(), of_thread(&store, B).others.len()), (0, 0));
}

#[test]
pub(super) fn a_copy_that_comes_before_its_source_is_kept_whole() {
    let bench = Bench::new();
    bench.put("1.jsonl", copied(&rollout(A, 40), &[message(60, "its own")]));
    assert_eq!(bench.import().files[0].lines_added, 43);
    bench.put("2.jsonl", rollout(A, 40));
    assert_eq!(bench.import().files[0].outcome, Outcome::Unchanged);
    bench.assert_round_trip();
    assert!(bench.import().files.iter().all(|file| file.outcome == Outcome::Unchanged));
}

#[test]
pub(super) fn in_one_import_the_order_of_the_files_makes_no_difference() {
    let bench = Bench::new();
    bench.put("1.jsonl", copied(&rollout(A, 40), &[message(60, "its own")]));
    bench.put("2.jsonl", rollout(A, 40));
    assert_eq!(bench.import().files[0].lines_added, 2);
    bench.assert_round_trip();
}

#[test]
pub(super) fn what_differs_or_saves_nothing_is_kept_whole() {
    for of in [rollout(A, 40).replace("message 1\"", "message one\""), meta(A)] {
        let bench = Bench::new();
        bench.put("1.jsonl", rollout(A, 40));
        let text = copied(&of, &[message(60, "its own")]);
        bench.put("2.jsonl", &text);
        assert_eq!(bench.import().files[1].bytes_added, wide(text.len()));
        bench.assert_round_trip();
    }
}

#[test]
pub(super) fn a_fork_that_was_exported_is_known_when_it_is_imported_again() {
    let bench = Bench::new();
    let store = bench.open();
    plant(&store, key(1), None, &[meta("00000000-0000-0000-0000-000000000001"), message(1, "one")]);
    plant(&store, key(2), Some((key(1), 2)), &[fork_meta(key(2), key(1)), message(3, "its own")]);
    let to = bench.folder.path().join("to");
    assert_eq!(store.export(None, &to, &ExportOptions::default(), &Silent).failed, []);
    let report = store.import(&[to], &one_job(), &Silent).unwrap();
    assert!(report.files.iter().all(|file| file.outcome == Outcome::Unchanged), "{report:?}");
    assert_eq!(store.threads().len(), 2);
}

#[test]
pub(super) fn a_fork_takes_a_few_bytes_and_its_summary_a_kilobyte_at_most() {
    let long = || Some("ä".repeat(10_000));
    let mut source = crate::metadata::ThreadMetadata::new(key(1).thread);
    let text = "ä".repeat(10_000);
    let settings = format!("{{\"model\":\"{text}\",\"effort\":\"high\",\"approval_policy\":\"{text}\"}}");
    for (ordinal, line) in (0..).zip([meta(A), message(1, &text), line(2, "turn_context", &settings)]) {
        let item = crate::RolloutItem::from_line(line.into());
        source.apply(crate::metadata::MetadataEvent::Item { ordinal, clock: 1, item: &item });
    }
    let inherited = source.to_inherit(u64::MAX, 3, 3, &[]);
    let bytes = |inherited| {
        let base = Base { thread: key(1).thread, incarnation: u64::MAX, end: u64::MAX };
        let origin = Origin::Forked(Box::new(Fork { base, source: Some(key(2).thread), inherited }));
        let mut bytes = Vec::new();
        Control::Created(Created { at_ms: u64::MAX, id_text: None, rollout: None, origin }).encode(&mut bytes);
        bytes.len()
    };
    let empty = bytes(Inherited::default());
    assert!(empty <= 100, "{empty}");
    assert!(bytes(inherited) - empty <= 1024);
    // Whatever the source says, nothing longer gets in.
    let full = Inherited { preview: long(), ..Inherited::default() };
    assert!(bytes(full) > 1024, "the limit is kept where summaries are made");
}
