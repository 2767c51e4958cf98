//! Where Codex loses turns, disagrees with itself or reads everything; here it does not.

use super::*;

const THREE: &str = "start:1 user:one answer:1 end:1 start:2 user:two answer:2 end:2 start:3 user:three";

#[test]
fn taking_back_a_turn_that_compacted_gives_back_all_turns_before_it() {
    let words = format!("{THREE} compacted:short answer:3 end:3 back:1");
    assert_eq!(seen(&words), "one 1 two 2", "the checkpoint went with its turn; Codex shows nothing");
    assert_eq!(seen(&format!("{words} start:4 user:four end:4")), "one 1 two 2 four");
}

#[test]
fn taking_back_turns_on_both_sides_of_a_compaction_that_stands_alone_undoes_it() {
    let words = "start:1 user:one answer:1 end:1 start:2 user:two answer:2 end:2 \
                 start:c compacted:short end:c start:3 user:three answer:3 end:3";
    assert_eq!(seen(words), "short three 3");
    assert_eq!(seen(&format!("{words} back:1")), "short", "the compaction stands before the turn");
    assert_eq!(seen(&format!("{words} back:2")), "one 1", "it stands behind the turn: what it replaced is back");
}

#[test]
fn an_older_checkpoint_counts_when_the_last_was_taken_back() {
    let words = "start:1 user:one end:1 start:c compacted:first end:c start:2 user:two end:2 \
                 start:3 user:three compacted:second end:3 back:1";
    assert_eq!(seen(words), "first two");
}

#[test]
fn messages_kept_by_a_compaction_are_no_turns() {
    let words = "start:1 user:one end:1 start:2 user:two compacted:one+two end:2 start:3 user:three end:3";
    assert_eq!(seen(&format!("{words} back:2")), "one", "the second turn goes, not a message of the replacement");
}

#[test]
fn a_turn_with_two_messages_is_one_turn_for_the_model_the_screen_and_forks() {
    let words = "start:1 user:one answer:1 end:1 start:2 user:two answer:2 user:also answer:3 end:2 back:1";
    assert_eq!(seen(words), "one 1");
    let items = thread(words);
    assert_eq!(turns((0..).zip(&items)).len(), 1);
    assert_eq!(display_turns((0..).zip(&items)).len(), 1);
    assert_eq!(user_positions((0..).zip(&items)), [1]);
}

#[test]
fn a_rollback_does_not_make_the_whole_thread_be_read() {
    let long = "start:0 settings:0 user:old answer:old end:0 ".repeat(100);
    let words = format!(
        "{long} start:c settings:c user:x compacted:short tokens:5 end:c \
         start:1 settings:1 user:one end:1 start:2 settings:2 user:two end:2 back:1"
    );
    let context = context(&words);
    assert_eq!(seen_of(&context), ["short", "one"]);
    assert_eq!(context.items_read, 15, "up to the start of the turn that compacted");
}

#[test]
fn settings_told_again_behind_a_compaction_by_the_program_count() {
    let words = "start:1 settings:1 user:one end:1 start:c compacted:short settings:c end:c";
    assert_eq!(reference(words), Some("m-c".to_owned()), "Codex goes back to those the model has forgotten");
    assert_eq!(previous(words), Some("m-1".to_owned()));
}

#[test]
fn the_note_that_a_turn_was_interrupted_stays_when_the_next_is_taken_back() {
    let words = "start:1 user:one interrupted abort:1 start:2 user:two end:2 back:1";
    assert_eq!(seen(words), "one <turn_aborted>");
    let unmarked = "user:one answer:1 interrupted user:two answer:2 back:1";
    assert_eq!(seen(unmarked), "one 1 <turn_aborted>");
}
