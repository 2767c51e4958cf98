use super::*;

#[test]
fn the_last_turns_settings_are_reference_and_previous() {
    let words = "start:1 settings:1 user:one end:1 start:2 settings:2 user:two end:2";
    assert_eq!((reference(words).as_deref(), previous(words).as_deref()), (Some("m-2"), Some("m-2")));
    let back = format!("{words} back:1");
    assert_eq!((reference(&back).as_deref(), previous(&back).as_deref()), (Some("m-1"), Some("m-1")));
    let all = format!("{words} back:9");
    assert_eq!((reference(&all), previous(&all)), (None, None));
}

#[test]
fn settings_without_a_users_turn_say_nothing() {
    assert_eq!((reference("settings:x"), previous("settings:x")), (None, None));
    let words = "start:1 settings:1 user:one end:1 start:s settings:s answer:shell end:s";
    assert_eq!((reference(words).as_deref(), previous(words).as_deref()), (Some("m-1"), Some("m-1")));
}

#[test]
fn settings_without_an_id_are_their_turns_and_those_of_another_turn_are_not() {
    assert_eq!(reference("start:1 anonymous:x user:one end:1").as_deref(), Some("m-x"));
    assert_eq!(reference("start:1 settings:9 user:one end:1"), None);
}

#[test]
fn a_compaction_makes_the_model_forget_the_settings_before_it() {
    let before = "start:1 settings:1 user:one compacted:short end:1";
    assert_eq!((reference(before), previous(before).as_deref()), (None, Some("m-1")));
    let behind = "start:1 user:one compacted:short settings:1 end:1";
    assert_eq!(reference(behind).as_deref(), Some("m-1"));
    let alone = "start:1 settings:1 user:one end:1 start:c compacted:short end:c";
    assert_eq!((reference(alone), previous(alone).as_deref()), (None, Some("m-1")));
    let taken_back = "start:1 settings:1 user:one end:1 start:2 user:two compacted:short end:2 back:1";
    assert_eq!(reference(taken_back).as_deref(), Some("m-1"), "what a turn made forgotten comes back with it");
}

#[test]
fn the_older_compaction_keeps_the_users_words_and_forgets_all_settings() {
    let words =
        "place start:1 settings:1 user:one answer:1 summed:done end:1 start:2 settings:2 user:two answer:2 end:2";
    assert_eq!(seen(words), "one done two 2");
    assert_eq!((reference(words), previous(words).as_deref()), (None, Some("m-2")));
    assert_eq!(seen("user:one answer:1 summed: user:two"), "one two", "a summary that says nothing adds nothing");
    assert_eq!(seen(&format!("{words} back:2")), "<environment_context>");
}

#[test]
fn a_turn_at_the_end_that_did_not_end_has_its_settings() {
    let open = "start:1 settings:1 user:one end:1 start:2 settings:2 user:two answer:half";
    assert_eq!((reference(open).as_deref(), previous(open).as_deref()), (Some("m-2"), Some("m-2")));
    let compacted = format!("{open} compacted:short");
    assert_eq!((reference(&compacted), previous(&compacted).as_deref()), (None, Some("m-2")));
    let replaced = format!("{compacted} start:3 settings:3 user:three end:3");
    assert_eq!(reference(&replaced).as_deref(), Some("m-3"));
    assert_eq!(reference(&format!("{replaced} back:1")), None, "the compaction before it survives");
}

#[test]
fn an_abort_without_an_id_ends_its_turn_and_one_of_another_turn_does_not() {
    let open = |words: &str| context(words).open_turn.map(|turn| (turn.id, turn.ordinal));
    assert_eq!(open("start:1 user:one abort"), None);
    assert_eq!(open("start:1 user:one abort:1"), None);
    assert_eq!(open("start:1 user:one abort:9"), Some((Some("1".to_owned()), 0)));
    assert_eq!(previous("start:1 settings:1 user:one abort:9 answer:1 end:1").as_deref(), Some("m-1"));
    assert_eq!(seen("start:1 user:one abort:9 answer:1 end:1 back:1"), "");
}

#[test]
fn the_last_count_of_tokens_is_known_and_whether_its_turn_is_gone() {
    let tokens = |words: &str| context(words).tokens.map(|tokens| (tokens.totals().total, tokens.rolled_back));
    assert_eq!(tokens("user:one"), None);
    assert_eq!(tokens("start:1 user:one tokens:5 end:1 start:2 user:two tokens:9 limits end:2"), Some((9, false)));
    assert_eq!(tokens("start:1 user:one tokens:5 end:1 start:2 user:two tokens:9 end:2 back:1"), Some((9, true)));
}
