//! Lines as agents write them, and what a person reads.

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;

fn of_line(line: impl Into<Vec<u8>>) -> RolloutItem {
    RolloutItem::from_line(Bytes::from(line.into()))
}

fn of_json(line: &Value) -> RolloutItem {
    of_line(format!("{line}\n"))
}

/// All that these lines tell, as "Speaker title|body".
fn told(lines: &[Value]) -> Vec<String> {
    let mut transcript = Transcript::default();
    let entries = lines.iter().filter_map(|line| transcript.tell(&of_json(line)));
    entries.map(|entry| format!("{:?} {}|{}", entry.speaker, entry.title, entry.body)).collect()
}

fn item(payload: Value) -> Value {
    json!({"timestamp": "2026-01-31T12:34:56.789Z", "type": "response_item", "payload": payload})
}

fn event(payload: Value) -> Value {
    json!({"timestamp": "2026-01-31T12:34:56.789Z", "type": "event_msg", "payload": payload})
}

fn message(role: &str, text: &str) -> Value {
    json!({"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]})
}

#[test]
fn a_message_written_twice_is_told_once() {
    let lines = [
        item(message("user", "mend it")),
        event(json!({"type": "user_message", "message": "mend it", "images": []})),
        event(json!({"type": "agent_message", "message": "done"})),
        item(message("assistant", "done")),
    ];
    assert_eq!(told(&lines), ["Person |mend it", "Agent |done"]);
}

#[test]
fn who_says_the_same_again_is_told_again() {
    let turn = [
        item(message("user", "go on")),
        event(json!({"type": "user_message", "message": "go on"})),
        event(json!({"type": "agent_message", "message": "done"})),
        item(message("assistant", "done")),
    ];
    assert_eq!(told(&vec![turn; 3].concat()), ["Person |go on", "Agent |done"].repeat(3));
    let of_one_form = [item(message("user", "go on")), item(message("user", "go on"))];
    assert_eq!(told(&of_one_form), ["Person |go on"; 2]);
    // Both before either twin came.
    let event = || event(json!({"type": "user_message", "message": "go on"}));
    assert_eq!(told(&[event(), event(), of_one_form[0].clone(), of_one_form[1].clone()]), ["Person |go on"; 2]);
}

#[test]
fn the_same_words_from_another_speaker_or_much_later_are_told_again() {
    let mut lines = vec![item(message("user", "ok")), item(message("assistant", "ok"))];
    lines.extend((0..TWINS).map(|n| item(message("assistant", &format!("step {n}")))));
    lines.push(item(message("user", "ok")));
    let told = told(&lines);
    assert_eq!(told.iter().filter(|entry| entry.ends_with("|ok")).count(), 3, "{told:?}");
}

#[test]
fn what_programs_say_in_the_users_name_is_context() {
    let wrapped = "<environment_context>\n  <cwd>/src</cwd>\n</environment_context>";
    let lines = [message("user", wrapped), message("developer", "be brief"), message("user", "<b>bold</b> claim")];
    let told = told(&lines.map(item));
    assert_eq!(told[0], "Event context for the model (62 characters)|");
    assert_eq!(told[1], "Event context for the model (8 characters)|");
    assert_eq!(told[2], "Person |<b>bold</b> claim");
}

#[test]
fn calls_show_their_command_and_answers_their_text() {
    let lines = [
        item(
            json!({"type": "function_call", "name": "shell", "arguments": "{\"command\":[\"bash\",\"-lc\",\"ls -l\"]}"}),
        ),
        item(
            json!({"type": "function_call_output", "output": "{\"output\":\"a\\nb\",\"metadata\":{\"exit_code\":0}}"}),
        ),
        item(json!({"type": "function_call", "name": "update_plan", "arguments": "{\"plan\":[]}"})),
        item(json!({"type": "function_call_output", "output": "Plan updated"})),
        item(json!({"type": "custom_tool_call", "name": "apply_patch", "input": "*** Begin"})),
        item(json!({"type": "custom_tool_call_output", "output": [{"type": "input_text", "text": "ok"}]})),
    ];
    let want = [
        "Call shell|ls -l",
        "Answer |a\nb",
        "Call update_plan|{\"plan\":[]}",
        "Answer |Plan updated",
        "Call apply_patch|*** Begin",
        "Answer |ok",
    ];
    assert_eq!(told(&lines), want);
}

#[test]
fn lines_without_an_envelope_are_read_too() {
    let lines = [
        json!({"id": "0", "timestamp": "2025-08-21T00:00:00Z", "instructions": null}),
        json!({"record_type": "state"}),
        message("user", "hello"),
        json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "content": null}),
    ];
    assert_eq!(told(&lines), ["Person |hello", "Thought |hm"]);
}

