//! What can be asked of a running thread.

use std::fmt;

use serde::{Deserialize, Serialize};
use threadlog::metadata::MemoryMode;

use crate::config::TurnSettings;

/// An operation on a running thread. Operations are taken in order, those that need no turn also while one runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Op {
    /// The user says something: a turn. While another turn runs it waits.
    UserTurn {
        /// What the user says; not empty.
        input: Vec<UserInput>,
        /// Settings of this turn and those after it, where they change. Default: as they were.
        #[serde(default)]
        settings: TurnSettings,
    },
    /// Ends the turn that runs and those that wait. What the running turn did so far stays, with a note to the model
    /// that it was interrupted; of a waiting one nothing was stored.
    Interrupt,
    /// Has the agent replace the model's history by a shorter one: a turn without input. Waits like one.
    Compact,
    /// Takes back the last turns. Refused while a turn runs or waits, and of an ephemeral thread.
    Rollback {
        /// How many, from 1. More than there are: all.
        num_turns: u32,
    },
    /// Names the thread. Stores it first, if nothing of it is stored. Refused of an ephemeral thread.
    SetName {
        /// The name, or `None` to take it away.
        name: Option<String>,
    },
    /// Says whether memories may be made from the thread. Stores it first, if nothing of it is stored. Refused of
    /// an ephemeral thread.
    SetMemoryMode {
        /// Whether they may.
        mode: MemoryMode,
    },
    /// Ends the thread: the turn that runs is interrupted, everything is made durable, then nothing more happens. If
    /// storing fails it is tried again until it succeeds.
    Shutdown,
}

/// A part of what the user says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum UserInput {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// An image, kept as its URL is: `data:` URLs hold the image itself.
    Image {
        /// The URL.
        image_url: String,
    },
}

/// The number of a submission: from 1, rising, each thread's own. Events name the submission they belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SubmissionId(pub u64);

impl Op {
    /// A turn in which the user says this text.
    #[must_use]
    pub fn user(text: impl Into<String>) -> Op {
        Op::UserTurn { input: vec![UserInput::Text { text: text.into() }], settings: TurnSettings::default() }
    }

    /// Whether it goes before everything else and is never made to wait: it ends things.
    pub(crate) fn is_urgent(&self) -> bool {
        matches!(self, Op::Interrupt | Op::Shutdown)
    }

    /// Its name, as in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Op::UserTurn { .. } => "user_turn",
            Op::Interrupt => "interrupt",
            Op::Compact => "compact",
            Op::Rollback { .. } => "rollback",
            Op::SetName { .. } => "set_name",
            Op::SetMemoryMode { .. } => "set_memory_mode",
            Op::Shutdown => "shutdown",
        }
    }
}

impl fmt::Display for SubmissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
