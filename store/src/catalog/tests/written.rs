//! Writing a checkpoint: crashes in the middle, interruptions, what is found wrong.

use std::sync::atomic::{AtomicU64, Ordering};

use threadlog_engine::fs::sim::Choice;
use zerocopy::{FromBytes, IntoBytes};

use super::super::checkpoint::VERSION;
use super::super::pages::{PAGE_BYTES, page_checksum};
use super::super::rows::{HEADER_BYTES, HeaderBytes};
use super::same::{newest_file, store_with_tail};
use super::*;
use crate::list::ThreadRow;
use crate::live::{LiveThread, NewItem};
use crate::metadata::ThreadMetadata;
use crate::progress::Progress;
use crate::thread_store::CreateThreadParams;

#[test]
fn answers_are_the_same_after_every_crash_in_writing_a_checkpoint() {
    let disk = store_with_tail();
    let wanted = answers(&disk);
    let rebuild = |disk: &SimFs| {
        let store = Store::open_on(Arc::new(disk.clone()), &root(), config()).unwrap();
        let start = disk.calls();
        (start, store.rebuild(&Silent).map(drop))
    };
    let trial = disk.snapshot();
    let (start, done) = rebuild(&trial);
    done.unwrap();
    for after in start..=trial.calls() {
        let cut = disk.snapshot();
        cut.freeze_after(after);
        let _ = rebuild_frozen(&cut);
        for choice in [Choice::LoseAll, Choice::KeepAll, Choice::Sample(after), Choice::Sample(after * 31 + 7)] {
            let crashed = cut.crash(&choice);
            assert_eq!(answers(&crashed), wanted, "after {after} calls, {choice:?}");
        }
    }
}

fn rebuild_frozen(disk: &SimFs) -> crate::Result<()> {
    let store = Store::open_on(Arc::new(disk.clone()), &root(), config())?;
    store.rebuild(&Silent).map(drop)
}

/// Stops after so many bytes.
struct Until {
    bytes: AtomicU64,
    most: u64,
}

impl Progress for Until {
    fn planned(&self, _files: u64, _bytes: u64) {}
    fn advanced(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
    fn file_done(&self) {}
    fn stop(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) >= self.most
    }
}

#[test]
fn a_rebuild_that_was_interrupted_goes_on_and_ends_as_one_that_was_not() {
    let disk = store_with_tail();
    let wanted = answers(&disk);
    let store = Store::open_on(Arc::new(disk.clone()), &root(), config()).unwrap();
    let counted = |most: u64| Until { bytes: AtomicU64::new(0), most };
    let whole = counted(u64::MAX);
    assert_eq!(store.rebuild(&whole).unwrap(), Some(50));
    let all = whole.bytes.into_inner();
    assert_eq!(store.rebuild(&counted(all / 2)).unwrap(), None);
    assert_eq!(answers(&disk), wanted, "beside a half one");
    // What the half one says is not folded again: a word that is not in the log is still there.
    let half = newest_file(&disk);
    let (path, word) = (catalog_files(&disk)[0].0.clone(), first_word(&half));
    overwrite(&disk, &path, &sound(&replaced(half, word.as_bytes(), word.to_uppercase().as_bytes())));
    assert_eq!(store.rebuild(&Silent).unwrap(), Some(50));
    assert_eq!(store.catalog_drift(&Silent).unwrap().len(), 1, "{word}");
    store.rebuild(&Silent).unwrap();
    assert_eq!(store.catalog_files().unwrap().len(), 1);
    assert_eq!(store.catalog_drift(&Silent).unwrap(), []);
    assert_eq!(answers(&disk), wanted);
    store.close().unwrap();
}

