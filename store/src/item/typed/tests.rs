use super::*;

fn typed(kind: &str, payload: &str) -> Typed {
    Typed::of_payload(&Kind::from_text(kind), payload.as_bytes())
}

fn meta(payload: &str) -> SessionMeta {
    match typed("session_meta", payload) {
        Typed::SessionMeta(meta) => *meta,
        other => panic!("{other:?}"),
    }
}

fn event(payload: &str) -> EventMsg {
    match typed("event_msg", payload) {
        Typed::Event(event) => event,
        other => panic!("{other:?}"),
    }
}

fn message(payload: &str) -> UserMessage {
    match event(payload) {
        EventMsg::UserMessage(message) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn session_meta_gives_what_it_states() {
    let meta = meta(
        r#"{"id":"A","timestamp":"2026-02-04T20:29:45.548Z","cwd":"/x","originator":"o","cli_version":"0.1","source":"cli",
        "model_provider":"openai","base_instructions":{"text":"T"},"git":{"commit_hash":"c","branch":"b"},
        "forked_from_id":"F","unknown":[1]}"#,
    );
    assert_eq!(meta.id.as_deref(), Some("A"));
    assert_eq!(meta.timestamp.map(|time| time.to_string()).as_deref(), Some("2026-02-04T20:29:45.548Z"));
    assert_eq!((meta.cwd.as_deref(), meta.source.as_deref()), (Some("/x"), Some("cli")));
    assert_eq!((meta.instructions.as_deref(), meta.forked_from.as_deref()), (Some("T"), Some("F")));
    let git = Git { commit_hash: Some("c".to_owned()), branch: Some("b".to_owned()), repository_url: None };
    assert_eq!(meta.git, Some(git));
}

#[test]
fn one_strange_field_never_hides_the_others() {
    let meta =
        meta(r#"{"id":7,"timestamp":"yesterday","cwd":"","git":"main","source":null,"originator":"o","cwd":"/late"}"#);
    let expected =
        SessionMeta { originator: Some("o".to_owned()), cwd: Some("/late".to_owned()), ..SessionMeta::default() };
    assert_eq!(meta, expected);
    assert_eq!(typed("session_meta", "[]"), Typed::Other);
    assert_eq!(typed("never_heard_of", "{}"), Typed::Other);
}

#[test]
fn sources_have_short_names() {
    let source = |json: &str| meta(&format!("{{\"source\":{json}}}")).source;
    assert_eq!(source(r#""vscode""#).as_deref(), Some("vscode"));
    assert_eq!(source(r#"{"custom":"mine"}"#).as_deref(), Some("custom:mine"));
    assert_eq!(source(r#"{"subagent":"review"}"#).as_deref(), Some("subagent:review"));
    assert_eq!(source(r#"{"subagent":{"other":"x"}}"#).as_deref(), Some("subagent:other"));
    assert_eq!(source("{}"), None);
    let spawned = meta(
        r#"{"source":{"subagent":{"thread_spawn":{"parent_thread_id":"P","depth":1,"agent_nickname":"N","agent_role":"R"}}}}"#,
    );
    assert_eq!(spawned.source.as_deref(), Some("subagent:thread_spawn"));
    assert_eq!(spawned.parent_thread.as_deref(), Some("P"));
    assert_eq!((spawned.agent_nickname.as_deref(), spawned.agent_role.as_deref()), (Some("N"), Some("R")));
}

#[test]
fn the_users_own_words_follow_the_marker() {
    let own = |json: &str| (message(json).own_words().to_owned(), message(json).images);
    assert_eq!(own(r#"{"type":"user_message","message":"  fix it \n"}"#), ("fix it".to_owned(), 0));
    let context = r##"{"type":"user_message","message":"# Context\n## My request for Codex:\n do it\n"}"##;
    assert_eq!(own(context), ("do it".to_owned(), 0));
    assert_eq!(own(r#"{"type":"user_message","message":" ","images":["data:"]}"#), (String::new(), 1));
    assert_eq!(own(r#"{"type":"user_message","message":"","local_images":["/a.png"]}"#), (String::new(), 1));
    assert_eq!(own(r#"{"type":"user_message","message":5}"#), (String::new(), 0));
    let newer = r#"{"type":"item_completed","item":{"type":"UserMessage","content":[{"type":"text","text":"hi"},{"type":"local_image"}]}}"#;
    assert_eq!(message(newer), UserMessage { text: "hi".to_owned(), images: 1 });
}

#[test]
fn token_counts_tell_nothing_from_zero() {
    let tokens = |json: &str| match event(json) {
        EventMsg::TokenCount(tokens) => tokens,
        other => panic!("{other:?}"),
    };
    assert_eq!(tokens(r#"{"type":"token_count","info":null}"#), TokenCount::default());
    let full = tokens(
        r#"{"type":"token_count","info":{"total_token_usage":{"input_tokens":5,"cached_input_tokens":2,"output_tokens":3,
        "reasoning_output_tokens":1,"total_tokens":8}}}"#,
    );
    assert_eq!(full, TokenCount { known: true, total: 8, input: 5, cached_input: 2, output: 3, reasoning_output: 1 });
    let negative = tokens(r#"{"type":"token_count","info":{"total_token_usage":{"total_tokens":-4}}}"#);
    assert_eq!(negative, TokenCount { known: true, ..TokenCount::default() });
}

#[test]
fn events_have_old_and_new_names() {
    assert_eq!(event(r#"{"type":"task_started"}"#), EventMsg::TurnStarted);
    assert_eq!(event(r#"{"type":"turn_started"}"#), EventMsg::TurnStarted);
    assert_eq!(event(r#"{"type":"turn_complete"}"#), EventMsg::TurnComplete(None));
    assert_eq!(event(r#"{"type":"thread_rolled_back","num_turns":2}"#), EventMsg::ThreadRolledBack(2));
    assert_eq!(
        event(r#"{"type":"item_completed","item":{"type":"Plan"}}"#),
        EventMsg::Other("item_completed".to_owned())
    );
    assert_eq!(event("{}"), EventMsg::Other(String::new()));
}

#[test]
fn response_items_give_their_text() {
    let item = |json: &str| match typed("response_item", json) {
        Typed::Response(item) => item,
        other => panic!("{other:?}"),
    };
    let text = r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image"},{"text":"b"}]}"#;
    assert_eq!(item(text), ResponseItem::Message { role: "user".to_owned(), text: "a\n[Image]\nb".to_owned() });
    let call = r#"{"type":"function_call","name":"shell","arguments":"{\"x\":1}","call_id":"c"}"#;
    let expected = ResponseItem::ToolCall {
        name: "shell".to_owned(),
        input: "{\"x\":1}".to_owned(),
        call_id: Some("c".to_owned()),
    };
    assert_eq!(item(call), expected);
    let output = r#"{"type":"custom_tool_call_output","output":[{"type":"text"}]}"#;
    assert_eq!(item(output), ResponseItem::ToolOutput { call_id: None, output: "[{\"type\":\"text\"}]".to_owned() });
    let open = r#"{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]}"#;
    assert_eq!(item(open), ResponseItem::Reasoning("hm".to_owned()));
    let compacted = typed("compacted", r#"{"message":"","replacement_history":[{},{}]}"#);
    assert_eq!(compacted, Typed::Compacted { message: String::new(), replacement_items: Some(2) });
}

#[test]
fn lines_without_envelope_and_strange_ones_have_views() {
    let first = Lenient::read(b"{\"id\":\"A\",\"timestamp\":\"2025-08-23T16:11:15.454Z\",\"instructions\":\"I\"}\n");
    let Typed::SessionMeta(meta) = first.typed else { panic!("{first:?}") };
    assert_eq!((meta.id.as_deref(), meta.instructions.as_deref()), (Some("A"), Some("I")));
    assert_eq!(Lenient::read(b"{\"record_type\":\"state\"}\n").typed, Typed::State);
    let message = Lenient::read(b"{\"type\":\"message\",\"id\":null,\"role\":\"user\",\"content\":[]}\r\n");
    assert!(matches!(message.typed, Typed::Response(ResponseItem::Message { .. })));
    let wrapped = b"\xEF\xBB\xBF\0\0 { \"type\" : \"turn_context\", \"payload\": {\"model\":\"m\"} } \r\n";
    let wrapped = Lenient::read(wrapped);
    assert_eq!(wrapped.kind, Some(Kind::TurnContext));
    assert!(matches!(wrapped.typed, Typed::TurnContext(turn) if turn.model.as_deref() == Some("m")));
    assert_eq!(Lenient::read(b"\xff\n").typed, Typed::Other);
    assert_eq!(Lenient::read(b"").typed, Typed::Other);
}

#[test]
fn the_programs_own_messages_are_no_user_words() {
    assert_eq!(without_session_prefix("<environment_context>\n</environment_context>"), None);
    assert_eq!(without_session_prefix("  "), None);
    assert_eq!(without_session_prefix(" what is this? "), Some("what is this?"));
}
