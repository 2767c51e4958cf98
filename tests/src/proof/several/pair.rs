//! Two processes of one machine, each with its engine, and what the log of each journal must hold.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use threadlog_engine::fs::Fs;
use threadlog_engine::fs::sim::{CallKind, ENOSPC, Fault, SimFs};
use threadlog_engine::{Batch, Changes, Clock, Config, Engine, Error, Lease, LeaseOn, ReadLog};

use super::deal::{Deal, Dealt};
use crate::proof::content::{Line, print, stream};
use crate::proof::found::Found;
use crate::proof::invariants::{Checked, Evidence, I1, I4, I5, I9, Violation, judge};
use crate::proof::model::{Duty, Model};
use crate::proof::probe::{Moment, Probe, Recorder};
use crate::proof::sealing;
use crate::proof::world::{HandClock, ROOT, config};

/// The stream that passes between the processes.
pub const SHARED: u8 = 1;
/// Journals, one for each process.
pub const JOURNALS: usize = 2;

/// The stream that is only ever in this journal.
fn own(journal: usize) -> u8 {
    2 + journal as u8
}

/// A process.
pub struct Process {
    pub(super) probe: Probe,
    pub(super) engine: Option<Engine>,
    /// The lease on the shared stream, with the epoch that it is written under.
    lease: Option<(Lease, u64)>,
    /// It let go of the lease, which is free when so many records of its journal are settled.
    leaving: Option<u64>,
    failed_writes: u64,
}

/// Two processes on one disk.
pub struct Pair {
    pub(super) disk: SimFs,
    pub(super) recorder: Recorder,
    clock: Arc<HandClock>,
    segment_bytes: u64,
    pub(super) processes: [Process; 2],
    /// What each journal must hold.
    journals: Vec<Model>,
    /// In which journal each record stands, by its print.
    owners: HashMap<u64, usize>,
    /// Records so far: each has a length of its own.
    numbers: usize,
    deaths: usize,
}

impl Process {
    fn new(disk: &SimFs, recorder: &Recorder) -> Process {
        let probe = Probe::new(disk.clone(), recorder.clone());
        Process { probe, engine: None, lease: None, leaving: None, failed_writes: 0 }
    }
}

impl Pair {
    /// A machine with an empty disk, nothing opened.
    pub fn new(segment_bytes: u64) -> Pair {
        Pair::on(SimFs::new(1), segment_bytes)
    }

    fn on(disk: SimFs, segment_bytes: u64) -> Pair {
        let recorder = Recorder::default();
        Pair {
            processes: [(); 2].map(|()| Process::new(&disk, &recorder)),
            disk,
            recorder,
            clock: Arc::default(),
            segment_bytes,
            journals: vec![Model::default(); JOURNALS],
            owners: HashMap::new(),
            numbers: 0,
            deaths: 0,
        }
    }

    /// Another machine with a copy of this one's disk, nothing opened.
    pub fn fork(&self) -> Pair {
        let pair = Pair::on(self.disk.snapshot(), self.segment_bytes);
        Pair { journals: self.journals.clone(), owners: self.owners.clone(), numbers: self.numbers, ..pair }
    }

    /// Calls so far that others could see, what was submitted, and deaths: when a deal changes none of that, it did nothing.
    pub fn pulse(&self) -> (u64, usize, usize) {
        (self.recorder.changes(), self.numbers, self.deaths)
    }

    /// Keeps a moment for every call from now on.
    pub fn record(&self) {
        self.recorder.owe(self.duty());
        self.recorder.start();
    }

    /// The moments since [`Pair::record`].
    pub fn moments(&self) -> Vec<Moment> {
        self.recorder.finish(&self.disk)
    }

    /// What is owed now, of both journals.
    pub fn duty(&self) -> Duty {
        Duty::together(&self.journals.iter().map(Model::duty).collect::<Vec<_>>())
    }

