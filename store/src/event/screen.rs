//! Which records can hold an event of one type, by their raw bytes.

use threadlog_engine::sealed::ValueHash;
use threadlog_engine::{Screen, Verdict};

use crate::event::Head;
use crate::item::Kind;

/// Lets through event messages of one type, and items of one more kind; of lines that are kept as they were those that
/// may be one of them.
pub(crate) struct Events {
    /// The type.
    pub(crate) event: &'static str,
    /// The kind.
    pub(crate) kind: Option<Kind<'static>>,
}

impl Screen for Events {
    fn look(&self, stored: &[u8]) -> Verdict {
        let wanted = match Head::of(stored) {
            None => true,
            Some(Head::Enveloped { kind: Kind::EventMsg, payload }) => match payload.strip_prefix(b"{\"type\":\"") {
                Some(rest) => rest.strip_prefix(self.event.as_bytes()).is_some_and(|rest| rest.starts_with(b"\"")),
                // The type stands elsewhere.
                None => true,
            },
            Some(Head::Enveloped { kind, .. }) => self.kind.as_ref().is_some_and(|wanted| *wanted == kind),
            Some(Head::Verbatim { is_line }) => {
                let has = |text: &str| memchr::memmem::find(stored, text.as_bytes()).is_some();
                !is_line || has(self.event) || self.kind.as_ref().is_some_and(|kind| has(kind.text()))
            }
        };
        if wanted { Verdict::Take } else { Verdict::PassOver }
    }

    fn value(
        &self,
        _: &ValueHash,
        _: &mut dyn FnMut() -> threadlog_engine::Result<Vec<u8>>,
    ) -> threadlog_engine::Result<bool> {
        Ok(false)
    }
}
