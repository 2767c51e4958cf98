//! The stores of one disk: processes that come and go, and the threads that they have in common.

use std::path::Path;
use std::sync::Arc;

use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::thread_store::{ThreadStoreError, Unavailability};
use threadlog_engine::Config;
use threadlog_engine::fs::sim::{Choice, Fault, SimFs};

use super::act::{Act, Ending, PROCESSES, THREADS};
use super::call::Call;
use super::expected::Thread;
use super::stage::Stage;
use crate::proof::invariants::{Checked, I9, Violation};
use crate::proof::probe::{Probe, Recorder};
use crate::proof::random::Dice;
use crate::proof::world::{HandClock, ROOT, config};

/// A process: its way to the disk, and the store that it has open.
pub struct Process {
    pub(super) probe: Probe,
    pub(super) store: Option<LocalThreadStore>,
    /// Acts since a sync failed.
    pub(super) poisoned: Option<u8>,
    /// Whether reopening failed: the store is shut until it succeeds.
    pub(super) shut: bool,
    /// The number at which its engine was opened: its writers with a lower one wrote through another engine.
    opened: u64,
}

/// A disk, the processes that use it, and what should be there.
pub struct House {
    pub(super) disk: SimFs,
    recorder: Recorder,
    pub(super) clock: Arc<HandClock>,
    segment_bytes: u64,
    pub(super) stage: Stage,
    /// One, or several that share the threads by leases.
    pub(super) processes: Vec<Process>,
    pub(super) threads: Vec<Thread>,
    /// Numbers given to items, names, pieces and lives.
    pub(super) numbers: u64,
    /// Whether something was acknowledged in the running act.
    pub(super) acknowledged: bool,
    faults_before: u64,
    bounded: bool,
    planned: Option<(u64, Fault)>,
    /// Where files lie that are imported and exported, once there are some.
    pub(super) folder: Option<tempfile::TempDir>,
    /// The threads that a call of unknown outcome was to delete, all or none, until something else is done.
    pub(super) doomed: Vec<usize>,
}

impl House {
    /// A machine with a disk of this seed, nothing opened.
    pub fn new(seed: u64, segment_bytes: u64, processes: usize, recorder: Recorder) -> House {
        let disk = SimFs::new(seed);
        let process = |_| {
            let probe = Probe::new(disk.clone(), recorder.clone());
            Process { probe, store: None, poisoned: None, shut: false, opened: 0 }
        };
        House {
            processes: (0..processes).map(process).collect(),
            disk,
            recorder,
            clock: Arc::default(),
            segment_bytes,
            stage: Stage::default(),
            threads: vec![Thread::default(); THREADS as usize],
            numbers: 0,
            acknowledged: false,
            faults_before: 0,
            bounded: false,
            planned: None,
            folder: None,
            doomed: Vec::new(),
        }
    }

    /// Does an act, and checks what it shows.
    ///
    /// # Errors
    /// The invariant that does not hold.
    pub fn apply(&mut self, who: usize, act: Act) -> Checked {
        let who = who % self.processes.len();
        self.faults_before = self.disk.faults_fired();
        if act.thread().is_some() || matches!(act, Act::Together(_)) {
            self.doomed.clear();
        }
        self.mend(who)?;
        match act {
            Act::Together(seed) => self.together(who, seed),
            Act::Tick(ms) => self.tick(who, ms.into()),
            Act::Look => self.look(who),
            Act::Reopen => self.reopen(who),
            Act::Close => self.close(who),
            Act::Forget => self.leave(who).and_then(|()| self.open(who)),
            Act::Fork(source, target, cut) => self.fork(who, source, target, cut),
            Act::Import(thread, more, ending) => self.import(who, thread, more, ending),
            Act::Export(thread) => self.export(who, thread),
            Act::DeleteAll(_, ending) => {
                // Opened before, so that the death that is to come comes in the call.
                self.store(who)?;
                self.foresee(who, ending);
                let call = self.call(act);
                self.calls(who, vec![call], &mut Dice::new(0)).and_then(|()| self.meet(who, ending))
            }
            Act::Die => self.die(who).and_then(|()| self.open(who)),
            Act::Kill => self.machine(who, self.disk.kill()),
            Act::PowerCut => self.machine(who, self.disk.crash(&Choice::LoseAll)),
            Act::Crash(seed) => self.machine(who, self.disk.crash(&Choice::Sample(seed))),
            Act::Fault(calls, fault) => {
                self.plan(1 + u64::from(calls), fault);
                Ok(())
            }
            Act::Full(room) => {
                self.disk.set_capacity(Some(self.disk.used_blocks() + u64::from(room)));
                self.bounded = true;
                Ok(())
            }
            Act::Room => {
                self.disk.set_capacity(None);
                self.bounded = false;
                Ok(())
            }
            call => {
                let call = self.call(call);
                self.calls(who, vec![call], &mut Dice::new(0))
            }
        }
        .map_err(|broken| broken.after(format!("{act:?} of process {who}")))
    }

