//! Looking at a whole store: from inside after an opening, from outside as another process would.

use std::path::Path;
use std::sync::Arc;

use threadlog::Store;
use threadlog::thread_store::ThreadStoreError;
use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::verify;

use super::act::{Act, THREADS};
use super::call::{Answer, id};
use super::house::House;
use crate::proof::invariants::{Checked, I1, I5, I6, I9, Violation};
use crate::proof::world::ROOT;

impl House {
    /// Reads every thread and both lists; says whether all of that was answered.
    pub(super) fn compare(&mut self, who: usize) -> Checked<bool> {
        for thread in 0..THREADS as u8 {
            let Some(store) = self.processes[who].store.clone() else { return Ok(false) };
            let sure = self.threads[usize::from(thread)].pieces.sure();
            let call = self.call(Act::Read(thread));
            match self.stage.alone(call.make(store))? {
                Ok(Answer::Thread(stored)) => self.shown(thread.into(), &stored, &sure, false)?,
                Err(ThreadStoreError::ThreadNotFound { .. }) if self.may_be_gone(thread.into()) => {
                    let seen = self.threads[usize::from(thread)].see(false);
                    seen.map_err(|what| Violation::new(I1, what))?;
                }
                Err(ThreadStoreError::ThreadNotFound { .. }) if sure.is_empty() => {
                    self.items(thread.into(), &[], &sure)?;
                }
                Err(error) if self.met_fault() => {
                    self.refused(who, &error)?;
                    return Ok(false);
                }
                other => {
                    let found = other.map(|_| "something else");
                    return Err(Violation::new(I1, format!("thread {thread} is not there: {found:?}")));
                }
            }
        }
        let Some(store) = self.processes[who].store.clone() else { return Ok(false) };
        let call = self.call(Act::List(3));
        if self.doomed.len() > 1 {
            self.saw("descendants deleted or not");
            self.is_whole(&self.doomed)?;
        }
        match self.stage.alone(call.make(store))? {
            Ok(answer) => self.listed(who, answer, true).map(|()| true),
            Err(error) => self.refused(who, &error).map(|()| false),
        }
    }

    /// Whether a thread may have been deleted.
    pub(super) fn may_be_gone(&self, thread: usize) -> bool {
        self.threads[thread].may_be_gone()
    }

    /// The lists are shown. `alone`: nothing happened meanwhile.
    pub(super) fn listed(&mut self, _who: usize, answer: Answer, alone: bool) -> Checked {
        let lists = match answer {
            Answer::Lists(lists) => lists,
            other => return Err(Violation::new(I6, format!("a list is wrong: {other:?}"))),
        };
        if !alone || self.met_fault() {
            return Ok(());
        }
        for (number, thread) in self.threads.iter_mut().enumerate() {
            let shown =
                [0, 1, 2].map(|list| lists[list].iter().filter(|stored| stored.id() == id(number as u8)).count());
            let stored = lists.iter().flatten().find(|stored| stored.id() == id(number as u8));
            let seen = |what| Violation::new(I5, format!("a list {what}"));
            let right = match (shown.iter().sum::<usize>(), stored) {
                (0, _) if thread.may_be_gone() => {
                    thread.see(false).map_err(seen)?;
                    true
                }
                (0, _) => !thread.pieces.exists(),
                (1, Some(stored)) if thread.pieces.exists() => {
                    let (archived, trashed) = (stored.metadata.archived(), stored.metadata.trashed());
                    let known = thread.archived.see(archived).and_then(|()| thread.see_trashed(trashed));
                    known.and_then(|()| thread.see(true)).map_err(seen)?;
                    (trashed, archived) == (shown[2] == 1, shown[1] == 1 || archived && shown[2] == 1)
                }
                // It has become durable, and nobody has looked at it yet.
                (1, _) => thread.pieces.may_exist(),
                _ => false,
            };
            if !right {
                return Err(Violation::new(
                    I6,
                    format!("thread {number} stands in the lists {shown:?} times: {thread:?}"),
                ));
            }
        }
        Ok(())
    }

    /// Reads everything from outside, folds it from nothing, and compares that with what the store says.
    pub(super) fn look(&mut self, who: usize) -> Checked {
        if !self.compare(who)? {
            return Ok(());
        }
        let Some(store) = self.store(who)? else { return Ok(()) };
        let outside = match Store::open_read_on(Arc::new(self.processes[who].probe.clone()), Path::new(ROOT)) {
            Ok(outside) => outside,
            Err(_) if self.met_fault() => return Ok(()),
            Err(error) => return Err(Violation::new(I9, format!("not readable from outside: {error}"))),
        };
        for thread in 0..THREADS as u8 {
            let sure = self.threads[usize::from(thread)].pieces.sure();
            let call = self.call(Act::Read(thread));
            let Ok(Answer::Thread(inside)) = self.stage.alone(call.make(store.clone()))? else { continue };
            let items: Vec<_> = outside.items(inside.key).collect();
            let rebuilt = outside.metadata(inside.key);
            if self.met_fault() {
                return Ok(());
            }
            let items: Result<Vec<_>, _> = items.into_iter().map(|item| item.map(|item| item.item)).collect();
            let items = items.map_err(|error| Violation::new(I9, format!("from outside: {error}")))?;
            self.items(thread.into(), &items, &sure).map_err(|broken| broken.after("reading from outside"))?;
            if rebuilt != inside.metadata {
                return Err(Violation::new(I5, format!("folded from nothing thread {thread} is {rebuilt:?}")));
            }
        }
        Ok(())
    }

    /// The disk as it is bears being verified.
    ///
    /// # Errors
    /// What is lost.
    pub fn verify(&self, disk: &SimFs) -> Checked {
        match verify(Arc::new(disk.clone()), Path::new(ROOT), &mut |_| ()) {
            Ok(report) if report.is_sound() => Ok(()),
            Err(threadlog_engine::Error::NoStore { .. }) => Ok(()),
            other => Err(Violation::new(I6, format!("verify finds {other:?}"))),
        }
    }
}