    pub(super) fn owe(&self) {
        if self.recorder.is_on() {
            self.recorder.owe(self.duty());
        }
    }

    /// Does a deal.
    ///
    /// # Errors
    /// The invariant that does not hold.
    pub fn apply(&mut self, (who, deal): Dealt) -> Checked {
        let done = match deal {
            Deal::Put => self.put(who),
            Deal::Sync => self.sync(who),
            Deal::Write => {
                self.clock.advance(15);
                self.engine(who).map(|engine| engine.tick()).map(|_| ())
            }
            Deal::Give => self.give(who),
            Deal::Close => self.close(who),
            Deal::Die => {
                self.bury(who);
                Ok(())
            }
            Deal::Look => self.look(who),
            Deal::FailWrite => {
                let fault = Fault::ShortWriteThenError { bytes: 4096, errno: ENOSPC };
                self.disk.fail_kind(CallKind::Write, self.disk.calls_of(CallKind::Write) + 1, fault);
                let synced = self.sync(who);
                self.disk.clear_faults();
                synced
            }
            Deal::Seal => self.seal(who, false),
            Deal::Merge => self.seal(who, true),
        };
        done.and_then(|()| self.observe(who)).map_err(|broken| broken.after(format!("{deal:?} of process {who}")))
    }

    // --- opening and ending ----------------------------------------------

    /// The engine of a process, opened if it is not.
    pub(super) fn engine(&mut self, who: usize) -> Checked<Engine> {
        if let Some(engine) = &self.processes[who].engine {
            return Ok(engine.clone());
        }
        let config = Config { journals_max: JOURNALS as u32, ..config(self.segment_bytes, &self.clock) };
        let engine = Engine::open(Arc::new(self.processes[who].probe.clone()), Path::new(ROOT), config)
            .map_err(|error| Violation::new(I9, format!("the store does not open: {error}")))?;
        if self.processes[1 - who].engine.as_ref().is_some_and(|other| other.journal() == engine.journal()) {
            return Err(Violation::new(I9, format!("two processes write journal {}", engine.journal())));
        }
        let process = &mut self.processes[who];
        (process.engine, process.failed_writes) = (Some(engine.clone()), 0);
        self.settle(&engine, &[engine.journal() as usize]).map_err(|broken| broken.after("opening"))?;
        Ok(engine)
    }

    /// Whoever died in the middle of a call is told nothing by it.
    fn lives(&self, engine: &Engine) -> Checked {
        let of = |process: &&Process| process.engine.as_ref().is_some_and(|own| own.journal() == engine.journal());
        match self.processes.iter().find(of).filter(|process| process.probe.is_dead()) {
            Some(_) => Err(Violation::new(I9, "the process is dead")),
            None => Ok(()),
        }
    }

    /// These journals have been recovered by this engine: what it shows of them is what they hold.
    fn settle(&mut self, engine: &Engine, recovered: &[usize]) -> Checked {
        self.lives(engine)?;
        let found = Found::gather(engine, true);
        judge(&Evidence::new(&self.duty(), &found))?;
        for journal in recovered {
            let mut total = (0, 0_u64);
            for print in found.records().map(print).filter(|print| self.owners.get(print) == Some(journal)) {
                total = (total.0 + 1, total.1.wrapping_add(print));
            }
            let Some(settled) = self.journals[*journal].duty().settled(total.0, total.1) else {
                let what = format!("{} records of journal {journal} are no log that was ever written", total.0);
                return Err(Violation::new(I4, what));
            };
            self.journals[*journal].reopened(&settled);
        }
        self.owe();
        Ok(())
    }

    fn close(&mut self, who: usize) -> Checked {
        let Some(engine) = self.processes[who].engine.clone() else { return Ok(()) };
        let all = self.model(&engine).records();
        engine.close().map_err(|error| Violation::new(I9, format!("closing: {error}")))?;
        self.observe(who)?;
        self.acknowledge(&engine, all)?;
        drop(engine);
        let process = &mut self.processes[who];
        (process.engine, process.lease, process.leaving) = (None, None, None);
        Ok(())
    }

