use super::*;

/// For each event: which of Limited, Extended, Legacy and Paginated keep it.
const TABLE: &[(&str, &str)] = &[
    ("LEGP", "token_count thread_rolled_back turn_aborted task_started turn_started task_complete turn_complete"),
    ("LEGP", "thread_settings_applied"),
    ("LEG.", "user_message agent_message agent_reasoning agent_reasoning_raw_content context_compacted"),
    ("LEG.", "entered_review_mode exited_review_mode image_generation_end"),
    ("LE..", "thread_name_updated undo_completed"),
    (".EG.", "patch_apply_end mcp_tool_call_end web_search_end sub_agent_activity"),
    (".E..", "error guardian_assessment exec_command_end view_image_tool_call"),
    (
        ".E..",
        "collab_agent_spawn_end collab_agent_interaction_end collab_waiting_end collab_close_end collab_resume_end",
    ),
    (".E..", "dynamic_tool_call_request dynamic_tool_call_response"),
    ("..GP", "thread_goal_updated"),
    (
        "....",
        "agent_message_delta agent_message_content_delta agent_reasoning_delta exec_command_output_delta plan_delta",
    ),
    ("....", "exec_command_begin patch_apply_begin mcp_tool_call_begin web_search_begin collab_waiting_begin"),
    ("....", "exec_approval_request apply_patch_approval_request elicitation_request request_user_input"),
    ("....", "warning stream_error background_event deprecation_notice plan_update turn_diff session_configured"),
    ("....", "mcp_startup_update mcp_startup_complete hook_started hook_completed item_started undo_started"),
    ("....", "realtime_conversation_started realtime_conversation_realtime shutdown_complete"),
    ("LEGP", "an_event_of_next_year delta_force beginning"),
];

const COLUMNS: [(char, PersistencePolicy, HistoryMode); 6] = [
    ('L', PersistencePolicy::Limited, HistoryMode::Legacy),
    ('L', PersistencePolicy::Limited, HistoryMode::Paginated),
    ('E', PersistencePolicy::Extended, HistoryMode::Legacy),
    ('E', PersistencePolicy::Extended, HistoryMode::Paginated),
    ('G', PersistencePolicy::ByHistoryMode, HistoryMode::Legacy),
    ('P', PersistencePolicy::ByHistoryMode, HistoryMode::Paginated),
];

fn item(kind: &str, payload: &str) -> RolloutItem {
    let line = format!("{{\"timestamp\":\"2026-02-04T20:29:45.576Z\",\"type\":\"{kind}\",\"payload\":{payload}}}\n");
    let item = RolloutItem::from_line(line.into());
    assert!(matches!(item, RolloutItem::Enveloped { .. }), "{kind} {payload}");
    item
}

fn kept(policy: PersistencePolicy, mode: HistoryMode, item: &RolloutItem) -> bool {
    keep(policy, mode, item.clone()).is_some()
}

#[test]
fn each_policy_keeps_its_events() {
    for (columns, names) in TABLE {
        for name in names.split(' ') {
            let item = item("event_msg", &format!("{{\"type\":\"{name}\",\"message\":\"x\"}}"));
            for (column, policy, mode) in COLUMNS {
                assert_eq!(kept(policy, mode, &item), columns.contains(column), "{name} under {policy:?}, {mode:?}");
            }
            assert!(kept(PersistencePolicy::Everything, HistoryMode::Legacy, &item), "{name}");
        }
    }
}

#[test]
fn completed_items_are_kept_by_their_type() {
    for (columns, kind) in [("LEGP", "Plan"), ("GP", "Sleep"), ("P", "UserMessage"), ("P", "New")] {
        let item = item("event_msg", &format!("{{\"type\":\"item_completed\",\"item\":{{\"type\":\"{kind}\"}}}}"));
        for (column, policy, mode) in COLUMNS {
            assert_eq!(kept(policy, mode, &item), columns.contains(column), "{kind} under {policy:?}, {mode:?}");
        }
    }
}

