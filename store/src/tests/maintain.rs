//! Sealing, compacting and erasing change where bytes stand, and nothing that is read.

use super::*;
use crate::event::{CODEC, Control, control_channel};
use crate::local::{LocalConfig, LocalThreadStore};
use crate::maintain::{CompactionConfig, UsageKind};
use crate::metadata::MetadataPatch;
use crate::thread::ThreadKey;
use crate::thread_store::{ForkThreadParams, ThreadStore};
use crate::{ThreadId, maintain};
use threadlog_engine::sealed::{Decoder, OnDamage, Sealed};
use threadlog_engine::{Batch, NewRecord};

/// Unlike any other text of these tests, and of no use to a dictionary.
fn secret(number: u64) -> String {
    format!("the secret number {number} is {}", blake3::hash(&number.to_le_bytes()))
}

fn output(number: u64, text: &str) -> String {
    let payload = format!("{{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"{text}\"}}");
    line(number, "response_item", &payload)
}

/// Three threads that share a long output; the second has secrets and an image.
fn filled() -> Bench {
    let bench = Bench::new();
    let shared = "what a tool said to everybody, at some length. ".repeat(60);
    let image = format!("data:image/png;base64,{}", "iVBORw0KGgoAAAANSUhEUg".repeat(300));
    for (id, number) in [(A, 0_u64), (B, 1), ("11111111-1f70-49ba-9104-83619ec703e0", 2)] {
        let mut text = meta(id);
        for turn in 0..30 {
            text += &message(turn, &format!("message {turn} of {number}"));
            text += &output(turn, &shared);
        }
        if number == 1 {
            (0..20).for_each(|turn| text += &output(turn, &format!("{} {}", secret(turn), "x".repeat(2000))));
            text += &output(99, &image);
        }
        bench.put(&format!("s/{}", name(id)), text);
    }
    bench
}

fn delete(store: &Store, thread: ThreadId) {
    let key = store.thread(thread).unwrap().current.key;
    bury(store, key);
}

fn bury(store: &Store, key: ThreadKey) {
    let engine = store.engine().unwrap();
    let mut payload = Vec::new();
    Control::Deleted.encode(&mut payload);
    let stream = key.stream(control_channel(engine.journal()));
    let mut batch = Batch::new();
    let clock = 1_900_000_000_000 << 16;
    batch.push(NewRecord { stream, ordinal: None, lease_epoch: 0, clock, codec: CODEC, payload: &payload }).unwrap();
    engine.sync(engine.append(batch).unwrap()).unwrap();
}

fn patch(store: &Store, key: ThreadKey, name: &str) {
    let engine = store.engine().unwrap();
    let mut payload = Vec::new();
    Control::Patched(Box::new(MetadataPatch::rename(name))).encode(&mut payload);
    let stream = key.stream(control_channel(engine.journal()));
    let mut batch = Batch::new();
    batch.push(NewRecord { stream, ordinal: None, lease_epoch: 0, clock: 9, codec: CODEC, payload: &payload }).unwrap();
    engine.sync(engine.append(batch).unwrap()).unwrap();
}

/// All bytes of the store's files, raw and decompressed.
fn all_bytes(bench: &Bench, store_id: [u8; 16]) -> Vec<u8> {
    let mut all = Vec::new();
    for path in bench.disk.paths().iter().filter(|path| path.starts_with(root())) {
        all.extend(bench.disk.read_raw(path).unwrap_or_default());
    }
    let sealed = Sealed::load(&bench.disk, root(), store_id, None, OnDamage::Refuse).unwrap();
    let mut decoder = Decoder::new();
    for segment in sealed.segments() {
        for block in 0..segment.footer().block_count() {
            if let Ok(records) = segment.records(block, &mut decoder) {
                all.extend(records.into_raw());
            }
            if let Ok(values) = segment.values(block, &mut decoder) {
                values.values().for_each(|(_, bytes)| all.extend_from_slice(bytes));
            }
        }
    }
    for row in &sealed.manifest().dictionaries {
        all.extend_from_slice(sealed.dictionaries().get(row.id).unwrap().raw());
    }
    all
}

fn holds(all: &[u8], text: &str) -> bool {
    memchr::memmem::find(all, text.as_bytes()).is_some()
}