    /// A process dies alone: its locks are free, what it wrote is in the page cache.
    pub(super) fn bury(&mut self, who: usize) {
        self.deaths += usize::from(self.processes[who].engine.is_some());
        self.processes[who].probe.kill();
        self.processes[who] = Process::new(&self.disk, &self.recorder);
    }

    // --- writing ---------------------------------------------------------

    fn model(&self, engine: &Engine) -> &Model {
        &self.journals[engine.journal() as usize]
    }

    fn acknowledge(&mut self, engine: &Engine, records: u64) -> Checked {
        self.lives(engine)?;
        let model = &mut self.journals[engine.journal() as usize];
        if records > model.durable_records() && !model.acknowledge(records) {
            return Err(Violation::new(I4, format!("the durable mark {records} is no end of a batch")));
        }
        self.owe();
        Ok(())
    }

    /// Notes what an engine did on its own: what it made durable, a write that failed.
    fn observe(&mut self, who: usize) -> Checked {
        let Some(engine) = self.processes[who].engine.clone() else { return Ok(()) };
        let (mark, failed) = (engine.durable_mark().0, engine.stats().failed_writes);
        if mark < self.model(&engine).durable_records() {
            return Err(Violation::new(I1, format!("the durable mark fell to {mark}")));
        }
        self.acknowledge(&engine, mark)?;
        if std::mem::replace(&mut self.processes[who].failed_writes, failed) < failed {
            self.journals[engine.journal() as usize].give_up();
            self.processes[who].leaving = None;
            self.owe();
        }
        Ok(())
    }

    pub(super) fn put(&mut self, who: usize) -> Checked {
        let engine = self.engine(who)?;
        let journal = engine.journal() as usize;
        let mut places = vec![(own(journal), 0)];
        places.extend(self.take(who, &engine)?.map(|epoch| (SHARED, epoch)));
        let (mut batch, mut lines) = (Batch::new(), Vec::new());
        for (number, epoch) in places {
            let next = engine.head(&stream(number)).map_or(0, |head| head.next_ordinal);
            self.numbers += 1;
            let line = Line::new(number, next, 2 * epoch, 100 + self.numbers);
            batch.push(line.new_record(&line.payload())).map_err(|error| Violation::new(I9, error.to_string()))?;
            self.owners.insert(line.print, journal);
            lines.push(line);
        }
        self.journals[journal].submit(lines);
        self.owe();
        let ticket = engine.append(batch).map_err(|error| Violation::new(I9, format!("an append: {error}")))?;
        self.journals[journal].receive(ticket);
        Ok(())
    }

    pub(super) fn sync(&mut self, who: usize) -> Checked {
        let engine = self.engine(who)?;
        let all = self.model(&engine).records();
        match engine.sync(engine.barrier()) {
            Ok(()) => self.acknowledge(&engine, all),
            Err(Error::WriteFailed { .. }) if self.disk.faults_fired() > 0 => Ok(()),
            Err(error) => Err(Violation::new(I9, format!("a sync: {error}"))),
        }
    }