#[test]
fn all_that_is_no_event_is_kept_but_for_response_items_that_say_nothing() {
    let response = |kind: &str| item("response_item", &format!("{{\"type\":\"{kind}\"}}"));
    for (column, policy, mode) in COLUMNS {
        let kept = |item: &RolloutItem| kept(policy, mode, item);
        for kind in
            ["session_meta", "compacted", "turn_context", "world_state", "inter_agent_communication", "new_kind"]
        {
            assert!(kept(&item(kind, "{\"type\":\"other\"}")), "{kind}");
        }
        for kind in ["message", "reasoning", "function_call", "function_call_output", "new_kind"] {
            assert!(kept(&response(kind)), "{kind}");
        }
        assert!(!kept(&response("other")));
        for kind in ["additional_tools", "compaction_trigger"] {
            assert_eq!(kept(&response(kind)), "LE".contains(column), "{kind}");
        }
    }
    assert!(kept(PersistencePolicy::Everything, HistoryMode::Legacy, &response("other")));
}

#[test]
fn the_type_is_found_wherever_it_stands_and_a_payload_without_one_is_kept() {
    let limited = |payload: &str| kept(PersistencePolicy::Limited, HistoryMode::Legacy, &item("event_msg", payload));
    assert!(!limited("{\"delta\":\"x\",\"type\":\"agent_message_delta\"}"));
    assert!(!limited("{\"type\":\"agent_message\\u005fdelta\"}"));
    assert!(!limited("{ \"type\" : \"warning\" }"));
    for odd in ["{}", "[]", "null", "{\"type\":7}", "{\"type\":null}"] {
        assert!(limited(odd), "{odd}");
    }
}

#[test]
fn lines_in_another_form_are_kept_unless_they_are_certainly_transient() {
    let limited = |line: &'static str| {
        let item = RolloutItem::from_line(line.into());
        assert!(matches!(item, RolloutItem::Verbatim(..)), "{line}");
        let kept = keep(PersistencePolicy::Limited, HistoryMode::Legacy, item.clone());
        assert!(kept.is_none() || kept == Some(item), "changed: {line}");
        kept.is_some()
    };
    assert!(limited("{\"type\":\"message\",\"role\":\"user\",\"content\":[]}\n"));
    assert!(limited("not JSON\n"));
    assert!(limited("{ \"type\":\"event_msg\",\"payload\":{\"type\":\"exec_command_end\n"));
    assert!(!limited("{ \"type\":\"event_msg\",\"payload\":{\"type\":\"warning\"}}\n"));
    assert!(limited("{ \"type\":\"event_msg\",\"payload\":{\"type\":\"user_message\"}}\n"));
}

#[test]
fn the_extended_policy_cuts_the_output_of_a_command_in_the_middle() {
    let output = format!("{}é{}", "a".repeat(4_999), "z".repeat(20_000));
    let payload = format!(
        "{{\"type\":\"exec_command_end\",\"call_id\":\"c\",\"stdout\":\"out\",\"stderr\":\"err\",\
         \"aggregated_output\":\"{output}\",\"exit_code\":0,\"formatted_output\":\"f\",\"new\":{{\"b\":1,\"a\":[1.50]}}}}"
    );
    let Some(RolloutItem::Enveloped { payload, .. }) =
        keep(PersistencePolicy::Extended, HistoryMode::Legacy, item("event_msg", &payload))
    else {
        panic!()
    };
    let text = std::str::from_utf8(&payload).unwrap();
    let expected = format!(
        "{{\"type\":\"exec_command_end\",\"call_id\":\"c\",\"stdout\":\"\",\"stderr\":\"\",\"aggregated_output\":\
         \"{}\\n[… 15002 bytes left out …]\\n{}\",\"exit_code\":0,\"formatted_output\":\"\",\"new\":{{\"b\":1,\"a\":[1.50]}}}}",
        "a".repeat(4_999),
        "z".repeat(5_000)
    );
    assert_eq!(text, expected);

    let short = item("event_msg", "{\"type\":\"exec_command_end\",\"aggregated_output\":\"short\"}");
    assert_eq!(keep(PersistencePolicy::Extended, HistoryMode::Legacy, short.clone()), Some(short.clone()));
    assert_eq!(keep(PersistencePolicy::Everything, HistoryMode::Legacy, short.clone()), Some(short));
}
