//! Calls, one or several at once: what each may answer, and what its answer means for what is owed.

use threadlog::thread_store::{Result, ThreadStoreError, Unavailability};

use super::act::{Act, beside};
use super::call::{Answer, Call, line, name};
use super::expected::{Line, Live, Thread};
use super::house::House;
use super::stage::Part;
use crate::proof::invariants::{Checked, I1, I3, I5, I6, I9, I10, Violation};
use crate::proof::random::Dice;

/// What was so when a call began.
pub(super) struct Begun {
    pub(super) call: Call,
    /// By which process.
    pub(super) who: usize,
    /// What it makes durable.
    target: Vec<u64>,
    /// What must be found.
    pub(super) sure: Vec<u64>,
    /// The threads that it deletes.
    pub(super) family: Vec<usize>,
    was_live: bool,
    /// Whether something of the thread was on its way.
    unsure: bool,
    /// Whether another call of the same group changes what users say of the thread.
    contested: bool,
    poisoned: bool,
}

impl House {
    /// Several calls at once, by a seed.
    pub(super) fn together(&mut self, who: usize, seed: u64) -> Checked {
        let mut dice = Dice::new(seed);
        let mut acts: Vec<Act> = Vec::new();
        for _ in 0..2 + dice.below(6) {
            let act = beside(&mut dice);
            let same = || acts.iter().filter(|other| act.thread().is_some() && other.thread() == act.thread());
            if same().any(|other| other.is_of_life()) || act.is_of_life() && same().next().is_some() {
                continue;
            }
            acts.push(act);
        }
        let calls: Vec<Call> = acts.into_iter().map(|act| self.call(act)).collect();
        let draw = |mut call: Call| {
            if dice.below(8) == 0 {
                call.polls_max = 1 + dice.below(3) as usize;
            }
            call
        };
        let calls: Vec<Call> = calls.into_iter().map(draw).collect();
        self.calls(who, calls, &mut Dice::new(seed))
    }

    /// Makes calls at once.
    pub(super) fn calls(&mut self, who: usize, calls: Vec<Call>, dice: &mut Dice) -> Checked {
        let Some(store) = self.store(who)? else { return Ok(()) };
        let alone = calls.len() == 1;
        let words = |call: &Call| call.act.thread().filter(|_| call.act.is_of_words());
        let spoken: Vec<Option<u8>> = calls.iter().map(words).collect();
        let begun: Vec<Begun> = calls
            .iter()
            .enumerate()
            .map(|(at, call)| {
                let others = spoken.iter().enumerate().filter(|(other, _)| *other != at);
                let contested = others.into_iter().any(|(_, thread)| thread.is_some() && *thread == call.act.thread());
                self.begin(who, call, contested)
            })
            .collect();
        let parts: Vec<_> = calls
            .into_iter()
            .map(|call| Part { polls_max: call.polls_max, future: Box::pin(call.make(store.clone())) })
            .collect();
        let answers = self.stage.play(parts, dice)?;
        for (begun, answer) in begun.into_iter().zip(answers) {
            let what = format!("{:?}", begun.call);
            self.answered(who, begun, answer, alone).map_err(|broken| broken.after(what))?;
        }
        // In whose journal what may return stands is the stores' to know: with several it may return until the next opening.
        let acknowledged = std::mem::take(&mut self.acknowledged) && self.processes.len() == 1;
        if acknowledged && store.stats().is_some_and(|stats| stats.groups > 0) {
            self.threads.iter_mut().for_each(Thread::lay_ghosts);
        }
        Ok(())
    }

