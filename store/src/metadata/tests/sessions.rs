use super::*;

fn foreign(second: u64, more: &str) -> String {
    line(second, "session_meta", &format!("{{\"id\":\"{SOURCE}\"{more}}}"))
}

#[test]
fn the_first_own_session_meta_is_canonical() {
    let all = r#","timestamp":"2026-02-04T20:28:00.000Z","session_id":"S","forked_from_id":"F","parent_thread_id":"P","cwd":"/x",
        "originator":"o","cli_version":"1.2","source":"vscode","thread_source":"user","model_provider":"openai",
        "history_mode":"paginated","agent_nickname":"N","agent_type":"R","agent_path":"root/a""#
        .replace('\n', " ");
    let state = fold(&[meta(1, &all), meta(2, r#","cwd":"/y","source":"cli","forked_from_id":"G""#)]);
    assert_eq!((state.thread(), state.created_ms()), (thread(), START_MS - 60_000));
    assert_eq!((state.session(), state.forked_from(), state.parent_thread()), (Some("S"), Some("F"), Some("P")));
    assert_eq!((state.cwd(), state.originator(), state.cli_version()), (Some("/x"), Some("o"), Some("1.2")));
    assert_eq!(
        (state.source(), state.thread_source(), state.model_provider()),
        (Some("vscode"), Some("user"), Some("openai"))
    );
    assert_eq!(state.history_mode(), "paginated");
    assert_eq!(
        (state.agent_nickname(), state.agent_role(), state.agent_path()),
        (Some("N"), Some("R"), Some("root/a"))
    );
    assert_eq!(fold(&[meta(1, "")]).history_mode(), "legacy");
}

#[test]
fn sources_of_sub_agents_have_their_own_names() {
    let of = |source: &str| fold(&[meta(1, &format!(",\"source\":{source}"))]);
    for (json, name) in [
        (r#""exec""#, "exec"),
        (r#"{"custom":"atlas"}"#, "custom:atlas"),
        (r#"{"subagent":"review"}"#, "subagent:review"),
        (r#"{"subagent":"compact"}"#, "subagent:compact"),
        (r#"{"subagent":"memory_consolidation"}"#, "subagent:memory_consolidation"),
        (r#"{"subagent":{"other":"x"}}"#, "subagent:other"),
        (r#"{"never":"heard"}"#, "never:heard"),
    ] {
        assert_eq!(of(json).source(), Some(name));
    }
    assert_eq!(of("null").source(), None);
    let spawned = of(
        r#"{"subagent":{"thread_spawn":{"parent_thread_id":"P","depth":2,"agent_path":"a/b","agent_nickname":"N","agent_role":"R"}}}"#,
    );
    assert_eq!((spawned.source(), spawned.parent_thread()), (Some("subagent:thread_spawn"), Some("P")));
    assert_eq!(
        (spawned.agent_nickname(), spawned.agent_role(), spawned.agent_path()),
        (Some("N"), Some("R"), Some("a/b"))
    );
}

#[test]
fn later_own_ones_change_memory_mode_and_git_only() {
    let lines = [
        meta(1, r#","memory_mode":"disabled","git":{"branch":"a","commit_hash":"c1"}"#),
        meta(2, r#","git":{"branch":"b"}"#),
        meta(3, r#","memory_mode":"polluted""#),
        meta(4, r#","memory_mode":"new_mode","git":"main""#),
    ];
    assert_eq!(fold(&lines[..1]).memory_mode(), MemoryMode::Disabled);
    let state = fold(&lines);
    assert_eq!(state.memory_mode(), MemoryMode::Polluted, "what is not understood says nothing");
    let git = state.git().unwrap();
    assert_eq!((git.branch.as_deref(), git.commit_hash), (Some("b"), None), "a repository is stated as a whole");
    assert_eq!(fold(&[meta(1, "")]).memory_mode(), MemoryMode::Enabled);
}

#[test]
fn copied_history_says_nothing_of_a_fork() {
    let lines = [
        meta(1, &format!(r#","forked_from_id":"{SOURCE}","cwd":"/fork""#)),
        foreign(2, r#","cwd":"/source","memory_mode":"disabled","git":{"branch":"x"},"agent_nickname":"N""#),
    ];
    let state = fold(&lines);
    assert_eq!((state.cwd(), state.memory_mode(), state.git()), (Some("/fork"), MemoryMode::Enabled, None));
    assert_eq!((state.forked_from(), state.agent_nickname()), (Some(SOURCE), None));
}

#[test]
fn without_an_own_one_the_first_counts() {
    let lines = [
        foreign(1, r#","cwd":"/first","memory_mode":"disabled","git":{"branch":"x"}"#),
        foreign(2, r#","cwd":"/second","memory_mode":"polluted","git":{"branch":"y"}"#),
        line(3, "session_meta", r#"{"id":"no uuid","cwd":"/third"}"#),
    ];
    let state = fold(&lines);
    assert_eq!((state.cwd(), state.memory_mode()), (Some("/first"), MemoryMode::Disabled));
    assert_eq!(state.git().unwrap().branch.as_deref(), Some("x"));
    let all = [&lines[..], &[meta(4, r#","cwd":"/own""#)]].concat();
    let state = fold(&all);
    assert_eq!((state.cwd(), state.memory_mode(), state.git()), (Some("/own"), MemoryMode::Enabled, None));
}
