//! An item in memory: what readers of a thread get.

use std::ops::Range;

use bytes::{Buf, Bytes};

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

/// What a record says, and where in its bytes the long parts of it lie: so much can be told while the bytes are borrowed,
/// and the item be made of the bytes themselves, not of a copy.
pub(crate) enum Located {
    Enveloped {
        timestamp: Timestamp,
        ordinal: Option<u64>,
        kind: Kind<'static>,
        payload: Range<usize>,
        metadata: Option<Range<usize>>,
    },
    Verbatim(Range<usize>, Oddities),
}

impl Located {
    /// Of a record that was decoded from these bytes.
    pub fn of(record: &ItemRecord<'_>, bytes: &[u8]) -> Located {
        match record {
            ItemRecord::Verbatim { oddities, bytes: part, .. } => Located::Verbatim(range_of(part.0, bytes), *oddities),
            ItemRecord::Enveloped { timestamp, ordinal, kind, metadata, payload } => Located::Enveloped {
                timestamp: *timestamp,
                ordinal: *ordinal,
                kind: kind.clone().into_owned(),
                payload: range_of(payload.0, bytes),
                metadata: metadata.map(|metadata| range_of(metadata.0, bytes)),
            },
        }
    }

    /// The item, in the same bytes.
    pub fn item(self, bytes: Bytes) -> RolloutItem {
        match self {
            Located::Verbatim(range, oddities) => RolloutItem::Verbatim(only(bytes, range), oddities),
            Located::Enveloped { timestamp, ordinal, kind, payload, metadata } => RolloutItem::Enveloped {
                timestamp,
                ordinal,
                kind,
                metadata: metadata.map(|range| bytes.slice(range)),
                payload: only(bytes, payload),
            },
        }
    }
}

/// Where a part of some bytes lies in them.
fn range_of(part: &[u8], whole: &[u8]) -> Range<usize> {
    let from = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr()).min(whole.len());
    from..from.saturating_add(part.len()).min(whole.len())
}

/// A range of bytes that nobody else needs: nothing is counted, so nothing is allocated for that.
fn only(mut bytes: Bytes, range: Range<usize>) -> Bytes {
    bytes.truncate(range.end);
    bytes.advance(range.start.min(bytes.len()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_lies_in_the_bytes_of_its_record() {
        let lines: [&[u8]; 4] = [
            b"{\"timestamp\":\"2026-01-02T03:04:05.678Z\",\"type\":\"response_item\",\"payload\":{\"a\":1}}\n",
            b"{\"timestamp\":\"2026-01-02T03:04:05.678Z\",\"ordinal\":7,\"type\":\"new\",\"payload\":[],\"metadata\":{}}\n",
            b"half a li",
            b"\n",
        ];
        for line in lines {
            let mut bytes = Vec::new();
            crate::event::encode_line(&line::parse(line), false, &mut bytes);
            for added in [&b""[..], b"from a later version"] {
                let whole = Bytes::from([&bytes, added].concat());
                let within = whole.as_ptr_range();
                let located = Located::of(&ItemRecord::decode(&whole).unwrap(), &whole);
                let item = located.item(whole);
                assert_eq!(item, RolloutItem::from_line(Bytes::from_static(line)));
                let part = match &item {
                    RolloutItem::Enveloped { payload, .. } => payload,
                    RolloutItem::Verbatim(bytes, _) => bytes,
                };
                assert!(within.contains(&part.as_ptr()), "not copied");
            }
        }
    }
}
