//! The state as bytes: the same for the same events, whatever their order.

use super::state::ThreadMetadata;

/// The first byte. Raised whenever the fold or its layout changes: an older checkpoint is then folded anew.
const VERSION: u8 = 3;

/// A checkpoint of metadata that cannot be used. Fold the thread's events again instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadCheckpoint {
    /// Written by another version.
    #[error("metadata checkpoint of version {0}, this program reads {VERSION}: fold the events again")]
    Version(u8),
    /// Cut off, or not a checkpoint.
    #[error("the metadata checkpoint does not decode: fold the events again")]
    Content,
}

impl ThreadMetadata {
    /// The state in its one encoding: equal states, and only those, have equal bytes.
    #[must_use]
    pub fn to_canonical_bytes(&self) -> Vec<u8> {
        // Writing to a Vec cannot fail, and nothing here is of unknown length.
        postcard::to_io(self, vec![VERSION]).unwrap_or_default()
    }

    /// Reads what [`ThreadMetadata::to_canonical_bytes`] wrote.
    ///
    /// # Errors
    /// [`BadCheckpoint`] if another version wrote it, or if the bytes are damaged.
    pub fn from_canonical_bytes(bytes: &[u8]) -> Result<ThreadMetadata, BadCheckpoint> {
        match bytes.split_first() {
            Some((&VERSION, state)) => match postcard::take_from_bytes(state) {
                Ok((state, [])) => Ok(state),
                _ => Err(BadCheckpoint::Content),
            },
            Some((&version, _)) => Err(BadCheckpoint::Version(version)),
            None => Err(BadCheckpoint::Content),
        }
    }
}
