use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::*;

#[test]
fn without_a_sync_bytes_reach_the_system_first_and_the_disk_within_a_second() {
    let fs = SimFs::new(1);
    let clock = Arc::new(HandClock::default());
    let engine = Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config(&clock)).unwrap();
    append(&engine, 1, 0).unwrap();
    assert!(!engine.tick());
    clock.forward(10);
    assert!(engine.tick());
    assert_eq!((engine.stats().groups, engine.stats().syncs), (1, 0));
    clock.forward(989);
    assert!(engine.tick());
    assert_eq!(count(&engine, 1), 1);
    assert_eq!(count(&reader(&fs.crash(&Choice::LoseAll)), 1), 1);
}

#[test]
fn an_idle_journal_gets_one_witness() {
    let fs = SimFs::new(1);
    let clock = Arc::new(HandClock::default());
    let engine = Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config(&clock)).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    assert!(!engine.tick());
    clock.forward(60);
    assert!(engine.tick());
    assert!(!engine.tick());
    assert_eq!(engine.stats().witnesses, 1);
    // The mark page alone may be lost: the witness vouches.
    let left = fs.crash(&Choice::LoseAll);
    assert_eq!(reader(&left).facts().witness.0, 1);
}

#[test]
fn a_future_is_ready_when_its_record_is_durable() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let ticket = append(&engine, 1, 0).unwrap();
    let mut future = pin!(engine.durable(ticket));
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(future.as_mut().poll(&mut context), Poll::Ready(Ok(()))));
    assert_eq!(count(&reader(&fs.crash(&Choice::LoseAll)), 1), 1);
}

#[test]
fn the_engines_own_threads_do_all_this_unasked() {
    let fs = SimFs::new(1);
    let config = Config {
        background: Background::Threads,
        sync_after: Duration::from_millis(100),
        clock: Arc::new(crate::SystemClock),
        ..config(&Arc::default())
    };
    let engine = Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config).unwrap();
    append(&engine, 1, 0).unwrap();
    let patience = std::time::Instant::now() + Duration::from_secs(30);
    while engine.stats().witnesses == 0 {
        assert!(std::time::Instant::now() < patience, "no witness in 30 s");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(count(&engine, 1), 1);
    let left = fs.crash(&Choice::LoseAll);
    assert_eq!(count(&reader(&left), 1), 1);
    engine.close().unwrap();
}
