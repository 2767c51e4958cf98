//! What a power cut leaves, checked: read as it stands, recovered, cut off again during the recovery, recovered again.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::{Batch, Changes, Config, Engine, Error, LeaseOn, ReadLog, Reader};

use super::content::{Line, stream};
use super::found::Found;
use super::invariants::{Checked, Evidence, I9, Violation, judge};
use super::model::Duty;
use super::probe::{Moment, Probe, Recorder};
use super::world::{ROOT, config};

/// Records found, and the sum of their prints.
type Total = (u64, u64);

/// How thorough an examination is.
#[derive(Clone, Copy, Debug)]
pub struct Depth {
    /// Up to so many combinations of pending blocks and names are all tried…
    pub choices_max: u64,
    /// …and so many are drawn where there are more.
    pub samples: u64,
    /// Of so many states, drawn by their hash, the recovery of one is cut off in its turn, at every call (0: of none).
    pub recover_one_in: u64,
}

impl Depth {
    fn recovers(&self, hash: u64) -> bool {
        self.recover_one_in > 0 && (hash >> 20).is_multiple_of(self.recover_one_in)
    }
}

/// Examines states of the disk, each one once.
pub struct Examiner {
    segment_bytes: u64,
    journals: u32,
    /// Streams to which something is appended after a recovery, to see that the store goes on.
    afterwards: &'static [u8],
    /// Every state seen, by the hash of all that is durable in it, with what was found.
    seen: Vec<Mutex<HashMap<u64, Total>>>,
    /// Power cuts tried; many lead to states seen before.
    pub cuts: AtomicU64,
    /// Moments looked at.
    pub moments: AtomicU64,
}

impl Examiner {
    /// One that has seen nothing yet.
    pub fn new(segment_bytes: u64) -> Examiner {
        Examiner::of(segment_bytes, 1, &[9])
    }

    /// One of stores with so many journals, of which one stream passes from writer to writer.
    pub fn of_several(segment_bytes: u64, journals: u32, shared: &'static [u8]) -> Examiner {
        Examiner::of(segment_bytes, journals, shared)
    }

    fn of(segment_bytes: u64, journals: u32, afterwards: &'static [u8]) -> Examiner {
        let seen = (0..64).map(|_| Mutex::default()).collect();
        let (cuts, moments) = (AtomicU64::new(0), AtomicU64::new(0));
        Examiner { segment_bytes, journals, afterwards, seen, cuts, moments }
    }