#[test]
fn what_is_sealed_and_compacted_comes_out_byte_for_byte() {
    let bench = filled();
    bench.import();
    let store = bench.open();
    let before = store.stats().unwrap().disk_bytes;
    let written = store.seal(&CompactionConfig::default(), &Silent).unwrap();
    assert!(written.references > 80, "{written:?}");
    assert!(store.stats().unwrap().disk_bytes * 5 < before);
    bench.assert_round_trip();
    for full in [false, true, true] {
        store.compact(full, &CompactionConfig::default(), &Silent).unwrap();
        bench.assert_round_trip();
    }
    store.close().unwrap();
    assert!(Store::verify_on(Arc::new(bench.disk.clone()), root(), &Silent).unwrap().is_sound());
    assert_eq!(bench.import().count(Outcome::Unchanged), 3);
}

#[test]
fn what_a_sealed_file_gained_is_added() {
    let bench = filled();
    bench.import();
    let store = bench.open();
    store.compact(true, &CompactionConfig::default(), &Silent).unwrap();
    let path = bench.home().join(format!("s/{}", name(A)));
    let longer = fs::read_to_string(&path).unwrap() + &message(50, "and more");
    fs::write(&path, longer).unwrap();
    let report = store.import(&[bench.home()], &one_job(), &Silent).unwrap();
    assert_eq!((report.count(Outcome::Grown), report.count(Outcome::Unchanged)), (1, 2));
    bench.assert_round_trip();
    store.seal(&CompactionConfig::default(), &Silent).unwrap();
    bench.assert_round_trip();
}

#[test]
fn of_an_erased_thread_nothing_is_left_but_that_it_was_deleted() {
    let bench = filled();
    bench.import();
    let store = bench.open();
    let id: ThreadId = B.parse().unwrap();
    let key = store.thread(id).unwrap().current.key;
    patch(&store, key, "a private name");
    store.seal(&CompactionConfig::default(), &Silent).unwrap();
    patch(&store, key, "another private name");
    delete(&store, id);
    let store_id = store.engine().unwrap().store_id();
    let secrets: Vec<String> = (0..20).map(secret).chain(["private name".to_owned(), name(B)]).collect();
    assert!(secrets.iter().all(|secret| holds(&all_bytes(&bench, store_id), secret)));
    let erased = store.erase(&CompactionConfig::default(), &Silent).unwrap();
    assert!(erased.pending.is_empty() && erased.damaged.is_empty());
    let all = all_bytes(&bench, store_id);
    for secret in &secrets {
        assert!(!holds(&all, secret), "{secret}");
    }
    assert!(!holds(&all, "data:image/png") && holds(&all, "what a tool said to everybody"));
    let remains = store.remains(B).unwrap();
    assert_eq!((remains.lives.len(), remains.lives[0].records, remains.is_back), (1, 0, false));
    assert!(store.thread(id).is_none());
    assert_eq!(store.threads().len(), 2);
    fs::remove_file(bench.home().join(format!("s/{}", name(B)))).unwrap();
    bench.assert_round_trip();
    store.close().unwrap();
    assert!(Store::verify_on(Arc::new(bench.disk.clone()), root(), &Silent).unwrap().is_sound());
    let store = bench.open();
    assert_eq!(store.threads().len(), 2, "nor does opening it bring it back");
    assert_eq!(store.erase(&CompactionConfig::default(), &Silent).unwrap().written.files_replaced, 0);
}

#[test]
fn an_erased_source_leaves_its_forks_what_they_inherited_and_nothing_else() {
    let bench = filled();
    bench.import();
    let (source, fork): (ThreadId, ThreadId) = (B.parse().unwrap(), ThreadId::generate());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let fs: Arc<dyn threadlog_engine::fs::Fs> = Arc::new(bench.disk.clone());
    runtime.block_on(async {
        let config = Config { background: Background::Manual, ..Config::default() };
        let store = LocalThreadStore::open_on(Arc::clone(&fs), root(), LocalConfig::from(config)).await.unwrap();
        let mut params = ForkThreadParams::new(source, fork);
        params.position = crate::thread_store::ForkPosition::AtOrdinal(20);
        store.fork_thread(params).await.unwrap();
        store.close().await.unwrap();
    });
    let store = bench.open();
    let texts = |store: &Store| -> Vec<String> {
        let key = store.thread(fork).unwrap().current.key;
        store.items(key).map(|item| format!("{:?}", item.unwrap().item)).collect()
    };
    let before = texts(&store);
    assert!(before.len() >= 20);
    delete(&store, source);
    store.erase(&CompactionConfig::default(), &Silent).unwrap();
    assert_eq!(texts(&store), before);
    let store_id = store.engine().unwrap().store_id();
    assert!(!holds(&all_bytes(&bench, store_id), &secret(3)), "behind the cut");
    delete(&store, fork);
    store.erase(&CompactionConfig::default(), &Silent).unwrap();
    assert!(!holds(&all_bytes(&bench, store_id), "message 5 of 1"), "it went with its last fork");
    store.close().unwrap();
    assert!(Store::verify_on(Arc::new(bench.disk.clone()), root(), &Silent).unwrap().is_sound());
}