    /// Lets the `number`-th call from now on go wrong, on whichever machine that is.
    pub fn plan(&mut self, number: u64, fault: Fault) {
        self.planned = Some((self.disk.calls() + number, fault));
        self.disk.fail_call(self.disk.calls() + number, fault);
    }

    /// Whether the call that was to go wrong is still to come.
    pub fn is_fault_to_come(&self) -> bool {
        self.planned.is_some_and(|(number, _)| number > self.disk.calls())
    }

    /// The disk is well again: no fault is planned, and there is room.
    pub fn heal(&mut self) {
        self.planned = None;
        self.disk.clear_faults();
        self.disk.set_capacity(None);
        self.bounded = false;
    }

    /// Something happened that runs should come by now and then.
    pub(super) fn saw(&self, what: &'static str) {
        self.recorder.saw(what);
    }

    pub(super) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// The number of a writer of this process.
    pub(super) fn life(&mut self, who: usize) -> u64 {
        self.number() * PROCESSES + who as u64
    }

    pub(super) fn call(&mut self, act: Act) -> Call {
        Call { act, number: self.number(), piece: self.number(), fork: None, polls_max: usize::MAX }
    }

    /// Whether a call to the disk may have failed on purpose during this act.
    pub(super) fn met_fault(&self) -> bool {
        self.disk.faults_fired() > self.faults_before || self.bounded || self.is_one_dead()
    }

    /// Whether one may have since this machine was started.
    pub(super) fn had_faults(&self) -> bool {
        self.disk.faults_fired() > 0 || self.bounded || self.is_one_dead()
    }

    /// Whether a process died half way in this act.
    fn is_one_dead(&self) -> bool {
        self.processes.iter().any(|process| process.probe.is_dead())
    }

    /// Lets the process die at the call that the ending names.
    pub(super) fn foresee(&self, who: usize, ending: Ending) {
        if let Ending::Dies(call) | Ending::PowerCut(call, _) = ending {
            let probe = &self.processes[who].probe;
            probe.die_at(probe.acts() + 1 + u64::from(call));
        }
    }

    /// The process comes to its end, if it is to, and another takes its place.
    pub(super) fn meet(&mut self, who: usize, ending: Ending) -> Checked {
        match ending {
            Ending::InOrder => Ok(()),
            Ending::Dies(_) => self.die(who).and_then(|()| self.open(who)),
            Ending::PowerCut(_, seed) => self.machine(who, self.disk.crash(&Choice::Sample(seed))),
        }
    }

    // --- opening and ending ----------------------------------------------

    /// The store of a process, opened if it is not; `None` if a fault keeps it shut.
    pub(super) fn store(&mut self, who: usize) -> Checked<Option<LocalThreadStore>> {
        if self.processes[who].store.is_none() {
            self.open(who)?;
        }
        Ok(self.processes[who].store.clone().filter(|_| !self.processes[who].shut))
    }

    pub(super) fn segment_bytes(&self) -> u64 {
        self.segment_bytes
    }

    fn config(&self) -> LocalConfig {
        let journals_max = self.processes.len() as u32;
        LocalConfig::from(Config { journals_max, ..config(self.segment_bytes, &self.clock) })
    }

    /// Opens a process's store and compares what it shows with what is owed.
    pub fn open(&mut self, who: usize) -> Checked {
        let (fs, config) = (Arc::new(self.processes[who].probe.clone()), self.config());
        let opened = self.stage.alone(LocalThreadStore::open_on(fs, Path::new(ROOT), config))?;
        match opened {
            Ok(store) => {
                let process = &mut self.processes[who];
                (process.store, process.poisoned, process.shut) = (Some(store), None, false);
                // (An engine opened in place has writers from before.)
                self.processes[who].opened = self.number();
                self.found(who)
            }
            Err(error) => self.refused(who, &error),
        }
    }

    /// Opens the engine anew, in place.
    pub fn reopen(&mut self, who: usize) -> Checked {
        let Some(store) = self.processes[who].store.clone() else { return self.open(who) };
        match self.stage.alone(store.reopen())? {
            Ok(()) => {
                let process = &mut self.processes[who];
                (process.poisoned, process.shut) = (None, false);
                self.found(who)
            }
            Err(error) => {
                self.processes[who].shut = true;
                self.refused(who, &error)
            }
        }
    }

