//! The trait over a store that is open for reading, beside its writer.

use std::path::Path;
use std::sync::Arc;

use threadlog::Store;
use threadlog::list::ListParams;
use threadlog::local::LocalThreadStore;
use threadlog::metadata::MetadataPatch;
use threadlog::thread_store::{
    CreateThreadParams, ForkThreadParams, ReadThreadParams, ResumeThreadParams, ThreadStore, ThreadStoreError,
    UpdateThreadMetadataParams,
};
use threadlog_engine::fs::sim::SimFs;

use crate::words::{ROOT, append, create, current_thread, manual, open, texts};

fn reader(fs: &SimFs) -> LocalThreadStore {
    LocalThreadStore::reading(&Store::open_read_on(Arc::new(fs.clone()), Path::new(ROOT)).unwrap()).unwrap()
}

#[test]
fn a_reader_sees_what_is_durable_when_it_looks() {
    let fs = SimFs::new(1);
    current_thread().block_on(async {
        let store = open(&fs, manual()).await.unwrap();
        let id = create(&store).await;
        append(&store, id, &["a"]).await.unwrap();
        store.flush_thread(id.into()).await.unwrap();
        append(&store, id, &["b"]).await.unwrap();
        let reading = reader(&fs);
        assert_eq!(texts(&reading, id).await.unwrap(), ["a"]);
        let other = create(&store).await;
        store.persist_thread(other.into()).await.unwrap();
        let patch = MetadataPatch::rename("renamed");
        store.update_thread_metadata(UpdateThreadMetadataParams::new(id, patch)).await.unwrap();
        assert!(reading.read_thread(ReadThreadParams::new(other)).await.is_ok(), "found without being told");
        assert_eq!(texts(&reading, id).await.unwrap(), ["a", "b"]);
        let thread = reading.read_thread(ReadThreadParams::new(id)).await.unwrap();
        assert_eq!(thread.metadata.name(), Some("renamed"));
        let mut params = ListParams::default();
        params.include_without_preview = true;
        let (read, written) = (reading.list_threads(params.clone()).await, store.list_threads(params).await);
        let (read, written) = (read.unwrap(), written.unwrap());
        assert_eq!((read.total, &read), (2, &written), "the writer and the reader fold the same");
    });
}

#[test]
fn a_reader_refuses_all_that_writes_and_says_what_to_do() {
    let fs = SimFs::new(1);
    current_thread().block_on(async {
        let store = open(&fs, manual()).await.unwrap();
        let id = create(&store).await;
        store.persist_thread(id.into()).await.unwrap();
        store.shutdown_thread(id.into()).await.unwrap();
        let reading = reader(&fs);
        let rename = UpdateThreadMetadataParams::new(id, MetadataPatch::rename("x"));
        let refusals = [
            reading.create_thread(CreateThreadParams::new(threadlog::ThreadId::generate())).await,
            reading.resume_thread(ResumeThreadParams::new(id)).await,
            reading.archive_thread(id.into()).await,
            reading.update_thread_metadata(rename).await.map(drop),
            reading.fork_thread(ForkThreadParams::new(id, threadlog::ThreadId::generate())).await.map(drop),
        ];
        for refusal in refusals {
            let error = refusal.unwrap_err();
            assert!(matches!(error, ThreadStoreError::Unsupported(_)), "{error}");
            let text = error.to_string();
            assert!(text.contains("reading only") && text.contains("LocalThreadStore::open"), "{text}");
        }
        assert!(append(&reading, id, &["x"]).await.is_err());
        assert_eq!((reading.live_threads(), reading.stats()), (0, None));
        reading.close().await.unwrap();
        assert!(texts(&reading, id).await.is_err(), "closed");
        store.resume_thread(ResumeThreadParams::new(id)).await.unwrap();
    });
}

#[test]
fn a_store_that_is_open_for_writing_gives_no_second_view_of_its_threads() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("store"), Default::default()).unwrap();
    let error = LocalThreadStore::reading(&store).unwrap_err();
    assert!(matches!(error, ThreadStoreError::InvalidRequest(_)), "{error}");
}
