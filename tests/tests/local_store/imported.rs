//! Threads that were imported, read and continued through the thread store; and native ones, exported.

use std::path::{Path, PathBuf};

use threadlog::list::{ArchiveFilter, ListParams};
use threadlog::local::LocalThreadStore;
use threadlog::thread::ThreadId;
use threadlog::thread_store::{
    CreateThreadParams, LoadHistoryParams, ReadThreadParams, ResumeThreadParams, ThreadStore, ThreadStoreError,
};
use threadlog::{ExportOptions, ImportOptions, Silent, Store};
use threadlog_engine::Config;

use crate::words::{append, current_thread, texts};

struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    fn new() -> Home {
        Home { directory: tempfile::tempdir().unwrap() }
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    fn sessions(&self) -> PathBuf {
        self.directory.path().join("codex")
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.sessions().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn import(&self) {
        let store = Store::open(&self.root(), Config::default()).unwrap();
        store.import(&[self.sessions()], &ImportOptions::default(), &Silent).unwrap();
        store.close().unwrap();
    }

    async fn open(&self) -> LocalThreadStore {
        LocalThreadStore::open(&self.root(), Default::default()).await.unwrap()
    }

    fn exported(&self, path: &str) -> String {
        let to = self.directory.path().join("out");
        let store = Store::open_read(&self.root()).unwrap();
        let _ = store.export(None, &to, &ExportOptions::default(), &Silent);
        read(&to, path)
    }
}

fn read(to: &Path, path: &str) -> String {
    std::fs::read_to_string(to.join(path)).unwrap()
}

const ID: &str = "019c2a58-c0cc-7860-b9ca-7e2dcda03ddb";
const FILE: &str = "sessions/2026/02/04/rollout-2026-02-04T20-29-45-019c2a58-c0cc-7860-b9ca-7e2dcda03ddb.jsonl";

fn id() -> ThreadId {
    ID.parse().unwrap()
}

fn meta(more: &str) -> String {
    format!(
        "{{\"timestamp\":\"2026-02-04T20:29:45.576Z\",\"type\":\"session_meta\",\"payload\":{{\"id\":\"{ID}\",\
         \"timestamp\":\"2026-02-04T20:29:45.000Z\",\"cwd\":\"/w\",\"originator\":\"codex\",\"cli_version\":\"1\"{more}}}}}\n"
    )
}

fn user(text: &str) -> String {
    format!(
        "{{\"timestamp\":\"2026-02-04T20:30:00.000Z\",\"type\":\"event_msg\",\"payload\":{{\"type\":\"user_message\",\"message\":\"{text}\"}}}}\n"
    )
}

#[test]
fn an_imported_thread_is_listed_read_and_continued() {
    let home = Home::new();
    home.write(FILE, &(meta("") + &user("hello")));
    home.import();
    current_thread().block_on(async {
        let store = home.open().await;
        let page = store.list_threads(ListParams::default()).await.unwrap();
        assert_eq!((page.total, page.threads[0].id()), (1, id()));
        assert_eq!(page.threads[0].metadata.preview(), Some("hello"));
        let create = store.create_thread(CreateThreadParams::new(id())).await;
        assert!(matches!(create, Err(ThreadStoreError::Conflict(_, None))));
        store.resume_thread(ResumeThreadParams::new(id())).await.unwrap();
        append(&store, id(), &["more"]).await.unwrap();
        store.shutdown_thread(id().into()).await.unwrap();
        assert_eq!(texts(&store, id()).await.unwrap(), ["hello", "more"]);
        store.close().await.unwrap();
    });
}

#[test]
fn a_file_cut_short_in_a_line_is_continued_on_the_next_line() {
    let home = Home::new();
    let cut = meta("") + &user("hello") + "{\"timestamp\":\"2026-02-04T20:31:00";
    home.write(FILE, &cut);
    home.import();
    current_thread().block_on(async {
        let store = home.open().await;
        let before = store.read_thread(ReadThreadParams::new(id())).await.unwrap();
        store.resume_thread(ResumeThreadParams::new(id())).await.unwrap();
        store.flush_thread(id().into()).await.unwrap();
        let untouched = store.load_history(LoadHistoryParams::new(id())).await.unwrap();
        assert_eq!((untouched.items.len(), untouched.next_ordinal), (3, 3), "resume alone mends nothing");
        append(&store, id(), &["more"]).await.unwrap();
        append(&store, id(), &["and more"]).await.unwrap();
        store.shutdown_thread(id().into()).await.unwrap();
        assert_eq!(texts(&store, id()).await.unwrap(), ["hello", "more", "and more"]);
        let history = store.load_history(LoadHistoryParams::new(id())).await.unwrap();
        assert_eq!((history.items.len(), history.next_ordinal), (5, 6), "the half line took two records");
        let after = store.read_thread(ReadThreadParams::new(id())).await.unwrap();
        assert_eq!((before.metadata.items(), after.metadata.items()), (3, 5));
        store.close().await.unwrap();
        let again = home.open().await;
        let refolded = again.read_thread(ReadThreadParams::new(id())).await.unwrap();
        assert_eq!(refolded.metadata.to_canonical_bytes(), after.metadata.to_canonical_bytes());
        again.close().await.unwrap();
    });
    let whole = home.exported(FILE);
    assert!(
        whole.starts_with(&*cut) && whole.len() > cut.len(),
        "what came later in the store follows the file's bytes"
    );
}

#[test]
fn a_history_mode_of_a_later_version_can_be_read_and_not_resumed() {
    let home = Home::new();
    home.write(FILE, &(meta(",\"history_mode\":\"holographic\"") + &user("hello")));
    home.import();
    current_thread().block_on(async {
        let store = home.open().await;
        let error = store.resume_thread(ResumeThreadParams::new(id())).await.unwrap_err();
        assert!(matches!(error, ThreadStoreError::Unsupported(_)), "{error}");
        assert!(error.to_string().contains("holographic"), "{error}");
        assert_eq!(texts(&store, id()).await.unwrap(), ["hello"]);
        assert_eq!(store.live_threads(), 0, "the refusal leaves nothing live");
        store.close().await.unwrap();
    });
}

#[test]
fn of_several_revisions_the_latest_is_the_thread() {
    let home = Home::new();
    home.write(FILE, &(meta("") + &user("first version")));
    home.import();
    home.write(FILE, &(meta("") + &user("rewritten")));
    home.import();
    current_thread().block_on(async {
        let store = home.open().await;
        assert_eq!(texts(&store, id()).await.unwrap(), ["rewritten"]);
        assert_eq!(store.list_threads(ListParams::default()).await.unwrap().total, 1);
        store.resume_thread(ResumeThreadParams::new(id())).await.unwrap();
        append(&store, id(), &["more"]).await.unwrap();
        store.close().await.unwrap();
        let again = home.open().await;
        assert_eq!(texts(&again, id()).await.unwrap(), ["rewritten", "more"]);
        again.close().await.unwrap();
    });
}

#[test]
fn a_file_among_archived_sessions_is_an_archived_thread_until_a_user_says_otherwise() {
    let home = Home::new();
    home.write(&FILE.replace("sessions/2026/02/04", "archived_sessions"), &(meta("") + &user("hello")));
    home.import();
    current_thread().block_on(async {
        let store = home.open().await;
        let mut archived = ListParams::default();
        archived.archived = ArchiveFilter::Archived;
        assert_eq!(store.list_threads(archived).await.unwrap().total, 1);
        let thread = store.unarchive_thread(id().into()).await.unwrap();
        assert!(!thread.metadata.archived());
        store.close().await.unwrap();
        let again = home.open().await;
        assert_eq!(again.list_threads(ListParams::default()).await.unwrap().total, 1);
        again.close().await.unwrap();
    });
}

#[test]
fn a_native_thread_is_exported_as_a_rollout_that_codex_can_read() {
    let home = Home::new();
    let id = current_thread().block_on(async {
        let store = home.open().await;
        let mut params = CreateThreadParams::new(ThreadId::generate());
        params.originator = Some("my agent".to_owned());
        let id = params.thread_id;
        store.create_thread(params).await.unwrap();
        append(&store, id, &["hello"]).await.unwrap();
        store.close().await.unwrap();
        id
    });
    let to = home.directory.path().join("out");
    let store = Store::open_read(&home.root()).unwrap();
    let report = store.export(None, &to, &ExportOptions::default(), &Silent);
    assert_eq!(report.files.len(), 1);
    let path = report.files[0].path.to_path();
    assert!(path.starts_with("sessions") && path.to_str().unwrap().ends_with(&format!("-{id}.jsonl")), "{path:?}");
    let text = std::fs::read_to_string(to.join(&path)).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["type"], "session_meta");
    assert_eq!(
        (&lines[0]["payload"]["id"], &lines[0]["payload"]["originator"]),
        (&id.to_string().into(), &"my agent".into())
    );
    assert_eq!(lines[1]["payload"]["message"], "hello");
}
