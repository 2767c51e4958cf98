//! Forks and deletions: threads that come from others, and threads that go.

use threadlog::thread_store::{ForkPosition, Result, ThreadStoreError};

use super::act::Act;
use super::call::{Answer, Call, id};
use super::calls::Begun;
use super::expected::{Line, Thread};
use super::house::House;
use crate::proof::invariants::{Checked, I3, I9, Violation};
use crate::proof::random::Dice;

impl House {
    /// A fork. So that it is known what it must have, all of its source is stored and read before.
    pub(super) fn fork(&mut self, who: usize, source: u8, at: u8, cut: u8) -> Checked {
        let target = &self.threads[usize::from(at)];
        // Of two lives that may both have been begun the model would have to know two stories.
        if source == at || (target.pieces.may_exist() && !target.pieces.exists()) || self.may_be_gone(at.into()) {
            return Ok(());
        }
        let live = self.threads[usize::from(source)].live;
        for act in
            live.filter(|live| live.who == who).map(|_| Act::Flush(source)).into_iter().chain([Act::Read(source)])
        {
            let call = self.call(act);
            self.calls(who, vec![call], &mut Dice::new(0))?;
        }
        let thread = &self.threads[usize::from(source)];
        // Its flush failed, or what it shows can still change.
        let unsettled = self.may_be_gone(source.into()) || self.processes[who].poisoned.is_some();
        if unsettled || thread.pieces.0.iter().any(|piece| !piece.sure) || !thread.pieces.exists() {
            return Ok(());
        }
        let lines: Vec<Line> = thread.lines().collect();
        let (position, end) = match (cut % 2, usize::from(cut / 2)) {
            (0, place) => {
                let end = place % (lines.len() + 1);
                (ForkPosition::AtOrdinal(end as u64), end)
            }
            _ => (ForkPosition::Whole, lines.len()),
        };
        let lines = lines[..end].iter().copied().chain([Line::Header]).collect();
        let call = Call { fork: Some((position, lines)), ..self.call(Act::Fork(source, at, cut)) };
        self.calls(who, vec![call], &mut Dice::new(0))
    }

    /// A thread was to come into being, or threads were to go.
    pub(super) fn made_or_unmade(&mut self, at: usize, begun: Begun, answer: Result<Answer>) -> Checked {
        let (leaving, life) = (self.is_being_left(at), self.life(begun.who));
        if !begun.family.is_empty() {
            return self.unmade(at, &begun, answer);
        }
        let thread = &mut self.threads[at];
        match (begun.call.act, answer) {
            (Act::Fork(source, ..), Ok(Answer::Forked(inherited)))
                if thread.live.is_none() && !thread.pieces.exists() =>
            {
                let Some((_, lines)) = begun.call.fork else { return Ok(()) };
                if inherited + 1 != lines.len() as u64 {
                    let what = format!("a fork has {inherited} items, not {}", lines.len() - 1);
                    return Err(Violation::new(I3, what));
                }
                *thread = Thread { source: Some(source), inherited: lines.len() - 1, ..Thread::default() };
                thread.pieces.give(begun.call.piece, life, lines);
                thread.pieces.hold(&[begun.call.piece]);
                self.acknowledged = true;
                Ok(())
            }
            (Act::Fork(..), Err(ThreadStoreError::Conflict(_, None))) if thread.pieces.may_exist() => Ok(()),
            (_, Err(ThreadStoreError::Conflict(_, Some(_)))) if thread.live.is_some() || leaving => Ok(()),
            (act, answer) => Err(Violation::new(I9, format!("{act:?} is answered with {answer:?}"))),
        }
    }

