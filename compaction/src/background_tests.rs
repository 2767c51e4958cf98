use super::*;
use crate::testing::hot::{append, hot_files, open, read, reader, take};
use crate::testing::{Fates, Model, config, payload, root, stream, value};
use std::time::Instant;
use threadlog_engine::SystemClock;
use threadlog_engine::fs::sim::{CallKind, SimFs};

fn start(engine: &Engine, fs: &SimFs, config: Config) -> Background {
    let rules: RulesOfNow = Box::new(|| Arc::new(Fates::default()));
    let (fs, clock): (Arc<dyn Fs>, Arc<dyn Clock>) = (Arc::new(fs.clone()), Arc::new(SystemClock));
    Background::start(engine.clone(), fs, &root(), "test", clock, config, rules).unwrap()
}

/// Waits for something that comes by itself. Never for a certain time.
fn wait_for(mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(120), "it does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn fill(engine: &Engine, model: &mut Model, records: u64) {
    for number in 0..records {
        append(engine, model, stream(1, 0), payload(&[&value(number % 9)])).unwrap();
    }
}

#[test]
fn what_has_become_much_is_sealed_and_what_is_left_when_nobody_adds_to_it() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let mut model = Model::new();
    let settings = Config { hot_bytes: 1 << 20, idle_ms: u64::MAX, pause_ms: 1, ..config() };
    let mut worker = start(&engine, &fs, settings.clone());
    fill(&engine, &mut model, 300);
    wait_for(|| worker.done().written.records > 200);
    assert!(hot_files(&fs) > 0, "what is written now stays hot");
    assert_eq!((read(&engine), read(&reader(&fs))), (model.clone(), model.clone()));
    worker.stop();
    let mut worker = start(&engine, &fs, Config { idle_ms: 1, ..settings });
    wait_for(|| hot_files(&fs) == 0);
    worker.stop();
    assert!(worker.done().error.is_none(), "{:?}", worker.done().error);
    assert_eq!((read(&engine), read(&reader(&fs))), (model.clone(), model));
}

#[test]
fn many_segments_become_few() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let mut model = Model::new();
    let worker = start(&engine, &fs, Config { idle_ms: 1, pause_ms: 1, ..config() });
    for round in 1..13_u64 {
        fill(&engine, &mut model, 2);
        wait_for(|| worker.done().written.records >= round * 2 && hot_files(&fs) == 0);
    }
    wait_for(|| engine.sealed().segments().len() < 4);
    drop(worker);
    assert_eq!((read(&engine), read(&reader(&fs))), (model.clone(), model));
}

#[test]
fn another_holder_is_waited_for_and_told() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let mut model = Model::new();
    fill(&engine, &mut model, 5);
    let held = take(&fs.process(), &engine).unwrap();
    let worker = start(&engine, &fs, Config { idle_ms: 1, pause_ms: 1, ..config() });
    wait_for(|| worker.done().busy > 0);
    assert_eq!(worker.done().busy_with.map(|owner| owner.client), Some("test".to_owned()));
    assert_eq!(worker.done().steps, 0);
    drop(held);
    wait_for(|| worker.done().steps > 0);
}

#[test]
fn it_stops_at_once_and_with_it_goes_its_hold_on_the_engine() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let worker = start(&engine, &fs, Config { pause_ms: u64::MAX, ..config() });
    worker.nudge();
    drop(worker);
    drop(engine);
    open(&fs).unwrap();
}

#[test]
fn a_damaged_journal_is_not_read_at_each_look() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    fill(&engine, &mut Model::new(), 400);
    let first = fs.paths().into_iter().filter(|path| path.extension().is_some_and(|end| end == "hot")).min().unwrap();
    fs.flip_bit(&first, 4096 + 500, 0).unwrap();
    let settings = Config { hot_bytes: 1 << 20, idle_ms: 1 << 40, pause_ms: 1, ..config() };
    let worker = start(&engine, &fs, settings);
    let looks = |more: u64| {
        let start = fs.calls_of(CallKind::List);
        wait_for(|| fs.calls_of(CallKind::List) > start + more);
    };
    looks(40);
    let read = fs.calls_of(CallKind::Read);
    assert!(read > 0 && worker.done().steps == 0, "it was tried, and nothing could be sealed");
    looks(40);
    assert_eq!(fs.calls_of(CallKind::Read), read);
}
