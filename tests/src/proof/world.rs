//! An engine on a simulated disk, the model beside it, and the rules that hold between the two.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use threadlog_engine::fs::sim::{Fault, SimFs};
use threadlog_engine::{Background, Batch, Clock, Config, Engine, Error, Reader};

use super::content::Line;
use super::found::Found;
use super::invariants::{Checked, Evidence, I1, I3, I4, I9, I10, Violation, judge};
use super::model::{Duty, Model};
use super::probe::{Moment, Probe, Recorder};

/// Where the store is.
pub const ROOT: &str = "/store";

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub struct HandClock(AtomicU64);

impl HandClock {
    /// Lets time pass.
    pub fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now_ms(&self) -> u64 {
        1_000_000 + self.0.load(Ordering::Relaxed)
    }
}

/// Small segments, no threads, a clock moved by hand.
pub fn config(segment_bytes: u64, clock: &Arc<HandClock>) -> Config {
    Config {
        segment_bytes_min: segment_bytes,
        segment_bytes_max: segment_bytes,
        background: Background::Manual,
        clock: clock.clone(),
        journals_max: 1,
        ..Config::default()
    }
}

/// A running store: what is there, and what should be.
pub struct World {
    pub(super) disk: SimFs,
    pub(super) probe: Probe,
    recorder: Recorder,
    pub(super) clock: Arc<HandClock>,
    pub(super) segment_bytes: u64,
    pub(super) engine: Option<Engine>,
    pub(super) model: Model,
    /// Failed writes that the model knows of.
    failed_writes: u64,
    /// Faults that had happened when the running step began.
    faults_before: u64,
    /// Whether the disk is bounded: calls may fail without a planned fault.
    pub(super) bounded: bool,
    /// A call that will go wrong, counted from the first one of this machine, and how.
    planned: Option<(u64, Fault)>,
    /// Whether anything was ever refused.
    refused: bool,
    /// A reader that stays open beside the engine.
    pub(super) watcher: Option<Reader>,
}

impl World {
    /// A machine that has not opened a store yet; [`World::reopen`] does.
    pub fn new(disk: SimFs, segment_bytes: u64, recorder: Recorder) -> World {
        World {
            probe: Probe::new(disk.clone(), recorder.clone()),
            disk,
            recorder,
            clock: Arc::default(),
            segment_bytes,
            engine: None,
            model: Model::default(),
            failed_writes: 0,
            faults_before: 0,
            bounded: false,
            planned: None,
            refused: false,
            watcher: None,
        }
    }

    /// As if there had been so many lives of the program before: what is appended differs, and nothing else does.
    pub fn live_again(&mut self, lives: u64) {
        self.model.live_again(lives);
    }

    /// Another machine with a copy of this one's disk and model, nothing opened.
    pub fn fork(&self) -> World {
        let mut world = World::new(self.disk.snapshot(), self.segment_bytes, Recorder::default());
        world.model = self.model.clone();
        world
    }

    /// The disk.
    pub fn disk(&self) -> &SimFs {
        &self.disk
    }

    /// What should be there.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Calls so far that can have changed the disk, and all that was submitted: when a step changes neither, it did nothing.
    pub fn pulse(&self) -> (u64, u64, u64) {
        (self.recorder.changes(), self.model.records(), self.model.life())
    }

    /// Keeps a moment for every call from now on.
    pub fn record(&self) {
        self.recorder.owe(self.model.duty());
        self.recorder.start();
    }

    /// The moments since [`World::record`].
    pub fn moments(&self) -> Vec<Moment> {
        self.recorder.finish(&self.disk)
    }

    /// Bounds the disk to so many blocks more than it uses (`None`: no bound).
    pub fn bound(&mut self, room: Option<u64>) {
        self.disk.set_capacity(room.map(|room| self.disk.used_blocks() + room));
        self.bounded = room.is_some();
    }

    /// Lets the `number`-th call from now on go wrong, in whichever life of the program that is.
    pub fn plan(&mut self, number: u64, fault: Fault) {
        self.planned = Some((self.disk.calls() + number, fault));
        self.disk.fail_call(self.disk.calls() + number, fault);
    }

    /// No call goes wrong any more.
    pub fn forget_faults(&mut self) {
        self.planned = None;
        self.disk.clear_faults();
    }

    /// Whether the call that was to go wrong is still to come.
    pub fn is_fault_to_come(&self) -> bool {
        self.planned.is_some_and(|(number, _)| number > self.disk.calls())
    }

    /// Whether any operation ever failed, or a spare could not be made.
    pub fn was_refused(&self) -> bool {
        self.refused
    }

    fn owe(&self) {
        if self.recorder.is_on() {
            self.recorder.owe(self.model.duty());
        }
    }

    /// A step begins: only faults from now on explain its errors.
    pub fn begin(&mut self) {
        self.faults_before = self.disk.faults_fired();
    }

