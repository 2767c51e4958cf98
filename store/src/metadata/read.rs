//! What the metadata say, user's word and items' word put together.

use super::derived::Derived;
use super::entry;
use super::inherited::Inherited;
use super::patch::MemoryMode;
use super::session::Start;
use super::state::ThreadMetadata;
use super::user::Word;
use crate::clock::stamp_ms;
use crate::item::typed::Git;
use crate::item::{RolloutItem, Timestamp};
use crate::thread::ThreadId;

/// Times are in milliseconds since 1970 (UTC).
impl ThreadMetadata {
    /// The thread.
    #[must_use]
    pub fn thread(&self) -> ThreadId {
        self.thread
    }

    /// When the thread began: by its own word, else its first item's, else its file's name, else by the
    /// store's record of its creation; 0 if nothing of these is known.
    #[must_use]
    pub fn created_ms(&self) -> u64 {
        let own = self.start().and_then(|start| start.timestamp);
        let own = own.or_else(|| self.derived.tally.first.get().copied()).map(Timestamp::ms);
        own.unwrap_or_else(|| self.began.get().map_or(0, |began| began.name_ms.unwrap_or(began.at_ms)))
    }

    /// When something was last added: the latest time of an item; where items state none, the time of the
    /// imported file. Changes by users are no addition: renaming or archiving an old thread does not make it new.
    #[must_use]
    pub fn updated_ms(&self) -> u64 {
        let file = || self.file.get().map(|(_, file)| file.modified_ms);
        let last = self.derived.tally.last.map(Timestamp::ms).or_else(file);
        self.created_ms().max(last.unwrap_or(0))
    }

    /// When the last turn began; until one did, when the thread began. What the agent does in a turn changes nothing.
    #[must_use]
    pub fn recency_ms(&self) -> u64 {
        self.created_ms().max(self.derived.tally.last_turn().map_or(0, Timestamp::ms))
    }

    /// When the thread was archived; `None` if it is not. What users did counts; without that, an imported
    /// file's place among archived sessions, with the file's time.
    #[must_use]
    pub fn archived_ms(&self) -> Option<u64> {
        match self.user.archived() {
            Some((stamp, archived)) => archived.then_some(stamp_ms(stamp.clock)),
            None => self.file.get().filter(|(_, file)| file.archived).map(|(_, file)| file.modified_ms),
        }
    }

    /// Whether the thread is archived.
    #[must_use]
    pub fn archived(&self) -> bool {
        self.archived_ms().is_some()
    }

