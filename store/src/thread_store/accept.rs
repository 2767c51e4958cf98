//! What becomes of items before they are accepted.

use bytes::{Bytes, BytesMut};
use memchr::memchr;

use crate::item::{Kind, RolloutItem};
use crate::policy::{HistoryMode, PersistencePolicy, keep};
use crate::thread_store::{AppendItemsParams, Report, Result};

/// Longest item, in bytes of its line: 256 MiB.
pub const ITEM_BYTES_MAX: usize = 256 << 20;

/// The items that a live thread with this policy keeps, each certain to be one line of a rollout.
///
/// For implementers of [`ThreadStore::append_items`](crate::thread_store::ThreadStore::append_items), so that all
/// stores accept the same. A line in another form that lacks its newline gets it.
///
/// # Errors
/// `InvalidRequest` naming the first item that holds a line break, has a kind that a line cannot express, or is
/// longer than [`ITEM_BYTES_MAX`].
pub fn accept(policy: PersistencePolicy, mode: HistoryMode, params: AppendItemsParams) -> Result<Vec<RolloutItem>> {
    let AppendItemsParams { thread_id, items } = params;
    let mut accepted = Vec::with_capacity(items.len());
    for (position, item) in items.into_iter().enumerate() {
        let Some(item) = keep(policy, mode, item) else { continue };
        let item = line(item).map_err(|what| {
            let what = format!("item {position} (from 0) of those to append {what}; none was accepted");
            Report::new("append_items", what).of(thread_id).advise("make items with NewItem").invalid()
        })?;
        accepted.push(item);
    }
    Ok(accepted)
}

/// The item, if it is one line and comes back as the same item when that line is read.
fn line(item: RolloutItem) -> Result<RolloutItem, &'static str> {
    match &item {
        RolloutItem::Enveloped { kind, payload, metadata, .. } => {
            let breaks = |json: &Bytes| memchr(b'\n', json).is_some();
            if breaks(payload) || metadata.as_ref().is_some_and(breaks) {
                return Err("has a line break in its JSON");
            }
            if payload.is_empty() {
                return Err("has an empty payload");
            }
            if !is_kind(kind) {
                return Err("has a kind that a line cannot express");
            }
            let bytes = payload.len().saturating_add(metadata.as_ref().map_or(0, Bytes::len));
            if bytes > ITEM_BYTES_MAX { Err("is longer than 256 MiB") } else { Ok(item) }
        }
        RolloutItem::Verbatim(bytes, _) => match memchr(b'\n', bytes) {
            _ if bytes.len() > ITEM_BYTES_MAX => Err("is longer than 256 MiB"),
            Some(end) if end + 1 < bytes.len() => Err("is several lines"),
            Some(_) => Ok(item),
            None => Ok(terminated(bytes)),
        },
    }
}

fn is_kind(kind: &Kind<'_>) -> bool {
    kind.text().bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\')
}

/// Without its newline the line would run together with whatever is appended next.
fn terminated(bytes: &Bytes) -> RolloutItem {
    let mut line = BytesMut::with_capacity(bytes.len().saturating_add(1));
    line.extend_from_slice(bytes);
    line.extend_from_slice(b"\n");
    RolloutItem::from_line(line.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::Timestamp;
    use crate::thread::ThreadId;

    fn enveloped(kind: Kind<'static>, payload: &'static str, metadata: Option<&'static str>) -> RolloutItem {
        let (payload, metadata) = (payload.into(), metadata.map(Bytes::from));
        RolloutItem::Enveloped { timestamp: Timestamp::default(), ordinal: None, kind, payload, metadata }
    }

    fn accepted(items: Vec<RolloutItem>) -> Result<Vec<RolloutItem>> {
        let params = AppendItemsParams::new(ThreadId::generate(), items);
        accept(PersistencePolicy::Limited, HistoryMode::Legacy, params)
    }

    #[test]
    fn accepted_items_are_lines_that_read_back_as_they_are() {
        let items = vec![
            enveloped(Kind::EventMsg, "{\"type\":\"agent_message\"}", Some("1")),
            enveloped(Kind::Other("x y".into()), "7", None),
            RolloutItem::from_line("not JSON\n".into()),
            RolloutItem::from_line("\u{feff}\r\n".into()),
        ];
        let accepted = accepted(items.clone()).unwrap();
        assert_eq!(accepted, items);
        for item in accepted {
            let mut line = Vec::new();
            item.render(&mut line);
            assert_eq!(RolloutItem::from_line(line.into()), item);
        }
    }

    #[test]
    fn a_line_without_its_newline_gets_it() {
        let half = "{\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"type\":\"event_msg\",\"payload\":{}}";
        let whole = enveloped(Kind::EventMsg, "{}", None);
        assert_eq!(accepted(vec![RolloutItem::from_line(half.into())]).unwrap(), [whole]);
        let accepted = accepted(vec![RolloutItem::from_line("{\"half".into())]).unwrap();
        assert_eq!(accepted, [RolloutItem::from_line("{\"half\n".into())]);
    }

    #[test]
    fn what_could_not_be_one_line_is_refused_by_its_position_with_all_the_others() {
        let good = || enveloped(Kind::EventMsg, "{}", None);
        let bad = [
            enveloped(Kind::EventMsg, "{\n}", None),
            enveloped(Kind::EventMsg, "{}", Some("[\n]")),
            enveloped(Kind::EventMsg, "", None),
            enveloped(Kind::Other("a\"b".into()), "{}", None),
            enveloped(Kind::Other("a\\".into()), "{}", None),
            enveloped(Kind::Other("a\nb".into()), "{}", None),
            RolloutItem::from_line("a\nb\n".into()),
        ];
        for bad in bad {
            let error = accepted(vec![good(), bad.clone()]).unwrap_err();
            assert!(matches!(error, crate::thread_store::ThreadStoreError::InvalidRequest(_)));
            assert!(error.to_string().contains("item 1 (from 0)"), "{error}: {bad:?}");
        }
        // What the policy leaves out is not looked at.
        let transient = enveloped(Kind::EventMsg, "{\"type\":\"warning\",\n\"a\":1}", None);
        assert_eq!(accepted(vec![transient]).unwrap(), []);
    }
}