    /// Whether a call of the running step may have failed on purpose.
    pub(super) fn met_fault(&self) -> bool {
        self.disk.faults_fired() > self.faults_before || self.bounded
    }

    /// Whether a call of any step of this machine may have failed on purpose.
    pub(super) fn had_faults(&self) -> bool {
        self.disk.faults_fired() > 0 || self.bounded || self.refused
    }

    // --- opening and ending ----------------------------------------------

    /// The engine, opened if it is not.
    pub fn engine(&mut self) -> Checked<Option<Engine>> {
        if self.engine.is_none() {
            self.reopen()?;
        }
        Ok(self.engine.clone())
    }

    /// Opens the store, and checks what is found by what was owed. An error that a fault explains leaves it closed.
    pub fn reopen(&mut self) -> Checked {
        let config = config(self.segment_bytes, &self.clock);
        match Engine::open(Arc::new(self.probe.clone()), Path::new(ROOT), config) {
            Ok(engine) => {
                let found = Found::gather(&engine, false);
                let duty = self.model.duty();
                if self.met_fault() && !found.is_whole() {
                    // A fault met the reading: the engine is right or it is caught at the next look.
                    return self.abandon(engine);
                }
                judge(&Evidence::new(&duty, &found)).map_err(|broken| broken.after("opening"))?;
                let (records, sum) = found.total();
                let Some(settled) = duty.settled(records, sum) else {
                    return Err(Violation::new(I4, format!("{records} records are no log that was ever written")));
                };
                self.model.reopened(&settled);
                self.failed_writes = 0;
                self.engine = Some(engine);
                self.owe();
                Ok(())
            }
            Err(error) if self.met_fault() => self.explained(&error),
            Err(error) => Err(Violation::new(I9, format!("the store does not open: {error}"))),
        }
    }

    fn abandon(&mut self, engine: Engine) -> Checked {
        self.engine = Some(engine);
        self.kill();
        Ok(())
    }

    /// A failure that was planned must be told as one of the operating system's, never as damage.
    pub(super) fn explained(&mut self, error: &Error) -> Checked {
        self.refused = true;
        match error {
            Error::Io { .. } => Ok(()),
            other => Err(Violation::new(I9, format!("a call failed, and the store says: {other}"))),
        }
    }

    /// Closes the store.
    pub fn close(&mut self) -> Checked {
        let Some(engine) = self.engine.take() else { return Ok(()) };
        let nothing_open = self.model.open_tickets().is_empty();
        let closed = engine.close();
        self.observe(&engine)?;
        match closed {
            Ok(()) => self.acknowledge(self.model.records()),
            Err(error) if nothing_open && self.disk.faults_fired() == 0 => {
                Err(Violation::new(I9, format!("nothing was left to do, and closing fails: {error}")))
            }
            Err(error) => self.refused(&error),
        }
    }

    /// Kills the process: the page cache stays.
    pub fn kill(&mut self) {
        self.leave(self.disk.kill());
    }

    /// Cuts the power.
    pub fn crash(&mut self, choice: &threadlog_engine::fs::sim::Choice) {
        self.leave(self.disk.crash(choice));
    }

    fn leave(&mut self, next: SimFs) {
        self.probe.mute();
        let calls = self.disk.calls();
        self.disk = next;
        self.probe = Probe::new(self.disk.clone(), self.recorder.clone());
        self.engine = None;
        self.watcher = None;
        self.faults_before = 0;
        self.planned = self.planned.and_then(|(number, fault)| Some((number.checked_sub(calls)?, fault)));
        if let Some((number, fault)) = self.planned.filter(|(number, _)| *number > 0) {
            self.disk.fail_call(number, fault);
        }
    }

    // --- appending and waiting -------------------------------------------

    /// Appends one batch with a record of so many bytes for each (stream, bytes).
    pub fn append(&mut self, records: &[(u8, usize)]) -> Checked {
        let Some(engine) = self.engine()? else { return Ok(()) };
        let mut lines: Vec<Line> = Vec::new();
        let mut batch = Batch::new();
        for (number, bytes) in records {
            let earlier = lines.iter().filter(|line| line.stream == *number).count() as u64;
            let line = Line::new(*number, self.model.next(*number) + earlier, self.model.life(), *bytes);
            let payload = line.payload();
            batch.push(line.new_record(&payload)).map_err(|error| Violation::new(I9, format!("batch: {error}")))?;
            lines.push(line);
        }
        self.model.submit(lines);
        self.owe();
        let appended = engine.append(batch);
        // An append that finds the arena full leads a write; if that fails, this batch comes after it.
        let sent = self.model.withdraw();
        let failed = engine.stats().failed_writes != self.failed_writes;
        self.observe(&engine)?;
        match appended {
            Ok(ticket) => {
                self.model.submit(sent);
                self.model.receive(ticket);
                self.owe();
                let poison = self.model.poisoned();
                poison.map_or(Ok(()), |poison| Err(Violation::new(I9, format!("an append was taken after: {poison}"))))
            }
            Err(Error::WrongOrdinal { .. }) if failed => Ok(()),
            Err(error) => self.refused(&error),
        }
    }