    /// A call that makes or deletes threads failed; nobody knows how far it had come.
    pub(super) fn perhaps_made_or_unmade(&mut self, at: usize, begun: &Begun) {
        // Whoever deletes holds the leases of all.
        if begun.family.iter().any(|gone| self.threads[*gone].live.is_some()) {
            self.spare(&begun.family);
        } else if begun.family.iter().all(|gone| self.threads[*gone].pieces.exists()) {
            self.doomed = begun.family.clone();
        }
        let Act::Fork(source, ..) = begun.call.act else { return };
        if let Some((_, lines)) = begun.call.fork.clone().filter(|_| !self.threads[at].pieces.may_exist()) {
            let life = self.life(begun.who);
            let thread = &mut self.threads[at];
            (thread.source, thread.inherited) = (Some(source), lines.len() - 1);
            thread.pieces.give(begun.call.piece, life, lines);
        }
    }

    /// Threads were to go.
    fn unmade(&mut self, at: usize, begun: &Begun, answer: Result<Answer>) -> Checked {
        let act = begun.call.act;
        let wrong = |what: &str| Err(Violation::new(I9, format!("{act:?} {what}")));
        match answer {
            Ok(Answer::Deleted(deleted)) => {
                let is_deleted = |at: &usize| deleted.contains(&id(*at as u8));
                let (gone, kept): (Vec<usize>, Vec<usize>) = begun.family.iter().partition(|at| is_deleted(at));
                if gone.len() < deleted.len() || !gone.contains(&at) {
                    return wrong(&format!("deleted {deleted:?}"));
                }
                self.spare(&kept);
                // What came from it and must be there had to go too; of what may be there either is right.
                let must: Vec<usize> = kept.into_iter().filter(|at| self.came_from(*at, &gone)).collect();
                if !must.is_empty() {
                    return wrong(&format!("deleted {deleted:?}, and left {must:?}"));
                }
                for at in gone {
                    let thread = &mut self.threads[at];
                    if thread.live.is_some() || !thread.pieces.may_exist() {
                        return wrong(&format!("deleted thread {at}, which could not be"));
                    }
                    *thread = Thread::default();
                }
                self.acknowledged = true;
                if deleted.len() > 1 {
                    self.saw("deleted with descendants");
                }
                Ok(())
            }
            Err(ThreadStoreError::Conflict(_, Some(_))) => {
                self.spare(&begun.family);
                let held = |at: &usize| self.threads[*at].live.is_some() || self.is_being_left(*at);
                if begun.family.iter().any(held) { Ok(()) } else { wrong("meets a holder who is not there") }
            }
            Err(ThreadStoreError::ThreadNotFound { .. }) => {
                self.spare(&begun.family);
                let thread = &mut self.threads[at];
                if thread.may_be_gone() {
                    return thread.see(false).map_err(|what| Violation::new(I3, what));
                }
                if begun.sure.is_empty() { Ok(()) } else { wrong("does not find a thread that is there") }
            }
            answer => wrong(&format!("is answered with {answer:?}")),
        }
    }

    /// These were not deleted by this call.
    fn spare(&mut self, family: &[usize]) {
        family.iter().for_each(|at| self.threads[*at].gone.unsay(true));
    }

    /// The threads that a call deletes, if they are there: the one it names, and what came from it by what is known.
    pub(super) fn family(&self, act: Act) -> Vec<usize> {
        let mut family: Vec<usize> = match act {
            Act::Delete(at) | Act::DeleteAll(at, _) => vec![at.into()],
            _ => Vec::new(),
        };
        while let Act::DeleteAll(..) = act {
            let new = (0..self.threads.len()).find(|at| {
                let thread = &self.threads[*at];
                let came = thread.source.is_some_and(|source| family.contains(&source.into()));
                came && thread.pieces.may_exist() && !family.contains(at)
            });
            let Some(new) = new else { break };
            family.push(new);
        }
        family
    }

    /// Whether a thread that must be there came from one of these.
    fn came_from(&self, at: usize, threads: &[usize]) -> bool {
        let thread = &self.threads[at];
        let came = thread.source.is_some_and(|source| threads.contains(&source.into()));
        came && thread.pieces.exists() && !thread.may_be_gone()
    }

    /// Whether another process may keep a lease for what an ended writer of it has under way.
    pub(super) fn is_being_left(&self, at: usize) -> bool {
        self.processes.len() > 1 && self.threads[at].pieces.0.iter().any(|piece| !piece.sure)
    }
}
