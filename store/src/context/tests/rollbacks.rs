use super::*;

const TWO: &str = "developer:rules place start:1 user:one answer:1 end:1 start:2 user:two answer:2 end:2";

#[test]
fn markers_add_up_and_each_takes_back_what_was_there_before_it() {
    assert_eq!(seen(&format!("{TWO} back:1")), "rules <environment_context> one 1");
    assert_eq!(seen(&format!("{TWO} back:1 start:3 user:three end:3")), "rules <environment_context> one 1 three");
    assert_eq!(seen(&format!("{TWO} back:1 start:3 user:three end:3 back:1")), "rules <environment_context> one 1");
    assert_eq!(seen(&format!("{TWO} back:1 start:3 user:three end:3 back:2")), "rules <environment_context>");
    assert_eq!(seen(&format!("{TWO} back:1 back:1 start:3 user:three end:3")), "rules <environment_context> three");
}

#[test]
fn a_marker_of_no_turns_takes_nothing_back() {
    assert_eq!(seen(&format!("{TWO} back:0")), seen(TWO));
}

#[test]
fn more_turns_than_there_are_leave_what_stands_before_the_first() {
    for turns in ["2", "3", "18446744073709551615"] {
        assert_eq!(seen(&format!("{TWO} back:{turns}")), "rules <environment_context>", "{turns}");
        assert_eq!(seen(&format!("{TWO} back:{turns} back:5 user:new")), "rules <environment_context> new");
    }
    assert_eq!(seen("start:1 developer:rules place user:one end:1 back:1"), "rules <environment_context>");
    assert_eq!(seen("answer:hello back:1"), "hello");
    assert_eq!(seen("back:1"), "");
}

#[test]
fn what_the_program_says_directly_before_a_turn_goes_with_it() {
    let within = "start:1 user:one answer:1 end:1 start:2 developer:changed place user:two end:2 back:1";
    assert_eq!(seen(within), "one 1");
    let before = "start:1 user:one answer:1 end:1 developer:changed place start:2 user:two end:2 back:1";
    assert_eq!(seen(before), "one 1");
    let unmarked = "user:one answer:1 developer:changed place user:two answer:2 back:1";
    assert_eq!(seen(unmarked), "one 1");
    let earlier = "start:1 user:one developer:told answer:1 end:1 start:2 user:two end:2 back:1";
    assert_eq!(seen(earlier), "one told 1", "what stands elsewhere stays");
}

#[test]
fn turns_of_the_program_are_not_counted_and_go_with_the_turn_before_them() {
    let words = "start:1 user:one end:1 start:2 user:two end:2 start:s answer:shell end:s";
    assert_eq!(seen(words), "one two shell");
    assert_eq!(seen(&format!("{words} back:1")), "one");
    let first = "start:s answer:shell end:s start:1 user:one end:1";
    assert_eq!(seen(&format!("{first} back:1")), "shell");
    assert_eq!(seen(&format!("{first} back:2")), "shell");
}

#[test]
fn a_turn_that_did_not_end_is_taken_back_like_any_other() {
    assert_eq!(seen("start:1 user:one end:1 start:2 user:two answer:half back:1 start:3 user:three"), "one three");
}

#[test]
fn instructions_of_agents_begin_turns_if_their_delivery_says_so() {
    assert_eq!(seen("user:one instruction answer:1 back:1"), "one");
    let delivered = |triggers| format!("user:one answer:1 delivery:{triggers} agent:x answer:2 back:1");
    assert_eq!(seen(&delivered("true")), "one 1");
    assert_eq!(seen(&delivered("false")), "");
    assert_eq!(seen("user:one answer:1 agent:x answer:2 back:1"), "one 1", "no record of its delivery");
    assert_eq!(seen("start:1 user:one end:1 start:2 delivery:true agent:x end:2 back:1"), "one");
}

#[test]
fn threads_of_events_alone_have_turns_too() {
    assert_eq!(turns((0..).zip(&thread("event:one event:two back:1"))).len(), 1);
    assert_eq!(seen("event:one answer:1 event:two answer:2 back:1"), "1");
}

#[test]
fn an_event_beside_its_message_makes_no_second_turn() {
    for pair in ["user:one event:one", "event:one user:one"] {
        let words = format!("{pair} answer:1 {} answer:2", pair.replace("one", "two"));
        assert_eq!(seen(&format!("{words} back:1")), "one 1", "{pair}");
        let items = thread(&words);
        assert_eq!(turns((0..).zip(&items)).len(), 2, "{pair}");
    }
}

#[test]
fn snapshots_for_undoing_are_not_shown_to_the_model() {
    assert_eq!(seen("user:one ghost answer:1"), "one 1");
}

#[test]
fn the_format_without_envelopes_is_read_too() {
    let bare = |role: &str, text: &str| {
        let json = format!("{{\"type\":\"message\",\"role\":\"{role}\",\"content\":[{{\"text\":\"{text}\"}}]}}\n");
        RolloutItem::from_line(json.into())
    };
    let state = || RolloutItem::from_line("{\"record_type\":\"state\"}\n".into());
    let mut items = vec![bare("user", "<environment_context>"), state(), bare("user", "one"), bare("assistant", "1")];
    items.extend([bare("user", "two"), bare("assistant", "2")]);
    items.push(item("back:1"));
    assert_eq!(seen_of(&context_of(&items)), ["<environment_context>", "one", "1"]);
}
