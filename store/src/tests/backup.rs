//! Backups of whole stores, and stores made of them.

use super::forks::{fork_meta, key, plant, texts};
use super::*;
use crate::lineage::Lineage;
use crate::maintain::{CompactionConfig, CompactionError};
use crate::{Error, ThreadKey};

fn at() -> &'static Path {
    Path::new("/backup")
}

fn back_up(disk: &SimFs) -> crate::Result<crate::backup::Copied> {
    Store::backup_on(Arc::new(disk.clone()), root(), at(), &Config::default(), &Silent)
}

fn open_at(disk: &SimFs, root: &Path) -> Store {
    Store::open_read_on(Arc::new(disk.clone()), root).unwrap()
}

fn export(store: &Store, to: &Path) -> BTreeMap<String, Vec<u8>> {
    assert_eq!(store.export(None, to, &ExportOptions::default(), &Silent).failed, []);
    tree(to)
}

#[test]
fn a_backup_can_be_read_where_it_lies_and_gives_the_same_files() {
    let bench = Bench::new();
    bench.put(&name(A), rollout(A, 20));
    bench.put(&name(B), meta(B) + &message(1, &"long ".repeat(400_000)));
    bench.import();
    let store = bench.open();
    plant(&store, key(2), None, &[meta(A), message(1, "one"), message(2, "two")]);
    plant(&store, key(3), Some((key(2), 2)), &[fork_meta(key(3), key(2)), message(3, "its own")]);
    let expected = export(&store, &bench.folder.path().join("expected"));

    // Beside an open writer, before and after sealing.
    for round in 0..2 {
        back_up(&bench.disk).unwrap();
        assert!(Store::verify_on(Arc::new(bench.disk.clone()), at(), &Silent).unwrap().is_sound());
        let copy = open_at(&bench.disk, at());
        assert_eq!(copy.store_id().unwrap(), store.store_id().unwrap());
        assert!(export(&copy, &bench.folder.path().join(format!("copy {round}"))) == expected, "round {round}");
        assert!(back_up(&bench.disk).unwrap().unchanged, "round {round}");
        store.seal(&CompactionConfig::default(), &Silent).unwrap();
    }

    let again = Path::new("/again");
    Store::restore_on(Arc::new(bench.disk.clone()), at(), again, true, &Config::default(), &Silent).unwrap();
    let config = Config { background: Background::Manual, ..Config::default() };
    let restored = Store::open_on(Arc::new(bench.disk.clone()), again, config).unwrap();
    assert!(export(&restored, &bench.folder.path().join("restored")) == expected);
    plant(&restored, key(4), Some((key(3), 4)), &[fork_meta(key(4), key(3)), message(4, "after")]);
    assert_eq!(texts(&restored, key(4)).len(), 6);
}

#[test]
fn a_store_is_not_backed_up_into_itself_nor_restored_over_another() {
    let bench = Bench::new();
    plant(&bench.open(), key(2), None, &[meta(A)]);
    let fs = || -> Arc<dyn threadlog_engine::fs::Fs> { Arc::new(bench.disk.clone()) };
    for to in ["/store", "/store/backup", "/"] {
        let error = Store::backup_on(fs(), root(), Path::new(to), &Config::default(), &Silent).unwrap_err();
        assert!(matches!(&error, Error::Compaction(CompactionError::NotACopy { .. })), "{to}: {error}");
    }
    back_up(&bench.disk).unwrap();
    let other = Path::new("/other");
    drop(Store::open_on(fs(), other, Config::default()).unwrap());
    let error = Store::restore_on(fs(), at(), other, true, &Config::default(), &Silent).unwrap_err();
    assert!(matches!(error, Error::Compaction(CompactionError::NotACopy { .. })));
}

/// Two processes write: one makes threads, the other forks them at once and says something there.
#[test]
fn a_backup_made_while_others_write_lacks_nothing_that_it_refers_to() {
    let bench = Bench::new();
    drop(bench.open());
    let (one, two) = (bench.disk.process(), bench.disk.process());
    let open = |disk: &SimFs| {
        let config = Config { background: Background::Manual, prepare_spares: false, ..Config::default() };
        Store::open_on(Arc::new(disk.clone()), root(), config).unwrap()
    };
    let (first, second) = (open(&one), open(&two));
    let acknowledged = AtomicU64::new(0);
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..200_u128 {
                let (base, fork) = (key(2 * number), key(2 * number + 1));
                plant(&first, base, None, &[meta(A), message(1, "one"), message(2, "two")]);
                second.engine().unwrap().refresh().unwrap();
                plant_fork(&second, fork, base);
                acknowledged.store(u64::try_from(number).unwrap(), Ordering::SeqCst);
            }
            done.store(1, Ordering::SeqCst);
        });
        loop {
            let last = done.load(Ordering::SeqCst) == 1;
            let before = acknowledged.load(Ordering::SeqCst);
            back_up(&bench.disk).unwrap();
            let copy = open_at(&bench.disk, at());
            for number in 1..=u128::from(before) {
                assert_eq!(texts(&copy, key(2 * number + 1)).len(), 4, "what was durable before is there");
            }
            let lives: std::collections::BTreeSet<ThreadKey> =
                copy.log().streams().iter().map(|info| ThreadKey::of(&info.stream)).collect();
            for life in lives {
                Lineage::of(copy.log(), life).unwrap();
            }
            if last {
                break;
            }
        }
    });
}

/// As [`plant`], by the second journal.
fn plant_fork(store: &Store, fork: ThreadKey, base: ThreadKey) {
    assert_eq!(store.engine().unwrap().journal(), 1);
    plant(store, fork, Some((base, 2)), &[fork_meta(fork, base), message(3, "its own")]);
}
