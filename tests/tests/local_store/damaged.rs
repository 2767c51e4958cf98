//! A damaged record costs itself, is named, and hinders nobody else.

use threadlog::list::ListParams;
use threadlog::thread::ThreadId;
use threadlog::thread_store::{
    ForkPosition, ForkThreadParams, HistoryRange, LoadHistoryParams, LoadModelContextParams, ReadThreadParams,
    ResumeThreadParams, ThreadStore, ThreadStoreError,
};
use threadlog_engine::fs::sim::SimFs;

use crate::words::{append, create, current_thread, manual, open, text, texts};

#[test]
fn a_rotten_item_is_named_and_everything_else_stays_readable() {
    let fs = SimFs::new(4);
    current_thread().block_on(async {
        let store = open(&fs, manual()).await.unwrap();
        let (hurt, sound) = (create(&store).await, create(&store).await);
        for id in [hurt, sound] {
            append(&store, id, &["first", if id == hurt { "it rots here" } else { "it does not" }]).await.unwrap();
            store.flush_thread(id.into()).await.unwrap();
            append(&store, id, &["last"]).await.unwrap();
            store.shutdown_thread(id.into()).await.unwrap();
        }
        store.close().await.unwrap();
        for path in fs.paths() {
            let bytes = fs.read_raw(&path).unwrap();
            for at in places_of(&bytes, b"it rots here") {
                fs.flip_bit(&path, at, 0).unwrap();
            }
        }

        let store = open(&fs, manual()).await.unwrap();
        let error = store.load_history(LoadHistoryParams::new(hurt)).await.unwrap_err();
        assert!(matches!(error, ThreadStoreError::Corrupt(_)), "{error}");
        assert_eq!(error.thread_id(), Some(hurt));
        assert!(error.to_string().contains("salvage"), "{error}");
        // Around it, all is there.
        for (ordinal, expected) in [(0, None), (1, Some("first")), (3, Some("last"))] {
            let range = HistoryRange::From { ordinal, count_max: 1 };
            let history = store.load_history(LoadHistoryParams::new(hurt).only(range)).await.unwrap();
            assert_eq!(history.items.iter().find_map(text).as_deref(), expected);
        }
        let known = store.read_thread(ReadThreadParams::new(hurt)).await.unwrap().metadata;
        assert_eq!(known.preview(), Some("first"));
        assert_eq!(store.list_threads(ListParams::default()).await.unwrap().total, 2);
        assert_eq!(texts(&store, sound).await.unwrap(), ["first", "it does not", "last"]);
        // And it goes on.
        store.resume_thread(ResumeThreadParams::new(hurt)).await.unwrap();
        append(&store, hurt, &["after"]).await.unwrap();
        store.shutdown_thread(hurt.into()).await.unwrap();
        let tail = LoadHistoryParams::new(hurt).only(HistoryRange::Last(2));
        let tail: Vec<_> = store.load_history(tail).await.unwrap().items.iter().filter_map(text).collect();
        assert_eq!(tail, ["last", "after"]);
    });
}

/// How a fork of all of a damaged thread goes: inherited records are as they are in the source.
#[test]
fn a_rotten_item_in_the_middle_is_inherited_as_it_is() {
    let fs = SimFs::new(5);
    current_thread().block_on(async {
        let store = open(&fs, manual()).await.unwrap();
        let source = create(&store).await;
        append(&store, source, &["first", "it rots here", "last"]).await.unwrap();
        store.shutdown_thread(source.into()).await.unwrap();
        store.close().await.unwrap();
        for path in fs.paths() {
            for at in places_of(&fs.read_raw(&path).unwrap(), b"it rots here") {
                fs.flip_bit(&path, at, 0).unwrap();
            }
        }
        let store = open(&fs, manual()).await.unwrap();
        let params = ForkThreadParams::new(source, ThreadId::generate()).at(ForkPosition::Whole);
        let id = store.fork_thread(params).await.unwrap().thread.id();
        let error = store.load_history(LoadHistoryParams::new(id)).await.unwrap_err();
        assert!(matches!(error, ThreadStoreError::Corrupt(_)) && error.thread_id() == Some(id), "{error}");
        let error = store.load_model_context(LoadModelContextParams::new(id)).await.unwrap_err();
        assert!(matches!(error, ThreadStoreError::Corrupt(_)), "nothing is left out in silence: {error}");
        let tail = LoadHistoryParams::new(id).only(HistoryRange::Last(2));
        assert_eq!(store.load_history(tail).await.unwrap().items.iter().find_map(text).as_deref(), Some("last"));
    });
}

#[test]
fn a_thread_whose_end_is_damaged_is_forked_at_an_ordinal_only() {
    const GROUP: u64 = 4096;
    const HEADER: u64 = 64;
    let fs = SimFs::new(6);
    current_thread().block_on(async {
        let store = open(&fs, manual()).await.unwrap();
        let source = create(&store).await;
        append(&store, source, &["first"]).await.unwrap();
        store.flush_thread(source.into()).await.unwrap();
        append(&store, source, &["the end rots"]).await.unwrap();
        store.shutdown_thread(source.into()).await.unwrap();
        store.close().await.unwrap();
        for path in fs.paths() {
            for at in places_of(&fs.read_raw(&path).unwrap(), b"the end rots") {
                // The headers of its group and of its frame: nothing tells any more what stood there.
                fs.flip_bit(&path, at / GROUP * GROUP + 9, 0).unwrap();
                fs.flip_bit(&path, at / GROUP * GROUP + HEADER + 9, 0).unwrap();
            }
        }
        let store = open(&fs, manual()).await.unwrap();
        let fork = async |at| store.fork_thread(ForkThreadParams::new(source, ThreadId::generate()).at(at)).await;
        for at in [ForkPosition::Whole, ForkPosition::Interrupted, ForkPosition::BeforeUserMessage(7)] {
            let error = fork(at).await.unwrap_err();
            assert!(matches!(error, ThreadStoreError::Corrupt(_)), "{error}");
            assert!(error.to_string().contains("its end is damaged") && error.thread_id() == Some(source), "{error}");
        }
        let id = fork(ForkPosition::AtOrdinal(2)).await.unwrap().thread.id();
        assert_eq!(texts(&store, id).await.unwrap(), ["first"]);
    });
}

fn places_of(bytes: &[u8], wanted: &[u8]) -> Vec<u64> {
    (0..bytes.len()).filter(|at| bytes[*at..].starts_with(wanted)).map(|at| at as u64).collect()
}
