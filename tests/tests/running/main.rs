//! Hundreds of running threads over a disk that fails: whatever was told is stored, once and in order.
//!
//! Each [`player`] drives a few threads with operations drawn from its seed (turns, interrupts, rollbacks, names, forks,
//! items from outside, shutdowns and resumes) and writes down what it is told. Meanwhile calls to the disk fail at random;
//! after a failed sync the store is reopened in place. Now and then the power is cut, on a copy of the disk: what was
//! acknowledged until then must be in what is left. In the end the disk works again, all threads are shut down, the power is
//! cut once more, and every thread is compared with what was told of it ([`judge`]).

mod agent;
mod judge;
mod player;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog_engine::Config;
use threadlog_engine::fs::sim::{CallKind, Choice, EIO, ENOSPC, Fault, SimFs};
use threadlog_session::ThreadManager;
use threadlog_tests::proof::random::Dice;
use threadlog_tests::setting;

use crate::agent::Talker;
use crate::judge::{Known, judge, judge_acknowledged};
use crate::player::play;

const ROOT: &str = "/store";
/// Small segments, so that they end often.
const SEGMENT_BYTES: u64 = 64 << 10;

/// What players and the keeper of the disk have in common.
pub struct World {
    pub manager: ThreadManager,
    /// What is known of each thread.
    pub known: Mutex<Known>,
    /// Numbers given to texts.
    pub numbers: AtomicU64,
    /// Whether the store must be reopened.
    pub poisoned: AtomicBool,
    over: AtomicBool,
}

/// Faults that are planned in one run.
const FAULTS_MAX: u32 = 40;

async fn open(disk: &SimFs) -> LocalThreadStore {
    let engine = Config {
        segment_bytes_min: SEGMENT_BYTES,
        segment_bytes_max: SEGMENT_BYTES,
        journals_max: 1,
        ..Config::default()
    };
    LocalThreadStore::open_on(Arc::new(disk.clone()), Path::new(ROOT), LocalConfig::from(engine)).await.unwrap()
}

/// Makes calls fail, reopens the store, and cuts the power on copies of the disk.
async fn keep(disk: SimFs, store: LocalThreadStore, world: Arc<World>, seed: u64, faulty: bool) -> u64 {
    let (mut dice, mut cuts, mut faults) = (Dice::new(seed), 0, 0);
    while !world.over.load(Ordering::Acquire) {
        tokio::time::sleep(Duration::from_millis(1 + dice.below(4))).await;
        if world.poisoned.swap(false, Ordering::AcqRel) && store.reopen().await.is_err() {
            world.poisoned.store(true, Ordering::Release);
        }
        // Threads try again after a quarter of a second: faults that never paused would let nothing be stored.
        if faulty && faults < FAULTS_MAX && dice.below(12) == 0 {
            faults += 1;
            let kinds =
                [CallKind::Write, CallKind::Write, CallKind::Sync, CallKind::SyncDir, CallKind::Create, CallKind::Read];
            let kind = kinds[dice.below(kinds.len() as u64) as usize];
            let fault = match (kind, dice.below(3)) {
                (CallKind::Sync | CallKind::SyncDir, _) => Fault::FailedSync,
                (CallKind::Write, 0) => Fault::ShortWriteThenError { bytes: 4096, errno: EIO },
                (_, 1) => Fault::Error(ENOSPC),
                _ => Fault::Error(EIO),
            };
            disk.fail_kind(kind, disk.calls_of(kind) + 1 + dice.below(3), fault);
        }
        if dice.below(6) == 0 {
            // What is acknowledged before the cut must survive it.
            let acknowledged = world.known.lock().acknowledged();
            let left = open(&disk.snapshot().crash(&Choice::Sample(dice.below(1 << 32)))).await;
            judge_acknowledged(&left, &acknowledged).await;
            cuts += 1;
        }
    }
    cuts
}

async fn run(players: u64, steps: u64, seed: u64, faulty: bool) {
    let disk = SimFs::new(seed);
    let store = open(&disk).await;
    let world = Arc::new(World {
        manager: ThreadManager::new(Arc::new(store.clone()), Arc::new(Talker)),
        known: Mutex::default(),
        numbers: AtomicU64::new(0),
        poisoned: AtomicBool::new(false),
        over: AtomicBool::new(false),
    });
    let keeper = tokio::spawn(keep(disk.clone(), store.clone(), Arc::clone(&world), seed + 1, faulty));
    let players: Vec<_> =
        (0..players).map(|player| tokio::spawn(play(Arc::clone(&world), seed + 1000 * (player + 2), steps))).collect();
    let mut done = Vec::new();
    for player in players {
        done.push(player.await.unwrap());
    }
    world.over.store(true, Ordering::Release);
    let cuts = keeper.await.unwrap();
    let fired = disk.faults_fired();
    disk.clear_faults();
    store.reopen().await.unwrap();
    let report = world.manager.shutdown_all(Duration::from_secs(60)).await;
    assert!(report.submit_failed.is_empty() && report.timed_out.is_empty(), "seed {seed}: {report:?}");
    for player in done {
        player.end().await;
    }
    world.known.lock().end();
    store.close().await.unwrap();
    let left = open(&disk.crash(&Choice::LoseAll)).await;
    let known = world.known.lock().clone();
    let judged = judge(&left, &known).await;
    println!("seed {seed}: {judged}; {fired} calls failed, {cuts} power cuts on the way");
}

fn runs(faulty: bool) {
    let (players, steps) = (setting("THREADLOG_RUNNING", 200), setting("THREADLOG_RUNNING_STEPS", 12));
    let (first, rounds) = (setting("THREADLOG_RUNNING_SEED", 1), setting("THREADLOG_RUNNING_ROUNDS", 1));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for seed in first..first + rounds {
        let long = Duration::from_secs(120);
        let run = async { tokio::time::timeout(long, run(players, steps, seed, faulty)).await };
        runtime.block_on(run).unwrap_or_else(|_| panic!("seed {seed} hangs"));
    }
}

#[test]
fn hundreds_of_running_threads_on_a_faulty_disk_lose_and_repeat_nothing() {
    runs(true);
}

#[test]
fn hundreds_of_running_threads_on_a_good_disk_lose_and_repeat_nothing() {
    runs(false);
}
