//! An item in memory: what readers of a thread get.

use bytes::Bytes;

use crate::event::ItemRecord;
use crate::item::typed::{Lenient, Typed};
use crate::item::{Envelope, Kind, Line, Oddities, Timestamp, line};

/// One line of a rollout. Cheap to clone: the bytes are shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RolloutItem {
    /// A canonical line, by its parts.
    Enveloped {
        /// When the line was written.
        timestamp: Timestamp,
        /// The envelope's `ordinal`, if there is one.
        ordinal: Option<u64>,
        /// The `type`.
        kind: Kind<'static>,
        /// The payload, as JSON.
        payload: Bytes,
        /// The `metadata` beside the payload, as JSON.
        metadata: Option<Bytes>,
    },
    /// Any other line: its bytes, terminator included, and what is odd about them.
    Verbatim(Bytes, Oddities),
}

impl RolloutItem {
    /// The item of one line of a file, terminator included.
    #[must_use]
    pub fn from_line(line: Bytes) -> RolloutItem {
        let canonical = match line::parse(&line) {
            Line::Verbatim(_, oddities) => Err(oddities),
            Line::Enveloped(envelope) => Ok(RolloutItem::Enveloped {
                timestamp: envelope.timestamp,
                ordinal: envelope.ordinal,
                kind: envelope.kind.into_owned(),
                payload: line.slice_ref(envelope.payload),
                metadata: envelope.metadata.map(|metadata| line.slice_ref(metadata)),
            }),
        };
        canonical.unwrap_or_else(|oddities| RolloutItem::Verbatim(line, oddities))
    }

    /// The item of a record, whose parts lie in `payload`.
    pub(crate) fn from_record(record: &ItemRecord<'_>, payload: &Bytes) -> RolloutItem {
        match record {
            ItemRecord::Verbatim { oddities, bytes, .. } => {
                RolloutItem::Verbatim(payload.slice_ref(bytes.0), *oddities)
            }
            ItemRecord::Enveloped { timestamp, ordinal, kind, metadata, payload: json } => RolloutItem::Enveloped {
                timestamp: *timestamp,
                ordinal: *ordinal,
                kind: kind.clone().into_owned(),
                payload: payload.slice_ref(json.0),
                metadata: metadata.map(|metadata| payload.slice_ref(metadata.0)),
            },
        }
    }

    /// Appends the line as the file has it, terminator included.
    pub fn render(&self, out: &mut Vec<u8>) {
        match self {
            RolloutItem::Verbatim(bytes, _) => out.extend_from_slice(bytes),
            RolloutItem::Enveloped { timestamp, ordinal, kind, payload, metadata } => Envelope {
                timestamp: *timestamp,
                ordinal: *ordinal,
                kind: kind.clone(),
                payload,
                metadata: metadata.as_deref(),
            }
            .render(out),
        }
    }

    /// When the line was written; of a line that is not canonical, if it says so.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        match self {
            RolloutItem::Enveloped { timestamp, .. } => Some(*timestamp),
            RolloutItem::Verbatim(bytes, _) => Lenient::read(bytes).timestamp,
        }
    }

    /// The `type`; of a line that is not canonical, if it has an envelope after all.
    #[must_use]
    pub fn kind(&self) -> Option<Kind<'static>> {
        match self {
            RolloutItem::Enveloped { kind, .. } => Some(kind.clone()),
            RolloutItem::Verbatim(bytes, _) => Lenient::read(bytes).kind,
        }
    }

    /// What it says. Parsed anew at each call.
    #[must_use]
    pub fn typed(&self) -> Typed {
        match self {
            RolloutItem::Enveloped { kind, payload, .. } => Typed::of_payload(kind, payload),
            RolloutItem::Verbatim(bytes, _) => Lenient::read(bytes).typed,
        }
    }

    /// Length of its JSON, or of the whole line if it is not canonical, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            RolloutItem::Enveloped { payload, metadata, .. } => {
                payload.len().saturating_add(metadata.as_ref().map_or(0, Bytes::len))
            }
            RolloutItem::Verbatim(bytes, _) => bytes.len(),
        }
    }

    /// Whether the line has its newline.
    #[must_use]
    pub fn ends_line(&self) -> bool {
        match self {
            RolloutItem::Enveloped { .. } => true,
            RolloutItem::Verbatim(bytes, _) => bytes.ends_with(b"\n"),
        }
    }

    /// What is odd about the line; nothing, for a canonical one.
    #[must_use]
    pub fn oddities(&self) -> Oddities {
        match self {
            RolloutItem::Enveloped { .. } => Oddities::default(),
            RolloutItem::Verbatim(_, oddities) => *oddities,
        }
    }
}
