//! Which items a live thread keeps.
//!
//! An agent emits far more than its history needs: deltas of texts that come whole a moment later,
//! requests for approval, progress. [`keep`] decides item by item, as a pure function, so that every
//! store keeps the same. What it does not know, it keeps: dropping is for events known to be transient.

mod events;
mod trim;

use serde::{Deserialize, Serialize};

use crate::item::json::Object;
use crate::item::typed::Lenient;
use crate::item::{Kind, RolloutItem};

/// Which events tell a thread's history. Fixed when the thread is created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HistoryMode {
    /// One event for each sort of thing: `user_message`, `agent_message`, `patch_apply_end`.
    #[default]
    Legacy,
    /// `item_completed` events, for everything.
    Paginated,
}

impl HistoryMode {
    /// The mode that a `session_meta` names; `None` for a name that this version does not know.
    #[must_use]
    pub fn from_text(text: &str) -> Option<HistoryMode> {
        match text {
            "legacy" => Some(HistoryMode::Legacy),
            "paginated" => Some(HistoryMode::Paginated),
            _ => None,
        }
    }

    pub(crate) fn is_legacy(&self) -> bool {
        *self == HistoryMode::Legacy
    }
}

/// Which events a live thread keeps. All items that are no events are kept under each of them, but for a
/// few that carry nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PersistencePolicy {
    /// Those that tell the history in the thread's [`HistoryMode`]; what newer versions of Codex keep.
    #[default]
    ByHistoryMode,
    /// Messages, reasoning, token counts, turns and what changed the history.
    Limited,
    /// These, and the ends of tool calls. Of a command's output at most about 10 000 bytes.
    Extended,
    /// All.
    Everything,
}

/// The item as `policy` keeps it, or `None` if it keeps nothing of it.
///
/// Lines without a canonical envelope and kinds and events of unknown name are always kept.
///
/// ```
/// use threadlog::item::{Kind, RolloutItem};
/// use threadlog::policy::{HistoryMode, PersistencePolicy, keep};
///
/// let event = |json: &'static str| RolloutItem::Enveloped {
///     timestamp: Default::default(),
///     ordinal: None,
///     kind: Kind::EventMsg,
///     payload: json.into(),
///     metadata: None,
/// };
/// let kept = |item| keep(PersistencePolicy::Limited, HistoryMode::Legacy, item).is_some();
/// assert!(kept(event(r#"{"type":"agent_message","message":"Done."}"#)));
/// assert!(!kept(event(r#"{"type":"agent_message_delta","delta":"Do"}"#)));
/// assert!(kept(event(r#"{"type":"an_event_of_next_year"}"#)));
/// ```
#[must_use]
pub fn keep(policy: PersistencePolicy, mode: HistoryMode, item: RolloutItem) -> Option<RolloutItem> {
    let rules = events::Rules::of(policy, mode);
    let RolloutItem::Enveloped { kind, payload, .. } = &item else {
        return keep_verbatim(rules, item);
    };
    match kind {
        Kind::EventMsg => match verdict(rules, payload) {
            Verdict::Keep => Some(item),
            Verdict::Drop => None,
            Verdict::Trim => Some(trim::command_output(item)),
        },
        Kind::ResponseItem if rules.drops_response(&type_of(payload).unwrap_or_default()) => None,
        _ => Some(item),
    }
}

/// A line in another form is kept as it is, unless it is certain what it says.
fn keep_verbatim(rules: events::Rules, item: RolloutItem) -> Option<RolloutItem> {
    let RolloutItem::Verbatim(bytes, _) = &item else { return Some(item) };
    let line = Lenient::read(bytes);
    let dropped = line.kind == Some(Kind::EventMsg)
        && Object::parse(bytes).is_some_and(|object| {
            object.raw("payload").is_some_and(|payload| verdict(rules, payload.as_bytes()) == Verdict::Drop)
        });
    if dropped { None } else { Some(item) }
}

/// What happens to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Keep,
    Drop,
    Trim,
}

fn verdict(rules: events::Rules, payload: &[u8]) -> Verdict {
    let Some(name) = type_of(payload) else { return Verdict::Keep };
    if name == "item_completed" {
        let item = || Object::parse(payload)?.object("item")?.text("type").map(|kind| kind.into_owned());
        return if rules.keeps_completed(item().as_deref()) { Verdict::Keep } else { Verdict::Drop };
    }
    match (rules.keeps_event(&name), rules.trims() && name == "exec_command_end") {
        (false, _) => Verdict::Drop,
        (true, false) => Verdict::Keep,
        (true, true) => Verdict::Trim,
    }
}

/// The `type` of a payload. It nearly always stands first, and then nothing else need be looked at.
pub(crate) fn type_of(payload: &[u8]) -> Option<String> {
    let first = || {
        let rest = payload.strip_prefix(b"{\"type\":\"")?;
        let (name, _) = rest.split_at_checked(memchr::memchr2(b'"', b'\\', rest)?)?;
        let plain = rest.get(name.len()) == Some(&b'"');
        if plain { std::str::from_utf8(name).ok().map(str::to_owned) } else { None }
    };
    first().or_else(|| Object::parse(payload)?.text("type").map(|name| name.into_owned()))
}

#[cfg(test)]
mod tests;