    /// The call's first poll is about to come.
    fn begin(&mut self, who: usize, call: &Call, contested: bool) -> Begun {
        let poisoned = self.processes[who].poisoned.is_some();
        let mut begun = Begun {
            call: call.clone(),
            who,
            target: Vec::new(),
            sure: Vec::new(),
            family: self.family(call.act),
            was_live: false,
            unsure: false,
            contested,
            poisoned,
        };
        let Some(at) = call.act.thread() else { return begun };
        begun.family.iter().for_each(|gone| self.threads[*gone].gone.say(true, who));
        let thread = &mut self.threads[usize::from(at)];
        begun.was_live = thread.live.is_some_and(|live| live.who == who);
        begun.sure = thread.pieces.sure();
        if begun.was_live && matches!(call.act, Act::Append(..) | Act::Rollback(..)) {
            thread.give(call.piece, call.lines());
        }
        let stores = match call.act {
            Act::Persist(_) => true,
            Act::Name(_) | Act::Tag(..) | Act::Trash(..) => begun.sure.is_empty(),
            _ => false,
        };
        if let Some(live) = thread.live.as_mut().filter(|live| stores && live.who == who) {
            live.wanted = true;
        }
        if matches!(call.act, Act::Flush(_) | Act::Persist(_) | Act::Shutdown(_)) {
            begun.target = if begun.was_live { thread.target() } else { Vec::new() };
        }
        match call.act {
            Act::Name(_) => thread.name.say(call.number, who),
            Act::Tag(_, on) => thread.tag.say(on, who),
            Act::Archive(_, archived) => thread.archived.say(archived, who),
            Act::Trash(_, trashed) => {
                thread.trashed.say(trashed, who);
                begun.unsure = trashed && thread.put(call.piece);
            }
            _ => {}
        }
        begun
    }

    /// The call was answered, or dropped.
    fn answered(&mut self, who: usize, begun: Begun, answer: Option<Result<Answer>>, alone: bool) -> Checked {
        let wrong = |what: &str| Err(Violation::new(I9, what.to_owned()));
        let Some(at) = begun.call.act.thread().map(usize::from) else {
            return match answer {
                Some(Ok(answer)) => self.listed(who, answer, alone),
                Some(Err(error)) => self.refused(who, &error),
                None => Ok(()),
            };
        };
        let act = begun.call.act;
        let Some(answer) = answer else { return self.dropped(who, &begun, at) };
        if self.processes[who].probe.is_dead() {
            // What a dead process was told, nobody was.
            self.perhaps_made_or_unmade(at, &begun);
            return Ok(());
        }
        if let Err(error @ ThreadStoreError::Unavailable(_, reason)) = &answer {
            if begun.poisoned && *reason != Unavailability::Poisoned && !self.met_fault() {
                return wrong("after a failed sync it says something else");
            }
            if matches!(act, Act::Append(..) | Act::Rollback(..)) && begun.was_live {
                self.threads[at].pieces.take_back(begun.call.piece);
            }
            self.perhaps_made_or_unmade(at, &begun);
            return self.refused(who, error);
        }
        if let Act::Fork(..) | Act::Delete(_) | Act::DeleteAll(..) = act {
            return self.made_or_unmade(at, begun, answer);
        }
        if matches!(act, Act::Create(_) | Act::Resume(..)) {
            return self.made_live(who, at, &begun, answer);
        }
        let poisoned = begun.poisoned;
        let thread = &mut self.threads[at];
        match (act, answer) {
            (Act::Append(..) | Act::Rollback(..), Ok(_)) if begun.was_live => Ok(()),
            (Act::Flush(_) | Act::Persist(_) | Act::Shutdown(_), Ok(_)) if begun.was_live => {
                // After a failed sync too, if they had become durable before: whether they had, the next crash shows.
                self.acknowledged |= !begun.target.is_empty();
                let thread = &mut self.threads[at];
                thread.pieces.hold(&begun.target);
                if matches!(act, Act::Shutdown(_)) {
                    thread.end();
                }
                Ok(())
            }
            (Act::Discard(_), Ok(_)) if begun.was_live => {
                thread.end();
                Ok(())
            }
            (Act::Name(_) | Act::Tag(..) | Act::Trash(..) | Act::Archive(..), Ok(_)) if thread.pieces.may_exist() => {
                if poisoned && !matches!(act, Act::Archive(..)) {
                    return Err(Violation::new(I10, "after a failed sync a change is said to be durable"));
                }
                self.said(at, &begun)
            }
            (_, Ok(Answer::Thread(stored))) => self.shown(at, &stored, &begun.sure, begun.contested || !alone),
            // Beside others a range may show what became durable after the whole was read.
            (_, Ok(Answer::Range(all, differing))) if differing.is_empty() || !alone => {
                self.items(at, &all, &begun.sure)
            }
            (_, Ok(Answer::Range(..))) => Err(Violation::new(I6, "a range differs from that part of the whole")),
            (_, Err(error @ ThreadStoreError::ThreadNotFound { .. })) => self.not_there(at, &begun, &error),
            (act, Ok(answer)) => Err(Violation::new(I3, format!("{act:?} is answered with {answer:?}"))),
            (_, Err(error)) => Err(Violation::new(I9, format!("refused without a cause: {error}"))),
        }
    }