    /// Makes everything durable.
    pub fn sync(&mut self) -> Checked {
        let Some(engine) = self.engine()? else { return Ok(()) };
        let ticket = engine.barrier();
        let all = self.model.records();
        let synced = engine.sync(ticket);
        self.synced(&engine, all, synced)
    }

    /// As [`World::sync`], through the future of a task that is polled by hand.
    pub fn wait(&mut self) -> Checked {
        let Some(engine) = self.engine()? else { return Ok(()) };
        let all = self.model.records();
        let mut future = std::pin::pin!(engine.durable(engine.barrier()));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        for _ in 0..8 {
            if let std::task::Poll::Ready(synced) = future.as_mut().poll(&mut context) {
                return self.synced(&engine, all, synced);
            }
        }
        Err(Violation::new(I9, "a task that waits for durability is never woken"))
    }

    fn synced(&mut self, engine: &Engine, all: u64, synced: Result<(), Error>) -> Checked {
        self.observe(engine)?;
        match synced {
            Ok(()) => self.acknowledge(all),
            Err(error) => self.refused(&error),
        }
    }

    /// Lets time pass and the timers run.
    pub fn tick(&mut self, ms: u64) -> Checked {
        let Some(engine) = self.engine()? else { return Ok(()) };
        self.clock.advance(ms);
        engine.tick();
        self.observe(&engine)
    }

    /// Makes the spare that was ordered, if one was.
    pub fn prepare_spare(&mut self) -> Checked {
        let Some(engine) = self.engine()? else { return Ok(()) };
        match engine.prepare_spare() {
            // The directory's sync failed: with it the journal stops, and what is on disk is not known.
            Err(Error::Poisoned { .. }) if self.had_faults() => {
                self.refused = true;
                Ok(())
            }
            Err(error) if self.met_fault() => self.explained(&error),
            Err(error) => Err(Violation::new(I9, format!("no spare: {error}"))),
            Ok(_) => Ok(()),
        }
    }

    /// Notes what the engine did on its own: what it made durable, writes that failed.
    pub(super) fn observe(&mut self, engine: &Engine) -> Checked {
        let failed = engine.stats().failed_writes;
        let mark = engine.durable_mark().0;
        if mark < self.model.durable_records() {
            return Err(Violation::new(I1, format!("the durable mark fell to {mark}")));
        }
        if failed == self.failed_writes {
            return self.acknowledge(mark);
        }
        self.failed_writes = failed;
        if !self.met_fault() {
            return Err(Violation::new(I9, "a write failed that was not told to"));
        }
        self.acknowledge(mark)?;
        self.model.give_up();
        self.owe();
        Ok(())
    }

    fn acknowledge(&mut self, records: u64) -> Checked {
        if records > self.model.records() {
            return Err(Violation::new(I3, format!("{records} records are said to be durable, fewer were appended")));
        }
        let durable = self.model.durable_records();
        if records > durable && self.model.poisoned().is_some() {
            return Err(Violation::new(I10, format!("after a failed sync the mark rose from {durable} to {records}")));
        }
        if records > durable && !self.model.acknowledge(records) {
            return Err(Violation::new(I10, format!("the durable mark {records} stands inside a batch")));
        }
        self.owe();
        Ok(())
    }

    /// An operation said no. It must have a reason, and say it as the rules want.
    pub(super) fn refused(&mut self, error: &Error) -> Checked {
        self.refused = true;
        let durable = self.model.durable_records();
        let said = error.to_string();
        match (error, self.model.poisoned()) {
            (Error::Poisoned { durable: told, .. }, None) => {
                // Only a failed sync may do that, however long ago; a full disk may not.
                if self.disk.faults_fired() == 0 {
                    return Err(Violation::new(I9, format!("poisoned without a cause: {said}")));
                }
                self.model.poison(said);
                same(durable, told.0, error)
            }
            (_, Some(poison)) if poison == said => Ok(()),
            (_, Some(poison)) => Err(Violation::new(I9, format!("first \"{poison}\", then \"{said}\""))),
            (Error::WriteFailed { durable: told, .. }, None) => same(durable, told.0, error),
            (other, None) if self.met_fault() => self.explained(other),
            (other, None) => Err(Violation::new(I9, format!("refused without a cause: {other}"))),
        }
    }

    /// What is owed now, for whoever looks at the disk from outside.
    pub fn duty(&self) -> Duty {
        self.model.duty()
    }
}

fn same(durable: u64, told: u64, error: &Error) -> Checked {
    if durable == told {
        return Ok(());
    }
    Err(Violation::new(I9, format!("{durable} records are durable, and the error says: {error}")))
}
