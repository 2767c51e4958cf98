use super::*;

fn turn(second: u64, payload: &str) -> String {
    line(second, "turn_context", payload)
}

fn settings(second: u64, settings: &str) -> String {
    event(second, &format!("{{\"type\":\"thread_settings_applied\",\"thread_settings\":{settings}}}"))
}

#[test]
fn settings_are_those_of_the_latest_turn() {
    let first =
        r#"{"cwd":"/a","model":"m1","effort":"high","approval_policy":"never","sandbox_policy":{"type":"read-only"}}"#;
    let second =
        r#"{"cwd":"/b","model":"m2","approval_policy":"on-request","sandbox_policy":{"mode":"workspace-write"}}"#;
    let state = fold(&[turn(1, first)]);
    assert_eq!((state.model(), state.reasoning_effort(), state.cwd()), (Some("m1"), Some("high"), Some("/a")));
    let state = fold(&[turn(1, first), turn(2, second)]);
    assert_eq!((state.model(), state.cwd()), (Some("m2"), Some("/a")), "only the first turn gives a directory");
    assert_eq!(state.reasoning_effort(), None, "the effort went with its model");
    assert_eq!((state.approval_policy(), state.sandbox()), (Some("on-request"), Some("workspace-write")));
    let state = fold(&[turn(1, first), turn(2, r#"{"approval_policy":{"granular":{"rules":true}},"model":7}"#)]);
    assert_eq!((state.model(), state.approval_policy()), (Some("m1"), Some("granular")), "wrong types are absent");
}

#[test]
fn changed_settings_override_session_and_turn_until_the_next_turn() {
    let changed =
        r#"{"cwd":"/new","model":"m2","model_provider_id":"p2","reasoning_effort":"low","approval_policy":"never",
        "sandbox_policy":{"type":"danger-full-access"}}"#
            .replace('\n', " ");
    let lines = [
        meta(1, r#","cwd":"/old","model_provider":"p1""#),
        turn(2, r#"{"cwd":"/turn","model":"m1","effort":"high","approval_policy":"on-request"}"#),
        settings(3, &changed),
        turn(4, r#"{"cwd":"/turn","model":"m3"}"#),
    ];
    let state = fold(&lines[..2]);
    assert_eq!((state.cwd(), state.model_provider()), (Some("/old"), Some("p1")));
    let state = fold(&lines[..3]);
    assert_eq!((state.cwd(), state.model_provider(), state.model()), (Some("/new"), Some("p2"), Some("m2")));
    assert_eq!((state.reasoning_effort(), state.approval_policy()), (Some("low"), Some("never")));
    assert_eq!(state.sandbox(), Some("danger-full-access"));
    let state = fold(&lines);
    assert_eq!((state.cwd(), state.model(), state.approval_policy()), (Some("/new"), Some("m3"), Some("never")));
}

#[test]
fn a_sessions_own_directory_counts_unless_it_is_empty() {
    let turn = turn(2, r#"{"cwd":"/turn"}"#);
    assert_eq!(fold(&[meta(1, r#","cwd":"/own""#), turn.clone()]).cwd(), Some("/own"));
    assert_eq!(fold(&[meta(1, r#","cwd":"""#), turn]).cwd(), Some("/turn"));
}

#[test]
fn tokens_are_the_latest_count_that_has_one() {
    let tokens = |second, total: i64| {
        event(second, &format!(r#"{{"type":"token_count","info":{{"total_token_usage":{{"total_tokens":{total}}}}}}}"#))
    };
    let no_info = event(9, r#"{"type":"token_count","info":null}"#);
    assert_eq!(fold(std::slice::from_ref(&no_info)).tokens_used(), None);
    assert_eq!(fold(&[tokens(1, 500), tokens(2, 300), no_info]).tokens_used(), Some(300), "not the greatest");
    assert_eq!(fold(&[tokens(1, -5)]).tokens_used(), Some(0));
}

#[test]
fn title_preview_and_first_message_follow_their_own_rules() {
    let image = event(1, r#"{"type":"user_message","message":" ","images":["data:"]}"#);
    let goal = event(1, r#"{"type":"thread_goal_updated","goal":{"objective":" ship it "}}"#);
    let empty = user(1, " ");
    let api = line(
        1,
        "response_item",
        r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"no event"}]}"#,
    );
    let words = user(2, "# Files\n## My request for Codex:\n fix it\n");
    let later = user(3, "and then this");
    let facts = |lines: &[&String]| {
        let state = fold(&lines.iter().map(|line| (*line).clone()).collect::<Vec<_>>());
        let own = |text: Option<&str>| text.unwrap_or("-").to_owned();
        [own(state.title()), own(state.preview()), own(state.first_user_message())].join("|")
    };
    assert_eq!(facts(&[&api, &empty]), "-|-|-");
    assert_eq!(facts(&[&empty, &words, &later]), "fix it|fix it|fix it");
    assert_eq!(facts(&[&image, &words]), "fix it|[Image]|[Image]");
    assert_eq!(facts(&[&words, &image]), "fix it|fix it|fix it");
    assert_eq!(facts(&[&goal, &words]), "fix it|ship it|fix it");
    assert_eq!(facts(&[&words, &goal]), "fix it|fix it|fix it");
    assert_eq!(facts(&[&goal]), "-|ship it|-");
    let completed =
        event(1, r#"{"type":"item_completed","item":{"type":"UserMessage","content":[{"type":"text","text":"hi"}]}}"#);
    assert_eq!(facts(&[&completed, &words]), "hi|hi|hi");
}

#[test]
fn names_in_items_make_the_title_but_no_message() {
    let name =
        |second, name: &str| event(second, &format!(r#"{{"type":"thread_name_updated","thread_name":"{name}"}}"#));
    let state = fold(&[user(1, "words"), name(2, " first "), name(3, "second"), name(4, "  ")]);
    assert_eq!((state.name(), state.title(), state.preview()), (Some("second"), Some("second"), Some("words")));
    assert_eq!(fold(&[user(1, "words")]).name(), None);
}

#[test]
fn long_words_are_cut_at_a_character() {
    let state = fold(&[user(1, &"é".repeat(10_000))]);
    assert_eq!(state.preview().map(str::len), Some(16 << 10));
}

#[test]
fn turns_move_recency_and_every_item_moves_updated() {
    let start = |second| event(second, r#"{"type":"task_started","turn_id":"t"}"#);
    let output = |second| line(second, "response_item", r#"{"type":"message","role":"assistant","content":[]}"#);
    let lines = [
        meta(1, r#","timestamp":"2026-02-04T20:29:00.500Z""#),
        start(2),
        user(3, "a"),
        output(20),
        start(30),
        output(40),
    ];
    let times =
        |state: &ThreadMetadata| [state.created_ms(), state.recency_ms(), state.updated_ms()].map(|ms| ms - START_MS);
    assert_eq!(times(&fold(&lines[..1])), [500, 500, 1000]);
    assert_eq!(times(&fold(&lines[..4])), [500, 2000, 20_000], "a message within a turn is no turn");
    assert_eq!(times(&fold(&lines)), [500, 30_000, 40_000]);
    assert_eq!(
        times(&fold(&[output(5), user(7, "a"), output(9)])),
        [5000, 7000, 9000],
        "no event says that a turn began"
    );
    assert_eq!(times(&fold(&[output(50), output(40)])), [50_000, 50_000, 50_000], "the machine's clock went back");
}

#[test]
fn counts_are_of_all_items() {
    let start = event(1, r#"{"type":"turn_started"}"#);
    let tool = event(1, r#"{"type":"item_completed","item":{"type":"CommandExecution","output":"UserMessage"}}"#);
    let odd = "not json\n".to_owned();
    let state = fold(&[start.clone(), user(2, "a"), tool, odd, start, user(3, " ")]);
    assert_eq!((state.items(), state.turns(), state.user_messages()), (6, 2, 2));
    let state = fold(&[user(2, "a"), user(3, "b")]);
    assert_eq!((state.items(), state.turns(), state.user_messages()), (2, 2, 2));
}

#[test]
fn an_events_type_is_found_wherever_it_stands() {
    let behind = event(1, r#"{"message":"hello","type":"user_message"}"#);
    let spaced = event(1, r#"{ "type" : "user_message", "message":"hello"}"#);
    let escaped = event(1, r#"{"type":"user\u005fmessage","message":"hello"}"#);
    for line in [behind, spaced, escaped] {
        assert_eq!(fold(std::slice::from_ref(&line)).preview(), Some("hello"), "{line}");
    }
    let quoted = event(1, r#"{"type":"agent_message","message":"{\"type\":\"user_message\"}"}"#);
    assert_eq!(fold(&[quoted]).user_messages(), 0);
}

#[test]
fn lines_in_other_forms_say_the_same() {
    let spaced = "\u{feff}{\"timestamp\": \"2026-02-04T20:29:07.000Z\", \"type\": \"turn_context\", \"payload\": {\"model\": \"m\"}}\r\n";
    let state = fold(&[spaced.to_owned()]);
    assert_eq!((state.model(), state.updated_ms()), (Some("m"), START_MS + 7000));
}

#[test]
fn the_format_without_envelopes_has_metadata_too() {
    let bare = |text: &str| {
        format!(
            "{{\"type\":\"message\",\"role\":\"user\",\"content\":[{{\"type\":\"input_text\",\"text\":\"{text}\"}}]}}\n"
        )
    };
    let start =
        format!("{{\"id\":\"{THREAD}\",\"timestamp\":\"2025-08-23T16:11:15.454Z\",\"git\":{{\"branch\":\"main\"}}}}\n");
    let lines = [
        start,
        "{\"record_type\":\"state\"}\n".to_owned(),
        bare("<environment_context>"),
        bare("old words"),
        bare("more"),
    ];
    let mut state = fold(&lines);
    assert_eq!(
        (state.title(), state.preview(), state.first_user_message()),
        (Some("old words"), Some("old words"), None)
    );
    assert_eq!(state.git().unwrap().branch.as_deref(), Some("main"));
    assert_eq!((state.items(), state.turns(), state.user_messages()), (5, 2, 2));
    assert_eq!((state.created_ms(), state.updated_ms()), (1_755_965_475_454, 1_755_965_475_454));
    let file = source("sessions/a.jsonl", 1_755_970_000_000);
    state.apply(MetadataEvent::Imported { stamp: stamp(1, 0), source: &file });
    assert_eq!(
        (state.created_ms(), state.updated_ms()),
        (1_755_965_475_454, 1_755_970_000_000),
        "its lines tell no times"
    );
}

#[test]
fn creation_is_known_by_name_or_record_where_items_tell_nothing() {
    let began = |path: Option<&str>| {
        let mut state = ThreadMetadata::new(thread());
        state.apply(MetadataEvent::Created { clock: 9, created: &created(77, path) });
        state.created_ms()
    };
    assert_eq!(ThreadMetadata::new(thread()).created_ms(), 0);
    assert_eq!(began(None), 77);
    assert_eq!(began(Some("sessions/2026/rollout-2026-02-04T20-29-00-019c.jsonl")), START_MS);
    for odd in
        ["a/rollout-2026-02-04T20:29-00-x.jsonl", "a/rollout-2026-02-30T20-29-00-x.jsonl", "rollout-2026.jsonl", "x"]
    {
        assert_eq!(began(Some(odd)), 77, "{odd}");
    }
}
