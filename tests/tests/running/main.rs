//! Hundreds of running threads over a disk that fails: whatever was told is stored, once and in order.
//!
//! Each [`player`] drives a few threads with operations drawn from its seed (turns, interrupts, rollbacks, compactions,
//! names, forks cut anywhere, items from outside, ephemeral threads, shutdowns and resumes) and writes down what it is told;
//! [`manners`] holds each event against those before it, [`model`] says what follows. Meanwhile calls to the disk fail at
//! random; after a failed sync the store is reopened in place. Now and then the power is cut, on a copy of the disk: what
//! was acknowledged until then must be in what is left, and can be gone on with. In the end some threads lose their driver,
//! the disk breaks, all are told to end, and the report of that must say which ended, which could not be told, and which
//! did not end in time; then the disk works again, the power is cut once more, and every thread is compared with what was
//! told of it ([`judge`]).
//!
//! In [`stage::Order::OfTheSeed`] all this happens in one order, that the seed decides: time is simulated, calls of the
//! store are carried out in place, and the same seed gives the same run, to the last event and the last call of the disk.

mod agent;
mod finale;
mod judge;
mod manners;
mod model;
mod player;
mod stage;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use threadlog::ThreadId;
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog_engine::fs::sim::{CallKind, Choice, EIO, ENOSPC, Fault, SimFs};
use threadlog_engine::{Background, Clock, Config};
use threadlog_session::manager::ManagerConfig;
use threadlog_session::{IdGenerator, ThreadManager};
use threadlog_tests::proof::random::Dice;
use threadlog_tests::setting;

use crate::agent::Talker;
use crate::finale::{finale, go_on};
use crate::judge::{Judged, judge, judge_acknowledged};
use crate::model::Known;
use crate::player::play;
use crate::stage::{Order, Stage};

const ROOT: &str = "/store";
/// Small segments, so that they end often.
const SEGMENT_BYTES: u64 = 64 << 10;
/// Faults that are planned in one run.
const FAULTS_MAX: u32 = 40;
/// Looks at the disk without a call of anybody's, until all are taken to wait for time to pass.
const QUIET_MAX: u32 = 30;
/// Power cuts in one run: each compares all threads.
const CUTS_MAX: u64 = 25;

/// What players and the keeper of the disk have in common.
pub struct World {
    pub manager: ThreadManager,
    pub agent: Arc<Talker>,
    pub stage: Arc<Stage>,
    pub order: Order,
    pub clock: Arc<Ticks>,
    /// What is known of each thread.
    pub known: Mutex<Known>,
    /// Numbers given to texts.
    pub numbers: AtomicU64,
    /// Whether the store must be reopened.
    pub poisoned: AtomicBool,
    /// How often somebody was told that storing fails.
    pub failures: AtomicU64,
    over: AtomicBool,
}

/// A clock that goes when it is told.
#[derive(Default)]
pub struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now_ms(&self) -> u64 {
        1_790_000_000_000 + self.0.load(Ordering::Relaxed)
    }
}

/// Ids one after another.
#[derive(Default)]
struct Numbered(AtomicU64);

impl IdGenerator for Numbered {
    fn next_id(&self) -> ThreadId {
        format!("00000000-0000-7000-8000-{:012}", self.0.fetch_add(1, Ordering::Relaxed)).parse().unwrap()
    }
}

/// One run.
#[derive(Clone, Copy)]
pub struct Run {
    pub players: u64,
    pub steps: u64,
    pub seed: u64,
    pub faulty: bool,
    pub order: Order,
}

/// What came of it: the same for the same seed, if that decides the order.
#[derive(Debug, PartialEq, Eq)]
struct Played {
    judged: Judged,
    faults: u64,
    failures: u64,
    cuts: u64,
    calls: u64,
    heard: u64,
}

pub async fn open(disk: &SimFs, order: Order, clock: &Arc<Ticks>) -> LocalThreadStore {
    let mut engine = Config {
        segment_bytes_min: SEGMENT_BYTES,
        segment_bytes_max: SEGMENT_BYTES,
        journals_max: 1,
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        ..Config::default()
    };
    if order == Order::OfTheSeed {
        (engine.background, engine.prepare_spares) = (Background::Manual, false);
    }
    let opened = LocalThreadStore::open_on(Arc::new(disk.clone()), Path::new(ROOT), LocalConfig::from(engine));
    order.call(opened).await.unwrap()
}