#[test]
fn a_checkpoint_that_says_something_else_than_the_log_is_found_and_made_anew() {
    let disk = store_with_tail();
    let wanted = answers(&disk);
    let (path, bytes) = (catalog_files(&disk)[0].0.clone(), newest_file(&disk));
    let store = Store::open_on(Arc::new(disk.clone()), &root(), config()).unwrap();
    assert_eq!(store.catalog_drift(&Silent).unwrap(), []);
    overwrite(&disk, &path, &sound(&replaced(bytes, b"words of 12", b"WORDS OF 12")));
    let (id, _) = rollout(12);
    assert_eq!(store.catalog_drift(&Silent).unwrap(), [id]);
    store.rebuild(&Silent).unwrap();
    assert_eq!(store.catalog_drift(&Silent).unwrap(), []);
    store.close().unwrap();
    assert_eq!(answers(&disk), wanted);
}

#[test]
fn a_store_of_which_nothing_is_sealed_is_rebuilt_from_its_records_too() {
    let disk = SimFs::new(1);
    let store = Store::open_on(Arc::new(disk.clone()), &root(), config()).unwrap();
    import(&store, 0..4);
    assert_eq!(store.rebuild(&Silent).unwrap(), Some(4));
    let (path, bytes) = (catalog_files(&disk)[0].0.clone(), newest_file(&disk));
    overwrite(&disk, &path, &sound(&replaced(bytes, b"words of 2", b"WORDS OF 2")));
    let (id, _) = rollout(2);
    assert_eq!(store.catalog_drift(&Silent).unwrap(), [id]);
    store.rebuild(&Silent).unwrap();
    assert_eq!(store.catalog_drift(&Silent).unwrap(), []);
    store.close().unwrap();
}

#[test]
fn behind_a_page_that_turns_out_to_be_damaged_the_older_file_is_used() {
    let disk = SimFs::new(1);
    let store = Store::open_on(Arc::new(disk.clone()), &root(), config()).unwrap();
    import(&store, 0..20);
    store.seal(&CompactionConfig::default(), &Silent).unwrap();
    import(&store, 20..24);
    store.seal(&CompactionConfig::default(), &Silent).unwrap();
    store.close().unwrap();
    let files = catalog_files(&disk);
    let (newest, older) = (files[0].0.clone(), files[1].0.clone());
    // So that it can be told which one is used.
    let said = replaced(read_file(&disk, &older).unwrap(), b"words of 12", b"WORDS OF 12");
    overwrite(&disk, &older, &sound(&said));
    let previews = || -> Vec<String> {
        let store = Store::open_read_on(Arc::new(disk.clone()), &root()).unwrap();
        let threads = LocalThreadStore::reading(&store).unwrap();
        let params = ListParams { include_without_preview: true, page_size: 100, ..ListParams::default() };
        let page = wait(threads.list_threads(params)).unwrap();
        page.threads.iter().map(|thread| thread.metadata.preview().unwrap_or_default().to_owned()).collect()
    };
    let has = |text: &str| previews().iter().any(|preview| preview == text);
    assert!(has("words of 12") && !has("WORDS OF 12"));
    let mut bytes = newest_file(&disk);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    overwrite(&disk, &newest, &bytes);
    assert_eq!(previews().len(), 24);
    assert!(has("WORDS OF 12") && has("words of 22"), "{:?}", previews());
    disk.remove_file(&older).unwrap();
    assert!(has("words of 12") && has("words of 22"));
}

#[test]
fn words_of_a_deleted_thread_are_in_no_checkpoint_once_one_was_written() {
    let disk = SimFs::new(1);
    let store = Store::open_on(Arc::new(disk.clone()), &root(), config()).unwrap();
    let ids = import(&store, 0..12);
    store.seal(&CompactionConfig::default(), &Silent).unwrap();
    store.close().unwrap();
    delete(&disk, ids[11]);
    let store = Store::open_on(Arc::new(disk.clone()), &root(), config()).unwrap();
    store.seal(&CompactionConfig::default(), &Silent).unwrap();
    store.close().unwrap();
    for (path, _) in catalog_files(&disk) {
        let bytes = read_file(&disk, &path).unwrap();
        assert!(!bytes.windows(11).any(|part| part == b"words of 11"), "{}", path.display());
    }
}

