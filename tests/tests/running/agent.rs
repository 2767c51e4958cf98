//! An agent that does what its input says: `say NUMBER: how`, one letter for each thing.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use threadlog::context::ContextItem;
use threadlog_session::{Agent, AgentFailure, Turn, TurnHandle, TurnKind, UserInput};

use crate::model::words_of;

/// What it can do: say something, record several things at once, pause, give way, make sure, compact, wait for ever, fail,
/// panic.
pub const WAYS: [char; 9] = ['s', 'r', 'p', 'y', 'f', 'c', 'w', 'x', '!'];

#[derive(Default)]
pub struct Talker {
    /// What it saw that users had said before, by the turn's id.
    pub seen: Mutex<BTreeMap<String, Vec<String>>>,
}

/// What users said, as the model sees it.
pub fn said(items: &[ContextItem]) -> Vec<String> {
    words(items).into_iter().filter(|(user, _)| *user).map(|(_, text)| text).collect()
}

/// What was said and thought, as the model sees it.
pub fn words(items: &[ContextItem]) -> Vec<(bool, String)> {
    items.iter().filter_map(|item| words_of(&item.typed(), &item.payload)).collect()
}

#[async_trait]
impl Agent for Talker {
    async fn run_turn(&self, turn: Turn, handle: TurnHandle) -> Result<(), AgentFailure> {
        self.seen.lock().insert(turn.turn_id.clone(), said(&turn.history.items));
        if turn.kind == TurnKind::Compact {
            handle.compacted("in short", None).await?;
            return Ok(());
        }
        let Some(UserInput::Text { text }) = turn.input.first() else { return Err("no text".into()) };
        let Some((number, ways)) = text.split_once(": ") else { return Err("no way".into()) };
        for (at, way) in ways.chars().enumerate() {
            match way {
                's' => handle.message(&format!("re {number}.{at}")).await?,
                'r' => {
                    let item = |part: u32| {
                        let payload = serde_json::json!({"type": "reasoning", "summary": [], "n": format!("{number}.{at}.{part}")});
                        threadlog::live::NewItem::response(&payload)
                    };
                    handle.record(vec![item(0)?, item(1)?, item(2)?]).await?;
                }
                'p' => tokio::time::sleep(Duration::from_millis(1)).await,
                'y' => tokio::task::yield_now().await,
                // That it failed is told by the thread.
                'f' => drop(handle.flush().await),
                'c' => handle.compacted(&format!("in short, at {number}"), None).await?,
                'w' => std::future::pending().await,
                'x' => return Err("the model does not answer".into()),
                // Without the noise of a real one.
                '!' => std::panic::resume_unwind(Box::new("a fault of the agent's")),
                other => return Err(format!("no way is {other}").into()),
            }
        }
        Ok(())
    }
}
