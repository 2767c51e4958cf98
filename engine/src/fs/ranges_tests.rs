use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::OsFs;
use crate::fs::Fs;
use crate::fs::sim::SimFs;

const A: LockRange = LockRange { start: 1 << 62, length: 3 };
const B: LockRange = LockRange { start: (1 << 62) + 256, length: 256 };

/// The system's and the simulated ones, each with two owners.
fn on_both(check: impl Fn(&dyn RangeLocks, Arc<dyn RangeLocks>)) {
    let directory = tempfile::tempdir().unwrap();
    let systems: [(Arc<dyn Fs>, _); 2] =
        [(Arc::new(OsFs), directory.path().join("L")), (Arc::new(SimFs::new(1)), Path::new("/L").to_owned())];
    for (fs, path) in systems {
        let (one, two) = (fs.range_locks(&path).unwrap(), fs.range_locks(&path).unwrap());
        check(&*one, two);
    }
}

#[test]
fn an_exclusive_lock_excludes_others_and_names_its_range() {
    on_both(|one, two| {
        assert!(one.try_lock(A, RangeMode::Exclusive).unwrap());
        let first = LockRange { start: A.start, length: 1 };
        for mode in [RangeMode::Shared, RangeMode::Exclusive] {
            assert!(!two.try_lock(first, mode).unwrap());
            assert_eq!(two.holder(first, mode).unwrap(), Some(A));
            assert!(one.try_lock(A, RangeMode::Exclusive).unwrap(), "its own lock is not in its way");
            assert_eq!(one.holder(A, mode).unwrap(), None);
        }
        assert!(two.try_lock(B, RangeMode::Exclusive).unwrap());
        one.unlock(A).unwrap();
        assert!(two.try_lock(A, RangeMode::Exclusive).unwrap());
    });
}

#[test]
fn shared_locks_exclude_only_exclusive_ones() {
    on_both(|one, two| {
        assert!(one.try_lock(A, RangeMode::Shared).unwrap());
        assert!(two.try_lock(A, RangeMode::Shared).unwrap());
        assert_eq!(one.holder(A, RangeMode::Shared).unwrap(), None);
        assert_eq!(one.holder(A, RangeMode::Exclusive).unwrap(), Some(A));
        assert!(!one.try_lock(A, RangeMode::Exclusive).unwrap());
        two.unlock(A).unwrap();
        assert!(one.try_lock(A, RangeMode::Exclusive).unwrap());
    });
}

#[test]
fn dropping_the_file_frees_its_locks_and_only_those() {
    on_both(|one, two| {
        assert!(two.try_lock(A, RangeMode::Exclusive).unwrap());
        assert!(one.try_lock(B, RangeMode::Exclusive).unwrap());
        drop(two);
        assert!(one.try_lock(A, RangeMode::Exclusive).unwrap());
    });
}

#[test]
fn a_lock_can_be_made_longer_and_shorter_without_letting_go() {
    on_both(|one, two| {
        let longer = LockRange { start: A.start, length: 9 };
        assert!(one.try_lock(A, RangeMode::Exclusive).unwrap());
        assert!(one.try_lock(longer, RangeMode::Exclusive).unwrap());
        assert_eq!(two.holder(A, RangeMode::Shared).unwrap(), Some(longer));
        one.unlock(LockRange { start: A.end(), length: 6 }).unwrap();
        assert_eq!(two.holder(A, RangeMode::Shared).unwrap(), Some(A));
    });
}
