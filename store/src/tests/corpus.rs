//! Real rollout files, all of them, on the real file system.

use super::*;
use crate::import::Outcome;
use crate::item::Oddity;
use crate::{ExportOptions, ImportOptions, Silent, Store};
use threadlog_engine::Config;

#[test]
fn real_files_come_out_as_they_went_in() {
    let Some(corpus) = corpus() else { return };
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let store = Store::open(&root, Config::default()).unwrap();
    let paths = [corpus.clone()];
    let first = store.import(&paths, &ImportOptions::default(), &Silent).unwrap();
    store.close().unwrap();
    assert_eq!((first.refused.len(), first.count(Outcome::New)), (0, first.files.len()));

    let store = Store::open_read(&root).unwrap();
    let to = folder.path().join("to");
    let report = store.export(None, &to, &ExportOptions::default(), &Silent);
    assert_eq!(report.failed, []);
    assert_eq!((report.files.len(), report.bytes()), (first.files.len(), first.bytes()));
    for file in &first.files {
        let path = file.path.to_path();
        let (original, exported) = (corpus.join(&path), to.join(&path));
        assert!(std::fs::read(&original).unwrap() == std::fs::read(&exported).unwrap(), "{}", file.path);
        assert_eq!(modified(&original), modified(&exported));
    }
    assert!(Store::verify(&root, &Silent).unwrap().is_sound());

    let threads = store.threads();
    assert_eq!(threads.len(), first.threads());
    let stats = store.stats().unwrap();
    assert_eq!((stats.lines, stats.line_bytes), (first.lines_added(), first.bytes()));
    assert_eq!(stats.odd, first.odd());
    let old = stats.odd.get(Oddity::NoEnvelope);
    assert_eq!(stats.odd.iter().map(|(_, lines)| lines).sum::<u64>(), old, "nothing odd but the old format");
    let known = |thread: &crate::ThreadSummary| store.metadata(thread.current.key).created_ms() > 0;
    assert!(threads.iter().all(known));

    let store = Store::open(&root, Config::default()).unwrap();
    let again = store.import(&paths, &ImportOptions::default(), &Silent).unwrap();
    assert_eq!((again.count(Outcome::Unchanged), again.bytes_added()), (first.files.len(), 0));
}