/// Makes calls fail, reopens the store, and cuts the power on copies of the disk.
async fn keep(disk: SimFs, store: LocalThreadStore, world: Arc<World>, run: Run) -> u64 {
    let (mut dice, mut cuts, mut faults, mut quiet) = (Dice::new(run.seed + 1), 0, 0, 0);
    // Over the whole run, however long that is.
    let rarely = if run.order == Order::AsItComes { 3 } else { 2 + run.players / 8 };
    while !world.over.load(Ordering::Acquire) {
        let wait = 1 + dice.below(4);
        world.clock.0.fetch_add(wait, Ordering::Relaxed);
        if run.order == Order::OfTheSeed {
            let calls = disk.calls();
            for _ in 0..1 + dice.below(4) {
                tokio::task::yield_now().await;
            }
            quiet = if disk.calls() == calls { quiet + 1 } else { 0 };
            if dice.below(4) == 0 {
                // What the engine does in time; what fails is told to those who wait for it.
                let _ = run.order.call(store.tick()).await;
            }
        }
        // Simulated time passes only when all wait for it.
        if run.order == Order::AsItComes || quiet > QUIET_MAX {
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        if world.poisoned.swap(false, Ordering::AcqRel) && run.order.call(store.reopen()).await.is_err() {
            world.poisoned.store(true, Ordering::Release);
        }
        // Threads try again after a quarter of a second: faults that never paused would let nothing be stored.
        if run.faulty && faults < FAULTS_MAX && dice.below(rarely) == 0 {
            faults += 1;
            plan_fault(&disk, &mut dice);
        }
        if cuts < CUTS_MAX && dice.below(rarely) == 0 {
            // What is acknowledged before the cut must survive it.
            let acknowledged = world.known.lock().acknowledged();
            let left =
                open(&disk.snapshot().crash(&Choice::Sample(dice.below(1 << 32))), run.order, &world.clock).await;
            judge_acknowledged(&left, run.order, &acknowledged).await;
            go_on(&left, run.order, &acknowledged, &mut dice).await;
            cuts += 1;
        }
    }
    cuts
}

fn plan_fault(disk: &SimFs, dice: &mut Dice) {
    let kinds = [CallKind::Write, CallKind::Write, CallKind::Sync, CallKind::SyncDir, CallKind::Create, CallKind::Read];
    let kind = kinds[dice.below(kinds.len() as u64) as usize];
    let fault = match (kind, dice.below(3)) {
        (CallKind::Sync | CallKind::SyncDir, _) => Fault::FailedSync,
        (CallKind::Write, 0) => Fault::ShortWriteThenError { bytes: 4096, errno: EIO },
        (_, 1) => Fault::Error(ENOSPC),
        _ => Fault::Error(EIO),
    };
    disk.fail_kind(kind, disk.calls_of(kind) + 1 + dice.below(3), fault);
}

async fn run(run: Run) -> Played {
    let Run { players, steps, seed, order, .. } = run;
    let (disk, clock) = (SimFs::new(seed), Arc::new(Ticks::default()));
    let store = open(&disk, order, &clock).await;
    let (agent, stage) = (Arc::new(Talker::default()), Arc::new(Stage::new(store.clone(), order, seed + 2)));
    let mut config = ManagerConfig::default();
    (config.ids, config.clock) = (Arc::new(Numbered::default()), Arc::clone(&clock) as Arc<dyn Clock>);
    let world = Arc::new(World {
        manager: ThreadManager::with_config(stage.clone(), agent.clone(), config),
        agent,
        stage,
        order,
        clock: Arc::clone(&clock),
        known: Mutex::default(),
        numbers: AtomicU64::new(0),
        poisoned: AtomicBool::new(false),
        failures: AtomicU64::new(0),
        over: AtomicBool::new(false),
    });
    let keeper = tokio::spawn(keep(disk.clone(), store.clone(), Arc::clone(&world), run));
    let playing: Vec<_> =
        (0..players).map(|player| tokio::spawn(play(Arc::clone(&world), seed + 1000 * (player + 3), steps))).collect();
    let mut done = Vec::new();
    for player in playing {
        done.push(player.await.unwrap());
    }
    world.over.store(true, Ordering::Release);
    let cuts = keeper.await.unwrap();
    let faults = disk.faults_fired();
    disk.clear_faults();
    order.call(store.reopen()).await.unwrap();
    let heard = finale(&world, &disk, &store, done).await;
    let failures = world.failures.load(Ordering::Relaxed);
    order.call(store.close()).await.unwrap();
    let calls = disk.calls();
    let left = open(&disk.crash(&Choice::LoseAll), order, &clock).await;
    let known = world.known.lock().clone();
    let judged = judge(&left, order, &known).await;
    Played { judged, faults, failures, cuts, calls, heard }
}

fn runs(faulty: bool, order: Order) {
    let (players, steps) = (setting("THREADLOG_RUNNING", 200), setting("THREADLOG_RUNNING_STEPS", 12));
    let (first, rounds) = (setting("THREADLOG_RUNNING_SEED", 1), setting("THREADLOG_RUNNING_ROUNDS", 1));
    for seed in first..first + rounds {
        let Played { judged, faults, failures, cuts, calls, .. } = played(Run { players, steps, seed, faulty, order });
        println!(
            "seed {seed}: {judged}; {faults} calls of {calls} failed, told {failures} times, {cuts} power cuts on the way"
        );
    }
}

fn played(told: Run) -> Played {
    let mut runtime = match told.order {
        Order::OfTheSeed => tokio::runtime::Builder::new_current_thread(),
        Order::AsItComes => tokio::runtime::Builder::new_multi_thread(),
    };
    runtime.worker_threads(2).enable_all().start_paused(told.order == Order::OfTheSeed);
    let long = Duration::from_secs(if told.order == Order::OfTheSeed { 100_000 } else { 120 });
    let played = async { tokio::time::timeout(long, run(told)).await };
    runtime.build().unwrap().block_on(played).unwrap_or_else(|_| panic!("seed {} hangs", told.seed))
}

#[test]
fn hundreds_of_running_threads_in_the_order_of_the_seed_lose_and_repeat_nothing() {
    runs(true, Order::OfTheSeed);
}

#[test]
fn hundreds_of_running_threads_at_once_on_a_faulty_disk_lose_and_repeat_nothing() {
    runs(true, Order::AsItComes);
}

#[test]
fn hundreds_of_running_threads_at_once_on_a_good_disk_lose_and_repeat_nothing() {
    runs(false, Order::AsItComes);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| played(Run { players: 20, steps: 20, seed, faulty: true, order: Order::OfTheSeed });
    let (one, again, other) = (run(7), run(7), run(8));
    assert_eq!(one, again);
    assert_ne!(one.heard, other.heard);
}
