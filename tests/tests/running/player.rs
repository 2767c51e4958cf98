//! Somebody who talks to threads, and writes down what they tell.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use threadlog::live::NewItem;
use threadlog::thread_store::{ForkPosition, ThreadStoreError, Unavailability};
use threadlog_session::{
    CodexThread, Event, EventMsg, ForkParams, NewThread, Op, ResumeParams, SessionError, StartParams, SubmissionId,
};
use threadlog_tests::proof::random::Dice;

use crate::World;
use crate::agent::{WAYS, said};
use crate::manners::Manners;
use crate::model::{Base, Told, outcome, words};

/// How often something is tried that the disk makes fail.
const ATTEMPTS: u32 = 1000;

/// Plays so many steps.
pub async fn play(world: Arc<World>, seed: u64, steps: u64) -> Player {
    let thread = start(&world, false).await;
    let mut player = Player { dice: Dice::new(seed), thread, world, heard: DefaultHasher::new() };
    for _ in 0..steps {
        player.step().await;
    }
    player
}

/// Somebody who talks to one thread after another.
pub struct Player {
    pub world: Arc<World>,
    dice: Dice,
    pub thread: Arc<CodexThread>,
    /// All that was told, in order.
    heard: DefaultHasher,
}

async fn start(world: &World, ephemeral: bool) -> Arc<CodexThread> {
    for _ in 0..ATTEMPTS {
        let mut params = StartParams::default();
        params.ephemeral = ephemeral;
        match world.manager.start(params).await {
            Ok(new) => {
                world.known.lock().0.insert(new.thread_id, Told { ephemeral, ..Told::default() });
                return new.thread;
            }
            Err(SessionError::Store(ThreadStoreError::Unavailable(..))) => {
                world.poisoned.store(true, Ordering::Release)
            }
            Err(error) => panic!("{error}"),
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("no thread can be started")
}

impl Player {
    async fn step(&mut self) {
        match self.dice.below(18) {
            0..=5 => self.turn(false).await,
            6..=8 => self.turn(true).await,
            9..=10 => self.rollback().await,
            11 => self.compact().await,
            12 => self.rename().await,
            13 => self.inject().await,
            14..=15 => self.fork().await,
            16 => self.again().await,
            _ => self.leave_something_running().await,
        }
    }

    /// A text that says what the agent is to do.
    fn text(&mut self, may_wait: bool) -> String {
        let number = self.world.numbers.fetch_add(1, Ordering::Relaxed);
        let mut ways: String = (0..1 + self.dice.below(6)).map(|_| WAYS[self.dice.below(6) as usize]).collect();
        // A compaction by the agent itself is rare, and so is each way to a bad end.
        if self.dice.below(8) != 0 {
            ways = ways.replace('c', "s");
        }
        match self.dice.below(10) {
            0 => ways.push('x'),
            1 => ways.push('!'),
            2..=4 if may_wait => ways.push('w'),
            _ => {}
        }
        format!("say {number}: {ways}")
    }

    async fn turn(&mut self, interrupted: bool) {
        let text = self.text(interrupted);
        let turn = self.submit(Op::user(text)).await;
        if interrupted {
            for _ in 0..self.dice.below(40) {
                tokio::task::yield_now().await;
            }
            self.submit(Op::Interrupt).await;
        }
        self.until(|event| event.submission == Some(turn) && event.msg.ends_turn()).await;
    }

    /// Whatever follows finds turns that run and wait.
    async fn leave_something_running(&mut self) {
        for _ in 0..1 + self.dice.below(2) {
            let text = self.text(false);
            self.submit(Op::user(text)).await;
        }
        match self.dice.below(3) {
            0 => self.fork().await,
            1 => self.again().await,
            _ => {}
        }
    }

    async fn rollback(&mut self) {
        let num_turns = self.dice.below(3) as u32;
        self.answered(Op::Rollback { num_turns }).await;
    }

    async fn rename(&mut self) {
        let name = format!("name {}", self.dice.below(100));
        self.world.known.lock().0.get_mut(&self.thread.id()).unwrap().named = true;
        self.answered(Op::SetName { name: Some(name) }).await;
    }

    async fn compact(&mut self) {
        let turn = self.submit(Op::Compact).await;
        self.until(|event| event.submission == Some(turn) && event.msg.ends_turn()).await;
    }

    async fn answered(&mut self, op: Op) {
        let id = self.submit(op).await;
        let done =
            |msg: &EventMsg| matches!(msg, EventMsg::ThreadRolledBack { .. } | EventMsg::ThreadNameUpdated { .. });
        let answers = |msg: &EventMsg| done(msg) || matches!(msg, EventMsg::Error { .. });
        let answer = self.until(|event| event.submission == Some(id) && answers(&event.msg)).await;
        assert!(!(done(&answer.msg) && self.thread.is_ephemeral()), "of an ephemeral thread: {answer:?}");
    }

    async fn inject(&mut self) {
        let number = self.world.numbers.fetch_add(1, Ordering::Relaxed);
        let content = json!([{"type": "input_text", "text": number.to_string()}]);
        let note = json!({"type": "message", "role": "developer", "content": content});
        let injected = self.thread.inject_items(vec![NewItem::response(&note).unwrap()]).await;
        self.note(injected.as_ref().err());
    }

    /// Goes on with a fork of the thread, cut anywhere; the source is shut down. An ephemeral thread is not forked here.
    async fn fork(&mut self) {
        if self.thread.is_ephemeral() {
            return self.again().await;
        }
        let source = Arc::clone(&self.thread);
        self.read_on();
        let (before, users) = {
            let known = self.world.known.lock();
            let lines = known.lines(source.id());
            (lines.len(), outcome(&lines).said.len())
        };
        let position = match self.dice.below(4) {
            0 => ForkPosition::AtOrdinal(self.dice.below(before as u64 + 1)),
            1 if users > 0 => ForkPosition::BeforeUserMessage(self.dice.below(users as u64)),
            _ => ForkPosition::Interrupted,
        };
        match self.world.manager.fork(ForkParams::new(source.id()).at(position.clone())).await {
            Ok(fork) => {
                self.leave(&source).await;
                self.take_fork(&source, fork, position, before).await;
            }
            Err(error) => self.note(Some(&error)),
        }
    }

    async fn take_fork(&mut self, source: &CodexThread, fork: NewThread, position: ForkPosition, before: usize) {
        let lines = self.inherited_by(&fork.thread).await;
        let (all, marks) = (self.world.known.lock().lines(source.id()), position == ForkPosition::Interrupted);
        match position {
            ForkPosition::AtOrdinal(ordinal) => assert_eq!(lines as u64, ordinal),
            ForkPosition::BeforeUserMessage(number) => {
                let number = usize::try_from(number).unwrap();
                let cut = outcome(&all[..lines]);
                // One that was taken back since stands before the next that was not.
                let next = all[lines..].iter().find_map(|line| match line {
                    crate::model::Line::Told(item) => words(item).filter(|(user, _)| *user),
                    _ => None,
                });
                assert_eq!(cut.said.len(), number, "{source:?}: cut before message {number}");
                assert!(next.is_some(), "{source:?}: behind the cut stands the message");
            }
            _ => assert!((before..=all.len()).contains(&lines), "{before} <= {lines} <= {}", all.len()),
        }
        let base = Some(Base { source: source.id(), lines, marks });
        self.world.known.lock().0.insert(fork.thread_id, Told { base, ..Told::default() });
        self.thread = fork.thread;
        let said = self.said_in(&self.thread).await;
        assert_eq!(said, self.world.known.lock().said(self.thread.id()), "what the fork began with");
    }

    /// How many lines of its source a fork has.
    async fn inherited_by(&self, fork: &CodexThread) -> usize {
        for _ in 0..ATTEMPTS {
            match fork.metadata().await {
                Ok(stored) => return usize::try_from(stored.metadata.inherited().unwrap().items).unwrap(),
                Err(error) => self.note(Some(&error)),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("{fork:?} cannot be read")
    }

    /// What users have said in a thread, as the model sees it.
    async fn said_in(&self, thread: &CodexThread) -> Vec<String> {
        for _ in 0..ATTEMPTS {
            match thread.live().unwrap().load_model_context().await {
                Ok(context) => return said(&context.items),
                Err(error) => self.met(&error),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("{thread:?} cannot be read")
    }

    /// Shuts the thread down and goes on with it, or with a new one.
    async fn again(&mut self) {
        let thread = Arc::clone(&self.thread);
        self.leave(&thread).await;
        let id = thread.id();
        if thread.is_ephemeral() || self.dice.below(5) == 0 {
            let ephemeral = self.dice.below(2) == 0;
            self.thread = start(&self.world, ephemeral).await;
            return;
        }
        let stored = self.world.known.lock().0[&id].is_stored();
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match self.world.manager.resume(ResumeParams::new(id)).await {
                Ok(again) => {
                    self.world.known.lock().0.get_mut(&id).unwrap().manners = Manners::default();
                    self.thread = again.thread;
                    return;
                }
                Err(SessionError::Store(ThreadStoreError::ThreadNotFound { .. })) if !stored => {
                    self.world.known.lock().0.remove(&id);
                    self.thread = start(&self.world, false).await;
                    return;
                }
                Err(error) => {
                    self.note(Some(&error));
                    last = Some(error);
                }
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("{thread:?} cannot be resumed: {last:?}");
    }

    /// Ends a thread and reads to its last event: then everything is durable.
    async fn leave(&mut self, thread: &Arc<CodexThread>) {
        thread.submit(Op::Shutdown).await.unwrap();
        let before = std::mem::replace(&mut self.thread, Arc::clone(thread));
        self.end().await;
        self.thread = before;
        self.world.known.lock().0.get_mut(&thread.id()).unwrap().hold();
    }

    /// Leaves a turn behind, of which something must be stored.
    pub async fn leave_a_turn(&mut self) -> SubmissionId {
        let number = self.world.numbers.fetch_add(1, Ordering::Relaxed);
        self.submit(Op::user(format!("say {number}: sss"))).await
    }

    async fn submit(&mut self, op: Op) -> SubmissionId {
        let is_turn = matches!(op, Op::UserTurn { .. } | Op::Compact);
        let submission = self.thread.submit(op).await.unwrap();
        if is_turn {
            self.world.known.lock().0.get_mut(&self.thread.id()).unwrap().manners.submitted(submission);
        }
        submission
    }

    async fn until(&mut self, fits: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.thread.next_event().await.expect("it was not told to end");
            self.take(&event);
            if fits(&event) {
                return event;
            }
        }
    }

    /// The thread was told to end, or has failed: reads to its last event.
    pub async fn end(&mut self) {
        while let Some(event) = self.thread.next_event().await {
            self.take(&event);
        }
        self.world.known.lock().0[&self.thread.id()].manners.over();
    }

    /// What was told in all, in one number.
    pub fn heard(&self) -> u64 {
        self.heard.finish()
    }

    /// Reads what there is to read.
    pub fn read_on(&mut self) {
        while let Some(event) = self.thread.try_next_event() {
            self.take(&event);
        }
    }

    fn take(&mut self, event: &Event) {
        let id = self.thread.id();
        word(event).hash(&mut self.heard);
        let mut known = self.world.known.lock();
        let said = matches!(event.msg, EventMsg::TurnStarted { .. }).then(|| known.said(id));
        let told = known.0.get_mut(&id).expect("a thread of this player's");
        told.manners.take(event);
        match &event.msg {
            EventMsg::Item(item) => told.take(item),
            EventMsg::TurnStarted { turn_id } => {
                told.said_before.insert(turn_id.clone(), said.unwrap_or_default());
            }
            EventMsg::TurnComplete { turn_id, stored, .. }
            | EventMsg::TurnAborted { turn_id: Some(turn_id), stored, .. } => {
                let before = told.said_before.remove(turn_id).expect("it was begun");
                // An agent that was interrupted before its first step saw nothing.
                if let Some(seen) = self.world.agent.seen.lock().remove(turn_id) {
                    assert_eq!(seen, before, "{id}: what the agent saw");
                }
                if *stored {
                    told.hold();
                }
            }
            EventMsg::ThreadRolledBack { stored: true, .. } => told.hold(),
            EventMsg::PersistenceFailed { error } => {
                self.world.failures.fetch_add(1, Ordering::Relaxed);
                self.met(error);
            }
            _ => {}
        }
    }

    fn note(&self, error: Option<&SessionError>) {
        match error {
            None => {}
            Some(SessionError::Store(error)) => self.met(error),
            Some(error) => panic!("{error}"),
        }
    }

    /// A refusal: it must be the disk's.
    fn met(&self, error: &ThreadStoreError) {
        match error {
            ThreadStoreError::Unavailable(_, Unavailability::Poisoned | Unavailability::Closed) => {
                self.world.poisoned.store(true, Ordering::Release);
            }
            ThreadStoreError::Unavailable(..) | ThreadStoreError::Corrupt(_) => {}
            // Nothing was said yet, or a fork whose outcome was unknown was made.
            ThreadStoreError::ThreadNotFound { .. } | ThreadStoreError::Conflict(..) => {}
            error => panic!("{error}"),
        }
    }
}

/// An event without what is new in each run: ids and times.
fn word(event: &Event) -> String {
    let submission = event.submission.map(|id| id.0);
    let what = match &event.msg {
        EventMsg::Item(item) => format!("{:?} {:?}", item.kind(), words(item)),
        EventMsg::TurnComplete { last_agent_message, stored, .. } => {
            format!("complete {last_agent_message:?} {stored}")
        }
        EventMsg::TurnAborted { turn_id, stored, .. } => format!("aborted {} {stored}", turn_id.is_some()),
        EventMsg::Interrupted { turns } => format!("interrupted {turns}"),
        EventMsg::ThreadRolledBack { num_turns, context_items, stored } => {
            format!("rolled back {num_turns} {context_items:?} {stored}")
        }
        EventMsg::PersistenceFailed { .. } => "failed".to_owned(),
        EventMsg::PersistenceRestored => "restored".to_owned(),
        EventMsg::ThreadNameUpdated { name } => format!("name {name:?}"),
        EventMsg::Error { .. } => "error".to_owned(),
        EventMsg::TurnStarted { .. } => "started".to_owned(),
        EventMsg::SessionConfigured(configured) => format!("configured {}", configured.context_items),
        _ => "other".to_owned(),
    };
    format!("{submission:?} {what}")
}
