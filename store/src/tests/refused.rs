//! A read that the system refuses once is no damage: what is stored is not stored again.

use threadlog_engine::fs::sim::{CallKind, EINTR, EIO, Fault};

use super::*;

/// A thread of a file, grown in the store's file since; the file as it is now, grown once more.
fn bench() -> Bench {
    let bench = Bench::new();
    let path = format!("a/{}", name(A));
    for messages in [3, 5] {
        bench.put(&path, rollout(A, messages));
        bench.import();
    }
    let large = line(1, "response_item", &format!("{{\"output\":\"{}\"}}", "z".repeat(3 << 19)));
    bench.put(&format!("b/{}", name(B)), meta(B) + &large + &message(2, "after"));
    bench.import();
    bench.put(&path, rollout(A, 7));
    bench
}

#[test]
fn a_read_that_fails_once_makes_no_revision() {
    for (refused, number) in (1..).enumerate() {
        let bench = bench();
        let store = bench.open();
        let fault = [Fault::Error(EIO), Fault::Error(EINTR)][usize::from(number % 2 == 0)];
        bench.disk.fail_kind(CallKind::Read, bench.disk.calls_of(CallKind::Read) + number, fault);
        let fired = bench.disk.faults_fired();
        let result = store.import(&[bench.home()], &one_job(), &Silent);
        if bench.disk.faults_fired() == fired {
            assert!(number > 5 && refused > 5, "{number} reads");
            return;
        }
        for file in result.map(|report| report.files).unwrap_or_default() {
            assert!(matches!(file.outcome, Outcome::Unchanged | Outcome::Grown), "read {number}: {file:?}");
        }
        bench.disk.clear_faults();
        store.close().unwrap();
        bench.import();
        bench.assert_round_trip();
        assert!(bench.open_read().threads().iter().all(|thread| thread.others.is_empty()), "read {number}");
    }
}

#[test]
fn what_is_refused_each_time_is_as_good_as_damaged() {
    let bench = bench();
    let store = bench.open();
    // Every read of the next thousand.
    let from = bench.disk.calls_of(CallKind::Read);
    (1..1000).for_each(|number| bench.disk.fail_kind(CallKind::Read, from + number, Fault::Error(EIO)));
    let report = store.import(&[bench.home()], &one_job(), &Silent).unwrap();
    assert_eq!(report.count(Outcome::Repaired), 2);
    bench.disk.clear_faults();
    store.close().unwrap();
    bench.assert_round_trip();
}
