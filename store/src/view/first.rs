//! The facts that the first items of a thread fix.

use memchr::memmem;
use serde::{Deserialize, Serialize};

use crate::item::typed::{EventMsg, Git, ResponseItem, SessionMeta, Typed, UserMessage, without_session_prefix};
use crate::item::{Kind, Timestamp};

/// Longest user message kept in the facts, in bytes; the item has all of it.
const MESSAGE_BYTES_MAX: usize = 16 << 10;

/// A value and the ordinal of the item that stated it; of two the lower counts.
type Stated<T> = Option<(u64, T)>;

/// What the earliest items say of the thread. An item is parsed only if it can still change a fact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstFacts {
    meta: Stated<Meta>,
    turn_cwd: Stated<String>,
    model: Stated<String>,
    message: Stated<String>,
    bare_message: Stated<String>,
}

/// What is kept of the first `session_meta`: the thread's own, also in forks, where others follow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Meta {
    timestamp: Option<Timestamp>,
    forked_from: Option<String>,
    parent_thread: Option<String>,
    cwd: Option<String>,
    originator: Option<String>,
    cli_version: Option<String>,
    source: Option<String>,
    model_provider: Option<String>,
    git: Option<Git>,
}

fn open<T>(fact: &Stated<T>, ordinal: u64) -> bool {
    fact.as_ref().is_none_or(|(before, _)| ordinal < *before)
}

fn state<T>(fact: &mut Stated<T>, ordinal: u64, value: Option<T>) {
    if let Some(value) = value
        && open(fact, ordinal)
    {
        *fact = Some((ordinal, value));
    }
}

impl FirstFacts {
    /// Takes a canonical line in.
    pub(super) fn enveloped(&mut self, ordinal: u64, kind: &Kind<'_>, payload: &[u8]) {
        let wanted = match kind {
            Kind::SessionMeta => open(&self.meta, ordinal),
            Kind::TurnContext => open(&self.model, ordinal) || open(&self.turn_cwd, ordinal),
            Kind::EventMsg => open(&self.message, ordinal) && may_be_user_message(payload),
            _ => false,
        };
        if wanted {
            self.typed(ordinal, Typed::of_payload(kind, payload), false);
        }
    }

    /// Whether a line without envelope can still change a fact.
    pub(super) fn wants_bare(&self, ordinal: u64) -> bool {
        open(&self.meta, ordinal) || open(&self.bare_message, ordinal)
    }

    /// Takes a parsed line in; `bare` says that it has no envelope.
    pub(super) fn typed(&mut self, ordinal: u64, typed: Typed, bare: bool) {
        match typed {
            Typed::SessionMeta(meta) => state(&mut self.meta, ordinal, Some(Meta::of(*meta))),
            Typed::TurnContext(turn) => {
                state(&mut self.model, ordinal, turn.model);
                state(&mut self.turn_cwd, ordinal, turn.cwd);
            }
            Typed::Event(EventMsg::UserMessage(message)) => state(&mut self.message, ordinal, headline(&message)),
            Typed::Response(ResponseItem::Message { role, text }) if bare && role == "user" => {
                let message =
                    UserMessage { text: without_session_prefix(&text).unwrap_or_default().to_owned(), images: 0 };
                state(&mut self.bare_message, ordinal, headline(&message));
            }
            _ => {}
        }
    }

    fn meta(&self) -> Option<&Meta> {
        self.meta.as_ref().map(|(_, meta)| meta)
    }

    /// When the session started, by its own word.
    #[must_use]
    pub fn started(&self) -> Option<Timestamp> {
        self.meta()?.timestamp
    }

    /// The thread it was forked from.
    #[must_use]
    pub fn forked_from(&self) -> Option<&str> {
        self.meta()?.forked_from.as_deref()
    }

    /// The thread that started it as a sub-agent.
    #[must_use]
    pub fn parent_thread(&self) -> Option<&str> {
        self.meta()?.parent_thread.as_deref()
    }

    /// Working directory: the session's, else the first turn's that states one.
    #[must_use]
    pub fn cwd(&self) -> Option<&str> {
        let turn = || self.turn_cwd.as_ref().map(|(_, cwd)| cwd.as_str());
        self.meta().and_then(|meta| meta.cwd.as_deref()).or_else(turn)
    }

    /// The program that ran the agent.
    #[must_use]
    pub fn originator(&self) -> Option<&str> {
        self.meta()?.originator.as_deref()
    }

    /// Its version.
    #[must_use]
    pub fn cli_version(&self) -> Option<&str> {
        self.meta()?.cli_version.as_deref()
    }

    /// Where the session came from: "cli", "vscode", "subagent:thread_spawn".
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.meta()?.source.as_deref()
    }

    /// The provider of the model.
    #[must_use]
    pub fn model_provider(&self) -> Option<&str> {
        self.meta()?.model_provider.as_deref()
    }

    /// The model of the first turn that states one.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_ref().map(|(_, model)| model.as_str())
    }

    /// The repository the agent worked in, at the start.
    #[must_use]
    pub fn git(&self) -> Option<&Git> {
        self.meta()?.git.as_ref()
    }

    /// The first user message: the user's own words, or `[Image]`. At most 16 KiB of it.
    #[must_use]
    pub fn first_user_message(&self) -> Option<&str> {
        self.message.as_ref().map(|(_, text)| text.as_str())
    }

    /// What to show for the thread in lists: the first user message; in the format without envelopes,
    /// which has no such event, the first message of the user's role that is not the program's own.
    #[must_use]
    pub fn preview(&self) -> Option<&str> {
        self.first_user_message().or_else(|| self.bare_message.as_ref().map(|(_, text)| text.as_str()))
    }
}

impl Meta {
    fn of(meta: SessionMeta) -> Meta {
        Meta {
            timestamp: meta.timestamp,
            forked_from: meta.forked_from,
            parent_thread: meta.parent_thread,
            cwd: meta.cwd,
            originator: meta.originator,
            cli_version: meta.cli_version,
            source: meta.source,
            model_provider: meta.model_provider,
            git: meta.git,
        }
    }
}

/// Spares parsing: a payload without these words is no user message.
fn may_be_user_message(payload: &[u8]) -> bool {
    memmem::find(payload, b"user_message").is_some() || memmem::find(payload, b"UserMessage").is_some()
}

fn headline(message: &UserMessage) -> Option<String> {
    let text = message.headline()?;
    Some(text.get(..text.floor_char_boundary(MESSAGE_BYTES_MAX)).unwrap_or(text).to_owned())
}
