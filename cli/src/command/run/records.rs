//! The records of a conversation, as programs read them. docs/cli.md lists them.

use serde::Serialize;
use serde_json::value::RawValue;
use threadlog::metadata::MemoryMode;

#[derive(Serialize)]
pub(super) struct Thread<'a> {
    pub(super) id: String,
    pub(super) origin: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) forked_from: Option<String>,
    pub(super) ephemeral: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cwd: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<&'a str>,
    pub(super) context_items: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) interrupted_turn: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Submitted {
    pub(super) submission: u64,
    pub(super) op: &'static str,
}

#[derive(Serialize)]
pub(super) struct Refused<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) submission: Option<u64>,
    pub(super) message: &'a str,
}

#[derive(Serialize)]
pub(super) struct TurnStarted<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) submission: Option<u64>,
    pub(super) turn_id: &'a str,
}

#[derive(Serialize)]
pub(super) struct Item<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) submission: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<&'a RawValue>,
}

#[derive(Serialize)]
pub(super) struct Shown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) submission: Option<u64>,
    pub(super) payload: &'a RawValue,
}

#[derive(Serialize)]
pub(super) struct TurnComplete<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) submission: Option<u64>,
    pub(super) turn_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_agent_message: Option<&'a str>,
    pub(super) stored: bool,
}

#[derive(Serialize)]
pub(super) struct TurnAborted<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) submission: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) turn_id: Option<&'a str>,
    pub(super) reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<&'a str>,
    pub(super) stored: bool,
}

#[derive(Serialize)]
pub(super) struct Interrupted {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) submission: Option<u64>,
    pub(super) turns: u64,
}

#[derive(Serialize)]
pub(super) struct RolledBack {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) submission: Option<u64>,
    pub(super) num_turns: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) context_items: Option<usize>,
    pub(super) stored: bool,
}

#[derive(Serialize)]
pub(super) struct Named<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) submission: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Memory {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) submission: Option<u64>,
    pub(super) mode: MemoryMode,
}

#[derive(Serialize)]
pub(super) struct Storing<'a> {
    pub(super) works: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Summary<'a> {
    pub(super) id: &'a str,
    pub(super) completed: u64,
    pub(super) interrupted: u64,
    pub(super) failed: u64,
    pub(super) refused: u64,
    pub(super) stopped: bool,
}