    /// The name: the user's, else the latest that an item gave.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.user.text_or_later(entry::NAME, &self.derived.name, |name| Some(name.as_str()))
    }

    /// What to call the thread: its name, else the first words of its user, also of those that a fork inherited. At
    /// most 16 KiB.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        let inherited = || self.inherited_text(|inherited| inherited.first_user_message.as_ref());
        self.name().or_else(inherited).or_else(|| self.inherited_preview()).or_else(|| self.derived.words.title())
    }

    /// What to show of the thread in lists: its first goal or user message, whichever came first. Threads
    /// without one are left out of lists by default. At most 16 KiB; of what a fork inherited, 256 bytes.
    #[must_use]
    pub fn preview(&self) -> Option<&str> {
        self.inherited_preview().or_else(|| self.derived.words.preview())
    }

    /// The user's own words in the first user message event, or `"[Image]"`. At most 16 KiB; of what a fork inherited,
    /// 256 bytes.
    #[must_use]
    pub fn first_user_message(&self) -> Option<&str> {
        let inherited = self.inherited_text(|inherited| inherited.first_user_message.as_ref());
        inherited.or_else(|| self.inherited_preview()).or_else(|| self.derived.words.first_user_message())
    }

    /// Working directory: the user's word, else the latest changed setting, else the session's, else the first turn's.
    /// As written, not resolved.
    #[must_use]
    pub fn cwd(&self) -> Option<&str> {
        let settings = &self.derived.settings;
        let session = || self.start().and_then(|start| start.cwd.as_ref()).or_else(|| settings.turn_cwd.get());
        let derived = settings.cwd.get().or_else(session);
        self.user.text_or(entry::CWD, derived.map(String::as_str))
    }

    /// The model of the latest turn or changed setting.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        let inherited = || self.inherited_text(|inherited| inherited.model.as_ref());
        let derived = self.derived.settings.model.get().map(String::as_str);
        self.user.text_or(entry::MODEL, derived.or_else(inherited))
    }

    /// The provider of the model: a changed setting's, else the session's. `None`: the embedder's default.
    #[must_use]
    pub fn model_provider(&self) -> Option<&str> {
        let session = || self.start().and_then(|start| start.model_provider.as_ref());
        let inherited = || self.inherited_text(|inherited| inherited.model_provider.as_ref());
        let derived = self.derived.settings.model_provider.get().or_else(session).map(String::as_str);
        self.user.text_or(entry::MODEL_PROVIDER, derived.or_else(inherited))
    }

    /// How hard the model is to think.
    #[must_use]
    pub fn reasoning_effort(&self) -> Option<&str> {
        let derived = match self.derived.settings.reasoning_effort.get() {
            Some(effort) => effort.as_deref(),
            None => self.inherited_text(|inherited| inherited.reasoning_effort.as_ref()),
        };
        self.user.text_or(entry::REASONING_EFFORT, derived)
    }

    /// When the agent asks for approval: "on-request", "never".
    #[must_use]
    pub fn approval_policy(&self) -> Option<&str> {
        let inherited = || self.inherited_text(|inherited| inherited.approval_policy.as_ref());
        let derived = self.derived.settings.approval_policy.get().map(String::as_str);
        self.user.text_or(entry::APPROVAL_POLICY, derived.or_else(inherited))
    }

    /// The sort of sandbox: "read-only", "workspace-write".
    #[must_use]
    pub fn sandbox(&self) -> Option<&str> {
        let inherited = || self.inherited_text(|inherited| inherited.sandbox.as_ref());
        let derived = self.derived.settings.sandbox.get().map(String::as_str);
        self.user.text_or(entry::SANDBOX, derived.or_else(inherited))
    }

    /// Whether memories may be made from the thread.
    #[must_use]
    pub fn memory_mode(&self) -> MemoryMode {
        let user = match self.user.word(entry::MEMORY_MODE) {
            Word::Set(mode) => mode.parse().ok(),
            Word::Silent | Word::Cleared(_) => None,
        };
        user.or_else(|| self.derived.sessions.memory_mode()).unwrap_or_default()
    }

    /// The repository, field by field; `None` if nothing of it is known.
    #[must_use]
    pub fn git(&self) -> Option<Git> {
        let derived = self.derived.sessions.git();
        let field =
            |field, of: fn(&Git) -> Option<&str>| self.user.text_or_later(field, derived, of).map(str::to_owned);
        let git = Git {
            commit_hash: field(entry::GIT_SHA, |git| git.commit_hash.as_deref()),
            branch: field(entry::GIT_BRANCH, |git| git.branch.as_deref()),
            repository_url: field(entry::GIT_ORIGIN, |git| git.repository_url.as_deref()),
        };
        (git != Git::default()).then_some(git)
    }

    /// The user's tags, sorted.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.user.tags()
    }

    /// Whether the thread is in the trash: somebody put it there, and nothing was added to it since that they did not see.
    #[must_use]
    pub fn trashed(&self) -> bool {
        self.user.trashed(self.end())
    }

    /// The ordinal behind its own last item.
    pub(super) fn end(&self) -> u64 {
        self.derived.tally.end()
    }

    /// Whether the user pinned the thread.
    #[must_use]
    pub fn pinned(&self) -> bool {
        self.user.pinned()
    }

    /// Where the thread came from: "cli", "vscode", "exec", "mcp", "custom:name", "subagent:review",
    /// "subagent:thread_spawn". Values that this version does not know are given as they are.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.start()?.source.as_deref()
    }

    /// Who started the thread: "user", "subagent", or the name of a feature.
    #[must_use]
    pub fn thread_source(&self) -> Option<&str> {
        self.start()?.thread_source.as_deref()
    }

    /// The session that a root thread and its sub-agents share.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.start()?.session.as_deref()
    }

    /// The thread it was forked from.
    #[must_use]
    pub fn forked_from(&self) -> Option<&str> {
        self.start()?.forked_from.as_deref()
    }

    /// The thread that started it as a sub-agent.
    #[must_use]
    pub fn parent_thread(&self) -> Option<&str> {
        self.start()?.parent_thread.as_deref()
    }

    /// The program that ran the agent.
    #[must_use]
    pub fn originator(&self) -> Option<&str> {
        self.start()?.originator.as_deref()
    }

    /// Its version.
    #[must_use]
    pub fn cli_version(&self) -> Option<&str> {
        self.start()?.cli_version.as_deref()
    }

    /// How history is written: "legacy" or "paginated". Fixed at creation.
    #[must_use]
    pub fn history_mode(&self) -> &str {
        self.start().and_then(|start| start.history_mode.as_deref()).unwrap_or("legacy")
    }

    /// A sub-agent's name.
    #[must_use]
    pub fn agent_nickname(&self) -> Option<&str> {
        self.start()?.agent_nickname.as_deref()
    }

    /// A sub-agent's role.
    #[must_use]
    pub fn agent_role(&self) -> Option<&str> {
        self.start()?.agent_role.as_deref()
    }

    /// A sub-agent's path in the tree of agents.
    #[must_use]
    pub fn agent_path(&self) -> Option<&str> {
        self.start()?.agent_path.as_deref()
    }

    /// Tokens used, by the latest count; `None` if nothing counted. A fork's count goes on from what it inherited; to add
    /// up threads, take [`ThreadMetadata::own_tokens`].
    #[must_use]
    pub fn tokens_used(&self) -> Option<u64> {
        self.derived.tokens.get().copied().or_else(|| self.inherited().and_then(|inherited| inherited.tokens))
    }

    /// Tokens used by the thread itself: without those that were used before it was forked. So they can be added up over
    /// a thread and all its forks.
    #[must_use]
    pub fn own_tokens(&self) -> Option<u64> {
        let own = self.derived.tokens.get().copied()?;
        let inherited = self.inherited().and_then(|inherited| inherited.tokens).unwrap_or(0);
        // A program that does not go on with the count begins again at 0.
        Some(own.checked_sub(inherited).unwrap_or(own))
    }

    /// Items, those included that were rolled back, inherited, or came with copied history.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.derived.tally.items.saturating_add(self.inherited().map_or(0, |inherited| inherited.items))
    }

    /// Turns begun, those included that were rolled back. In files that record no beginnings: user messages. Of a fork
    /// with those it inherited, unless it was cut where nobody had counted.
    #[must_use]
    pub fn turns(&self) -> u64 {
        let inherited = self.inherited().and_then(|inherited| inherited.turns);
        self.derived.tally.turns().saturating_add(inherited.unwrap_or(0))
    }

    /// Messages that the user wrote; of a fork as [`ThreadMetadata::turns`].
    #[must_use]
    pub fn user_messages(&self) -> u64 {
        let inherited = self.inherited().and_then(|inherited| inherited.user_messages);
        self.derived.tally.user_messages.saturating_add(inherited.unwrap_or(0))
    }

    /// What is known of the part that a fork inherited; `None` if the thread is no fork of this store's.
    #[must_use]
    pub fn inherited(&self) -> Option<&Inherited> {
        self.inherited.get().map(Box::as_ref)
    }

    /// What a fork inherits that is cut behind the first `own` of this thread's own `own_end` records. `items` counts
    /// what the thread inherited itself too, and `sample` are some items directly before the cut.
    pub(crate) fn to_inherit(&self, items: u64, own: u64, own_end: u64, sample: &[RolloutItem]) -> Inherited {
        let mut last = Derived::default();
        for (ordinal, item) in (0..).zip(sample) {
            last.item(self.thread, ordinal, 0, item);
        }
        Inherited::of(self, items, own, own >= own_end, &last)
    }

    fn inherited_preview(&self) -> Option<&str> {
        self.inherited_text(|inherited| inherited.preview.as_ref())
    }

    fn inherited_text<'a>(&'a self, of: impl Fn(&'a Inherited) -> Option<&'a String>) -> Option<&'a str> {
        self.inherited().and_then(of).map(String::as_str)
    }

    fn start(&self) -> Option<&Start> {
        self.derived.sessions.start()
    }
}
