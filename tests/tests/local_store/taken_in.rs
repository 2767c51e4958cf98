//! Imports beside processes that write, and die: what an import reports is there whatever becomes of the others.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use threadlog::local::LocalThreadStore;
use threadlog::thread_store::{ResumeThreadParams, ThreadStore};
use threadlog::{ImportOptions, Progress, Store, ThreadId};
use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::{Background, Config, verify};

use crate::words::{ROOT, append, current_thread, manual, open, texts};
use threadlog_tests::proof::races::{SOURCE, rollout};

/// Does something once, when an import knows its files and has not begun with them.
struct Then<F>(Mutex<Option<F>>);

impl<F: FnOnce() + Send> Progress for Then<F> {
    fn planned(&self, _files: u64, _bytes: u64) {
        if let Some(then) = self.0.lock().unwrap().take() {
            then();
        }
    }
    fn advanced(&self, _bytes: u64) {}
    fn file_done(&self) {}
}

#[test]
fn what_a_writer_left_that_died_while_an_import_ran_is_in_the_log_before_the_file_is_compared() {
    let (machine, folder, id) = (SimFs::new(1), tempfile::tempdir().unwrap(), SOURCE.parse::<ThreadId>().unwrap());
    let config = || Config { background: Background::Manual, prepare_spares: false, ..Config::default() };
    let store = Store::open_on(Arc::new(machine.process()), Path::new(ROOT), config()).unwrap();
    let import = |messages, progress: &dyn Progress| {
        store
            .import(
                &[rollout(folder.path(), messages)],
                &ImportOptions { jobs: 1, ..ImportOptions::default() },
                progress,
            )
            .unwrap()
    };
    import(1, &threadlog::Silent);
    let dying = machine.process();
    let other: LocalThreadStore = current_thread().block_on(open(&dying, manual())).unwrap();
    let write_and_die = || {
        current_thread().block_on(async {
            other.resume_thread(ResumeThreadParams::new(id)).await.unwrap();
            append(&other, id, &["written, and on no disk"]).await.unwrap();
            let before = other.stats().unwrap();
            while other.stats().unwrap().groups == before.groups {
                std::thread::sleep(Duration::from_millis(1));
                other.tick().await.unwrap();
            }
            assert_eq!(other.stats().unwrap().syncs, before.syncs, "only written");
        });
        dying.kill_process();
    };
    let report = import(3, &Then(Mutex::new(Some(write_and_die))));
    assert_eq!((report.files.len(), report.refused.len()), (1, 0), "{report:?}");
    store.close().unwrap();
    current_thread().block_on(async {
        let store = open(&machine.process(), manual()).await.unwrap();
        store.resume_thread(ResumeThreadParams::new(id)).await.unwrap();
        append(&store, id, &["goes on"]).await.unwrap();
        store.shutdown_thread(id.into()).await.unwrap();
        let texts = texts(&store, id).await.unwrap();
        // Either the file went on where it had ended, or it is a life of its own: what it holds is there.
        assert!(texts.starts_with(&["0".into(), "1".into(), "2".into()]), "{texts:?}");
        store.close().await.unwrap();
    });
    let found = verify(Arc::new(machine.process()), Path::new(ROOT), &mut |_| ()).unwrap();
    assert!(found.is_sound(), "{found:?}");
    drop(other);
}