    /// A thread was to become live.
    fn made_live(&mut self, who: usize, at: usize, begun: &Begun, answer: Result<Answer>) -> Checked {
        let number = self.life(who);
        let (leaving, may_be_gone) = (self.is_being_left(at), self.may_be_gone(at));
        let thread = &mut self.threads[at];
        // Out of sight, in one way or the other.
        let archived = match (thread.archived.known(), thread.known_trashed()) {
            (Some(archived), Some(trashed)) => Some(archived || trashed),
            _ => None,
        };
        match (begun.call.act, answer) {
            (_, Err(ThreadStoreError::Conflict(_, Some(_)))) if thread.live.is_some() || leaving => Ok(()),
            (Act::Create(_), Ok(_)) if thread.live.is_none() && (!thread.pieces.exists() || may_be_gone) => {
                // Of a life before this one nothing was found; what of it could return is another's.
                *thread = Thread { live: Some(Live { who, life: number, wanted: false }), ..Thread::default() };
                thread.give(begun.call.piece, vec![Line::Header]);
                Ok(())
            }
            (Act::Create(_), Err(ThreadStoreError::Conflict(_, None))) if thread.pieces.may_exist() => Ok(()),
            (Act::Resume(_, false), Ok(_)) if archived == Some(true) => {
                Err(Violation::new(I9, "an archived thread was resumed by who did not ask for one"))
            }
            (Act::Resume(..), Ok(_)) if thread.live.is_none() && thread.pieces.may_exist() => {
                thread.see(true).map_err(|what| Violation::new(I3, what))?;
                thread.live = Some(Live { who, life: number, wanted: false });
                Ok(())
            }
            (Act::Resume(_, false), Err(ThreadStoreError::InvalidRequest(_))) if archived != Some(false) => Ok(()),
            (Act::Resume(..), Err(error @ ThreadStoreError::ThreadNotFound { .. })) => {
                self.not_there(at, begun, &error)
            }
            (act, answer) => Err(Violation::new(I9, format!("{act:?} is answered with {answer:?}"))),
        }
    }

    /// The call says that there is no such thread, or that it is not live.
    fn not_there(&mut self, at: usize, begun: &Begun, error: &ThreadStoreError) -> Checked {
        let thread = &mut self.threads[at];
        let act = begun.call.act;
        match act {
            Act::Append(..) | Act::Rollback(..) => thread.pieces.take_back(begun.call.piece),
            Act::Name(_) => thread.name.unsay(begun.call.number),
            Act::Tag(_, on) => thread.tag.unsay(on),
            Act::Archive(_, archived) => thread.archived.unsay(archived),
            Act::Trash(_, trashed) => thread.trashed.unsay(trashed),
            _ => {}
        }
        let of_live = matches!(
            act,
            Act::Append(..) | Act::Rollback(..) | Act::Flush(_) | Act::Persist(_) | Act::Shutdown(_) | Act::Discard(_)
        );
        if !of_live && thread.may_be_gone() {
            return thread.see(false).map_err(|what| Violation::new(I1, what));
        }
        let right = if of_live { !begun.was_live } else { begun.sure.is_empty() };
        if right { Ok(()) } else { Err(Violation::new(I1, error.to_string())) }
    }

