use super::*;

fn name(second: u64, name: &str) -> String {
    event(second, &format!(r#"{{"type":"thread_name_updated","thread_name":"{name}"}}"#))
}

#[test]
fn what_a_user_set_wins_until_it_is_cleared() {
    let turn =
        |model| line(2, "turn_context", &format!(r#"{{"model":"{model}","effort":"high","approval_policy":"never"}}"#));
    let lines = [meta(1, r#","cwd":"/items","model_provider":"openai","memory_mode":"polluted""#), turn("m1")];
    let set = r#"{"cwd":"/user","model":"m9","model_provider":"p9","reasoning_effort":"low","approval_policy":"always",
        "sandbox":"none","memory_mode":"disabled"}"#;
    let mut state = patched(fold(&lines), clock(5), set);
    apply(&mut state, 9, &turn("m2"));
    let facts = |state: &ThreadMetadata| {
        let texts = [
            state.cwd(),
            state.model(),
            state.model_provider(),
            state.reasoning_effort(),
            state.approval_policy(),
            state.sandbox(),
        ];
        (texts.map(|text| text.unwrap_or("-").to_owned()).join(" "), state.memory_mode())
    };
    assert_eq!(
        facts(&state),
        ("/user m9 p9 low always none".to_owned(), MemoryMode::Disabled),
        "also over later items"
    );
    let clear = r#"{"cwd":null,"model":null,"model_provider":null,"reasoning_effort":null,"approval_policy":null,"sandbox":null,"memory_mode":null}"#;
    let state = patched(state, clock(20), clear);
    assert_eq!(facts(&state), ("/items m2 openai high never -".to_owned(), MemoryMode::Polluted));
}

#[test]
fn a_cleared_name_is_gone_until_an_item_gives_a_new_one() {
    let state = fold(&[user(1, "words"), name(2, "from items")]);
    let set = patched(state.clone(), clock(5), r#"{"name":"mine"}"#);
    assert_eq!((set.name(), set.title(), set.first_user_message()), (Some("mine"), Some("mine"), Some("words")));
    let mut cleared = patched(set, clock(6), r#"{"name":null}"#);
    assert_eq!((cleared.name(), cleared.title()), (None, Some("words")));
    // A checkpoint does not bring it back.
    assert_eq!(ThreadMetadata::from_canonical_bytes(&cleared.to_canonical_bytes()).unwrap().name(), None);
    apply(&mut cleared, 7, &name(7, "new name"));
    assert_eq!(cleared.name(), Some("new name"));
}

#[test]
fn git_is_set_and_cleared_field_by_field() {
    let state = fold(&[meta(1, r#","git":{"branch":"main","commit_hash":"c1","repository_url":"u1"}"#)]);
    let state = patched(state, clock(5), r#"{"git":{"branch":"mine"}}"#);
    let git = |state: &ThreadMetadata| {
        let git = state.git().unwrap_or_default();
        [git.commit_hash, git.branch, git.repository_url].map(|text| text.unwrap_or_else(|| "-".to_owned())).join(" ")
    };
    assert_eq!(git(&state), "c1 mine u1");
    let state = patched(state, clock(6), r#"{"git":{"branch":null,"origin_url":null}}"#);
    assert_eq!(git(&state), "c1 - -", "cleared, not back to what items said before");
    let state = patched(state, clock(7), r#"{"git":{"sha":null}}"#);
    assert_eq!(state.git(), None);
    let mut state = patched(state, clock(8), r#"{"git":{"sha":"c9"}}"#);
    apply(&mut state, 20, &meta(20, r#","git":{"branch":"later","commit_hash":"c2"}"#));
    assert_eq!(git(&state), "c9 later -");
}

#[test]
fn the_later_word_counts_and_the_journal_decides_between_equal_clocks() {
    let patch = |text: &str| MetadataPatch::rename(text);
    let mut events = [(stamp(10, 1), patch("a")), (stamp(10, 2), patch("b")), (stamp(9, 7), patch("c"))];
    for _ in 0..events.len() {
        events.rotate_left(1);
        let mut state = ThreadMetadata::new(thread());
        events.iter().for_each(|(stamp, patch)| state.apply(MetadataEvent::Patched { stamp: *stamp, patch }));
        assert_eq!(state.name(), Some("b"));
    }
}

#[test]
fn each_tag_is_joined_by_itself() {
    let state = ThreadMetadata::new(thread());
    let state = patched(state, 10, r#"{"tags":{"work":true,"old":true},"pinned":true}"#);
    let state = patched(state, 12, r#"{"tags":{"old":false}}"#);
    let state = patched(state, 11, r#"{"tags":{"old":true,"b":true},"pinned":false}"#);
    assert_eq!(state.tags().collect::<Vec<_>>(), ["b", "work"]);
    assert!(!state.pinned());
    assert!(patched(state, 13, r#"{"pinned":true}"#).pinned());
}

#[test]
fn archiving_is_a_join_that_changes_nothing_else() {
    let mut state = fold(&[user(30, "a")]);
    let updated = state.updated_ms();
    let at = |second: u64, counter: u64| stamp(((START_MS + second * 1000) << 16) + counter, 0);
    state.apply(MetadataEvent::Unarchived { stamp: at(50, 0) });
    state.apply(MetadataEvent::Archived { stamp: at(40, 3) });
    assert!(!state.archived(), "the earlier word came late");
    state.apply(MetadataEvent::Archived { stamp: at(60, 1) });
    assert_eq!((state.archived_ms(), state.updated_ms()), (Some(START_MS + 60_000), updated));
}

#[test]
fn a_file_among_archived_ones_is_archived_until_a_user_says_otherwise() {
    let mut state = fold(&[user(1, "a")]);
    let import = |state: &mut ThreadMetadata, clock, path| {
        let source = source(path, i64::try_from(START_MS).unwrap());
        state.apply(MetadataEvent::Imported { stamp: stamp(clock, 0), source: &source });
        state.archived_ms()
    };
    assert_eq!(import(&mut state, 10, "sessions/2026/a.jsonl"), None);
    assert_eq!(import(&mut state, 20, "archived_sessions/a.jsonl"), Some(START_MS));
    assert_eq!(import(&mut state, 15, "sessions/2026/a.jsonl"), Some(START_MS), "an earlier import");
    state.apply(MetadataEvent::Unarchived { stamp: stamp(18, 0) });
    assert!(!state.archived(), "a user's word, whatever files do");
    assert_eq!(import(&mut state, 30, "archived_sessions/b.jsonl"), None);
}

#[test]
fn what_is_added_to_a_thread_takes_it_out_of_the_trash_unless_it_was_seen() {
    let put = |state: &ThreadMetadata, seen: &ThreadMetadata, second| {
        let (mut state, patch) = (state.clone(), MetadataPatch::trash(true).of(seen));
        state.apply(MetadataEvent::Patched { stamp: stamp(clock(second), 0), patch: &patch });
        state
    };
    let (one, two) = (fold(&[user(1, "a")]), fold(&[user(1, "a"), user(2, "b")]));
    assert!(!two.trashed() && put(&one, &one, 5).trashed());
    // Whatever the clocks say: what counts is what was there.
    assert!(put(&two, &two, 0).trashed() && !put(&two, &one, 50).trashed());
    let mut more = put(&one, &one, 50);
    apply(&mut more, 1, &user(2, "b"));
    assert!(!more.trashed());
    assert!(put(&more, &more, 60).trashed(), "it can be put there again");
    assert!(!patched(put(&one, &one, 5), clock(6), r#"{"trashed":false}"#).trashed());
    // As stores wrote it that did not say what they saw.
    let mut old = patched(one, clock(5), r#"{"trashed":true}"#);
    apply(&mut old, 1, &user(2, "b"));
    assert!(old.trashed());
}
