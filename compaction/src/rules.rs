//! What whoever knows the records' meaning must say about them.

use threadlog_engine::StreamId;
use threadlog_engine::sealed::FindValues;

use crate::maintenance::Maintenance;

/// The codec of a record of which only its place is left: see [`Fate::Blank`]. Its payload is empty.
pub const BLANK_CODEC: u8 = 0;

/// What becomes of a stream when its records are written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays as it is.
    Keep,
    /// It stays, and is not expected to be read soon: larger blocks, a higher level.
    Archive,
    /// Only the records below this ordinal stay: others stand on them.
    KeepBelow(u64),
    /// Nothing of it stays.
    Drop,
    /// Records that [`Rules::is_kept`] names stay; of the others the places stay, with an empty payload and
    /// [`BLANK_CODEC`], so that those behind them keep their ordinals.
    Blank,
}

/// Asked while records are moved. Called from several threads.
pub trait Rules: Send + Sync {
    /// What becomes of a stream.
    fn fate(&self, stream: &StreamId) -> Fate;

    /// Whether a record of a stream whose fate is [`Fate::Blank`] stays: codec and payload.
    fn is_kept(&self, stream: &StreamId, codec: u8, payload: &[u8]) -> bool {
        let _ = (stream, codec, payload);
        true
    }

    /// Told by the worker when all that was due was sealed and merged, still under the right to maintain: for whoever keeps
    /// something that is made from the segments. It holds up the worker's end, so it asks `watch` whether to stop.
    fn finished(&self, held: &Maintenance, watch: &dyn Watch) {
        let _ = (held, watch);
    }

    /// Where long values are in a payload. What it finds must not depend on the bytes within what it finds: they may be
    /// others when it is asked again.
    fn find(&self) -> &FindValues;
}

/// Told of the progress of long work, and asked whether to go on.
pub trait Watch: Send + Sync {
    /// This many more bytes of files or payloads were dealt with.
    fn advanced(&self, bytes: u64) {
        let _ = bytes;
    }

    /// Whether to stop. What was done until then stays done.
    fn stop(&self) -> bool {
        false
    }
}

/// Tells nobody, never stops.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {}