    /// A change was acknowledged.
    fn said(&mut self, at: usize, begun: &Begun) -> Checked {
        self.acknowledged = true;
        let now = self.numbers;
        let thread = &mut self.threads[at];
        // Stored before anything was said of it.
        let first = thread.pieces.0.first().map(|piece| piece.id);
        thread.pieces.hold(first.as_slice());
        if begun.contested {
            match begun.call.act {
                Act::Name(_) => thread.name.blur(),
                Act::Tag(..) => thread.tag.blur(),
                Act::Trash(..) => thread.trashed.blur(),
                _ => thread.archived.blur(),
            }
            return Ok(());
        }
        match begun.call.act {
            Act::Name(_) => thread.name.hold(begun.call.number, begun.who),
            Act::Tag(_, on) => thread.tag.hold(on, begun.who),
            Act::Archive(_, archived) => thread.archived.hold(archived, begun.who),
            Act::Trash(_, trashed) => {
                thread.trashed.hold(trashed, begun.who);
                if trashed {
                    thread.put_held(begun.call.piece, begun.unsure, now);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A call was dropped half way.
    fn dropped(&mut self, who: usize, begun: &Begun, at: usize) -> Checked {
        if let Act::Shutdown(_) = begun.call.act
            && begun.was_live
        {
            // It ended the thread or it did not; whoever must know discards it.
            let store = self.processes[who].store.clone();
            let live = store.is_some_and(|store| {
                threadlog::thread_store::ThreadStore::discard_now(&store, super::call::id(at as u8))
            });
            let thread = &mut self.threads[at];
            if !live {
                thread.pieces.hold(&begun.target);
            }
            thread.end();
        }
        if let (Act::Append(..) | Act::Rollback(..), false) = (begun.call.act, begun.was_live) {
            self.threads[at].pieces.take_back(begun.call.piece);
        }
        Ok(())
    }

    /// These items are shown of a thread.
    pub(super) fn items(&mut self, at: usize, items: &[threadlog::RolloutItem], sure: &[u64]) -> Checked {
        let lines: Option<Vec<Line>> = items.iter().map(line).collect();
        let Some(lines) = lines else {
            return Err(Violation::new(I3, format!("thread {at} shows an item that nobody appended")));
        };
        self.threads[at].pieces.see(&lines, sure).map_err(|what| Violation::new(I1, format!("thread {at}: {what}")))
    }

    /// A thread is shown, with its items and what users say of it.
    pub(super) fn shown(
        &mut self,
        at: usize,
        stored: &threadlog::thread_store::StoredThread,
        sure: &[u64],
        contested: bool,
    ) -> Checked {
        self.threads[at].see(true).map_err(|what| Violation::new(I3, format!("thread {at}: {what}")))?;
        if let Some(history) = &stored.history {
            self.items(at, &history.items, sure)?;
        }
        if contested {
            return Ok(());
        }
        let thread = &mut self.threads[at];
        let found = &stored.metadata;
        let number = found.name().and_then(|name| name.strip_prefix("name ")?.parse().ok()).unwrap_or_default();
        thread
            .name
            .see(number)
            .and_then(|()| thread.tag.see(found.tags().any(|tag| tag == super::call::TAG)))
            .and_then(|()| thread.archived.see(found.archived()))
            .and_then(|()| thread.see_trashed(found.trashed()))
            .map_err(|what| Violation::new(I5, format!("what users said of thread {at} {what}")))?;
        debug_assert!(number == 0 || found.name() == Some(&name(number)));
        // The first message is the preview, for ever.
        let first =
            thread.lines().find_map(|line| if let Line::Text { number, .. } = line { Some(number) } else { None });
        let shown = found.preview().and_then(|text| text.split(' ').next()?.parse().ok());
        if first != shown {
            return Err(Violation::new(I5, format!("thread {at} begins with {first:?}, its preview with {shown:?}")));
        }
        Ok(())
    }
}
