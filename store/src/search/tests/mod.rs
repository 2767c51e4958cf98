use proptest::prelude::*;
use serde_json::json;

use super::query::QueryError;
use super::text::ItemText;
use super::*;
use crate::item::RolloutItem;

fn query(terms: &[&str], how: Match) -> Query {
    Query::new(terms, how, false).unwrap()
}

fn text_of(kind: &str, payload: &serde_json::Value) -> Option<ItemText> {
    let line = format!("{{\"timestamp\":\"2026-02-04T20:29:45.576Z\",\"type\":\"{kind}\",\"payload\":{payload}}}\n");
    ItemText::of(&RolloutItem::from_line(line.into()))
}

#[test]
fn a_phrase_is_found_inside_of_words_whatever_the_case_and_the_white_space() {
    let phrase = query(&["Cargo  test"], Match::Phrase);
    assert_eq!(phrase.first_in("run cargo\n\ttests"), Some(4..15));
    assert_eq!(phrase.first_in("cargotest"), None);
    let exact = Query::new(["Cargo"], Match::Phrase, true).unwrap();
    assert_eq!((exact.first_in("cargo"), exact.first_in("Cargo")), (None, Some(0..5)));
}

#[test]
fn words_are_whole_and_what_is_no_word_has_no_edges() {
    let word = query(&["test"], Match::Words);
    assert_eq!((word.first_in("tests"), word.first_in("a test.")), (None, Some(2..6)));
    assert_eq!(query(&["--all"], Match::Words).first_in("cargo test --all"), Some(11..16));
    assert_eq!(query(&["--all"], Match::Words).first_in("cargo test --all-targets"), Some(11..16));
    assert_eq!(query(&["--all"], Match::Words).first_in("cargo test --allow"), None);
}

#[test]
fn all_terms_must_be_there_and_the_first_says_where() {
    let both = query(&["b", "a"], Match::Phrase);
    assert_eq!(both.first_in("a b"), Some(2..3));
    assert_eq!(both.first_in("only b"), None);
    assert_eq!(both.all_in("a b ab"), [0..1, 2..3, 4..6]);
}

#[test]
fn a_query_without_anything_to_look_for_is_refused_and_so_is_a_pattern_that_is_none() {
    assert!(matches!(Query::new([""; 0], Match::Phrase, false), Err(QueryError::Empty)));
    assert!(matches!(Query::new([" "], Match::Phrase, false), Err(QueryError::Empty)));
    let refused = Query::new(["("], Match::Regex, false).unwrap_err();
    assert!(matches!(&refused, QueryError::Pattern { pattern, .. } if pattern == "("), "{refused}");
}

#[test]
fn what_is_searched_of_each_item_is_its_text() {
    let message = |role: &str, text: &str| {
        text_of(
            "response_item",
            &json!({"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}),
        )
    };
    let user = message("user", "mend it").unwrap();
    assert_eq!((user.kind, user.speaker, user.text.as_str()), (TextKind::Message, Some(Speaker::User), "mend it"));
    assert_eq!(message("user", "<environment_context>").unwrap().speaker, Some(Speaker::Program));
    assert_eq!(message("assistant", "x").unwrap().speaker, Some(Speaker::Assistant));
    let call = json!({"type": "function_call", "name": "shell",
        "arguments": r#"{"command":["bash","-lc","echo \"a b\""],"timeout":5}"#});
    let call = text_of("response_item", &call).unwrap();
    assert_eq!((call.kind, call.tool.as_deref()), (TextKind::Call, Some("shell")));
    assert_eq!(call.text, "shell\nbash -lc echo \"a b\"\n5");
    let output = text_of("response_item", &json!({"type": "function_call_output", "output": "done"})).unwrap();
    assert_eq!(output.kind, TextKind::Output);
    let agents = text_of("inter_agent_communication", &json!({"author": "a", "content": "go on"})).unwrap();
    assert_eq!((agents.speaker, agents.text.as_str()), (Some(Speaker::Agent), "go on"));
    assert_eq!(text_of("compacted", &json!({"message": "so far"})).unwrap().kind, TextKind::Summary);
    assert_eq!(text_of("event_msg", &json!({"type": "token_count"})), None);
    assert_eq!(text_of("session_meta", &json!({"id": "x"})), None);
}

#[test]
fn a_snippet_is_one_line_around_the_find_and_says_what_was_cut() {
    let text = format!("{}\nneedle\t{}", "é".repeat(200), "b ".repeat(200));
    let query = query(&["needle"], Match::Phrase);
    let at = query.first_in(&text).unwrap();
    let snippet = Snippet::around(&text, &at, &query, 40);
    assert_eq!((snippet.cut_before, snippet.cut_after, snippet.text.contains('\n')), (true, true, false));
    assert_eq!(&snippet.text[snippet.found[0].clone()], "needle");
    assert!(snippet.text.len() <= 44, "{}", snippet.text);
    let whole = Snippet::around("needle", &(0..6), &query, 40);
    assert_eq!((whole.text.as_str(), whole.cut_before, whole.cut_after), ("needle", false, false));
    let long = Snippet::around(&text, &(0..text.len()), &query, 40);
    assert!(long.text.len() <= 80 && long.found[0] == (0..long.text.len()), "{long:?}");
}

/// What JSON may make of a text: as any encoder writes it, with all that is not ASCII escaped, within JSON once more.
fn encodings(text: &str) -> Vec<String> {
    let plain = serde_json::to_string(text).unwrap();
    let ascii: String = plain
        .chars()
        .map(|c| {
            let units = |c: char| c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect();
            if c.is_ascii() { c.to_string() } else { units(c) }
        })
        .collect();
    let all: String = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
    let twice = serde_json::to_string(&plain).unwrap();
    let slashes = plain.replace('/', "\\/");
    vec![plain, ascii, format!("\"{all}\""), twice, slashes]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_find_is_missed_by_looking_at_raw_bytes(
        before in "[a-zA-Z\"\\\\/ \n\té€😀ſK]{0,8}",
        term in "[a-zA-Z\"\\\\/ \n.*+é€😀]{1,12}",
        after in "[a-z\"\\\\/ \né]{0,8}",
        upper in any::<bool>(),
        words in any::<bool>(),
    ) {
        let how = if words { Match::Words } else { Match::Phrase };
        let Ok(query) = Query::new([&term], how, false) else { return Ok(()) };
        let cased = if upper { term.to_uppercase() } else { term.clone() };
        let text = format!("{before}{cased}{after}");
        if query.first_in(&text).is_some() && let Some(needle) = &query.needle {
            for raw in encodings(&text) {
                prop_assert!(needle.is_match(raw.as_bytes()), "{needle:?} is not in {raw}");
            }
        }
    }

    #[test]
    fn no_match_of_a_pattern_is_missed_by_looking_at_raw_bytes(
        pattern in "(\\^|)(a|ab|[b-d]|\\(ab\\|cd\\)|e\\+|\\.\\*|\\\\d|fg\\?|\\\\s|\"|É){1,5}",
        text in "[a-g0-9\" \n.é]{0,16}",
    ) {
        let Ok(query) = Query::new([&pattern], Match::Regex, false) else { return Ok(()) };
        if query.first_in(&text).is_some() && let Some(needle) = &query.needle {
            for raw in encodings(&text) {
                prop_assert!(needle.is_match(raw.as_bytes()), "{needle:?} is not in {raw}");
            }
        }
    }
}
