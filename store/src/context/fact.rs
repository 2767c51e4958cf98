//! What an item means for turns and for the model's history; most items mean nothing.

use bytes::Bytes;

use crate::context::ContextItem;
use crate::item::json::Object;
use crate::item::typed::{EventMsg, ResponseItem, Typed, trim, without_session_prefix};
use crate::item::{Kind, RolloutItem};
use crate::policy::type_of;

/// One item, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// The model sees it.
    Seen(ContextItem, Role),
    /// The message between agents that follows starts a turn of its receiver, or does not.
    Delivery { triggers: bool },
    /// A turn began.
    Started(Option<String>),
    /// A turn ended.
    Ended { id: Option<String>, aborted: bool },
    /// The settings that a turn runs with.
    Settings(ContextItem),
    /// What came before was replaced, or is to be summed up.
    Compacted(ContextItem),
    /// So many turns were taken back.
    RolledBack(u64),
    /// The event beside a user's message.
    UserEvent,
    /// Tokens were counted.
    Tokens(ContextItem),
    /// Nothing.
    Other,
}

/// What a response item is for the division into turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A user's own message: it begins a turn.
    User,
    /// An agent's instruction to another one: it begins a turn, and no user wrote it.
    Instruction,
    /// A message between agents whose delivery record, if there is one, stands before it.
    Delivered,
    /// What the program tells the model of itself and of its surroundings.
    Context,
    /// What the model or its tools said.
    Work,
}

impl Role {
    /// Whether it begins a turn by itself.
    pub(super) fn begins_turn(self) -> bool {
        matches!(self, Role::User | Role::Instruction)
    }
}

impl Fact {
    /// Reads an item. Only what can matter is parsed.
    pub(super) fn of(ordinal: u64, item: &RolloutItem) -> Fact {
        match item {
            RolloutItem::Enveloped { kind, payload, .. } => enveloped(ordinal, kind, payload),
            RolloutItem::Verbatim(bytes, _) => verbatim(ordinal, bytes),
        }
    }
}

fn enveloped(ordinal: u64, kind: &Kind<'static>, payload: &Bytes) -> Fact {
    let item = || ContextItem { ordinal, kind: kind.clone(), payload: payload.clone() };
    match kind {
        Kind::ResponseItem => response(item()),
        Kind::EventMsg => event(item()),
        Kind::TurnContext => Fact::Settings(item()),
        Kind::Compacted => Fact::Compacted(item()),
        Kind::InterAgentCommunication => {
            let role = if triggers(payload).unwrap_or(true) { Role::Instruction } else { Role::Work };
            Fact::Seen(item(), role)
        }
        Kind::InterAgentCommunicationMetadata => Fact::Delivery { triggers: triggers(payload).unwrap_or(false) },
        _ => Fact::Other,
    }
}

/// A line in another form: an envelope after all, or an item of the format without envelopes.
fn verbatim(ordinal: u64, bytes: &Bytes) -> Fact {
    let Some(object) = Object::parse(trim(bytes)) else { return Fact::Other };
    if let Some((kind, payload)) = object.envelope() {
        let kind = Kind::from_text(&kind).into_owned();
        return enveloped(ordinal, &kind, &bytes.slice_ref(payload.as_bytes()));
    }
    let is_item = object.raw("type").is_some() && object.raw("record_type").is_none();
    if !is_item {
        return Fact::Other;
    }
    response(ContextItem { ordinal, kind: Kind::ResponseItem, payload: bytes.slice_ref(trim(bytes)) })
}

fn response(item: ContextItem) -> Fact {
    match role(&item.payload) {
        Some(role) => Fact::Seen(item, role),
        None => Fact::Other,
    }
}

/// `None` for what the model is not shown: snapshots for undoing, messages of the program to itself.
pub(super) fn role(payload: &[u8]) -> Option<Role> {
    let name = type_of(payload)?;
    match name.as_str() {
        "ghost_snapshot" | "other" => None,
        "agent_message" => Some(Role::Delivered),
        "message" => message_role(payload),
        _ => Some(Role::Work),
    }
}

fn message_role(payload: &[u8]) -> Option<Role> {
    let Typed::Response(ResponseItem::Message { role, text }) = Typed::of_payload(&Kind::ResponseItem, payload) else {
        return Some(Role::Work);
    };
    match role.as_str() {
        "system" => None,
        // It ends the turn before it and does not introduce the one after.
        "user" if text.trim_start().starts_with("<turn_aborted>") => Some(Role::Work),
        "user" if without_session_prefix(&text).is_some() => Some(Role::User),
        "user" | "developer" => Some(Role::Context),
        "assistant" if is_instruction(&text) => Some(Role::Instruction),
        _ => Some(Role::Work),
    }
}

/// Whether an assistant's message is one agent's instruction to another, as JSON.
fn is_instruction(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('{')
        && Object::parse(text.as_bytes())
            .is_some_and(|object| ["author", "recipient", "content"].iter().all(|key| object.raw(key).is_some()))
}

fn triggers(payload: &[u8]) -> Option<bool> {
    Object::parse(payload)?.raw("trigger_turn").map(|raw| raw == "true")
}

fn event(item: ContextItem) -> Fact {
    let name = type_of(&item.payload).unwrap_or_default();
    let id = || Object::parse(&item.payload)?.full_text("turn_id");
    match name.as_str() {
        "task_started" | "turn_started" => Fact::Started(id()),
        "task_complete" | "turn_complete" => Fact::Ended { id: id(), aborted: false },
        "turn_aborted" => Fact::Ended { id: id(), aborted: true },
        "user_message" => Fact::UserEvent,
        "thread_rolled_back" => match Typed::of_payload(&Kind::EventMsg, &item.payload) {
            Typed::Event(EventMsg::ThreadRolledBack(turns)) => Fact::RolledBack(turns),
            _ => Fact::Other,
        },
        "token_count" => match Typed::of_payload(&Kind::EventMsg, &item.payload) {
            Typed::Event(EventMsg::TokenCount(tokens)) if tokens.known => Fact::Tokens(item),
            _ => Fact::Other,
        },
        _ => Fact::Other,
    }
}

/// Whether two statements of a turn's id can be of one turn: they can if either says nothing.
pub(super) fn compatible(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}