    /// How many different states of the disk were examined.
    pub fn states(&self) -> u64 {
        self.seen.iter().map(|shard| lock(shard).len() as u64).sum()
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, HashMap<u64, Total>> {
        lock(&self.seen[(hash % self.seen.len() as u64) as usize])
    }

    /// Cuts the power at a moment, in every way, and examines what is left.
    ///
    /// # Errors
    /// The invariant that does not hold.
    pub fn moment(&self, moment: &Moment, depth: &Depth) -> Checked {
        let shown = self.shown(moment).map_err(|broken| broken.after(format!("looking beside {}", moment.next)))?;
        self.cut(moment, shown, depth)
    }

    /// What a reader beside the running writer is shown: never more than is durable.
    fn shown(&self, moment: &Moment) -> Checked<u64> {
        let found = read(&moment.disk, false)?;
        let (records, sum) = found.total();
        if !found.is_whole() || !moment.duty.chains.iter().any(|chain| chain.sums.contains(&(records, sum))) {
            judge(&Evidence::new(&Duty { durable: 0, ..(*moment.duty).clone() }, &found))?;
        }
        Ok(records)
    }

    /// Cuts the power at a moment, in every way; so many records were shown to somebody.
    ///
    /// # Errors
    /// The invariant that does not hold.
    pub fn cut(&self, moment: &Moment, shown: u64, depth: &Depth) -> Checked {
        self.moments.fetch_add(1, Ordering::Relaxed);
        let space = moment.disk.crash_points();
        let all = space.states() <= depth.choices_max;
        let limit = if all { depth.choices_max } else { depth.samples };
        let seed = moment.disk.durable_hash();
        for choice in space.choices(limit, seed) {
            self.cuts.fetch_add(1, Ordering::Relaxed);
            let left = moment.disk.crash(&choice);
            let total = self
                .state(&left, depth)
                .map_err(|broken| broken.after(format!("a power cut before {}, leaving {choice:?}", moment.next)))?;
            if moment.duty.allows(total.0, total.1) && total.0 >= shown {
                continue;
            }
            let found = read(&moment.disk.crash(&choice), true)?;
            let evidence = Evidence { shown, ..Evidence::new(&moment.duty, &found) };
            let broken = judge(&evidence).err().unwrap_or_else(|| Violation::new(I9, "a reader disagrees with itself"));
            return Err(broken.after(format!("a power cut before {}, leaving {choice:?}", moment.next)));
        }
        Ok(())
    }

    /// What is found in a state of the disk, by a reader and by recovery, however often that is cut off.
    fn state(&self, disk: &SimFs, depth: &Depth) -> Checked<Total> {
        let hash = disk.durable_hash();
        if let Some(total) = self.shard(hash).get(&hash) {
            return Ok(*total);
        }
        let thorough = hash.is_multiple_of(8);
        let found = read(disk, thorough)?;
        let total = found.total();
        let duty = Duty::exactly(total.0, total.1);
        judge(&Evidence::new(&duty, &found))?;
        let recorder = Recorder::default();
        recorder.owe(duty.clone());
        let deeper = depth.recovers(hash);
        if deeper {
            recorder.start();
        }
        let probe = Probe::new(disk.clone(), recorder.clone());
        let engine = self.recover(&probe, &duty, total, thorough)?;
        if deeper {
            self.go_on(&engine, &recorder, duty).map_err(|broken| broken.after("going on after a recovery"))?;
        }
        let moments = if deeper { recorder.finish(disk) } else { Vec::new() };
        // What the engine does when it is dropped happens to a dead machine.
        probe.mute();
        drop(disk.kill());
        drop(engine);
        self.shard(hash).insert(hash, total);
        let once = Depth { recover_one_in: 0, ..*depth };
        moments.iter().try_for_each(|moment| self.cut(moment, 0, &once))?;
        Ok(total)
    }

    fn recover(&self, probe: &Probe, duty: &Duty, total: Total, thorough: bool) -> Checked<Engine> {
        let wrong = |what: &'static str| move |error| Violation::new(I9, format!("{what}: {error}"));
        let config = Config { journals_max: self.journals, ..config(self.segment_bytes, &Arc::default()) };
        let engine =
            Engine::open(Arc::new(probe.clone()), Path::new(ROOT), config).map_err(wrong("the store does not open"))?;
        let check = || {
            let found = Found::gather(&engine, thorough);
            judge(&Evidence { before: Some(total), read: Some(total), ..Evidence::new(duty, &found) })
        };
        check()?;
        if self.journals > 1 {
            engine.recover_dead(&mut Changes::default()).map_err(wrong("the other journals are not recovered"))?;
            check().map_err(|broken| broken.after("recovering the other journals"))?;
        }
        Ok(engine)
    }

    /// Appends to a store just recovered: it must take it, and keep it.
    fn go_on(&self, engine: &Engine, recorder: &Recorder, duty: Duty) -> Checked {
        let wrong = |error: Error| Violation::new(I9, format!("the store is recovered and does not go on: {error}"));
        let (mut batch, mut lines, mut held) = (Batch::new(), Vec::new(), Vec::new());
        for number in self.afterwards {
            if let Some(leases) = engine.leases() {
                held.push(leases.take(LeaseOn::Writer(&stream(*number).thread)).map_err(wrong)?);
            }
            let head = engine.head(&stream(*number)).map_or((0, 0), |head| (head.next_ordinal, head.lease_epoch));
            let line = Line::new(*number, head.0, 2 * head.1 + 2, 100);
            batch.push(line.new_record(&line.payload())).map_err(wrong)?;
            lines.push(line);
        }
        let (records, sum) = duty.chains[0].sums[0];
        let sum = lines.iter().fold(sum, |sum, line| sum.wrapping_add(line.print));
        recorder.owe(duty.perhaps(&lines));
        let ticket = engine.append(batch).map_err(wrong)?;
        engine.sync(ticket).map_err(wrong)?;
        recorder.owe(Duty::exactly(records + lines.len() as u64, sum));
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("a panic elsewhere ends the test anyway")
}

/// Everything that a reader finds; nothing where there is no store yet.
fn read(disk: &SimFs, thorough: bool) -> Checked<Found> {
    match Reader::open(Arc::new(disk.clone()), Path::new(ROOT)) {
        Ok(reader) => Ok(Found::gather(&reader, thorough)),
        Err(Error::NoStore { .. }) => Ok(Found::default()),
        Err(error) => Err(Violation::new(I9, format!("the store does not open for reading: {error}"))),
    }
}
