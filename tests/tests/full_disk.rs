//! A real disk that is full: a small ext4 in a file, taken through every phase of a store's life with no room, with
//! one block, with two…, and with room again.
//!
//! Needs root, for the mount: `just full-disk`.

use std::path::PathBuf;
use std::process::Command;

use threadlog::local::LocalThreadStore;
use threadlog::thread_store::{AppendItemsParams, Result, ThreadStore, ThreadStoreError, Unavailability};
use threadlog_tests::proof::threads::call::id;
use threadlog_tests::real::{ASIDE, Witness, append, config, examine, live};

/// A file system of its own.
struct Mount {
    place: tempfile::TempDir,
}

fn run(program: &str, args: &[&str]) {
    let status = Command::new(program).args(args).status().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(status.success(), "{program} {args:?} failed: this test needs root, loop devices and e2fsprogs");
}

impl Mount {
    fn new(megabytes: u64) -> Mount {
        let mount = Mount { place: tempfile::tempdir().expect("a place") };
        let image = mount.place.path().join("image");
        std::fs::File::create(&image).and_then(|file| file.set_len(megabytes << 20)).expect("an image");
        std::fs::create_dir(mount.path()).expect("a mount point");
        let (image, path) = (image.display().to_string(), mount.path().display().to_string());
        run("mkfs.ext4", &["-q", "-m", "0", "-b", "4096", &image]);
        run("mount", &["-o", "loop", &image, &path]);
        mount
    }

    fn path(&self) -> PathBuf {
        self.place.path().join("mount")
    }

    /// Leaves so many blocks free.
    fn fill(&self, blocks: u64) {
        let ballast = self.path().join("ballast");
        let file = std::fs::File::create(&ballast).expect("room for a name");
        let mut bytes = 0;
        for piece in [1 << 20, 64 << 10, 4096] {
            let zeros = vec![0_u8; piece];
            while std::os::unix::fs::FileExt::write_all_at(&file, &zeros, bytes).is_ok() {
                bytes += piece as u64;
            }
        }
        let _ = file.sync_all();
        file.set_len(bytes.saturating_sub(blocks * 4096)).expect("shorter");
        file.sync_all().expect("a sync without growth");
    }

    fn make_room(&self) {
        std::fs::remove_file(self.path().join("ballast")).expect("the ballast");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

/// What is done while the disk is full.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Open,
    First,
    Append,
    Large,
    Rollover,
    Rename,
    Close,
    Reopen,
}

const PHASES: [Phase; 8] = [
    Phase::Open,
    Phase::First,
    Phase::Append,
    Phase::Large,
    Phase::Rollover,
    Phase::Rename,
    Phase::Close,
    Phase::Reopen,
];

/// One life of a store. The disk is full during one phase; what fails then must say so, and succeed with room.
struct Life<'a> {
    mount: &'a Mount,
    root: PathBuf,
    full: Phase,
    blocks: u64,
    refusals: u64,
    witness: Witness,
}

impl Life<'_> {
    async fn phase<T, F>(&mut self, phase: Phase, store: Option<&LocalThreadStore>, mut call: F) -> T
    where
        F: AsyncFnMut() -> Result<T>,
    {
        if phase != self.full {
            return call().await.unwrap_or_else(|error| panic!("{phase:?} with room: {error}"));
        }
        self.mount.fill(self.blocks);
        let first = call().await;
        self.mount.make_room();
        match first {
            Ok(done) => done,
            Err(error) => {
                let known = matches!(
                    error,
                    ThreadStoreError::Unavailable(
                        _,
                        Unavailability::Full | Unavailability::Io | Unavailability::Poisoned
                    )
                );
                assert!(known, "{phase:?} with {} blocks: {error}", self.blocks);
                self.refusals += 1;
                // A sync may fail for want of room too: then the way back is to open anew.
                if let (ThreadStoreError::Unavailable(_, Unavailability::Poisoned), Some(store)) = (&error, store) {
                    store.reopen().await.unwrap_or_else(|error| panic!("reopening with room again: {error}"));
                }
                call().await.unwrap_or_else(|error| panic!("{phase:?} with room again: {error}"))
            }
        }
    }

    async fn live(&mut self) {
        let root = self.root.clone();
        let store = self.phase(Phase::Open, None, async || LocalThreadStore::open(&root, config()).await).await;
        live(&store, 0).await.expect("a new thread");
        let mut next = 0;
        let mut stored = async |life: &mut Self, phase: Phase, count: u64| {
            append(&store, 0, next, count).await.expect("appending accepts");
            next += count;
            life.witness.submitted.insert(0, next);
            life.phase(phase, Some(&store), async || store.flush_thread(id(0).into()).await).await;
            life.witness.acknowledged.insert(0, next);
        };
        stored(self, Phase::First, 1).await;
        stored(self, Phase::Append, 3).await;
        stored(self, Phase::Rollover, 120).await;
        self.phase(Phase::Rename, Some(&store), async || store.archive_thread(id(0).into()).await).await;
        live(&store, ASIDE).await.expect("a new thread");
        let large = threadlog::live::NewItem::event(&serde_json::json!({
            "type": "user_message", "message": "x".repeat(2 << 20)
        }));
        let large = large.expect("json").stamped(threadlog::item::Timestamp::default());
        store.append_items(AppendItemsParams::new(id(ASIDE), vec![large])).await.expect("appending accepts");
        self.phase(Phase::Large, Some(&store), async || store.shutdown_thread(id(ASIDE).into()).await).await;
        self.phase(Phase::Close, Some(&store), async || store.close().await).await;
        drop(store);
        let store = self.phase(Phase::Reopen, None, async || LocalThreadStore::open(&root, config()).await).await;
        assert_eq!(live(&store, 0).await.expect("resume"), 124);
        assert_eq!(live(&store, ASIDE).await.expect("resume"), 1);
        store.discard_thread(id(ASIDE).into()).await.expect("live");
        store.close().await.expect("close");
    }
}

#[test]
#[ignore = "needs root to mount a small file system: just full-disk"]
fn a_full_disk_is_refused_and_forgotten_in_every_phase() {
    let mount = Mount::new(16);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    let rooms: Vec<u64> = (0..12).chain([16, 24, 48, 64, 65, 66, 100, 128, 200, 400, 514]).collect();
    let (mut lives, mut refusals) = (0_u64, std::collections::BTreeMap::new());
    for full in PHASES {
        for blocks in &rooms {
            let root = mount.path().join("store");
            let witness = Witness::default();
            let mut life = Life { mount: &mount, root: root.clone(), full, blocks: *blocks, refusals: 0, witness };
            runtime.block_on(life.live());
            examine(&root, &life.witness).unwrap_or_else(|wrong| panic!("{full:?} with {blocks} blocks: {wrong}"));
            *refusals.entry(format!("{full:?}")).or_insert(0) += life.refusals;
            lives += 1;
            std::fs::remove_dir_all(&root).expect("the store goes");
        }
    }
    println!("{lives} lives on a full disk, refused in {refusals:?}; all went on with room, nothing lost");
    assert!(refusals.values().sum::<u64>() > 0, "the disk was never full");
}
