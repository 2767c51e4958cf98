use super::*;
use crate::event::encode_line;
use crate::item::parse;
use proptest::prelude::*;

fn values(line: &str) -> Vec<String> {
    let mut payload = Vec::new();
    encode_line(&parse(line.as_bytes()), false, &mut payload);
    let mut found = Vec::new();
    find_values(CODEC, &payload, &mut found);
    found.into_iter().map(|range| String::from_utf8(payload[range].to_vec()).unwrap()).collect()
}

fn envelope(payload: &str) -> String {
    format!("{{\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"type\":\"response_item\",\"payload\":{payload}}}\n")
}

#[test]
fn long_strings_are_found_wherever_they_are_nested() {
    let (long, other) = ("x".repeat(VALUE_BYTES_MIN), "y".repeat(3000));
    let short = "z".repeat(VALUE_BYTES_MIN - 1);
    let payload = format!("{{\"a\":\"{long}\",\"b\":[{{\"c\":\"{short}\"}},[\"{other}\"]],\"d\":5}}");
    assert_eq!(values(&envelope(&payload)), [&long[..], &other[..]]);
    assert_eq!(values(&format!("{payload}\n")), [&long[..], &other[..]], "in a line of no known form too");
}

#[test]
fn escaped_quotes_do_not_end_a_string_and_escaped_backslashes_do_not_escape() {
    for (text, whole) in [(r#"\""#, true), (r"\\", true), (r#"\\\""#, true), (r"\u0022\n", true)] {
        let long = text.repeat(2000);
        assert_eq!(values(&envelope(&format!("[\"{long}\",\"short\"]"))) == [long], whole, "{text}");
    }
    let ends = format!(r"{}\\", "x".repeat(2000));
    let payload = format!("[\"{ends}\",\"{}\"]", "w".repeat(1500));
    assert_eq!(values(&envelope(&payload)), [ends, "w".repeat(1500)]);
}

#[test]
fn the_first_bytes_of_a_record_do_not_look_like_quotes() {
    // Lengths and times whose encoding holds the byte of a quotation mark.
    let long = "x".repeat(0x22 + 0x80 * 40);
    for ordinal in [0x22, 0x22 << 7, 0x2222] {
        let line = format!(
            "{{\"timestamp\":\"1970-01-01T00:00:00.034Z\",\"ordinal\":{ordinal},\"type\":\"a{}\",\"payload\":[\"{long}\"]}}\n",
            "b".repeat(33)
        );
        assert_eq!(values(&line), [&long[..]]);
    }
}

#[test]
fn a_string_beyond_the_limit_is_several() {
    let mut found = Vec::new();
    add(5..5 + 2 * VALUE_BYTES_MAX + VALUE_BYTES_MIN, &mut found);
    assert_eq!(found.len(), 3);
    assert_eq!(
        found.iter().map(std::iter::ExactSizeIterator::len).sum::<usize>(),
        2 * VALUE_BYTES_MAX + VALUE_BYTES_MIN
    );
    found.clear();
    add(5..5 + VALUE_BYTES_MAX + VALUE_BYTES_MIN - 1, &mut found);
    assert_eq!(found.first(), Some(&(5..5 + VALUE_BYTES_MAX)));
    assert_eq!(found.len(), 1, "the rest is short");
}

#[test]
fn records_of_unknown_codecs_are_left_alone() {
    let mut found = Vec::new();
    find_values(CODEC + 1, &[b'"'; 5000], &mut found);
    assert!(found.is_empty());
}

/// Strings of a JSON value as its text has them, by a parser.
fn long_strings(value: &serde_json::Value, longest: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => longest.push(text.clone()),
        serde_json::Value::Array(list) => list.iter().for_each(|value| long_strings(value, longest)),
        serde_json::Value::Object(map) => map.iter().for_each(|(key, value)| {
            longest.push(key.clone());
            long_strings(value, longest);
        }),
        _ => {}
    }
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![Just("\""), Just("\\"), Just("\n"), Just("ä"), Just("words and words "), Just("/")];
    let pieces = proptest::collection::vec(piece, 1..12);
    (pieces, prop_oneof![1..4usize, 80..400usize]).prop_map(|(pieces, times)| pieces.concat().repeat(times))
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![text().prop_map(serde_json::Value::from), Just(serde_json::Value::Null)];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            proptest::collection::btree_map(text(), inner, 0..4)
                .prop_map(|map| serde_json::Value::from_iter(map.into_iter())),
        ]
    })
}

proptest! {
    #[test]
    fn exactly_the_long_strings_of_json_are_found(value in json()) {
        let mut expected = Vec::new();
        long_strings(&value, &mut expected);
        let escaped = |text: &String| {
            let quoted = serde_json::to_string(text).unwrap();
            quoted[1..quoted.len() - 1].to_owned()
        };
        let expected: Vec<String> =
            expected.iter().map(escaped).filter(|text| text.len() >= VALUE_BYTES_MIN).collect();
        prop_assert_eq!(&values(&envelope(&value.to_string())), &expected);
        prop_assert_eq!(&values(&format!("{value}\n")), &expected);
    }

    #[test]
    fn any_bytes_give_ranges_that_rise_and_stay_inside(
        variant in 0..3u8,
        pieces in proptest::collection::vec(prop_oneof![Just(b"\"".to_vec()), Just(b"\\".to_vec()),
            Just(vec![b'x'; 1100]), proptest::collection::vec(any::<u8>(), 0..40)], 0..20),
    ) {
        let bytes = pieces.concat();
        let payload = match variant {
            0 => bytes,
            1 => [&[1, 0, 0][..], &postcard::to_allocvec(&bytes).unwrap()].concat(),
            _ => [&[0][..], &bytes].concat(),
        };
        let (mut found, mut again) = (Vec::new(), Vec::new());
        find_values(CODEC, &payload, &mut found);
        find_values(CODEC, &payload, &mut again);
        prop_assert_eq!(&found, &again);
        let mut behind = 0;
        for range in found {
            prop_assert!(range.start >= behind && range.len() >= VALUE_BYTES_MIN && range.end <= payload.len());
            behind = range.end;
        }
    }
}
