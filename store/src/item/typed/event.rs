//! Events of the agent's.

use crate::item::json::Object;
use threadlog_engine::number::wide;

/// `event_msg`, the ones that people or the views look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventMsg {
    /// What the user wrote. Also the newer `item_completed` of a user message.
    UserMessage(UserMessage),
    /// What the agent answered.
    AgentMessage(String),
    /// What the agent says of its thinking.
    AgentReasoning(String),
    /// Tokens used so far.
    TokenCount(TokenCount),
    /// A turn began (`task_started`, `turn_started`).
    TurnStarted,
    /// A turn ended (`task_complete`, `turn_complete`), with the agent's last message if stated.
    TurnComplete(Option<String>),
    /// A turn was stopped, and why.
    TurnAborted(Option<String>),
    /// This many turns were taken back.
    ThreadRolledBack(u64),
    /// The thread got a name.
    ThreadNameUpdated(String),
    /// Something went wrong.
    Error(String),
    /// Any other, by its `type`.
    Other(String),
}

/// A user's message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserMessage {
    /// The text, as sent.
    pub text: String,
    /// How many images came with it.
    pub images: u64,
}

/// Tokens used. Negative or missing numbers are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCount {
    /// Whether the event carries counts at all; some only carry rate limits.
    pub known: bool,
    /// All tokens of the thread.
    pub total: u64,
    /// Of these, input.
    pub input: u64,
    /// Of the input, cached.
    pub cached_input: u64,
    /// Output.
    pub output: u64,
    /// Of the output, reasoning.
    pub reasoning_output: u64,
}

/// What precedes the user's own words where an editor adds context to them.
const REQUEST_MARKER: &str = "## My request for Codex:";

impl UserMessage {
    /// The user's own words: what follows the line "## My request for Codex:" if there is one, trimmed.
    #[must_use]
    pub fn own_words(&self) -> &str {
        match self.text.split_once(REQUEST_MARKER) {
            Some((_, words)) => words.trim(),
            None => self.text.trim(),
        }
    }
}

impl EventMsg {
    pub(super) fn read(object: &Object<'_>) -> EventMsg {
        let text = |key| object.text(key).unwrap_or_default().into_owned();
        let kind = text("type");
        match kind.as_str() {
            "user_message" => {
                let images = wide(object.list("images").len() + object.list("local_images").len());
                EventMsg::UserMessage(UserMessage { text: text("message"), images })
            }
            "item_completed" => completed(object).unwrap_or(EventMsg::Other(kind)),
            "agent_message" => EventMsg::AgentMessage(text("message")),
            "agent_reasoning" => EventMsg::AgentReasoning(text("text")),
            "token_count" => EventMsg::TokenCount(TokenCount::read(object)),
            "task_started" | "turn_started" => EventMsg::TurnStarted,
            "task_complete" | "turn_complete" => EventMsg::TurnComplete(object.full_text("last_agent_message")),
            "turn_aborted" => EventMsg::TurnAborted(object.full_text("reason")),
            "thread_rolled_back" => EventMsg::ThreadRolledBack(object.number("num_turns").unwrap_or(0)),
            "thread_name_updated" => EventMsg::ThreadNameUpdated(text("thread_name")),
            "error" => EventMsg::Error(text("message")),
            _ => EventMsg::Other(kind),
        }
    }
}

/// The item of an `item_completed` event, where it stands for an older event.
fn completed(object: &Object<'_>) -> Option<EventMsg> {
    let item = object.object("item")?;
    let content: Vec<Object<'_>> =
        item.list("content").into_iter().filter_map(|part| Object::parse(part.as_bytes())).collect();
    let words = content.iter().filter_map(|part| part.text("text")).collect::<Vec<_>>().join("\n");
    match item.text("type")?.as_ref() {
        "UserMessage" => {
            let is_image = |part: &&Object<'_>| part.text("type").is_some_and(|kind| kind.contains("image"));
            let images = wide(content.iter().filter(is_image).count());
            Some(EventMsg::UserMessage(UserMessage { text: words, images }))
        }
        "AgentMessage" => Some(EventMsg::AgentMessage(words)),
        _ => None,
    }
}

impl TokenCount {
    fn read(object: &Object<'_>) -> TokenCount {
        let Some(total) = object.object("info").and_then(|info| info.object("total_token_usage")) else {
            return TokenCount::default();
        };
        let number = |key| total.number(key).unwrap_or(0);
        TokenCount {
            known: true,
            total: number("total_tokens"),
            input: number("input_tokens"),
            cached_input: number("cached_input_tokens"),
            output: number("output_tokens"),
            reasoning_output: number("reasoning_output_tokens"),
        }
    }
}
