//! Imports and exports: threads that come out of files, go on in files, and are written into files.
//!
//! The files are the operating system's, in a folder of the run's own; the store that they go into is on the simulated disk.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use threadlog::export::{ExportReport, Exported};
use threadlog::import::Outcome;
use threadlog::{Error, ExportOptions, ImportOptions, ImportReport, RolloutItem, Selected, Silent, Store};

use super::act::Ending;
use super::call::{id, item};
use super::expected::{Line, Thread};
use super::house::House;
use crate::proof::invariants::{Checked, I1, I3, I4, I6, I9, Violation};
use crate::proof::world::{ROOT, config};

/// What an import is told to bring, and what must be so afterwards.
struct Order {
    thread: usize,
    /// The file.
    path: PathBuf,
    /// What it adds to the thread; all of it, if there is no such thread.
    lines: Vec<Line>,
    /// How long that is, in bytes of the file.
    bytes: u64,
    outcome: Outcome,
}

impl House {
    /// The process closes its store. The file of the thread, as an export writes it or a new one, gets so many more messages
    /// and is imported, twice; then the process opens its store again.
    pub(super) fn import(&mut self, who: usize, thread: u8, more: u8, ending: Ending) -> Checked {
        self.shut(who)?;
        if let Some(order) = self.order(who, thread, more)? {
            self.foresee(who, ending);
            self.carry_out(who, &order).map_err(|broken| broken.after(format!("importing {:?}", order.lines)))?;
        }
        self.meet(who, ending)?;
        if self.processes[who].store.is_none() { self.open(who) } else { Ok(()) }
    }

    /// Writes the file. `None` if it is not known what the thread has, or a fault keeps it from being read.
    fn order(&mut self, who: usize, thread: u8, more: u8) -> Checked<Option<Order>> {
        let at = usize::from(thread);
        let model = &self.threads[at];
        let unsettled = model.pieces.0.iter().any(|piece| !piece.sure) || model.may_be_gone();
        // What is not stored yet is nobody's to continue.
        if unsettled || (model.live.is_some() && !model.pieces.exists()) {
            return Ok(None);
        }
        let exists = model.pieces.exists();
        let (place, mut content, mut lines) = if exists {
            let Some((place, content)) = self.exported(who, thread)? else { return Ok(None) };
            (place, content, Vec::new())
        } else {
            (
                PathBuf::from(format!("sessions/rollout-2026-01-01T00-00-00-{}.jsonl", id(thread))),
                Vec::new(),
                Vec::new(),
            )
        };
        let before = content.len();
        if !exists {
            content.extend_from_slice(header(thread).as_bytes());
            lines.push(Line::Header);
        }
        for _ in 0..more {
            let line = Line::Text { number: self.number() * 8, bytes: (self.numbers % 700) as u16 };
            item(line).iter().for_each(|item| item.render(&mut content));
            lines.push(line);
        }
        let path = self.files().join("in").join(place);
        write(&path, &content, self.number());
        let outcome = match (exists, more) {
            (false, _) => Outcome::New,
            (true, 0) => Outcome::Unchanged,
            (true, _) => Outcome::Grown,
        };
        Ok(Some(Order { thread: at, path, lines, bytes: (content.len() - before) as u64, outcome }))
    }

    fn carry_out(&mut self, who: usize, order: &Order) -> Checked {
        let (fs, processes) = (Arc::new(self.processes[who].probe.clone()), self.processes.len());
        let config =
            threadlog_engine::Config { journals_max: processes as u32, ..config(self.segment_bytes(), &self.clock) };
        let life = self.life(who);
        let store = match Store::open_on(fs, Path::new(ROOT), config) {
            Ok(store) => store,
            Err(error) => return self.excused(&error),
        };
        let piece = self.number();
        let give = |thread: &mut Thread, sure: bool| {
            if !order.lines.is_empty() {
                if order.outcome == Outcome::New && sure {
                    *thread = Thread::default();
                }
                thread.pieces.give(piece, life, order.lines.clone());
                thread.pieces.hold(if sure { std::slice::from_ref(&piece) } else { &[] });
            }
        };
        let answer = import(&store, &order.path);
        // What a dead process was told, nobody was.
        let is_dead = self.processes[who].probe.is_dead();
        match answer {
            Ok(_) if is_dead => {
                self.saw("cut off");
                give(&mut self.threads[order.thread], false);
            }
            Ok(report) if self.is_imported(order, &report)? => {
                self.saw(order.outcome.name());
                give(&mut self.threads[order.thread], true);
                self.acknowledged = true;
                match import(&store, &order.path) {
                    Ok(again) if again.count(Outcome::Unchanged) == 1 && again.bytes_added() == 0 => {}
                    Ok(again) if !self.is_excused() => {
                        return Err(Violation::new(I3, format!("imported once more it adds something: {again:?}")));
                    }
                    Ok(_) => {}
                    Err(error) => self.excused(&error)?,
                }
            }
            Ok(_) => {}
            Err(error) => {
                self.saw("cut off");
                give(&mut self.threads[order.thread], false);
                self.excused(&error)?;
            }
        }
        match store.close() {
            Ok(()) => Ok(()),
            Err(error) => self.excused(&error),
        }
    }

    /// Whether a report says that the file is in the store. It may say that somebody else writes the thread.
    fn is_imported(&mut self, order: &Order, report: &ImportReport) -> Checked<bool> {
        let wrong = || Err(Violation::new(I9, format!("{:?} was expected: {report:?}", order.outcome)));
        match (&report.files[..], &report.refused[..]) {
            ([file], []) if (file.outcome, file.bytes_added) == (order.outcome, order.bytes) => Ok(true),
            ([], [refusal]) => {
                let held = self.threads[order.thread].live.is_some() || self.is_being_left(order.thread);
                let named = refusal.reason.contains("is being written by");
                self.saw("refused");
                if (held && named) || self.is_excused() { Ok(false) } else { wrong() }
            }
            _ => wrong(),
        }
    }

