//! An agent that plays what somebody wrote before: for tests of programs that embed threads.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::Value;
use threadlog::item::typed::TokenCount;
use threadlog::live::NewItem;
use tokio::sync::Notify;

use crate::agent::{Agent, AgentFailure, Turn, TurnHandle};

/// What happens in one turn, step by step.
///
/// ```
/// use std::time::Duration;
///
/// use threadlog_session::Script;
///
/// let script = Script::new().message("Let me see.").pause(Duration::from_millis(5)).message("It lacks a semicolon.");
/// let failing = Script::new().message("Let me see.").fail("the model does not answer");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a script does nothing until an agent plays it"]
pub struct Script {
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Message(String),
    Record(Vec<NewItem>),
    Tokens(u64),
    Compacted(String, Option<Vec<Value>>),
    Show(Value),
    Flush,
    Pause(Duration),
    Wait(Arc<Notify>),
    Fail(String),
}

impl Script {
    /// A turn in which nothing happens.
    pub fn new() -> Script {
        Script::default()
    }

    /// The agent says something.
    pub fn message(self, text: impl Into<String>) -> Script {
        self.then(Step::Message(text.into()))
    }

    /// The agent records these items.
    pub fn record(self, items: Vec<NewItem>) -> Script {
        self.then(Step::Record(items))
    }

    /// The thread has used so many tokens.
    pub fn tokens(self, total: u64) -> Script {
        self.then(Step::Tokens(total))
    }

    /// The history is compacted; see [`TurnHandle::compacted`].
    pub fn compacted(self, summary: impl Into<String>, replacement: Option<Vec<Value>>) -> Script {
        self.then(Step::Compacted(summary.into(), replacement))
    }

    /// The agent shows something that is not stored.
    pub fn show(self, payload: Value) -> Script {
        self.then(Step::Show(payload))
    }

    /// The agent makes sure that everything so far is durable; if it is not the turn fails.
    pub fn flush(self) -> Script {
        self.then(Step::Flush)
    }

    /// Time passes.
    pub fn pause(self, time: Duration) -> Script {
        self.then(Step::Pause(time))
    }

    /// Nothing happens until somebody notifies. One notification lets one wait through.
    pub fn wait_for(self, notify: Arc<Notify>) -> Script {
        self.then(Step::Wait(notify))
    }

    /// The turn fails.
    pub fn fail(self, message: impl Into<String>) -> Script {
        self.then(Step::Fail(message.into()))
    }

    fn then(mut self, step: Step) -> Script {
        self.steps.push(step);
        self
    }

    async fn play(self, handle: &TurnHandle) -> Result<(), AgentFailure> {
        for step in self.steps {
            match step {
                Step::Message(text) => handle.message(&text).await?,
                Step::Record(items) => handle.record(items).await?,
                Step::Tokens(total) => {
                    handle.token_count(TokenCount { known: true, total, ..TokenCount::default() }).await?;
                }
                Step::Compacted(summary, replacement) => handle.compacted(&summary, replacement.as_deref()).await?,
                Step::Show(payload) => handle.show(&payload).await?,
                Step::Flush => handle.flush().await?,
                Step::Pause(time) => tokio::time::sleep(time).await,
                Step::Wait(notify) => notify.notified().await,
                Step::Fail(message) => return Err(message.into()),
            }
        }
        Ok(())
    }
}

/// Plays one script for each turn, in order, whichever thread the turn is of; when they are used up every further turn
/// is an empty one. What it was given stays readable.
#[derive(Debug, Default)]
pub struct ScriptedAgent {
    scripts: Mutex<VecDeque<Script>>,
    turns: Mutex<Vec<Turn>>,
}

impl ScriptedAgent {
    /// An agent with these turns ahead.
    #[must_use]
    pub fn new(scripts: impl IntoIterator<Item = Script>) -> ScriptedAgent {
        ScriptedAgent { scripts: Mutex::new(scripts.into_iter().collect()), turns: Mutex::default() }
    }

    /// Adds a turn behind those ahead.
    pub fn add(&self, script: Script) {
        self.scripts.lock().push_back(script);
    }

    /// The turns that were begun, in order.
    #[must_use]
    pub fn turns(&self) -> Vec<Turn> {
        self.turns.lock().clone()
    }
}

#[async_trait]
impl Agent for ScriptedAgent {
    async fn run_turn(&self, turn: Turn, handle: TurnHandle) -> Result<(), AgentFailure> {
        let script = self.scripts.lock().pop_front().unwrap_or_default();
        self.turns.lock().push(turn);
        script.play(&handle).await
    }
}