#[test]
fn counters_are_passed_over_and_counted_and_a_model_is_named_when_it_changes() {
    let context = |model: &str| json!({"timestamp": "", "type": "turn_context", "payload": {"model": model}});
    let mut transcript = Transcript::default();
    let lines = [context("a"), context("a"), event(json!({"type": "token_count", "info": null})), context("b")];
    let told: Vec<_> = lines.iter().filter_map(|line| transcript.tell(&of_json(line))).collect();
    assert_eq!(told.iter().map(|entry| entry.title.as_str()).collect::<Vec<_>>(), ["model a", "model b"]);
    assert_eq!(transcript.passed_over(), 2);
}

#[test]
fn odd_lines_are_told_and_wrong_types_are_not_there() {
    let mut transcript = Transcript::default();
    let half = transcript.tell(&of_line(*b"{\"half"));
    assert_eq!(half, Some(Entry::new(Speaker::Event, "odd line (half a line)", "{\"half")));
    let number = transcript.tell(&of_line(*b"7\n"));
    assert_eq!(number, Some(Entry::new(Speaker::Event, "odd line (not an object)", "7")));
    assert_eq!(transcript.tell(&of_line(*b"\r\n")), None);
    for odd in ["{\"type\":7,\"payload\":{}}", "{\"type\":\"response_item\",\"payload\":[1]}"] {
        assert_eq!(transcript.tell(&of_line(format!("{odd}\n"))), None, "{odd}");
    }
}

fn seen(entry: &Entry, shortening: Shortening) -> String {
    anstream::adapter::strip_str(&print(entry, None, shortening)).to_string()
}

#[test]
fn long_answers_are_shortened_and_say_so() {
    let body = (1..=15).map(|n| format!("line {n}\n")).collect::<String>();
    let entry = Entry::new(Speaker::Answer, "", body);
    let short = seen(&entry, Shortening::Tools);
    assert!(short.contains("line 12\n") && !short.contains("line 13"), "{short}");
    assert!(short.ends_with("… 3 more lines (--full shows them)\n"), "{short}");
    assert!(seen(&entry, Shortening::Nothing).ends_with("line 15\n"));
    let wide = Entry::new(Speaker::Call, "shell", "ä".repeat(1000));
    assert!(seen(&wide, Shortening::Tools).contains(&format!("{}…\n", "ä".repeat(240))));
}

#[test]
fn what_people_said_is_never_shortened_and_cannot_steer_the_terminal() {
    let entry = Entry::new(Speaker::Person, "", format!("{}\x1b[2J", "x\n".repeat(50)));
    let text = seen(&entry, Shortening::Tools);
    assert_eq!(text.lines().count(), 1 + 1 + 51);
    assert!(text.starts_with("\nyou\nx\n") && text.contains("␛[2J"), "{text}");
}

#[test]
fn paragraphs_are_apart_and_events_in_a_row_are_not() {
    let starts = |speaker, before| print(&Entry::new(speaker, "", "x"), before, Shortening::Nothing).starts_with('\n');
    assert!(starts(Speaker::Person, Some(Speaker::Agent)));
    assert!(starts(Speaker::Event, Some(Speaker::Person)));
    assert!(!starts(Speaker::Event, Some(Speaker::Event)));
    assert!(!starts(Speaker::Answer, Some(Speaker::Call)));
}