    /// Exports a thread from outside, and compares what is written with what must be there.
    pub(super) fn export(&mut self, who: usize, thread: u8) -> Checked {
        if self.store(who)?.is_none() {
            return Ok(());
        }
        self.exported(who, thread).map(drop)
    }

    /// The file of a thread: its place and its content. `None` if there is no such thread, or a fault keeps it from being read.
    fn exported(&mut self, who: usize, thread: u8) -> Checked<Option<(PathBuf, Vec<u8>)>> {
        let at = usize::from(thread);
        let sure = self.threads[at].pieces.sure();
        let store = match Store::open_read_on(Arc::new(self.processes[who].probe.clone()), Path::new(ROOT)) {
            Ok(store) => store,
            Err(Error::Engine(threadlog_engine::Error::NoStore { .. })) if sure.is_empty() => return Ok(None),
            Err(error) => return self.excused(&error).map(|()| None),
        };
        let to = self.files().join("out");
        let options = ExportOptions { overwrite: true, older_revisions: false };
        let export = || store.export(Some(&[Selected::Thread(id(thread))]), &to, &options, &Silent);
        let report = export();
        if !report.failed.is_empty() {
            let wrong = Violation::new(I9, format!("not exported: {report:?}"));
            return if self.is_excused() { Ok(None) } else { Err(wrong) };
        }
        let Some(file) = report.files.first() else {
            if self.is_excused() {
                return Ok(None);
            }
            if self.threads[at].may_be_gone() {
                return self.threads[at].see(false).map(|()| None).map_err(|what| Violation::new(I1, what));
            }
            let missing = Violation::new(I1, format!("thread {thread} is not exported"));
            return if sure.is_empty() { Ok(None) } else { Err(missing) };
        };
        let place = file.path.to_path();
        let content = std::fs::read(to.join(&place)).expect("it was written a moment ago");
        self.threads[at].see(true).map_err(|what| Violation::new(I3, what))?;
        let mut items: Vec<RolloutItem> = lines_of(&content).map(RolloutItem::from_line).collect();
        // A fork's file begins with the fork's own first item.
        let inherited = self.threads[at].inherited;
        if inherited < items.len() {
            items[..=inherited].rotate_left(1);
        }
        self.items(at, &items, &sure).map_err(|broken| broken.after("exporting"))?;
        let again = export();
        let same = |report: &ExportReport| report.failed.is_empty() && report.count(Exported::Identical) == 1;
        if !same(&again) && !self.is_excused() {
            return Err(Violation::new(I6, format!("exported once more: {again:?}")));
        }
        self.saw("exported");
        Ok(Some((place, content)))
    }

    /// All or none of the threads that one call was to delete are there. Said when every thread was just looked at.
    pub(super) fn is_whole(&self, doomed: &[usize]) -> Checked {
        let there: Vec<usize> = doomed.iter().copied().filter(|at| self.threads[*at].pieces.exists()).collect();
        if there.is_empty() || there.len() == doomed.len() {
            return Ok(());
        }
        Err(Violation::new(I4, format!("of the threads {doomed:?}, deleted by one call, {there:?} are there")))
    }

    fn is_excused(&self) -> bool {
        self.met_fault() || self.had_faults()
    }

    /// An error of a store that was not opened for threads. It must have a reason.
    fn excused(&self, error: &Error) -> Checked {
        if self.is_excused() {
            return Ok(());
        }
        Err(Violation::new(I9, format!("refused without a cause: {error}")))
    }

    /// The folder of the run's files.
    fn files(&mut self) -> PathBuf {
        let folder = self.folder.get_or_insert_with(|| tempfile::tempdir().expect("a folder for files"));
        folder.path().to_owned()
    }
}

fn import(store: &Store, path: &Path) -> threadlog::Result<ImportReport> {
    store.import(&[path.to_owned()], &ImportOptions { jobs: 1, ..ImportOptions::default() }, &Silent)
}

/// Lines with their ends.
fn lines_of(content: &[u8]) -> impl Iterator<Item = bytes::Bytes> {
    content.split_inclusive(|byte| *byte == b'\n').map(bytes::Bytes::copy_from_slice)
}

/// The first line of a file that another program wrote.
fn header(thread: u8) -> String {
    let (id, time) = (id(thread), "2026-01-01T00:00:00.000Z");
    let payload = format!(r#"{{"id":"{id}","timestamp":"{time}","cwd":"/","originator":"other","cli_version":"0"}}"#);
    format!("{{\"timestamp\":\"{time}\",\"type\":\"session_meta\",\"payload\":{payload}}}\n")
}

/// Writes a file that was changed at a time of its own, the same in each run.
fn write(path: &Path, content: &[u8], number: u64) {
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(1_770_000_000 + number);
    let written = || {
        std::fs::create_dir_all(path.parent().unwrap_or(path))?;
        std::fs::write(path, content)?;
        File::options().append(true).open(path)?.set_modified(changed)
    };
    written().expect("a file in a folder of our own");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::threads::call::line;

    #[test]
    fn the_lines_of_a_run_are_read_back_from_a_file() {
        let text = Line::Text { number: 16, bytes: 3 };
        let back = Line::Back { number: 24, turns: 2 };
        let mut content = header(1).into_bytes();
        [text, back].into_iter().filter_map(item).for_each(|item| item.render(&mut content));
        let read: Vec<_> = lines_of(&content).map(RolloutItem::from_line).map(|item| line(&item)).collect();
        assert_eq!(read, [Some(Line::Header), Some(text), Some(back)]);
    }
}
