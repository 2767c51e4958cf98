//! What the records of a thread's two streams mean.
//!
//! Channel 0 holds the items, one writer at a time, ordinals dense. Each other channel holds the control
//! records that one journal's writers added, channel `n + 1` those of journal `n`: facts about the thread that any
//! process may add, without asking the others. Records are postcard with a leading
//! variant; fields may be added at the end of a variant, and variants at the end of an enum: older
//! readers ignore the former and report the latter as [`Unreadable`].

mod control;
mod head;
mod item;
mod screen;
mod values;

pub use control::{Base, Control, Created, Fork, Origin, Place, Source};
pub(crate) use head::Head;
pub use item::{ItemRecord, encode_line};
pub(crate) use screen::Events;
use threadlog_compaction::BLANK_CODEC;
use threadlog_engine::id::{Channel, StreamId};
use threadlog_engine::{ReadLog, Record};
pub use values::{VALUE_BYTES_MAX, VALUE_BYTES_MIN, find_values};

use crate::thread::ThreadKey;

/// The channel of a thread's items.
pub const ITEMS: Channel = 0;
/// The channel of a thread's control records in the journal of this number, which is below 255.
#[must_use]
pub fn control_channel(journal: u32) -> Channel {
    Channel::try_from(journal.saturating_add(1)).unwrap_or(Channel::MAX)
}

/// The journal whose control records a channel holds; `None` of the items' channel.
#[must_use]
pub fn journal_of(channel: Channel) -> Option<u32> {
    u32::from(channel).checked_sub(1)
}

/// The codec number of all records so far: postcard, as described here.
pub const CODEC: u8 = 1;

/// The channels of one life of a thread that have records.
pub(crate) fn channels(log: &dyn ReadLog, key: ThreadKey) -> Vec<Channel> {
    let StreamId { thread, incarnation, .. } = key.stream(ITEMS);
    log.channels(&thread, incarnation)
}

/// Whether anything of a life is in the log, durable or not.
pub(crate) fn has_records(log: &dyn ReadLog, key: ThreadKey) -> bool {
    !channels(log, key).is_empty()
}

/// Those of its control records.
pub(crate) fn control_channels(log: &dyn ReadLog, key: ThreadKey) -> impl Iterator<Item = Channel> {
    channels(log, key).into_iter().filter(|channel| *channel != ITEMS)
}

/// One record with its place in its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Position in the stream.
    pub ordinal: u64,
    /// Hybrid logical clock at which it was appended.
    pub clock: u64,
    /// Lease epoch of its writer: 0 for imports, more for live threads.
    pub lease_epoch: u64,
    /// What it says.
    pub body: Body<'a>,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// A line, or a piece of one.
    Item(ItemRecord<'a>),
    /// A fact about the thread.
    Control(Control),
    /// Nothing any more: it was erased, and only its place is left.
    Erased,
    /// Something that this version cannot read.
    Unreadable(Unreadable),
}

/// Why a record cannot be read although its bytes are intact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// Its codec number is not known.
    #[error("codec {0} is not known: use a newer threadlog")]
    Codec(u8),
    /// Its content does not decode.
    #[error("its content does not decode: written by a newer threadlog?")]
    Content,
}

impl<'a> Event<'a> {
    /// Reads a record. Never fails: what cannot be read says so in its body.
    #[must_use]
    pub fn decode(record: &'a Record) -> Event<'a> {
        let body = Body::of(record.stream.channel, record.codec, &record.payload);
        Event { ordinal: record.ordinal, clock: record.clock, lease_epoch: record.lease_epoch, body }
    }
}

impl<'a> Body<'a> {
    /// Reads a payload: of a record of this channel, with this codec. Never fails: what cannot be read is
    /// [`Body::Unreadable`].
    pub(crate) fn of(channel: Channel, codec: u8, payload: &'a [u8]) -> Body<'a> {
        match (codec, channel) {
            (BLANK_CODEC, _) => Body::Erased,
            (CODEC, ITEMS) => ItemRecord::decode(payload).map_or_else(Body::Unreadable, Body::Item),
            (CODEC, _) => Control::decode(payload).map_or_else(Body::Unreadable, Body::Control),
            _ => Body::Unreadable(Unreadable::Codec(codec)),
        }
    }
}

#[cfg(test)]
mod tests;
