//! Forks and deletions: threads that come from others, and threads that go.

use threadlog::thread_store::{ForkPosition, Result, ThreadStoreError};

use super::act::Act;
use super::call::{Answer, Call};
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

    /// A thread was to come into being, or to go.
    pub(super) fn made_or_unmade(&mut self, at: usize, begun: Begun, answer: Result<Answer>) -> Checked {
        let (leaving, life) = (self.is_being_left(at), self.life(begun.who));
        let thread = &mut self.threads[at];
        match (begun.call.act, answer) {
            (Act::Fork(..), Ok(Answer::Forked(inherited))) if thread.live.is_none() && !thread.pieces.exists() => {
                let Some((_, lines)) = begun.call.fork else { return Ok(()) };
                if inherited + 1 != lines.len() as u64 {
                    let what = format!("a fork has {inherited} items, not {}", lines.len() - 1);
                    return Err(Violation::new(I3, what));
                }
                *thread = Thread::default();
                thread.pieces.give(begun.call.piece, life, lines);
                thread.pieces.hold(&[begun.call.piece]);
                self.acknowledged = true;
                Ok(())
            }
            (Act::Fork(..), Err(ThreadStoreError::Conflict(_, None))) if thread.pieces.may_exist() => Ok(()),
            (Act::Delete(_), Ok(_)) if thread.live.is_none() && thread.pieces.may_exist() => {
                *thread = Thread::default();
                self.acknowledged = true;
                Ok(())
            }
            (act, Err(ThreadStoreError::Conflict(_, Some(_)))) if thread.live.is_some() || leaving => {
                if let Act::Delete(_) = act {
                    thread.gone.unsay(true);
                }
                Ok(())
            }
            (Act::Delete(_), Err(ThreadStoreError::ThreadNotFound { .. })) => {
                thread.gone.unsay(true);
                if thread.may_be_gone() {
                    return thread.see(false).map_err(|what| Violation::new(I3, what));
                }
                let right = begun.sure.is_empty();
                if right { Ok(()) } else { Err(Violation::new(I9, "a thread that is there cannot be deleted")) }
            }
            (act, answer) => Err(Violation::new(I9, format!("{act:?} is answered with {answer:?}"))),
        }
    }

    /// Whether another process may keep a lease for what an ended writer of it has under way.
    pub(super) fn is_being_left(&self, at: usize) -> bool {
        self.processes.len() > 1 && self.threads[at].pieces.0.iter().any(|piece| !piece.sure)
    }
}
