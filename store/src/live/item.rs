//! Items before they have a time.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::item::{Kind, RolloutItem, Timestamp};
use crate::thread_store::{Report, Result};

/// An item to append: a kind and a payload, stamped when it is appended.
///
/// ```
/// use serde_json::json;
/// use threadlog::item::Kind;
/// use threadlog::live::NewItem;
///
/// let message = NewItem::event(&json!({"type": "agent_message", "message": "Done."}))?;
/// let response = NewItem::from_json(Kind::ResponseItem, r#"{"type":"message","role":"assistant","content":[]}"#)?;
/// assert!(NewItem::from_json(Kind::EventMsg, "{half an object").is_err());
/// # Ok::<(), threadlog::thread_store::ThreadStoreError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewItem {
    kind: Kind<'static>,
    payload: Bytes,
    metadata: Option<Bytes>,
}

impl NewItem {
    /// An item of this kind, its payload written as JSON.
    ///
    /// # Errors
    /// `InvalidRequest` if the payload cannot be written as JSON (a map whose keys are no strings).
    pub fn new<T: Serialize + ?Sized>(kind: Kind<'static>, payload: &T) -> Result<NewItem> {
        Ok(NewItem { kind, payload: json(payload)?, metadata: None })
    }

    /// An event of the agent's: `{"type": …}`.
    ///
    /// # Errors
    /// As [`NewItem::new`].
    pub fn event<T: Serialize + ?Sized>(payload: &T) -> Result<NewItem> {
        NewItem::new(Kind::EventMsg, payload)
    }

    /// An item of the model's API: `{"type": …}`.
    ///
    /// # Errors
    /// As [`NewItem::new`].
    pub fn response<T: Serialize + ?Sized>(payload: &T) -> Result<NewItem> {
        NewItem::new(Kind::ResponseItem, payload)
    }

    /// An item whose payload is JSON already. It is kept byte for byte, but for white space around it and line
    /// breaks between its parts, which become spaces: an item is one line.
    ///
    /// # Errors
    /// `InvalidRequest` if it is not JSON.
    pub fn from_json(kind: Kind<'static>, payload: impl Into<Bytes>) -> Result<NewItem> {
        let payload = payload.into();
        let value: &RawValue = serde_json::from_slice(&payload).map_err(invalid)?;
        let value = payload.slice_ref(value.get().as_bytes());
        let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let payload = match value.iter().any(is_break) {
            false => value,
            true => value.iter().map(|byte| if is_break(byte) { b' ' } else { *byte }).collect(),
        };
        Ok(NewItem { kind, payload, metadata: None })
    }

    /// The same, with metadata beside the payload.
    ///
    /// # Errors
    /// As [`NewItem::new`].
    pub fn with_metadata<T: Serialize + ?Sized>(mut self, metadata: &T) -> Result<NewItem> {
        self.metadata = Some(json(metadata)?);
        Ok(self)
    }

    /// The item as it is at this time.
    #[must_use]
    pub fn stamped(self, timestamp: Timestamp) -> RolloutItem {
        let NewItem { kind, payload, metadata } = self;
        RolloutItem::Enveloped { timestamp, ordinal: None, kind, payload, metadata }
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<Bytes> {
    serde_json::to_vec(value).map(Bytes::from).map_err(invalid)
}

fn invalid(error: serde_json::Error) -> crate::thread_store::ThreadStoreError {
    Report::new("new_item", "the payload is no JSON").because(error).invalid()
}