    /// Takes the shared stream over, as whoever continues a thread does; gives the epoch to write it under, `None` if the
    /// other process has it.
    fn take(&mut self, who: usize, engine: &Engine) -> Checked<Option<u64>> {
        if let Some((_, epoch)) = &self.processes[who].lease {
            return Ok(Some(*epoch));
        }
        let held = self.is_held(1 - who);
        let Some(leases) = engine.leases() else { return Err(Violation::new(I9, "a store without leases")) };
        let lease = match leases.take(LeaseOn::Writer(&stream(SHARED).thread)) {
            Ok(_) if held => return Err(Violation::new(I9, "two processes have the lease on one stream")),
            Ok(lease) => lease,
            Err(Error::Leased { .. }) if held => return Ok(None),
            Err(error) => return Err(Violation::new(I9, format!("the lease is free: {error}"))),
        };
        let recovered = engine.recover_dead(&mut Changes::default());
        recovered.map_err(|error| Violation::new(I9, format!("a journal is not recovered: {error}")))?;
        let dead = self.dead();
        // What this process appended under the lease before is to be durable too.
        self.sync(who)?;
        self.settle(engine, &dead)?;
        let head = engine.head(&stream(SHARED));
        let there = head.map_or((0, 0), |head| (head.durable_ordinal, head.next_ordinal));
        let all: u64 = self.journals.iter().map(|model| model.next(SHARED)).sum();
        if there != (all, all) {
            return Err(Violation::new(
                I5,
                format!("the stream has {all} records, its next writer's head says {there:?}"),
            ));
        }
        let epoch = head.map_or(0, |head| head.lease_epoch) + 1;
        let process = &mut self.processes[who];
        (process.lease, process.leaving) = (Some((lease, epoch)), None);
        Ok(Some(epoch))
    }

    /// The journals that nobody writes.
    fn dead(&self) -> Vec<usize> {
        let engines = || self.processes.iter().flat_map(|process| &process.engine);
        (0..JOURNALS).filter(|journal| engines().all(|engine| engine.journal() as usize != *journal)).collect()
    }

    /// Whether a process keeps others from the shared stream.
    fn is_held(&self, who: usize) -> bool {
        let process = &self.processes[who];
        let Some(engine) = &process.engine else { return false };
        process.lease.is_some() || process.leaving.is_some_and(|records| self.model(engine).durable_records() < records)
    }

    fn give(&mut self, who: usize) -> Checked {
        let Some((lease, _)) = self.processes[who].lease.take() else { return Ok(()) };
        let engine = self.engine(who)?;
        self.processes[who].leaving = Some(self.model(&engine).records());
        engine.keep_until_settled(engine.barrier(), Box::new(lease));
        Ok(())
    }

    // --- sealing ---------------------------------------------------------

    /// A process seals what both wrote, and perhaps merges it.
    fn seal(&mut self, who: usize, merge: bool) -> Checked {
        let engine = self.engine(who)?;
        let fs: Arc<dyn Fs> = Arc::new(self.processes[who].probe.clone());
        let clock: Arc<dyn Clock> = self.clock.clone();
        let worked = sealing::work(&fs, &engine, &clock, merge);
        self.lives(&engine)?;
        worked.map_err(|error| Violation::new(I9, format!("sealing is refused without a cause: {error}")))?;
        // What is sealed of a dead journal was recovered before.
        engine.refresh().map_err(|error| Violation::new(I9, format!("refreshing: {error}")))?;
        self.observe(who)?;
        let dead = self.dead();
        self.settle(&engine, &dead)?;
        // The other misses nothing, if what it shows is to be what is durable.
        let other = self.processes[1 - who].engine.clone();
        let is_settled = |other: &Engine| self.model(other).durable_records() == self.model(other).records();
        if other.as_ref().is_some_and(is_settled) {
            self.look(1 - who).map_err(|broken| broken.after("sealing by one of the two"))?;
        }
        Ok(())
    }

    // --- looking ---------------------------------------------------------

    /// A process takes in what the other made durable: it shows exactly what is durable.
    pub(super) fn look(&mut self, who: usize) -> Checked {
        let engine = self.engine(who)?;
        engine.refresh().map_err(|error| Violation::new(I9, format!("refreshing: {error}")))?;
        let found = Found::gather(&engine, true);
        let durable: Vec<Duty> = self.journals.iter().map(Model::durable_duty).collect();
        judge(&Evidence::new(&Duty::together(&durable), &found)).map_err(|broken| broken.after("looking"))
    }
}