#[test]
fn usage_counts_every_byte_once_by_kind_and_tells_what_is_shared() {
    let bench = filled();
    bench.import();
    let store = bench.open();
    let hot = store.usage(&Silent).unwrap();
    assert_eq!(hot.total(), hot.hot);
    store.seal(&CompactionConfig::default(), &Silent).unwrap();
    let usage = store.usage(&Silent).unwrap();
    let records: u64 = store.log().streams().iter().map(|info| info.payload_bytes).sum();
    assert_eq!((usage.total().logical, hot.total().logical), (records, records));
    assert_eq!(usage.hot, maintain::Sizes::default());
    let of = |kind: UsageKind| usage.kinds.get(&kind).copied().unwrap_or_default();
    assert_eq!(of(UsageKind::Images).logical, 22 + 22 * 300);
    assert!(of(UsageKind::ToolOutput).logical > of(UsageKind::Messages).logical * 10);
    assert_eq!((usage.shared.values, usage.shared.references), (1, 90));
    assert_eq!(usage.shared.referenced_bytes, 90 * usage.shared.bytes);
    assert!(usage.total().physical * 10 < usage.total().logical && usage.total().physical < usage.disk_bytes);
    assert_eq!(usage.threads.len(), 3);
    assert_eq!(usage.threads[0].thread, B.parse().unwrap(), "it has what no other has");
    let by_thread: u64 = usage.threads.iter().map(|thread| thread.sizes.logical).sum();
    assert_eq!(by_thread, records);
}

#[test]
fn archived_threads_are_compacted_into_a_segment_of_their_own() {
    let bench = filled();
    // Its folder says so.
    fs::rename(bench.home().join("s"), bench.home().join("archived_sessions")).unwrap();
    bench.put("s/rollout-other.jsonl", rollout("33333333-1f70-49ba-9104-83619ec703e0", 40));
    bench.import();
    let store = bench.open();
    store.compact(false, &CompactionConfig::default(), &Silent).unwrap();
    let tiers = |store: &Store| -> Vec<_> {
        let sealed = store.engine().unwrap().sealed();
        let streams = |segment: &Arc<threadlog_engine::sealed::SealedSegment>| segment.footer().streams().len();
        let mut tiers: Vec<_> =
            sealed.segments().iter().map(|segment| (segment.row().tier, streams(segment))).collect();
        tiers.sort_by_key(|(_, streams)| *streams);
        tiers
    };
    use threadlog_engine::sealed::Tier::{Archived, Normal};
    assert_eq!(tiers(&store), [(Normal, 2), (Archived, 6)]);
    bench.assert_round_trip();
}

#[test]
fn a_store_is_sound_wherever_erasing_was_interrupted() {
    let bench = filled();
    bench.import();
    let store = bench.open();
    let id: ThreadId = B.parse().unwrap();
    let key = store.thread(id).unwrap().current.key;
    store.seal(&CompactionConfig::default(), &Silent).unwrap();
    // Some of it sealed, some of it hot.
    for ordinal in 0..3 {
        append_item(&store, key, &message(ordinal, "late words"));
    }
    bury(&store, key);
    drop(store);
    let trial = Bench { disk: bench.disk.snapshot(), folder: tempfile::tempdir().unwrap() };
    let store = trial.open();
    let start = trial.disk.calls();
    store.erase(&CompactionConfig::default(), &Silent).unwrap();
    for after in start..=trial.disk.calls() {
        let disk = bench.disk.snapshot();
        let cut = Bench { disk: disk.clone(), folder: tempfile::tempdir().unwrap() };
        let store = cut.open();
        disk.freeze_after(after);
        let _ = store.erase(&CompactionConfig::default(), &Silent);
        let crashed = disk.crash(&threadlog_engine::fs::sim::Choice::Sample(after));
        let report = Store::verify_on(Arc::new(crashed), root(), &Silent).unwrap();
        assert!(report.is_sound(), "after {after} calls: {report:?}");
    }
}

fn append_item(store: &Store, key: ThreadKey, line: &str) {
    let engine = store.engine().unwrap();
    let mut payload = Vec::new();
    crate::event::encode_line(&crate::item::parse(line.as_bytes()), false, &mut payload);
    let stream = key.stream(crate::event::ITEMS);
    let mut batch = Batch::new();
    batch.push(NewRecord { stream, ordinal: None, lease_epoch: 0, clock: 9, codec: CODEC, payload: &payload }).unwrap();
    engine.sync(engine.append(batch).unwrap()).unwrap();
}
