use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::event::{ItemRecord, encode_line};

const TIME: &str = "2026-02-04T20:29:45.576Z";

fn canonical(line: &[u8]) -> bool {
    matches!(parse(line), Line::Enveloped(_))
}

fn odd(line: &[u8]) -> Vec<Oddity> {
    match parse(line) {
        Line::Enveloped(_) => Vec::new(),
        Line::Verbatim(bytes, oddities) => {
            assert_eq!(bytes, line);
            oddities.iter().collect()
        }
    }
}

fn line(payload: &str) -> String {
    format!("{{\"timestamp\":\"{TIME}\",\"type\":\"event_msg\",\"payload\":{payload}}}\n")
}

/// Through a record and back.
fn round_trip(line: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    encode_line(&parse(line), false, &mut record);
    let read = ItemRecord::decode(&record).unwrap();
    let mut out = Vec::new();
    read.render(&mut out);
    assert_eq!(out.len(), read.rendered_bytes());
    out
}

#[test]
fn a_canonical_line_is_kept_by_its_parts() {
    let text = line(r#"{"type":"user_message","message":"h\u00e9 \ud800"}"#);
    let Line::Enveloped(envelope) = parse(text.as_bytes()) else { panic!("not canonical") };
    assert_eq!(envelope.timestamp.to_string(), TIME);
    assert_eq!(envelope.kind, Kind::EventMsg);
    assert_eq!(envelope.payload, br#"{"type":"user_message","message":"h\u00e9 \ud800"}"#);
    assert_eq!((envelope.ordinal, envelope.metadata), (None, None));
    assert_eq!(round_trip(text.as_bytes()), text.as_bytes());
}

#[test]
fn ordinals_metadata_and_unknown_kinds_are_parts_too() {
    let text = format!(
        "{{\"timestamp\":\"{TIME}\",\"ordinal\":688,\"type\":\"brand_new\",\"payload\":[1, 2],\"metadata\":{{\"a\":null}}}}\n"
    );
    let Line::Enveloped(envelope) = parse(text.as_bytes()) else { panic!("not canonical") };
    assert_eq!(envelope.ordinal, Some(688));
    assert_eq!(envelope.kind.text(), "brand_new");
    assert_eq!(envelope.metadata, Some(&br#"{"a":null}"#[..]));
    assert_eq!(round_trip(text.as_bytes()), text.as_bytes());
}

#[test]
fn payloads_of_every_json_type_are_canonical() {
    for payload in ["null", "true", "-1.5e300", "123456789012345678901234567890", "\"\"", "[]", "{}", "\"}\""] {
        assert!(canonical(line(payload).as_bytes()), "{payload}");
        let text =
            format!("{{\"timestamp\":\"{TIME}\",\"type\":\"x\",\"payload\":{payload},\"metadata\":{payload}}}\n");
        assert!(canonical(text.as_bytes()), "{text}");
    }
}

#[test]
fn whatever_would_render_differently_is_verbatim() {
    let good = line("{}");
    let change = |from: &str, to: &str| {
        let changed = good.replacen(from, to, 1);
        assert_ne!(changed, good);
        assert!(!canonical(changed.as_bytes()), "{changed}");
        assert_eq!(round_trip(changed.as_bytes()), changed.as_bytes());
    };
    for (from, to) in [
        ("\":\"2026", "\": \"2026"),
        ("45.576Z", "45.5760Z"),
        ("45.576Z", "45.57Z"),
        ("45.576Z", "45.576+00:00"),
        ("2026-02-04", "2026-02-30"),
        ("2026-02-04", "1969-02-04"),
        ("T20", "T24"),
        ("45.576", "60.576"),
        ("T20", "t20"),
        ("\"type\"", "\"ordinal\":01,\"type\""),
        ("\"type\"", "\"ordinal\":+1,\"type\""),
        ("\"type\"", "\"ordinal\":,\"type\""),
        ("\"type\"", "\"ordinal\":18446744073709551616,\"type\""),
        ("\"type\"", "\"kind\":1,\"type\""),
        ("event_msg", "event\\u005fmsg"),
        ("event_msg", "event\tmsg"),
        ("{}", " {}"),
        ("{}", "{} "),
        ("{}", ""),
        ("{}", "{},\"more\":1"),
        ("{}", "{},\"payload\":{}"),
        ("{}", "{},\"metadata\":"),
        ("{}", "{},\"metadata\":1,\"metadata\":2"),
        ("{}", "{\"a\":01}"),
        ("{}", "\"\n\""),
        ("}\n", "} \n"),
        ("}\n", "}\r\n"),
        ("}\n", "}"),
    ] {
        change(from, to);
    }
}

#[test]
fn each_oddity_is_told_apart() {
    use Oddity::*;
    let good = line("{}");
    let half = good.trim_end();
    let glued = format!("{half}{half}\n");
    let torn_then_glued = format!("{}{good}", &half[..60]);
    let bom = format!("\u{feff}{good}");
    let crlf = format!("{half}\r\n");
    let nul = [&[0; 100][..], good.as_bytes()].concat();
    let spaced = half.replace("\":", "\": ") + "\n";
    for (line, expected) in [
        (b"{\"record_type\":\"state\"}\n".as_slice(), vec![NoEnvelope]),
        (b"{\"id\":\"x\",\"timestamp\":\"y\",\"instructions\":null}\n", vec![NoEnvelope]),
        (spaced.as_bytes(), vec![OtherForm]),
        (b"{\"type\":\"x\",\"payload\":1}\n", vec![OtherForm]),
        (half.as_bytes(), vec![HalfLine]),
        (&half.as_bytes()[..40], vec![HalfLine]),
        (glued.as_bytes(), vec![Glued]),
        (torn_then_glued.as_bytes(), vec![Glued]),
        (&nul, vec![Nul]),
        (b"\0\0\0", vec![HalfLine, Nul]),
        (bom.as_bytes(), vec![ByteOrderMark]),
        (crlf.as_bytes(), vec![CarriageReturn]),
        (b"{\"a\":\"\xff\"}\n", vec![InvalidUtf8]),
        (b"\n", vec![Blank]),
        (b" \t\r\n", vec![CarriageReturn, Blank]),
        (b"[1]\n", vec![NotObject]),
        (b"hello\n", vec![NotJson]),
        (b"{\"a\":1} trailing\n", vec![NotJson]),
        (b"{\"a\":1}\r\n", vec![NoEnvelope, CarriageReturn]),
    ] {
        assert_eq!(odd(line), expected, "{}", String::from_utf8_lossy(line));
        assert_eq!(round_trip(line), line);
    }
}

#[test]
fn times_render_as_they_were_read() {
    for text in ["1970-01-01T00:00:00.000Z", "2000-02-29T23:59:59.999Z", "9999-12-31T23:59:59.999Z", TIME] {
        let time = Timestamp::parse(text.as_bytes().try_into().unwrap()).unwrap();
        assert_eq!(time.to_string(), text);
        assert_eq!(Timestamp::parse_any(text), Some(time));
    }
    assert_eq!(Timestamp::parse(TIME.as_bytes().try_into().unwrap()).unwrap().ms(), 1_770_236_985_576);
    assert_eq!(Timestamp::parse_any("2026-02-04T21:29:45.5769+01:00").unwrap().to_string(), TIME);
    assert_eq!(Timestamp::from_ms(Timestamp::MAX.ms() + 1), None);
    assert_eq!(Timestamp::parse(b"1900-02-29T00:00:00.000Z"), None);
}

#[test]
fn deep_nesting_neither_overflows_nor_is_refused() {
    let payload = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let text = line(&payload);
    assert!(canonical(text.as_bytes()));
    let item = RolloutItem::from_line(Bytes::from(text));
    assert_eq!(item.typed(), typed::Typed::Other);
}

#[test]
fn items_share_their_bytes_and_render_to_the_line() {
    for text in [line("{\"type\":\"x\"}"), "half".to_owned(), "{\"record_type\":\"state\"}\n".to_owned()] {
        let item = RolloutItem::from_line(Bytes::from(text.clone()));
        let mut out = Vec::new();
        item.render(&mut out);
        assert_eq!(out, text.as_bytes());
        let mut record = Vec::new();
        encode_line(&parse(text.as_bytes()), false, &mut record);
        let record = Bytes::from(record);
        assert_eq!(Located::of(&ItemRecord::decode(&record).unwrap(), &record).item(record.clone()), item);
    }
}

/// Pieces of real lines, so that random text comes close to the parser's decisions.
fn almost_lines() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(line("{\"type\":\"user_message\"}").into_bytes()),
        Just(line("{}").replace("\"type\"", "\"ordinal\":7,\"type\"").into_bytes()),
        Just(b"{\"timestamp\":\"".to_vec()),
        Just(TIME.as_bytes().to_vec()),
        Just(b"\",\"type\":\"event_msg\",\"payload\":".to_vec()),
        Just(b",\"metadata\":".to_vec()),
        Just(b",\"ordinal\":".to_vec()),
        "[0-9]{1,3}".prop_map(String::into_bytes),
        "[\\[\\]{}\",:\\\\ a\n]{1,4}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 1..4),
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_bytes_come_back_as_they_were(text in almost_lines()) {
        let mut out = Vec::new();
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            out.extend(round_trip(line));
        }
        prop_assert_eq!(out, text);
    }

    #[test]
    fn what_is_canonical_renders_to_itself(text in almost_lines()) {
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            if let Line::Enveloped(envelope) = parse(line) {
                let mut out = Vec::new();
                envelope.render(&mut out);
                prop_assert_eq!(out.as_slice(), line);
                prop_assert_eq!(out.len(), envelope.rendered_bytes());
            } else {
                prop_assert!(!odd(line).is_empty());
            }
        }
    }

    #[test]
    fn every_time_reads_back(ms in 0..=Timestamp::MAX.ms()) {
        let time = Timestamp::from_ms(ms).unwrap();
        prop_assert_eq!(Timestamp::parse(time.to_string().as_bytes().try_into().unwrap()), Some(time));
    }

    #[test]
    fn typed_views_never_panic(text in almost_lines()) {
        let item = RolloutItem::from_line(Bytes::from(text));
        let _ = (item.typed(), item.timestamp(), item.kind());
    }
}
