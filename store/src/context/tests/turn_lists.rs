use super::*;

fn list(words: &str) -> Vec<Turn> {
    turns((0..).zip(&thread(words)))
}

#[test]
fn turns_have_their_ids_messages_and_ends() {
    let found = list("developer:rules start:1 settings:1 user:one answer:1 end:1 tokens:5 start:2 user:two abort");
    let [one, two] = &found[..] else { panic!("{found:?}") };
    assert_eq!((one.id.as_deref(), one.ordinals.clone(), one.end_ordinal), (Some("1"), 1..7, 6));
    assert_eq!((one.user_messages.as_slice(), one.end, one.user), (&[3][..], TurnEnd::Completed, true));
    assert_eq!((two.ordinals.clone(), two.end), (7..10, TurnEnd::Aborted));
}

#[test]
fn where_no_record_marks_turns_each_message_begins_one() {
    let found = list("place user:one answer:1 user:two answer:2");
    assert_eq!(found.iter().map(|turn| turn.ordinals.clone()).collect::<Vec<_>>(), [1..3, 3..5]);
    assert!(found.iter().all(|turn| turn.end == TurnEnd::Open));
}

#[test]
fn ends_of_other_turns_end_nothing() {
    assert_eq!(list("start:1 user:one end:9")[0].end, TurnEnd::Open);
    assert_eq!(list("end:9"), []);
}

#[test]
fn a_turn_that_nothing_ended_is_over_when_a_rollback_comes() {
    let words = "start:1 user:one end:1 start:2 user:half start:3 user:three end:3 back:1 user:four answer:4";
    assert_eq!(list(words).len(), 3, "the last message begins a turn of its own");
    assert_eq!(seen(words), "one half four 4");
    assert_eq!(seen(&format!("{words} back:1")), "one half");
}

#[test]
fn the_screen_counts_every_turn_and_the_model_only_users() {
    let words = "start:1 user:one end:1 start:2 user:two end:2 start:c compacted:short end:c back:2";
    let items = thread(words);
    let ids = |turns: Vec<Turn>| turns.into_iter().filter_map(|turn| turn.id).collect::<Vec<_>>();
    assert_eq!(ids(display_turns((0..).zip(&items))), ["1"]);
    assert_eq!(ids(turns((0..).zip(&items))), [""; 0]);
    assert_eq!(seen(words), "");
}

#[test]
fn positions_are_those_of_users_messages_that_nobody_took_back() {
    let positions = |words: &str| user_positions((0..).zip(&thread(words)));
    assert_eq!(positions("place user:one answer:1 instruction user:two user:three"), [1, 4, 5]);
    assert_eq!(positions("place user:one answer:1 user:two back:1 user:three"), [1, 5]);
    assert_eq!(positions("user:one back:9"), [0; 0]);
}

#[test]
fn a_thread_ends_in_the_middle_of_a_turn_that_nothing_ended() {
    let ordinal = |words: &str| {
        let items = thread(words);
        Ending::of(backwards(&items)).map(|turn| (turn.ordinal, turn.marked))
    };
    assert_eq!(ordinal(""), None);
    assert_eq!(ordinal("start:1 place user:one answer:1"), Some((0, true)));
    assert_eq!(ordinal("start:1 user:one end:1"), None);
    assert_eq!(ordinal("start:1 user:one interrupted abort:1"), None);
    assert_eq!(ordinal("user:one answer:1"), Some((0, false)), "no record says that it ended");
    assert_eq!(ordinal("event:one answer:1"), None, "events alone begin no turn");
    assert_eq!(ordinal("event:one user:one answer:1"), Some((1, false)));
    assert_eq!(ordinal("user:one answer:1 end"), None);
    assert_eq!(ordinal("start:1 user:one end:1 user:two answer:2"), Some((3, false)));
    assert_eq!(ordinal("start:1 user:one answer:1 back:1"), None);
    assert_eq!(ordinal("user:one back:1 user:two"), Some((2, false)));
}
