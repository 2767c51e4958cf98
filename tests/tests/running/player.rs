//! Somebody who talks to threads, and writes down what they tell.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use threadlog::live::NewItem;
use threadlog::thread_store::{ThreadStoreError, Unavailability};
use threadlog_session::{
    CodexThread, Event, EventMsg, ForkParams, Op, ResumeParams, SessionError, StartParams, SubmissionId,
};
use threadlog_tests::proof::random::Dice;

use crate::World;
use crate::agent::WAYS;
use crate::judge::Told;

/// Plays so many steps.
pub async fn play(world: Arc<World>, seed: u64, steps: u64) -> Player {
    let mut player = Player { dice: Dice::new(seed), thread: start(&world).await, world };
    for _ in 0..steps {
        player.step().await;
    }
    player
}

/// Somebody who talks to one thread after another.
pub struct Player {
    world: Arc<World>,
    dice: Dice,
    thread: Arc<CodexThread>,
}

async fn start(world: &World) -> Arc<CodexThread> {
    for _ in 0..ATTEMPTS {
        match world.manager.start(StartParams::default()).await {
            Ok(new) => {
                world.known.lock().0.insert(new.thread_id, Told::default());
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

/// How often something is tried that the disk makes fail.
const ATTEMPTS: u32 = 1000;

impl Player {
    async fn step(&mut self) {
        match self.dice.below(16) {
            0..=5 => self.turn(false).await,
            6..=7 => self.turn(true).await,
            8..=9 => self.rollback().await,
            10 => self.compact().await,
            11 => self.rename().await,
            12 => self.inject().await,
            13 => self.fork().await,
            14 => self.again().await,
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
            for _ in 0..self.dice.below(20) {
                tokio::task::yield_now().await;
            }
            self.submit(Op::Interrupt).await;
        }
        self.until(|event| event.submission == Some(turn) && event.msg.ends_turn()).await;
    }

    /// Whatever follows finds a turn that runs.
    async fn leave_something_running(&mut self) {
        let text = self.text(false);
        self.submit(Op::user(text)).await;
        if self.dice.below(2) == 0 {
            self.fork().await;
        }
    }

    async fn rollback(&mut self) {
        let num_turns = self.dice.below(3) as u32;
        self.answered(Op::Rollback { num_turns }).await;
    }

    async fn rename(&mut self) {
        let name = format!("name {}", self.dice.below(100));
        self.answered(Op::SetName { name: Some(name) }).await;
    }

    async fn compact(&mut self) {
        let turn = self.submit(Op::Compact).await;
        self.until(|event| event.submission == Some(turn) && event.msg.ends_turn()).await;
    }

    async fn answered(&mut self, op: Op) {
        let id = self.submit(op).await;
        let answers = |msg: &EventMsg| {
            matches!(
                msg,
                EventMsg::ThreadRolledBack { .. } | EventMsg::ThreadNameUpdated { .. } | EventMsg::Error { .. }
            )
        };
        self.until(|event| event.submission == Some(id) && answers(&event.msg)).await;
    }

    async fn inject(&mut self) {
        let number = self.world.numbers.fetch_add(1, Ordering::Relaxed);
        let note = json!({"type": "message", "role": "developer", "content": [{"type": "input_text", "text": number.to_string()}]});
        let injected = self.thread.inject_items(vec![NewItem::response(&note).unwrap()]).await;
        self.note(injected.as_ref().err());
    }

    /// Goes on with a fork; the source is shut down, now or in the end.
    async fn fork(&mut self) {
        let source = Arc::clone(&self.thread);
        match self.world.manager.fork(ForkParams::new(source.id())).await {
            Ok(fork) => {
                // What the source told until it was forked, the fork has too.
                self.read_on(Duration::from_millis(1)).await;
                self.leave(&source).await;
                let said = self.said_in(&fork.thread).await;
                let told = Told { source: Some(source.id()), said, ..Told::default() };
                self.world.known.lock().0.insert(fork.thread_id, told);
                self.thread = fork.thread;
            }
            Err(error) => self.note(Some(&error)),
        }
    }

    /// What a fork says that users said, before anything was said in it.
    async fn said_in(&mut self, fork: &CodexThread) -> Vec<String> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match fork.live().unwrap().load_model_context().await {
                Ok(context) => {
                    let text = |item: &threadlog::context::ContextItem| match item.typed() {
                        threadlog::item::typed::Typed::Response(threadlog::item::typed::ResponseItem::Message {
                            role,
                            text,
                        }) if role == "user" && text.starts_with("say ") => Some(text),
                        _ => None,
                    };
                    return context.items.iter().filter_map(text).collect();
                }
                Err(error) => {
                    self.met(&error);
                    last = Some(error);
                }
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("{fork:?} cannot be read: {last:?}")
    }

    /// Shuts the thread down and goes on with it.
    async fn again(&mut self) {
        let thread = Arc::clone(&self.thread);
        self.leave(&thread).await;
        let stored = !self.world.known.lock().0[&thread.id()].items.is_empty();
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match self.world.manager.resume(ResumeParams::new(thread.id())).await {
                Ok(again) => {
                    self.thread = again.thread;
                    return;
                }
                Err(SessionError::Store(ThreadStoreError::ThreadNotFound { .. })) if !stored => {
                    self.world.known.lock().0.remove(&thread.id());
                    self.thread = start(&self.world).await;
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

    /// Ends a thread and reads to its last event.
    async fn leave(&mut self, thread: &Arc<CodexThread>) {
        thread.submit(Op::Shutdown).await.unwrap();
        let before = std::mem::replace(&mut self.thread, Arc::clone(thread));
        while let Some(event) = thread.next_event().await {
            self.take(&event);
        }
        self.thread = before;
        self.world.known.lock().0.get_mut(&thread.id()).unwrap().hold();
    }

    async fn submit(&mut self, op: Op) -> SubmissionId {
        self.thread.submit(op).await.unwrap()
    }

    async fn until(&mut self, fits: impl Fn(&Event) -> bool) {
        loop {
            let event = self.thread.next_event().await.expect("it was not told to end");
            self.take(&event);
            if fits(&event) {
                return;
            }
        }
    }

    /// The thread was shut down: reads to its last event.
    pub async fn end(mut self) {
        while let Some(event) = self.thread.next_event().await {
            self.take(&event);
        }
    }

    /// Reads what there is to read.
    async fn read_on(&mut self, wait: Duration) {
        tokio::time::sleep(wait).await;
        while let Some(event) = self.thread.try_next_event() {
            self.take(&event);
        }
    }

    fn take(&mut self, event: &Event) {
        let id = self.thread.id();
        let mut known = self.world.known.lock();
        let told = known.0.get_mut(&id).expect("a thread of this player's");
        match &event.msg {
            EventMsg::Item(item) => told.take(item),
            EventMsg::TurnComplete { stored: true, .. }
            | EventMsg::TurnAborted { stored: true, turn_id: Some(_), .. }
            | EventMsg::ThreadRolledBack { stored: true, .. } => told.hold(),
            EventMsg::PersistenceFailed { error } => {
                drop(known);
                self.met(error);
            }
            _ => {}
        }
    }

    fn note(&mut self, error: Option<&SessionError>) {
        match error {
            None => {}
            Some(SessionError::Store(error)) => self.met(error),
            Some(error) => panic!("{error}"),
        }
    }

    /// A refusal: it must be the disk's.
    fn met(&mut self, error: &ThreadStoreError) {
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
