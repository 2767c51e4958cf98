//! The simulator's model, checked from outside: a real store on a real ext4 on a device whose writes and flushes are watched,
//! and power cuts of that device. Nothing here knows how the engine calls the disk, or what the simulator thinks of it.
//!
//! A cut leaves all that was written before the last flush, and of what came after it some blocks. ext4 recovers its
//! journal, the store is opened, and all that had been acknowledged before the cut must be there. That the same catches an
//! engine that acknowledges too early is the second test.
//!
//! Needs root, /dev/fuse and loop devices: `just power-cut`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use threadlog::local::LocalThreadStore;
use threadlog::thread_store::ThreadStore;
use threadlog_engine::OsFs;
use threadlog_engine::fs::Fs;
use threadlog_engine::seeded::{Bug, plant};
use threadlog_tests::flush_log::{DISK, Event, FlushLog};
use threadlog_tests::proof::threads::call::id;
use threadlog_tests::real::{OtherBoot, Witness, append, config, examine, examine_on, live};
use threadlog_tests::setting;

const THREADS: u8 = 3;
const DEVICE_BYTES: u64 = 32 << 20;
/// So many messages of a thread fit on it.
const MESSAGES: u64 = 1000;
/// What a device writes whole: ext4 counts on its own blocks, it does not survive half of a superblock.
const BLOCK_BYTES: usize = 4096;

/// One test at a time: a planted bug is planted for all.
static ONE: Mutex<()> = Mutex::new(());

fn run(program: &str, args: &[&Path]) {
    let output = Command::new(program).args(args).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {args:?}: {said}; this needs root, FUSE, loop devices, e2fsprogs");
}

/// A mounted file system in a file; unmounted when it goes.
struct Mount(PathBuf);

impl Mount {
    fn new(image: &Path, at: &Path) -> Mount {
        run("mount", &[Path::new("-o"), Path::new("loop"), image, at]);
        Mount(at.to_owned())
    }

