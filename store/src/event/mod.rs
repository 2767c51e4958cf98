//! What the records of a thread's two streams mean.
//!
//! Channel 0 holds the items, one writer at a time, ordinals dense. Channel 1 holds control
//! records: facts about the thread that any process may add. Records are postcard with a leading
//! variant; fields may be added at the end of a variant, and variants at the end of an enum: older
//! readers ignore the former and report the latter as [`Unreadable`].

mod control;
mod item;

pub use control::{Base, Control, Created, Fork, Origin, Place, Source};
pub use item::{ItemRecord, encode_line};
use threadlog_engine::Record;
use threadlog_engine::id::Channel;

/// The channel of a thread's items.
pub const ITEMS: Channel = 0;
/// The channel of a thread's control records.
pub const CONTROL: Channel = 1;
/// The codec number of all records so far: postcard, as described here.
pub const CODEC: u8 = 1;

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
    /// Its channel is not known.
    #[error("channel {0} is not known: use a newer threadlog")]
    Channel(Channel),
    /// Its content does not decode.
    #[error("its content does not decode: written by a newer threadlog?")]
    Content,
}

impl<'a> Event<'a> {
    /// Reads a record. Never fails: what cannot be read says so in its body.
    #[must_use]
    pub fn decode(record: &'a Record) -> Event<'a> {
        let body = Body::decode(record).unwrap_or_else(Body::Unreadable);
        Event { ordinal: record.ordinal, clock: record.clock, lease_epoch: record.lease_epoch, body }
    }
}

impl<'a> Body<'a> {
    fn decode(record: &'a Record) -> Result<Body<'a>, Unreadable> {
        if record.codec != CODEC {
            return Err(Unreadable::Codec(record.codec));
        }
        match record.stream.channel {
            ITEMS => ItemRecord::decode(&record.payload).map(Body::Item),
            CONTROL => Control::decode(&record.payload).map(Body::Control),
            other => Err(Unreadable::Channel(other)),
        }
    }
}

#[cfg(test)]
mod tests;
