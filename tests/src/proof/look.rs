//! Looking at a running store: from inside, from outside, and by asking for what must be refused.

use std::path::Path;
use std::sync::Arc;

use threadlog_engine::{Batch, Engine, Error, NewRecord, ReadLog, Reader, Ticket, verify};

use super::content::stream;
use super::found::Found;
use super::invariants::{Checked, Evidence, I1, I3, I5, I6, I9, I10, Violation, judge};
use super::world::{ROOT, World, config};

impl World {
    /// Checks heads, the durable mark and receipts. Leads no write.
    pub fn audit(&mut self) -> Checked {
        let Some(engine) = self.engine.clone() else { return Ok(()) };
        for (number, (durable, all)) in self.model.streams() {
            let head = engine.head(&stream(number)).map(|head| (head.durable_ordinal, head.next_ordinal));
            // A stream with nothing but failed records is gone, and so is its head.
            if head != Some((durable, all)) {
                return Err(Violation::new(
                    I5,
                    format!("stream {number}: head {head:?}, it stands at {durable} of {all}"),
                ));
            }
        }
        for (ticket, good) in self.model.settled_tickets() {
            let answer = engine.sync(ticket);
            let right = if good { answer.is_ok() } else { matches!(answer, Err(Error::WriteFailed { .. })) };
            if !right {
                return Err(Violation::new(I9, format!("{ticket:?} must be {good} for ever; it says {answer:?}")));
            }
        }
        if let Some(poison) = self.model.poisoned() {
            self.model.open_tickets().iter().try_for_each(|ticket| still_poisoned(&engine, *ticket, poison))?;
        }
        Ok(())
    }

    /// Reads everything through the engine: exactly the durable records.
    pub fn read(&mut self) -> Checked {
        let Some(engine) = self.engine()? else { return Ok(()) };
        for (number, (durable, _)) in self.model.streams() {
            let id = stream(number);
            let mut next = 0;
            for record in engine.read(&id, 0..u64::MAX) {
                let record = match record {
                    Ok(record) => record,
                    Err(error) if self.met_fault() => return self.explained(&error),
                    Err(error) => return Err(Violation::new(I9, format!("reading stream {number}: {error}"))),
                };
                let line = self.model.line(number, next).filter(|_| next < durable);
                if line.is_none_or(|line| line.record() != record) {
                    return Err(Violation::new(I10, format!("stream {number} shows {next} of {durable}: {line:?}")));
                }
                next += 1;
            }
            if next != durable {
                return Err(Violation::new(I1, format!("stream {number} shows {next} records of {durable}")));
            }
        }
        Ok(())
    }

    /// Reads everything from outside, beside the running engine: exactly the durable records.
    pub fn look(&mut self) -> Checked {
        let root = Path::new(ROOT);
        let reader = match Reader::open(Arc::new(self.probe.clone()), root) {
            Ok(reader) => reader,
            Err(Error::NoStore { .. }) if self.model.records() == 0 => return Ok(()),
            Err(error) if self.met_fault() => return self.explained(&error),
            Err(error) => return Err(Violation::new(I9, format!("not readable from outside: {error}"))),
        };
        let mut found = Found::gather(&reader, true);
        found.quarrel.take_if(|_| self.met_fault());
        let error = found.error().filter(|_| self.met_fault());
        if let Some(error) = error {
            return self.explained(error);
        }
        let duty = self.model.duty();
        let durable = self.model.durable_records();
        let (records, _) = found.total();
        if self.engine.is_some() && records > durable {
            return Err(Violation::new(I10, format!("{durable} records are durable, a reader is shown {records}")));
        }
        judge(&Evidence::new(&duty, &found)).map_err(|broken| broken.after("reading from outside"))?;
        match verify(Arc::new(self.probe.clone()), root, &mut |_| ()) {
            Ok(report) if report.records == records && report.is_sound() => Ok(()),
            Err(error) if self.met_fault() => self.explained(&error),
            Ok(report) if self.met_fault() => report.lost.iter().try_for_each(|lost| self.explained(&lost.error)),
            other => Err(Violation::new(I6, format!("verify finds {other:?} in {records} sound records"))),
        }
    }

