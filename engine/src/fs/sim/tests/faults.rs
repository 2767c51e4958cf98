//! Faults: each does what it says, at the call it was planned for, once.

use super::*;

#[test]
fn an_error_hits_the_planned_call_and_does_nothing() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &block(b'a'));
    fs.fail_call(fs.calls() + 2, Fault::Error(ENOSPC));
    assert!(file.len().is_ok());
    let failed = file.write_at(&block(b'x'), 0).unwrap_err();
    assert_eq!((failed.kind(), failed.raw_os_error()), (std::io::ErrorKind::StorageFull, Some(ENOSPC)));
    assert_eq!(content(&fs, "/a"), block(b'a'));
    assert!(file.write_at(&block(b'x'), 0).is_ok());
    assert_eq!(fs.faults_fired(), 1);
}

#[test]
fn faults_by_kind_count_calls_of_that_kind() {
    let fs = SimFs::new(1);
    let file = create(&fs, "/a");
    fs.fail_kind(CallKind::Write, 2, Fault::Error(EIO));
    assert!(file.write_at(b"x", 0).is_ok());
    assert!(file.sync_data().is_ok());
    assert_eq!(errno(file.write_at(b"x", 0)), Some(EIO));
    assert!(file.write_at(b"x", 0).is_ok());
    assert_eq!((fs.calls_of(CallKind::Write), fs.calls_of(CallKind::Sync), fs.calls_of(CallKind::Read)), (3, 1, 0));
}

/// One call of every kind, in the order of [`CallKind::ALL`].
fn call(fs: &SimFs, kind: CallKind) -> std::io::Result<()> {
    let open = |name: &str| fs.open(path(name), OpenMode::Write);
    let held = || super::super::handle::SimFile {
        handle: super::super::handle::Handle {
            shared: Arc::clone(&fs.shared),
            process: Arc::default(),
            inode: fs.state().disk.lookup(path("/a")).unwrap(),
            path: "/a".into(),
        },
        writable: true,
    };
    match kind {
        CallKind::Open => open("/a").map(drop),
        CallKind::Create => fs.create_dir(path("/dir")),
        CallKind::Read => held().read_at(&mut [0], 0).map(drop),
        CallKind::Write => held().write_at(&[0], 0).map(drop),
        CallKind::Sync => held().sync_data(),
        CallKind::SetLen => held().set_len(7),
        CallKind::Rename => fs.rename(path("/b"), path("/c")),
        CallKind::Remove => fs.remove_file(path("/d")),
        CallKind::SyncDir => fs.sync_dir(path("/")),
        CallKind::List => fs.read_dir(path("/")).map(drop),
        CallKind::Lock => fs.try_lock(path("/LOCK")).map(drop),
        CallKind::Map => fs.shared_page(path("/mark"), 4096).map(drop),
        CallKind::Fact => fs.boot_id().map(drop),
    }
}

#[test]
fn every_kind_of_call_can_fail_without_effect() {
    for kind in CallKind::ALL {
        let fs = SimFs::new(1);
        for name in ["/a", "/b", "/d"] {
            durable(&fs, name, b"content");
        }
        let before = (paths(&fs), fs.snapshot().crash(&Choice::KeepAll).durable_hash());
        fs.fail_call(fs.calls() + 1, Fault::Error(EINTR));
        assert_eq!(errno(call(&fs, kind)), Some(EINTR), "{kind:?}");
        assert_eq!((paths(&fs), fs.snapshot().crash(&Choice::KeepAll).durable_hash()), before, "{kind:?}");
        call(&fs, kind).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
    }
}