/// The words of one thread, of which a checkpoint has no longer ones.
fn first_word(bytes: &[u8]) -> String {
    let checkpoint = Checkpoint::open(Arc::new(bytes.to_vec()), &Checkpoint::store_in(bytes).unwrap()).unwrap();
    let rows: Vec<_> = checkpoint.rows(true).unwrap().collect();
    let previews = rows.iter().filter_map(|row| row.preview().map(str::to_owned));
    previews.max_by_key(String::len).unwrap()
}

fn replaced(mut bytes: Vec<u8>, what: &[u8], with: &[u8]) -> Vec<u8> {
    while let Some(at) = bytes.windows(what.len()).position(|part| part == what) {
        bytes[at..at + what.len()].copy_from_slice(with);
    }
    bytes
}

/// The same file with the checksums that its bytes have.
fn sound(bytes: &[u8]) -> Vec<u8> {
    let (mut header, _) = HeaderBytes::read_from_prefix(bytes).unwrap();
    let pages = (bytes.len() - HEADER_BYTES).div_ceil(PAGE_BYTES + 4);
    let body = &bytes[HEADER_BYTES + pages * 4..];
    let sums: Vec<u8> = (0..)
        .zip(body.chunks(PAGE_BYTES))
        .flat_map(|(at, page)| page_checksum(header.salt.get(), at, page).to_le_bytes())
        .collect();
    header.pages_checksum = crc32fast::hash(&sums).into();
    header.header_checksum = header.checksum().into();
    [header.as_bytes(), &sums, body].concat()
}

#[test]
fn a_damaged_page_is_mended_by_the_next_checkpoint() {
    let disk = store_with_tail();
    let wanted = answers(&disk);
    let (path, mut bytes) = (catalog_files(&disk)[0].0.clone(), newest_file(&disk));
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    overwrite(&disk, &path, &bytes);
    let store = Store::open_on(Arc::new(disk.clone()), &root(), config()).unwrap();
    store.seal(&CompactionConfig::default(), &Silent).unwrap();
    store.close().unwrap();
    let files = catalog_files(&disk);
    assert!(matches!(files[0].1, Some(CatalogState::Usable { threads: 50, behind: 0 })), "{files:?}");
    assert_eq!(answers(&disk), wanted);
}

#[test]
fn whoever_closes_a_store_after_adding_much_leaves_a_checkpoint_and_after_little_does_not() {
    for (bytes, wanted) in [(64 << 10, 0), (6 << 20, 1)] {
        let disk = SimFs::new(1);
        wait(async {
            let store = LocalThreadStore::open_on(Arc::new(disk.clone()), &root(), config().into()).await.unwrap();
            let thread = LiveThread::create(Arc::new(store.clone()), CreateThreadParams::new(ThreadId::generate()));
            let thread = thread.await.unwrap();
            for _ in 0..16 {
                let said = serde_json::json!({"type": "agent_message", "message": "x".repeat(bytes / 16)});
                thread.append(vec![NewItem::event(&said).unwrap()]).await.unwrap();
            }
            thread.shutdown().await.unwrap();
            store.close().await.unwrap();
        });
        assert_eq!(catalog_files(&disk).len(), wanted, "{bytes} bytes");
    }
}

#[test]
fn the_version_of_the_file_has_that_of_the_states_in_it() {
    let state = ThreadMetadata::new(ThreadId::generate()).to_canonical_bytes();
    assert_eq!(VERSION, 256 * u32::from(state[0]) + 1);
}

#[test]
fn sizes_that_a_checkpoint_keeps_are_those_of_the_records() {
    let disk = store_with_tail();
    let store = Store::open_read_on(Arc::new(disk.clone()), &root()).unwrap();
    let threads = LocalThreadStore::reading(&store).unwrap();
    let ids: Vec<ThreadId> = store.threads().iter().map(|thread| thread.thread).collect();
    assert_eq!(ids.len(), 49, "one is deleted");
    assert_eq!(wait(threads.summaries(&ids)).unwrap(), store.threads_of(&ids));
}
