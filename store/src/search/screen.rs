//! Which records can hold what is searched for, by their raw bytes.

use std::collections::HashMap;

use parking_lot::Mutex;
use threadlog_engine::sealed::ValueHash;
use threadlog_engine::{Screen, Verdict};

use crate::event::Head;
use crate::item::Kind;
use crate::search::{SearchParams, TextKind};

/// Passes over records that are of other kinds, or have not the needle.
pub(super) struct RawScreen {
    kinds: Vec<TextKind>,
    needle: Option<regex::bytes::Regex>,
    /// Values that were looked at, and whether they have the needle: a value that a thousand records share is read once.
    values: Mutex<HashMap<ValueHash, bool>>,
}

impl RawScreen {
    pub(super) fn new(params: &SearchParams) -> RawScreen {
        RawScreen { kinds: params.kinds.clone(), needle: params.query.needle.clone(), values: Mutex::default() }
    }

    fn has(&self, bytes: &[u8]) -> bool {
        self.needle.as_ref().is_none_or(|needle| needle.is_match(bytes))
    }

    /// What the fields before the payload say: `None` if the record can be wanted.
    fn head(&self, stored: &[u8]) -> Option<Verdict> {
        match Head::of(stored)? {
            Head::Enveloped { kind, payload } => self.passes_over(&kind, payload).then_some(Verdict::PassOver),
            // What is not a whole line is read with what belongs to it.
            Head::Verbatim { is_line } => (!is_line).then_some(Verdict::Take),
        }
    }

    fn passes_over(&self, kind: &Kind<'_>, payload: &[u8]) -> bool {
        let wants = |kind| self.kinds.contains(&kind);
        match kind {
            Kind::ResponseItem | Kind::EventMsg => match kind_of(payload) {
                Some(Some(kind)) => !wants(kind),
                Some(None) => true,
                None => false,
            },
            Kind::Compacted => !wants(TextKind::Summary),
            Kind::InterAgentCommunication => !wants(TextKind::Message),
            // A kind that is not known has no text that is searched.
            _ => true,
        }
    }
}

impl Screen for RawScreen {
    fn look(&self, stored: &[u8]) -> Verdict {
        if let Some(verdict) = self.head(stored) {
            return verdict;
        }
        if self.has(stored) { Verdict::Take } else { Verdict::AskValues }
    }

    fn value(
        &self,
        hash: &ValueHash,
        read: &mut dyn FnMut() -> threadlog_engine::Result<Vec<u8>>,
    ) -> threadlog_engine::Result<bool> {
        if let Some(known) = self.values.lock().get(hash) {
            return Ok(*known);
        }
        let has = self.has(&read()?);
        self.values.lock().insert(*hash, has);
        Ok(has)
    }
}

/// What sort of text a payload has, by its `type` if that stands first: `Some(None)` if it has none that is searched,
/// `None` if that cannot be told so.
fn kind_of(payload: &[u8]) -> Option<Option<TextKind>> {
    let rest = payload.strip_prefix(b"{\"type\":\"")?;
    let (name, rest) = rest.split_at_checked(memchr::memchr2(b'"', b'\\', rest)?)?;
    if rest.first() != Some(&b'"') {
        return None;
    }
    Some(match name {
        // A message between agents states no role.
        b"message" | b"user_message" | b"agent_message" | b"item_completed" => Some(TextKind::Message),
        b"function_call" | b"custom_tool_call" | b"local_shell_call" => Some(TextKind::Call),
        b"function_call_output" | b"custom_tool_call_output" => Some(TextKind::Output),
        b"reasoning" | b"agent_reasoning" => Some(TextKind::Reasoning),
        _ => None,
    })
}
