//! Records of the items stream.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::Unreadable;
use crate::item::{Envelope, Kind, Line, Oddities, Timestamp};

/// One record of a thread's items: a line, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemRecord<'a> {
    /// A canonical line, by its parts.
    Enveloped {
        /// When the line was written.
        timestamp: Timestamp,
        /// The envelope's `ordinal`.
        ordinal: Option<u64>,
        /// The `type`.
        #[serde(borrow)]
        kind: Kind<'a>,
        /// The `metadata` beside the payload, as JSON.
        #[serde(borrow)]
        metadata: Option<Raw<'a>>,
        /// The payload, as JSON. Last, so that the record's first bytes hold all the rest.
        #[serde(borrow)]
        payload: Raw<'a>,
    },
    /// Bytes as the file has them.
    Verbatim {
        /// What is odd about them.
        oddities: Oddities,
        /// Whether this continues the record before, which ended without a newline.
        continues: bool,
        /// The bytes, terminator included.
        #[serde(borrow)]
        bytes: Raw<'a>,
    },
}

/// Bytes that serde handles as a block, not one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a>(pub &'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw<'a>, D::Error> {
        <&'de [u8]>::deserialize(deserializer).map(Raw)
    }
}

/// Appends the record of a parsed line to `out`.
///
/// `continues` says that the stream's last record ended without a newline, so that these bytes are
/// the rest of its line; they must then be verbatim.
pub fn encode_line(line: &Line<'_>, continues: bool, out: &mut Vec<u8>) {
    ItemRecord::from_line(line, continues).encode(out);
}

impl<'a> ItemRecord<'a> {
    /// The record of a parsed line.
    #[must_use]
    pub fn from_line(line: &Line<'a>, continues: bool) -> ItemRecord<'a> {
        match line {
            Line::Enveloped(Envelope { timestamp, ordinal, kind, payload, metadata }) => ItemRecord::Enveloped {
                timestamp: *timestamp,
                ordinal: *ordinal,
                kind: kind.clone(),
                metadata: metadata.map(Raw),
                payload: Raw(payload),
            },
            Line::Verbatim(bytes, oddities) => {
                ItemRecord::Verbatim { oddities: *oddities, continues, bytes: Raw(bytes) }
            }
        }
    }

    /// Appends the record's bytes to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        // Writing to a Vec cannot fail, and nothing here is of unknown length.
        let _ = postcard::to_io(self, out);
    }

    /// Reads a record's bytes, ignoring what a later version may have added behind.
    ///
    /// # Errors
    /// [`Unreadable::Content`] if the bytes are not such a record.
    pub fn decode(bytes: &'a [u8]) -> Result<ItemRecord<'a>, Unreadable> {
        let (record, _) = postcard::take_from_bytes(bytes).map_err(|_| Unreadable::Content)?;
        match record {
            ItemRecord::Enveloped { timestamp, .. } if timestamp > Timestamp::MAX => Err(Unreadable::Content),
            record => Ok(record),
        }
    }

    /// Appends the file's bytes for this record.
    pub fn render(&self, out: &mut Vec<u8>) {
        match self.envelope() {
            Some(envelope) => envelope.render(out),
            None => out.extend_from_slice(self.verbatim().unwrap_or_default()),
        }
    }

    /// Length of what [`ItemRecord::render`] appends, in bytes.
    #[must_use]
    pub fn rendered_bytes(&self) -> usize {
        match self.envelope() {
            Some(envelope) => envelope.rendered_bytes(),
            None => self.verbatim().map_or(0, <[u8]>::len),
        }
    }

    /// The parts of a canonical line.
    #[must_use]
    pub fn envelope(&self) -> Option<Envelope<'a>> {
        match self {
            ItemRecord::Verbatim { .. } => None,
            ItemRecord::Enveloped { timestamp, ordinal, kind, metadata, payload } => Some(Envelope {
                timestamp: *timestamp,
                ordinal: *ordinal,
                kind: kind.clone(),
                payload: payload.0,
                metadata: metadata.map(|raw| raw.0),
            }),
        }
    }

    /// The bytes of a record that is no canonical line.
    #[must_use]
    pub fn verbatim(&self) -> Option<&'a [u8]> {
        match self {
            ItemRecord::Verbatim { bytes, .. } => Some(bytes.0),
            ItemRecord::Enveloped { .. } => None,
        }
    }

    /// Whether these bytes belong to the line of the record before.
    #[must_use]
    pub fn continues(&self) -> bool {
        matches!(self, ItemRecord::Verbatim { continues: true, .. })
    }

    /// Whether the line ends here.
    #[must_use]
    pub fn ends_line(&self) -> bool {
        self.verbatim().is_none_or(|bytes| bytes.ends_with(b"\n"))
    }
}
