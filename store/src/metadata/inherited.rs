//! What a fork knows of the part it inherited, without reading it.

use serde::{Deserialize, Serialize};

use super::derived::Derived;
use super::register::Latest;
use super::state::ThreadMetadata;

/// Longest text of words, in bytes.
const WORDS_BYTES_MAX: usize = 256;
/// Longest name of a setting, in bytes; a longer one is left out.
const SETTING_BYTES_MAX: usize = 48;

/// A summary of the items that a fork inherited, at most 1 KiB. It is made when the fork is, and as what it tells of never
/// changes, neither does it.
///
/// The name, the tags and the archive of the source are not in it: they are what a user said of that thread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inherited {
    /// How many records were inherited.
    pub items: u64,
    /// Turns begun; `None` if the source was cut where nobody had counted.
    pub turns: Option<u64>,
    /// Messages of users; `None` likewise.
    pub user_messages: Option<u64>,
    /// Tokens used by then.
    pub tokens: Option<u64>,
    /// What to show in lists, shortened.
    pub preview: Option<String>,
    /// The user's first words, shortened, if they are not the preview.
    pub first_user_message: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// Its provider.
    pub model_provider: Option<String>,
    /// How hard it is to think.
    pub reasoning_effort: Option<String>,
    /// When the agent asks for approval.
    pub approval_policy: Option<String>,
    /// The sort of sandbox.
    pub sandbox: Option<String>,
}

impl Inherited {
    /// Of the first `own` items of a thread and all that it inherited itself; `items` is the number of both, `whole` says
    /// that it has no more. `sample` is folded from some items directly before the cut, for what changes from turn to turn.
    pub(super) fn of(source: &ThreadMetadata, items: u64, own: u64, whole: bool, sample: &Derived) -> Inherited {
        let before = source.inherited();
        let count = |own: u64, inherited: Option<Option<u64>>| {
            let inherited = inherited.unwrap_or(Some(0))?;
            whole.then(|| own.saturating_add(inherited))
        };
        let words = source.derived.words.until(own);
        let (preview, message) = (words.preview(), words.first_user_message());
        let preview = before.and_then(|before| before.preview.as_deref()).or(preview);
        let message =
            before.and_then(|before| before.first_user_message.as_deref().or(before.preview.as_deref())).or(message);
        let settings = &source.derived.settings;
        let latest = |of: fn(&Derived) -> &Latest<String>, inherited: fn(&Inherited) -> Option<&String>| {
            let own = until(of(&source.derived), own).or_else(|| of(sample).get());
            own.or_else(|| before.and_then(inherited)).and_then(|text| setting(text))
        };
        let effort = until(&settings.reasoning_effort, own).or_else(|| sample.settings.reasoning_effort.get());
        let effort = effort.cloned().unwrap_or_else(|| before.and_then(|before| before.reasoning_effort.clone()));
        let session = || source.derived.sessions.start().and_then(|start| start.model_provider.as_ref());
        Inherited {
            items,
            turns: count(source.derived.tally.turns(), before.map(|before| before.turns)),
            user_messages: count(source.derived.tally.user_messages, before.map(|before| before.user_messages)),
            tokens: until(&source.derived.tokens, own)
                .or_else(|| sample.tokens.get())
                .copied()
                .or_else(|| before.and_then(|before| before.tokens)),
            preview: preview.map(shortened),
            first_user_message: message
                .map(shortened)
                .filter(|message| preview.map(shortened).as_ref() != Some(message)),
            model: latest(|derived| &derived.settings.model, |before| before.model.as_ref()),
            model_provider: latest(|derived| &derived.settings.model_provider, |before| before.model_provider.as_ref())
                .or_else(|| session().and_then(|text| setting(text))),
            reasoning_effort: effort.and_then(|text| setting(&text)),
            approval_policy: latest(
                |derived| &derived.settings.approval_policy,
                |before| before.approval_policy.as_ref(),
            ),
            sandbox: latest(|derived| &derived.settings.sandbox, |before| before.sandbox.as_ref()),
        }
    }
}

/// A value that was stated before the cut.
fn until<T>(latest: &Latest<T>, own: u64) -> Option<&T> {
    latest.said().filter(|said| said.ordinal < own).map(|said| &said.value)
}

fn setting(text: &str) -> Option<String> {
    (text.len() <= SETTING_BYTES_MAX).then(|| text.to_owned())
}

/// As many whole characters as there is room for.
fn shortened(text: &str) -> String {
    text.get(..text.floor_char_boundary(WORDS_BYTES_MAX)).unwrap_or(text).to_owned()
}