    /// Lets a reader that stays open read on: it shows what is durable, or what it knew.
    pub fn watch(&mut self) -> Checked {
        let watcher = match self.watcher.take() {
            Some(watcher) => watcher,
            None => match Reader::open(Arc::new(self.probe.clone()), Path::new(ROOT)) {
                Ok(watcher) => watcher,
                Err(Error::NoStore { .. }) if self.model.records() == 0 => return Ok(()),
                Err(error) if self.met_fault() => return self.explained(&error),
                Err(error) => return Err(Violation::new(I9, format!("not readable from outside: {error}"))),
            },
        };
        let refreshed = watcher.refresh();
        let (records, _) = Found::gather(&watcher, false).total();
        let durable = self.model.durable_records();
        self.watcher = Some(watcher);
        match refreshed {
            Err(error) if self.met_fault() => self.explained(&error),
            Err(error) => Err(Violation::new(I9, format!("a reader cannot read on: {error}"))),
            Ok(_) if records == durable || self.met_fault() || self.engine.is_none() => Ok(()),
            Ok(_) => Err(Violation::new(I10, format!("{durable} records are durable, a reader read on to {records}"))),
        }
    }

    /// Salvages and dumps the store from outside: whatever is found there, nothing may be invented, and nothing fail.
    pub fn salvage(&mut self) -> Checked {
        match Reader::open_lenient(Arc::new(self.probe.clone()), Path::new(ROOT)) {
            Ok(reader) => {
                let found = Found::gather(&reader, false);
                let (records, sum) = found.total();
                let known = self.model.duty().chains.iter().any(|chain| chain.sums.contains(&(records, sum)));
                if known || self.met_fault() {
                    return Ok(());
                }
                Err(Violation::new(
                    I3,
                    format!("salvage gives {records} records, which is no log that was ever written"),
                ))
            }
            Err(Error::NoStore { .. }) if self.model.records() == 0 => Ok(()),
            Err(error) if self.met_fault() => self.explained(&error),
            Err(error) => Err(Violation::new(I9, format!("nothing to salvage: {error}"))),
        }
    }

    /// Appends that must be refused and change nothing: an ordinal too far, one given before, an older lease.
    pub fn wrong(&mut self) -> Checked {
        let Some(engine) = self.engine()? else { return Ok(()) };
        for (number, (_, all)) in self.model.streams() {
            let lease_epoch = engine.head(&stream(number)).map_or(0, |head| head.lease_epoch);
            let record = |ordinal, lease_epoch| NewRecord {
                stream: stream(number),
                ordinal: Some(ordinal),
                lease_epoch,
                clock: 0,
                codec: 0,
                payload: b"this must be refused",
            };
            let mut cases = vec![record(all + 1, lease_epoch), record(all - 1, lease_epoch)];
            cases.extend(lease_epoch.checked_sub(1).map(|older| record(all, older)));
            for case in cases {
                let mut batch = Batch::new();
                batch.push(case).map_err(|error| Violation::new(I9, format!("batch: {error}")))?;
                match engine.append(batch) {
                    Err(Error::WrongOrdinal { actual, .. }) if actual == all && case.ordinal != Some(all) => {}
                    Err(Error::StaleLease { actual, .. }) if actual == lease_epoch && case.ordinal == Some(all) => {}
                    Err(error) if matches!(error, Error::Poisoned { .. }) => self.refused(&error)?,
                    other => return Err(Violation::new(I9, format!("{case:?} must be refused: {other:?}"))),
                }
            }
        }
        Ok(())
    }

    /// Another process wants to write: it is told who does.
    pub fn rival(&mut self) -> Checked {
        if self.engine()?.is_none() {
            return Ok(());
        }
        let config = config(self.segment_bytes, &self.clock);
        match Engine::open(Arc::new(self.probe.clone()), Path::new(ROOT), config) {
            // The note of who writes is for people: a fault may have kept it from being written.
            Err(Error::Locked { owner, .. }) if owner.client == "threadlog" || owner.pid == 0 && self.had_faults() => {
                Ok(())
            }
            Err(error) if self.met_fault() => self.explained(&error),
            other => Err(Violation::new(I9, format!("two writers at once: {:?}", other.err()))),
        }
    }
}

fn still_poisoned(engine: &Engine, ticket: Ticket, poison: &str) -> Checked {
    match engine.sync(ticket) {
        Err(error) if error.to_string() == poison => Ok(()),
        other => Err(Violation::new(I9, format!("after \"{poison}\" a sync gives {other:?}"))),
    }
}
