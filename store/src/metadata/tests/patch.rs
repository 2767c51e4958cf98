use super::*;

fn json(text: &str) -> MetadataPatch {
    serde_json::from_str(text).unwrap()
}

fn stored(patch: &MetadataPatch) -> MetadataPatch {
    postcard::from_bytes(&postcard::to_allocvec(patch).unwrap()).unwrap()
}

const ALL: &str = r#"{"name":"n","memory_mode":"disabled","git":{"sha":"s","branch":null,"origin_url":"u"},"cwd":"/c","model":"m","model_provider":"p","reasoning_effort":"low","approval_policy":"never","sandbox":"read-only","tags":{"a":true,"b":false},"pinned":true}"#;
const CLEARED: &str = r#"{"name":null,"memory_mode":null,"git":{"sha":null,"branch":null,"origin_url":null},"cwd":null,"model":null,"model_provider":null,"reasoning_effort":null,"approval_policy":null,"sandbox":null,"pinned":false}"#;

#[test]
fn absent_null_and_value_are_three_things_in_both_forms() {
    for text in [ALL, CLEARED, "{}", r#"{"git":{"branch":"b"}}"#, r#"{"name":null}"#] {
        let patch = json(text);
        assert_eq!(serde_json::to_string(&patch).unwrap(), text);
        assert_eq!(stored(&patch), patch);
    }
    assert_eq!(json("{}").name, None);
    assert_eq!(json(r#"{"name":null}"#).name, Some(None));
    assert_eq!(json(r#"{"name":"x"}"#).name, Some(Some("x".to_owned())));
    assert_eq!(json(r#"{"git":null}"#), json(r#"{"git":{"sha":null,"branch":null,"origin_url":null}}"#));
    assert_eq!(json(r#"{"pinned":null}"#), json(r#"{"pinned":false}"#));
    assert!(json("{}").is_empty() && !json(r#"{"name":null}"#).is_empty());
}

#[test]
fn unknown_json_is_refused() {
    for text in [
        r#"{"nmae":"x"}"#,
        r#"{"git":{"tag":"x"}}"#,
        r#"{"memory_mode":"on"}"#,
        r#"{"tags":{"a":1}}"#,
        r#"{"tags":null}"#,
    ] {
        assert!(serde_json::from_str::<MetadataPatch>(text).is_err(), "{text}");
    }
}

#[test]
fn later_fields_win_and_git_is_merged_field_by_field() {
    let merge = |first: &str, later: &str| {
        let mut patch = json(first);
        patch.merge(json(later));
        patch
    };
    assert_eq!(merge(r#"{"name":"a","model":"m"}"#, r#"{"name":"b"}"#), json(r#"{"name":"b","model":"m"}"#));
    assert_eq!(merge(r#"{"name":"a"}"#, r#"{"name":null}"#), json(r#"{"name":null}"#), "clearing is a later word too");
    assert_eq!(merge(r#"{"name":"a"}"#, "{}"), json(r#"{"name":"a"}"#));
    let git = merge(r#"{"git":{"sha":"1","branch":"a"}}"#, r#"{"git":{"branch":null,"origin_url":"u"}}"#);
    assert_eq!(git, json(r#"{"git":{"sha":"1","branch":null,"origin_url":"u"}}"#));
    let tags = merge(r#"{"tags":{"a":true,"b":true}}"#, r#"{"tags":{"b":false,"c":true}}"#);
    assert_eq!(tags, json(r#"{"tags":{"a":true,"b":false,"c":true}}"#));
}

#[test]
fn texts_are_trimmed_and_blank_ones_refused() {
    let checked = json(r#"{"name":"  a b \n","tags":{" x ":true},"cwd":" /c "}"#).checked().unwrap();
    assert_eq!(checked, json(r#"{"name":"a b","tags":{"x":true},"cwd":"/c"}"#));
    assert_eq!(json(CLEARED).checked(), Ok(json(CLEARED)), "clearing is not blank");
    for (text, field) in [
        (r#"{"name":" "}"#, "name"),
        (r#"{"git":{"branch":""}}"#, "git branch"),
        (r#"{"sandbox":"\t"}"#, "sandbox"),
        (r#"{"tags":{" ":true}}"#, "tag"),
    ] {
        assert_eq!(json(text).checked(), Err(PatchError::Blank { field }));
    }
    let error = json(r#"{"name":" "}"#).checked().unwrap_err();
    assert_eq!(error.to_string(), "the name is blank: give it some text, or null to clear it");
}

#[test]
fn there_are_limits() {
    let name = |bytes| MetadataPatch::rename("x".repeat(bytes)).checked();
    assert!(name(4096).is_ok());
    assert_eq!(name(4097), Err(PatchError::TooLong { field: "name", bytes: 4097, max: 4096 }));
    let tags = |count: usize, bytes: usize| {
        let tags = (0..count).map(|number| (format!("{number:0bytes$}"), true)).collect();
        MetadataPatch { tags, ..MetadataPatch::default() }.checked().map(|_| ())
    };
    assert_eq!(tags(256, 256), Ok(()));
    assert_eq!(tags(257, 3), Err(PatchError::TooManyTags { count: 257, max: 256 }));
    assert_eq!(tags(1, 257), Err(PatchError::TooLong { field: "tag", bytes: 257, max: 256 }));
}

#[test]
fn memory_modes_have_names() {
    for (text, mode) in
        [("enabled", MemoryMode::Enabled), ("disabled", MemoryMode::Disabled), ("polluted", MemoryMode::Polluted)]
    {
        assert_eq!((text.parse(), mode.to_string().as_str()), (Ok(mode), text));
        assert_eq!(serde_json::to_string(&mode).unwrap(), format!("\"{text}\""));
    }
    assert_eq!("Enabled".parse::<MemoryMode>(), Err(PatchError::MemoryMode("Enabled".to_owned())));
}

/// What a later version may write: a field and a tag form that this one does not know, a new memory mode.
fn of_a_later_version() -> Vec<u8> {
    let entry = |field: u32, key: &str, value: Option<&str>| {
        ((field, key.as_bytes().to_vec()), value.map(|value| value.as_bytes().to_vec()))
    };
    let entries = std::collections::BTreeMap::from([
        entry(1, "", Some("n")),
        entry(2, "", Some("sometimes")),
        entry(12, "a", Some("red")),
        entry(13, "x", None),
        entry(77, "", Some("new")),
        entry(77, "k", None),
    ]);
    postcard::to_allocvec(&entries).unwrap()
}

#[test]
fn what_only_a_later_version_knows_is_kept() {
    let bytes = of_a_later_version();
    let mut patch: MetadataPatch = postcard::from_bytes(&bytes).unwrap();
    assert_eq!((patch.name.clone(), patch.memory_mode), (Some(Some("n".to_owned())), None));
    assert_eq!(postcard::to_allocvec(&patch).unwrap(), bytes);
    assert_eq!(postcard::to_allocvec(&patch.clone().checked().unwrap()).unwrap(), bytes);
    assert!(serde_json::to_string(&patch).is_err(), "there is no name for it, and leaving it out would lose it");
    // Its word counts in the join, also against a later one of ours.
    let mut state = ThreadMetadata::new(thread());
    state.apply(MetadataEvent::Patched { stamp: stamp(5, 0), patch: &patch });
    assert_eq!((state.name(), state.memory_mode()), (Some("n"), MemoryMode::Enabled));
    assert_eq!(ThreadMetadata::from_canonical_bytes(&state.to_canonical_bytes()), Ok(state.clone()));
    let newer = patched(state.clone(), 6, r#"{"memory_mode":"polluted"}"#);
    assert_eq!(newer.memory_mode(), MemoryMode::Polluted);
    let older = patched(state.clone(), 4, r#"{"memory_mode":"polluted"}"#);
    assert_eq!(older, state);
    patch.merge(json(r#"{"memory_mode":"polluted"}"#));
    assert_eq!(patch.memory_mode, Some(Some(MemoryMode::Polluted)));
    assert_ne!(stored(&patch), json(r#"{"name":"n","memory_mode":"polluted"}"#), "the rest is still there");
}