    /// After an opening: all that is owed is there, and what is not there is gone.
    fn found(&mut self, who: usize) -> Checked {
        let whole = self.compare(who).map_err(|broken| broken.after("opening"))?;
        // Once every journal has been claimed, all that dead writers left is decided.
        let all = self.processes.iter().all(|process| process.store.is_some() && !process.shut);
        if whole && all {
            let may_return = self.had_faults();
            let opened: Vec<u64> = self.processes.iter().map(|process| process.opened).collect();
            let alone = opened.len() == 1;
            let is_over = |life: u64| alone || life / PROCESSES < opened[(life % PROCESSES) as usize];
            self.threads.iter_mut().for_each(|thread| thread.settle(may_return, is_over, who));
        }
        Ok(())
    }

    /// After a sync failed, and after a reopening failed, a program opens anew: not at once, so that it is seen what the
    /// store says meanwhile.
    fn mend(&mut self, who: usize) -> Checked {
        let process = &mut self.processes[who];
        let waited = process.poisoned.as_mut().map(|acts| {
            *acts += 1;
            *acts
        });
        if process.shut || waited > Some(3) { self.reopen(who) } else { Ok(()) }
    }

    fn close(&mut self, who: usize) -> Checked {
        self.shut(who)?;
        self.open(who)
    }

    /// Closes a process's store, if it has one open.
    pub(super) fn shut(&mut self, who: usize) -> Checked {
        let Some(store) = self.processes[who].store.clone() else { return Ok(()) };
        let own = |thread: &Thread| thread.live.is_some_and(|live| live.who == who);
        let target = |thread| if own(thread) { thread.target() } else { Vec::new() };
        let targets: Vec<Vec<u64>> = self.threads.iter().map(target).collect();
        match self.stage.alone(store.close())? {
            Ok(()) => {
                for (thread, target) in self.threads.iter_mut().zip(targets) {
                    thread.pieces.hold(&target);
                }
            }
            Err(error) => self.refused(who, &error)?,
        }
        drop(store);
        self.leave(who)
    }

    /// Drops a process's store as it is.
    fn leave(&mut self, who: usize) -> Checked {
        let process = &mut self.processes[who];
        (process.store, process.poisoned, process.shut) = (None, None, false);
        self.stage.settle();
        for thread in self.threads.iter_mut().filter(|thread| thread.live.is_some_and(|live| live.who == who)) {
            thread.end();
        }
        Ok(())
    }

    /// A process dies alone: its locks are free, what it wrote is in the page cache.
    pub(super) fn die(&mut self, who: usize) -> Checked {
        self.processes[who].probe.kill();
        self.leave(who)?;
        self.processes[who].probe = Probe::new(self.disk.clone(), self.recorder.clone());
        Ok(())
    }

    /// Another machine, or another life of this one, with what is left of the disk.
    pub(super) fn machine(&mut self, who: usize, next: SimFs) -> Checked {
        let calls = self.disk.calls();
        self.disk = next;
        for process in 0..self.processes.len() {
            self.die(process)?;
        }
        self.faults_before = 0;
        self.planned = self.planned.and_then(|(number, fault)| Some((number.checked_sub(calls)?, fault)));
        if let Some((number, fault)) = self.planned.filter(|(number, _)| *number > 0) {
            self.disk.fail_call(number, fault);
        }
        (who..who + self.processes.len()).try_for_each(|process| self.open(process % self.processes.len()))
    }

    /// A call failed. It must have a reason.
    pub(super) fn refused(&mut self, who: usize, error: &ThreadStoreError) -> Checked {
        match error {
            ThreadStoreError::Unavailable(_, Unavailability::Poisoned) if self.had_faults() => {
                self.processes[who].poisoned.get_or_insert(0);
                Ok(())
            }
            ThreadStoreError::Unavailable(_, Unavailability::Full | Unavailability::Io) if self.met_fault() => Ok(()),
            ThreadStoreError::Unavailable(_, Unavailability::Closed) if self.processes[who].shut => Ok(()),
            error => Err(Violation::new(I9, format!("refused without a cause: {error}"))),
        }
    }

    fn tick(&mut self, who: usize, ms: u64) -> Checked {
        self.clock.advance(ms);
        let Some(store) = self.store(who)? else { return Ok(()) };
        match self.stage.alone(store.tick())? {
            Ok(()) => Ok(()),
            Err(error) => self.refused(who, &error),
        }
    }
}
