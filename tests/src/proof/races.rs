//! Deleting, forking and importing one thread at the same time, in three processes of one simulated machine.
//!
//! A step is a call of the file system, locks included. The first process runs so many steps and is held; the second
//! runs so many and is held; the third runs to its end; then the second does, then the first. All such orders of two
//! processes are taken, and of three a sample. Of two that are both held, and of which the first goes on first, there are
//! some thousand orders for each two acts: a sample too. (Every interleaving of the acts themselves is taken by
//! [`interleave`](super::interleave); here the processes close their stores within the race, and words of shared pages are
//! no steps.)

use std::any::Any;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{JoinHandle, yield_now};

use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::metadata::MetadataPatch;
use threadlog::thread_store::{
    DeleteThreadParams, ForkThreadParams, ReadThreadParams, ThreadStore, ThreadStoreError, UpdateThreadMetadataParams,
};
use threadlog::{ImportOptions, Silent, Store, ThreadId};
use threadlog_engine::fs::Fs;
use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::{Background, Clock, Config, SystemClock, verify};

use crate::gate::{Gate, GateFs};
use crate::words::{ROOT, current_thread, manual, open, texts};

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Deletes the thread.
    Delete,
    /// Deletes it with all that came from it.
    DeleteAll,
    /// Forks it.
    Fork,
    /// Imports the file that it came from again.
    Import,
    /// Takes it out of the trash.
    Restore,
    /// Deletes it if it is in the trash.
    Empty,
}

/// What came of an act: whether it was done; if not, it was refused for a good reason.
pub type Done = bool;

/// The thread that is raced for.
pub const SOURCE: &str = "01900000-0000-7000-8000-000000000001";
const FORK: &str = "01900000-0000-7000-8000-000000000002";

fn id(text: &str) -> ThreadId {
    text.parse().unwrap()
}

