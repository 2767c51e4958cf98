//! What each process must see, and what a reader from outside must.

use std::path::Path;
use std::sync::Arc;

use threadlog_engine::{Error, Reader, verify};

use super::yard::Yard;
use crate::proof::content::{Line, print, stream};
use crate::proof::found::Found;
use crate::proof::invariants::{Checked, I1, I3, I4, I6, I9, Violation};
use crate::proof::world::ROOT;

impl Yard {
    /// From now on this process must show all that is sure now.
    pub(super) fn know(&mut self, who: usize) {
        self.writers[who].known = self.streams.iter().map(|stream| stream.pieces.sure()).collect();
    }

    /// Takes in what others made durable, and reads it; says whether that was possible.
    pub(super) fn refresh(&mut self, who: usize) -> Checked<bool> {
        let Some(engine) = self.engine(who)? else { return Ok(false) };
        match engine.refresh() {
            Ok(_) => {
                self.know(who);
                self.read(who).map(|()| true)
            }
            Err(error) => self.refused(who, &error).map(|()| false),
        }
    }

    /// Reads everything through a process's engine: what it knew, and what it was told itself.
    pub(super) fn read(&mut self, who: usize) -> Checked {
        let Some(engine) = self.engine(who)? else { return Ok(()) };
        let found = Found::gather(&engine, false);
        let writer = &self.writers[who];
        let own = |at: usize| {
            let pieces = self.streams[at].pieces.0.iter();
            pieces.filter(|piece| piece.sure && writer.lives.contains(&piece.life)).map(|piece| piece.id)
        };
        let required: Vec<Vec<u64>> =
            writer.known.iter().enumerate().map(|(at, known)| known.iter().copied().chain(own(at)).collect()).collect();
        self.compare(&found, &required)
    }

    /// Reads everything from outside: all that anybody was told is durable.
    pub(super) fn look(&mut self) -> Checked {
        let required: Vec<Vec<u64>> = self.streams.iter().map(|stream| stream.pieces.sure()).collect();
        let nothing = required.iter().all(Vec::is_empty);
        let reader = match Reader::open(Arc::new(self.disk.clone()), Path::new(ROOT)) {
            Ok(reader) => reader,
            Err(Error::NoStore { .. }) if nothing => return Ok(()),
            Err(_) if self.met_fault() => return Ok(()),
            Err(error) => return Err(Violation::new(I9, format!("not readable from outside: {error}"))),
        };
        self.compare(&Found::gather(&reader, true), &required)
            .map_err(|broken| broken.after("reading from outside"))?;
        match verify(Arc::new(self.disk.clone()), Path::new(ROOT), &mut |_| ()) {
            Ok(report) if report.is_sound() => Ok(()),
            _ if self.met_fault() => Ok(()),
            other => Err(Violation::new(I6, format!("verify finds {other:?}"))),
        }
    }

    fn compare(&mut self, found: &Found, required: &[Vec<u64>]) -> Checked {
        if !found.is_whole() {
            if self.met_fault() {
                return Ok(());
            }
            let (error, damage, conflicts) = (found.error(), &found.damage, &found.conflicts);
            return Err(Violation::new(I1, format!("not whole: {error:?}, {damage:?}, {conflicts:?}")));
        }
        if let Some(quarrel) = found.quarrel.as_ref().filter(|_| !self.met_fault()) {
            return Err(Violation::new(I6, quarrel.clone()));
        }
        for (at, required) in required.iter().enumerate() {
            let records = found.stream(&stream(at as u8)).map_or(&[][..], |found| &found.records[..]);
            let known = |record| self.lines.get(&print(record)).copied();
            let lines: Option<Vec<Line>> = records.iter().flatten().map(known).collect();
            let Some(lines) = lines else {
                return Err(Violation::new(I3, format!("stream {at} shows a record that nobody appended")));
            };
            let seen = self.streams[at].pieces.see(&lines, required);
            seen.map_err(|what| Violation::new(I1, format!("stream {at}: {what}")))?;
        }
        let sure = |at: usize, id: u64| self.streams[at].pieces.0.iter().any(|piece| piece.id == id && piece.sure);
        match self.pairs.iter().find(|(id, [one, other])| sure(*one, *id) != sure(*other, *id)) {
            Some((id, streams)) => Err(Violation::new(I4, format!("a part of batch {id} over {streams:?} is missing"))),
            None => Ok(()),
        }
    }
}
