//! What stands before the text of an item's record, for whoever has the record without the values that it shares.

use crate::event::item::Raw;
use crate::item::{Kind, Oddities, Timestamp};

/// The beginning of an item's record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Head<'a> {
    /// A canonical line.
    Enveloped {
        /// Its kind.
        kind: Kind<'a>,
        /// Its payload, as far as it stands here.
        payload: &'a [u8],
    },
    /// Bytes as the file has them.
    Verbatim {
        /// Whether they are a line by themselves, and not a piece of one.
        is_line: bool,
    },
}

impl<'a> Head<'a> {
    /// Reads the fields of [`ItemRecord`](crate::event::ItemRecord) that stand before its last, of which bytes may be missing;
    /// `None` if the bytes begin otherwise.
    pub(crate) fn of(stored: &'a [u8]) -> Option<Head<'a>> {
        // The variant, and its fields.
        type Enveloped<'a> = (Timestamp, Option<u64>, Kind<'a>, Option<Raw<'a>>);
        match stored.split_first()? {
            (0, fields) => {
                let ((_, _, kind, _), rest) = postcard::take_from_bytes::<Enveloped<'_>>(fields).ok()?;
                let length = rest.iter().position(|byte| byte & 0x80 == 0)?;
                Some(Head::Enveloped { kind, payload: rest.get(length.saturating_add(1)..)? })
            }
            (1, fields) => {
                let ((_, continues), _) = postcard::take_from_bytes::<(Oddities, bool)>(fields).ok()?;
                Some(Head::Verbatim { is_line: !continues && stored.ends_with(b"\n") })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::encode_line;
    use crate::item::parse;

    fn encoded(text: &str, continues: bool) -> Vec<u8> {
        let mut record = Vec::new();
        encode_line(&parse(text.as_bytes()), continues, &mut record);
        record
    }

    #[test]
    fn a_head_is_what_the_record_says_also_where_the_payload_lacks_its_values() {
        let line = r#"{"timestamp":"2026-02-04T20:29:45.576Z","ordinal":7,"type":"response_item","payload":{"type":"message"}}"#;
        let record = encoded(&format!("{line}\n"), false);
        let payload = &br#"{"type":"message"}"#[..];
        assert_eq!(Head::of(&record), Some(Head::Enveloped { kind: Kind::ResponseItem, payload }));
        let cut = record.len() - 8;
        let payload = &payload[..payload.len() - 8];
        assert_eq!(Head::of(&record[..cut]), Some(Head::Enveloped { kind: Kind::ResponseItem, payload }));
        let unknown = encoded("{\"timestamp\":\"2026-02-04T20:29:45.576Z\",\"type\":\"odd\",\"payload\":{}}\n", false);
        assert_eq!(Head::of(&unknown), Some(Head::Enveloped { kind: Kind::from_text("odd"), payload: &b"{}"[..] }));
    }

    #[test]
    fn pieces_of_lines_are_told_from_lines() {
        assert_eq!(Head::of(&encoded("{\"type\":\"message\"}\n", false)), Some(Head::Verbatim { is_line: true }));
        assert_eq!(Head::of(&encoded("{\"type\":\"mess", false)), Some(Head::Verbatim { is_line: false }));
        assert_eq!(Head::of(&encoded("age\"}\n", true)), Some(Head::Verbatim { is_line: false }));
        assert_eq!(Head::of(&[]), None);
        assert_eq!(Head::of(&[9, 9]), None);
    }
}