/// The rollout file of the source with so many messages.
pub fn rollout(folder: &Path, messages: usize) -> PathBuf {
    let path = folder.join(format!("rollout-2026-01-01T00-00-00-{SOURCE}.jsonl"));
    let mut file = std::fs::File::create(&path).unwrap();
    let head = format!(
        r#"{{"id":"{SOURCE}","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/","originator":"t","cli_version":"0"}}"#
    );
    writeln!(file, r#"{{"timestamp":"2026-01-01T00:00:00.000Z","type":"session_meta","payload":{head}}}"#).unwrap();
    for number in 0..messages {
        let event = format!(r#"{{"type":"user_message","message":"{number}"}}"#);
        writeln!(file, r#"{{"timestamp":"2026-01-01T00:00:01.000Z","type":"event_msg","payload":{event}}}"#).unwrap();
    }
    path
}

fn import(store: &Store, file: PathBuf) -> Done {
    let report = store.import(&[file], &ImportOptions { jobs: 1, ..ImportOptions::default() }, &Silent).unwrap();
    for refusal in &report.refused {
        assert!(refusal.reason.contains("written by"), "{}", refusal.reason);
    }
    report.refused.is_empty()
}

/// What a process does, once it has its store open; gives the store back, still open.
pub type Play = Box<dyn FnOnce() -> (Done, Box<dyn Any + Send>) + Send>;

/// Opens a process's store, and says what it is going to do.
pub fn prepare(fs: &(impl Fs + Clone), act: Act, file: &Path, clock: Arc<dyn Clock>) -> Play {
    let config = Config { background: Background::Manual, prepare_spares: false, clock, ..Config::default() };
    if act == Act::Import {
        let store = Store::open_on(Arc::new(fs.clone()), Path::new(ROOT), config).unwrap();
        let file = file.to_owned();
        Box::new(move || (import(&store, file), Box::new(store) as Box<dyn Any + Send>))
    } else {
        let store = current_thread().block_on(open(fs, LocalConfig::from(config))).unwrap();
        Box::new(move || (current_thread().block_on(change(&store, act)), Box::new(store)))
    }
}

/// A process with its store open, held at its next step.
struct Player {
    act: Act,
    gate: Arc<Gate>,
    play: Option<Play>,
    running: Option<JoinHandle<Done>>,
}

impl Player {
    fn new(machine: &SimFs, act: Act, file: &Path) -> Player {
        let (fs, gate) = GateFs::of_process(machine.process());
        let play = prepare(&fs, act, file, Arc::new(SystemClock));
        gate.shut();
        Player { act, gate, play: Some(play), running: None }
    }

    /// Runs so many steps; says whether it came to its end before.
    fn run(&mut self, steps: u64) -> bool {
        self.gate.release(steps);
        let play = self.play.take().unwrap();
        let running = self.running.insert(std::thread::spawn(|| play().0));
        while !running.is_finished() && !self.gate.is_stuck() {
            yield_now();
        }
        running.is_finished()
    }

    fn end(&mut self) -> Done {
        self.gate.open();
        self.running.take().unwrap().join().unwrap()
    }
}

/// Puts the source into the trash, or takes it out.
async fn trash(store: &LocalThreadStore, trashed: bool) -> threadlog::thread_store::Result<()> {
    let params = UpdateThreadMetadataParams::new(id(SOURCE), MetadataPatch::trash(trashed)).with_archived();
    store.update_thread_metadata(params).await.map(drop)
}

async fn change(store: &LocalThreadStore, act: Act) -> Done {
    let result = match act {
        Act::Delete => store.delete_thread(DeleteThreadParams::new(id(SOURCE))).await.map(drop),
        Act::DeleteAll => store.delete_thread(DeleteThreadParams::new(id(SOURCE)).with_descendants()).await.map(drop),
        Act::Empty => store.delete_thread(DeleteThreadParams::new(id(SOURCE)).if_trashed()).await.map(drop),
        Act::Restore => trash(store, false).await,
        Act::Fork | Act::Import => {
            let mut params = ForkThreadParams::new(id(SOURCE), id(FORK));
            params.include_archived = true;
            store.fork_thread(params).await.map(drop)
        }
    };
    match result {
        Ok(()) => true,
        Err(ThreadStoreError::Conflict(..)) => false,
        Err(ThreadStoreError::ThreadNotFound { .. }) if matches!(act, Act::Fork | Act::Restore) => false,
        Err(error) => panic!("{act:?}: {error}"),
    }
}

/// Lets them play, each held after its number of steps but the last; says of which of the held ones that was their end.
///
/// # Panics
/// If what comes of it is what no order of the acts one after another gives.
pub fn play(acts: &[Act], steps: &[u64]) -> Vec<bool> {
    play_out(acts, steps, false)
}

/// Lets two play, each held after its number of steps; then the first goes on to its end, then the second. Says of which
/// their steps were the end.
///
/// # Panics
/// As [`play`].
pub fn play_both_held(acts: [Act; 2], steps: [u64; 2]) -> Vec<bool> {
    play_out(&acts, &steps, true)
}

fn play_out(acts: &[Act], steps: &[u64], first_ends_first: bool) -> Vec<bool> {
    let scene = Scene::new(acts.contains(&Act::Empty));
    let machine = &scene.machine;
    let mut players: Vec<Player> = acts.iter().map(|act| Player::new(machine, *act, &scene.file)).collect();
    let ended: Vec<bool> = players.iter_mut().zip(steps).map(|(player, steps)| player.run(*steps)).collect();
    let last = players.len() - 1;
    if steps.len() == last {
        players[last].gate.open();
        players[last].run(0);
    }
    let end = |player: &mut Player| (player.act, player.end());
    let done: Vec<(Act, Done)> = if first_ends_first {
        players.iter_mut().map(end).collect()
    } else {
        players.iter_mut().rev().map(end).collect()
    };
    drop(players);
    scene.judge(machine, &done, &format!("{acts:?} held after {steps:?} steps"));
    ended
}

/// Where they race: a store with the thread, and a file of it that has grown since.
pub struct Scene {
    /// The machine before the race.
    pub machine: SimFs,
    /// What is imported.
    pub file: PathBuf,
    in_trash: bool,
    _folder: tempfile::TempDir,
}

impl Scene {
    /// With the thread in the trash, or not.
    pub fn new(in_trash: bool) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let machine = SimFs::new(7);
        let config = Config { background: Background::Manual, prepare_spares: false, ..Config::default() };
        let store = Store::open_on(Arc::new(machine.process()), Path::new(ROOT), config).unwrap();
        assert!(import(&store, rollout(folder.path(), 2)));
        store.close().unwrap();
        if in_trash {
            current_thread().block_on(async {
                let store = open(&machine.process(), manual()).await.unwrap();
                trash(&store, true).await.unwrap();
                store.close().await.unwrap();
            });
        }
        // By the time of the race the file has grown.
        let file = rollout(folder.path(), 3);
        Scene { machine, file, in_trash, _folder: folder }
    }

    /// What is left on this machine must be what some order of the acts, one after another, gives.
    ///
    /// # Panics
    /// If it is not, saying what is `told` of the race.
    pub fn judge(&self, machine: &SimFs, done: &[(Act, Done)], told: &str) {
        let of = |act: Act| done.contains(&(act, true));
        let deleted = of(Act::Delete) || of(Act::DeleteAll) || of(Act::Empty);
        let after = machine.process();
        let told = format!("{told}: {done:?}");
        current_thread().block_on(async {
            let store = open(&after, manual()).await.unwrap();
            let (two, three) = (vec!["0", "1"], vec!["0", "1", "2"]);
            let source = texts(&store, id(SOURCE)).await.ok();
            match &source {
                // Who emptied the trash came before or was told.
                None => {
                    assert!(deleted && !(of(Act::Empty) && (of(Act::Restore) || of(Act::Import))), "{told}: it is gone")
                }
                Some(source) if of(Act::Import) => assert_eq!(*source, three, "{told}"),
                Some(source) => {
                    assert!(!deleted, "{told}: it is there");
                    assert_eq!(*source, two, "{told}");
                }
            }
            if self.in_trash && source.is_some() {
                let read = store.read_thread(ReadThreadParams::new(id(SOURCE)).with_archived()).await.unwrap();
                let seen = read.metadata.trashed();
                assert_eq!(seen, !of(Act::Restore) && !of(Act::Import), "{told}: in the trash");
            }
            // What was forked before went with it, what is forked after is refused: no fork of it is left.
            match texts(&store, id(FORK)).await {
                Ok(_) if of(Act::DeleteAll) && !of(Act::Import) => panic!("{told}: the fork is there"),
                Ok(fork) => assert!(of(Act::Fork) && (fork == two || fork == three), "{told}: {fork:?}"),
                Err(_) => assert!(!of(Act::Fork) || of(Act::DeleteAll), "{told}: the fork is gone"),
            }
            store.close().await.unwrap();
        });
        let report = verify(Arc::new(after), Path::new(ROOT), &mut |_| ()).unwrap();
        assert!(report.is_sound(), "{told}: {report:?}");
    }
}

/// All orders of two acts in which the first is held once. Gives their number.
pub fn every_order_of(first: Act, second: Act) -> u64 {
    let mut orders = 1;
    while !play(&[first, second], &[orders - 1])[0] {
        orders += 1;
    }
    orders
}