    /// As [`Mount::new`]; `None` if ext4 finds nothing that it can mount.
    fn left(image: &Path, at: &Path) -> Option<Mount> {
        let mut mount = Command::new("mount");
        let output = mount.args([Path::new("-o"), Path::new("loop"), image, at]).output().expect("mount");
        output.status.success().then(|| Mount(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        for _ in 0..50 {
            if Command::new("umount").arg(&self.0).status().is_ok_and(|status| status.success()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A message of a thread, as one number.
fn note(kind: u64, thread: u8, messages: u64) -> u64 {
    kind << 56 | u64::from(thread) << 48 | messages
}

/// An empty ext4.
fn formatted(place: &Path) -> Vec<u8> {
    let image = place.join("empty");
    std::fs::File::create(&image).and_then(|file| file.set_len(DEVICE_BYTES)).expect("an image");
    let options =
        ["-q", "-m", "0", "-b", "4096", "-J", "size=4", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard"];
    let mut args: Vec<&Path> = options.iter().map(Path::new).collect();
    args.push(&image);
    run("mkfs.ext4", &args);
    std::fs::read(&image).expect("the image")
}

async fn write(store: LocalThreadStore, thread: u8, log: FlushLog, seed: u64, until: Instant) {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ u64::from(thread) << 32);
    let mut next = live(&store, thread).await.expect("live");
    let last = next + MESSAGES / 2;
    while Instant::now() < until && next < last {
        let count = random.random_range(1..4);
        log.note(note(1, thread, next + count));
        append(&store, thread, next, count).await.expect("append");
        next += count;
        if random.random_range(0..2) == 0 {
            store.flush_thread(id(thread).into()).await.expect("flush");
            log.note(note(2, thread, next));
        }
    }
}

/// Writes to a store on the device for a while, with a closing in the middle; gives what happened to the device.
fn record(place: &Path, empty: &[u8], seed: u64, time: Duration) -> Vec<Event> {
    let (outer, inner) = (place.join("fuse"), place.join("mount"));
    std::fs::create_dir_all(&outer).and_then(|()| std::fs::create_dir_all(&inner)).expect("mount points");
    let log = FlushLog::new(empty.to_vec());
    let session = log.mount(&outer).expect("FUSE needs root and /dev/fuse");
    {
        let _mount = Mount::new(&outer.join(DISK), &inner);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().expect("a runtime");
        for part in 0..2 {
            let until = Instant::now() + time / 2;
            runtime.block_on(async {
                let store = LocalThreadStore::open(&inner.join("store"), config()).await.expect("open");
                let writers = (0..THREADS)
                    .map(|thread| tokio::spawn(write(store.clone(), thread, log.clone(), seed ^ part << 16, until)));
                let writers: Vec<_> = writers.collect();
                for writer in writers {
                    writer.await.expect("a writer");
                }
                store.close().await.expect("close");
            });
        }
    }
    drop(session);
    log.events()
}

/// What is on the medium after a power cut behind so many events, some blocks of the last writes drawn by the seed.
fn left(empty: &[u8], events: &[Event], cut: usize, seed: u64) -> Vec<u8> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut medium = empty.to_vec();
    let flushed = events[..cut].iter().rposition(|event| matches!(event, Event::Flush)).unwrap_or(0);
    // Nothing of what was not flushed, all of it, or each block by a coin.
    let mode = random.random_range(0..4);
    for (at, event) in events[..cut].iter().enumerate() {
        let Event::Write(offset, bytes) = event else { continue };
        for (block, piece) in bytes.chunks(BLOCK_BYTES).enumerate() {
            let kept = at < flushed || mode == 1 || mode > 1 && random.random_range(0..2) == 0;
            if kept {
                let start = *offset as usize + block * BLOCK_BYTES;
                medium[start..start + piece.len()].copy_from_slice(piece);
            }
        }
    }
    medium
}

fn witness(events: &[Event]) -> Witness {
    let mut witness = Witness::default();
    for event in events {
        let Event::Note(note) = event else { continue };
        let (kind, thread, messages) = (note >> 56, (note >> 48) as u8, note & ((1 << 48) - 1));
        let list = if kind == 1 { &mut witness.submitted } else { &mut witness.acknowledged };
        list.insert(thread, messages);
    }
    witness
}

/// Cuts the power of a device many times; gives how many cuts there were and how many stores were not what they must be.
fn cuts(seed: u64, cuts: u64, time: Duration) -> (u64, Vec<String>, String) {
    let place = tempfile::tempdir().expect("a place");
    let empty = formatted(place.path());
    let events = record(place.path(), &empty, seed, time);
    let count = |which: fn(&Event) -> bool| events.iter().filter(|event| which(event)).count();
    let story = format!(
        "{} writes, {} flushes, {} acknowledgements",
        count(|event| matches!(event, Event::Write(..))),
        count(|event| matches!(event, Event::Flush)),
        count(|event| matches!(event, Event::Note(note) if note >> 56 == 2))
    );
    let (image, mount) = (place.path().join("cut"), place.path().join("mount"));
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut wrong, mut unmounted) = (Vec::new(), 0);
    for number in 0..cuts {
        let cut = random.random_range(1..=events.len());
        std::fs::write(&image, left(&empty, &events, cut, seed ^ number << 20)).expect("an image");
        let Some(_mounted) = Mount::left(&image, &mount) else {
            unmounted += 1;
            continue;
        };
        let (root, witness) = (mount.join("store"), witness(&events[..cut]));
        let recover = |fs: Arc<dyn Fs>| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let opened =
                runtime.block_on(async { LocalThreadStore::open_on(fs, &root, config()).await?.close().await });
            opened.map_err(|error| format!("does not open: {error}"))
        };
        let verdict = if number.is_multiple_of(4) {
            // The disk was pulled and put back while the machine ran on: only a writer knows what a mark is worth that did
            // not reach the disk.
            recover(Arc::new(OsFs)).and_then(|()| examine(&root, &witness))
        } else {
            // As a reader finds it, and as a writer does, which recovers it; then once more.
            let fs = Arc::new(OtherBoot);
            let read = examine_on(fs.clone(), &root, &witness);
            read.and_then(|_| recover(fs.clone())).and_then(|()| examine_on(fs, &root, &witness))
        };
        if let Err(what) = verdict {
            wrong.push(format!("cut {number} of seed {seed}, behind event {cut}: {what}"));
        }
    }
    assert!(unmounted < cuts / 10, "ext4 did not survive {unmounted} of {cuts} power cuts");
    (cuts - unmounted, wrong, story)
}

#[test]
#[ignore = "needs root, FUSE and loop devices: just power-cut"]
fn a_power_cut_of_a_watched_device_takes_nothing_that_was_acknowledged() {
    let _one = ONE.lock();
    let time = Duration::from_millis(setting("THREADLOG_POWER_MS", 3000));
    let (count, wrong, story) = cuts(setting("THREADLOG_POWER_SEED", 1), setting("THREADLOG_POWER_CUTS", 300), time);
    println!("{count} power cuts of a device with {story}: {} stores were not as they must be", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[ignore = "needs root, FUSE and loop devices: just power-cut"]
fn an_engine_that_acknowledges_before_it_syncs_is_caught() {
    let _one = ONE.lock();
    plant(Some(Bug::AcknowledgeBeforeSync));
    let (count, wrong, story) = cuts(setting("THREADLOG_POWER_SEED", 1), 60, Duration::from_millis(1000));
    plant(None);
    println!("acknowledged before the sync: {} of {count} power cuts tell, of a device with {story}", wrong.len());
    assert!(!wrong.is_empty(), "nobody noticed");
}