#[test]
fn a_fault_that_does_not_fit_is_spent() {
    let fs = SimFs::new(1);
    let file = create(&fs, "/a");
    fs.fail_call(fs.calls() + 1, Fault::FailedSync);
    file.write_at(b"x", 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(fs.faults_fired(), 0);
}

#[test]
fn short_reads_and_writes_move_part_of_the_bytes() {
    let fs = SimFs::new(1);
    let file = create(&fs, "/a");
    fs.fail_kind(CallKind::Write, 1, Fault::ShortWrite(3));
    assert_eq!(file.write_at(b"abcdef", 0).unwrap(), 3);
    assert_eq!(content(&fs, "/a"), b"abc");
    write_all_at(&*file, b"def", 3).unwrap();
    let mut buffer = [0; 6];
    let reads = fs.calls_of(CallKind::Read);
    fs.fail_kind(CallKind::Read, reads + 1, Fault::ShortRead(2));
    fs.fail_kind(CallKind::Read, reads + 2, Fault::ShortRead(0));
    fs.fail_kind(CallKind::Read, reads + 3, Fault::Error(EINTR));
    assert_eq!(file.read_at(&mut buffer, 0).unwrap(), 2);
    assert_eq!(file.read_at(&mut buffer, 0).unwrap(), 1, "a read before the end is never empty");
    crate::fs::read_exact_at(&*file, &mut buffer, 0).unwrap();
    assert_eq!(&buffer, b"abcdef");
}

#[test]
fn the_loops_get_over_short_and_interrupted_calls() {
    let fs = SimFs::new(1);
    let file = create(&fs, "/a");
    fs.fail_kind(CallKind::Write, 1, Fault::ShortWrite(1));
    fs.fail_kind(CallKind::Write, 2, Fault::Error(EINTR));
    fs.fail_kind(CallKind::Write, 3, Fault::ShortWrite(2));
    write_all_at(&*file, b"abcdef", 0).unwrap();
    assert_eq!(content(&fs, "/a"), b"abcdef");
    fs.fail_kind(CallKind::Write, 5, Fault::ShortWrite(0));
    assert_eq!(write_all_at(&*file, b"x", 0).unwrap_err().kind(), std::io::ErrorKind::WriteZero);
}

#[test]
fn a_short_write_then_an_error_leaves_part() {
    let fs = SimFs::new(1);
    let file = create(&fs, "/a");
    fs.fail_kind(CallKind::Write, 1, Fault::ShortWriteThenError { bytes: 4, errno: ENOSPC });
    assert_eq!(errno(write_all_at(&*file, b"abcdef", 0)), Some(ENOSPC));
    assert_eq!(content(&fs, "/a"), b"abcd");
    write_all_at(&*file, b"abcdef", 0).unwrap();
    assert_eq!(fs.faults_fired(), 2);
}

#[test]
fn an_error_at_a_sync_leaves_everything_pending() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &block(b'a'));
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    fs.fail_kind(CallKind::Sync, 2, Fault::Error(EINTR));
    assert_eq!(errno(file.sync_data()), Some(EINTR));
    file.sync_data().unwrap();
    assert_eq!(outcomes(&fs, "/a"), set(&["x"]));
}

#[test]
fn planned_faults_can_be_cleared() {
    let fs = SimFs::new(1);
    let file = create(&fs, "/a");
    for number in 1..100 {
        fs.fail_call(number, Fault::Error(EIO));
        fs.fail_kind(CallKind::Write, number, Fault::Error(EIO));
    }
    fs.freeze_after(0);
    fs.clear_faults();
    write_all_at(&*file, b"x", 0).unwrap();
}

#[test]
fn a_fault_planned_before_a_crash_is_gone_after_it() {
    let fs = SimFs::new(1);
    fs.fail_kind(CallKind::Create, 1, Fault::Error(EIO));
    let left = fs.crash(&Choice::LoseAll);
    create(&left, "/a");
}

#[test]
fn the_trace_tells_number_kind_and_path() {
    let fs = SimFs::new(1);
    create(&fs, "/before");
    fs.set_trace(true);
    let file = create(&fs, "/a");
    file.sync_data().unwrap();
    fs.rename(path("/a"), path("/b")).unwrap();
    fs.set_trace(false);
    file.sync_data().unwrap();
    assert!(fs.trace().is_empty());
    fs.set_trace(true);
    fs.sync_dir(path("/")).unwrap();
    let calls: Vec<_> = fs.trace().into_iter().map(|call| (call.number, call.kind, call.path)).collect();
    assert_eq!(calls, [(6, CallKind::SyncDir, "/".into())]);
}
