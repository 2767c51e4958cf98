use super::*;
use crate::item::{Kind, Oddities, Timestamp};
use crate::path::PathBytes;
use threadlog_engine::id::StreamId;

fn record(channel: Channel, codec: u8, payload: Vec<u8>) -> Record {
    let stream = StreamId { thread: [1; 16], incarnation: 2, channel };
    Record { stream, ordinal: 3, lease_epoch: 4, clock: 5, codec, payload }
}

fn source() -> Source {
    let place = Place { root: PathBytes::new(&b"/r"[..]), path: PathBytes::new(&b"a.jsonl"[..]) };
    let replaces = Some(place.clone());
    Source { place, modified_ns: -7, bytes: 1, blake3: [9; 32], records: 1, lines: 1, replaces }
}

#[test]
fn control_records_read_back() {
    let created = Created {
        at_ms: 1,
        id_text: Some("ID".to_owned()),
        rollout: Some(uuid::Uuid::from_u128(5)),
        origin: Origin::Imported(source().place),
    };
    let mut patch = crate::metadata::MetadataPatch::rename("a name");
    patch.pinned = Some(true);
    patch.model = Some(None);
    let users = [Control::Patched(Box::new(patch)), Control::Archived, Control::Unarchived];
    for control in [Control::Created(created), Control::Source(source())].into_iter().chain(users) {
        let mut bytes = Vec::new();
        control.encode(&mut bytes);
        assert_eq!(Control::decode(&bytes), Ok(control.clone()));
        let record = record(control_channel(0), CODEC, bytes);
        assert_eq!(
            Event::decode(&record),
            Event { ordinal: 3, clock: 5, lease_epoch: 4, body: Body::Control(control) }
        );
    }
}

#[test]
fn records_of_later_versions_are_read_as_far_as_possible_or_reported() {
    let mut bytes = Vec::new();
    Control::Source(source()).encode(&mut bytes);
    bytes.extend_from_slice(b"a later field");
    assert_eq!(Control::decode(&bytes), Ok(Control::Source(source())), "fields added behind are ignored");

    let body = |record: &Record| match Event::decode(record).body {
        Body::Unreadable(why) => why,
        other => panic!("read as {other:?}"),
    };
    assert_eq!(body(&record(control_channel(0), CODEC, vec![99])), Unreadable::Content);
    assert_eq!(body(&record(ITEMS, CODEC, vec![99])), Unreadable::Content);
    assert_eq!(body(&record(ITEMS, 77, vec![])), Unreadable::Codec(77));
    assert_eq!(body(&record(9, CODEC, vec![])), Unreadable::Content);
}

#[test]
fn a_time_that_cannot_be_rendered_is_not_believed() {
    let mut bytes = vec![0];
    bytes.extend(postcard::to_allocvec(&(Timestamp::MAX.ms() + 1, None::<u64>, Kind::EventMsg)).unwrap());
    bytes.extend([0, 0]);
    assert_eq!(ItemRecord::decode(&bytes), Err(Unreadable::Content));
}

/// Forks stand on these for ever.
#[test]
fn the_creation_of_a_fork_keeps_its_bytes() {
    let thread = |byte| crate::thread::ThreadId::from_uuid(uuid::Uuid::from_bytes([byte; 16]));
    let inherited = crate::metadata::Inherited {
        items: 300,
        turns: Some(2),
        preview: Some("hi".to_owned()),
        model: Some("m".to_owned()),
        ..Default::default()
    };
    let base = Base { thread: thread(1), incarnation: 200, end: 300 };
    let fork = Fork { base, source: Some(thread(2)), inherited };
    let origin = Origin::Forked(Box::new(fork));
    let created = Control::Created(Created { at_ms: 5, id_text: None, rollout: None, origin: origin.clone() });
    let mut bytes = Vec::new();
    created.encode(&mut bytes);
    let head = [&[0, 5, 0, 0, 2, 16][..], &[1; 16], &[0xc8, 1, 0xac, 2, 1, 16], &[2; 16]].concat();
    let inherited = [0xac, 2, 1, 2, 0, 0, 1, 2, b'h', b'i', 0, 1, 1, b'm', 0, 0, 0, 0];
    assert_eq!(bytes, [&head[..], &inherited].concat());
    assert_eq!(Control::decode(&bytes), Ok(created));

    let Origin::Forked(fork) = origin else { panic!("{origin:?}") };
    let origin = Origin::ImportedFork(source().place, fork);
    let created = Control::Created(Created { at_ms: 5, id_text: None, rollout: None, origin });
    bytes.clear();
    created.encode(&mut bytes);
    let place = [&[3, 2][..], b"/r", &[7], b"a.jsonl"].concat();
    assert_eq!(bytes, [&head[..4], &place, &head[5..], &inherited].concat());
    assert_eq!(Control::decode(&bytes), Ok(created));
}

/// The bytes of stored records must never change: stores written by this version are read by all later ones.
#[test]
fn item_records_keep_their_bytes() {
    let line = b"{\"timestamp\":\"1970-01-01T00:00:00.005Z\",\"ordinal\":3,\"type\":\"turn_context\",\"payload\":[],\"metadata\":1}\n";
    let mut bytes = Vec::new();
    encode_line(&crate::item::parse(line), false, &mut bytes);
    assert_eq!(bytes, [0, 5, 1, 3, 4, 1, 1, b'1', 2, b'[', b']']);

    bytes.clear();
    encode_line(&crate::item::parse(b"\n"), true, &mut bytes);
    assert_eq!(bytes, [1, 0x80, 2, 1, 1, b'\n']);
    assert_eq!(postcard::to_allocvec(&Kind::from_text("new")).unwrap(), [0, 3, b'n', b'e', b'w']);
    let kinds = ["session_meta", "response_item", "event_msg", "turn_context", "compacted", "world_state"];
    for (number, text) in (1..).zip(kinds) {
        assert_eq!(postcard::to_allocvec(&Kind::from_text(text)).unwrap(), [number]);
    }
    let last = Oddities::default().with(crate::item::Oddity::NotJson);
    assert_eq!(postcard::to_allocvec(&last).unwrap(), [0x80, 8], "bit 10");
}
